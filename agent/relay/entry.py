"""What a request on ``/v1/responses`` is: a turn of ours, or somebody else's to be passed on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import anyio.to_thread
from anyio.abc import TaskGroup

from ..attempts import Errand
from ..logs import get_logger
from ..protocols import KeptResponse, Purchase, TurnRequest
from ..schema import Failure, Outcome, ScreenOutput, TurnId, Verdict
from ..screening import Judged
from ..traffic import Profile
from ..turn.relayed import check_model
from ..wire.fields import JsonObject, RequestFault
from ..wire.requests import ResponsesRequest, read_responses
from . import kept, once
from .cut_off import caught_up
from .line import Declined, Line
from .pace import Pace, Place
from .passing import Passing
from .prepare import Caller, Prepared, Shop, judged, prepare
from .reading import Read, bare_ids, check_extent, read_request, take_own_pictures
from .turns import RelayedTurn
from .written import note, write_down

log = get_logger("limner.relay")

_LARGE = 256 * 1024
"""Bytes of a body that is read in a thread, so that other clients need not wait for it."""
_MOST_LISTED = 100


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that was taken on."""

    line: Line
    stream: bool
    passed: bool = False
    """Somebody else's: its status, headers and bytes are the server's behind."""
    replayed: bool = False
    """It is the answer that the same request had before."""
    document: JsonObject | None = None
    """Of a background response: what it is for now."""


