"""The lettering of a scene: which boxes its texts fill, in which ink, on what scrim."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, NamedTuple

from PIL import Image, ImageDraw, ImageFilter

from ...typeset.blocks import extent
from ...typeset.boxes import Box
from ...typeset.faces import Face, font_for, is_cjk
from ...typeset.setting import Anchor, Setting, Type, draw_column, draw_line, fit, measure, set_in
from .colour import RGB, contrast, look_of, mix, shade
from .layout import Plan, plan_of
from .motifs import focal_of
from .scene import MotifName, Painted, Scene

Role = Literal["title", "subtitle", "line", "column"]
# WCAG 2: 3 for large type, 4.5 for the rest; a little is kept in hand for grain and scaling.
NEEDED: dict[Role, float] = {"title": 3.0, "column": 3.0, "subtitle": 4.5, "line": 4.5}
_MARGIN = 1.06
_LOOSE = 1.3
_RISE, _RISE_SMALL = 0.78, 0.84
"""Ems from the top of a block to its first baseline: of a title, of any other."""
"""Baseline distance of running text, in ems."""
_FACES: dict[MotifName, Face] = {
    "market": "display",
    "city": "display",
    "rays": "display",
    "sea": "display",
    "lighthouse": "display",
    "geo": "black",
    "space": "display",
    "abstract": "black",
    "guitar": "display",
    "pitch": "display",
    "health": "black",
    "jobs": "black",
    "sale": "black",
    "safety": "black",
    "type": "black",
}


class Block(NamedTuple):
    """A text set in its box. Sizes in pixels of the picture, the box in fractions."""

    role: Role
    box: Box
    kind: Type
    setting: Setting
    anchor: Anchor


def _title_type(scene: Scene) -> Type:
    """The face of the motif; Chinese is set heavy in its own family."""
    face = _FACES.get(scene.motif, "serif")
    if any(is_cjk(char) for char in scene.title):
        return Type("black", 800, 0.02)
    return Type(face, 640, 0.015 if face == "display" else -0.012)


def _leading(kind: Type) -> float:
    """Baseline distance in ems: capitals sit close, lower case needs air."""
    return {"display": 0.9, "black": 1.02, "serif": 1.0, "sans": 1.15}[kind.face]


def _title_block(scene: Scene, plan: Plan, size: tuple[int, int]) -> Block:
    """The title as large as its zone allows."""
    kind = _title_type(scene)
    text = scene.title.upper() if kind.face == "display" else scene.title
    width, height = plan.title.width * size[0], plan.title.height * size[1]
    most = 4 if plan.stacked else 3
    setting = set_in(text, kind, width, height, leading=_leading(kind), most=most)
    widest = max(measure(line, kind, setting.size) for line in setting.lines) / size[0]
    tall = (setting.size * (_leading(kind) * (len(setting.lines) - 1) + 0.86)) / size[1]
    x0, y0, _, _ = plan.title
    return Block("title", Box(x0, y0, min(1.0, x0 + widest), y0 + tall), kind, setting, "left")


def _column_block(scene: Scene, plan: Plan, size: tuple[int, int], focal: Box) -> Block | None:
    """A Chinese title set upright on the right, where the subject leaves room for it."""
    upright = all(is_cjk(char) for char in scene.title) and 2 <= len(scene.title) <= 9
    if not upright or size[0] > size[1] * 0.86 or scene.motif == "geo":
        return None
    count, floor = len(scene.title), plan.subject.y1 - 0.08
    if focal.x1 > 0.78:
        floor = min(floor, focal.y0 - 0.02)
    room = (floor - plan.title.y0) * size[1]
    pixels = int(min(room / (1.1 * count), size[0] * 0.135))
    if pixels < size[0] * 0.075:
        return None
    half = pixels * 0.56 / size[0]
    x = plan.title.x1 - half
    tall = pixels * 1.1 * count / size[1]
    box = Box(x - half, plan.title.y0, x + half, plan.title.y0 + tall)
    return Block("column", box, Type("black", 800), Setting(pixels, (scene.title,)), "middle")


def _small(
    text: str, role: Role, box: Box, size: tuple[int, int], kind: Type, anchor: Anchor, ems: float
) -> Block:
    """One small line standing on the floor of its box."""
    pixels = fit(text, kind, box.width * size[0], ems)
    wide = measure(text, kind, pixels) / size[0]
    top = box.y1 - pixels * 1.05 / size[1]
    x0 = box.x1 - wide if anchor == "right" else box.x0
    return Block(role, Box(x0, top, x0 + wide, box.y1), kind, Setting(pixels, (text,)), anchor)


def _footer_blocks(scene: Scene, plan: Plan, size: tuple[int, int]) -> list[Block]:
    """Date, place and the like: pairs left and right, or a column where the plan is stacked."""
    ems, zone, lines = _em(size), plan.footer, scene.lines[:4]
    rows = [lines[i : i + 1] for i in range(len(lines))]
    if not plan.stacked and len(lines) > 1:
        rows = [lines[i : i + 2] for i in range(0, len(lines), 2)]
    middle, step = (zone.x0 + zone.x1) / 2, ems * 1.42 / size[1]
    blocks = []
    for i, row in enumerate(rows):
        box = zone._replace(y1=zone.y1 - (len(rows) - 1 - i) * step)
        left = box._replace(x1=middle - 0.01) if len(row) == 2 else box
        kind = Type("sans", 480 if i else 680)
        blocks.append(_small(row[0], "line", left, size, kind, "left", ems))
        if len(row) == 2:
            right = box._replace(x0=middle + 0.01)
            blocks.append(_small(row[1], "line", right, size, Type("sans", 480), "right", ems))
    return blocks


def _em(size: tuple[int, int]) -> float:
    """The size of small print in pixels."""
    return max(6.0, 0.030 * min(size[0], size[1] * 0.95))


_TITLES = ("title",)


def painted_block(scene: Scene, line: Painted, size: tuple[int, int]) -> Block:
    """Words in the area asked for, as large as it allows; Chinese in a narrow one stands upright."""
    area = _inset(Box(*line.area), flush=scene.flush)
    width, height = area.width * size[0], area.height * size[1]
    title = line.role in _TITLES
    cjk = any(is_cjk(char) for char in line.text)
    if cjk and " " not in line.text and height > width * 1.6:
        return _upright_block(line.text, area, size, title=title)
    kind = _painted_type(scene, line.text) if title else Type("sans", 560)
    text = line.text
    leading = _leading(kind) if title else _LOOSE
    setting = set_in(text, kind, width, height, leading=leading, most=5)
    if not title:
        setting = setting._replace(size=min(setting.size, round(0.075 * min(size))))
    rise = _RISE if title else _RISE_SMALL
    above = max(rise, extent(setting.lines[0], kind).above)  # dots and accents of capitals
    below = max(0.23, extent(setting.lines[-1], kind).below)
    ems = above + leading * (len(setting.lines) - 1) + below
    setting = setting._replace(size=max(5, min(setting.size, int(height / ems))))
    widest = max(measure(part, kind, setting.size) for part in setting.lines) / size[0]
    tall = setting.size * ems / size[1]
    anchor = "left" if scene.flush else _anchor(area)
    middle = (area.x0 + area.x1) / 2
    x0 = middle - widest / 2 if anchor == "middle" else area.x0
    top = area.y0 + (area.height - tall) / 2
    over = (above - rise) * setting.size / size[1]
    box = Box(x0, top + over, min(1.0, x0 + widest), top + tall)
    return Block("title" if title else "line", box, kind, setting, anchor)


def _inset(area: Box, *, flush: bool) -> Box:
    """A little less than asked for: no letter touches the rim of its area, but a flush edge."""
    u, v = 0.015 * area.width, 0.03 * area.height
    return Box(area.x0 + (0.0 if flush else u), area.y0 + v, area.x1 - u, area.y1 - v)


def _painted_type(scene: Scene, text: str) -> Type:
    """The face of the motif or the one asked for; one that has only capitals is asked for by name."""
    own = _title_type(replace(scene, title=text))
    if own.weight == 800 or not scene.face:
        return own._replace(face="black") if own.face == "display" and text != text.upper() else own
    faces: dict[str, Type] = {
        "display": Type("display", 640, 0.015),
        "black": Type("black", 800, -0.012),
        "serif": Type("serif", 640, -0.012),
        "sans": Type("sans", 800, -0.02),
    }
    return faces.get(scene.face, own)


def stands(block: Block) -> str:
    """The words of a block as they can be read; a face without small letters shows capitals."""
    text = "\n".join(block.setting.lines)
    return text.upper() if block.kind.face == "display" else text


def _anchor(area: Box) -> Anchor:
    """In the middle of the picture words are centred, at its sides they keep to the left."""
    return "middle" if abs(area.x0 + area.x1 - 1) < 0.12 else "left"


def _upright_block(text: str, area: Box, size: tuple[int, int], *, title: bool) -> Block:
    """Chinese from top to bottom."""
    pixels = int(min(area.height * size[1] / (1.1 * len(text)), area.width * size[0] * 0.95))
    pixels = max(5, pixels)
    middle, half = (area.x0 + area.x1) / 2, pixels * 0.56 / size[0]
    tall = pixels * 1.1 * len(text) / size[1]
    top = area.y0 + max(0.0, (area.height - tall) / 2)
    box = Box(middle - half, top, middle + half, top + tall)
    kind = Type("black", 800 if title else 600)
    return Block("column", box, kind, Setting(pixels, (text,)), "middle")


def text_blocks(scene: Scene, size: tuple[int, int]) -> tuple[Block, ...]:
    """Every text of the scene, set and placed for a picture of this size."""
    if scene.staged:
        return tuple(painted_block(scene, line, size) for line in scene.painted)
    plan, blocks = plan_of(size), []
    column = _column_block(scene, plan, size, focal_of(scene, size)) if scene.title else None
    if column:
        blocks.append(column)
    elif scene.title:
        blocks.append(_title_block(scene, plan, size))
    if scene.subtitle:
        zone = plan.subtitle
        if blocks:
            top = plan.title.y0 if column else blocks[0].box.y1 + 0.018
            high = _em(size) * 1.5 / size[1]
            limit = column.box.x0 - 0.04 if column else zone.x1
            zone = Box(zone.x0, top, limit, min(zone.y1, top + high))
        kind = Type("sans", 520)
        blocks.append(
            _small(scene.subtitle, "subtitle", zone, size, kind, "left", _em(size) * 1.16)
        )
    return (*blocks, *_footer_blocks(scene, plan, size))


def text_boxes(scene: Scene, size: tuple[int, int]) -> tuple[Box, ...]:
    """Where the lettering stands, in fractions of the picture."""
    return tuple(block.box for block in text_blocks(scene, size))


def _sample(image: Image.Image, box: Box) -> list[RGB]:
    """The ground under a box as a few dozen averaged colours."""
    w, h = image.size
    x0, y0 = (min(s - 1, max(0, round(v * s) - 2)) for v, s in ((box.x0, w), (box.y0, h)))
    x1, y1 = min(w, max(x0 + 1, round(box.x1 * w) + 2)), min(h, max(y0 + 1, round(box.y1 * h) + 2))
    area = (x0, y0, x1, y1)
    cells = (max(1, min(24, (area[2] - area[0]) // 4)), max(1, min(12, (area[3] - area[1]) // 4)))
    small = image.resize(cells, Image.Resampling.BOX, box=area).convert("RGB")
    data = small.tobytes()
    return [(data[i], data[i + 1], data[i + 2]) for i in range(0, len(data), 3)]


def worst_contrast(image: Image.Image, box: Box, ink: RGB) -> float:
    """The lowest contrast of an ink against the ground under a box."""
    return min(contrast(ink, ground) for ground in _sample(image, box))


def _inks(scene: Scene) -> tuple[RGB, RGB]:
    """The light and the dark ink of a scene."""
    look = look_of(scene)
    return mix(look.paper, (255, 255, 255), 0.35), shade(look.deep, 0.72)


def _scrim(image: Image.Image, box: Box, colour: RGB, opacity: float) -> None:
    """Lay soft colour under a box, running out to the nearest edges so that no shape shows."""
    w, h = image.size
    scale = max(1.0, min(w, h) / 160)
    small = (max(8, round(w / scale)), max(8, round(h / scale)))
    mask = Image.new("L", small)
    high, left = (box.y0 + box.y1) / 2 < 0.5, box.x0 < 0.5
    across = w < h * 1.17
    shape = (
        (-0.3 if left or across else box.x0 - 0.05) * small[0],
        (-0.3 if high else box.y0 - 0.035) * small[1],
        (1.3 if across or not left else box.x1 + 0.05) * small[0],
        (box.y1 + 0.035 if high else 1.3) * small[1],
    )
    ImageDraw.Draw(mask).rectangle(shape, fill=round(255 * opacity))
    mask = mask.filter(ImageFilter.GaussianBlur(small[1] * 0.035 + small[0] * 0.012))
    image.paste(colour, (0, 0), mask.resize((w, h), Image.Resampling.BICUBIC))


def _ground(image: Image.Image, block: Block, inks: tuple[RGB, RGB], first: RGB | None) -> RGB:
    """Choose the ink for a block, laying a scrim when it does not read well enough.

    `first` is the ink of the text before it: a picture keeps one ink while that one reads.
    """
    light, dark = inks
    need = NEEDED[block.role] * _MARGIN
    ratios = {ink: worst_contrast(image, block.box, ink) for ink in inks}
    ink = light if ratios[light] >= min(4.8, ratios[dark]) else dark
    if first and (ratios[first] >= need * 0.45 or block.role == "subtitle"):
        ink = first
    against = shade(dark, 0.2) if ink == light else mix(light, (255, 255, 255), 0.4)
    for _ in range(14):
        if worst_contrast(image, block.box, ink) >= need:
            break
        _scrim(image, block.box, against, 0.16)
    return ink


def letter(image: Image.Image, scene: Scene) -> tuple[tuple[Block, RGB], ...]:
    """Prepare the ground for every text of the scene, in place; returns the ink of each."""
    inks = _inks(scene)
    done: list[tuple[Block, RGB]] = []
    for block in text_blocks(scene, image.size):
        near = [ink for other, ink in done if (other.box.y0 < 0.5) == (block.box.y0 < 0.5)]
        done.append((block, _ground(image, block, inks, near[0] if near else None)))
    return tuple(done)


def legibility(ground: Image.Image, scene: Scene) -> tuple[tuple[Role, float, float], ...]:
    """(role, worst contrast, contrast needed) of each text on an unlettered picture."""
    sheet = ground.copy()
    inked = letter(sheet, scene)
    return tuple(
        (block.role, worst_contrast(sheet, block.box, ink), NEEDED[block.role])
        for block, ink in inked
    )


def draw_lettering(image: Image.Image, scene: Scene) -> None:
    """Paint the scene's texts onto its picture, in place."""
    inked = letter(image, scene)
    pen = ImageDraw.Draw(image)
    w, h = image.size
    for block, ink in inked:
        draw_block(pen, block, (w, h), ink)
    _rule(pen, image.size, scene, inked)


