"""One picture of a plan: bought, read, repaired line by line, until it is proved or given up.

buy ─► read ─► right? ─► done
        ▲        └ a line is wrong ─► edit with a mask ─► its box onto the picture ─┐
        └───────────────────────────────────────────────────────────────────────────┘
twice wrong, or a reader who cannot be believed ─► the line is set instead
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Final, NamedTuple

import anyio

from ..protocols import TurnRequest
from ..schema import Cost, Failure, Image, ImageId, SessionId
from ..turn.pricing import estimate_question
from .buying import Bought, Order
from .journal import Step
from .layout import Layout
from .plan import OVERHEAD, Painted, Picture
from .proof import Asked, Proof
from .purse import total
from .reading_back import READINGS, Area, read_back
from .records import Made, PictureBought, PictureEnded, PictureRead, PictureStarted
from .repairing import repaired, set_all
from .shop import Shop, State
from .wording import picture_prompt

_BELIEVED_AFTER: Final = 2
"""Proofs by a reader who misreads a control, before its word is given up."""


class Lead(NamedTuple):
    """The picture that set the look, as it was bought: its repaired words are no part of that."""

    key: str
    session: SessionId
    image: ImageId


async def make_picture(shop: Shop, picture: Picture, lead: Lead | None) -> Made:
    """Everything that is to be done for one picture; failures are in the result."""
    shop.tell(PictureStarted(picture=picture.key, size=picture.buy.size, lead=picture.lead))
    bought = await shop.counter.buy(await _order(shop, picture, lead))
    if bought.image is None:
        return _ended(shop, picture, bought)
    image = bought.image
    shop.tell(
        PictureBought(picture=picture.key, image=image.id, cost=bought.cost, again=bought.again)
    )
    state = State(
        image=image,
        data=await shop.agent.store.read_blob(image.sha256),
        session=image.session,
        history=[image.id],
        costs=[] if bought.again else [bought.cost],
        attempts=list(bought.attempts),
    )
    failure = await _proved(shop, picture, state) if picture.painted else None
    return _made(shop, picture, image, state, failure)


def _ended(shop: Shop, picture: Picture, bought: Bought) -> Made:
    assert bought.status is not None
    shop.tell(PictureEnded(picture=picture.key, status=bought.status, failure=bought.failure))
    return Made(
        picture=picture.key,
        status=bought.status,
        lead=picture.lead,
        session=bought.session,
        attempts=bought.attempts,
        cost=bought.cost,
        failure=bought.failure,
    )


def _made(
    shop: Shop, picture: Picture, first: Image, state: State, failure: Failure | None
) -> Made:
    proof = state.proof
    open_ = bool(failure) or bool(proof and proof.believed and proof.unexpected)
    if open_:
        shop.tell(PictureEnded(picture=picture.key, status="needs-person", failure=failure))
    return Made(
        picture=picture.key,
        status="needs-person" if open_ else "proved",
        lead=picture.lead,
        session=state.session,
        bought=first.id,
        image=state.image.id,
        history=tuple(state.history),
        requested=first.requested,
        actual=first.actual,
        proofs=tuple(state.proofs),
        repairs=state.repairs,
        instead=tuple(state.instead),
        attempts=tuple(state.attempts),
        cost=total(state.costs),
        failure=failure,
        notes=tuple(state.notes),
    )


# ── buying ───────────────────────────────────────────────────────────────────────────────────


async def _order(shop: Shop, picture: Picture, lead: Lead | None) -> Order:
    """A picture that sets the look, or an edit of that one in its session."""
    brief = shop.brief
    options = picture.options(brief)
    references = [await anyio.Path(path).read_bytes() for path in brief.references]
    request = TurnRequest(
        text=picture.prompt,
        options=options,
        references=brief.references,
        acknowledge=shop.acknowledge,
        acknowledged_by=shop.acknowledged_by,
        user=shop.user,
        cwd=shop.cwd,
    )
    sources = [hashlib.sha256(data).hexdigest() for data in references]
    if lead is not None:
        request = replace(request, intent="edit", session=lead.session, edit=[str(lead.image)])
    # the same picture whether it sets the look or follows one: its part may change between runs
    alone, _ = picture_prompt(
        brief,
        shop.layouts[picture.size],
        picture.buy,
        picture.locale,
        follows=False,
        variant=picture.variant,
    )
    told = [alone, options.model_dump(mode="json"), sources]
    of = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
    of = shop.named.get(picture.key, of)
    return Order(key=picture.key, of=of, request=request, estimate=picture.dearest)


# ── proving ──────────────────────────────────────────────────────────────────────────────────


async def _proved(shop: Shop, picture: Picture, state: State) -> Failure | None:
    """Read, repair and read again; a failure when nobody could read it."""
    doubted = 0
    while True:
        failure = await _read(shop, picture, state, doubted)
        if failure is not None:
            return failure
        assert state.proof is not None
        if not state.proof.believed:
            doubted += 1
            if doubted >= _BELIEVED_AFTER:
                set_all(shop, picture, state)
                return None
            continue
        if not await repaired(shop, picture, state):
            return None


async def _read(shop: Shop, picture: Picture, state: State, nth: int) -> Failure | None:
    """Both readings, or those of an earlier run. Nothing is kept of a reader who was not reached."""
    areas = _areas(shop, picture)
    of = hashlib.sha256(repr((state.image.sha256, areas)).encode()).hexdigest()
    key = f"{picture.key}#{nth}"
    step = await shop.journal.find("proof", key, of)
    if step is None:
        estimate = _reading_estimate(shop, picture)
        held = shop.purse.take(estimate)
        if isinstance(held, Failure):
            return held
        found = None
        try:
            found = await read_back(shop.agent, state.data, areas)
        finally:
            shop.purse.settle(held, total(found.costs) if found else estimate)
        cost = total(found.costs)
        state.costs.append(cost)
        if found.failure is not None:
            state.proofs.append(found.proof)
            _tell_proof(shop, picture, found.proof)
            return found.failure
        step = Step(kind="proof", key=key, of=of, proof=found.proof, cost=cost)
        await shop.journal.add(step)
    assert step.proof is not None
    state.proofs.append(step.proof)
    _tell_proof(shop, picture, step.proof)
    return None


def _tell_proof(shop: Shop, picture: Picture, proof: Proof) -> None:
    shop.tell(
        PictureRead(
            picture=picture.key,
            proved=proof.proved,
            lines=proof.lines,
            unexpected=proof.unexpected,
            problem=proof.problem,
        )
    )


def _areas(shop: Shop, picture: Picture) -> tuple[Area, ...]:
    layout = shop.layouts[picture.size]
    return tuple(
        Area(Asked(one.line_id, one.part, one.text, _caps(layout, one)), one.box)
        for one in picture.painted
    )


def _caps(layout: Layout, line: Painted) -> bool:
    return any(p.caps for p in layout.placed(line.line_id) if p.part == line.part)


def _reading_estimate(shop: Shop, picture: Picture) -> Cost:
    """Of all readings, each with its parts, a control and the whole."""
    kit = shop.agent.kit
    one = estimate_question(
        prices=kit.prices,
        model=kit.upstream.profile.model,
        chars=OVERHEAD,
        pictures=[*[(1200, 512)] * (len(picture.painted) + 1), picture.buy.pixels],
    )
    return one if one.amount is None else one.model_copy(update={"amount": one.amount * READINGS})
