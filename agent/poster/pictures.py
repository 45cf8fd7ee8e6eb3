"""One picture of a plan: bought, read, repaired line by line, until it is proved or given up.

buy ─► read ─► right? ─► done
        ▲        ├ lettering that nobody asked for ─► one edit without it ──────────┐
        │        └ a line is wrong ─► edit with a mask ─► its box onto the picture ─┐
        └───────────────────────────────────────────────────────────────────────────┘
twice wrong, or a reader who cannot be believed ─► the line is set instead
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import NamedTuple

import anyio

from ..protocols import TurnRequest
from ..schema import Failure, ImageId, SessionId
from .buying import Bought, Order
from .layout import Layout
from .plan import Painted, Picture
from .proof import Asked
from .purse import total
from .reading_back import Area, view_of
from .readings import BELIEVED_AFTER, Reading, found
from .records import Made, PictureBought, PictureEnded, PictureStarted
from .repairing import cleared, repaired, set_all
from .shop import Shop, State
from .wording import in_scene, picture_prompt


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
        bought=image,
        image=image,
        data=await shop.agent.store.read_blob(image.sha256),
        session=image.session,
        history=[image.id],
        costs=[] if bought.again else [bought.cost],
        attempts=list(bought.attempts),
    )
    failure = await _proved(shop, picture, state)
    return _made(shop, picture, state, failure)


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


def _made(shop: Shop, picture: Picture, state: State, failure: Failure | None) -> Made:
    proof = state.proof
    open_ = failure is not None or proof is None or not proof.believed or bool(proof.unexpected)
    if open_:
        shop.tell(PictureEnded(picture=picture.key, status="needs-person", failure=failure))
    return Made(
        picture=picture.key,
        status="needs-person" if open_ else "proved",
        lead=picture.lead,
        session=state.session,
        bought=state.bought.id,
        image=state.image.id,
        history=tuple(state.history),
        requested=state.bought.requested,
        actual=state.bought.actual,
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
            if doubted >= BELIEVED_AFTER:
                set_all(shop, picture, state)
                return None
            continue
        stray = state.proof.unexpected and not shop.wishes
        if stray and await cleared(shop, picture, state):
            continue
        if not await repaired(shop, picture, state):
            return None


async def _read(shop: Shop, picture: Picture, state: State, nth: int) -> Failure | None:
    """Both readings, or those of an earlier run."""
    areas = _areas(shop, picture)
    of = hashlib.sha256(repr((state.image.sha256, areas)).encode()).hexdigest()
    read = await found(
        shop,
        Reading(
            picture=picture.key,
            key=f"{picture.key}#{nth}",
            of=of,
            view=await anyio.to_thread.run_sync(view_of, state.data),
            areas=areas,
            known=in_scene(shop.brief, shop.wishes),
            sample=_sample(shop, picture),
        ),
    )
    state.costs += [read.cost] if read.cost else []
    state.proofs += [read.proof] if read.proof else []
    return read.failure


def _areas(shop: Shop, picture: Picture) -> tuple[Area, ...]:
    layout = shop.layouts[picture.size]
    return tuple(
        Area(Asked(one.line_id, one.part, one.text, _caps(layout, one)), one.box)
        for one in picture.painted
    )


def _sample(shop: Shop, picture: Picture) -> str:
    """Words in the script of the poster."""
    title = shop.brief.title
    return title.text[picture.locale or shop.brief.locales[0]]


def _caps(layout: Layout, line: Painted) -> bool:
    return any(p.caps for p in layout.placed(line.line_id) if p.part == line.part)
