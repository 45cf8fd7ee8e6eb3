"""What a request on ``/v1/responses`` is: a turn of ours, or somebody else's to be passed on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio.to_thread
from anyio.abc import TaskGroup
from pydantic import JsonValue

from ..protocols import KeptItem, KeptResponse, Purchase, TurnRequest
from ..schema import Failure, ImageId, Outcome, ScreenOutput, TurnId, Verdict
from ..screening import Judged
from ..traffic import Profile
from ..turn.relayed import check_model, hidden_tool
from ..turn.talk import STORED
from ..wire.fields import JsonObject, RequestFault
from ..wire.requests import ResponsesRequest, read_responses
from . import kept, once
from .line import Declined, Line
from .passing import Passing
from .prepare import Caller, Prepared, Shop, judged, prepare
from .turns import RelayedTurn, note, retelling_of, write_down

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
    document: JsonObject | None = None
    """Of a background response: what it is for now."""


@dataclass(frozen=True, slots=True)
class _Read:
    payload: JsonObject
    has_tool: bool
    hidden: bool


class Relay:
    """``tasks`` outlives each request: turns run there, whoever still listens."""

    def __init__(
        self,
        shop: Shop,
        tasks: TaskGroup,
        *,
        screen_output: ScreenOutput = "hold",
        images_only: bool = False,
    ) -> None:
        self._shop = shop
        self._tasks = tasks
        self._screen_output = screen_output
        self._images_only = images_only

    async def respond(self, body: bytes, caller: Caller, *, key: str | None = None) -> Accepted:
        """``key``: the client's own name for this request, which is then never bought twice. Raises ``RequestFault``, ``UsageError`` and ``Declined``, all before anything is sent."""
        large = len(body) > _LARGE
        read = await anyio.to_thread.run_sync(_read, body) if large else _read(body)
        check_profile(self._shop.kit.upstream.profile)
        if not read.has_tool:
            self._check_toolless(read)
        if read.has_tool or await self._is_ours(read.payload, caller):
            return await self._turn(body, read.payload, caller, key=key)
        return self._pass(body, read, caller)

    async def _is_ours(self, payload: JsonObject, caller: Caller) -> bool:
        """Whether it goes on from something that only our store knows."""
        answers, tenant = self._shop.answers, caller.tenant
        previous = payload.get("previous_response_id")
        if isinstance(previous, str) and await answers.response(previous, tenant=tenant):
            return True
        ids = _bare_ids(payload)
        return bool(ids) and bool(await answers.items(ids, tenant=tenant))

    # ── somebody else's ──────────────────────────────────────────────────────────────────────

    def _check_toolless(self, read: _Read) -> None:
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

    def _pass(self, body: bytes, read: _Read, caller: Caller) -> Accepted:
        payload = read.payload
        model = payload.get("model")
        request = TurnRequest(
            text="",
            model=model if isinstance(model, str) and model else None,
            tenant=caller.tenant,
            caps=caller.caps,
        )
        line = Line()
        self._tasks.start_soon(Passing(self._shop.kit, body, request, line).drive)
        return Accepted(line, stream=payload.get("stream") is True, passed=True)

    # ── ours ─────────────────────────────────────────────────────────────────────────────────

    async def _turn(
        self, body: bytes, payload: JsonObject, caller: Caller, *, key: str | None
    ) -> Accepted:
        shop, kit = self._shop, self._shop.kit
        large = len(body) > _LARGE
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
        found = await judged(kit, prepared)
        if found.stop is not None:
            await note(kit, found.verdicts, prepared)
            raise stopped(found)
        purchase = None
        if key is not None:
            assert asked.turn is not None
            purchase = once.purchase_of(shop, key, body, tenant=caller.tenant, turn=asked.turn)
            taken = await shop.tenancy.claim(purchase)
            if taken is not None:
                return await self._again(await once.same(shop, taken, purchase), request)
        return await self._begun(prepared, found, purchase)

    async def _begun(
        self, prepared: Prepared, found: Judged, purchase: Purchase | None
    ) -> Accepted:
        """Everything is on disk, and the turn runs whoever listens."""
        shop, request = self._shop, prepared.request
        try:
            written = await write_down(shop, prepared, found)
        except BaseException:
            if purchase is not None:
                with anyio.CancelScope(shield=True):
                    await shop.tenancy.release(purchase)
            raise
        line = Line()
        turn = RelayedTurn(shop, prepared, found.prompt, written, line, purchase=purchase)
        self._tasks.start_soon(turn.drive)
        document = None
        if prepared.payload.get("background") is True:
            begun = retelling_of(shop.kit, prepared, written).begun()
            document = kept.plain(begun) | {"output": []}
        return Accepted(line, stream=request.stream, document=document)

    async def _again(self, found: KeptResponse, request: ResponsesRequest) -> Accepted:
        if found.status == "in_progress":
            found = await self._caught_up(found)
        line = Line()
        await once.again(self._shop, found, line, stream=request.stream)
        return Accepted(line, stream=request.stream)

    # ── afterwards ───────────────────────────────────────────────────────────────────────────

    async def retrieve(self, which: str, caller: Caller) -> AsyncIterator[bytes]:
        """The response object in pieces; raises ``RequestFault`` 404."""
        found = await self._found(which, caller)
        if found.status == "in_progress":
            found = await self._caught_up(found)
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
        return found

    async def _caught_up(self, found: KeptResponse) -> KeptResponse:
        """One whose process ended in mid-turn: told as its turn was settled, with what was saved."""
        kit = self._shop.kit
        turns = await kit.store.turns(found.session)
        turn = next((turn for turn in turns if turn.id == found.turn), None)
        if turn is None or turn.outcome is None:
            return found
        items = tuple(_saved(kit.ids.new("ig"), str(image), image) for image in turn.images)
        failure = turn.failures[0] if turn.failures else None
        error: JsonObject = {
            "code": "outcome_unknown" if turn.outcome == "unknown" else "interrupted",
            "message": failure.message if failure else "The server stopped in mid-turn.",
        }
        status = "incomplete" if items else "failed"
        ended = KeptResponse(
            id=found.id,
            tenant=found.tenant,
            session=found.session,
            turn=found.turn,
            previous=found.previous,
            status=status,
            created=found.created,
            document=found.document | {"status": status, "error": None if items else error},
            input=found.input,
            output=items,
        )
        await self._shop.answers.close_response(ended)
        return await self._shop.answers.response(found.id, tenant=found.tenant) or found


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


