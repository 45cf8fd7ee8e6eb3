"""An answer without an end is left, and what had arrived before it still counts."""

from __future__ import annotations

import gzip
import zlib

import pytest

from agent.traffic import Failed, Picture
from agent.upstream.carrier import MOST_ANSWER
from agent.upstream.connection import MOST_ERROR

from .serving import CREATED, Server, ask, done, failure_of

MIB = 1024 * 1024
COMMENTS = (b": " + b"still drawing " * 2000 + b"\n\n") * (MIB // 28_004)
NO_LINE_END = b"data: " + b"A" * MIB
ENDLESS_JSON = b'{"output": [' + b" " * MIB
PIECES = 300


def packed_without_end(piece: bytes) -> tuple[bytes, ...]:
    """One gzip stream that says the same again and again, again the same object each time."""
    packing = zlib.compressobj(wbits=31)
    first, again = (packing.compress(piece) + packing.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return (first, *in_the_end(PIECES, again))


def in_the_end(count: int, piece: bytes = b"A" * MIB) -> tuple[bytes, ...]:
    """The same object each time: nothing of that size is ever allocated here."""
    return (piece,) * count


@pytest.mark.parametrize(
    "steps",
    [
        in_the_end(PIECES, COMMENTS),
        (NO_LINE_END, *in_the_end(PIECES)),
        (ENDLESS_JSON, *in_the_end(PIECES)),
        in_the_end(PIECES, b" " * MIB),
    ],
    ids=["comments", "one line", "JSON", "blanks"],
)
async def test_300_mb_are_not_read_to_their_end(steps: tuple[bytes, ...]) -> None:
    server = Server(steps)

    failure = await failure_of(server)

    assert (failure.code, failure.billed) == ("malformed", "possibly")
    assert f"{MOST_ANSWER:,} bytes" in failure.message
    assert server.sent <= MOST_ANSWER // MIB + 8
    assert server.closed == 1


async def test_a_picture_before_the_flood_is_not_lost() -> None:
    server = Server((CREATED, done(b"a whole picture"), *in_the_end(PIECES, COMMENTS)))

    *before, last = await ask(server)

    assert [item.data for item in before if isinstance(item, Picture)] == [b"a whole picture"]
    assert isinstance(last, Failed)


async def test_what_counts_is_the_answer_unpacked() -> None:
    server = Server(packed_without_end(COMMENTS), headers={"content-encoding": "gzip"})

    failure = await failure_of(server)

    assert failure.code == "malformed"
    assert server.sent <= MOST_ANSWER // MIB + 8


@pytest.mark.parametrize("packed", [False, True])
async def test_an_error_text_without_an_end_is_cut_and_its_status_still_counts(
    *, packed: bool
) -> None:
    piece = b"<p>Service Unavailable</p>" * (MIB // 26)
    headers = {"content-type": "text/html"} | ({"content-encoding": "gzip"} if packed else {})
    steps = packed_without_end(piece) if packed else in_the_end(PIECES, piece)
    server = Server(steps, status=503, headers=headers)

    failure = await failure_of(server)

    assert (failure.code, failure.status, failure.billed) == ("transient", 503, "possibly")
    assert "Service Unavailable" in failure.message
    assert server.sent <= MOST_ERROR // MIB + 2
    assert server.closed == 1


async def test_a_packed_error_is_read_like_any_other() -> None:
    body = gzip.compress(b'{"error": {"code": "insufficient_quota", "message": "No credit."}}')
    server = Server(
        (body[:9], body[9:]),
        status=429,
        headers={"content-encoding": "gzip", "content-length": str(len(body))},
    )

    failure = await failure_of(server)

    assert (failure.code, failure.billed) == ("quota", "no")
    assert "No credit." in failure.message
