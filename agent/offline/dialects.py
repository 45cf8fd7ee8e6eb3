"""Whose habits the offline server imitates. Data; each fact names its row of gateways.md.

The client has its own table of dialects (what to expect); this one is the other side of the
same facts (what to do), so that a wrong expectation shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import UsageError

ErrorShape = Literal["openai", "sub2api", "new-api", "litellm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerDialect:
    """One kind of server. The defaults are OpenAI's habits."""

    name: str
    shape: ErrorShape = "openai"
    stores: bool = True
    """Keeps answers, so that ids mean something later."""
    previous: Literal["kept", "dropped"] = "kept"
    """``dropped``: ``previous_response_id`` is ignored without a word (D2)."""
    unknown_previous: int = 400
    """Status of ``previous_response_not_found``; not recorded anywhere, so it differs here."""
    channels: int = 1
    """Accounts in turn; an id known to one is unknown to the next (N3)."""
    retrieve: bool = True
    """``GET`` and ``DELETE /responses/{id}`` exist (D3, N2)."""
    retrieve_result: bool = True
    """A retrieved answer still has its picture (reported null at OpenAI: wire.md 3)."""
    opaque_ids: bool = False
    """Answer ids are long tokens that differ each time they are told (L2)."""
    item_status: Literal["completed", "generating"] = "completed"
    tool_completed_event: bool = True
    """``response.image_generation_call.completed`` is sent (absent on Codex: wire.md 3)."""
    stray_partial: bool = False
    """One partial although none was asked for (wire.md 0.3)."""
    echo_tool_model: str | None = None
    echo_user: bool = True
    """``user`` and ``safety_identifier`` come back (D5, N3)."""
    instructions: str | None = None
    """Filled in when the request has none (D6)."""
    hides_errors: bool = False
    """Upstream 4xx other than 429 arrive as 502 "Upstream request failed" (D24)."""
    comment: bytes = b""
    """Sent before the first event (D15, N9)."""
    done_marker: bool = False
    """``data: [DONE]`` ends an Images stream (N8)."""
    variations: Literal[404, 501] = 404
    request_id_header: str = "x-request-id"
    images_stream: bool = True
    """False: asking for a streamed picture is a 500, of an edit after it was drawn (L5)."""
    images_model: Literal["any", "named", "gpt-image"] = "any"
    """``named``: there is no default (N6). ``gpt-image``: no other model is taken (D10)."""
    images_strict: bool = False
    """JSON fields must have their very type, and uploaded files are unknown (D10)."""
    images_address: Literal["ignored", "data-url", "unknown", "unsupported"] = "ignored"
    """What comes of ``response_format: url`` (D7, C4, L6)."""
    images_json_edits: bool = True
    """False: a JSON edit goes on as urlencoded, which the server behind refuses (L7)."""
    images_event: Literal["own", "image_generation"] = "own"
    """The name under which edits stream too (N8)."""
    images_blank_fields: bool = False
    """Absent fields of ``data[]`` are there, as empty strings (N5)."""
    images_revised: bool = False
    """``revised_prompt`` comes back; GPT image models have none (C12)."""
    images_told_model: bool = True
    """``model`` stands beside ``data`` (dropped: L13)."""
    images_copies: bool = True
    """``n`` is obeyed; without it one picture comes, whatever was asked (D12)."""
    part_cap: int | None = None
    """Bytes of a form's part that are read; the rest is left out without a word (D9)."""
    rejects_unknown_tool_fields: bool = False
    moderations: bool = False
    """``/moderations`` exists (recorded at OpenAI; of the gateways nothing is known)."""
    usage_cost: bool = False
    """``usage.cost`` in US dollars (L13)."""


_TABLE = (
    ServerDialect(name="offline", moderations=True),
    ServerDialect(
        name="openai",
        moderations=True,
        retrieve_result=False,
        item_status="generating",
        stray_partial=True,
        rejects_unknown_tool_fields=True,
        images_address="unknown",
    ),
    ServerDialect(
        name="sub2api",
        shape="sub2api",
        stores=False,
        previous="dropped",
        retrieve=False,
        tool_completed_event=False,
        echo_tool_model="gpt-image-2-codex",
        echo_user=False,
        instructions="You are a helpful coding assistant.",
        hides_errors=True,
        comment=b":\n\n",
        images_model="gpt-image",
        images_strict=True,
        images_address="data-url",
        images_revised=True,
        images_copies=False,
        part_cap=20 * 1024 * 1024,
    ),
    ServerDialect(
        name="new-api",
        shape="new-api",
        channels=2,
        retrieve=False,
        echo_user=False,
        comment=b": PING\n\n",
        done_marker=True,
        variations=501,
        images_model="named",
        images_event="image_generation",
        images_blank_fields=True,
    ),
    ServerDialect(
        name="litellm",
        shape="litellm",
        opaque_ids=True,
        request_id_header="x-litellm-call-id",
        images_stream=False,
        images_address="unsupported",
        images_json_edits=False,
        images_told_model=False,
        usage_cost=True,
    ),
    *(
        ServerDialect(name=name, stores=False, unknown_previous=404)
        for name in ("3hei", "hingnet", "generic")
    ),
)
DIALECTS = {dialect.name: dialect for dialect in _TABLE}


def dialect_named(name: str) -> ServerDialect:
    """Raises ``UsageError`` listing the names there are."""
    if name not in DIALECTS:
        raise UsageError(
            f"There is no dialect {name!r}.", hint=f"Choose one of: {', '.join(DIALECTS)}."
        )
    return DIALECTS[name]
