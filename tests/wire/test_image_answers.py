"""What every odd answer of the Images API means."""

from __future__ import annotations

import itertools
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.schema import Cost, Tokens, Usage
from agent.traffic import Ended, Opened, PartialPicture, Picture, PictureUrl
from agent.wire.answers import Answer, ItemFault
from agent.wire.faults import Fault
from agent.wire.image_answers import ImageAnswerReader

from .answers_of import GREEN, RED, b64, chunked, codes, ended, fault, of, pictures, sse, terminal

RECORDED = Path(__file__).parents[3] / "shared" / "wire" / "recordings" / "crmne+ruby_llm"
CASSETTES = RECORDED / "spec" / "fixtures" / "vcr_cassettes"
USAGE = {
    "input_tokens": 71,
    "input_tokens_details": {"text_tokens": 11, "image_tokens": 60},
    "output_tokens": 196,
    "output_tokens_details": {"image_tokens": 196, "text_tokens": 0},
    "total_tokens": 267,
}
COUNTED = Tokens(
    input=71, input_text=11, input_image=60, output=196, output_image=196, output_text=0, total=267
)
BLOCKED = {
    "code": "moderation_blocked",
    "message": "Rejected.",
    "type": "image_generation_user_error",
}


def read(body: object, *, size: int = 1 << 30, partials: bool = True) -> list[Answer]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    reader = ImageAnswerReader(partials=partials)
    answers = [answer for chunk in chunked(raw, size) for answer in reader.feed(chunk)]
    return [*answers, *reader.close()]


def whole(*entries: object, **fields: object) -> dict[str, object]:
    return {"created": 1_800_000_000, "data": entries, **fields}


def completed(data: bytes, stem: str = "image_generation", **fields: object) -> dict[str, object]:
    return {"type": f"{stem}.completed", "b64_json": b64(data), "created_at": 1, **fields}


def partial(data: bytes, index: object = 0) -> dict[str, object]:
    return {
        "type": "image_generation.partial_image",
        "b64_json": b64(data),
        "partial_image_index": index,
    }


def urls(answers: list[Answer]) -> list[str]:
    return [found.url for found in of(PictureUrl, answers)]


# ── whole answers ────────────────────────────────────────────────────────────────────────────


def test_a_whole_answer_gives_its_pictures_what_they_are_and_what_they_took() -> None:
    body = whole(
        {"b64_json": b64(RED), "revised_prompt": "a red kite"},
        {"b64_json": b64(GREEN), "size": "512x512"},
        size="1672x941",
        quality="auto",
        background="opaque",
        output_format="png",
        model="gpt-image-2",
        usage=USAGE,
        offline=True,
    )

    opened, red, green, end = read(body)

    assert opened == Opened(tool_model="gpt-image-2", offline=True)
    assert red == Picture(
        item_id=None,
        data=RED,
        revised_prompt="a red kite",
        actual=(
            ("size", "1672x941"),
            ("quality", "auto"),
            ("background", "opaque"),
            ("format", "png"),
            ("model", "gpt-image-2"),
        ),
    )
    assert isinstance(green, Picture)
    assert dict(green.actual)["size"] == "512x512"
    assert end == Ended(status="completed", usage=Usage(image=COUNTED))


def test_an_answer_with_nothing_but_a_picture_is_enough() -> None:
    opened, picture, end = read({"data": [{"b64_json": b64(RED)}]})

    assert opened == Opened()
    assert picture == Picture(item_id=None, data=RED)
    assert end == Ended(status="completed")


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "data:image/png;base64," + b64(RED)},
        {"url": "", "b64_json": b64(RED), "revised_prompt": ""},
        {"url": "https://cdn.example/a.png", "b64_json": b64(RED)},
        {"url": "data:image/png;base64," + b64(RED), "b64_json": "%%% no base64"},
        {"b64_json": "data:image/png;base64," + b64(RED)},
        {"b64_json": [b64(RED)]},
        {"b64_json": b64(RED).rstrip("=") + "\n"},
        b64(RED),
    ],
)
def test_a_picture_is_found_wherever_it_stands(entry: object) -> None:
    answers = read(whole(entry))

    assert pictures(answers) == [RED]
    assert [picture.revised_prompt for picture in of(Picture, answers)] == [None]
    assert urls(answers) == []


