"""Events come out of bytes the same however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.sse import EventScanner

from .answers_of import chunked


def scan(*chunks: bytes) -> list[bytes]:
    scanner = EventScanner()
    return [*(data for chunk in chunks for data in scanner.feed(chunk)), *scanner.close()]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "lone CR"])
def test_an_event_ends_at_a_blank_line_of_any_kind(end: bytes) -> None:
    body = end.join([b"event: x", b"data: one", b"", b"data: two", b"", b""])

    assert scan(body) == [b"one", b"two"]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["LF", "CRLF", "lone CR"])
def test_an_event_is_told_as_soon_as_its_blank_line_is_there(end: bytes) -> None:
    scanner = EventScanner()

    assert list(scanner.feed(b"data: one" + end + end)) == [b"one"]


def test_lines_of_data_are_joined() -> None:
    assert scan(b'data: {"a":\ndata: 1}\n\n') == [b'{"a":\n1}']


@pytest.mark.parametrize("line", [b"data:one", b"data: one"])
def test_one_space_after_the_colon_is_no_data(line: bytes) -> None:
    assert scan(line + b"\n\n") == [b"one"]


def test_only_the_first_space_is_cut() -> None:
    assert scan(b"data:  one\n\n") == [b" one"]


@pytest.mark.parametrize("line", [b": PING", b":", b"id: 7", b"retry: 3000", b"event: x", b"data"])
def test_comments_and_other_fields_are_passed_over(line: bytes) -> None:
    assert scan(line + b"\n\n" + b"data: one\n" + line + b"\n\n") == [b"one"]


def test_the_last_event_needs_no_blank_line() -> None:
    assert scan(b"data: one\n\ndata: two") == [b"one", b"two"]


def test_raw_json_between_events_is_an_event() -> None:
    assert scan(b': PING\n\n{"error":"late"}\n') == [b'{"error":"late"}']


@pytest.mark.parametrize("between", [(), (b"",)], ids=["cut", "cut, then nothing"])
def test_a_line_end_cut_in_two_is_one_line_end(between: tuple[bytes, ...]) -> None:
    assert scan(b"data: one\r", *between, b"\ndata: two\r\n\r\n") == [b"one\ntwo"]


def test_nothing_makes_no_event() -> None:
    assert scan() == scan(b"") == scan(b"\n\n\r\n\r\r") == []


@given(
    st.lists(st.sampled_from([b"data: a", b"data: b", b": c", b"", b"event: d", b'{"e":1}'])),
    st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=1),
    st.integers(1, 7),
)
def test_where_the_chunks_are_cut_makes_no_difference(
    lines: list[bytes], ends: list[bytes], size: int
) -> None:
    body = b"".join(line + ends[at % len(ends)] for at, line in enumerate(lines))

    assert scan(*chunked(body, size)) == scan(body)


class Counted(bytes):
    """Bytes that add up how much of them was searched, joined and copied."""

    work = 0

    def find(self, *where: object) -> int:
        start = where[1] if len(where) > 1 else 0
        assert isinstance(start, int)
        Counted.work += len(self) - start
        return bytes(self).find(b"\n", start)

    def __radd__(self, before: bytes) -> Counted:
        Counted.work += len(before) + len(self)
        return Counted(bytes(before) + bytes(self))

    def __getitem__(self, key: slice) -> bytes:  # type: ignore[override]
        piece = bytes(self)[key]
        Counted.work += len(piece)
        return piece


def test_a_long_event_is_looked_at_once_however_many_chunks_bring_it() -> None:
    Counted.work = 0
    piece = Counted(b"x" * 1000)
    chunks = [b"data: ", *[piece] * 2000, b"\n\n"]

    found = scan(*chunks)

    assert [len(data) for data in found] == [2_000_000]
    assert Counted.work <= 2 * 2_000_000


def test_a_line_in_the_making_is_counted_and_a_comment_is_not() -> None:
    scanner = EventScanner()

    list(scanner.feed(b"data: " + b"x" * 100))
    assert scanner.unfinished == 106
    list(scanner.feed(b"\n"))
    assert scanner.unfinished == 0
    list(scanner.feed(b": PING PING"))
    assert scanner.unfinished == 0
