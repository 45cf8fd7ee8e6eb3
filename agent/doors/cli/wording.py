"""Sentences and receipts: pure, from our records to one line of plain text each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...results import TurnResult
    from ...schema import Attempt, Cost, Failure, Image, ImageId

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")
_LABEL = re.compile(
    r"Drawn offline by Limner's own artist, which is no model\.|"
    r"由 Limner 的离线画师绘制，并非模型生成。"
)
_SYMBOL = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "¥"}
_BASIS = {
    "per_image": "per image",
    "usage": "usage",
    "reported": "reported",
    "estimate": "estimate",
}
_STAGE = {
    "policy": "by the policy of this installation",
    "provider_input": "by the provider, which read the request",
    "provider_output": "by the provider, which saw the result",
    "provider_unknown": "by the provider",
}
OFFLINE = "drawn offline by Limner's own artist, not by a model"


def plain(text: str) -> str:
    """On one line, and without characters that drive or deceive a terminal."""
    return _CONTROL.sub(" ", text).strip()


def paragraph(text: str) -> str:
    """The same, but lines stay lines."""
    return "\n".join(plain(line) for line in text.strip().splitlines())


LONGEST_ANSWER = 20_000
"""Characters of a model's words that are shown; nobody reads more, and a broken server has no end."""


def answer(text: str) -> str:
    """The model's words as they are shown; ``--json`` has them whole."""
    told = without_label(text)
    if len(told) <= LONGEST_ANSWER:
        return paragraph(told)
    return f"{paragraph(told[:LONGEST_ANSWER])}\n… ({len(told):,} characters in all)"


def short(text: str, room: int) -> str:
    """The beginning that fits, told by an ellipsis."""
    line = plain(text)
    return line if len(line) <= room else f"{line[: max(room - 1, 1)].rstrip()}…"


def count(number: int, what: str) -> str:
    """``1 picture``, ``2 pictures``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def size_of(count: int) -> str:
    """As ``1.2 MB``."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1e6:.1f} MB"


def money(cost: Cost) -> str:
    """``$0.0412``; ``price unknown`` is not ``$0``."""
    if cost.amount is None:
        return "price unknown"
    return amount(cost.amount, cost.currency)


def amount(value: Decimal, currency: str) -> str:
    """Four decimals below one, so that a cent of a cent still shows."""
    number = f"{value:,.4f}" if abs(value) < 1 else f"{value:,.2f}"
    symbol = _SYMBOL.get(currency)
    return f"{symbol}{number}" if symbol else f"{number} {currency}"


def price(cost: Cost, *, offline: bool) -> str:
    """The amount alone; what the artist draws in this process is free."""
    return "free" if offline and cost.amount == 0 else money(cost)


def cost_line(cost: Cost, *, offline: bool) -> str:
    """As ``$0.0412 (usage)``."""
    if offline and cost.amount == 0:
        return "free (offline)"
    if cost.amount is None:
        return "cost unknown"
    return f"{money(cost)} ({_BASIS.get(cost.basis, cost.basis)})"


def estimate_line(each: Cost, count: int, *, low: Cost) -> str:
    """As ``about $0.0412 (estimate)``: a range where the server chooses, the sum of several."""
    line = f"about {_range(low, each, 1)} (estimate)"
    return line if count == 1 else f"{line}, about {_range(low, each, count)} for all {count}"


def _range(low: Cost, high: Cost, count: int) -> str:
    """At the dearest alone, unless the cheapest is known and another."""
    ends = (low, high) if low.amount not in (None, high.amount) else (high,)
    return " to ".join(
        money(end.model_copy(update={"amount": end.amount and end.amount * count})) for end in ends
    )


def without_label(text: str) -> str:
    """The words of an answer, but for the artist's saying who it is, which is told once."""
    return _LABEL.sub("", text).strip()


def actual_line(image: Image) -> str:
    """``1024x1024 png 1.2 MB``, as it came."""
    facts = (image.actual.size, image.actual.quality, image.actual.format)
    return " ".join([*(fact for fact in facts if fact), size_of(image.bytes)])


