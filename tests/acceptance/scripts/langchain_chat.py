"""LangChain: by the id of the answer, by ids of pictures, by whole items; it knows no drafts."""

from __future__ import annotations

import openai
from langchain_core.messages import AIMessage, HumanMessage
from langchain_openai import ChatOpenAI
from told import BASE_URL, MASK, REFUSED, STEPS, decoded, tell

TOOL = {"type": "image_generation", "size": "1024x1024"}


def chat(*, tool: dict = TOOL, **more: object) -> object:
    made = ChatOpenAI(
        model="gpt-5.5",
        base_url=BASE_URL,
        api_key="any",
        use_responses_api=True,
        output_version="responses/v1",
        max_retries=0,
        **more,
    )
    return made.bind_tools([tool])


def drawn(message: AIMessage) -> bytes:
    [item] = [one for one in message.content if one["type"] == "image_generation_call"]
    return decoded(item["result"])


history = [HumanMessage(STEPS[0])]
first = chat().invoke(history)
second = chat(use_previous_response_id=True).invoke([*history, first, HumanMessage(STEPS[1])])
history += [first, HumanMessage(STEPS[1]), second, HumanMessage(STEPS[2])]
masked = {**TOOL, "input_image_mask": {"image_url": MASK}}
third = chat(tool=masked).invoke(history)
history += [third, HumanMessage(STEPS[3])]
fourth = None
for chunk in chat(store=False).stream(history):
    fourth = chunk if fourth is None else fourth + chunk
try:
    chat().invoke(REFUSED)
    refusal = None
except openai.BadRequestError as error:
    refusal = [error.status_code, error.code, error.request_id is not None]
tell([drawn(one) for one in (first, second, third, fourth)], None, refusal)
