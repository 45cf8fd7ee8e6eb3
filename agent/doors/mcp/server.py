"""Requests of the protocol → our calls → its answers, on whichever transport."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextContent,
)

from ... import __version__
from ...errors import LimnerError, NotFound
from ...logs import get_logger
from . import calls
from .catalogue import INSTRUCTIONS, tools
from .host import Host, InputRequired
from .posters import make_poster
from .workroom import Workroom

log = get_logger("limner.mcp")

NAME: Final = "limner"
TEMPLATE: Final = "limner://image/{id}"
LARGEST: Final = 11_000_000
"""Bytes of an original in one message: 14.7 million characters; some clients drop 16 MiB."""
_STRUCTURE_ALONE: Final = frozenset({"codex-mcp-client"})
Call = Callable[[Workroom, Host, calls.Given], Awaitable[CallToolResult]]
Context = ServerRequestContext[Any, Any]
_CALLS: Final[dict[str, Call]] = {
    "generate_image": calls.generate_image,
    "edit_image": calls.edit_image,
    "check_prompt": calls.check_prompt,
    "show_session": calls.show_session,
    "get_turn": calls.get_turn,
    "make_poster": make_poster,
}


def _reads_structure_alone(context: Context) -> bool:
    """Whether this client would show its model neither the text nor the picture beside a receipt.

    Codex 0.169 does, measured: the output of the call is the structured content and nothing else.
    """
    known = context.session.client_params
    return known is not None and known.client_info.name in _STRUCTURE_ALONE


def server(room: Workroom) -> Server[Any]:
    """One per process; every connection shares the room."""
    front = _Front(room)
    made: Server[Any] = Server(
        NAME,
        version=__version__,
        title="Limner",
        description="Draws pictures from sentences and changes them turn by turn.",
        instructions=INSTRUCTIONS,
        on_list_tools=front.list_tools,
        on_call_tool=front.call_tool,
        on_list_resources=front.list_resources,
        on_list_resource_templates=front.list_templates,
        on_read_resource=front.read_resource,
    )
    # what a client brings back of an earlier round must be what this process gave it
    boundary = RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience=NAME)
    made.middleware.append(boundary)
    return made


class _Front:
    """The handlers."""

    def __init__(self, room: Workroom) -> None:
        self._room = room
        self._tools = tools(offline=room.profile.offline)

    async def list_tools(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        del params
        if _reads_structure_alone(context):
            plain = [tool.model_copy(update={"output_schema": None}) for tool in self._tools]
            return ListToolsResult(tools=plain)
        return ListToolsResult(tools=self._tools)

    async def call_tool(
        self, context: Context, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        call = _CALLS.get(params.name)
        if call is None:
            raise MCPError(
                code=INVALID_PARAMS,
                message=f"There is no tool {params.name[:80]!r}; there are: {', '.join(_CALLS)}.",
            )
        try:
            answer = await call(self._room, Host(context, params), params.arguments)
        except InputRequired as asked:
            return asked.result
        except MCPError:
            raise
        except Exception as error:
            log.exception("mcp.bug", tool=params.name)
            text = (
                f"An error of Limner's own ({type(error).__name__}); its log says more. "
                "show_session says what was drawn and paid for."
            )
            return CallToolResult(content=[TextContent(type="text", text=text)], is_error=True)
        if _reads_structure_alone(context):
            return answer.model_copy(update={"structured_content": None})
        return answer

    async def list_resources(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourcesResult:
        del context, params
        return ListResourcesResult(
            resources=[
                Resource(
                    uri=f"limner://image/{image.id}",
                    name=image.id,
                    mime_type=image.media_type,
                    size=image.bytes,
                )
                for image in self._room.recent()
            ]
        )

    async def list_templates(
        self, context: Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        del context, params
        template = ResourceTemplate(
            uri_template=TEMPLATE,
            name="image",
            title="A picture as it came",
            description="The original bytes of a picture, by its image id.",
        )
        return ListResourceTemplatesResult(resource_templates=[template])

    async def read_resource(
        self, context: Context, params: ReadResourceRequestParams
    ) -> ReadResourceResult:
        del context
        which = params.uri.removeprefix("limner://image/")
        if which == params.uri or not which.startswith("img_"):
            raise MCPError(
                code=INVALID_PARAMS,
                message=f"There is no resource {params.uri[:120]!r}, only {TEMPLATE}.",
            )
        try:
            data, media_type, path = await calls.original(self._room, which)
        except NotFound as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from None
        except LimnerError as error:
            raise MCPError(code=INTERNAL_ERROR, message=f"{error} {error.hint}".strip()) from None
        if len(data) > LARGEST:
            raise MCPError(
                code=INTERNAL_ERROR,
                message=f"The original has {len(data) / 1e6:.1f} MB, more than one message should "
                f"carry. It is the file {path} (copy it; never move or change it).",
            )
        blob = base64.b64encode(data).decode("ascii")
        return ReadResourceResult(
            contents=[BlobResourceContents(uri=params.uri, mime_type=media_type, blob=blob)]
        )