def _saved(which: str, name: str, image: ImageId) -> KeptItem:
    value: JsonObject = {
        "id": which,
        "type": "image_generation_call",
        "status": "completed",
        "result": f"{STORED}{name}",
    }
    return KeptItem(id=which, value=value, image=image)


def _who(said: str | None) -> str | None:
    return said.replace("\0", "")[:200] or None if said else None


def _read(body: bytes) -> _Read:
    """The body as JSON, strictly: of two fields of one name, we might see one and a server the other."""
    try:
        payload = json.loads(body, object_pairs_hook=_once, parse_constant=_no_constant)
    except RequestFault:
        raise
    except (ValueError, RecursionError) as error:
        raise RequestFault(f"The body is not valid JSON: {str(error)[:200]}.") from error
    if not isinstance(payload, dict):
        raise RequestFault("Invalid type for the body: expected an object.", code="invalid_type")
    tools = payload.get("tools")
    declared = [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    has_tool = any(tool.get("type") == "image_generation" for tool in declared)
    hidden = not has_tool and hidden_tool(payload)
    return _Read(payload, has_tool, hidden)


def _once(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise RequestFault(f"The body has the field {twice[:80]!r} twice.", code="invalid_json")
    return found


def _no_constant(name: str) -> JsonValue:
    raise ValueError(f"{name} is not JSON")


def _bare_ids(payload: JsonObject) -> frozenset[str]:
    """Ids that a request names without bringing the item."""
    given = payload.get("input")
    items = [item for item in given if isinstance(item, dict)] if isinstance(given, list) else []
    bare = (
        item.get("id")
        for item in items
        if item.get("type") == "item_reference"
        or (item.get("type") == "image_generation_call" and not item.get("result"))
        or set(item) == {"id"}
    )
    return frozenset(which for which in bare if isinstance(which, str) and which)
