"""Sums of money inside the database, exact to the last digit.

Amounts are kept as decimal text, and SQLite would add floats. So SQLite gets an aggregate of our
own, and PostgreSQL adds them as ``NUMERIC``.
"""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

from .tables import Money

_DIGITS = Context(prec=60)
"""More than any sum of prices has; the usual 28 would round a long one."""


class ExactSum:
    """The aggregate that SQLite calls; ``NULL`` for no amount at all, never 0."""

    def __init__(self) -> None:
        self._sum: Decimal | None = None

    def step(self, value: object) -> None:
        if value is not None:
            with localcontext(_DIGITS):
                self._sum = (self._sum or Decimal(0)) + Decimal(str(value))

    def finalize(self) -> Any:  # sqlite3 is typed for numbers alone
        return None if self._sum is None else format(self._sum, "f")


class exact_sum(GenericFunction[Decimal]):  # noqa: N801  named as SQL names it
    """``SUM`` of a ``Money`` column."""

    type = Money()
    name = "exact_sum"
    inherit_cache = True

    def __init__(self, amount: ColumnElement[Any]) -> None:
        super().__init__(amount)


@compiles(exact_sum, "postgresql")
def _as_numeric(element: exact_sum, compiler: SQLCompiler, **how: Any) -> str:
    inner = compiler.process(element.clauses, **how)
    return f"CAST(SUM(CAST({inner} AS NUMERIC)) AS TEXT)"
