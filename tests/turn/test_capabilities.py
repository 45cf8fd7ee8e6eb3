from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import UsageError
from agent.schema import ImageOptions
from agent.turn.capabilities import (
    check,
    is_large,
    model_facts,
    nearest_legal_size,
    notices,
    parse_size,
    size_problems,
)


def allowed(**options: Any) -> None:
    check(ImageOptions.model_validate(options), editing=0, has_mask=False)


def refused(editing: int = 0, *, has_mask: bool = False, **options: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        check(ImageOptions.model_validate(options), editing=editing, has_mask=has_mask)
    return caught.value


def test_the_defaults_are_legal() -> None:
    allowed()


# ── sizes (R20, R21) ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "size",
    [
        "auto",
        "1024x1024",
        "1536x1024",
        "1024x1536",
        "2048x2048",
        "2048x1152",
        "3840x2160",
        "2160x3840",
        "1536x864",
        "1440x480",
        "2880x2880",
    ],
)
def test_sizes_the_seeds_list_are_legal(size: str) -> None:
    allowed(size=size)


@pytest.mark.parametrize(
    ("size", "rule", "nearest"),
    [
        ("1000x1000", "multiples of 16 (1000 is not)", "1008x1008"),
        ("1000x1001", "multiples of 16 (1000 and 1001 are not)", "1008x1008"),
        ("5000x5000", "no edge may exceed 3840", "2880x2880"),
        ("4096x1024", "at most 3 times the short one", "3552x1184"),
        ("2560x640", "at most 3 times the short one", "2208x736"),
        ("512x512", "at least 655,360 are needed", "816x816"),
        ("256x256", "at least 655,360 are needed", "816x816"),
        ("3840x3840", "at most 8,294,400 are possible", "2880x2880"),
        ("0x0", "at least 655,360 are needed", "816x816"),
    ],
)
def test_an_illegal_size_is_told_its_rule_and_the_nearest_legal_one(
    size: str, rule: str, nearest: str
) -> None:
    error = refused(size=size)
    assert rule in str(error)
    assert error.hint == f"nearest legal size: {nearest}"


def test_every_broken_rule_is_told_at_once() -> None:
    assert len(size_problems(99_999, 1)) == 4
    assert len(size_problems(5000, 4998)) == 3


@pytest.mark.parametrize("size", ["big", "", "1024", "1024x", "-16x16", "١٦x16", "9" * 9 + "x16"])
def test_a_word_that_is_no_size_is_told_what_a_size_looks_like(size: str) -> None:
    error = refused(size=size)
    assert "WIDTHxHEIGHT" in str(error)
    assert "1536x1024" in error.hint


@pytest.mark.parametrize("size", ["1024X1024", " 1024×1024", "1024 x 1024 px", "1024*1024"])
def test_a_size_written_otherwise_is_told_how_to_write_it(size: str) -> None:
    assert refused(size=size).hint == "nearest legal size: 1024x1024"


def test_sizes_are_parsed_to_pixels_and_auto_to_none() -> None:
    assert parse_size("1536x864") == (1536, 864)
    assert parse_size("auto") is None


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_the_nearest_legal_size_is_legal_and_lies_the_same_way(width: int, height: int) -> None:
    wide, high = nearest_legal_size(width, height)
    assert size_problems(wide, high) == ()
    if width >= height:
        assert wide >= high or width * 0.97 < height
    if width and not size_problems(width, height):
        assert (wide, high) == (width, height)


@pytest.mark.parametrize(
    ("size", "large"),
    [
        ("2560x1440", False),
        ("2576x1440", True),
        ("3840x2160", True),
        ("auto", False),
        ("big", False),
    ],
)
def test_large_begins_above_2560x1440(size: str, large: bool) -> None:
    assert is_large(size) is large


@pytest.mark.parametrize("model", ["gpt-image-1.5", "gpt-image-1-mini", "chatgpt-image-latest"])
def test_older_models_draw_only_the_standard_sizes(model: str) -> None:
    allowed(model=model, size="1536x1024")
    allowed(model=model, size="auto")
    error = refused(model=model, size="1536x864")
    assert f"{model} draws only 1024x1024, 1536x1024, 1024x1536" in str(error)
    assert "nearest legal size: 1536x1024" in error.hint


# ── models (C7, C9) ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "since"),
    [("gpt-image-1", "2026-10-23"), ("dall-e-2", "2026-05-12"), ("dall-e-3", "2026-05-12")],
)
def test_a_retired_model_is_told_since_when_and_what_follows_it(model: str, since: str) -> None:
    error = refused(model=model)
    assert f"shut down on {since}" in str(error)
    assert "gpt-image-2" in error.hint


@pytest.mark.parametrize(
    ("model", "known_as"),
    [
        ("gpt-image-2", "gpt-image-2"),
        ("gpt-image-2-2026-04-21", "gpt-image-2"),
        ("openai/gpt-image-2", "gpt-image-2"),
        ("gpt-image-2.5-flare-2026-09-08", "gpt-image-2.5-flare"),
        ("gpt-image-2.6-sunburst", "gpt-image-2.6-sunburst"),
        ("gpt-image-1.5-2025-12-16", "gpt-image-1.5"),
    ],
)
def test_snapshots_and_prefixed_names_have_the_facts_of_their_model(
    model: str, known_as: str
) -> None:
    facts = model_facts(model)
    assert (facts.name, facts.known) == (known_as, True)


