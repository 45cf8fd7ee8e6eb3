"""Everything about a request that is found out before money is spent: ids, pictures, texts, rules."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial

import anyio.to_thread
from pydantic import JsonValue

from .. import attempts, screening
from ..attempts import Errand
from ..errors import LimnerError
from ..kit import Kit
from ..opening import Held, Opening
from ..protocols import Answers, KeptResponse, PictureFacts, Tenancy, TurnRequest
from ..schema import Cost, Image, ImageId, Session, SessionId, Sha256, Turn, TurnId, Verdict
from ..screening import Judged
from ..traffic import Outgoing, PictureData
from ..turn import capabilities, prompts, relayed
from ..turn.pricing import estimate, estimate_question
from ..turn.request import preamble
from ..turn.talk import Entry, Shot, Talk, unfold, wanted_ids
from ..wire.fields import InlineImage, JsonObject, RequestFault
from ..wire.requests import ResponsesRequest
from . import outputs
from .brought import screened
from .cut_off import caught_up


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """On whose account, and what they may."""

    tenant: str | None = None
    caps: Mapping[str, Decimal] = field(default_factory=dict)
    acknowledge: tuple[str, ...] = ()
    acknowledged_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """What requests are served with."""

    kit: Kit
    answers: Answers
    tenancy: Tenancy
    own_picture: Callable[[str], ImageId | None] | None = None
    """What an address that was given out here names; ``None`` for addresses elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A request that may be sent, if its texts may."""

    request: ResponsesRequest
    payload: JsonObject = field(repr=False)
    talk: Talk = field(repr=False)
    opened: Opening = field(repr=False)
    places: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """(entry, picture in it) to its position among ``opened.editing`` and ``.references``."""
    left_out: tuple[tuple[int, Verdict], ...] = ()
    """Earlier texts that go nowhere, and why."""
    unsaid: tuple[Verdict, ...] = ()
    """Why pictures that the client brought go without their wording."""
    shown: Mapping[tuple[int, int], Held] = field(default_factory=dict)
    """(entry, picture in it): what the client's own tools gave back, to be kept with the request."""
    given: tuple[tuple[int, int], ...] = ()
    """What they gave back earlier and goes along once more: width and height of each."""

    @property
    def held(self) -> tuple[Held, ...]:
        return (*self.opened.editing, *self.opened.references)


async def prepare(
    shop: Shop, request: ResponsesRequest, payload: JsonObject, turn_request: TurnRequest
) -> Prepared:
    """Raises ``RequestFault`` and ``UsageError``; nothing is written."""
    kit, tenant = shop.kit, turn_request.tenant
    relayed.check(request, payload, kit.upstream.profile.dialect)
    chain = await _chain(shop, request, tenant)
    wanted = wanted_ids(request)
    found = await shop.answers.items(wanted, tenant=tenant) if wanted else {}
    kept = [item for one in chain for item in (*one.input, *one.output)]
    talk = unfold(request, _raw_items(payload), chain=kept, found=found)
    brought = await screened(kit, talk, turn_request)
    talk, given = await outputs.given_back(kit, shop.tenancy, brought.talk, tenant)
    held, places, drawn = await _pictures(shop, talk, tenant)
    session, parent = await _where(shop, chain, held[:drawn])
    mask = await _mask(kit, request, held)
    options = relayed.options_of(
        request.image_tool, image_model=kit.image_model, stream=request.stream
    )
    editing = held[:drawn] or held
    opened = Opening(
        request=replace(turn_request, options=options, text=talk.said),
        text=talk.said,
        session=session,
        parent=parent,
        path=tuple(_spoken(kit, text) for text in brought.earlier),
        images={},
        editing=tuple(editing),
        references=tuple(held[drawn:] if drawn else ()),
        mask=mask,
        options=options,
    )
    if request.image_tool is not None:
        check_options(kit, opened)
    return Prepared(
        request=request,
        payload=payload,
        talk=talk,
        opened=opened,
        places=places,
        left_out=brought.left_out,
        unsaid=brought.unsaid,
        shown=await outputs.held_in(kit, shop.tenancy, talk, tenant),
        given=given,
    )


def check_options(kit: Kit, opened: Opening) -> None:
    """Raises ``UsageError`` for what the model cannot draw."""
    dialect = kit.upstream.profile.dialect
    capabilities.check(
        opened.options,
        editing=len(opened.editing) + len(opened.references),
        has_mask=opened.mask is not None,
        transparency=dialect.transparency,
        legacy=dialect.legacy_models,
    )