def draw_block(pen: ImageDraw.ImageDraw, block: Block, sheet: tuple[int, int], ink: RGB) -> None:
    """One text in its place on a sheet of so many pixels."""
    (w, h), (size, lines) = sheet, block.setting
    if block.role == "column":
        centre = (block.box.x0 + block.box.x1) / 2 * w
        draw_column(pen, (centre, block.box.y0 * h), lines[0], block.kind, size, ink)
        return
    sides = {"left": block.box.x0, "right": block.box.x1, "middle": sum(block.box[::2]) / 2}
    x = sides[block.anchor] * w
    y = block.box.y0 * h + size * (_RISE if block.role == "title" else _RISE_SMALL)
    for line in lines:
        hang = font_for(line[0], block.kind.face, size, block.kind.weight).getbbox(line[0])[0]
        start = x - hang if block.anchor == "left" else x
        draw_line(pen, (start, y), line, block.kind, size, ink, block.anchor)
        y += size * (_leading(block.kind) if block.role == "title" else _LOOSE)


def _rule(
    pen: ImageDraw.ImageDraw,
    size: tuple[int, int],
    scene: Scene,
    inked: tuple[tuple[Block, RGB], ...],
) -> None:
    """A hairline above the footer when there is a footer and a title."""
    feet = [(block, ink) for block, ink in inked if block.role == "line"]
    if not feet or not scene.title:
        return
    plan = plan_of(size)
    y = (min(block.box.y0 for block, _ in feet)) * size[1] - _em(size) * 0.75
    x0, x1 = plan.footer.x0 * size[0], plan.footer.x1 * size[0]
    line = max(1, round(min(size) * 0.0017))
    pen.line((x0, y, x1, y), fill=feet[0][1], width=line)
