"""OpenAI's Python SDK: a conversation goes on by the id of the answer, then in a stream."""

from __future__ import annotations

import openai
from told import BASE_URL, MASK, REFUSED, STEPS, decoded, tell

TOOL = {"type": "image_generation", "size": "1024x1024"}
client = openai.OpenAI(base_url=BASE_URL, api_key="any")


def drawn(response: object) -> bytes:
    [item] = [one for one in response.output if one.type == "image_generation_call"]
    return decoded(item.result)


def ask(text: str, before: object = None, **tool: object) -> object:
    return client.responses.create(
        model="gpt-5.5",
        input=text,
        tools=[{**TOOL, **tool}],
        previous_response_id=before.id if before else None,
    )


first = ask(STEPS[0])
second = ask(STEPS[1], first)
third = ask(STEPS[2], second, input_image_mask={"image_url": MASK})
partials = 0
with client.responses.stream(
    model="gpt-5.5",
    input=STEPS[3],
    tools=[{**TOOL, "partial_images": 2}],
    previous_response_id=third.id,
) as stream:
    for event in stream:
        partials += event.type == "response.image_generation_call.partial_image"
    fourth = stream.get_final_response()
try:
    ask(REFUSED)
    refusal = None
except openai.BadRequestError as error:
    refusal = [error.status_code, error.code, error.request_id is not None]
tell([drawn(one) for one in (first, second, third, fourth)], partials, refusal)
