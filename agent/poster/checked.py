"""What ``brief check`` says of a file: every problem at once, what it will make, what it may cost."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal

from ..safety.policy import Policy
from ..schema import Record
from ..traffic import Profile
from ..turn.pricing import prices_for
from .brief import Brief, BriefError, Problem
from .layout import layout_for, overfull
from .plan import plan_of
from .screened import objection, screened

Outcome = Literal["ok", "wrong", "refused"]


class BriefCheck(Record):
    """A line of ``brief check --json``."""

    type: Literal["brief.check"] = "brief.check"
    file: str
    name: str = ""
    outcome: Outcome
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    sizes: tuple[str, ...] = ()
    posters: int = 0
    pictures: int = 0
    cheapest: Decimal | None = None
    """``null``: not known."""
    dearest: Decimal | None = None
    currency: str = ""


def broken(file: str, error: BriefError) -> BriefCheck:
    """Of a brief that cannot be made at all."""
    return BriefCheck(file=file, outcome="wrong", problems=error.problems)


def checked(
    file: str, brief: Brief, *, policy: Policy, profile: Profile, folder: Path
) -> BriefCheck:
    """Of a brief that loads: does all fit, may it be made, what does it come to.

    By the prices of ``profile``, whose own table lies in ``folder`` (``SettingsError``).
    """
    model = None if profile.via == "images" else profile.model
    plan = plan_of(brief, prices_for(profile, folder=folder), model)
    tight = tuple(
        problem for spec in brief.sizes for problem in overfull(brief, layout_for(brief, spec))
    )
    refused = objection(brief, screened(brief, policy))
    told = {str(problem) for problem in tight}
    return BriefCheck(
        file=file,
        name=brief.name,
        outcome="wrong" if tight else "refused" if refused else "ok",
        problems=(*tight, *((refused,) if refused else ())),
        warnings=tuple(warning for warning in plan.warnings if warning not in told),
        notes=plan.notes,
        locales=brief.locales,
        sizes=tuple(spec.name for spec in brief.sizes),
        posters=len(plan.cells),
        pictures=len(plan.pictures),
        cheapest=plan.cheapest.amount,
        dearest=plan.dearest.amount,
        currency=plan.cheapest.currency,
    )
