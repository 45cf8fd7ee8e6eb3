"""A tool for openai-agents: the host's model decides, Limner draws, keeps and counts.

pip install openai-agents
OPENAI_API_KEY=… python examples/openai_agents_tool.py "Draw a jazz poster, then make it night."
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass

import anyio
from agents import Agent, RunContextWrapper, Runner, ToolOutputImage, ToolOutputText, function_tool
from agents.models.interface import Model

from agent import ImageAgent, TurnRequest, open_agent


@dataclass
class Easel:
    """What the tool works with: one session of pictures for one run of the host."""

    limner: ImageAgent
    session: str | None = None


@function_tool
async def draw(
    context: RunContextWrapper[Easel], prompt: str, change: str | None = None
) -> list[ToolOutputText | ToolOutputImage]:
    """Draw a picture, or change one that was drawn before.

    Args:
        prompt: What to draw, or what to change.
        change: "@1", "@2" … to change that picture; leave it out to draw a new one.
    """
    easel = context.context
    request = TurnRequest(
        text=prompt,
        intent="edit" if change else "generate",
        session=easel.session,
        edit=[change] if change else None,
    )
    result = await easel.limner.run(request)
    easel.session = easel.session or result.session
    if not result.images:
        why = result.error
        return [
            ToolOutputText(text=f"No picture. {why.message} {why.hint}" if why else result.text)
        ]
    image = result.images[0]
    told = ToolOutputText(text=f"@{image.number} is {image.path}")
    data = base64.b64encode(await anyio.Path(image.path).read_bytes()).decode()
    return [told, ToolOutputImage(image_url=f"data:{image.media_type};base64,{data}")]


def painter(model: str | Model) -> Agent[Easel]:
    return Agent(
        name="Painter",
        instructions="Draw with the tool. Refine a picture by changing it. Say where the file is.",
        tools=[draw],
        model=model,
    )


async def main(wish: str, model: str | Model = "gpt-5.5") -> str:
    async with open_agent() as limner:
        result = await Runner.run(painter(model), wish, context=Easel(limner))
    return str(result.final_output)


if __name__ == "__main__":
    print(anyio.run(main, " ".join(sys.argv[1:]) or "Draw a red kite."))