def _raw_items(payload: JsonObject) -> Sequence[JsonValue]:
    """The items as sent; a string alone is one user message."""
    given = payload.get("input")
    if given is None:
        return ()
    return given if isinstance(given, list) else (given,)


async def _chain(
    shop: Shop, request: ResponsesRequest, tenant: str | None
) -> Sequence[KeptResponse]:
    previous = request.previous_response_id
    if previous is None:
        return ()
    chain = await shop.answers.chain(previous, tenant=tenant)
    if chain is None:
        raise RequestFault(
            f"Previous response with id {previous[:80]!r} not found.",
            code="previous_response_not_found",
            param="previous_response_id",
        )
    last = chain[-1]
    if last.status == "in_progress":
        last = await shop.answers.response(previous, tenant=tenant) or last
        last = await caught_up(shop.kit, shop.answers, last)
    if last.status == "in_progress":
        raise RequestFault(
            f"Response {previous[:80]!r} is still in progress: wait until it is done.",
            code="previous_response_in_progress",
            param="previous_response_id",
        )
    return [*chain[:-1], last]


# ── texts ────────────────────────────────────────────────────────────────────────────────────


def _spoken(kit: Kit, text: str) -> Turn:
    """An earlier text, as the screens read one."""
    return Turn(
        id=TurnId(""),
        session=SessionId(""),
        intent="chat",
        prompt=text,
        outcome="text",
        created=kit.clock.now(),
    )


async def judged(kit: Kit, prepared: Prepared) -> tuple[Judged, Errand | None]:
    """What both screens say, and what is to be sent if a budget covers it; nothing is drawn yet."""
    opened = prepared.opened
    first = screening.first(opened.request, opened, kit.policy)
    others = (*(v for _, v in prepared.left_out), *prepared.unsaid)
    if others:
        first = replace(first, others=(*first.others, *others))
    if first.stop is not None:
        return first, None
    errand = compose(kit, prepared, first.prompt)
    if refused := await attempts.unaffordable(kit, errand, session=opened.session):
        return replace(first, stop=refused), None
    second = await screening.second(kit, opened, first)
    return second, None if second.stop is not None else errand


# ── pictures ─────────────────────────────────────────────────────────────────────────────────


async def _pictures(
    shop: Shop, talk: Talk, tenant: str | None
) -> tuple[list[Held], dict[tuple[int, int], int], int]:
    """Each once, where each stands, and how many of the first are drawn ones."""
    held: list[Held] = []
    places: dict[tuple[int, int], int] = {}
    known: dict[str, int] = {}
    drawn = 0
    for at in (*talk.about, *talk.uploads):
        for number, shot in enumerate(talk.entries[at].shots):
            one = await _held(shop, shot, tenant)
            sha256 = hashlib.sha256(one.data).hexdigest()
            if sha256 not in known:
                known[sha256] = len(held)
                held.append(one)
            places[at, number] = known[sha256]
        drawn = len(held) if at in talk.about else drawn
    return held, places, drawn


async def _held(shop: Shop, shot: Shot, tenant: str | None) -> Held:
    kit = shop.kit
    if shot.image is not None:
        image = await shop.tenancy.picture(shot.image, tenant=tenant)
        if image is None:
            raise RequestFault(
                f"The picture of {shot.at} is not there any more: it was deleted.",
                status=404,
                param="input",
            )
        data = await kit.store.read_blob(image.sha256)
        return Held(image=image, data=data, facts=await _facts(kit, data, image))
    assert shot.data is not None
    facts = await _inspected(kit, shot.data, shot.at)
    sha256 = Sha256(hashlib.sha256(shot.data).hexdigest())
    known = await shop.tenancy.picture_of_bytes(sha256, tenant=tenant)
    return Held(image=known, data=shot.data, facts=facts)


async def _facts(kit: Kit, data: bytes, image: Image) -> PictureFacts:
    width, _, height = (image.actual.size or "").partition("x")
    if width.isdecimal() and height.isdecimal():
        return PictureFacts(image.media_type, int(width), int(height), has_alpha=False)
    return await _inspected(kit, data, image.id)


async def _inspected(kit: Kit, data: bytes, name: str) -> PictureFacts:
    return await anyio.to_thread.run_sync(partial(kit.pictures.inspect, data, name=name))


