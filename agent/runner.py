"""One turn, start to end. The only module that knows the order of the stages.

Read ``_Turn.run``: that is the whole story. Each stage decides something pure or does one thing
through a protocol; none calls the next. A turn runs in a task of its own and reports through
events, so a caller who leaves after the request was sent loses nothing: the answer is still read,
stored and settled (DESIGN section 4).
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from types import TracebackType
from typing import Self, TypeVar

import anyio
from anyio.abc import TaskGroup
from pydantic import BaseModel

from . import asking, attempts, keeping, naming, onward, opening, screening
from .attempts import Errand
from .errors import LimnerError, StoreError, UsageError
from .events import (
    AttemptRetrying,
    AttemptSent,
    Event,
    Terminal,
    TurnDegraded,
    TurnNotice,
    TurnStarted,
)
from .kit import Kit
from .logs import get_logger
from .opening import Opening
from .protocols import Store, TurnRequest
from .receipts import Receipt
from .schema import Attempt, Failure, Image, ImageId, Verdict
from .taking import Taking
from .traffic import Received
from .turn import request as requests
from .turn.context import context_for
from .turn.extract import Gathered

log = get_logger("limner.runner")

M = TypeVar("M", bound=BaseModel)


class ImageAgent:
    """Draws, edits and answers. An async context manager: leaving it waits for turns in flight."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks, self._tasks = self._tasks, None
        assert tasks is not None
        if error is not None and not isinstance(error, Exception):
            # given up; an error of the caller's own throws nothing away that was paid for
            tasks.cancel_scope.cancel()
        try:
            # the caller's own exception is not the group's: it must come out as it went in
            await tasks.__aexit__(None, None, None)
        finally:
            with anyio.CancelScope(shield=True):
                await self._kit.aclose()

    @property
    def store(self) -> Store:
        """Sessions, turns, pictures, attempts: everything that was kept."""
        return self._kit.store

    @property
    def offline(self) -> bool:
        """Whether pictures are drawn here, by our own artist, and by no model."""
        return self._kit.upstream.profile.offline

    @property
    def kit(self) -> Kit:
        """What its turns work with, for rooms that plan before they ask for turns."""
        return self._kit

    def start(self, work: Callable[[], Coroutine[object, object, None]]) -> None:
        """Run it beside the turns: leaving the agent waits for it. It must not raise."""
        if self._tasks is None:
            raise UsageError("The agent is not open.", hint="async with open_agent() as agent: …")
        self._tasks.start_soon(work)

    async def stream(self, request: TurnRequest) -> AsyncGenerator[Event, None]:
        """Run one turn. The last event, and only the last, is terminal.

        Closing the generator before the request was sent cancels the turn; afterwards it only
        stops listening. Raises for misuse and bugs alone: bad input ends in ``turn.failed``.
        """
        if self._tasks is None:
            raise UsageError("The agent is not open.", hint="async with open_agent() as agent: …")
        send, receive = anyio.create_memory_object_stream[Event](math.inf)
        turn = _Turn(self._kit, request, send.send_nowait)

        async def drive() -> None:
            with send:
                await turn.drive()

        self._tasks.start_soon(drive)
        try:
            async for event in receive:
                yield event
        finally:
            receive.close()
            turn.leave()
        if turn.bug is not None:
            raise turn.bug

    async def run(self, request: TurnRequest) -> Terminal:
        """The same turn without its story: the terminal event."""
        last: Event | None = None
        async with aclosing(self.stream(request)) as events:
            async for event in events:
                last = event
        assert isinstance(last, Terminal)
        return last

    async def ask(
        self, question: str, *, images: Sequence[ImageId | bytes] = (), schema: type[M]
    ) -> asking.Answered[M]:
        """A question about pictures, answered as ``schema``; no image tool, no session."""
        return await asking.ask(self._kit, question, images=images, schema=schema)


