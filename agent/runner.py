"""One turn, start to end. The only module that knows the order of the stages.

Read ``_Turn.run``: that is the whole story. Each stage decides something pure or does one thing
through a protocol; none calls the next. A turn runs in a task of its own and reports through
events, so a caller who leaves after the request was sent loses nothing: the answer is still read,
stored and settled (DESIGN section 4).
"""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from types import TracebackType
from typing import Self, TypeVar

import anyio
import structlog
from anyio.abc import TaskGroup
from pydantic import BaseModel

from . import asking, attempts, keeping, naming, opening
from .errors import LimnerError, UsageError
from .events import (
    AttemptRetrying,
    AttemptSent,
    Event,
    ImageCompleted,
    ImagePartial,
    ImageProgress,
    Terminal,
    TextDelta,
    TurnNotice,
    TurnStarted,
)
from .kit import Kit
from .opening import Opening
from .protocols import PartialPicture, Picture, Received, Store, TextPiece, ToolStage, TurnRequest
from .receipts import Receipt
from .safety.screen import screen
from .schema import Attempt, Failure, Image, ImageId, Session, Verdict
from .turn import request as requests
from .turn.context import context_for
from .turn.extract import Gathered, fold
from .turn.pricing import estimate

log = structlog.get_logger("limner.runner")

