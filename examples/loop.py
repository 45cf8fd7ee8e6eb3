"""A picture, then one change after another: the plain loop.

python examples/loop.py "a lighthouse on a rocky coast" "make it night" "in autumn"
"""

from __future__ import annotations

import sys

import anyio

from agent import ImageAgent, ImageCompleted, TextDelta, TurnRefused, TurnRequest, open_agent


async def turn(agent: ImageAgent, text: str, session: str | None) -> str | None:
    """One turn, told as it happens; the session to go on in."""
    request = TurnRequest(text=text, intent="chat" if session else "generate", session=session)
    async for event in agent.stream(request):
        match event:
            case ImageCompleted(image=image):
                print(f"{image.path}   (from {', '.join(image.parents) or 'nothing'})")
            case TextDelta(text=words):
                print(words, end="")
            case TurnRefused(error=error) if error:
                print(f"Refused: {error.message} {error.hint}")
    # the loop ended with the terminal event: exactly one, always the last
    if event.error and event.outcome != "refused":
        print(f"No picture: {event.error.message} {event.error.hint}")
    return event.session or session


async def main(*texts: str) -> None:
    async with open_agent() as agent:
        session = None
        for text in texts:
            session = await turn(agent, text, session)


if __name__ == "__main__":
    anyio.run(main, *(sys.argv[1:] or ("a lighthouse at golden hour", "make it night")))
