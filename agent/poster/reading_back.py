"""Asking a reader what a picture says, without telling it.

What is sent, in order: one **part** for each painted text, cut from the picture and enlarged by a
whole factor; one **control**, words of ours with planted mistakes; the whole picture as it is. Each
part is a PNG that says in its text chunks where it comes from, as derived files do:

- ``XML:com.adobe.xmp`` and ``limner:sources``: copied from the picture it was cut from;
- ``limner:part``: JSON ``{"of": sha256, "size": [w, h], "box": [x0, y0, x1, y1], "times": n}``, the
  box in pixels of that picture;
- ``limner:lettering``, of a control only: the words on it;
- ``limner:set``, of words that we set: JSON ``{"text": ..., "face": ..., "weight": ...}``.

A reader that looks has no use for them; one that draws itself finds its own picture by them.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

import anyio
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from .. import ImageAgent
from ..derive.pictures import opened
from ..errors import UsageError
from ..schema import Cost, Failure, Record
from ..turn import prompts
from ..typeset.blocks import lay
from ..typeset.boxes import Box, Pixels, around
from ..typeset.setting import Type
from .contrast import PixelBox
from .glyphs import draw, runs_of
from .plan import readings_of
from .proof import Asked, Control, Proof, Reading, Seen, misspelt, proof_of, unread

XMP: Final = "XML:com.adobe.xmp"
SOURCES: Final = "limner:sources"
PART: Final = "limner:part"
LETTERING: Final = "limner:lettering"
SET: Final = "limner:set"
_SHORT: Final = 320
"""Pixels that the shorter edge of a part should have; below it, it is enlarged."""
_LONG: Final = 2400
_TIMES: Final = 4
_WHOLE: Final = 2048
_CONTROL: Final[Pixels] = (1200, 360)

T = TypeVar("T")


class PartAnswer(Record):
    """One part as a reader answers; the schema of the question."""

    text: str
    characters: tuple[str, ...]
    unsure: tuple[str, ...]
    other: str


class Answer(Record):
    """Every part, in order."""

    parts: tuple[PartAnswer, ...]


class Area(NamedTuple):
    """A text to be read and its box, in fractions of the picture."""

    asked: Asked
    box: Box


class View(NamedTuple):
    """What is read: pixels that parts are cut from, and the whole as it is sent."""

    image: Image.Image
    sha256: str
    notes: dict[str, str]
    whole: bytes
    kinds: Mapping[str, Type] = MappingProxyType({})
    """Line id → its type, of what we set on it."""


class ReadBack(NamedTuple):
    """A proof and what it cost. ``failure``: the reader was not reached, and nothing is proved."""

    proof: Proof
    costs: tuple[Cost, ...]
    failure: Failure | None = None


async def read_back(
    agent: ImageAgent,
    view: View,
    areas: Sequence[Area],
    *,
    sample: str,
    known: Sequence[str] = (),
) -> ReadBack:
    """Two readings of a picture, each with a control of its own, the second in another order.

    Without ``areas`` it is only looked through for lettering, once, and the control is made of
    ``sample``. ``known``: what else belongs on it.
    """
    asked = [area.asked for area in areas]
    readings: list[Reading] = []
    costs: list[Cost] = []
    for turn in range(readings_of(len(areas))):
        question = await _in_thread(lambda: _question(view, areas, turn, sample))  # noqa: B023
        try:
            told = await agent.ask(question.text, images=question.pictures, schema=Answer)
        except UsageError as error:
            failure = Failure(code="usage", message=str(error), hint=error.hint)
            return ReadBack(unread(asked, str(error)), tuple(costs), failure)
        costs.append(told.cost)
        if told.value is None:
            why = told.failure.message if told.failure else "no answer came"
            return ReadBack(unread(asked, why), tuple(costs), told.failure)
        if len(told.value.parts) != len(question.pictures):
            count = f"{len(told.value.parts)} parts of {len(question.pictures)} were read"
            return ReadBack(unread(asked, count), tuple(costs))
        readings.append(_reading(told.value, question))
    return ReadBack(proof_of(asked, readings, known=known), tuple(costs))


# ── the question ─────────────────────────────────────────────────────────────────────────────


class _Question(NamedTuple):
    text: str
    pictures: tuple[bytes, ...]
    order: tuple[int, ...]
    """Which painted text each part is of; the control has the number after the last."""
    control: str


def _question(view: View, areas: Sequence[Area], turn: int, sample: str) -> _Question:
    """The second one has its parts in the opposite order and another control."""
    longest = sorted((area.asked.text for area in areas), key=len, reverse=True) or [sample]
    words = misspelt(longest[turn % len(longest)], turn=turn)
    made = [*_parts(view, areas), control_part(words)]
    order = tuple(range(len(made)) if turn % 2 == 0 else reversed(range(len(made))))
    listed = [f"{place}. a part" for place in range(1, len(made) + 1)]
    listed.append(f"{len(made) + 1}. the whole poster")
    text, _ = prompts.text("poster/read", values={"parts": "\n".join(listed)})
    return _Question(text, (*(made[i] for i in order), view.whole), order, words)


def _reading(answer: Answer, question: _Question) -> Reading:
    seen = [
        Seen(part.text, part.characters, tuple(u for u in part.unsure if u.strip()), part.other)
        for part in answer.parts
    ]
    back = {which: seen[place] for place, which in enumerate(question.order)}
    count = len(question.order) - 1
    return Reading(
        parts=tuple(back[i] for i in range(count)),
        control=Control(question.control, back[count]),
        whole=seen[-1],
    )


# ── its pictures ─────────────────────────────────────────────────────────────────────────────


def view_of(picture: bytes) -> View:
    """A picture as it came."""
    with opened(picture) as found:
        image = found.convert("RGBA" if found.has_transparency_data else "RGB")
    return View(image, hashlib.sha256(picture).hexdigest(), notes_of(picture), picture)


def view_from(image: Image.Image, notes: dict[str, str], kinds: Mapping[str, Type]) -> View:
    """Pixels of ours; the whole of them is sent no larger than it is read with."""
    small = image.copy()
    small.thumbnail((_WHOLE, _WHOLE), Image.Resampling.LANCZOS)
    sha256 = hashlib.sha256(repr(image.size).encode() + image.tobytes()).hexdigest()
    return View(image, sha256, notes, _png(small, notes), kinds)


def parts_of(picture: bytes, boxes: Sequence[Box]) -> tuple[bytes, ...]:
    """Each box of a picture as a PNG of its own, with a margin where no neighbour begins."""
    view = view_of(picture)
    return tuple(_part(view, around(box, [b for b in boxes if b != box])) for box in boxes)


def _parts(view: View, areas: Sequence[Area]) -> Iterator[bytes]:
    for area in areas:
        others = [one.box for one in areas if one.box != area.box]
        about = {}
        if kind := view.kinds.get(area.asked.line_id):
            face, weight, _ = kind
            about = {SET: json.dumps({"text": area.asked.text, "face": face, "weight": weight})}
        yield _part(view, around(area.box, others), about)


def _part(view: View, box: Box, notes: Mapping[str, str] = MappingProxyType({})) -> bytes:
    place = _pixels(box, view.image.size)
    cut = view.image.crop(place)
    times = max(1, min(_TIMES, -(-_SHORT // min(cut.size)), _LONG // max(cut.size)))
    if times > 1:
        size = cut.width * times, cut.height * times
        cut = cut.resize(size, Image.Resampling.BICUBIC)
    about = {"of": view.sha256, "size": list(view.image.size), "box": list(place), "times": times}
    return _png(cut, {**view.notes, PART: json.dumps(about), **notes})


def _pixels(box: Box, size: Pixels) -> PixelBox:
    x0, y0, x1, y1 = box.pixels(size)
    return x0, y0, max(x0 + 1, x1), max(y0 + 1, y1)


def control_part(words: str) -> bytes:
    """Words of ours, plainly set in dark on light."""
    sheet = Image.new("RGB", _CONTROL, (244, 240, 230))
    pad, kind = 60, Type("sans", 700)
    room = _CONTROL[0] - 2 * pad, _CONTROL[1] - 2 * pad
    laid = lay(words, kind, room, largest=150, most=3)
    runs = runs_of(laid, (pad, pad), room[0], kind)
    draw(sheet, runs, kind, int(laid.size), (28, 30, 40))
    return _png(sheet, {LETTERING: words})


def notes_of(picture: bytes) -> dict[str, str]:
    """What a picture says of where it comes from: its XMP packet, and its sources if we made it."""
    with Image.open(io.BytesIO(picture)) as image:
        held: object = image.info.get("xmp", "")
        texts = image.text if isinstance(image, PngImageFile) else {}
        held, sources = texts.get(XMP, held), texts.get(SOURCES, "")
    packet = held.decode("utf-8", "replace") if isinstance(held, bytes) else str(held)
    return {key: value for key, value in ((XMP, packet), (SOURCES, str(sources))) if value}


def _png(image: Image.Image, texts: dict[str, str]) -> bytes:
    info = PngInfo()
    for key, value in texts.items():
        info.add_itxt(key, value)
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info, compress_level=3)
    return out.getvalue()


async def _in_thread(work: Callable[[], T]) -> T:
    return await anyio.to_thread.run_sync(work)