_MEDIA_TYPES = {b"\x89P": "image/png", b"\xff\xd8": "image/jpeg", b"RI": "image/webp"}
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
        try:
            await tasks.__aexit__(kind, error, trace)
        finally:
            with anyio.CancelScope(shield=True):
                await self._kit.upstream.aclose()
                await self._kit.store.aclose()

    @property
    def store(self) -> Store:
        """Sessions, turns, pictures, attempts: everything that was kept."""
        return self._kit.store

    @property
    def offline(self) -> bool:
        """Whether pictures are drawn here, by our own artist, and by no model."""
        return self._kit.upstream.profile.offline

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
        self._scope = anyio.CancelScope()
        self._sent = False
        self.bug: BaseException | None = None

    # ── the story ────────────────────────────────────────────────────────────────────────────

    async def run(self) -> Terminal:
        """Check, screen, compose, write down, send, keep, close."""
        kit, receipt = self._kit, self._receipt
        opened = await opening.prepare(self._request, kit)
        receipt.session = opened.session

        verdict = await self._screen(opened)
        if verdict.decision != "allow":
            return receipt.refused_by_policy(verdict)

        errand, dropped = self._compose(opened, verdict)
        receipt.session = opened.session or await naming.create_session(
            kit, self._request, opened.text
        )
        receipt.begun = begun = await keeping.begin_turn(
            kit, opened, receipt.session, prompts=errand.prompts
        )
        errand = attempts.on_account(errand, session=begun.turn.session, turn=begun.turn.id)
        self._announce(opened, errand, dropped)

        gathered = await self._exchange(errand)

        closed = receipt.closing(begun.turn, gathered)
        moved = await kit.store.close_turn(closed, expected_head=receipt.session.head)
        if not moved:
            self._notice("branched", "another turn moved on meanwhile; this one is a branch")
        return receipt.terminal(closed)

    # ── its stages ───────────────────────────────────────────────────────────────────────────

    async def _screen(self, opened: Opening) -> Verdict:
        request, kit = self._request, self._kit
        verdict = screen(
            opened.text,
            policy=kit.policy,
            acknowledged=request.acknowledge,
            acknowledged_by=request.acknowledged_by,
            context=tuple(turn.prompt for turn in opened.path),
        )
        await self._write_down(verdict, opened.session)
        return verdict

    async def _write_down(self, verdict: Verdict, session: Session | None) -> None:
        await self._kit.store.add_verdict(
            verdict,
            at=self._kit.clock.now(),
            session=session.id if session else None,
            turn=self._receipt.turn,
            user=self._request.user,
        )

    def _compose(self, opened: Opening, verdict: Verdict) -> tuple[attempts.Errand, int]:
        """Pure: the request as bytes and what it may cost."""
        request, kit = self._request, self._kit
        held = (*opened.editing, *opened.references)
        context = context_for(
            opened.path, opened.images, opened.text, tuple(h.outgoing for h in held)
        )
        profile = self._profile
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
                user=attempts.hashed(request.user),
            )
        )
        price = estimate(
            opened.options,
            prices=kit.prices,
            input_images=[(h.facts.width, h.facts.height) for h in held],
            prompt_chars=len(outgoing.instructions) + sum(len(m.text) for m in outgoing.messages),
            model=outgoing.model,
        )
        errand = attempts.Errand(
            outgoing=outgoing,
            body=kit.upstream.encode(outgoing),
            estimate=price,
            prompts=prompts,
            user=request.user,
            tenant=request.tenant,
            caps=attempts.caps(kit, request),
        )
        return errand, context.dropped

    def _announce(self, opened: Opening, errand: attempts.Errand, dropped: int) -> None:
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
            )
        )
        for text in requests.notices(opened.options):
            self._notice("estimate", text)
        if dropped:
            self._notice(
                "context_trimmed", f"the {dropped} oldest turns no longer fit and were left out"
            )

    async def _exchange(self, errand: attempts.Errand) -> Gathered:
        """Send until it is settled; only what cost nothing is sent again."""
        upstream, clock = self._kit.upstream, self._kit.clock
        started, tries = clock.monotonic(), 0
        while True:
            tries += 1
            attempt = await attempts.intend(self._kit, errand, number=tries)
            if isinstance(attempt, Failure):
                return Gathered(failed=attempt)
            gathered = await self._once(attempt, errand)
            if gathered.failed is None or self._receipt.images:
                return gathered
            elapsed = clock.monotonic() - started
            delay = upstream.retry_delay(gathered.failed, tries=tries, elapsed_s=elapsed)
            if delay is None or self._listener is None:
                return gathered
            self._sent = False
            self._emit(AttemptRetrying(attempt=attempt.id, delay_s=delay, failure=gathered.failed))
            await anyio.sleep(delay)

    async def _once(self, attempt: Attempt, errand: attempts.Errand) -> Gathered:
        kit = self._kit
        attempt = await attempts.mark_sent(kit, attempt, errand)
        self._sent = True
        self._emit(
            AttemptSent(
                attempt=attempt.id,
                number=attempt.number,
                profile=attempt.profile,
                bytes=len(errand.body),
            )
        )
        gathered = Gathered()
        try:
            async with aclosing(kit.upstream.send(errand.body, errand.outgoing)) as received:
                async for item in received:
                    gathered = fold(gathered, item)
                    gathered = await self._take(item, gathered)
        except BaseException:
            gathered = attempts.cut_short(gathered)
            raise
        finally:
            with anyio.CancelScope(shield=True):
                images = self._receipt.images
                settled = await attempts.settle(kit, attempt, gathered, images=images)
            self._receipt.attempts.append(settled.attempt)
        for text in settled.notices:
            self._notice("unpriced", text)
        return gathered

    async def _take(self, item: Received, gathered: Gathered) -> Gathered:
        """Pass on what can be shown and keep what must not be lost, as it arrives."""
        match item:
            case TextPiece(text=text):
                self._emit(TextDelta(text=text))
            case ToolStage(stage=stage):
                self._emit(ImageProgress(stage=stage))
            case PartialPicture():
                await self._partial(item)
            case Picture():
                return await self._picture(item, gathered)
            case _:
                pass
        return gathered

    async def _partial(self, item: PartialPicture) -> None:
        media_type = _MEDIA_TYPES.get(item.data[:2])
        if media_type and self._receipt.turn:
            path = await self._kit.store.save_partial(
                self._receipt.turn, item.index, item.data, media_type
            )
            self._emit(ImagePartial(index=item.index, path=str(path), media_type=media_type))

    async def _picture(self, item: Picture, gathered: Gathered) -> Gathered:
        begun = self._receipt.begun
        assert begun is not None
        kept = await keeping.keep_received(
            self._kit, item, begun.place, tool_model=gathered.tool_model
        )
        if isinstance(kept, Failure):
            return fold(gathered, keeping.damaged(item, kept))
        self._receipt.images.append(kept)
        if kept.revised_prompt:
            await self._screen_revised(kept)
        self._emit(ImageCompleted(image=kept))
        for notice in keeping.differences(kept):
            self._emit(notice)
        return gathered

    async def _screen_revised(self, image: Image) -> None:
        """The model's own wording is screened and told; holding back is a door's choice."""
        verdict = screen(
            image.revised_prompt or "", policy=self._kit.policy, subject="revised_prompt"
        )
        await self._write_down(verdict, self._receipt.session)
        if verdict.decision != "allow":
            self._notice("revised_prompt", f"the model's own wording: {verdict.message}")

    # ── the task around it ───────────────────────────────────────────────────────────────────

    async def drive(self) -> None:
        """Run to the terminal event; what is nobody's input error is kept for the caller."""
        with self._scope:
            try:
                self._emit(await self.run())
            except LimnerError as error:
                self._emit(await self._receipt.failed(error))
            except Exception as error:  # handed to whoever reads the stream
                log.exception("turn.bug")
                self.bug = error
                await self._receipt.interrupted()
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await self._receipt.interrupted()
                raise

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