def test_one_picture_that_is_not_in_a_list_is_found() -> None:
    assert pictures(read({"created": 1, "data": {"b64_json": b64(RED)}})) == [RED]


def test_a_large_picture_is_found_beside_its_neighbours() -> None:
    large = RED * 2000

    assert pictures(read(whole({"b64_json": b64(large)}, b64(large + RED)), size=1000)) == [
        large,
        large + RED,
    ]


def test_an_address_is_told_once_and_not_as_bytes() -> None:
    entry = {"url": "https://cdn.example/a.png?sig=1", "revised_prompt": "a kite"}

    answers = read(whole(entry, entry))

    assert of(PictureUrl, answers) == [
        PictureUrl(item_id=None, url="https://cdn.example/a.png?sig=1", revised_prompt="a kite")
    ]
    assert pictures(answers) == []
    assert ended(answers)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"url": "", "b64_json": ""}, "empty_result"),
        ({}, "empty_result"),
        (None, "empty_result"),
        ({"b64_json": "%%%"}, "bad_base64"),
        ({"url": "data:image/png;base64"}, "bad_base64"),
        ({"url": "file:///etc/hostname"}, "address_not_fetched"),
        ({"b64_json": None, "error": BLOCKED}, "moderation_blocked"),
    ],
)
def test_an_entry_without_a_picture_says_why(entry: object, code: str) -> None:
    answers = read(whole(entry, {"b64_json": b64(RED)}))

    assert codes(answers) == [code]
    assert pictures(answers) == [RED]
    assert ended(answers)


@pytest.mark.parametrize("data", [[], None, ""])
def test_an_answer_without_entries_ends_without_a_picture(data: object) -> None:
    assert [type(a) for a in read({"created": 1, "data": data})] == [Opened, Ended]


def test_the_time_alone_is_an_answer() -> None:
    assert ended(read({"created": 1}))


def test_the_same_picture_twice_is_one() -> None:
    assert pictures(read(whole({"b64_json": b64(RED)}, {"b64_json": b64(RED)}))) == [RED]


def test_a_cost_is_read_and_strange_usage_is_none() -> None:
    priced = ended(read(whole(usage={"cost": 0.041})))
    strange = ended(read(whole(usage={"input_tokens": -1, "output_tokens": "many", "images": 2})))

    assert priced.reported_cost == Cost(amount=Decimal("0.041"), currency="USD", basis="reported")
    assert strange.usage.image == Tokens()
    assert ended(read(whole(usage=7))).usage == Usage()


# ── answers that are none ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("blank", [b"", b" \n" * 5, b"\xef\xbb\xbf"])
@pytest.mark.parametrize("size", [1, 1 << 30])
def test_an_error_in_a_200_is_an_error_whatever_blanks_came_first(blank: bytes, size: int) -> None:
    found = fault(read(blank + json.dumps({"error": BLOCKED}).encode(), size=size))

    assert (found.code, found.message) == ("moderation_blocked", "Rejected.")


def test_an_error_beside_pictures_comes_after_them() -> None:
    answers = read(whole({"b64_json": b64(RED)}, error=BLOCKED))

    assert pictures(answers) == [RED]
    assert fault(answers).code == "moderation_blocked"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"<html><title>Welcome</title></html>", "html"),
        (b'{"created": 1, "data": [{"b64_json": "iVBOR', "truncated"),
        (b'[{"b64_json"', "truncated"),
        (b"nothing to see", "malformed"),
        (b'{"status": "ok"}', "malformed"),
        (b'{"code": "INVALID_API_KEY", "message": "Invalid API key"}', "error"),
        (b"{broken}", "malformed"),
    ],
)
def test_what_is_no_answer_is_told_apart(body: bytes, kind: str) -> None:
    assert fault(read(body)).kind == kind


