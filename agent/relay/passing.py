"""Somebody else's request, passed on byte for byte: no picture is asked for, nothing is screened.

It is an attempt all the same (kind ``ask``): reserved, in the ledger, settled with the usage that
its answer tells, read to its end also when the client has left.
"""

from __future__ import annotations

from collections.abc import Sequence

from .. import attempts
from ..attempts import Errand
from ..kit import Kit
from ..logs import get_logger
from ..protocols import TurnRequest
from ..schema import Attempt, Failure, Image
from ..traffic import Outgoing, Received, WireBytes, WireHead
from ..turn.extract import Gathered, judge
from ..turn.pricing import estimate_question
from .line import Declined, Head, Line

log = get_logger("limner.relay")


class Passing:
    """One such request under way (attempts.Hearer)."""

    images: Sequence[Image] = ()

    def __init__(self, kit: Kit, body: bytes, request: TurnRequest, line: Line) -> None:
        self._kit = kit
        self._line = line
        model = request.model or kit.upstream.profile.model
        self._errand = Errand(
            outgoing=Outgoing(
                kind="ask",
                model=model,
                instructions="",
                messages=(),
                relayed=body,
                untouched=True,
            ),
            body=body,
            estimate=estimate_question(
                prices=kit.prices, model=model, chars=len(body), pictures=()
            ),
            prompts=(),
            user=request.user,
            tenant=request.tenant,
            caps=attempts.caps(kit, request),
        )

    async def drive(self) -> None:
        """To the end; a failure before the first byte is told as one of ours."""
        try:
            gathered = await attempts.exchange(self._kit, self._errand, self)
        except Exception as error:
            log.exception("passing.bug")
            self._line.end(error)
            return
        except BaseException:
            self._line.end(_gone())
            raise
        failed = gathered.failed
        if failed is None:
            self._line.end()
            return
        outcome, _ = judge(gathered, stored=0, intent="ask")
        self._line.end(Declined(failed, outcome))

    def sent(self, attempt: Attempt) -> None:
        pass

    async def take(self, item: Received, gathered: Gathered) -> Gathered:
        if isinstance(item, WireHead):
            self._line.begin(Head(status=item.status, headers=item.headers))
        elif isinstance(item, WireBytes):
            self._line.put([item.data])
        return gathered

    def settled(self, settled: attempts.Settled) -> None:
        pass

    def waits(self, attempt: Attempt, failure: Failure, delay_s: float) -> bool:  # noqa: ARG002
        return False  # its client waits and repeats as it was made to


def _gone() -> Declined:
    failure = Failure(
        code="interrupted", message="The server is stopping.", billed="possibly", hint=""
    )
    return Declined(failure, "unknown")
