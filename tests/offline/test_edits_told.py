"""Edits in plain words: lettering without quotation marks, and what was not understood is said."""

from __future__ import annotations

import pytest

from agent.offline.art.edits import edit
from agent.offline.art.parse import scene_of, with_quotes
from agent.offline.art.render import render
from agent.offline.art.scene import Scene

from .calling import calls_of, picture_of, respond, server, showing, stream, text_of, types_of

SIZE = (256, 160)


def edited(instruction: str, scene: Scene) -> Scene:
    result = edit(instruction, render(scene, SIZE), scene, None, SIZE)
    assert result.scene is not None
    assert result.note is None
    return result.scene


@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        ("加一行字：今夜有风", "今夜有风"),
        ("加上文字: 秋天的雪", "秋天的雪"),
        ("add text: Grand Opening", "Grand Opening"),
        ("add the caption Summer Sale 20%", "Summer Sale 20%"),
        ("please write the words saying good night.", "good night"),
    ],
)
def test_words_to_letter_need_no_quotation_marks_and_change_nothing_else(
    instruction: str, text: str
) -> None:
    scene = scene_of("a lighthouse at noon")

    changed = edited(instruction, scene)

    assert text in (changed.title, *changed.lines)
    assert (changed.light, changed.season, changed.tones) == (
        scene.light,
        scene.season,
        scene.tones,
    )


@pytest.mark.parametrize(
    "instruction",
    [
        "add the words “Grand Opening”",
        "add text at the top",
        "make it night",
        "add a line of birds",
        "加一条船",
    ],
)
def test_words_that_are_no_lettering_get_no_quotation_marks(instruction: str) -> None:
    assert with_quotes(instruction) == instruction


def test_a_part_of_the_subject_is_recoloured_and_not_the_whole_picture() -> None:
    scene = scene_of("a lighthouse at noon")

    changed = edited("make the tower blue", scene)

    assert changed.accent != scene.accent
    assert changed.tones == scene.tones


async def test_a_change_that_was_not_understood_is_said_in_the_answer() -> None:
    offline = server()
    first = picture_of(await respond(offline, "a lighthouse at noon"))
    asked = showing("make it more quixotic", first)

    answer = await respond(offline, asked)
    events = await stream(offline, asked)

    assert "did not understand this change" in text_of(answer)
    assert "did not understand this change" in calls_of(answer)[0]["revised_prompt"]
    told = [event["text"] for event in events if event["type"] == "response.output_text.done"]
    assert "did not understand" in told[0]
    assert types_of(events)[-1] == "response.completed"


async def test_a_change_that_was_understood_needs_no_words() -> None:
    offline = server()
    first = picture_of(await respond(offline, "a lighthouse at noon"))

    assert "did not understand" not in text_of(
        await respond(offline, showing("make it night", first))
    )
