"""What is on disk of a relayed turn before anything of it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import anyio
from pydantic import JsonValue

from .. import attempts, keeping, naming
from ..attempts import Errand
from ..errors import UsageError
from ..keeping import Begun
from ..kit import Kit
from ..opening import Opening
from ..protocols import Beginning, KeptItem, KeptResponse
from ..schema import Attempt, Failure, ImageId, Session, SessionId, Turn, Verdict
from ..screening import Judged
from ..wire.retelling import Frame, Retelling
from . import kept, outputs
from .prepare import Prepared, Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What is on disk before anything is sent."""

    id: str
    begun: Begun
    session: Session
    created: datetime
    input: tuple[KeptItem, ...] = field(default=(), repr=False)
    tale: Retelling = field(repr=False)
    """How its answer is told."""
    attempt: Attempt | None = None
    """The first one, which is to go out now; ``None`` where it may have to wait for its turn."""


async def write_down(
    shop: Shop, prepared: Prepared, judged: Judged, errand: Errand
) -> Written | Failure:
    """Imported pictures; then session, open turn, verdicts, response and attempt at once.

    Or the budget that another request has meanwhile used up, and then nothing.
    """
    kit, opened = shop.kit, prepared.opened
    session, other_name = opened.session or _new_session(kit, opened), None
    if opened.session is None:
        other_name = _other_name(session)
        # what is imported is listed in a session that is there
        if prepared.held or prepared.shown or opened.mask:
            session, other_name = await _create(kit, session, other_name), None
    begun = await keeping.new_turn(kit, opened, session, prompts=errand.prompts)
    errand = attempts.on_account(errand, session=session.id, turn=begun.turn.id)
    response = kit.ids.new("resp")
    written = Written(
        id=response,
        begun=begun,
        session=session,
        created=begun.turn.created,
        tale=_tale(kit, prepared, response, begun.turn.created),
        input=await _input(kit, prepared, begun.turn),
        attempt=attempts.outgoing(kit, errand),
    )
    row = None
    if prepared.request.store is not False:
        row = row_of(prepared, written, "in_progress", kept.plain(written.tale.begun()))
    beginning = Beginning(
        session=session,
        other_name=other_name,
        turn=begun.turn,
        verdicts=judged.verdicts,
        user=opened.request.user,
        response=row,
        sending=(written.attempt, errand.caps) if written.attempt else None,
    )
    # shielded: money reserved by an attempt that nobody settles would stay reserved
    with anyio.CancelScope(shield=True):
        named = await shop.answers.begin(beginning)
    if isinstance(named, Failure):
        return named
    return written if named is session else replace(written, session=named)


def _new_session(kit: Kit, opened: Opening) -> Session:
    """Named by its first words."""
    now, request = kit.clock.now(), opened.request
    return Session(
        id=SessionId(kit.ids.new("ses")),
        name=naming.checked_name(naming.slug(opened.text)),
        user=request.user,
        tenant=request.tenant,
        created=now,
        updated=now,
    )


def _other_name(of: Session) -> str:
    """One that is surely free: a server sees the same words often, and counting costs a look each."""
    return f"{of.name[: naming.LONGEST_NAME - 9]}-{of.id[-8:].lower()}"


async def _create(kit: Kit, session: Session, other_name: str) -> Session:
    try:
        return await kit.store.create_session(session)
    except UsageError:
        return await kit.store.create_session(session.model_copy(update={"name": other_name}))


async def note(
    kit: Kit,
    verdicts: Sequence[Verdict],
    prepared: Prepared,
    *,
    session: Session | None = None,
    turn: Turn | None = None,
) -> None:
    """Every screened text leaves a row, also when nothing is sent."""
    for verdict in verdicts:
        await kit.store.add_verdict(
            verdict,
            at=kit.clock.now(),
            session=session.id if session else None,
            turn=turn.id if turn else None,
            user=prepared.opened.request.user,
        )


async def _input(kit: Kit, prepared: Prepared, turn: Turn) -> tuple[KeptItem, ...]:
    images = (*turn.editing, *turn.references)
    named: dict[tuple[int, int], ImageId] = {at: images[n] for at, n in prepared.places.items()}
    if prepared.request.store is not False:
        named |= await outputs.keep(kit, prepared.shown, session=turn.session)
    ids = {}
    for at, entry in enumerate(prepared.talk.entries):
        said = entry.value.get("id")
        own = isinstance(said, str) and said
        ids[at] = str(said) if own else kit.ids.new("ig" if entry.kind == "picture" else "msg")
    return kept.input_items(prepared.talk, named, ids)


def _tale(kit: Kit, prepared: Prepared, which: str, created: datetime) -> Retelling:
    request, payload = prepared.request, prepared.payload
    frame = Frame(
        id=which,
        created=int(created.timestamp()),
        asked=payload | {"model": request.model or kit.upstream.profile.model},
        previous=request.previous_response_id,
        instructions=request.instructions,
        store=request.store is not False,
        background=payload.get("background") is True,
    )
    return Retelling(frame, new_id=kit.ids.new, hold=kit.holds(prepared.opened.request))


def row_of(
    prepared: Prepared,
    written: Written,
    status: str,
    document: dict[str, JsonValue],
    output: tuple[KeptItem, ...] = (),
) -> KeptResponse:
    return KeptResponse(
        id=written.id,
        tenant=prepared.opened.request.tenant,
        session=written.session.id,
        turn=written.begun.turn.id,
        previous=prepared.request.previous_response_id,
        status=status,
        created=written.created,
        document=document,
        input=written.input,
        output=output,
    )
