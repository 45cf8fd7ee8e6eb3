"""Answers of a Responses server, made small, and what the reader makes of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from agent.traffic import Ended, Picture, TextPiece
from agent.wire.answers import Answer, AnswerReader, ItemFault
from agent.wire.faults import Fault

FIXTURES = Path(__file__).parents[1] / "data" / "wire"
RED, GREEN = b"red picture", b"green picture"
"""Bytes that stand for pictures: the reader does not look into them."""

A = TypeVar("A")


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def event(kind: str, **fields: object) -> dict[str, object]:
    return {"type": f"response.{kind}", **fields}


def image(result: object, id_: str | None = "ig_1", **fields: object) -> dict[str, object]:
    item = {"type": "image_generation_call", "status": "completed", "result": result, **fields}
    return item if id_ is None else {"id": id_, **item}


def message(*texts: str) -> dict[str, object]:
    parts = [{"type": "output_text", "text": text} for text in texts]
    return {"type": "message", "role": "assistant", "content": parts}


def done(item: dict[str, object], at: int = 0) -> dict[str, object]:
    return event("output_item.done", output_index=at, item=item)


def response(*output: object, **fields: object) -> dict[str, object]:
    return {"id": "resp_1", "object": "response", "status": "completed", "output": output, **fields}


def completed(*output: object, **fields: object) -> dict[str, object]:
    return event("completed", response=response(*output, **fields))


def sse(*events: object) -> bytes:
    return b"".join(b"data: %s\n\n" % json.dumps(each).encode() for each in events)


def chunked(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


def read_chunks(chunks: Iterable[bytes], *, partials: bool = True) -> list[Answer]:
    reader = AnswerReader(partials=partials)
    answers = [answer for chunk in chunks for answer in reader.feed(chunk)]
    return [*answers, *reader.close()]


def read(body: bytes | dict[str, object], *, partials: bool = True) -> list[Answer]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_chunks([raw], partials=partials)


def stream(*events: object) -> list[Answer]:
    return read(sse(*events))


def of(kind: type[A], answers: Iterable[object]) -> list[A]:
    return [answer for answer in answers if isinstance(answer, kind)]


def pictures(answers: Iterable[object]) -> list[bytes]:
    return [picture.data for picture in of(Picture, answers)]


def words(answers: Iterable[object]) -> str:
    return "".join(piece.text for piece in of(TextPiece, answers))


def codes(answers: Iterable[object]) -> list[str | None]:
    return [item.fault.code for item in of(ItemFault, answers)]


def terminal(answers: list[Answer]) -> Ended | Fault:
    """The one end, which stands last."""
    ends = [a for a in answers if isinstance(a, Ended | Fault)]
    assert ends == answers[-1:]
    return ends[0]


def fault(answers: list[Answer]) -> Fault:
    end = terminal(answers)
    assert isinstance(end, Fault), end
    return end


def ended(answers: list[Answer]) -> Ended:
    end = terminal(answers)
    assert isinstance(end, Ended), end
    return end
