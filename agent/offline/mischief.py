"""What each fault does. One table, ``MISCHIEF``: name → where it bites.

A fault bites at one of six places, in this order: instead of an answer (nothing is drawn),
in the plan, in a finished picture item, in the row of events, in the bytes, or afterwards
(everything was drawn, and is paid for, when the error comes).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from ..wire.fields import JsonObject, RequestFault
from . import tamper
from .art.slips import misspelt_words, with_a_sign
from .exchange import Body, Reply, json_bytes, reply
from .plan import Plan
from .tamper import Events

Needs = Literal["letters", "question", "picture"]
"""Only requests with words to letter, without an image tool, or for a picture are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mischief:
    """Where a fault bites; what is left ``None`` stays as it should be."""

    about: str
    error: Callable[[], RequestFault] | None = None
    """Answered as the dialect answers errors of its upstream."""
    headers: Mapping[str, str] = field(default_factory=dict)
    page: Callable[[], Reply] | None = None
    """Answered as it is, whatever the dialect."""
    late: bool = False
    """The ``page`` comes after everything was drawn."""
    cut: bool = False
    """The connection goes before anything is answered or drawn."""
    plan: Callable[[Plan], Plan] | None = None
    item: Callable[[JsonObject], JsonObject] | None = None
    events: Callable[[Events], Events] | None = None
    body: Callable[[Body], Body] | None = None
    form: Literal["json", "sse"] | None = None
    needs: Needs | None = None
    autocorrects: bool = False
    """Questions about lettering are answered with the spelling that was meant."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """What a moderation finds, by category."""


# ── instead of an answer ─────────────────────────────────────────────────────────────────────


def _error(status: int, message: str, code: str | None, type_: str) -> Callable[[], RequestFault]:
    return lambda: RequestFault(message, status=status, code=code, type=type_)


def _html(status: int, title: str) -> Callable[[], Reply]:
    text = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return lambda: reply(status, text.encode(), "text/html; charset=utf-8")


def _bad_gateway() -> Reply:
    """R55: the picture was drawn, and the answer got lost on the way."""
    error: JsonObject = {"message": "Upstream request failed", "type": "upstream_error"}
    return reply(502, json_bytes({"error": error}), "application/json")


def _usage_limit() -> Reply:
    """D27: no code, and a time that may be hours away."""
    error: JsonObject = {
        "type": "usage_limit_reached",
        "message": "The usage limit has been reached",
        "plan_type": "plus",
        "resets_at": 4102444800,
        "resets_in_seconds": 7200,
    }
    return reply(429, json_bytes({"error": error}), "application/json")


def _error_in_200() -> Reply:
    """D14: a keep-alive committed the 200 and sent blanks before the error was known."""
    error: JsonObject = {
        "message": "Upstream request failed",
        "type": "upstream_error",
        "param": None,
        "code": None,
    }
    return reply(200, b" \n" * 5 + json_bytes({"error": error}), "application/json")


_MODERATION: JsonObject = {
    "code": "moderation_blocked",
    "message": "Your request was rejected by the safety system.",
    "type": "image_generation_user_error",
    "param": None,
    "moderation_details": {"moderation_stage": "output", "categories": ["other"]},
}


class ModerationFault(RequestFault):
    """A 400 with ``moderation_details`` (recorded live on the Images API, wire.md 4.1)."""

    def body(self) -> JsonObject:
        details: JsonObject = {"moderation_stage": "input", "categories": ["other"]}
        error: JsonObject = {**_MODERATION, "moderation_details": details, "message": self.message}
        return {"error": error}


def _no_channel() -> RequestFault:
    """N10: said while the gateway chooses whom to call, so nobody was called."""
    return RequestFault(
        "No key of this channel is available.",
        status=503,
        code="channel:no_available_key",
        type="new_api_error",
    )


def _moderation() -> RequestFault:
    return ModerationFault(
        "Your request was rejected by the safety system.",
        code="moderation_blocked",
        type="image_generation_user_error",
    )


# ── in the plan ──────────────────────────────────────────────────────────────────────────────

_NO = "I'm sorry, but I can't help with that request."


def _talk(text: str, *, refusal: bool = False) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, jobs=(), text=text, refusal=refusal)


def _stripped(plan: Plan) -> Plan:
    text = "I have no tool to make pictures with." if plan.jobs else plan.text
    return replace(plan, jobs=(), stripped=True, text=text)


def _two(plan: Plan) -> Plan:
    again = tuple(replace(job, number=job.number + len(plan.jobs)) for job in plan.jobs)
    return replace(plan, jobs=plan.jobs + again)


def _lowered(plan: Plan) -> Plan:
    """D13: asked for much, got less, and the quality says auto."""
    jobs = tuple(
        replace(job, size=((job.size or (1024, 1024))[0] // 2, (job.size or (1024, 1024))[1] // 2))
        for job in plan.jobs
    )
    return replace(plan, jobs=jobs)


def _failed(plan: Plan) -> Plan:
    return replace(plan, failure=dict(_MODERATION)) if plan.jobs else plan


def _misspelt(plan: Plan) -> Plan:
    """One of the texts of each picture is drawn with a mistake."""
    jobs = []
    for job in plan.jobs:
        spelt, meant = misspelt_words(job.words)
        jobs.append(replace(job, spelt=spelt, meant=meant) if meant else job)
    return replace(plan, jobs=tuple(jobs))


def _signed(plan: Plan) -> Plan:
    jobs = tuple(replace(job, spelt=with_a_sign(job.spelt or job.words)) for job in plan.jobs)
    return replace(plan, jobs=jobs)


def _redrawing(plan: Plan) -> Plan:
    return replace(plan, jobs=tuple(replace(job, redraws=True) for job in plan.jobs))


def _ends(end: str, detail: JsonObject) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, jobs=(), text=None, end=end, detail=detail)


# ── in a finished picture ────────────────────────────────────────────────────────────────────


def _result(change: Callable[[str], str | list[str]]) -> Callable[[JsonObject], JsonObject]:
    def changed(item: JsonObject) -> JsonObject:
        result = item.get("result")
        if not isinstance(result, str):
            return item
        new = change(result)
        return {**item, "result": [*new] if isinstance(new, list) else new}

    return changed


def _half(result: str) -> str:
    """Still base64, no longer a whole picture."""
    return result[: len(result) // 8 * 4]


# ── the table ────────────────────────────────────────────────────────────────────────────────

_NESTED: JsonObject = {"type": "error", "error": {**_MODERATION, "moderation_details": None}}
_FLAT: JsonObject = {
    "type": "error",
    "code": "server_error",
    "message": "The server had an error while processing your request.",
    "param": None,
}
_SERVER_ERROR: JsonObject = {"code": "server_error", "message": str(_FLAT["message"])}
_NOWHERE = "https://pictures.invalid/offline.png"


def _breaks(error: JsonObject) -> Callable[[Plan], Plan]:
    return lambda plan: replace(plan, jobs=(), text=None, break_with=error)


MISCHIEF: dict[str, Mischief] = {
    "drop": Mischief(about="the connection is cut before any answer; nothing is drawn", cut=True),
    "drop-after": Mischief(
        about="the connection is cut when all is drawn, before the picture is sent",
        events=tamper.drop_at_final,
    ),
    "drop-late": Mischief(
        about="the connection is cut behind the picture, before the end of the answer",
        events=tamper.drop_behind_final,
    ),
    "truncate": Mischief(
        about="the answer ends half way through the picture", body=tamper.truncated
    ),
    "no-terminal": Mischief(
        about="the stream ends without its terminal event", events=tamper.each(tamper.endless)
    ),
    "401": Mischief(
        about="the key is refused",
        error=_error(
            401, "Incorrect API key provided.", "invalid_api_key", "invalid_request_error"
        ),
    ),
    "429": Mischief(
        about="rate limited, Retry-After 1",
        error=_error(
            429, "Rate limit reached for images per minute.", "rate_limit_exceeded", "requests"
        ),
        headers={"retry-after": "1"},
    ),
    "429-long": Mischief(
        about="rate limited, Retry-After one hour",
        error=_error(
            429, "Rate limit reached for images per day.", "rate_limit_exceeded", "requests"
        ),
        headers={"retry-after": "3600"},
    ),
    "quota": Mischief(
        about="429 insufficient_quota, which no waiting cures",
        error=_error(
            429, "You exceeded your current quota.", "insufficient_quota", "insufficient_quota"
        ),
    ),
    "usage-limit": Mischief(about="the usage window of D27, with resets_at", page=_usage_limit),
    "500": Mischief(
        about="server error before anything is drawn",
        error=_error(500, str(_FLAT["message"]), "server_error", "server_error"),
    ),
    "502": Mischief(
        about="upstream_error; on sub2api it may hide a refusal (D24)",
        error=_error(502, "Upstream request failed", None, "upstream_error"),
    ),
    "503-busy": Mischief(
        about="a gateway finds nobody to call, in the words of new-api (N10)", error=_no_channel
    ),
    "503-html": Mischief(about="a proxy's page", page=_html(503, "503 Service Unavailable")),
    "524": Mischief(
        about="a proxy gives up; everything was drawn",
        page=_html(524, "524: A timeout occurred"),
        late=True,
    ),
    "502-after": Mischief(
        about="a gateway loses the answer; everything was drawn", page=_bad_gateway, late=True
    ),
    "503-after": Mischief(
        about="a proxy's page; everything was drawn",
        page=_html(503, "503 Service Unavailable"),
        late=True,
    ),
    "moderation-400": Mischief(about="400 moderation_blocked with details", error=_moderation),
    "moderation-flags": Mischief(
        about="a moderation scores whatever it is asked about as sexual, 0.97",
        scores={"sexual": 0.97},
    ),
    "moderation-doubts": Mischief(
        about="a moderation scores whatever it is asked about as violence, 0.9",
        scores={"violence": 0.9},
    ),
    "failed-item": Mischief(about="a completed answer with a failed picture item", plan=_failed),
    "item-in-done-only": Mischief(
        about="the terminal event has an empty output (D19)", events=tamper.each(tamper.done_only)
    ),
    "generating-status": Mischief(
        about="the finished item says generating (wire.md 0.1)",
        item=lambda item: {**item, "status": "generating"},
        events=tamper.each(tamper.generating),
    ),
    "duplicate-finals": Mischief(
        about="the finished picture is sent several times", events=tamper.each(tamper.repeat)
    ),
    "empty-result": Mischief(about="the result is an empty string", item=_result(lambda _: "")),
    "bad-base64": Mischief(
        about="the result is not base64", item=_result(lambda r: f"%%{r[:64]}!not base64!")
    ),
    "no-image": Mischief(about="neither picture nor text", plan=_talk("")),
    "refusal-text": Mischief(about="a refusal in plain words, no code anywhere", plan=_talk(_NO)),
    "refusal-part": Mischief(about="a typed refusal part", plan=_talk(_NO, refusal=True)),
    "html-200": Mischief(about="200 and a web page", page=_html(200, "Welcome")),
    "json-on-stream": Mischief(about="JSON where a stream was asked for", form="json"),
    "sse-on-nonstream": Mischief(about="a stream where JSON was asked for", form="sse"),
    "error-in-200": Mischief(about="200, blanks, then an error (D14)", page=_error_in_200),
    "nested-error-event": Mischief(
        about='the stream breaks with {"type": "error", "error": {…}}', plan=_breaks(_NESTED)
    ),
    "flat-error-event": Mischief(
        about='the stream breaks with {"type": "error", "code": …}', plan=_breaks(_FLAT)
    ),
    "response-failed": Mischief(
        about="ends in response.failed", plan=_ends("failed", _SERVER_ERROR)
    ),
    "incomplete": Mischief(
        about="ends in response.incomplete, max_output_tokens",
        plan=_ends("incomplete", {"reason": "max_output_tokens"}),
    ),
    "incomplete-filter": Mischief(
        about="ends in response.incomplete, content_filter",
        plan=_ends("incomplete", {"reason": "content_filter"}),
    ),
    "ping-events": Mischief(about="a ping before each event", events=tamper.each(tamper.pings)),
    "comments": Mischief(about="comment lines between the events", body=tamper.commented),
    "unknown-events": Mischief(
        about="events nobody has heard of", events=tamper.each(tamper.strange)
    ),
    "url-result": Mischief(about="an address instead of base64", item=_result(lambda _: _NOWHERE)),
    "data-url-result": Mischief(
        about="a data URL instead of base64", item=_result(lambda r: f"data:image/png;base64,{r}")
    ),
    "list-result": Mischief(about="a list instead of a string", item=_result(lambda r: [r])),
    "two-images": Mischief(about="two pictures where one was asked for", plan=_two),
    "size-lowered": Mischief(about="half the size that was asked for (D13)", plan=_lowered),
    "misspell": Mischief(
        about="one of the texts asked for is misspelt; counts only requests that name words to letter",
        plan=_misspelt,
        needs="letters",
    ),
    "stray-lettering": Mischief(
        about="a sign that nobody asked for is painted into the middle of the picture",
        plan=_signed,
        needs="picture",
    ),
    "autocorrecting-reader": Mischief(
        about="a question about lettering is answered with the spelling that was asked for, or the "
        "usual one, in place of what stands there",
        autocorrects=True,
        needs="question",
    ),
    "edit-redraws-everything": Mischief(
        about="an edit changes every pixel, also outside its mask",
        plan=_redrawing,
        needs="picture",
    ),
    "tool-stripped": Mischief(about="the tool is gone, a text comes back (D28)", plan=_stripped),
    "truncated-picture": Mischief(about="valid base64 of half a picture", item=_result(_half)),
    "slow": Mischief(about="half a second before each piece", body=tamper.slow),
    "stall": Mischief(
        about="silence for ever while drawing", plan=lambda plan: replace(plan, stalls=True)
    ),
    "stall-comments": Mischief(
        about="only comments for ever after the first event", body=tamper.trickle
    ),
}