def test_an_unknown_model_is_held_to_the_size_rules_and_told() -> None:
    strange: dict[str, Any] = {"model": "seedream-9", "quality": "max", "output_format": "svg"}
    allowed(**strange, background="auto", tool_options={"input_fidelity": "high"})
    assert "multiples of 16" in str(refused(**strange, size="1000x1000"))
    assert "seedream-9 is not known here" in notices(ImageOptions.model_validate(strange))[0]


def test_nothing_is_noticed_about_a_plain_request() -> None:
    assert notices(ImageOptions()) == ()


def test_a_large_size_and_unchecked_options_are_noticed() -> None:
    told = notices(ImageOptions(size="3840x2160", tool_options={"style": "x", "complexity": "low"}))
    assert "above 2560x1440" in told[0]
    assert told[1] == "passed through unchecked: complexity, style"


# ── quality, format, background, fidelity (R22-R25, R37, C2, C3) ─────────────────────────────


@pytest.mark.parametrize("quality", ["xhigh", "max"])
def test_the_finest_qualities_begin_with_2_5(quality: str) -> None:
    allowed(model="gpt-image-2.5-sunburst", quality=quality)
    allowed(model="gpt-image-2.6-flare", quality=quality)
    error = refused(quality=quality)
    assert "gpt-image-2 has only low, medium, high, auto" in str(error)
    assert "gpt-image-2.5-sunburst" in error.hint


@pytest.mark.parametrize("format_", ["gif", "svg"])
def test_gif_and_svg_only_where_they_are_known(format_: str) -> None:
    allowed(model="gpt-image-2.5-flare", output_format=format_)
    assert "gpt-image-2 has only png, jpeg, webp" in str(refused(output_format=format_))


@pytest.mark.parametrize(("format_", "legal"), [("png", False), ("jpeg", True), ("webp", True)])
def test_compression_is_for_jpeg_and_webp(format_: str, legal: bool) -> None:
    options: dict[str, Any] = {"output_format": format_, "output_compression": 80}
    if legal:
        allowed(**options)
    else:
        assert "only jpeg and webp" in str(refused(**options))


def test_a_gif_has_no_partials_no_mask_and_no_compression() -> None:
    gif: dict[str, Any] = {"model": "gpt-image-2.5-flare", "output_format": "gif"}
    assert "partial images" in str(refused(**gif, partial_images=1))
    assert "mask" in str(refused(1, has_mask=True, **gif))
    assert "not gif" in str(refused(**gif, output_compression=5))


def test_a_transparent_background_needs_a_format_that_holds_it() -> None:
    error = refused(model="gpt-image-1.5", background="transparent", output_format="jpeg")
    assert "png or webp" in error.hint
    allowed(model="gpt-image-1.5", background="transparent", output_format="webp")


def test_transparency_in_preview_waits_for_a_server_that_has_shown_it() -> None:
    options = ImageOptions(background="transparent")
    assert "only in preview" in str(refused(background="transparent"))
    check(options, editing=0, has_mask=False, transparency=True)


@pytest.mark.parametrize(
    ("model", "value", "legal"),
    [
        ("gpt-image-2", None, True),
        ("gpt-image-1.5", "high", True),
        ("gpt-image-1-mini", "low", True),
        ("gpt-image-1-mini", "high", False),
        ("gpt-image-2.5-flare", "high", True),
        ("gpt-image-2", "high", False),
    ],
)
def test_input_fidelity_goes_only_where_it_is_taken(
    model: str, value: str | None, legal: bool
) -> None:
    options: dict[str, Any] = {"model": model, "tool_options": {"input_fidelity": value}}
    if legal:
        allowed(**options)
    else:
        assert "input_fidelity" in str(refused(**options))


# ── pictures and tool options ────────────────────────────────────────────────────────────────


def test_a_mask_needs_a_picture() -> None:
    assert "needs a picture" in str(refused(0, has_mask=True))
    check(ImageOptions(), editing=1, has_mask=True)


def test_sixteen_pictures_fit_and_seventeen_do_not() -> None:
    check(ImageOptions(), editing=16, has_mask=False)
    assert "at most 16" in str(refused(17))


def test_unknown_tool_options_pass_through() -> None:
    allowed(tool_options={"style": "vivid", "frame_count": 9, "n": 2})


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("size", "3840x2160", "use --size"),
        ("model", "gpt-image-1.5", "use --image-model"),
        ("quality", "high", "use --quality"),
        ("output_format", "svg", "use --output-format"),
        ("type", "web_search", "leave it out"),
        ("action", "edit", "leave it out"),
    ],
)
def test_a_tool_option_cannot_slip_past_the_checks_of_its_own_option(
    key: str, value: str, hint: str
) -> None:
    error = refused(tool_options={key: value})
    assert f"tool option {key}: it is set elsewhere" in str(error)
    assert error.hint == hint


def test_a_value_newer_than_our_list_may_pass_through() -> None:
    allowed(tool_options={"quality": "ultra", "moderation": ["odd"]})
