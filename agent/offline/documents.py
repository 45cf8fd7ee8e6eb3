"""The JSON of ``/v1/responses``: the answer, its items, the echo of what was asked."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from ..wire.requests import JsonObject, ResponsesRequest
from .dialects import ServerDialect
from .plan import Job, Plan
from .tokens import Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Everything of an answer that is known before it is worked out."""

    id: str
    created: int
    request: ResponsesRequest
    dialect: ServerDialect
    stripped: bool = False
    """The image tool is left out of the echo."""
    channel: int = 0
    """The account that answers."""

    @property
    def stored(self) -> bool:
        return self.dialect.stores and self.request.store is not False

    def document(self, status: str, output: list[JsonValue]) -> JsonObject:
        """The response object; ``user`` and ``usage`` are left out where they would be null."""
        request, dialect = self.request, self.dialect
        echo = dialect.echo_user
        document: JsonObject = {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "background": False,
            "completed_at": None,
            "error": None,
            "incomplete_details": None,
            "instructions": request.instructions or dialect.instructions,
            "max_tool_calls": None,
            "model": request.model or "gpt-5.5",
            "output": output,
            "previous_response_id": self._previous(),
            "prompt_cache_key": request.rest.get("prompt_cache_key"),
            "reasoning": {"effort": request.effort, "summary": None},
            "safety_identifier": request.safety_identifier if echo else None,
            "service_tier": "default",
            "store": self.stored,
            "text": {"format": request.text_format or {"type": "text"}, "verbosity": "medium"},
            "tool_choice": request.tool_choice or "auto",
            "tools": self._tools(),
            "top_logprobs": 0,
            "truncation": "disabled",
            **_echoed(request.rest),
            "offline": True,
        }
        return document | ({"user": request.user} if request.user and echo else {})

    def closed(self, plan: Plan, output: list[JsonValue], bill: Bill, now: int) -> JsonObject:
        """The response object at its end, with what it cost."""
        document = self.document(plan.end, output)
        usage = bill.usage()
        if self.dialect.usage_cost:
            usage["cost"] = round(bill.tool_out * 30e-6, 6)
        document |= {
            "usage": usage,
            "tool_usage": {"image_gen": bill.image_usage(), "web_search": {"num_requests": 0}},
            "completed_at": now if plan.end == "completed" else None,
        }
        if plan.end == "failed":
            document["error"] = plan.detail
        if plan.end == "incomplete":
            document["incomplete_details"] = plan.detail
        return document

    def _previous(self) -> str | None:
        return None if self.dialect.previous == "dropped" else self.request.previous_response_id

    def _tools(self) -> list[JsonValue]:
        """The tools with their defaults filled in; partials and fidelity are not echoed."""
        tools = [t for t in self.request.tools if not self._gone(t)]
        return [self._tool(t) if t.get("type") == "image_generation" else t for t in tools]

    def _gone(self, tool: JsonObject) -> bool:
        return self.stripped and tool.get("type") == "image_generation"

    def _tool(self, tool: JsonObject) -> JsonObject:
        hidden = {"partial_images", "input_fidelity", "input_image_mask", "action"}
        defaults: JsonObject = {
            "type": "image_generation",
            "background": "auto",
            "model": "gpt-image-2",
            "moderation": "auto",
            "n": 1,
            "output_compression": 100,
            "output_format": "png",
            "quality": "auto",
            "size": "auto",
        }
        told = {
            key: value for key, value in tool.items() if key not in hidden and value is not None
        }
        model = self.dialect.echo_tool_model
        return defaults | told | ({"model": model} if model else {})


def _echoed(rest: JsonObject) -> JsonObject:
    """Fields that come back as sent where they are of the right type."""
    metadata = rest.get("metadata")
    parallel = rest.get("parallel_tool_calls")
    limit = rest.get("max_output_tokens")
    return {
        "metadata": metadata if isinstance(metadata, dict) else {},
        "parallel_tool_calls": parallel if isinstance(parallel, bool) else True,
        "max_output_tokens": limit if isinstance(limit, int) else None,
        "temperature": _number(rest.get("temperature")),
        "top_p": _number(rest.get("top_p")),
    }


def _number(value: JsonValue) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 1.0


# ── items ────────────────────────────────────────────────────────────────────────────────────


def picture_item(
    item_id: str, job: Job, *, result: str, size: tuple[int, int], revised: str, status: str
) -> JsonObject:
    """A finished ``image_generation_call``."""
    return {
        "id": item_id,
        "type": "image_generation_call",
        "status": status,
        "action": job.action,
        "background": "transparent" if job.background == "transparent" else "opaque",
        "output_format": job.output_format,
        "quality": job.quality,
        "result": result,
        "revised_prompt": revised,
        "size": f"{size[0]}x{size[1]}",
    }


def failed_item(item_id: str, job: Job, error: JsonObject) -> JsonObject:
    """A picture item that came to nothing; the answer around it is still ``completed``."""
    return {
        "id": item_id,
        "type": "image_generation_call",
        "status": "failed",
        "action": job.action,
        "result": None,
        "error": error,
    }


def text_part(text: str, *, refusal: bool) -> JsonObject:
    """One content part of a message."""
    if refusal:
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def message_item(item_id: str, status: str, content: list[JsonValue]) -> JsonObject:
    """The assistant's message."""
    return {
        "id": item_id,
        "type": "message",
        "status": status,
        "content": content,
        "role": "assistant",
    }
