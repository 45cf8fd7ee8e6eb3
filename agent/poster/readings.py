"""What a reader says of a picture: of an earlier run, or asked now, within the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..schema import Cost, Failure
from ..typeset.boxes import Pixels
from .journal import Step
from .plan import reading_cost
from .proof import Proof
from .purse import total
from .reading_back import Area, ReadBack, View, read_back
from .records import PictureRead
from .shop import Shop

BELIEVED_AFTER: Final = 2
"""Proofs by a reader who misreads a control, before its word is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is to be read. ``key`` and ``of`` name it, in every run alike."""

    picture: str
    key: str
    of: str
    view: View
    areas: Sequence[Area]
    known: Sequence[str] = ()
    """What else belongs on it."""
    sample: str
    """Words in its script, for controls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """``failure``: nobody was reached, or the budget does not cover it; then nothing is proved."""

    proof: Proof | None = None
    cost: Cost | None = None
    """Of what was asked now."""
    failure: Failure | None = None


async def found(shop: Shop, what: Reading) -> Found:
    """Both readings, or those of an earlier run; nothing is kept of a reader who was not reached."""
    step = await shop.journal.find("proof", what.key, what.of)
    if step is not None and step.proof is not None:
        _tell(shop, what.picture, step.proof)
        return Found(proof=step.proof)
    costs: list[Cost] = []
    read = await _asked(shop, what, costs)
    while _short(read) and await shop.purse.again(begun=True):
        read = await _asked(shop, what, costs)
    cost = total(costs) if costs else None
    if isinstance(read, Failure):
        return Found(cost=cost, failure=read)
    if read.failure is None:
        step = Step(kind="proof", key=what.key, of=what.of, proof=read.proof, cost=cost or Cost())
        await shop.journal.add(step)
    _tell(shop, what.picture, read.proof)
    return Found(proof=read.proof, cost=cost, failure=read.failure)


async def _asked(shop: Shop, what: Reading, costs: list[Cost]) -> ReadBack | Failure:
    """Within the budget of the brief; that of a ledger may still be in the way."""
    estimate = _estimate(shop, len(what.areas), what.view.image.size)
    held = await shop.purse.hold(estimate, begun=True)
    if isinstance(held, Failure):
        return held
    read = None
    try:
        read = await read_back(
            shop.agent, what.view, what.areas, sample=what.sample, known=what.known
        )
    finally:
        shop.purse.settle(held, total(read.costs) if read else estimate)
    costs.append(total(read.costs))
    return read


def _short(read: ReadBack | Failure) -> bool:
    failure = read.failure if isinstance(read, ReadBack) else None
    return failure is not None and failure.code == "budget"


def _tell(shop: Shop, picture: str, proof: Proof) -> None:
    shop.tell(
        PictureRead(
            picture=picture,
            proved=proof.proved,
            lines=proof.lines,
            unexpected=proof.unexpected,
            problem=proof.problem,
        )
    )


def _estimate(shop: Shop, parts: int, whole: Pixels) -> Cost:
    kit = shop.agent.kit
    profile = kit.upstream.profile
    return reading_cost(parts, whole, kit.prices, profile.text_model(profile.model))
