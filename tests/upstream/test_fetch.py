"""An address in an answer is fetched as if an enemy had written it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace

import anyio
import httpx2
import pytest

from agent.traffic import Picture, PictureFailed, PictureUrl
from agent.upstream.fetch import NotFetched, PictureFetcher, Resolve, is_public, looks_like
from agent.upstream.responses import ResponsesUpstream
from tests.conftest import png

from .serving import COMPLETED, OUTGOING, PROFILE, Server, event

RED = png(8, 8, colour="red")
URL = "https://cdn.example/pictures/a.png?signature=secret"
PUBLIC = "93.184.215.14"


class Body(httpx2.AsyncByteStream):
    def __init__(self, pieces: Sequence[bytes], fails: Exception | None = None) -> None:
        self.pieces = pieces
        self.fails = fails
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            self.given += 1
            yield piece
        if self.fails is not None:
            raise self.fails


class Web(httpx2.AsyncBaseTransport):
    """Answers everything alike and writes down what it was asked."""

    def __init__(
        self,
        *pieces: bytes,
        status: int = 200,
        headers: dict[str, str] | None = None,
        fails: Exception | None = None,
    ) -> None:
        self.status = status
        self.headers = headers or {}
        self.body = Body(pieces, fails)
        self.asked: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        return httpx2.Response(self.status, headers=self.headers, stream=self.body)


def at(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:  # noqa: ARG001 - a resolver's shape
        return addresses

    return resolve


def fetcher(web: Web, *addresses: str, **how: object) -> PictureFetcher:
    found = at(*(addresses or (PUBLIC,)))
    return PictureFetcher(transport=web, resolve=found, **how)  # type: ignore[arg-type]


async def why_not(web: Web, url: str = URL, *addresses: str, **how: object) -> str:
    with pytest.raises(NotFetched) as caught:
        await fetcher(web, *addresses, **how).fetch(url)
    return str(caught.value)


# ── what is fetched ──────────────────────────────────────────────────────────────────────────


async def test_a_picture_is_fetched_whole_and_told_as_one() -> None:
    web = Web(RED[:10], RED[10:])
    given = PictureUrl(item_id="ig_1", url=URL, revised_prompt="a kite")

    assert await fetcher(web).picture(given) == Picture(
        item_id="ig_1", data=RED, revised_prompt="a kite", address=URL
    )


async def test_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    web = Web(RED)

    await fetcher(web, PUBLIC, "8.8.8.8").fetch(URL.replace("example", "example:8443"))

    [request] = web.asked
    assert (request.url.host, request.url.port) == (PUBLIC, 8443)
    assert request.url.raw_path == b"/pictures/a.png?signature=secret"
    assert request.headers["host"] == "cdn.example:8443"
    assert request.extensions["sni_hostname"] == "cdn.example"


async def test_nothing_of_ours_goes_along() -> None:
    web = Web(RED)

    await fetcher(web).fetch(URL)

    [request] = web.asked
    assert request.method == "GET"
    assert not {"authorization", "cookie", "referer"} & set(request.headers)
    assert request.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (RED, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"<html>", None),
        (b"", None),
    ],
)
async def test_a_picture_is_known_by_its_first_bytes(data: bytes, kind: str | None) -> None:
    web = Web(data, headers={"content-type": "image/png"})

    assert looks_like(data) == kind
    if kind is None:
        assert "no PNG, JPEG, WebP or GIF" in await why_not(web)
    else:
        assert await fetcher(web).fetch(URL) == data


# ── what is not ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://cdn.example/a.png", "not https"),
        ("file:///etc/passwd", "not https"),
        ("ftp://cdn.example/a.png", "not https"),
        ("data:image/png;base64,AAAA", "not https"),
        ("a.png", "not https"),
        ("", "not https"),
        ("https://", "no address"),
        ("https:///a.png", "no address"),
        ("https://[::1", "no address"),
        ("https://cdn.example:port/a.png", "no address"),
        ("https://user:word@cdn.example/a.png", "a user name"),
    ],
)
async def test_an_address_that_is_none_of_the_web_is_not_asked(url: str, reason: str) -> None:
    web = Web(RED)

    told = await why_not(web, url)

    assert reason in told
    assert "word" not in told
    assert web.asked == []


PRIVATE = [
    "127.0.0.1",
    "10.0.0.7",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1%eth0",
    "fd00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "2002:a00:1::",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "2001:0:a00:1::",
    "not an address",
]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_private_address_is_not_asked(address: str) -> None:
    web = Web(RED)

    assert not is_public(address)
    assert "cdn.example lies in a private network" in await why_not(web, URL, address)
    assert web.asked == []


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:2800:21f::1", "::ffff:8.8.8.8", "2002:808:808::", "64:ff9b::808:808"]
)
def test_the_open_internet_is_public(address: str) -> None:
    assert is_public(address)


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    assert "private network" in await why_not(Web(RED), URL, PUBLIC, "10.0.0.7")


async def test_numbers_in_the_address_are_checked_as_names_are() -> None:
    """By the real resolver, which asks nobody for these."""
    web = Web(RED)
    for host in ("127.0.0.1", "[::1]", "169.254.169.254"):
        with pytest.raises(NotFetched, match="private network"):
            await PictureFetcher(transport=web).fetch(f"https://{host}/a.png")
    assert web.asked == []


async def test_a_private_address_is_asked_where_that_was_allowed() -> None:
    web = Web(RED)

    assert await fetcher(web, "10.0.0.7", allow_private=True).fetch(URL) == RED
    assert web.asked[0].url.host == "10.0.0.7"


async def test_a_name_without_an_address_is_told() -> None:
    async def nothing(host: str, port: int) -> Sequence[str]:  # noqa: ARG001 - a resolver's shape
        return []

    with pytest.raises(NotFetched, match=r"cdn\.example has no address"):
        await PictureFetcher(transport=Web(RED), resolve=nothing).fetch(URL)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["https://cdn.example/b.png", "https://169.254.169.254/"])
async def test_a_redirect_is_not_followed(status: int, to: str) -> None:
    web = Web(RED, status=status, headers={"location": to})

    assert "redirects elsewhere" in await why_not(web)
    assert len(web.asked) == 1


@pytest.mark.parametrize("status", [204, 206, 403, 404, 500])
async def test_any_status_but_200_is_told(status: int) -> None:
    assert f"cdn.example answered {status}" in await why_not(Web(RED, status=status))


async def test_reading_stops_at_the_cap() -> None:
    web = Web(*[RED] * 100)

    assert "sends more than" in await why_not(web, URL, PUBLIC, most=3 * len(RED))
    assert web.body.given == 4


async def test_a_picture_of_just_the_cap_is_taken() -> None:
    assert await fetcher(Web(RED), most=len(RED)).fetch(URL) == RED


@pytest.mark.parametrize(
    "error",
    [
        httpx2.ConnectError("All connection attempts failed"),
        httpx2.ReadError("gone"),
        OSError("no route"),
        anyio.EndOfStream(),
    ],
)
async def test_a_broken_connection_is_told(error: Exception) -> None:
    told = await why_not(Web(RED, fails=error))

    assert told.startswith("it cannot be fetched from cdn.example: ")
    assert "secret" not in told


def failing(error: Exception) -> Resolve:
    async def resolve(host: str, port: int) -> Sequence[str]:  # noqa: ARG001 - a resolver's shape
        raise error

    return resolve


async def sleeping(host: str, port: int) -> Sequence[str]:  # noqa: ARG001 - a resolver's shape
    await anyio.sleep_forever()
    return []


@pytest.mark.parametrize(
    ("resolve", "reason"),
    [
        (failing(OSError("Name or service not known")), "Name or service not known"),
        (failing(UnicodeError("label too long")), "label too long"),
    ],
)
async def test_a_name_that_cannot_be_looked_up_is_told(resolve: Resolve, reason: str) -> None:
    with pytest.raises(NotFetched, match=reason):
        await PictureFetcher(transport=Web(RED), resolve=resolve).fetch(URL)


async def test_waiting_has_an_end() -> None:
    with pytest.raises(NotFetched, match="took more than"):
        await PictureFetcher(transport=Web(RED), resolve=sleeping, patience_s=0.01).fetch(URL)


async def test_what_cannot_be_fetched_is_a_failed_picture_that_shows_no_signature() -> None:
    given = PictureUrl(item_id="ig_1", url=URL)

    failed = await fetcher(Web(RED, status=403)).picture(given)

    assert isinstance(failed, PictureFailed)
    assert (failed.item_id, failed.failure.billed) == ("ig_1", "possibly")
    assert "cdn.example answered 403" in failed.failure.message
    assert "secret" not in failed.failure.model_dump_json()


@pytest.mark.parametrize("allowed", [True, False])
async def test_an_address_in_a_responses_answer_is_fetched_where_that_is_allowed(
    allowed: bool,
) -> None:
    item = {"id": "ig_1", "type": "image_generation_call", "result": URL}
    far = Server((event("output_item.done", output_index=0, item=item), COMPLETED))
    profile, web = replace(PROFILE, fetch_urls=allowed), Web(RED)
    upstream = ResponsesUpstream(profile, clock=far.clock, transport=far, fetcher=fetcher(web))

    async with aclosing(upstream.send(upstream.encode(OUTGOING), OUTGOING)) as items:
        received = [item async for item in items]
    await upstream.aclose()

    assert [i.data for i in received if isinstance(i, Picture)] == [RED] * allowed
    assert [i.url for i in received if isinstance(i, PictureUrl)] == [URL] * (not allowed)
    assert len(web.asked) == allowed
