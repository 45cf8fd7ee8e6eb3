"""What the server has painted, so that it can tell what stands in a picture that it is shown."""

from __future__ import annotations

import io
import json
from collections import OrderedDict, deque
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngImageFile

from ..typeset.boxes import Box
from ..typeset.setting import Type
from .art.encode import scene_in
from .art.prints import PLAINLY, Print, Reading, lines_of, print_of, read
from .art.scene import Scene
from .art.slips import autocorrected
from .art.typography import text_blocks
from .plan import Size
from .thumbs import apart, thumb_of

_PRINTS, _PICTURES = 1500, 400
_ALIKE = 7.0
"""Mean difference of two thumbnails of one picture, of 255."""
_PAD = 0.012
_PART, _LETTERING, _SET = "limner:part", "limner:lettering", "limner:set"
"""Notes of the parts that a proof asks about: what they were cut from; what a control says; words
that may have been set on it, and in which type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a shown picture was found to show."""

    lines: tuple[str, ...]
    unread: bool = False
    """There is lettering that has no known shape."""
    scene: Scene | None = None
    """Of a whole picture of this server's; None for a part, or a stranger's."""
    known: bool = True
    """False: a stranger's, in which nothing was recognised."""


@dataclass(slots=True)
class Memory:
    """Of one server, while it runs; the oldest is forgotten first."""

    _prints: OrderedDict[tuple[object, ...], Print] = field(default_factory=OrderedDict)
    _pictures: deque[tuple[bytes, Scene]] = field(default_factory=lambda: deque(maxlen=_PICTURES))
    _meant: dict[str, str] = field(default_factory=dict)
    _asked: dict[str, str] = field(default_factory=dict)
    """Words that were asked for, by themselves in small letters."""

    def keep(self, scene: Scene | None, size: Size, thumb: bytes = b"") -> None:
        """Remember what a finished picture shows."""
        if scene is None or not scene.painted:
            return
        self._know(scene, size)
        if thumb:
            self._pictures.append((thumb, scene))

    def slipped(self, meant: tuple[tuple[str, str], ...]) -> None:
        """Remember what a misspelt text should have been."""
        self._meant.update(meant)
        for _, right in meant:
            self._asked.update((_bare(word), word) for word in right.split())

    def clear(self) -> None:
        """As if just started."""
        self._prints.clear()
        self._pictures.clear()
        self._meant.clear()
        self._asked.clear()

    def see(self, data: bytes) -> Seen:
        """What the pixels of a picture, or of a part of one, say."""
        opened = _opened(data)
        if opened is None:
            return Seen(lines=(), known=False)
        image, notes = opened
        scene = scene_in(data)
        if _LETTERING in notes:
            return _part_of(read(image, lines_of(notes[_LETTERING]), PLAINLY))
        if _SET in notes:
            return _part_of(read(image, _prints_of(notes[_SET]), PLAINLY))
        if _PART not in notes:
            scene = scene or self._recognised(thumb_of(image))
            if scene is not None:
                return self._whole(image, scene)
        elif scene is not None:
            self._know(scene, _whole_size(notes[_PART]) or image.size)
        found = _part_of(read(image, [*self._prints.values()]))
        return found if _PART in notes else replace(found, known=bool(found.lines))

    def _whole(self, image: Image.Image, scene: Scene) -> Seen:
        """Each area of the picture read for itself, from the top."""
        self._know(scene, image.size)
        lines: list[str] = []
        unread = False
        for line in sorted(scene.painted, key=lambda one: (one.area[1], one.area[0])):
            found = read(_part(image, Box(*line.area)), [*self._prints.values()])
            lines += found.lines
            unread |= found.unread
        return Seen(lines=tuple(lines), unread=unread, scene=scene)

    def corrected(self, line: str) -> str:
        """The spelling that was asked for in place of a wrong one; else unusual words made usual."""
        flat = " ".join(line.split())
        for wrong, right in self._meant.items():
            if _bare(wrong) == _bare(flat):
                return right.upper() if flat == flat.upper() != flat.lower() else right
        return " ".join(self._usual(word) for word in flat.split(" "))

    def _usual(self, word: str) -> str:
        """A word as it was asked for lately, where one of these is much the same."""
        if _bare(word) in self._asked:
            return word
        near = get_close_matches(_bare(word), self._asked, n=1, cutoff=0.45)
        return self._asked[near[0]] if near else autocorrected(word)

    def _know(self, scene: Scene, size: Size) -> None:
        """The shapes of a picture's lines among those that can be recognised."""
        wrong = set(self._meant)
        for line in scene.painted:
            for word in () if line.text in wrong else line.text.split():
                self._asked.setdefault(_bare(word), word)
        for block in text_blocks(scene, size):
            key = (block.kind, block.setting.lines, block.anchor, block.role)
            if key not in self._prints:
                self._prints[key] = print_of(block, size)
            self._prints.move_to_end(key)
        while len(self._prints) > _PRINTS:
            self._prints.popitem(last=False)

    def _recognised(self, thumb: bytes) -> Scene | None:
        """The scene of a picture drawn here that has lost its metadata."""
        best, scene = _ALIKE, None
        for kept, drawn in self._pictures:
            if (gap := apart(thumb, kept)) < best:
                best, scene = gap, drawn
        return scene


def _opened(data: bytes) -> tuple[Image.Image, dict[str, str]] | None:
    """The pixels of a file and its notes; None for what is no picture."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            image = ImageOps.exif_transpose(opened).convert("RGB")
            texts = opened.text if isinstance(opened, PngImageFile) else {}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return image, {key: str(text) for key, text in texts.items()}


def _whole_size(note: str) -> Size | None:
    """The size of the picture that a part was cut from, as its note has it."""
    try:
        told = json.loads(note)
        w, h = (int(side) for side in told["size"])
    except (ValueError, TypeError, KeyError):
        return None
    return (w, h) if 8 <= w <= 20_000 and 8 <= h <= 20_000 else None


def _prints_of(note: str) -> list[Print]:
    """Shapes that words leave in the type that they are set in; none for a note of no use."""
    try:
        told = json.loads(note)
        kind = Type(told["face"], int(told["weight"]))
        return lines_of(str(told["text"]), kind)
    except (ValueError, TypeError, KeyError):
        return []


def _part_of(found: Reading) -> Seen:
    """Nothing recognised among letters is a stranger's hand."""
    known = bool(found.lines) or not found.unread
    return Seen(lines=found.lines, unread=found.unread, known=known)


def _bare(text: str) -> str:
    return "".join(text.split()).casefold()


def _part(image: Image.Image, area: Box) -> Image.Image:
    """The part of a picture under an area, with a little around it."""
    w, h = image.size
    pad = _PAD * max(w, h)
    return image.crop(
        (
            max(0, round(area.x0 * w - pad)),
            max(0, round(area.y0 * h - pad)),
            min(w, round(area.x1 * w + pad)),
            min(h, round(area.y1 * h + pad)),
        )
    )