# ── streams ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stem", ["image_generation", "image_edit"])
@pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
@pytest.mark.parametrize("size", [1, 7, 1 << 30])
def test_a_stream_gives_drafts_then_the_picture(stem: str, end: bytes, size: int) -> None:
    drawn = completed(RED, stem, size="1024x1024", quality="low", usage=USAGE)
    body = b": PING\n\n" + sse(partial(GREEN), partial(RED, 1), {"type": "ping"}, drawn) + end

    answers = read(body, size=size)

    assert of(PartialPicture, answers) == [
        PartialPicture(index=0, data=GREEN),
        PartialPicture(index=1, data=RED),
    ]
    assert pictures(answers) == [RED]
    assert dict(of(Picture, answers)[0].actual) == {"size": "1024x1024", "quality": "low"}
    assert ended(answers).usage == Usage(image=COUNTED)
    assert len(of(Opened, answers)) == 1


def test_drafts_nobody_asked_for_stay_undecoded() -> None:
    answers = read(sse(partial(GREEN), completed(RED)), partials=False)

    assert of(PartialPicture, answers) == []
    assert pictures(answers) == [RED]


def test_a_draft_that_cannot_be_read_is_passed_over() -> None:
    broken = {"type": "image_edit.partial_image", "b64_json": "%%%"}
    without = {"type": "image_edit.partial_image", "partial_image_index": 1}

    answers = read(sse(broken, without, partial(GREEN, "first"), completed(RED)))

    assert of(PartialPicture, answers) == [PartialPicture(index=0, data=GREEN)]


def test_usage_on_every_event_is_one_usage() -> None:
    row = [completed(RED, usage=USAGE), completed(GREEN, usage=USAGE)]

    answers = read(sse(*row) + b"data: [DONE]\n\n")

    assert pictures(answers) == [RED, GREEN]
    assert ended(answers).usage.image == COUNTED


def test_a_stream_with_bytes_and_an_address_gives_the_bytes_once() -> None:
    both = completed(RED, url="data:image/png;base64," + b64(RED))

    answers = read(sse(both, both))

    assert pictures(answers) == [RED]
    assert urls(answers) == []


def test_a_stream_that_never_closes_has_already_told_its_picture() -> None:
    reader = ImageAnswerReader()

    told = list(reader.feed(sse(completed(RED))))

    assert pictures(told) == [RED]
    assert of(Ended, told) == []


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (sse(partial(RED)), "truncated", "before its picture was finished"),
        (sse(partial(RED)) + b"data: [DONE]\n\n", "truncated", "before its picture was finished"),
        (b'data: {"type": "image_generation.completed", "b64_json": "iVB', "truncated", "ended"),
        (sse(completed(RED)) + b'data: {"type": "image_gen', "truncated", "ended"),
        (b": PING\n\n", "empty", "single event"),
        (b"data: [DONE]\n\n", "empty", "single event"),
        (sse({"type": "keepalive"}), "empty", "single event"),
        (b"data: upstream is gone\n\n" + sse(partial(RED)), "truncated", "upstream is gone"),
        (b"data: upstream is gone\n\ndata: twice\n\n", "malformed", "upstream is gone"),
        (sse({"hello": 1}, {"hello": 2}), "malformed", "hello"),
    ],
)
def test_a_stream_without_its_end_is_told_apart(body: bytes, kind: str, words: str) -> None:
    found = fault(read(body))

    assert found.kind == kind
    assert words in found.message


@pytest.mark.parametrize(
    "error",
    [
        {"type": "error", "error": BLOCKED},
        {"type": "error", **{k: v for k, v in BLOCKED.items() if k != "type"}},
        {"error": BLOCKED},
        {"code": "moderation_blocked", "message": "Rejected."},
        {"type": "upstream_error", "code": "moderation_blocked", "message": "Rejected."},
        {"type": "image_generation.failed", "error": BLOCKED},
    ],
)
def test_an_error_event_ends_the_stream_however_it_is_shaped(error: dict[str, object]) -> None:
    answers = read(sse(partial(GREEN), error, completed(RED)))

    assert fault(answers).code == "moderation_blocked"
    assert pictures(answers) == []


