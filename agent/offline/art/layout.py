"""Where things go: the zones of each aspect family, in fractions of the picture.

The subject and the texts never share ground. Without lettering the subject is given more room;
the first title makes it step aside, as a designer would.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ...typeset.boxes import Box

Family = Literal["tall", "portrait", "square", "landscape", "wide"]


@dataclass(frozen=True)
class Plan:
    """The zones of one aspect family. `stacked` footers are set as a column on the left."""

    title: Box
    subtitle: Box
    footer: Box
    subject: Box
    horizon: float
    stacked: bool


PLANS: dict[Family, Plan] = {
    "tall": Plan(
        title=Box(0.08, 0.05, 0.92, 0.225),
        subtitle=Box(0.08, 0.235, 0.92, 0.275),
        footer=Box(0.08, 0.885, 0.92, 0.955),
        subject=Box(0.06, 0.33, 0.94, 0.84),
        horizon=0.66,
        stacked=True,
    ),
    "portrait": Plan(
        title=Box(0.075, 0.055, 0.925, 0.245),
        subtitle=Box(0.075, 0.258, 0.925, 0.296),
        footer=Box(0.075, 0.885, 0.925, 0.95),
        subject=Box(0.10, 0.335, 0.90, 0.835),
        horizon=0.66,
        stacked=False,
    ),
    "square": Plan(
        title=Box(0.065, 0.06, 0.935, 0.235),
        subtitle=Box(0.065, 0.25, 0.935, 0.288),
        footer=Box(0.065, 0.885, 0.935, 0.945),
        subject=Box(0.12, 0.325, 0.88, 0.835),
        horizon=0.68,
        stacked=False,
    ),
    "landscape": Plan(
        title=Box(0.05, 0.085, 0.475, 0.47),
        subtitle=Box(0.05, 0.495, 0.475, 0.555),
        footer=Box(0.05, 0.77, 0.475, 0.92),
        subject=Box(0.525, 0.13, 0.95, 0.86),
        horizon=0.70,
        stacked=True,
    ),
    "wide": Plan(
        title=Box(0.035, 0.10, 0.42, 0.47),
        subtitle=Box(0.035, 0.49, 0.42, 0.565),
        footer=Box(0.035, 0.74, 0.42, 0.9),
        subject=Box(0.47, 0.1, 0.95, 0.88),
        horizon=0.72,
        stacked=True,
    ),
}


def family_of(size: tuple[int, int]) -> Family:
    """The aspect family of a picture of (width, height) pixels."""
    ratio = size[0] / size[1]
    if ratio < 0.5:
        return "tall"
    if ratio < 0.86:
        return "portrait"
    if ratio < 1.17:
        return "square"
    return "landscape" if ratio < 2.2 else "wide"


_FREE: dict[Family, Box] = {
    "tall": Box(0.06, 0.24, 0.94, 0.86),
    "portrait": Box(0.08, 0.21, 0.92, 0.86),
    "square": Box(0.12, 0.17, 0.88, 0.865),
    "landscape": Box(0.34, 0.11, 0.86, 0.875),
    "wide": Box(0.30, 0.09, 0.80, 0.89),
}


_MIDDLE: dict[Family, Box] = {
    **_FREE,
    "landscape": Box(0.24, 0.11, 0.76, 0.875),
    "wide": Box(0.25, 0.09, 0.75, 0.89),
}


def plan_of(size: tuple[int, int], *, lettered: bool = True, middle: bool = False) -> Plan:
    """The zones for a picture of (width, height) pixels; `middle` sets the subject there."""
    family = family_of(size)
    plan = PLANS[family]
    if middle:
        return replace(plan, subject=_MIDDLE[family])
    return plan if lettered else replace(plan, subject=_FREE[family])


def fit_box(box: Box, size: tuple[int, int], ratio: float, anchor: float = 0.5) -> Box:
    """The largest box of width/height `ratio` (in pixels) inside `box`, standing on its floor.

    `anchor` slides it from the left (0) to the right (1).
    """
    width, height = box.width * size[0], box.height * size[1]
    if width / height > ratio:
        width = height * ratio
    else:
        height = width / ratio
    u, v = width / size[0], height / size[1]
    x0 = box.x0 + (box.width - u) * anchor
    return Box(x0, box.y1 - v, x0 + u, box.y1)
