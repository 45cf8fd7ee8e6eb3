"""What a turn has come to so far, and the terminal event it ends in."""

from __future__ import annotations

from decimal import Decimal

from .attempts import summary
from .errors import LimnerError, NotFound, StoreError
from .events import Terminal, TurnCompleted, TurnFailed, TurnRefused
from .keeping import Begun, close_turn
from .kit import Kit
from .logs import get_logger
from .protocols import TurnRequest
from .schema import (
    Attempt,
    AttemptId,
    Billed,
    Cost,
    Failure,
    Image,
    Outcome,
    Session,
    Turn,
    TurnId,
    Verdict,
)
from .screening import Judged
from .turn.extract import Gathered, judge

log = get_logger("limner.runner")

_WORD_LISTS = {"sensitive_words_detected"}
"""Codes of a gateway's own word list, which reads our words too (N10)."""


class Receipt:
    """Filled by the stages as they happen; the only mutable thing in a turn."""

    def __init__(self, kit: Kit, request: TurnRequest) -> None:
        self._kit = kit
        self._request = request
        self.session: Session | None = None
        self.begun: Begun | None = None
        self.images: list[Image] = []
        self.error: Failure | None = None
        self.degraded: list[dict[str, str]] = []
        """Steps down the ladder, and what was enlarged after them; ``path`` is never stored."""
        self.left: list[Failure] = []
        """What stopped it on the profiles before this one, told unless a picture came after all."""
        self._attempts: dict[AttemptId, Attempt] = {}

    @property
    def turn(self) -> TurnId | None:
        return self.begun.turn.id if self.begun else None

    @property
    def attempts(self) -> int:
        """How many were sent."""
        return len(self._attempts)

    @property
    def last(self) -> Attempt | None:
        """The newest attempt."""
        return next(reversed(self._attempts.values()), None)

    def move(self, kit: Kit) -> None:
        """The turn goes on with the parts of another profile."""
        self._kit = kit

    def note(self, attempt: Attempt) -> None:
        """An attempt as it now stands; the first time when it is sent."""
        self._attempts[attempt.id] = attempt

    def closing(self, turn: Turn, gathered: Gathered) -> Turn:
        """The open turn, closed with its outcome and everything that went wrong."""
        outcome, error = judge(gathered, stored=len(self.images), intent=turn.intent)
        self.error = error and self._with_preamble(error)
        before = self.left if error is not None else ()
        said = (*before, *gathered.failures, gathered.failed, error)
        failures = list(dict.fromkeys(one for one in said if one is not None))
        failures = [self.error if self.error and one == error else one for one in failures]
        return turn.model_copy(
            update={
                "outcome": outcome,
                "text": gathered.text,
                "images": tuple(image.id for image in self.images),
                "failures": tuple(failures),
                "usage": gathered.usage,
                "cost": self._cost(),
                "degraded": tuple(_without_path(step) for step in self.degraded),
                "response_id": gathered.response_id,
                "profile": self._kit.upstream.profile.name,
                "offline": self._kit.upstream.profile.offline or gathered.offline,
                "closed": self._kit.clock.now(),
            }
        )

    def _with_preamble(self, error: Failure) -> Failure:
        """The text passed our screen, so what was refused may be the words that we put before it."""
        last = self.last
        blamed = error.stage == "provider_input" or error.upstream_code in _WORD_LISTS
        words = (
            next((p for p in last.prompts if p.id.startswith("preamble/")), None) if last else None
        )
        if not blamed or words is None:
            return error
        profile = self._kit.upstream.profile
        on = profile.dialect.preamble_words
        hint = (
            f"Our screen had let the text pass; with it went our preamble {words.id}@{words.version} "
            f"(dialect {profile.dialect.name}, preamble_words {'on' if on else 'off'}), which may be "
            "what was refused."
        )
        if not on:
            hint += (
                f" A wording without trigger words goes out with preamble_words = true under [facts] "
                f"in servers/{profile.name}.toml; limner doctor --probe finds out."
            )
        return error.model_copy(update={"hint": f"{error.hint} {hint}".strip()})

    def _cost(self) -> Cost:
        """The sum over attempts; unknown as soon as one that may be billed is unknown.

        Also where they were billed in several currencies, which are never added together.
        """
        costs = [a.cost for a in self._attempts.values() if a.billed != "no"]
        if not costs:
            return Cost(amount=Decimal(0), currency=self._kit.prices.currency, basis="usage")
        if any(c.amount is None or c.currency != costs[-1].currency for c in costs):
            return costs[-1].model_copy(update={"amount": None, "basis": "unknown"})
        total = sum((cost.amount for cost in costs if cost.amount is not None), Decimal(0))
        return costs[-1].model_copy(update={"amount": total})

    def terminal(self, closed: Turn) -> Terminal:
        """The terminal event of a turn that was sent."""
        assert closed.outcome is not None
        others = tuple(failure for failure in closed.failures if failure != self.error)
        return self._event(closed.outcome, self.error, failures=others, closed=closed)

    def stopped(self, judged: Judged) -> Terminal:
        """Nothing is drawn, and the receipt says who saw the text."""
        stop = judged.stop
        assert stop is not None
        if isinstance(stop, Failure):
            return self._event("failed", stop)
        return self._refused_by_policy(stop, shown_to=judged.shown_to)

    def _refused_by_policy(self, verdict: Verdict, *, shown_to: str | None) -> Terminal:
        sent = "Nothing was sent, nothing was charged."
        if shown_to is not None:
            sent = f"Only the moderation of {shown_to} saw it; nothing was drawn or charged."
        review = verdict.decision == "review"
        fix = verdict.fix
        if review and verdict.rule:
            fix = f"{fix} Or acknowledge it: --acknowledge {verdict.rule}".strip()
        failure = Failure(
            code="review" if review else "policy",
            stage="policy",
            rule=verdict.rule,
            categories=(verdict.category,) if verdict.category else (),
            message=f"{verdict.message} {sent}".strip(),
            hint=fix,
        )
        return self._event("refused", failure)

    async def failed(self, error: LimnerError) -> Terminal:
        """Ended by bad input, or by a disk that would not."""
        failure = Failure(
            code="store" if isinstance(error, StoreError) else "usage",
            message=str(error),
            hint=error.hint,
            candidates=error.candidates if isinstance(error, NotFound) else (),
            billed=self._billed(),
        )
        return await self._ended_by(failure)

    async def interrupted(self) -> Terminal:
        """Ended because it was given up, or by a bug of ours."""
        failure = Failure(
            code="interrupted",
            message="The turn was given up.",
            hint="" if self._billed() == "no" else "It was sent, so it may be billed.",
            billed=self._billed(),
        )
        return await self._ended_by(failure)

    def _billed(self) -> Billed:
        return "possibly" if any(a.billed != "no" for a in self._attempts.values()) else "no"

    async def _ended_by(self, failure: Failure) -> Terminal:
        """Close what was opened: a picture on disk stays a result, what was sent stays unknown."""
        known = all(a.state not in ("sent", "unknown") for a in self._attempts.values())
        outcome: Outcome = "image" if self.images else "failed" if known else "unknown"
        await self._close_as(outcome, failure)
        if self.images:
            return self._event(outcome, None, failures=(failure,))
        return self._event(outcome, failure)

    async def _close_as(self, outcome: Outcome, failure: Failure) -> None:
        if self.begun is None or self.session is None:
            return
        closed = self.begun.turn.model_copy(
            update={
                "outcome": outcome,
                "failures": (failure,),
                "images": tuple(image.id for image in self.images),
                "cost": self._cost(),
                "closed": self._kit.clock.now(),
            }
        )
        try:
            await close_turn(self._kit, closed, head=self.session.head)
        except LimnerError as error:  # the row stays open and is listed as interrupted
            log.warning("turn.not_closed", turn=closed.id, error=str(error))

    def _event(
        self,
        outcome: Outcome,
        error: Failure | None,
        *,
        failures: tuple[Failure, ...] = (),
        closed: Turn | None = None,
    ) -> Terminal:
        kind: type[Terminal] = TurnFailed
        if outcome == "refused":
            kind = TurnRefused
        elif error is None:
            kind = TurnCompleted
        profile = self._kit.upstream.profile
        cost = closed.cost if closed else self._cost()
        return kind.model_validate(
            {
                "session": self.session.id if self.session else None,
                "session_name": self.session.name if self.session else None,
                "turn": self.turn,
                "outcome": outcome,
                "offline": profile.offline or bool(closed and closed.offline),
                "profile": profile.name,
                "text": closed.text if closed else "",
                "images": tuple(self.images),
                "failures": failures,
                "usage": closed.usage if closed else {},
                "cost": cost,
                "cost_usd": cost.amount if cost.currency == "USD" else None,
                "degraded": tuple(self.degraded),
                "attempts": tuple(summary(a) for a in self._attempts.values()),
                "error": error,
            }
        )


def _without_path(step: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in step.items() if name != "path"}