def test_a_picture_before_an_error_still_counts() -> None:
    answers = read(sse(completed(RED), {"type": "error", "error": BLOCKED}))

    assert pictures(answers) == [RED]
    assert fault(answers).code == "moderation_blocked"


def test_an_error_field_on_a_finished_picture_costs_no_picture() -> None:
    answers = read(sse(completed(RED, error={"message": "late"})))

    assert pictures(answers) == [RED]
    assert ended(answers)


# ── the other form than the one asked for ────────────────────────────────────────────────────


def test_a_whole_answer_on_a_stream_is_read() -> None:
    answers = read(sse(whole({"b64_json": b64(RED)}, usage=USAGE)))

    assert pictures(answers) == [RED]
    assert ended(answers).usage.image == COUNTED


def test_one_event_as_a_whole_answer_is_read() -> None:
    assert pictures(read(completed(RED, "image_edit"))) == [RED]


def test_nothing_after_the_end_is_told() -> None:
    reader = ImageAnswerReader()
    answers = [*reader.feed(sse(completed(RED)) + b"data: [DONE]\n\n" + sse(completed(GREEN)))]
    answers += [*reader.feed(sse(completed(GREEN))), *reader.close()]

    assert pictures(answers) == [RED]
    assert terminal(answers)


# ── how far it is ────────────────────────────────────────────────────────────────────────────


def test_pings_are_no_events_and_a_long_line_is_arriving() -> None:
    reader = ImageAnswerReader()
    list(reader.feed(b": PING\n\n" + sse({"type": "ping"})))
    quiet = (reader.events, reader.arriving)
    list(reader.feed(sse(partial(GREEN)) + b"data: " + b"x" * 2000))
    busy = (reader.events, reader.arriving)
    list(reader.feed(b"\n\ndata: [DONE]\n\n" + b"y" * 2000))

    assert quiet == (0, False)
    assert busy == (1, True)
    assert not reader.arriving


def test_a_whole_answer_is_arriving_from_its_first_byte() -> None:
    reader = ImageAnswerReader()

    assert list(reader.feed(b" \n")) == []
    assert not reader.arriving
    assert list(reader.feed(b"{")) == []
    assert reader.arriving


@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_make_it_raise_and_it_always_ends_once(body: bytes, size: int) -> None:
    assert isinstance(terminal(read(body, size=size)), Ended | Fault)


def test_wherever_a_stream_is_cut_it_ends_once_and_invents_nothing() -> None:
    body = sse(partial(GREEN), completed(RED, usage=USAGE)) + b"data: [DONE]\n\n"
    for length, size in itertools.product(range(len(body)), (1 << 30,)):
        answers = read(body[:length], size=size)
        assert terminal(answers)
        assert pictures(answers) in ([], [RED])
        assert not of(ItemFault, answers)


# ── a recording, where it is at hand ─────────────────────────────────────────────────────────


@pytest.mark.skipif(not CASSETTES.is_dir(), reason="the recordings are not beside this repository")
def test_a_recorded_edit_is_read() -> None:
    import yaml

    name = "image_edit_functionality_with_flexible_sizes_gpt-image-2_accepts_a_16px-multiple_size_on_edits.yml"
    loaded = yaml.load((CASSETTES / name).read_bytes(), Loader=yaml.CSafeLoader)
    body = loaded["http_interactions"][-1]["response"]["body"]["string"]

    answers = read(body.encode() if isinstance(body, str) else body)

    [picture] = of(Picture, answers)
    assert picture.data.startswith(b"\x89PNG")
    assert dict(picture.actual)["size"] == "1536x864"
    image = ended(answers).usage.image
    assert image is not None
    assert image.output == 120
