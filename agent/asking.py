"""The other kind of request: a question about pictures, answered as data (DESIGN section 3).

No image tool, never part of a session; an attempt of kind ``ask`` in the ledger like any other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Generic, TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from . import attempts, onward
from .errors import UsageError
from .kit import Kit
from .opening import checked_text
from .safety.screen import screen
from .schema import Attempt, Cost, Failure, Image, ImageId
from .traffic import Message, Outgoing, PictureData, Received
from .turn import prompts
from .turn.extract import Gathered, judge
from .turn.pricing import estimate_question, weight

M = TypeVar("M", bound=BaseModel)
_SCHEMA: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


@dataclass(frozen=True, slots=True)
class Answered(Generic[M]):
    """``value`` is ``None`` when no valid answer came; ``failure`` then says why."""

    value: M | None
    text: str
    cost: Cost
    failure: Failure | None = None
    failures: tuple[Failure, ...] = ()
    """What stopped it on the profiles that were tried before."""


async def ask(
    kit: Kit, question: str, *, images: Sequence[ImageId | bytes], schema: type[M]
) -> Answered[M]:
    """Ask once, and once more with the validation error when the answer does not fit.

    What is known to have failed for free goes on with the next profile, as a turn does. Raises ``UsageError`` for a question or a picture that cannot be sent.
    """
    question = checked_text(question)
    refused = await _screened(kit, question)
    if refused:
        return Answered(None, "", _nothing(kit), refused)
    pictures = tuple([await _picture(kit, image) for image in images])
    messages: tuple[Message, ...] = (Message("user", question, pictures),)
    way = _Way(kit)
    answered: Answered[M] = Answered(None, "", way.spent)
    for _ in range(2):
        gathered = await way.exchange(messages, schema)
        if gathered.failed or gathered.refusal or not gathered.text.strip():
            _, failure = judge(gathered, stored=0, intent="ask")
            return Answered(None, gathered.text, way.spent, failure, tuple(way.left))
        try:
            value = schema.model_validate_json(_json(gathered.text))
        except ValidationError as error:
            answered = Answered(None, gathered.text, way.spent, _unfit(error), tuple(way.left))
            repair, _ref = prompts.text("ask/repair", values={"errors": _short(error)})
            messages = (*messages, Message("assistant", gathered.text), Message("user", repair))
        else:
            return Answered(value, gathered.text, way.spent)
    return answered


async def _screened(kit: Kit, question: str) -> Failure | None:
    """Only what may never be sent stops a question: one *about* a picture may name anything else."""
    verdict = screen(question, policy=kit.policy)
    await kit.store.add_verdict(verdict, at=kit.clock.now(), session=None, turn=None, user=None)
    if verdict.decision != "refuse":
        return None
    return Failure(
        code="policy",
        stage="policy",
        rule=verdict.rule,
        categories=(verdict.category,) if verdict.category else (),
        message=f"{verdict.message} Nothing was sent, nothing was charged.".strip(),
        hint=verdict.fix,
    )


def _nothing(kit: Kit) -> Cost:
    return Cost(amount=Decimal(0), currency=kit.prices.currency, basis="usage")


def _sum(spent: Cost, cost: Cost) -> Cost:
    """Unknown as soon as one part is, or as they are in two currencies."""
    if spent.amount == 0:
        return cost
    mixed = cost.currency != spent.currency and cost.amount != 0
    if spent.amount is None or cost.amount is None or mixed:
        return cost.model_copy(update={"amount": None, "basis": "unknown"})
    return spent.model_copy(update={"amount": spent.amount + cost.amount, "basis": cost.basis})


def _outgoing(kit: Kit, messages: tuple[Message, ...], schema: type[BaseModel]) -> Outgoing:
    proved = kit.upstream.profile.dialect.structured_output
    shape = _SCHEMA.validate_python(_strict(schema.model_json_schema()))
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


def _strict(schema: JsonValue) -> JsonValue:
    """As strict structured output wants it: every field required, no default, none besides."""
    if isinstance(schema, list):
        return [_strict(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    named = schema.get("properties")
    if not isinstance(named, dict):
        return {key: _strict(part) for key, part in schema.items() if key != "default"}
    rest = {key: _strict(part) for key, part in schema.items() if key != "properties"}
    fields: JsonValue = {name: _strict(part) for name, part in named.items()}
    wanted: JsonValue = list(named)
    return rest | {"properties": fields, "required": wanted, "additionalProperties": False}


class _Quiet:
    """Nobody listens to a question under way."""

    images: Sequence[Image] = ()

    def __init__(self, cost: Cost) -> None:
        self.cost = cost
        self.attempts = 0

    def sent(self, attempt: Attempt) -> None:
        pass

    async def take(self, _: Received, gathered: Gathered) -> Gathered:
        return gathered

    def settled(self, settled: attempts.Settled) -> None:
        self.cost = settled.attempt.cost
        self.attempts += 1

    def waits(self, attempt: Attempt, failure: Failure, delay_s: float) -> bool:  # noqa: ARG002
        return True


class _Way:
    """Where a question goes, by the rules of a turn (``onward``)."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._attempts = 0
        self.spent = _nothing(kit)
        self.left: list[Failure] = []

    async def exchange(self, messages: tuple[Message, ...], schema: type[BaseModel]) -> Gathered:
        """Send until it is settled; what cost nothing may go again, plainer, or elsewhere."""
        kit = self._kit
        errand = _errand(kit, messages, schema)
        while True:
            composed, hearer = kit.upstream.profile, _Quiet(_nothing(kit))
            gathered = await attempts.exchange(kit, errand, hearer, self._attempts)
            self._attempts += hearer.attempts
            self.spent = _sum(self.spent, hearer.cost)
            other = onward.elsewhere(kit, composed, "ask", gathered) if gathered.failed else None
            if other is None:
                return gathered
            left = onward.told_of(kit, "ask", gathered)
            if barred := onward.barred(kit, other, errand.caps):
                self.left.append(left)
                return replace(gathered, failed=barred)
            try:
                errand = _errand(other, messages, schema)
            except UsageError:
                return gathered  # too large for that one: what happened here is the truth
            self.left.append(left)
            self._kit = kit = other


def _errand(kit: Kit, messages: tuple[Message, ...], schema: type[BaseModel]) -> attempts.Errand:
    outgoing = _outgoing(kit, messages, schema)
    return attempts.Errand(
        outgoing=outgoing,
        body=kit.upstream.encode(outgoing),
        estimate=_estimate(kit, outgoing),
        prompts=(),
        caps=dict(kit.caps),
    )


def _estimate(kit: Kit, outgoing: Outgoing) -> Cost:
    chars = weight((outgoing.instructions, *(m.text for m in outgoing.messages)))
    pictures = [
        (facts.width, facts.height)
        for message in outgoing.messages
        for picture in message.pictures
        if (facts := kit.pictures.received(picture.data))
    ]
    return estimate_question(
        prices=kit.prices, model=outgoing.model, chars=chars, pictures=pictures
    )


def _json(text: str) -> str:
    """The value inside fences or talk: a model without structured output adds both."""
    start = min((at for at in (text.find("{"), text.find("[")) if at >= 0), default=0)
    end = max(text.rfind("}"), text.rfind("]"))
    return text[start : end + 1] if start < end else text


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
