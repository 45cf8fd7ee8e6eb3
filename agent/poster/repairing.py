"""Wrong lines of a picture painted again one by one, or given up and set."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import anyio

from ..protocols import NewImage, TurnRequest
from ..schema import Image, ImageId, Rendering
from ..typeset.boxes import Box, around
from .buying import Bought, Order
from .journal import Step
from .plan import REPAIRS, Painted, Picture
from .proof import LineProof
from .records import LineRepaired, LineSet, PictureCleared
from .repair import mask_box, patched, repair_prompt, unchanged_outside
from .shop import Shop, State
from .sizes import Bought as Buy
from .wording import CLEAR, change_prompt

_UNMASKED: Final = frozenset({"capability_missing", "invalid_parameter", "usage"})
"""Codes of a server that takes no mask: nothing outside the box is taken over anyway."""


async def repaired(shop: Shop, picture: Picture, state: State) -> bool:
    """Paint every faulty line again, once; false when there is nothing left to paint or to read."""
    assert state.proof is not None
    again = False
    for fault in state.proof.faulty:
        if fault.line_id in state.instead:
            continue
        place = (fault.line_id, fault.part)
        if state.tries[place] >= REPAIRS:
            set_instead(shop, picture, state, fault)
            continue
        state.tries[place] += 1
        again = await _repair(shop, picture, state, fault) or again
    return again


async def cleared(shop: Shop, picture: Picture, state: State) -> bool:
    """The picture once more, without lettering that nobody asked for; false where that cannot be."""
    if state.cleared:
        return False
    state.cleared = True
    layout = shop.layouts[picture.size]
    text, _ = change_prompt(shop.brief, layout, picture.buy, picture.locale, [CLEAR])
    of = hashlib.sha256(f"{state.image.sha256} {text}".encode()).hexdigest()
    request = _request(shop, picture, state, text)
    key = f"{picture.key}#clear"
    order = Order(key=key, of=of, request=request, estimate=picture.dearest, begun=True)
    bought = await shop.counter.buy(order)
    _booked(state, bought)
    if bought.image is None:
        why = bought.failure.message if bought.failure else "no picture came"
        state.notes.append(f"could not be drawn without lettering that nobody asked for: {why}")
        return False
    state.bought = state.image = bought.image
    state.data = await shop.agent.store.read_blob(bought.image.sha256)
    state.history.append(bought.image.id)
    shop.tell(PictureCleared(picture=picture.key, image=bought.image.id, cost=bought.cost))
    return True


async def _repair(shop: Shop, picture: Picture, state: State, fault: LineProof) -> bool:
    """One edit of one line; false when it is set instead."""
    line = next(
        one for one in picture.painted if (one.line_id, one.part) == (fault.line_id, fault.part)
    )
    others = [one.box for one in picture.painted if one is not line]
    area = around(line.box, others)
    nth = state.tries[(fault.line_id, fault.part)]
    bought = await _edit(shop, picture, state, (line, area), nth)
    if bought.image is None:
        why = bought.failure.message if bought.failure else "no picture came"
        set_instead(shop, picture, state, fault, f"could not be painted again: {why}")
        return False
    kept = await _taken_over(shop, state, bought.image, area)
    if not kept:
        set_instead(shop, picture, state, fault, "the repaired picture could not be used")
        return False
    state.repairs += 1
    shop.tell(
        LineRepaired(picture=picture.key, line=line.line_id, image=state.image.id, cost=bought.cost)
    )
    return True


async def _edit(
    shop: Shop, picture: Picture, state: State, what: tuple[Painted, Box], nth: int
) -> Bought:
    """With a mask; and without one where the server takes none."""
    line, area = what
    text, _ = repair_prompt(line, area)
    size = _size_of(state.image, picture.buy)
    request = replace(_request(shop, picture, state, text), mask_box=mask_box(area, size))
    of = hashlib.sha256(f"{state.image.sha256} {text}".encode()).hexdigest()
    key = f"{picture.key}#repair:{line.line_id}:{line.part}:{nth}"
    order = Order(key=key, of=of, request=request, estimate=picture.dearest, begun=True)
    bought = await shop.counter.buy(order)
    failure = bought.failure
    if failure is not None and failure.code in _UNMASKED and failure.billed == "no":
        state.notes.append(f"{line.line_id}: repaired without a mask ({failure.message})")
        plain = replace(order, key=f"{key}:plain", request=replace(request, mask_box=None))
        bought = await shop.counter.buy(plain)
    _booked(state, bought)
    return bought


def _request(shop: Shop, picture: Picture, state: State, text: str) -> TurnRequest:
    """An edit of the picture as it is now."""
    return TurnRequest(
        text=text,
        intent="edit",
        session=state.session,
        edit=[str(state.image.id)],
        options=picture.options(shop.brief),
        acknowledge=shop.acknowledge,
        acknowledged_by=shop.acknowledged_by,
        user=shop.user,
        cwd=shop.cwd,
    )


def _booked(state: State, bought: Bought) -> None:
    state.attempts += bought.attempts
    if not bought.again:
        state.costs.append(bought.cost)


def _size_of(image: Image, buy: Buy) -> tuple[int, int]:
    """The picture that really came, which need not be as large as the one asked for."""
    width, _, height = (image.actual.size or "").partition("x")
    return (int(width), int(height)) if width.isdigit() and height.isdigit() else buy.pixels


async def _taken_over(shop: Shop, state: State, after: Image, area: Box) -> bool:
    """The area of the new picture on the one before; both are kept, and so is what comes of it."""
    store = shop.agent.store
    before = state.data
    new = await store.read_blob(after.sha256)
    data = await anyio.to_thread.run_sync(patched, before, new, area)
    if not await anyio.to_thread.run_sync(unchanged_outside, before, data, area):
        return False
    key, of = f"{state.image.id}+{after.id}", hashlib.sha256(data).hexdigest()
    step = await shop.journal.find("patch", key, of)
    if step is not None and step.image is not None:
        image = await store.image(step.image)
    else:
        image = await _keep(shop, state, after, data)
        await shop.journal.add(Step(kind="patch", key=key, of=of, image=image.id))
    state.history += [after.id, image.id]
    state.image, state.data = image, data
    return True


async def _keep(shop: Shop, state: State, after: Image, data: bytes) -> Image:
    """In the session beside its parents. It belongs to no turn: no server made it."""
    kit = shop.agent.kit
    facts = kit.pictures.inspect(data, name="the repaired picture")
    blob = await kit.store.put_blob(
        data, media_type=facts.media_type, size=(facts.width, facts.height)
    )
    image = Image(
        id=ImageId(kit.ids.new("img")),
        session=state.session,
        turn=None,
        number=0,
        operation="edit",
        parents=(state.image.id, after.id),
        sha256=blob.sha256,
        media_type=blob.media_type,
        bytes=blob.bytes,
        requested=after.requested,
        actual=Rendering(
            model=after.actual.model, size=f"{facts.width}x{facts.height}", format="png"
        ),
        created=kit.clock.now(),
    )
    return await kit.store.add_image(NewImage(image=image, blob=blob))


# ── setting instead ──────────────────────────────────────────────────────────────────────────


def set_instead(
    shop: Shop, picture: Picture, state: State, fault: LineProof, why: str = ""
) -> None:
    reason = why or f"{fault.reason or fault.verdict}, also after {REPAIRS} repairs"
    state.instead[fault.line_id] = reason
    shop.tell(LineSet(picture=picture.key, line=fault.line_id, reason=reason))


def set_all(shop: Shop, picture: Picture, state: State) -> None:
    """Nobody's word can be taken for what is painted, so all of it is covered."""
    assert state.proof is not None
    state.notes.append(f"the reader cannot be believed: {state.proof.problem}")
    for fault in _first_of_each(state.proof.lines):
        set_instead(shop, picture, state, fault, f"cannot be proved: {state.proof.problem}")


def _first_of_each(lines: Sequence[LineProof]) -> list[LineProof]:
    return list({one.line_id: one for one in reversed(lines)}.values())
