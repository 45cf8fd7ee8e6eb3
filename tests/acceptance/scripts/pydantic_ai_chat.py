"""pydantic-ai: a history, which names pictures by their id and nothing else."""

from __future__ import annotations

import anyio
from pydantic_ai import Agent, ModelHTTPError
from pydantic_ai.capabilities import NativeTool
from pydantic_ai.messages import FilePart
from pydantic_ai.models.openai import OpenAIResponsesModel
from pydantic_ai.native_tools import ImageGenerationTool
from pydantic_ai.providers.openai import OpenAIProvider
from told import BASE_URL, MASK, REFUSED, STEPS, tell

model = OpenAIResponsesModel("gpt-5.5", provider=OpenAIProvider(base_url=BASE_URL, api_key="any"))


def painter(**openai: object) -> Agent:
    tool = ImageGenerationTool(size="1024x1024", provider_settings={"openai": openai})
    return Agent(model, capabilities=[NativeTool(tool)])


def drawn(result: object) -> bytes:
    parts = [part for message in result.new_messages() for part in message.parts]
    [picture] = [part.content for part in parts if isinstance(part, FilePart)]
    return picture.data


async def main() -> None:
    first = await painter().run(STEPS[0])
    second = await painter().run(STEPS[1], message_history=first.all_messages())
    # its own tool knows no mask: the setting for tools that it does not know does
    cut = {"type": "image_generation", "input_image_mask": {"image_url": MASK}}
    third = await Agent(model, model_settings={"openai_native_tools": [cut]}).run(
        STEPS[2], message_history=second.all_messages()
    )
    drafts = painter(partial_images=2)
    partials = 0
    async with drafts.run_stream_events(STEPS[3], message_history=third.all_messages()) as events:
        async for event in events:
            part = getattr(event, "part", None)
            partials += isinstance(part, FilePart)
            if event.event_kind == "agent_run_result":
                fourth = event.result
    try:
        await painter().run(REFUSED)
        refusal = None
    except ModelHTTPError as error:
        refusal = [error.status_code, error.body["code"], True]
    tell([drawn(one) for one in (first, second, third, fourth)], partials - 1, refusal)


anyio.run(main)
