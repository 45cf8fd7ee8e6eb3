"""A response whose process ended in mid-turn: told as its turn was settled, with what was saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..kit import Kit
from ..protocols import Answers, KeptItem, KeptResponse
from ..schema import Failure, ImageId, Turn
from ..turn.talk import STORED
from ..wire.fields import JsonObject


async def caught_up(kit: Kit, answers: Answers, found: KeptResponse) -> KeptResponse:
    """As it is while its turn is open, or where it has ended; else closed as its turn was."""
    turn = await _closed(kit, found) if found.status == "in_progress" else None
    if turn is None:
        return found
    items = tuple(_saved(kit.ids.new("ig"), image) for image in turn.images)
    status = "incomplete" if items else "failed"
    told: JsonObject = {"status": status, "error": None if items else _error(turn)}
    ended = replace(found, status=status, document=found.document | told, output=items)
    await answers.close_response(ended)
    return await answers.response(found.id, tenant=found.tenant) or found


async def _closed(kit: Kit, found: KeptResponse) -> Turn | None:
    turns = await kit.store.turns(found.session)
    return next((one for one in turns if one.id == found.turn and one.outcome is not None), None)


def _error(turn: Turn) -> JsonObject:
    return {
        "code": "outcome_unknown" if turn.outcome == "unknown" else "interrupted",
        "message": _words(turn.failures[:1]) or "The server stopped in mid-turn.",
    }


def _words(failures: Sequence[Failure]) -> str:
    return " ".join(part for one in failures for part in (one.message, one.hint) if part)


def _saved(which: str, image: ImageId) -> KeptItem:
    value: JsonObject = {
        "id": which,
        "type": "image_generation_call",
        "status": "completed",
        "result": f"{STORED}{image}",
    }
    return KeptItem(id=which, value=value, image=image)
