"""Models that OpenAI has shut down, by the rules they had, where a gateway still serves them."""

from __future__ import annotations

from typing import Any

import pytest

from agent.errors import UsageError
from agent.schema import ImageOptions
from agent.traffic import PictureData
from agent.turn.capabilities import (
    check,
    check_inputs,
    check_prompt,
    leave_out,
    legacy_facts,
    notices,
)
from tests.conftest import png

D2, D3, G1 = "dall-e-2", "dall-e-3", "gpt-image-1"
TOOL = "tool_options"


def options(model: str, **given: Any) -> ImageOptions:
    return ImageOptions.model_validate({"model": model, **given})


def picture(width: int, height: int, *, kind: str = "image/png", size: int = 0) -> PictureData:
    data = png(width, height)
    return PictureData(data + b"\0" * max(size - len(data), 0), kind)


@pytest.mark.parametrize(
    ("model", "given", "editing", "mask", "reason"),
    [
        # the sizes of R19
        (D2, {"size": "256x256"}, 0, False, None),
        (D2, {"size": "512x512"}, 0, False, None),
        (D2, {"size": "1024x1024"}, 0, False, None),
        (D2, {"size": "1792x1024"}, 0, False, "draws only 256x256, 512x512, 1024x1024"),
        (D3, {"size": "1792x1024"}, 0, False, None),
        (D3, {"size": "1024x1792"}, 0, False, None),
        (D3, {"size": "512x512"}, 0, False, "draws only 1024x1024, 1792x1024, 1024x1792"),
        (D3, {"size": "auto"}, 0, False, None),
        (D3, {"size": "big"}, 0, False, "must be WIDTHxHEIGHT"),
        (G1, {"size": "1536x1024"}, 0, False, None),
        (G1, {"size": "2048x2048"}, 0, False, "draws only 1024x1024, 1536x1024, 1024x1536"),
        # R22: words of quality; our default is no word of theirs and is left out
        (D2, {}, 0, False, None),
        (D2, {"quality": "auto"}, 0, False, None),
        (D2, {"quality": "high"}, 0, False, "quality high: dall-e-2 has only standard"),
        (D2, {TOOL: {"quality": "hd"}}, 0, False, "quality hd: dall-e-2 has only standard"),
        (D3, {TOOL: {"quality": "hd"}}, 0, False, None),
        (D3, {TOOL: {"quality": "standard"}}, 0, False, None),
        (D3, {TOOL: {"quality": "medium"}}, 0, False, "has only standard, hd"),
        (G1, {"quality": "high"}, 0, False, None),
        (G1, {"quality": "xhigh"}, 0, False, "has only low, medium, high, auto"),
        # the styles of R30
        (D3, {TOOL: {"style": "vivid"}}, 0, False, None),
        (D3, {TOOL: {"style": "natural"}}, 0, False, None),
        (D3, {TOOL: {"style": "baroque"}}, 0, False, "style baroque: dall-e-3 has only"),
        (D2, {TOOL: {"style": "vivid"}}, 0, False, "style vivid: dall-e-2 has none"),
        (G1, {TOOL: {"style": "vivid"}}, 0, False, "style vivid: gpt-image-1 has none"),
        # R18: how many
        (D2, {TOOL: {"n": 10}}, 0, False, None),
        (D2, {TOOL: {"n": 11}}, 0, False, "draws 1 to 10"),
        (D3, {TOOL: {"n": 2}}, 0, False, "n=2: dall-e-3 draws 1 to 1"),
        (G1, {TOOL: {"n": "two"}}, 0, False, "draws 1 to 10"),
        # R23-R26: what only the GPT image models know
        (D3, {"background": "transparent"}, 0, False, "background: dall-e-3 does not know it"),
        (D3, {"moderation": "low"}, 0, False, "moderation: dall-e-3 does not know it"),
        (D3, {"partial_images": 1}, 0, False, "partial_images: dall-e-3 does not know it"),
        (D3, {"output_format": "jpeg"}, 0, False, "output format jpeg: dall-e-3 has only png"),
        (D3, {"output_compression": 50}, 0, False, "output_compression: dall-e-3 does not"),
        (G1, {"background": "transparent", "output_format": "webp"}, 0, False, None),
        (G1, {"output_format": "jpeg", "output_compression": 50}, 0, False, None),
        (G1, {"output_compression": 50}, 0, False, "only jpeg and webp are compressed"),
        (G1, {"moderation": "low", "partial_images": 2}, 0, False, None),
        (G1, {TOOL: {"input_fidelity": "high"}}, 1, False, None),
        # R35, R36: edits
        (D2, {}, 1, True, None),
        (D2, {}, 2, False, "input pictures: 2; dall-e-2 takes at most 1"),
        (D2, {}, 0, True, "a mask needs a picture"),
        (D3, {}, 1, False, "dall-e-3 cannot edit"),
        (G1, {}, 16, True, None),
        (G1, {}, 17, False, "takes at most 16"),
    ],
)
def test_an_old_model_keeps_to_its_rules(
    model: str, given: dict[str, Any], editing: int, mask: bool, reason: str | None
) -> None:
    asked = options(model, **given)
    if reason is None:
        check(asked, editing=editing, has_mask=mask, legacy=True)
        return
    with pytest.raises(UsageError) as caught:
        check(asked, editing=editing, has_mask=mask, legacy=True)
    assert reason in str(caught.value)


