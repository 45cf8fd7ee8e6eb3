"""What the server says: in its own name, about its own pictures, and never as a model.

Questions are answered from the scene inside a picture. A picture without one was drawn by
somebody else: it is unreadable here, and the answer says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..wire.fields import JsonObject
from .art.encode import scene_in
from .art.parse import range_note, scene_of
from .art.scene import Scene
from .art.words import KIND_OF
from .fill import fill
from .plan import Job
from .reading import Reader

_WHO = "Drawn offline by Limner's own artist, which is no model."
_WHO_ZH = "由 Limner 的离线画师绘制，并非模型生成。"
_STRANGER = (
    "I am Limner's offline artist, which is no model: I can read only pictures that I drew, "
    "and this one is unreadable to me."
)
_NOTHING = (
    "I am Limner's offline artist, which is no model. There is no picture to talk about yet; "
    "ask for one."
)
_CJK = re.compile("[一-鿿]")


def lettering(scene: Scene) -> list[str]:
    """Every line that was painted, from the top."""
    laid = [overlay.text for overlay in scene.overlays if overlay.kind != "patch"]
    placed = [line.text for line in scene.painted]
    return [line for line in (scene.title, scene.subtitle, *scene.lines, *placed, *laid) if line]


def describe(scene: Scene) -> str:
    """One plain sentence, true of the picture."""
    parts = [f"A drawing of {KIND_OF[scene.motif]} by {scene.light}"]
    if scene.season:
        parts.append(f"in {scene.season}")
    if scene.props:
        parts.append(f"with {' and '.join(scene.props)}")
    if lines := lettering(scene):
        parts.append("lettered " + ", ".join(f"“{line}”" for line in lines))
    return ", ".join(parts).replace("by dusk", "at dusk") + "."


def revised_prompt(job: Job, scene: Scene | None, note: str) -> str:
    """What was drawn of what was asked."""
    told = " ".join(filter(None, (describe(scene) if scene else "", note)))
    return f"{job.words.strip()} ({told} Drawn offline.)"


def closing(job: Job, *, spare: int) -> str:
    """The message after a picture."""
    note = range_note(job.words) if job.base is None else None
    unused = "The other pictures that came with it were not used." if spare > 0 else None
    who = _WHO_ZH if _CJK.search(job.words) else _WHO
    return " ".join(filter(None, (who, note, unused)))


def about(pictures: Sequence[bytes]) -> str:
    """The answer to a plain question."""
    if not pictures:
        return _NOTHING
    scene = scene_in(pictures[0])
    return f"{describe(scene)} {_WHO}" if scene else _STRANGER


def answer(
    words: str,
    pictures: Sequence[bytes],
    text_format: JsonObject,
    schema: JsonObject | None,
    reader: Reader,
) -> str:
    """The answer of a request without an image tool, in the form it asked for."""
    structured = text_format.get("type") in ("json_object", "json_schema")
    if schema is None and not structured:
        return about(pictures)
    facts = _seen(pictures, reader) if pictures else _facts(scene_of(words) if words else None)
    return json.dumps(facts if schema is None else fill(schema, facts), ensure_ascii=False)


def _seen(pictures: Sequence[bytes], reader: Reader) -> JsonObject:
    """What can be said of the first picture, and the lettering of each of them."""
    scene, parts = scene_in(pictures[0]), reader.parts(pictures)
    facts = _facts(scene)
    first = parts[0]
    if isinstance(first, dict) and (scene is None or scene.staged):
        facts |= {key: value for key, value in first.items() if key not in ("number", "index")}
    return {**facts, "parts": parts}


def _facts(scene: Scene | None) -> JsonObject:
    """What can be said of a picture; of a stranger's only that it cannot be read."""
    if scene is None:
        return {
            "readable": False,
            "lines": [],
            "text": "",
            "status": "unreadable",
            "notes": _STRANGER,
        }
    lines = lettering(scene)
    return {
        "readable": True,
        "status": "readable",
        "lines": [*lines],
        "text": "\n".join(lines),
        "title": scene.title,
        "subtitle": scene.subtitle,
        "motif": scene.motif,
        "light": scene.light,
        "season": scene.season,
        "palette": [*scene.palette],
        "description": describe(scene),
        "notes": _WHO,
    }
