"""openai-agents: a session, which sends every item again whole."""

from __future__ import annotations

import anyio
import openai
from agents import (
    Agent,
    ImageGenerationTool,
    OpenAIResponsesModel,
    Runner,
    SQLiteSession,
    set_tracing_disabled,
)
from told import BASE_URL, MASK, REFUSED, STEPS, decoded, tell

TOOL = {"type": "image_generation", "size": "1024x1024"}
set_tracing_disabled(disabled=True)
client = openai.AsyncOpenAI(base_url=BASE_URL, api_key="any", max_retries=0)


def painter(**tool: object) -> Agent:
    return Agent(
        name="Painter",
        model=OpenAIResponsesModel("gpt-5.5", client),
        tools=[ImageGenerationTool({**TOOL, **tool})],
    )


def drawn(result: object) -> bytes:
    items = [one.raw_item for one in result.new_items]
    [item] = [one for one in items if getattr(one, "type", "") == "image_generation_call"]
    return decoded(item.result)


async def main() -> None:
    session = SQLiteSession("pictures")
    first = await Runner.run(painter(), STEPS[0], session=session)
    second = await Runner.run(painter(), STEPS[1], session=session)
    mask = {"image_url": MASK}
    third = await Runner.run(painter(input_image_mask=mask), STEPS[2], session=session)
    fourth = Runner.run_streamed(painter(partial_images=2), STEPS[3], session=session)
    partials = 0
    async for event in fourth.stream_events():
        kind = event.data.type if event.type == "raw_response_event" else ""
        partials += kind == "response.image_generation_call.partial_image"
    try:
        await Runner.run(painter(), REFUSED)
        refusal = None
    except openai.BadRequestError as error:
        refusal = [error.status_code, error.code, error.request_id is not None]
    tell([drawn(one) for one in (first, second, third, fourth)], partials, refusal)


anyio.run(main)
