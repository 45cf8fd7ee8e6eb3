"""The parts of a response object that are the same streamed and whole: who, how much, what for."""

from __future__ import annotations

from decimal import Decimal

from ..schema import Cost, Tokens, Usage
from ..traffic import Opened
from . import lift
from .faults import Fault, fault_of
from .values import Json, array, count, number, obj, text

_STATUSES = {"completed", "incomplete", "failed", "cancelled", "canceled", "queued", "in_progress"}
_MOST_DOLLARS = 100_000.0
"""Of one answer. More is a mistake, and once booked would stand in every budget for good."""


def error_of(value: Json) -> Fault | None:
    """What ``error`` says; gateways also send one with nothing in it beside a good answer (N5)."""
    fault = fault_of({"error": value.get("error")})
    return fault if fault.message or fault.code or fault.type or fault.stage else None


def is_response(value: Json) -> bool:
    """Whether this is a response object at all, however little of it a gateway left."""
    return (
        "output" in value or value.get("object") == "response" or text(value, "status") in _STATUSES
    )


def is_picture(item: Json) -> bool:
    """An output item of the image tool, with or without a picture."""
    return item.get("type") == "image_generation_call"


def no_picture(item: Json, found: list[lift.Payload]) -> Fault:
    """Why an item holds none; ``found`` are its unreadable payloads."""
    if fault := error_of(item):
        return fault
    if scheme := next((payload.scheme for payload in found if payload.scheme), None):
        told = f"The picture was given as an address of a kind that is not fetched ({scheme}:)."
        return Fault(code="address_not_fetched", message=told)
    if found:
        return Fault(code="bad_base64", message="The picture's base64 cannot be decoded.")
    return Fault(code="empty_result", message="The image item holds no picture.")


def opened(response: Json) -> Opened:
    """What the response object says of itself; a tool's echoed name proves nothing (wire.md 2)."""
    tools = response.get("tools")
    echoed = [obj(tool) for tool in array(tools)]
    image: Json = next((t for t in echoed if t.get("type") == "image_generation"), {})
    return Opened(
        response_id=text(response, "id"),
        model=text(response, "model"),
        tools=tuple(text(t, "type") or "" for t in echoed) if isinstance(tools, list) else None,
        tool_model=text(image, "model"),
        previous_response_id=text(response, "previous_response_id"),
        offline=response.get("offline") is True,
    )


def actual(item: Json) -> tuple[tuple[str, str], ...]:
    """What the item says it was drawn as, under our names."""
    names = {
        "size": "size",
        "quality": "quality",
        "background": "background",
        "output_format": "format",
    }
    said = ((ours, text(item, theirs)) for theirs, ours in names.items())
    return tuple((name, value) for name, value in said if value)


def usage(response: Json) -> Usage:
    """Tokens of the text model and, apart, of the image tool (wire.md 0.6)."""
    return Usage(
        text=_tokens(obj(response.get("usage"))),
        image=_tokens(obj(obj(response.get("tool_usage")).get("image_gen"))),
    )


def _tokens(usage: Json) -> Tokens | None:
    if not usage:
        return None
    into, out = obj(usage.get("input_tokens_details")), obj(usage.get("output_tokens_details"))
    return Tokens(
        input=count(usage, "input_tokens"),
        cached_input=count(into, "cached_tokens"),
        output=count(usage, "output_tokens"),
        input_text=count(into, "text_tokens"),
        input_image=count(into, "image_tokens"),
        output_text=count(out, "text_tokens"),
        output_image=count(out, "image_tokens"),
        total=count(usage, "total_tokens"),
    )


def reported_cost(usage: Json) -> Cost | None:
    """LiteLLM's ``usage.cost``, in dollars (L13)."""
    return dollars(number(usage, "cost"))


def dollars(cost: float | None) -> Cost | None:
    """What a server says that its answer cost; ``None`` for what no answer can have cost."""
    if cost is None or not 0 <= cost <= _MOST_DOLLARS:
        return None
    return Cost(amount=Decimal(str(cost)), currency="USD", basis="reported")


def flagged(moderation: Json) -> bool | None:
    """Request-level moderation scores; ``mode=block`` was recorded not blocking (wire.md 1.1)."""
    sides = [obj(moderation.get("input")), obj(moderation.get("output"))]
    results = [obj(r) for side in sides for r in array(side.get("results"))] + sides
    said = [r["flagged"] for r in results if isinstance(r.get("flagged"), bool)]
    return any(said) if said else None
