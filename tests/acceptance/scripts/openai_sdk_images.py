"""OpenAI's Python SDK on the Images API: a picture goes on by its bytes."""

from __future__ import annotations

import openai
from told import BASE_URL, MASK, REFUSED, STEPS, decoded, tell

client = openai.OpenAI(base_url=BASE_URL, api_key="any")
common = {"model": "gpt-image-2", "size": "1024x1024"}


def edit(text: str, before: bytes, **more: object) -> object:
    return client.images.edit(prompt=text, image=("picture.png", before), **common, **more)


def drawn(answer: object) -> bytes:
    return decoded(answer.data[0].b64_json)


first = drawn(client.images.generate(prompt=STEPS[0], **common))
second = drawn(edit(STEPS[1], first))
third = drawn(edit(STEPS[2], second, mask=("mask.png", decoded(MASK.split(",")[1]))))
partials, fourth = 0, b""
for event in edit(STEPS[3], third, stream=True, partial_images=2):
    if event.type == "image_edit.partial_image":
        partials += 1
    elif event.type == "image_edit.completed":
        fourth = decoded(event.b64_json)
try:
    client.images.generate(prompt=REFUSED, **common)
    refusal = None
except openai.BadRequestError as error:
    refusal = [error.status_code, error.code, error.request_id is not None]
tell([first, second, third, fourth], partials, refusal)
