"""``ledger``: what was sent, what it cost, what is not settled, what was screened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal

import click

if TYPE_CHECKING:
    from ...schema import Attempt, Cost, SessionId
    from .ledger_records import By, Ledger, Life, ScreenedRecord, SumRecord

JSON = click.option("--json", "as_json", is_flag=True, help="One record per line.")
_AGE = re.compile(r"(\d{1,5})([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_CURRENCY = re.compile(r"[A-Z]{3}")
NEWEST = 20
EVERY = 1_000_000_000
SUMS = (
    *("by", "key", "currency", "attempts", "pictures", "spent", "possibly_billed", "reserved"),
    *("unpriced", "text_input", "text_output", "image_input", "image_output"),
)
"""Columns of ``--csv``, as the fields of ``--json``."""
ENTRIES = (
    *("created", "id", "session", "turn", "kind", "number", "state", "billed", "cost_amount"),
    *("cost_currency", "cost_basis", "reserved_amount", "reserved_currency", "images", "profile"),
    *("model", "requested_model", "requested_size", "requested_quality", "actual_size", "user"),
    *("request_id", "failure_code", "elapsed_ms", "settled_by", "note"),
)


@click.group(invoke_without_command=True)
@click.option(
    "--by",
    type=click.Choice(["session", "day", "profile", "model", "user"]),
    help="Sums instead of lines; a day is one in UTC.",
)
@click.option("--since", metavar="7d|DATE", help="Only what is younger: h, d, w, or 2026-11-20.")
@click.option("--limit", type=click.IntRange(1), help="How many lines.  [default: 20, or --since]")
@JSON
@click.option("--csv", "as_csv", is_flag=True, help="As a table for spreadsheets.")
@click.pass_context
def ledger(
    ctx: click.Context,
    *,
    by: By | None,
    since: str | None,
    limit: int | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """What was sent and what it cost: the newest requests, or sums with --by.

    Currencies are never added together, and a price that nobody knows is never taken for 0.
    """
    if ctx.invoked_subcommand is not None:
        return
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    start = _start(since) if since is not None else None
    how: Literal["json", "csv", "text"] = "json" if as_json else "csv" if as_csv else "text"
    if by is not None:
        _sums(by, start, how)
    else:
        _newest(start, limit or (NEWEST if start is None else EVERY), how)


def _start(text: str) -> datetime:
    """``7d`` ago, or the first moment of a day in UTC."""
    if match := _AGE.fullmatch(text.strip()):
        return datetime.now(UTC) - timedelta(hours=int(match[1]) * _HOURS[match[2]])
    try:
        at = datetime.fromisoformat(text.strip())
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise click.UsageError(
            f"--since {text!r}: write 12h, 7d, 4w, or a date as 2026-11-20."
        ) from None


# ── sums ─────────────────────────────────────────────────────────────────────────────────────


def _sums(by: By, since: datetime | None, how: Literal["json", "csv", "text"]) -> None:
    from .ledger_records import SumRecord, on_ledger, record, write_csv
    from .stdout import write_json

    async def read(disk: Ledger) -> list[SumRecord]:
        told = await disk.ledger_sums(by=by, since=since)
        return [record(SumRecord, one, by=by) for one in told]

    found = on_ledger(read)
    if how == "csv":
        write_csv(found, SUMS)
    elif how == "json":
        for one in found:
            write_json(one)
    else:
        for line in sum_lines(found):
            click.echo(line)


def sum_lines(found: list[SumRecord]) -> Iterator[str]:
    """A line for each key and currency."""
    from .wording import plain

    if not found:
        click.echo("Nothing was sent.", err=True)
        return
    head = (found[0].by, "requests", "pictures", "spent", "", "tokens")
    rows = [(plain(one.key) or "-", *_sum_cells(one)) for one in found]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    for row in (head, *rows):
        key, *numbers, rest, tokens = row
        cells = [key.ljust(widths[0])]
        cells += [each.rjust(width) for each, width in zip(numbers, widths[1:], strict=False)]
        yield "   ".join([*cells, tokens.rjust(widths[-1]), rest]).rstrip()


def _sum_cells(one: SumRecord) -> tuple[str, str, str, str, str]:
    from .wording import amount

    told = [getattr(one, name) for name in SUMS[-4:]]
    counts = [count for count in told if count is not None]
    extra = []
    if one.possibly_billed:
        extra.append(f"possibly {amount(one.possibly_billed, one.currency)} more")
    if one.reserved:
        extra.append(f"{amount(one.reserved, one.currency)} reserved")
    if one.unpriced:
        extra.append(f"{one.unpriced} at a price that is not known")
    return (
        str(one.attempts),
        str(one.pictures),
        "unknown" if one.spent is None else amount(one.spent, one.currency),
        "; ".join(extra),
        f"{sum(counts):,}" if counts else "",
    )


# ── attempts ─────────────────────────────────────────────────────────────────────────────────


def _newest(since: datetime | None, limit: int, how: Literal["json", "csv", "text"]) -> None:
    from .ledger_records import EntryRecord, on_ledger, record, write_csv
    from .stdout import write_json

    async def read(disk: Ledger) -> list[tuple[EntryRecord, str]]:
        told = await disk.newest_attempts(since=since, limit=limit)
        names = await _names(disk, told) if how == "text" else {}
        return [(record(EntryRecord, one), names.get(one.session, "")) for one in told]

    found = on_ledger(read)
    if how == "csv":
        write_csv((one for one, _ in found), ENTRIES)
    elif how == "json":
        for one, _ in found:
            write_json(one)
    else:
        for one, name in found:
            click.echo(entry_line(one, name))
        if not found:
            click.echo("Nothing was sent.", err=True)


async def _names(disk: Ledger, told: Sequence[Attempt]) -> dict[SessionId | None, str]:
    """Of the sessions that are still there."""
    from ...errors import NotFound

    names: dict[SessionId | None, str] = {}
    for session in {one.session for one in told if one.session is not None}:
        try:
            names[session] = (await disk.session(session)).name
        except NotFound:
            names[session] = "(forgotten)"
    return names


def entry_line(one: Attempt, name: str) -> str:
    """When, which, how it ended, what it cost, what was asked of whom."""
    from .wording import moment, plain

    asked = one.requested
    what = " ".join(fact for fact in (asked.model, asked.size, asked.quality) if fact)
    facts = [moment(one.created), one.id, f"{one.state:9}", f"{cost_of(one):22}"]
    facts += [what or one.kind, plain(one.profile), plain(name)]
    return "  ".join(fact for fact in facts if fact).rstrip()


def cost_of(one: Attempt) -> str:
    """As ``$0.0412``, ``possibly $0.0530``, ``not billed``."""
    from .wording import amount, money

    if one.billed == "no" and one.state != "intent":
        return "not billed"
    cost = possible_cost(one)
    if cost.amount is None:
        return "price unknown"
    if one.state in ("intent", "sent"):
        return f"{amount(cost.amount, cost.currency)} reserved"
    return money(cost) if one.billed == "yes" else f"possibly {money(cost)}"


def possible_cost(one: Attempt) -> Cost:
    """What it cost, else the most that it may have."""
    settled = one.state not in ("intent", "sent", "unknown")
    if settled and (one.cost.amount is not None or one.billed == "yes"):
        return one.cost
    return one.cost if one.reserved.amount is None else one.reserved


# ── unsettled ────────────────────────────────────────────────────────────────────────────────


@ledger.command()
@JSON
def unsettled(as_json: bool) -> None:
    """Requests under way, and those of which nobody knows whether they were billed."""
    from .ledger_records import UnsettledRecord, on_ledger, record
    from .stdout import write_json
    from .wording import ago

    async def read(disk: Ledger) -> list[UnsettledRecord]:
        now = datetime.now(UTC)
        return [
            record(
                UnsettledRecord,
                one,
                owner_life=life,
                age_s=max(0, int((now - one.created).total_seconds())),
                possible_cost=possible_cost(one),
                next="settle or retry" if one.state == "unknown" else "wait",
            )
            for one, life in await disk.unsettled()
        ]

    found = on_ledger(read)
    for one in found:
        if as_json:
            write_json(one)
            continue
        click.echo(f"{one.id}  {one.state}  {cost_of(one)}  {ago(one.created)}")
        for line in _next(one, one.owner_life):
            click.echo(f"  {line}")
    if not found and not as_json:
        click.echo("Everything is settled.", err=True)


def _next(one: Attempt, life: Life) -> Iterator[str]:
    """Whose it is, and what to do about it."""
    from .wording import plain

    host, pid, _ = [*(one.owner or "").rsplit(":", 2), "", ""][:3]
    whose = f"process {plain(pid)} on {plain(host)}" if pid else "an unknown process"
    if one.state == "unknown":
        asked = f", request {plain(one.request_id)}" if one.request_id else ""
        yield f"sent by {whose} to {plain(one.base_url)}{asked}"
        yield "Look whether that server billed it, then say so:"
        yield f"  limner ledger settle {one.id} --billed yes|no [--cost AMOUNT]"
        yield f"or send it again, which may be paid twice: limner retry {one.id}"
    elif life == "alive":
        yield f"{whose} is alive and waits for the answer"
    else:
        yield f"{whose} cannot be seen from here; ten minutes after its last sign of life it is"
        yield "taken for gone, and this counts as unknown"


@ledger.command()
@click.argument("attempt")
@click.option("--billed", type=click.Choice(["yes", "no"]), required=True)
@click.option("--cost", metavar="AMOUNT", help="What it cost; without it, the price is unknown.")
@click.option("--currency", metavar="CODE", help="As USD.  [default: that of the profile's prices]")
@click.option("--note", metavar="TEXT", help="How you know; kept with it.")
def settle(
    attempt: str,
    *,
    billed: Literal["yes", "no"],
    cost: str | None,
    currency: str | None,
    note: str | None,
) -> None:
    """Say how a request ended whose result is unknown. What is known is not rewritten."""
    from . import desk
    from .ledger_records import on_ledger

    if billed == "no" and (cost is not None or currency is not None):
        raise click.UsageError("What was not billed has no --cost.")
    if cost is None and currency is not None:
        raise click.UsageError("--currency says what --cost is in; give both.")

    async def settled(disk: Ledger) -> Attempt:
        one = await _attempt(disk, attempt)
        paid = _paid(cost, currency or one.reserved.currency) if cost is not None else None
        return await disk.settle_by_hand(
            one.id, billed=billed, cost=paid, note=note or None, by=desk.person()
        )

    click.echo(entry_line(on_ledger(settled), ""))


async def _attempt(disk: Ledger, ref: str) -> Attempt:
    """By id or its beginning; raises ``NotFound`` that names those which can be settled."""
    from ...errors import NotFound

    try:
        return await disk.attempt(ref.strip())
    except NotFound as error:
        if error.candidates:
            raise
        waiting = [one.id for one, _ in await disk.unsettled() if one.state == "unknown"]
        raise NotFound(
            str(error) if ref.strip() else "Which attempt? An empty name names none.",
            candidates=tuple(waiting[:5]),
            hint="limner ledger unsettled lists what can be settled."
            if waiting
            else "Nothing waits to be settled; limner ledger lists every attempt.",
        ) from None


MOST_FOR_ONE = 1_000
"""No request costs more, in any currency of the price tables; a typo here cannot be undone."""


def _paid(text: str, currency: str) -> Cost:
    from ...schema import Cost

    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or not 0 <= amount <= MOST_FOR_ONE:
        raise click.UsageError(
            f"--cost {text[:40]!r}: write an amount from 0 to {MOST_FOR_ONE:,}, as 0.04."
        )
    if not _CURRENCY.fullmatch(currency):
        raise click.UsageError(f"--currency {currency!r}: write three capital letters, as USD.")
    return Cost(amount=amount, currency=currency, basis="reported")


# ── verdicts ─────────────────────────────────────────────────────────────────────────────────


@ledger.command()
@click.option("-s", "--session", metavar="SESSION", help="Only those of this session.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@JSON
def verdicts(session: str | None, limit: int, as_json: bool) -> None:
    """What the safety screen decided and by which rule, newest first; never the text itself."""
    from .ledger_records import ScreenedRecord, on_ledger, record
    from .stdout import write_json

    async def read(disk: Ledger) -> list[ScreenedRecord]:
        which = (await disk.session(session)).id if session is not None else None
        told = await disk.screened(session=which, turn=None, limit=limit)
        return [record(ScreenedRecord, one) for one in told]

    found = on_ledger(read)
    for one in found:
        if as_json:
            write_json(one)
        else:
            click.echo(_verdict_line(one))
    if not found and not as_json:
        click.echo("Nothing was screened.", err=True)


def _verdict_line(one: ScreenedRecord) -> str:
    from .wording import moment, plain

    rule = f"{one.rule} ({one.category})" if one.rule else "-"
    accepted = ", ".join(one.acknowledged)
    facts = [moment(one.at), f"{one.decision:6}", one.subject, plain(rule)]
    facts += [f"{one.policy} {one.policy_sha256[:12]}", f"text {one.text_sha256[:12] or '-'}"]
    if one.pictures == "examined":
        facts.append("pictures examined")
    if accepted:
        facts.append(plain(f"acknowledged {accepted} by {one.acknowledged_by or 'someone'}"))
    return "  ".join(facts)