class Relay:
    """``tasks`` outlives each request: turns run there, whoever still listens."""

    def __init__(
        self,
        shop: Shop,
        tasks: TaskGroup,
        *,
        screen_output: ScreenOutput = "hold",
        images_only: bool = False,
        pace: Pace | None = None,
    ) -> None:
        self._shop = shop
        self._tasks = tasks
        self._screen_output = screen_output
        self._images_only = images_only
        self._pace = pace or Pace()

    async def respond(self, body: bytes, caller: Caller, *, key: str | None = None) -> Accepted:
        """``key``: the client's own name for this request, which is then never bought twice. Raises ``RequestFault``, ``UsageError`` and ``Declined``, all before anything is sent."""
        large = len(body) > _LARGE
        read = await anyio.to_thread.run_sync(read_request, body) if large else read_request(body)
        check_profile(self._shop.kit.upstream.profile)
        if not read.has_tool:
            self._check_toolless(read)
        if read.has_tool or await self._is_ours(read.payload, caller):
            # whoever may wait for somebody else keeps nobody waiting
            quick = key is None and self._shop.kit.second_screen == "off"
            place = await self._pace.enter() if quick else Place()
            try:
                return await self._turn(body, read.payload, caller, key=key, place=place)
            except BaseException:
                place.leave()
                raise
        return self._pass(body, read, caller)

    async def _is_ours(self, payload: JsonObject, caller: Caller) -> bool:
        """Whether it goes on from something that only our store knows."""
        answers, tenant = self._shop.answers, caller.tenant
        previous = payload.get("previous_response_id")
        if isinstance(previous, str) and await answers.response(previous, tenant=tenant):
            return True
        ids = bare_ids(payload)
        return bool(ids) and bool(await answers.items(ids, tenant=tenant))

    # ── somebody else's ──────────────────────────────────────────────────────────────────────

    def _check_toolless(self, read: Read) -> None:
        if self._images_only:
            raise RequestFault(
                "This server only draws (--images-only): declare the image_generation tool.",
                code="images_only",
                param="tools",
            )
        if read.hidden:
            raise RequestFault(
                "An image_generation tool counts only in `tools`: declare it there.",
                code="invalid_value",
                param="tools",
            )
        model = read.payload.get("model")
        if isinstance(model, str):
            check_model(model)

    def _pass(self, body: bytes, read: Read, caller: Caller) -> Accepted:
        payload = read.payload
        model = payload.get("model")
        request = TurnRequest(
            text="",
            model=model if isinstance(model, str) and model else None,
            tenant=caller.tenant,
            caps=caller.caps,
        )
        line = Line()
        passing = Passing(self._shop.kit, body, request, line)
        self._tasks.start_soon(_guarded, passing.drive, line)
        return Accepted(line, stream=payload.get("stream") is True, passed=True)

    # ── ours ─────────────────────────────────────────────────────────────────────────────────

    async def _turn(
        self, body: bytes, payload: JsonObject, caller: Caller, *, key: str | None, place: Place
    ) -> Accepted:
        shop, kit = self._shop, self._shop.kit
        large = len(body) > _LARGE
        if large:
            await anyio.to_thread.run_sync(check_extent, payload)
        else:
            check_extent(payload)
        await take_own_pictures(shop, payload, tenant=caller.tenant)
        reading = anyio.to_thread.run_sync(read_responses, payload) if large else None
        request = await reading if reading else read_responses(payload)
        background = payload.get("background") is True
        if background and request.store is False:
            raise RequestFault(
                "A background response must be stored: leave `store` out.",
                code="unsupported_parameter",
                param="background",
            )
        asked = TurnRequest(
            text="",
            intent="chat",
            model=request.model,
            stream=request.stream,
            acknowledge=caller.acknowledge,
            acknowledged_by=caller.acknowledged_by,
            caps=caller.caps,
            user=_who(request.safety_identifier or request.user),
            tenant=caller.tenant,
            screen_output=self._screen_output,
            turn=TurnId(kit.ids.new("turn")),
        )
        prepared = await prepare(shop, request, payload, asked)
        found, errand = await judged(kit, prepared)
        purchase = None
        if key is not None:  # an answer that was paid for is repeated whatever is left to spend
            assert asked.turn is not None
            purchase = once.purchase_of(shop, key, body, tenant=caller.tenant, turn=asked.turn)
            answered = await once.claim(shop, purchase)
            if answered is not None:
                return await self._again(answered, request)
        if errand is None:
            if purchase is not None:
                await shop.tenancy.release(purchase)
            await note(kit, found.verdicts, prepared)
            raise stopped(found)
        return await self._begun(prepared, found, errand, purchase, place)

    async def _begun(
        self,
        prepared: Prepared,
        found: Judged,
        errand: Errand,
        purchase: Purchase | None,
        place: Place,
    ) -> Accepted:
        """Everything is on disk, and the turn runs whoever listens."""
        shop, request = self._shop, prepared.request
        try:
            written = await write_down(shop, prepared, found, errand)
        except BaseException:
            await self._unclaim(purchase)
            raise
        if isinstance(written, Failure):
            await self._unclaim(purchase)
            await note(shop.kit, found.verdicts, prepared)
            raise Declined(written, "failed")
        line = Line()
        turn = RelayedTurn(
            shop,
            prepared,
            written,
            line,
            verdict=found.prompt,
            errand=errand,
            purchase=purchase,
            pace=self._pace,
            place=place,
        )
        self._tasks.start_soon(_guarded, turn.drive, line)
        document = None
        if prepared.payload.get("background") is True:
            document = kept.plain(written.tale.begun()) | {"output": []}
        return Accepted(line, stream=request.stream, document=document)

    async def _unclaim(self, purchase: Purchase | None) -> None:
        """Nothing was spent under its key."""
        if purchase is not None:
            with anyio.CancelScope(shield=True):
                await self._shop.tenancy.release(purchase)

    async def _again(self, found: KeptResponse, request: ResponsesRequest) -> Accepted:
        if found.status == "in_progress":
            found = await caught_up(self._shop.kit, self._shop.answers, found)
            once.check(found)
        line = Line()
        await once.again(self._shop, found, line, stream=request.stream)
        return Accepted(line, stream=request.stream, replayed=True)

    # ── afterwards ───────────────────────────────────────────────────────────────────────────

    async def retrieve(self, which: str, caller: Caller) -> AsyncIterator[bytes]:
        """The response object in pieces; raises ``RequestFault`` 404."""
        found = await self._found(which, caller)
        return kept.body_of(self._shop.kit, self._shop.tenancy, found)

    async def delete(self, which: str, caller: Caller) -> JsonObject:
        """Its texts go; the pictures stay in their session. Raises ``RequestFault`` 404."""
        now = self._shop.kit.clock.now()
        if not await self._shop.answers.delete_response(which, tenant=caller.tenant, at=now):
            raise not_found(which)
        return {"id": which, "object": "response", "deleted": True}

    async def cancel(self, which: str, caller: Caller) -> JsonObject:
        """Always raises: what was sent is being drawn, and is paid for whoever waits."""
        found = await self._found(which, caller)
        done = found.status != "in_progress"
        raise RequestFault(
            f"Response {which[:80]!r} is {found.status.replace('_', ' ')}: "
            + (
                "there is nothing to cancel."
                if done
                else "it was sent, may be billed, and cannot be taken back; retrieve it later."
            ),
            code="response_not_cancellable",
            param="id",
        )

    async def input_items(
        self, which: str, caller: Caller, *, limit: int, order: str, after: str | None
    ) -> JsonObject:
        """A page of what went in; raises ``RequestFault``."""
        if order not in ("asc", "desc") or not 1 <= limit <= _MOST_LISTED:
            raise RequestFault(
                f"limit is 1 to {_MOST_LISTED}, order is asc or desc.",
                code="invalid_value",
                param="limit" if order in ("asc", "desc") else "order",
            )
        found = await self._found(which, caller)
        items = list(found.input if order == "asc" else found.input[::-1])
        if after is not None:
            ids = [item.id for item in items]
            if after not in ids:
                raise RequestFault(f"No item {after[:80]!r}.", status=404, param="after")
            items = items[ids.index(after) + 1 :]
        page = items[:limit]
        shown = await kept.listed(self._shop.kit, self._shop.tenancy, page, caller.tenant)
        return {
            "object": "list",
            "data": [*shown],
            "first_id": page[0].id if page else None,
            "last_id": page[-1].id if page else None,
            "has_more": len(items) > len(page),
        }

    async def _found(self, which: str, caller: Caller) -> KeptResponse:
        found = await self._shop.answers.response(which, tenant=caller.tenant)
        if found is None:
            raise not_found(which)
        return await caught_up(self._shop.kit, self._shop.answers, found)


