"""A tool for pydantic-ai: the host's model decides, Limner draws, keeps and counts.

pip install 'pydantic-ai-slim[openai]'
OPENAI_API_KEY=… python examples/pydantic_ai_tool.py "Draw a jazz poster, then make it night."
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import anyio
from pydantic_ai import Agent, BinaryContent, ModelRetry, RunContext, ToolReturn
from pydantic_ai.models import Model

from agent import ImageAgent, TurnRequest, open_agent


@dataclass
class Easel:
    """What the tool works with: one session of pictures for one run of the host."""

    limner: ImageAgent
    session: str | None = None


painter = Agent(
    deps_type=Easel,
    instructions="Draw with the tool. Refine a picture by changing it. Say where the file is.",
)


@painter.tool
async def draw(context: RunContext[Easel], prompt: str, change: str | None = None) -> ToolReturn:
    """Draw a picture, or change one that was drawn before.

    Args:
        context: Of the run.
        prompt: What to draw, or what to change.
        change: "@1", "@2" … to change that picture; leave it out to draw a new one.
    """
    easel = context.deps
    request = TurnRequest(
        text=prompt,
        intent="edit" if change else "generate",
        session=easel.session,
        edit=[change] if change else None,
    )
    result = await easel.limner.run(request)
    easel.session = easel.session or result.session
    if result.error and result.error.code == "usage":
        raise ModelRetry(f"{result.error.message} {result.error.hint}")  # nothing was sent
    if not result.images:
        why = result.error
        return ToolReturn(f"No picture. {why.message} {why.hint}" if why else result.text)
    image = result.images[0]
    data = await anyio.Path(image.path).read_bytes()
    return ToolReturn(
        f"@{image.number} is {image.path}",
        content=[BinaryContent(data, media_type=image.media_type)],
    )


async def main(wish: str, model: str | Model = "openai-responses:gpt-5.5") -> str:
    async with open_agent() as limner:
        result = await painter.run(wish, deps=Easel(limner), model=model)
    return result.output


if __name__ == "__main__":
    print(anyio.run(main, " ".join(sys.argv[1:]) or "Draw a red kite."))
