"""Where a probe sends and keeps: every request an attempt in the ledger, every picture listed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import JsonValue

from .. import attempts
from ..keeping import Place, artist, damaged, keep_received, requested
from ..kit import Kit
from ..schema import (
    Attempt,
    AttemptId,
    Cost,
    Failure,
    Image,
    ImageOptions,
    Preamble,
    PromptRef,
    Session,
    SessionId,
)
from ..traffic import (
    Message,
    Opened,
    Outgoing,
    PartialPicture,
    Picture,
    PictureData,
    PictureUrl,
    Profile,
    Received,
)
from ..turn import prompts
from ..turn.extract import Gathered, fold, judge
from ..turn.pricing import estimate, estimate_question
from ..turn.request import preamble
from ..upstream.narrowing import rejected

SMALL = ImageOptions(size="1024x640", quality="low")
"""655,360 pixels: the fewest that the rules of gpt-image-2 allow (R20)."""
PIXELS = (1024, 640)
SUBJECT = "kite"
DRAW = f"A red {SUBJECT} in a clear blue sky, flat colours."
CHANGE = f"Make the {SUBJECT} yellow."
_VARIANT: Preamble = "standard"


@dataclass(kw_only=True)
class Heard:
    """One exchange as it went: what was asked, what came."""

    outgoing: Outgoing
    gathered: Gathered = field(default_factory=Gathered)
    images: list[Image] = field(default_factory=list)
    drafts: int = 0
    urls: int = 0
    streamed: bool | None = None
    echoed_id: str | None = None
    attempts: list[AttemptId] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)

    @property
    def failure(self) -> Failure | None:
        """Why there is no picture (or, of a question, no text)."""
        kind, answered = self.outgoing.kind, bool(self.gathered.text.strip())
        if kind == "ask" and answered and self.gathered.failed is None:
            return None
        return judge(self.gathered, stored=len(self.images), intent=kind)[1]

    @property
    def rejected(self) -> bool:
        """A parameter was refused before any work."""
        failure = self.failure
        return failure is not None and failure.code == "invalid_parameter"

    @property
    def named(self) -> bool:
        """The refusal names what was tried."""
        return self.failure is not None and bool(rejected(self.failure, self.outgoing))


class _Hearer:
    """``attempts.Hearer``: keeps pictures in the probe's session and counts the rest."""

    def __init__(self, kit: Kit, heard: Heard, place: Place) -> None:
        self._kit = kit
        self._heard = heard
        self._place = place

    @property
    def images(self) -> Sequence[Image]:
        return self._heard.images

    def sent(self, attempt: Attempt) -> None:
        self._heard.attempts.append(attempt.id)

    def settled(self, settled: attempts.Settled) -> None:
        self._heard.costs.append(settled.attempt.cost)

    def waits(self, attempt: Attempt, failure: Failure, delay_s: float) -> bool:  # noqa: ARG002
        return True

    async def take(self, item: Received, gathered: Gathered) -> Gathered:
        heard = self._heard
        match item:
            case Opened():
                heard.streamed = heard.streamed if item.streamed is None else item.streamed
                heard.echoed_id = item.previous_response_id or heard.echoed_id
            case PartialPicture():
                heard.drafts += 1
            case PictureUrl():
                heard.urls += 1
            case Picture():
                drawn_by = artist(self._kit, gathered, self._place)
                kept = await keep_received(self._kit, item, self._place, drawn_by=drawn_by)
                if isinstance(kept, Failure):
                    return fold(gathered, damaged(item, kept))
                heard.images.append(kept)
            case _:
                pass
        return gathered


class Bench:
    """One probe run on one kit; ``plain`` is the preamble without trigger words."""

    def __init__(self, kit: Kit) -> None:
        self.kit = kit
        self._session: Session | None = None
        self.plain = kit.upstream.profile.dialect.preamble_words

    @property
    def profile(self) -> Profile:
        return self.kit.upstream.profile

    def drawing(self, options: ImageOptions = SMALL) -> Outgoing:
        """A request for a small, cheap picture; nothing optional in it."""
        return Outgoing(
            kind="generate",
            model=self.profile.model,
            instructions=self._instructions()[0],
            messages=(Message("user", DRAW),),
            options=options.model_copy(update={"model": self.kit.image_model}),
            action="generate",
            stream=False,
        )

    def editing(self, picture: PictureData, *, mask: PictureData | None = None) -> Outgoing:
        """A change of a picture, with or without a mask."""
        return replace(
            self.drawing(),
            kind="edit",
            messages=(Message("user", CHANGE, (picture,)),),
            action="edit",
            mask=mask,
        )

    def question(
        self,
        text: str,
        *,
        previous: str | None = None,
        schema: dict[str, JsonValue] | None = None,
    ) -> Outgoing:
        """Words alone: it costs next to nothing."""
        return Outgoing(
            kind="ask",
            model=self.profile.model,
            instructions="Answer in as few words as you can.",
            messages=(Message("user", text),),
            previous_response_id=previous,
            answer_schema=schema,
            stream=False,
        )

    async def send(self, outgoing: Outgoing, *, kit: Kit | None = None) -> Heard:
        """Reserved, sent, kept, settled. Raises ``UsageError`` for what cannot be sent."""
        kit = kit or self.kit
        heard = Heard(outgoing=outgoing)
        session = await self.session()
        refs = () if outgoing.options is None else (self._instructions()[1],)
        errand = attempts.Errand(
            outgoing=outgoing,
            body=kit.upstream.encode(outgoing),
            estimate=price(kit, outgoing),
            prompts=refs,
            session=session.id,
            caps=dict(kit.caps),
        )
        place = Place(
            session=session.id,
            turn=None,
            operation="edit" if outgoing.kind == "edit" else "generate",
            parents=(),
            requested=requested(outgoing.options or SMALL),
        )
        heard.gathered = await attempts.exchange(kit, errand, _Hearer(kit, heard, place))
        return heard

    async def session(self) -> Session:
        """Where its pictures can be looked at: named after the time of the first request."""
        if self._session is None:
            now = self.kit.clock.now()
            session = Session(
                id=SessionId(self.kit.ids.new("ses")),
                name=f"doctor-{now:%Y%m%d-%H%M%S}",
                created=now,
                updated=now,
            )
            self._session = await self.kit.store.create_session(session)
        return self._session

    async def bytes_of(self, image: Image) -> PictureData:
        """A picture that came, to be sent back."""
        return PictureData(await self.kit.store.read_blob(image.sha256), image.media_type)

    def _instructions(self) -> tuple[str, PromptRef]:
        dialect = replace(self.profile.dialect, preamble_words=self.plain)
        words, ref = preamble(_VARIANT, dialect)
        return f"{words.strip()}\n\n{prompts.text('edit/force')[0].strip()}", ref


def price(kit: Kit, outgoing: Outgoing) -> Cost:
    """The dearest that it could cost."""
    chars = len(outgoing.instructions) + sum(len(m.text) for m in outgoing.messages)
    pictures = [PIXELS for message in outgoing.messages for _ in message.pictures]
    if outgoing.options is None:
        return estimate_question(
            prices=kit.prices, model=outgoing.model, chars=chars, pictures=pictures
        )
    model = None if kit.upstream.profile.via == "images" else outgoing.model
    return estimate(
        outgoing.options,
        prices=kit.prices,
        input_images=pictures,
        prompt_chars=chars,
        model=model,
    )


def is_json_object(text: str) -> bool:
    """Nothing but one JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
