"""What everything came to, by one thing or another; the database does the sums.

Currencies are never mixed: a key has one sum for each. What an attempt adds to:

    spent            settled and billed, at what it cost
    possibly billed  the server may have drawn it: at its cost, else at what was reserved
    reserved         under way, at its dearest
    unpriced         how many of these have no price at all; they are in none of the sums
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from sqlalchemy import (
    Case,
    ColumnElement,
    Connection,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from ..schema import Record
from .exact import exact_sum
from .ledger import OPEN, UNSETTLED
from .tables import attempt, session

By = Literal["session", "day", "profile", "model", "user"]


class Sum(Record):
    """One line: one key and one currency. ``None`` is a count or an amount that nobody told."""

    key: str
    currency: str
    attempts: int
    pictures: int
    spent: Decimal | None
    possibly_billed: Decimal
    reserved: Decimal
    unpriced: int
    text_input: int | None
    text_output: int | None
    image_input: int | None
    image_output: int | None


TOKENS: Final = ("text_input", "text_output", "image_input", "image_output")

_open = attempt.c.state.in_(OPEN)
_cost, _reserved = attempt.c.cost_amount, attempt.c.reserved_amount
_settled_at_cost = and_(_cost.is_not(None), attempt.c.state.not_in(UNSETTLED))


def _spent() -> Case[Any]:
    return case((and_(attempt.c.state.not_in(UNSETTLED), attempt.c.billed == "yes"), _cost))


def _possibly() -> Case[Any]:
    amount = case((_settled_at_cost, _cost), else_=func.coalesce(_reserved, _cost))
    return case((and_(~_open, attempt.c.billed == "possibly"), amount))


def _held() -> Case[Any]:
    return case((_open, _reserved))


def _unpriced() -> ColumnElement[int]:
    known = func.coalesce(_spent(), _possibly(), _held())
    owed = or_(_open, attempt.c.billed != "no")
    return func.sum(case((and_(owed, known.is_(None)), 1), else_=0))


def _currency() -> Case[Any]:
    return case((_settled_at_cost, attempt.c.cost_currency), else_=attempt.c.reserved_currency)


def _day(connection: Connection) -> ColumnElement[Any]:
    """In UTC, as the budget of a day is."""
    created = attempt.c.created
    if connection.dialect.name == "postgresql":
        return func.to_char(func.timezone("UTC", created), "YYYY-MM-DD")
    return func.substr(cast(created, Text), 1, 10)


def _model(_: Connection) -> ColumnElement[Any]:
    """The model that draws, where one was asked for: it is what a picture costs."""
    return func.coalesce(attempt.c.requested["model"].as_string(), attempt.c.model)


KEYS: Final[dict[By, Callable[[Connection], ColumnElement[Any]]]] = {
    "session": lambda _: func.coalesce(session.c.name, attempt.c.session, ""),
    "day": _day,
    "profile": lambda _: attempt.c.profile,
    "model": _model,
    "user": lambda _: func.coalesce(attempt.c.user, ""),
}


def sums(connection: Connection, *, by: By | None, since: datetime | None) -> list[Sum]:
    """By key, then currency; without ``by`` everything, under the key ``total``."""
    key = KEYS[by](connection) if by else literal("total")
    money = {"spent": _spent(), "possibly_billed": _possibly(), "reserved": _held()}
    query = select(
        key.label("key"),
        _currency().label("currency"),
        func.count().label("attempts"),
        func.sum(attempt.c.images).label("pictures"),
        *(exact_sum(amount).label(name) for name, amount in money.items()),
        _unpriced().label("unpriced"),
        *(func.sum(attempt.c[name]).label(name) for name in TOKENS),
    ).select_from(attempt.outerjoin(session, attempt.c.session == session.c.id))
    if since is not None:
        query = query.where(attempt.c.created >= since)
    grouped = query.group_by("key", "currency").order_by("key", "currency")
    return [_sum(dict(row)) for row in connection.execute(grouped).mappings()]


def _sum(row: dict[str, object]) -> Sum:
    zero = {name: row[name] or Decimal(0) for name in ("possibly_billed", "reserved")}
    nothing = Decimal(0) if not row["unpriced"] else None
    spent = nothing if row["spent"] is None else row["spent"]
    return Sum.model_validate(row | zero | {"spent": spent})
