"""Where a motif stands when a poster asks for areas: its own composition, moved and scaled.

A motif composes a whole picture around its subject. Here such a picture is laid over the sheet
so that the subject comes to stand in the room asked for; what it does not reach is its own sky,
ground and sides carried on. So every motif fits every poster, and none knows of posters.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from PIL import Image, ImageFilter, ImageOps

from ...typeset.boxes import Box
from .canvas import Canvas
from .colour import RGB
from .layout import plan_of
from .motifs import draw_motif, focal_of
from .props import draw_props
from .scene import Scene

_SHAPES = (0.4, 0.5, 0.6, 0.75, 0.9, 1.0, 1.2, 1.5, 1.9, 2.4, 3.0, 3.8, 4.8)
_MOST = 1.7
_SIDES = 5
"""Sky and ground carry on well, and often under words; what is missing at the sides shows."""
_AIR = 0.026
_SOON = [round(255 * (v / 255) ** 0.3) for v in range(256)]
"""Detail carried on is gone after a short way."""


class Place(NamedTuple):
    """A composition of `size` pixels, its top left corner at `at` on the sheet (pixels)."""

    scene: Scene
    size: tuple[int, int]
    at: tuple[int, int]
    focal: Box
    """The subject, in fractions of the sheet."""


def room_of(scene: Scene, size: tuple[int, int]) -> Box:
    """Where the subject may be: as asked, else the widest band that the other areas leave."""
    if scene.room is not None:
        return Box(*scene.room)
    taken = [Box(*a) for a in (*scene.calm, *(line.area for line in scene.painted))]
    free = plan_of(size).subject
    edges_y = sorted({0.05, 0.95, *(b.y0 - 0.01 for b in taken), *(b.y1 + 0.01 for b in taken)})
    edges_x = sorted({0.05, 0.95, *(b.x0 - 0.01 for b in taken), *(b.x1 + 0.01 for b in taken)})
    boxes = [
        Box(x0, y0, x1, y1)
        for i, x0 in enumerate(edges_x)
        for x1 in edges_x[i + 1 :]
        for j, y0 in enumerate(edges_y)
        for y1 in edges_y[j + 1 :]
        if 0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1
    ]
    open_ones = [box for box in boxes if not any(box.meets(b) for b in taken)]
    return max(open_ones, key=lambda b: b.width * b.height, default=free)


@lru_cache(maxsize=256)
def place_of(scene: Scene, size: tuple[int, int]) -> Place:
    """The composition that brings the subject into its room and covers most of the sheet."""
    room = _aired(room_of(scene, size), size)
    if scene.mirrored:
        room = _turned(room)
    plain = replace(scene, calm=(), painted=(), room=None, overlays=(), title="", subtitle="")
    bare = replace(plain, lines=())
    scenes = (bare, replace(plain, lines=("·",)), replace(bare, middle=True))
    if scene.motif == "geo":  # tiles fill any room by themselves
        return Place(
            replace(scenes[0], room=(room.x0, room.y0, room.x1, room.y1)), size, (0, 0), room
        )
    places = [_placed(s, ratio, room, size) for s in scenes for ratio in _ratios(size)]
    return max(places, key=lambda place: _fitness(place, room, size))


def _fitness(place: Place, room: Box, size: tuple[int, int]) -> tuple[float, float]:
    """How much of the sheet is covered and of the room is filled.

    Less for a subject beside the middle of its room.
    """
    aside = abs(place.focal.middle[0] - room.middle[0]) + abs(
        place.focal.middle[1] - room.middle[1]
    )
    filled = min(1.0, place.focal.height / room.height)
    worth = _covered(place, size) + 0.6 * filled - 2.0 * max(0.0, aside - 0.05)
    return round(worth, 2), place.focal.height


def _aired(room: Box, size: tuple[int, int]) -> Box:
    """The room with a little air, so that no quiet area fades into the subject."""
    u, v = (_AIR * max(size) / side for side in size)
    u, v = min(u, room.width / 5), min(v, room.height / 5)
    return Box(room.x0 + u, room.y0 + v, room.x1 - u, room.y1 - v)


def _ratios(size: tuple[int, int]) -> tuple[float, ...]:
    return (size[0] / size[1], *_SHAPES) if 1 / 3 <= size[0] / size[1] <= 3 else _SHAPES


def _placed(scene: Scene, ratio: float, room: Box, size: tuple[int, int]) -> Place:
    """One shape of composition, as large as its subject's room and the sheet allow."""
    w, h = size
    probe = (round(1000 * ratio), 1000)
    own = focal_of(scene, probe)
    scale = min(
        room.width * w / (own.width * probe[0]),
        room.height * h / (own.height * probe[1]),
        _MOST * w / probe[0],
        _MOST * h / probe[1],
    )
    wide, tall = max(16, round(probe[0] * scale)), max(16, round(probe[1] * scale))
    at = (
        _offset(room.x0 * w, room.x1 * w, own.x0 * wide, own.x1 * wide, wide, w),
        _offset(room.y0 * h, room.y1 * h, own.y0 * tall, own.y1 * tall, tall, h),
    )
    own = focal_of(scene, (wide, tall))
    focal = Box(
        (at[0] + own.x0 * wide) / w,
        (at[1] + own.y0 * tall) / h,
        (at[0] + own.x1 * wide) / w,
        (at[1] + own.y1 * tall) / h,
    )
    return Place(scene, (wide, tall), at, focal)


