"""The steps down from a picture that could not be drawn to one that can (R49).

4K at high quality, then 4K at medium, then the same shape with a long edge of about 1536 pixels,
which is enlarged afterwards. Only when asked for, and only after a failure that is known.
"""

from __future__ import annotations

from math import log
from typing import Final

from ..schema import Failure, FailureCode, ImageOptions, Outcome, Quality
from .capabilities import EDGE_STEP, Size, parse_size, size_problems

LONG_EDGE: Final = 1536
"""Pixels; every GPT image model draws that large (R19)."""
_LEAST_EDGE: Final = 1280
_DEARER: Final[frozenset[Quality]] = frozenset({"high", "xhigh", "max", "auto"})
"""``auto`` may be any of them."""
_HELPED: Final[frozenset[FailureCode]] = frozenset(
    {"transient", "invalid_parameter", "malformed", "no_image", "empty"}
)
"""What a smaller request may cure; a key, a limit, a budget or a missing tool it does not."""


def may_step_down(outcome: Outcome, failure: Failure | None) -> bool:
    """Never after a refusal, an answer in words, or a result that is not known."""
    return outcome in ("failed", "empty") and failure is not None and failure.code in _HELPED


def below(options: ImageOptions) -> ImageOptions | None:
    """The next step down; ``None`` at the bottom. First the quality, then the size."""
    if options.quality in _DEARER:
        return options.model_copy(update={"quality": "medium"})
    size = parse_size(options.size)
    if size is None or max(size) <= LONG_EDGE:
        return None
    width, height = smaller(size)
    return options.model_copy(update={"size": f"{width}x{height}"})


def smaller(size: Size) -> Size:
    """The legal size of the 1536 class that is nearest in shape, the largest of equals."""
    wanted = log(size[0] / size[1])
    edges = range(_LEAST_EDGE, LONG_EDGE + 1, EDGE_STEP)
    shorter = range(EDGE_STEP, LONG_EDGE + 1, EDGE_STEP)
    wide = [(long, short) for long in edges for short in shorter if short <= long]
    found = wide if size[0] >= size[1] else [(short, long) for long, short in wide]
    legal = [(w, h) for w, h in found if not size_problems(w, h)]
    return min(legal, key=lambda s: (round(abs(log(s[0] / s[1]) - wanted), 9), -s[0] * s[1]))


def step(above: ImageOptions, now: ImageOptions) -> dict[str, str]:
    """What is told of it: ``{"from": "3840x2160 high", "to": "3840x2160 medium"}``."""
    return {"from": f"{above.size} {above.quality}", "to": f"{now.size} {now.quality}"}


def to_be_enlarged(asked: str | None, drawn: str | None) -> Size | None:
    """The size that was asked for at first, where what was drawn is smaller."""
    wanted, got = parse_size(asked or "auto"), parse_size(drawn or "auto")
    if wanted is None or got is None or got[0] * got[1] >= wanted[0] * wanted[1]:
        return None
    return wanted