def check_profile(profile: Profile) -> None:
    """Raises ``Declined`` where the server behind speaks the Images API alone."""
    if profile.via == "images":
        failure = Failure(
            code="not_implemented",
            message=f"Profile {profile.name} draws over the Images API: it has no /v1/responses.",
            hint="Use /v1/images/generations and /v1/images/edits, or a profile with via = auto.",
        )
        raise Declined(failure, "failed")


def not_found(which: str) -> RequestFault:
    """The same for an id that never was, was deleted, or is somebody else's."""
    return RequestFault(f"Response with id {which[:80]!r} not found.", status=404, param="id")


def stopped(found: Judged) -> Declined:
    """Nothing was sent; the rule is named."""
    stop = found.stop
    assert stop is not None
    if isinstance(stop, Failure):
        return Declined(stop, "failed")
    return Declined(_refusal(stop, found.shown_to), _REFUSED)


_REFUSED: Outcome = "refused"


def _refusal(verdict: Verdict, shown_to: str | None) -> Failure:
    sent = "Nothing was sent, nothing was charged."
    if shown_to is not None:
        sent = f"Only the moderation of {shown_to} saw it; nothing was drawn or charged."
    return Failure(
        code="review" if verdict.decision == "review" else "policy",
        stage="policy",
        rule=verdict.rule,
        categories=(verdict.category,) if verdict.category else (),
        message=f"{verdict.message} {sent}".strip(),
        hint=verdict.fix,
    )


async def _guarded(drive: Callable[[], Awaitable[None]], line: Line) -> None:
    """What goes wrong with one request, also while it is being told, ends no other one."""
    try:
        await drive()
    except Exception as error:
        log.exception("relay.bug")
        line.end(error)


def _who(said: str | None) -> str | None:
    return said.replace("\0", "")[:200] or None if said else None
