"""What is asked of the client itself: its roots, and whether a person accepts a rule.

Up to 2025-11-25 a server asks while it works on a call. From 2026-07-28 on it answers "input
required", and the client calls again with what it was asked for; what it answered in earlier rounds
travels in a sealed state. Both look the same from ``calls``.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import Any, Final, Literal

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequest,
    InputRequiredResult,
    ListRootsRequest,
    ListRootsResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

Word = Literal["yes", "no", "nobody"]
"""A person's answer; ``nobody``: there is no way to ask one."""
_STARTED_BY: Final = f"stdio {socket.gethostname()} {os.getppid()}"
ROOTS_S: Final = 5.0
PERSON_S: Final = 600.0
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "acknowledge": {
            "type": "boolean",
            "title": "Draw it all the same",
            "description": "I have read the prompt and mean it.",
            "default": False,
        }
    },
    "required": ["acknowledge"],
}


class InputRequired(Exception):
    """The call goes on when the client has answered ``result``."""

    def __init__(self, result: InputRequiredResult) -> None:
        super().__init__()
        self.result = result


class Host:
    """The client behind one call."""

    def __init__(
        self, context: ServerRequestContext[Any, Any], params: CallToolRequestParams
    ) -> None:
        self._context = context
        self._modern = context.protocol_version in MODERN_PROTOCOL_VERSIONS
        self._answers: Mapping[str, object] = params.input_responses or {}
        self._state = _read_state(params.request_state)

    @property
    def local(self) -> bool:
        """Whether it was started on this machine, by whoever started us, and not over HTTP."""
        return self._context.request is None

    @property
    def name(self) -> str:
        """As it introduced itself."""
        known = self._context.session.client_params
        return known.client_info.name[:80] if known else "an MCP client"

    @property
    def identity(self) -> str:
        """Tells callers apart where a session does not; over stdio one process speaks to one.

        A host that starts its server anew is the same caller, one beside it is another.
        """
        request = self._context.request
        if request is None:
            return _STARTED_BY
        peer = request.client.host if request.client else ""
        return f"{peer} {request.headers.get('mcp-session-id', '')} {self.name}"

    async def roots(self) -> tuple[str, ...] | None:
        """As ``file:`` URIs; ``None`` where it has no such notion, or does not say."""
        said = self._context.session.client_capabilities
        if said is None or said.roots is None or not self.local:
            return None
        if "roots" not in self._state:
            answer = await self._ask("roots", ListRootsRequest(), ListRootsResult, within_s=ROOTS_S)
            uris = [str(root.uri) for root in answer.roots] if answer else None
            self._state = {**self._state, "roots": uris}
        known = self._state["roots"]
        return tuple(map(str, known)) if isinstance(known, list) else None

    async def acknowledges(self, rule: str, question: str) -> Word:
        """Ask a person, by elicitation; a model cannot answer for them."""
        said = self._context.session.client_capabilities
        asked = said.elicitation if said else None
        if asked is None or (asked.form is None and asked.url is not None):
            return "nobody"
        if rule in self.acknowledged:
            return "yes"
        request = ElicitRequest(
            params=ElicitRequestFormParams(message=question, requested_schema=_FORM)
        )
        answer = await self._ask(f"rule:{rule}", request, ElicitResult, within_s=PERSON_S)
        if answer is None:
            return "nobody"
        if answer.action != "accept" or (answer.content or {}).get("acknowledge") is not True:
            return "no"
        self._state = {**self._state, "acknowledged": [*self.acknowledged, rule]}
        return "yes"

    @property
    def acknowledged(self) -> tuple[str, ...]:
        """Rules that a person accepted in the earlier rounds of this call."""
        found = self._state.get("acknowledged")
        return tuple(map(str, found)) if isinstance(found, list) else ()

    async def progress(self, done: float, total: float, message: str) -> None:
        """Only sent where the client asked for it."""
        await self._context.session.report_progress(done, total, message)

    async def _ask(
        self,
        key: str,
        request: ListRootsRequest | ElicitRequest,
        kind: type[Any],
        *,
        within_s: float,
    ) -> Any:
        """The answer, ``None`` for none; raises ``InputRequired`` where it comes with a new call."""
        if self._modern:
            if key not in self._answers:
                raise InputRequired(self._required(key, request))
            answer = self._answers[key]
            return answer if isinstance(answer, kind) else None
        try:
            return await self._context.session.send_request(
                request,
                kind,
                request_read_timeout_seconds=within_s,
                metadata=ServerMessageMetadata(related_request_id=self._context.request_id),
            )
        except (MCPError, ValidationError):
            return None

    def _required(self, key: str, request: InputRequest) -> InputRequiredResult:
        state = json.dumps(self._state)
        return InputRequiredResult(input_requests={key: request}, request_state=state)


def _read_state(text: str | None) -> dict[str, object]:
    """What this server wrote; it comes back sealed, so nobody else did."""
    found = json.loads(text) if text else {}
    return found if isinstance(found, dict) else {}
