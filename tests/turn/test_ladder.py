"""Which step comes next, and after which failures: R49."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.schema import Failure, FailureCode, ImageOptions, Outcome, Quality
from agent.turn import capabilities, ladder


def way_down(size: str, quality: Quality) -> list[str]:
    """Every step, as ``size quality``."""
    told, options = [], ImageOptions(size=size, quality=quality)
    while (lower := ladder.below(options)) is not None:
        assert ladder.step(options, lower)["from"] == f"{options.size} {options.quality}"
        told.append(ladder.step(options, lower)["to"])
        options = lower
    return told


@pytest.mark.parametrize(
    ("size", "quality", "steps"),
    [
        ("3840x2160", "high", ["3840x2160 medium", "1536x864 medium"]),
        ("2160x3840", "high", ["2160x3840 medium", "864x1536 medium"]),
        ("3840x2160", "medium", ["1536x864 medium"]),
        ("3840x2160", "low", ["1536x864 low"]),
        ("3840x1280", "auto", ["3840x1280 medium", "1536x512 medium"]),
        ("2880x2880", "max", ["2880x2880 medium", "1536x1536 medium"]),
        ("2048x1536", "xhigh", ["2048x1536 medium", "1536x1152 medium"]),
        ("1536x1024", "high", ["1536x1024 medium"]),
        ("1024x1024", "medium", []),
        ("auto", "high", ["auto medium"]),
        ("auto", "low", []),
    ],
)
def test_first_the_quality_goes_down_and_then_the_size(
    size: str, quality: Quality, steps: list[str]
) -> None:
    assert way_down(size, quality) == steps


def test_a_step_changes_nothing_else() -> None:
    asked = ImageOptions(
        size="3840x2160", quality="high", output_format="webp", background="opaque"
    )

    lower = ladder.below(asked)

    assert lower == asked.model_copy(update={"quality": "medium"})


@given(st.integers(1, 240), st.integers(1, 240))
def test_the_smaller_size_is_legal_and_of_nearly_the_same_shape(wide: int, high: int) -> None:
    size = (wide * 16, high * 16)
    if capabilities.size_problems(*size):
        return

    width, height = ladder.smaller(size)

    assert capabilities.size_problems(width, height) == ()
    assert max(width, height) <= ladder.LONG_EDGE
    assert (width >= height) == (size[0] >= size[1])
    assert abs(width / height / (size[0] / size[1]) - 1) < 0.02


@pytest.mark.parametrize(
    ("outcome", "code", "may"),
    [
        ("failed", "transient", True),
        ("failed", "invalid_parameter", True),
        ("failed", "no_image", True),
        ("empty", "empty", True),
        ("unknown", "transient", False),
        ("unknown", "truncated", False),
        ("refused", "moderation_blocked", False),
        ("text", "no_image", False),
        ("failed", "authentication", False),
        ("failed", "budget", False),
        ("failed", "quota", False),
        ("failed", "usage_window", False),
        ("failed", "rate_limited", False),
        ("failed", "capability_missing", False),
        ("failed", "not_implemented", False),
    ],
)
def test_only_a_known_failure_that_a_smaller_picture_may_cure_is_stepped_down_from(
    outcome: Outcome, code: FailureCode, *, may: bool
) -> None:
    assert ladder.may_step_down(outcome, Failure(code=code, message="x")) is may


def test_what_worked_is_not_stepped_down_from() -> None:
    assert not ladder.may_step_down("image", None)


@pytest.mark.parametrize(
    ("asked", "drawn", "size"),
    [
        ("3840x2160", "1536x864", (3840, 2160)),
        ("3840x2160", "3840x2160", None),
        ("1024x1024", "1536x864", None),
        ("auto", "1536x864", None),
        (None, "1536x864", None),
        ("3840x2160", None, None),
    ],
)
def test_only_what_is_smaller_than_asked_for_is_enlarged(
    asked: str | None, drawn: str | None, size: tuple[int, int] | None
) -> None:
    assert ladder.to_be_enlarged(asked, drawn) == size