def asked_line(image: Image) -> str:
    """``asked 1024x1024 medium``; nothing for a file that was brought along."""
    asked = image.requested
    facts = [asked.size, asked.quality, None if asked.format == "png" else asked.format]
    if asked.background not in (None, "auto"):
        facts.append(asked.background)
    words = " ".join(fact for fact in facts if fact)
    return f"asked {words}" if words else ""


def parents_line(image: Image, numbers: Mapping[ImageId, int]) -> str:
    """``← @1``; a parent that is not in this session is named by its id."""
    names = [f"@{numbers[i]}" if i in numbers else short(i, 12) for i in image.parents]
    return f"← {' + '.join(names)}" if names else ""


def receipt(image: Image, numbers: Mapping[ImageId, int], *, session: str = "") -> str:
    """``@2 1024x1024 png 1.2 MB   ← @1   asked 1024x1024 medium``.

    With a session also ``kite/2``, which names the picture wherever one stands.
    """
    everywhere = f" ({plain(session)}/{image.number})" if session else ""
    parts = (
        f"@{image.number}{everywhere} {actual_line(image)}",
        parents_line(image, numbers),
        asked_line(image),
    )
    return "   ".join(part for part in parts if part)


def failure_lines(failure: Failure) -> tuple[str, ...]:
    """Reason, where it was decided, what to do, what it may have cost: one line each."""
    lines = [paragraph(failure.message)]
    if failure.stage:
        where = f"Refused {_STAGE[failure.stage]}"
        facts = [f"rule {failure.rule}"] if failure.rule else []
        facts += [f"categories: {', '.join(failure.categories)}"] if failure.categories else []
        lines.append(plain(f"{where}; {'; '.join(facts)}" if facts else where) + ".")
    if failure.hint:
        lines.append(paragraph(failure.hint))
    if there := candidates_line(failure.candidates, hint=failure.hint):
        lines.append(f"There are: {there}")
    lines += _aftermath(failure)
    return tuple(lines)


def candidates_line(candidates: Iterable[str], *, hint: str) -> str:
    """All of them on one line, unless the hint names every one."""
    names = list(candidates)
    return "" if all(name in hint for name in names) else plain(", ".join(names))


def _aftermath(failure: Failure) -> Iterable[str]:
    if failure.billed == "possibly" and "billed" not in failure.message + failure.hint:
        yield "It was sent and may be billed."
    if failure.retry_at:
        yield f"Try again after {moment(failure.retry_at)}."
    if failure.request_id:
        yield f"Request {plain(failure.request_id)}"


def delay(seconds: float) -> str:
    """``now``, ``in 1 s``: rounded up, so that no wait is called none."""
    return f"in {ceil(seconds)} s" if seconds > 0.05 else "now"


def moment(at: datetime) -> str:
    """In the time of this machine."""
    return f"{at.astimezone():%Y-%m-%d %H:%M}"


def ago(at: datetime, now: datetime | None = None) -> str:
    """``3 h ago``, ``yesterday`` is ``1 d ago``."""
    seconds = max(0, int(((now or datetime.now(UTC)) - at).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def sum_of(costs: Iterable[Cost]) -> dict[str, Decimal]:
    """What is known, by currency."""
    sums: dict[str, Decimal] = {}
    for cost in costs:
        if cost.amount is not None:
            sums[cost.currency] = sums.get(cost.currency, Decimal(0)) + cost.amount
    return sums


def total_line(attempts: Iterable[Attempt]) -> str:
    """What all attempts came to: ``$0.12``, ``at least $0.12, some of it unknown``."""
    billed = [attempt.cost for attempt in attempts if attempt.billed != "no"]
    if all(cost.amount == 0 for cost in billed):
        return "nothing"
    sums = " + ".join(amount(value, name) for name, value in sum_of(billed).items())
    if any(cost.amount is None for cost in billed):
        return f"at least {sums}, some of it unknown" if sums else "unknown"
    return sums


def outcome_line(result: TurnResult) -> str:
    """``refused``, ``failed (rate_limited)``."""
    if result.error is None or result.outcome == "refused":
        return result.outcome
    return f"{result.outcome} ({result.error.code})"
