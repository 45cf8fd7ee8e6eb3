"""The other kind of request: a question about pictures, answered as data (DESIGN section 3).

No image tool, never part of a session; an attempt of kind ``ask`` in the ledger like any other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

import anyio
from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from . import attempts
from .kit import Kit
from .protocols import Message, Outgoing, PictureData
from .schema import Attempt, Cost, Failure, ImageId
from .turn import prompts
from .turn.extract import Gathered, fold, judge
from .turn.pricing import estimate_question

M = TypeVar("M", bound=BaseModel)
_SCHEMA: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class Answered(Generic[M]):
    """``value`` is ``None`` when no valid answer came; ``failure`` then says why."""

    value: M | None
    text: str
    cost: Cost
    failure: Failure | None = None


async def ask(
    kit: Kit, question: str, *, images: Sequence[ImageId | bytes], schema: type[M]
) -> Answered[M]:
    """Ask once, and once more with the validation error when the answer does not fit."""
    pictures = tuple([await _picture(kit, image) for image in images])
    messages: tuple[Message, ...] = (Message("user", question, pictures),)
    spent = Decimal(0)
    answered: Answered[M] = Answered(None, "", Cost())
    for _ in range(2):
        gathered, attempt = await _exchange(kit, _outgoing(kit, messages, schema))
        cost = attempt.cost if attempt else Cost()
        spent += cost.amount or Decimal(0)
        cost = cost.model_copy(update={"amount": None if cost.amount is None else spent})
        if gathered.failed or not gathered.text.strip():
            _, failure = judge(gathered, stored=0, intent="ask")
            return Answered(None, gathered.text, cost, failure)
        try:
            return Answered(schema.model_validate_json(_json(gathered.text)), gathered.text, cost)
        except ValidationError as error:
            answered = Answered(None, gathered.text, cost, _unfit(error))
            repair, _ = prompts.text("ask/repair", values={"errors": _short(error)})
            messages = (*messages, Message("assistant", gathered.text), Message("user", repair))
    return answered


def _outgoing(kit: Kit, messages: tuple[Message, ...], schema: type[BaseModel]) -> Outgoing:
    proved = kit.upstream.profile.dialect.structured_output
    shape = _SCHEMA.validate_python(schema.model_json_schema() | {"additionalProperties": False})
    instructions, _ = prompts.text("ask/instructions", values={"schema": json.dumps(shape)})
    return Outgoing(
        kind="ask",
        model=kit.upstream.profile.model,
        instructions=instructions,
        messages=messages,
        answer_schema=shape if proved else None,
        stream=False,
    )


async def _picture(kit: Kit, source: ImageId | bytes) -> PictureData:
    if isinstance(source, bytes):
        facts = kit.pictures.inspect(source, name="the picture given")
        return PictureData(source, facts.media_type)
    image = await kit.store.image(source)
    return PictureData(await kit.store.read_blob(image.sha256), image.media_type)


async def _exchange(kit: Kit, outgoing: Outgoing) -> tuple[Gathered, Attempt | None]:
    body = kit.upstream.encode(outgoing)
    chars = len(outgoing.instructions) + sum(len(m.text) for m in outgoing.messages)
    pictures = [
        (facts.width, facts.height)
        for message in outgoing.messages
        for picture in message.pictures
        if (facts := kit.pictures.received(picture.data))
    ]
    price = estimate_question(
        prices=kit.prices, model=outgoing.model, chars=chars, pictures=pictures
    )
    errand = attempts.Errand(
        outgoing=outgoing, body=body, estimate=price, prompts=(), caps=dict(kit.caps)
    )
    attempt = await attempts.intend(kit, errand, number=1)
    if isinstance(attempt, Failure):
        return Gathered(failed=attempt), None
    attempt = await attempts.mark_sent(kit, attempt, errand)
    gathered = Gathered()
    try:
        async with aclosing(kit.upstream.send(body, outgoing)) as received:
            async for item in received:
                gathered = fold(gathered, item)
    except BaseException:
        gathered = attempts.cut_short(gathered)
        raise
    finally:
        with anyio.CancelScope(shield=True):
            attempt = (await attempts.settle(kit, attempt, gathered)).attempt
    return gathered, attempt


def _json(text: str) -> str:
    """The object inside fences or talk: a model without structured output adds both."""
    start, end = text.find("{"), text.rfind("}")
    return text[start : end + 1] if 0 <= start < end else text


def _short(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found[:8])


def _unfit(error: ValidationError) -> Failure:
    return Failure(
        code="malformed",
        message=f"The answer does not fit the schema: {_short(error)}.",
        hint="Ask more plainly, or with a model that keeps to a schema.",
        billed="yes",
    )