@pytest.mark.parametrize("model", [D2, D3, G1, "openai/dall-e-3"])
def test_where_nobody_serves_it_any_more_an_old_model_is_refused(model: str) -> None:
    with pytest.raises(UsageError, match="shut down on 2026-"):
        check(options(model), editing=0, has_mask=False)


@pytest.mark.parametrize(
    ("model", "most"), [(D2, 1000), (D3, 4000), (G1, 32_000), ("gpt-image-2", 32_000)]
)
def test_a_prompt_may_be_as_long_as_the_model_reads(model: str, most: int) -> None:
    check_prompt(model, "x" * most)
    with pytest.raises(UsageError, match=f"reads {most:,}"):
        check_prompt(model, "x" * (most + 1))


@pytest.mark.parametrize(
    ("model", "given", "mask", "reason"),
    [
        (D2, picture(64, 64), None, None),
        (D2, picture(64, 64), picture(64, 64), None),
        (D2, picture(64, 32), None, "picture 1 is 64x32: dall-e-2 edits only squares"),
        (D2, picture(64, 64, kind="image/jpeg"), None, "image/jpeg: dall-e-2 takes png"),
        (D2, picture(64, 64, size=4_000_000), None, "takes less than 4,000,000"),
        (D2, picture(64, 64, size=3_999_999), None, None),
        (D2, picture(64, 64), picture(64, 64, size=4_000_000), "the mask has 4,000,000 bytes"),
        (G1, picture(64, 32, kind="image/jpeg", size=5_000_000), None, None),
        (G1, picture(64, 32, kind="image/webp"), None, None),
        (G1, picture(64, 32, kind="image/gif"), None, "gpt-image-1 takes png, webp, jpeg"),
        (G1, picture(64, 32, size=25_000_000), None, "takes less than 25,000,000"),
        ("gpt-image-2", picture(64, 32, kind="image/gif", size=30_000_000), None, None),
    ],
)
def test_an_old_model_takes_only_such_pictures(
    model: str, given: PictureData, mask: PictureData | None, reason: str | None
) -> None:
    if reason is None:
        check_inputs(model, (given,), mask)
        return
    with pytest.raises(UsageError) as caught:
        check_inputs(model, (given,), mask)
    assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        (D2, {}, {"size"}),
        (D2, {"size": "auto"}, set()),
        (D2, {TOOL: {"quality": "standard"}}, {"size", "quality"}),
        (G1, {"size": "auto"}, {"size", "quality", "background", "input_fidelity", "stream"}),
        ("gpt-image-2", {}, {"size", "quality", "background", "stream"}),
        ("gpt-image-1.5", {}, {"size", "quality", "background", "input_fidelity", "stream"}),
    ],
)
def test_only_fields_that_the_model_knows_are_sent(
    model: str, given: dict[str, Any], sent: set[str]
) -> None:
    fields = {"size", "quality", "background", "input_fidelity", "stream"}

    assert fields - leave_out(options(model, **given)) == sent


def test_an_address_is_the_default_answer_of_the_oldest_alone() -> None:
    """R29."""
    asks = {name: old.asks_for_bytes for name in (D2, D3, G1) if (old := legacy_facts(name))}

    assert asks == {D2: True, D3: True, G1: False}
    assert legacy_facts("gpt-image-2") is None


def test_nothing_is_noticed_about_an_old_model() -> None:
    assert notices(options(D3)) == ()