def _offset(low: float, high: float, start: float, end: float, long: int, sheet: int) -> int:
    """Where a composition begins: its subject inside the room, and the sheet covered if it can be."""
    first, last = low - start, high - end
    first, last = min(first, last), max(first, last)
    middle = (first + last) / 2
    covering = (min(0, sheet - long), max(0, sheet - long))
    wanted = min(max(middle, covering[0]), covering[1])
    return round(min(max(wanted, first), last))


def _covered(place: Place, size: tuple[int, int]) -> float:
    """The share of the sheet that the composition reaches, its width counting for more."""
    across, down = (
        max(0, min(sheet, start + long) - max(0, start)) / sheet
        for start, long, sheet in zip(place.at, place.size, size, strict=True)
    )
    return round(across**_SIDES * down, 2)


def subject_box(scene: Scene, size: tuple[int, int]) -> Box:
    """The box of the subject in fractions of the picture, never covered by lettering."""
    if not scene.staged:
        return focal_of(scene, size)
    focal = place_of(scene, size).focal
    return _turned(focal) if scene.mirrored else focal


def _turned(box: Box) -> Box:
    """The box as a mirror shows it."""
    return Box(1 - box.x1, box.y0, 1 - box.x0, box.y1)


def draw_staged(scene: Scene, size: tuple[int, int], scale: float, bare: RGB | None) -> Image.Image:
    """The motif and its props in their place, at `scale` times the size."""
    image = _drawn(scene, size, scale, bare)
    return ImageOps.mirror(image) if scene.mirrored else image


def _drawn(scene: Scene, size: tuple[int, int], scale: float, bare: RGB | None) -> Image.Image:
    place = place_of(scene, size)
    shown = replace(place.scene, props=scene.props)
    c = Canvas(shown, place.size, scale=scale, bare=bare)
    draw_motif(c)
    draw_props(c)
    sheet = (round(size[0] * scale), round(size[1] * scale))
    at = (round(place.at[0] * scale), round(place.at[1] * scale))
    if bare is None:
        sides = (place.focal.x0 * sheet[0], place.focal.x1 * sheet[0])
        return spread(c.image, at, sheet, sides)
    image = Image.new("RGB", sheet, bare)
    image.paste(c.image, at)
    return image


def spread(
    image: Image.Image, at: tuple[int, int], sheet: tuple[int, int], subject: tuple[float, float]
) -> Image.Image:
    """The part of an image that falls on a sheet, its rims carried on to the sheet's edges.

    `subject` is its left and right on the sheet: what lies between is not repeated.
    """
    left, top = max(0, -at[0]), max(0, -at[1])
    right = min(image.width, sheet[0] - at[0])
    bottom = min(image.height, sheet[1] - at[1])
    core = image.crop((left, top, max(left + 1, right), max(top + 1, bottom)))
    x, y = max(0, at[0]), max(0, at[1])
    if x > 0 or sheet[0] - x - core.width > 0:
        core, x = _sideways(core, x, sheet[0], subject), 0
    if y > 0 or sheet[1] - y - core.height > 0:
        core = _upright(core, y, max(0, sheet[1] - y - core.height), sheet[1])
    return core


def _sideways(core: Image.Image, x: int, wide: int, subject: tuple[float, float]) -> Image.Image:
    """What stands beside the subject, mirrored to and fro out to both sides.

    Where hardly anything stands there the rim is drawn out instead, softer and softer.
    """
    end, least = x + core.width, wide // 9
    out = Image.new("RGB", (wide, core.height))
    for gap, long, way in ((x, subject[0] - x, -1), (wide - end, end - subject[1], 1)):
        if gap <= 0:
            continue
        if long < least:
            side = core.transpose(
                Image.Transpose.ROTATE_270 if way < 0 else Image.Transpose.ROTATE_90
            )
            fading = _upright(side, gap, 0, gap + side.height).crop((0, 0, side.width, gap))
            back = Image.Transpose.ROTATE_90 if way < 0 else Image.Transpose.ROTATE_270
            out.paste(fading.transpose(back), (0 if way < 0 else end, 0))
            continue
        span = round(min(core.width, long))
        left = 0 if way < 0 else core.width - span
        strip = core.crop((left, 0, left + span, core.height))
        _repeated(out, ImageOps.mirror(strip), x if way < 0 else end, way)
    out.paste(core, (x, 0))
    return out


def _repeated(out: Image.Image, strip: Image.Image, x: int, way: int) -> None:
    """A strip laid again and again from x outwards, every second one mirrored."""
    while x < out.width if way > 0 else x > 0:
        out.paste(strip, (x if way > 0 else x - strip.width, 0))
        x += way * strip.width
        strip = ImageOps.mirror(strip)


def _upright(core: Image.Image, before: int, after: int, tall: int) -> Image.Image:
    """Sky carried up and ground carried down: the rim, softer and softer."""
    out = Image.new("RGB", (core.width, tall))
    out.paste(core, (0, before))
    for long, y, rim in ((before, 0, 0), (after, tall - after, core.height - 1)):
        if long <= 0:
            continue
        strip = core.crop((0, min(rim, core.height - 2), core.width, min(rim, core.height - 2) + 2))
        soft = strip.resize((max(2, core.width // 24), 1), Image.Resampling.BOX)
        soft = soft.filter(ImageFilter.BoxBlur(1)).resize((core.width, 1), Image.Resampling.BICUBIC)
        near = strip.resize((core.width, 1), Image.Resampling.BOX)
        ramp = Image.linear_gradient("L").resize((core.width, long)).point(_SOON)
        if y == 0:
            ramp = ImageOps.flip(ramp)
        sharp = near.resize((core.width, long))
        out.paste(Image.composite(soft.resize((core.width, long)), sharp, ramp), (0, y))
    return out