async def _mask(kit: Kit, request: ResponsesRequest, held: Sequence[Held]) -> PictureData | None:
    """As it came; raises ``RequestFault`` for one that a server would refuse, or misread."""
    tool = request.image_tool
    if tool is None or not isinstance(tool.mask, InlineImage):
        return None
    at = f"tools[{tool.index}].input_image_mask"
    facts = await _inspected(kit, tool.mask.data, at)
    if not facts.has_alpha:
        words = "Invalid mask: it has no alpha channel, which says by 0 what may change."
        raise RequestFault(words, code="invalid_mask", param=at)
    of = held[0].facts if held else facts
    if (of.width, of.height) != (facts.width, facts.height):
        words = (
            f"Invalid mask: it is {facts.width}x{facts.height}, and the picture that it is for "
            f"{of.width}x{of.height}."
        )
        raise RequestFault(words, code="invalid_mask", param=at)
    return PictureData(tool.mask.data, facts.media_type)


async def _where(
    shop: Shop, chain: Sequence[KeptResponse], drawn: Sequence[Held]
) -> tuple[Session | None, TurnId | None]:
    """The session that goes on: of the chain, else of the picture that was drawn here before."""
    last = chain[-1] if chain else None
    image = next((one.image for one in drawn if one.image is not None), None)
    which = last.session if last else image.session if image else None
    if which is None:
        return None, None
    try:
        session = await shop.kit.store.session(which)
    except LimnerError:
        return None, None
    return session, (last.turn if last else image.turn if image else None)


# ── what goes out ────────────────────────────────────────────────────────────────────────────


def compose(kit: Kit, prepared: Prepared, verdict: Verdict) -> Errand:
    """Pure: the body for this profile, and what it may cost. Raises ``UsageError``."""
    request, opened, profile = prepared.request, prepared.opened, kit.upstream.profile
    words, ref = preamble(verdict.preamble, profile.dialect)
    force, force_ref = prompts.text("edit/force")
    model = request.model or profile.model
    forced, proved = relayed.is_forced(request), profile.dialect.tool_choice
    outgoing = Outgoing(
        kind="chat",
        model=model,
        instructions=words,
        messages=(),
        options=opened.options if request.image_tool else None,
        force_tool=forced and proved,
        stream=relayed.streams(request, profile.dialect),
        relayed=relayed.body(
            request,
            prepared.payload,
            prepared.talk,
            relayed.Parts(
                model=model,
                image_model=kit.image_model,
                dialect=profile.dialect,
                preamble=words,
                force=force,
                pictures=_outgoing(prepared),
                left_out=frozenset(at for at, _ in prepared.left_out),
            ),
        ),
    )
    dearest, cheapest = _priced(kit, prepared, outgoing)
    return Errand(
        outgoing=outgoing,
        body=kit.upstream.encode(outgoing),
        estimate=dearest,
        estimate_low=cheapest,
        prompts=(ref, force_ref) if forced and not proved else (ref,),
        user=opened.request.user,
        tenant=opened.request.tenant,
        caps=attempts.caps(kit, opened.request),
    )


def _outgoing(prepared: Prepared) -> dict[tuple[int, int], PictureData]:
    """Each picture once, where it first stands."""
    first: dict[int, tuple[int, int]] = {}
    for at, place in prepared.places.items():
        first.setdefault(place, at)
    return {at: prepared.held[place].outgoing for place, at in first.items()}


def _priced(kit: Kit, prepared: Prepared, outgoing: Outgoing) -> tuple[Cost, Cost]:
    """At its dearest and at its cheapest."""
    held = (*prepared.held, *prepared.shown.values())
    sizes = [*((one.facts.width, one.facts.height) for one in held), *prepared.given]
    chars = len(outgoing.instructions) + len(prepared.request.instructions or "")
    chars += sum(_length(e) for e in prepared.talk.entries)
    model = kit.upstream.profile.text_model(outgoing.model)
    if outgoing.options is None:
        asked = estimate_question(
            prices=kit.prices, model=outgoing.model, chars=chars, pictures=sizes
        )
        return asked, asked
    priced = partial(
        estimate,
        outgoing.options,
        prices=kit.prices,
        input_images=sizes,
        prompt_chars=chars,
        model=model,
    )
    return priced(dearest=True), priced(dearest=False)


def _length(entry: Entry) -> int:
    """Characters that a model reads of it; pictures are counted apart."""
    return len(entry.text) if entry.kind in ("user", "picture") else _characters(entry.value)


def _characters(value: JsonValue) -> int:
    if isinstance(value, str):
        return 0 if value.startswith("data:") else len(value)
    if isinstance(value, list):
        return sum(map(_characters, value))
    return sum(map(_characters, value.values())) if isinstance(value, dict) else 1
