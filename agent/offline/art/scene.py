"""What the offline artist draws: a frozen, JSON-able description of one picture."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Literal, get_args

Light = Literal["day", "dusk", "night"]
Season = Literal["spring", "summer", "autumn", "winter"]
MotifName = Literal[
    "abstract",
    "book",
    "botanical",
    "cat",
    "city",
    "cup",
    "forest",
    "geo",
    "guitar",
    "health",
    "jobs",
    "kite",
    "lighthouse",
    "market",
    "moon",
    "mountains",
    "museum",
    "pitch",
    "rays",
    "safety",
    "sale",
    "sea",
    "space",
    "stage",
    "type",
]
OverlayKind = Literal["sticker", "patch"]
MOTIFS: tuple[MotifName, ...] = get_args(MotifName)
Area = tuple[float, float, float, float]
"""Left, top, right, bottom in fractions of the picture."""


@dataclass(frozen=True)
class Overlay:
    """Something laid over the finished picture, kept through every later edit.

    A `sticker` shows its text on a badge of colour `tint` (hex, empty for the artist's choice); a
    `patch` repeats the instruction in `text` inside `mask` (packed by `overlays.pack`).
    """

    kind: OverlayKind
    text: str
    tint: str = ""
    mask: str = ""


@dataclass(frozen=True)
class Painted:
    """Words asked for in a place of their own.

    `text` is what stands in the picture; `meant` what should, where a fault had it misspelt.
    """

    text: str
    role: str
    area: Area
    meant: str = ""


@dataclass(frozen=True)
class Scene:
    """One picture: what it shows (`motif`, `props`), its light and colours, its lettering.

    The same scene at the same size is the same pixels. `palette` is five hex colours from the
    darkest of the sky to paper white; `tones` are the colour words it was made from, so that a
    change of light keeps the colours that were asked for.

    A poster is asked for in areas: `calm` ones carry nothing, `painted` ones their own words, and
    the subject keeps inside `room`. `inks` are the colours asked for by number, `face` the kind of
    letters; `flush` keeps painted words to the left of their area; `unmarked` leaves out the corner
    mark, because no other lettering is wanted. `middle` has the subject in the middle of the sheet,
    where a composition is to be laid over a larger one; `mirrored` turns a whole poster's picture
    round, so that two variants of one subject are told apart.
    """

    title: str = ""
    subtitle: str = ""
    lines: tuple[str, ...] = ()
    motif: MotifName = "abstract"
    palette: tuple[str, str, str, str, str] = (
        "#2f7fb0",
        "#7fbcd2",
        "#f4e3c1",
        "#ffcf7a",
        "#fff8ea",
    )
    seed: int = 1
    light: Light = "day"
    season: Season | None = None
    tones: tuple[str, ...] = ()
    accent: str = ""
    props: tuple[str, ...] = ()
    overlays: tuple[Overlay, ...] = ()
    prompt: str = ""
    calm: tuple[Area, ...] = ()
    painted: tuple[Painted, ...] = ()
    room: Area | None = None
    inks: tuple[str, ...] = ()
    face: str = ""
    unmarked: bool = False
    flush: bool = False
    middle: bool = False
    mirrored: bool = False

    @property
    def night(self) -> bool:
        """True when the scene is lit by the moon."""
        return self.light == "night"

    @property
    def lettered(self) -> bool:
        """True when the picture carries a title or any other line."""
        return bool(self.title or self.subtitle or self.lines or self.painted)

    @property
    def staged(self) -> bool:
        """True when areas were asked for, as for a poster."""
        return bool(self.calm or self.painted or self.room)

    def to_json(self) -> str:
        """One line of JSON, the form that travels inside the picture."""
        data = asdict(self)
        for name in _RARE:  # left out, so that pictures without them keep their bytes
            if not data[name]:
                del data[name]
        return json.dumps(data, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Scene:
        """The scene of `to_json`; unknown keys are ignored, ValueError on anything broken."""
        if not text.lstrip().startswith("{"):
            raise ValueError("this is not a scene: a JSON object is needed")
        try:
            data = json.loads(text)
            known = {f.name: data[f.name] for f in fields(cls) if f.name in data}
            known["overlays"] = tuple(_overlay(o) for o in known.get("overlays", ()))
            for name in ("lines", "tones", "props", "palette", "inks"):
                if name in known:
                    known[name] = tuple(map(str, known[name]))
            known["calm"] = tuple(_area(box) for box in known.get("calm", ()))
            known["painted"] = tuple(_painted(line) for line in known.get("painted", ()))
            known["room"] = _area(room) if (room := known.get("room")) else None
            scene = cls(**known)
        except (TypeError, KeyError, AttributeError, RecursionError) as broken:
            raise ValueError(f"this is not a scene: {broken}") from broken
        _check(scene)
        return scene


_RARE = ("flush", "middle", "mirrored")


def _overlay(data: dict[str, object]) -> Overlay:
    """One overlay from its JSON object."""
    kinds: dict[object, OverlayKind] = {"sticker": "sticker", "patch": "patch"}
    tint = str(data.get("tint", ""))
    if tint and not is_hex(tint):
        raise TypeError("the colour of an overlay is written #rrggbb")
    return Overlay(kinds[data["kind"]], str(data["text"]), tint, str(data.get("mask", "")))


def _area(data: list[object]) -> Area:
    """One area from its JSON list, inside the picture and not empty."""
    try:
        x0, y0, x1, y1 = (min(1.0, max(0.0, float(str(v)))) for v in data)
    except ValueError as broken:
        raise TypeError(f"an area is four numbers: {broken}") from None
    if x1 - x0 < 0.001 or y1 - y0 < 0.001:
        raise TypeError("an area needs a width and a height")
    return x0, y0, x1, y1


def _painted(data: dict[str, object]) -> Painted:
    """One painted text from its JSON object."""
    area = data["area"]
    if not isinstance(area, list):
        raise TypeError("painted words need an area")
    words = (str(data["text"]), str(data["role"]))
    return Painted(*words, _area(area), str(data.get("meant", "")))


def _check(scene: Scene) -> None:
    """ValueError when a field of a decoded scene is outside its closed set."""
    words = (scene.title, scene.subtitle, scene.accent, scene.prompt, scene.face)
    if scene.motif not in MOTIFS or scene.light not in get_args(Light):
        raise ValueError("this is not a scene: unknown motif or light")
    if scene.season is not None and scene.season not in get_args(Season):
        raise ValueError("this is not a scene: unknown season")
    if len(scene.palette) != 5 or not all(isinstance(word, str) for word in words):
        raise ValueError("this is not a scene: five colours and plain texts are needed")
    if not all(is_hex(c) for c in (*scene.palette, *scene.inks)) or (
        scene.accent and not is_hex(scene.accent)
    ):
        raise ValueError("this is not a scene: colours are written #rrggbb")
    if type(scene.seed) is not int:
        raise ValueError("this is not a scene: the seed is a whole number")


def is_hex(text: str) -> bool:
    """True for `#rrggbb`."""
    return (
        len(text) == 7 and text[0] == "#" and all(c in "0123456789abcdef" for c in text[1:].lower())
    )
