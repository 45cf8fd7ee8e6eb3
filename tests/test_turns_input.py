"""Files, masks, references and options: what is sent of them, and what is refused before it costs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import JsonValue

from agent import ImageOptions, TurnFailed, TurnRequest
from agent.schema import SessionId
from tests.conftest import Opener, OpenOn, Serve, bytes_of, png, sent_to

KITE = TurnRequest(text="a red kite over the sea")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    path.write_bytes(png(1200, 800))
    return path


async def failure(open_offline: Opener, request: TurnRequest) -> TurnFailed:
    """How a turn that must not be sent ends."""
    async with open_offline() as agent:
        ended = await agent.run(request)
        assert await agent.store.attempts() == []
    assert isinstance(ended, TurnFailed)
    assert ended.error is not None
    assert (ended.outcome, ended.error.billed) == ("failed", "no")
    return ended


# ── files ────────────────────────────────────────────────────────────────────────────────────


async def test_a_file_becomes_a_picture_of_the_session_and_a_parent(
    serve: Serve, open_on: OpenOn, photo: Path
) -> None:
    server = serve()
    async with open_on(server) as agent:
        ended = await agent.run(TurnRequest(text="make it night", intent="edit", edit=(photo,)))

        imported, edited = await agent.store.images(ended.session or SessionId(""))
        assert (imported.operation, imported.parents, imported.turn) == ("import", (), None)
        assert imported.actual.size == "1200x800"
        assert bytes_of(imported) == png(1200, 800)
        assert (edited.number, edited.parents) == (2, (imported.id,))
        assert (edited.requested.size, edited.actual.size) == ("1200x800", "1200x800")
        assert len(sent_to(server)[0]["input"][-1]["content"]) == 2


async def test_bytes_do_as_well_as_a_file(open_offline: Opener) -> None:
    async with open_offline() as agent:
        request = TurnRequest(text="make it night", intent="edit", edit=(png(1024, 1024),))
        ended = await agent.run(request)

    assert ended.outcome == "image"


async def test_references_are_sent_after_the_picture_that_is_edited(
    serve: Serve, open_on: OpenOn, photo: Path
) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(KITE)
        request = TurnRequest(
            text="with these colours", intent="edit", session=first.session, references=(photo,)
        )
        ended = await agent.run(request)

        last = sent_to(server)[-1]
        assert json.dumps(last).count("input_image") == 2
        imported = (await agent.store.images(ended.session or SessionId("")))[1]
        assert ended.images[0].parents == (first.images[0].id, imported.id)
        [_, turn] = await agent.store.turns(ended.session or SessionId(""))
        assert turn.references == (imported.id,)
        assert "edit/references" in [ref.id for ref in turn.prompts]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.exists, "no such file"),
        (Path.mkdir, "is a directory"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(b"hello"), "not a picture"),
        (lambda path: path.write_bytes(png(64, 64)[:-20]), "truncated"),
    ],
    ids=["missing", "directory", "empty", "text", "truncated"],
)
async def test_a_file_that_is_no_picture_is_named_with_the_reason(
    open_offline: Opener, tmp_path: Path, make: object, reason: str
) -> None:
    path = tmp_path / "reference.png"
    assert callable(make)
    make(path)

    ended = await failure(open_offline, replace(KITE, references=(path,)))

    assert ended.error is not None
    assert ended.exit_code == 2
    assert str(path) in ended.error.message
    assert reason in ended.error.message


# ── masks ────────────────────────────────────────────────────────────────────────────────────


async def test_a_box_becomes_a_mask_of_the_pictures_own_size(serve: Serve, open_on: OpenOn) -> None:
    server = serve()
    async with open_on(server) as agent:
        first = await agent.run(KITE)
        request = TurnRequest(
            text="paint it blue", intent="edit", session=first.session, mask_box=(0, 0, 256, 256)
        )
        ended = await agent.run(request)

        assert ended.outcome == "image"
        tool = sent_to(server)[-1]["tools"][0]
        assert tool["input_image_mask"]["image_url"].startswith("[base64 ")
        [_, turn] = await agent.store.turns(first.session or SessionId(""))
        assert turn.mask is not None
        assert (await agent.store.read_blob(turn.mask)).startswith(b"\x89PNG")


async def test_a_mask_file_with_alpha_is_sent(open_offline: Opener, tmp_path: Path) -> None:
    mask = tmp_path / "mask.png"
    mask.write_bytes(png(1024, 1024, mode="RGBA", colour="#00000000"))
    async with open_offline() as agent:
        request = TurnRequest(text="blue", intent="edit", edit=(png(1024, 1024),), mask=mask)
        ended = await agent.run(request)
        white = await agent.run(
            replace(request, mask=png(1024, 1024, colour="white"), mask_mode="white")
        )

    assert (ended.outcome, white.outcome) == ("image", "image")


MASKED = TurnRequest(text="blue", intent="edit", edit=(png(1024, 1024),))
BAD_MASKS: dict[str, tuple[TurnRequest, str]] = {
    "no alpha": (replace(MASKED, mask=png(1024, 1024)), "alpha"),
    "another size": (replace(MASKED, mask=png(512, 512, mode="RGBA")), "512x512"),
    "no picture": (replace(MASKED, mask=b"hello"), "not a picture"),
    "outside": (replace(MASKED, mask_box=(1000, 1000, 100, 100)), "1024"),
    "file and box": (
        replace(MASKED, mask=png(1024, 1024, mode="RGBA"), mask_box=(0, 0, 9, 9)),
        "not both",
    ),
    "nothing to change": (replace(KITE, mask_box=(0, 0, 9, 9)), "a mask needs a picture"),
    "only references": (
        replace(KITE, mask_box=(0, 0, 9, 9), references=(png(1024, 1024),)),
        "A mask needs a picture",
    ),
}


@pytest.mark.parametrize("case", BAD_MASKS)
async def test_a_mask_that_cannot_be_used_is_refused_before_sending(
    open_offline: Opener, case: str
) -> None:
    request, reason = BAD_MASKS[case]

    ended = await failure(open_offline, request)

    assert ended.error is not None
    assert (ended.exit_code, reason in ended.error.message) == (2, True), ended.error.message


# ── options ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", ["1000x1000", "5000x5000", "3840x960", "big"])
async def test_an_illegal_size_is_refused_with_the_nearest_legal_one(
    open_offline: Opener, size: str
) -> None:
    ended = await failure(open_offline, replace(KITE, options=ImageOptions(size=size)))

    assert ended.error is not None
    assert (ended.exit_code, ended.error.code) == (2, "usage")
    assert ended.session is None
    assert "x" in ended.error.hint


@pytest.mark.parametrize(
    ("picture", "asked", "sent"),
    [
        ((1536, 1024), ImageOptions(), "1536x1024"),
        ((1536, 1024), ImageOptions(size="1024x1024"), "1024x1024"),
        ((500, 400), ImageOptions(), "auto"),
        ((1025, 1025), ImageOptions(), "auto"),
    ],
)
async def test_an_edit_keeps_the_size_of_its_picture_unless_another_was_asked_for(
    serve: Serve, open_on: OpenOn, picture: tuple[int, int], asked: ImageOptions, sent: str
) -> None:
    server = serve()
    async with open_on(server) as agent:
        request = TurnRequest(text="blue", intent="edit", edit=(png(*picture),), options=asked)
        await agent.run(request)

    assert sent_to(server)[0]["tools"][0]["size"] == sent


async def test_an_option_newer_than_this_version_is_passed_on_and_recorded(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve()
    async with open_on(server) as agent:
        newer: dict[str, JsonValue] = {"style_strength": 3}
        request = replace(KITE, options=ImageOptions(tool_options=newer))
        events = [event async for event in agent.stream(request)]
        [attempt] = await agent.store.attempts()

    assert sent_to(server)[0]["tools"][0]["style_strength"] == 3
    assert attempt.tool_options == newer
    assert "style_strength" in str([e for e in events if e.type == "turn.notice"])