class _Turn:
    """One turn in flight."""

    def __init__(self, kit: Kit, request: TurnRequest, emit: Callable[[Event], None]) -> None:
        self._kit = kit
        self._request = request
        self._listener: Callable[[Event], None] | None = emit
        self._profile = kit.upstream.profile
        self._receipt = Receipt(kit, request)
        self._taking = Taking(kit, request, self._receipt, emit=self._emit, note=self._write_down)
        self._scope = anyio.CancelScope()
        self._sent = False
        self._owed: tuple[Verdict, ...] = ()
        """What was screened and is not written down yet."""
        self.bug: BaseException | None = None

    # ── the story ────────────────────────────────────────────────────────────────────────────

    async def run(self) -> Terminal:
        """Check, screen, compose, write down, send, keep, close."""
        kit, receipt = self._kit, self._receipt
        opened = await opening.prepare(self._request, kit)
        receipt.session = opened.session

        judged = screening.first(self._request, opened, kit.policy)
        if judged.stop is not None:
            return await self._stopped(judged)
        verdict, self._owed = judged.prompt, judged.verdicts
        errand, dropped = self._compose(opened, verdict, kit)
        if refused := await attempts.unaffordable(kit, errand, session=opened.session):
            return await self._stopped(replace(judged, stop=refused))
        judged = await screening.second(kit, opened, judged)
        if judged.stop is not None:
            return await self._stopped(judged)
        self._owed = judged.verdicts

        receipt.session = opened.session or await naming.create_session(
            kit, self._request, opened.text
        )
        receipt.begun = begun = await keeping.begin_turn(
            kit, opened, receipt.session, prompts=errand.prompts
        )
        await self._write_down(*judged.verdicts)
        errand = attempts.on_account(errand, session=begun.turn.session, turn=begun.turn.id)
        self._announce(opened, judged, errand, dropped)

        gathered = await self._exchange(opened, verdict, errand)
        gathered = await self._taking.looked_over(self._kit, gathered)
        for text in await onward.enlarge(self._kit, receipt):
            self._notice("enlarged", text)

        closed = receipt.closing(begun.turn, gathered)
        if not await keeping.close_turn(kit, closed, head=receipt.session.head):
            self._notice("branched", "another turn moved on meanwhile; this one is a branch")
        return receipt.terminal(closed)

    # ── its stages ───────────────────────────────────────────────────────────────────────────

    async def _stopped(self, judged: screening.Judged) -> Terminal:
        """Nothing is drawn: every verdict is written down all the same."""
        await self._write_down(*judged.verdicts)
        return self._receipt.stopped(judged)

    async def _write_down(self, *verdicts: Verdict) -> None:
        session, self._owed = self._receipt.session, ()
        for verdict in verdicts:
            await self._kit.store.add_verdict(
                verdict,
                at=self._kit.clock.now(),
                session=session.id if session else None,
                turn=self._receipt.turn,
                user=self._request.user,
            )

    def _compose(self, opened: Opening, verdict: Verdict, kit: Kit) -> tuple[Errand, int]:
        """Pure: the request as bytes and what it may cost."""
        request, profile = self._request, kit.upstream.profile
        held = (*opened.editing, *opened.references)
        pictures = tuple(h.outgoing for h in held)
        context = context_for(opened.path, opened.images, opened.text, pictures)
        outgoing, prompts = requests.build(
            requests.Parts(
                intent=request.intent,
                model=request.model or profile.model,
                dialect=profile.dialect,
                options=opened.options,
                preamble=verdict.preamble,
                messages=context.messages,
                editing=len(opened.editing),
                references=len(opened.references),
                mask=opened.mask,
                effort=request.effort,
                stream=request.stream,
                address=request.address,
                user=attempts.hashed(request.user),
            )
        )
        sizes = [(h.facts.width, h.facts.height) for h in held]
        dearest, cheapest = attempts.priced(kit, opened.options, outgoing, sizes)
        errand = Errand(
            outgoing=outgoing,
            body=kit.upstream.encode(outgoing),
            estimate=dearest,
            estimate_low=cheapest,
            prompts=prompts,
            user=request.user,
            tenant=request.tenant,
            caps=attempts.caps(kit, request),
        )
        return errand, context.dropped

    def _announce(
        self, opened: Opening, judged: screening.Judged, errand: Errand, dropped: int
    ) -> None:
        session, begun, profile = self._receipt.session, self._receipt.begun, self._profile
        assert session is not None
        assert begun is not None
        self._emit(
            TurnStarted(
                session=session.id,
                session_name=session.name,
                turn=begun.turn.id,
                intent=begun.turn.intent,
                editing=begun.turn.editing,
                editing_numbers=tuple(image.number for image in begun.editing),
                profile=profile.name,
                offline=profile.offline,
                estimate=errand.estimate,
                estimate_low=errand.estimate_low,
            )
        )
        if judged.acknowledged:
            self._notice("acknowledged", f"acknowledged: {', '.join(judged.acknowledged)}")
        for text in requests.notices(opened.options, profile.dialect):
            self._notice("estimate", text)
        if self._request.options.partial_images and self._kit.holds(self._request):
            self._notice("output_held", "no drafts: pictures wait until their wording was checked")
        if dropped:
            self._notice("context_trimmed", f"the {dropped} oldest turns no longer fit: left out")

    async def _exchange(self, opened: Opening, verdict: Verdict, errand: Errand) -> Gathered:
        """Send until it is settled; what drew nothing may go plainer, elsewhere, or smaller."""
        while True:
            gathered = await attempts.exchange(self._kit, errand, self, self._receipt.attempts)
            for text in onward.learned(self._profile, self._kit.upstream.profile):
                self._notice("server_narrowed", text)
            way = onward.way_on(self._kit, self._profile, opened, gathered, images=self.images)
            if way is None or self._listener is None:
                return gathered
            left = onward.told_of(self._kit, self._request.intent, gathered)
            if barred := onward.barred(self._kit, way.kit, errand.caps):
                self._receipt.left.append(left)
                return replace(gathered, failed=barred)
            try:
                opened, errand = way.opened, self._moved(way, verdict, errand)
            except UsageError as error:
                self._notice("profile_changed", f"this turn cannot go there: {error}")
                return gathered
            self._receipt.left.append(left)

    def _moved(self, way: onward.Way, verdict: Verdict, before: Errand) -> Errand:
        """The same turn for another profile, for what this one turned out to be, or smaller."""
        kit = way.kit
        errand, _ = self._compose(opening.moved(way.opened, kit), verdict, kit)
        if way.step:
            self._receipt.degraded.append(way.step)
            self._emit(TurnDegraded(steps=way.step, reserved=errand.estimate.amount))
        if kit is not self._kit:
            self._notice("profile_changed", onward.changed(kit, self._receipt.last))
            for text in requests.left_out(way.opened.options, kit.upstream.profile.dialect):
                self._notice("estimate", text)
        self._kit, self._profile, self._sent = kit, kit.upstream.profile, False
        self._receipt.move(kit)
        return replace(errand, session=before.session, turn=before.turn)

    # ── what an attempt under way tells (attempts.Hearer) ────────────────────────────────────

    @property
    def images(self) -> Sequence[Image]:
        return self._receipt.images

    def sent(self, attempt: Attempt) -> None:
        self._sent = True
        self._receipt.note(attempt)
        self._emit(
            AttemptSent(
                attempt=attempt.id,
                number=attempt.number,
                profile=attempt.profile,
                bytes=attempt.bytes_sent or 0,
            )
        )

    def settled(self, settled: attempts.Settled) -> None:
        self._receipt.note(settled.attempt)
        for text in settled.notices:
            self._notice("unpriced", text)

    def waits(self, attempt: Attempt, failure: Failure, delay_s: float) -> bool:
        if self._listener is None:
            return False
        self._sent = False
        self._emit(AttemptRetrying(attempt=attempt.id, delay_s=delay_s, failure=failure))
        return True

    async def take(self, item: Received, gathered: Gathered) -> Gathered:
        """One item as it arrives (``taking``)."""
        listening = self._listener is not None
        return await self._taking.take(self._kit, item, gathered, listening=listening)

    # ── the task around it ───────────────────────────────────────────────────────────────────

    async def drive(self) -> None:
        """Run to the terminal event; what is nobody's input error is kept for the caller."""
        shield = anyio.CancelScope(shield=True)
        with self._scope:
            try:
                ended = await self.run()
            except LimnerError as error:
                with shield:
                    ended = await self._failed(error)
            except Exception as error:  # handed to whoever reads the stream
                log.exception("turn.bug")
                self.bug = error
                with shield:
                    await self._receipt.interrupted()
                return
            except BaseException:
                with shield:
                    self._emit(await self._receipt.interrupted())
                raise
            self._emit(ended)

    async def _failed(self, error: LimnerError) -> Terminal:
        """What was screened is written down also where something else stopped the turn."""
        with suppress(StoreError):
            await self._write_down(*self._owed)
        return await self._receipt.failed(error)

    def leave(self) -> None:
        """The caller stopped listening: unsent work stops, sent work goes on."""
        self._listener = None
        if not self._sent:
            self._scope.cancel()

    def _emit(self, event: Event) -> None:
        if self._listener is not None:
            self._listener(event)

    def _notice(self, code: str, message: str) -> None:
        self._emit(TurnNotice.model_validate({"code": code, "message": message}))
