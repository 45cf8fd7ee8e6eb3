"""openai-agents as a host of MCP: it starts the server, lists its tools and calls them."""

from __future__ import annotations

import json
import os
import sys

import anyio
from agents import Agent, Runner, set_tracing_disabled
from agents.mcp import MCPServerStdio
from agents.testing import ScriptedModel, assistant_message, function_call

CALLS = json.loads(os.environ["PEER_CALLS"])
set_tracing_disabled(disabled=True)


async def main() -> None:
    steps = [
        [function_call(name, arguments, call_id=str(number))]
        for number, (name, arguments) in enumerate(CALLS)
    ]
    model = ScriptedModel([*steps, [assistant_message("Done.")]])
    params = {"command": "limner", "args": ["mcp"], "env": dict(os.environ)}
    async with MCPServerStdio(params, client_session_timeout_seconds=60) as server:
        agent = Agent(name="Painter", model=model, mcp_servers=[server])
        result = await Runner.run(agent, "Draw.", max_turns=len(CALLS) + 2)
    outputs = [item.output for item in result.new_items if item.type == "tool_call_output_item"]
    json.dump({"outputs": [json.dumps(one) for one in outputs]}, sys.stdout)


anyio.run(main)
