"""Pictures are found in raw JSON wherever gateways put them, and decoded however they write them."""

from __future__ import annotations

import json
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.wire.lift import Payload, decode, parse, payloads

from .answers_of import RED, b64

LONG = bytes(range(256)) * 8
"""More than is left in the JSON: it is cut out before the parser sees it."""


def payloads_of(result: object) -> list[Payload]:
    lifted = parse(json.dumps({"result": result}).encode())
    assert isinstance(lifted.value, dict)
    return payloads(lifted, lifted.value["result"])


def test_a_long_string_is_cut_out_before_the_json_is_parsed() -> None:
    raw = json.dumps({"result": b64(LONG), "other": "x" * 5000}).encode()

    lifted = parse(raw)

    assert lifted.value == {"result": {"$cut": 0}, "other": "x" * 5000}
    assert [bytes(string) for string in lifted.strings] == [b64(LONG).encode()]
    assert lifted.strings[0].obj is raw  # not copied


def test_several_long_strings_keep_their_places() -> None:
    many = [{"b64_json": b64(LONG + bytes([n]))} for n in range(3)]
    lifted = parse(json.dumps({"data": many}).encode())
    assert isinstance(lifted.value, dict)

    found = payloads(lifted, lifted.value["data"])

    assert found == [Payload(data=LONG + bytes([n])) for n in range(3)]


@pytest.mark.parametrize("data", [RED, LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text,
        lambda text: f"data:image/png;base64,{text}",
        lambda text: [text],
        lambda text: {"b64_json": text},
        lambda text: {"url": "", "b64_json": text},
        lambda text: {"result": {"data": text}},
        lambda text: [{"image_url": {"url": f"data:image/webp;base64,{text}"}}],
    ],
    ids=["plain", "data URL", "list", "dict", "empty url", "nested", "list of data URLs"],
)
def test_a_result_may_be_wrapped(data: bytes, wrap: object) -> None:
    assert callable(wrap)
    assert payloads_of(wrap(b64(data))) == [Payload(data=data)]


@pytest.mark.parametrize("url", ["https://cdn.example/a.png", "HTTP://cdn.example/a.png"])
@pytest.mark.parametrize("tail", ["", "?token=" + "t" * 3000], ids=["short", "long"])
def test_an_address_is_no_picture(url: str, tail: str) -> None:
    assert payloads_of(url + tail) == [Payload(url=url + tail)]


def test_a_list_may_hold_several() -> None:
    found = payloads_of([b64(RED), {"url": "https://cdn.example/a"}, 7, None])

    assert found == [Payload(data=RED), Payload(url="https://cdn.example/a")]


@pytest.mark.parametrize("nothing", [None, "", [], {}, 0, True, 1.5, [None], {"b64_json": None}])
def test_nothing_is_found_in_nothing(nothing: object) -> None:
    assert payloads_of(nothing) == []


def test_a_number_that_points_at_no_string_finds_nothing() -> None:
    assert payloads_of({"$cut": 0}) == payloads_of({"$cut": -1}) == payloads_of({"$cut": "x"}) == []


def test_lists_without_end_are_not_followed() -> None:
    deep: object = b64(RED)
    for _ in range(300):
        deep = [deep]

    assert payloads_of(deep) == []


def test_slashes_may_be_escaped() -> None:
    text = b64(b"\xff\xfe\xfd" * 900)
    assert "/" in text
    raw = json.dumps({"result": text}).replace("/", "\\/").encode()
    lifted = parse(raw)
    assert isinstance(lifted.value, dict)

    assert payloads(lifted, lifted.value["result"]) == [Payload(data=b"\xff\xfe\xfd" * 900)]


def test_a_quotation_mark_inside_a_long_text_is_no_end() -> None:
    words = 'say "result": "' + "x" * 2000 + '" and more'

    assert parse(json.dumps({"result": words}).encode()).value == {"result": words}


def test_a_string_without_an_end_is_no_json() -> None:
    with pytest.raises(ValueError, match="Unterminated"):
        parse(b'{"result":"' + b"A" * 3000)


@pytest.mark.parametrize(
    "spell",
    [
        lambda text: text,
        lambda text: text.rstrip("="),
        lambda text: text.replace("+", "-").replace("/", "_"),
        lambda text: "\n".join(textwrap.wrap(text, 76)),
        lambda text: "\r\n".join(textwrap.wrap(text, 64)) + "\r\n",
        lambda text: "data:image/png;charset=utf-8;base64," + text,
        lambda text: text.rstrip("=") + "====",
    ],
    ids=["plain", "unpadded", "url-safe", "wrapped", "CRLF", "data URL", "too much padding"],
)
@given(data=st.binary(min_size=1, max_size=300))
def test_base64_is_read_however_it_is_spelt(spell: object, data: bytes) -> None:
    assert callable(spell)
    assert decode(spell(b64(data)).encode()) == data


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"=",
        b"A",
        b"not base64!",
        b"QUJD*EFG",
        b"QUJD,QUJD",
        b"QQ==QQ==",
        b"iVBORw0KGgo...",
        b"data:image/png;base64,",
        b"data:image/png;base64",
        b"data:image/svg+xml;utf8,<svg/>",
        b"\xff\xfe",
    ],
)
def test_what_is_not_wholly_base64_is_nothing(raw: bytes) -> None:
    assert decode(raw) is None
    assert decode(memoryview(raw)) is None


@given(st.binary(max_size=400))
def test_decoding_never_raises_and_never_invents(raw: bytes) -> None:
    data = decode(raw)

    assert data is None or 0 < len(data) <= len(raw) * 3 / 4


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"<html>",
        b"\xff\xfe\x00",
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"9" * 5000,
        b'{"a": 1}}',
    ],
    ids=["empty", "open", "html", "binary", "deep list", "deep dict", "long number", "too much"],
)
def test_what_is_no_json_raises_a_value_error_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(raw)


def test_a_broken_character_in_a_text_does_not_cost_the_picture() -> None:
    raw = b'{"revised_prompt":"a caf\xc3","result":"' + b64(LONG).encode() + b'"}'
    lifted = parse(raw)
    assert isinstance(lifted.value, dict)

    assert payloads(lifted, lifted.value["result"]) == [Payload(data=LONG)]
    assert lifted.value["revised_prompt"] == "a caf\ufffd"


def test_a_raw_line_break_inside_a_string_is_forgiven() -> None:
    assert parse(b'{"a":"b\nc"}').value == {"a": "b\nc"}


def test_a_byte_order_mark_is_no_content() -> None:
    assert parse(b'\xef\xbb\xbf{"a":1}').value == {"a": 1}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(json_values)
def test_any_json_as_a_result_never_raises(value: object) -> None:
    for payload in payloads_of(value):
        assert payload.data is None or payload.data


@pytest.mark.parametrize(
    ("given", "scheme"),
    [
        ("file:///etc/passwd", "file"),
        ("FTP://files.example/kite.png", "ftp"),
        ("blob:https://app.example/1", "blob"),
        ("javascript:alert(1)", "javascript"),
    ],
)
def test_an_address_of_another_kind_is_neither_fetched_nor_taken_for_base64(
    given: str, scheme: str
) -> None:
    assert payloads_of(given) == [Payload(scheme=scheme)]
    assert payloads_of({"url": given}) == [Payload(scheme=scheme)]


def test_what_only_looks_like_an_address_is_damaged_base64() -> None:
    assert payloads_of("x:") == payloads_of("data:image/png") == [Payload()]
