"""What may still be spent on a brief. The ledger enforces each turn; this keeps the sum."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from decimal import Decimal

import anyio

from ..schema import Cost, Failure


class Purse:
    """``budget=None``: no end. ``spent`` begins with what earlier runs of the folder cost."""

    def __init__(self, budget: Decimal | None, *, spent: Cost) -> None:
        self._budget = budget
        self._held = Decimal(0)
        self._line = anyio.Lock()
        self._settled = anyio.Event()
        self.before = spent
        self.spent = Cost(amount=Decimal(0), currency=spent.currency, basis="usage")

    def take(self, estimate: Cost) -> Decimal | Failure | None:
        """Hold the dearest of what is about to be sent; how much that one may cost, or a refusal.

        ``None``: as much as it likes. Without a price a budget cannot be kept, so nothing is sent.
        """
        refused = self._against(estimate, self._held)
        if refused is not None or self._budget is None:
            return refused
        self._held += estimate.amount or 0
        return estimate.amount

    async def hold(self, estimate: Cost, *, begun: bool = False) -> Decimal | Failure | None:
        """The same once others have paid, where what they hold is in the way: it may be too much.

        Who comes first is first. ``begun``: for what was bought already, and before all others.
        """
        async with nullcontext() if begun else self._line:
            while self._against(estimate, self._held) and not self._against(estimate, Decimal(0)):
                await self._settled.wait()
            return self.take(estimate)

    async def again(self, *, begun: bool = False) -> bool:
        """Whether to ask once more, after a budget of the ledger was in the way."""
        del begun
        return False

    def settle(self, held: Decimal | None, cost: Cost) -> None:
        """What it came to."""
        self._held -= held or Decimal(0)
        self.spent = total([self.spent, cost])
        self._settled.set()
        self._settled = anyio.Event()

    def _against(self, estimate: Cost, held: Decimal) -> Failure | None:
        """Why it cannot be paid while so much is held."""
        if self._budget is None:
            return None
        if estimate.amount is None or self._all.amount is None:
            return _refused(f"the price is not known, so a budget of {self._budget} cannot be kept")
        left = self._budget - self._all.amount - held
        if estimate.amount <= left:
            return None
        return _refused(
            f"up to {estimate.amount:.4f} {estimate.currency} more is needed and "
            f"{max(left, Decimal(0)):.4f} of {self._budget} is left"
        )

    @property
    def _all(self) -> Cost:
        return total([self.before, self.spent])

    @property
    def whole(self) -> Decimal | None:
        """With earlier runs; ``None`` where a price is not known."""
        return self._all.amount


def _refused(why: str) -> Failure:
    return Failure(
        code="budget",
        message=f"Budget of the brief: {why}. Nothing was sent.",
        hint="Raise the budget (--max-cost), or make fewer sizes or variants.",
    )


def total(costs: Iterable[Cost]) -> Cost:
    """Unknown as soon as one part is, or as they are in two currencies."""
    summed: Cost | None = None
    for cost in costs:
        if summed is None or (summed.amount == 0 and cost.amount != 0):
            summed = cost
            continue
        if cost.amount == 0:
            continue
        mixed = cost.currency != summed.currency
        if summed.amount is None or cost.amount is None or mixed:
            summed = Cost(currency=summed.currency)
        else:
            summed = summed.model_copy(update={"amount": summed.amount + cost.amount})
    return summed or Cost(amount=Decimal(0), basis="usage")
