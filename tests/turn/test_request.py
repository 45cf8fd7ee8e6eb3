"""A request says what it wants, in the words that its server can take."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from agent.schema import Action, ImageOptions, Intent, Preamble
from agent.traffic import Dialect, Message, Outgoing, PictureData
from agent.turn import prompts
from agent.turn.request import Parts, action_for, build, notices, preamble

PROVED = Dialect(name="proved", tool_choice=True)
STRANGER = Dialect(name="stranger")
PARTS = Parts(
    intent="generate",
    model="gpt-5.5",
    dialect=PROVED,
    options=ImageOptions(),
    preamble="standard",
    messages=(Message("user", "a red kite"),),
)


def test_a_request_holds_what_the_turn_gathered() -> None:
    mask = PictureData(b"mask", "image/png")
    parts = replace(
        PARTS, intent="edit", editing=1, mask=mask, effort="low", stream=False, user="u"
    )

    outgoing, _ = build(parts)

    assert outgoing == Outgoing(
        kind="edit",
        model="gpt-5.5",
        instructions=outgoing.instructions,
        messages=PARTS.messages,
        options=ImageOptions(),
        action="edit",
        mask=mask,
        force_tool=True,
        effort="low",
        stream=False,
        user="u",
    )


def test_the_preamble_comes_first_and_our_own_instructions_follow() -> None:
    outgoing, used = build(PARTS)

    words, ref = prompts.text("preamble/standard")
    ours, own = prompts.text("edit/instructions")
    assert outgoing.instructions == f"{words}\n\n{ours}"
    assert used == (ref, own)


@pytest.mark.parametrize(("sends", "asked"), [(True, 2), (False, 0)])
def test_drafts_are_asked_for_only_where_the_server_sends_them(sends: bool, asked: int) -> None:
    wanted = replace(PARTS, options=ImageOptions(partial_images=2, quality="low"))

    outgoing, _ = build(replace(wanted, dialect=replace(PROVED, partials=sends)))

    assert outgoing.options == ImageOptions(partial_images=asked, quality="low")


@pytest.mark.parametrize(
    ("asked", "proved", "stream"),
    [(True, True, True), (True, False, False), (False, True, False), (False, False, False)],
)
def test_a_stream_is_asked_for_only_where_the_server_streams(
    asked: bool,
    proved: bool,
    stream: bool,
) -> None:
    dialect = replace(PROVED, streaming=proved)

    outgoing, _ = build(replace(PARTS, stream=asked, dialect=dialect))

    assert outgoing.stream is stream


@pytest.mark.parametrize("intent", get_args(Intent))
def test_every_turn_has_the_preamble_and_never_leaves_instructions_to_the_server(
    intent: Intent,
) -> None:
    outgoing, used = build(replace(PARTS, intent=intent))

    assert outgoing.instructions.startswith(prompts.text("preamble/standard")[0])
    assert used[0].id == "preamble/standard"


@pytest.mark.parametrize("variant", get_args(Preamble))
@pytest.mark.parametrize("plain", [True, False])
def test_every_variant_of_the_preamble_exists_also_without_trigger_words(
    variant: Preamble,
    plain: bool,
) -> None:
    words, ref = preamble(variant, replace(PROVED, preamble_words=plain))

    assert words
    assert ref.id == f"preamble/{variant}{'-plain' if plain else ''}"


@pytest.mark.parametrize(
    ("intent", "dialect", "forced", "told"),
    [
        ("generate", PROVED, True, False),
        ("edit", PROVED, True, False),
        ("chat", PROVED, False, False),
        ("generate", STRANGER, False, True),
        ("edit", STRANGER, False, True),
        ("chat", STRANGER, False, False),
    ],
)
def test_the_tool_is_forced_where_that_is_proved_and_asked_for_in_words_elsewhere(
    intent: Intent,
    dialect: Dialect,
    forced: bool,
    told: bool,
) -> None:
    outgoing, used = build(replace(PARTS, intent=intent, dialect=dialect))

    assert outgoing.force_tool is forced
    assert ("edit/force" in [ref.id for ref in used]) is told
    assert (prompts.text("edit/force")[0] in outgoing.instructions) is told


@pytest.mark.parametrize(
    ("editing", "references", "id_", "words"),
    [
        (
            1,
            2,
            "edit/references",
            "Pictures attached to the message: 3. To be changed: the first 1,",
        ),
        (
            0,
            2,
            "edit/references-only",
            "Pictures attached to the message: 2, all of them references.",
        ),
    ],
)
def test_references_are_told_from_what_is_to_be_changed(
    editing: int, references: int, id_: str, words: str
) -> None:
    outgoing, used = build(replace(PARTS, editing=editing, references=references))

    assert words in outgoing.instructions
    assert id_ in [ref.id for ref in used]


@pytest.mark.parametrize("editing", [0, 1])
def test_without_references_nothing_is_said_of_them(editing: int) -> None:
    _, used = build(replace(PARTS, editing=editing))

    assert not [ref for ref in used if "references" in ref.id]


@pytest.mark.parametrize(
    ("intent", "editing", "references", "action"),
    [
        ("generate", 0, 0, "generate"),
        ("generate", 0, 1, "auto"),
        ("generate", 1, 0, "edit"),
        ("edit", 1, 0, "edit"),
        ("edit", 2, 3, "edit"),
        ("edit", 0, 1, "auto"),
        ("chat", 0, 0, "auto"),
        ("chat", 1, 0, "auto"),
        ("chat", 0, 1, "auto"),
    ],
)
def test_the_action_is_always_said_and_never_edit_without_a_picture(
    intent: Intent, editing: int, references: int, action: Action
) -> None:
    assert action_for(intent, editing, references) == action


def test_what_is_worth_saying_before_money_is_spent_is_said() -> None:
    careful, documented = Dialect(name="generic"), Dialect(name="x", moderation_param=True)
    low = ImageOptions(moderation="low")

    assert notices(ImageOptions(), careful) == ()
    assert "3840x2160" in notices(ImageOptions(size="3840x2160"), careful)[0]
    assert "moderation low was left out" in notices(low, careful)[0]
    assert notices(low, documented) == ()
