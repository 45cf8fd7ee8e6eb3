"""The sentences that ask for a poster's picture: areas to leave calm, words and where they go.

The wording is that of the released texts under ``poster/``: what is written there for a model is
read here by rule.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from .colour import palette_of
from .scene import Area, Painted, Scene

_NUMBER = r"(\d{1,3}(?:\.\d+)?)\s*%"
_PLACE = rf"from\s+{_NUMBER}\s+to\s+{_NUMBER}\s+across\s+and\s+{_NUMBER}\s+to\s+{_NUMBER}\s+down"
_SOME = _PLACE.replace("(\\d", "(?:\\d")
_AREA = re.compile(_PLACE, re.IGNORECASE)
_CALM = re.compile(
    rf"Leave\b[^.%\"]*?\bcalm and empty\b[^%\"]*?({_SOME}(?:\s*[;,]\s*(?:and\s+)?{_SOME})*)\s*\.?",
    re.IGNORECASE,
)
_LINE = re.compile(rf"\"([^\"]+)\"\s+as\s+([\w-]+)\s+({_SOME})", re.IGNORECASE)
_LINES = rf"\"[^\"]+\"\s+as\s+[\w-]+\s+{_SOME}"
_WORDS = re.compile(
    rf"Paint\b[^.%\"]*?\bwords exactly as written\b[^\"%]*?({_LINES}(?:\s*[;,]\s*(?:and\s+)?{_LINES})*)\s*\.?",
    re.IGNORECASE,
)
_ROOM = re.compile(rf"Keep the main subject inside\s+({_SOME})\s*\.?", re.IGNORECASE)
_ONLY = re.compile(r"\bNo (?:other )?lettering\b(?: at all)?\s*\.?", re.IGNORECASE)
_INKS = re.compile(r"Palette\s*:\s*((?:#[0-9a-f]{6}\b[\s,;]*(?:and\s+)?)+)\.?", re.IGNORECASE)
_HEX = re.compile(r"#[0-9a-f]{6}\b", re.IGNORECASE)
_SUBJECT = re.compile(r"^\s*Subject\s*:\s*(.+)$", re.IGNORECASE | re.MULTILINE)
_MUST = re.compile(r"\bIt must show\s*:\s*([^\n]+)", re.IGNORECASE)
_VARIANT = re.compile(r"\b(?:variant|version)\s+(\d{1,3})\b", re.IGNORECASE)
_FEEL = re.compile(r"\bSet them in ([^.\n]+)\.", re.IGNORECASE)
_FLUSH = re.compile(r"\bflush left\b", re.IGNORECASE)
_FACES = (
    ("capitals", "display"),
    ("with serifs", "serif"),
    ("without serifs", "sans"),
    ("heavy", "black"),
)


class Asked(NamedTuple):
    """What the sentences say, and the text without them."""

    calm: tuple[Area, ...]
    painted: tuple[Painted, ...]
    room: Area | None
    inks: tuple[str, ...]
    face: str
    flush: bool
    mirrored: bool
    unmarked: bool
    rest: str
    """What the picture shows, in words; two variants of it differ by their number."""


def asked_of(text: str) -> Asked | None:
    """What a text asks of the areas of a picture; None when it has none of the sentences."""
    calm: list[Area] = []
    painted: list[Painted] = []
    rest = text
    if words := _WORDS.search(rest):
        painted = [
            Painted(_plain(line[1]), line[2].lower(), area)
            for line in _LINE.finditer(words[1])
            for area in areas_of(line[3])
        ]
        rest = _without(rest, words)
    while found := _CALM.search(rest):
        calm += areas_of(found[1])
        rest = _without(rest, found)
    room: Area | None = None
    if found := _ROOM.search(rest):
        room = next(iter(areas_of(found[1])), None)
        rest = _without(rest, found)
    inks, rest = _inks_of(rest)
    if not (calm or painted or room):
        return None
    unmarked = bool(_ONLY.search(rest))
    return Asked(
        tuple(calm),
        tuple(painted),
        room,
        inks,
        _face_of(rest),
        bool(_FLUSH.search(rest)),
        bool((variant := _VARIANT.search(rest)) and int(variant[1]) % 2 == 0),
        unmarked,
        _shown(_ONLY.sub(" ", rest)),
    )


def _face_of(text: str) -> str:
    """The kind of letters asked for; empty for the motif's own."""
    feel = _FEEL.search(text)
    return next((face for words, face in _FACES if feel and words in feel[1].lower()), "")


def _shown(rest: str) -> str:
    """What is to be seen: the line that says so, else everything that is left."""
    subject = _SUBJECT.search(rest)
    if subject is None:
        return rest
    must, variant = _MUST.search(rest), _VARIANT.search(rest)
    parts = (subject[1], must and must[1], variant and variant[0])
    return " ".join(part.strip() for part in parts if part)


def areas_of(text: str) -> list[Area]:
    """Every area the text gives in per cent of the picture; one without an extent is left out."""
    found = []
    for match in _AREA.finditer(text):
        x0, x1, y0, y1 = (min(1.0, float(value) / 100) for value in match.groups())
        if x1 - x0 > 0.001 and y1 - y0 > 0.001:
            found.append((x0, y0, x1, y1))
    return found


def _inks_of(text: str) -> tuple[tuple[str, ...], str]:
    """The colours asked for by number, and the text without them."""
    found = _INKS.search(text)
    if not found:
        return (), text
    return tuple(c.lower() for c in _HEX.findall(found[1]))[:8], _without(text, found)


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} {text[match.end() :]}"


def _plain(text: str) -> str:
    return " ".join(text.split())[:200]


def stage(scene: Scene, asked: Asked) -> Scene:
    """The scene as a poster's picture: no words but those asked for, each in its area.

    What is not said stays as it is, so that another size of a picture keeps its look.
    """
    inks = asked.inks or scene.inks
    return replace(
        scene,
        title="",
        subtitle="",
        lines=(),
        calm=asked.calm,
        painted=asked.painted,
        room=asked.room,
        inks=inks,
        palette=palette_of(
            scene.motif, scene.light, scene.tones, scene.season, scene.seed, inks=inks
        ),
        face=asked.face or scene.face,
        flush=asked.flush or scene.flush,
        mirrored=asked.mirrored or scene.mirrored,
        unmarked=asked.unmarked or scene.unmarked,
    )


def relettered(scene: Scene, lines: tuple[Painted, ...]) -> Scene:
    """The scene with words painted anew: each in place of the one that shares most ground with it."""
    painted = list(scene.painted)
    for line in lines:
        shares = [_shared(line.area, old.area) for old in painted]
        best = max(range(len(painted)), key=shares.__getitem__, default=None)
        if best is None or not shares[best]:
            painted.append(line)
        else:
            painted[best] = replace(line, area=painted[best].area, role=painted[best].role)
    return replace(scene, painted=tuple(painted))


def _shared(a: Area, b: Area) -> float:
    """The common ground of two areas, as a fraction of the picture."""
    wide = min(a[2], b[2]) - max(a[0], b[0])
    tall = min(a[3], b[3]) - max(a[1], b[1])
    return max(0.0, wide) * max(0.0, tall)
