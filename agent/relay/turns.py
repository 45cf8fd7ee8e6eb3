"""One relayed turn, which belongs to the server: sent, taken in, told on, kept, whoever listens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import anyio
from pydantic import JsonValue

from .. import attempts, keeping, onward, opening
from ..attempts import Errand
from ..errors import LimnerError, UsageError
from ..kit import Kit
from ..logs import get_logger
from ..protocols import Purchase
from ..receipts import Receipt
from ..schema import Attempt, Failure, Image, Outcome, Turn, Verdict
from ..taking import Taking
from ..traffic import Picture, Received, WireEvent
from ..turn.extract import Gathered
from ..wire.lift import Lifted
from ..wire.retelling import Drawn, Ending
from . import kept, once
from .line import Declined, Line
from .pace import LONGEST_S, Pace, Place
from .prepare import Prepared, Shop, check_options, compose
from .written import Written, note, row_of

log = get_logger("limner.relay")

_ENDED = "The answer broke off after its picture had come."


class RelayedTurn:
    """From the first byte sent to the last row written; tells a ``Line`` what its client may see."""

    def __init__(
        self,
        shop: Shop,
        prepared: Prepared,
        written: Written,
        line: Line,
        *,
        verdict: Verdict,
        errand: Errand,
        purchase: Purchase | None,
        pace: Pace,
        place: Place,
    ) -> None:
        self._shop = shop
        self._kit = shop.kit
        self._prepared = prepared
        self._verdict = verdict
        self._errand = errand
        self._written = written
        self._line = line
        self._purchase = purchase
        self._pace = pace
        self._place = place
        self._yields_until: float | None = None
        """Set with the first draft that was told."""
        self._streams = prepared.request.stream
        self._tale = written.tale
        self._receipt = Receipt(shop.kit, prepared.opened.request)
        self._receipt.session, self._receipt.begun = written.session, written.begun
        self._taking = Taking(
            shop.kit,
            prepared.opened.request,
            self._receipt,
            emit=lambda _: None,
            note=self._note,
            allowed=self._allowed,
            pause=self._give_way,
        )
        self._drawn: list[Drawn] = []
        self._waiting: list[bytes] = []
        """Told once the second screen has looked at the pictures among them."""

    async def drive(self) -> None:
        """Run to the end; nothing that goes wrong here is the end of the server's other turns."""
        if self._written.attempt is None:
            self._place.leave()  # it may have to wait for others of its profile
        try:
            await self._driven()
        finally:
            self._place.leave()
            del self._taking  # they hold each other, and would hold the picture until a collection

    async def _driven(self) -> None:
        shield = anyio.CancelScope(shield=True)
        try:
            await self._run()
        except LimnerError as error:
            with shield:
                ended = await self._receipt.failed(error)
                await self._give_up(ended.error, ended.outcome)
        except Exception:
            log.exception("relay.bug", turn=self._written.begun.turn.id)
            with shield:
                ended = await self._receipt.interrupted()
                await self._give_up(ended.error, ended.outcome)
        except BaseException:
            with shield:
                ended = await self._receipt.interrupted()
                await self._give_up(ended.error, ended.outcome)
            raise

    async def _run(self) -> None:
        receipt, turn = self._receipt, self._written.begun.turn
        gathered = await self._exchange()
        gathered = await self._taking.looked_over(self._kit, gathered)
        if self._tale.withdraw({image.id for image in receipt.images}):
            self._waiting.clear()
        closed = receipt.closing(turn, gathered)
        assert closed.outcome is not None
        failure = self._failure(gathered)
        await self._finish(failure, closed.outcome, closed)

    def _failure(self, gathered: Gathered) -> Failure | None:
        """What the client is told instead of an answer; an answer without a picture is an answer."""
        if self._receipt.images:
            return None
        policy = next((f for f in gathered.failures if f.stage == "policy"), None)
        return policy or gathered.failed

    async def _finish(self, failure: Failure | None, outcome: Outcome, closed: Turn) -> None:
        """Kept before it is told, so that the next request finds it."""
        ending = self._tale.end(_error(failure, outcome) if failure else None)
        await self._keep(ending, failed=failure is not None)
        await keeping.close_turn(self._kit, closed, head=self._written.session.head)
        await self._settle()
        self._tell_end(ending, failure, outcome)

    async def _keep(self, ending: Ending, *, failed: bool) -> None:
        if self._prepared.request.store is False:
            return
        status = "failed" if failed else str(ending.document["status"])
        row = row_of(
            self._prepared,
            self._written,
            status,
            kept.plain(ending.document),
            kept.output_items(ending, self.images),
        )
        if not await self._shop.answers.close_response(row):
            log.info("response.gone", response=row.id)

    async def _settle(self) -> None:
        if self._purchase is None:
            return
        try:
            await once.settle(self._shop, self._purchase)
        except LimnerError as error:  # the key stays taken, which buys nothing twice
            log.warning("purchase.not_settled", error=str(error))

    def _tell_end(self, ending: Ending, failure: Failure | None, outcome: Outcome) -> None:
        line = self._line
        if failure is not None and not line.begun:
            line.end(Declined(failure, outcome, self._written.begun.turn.id))
            return
        if not self._streams:
            line.put([ending.body])
        else:
            line.put([*([] if failure else self._waiting), *ending.events])
        line.end()

    async def _give_up(self, failure: Failure | None, outcome: Outcome) -> None:
        """The turn is closed already; say so to whoever listens, and in the row if it can be."""
        failure = failure or Failure(code="unknown", message=_ENDED, billed="possibly")
        ending = self._tale.end(_error(failure, outcome))
        try:
            await self._keep(ending, failed=True)
        except LimnerError as error:
            log.warning("response.not_closed", response=self._written.id, error=str(error))
        await self._settle()
        self._tell_end(ending, failure, outcome)

    # ── the exchange ─────────────────────────────────────────────────────────────────────────

    async def _exchange(self) -> Gathered:
        """Until it is settled; what drew nothing may go plainer, or to the next profile."""
        turn, errand, first = self._written.begun.turn, self._errand, self._written.attempt
        while True:
            composed = self._kit.upstream.profile
            errand = attempts.on_account(errand, session=turn.session, turn=turn.id)
            before = self._receipt.attempts
            gathered = await attempts.exchange(self._kit, errand, self, before, first=first)
            first = None
            other = onward.elsewhere(self._kit, composed, "chat", gathered, stored=len(self.images))
            if other is None or self._line.begun or other.upstream.profile.via == "images":
                return gathered
            left = onward.told_of(self._kit, "chat", gathered)
            if barred := onward.barred(self._kit, other, errand.caps):
                return replace(gathered, failed=barred)
            try:
                errand = self._moved(other)
            except UsageError:
                return gathered
            self._receipt.left.append(left)

    def _moved(self, kit: Kit) -> Errand:
        opened = opening.moved(self._prepared.opened, kit)
        prepared = replace(self._prepared, opened=opened)
        if prepared.request.image_tool is not None:
            check_options(kit, opened)
        errand = compose(kit, prepared, self._verdict)
        self._prepared, self._kit = prepared, kit
        self._receipt.move(kit)
        return errand

    # ── what an attempt under way tells (attempts.Hearer) ────────────────────────────────────

    @property
    def images(self) -> Sequence[Image]:
        return self._receipt.images

    def sent(self, attempt: Attempt) -> None:
        self._place.leave()
        self._receipt.note(attempt)

    def settled(self, settled: attempts.Settled) -> None:
        self._receipt.note(settled.attempt)

    def waits(self, attempt: Attempt, failure: Failure, delay_s: float) -> bool:  # noqa: ARG002
        return not self._line.begun and not self._line.left

    async def take(self, item: Received, gathered: Gathered) -> Gathered:
        """A picture is checked and kept before the event that brought it is told."""
        if isinstance(item, Picture):
            before, withheld = len(self.images), len(gathered.withheld)
            gathered = await self._taking.take(self._kit, item, gathered, listening=False)
            if len(gathered.withheld) > withheld:
                self._tale.hush()  # after wording that may not be, nothing more leaves
            self._drawn += [
                Drawn(image=image.id, sha256=image.sha256, data=item.data)
                for image in self.images[before:]
            ]
        elif isinstance(item, WireEvent):
            drawn, self._drawn = self._drawn, []
            told = self._tale.tell(Lifted(item.value, item.strings), drawn)
            self._pass_on(told, drew=bool(drawn))
            if self._tale.others != gathered.passed_on:
                gathered = replace(gathered, passed_on=self._tale.others)
            await self._give_way()
        return gathered

    async def _give_way(self) -> None:
        """After its first draft; never with a picture in hand that is not on disk yet."""
        if not self._tale.drafted:
            return
        if self._yields_until is None:
            self._yields_until = anyio.current_time() + LONGEST_S
        await self._pace.give_way(self._yields_until)

    def _allowed(self, picture: Picture) -> None:
        """Its drafts have waited for no more than this, unless it is to be looked at as well."""
        if self._kit.second_screen != "pictures":
            self._pass_on(self._tale.release(picture.item_id), drew=False)

    def _pass_on(self, frames: Sequence[bytes], *, drew: bool) -> None:
        if not self._streams:
            return
        late = self._kit.second_screen == "pictures" and self._tale.holds
        if self._waiting or (late and drew):
            self._waiting += frames
        else:
            self._line.put(frames)

    async def _note(self, verdict: Verdict) -> None:
        written = self._written
        await note(
            self._kit, [verdict], self._prepared, session=written.session, turn=written.begun.turn
        )


def _error(failure: Failure, outcome: Outcome) -> dict[str, JsonValue]:
    """The ``error`` of a failed response."""
    unknown = outcome == "unknown"
    code = "outcome_unknown" if unknown else failure.upstream_code or failure.code
    if failure.stage == "policy":
        code = "content_policy_violation"
    said = [failure.message, failure.hint]
    if failure.rule:
        said.append(f"Rule: {failure.rule}.")
    return {"code": code, "message": " ".join(part for part in said if part)}
