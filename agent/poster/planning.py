"""How a brief is to be made, and its plan on the server in use."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final

from .. import ImageAgent
from ..errors import UsageError
from .brief import Brief, BriefError
from .layout import layout_for, overfull
from .plan import Plan, plan_of

AT_ONCE: Final = 3
"""Pictures under way; the profile's own limits hold besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeOptions:
    """How a brief is made. ``budget`` is the lower of this and the brief's own."""

    out: Path = Path("out")
    sizes: tuple[str, ...] = ()
    """Names of those to make now; empty: all. The others stay as they are."""
    locales: tuple[str, ...] = ()
    budget: Decimal | None = None
    at_once: int = AT_ONCE
    cmyk: Path | None = None
    """An ICC profile that PDFs are converted to."""
    acknowledge: tuple[str, ...] = ()
    acknowledged_by: str | None = None
    user: str | None = None
    cwd: str | None = None


def plan_for(brief: Brief, agent: ImageAgent, options: MakeOptions | None = None) -> Plan:
    """What :func:`make` would do: at the prices of the agent's server, and with its image model."""
    kit, chosen = agent.kit, options or MakeOptions()
    profile = kit.upstream.profile
    model = profile.text_model(profile.model)
    brief = selected_sizes(with_model(brief, agent), chosen.sizes)
    plan = plan_of(brief, kit.prices, model)
    if not chosen.locales:
        return plan
    # a picture serves every locale, so it is planned with all of them, and only then left out
    cells = tuple(cell for cell in plan.cells if cell.locale in _known(brief, chosen.locales))
    keys = {cell.picture for cell in cells}
    priced = plan_of(_in_locales(brief, chosen.locales), kit.prices, model)
    return plan.model_copy(
        update={
            "cells": cells,
            "pictures": tuple(one for one in plan.pictures if one.key in keys),
            "cheapest": priced.cheapest,
            "dearest": priced.dearest,
        }
    )


def with_model(brief: Brief, agent: ImageAgent) -> Brief:
    """A brief that names no image model is made with that of the server."""
    if "model" in brief.options.model_fields_set:
        return brief
    options = brief.options.model_copy(update={"model": agent.kit.image_model})
    return brief.model_copy(update={"options": options})


def selected_sizes(brief: Brief, names: tuple[str, ...]) -> Brief:
    """Only these sizes, in the order of the brief; ``UsageError`` for one that it has not."""
    there = tuple(spec.name for spec in brief.sizes)
    for name in names:
        if name not in there:
            raise UsageError(
                f"{brief.name} has no size {name!r}.", hint=f"there are {', '.join(there)}"
            )
    kept = tuple(spec for spec in brief.sizes if not names or spec.name in names)
    return brief.model_copy(update={"sizes": kept})


def _known(brief: Brief, locales: tuple[str, ...]) -> tuple[str, ...]:
    for locale in locales:
        if locale not in brief.locales:
            raise UsageError(
                f"{brief.name} has no locale {locale!r}.",
                hint=f"there are {', '.join(brief.locales)}",
            )
    return locales


def _in_locales(brief: Brief, locales: tuple[str, ...]) -> Brief:
    """In fewer locales, each line lettered as it is with all of them."""
    lines = tuple(
        line.model_copy(update={"lettering": brief.lettering_of(line)}) for line in brief.lines
    )
    return brief.model_copy(update={"locales": locales, "lines": lines})


def fitting(brief: Brief, sizes: tuple[str, ...] = ()) -> None:
    """Raises ``BriefError`` for texts that do not fit, before anything is paid."""
    asked = selected_sizes(brief, sizes).sizes
    problems = tuple(
        problem for spec in asked for problem in overfull(brief, layout_for(brief, spec))
    )
    if problems:
        raise BriefError(problems, name=brief.source or brief.name)
