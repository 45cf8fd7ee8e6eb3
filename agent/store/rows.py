"""Nouns to rows and back, without a connection.

A newer schema may have columns that this version does not know: only known ones are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import RowMapping

from ..schema import Attempt, Cost, Image, ImageId, Record, Session, Tokens, Turn, Verdict
from .tables import TOKEN_KINDS

Row = dict[str, object]


def _json(values: Iterable[Record]) -> list[object]:
    return [value.model_dump(mode="json") for value in values]


def cost_row(prefix: str, cost: Cost) -> Row:
    return {
        f"{prefix}_amount": cost.amount,
        f"{prefix}_currency": cost.currency,
        f"{prefix}_basis": cost.basis,
    }


def _cost_of(prefix: str, row: RowMapping) -> Row:
    return {name: row[f"{prefix}_{name}"] for name in ("amount", "currency", "basis")}


def _tokens_row(prefix: str, tokens: Tokens | None) -> Row:
    counts = tokens or Tokens()
    return {f"{prefix}_{kind}": getattr(counts, kind) for kind in TOKEN_KINDS}


def _tokens_of(prefix: str, row: RowMapping) -> Row | None:
    counts: Row = {kind: row[f"{prefix}_{kind}"] for kind in TOKEN_KINDS}
    return None if all(count is None for count in counts.values()) else counts


def _known(kind: type[Record], row: RowMapping, more: Mapping[str, object]) -> Row:
    return {name: row[name] for name in kind.model_fields if name in row} | dict(more)


def session_row(session: Session) -> Row:
    return session.model_dump(exclude={"turns", "images"})


def session_of(row: RowMapping) -> Session:
    return Session.model_validate(_known(Session, row, {}))


def turn_row(turn: Turn) -> Row:
    """Without ``images``: which pictures a turn made is read from the pictures."""
    plain = turn.model_dump(
        exclude={"images", "cost", "failures", "prompts", "options", "usage", "degraded"}
    )
    return plain | {
        "editing": list(turn.editing),
        "references": list(turn.references),
        "options": turn.options.model_dump(mode="json"),
        "failures": _json(turn.failures),
        "usage": turn.usage.model_dump(mode="json"),
        "prompts": _json(turn.prompts),
        "degraded": list(turn.degraded),
        **cost_row("cost", turn.cost),
    }


def turn_of(row: RowMapping, images: Iterable[ImageId]) -> Turn:
    more = {"images": tuple(images), "cost": _cost_of("cost", row)}
    return Turn.model_validate(_known(Turn, row, more))


def image_row(image: Image) -> Row:
    plain = image.model_dump(exclude={"media_type", "bytes", "path", "requested", "actual"})
    return plain | {
        "parents": list(image.parents),
        "requested": image.requested.model_dump(mode="json"),
        "actual": image.actual.model_dump(mode="json"),
    }


def image_of(row: RowMapping, path: str) -> Image:
    """``row`` is an image joined with its blob."""
    return Image.model_validate(_known(Image, row, {"path": path}))


def attempt_row(attempt: Attempt) -> Row:
    plain = attempt.model_dump(
        exclude={"usage", "reserved", "cost", "requested", "actual", "prompts"}
    )
    return plain | {
        "requested": attempt.requested.model_dump(mode="json"),
        "actual": attempt.actual.model_dump(mode="json"),
        "prompts": _json(attempt.prompts),
        **_tokens_row("text", attempt.usage.text),
        **_tokens_row("image", attempt.usage.image),
        **cost_row("reserved", attempt.reserved),
        **cost_row("cost", attempt.cost),
    }


class Entry(Attempt):
    """An attempt as the ledger shows it: also who settled it where nobody saw its end."""

    settled_by: str | None = None
    """A person, or ``reaper``; ``None``: the process that sent it."""
    note: str | None = None


def attempt_of(row: RowMapping) -> Attempt:
    """A bill of which no count was told reads as no bill at all."""
    return Attempt.model_validate(_attempt(Attempt, row))


def entry_of(row: RowMapping) -> Entry:
    return Entry.model_validate(_attempt(Entry, row))


def _attempt(kind: type[Attempt], row: RowMapping) -> Row:
    more = {
        "usage": {"text": _tokens_of("text", row), "image": _tokens_of("image", row)},
        "reserved": _cost_of("reserved", row),
        "cost": _cost_of("cost", row),
    }
    return _known(kind, row, more)


def verdict_row(
    verdict: Verdict, *, at: datetime, session: str | None, turn: str | None, user: str | None
) -> Row:
    plain = verdict.model_dump(exclude={"hits"})
    return plain | {
        "hits": _json(verdict.hits),
        "acknowledged": list(verdict.acknowledged),
        "at": at,
        "session": session,
        "turn": turn,
        "user": user,
    }


def verdict_of(row: RowMapping) -> Verdict:
    return Verdict.model_validate(_known(Verdict, row, {}))
