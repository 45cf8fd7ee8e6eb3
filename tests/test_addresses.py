"""R32: whose address is given out, and what is never given out as one."""

from __future__ import annotations

import base64

import pytest

from agent.addresses import UNAVAILABLE, address_of, address_of_image
from agent.errors import StoreError
from agent.results import ImageUrlNotAvailable
from agent.schema import Failure
from agent.traffic import Picture, PictureUrl

from .conftest import png

RED = png(16, 16, colour="red")
PICTURE = Picture(item_id=None, data=RED, revised_prompt="a kite")
GIVEN = PictureUrl(item_id=None, url="https://cdn.example/a.png")
OURS = "https://bucket.example/1.png"


class Bucket:
    """Public storage."""

    def __init__(self, given: str | StoreError) -> None:
        self.given = given
        self.put: list[tuple[bytes, str]] = []

    async def publish(self, data: bytes, media_type: str) -> str:
        self.put.append((data, media_type))
        if isinstance(self.given, StoreError):
            raise self.given
        return self.given


async def address(bucket: Bucket | None, given: str | None = None) -> str:
    return await address_of_image(
        None, data=RED, media_type="image/png", publisher=bucket, given=given
    )


async def test_the_servers_own_address_comes_first() -> None:
    bucket = Bucket(OURS)

    assert await address_of(GIVEN, bucket) is GIVEN
    assert await address(bucket, given=GIVEN.url) == GIVEN.url
    assert bucket.put == []


async def test_bytes_are_published_where_that_is_configured() -> None:
    bucket = Bucket(OURS)

    found = await address_of(PICTURE, bucket)

    assert found == PictureUrl(item_id=None, url=OURS, revised_prompt="a kite")
    assert await address(bucket) == OURS
    assert bucket.put == [(RED, "image/png")] * 2


@pytest.mark.parametrize(
    "given",
    [
        f"data:image/png;base64,{base64.b64encode(RED).decode()}",
        "http://cdn.example/a.png",
        "file:///home/a.png",
        "/home/a.png",
        "https://",
        "https:///a.png",
        "https://cdn.example/a.png\r\nset-cookie: x",
        "https://cdn.example/a b.png",
    ],
)
async def test_what_the_server_gave_and_is_no_address_is_not_passed_on(given: str) -> None:
    assert await address(Bucket(OURS), given=given) == OURS
    with pytest.raises(ImageUrlNotAvailable):
        await address(Bucket(given))
    told = await address_of(PictureUrl(item_id=None, url=given), Bucket(OURS))
    assert isinstance(told, Failure)
    assert given not in told.message


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (RED, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF0000WEBPVP8 ", "image/webp"),
        (b"?", "image/png"),
    ],
)
async def test_bytes_off_the_wire_are_published_as_what_they_are(data: bytes, kind: str) -> None:
    bucket = Bucket(OURS)

    await address_of(Picture(item_id=None, data=data), bucket)

    assert bucket.put == [(data, kind)]


@pytest.mark.parametrize(
    ("bucket", "reason"),
    [
        (None, "no public storage is configured"),
        (Bucket(StoreError("the bucket is full.")), "the bucket is full"),
        (Bucket("file:///home/a.png"), "no https address"),
        (Bucket("data:image/png;base64,AAAA"), "no https address"),
    ],
)
async def test_without_an_address_it_is_said_and_base64_never_passes_for_one(
    bucket: Bucket | None, reason: str
) -> None:
    told = await address_of(PICTURE, bucket)

    assert isinstance(told, Failure)
    assert (told.upstream_code, told.billed) == (UNAVAILABLE, "yes")
    assert reason in told.message
    assert base64.b64encode(RED).decode()[:20] not in told.message
    with pytest.raises(ImageUrlNotAvailable, match=reason) as caught:
        await address(bucket)
    assert caught.value.failure == told
