"""Thirty edits against a server that keeps nothing: what goes out stays flat."""

from __future__ import annotations

import json
from itertools import pairwise

from agent import TurnRequest
from agent.schema import SessionId
from tests.conftest import OpenOn, Serve, sent_to

EDITS = ["make it night", "make it day", "make it autumn", "add a boat", "make it winter"]


async def test_thirty_edits_send_one_picture_each_and_grow_by_their_words_alone(
    serve: Serve, open_on: OpenOn
) -> None:
    server = serve(dialect="sub2api")
    async with open_on(server) as agent:
        first = await agent.run(TurnRequest(text="a red kite over the sea"))
        for number in range(30):
            text = EDITS[number % len(EDITS)]
            ended = await agent.run(TurnRequest(text=text, intent="edit", session=first.session))
            assert ended.outcome == "image"
        images = await agent.store.images(first.session or SessionId(""))
        attempts = await agent.store.attempts(session=first.session)
        turns = await agent.store.turns(first.session or SessionId(""))

    bodies = sent_to(server)
    assert [json.dumps(body).count("input_image") for body in bodies] == [0] + [1] * 30
    assert not [body for body in bodies if "previous_response_id" in body]
    # without its picture, a turn is larger than the one before by what was said in between
    without_picture = [
        (attempt.bytes_sent or 0) - (_base64(images[number - 1].bytes) if number else 0)
        for number, attempt in enumerate(attempts)
    ]
    said = [len(json.dumps(t.prompt)) + len(json.dumps(t.text)) for t in turns]
    grown = [after - before for before, after in pairwise(without_picture[1:])]
    assert all(0 < more < words + 120 for more, words in zip(grown, said[1:], strict=False))
    assert [image.parents for image in images[1:]] == [(image.id,) for image in images[:-1]]
    assert server.counters["generations"] == 31


def _base64(size: int) -> int:
    return -(-size // 3) * 4
