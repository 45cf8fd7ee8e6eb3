"""``POST /v1/moderations``: reads as strictly as OpenAI does, and finds nothing of its own accord.

What a text is about is never judged here (``brain``); only a fault finds something in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

from ..wire.fields import InlineImage, JsonObject, RequestFault, missing, read_image, wrong_type
from .exchange import Reply, json_reply
from .serving import refused_early
from .state import State

_PICTURES: Final = frozenset(
    {
        *("sexual", "self-harm", "self-harm/intent", "self-harm/instructions"),
        *("violence", "violence/graphic"),
    }
)
_CATEGORIES: Final = (
    *("harassment", "harassment/threatening", "hate", "hate/threatening"),
    *("illicit", "illicit/violent", "self-harm", "self-harm/instructions", "self-harm/intent"),
    *("sexual", "sexual/minors", "violence", "violence/graphic"),
)
"""Those of omni-moderation-latest; the others among them are looked for in texts alone."""
_NOTHING: Final = 0.0001
_MAGIC: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF8")


@dataclass(frozen=True, slots=True)
class _Input:
    """One input and what it holds."""

    text: bool = False
    image: bool = False


async def create(state: State, payload: JsonObject, request_id: str) -> Reply:
    """One answer; raises ``RequestFault`` for what OpenAI refuses."""
    inputs = list(_inputs(payload))
    faults = state.strike("moderations")
    if (early := refused_early(faults, state.dialect, request_id)) is not None:
        return early
    await state.wait()
    state.journal.counts["moderations"] += 1
    found = {name: score for fault in faults for name, score in fault.scores.items()}
    late = next((f.page for f in faults if f.late and f.page), None)
    if late is not None:
        return late()
    return json_reply(
        {
            "id": state.ids.new("modr"),
            "model": str(payload.get("model") or "omni-moderation-latest"),
            "results": [_result(one, found) for one in inputs],
        }
    )


def _result(one: _Input, found: dict[str, float]) -> JsonObject:
    seen = {name: _seen(name, one) for name in _CATEGORIES}
    scores = {name: found.get(name, _NOTHING) if seen[name] else 0.0 for name in _CATEGORIES}
    categories: dict[str, JsonValue] = {name: score >= 0.5 for name, score in scores.items()}
    return {
        "flagged": any(categories.values()),
        "categories": categories,
        "category_scores": {**scores},
        "category_applied_input_types": {name: [*kinds] for name, kinds in seen.items()},
    }


def _seen(category: str, one: _Input) -> list[str]:
    kinds = ["text"] if one.text else []
    return [*kinds, "image"] if one.image and category in _PICTURES else kinds


# ── reading ──────────────────────────────────────────────────────────────────────────────────


def _inputs(payload: JsonObject) -> Iterator[_Input]:
    """A string, strings, or parts that are judged together."""
    said = payload.get("input")
    if said is None:
        missing("input")
    if isinstance(said, str):
        yield _Input(text=True)
    elif isinstance(said, list) and said and all(isinstance(one, str) for one in said):
        yield from (_Input(text=True) for _ in said)
    elif isinstance(said, list) and said:
        yield _together([_part(part, f"input[{i}]") for i, part in enumerate(said)])
    else:
        wrong_type("input", "a string or a list that is not empty", said)


def _together(parts: list[_Input]) -> _Input:
    pictures = sum(part.image for part in parts)
    if pictures > 1:
        raise RequestFault(
            f"Number of images ({pictures}) exceeds maximum of 1",
            code="too_many_images",
            param="input",
        )
    return _Input(text=any(part.text for part in parts), image=bool(pictures))


def _part(part: JsonValue, at: str) -> _Input:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or kind not in ("text", "image_url"):
        wrong_type(at, "a part of type text or image_url", part)
    if kind == "text":
        if not isinstance(part.get("text"), str):
            wrong_type(f"{at}.text", "a string", part.get("text"))
        return _Input(text=True)
    picture = read_image(part.get("image_url"), f"{at}.image_url")
    if isinstance(picture, InlineImage) and not picture.data.startswith(_MAGIC):
        raise RequestFault("The picture cannot be read.", code="invalid_image", param=at)
    return _Input(image=True)
