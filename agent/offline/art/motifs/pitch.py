"""A football on the spot under the floodlights of a full stadium."""

from __future__ import annotations

import math

from PIL import Image, ImageChops, ImageDraw

from ....typeset.boxes import Box
from ..canvas import Canvas, Point, glow, mist, soft_disc, vertical
from ..colour import RGB, lift, mix, rgb, shade
from ..layout import plan_of
from ..scene import Scene
from ..sky import sky
from .shapes import centred

_GRASS = 0.60
_PHI = (1 + 5**0.5) / 2

Vector = tuple[float, float, float]


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The ball."""
    subject = plan_of(size, lettered=scene.lettered, middle=scene.middle).subject
    box = centred(subject, size, 1.0)
    down = min(subject.y1 - box.y1, max(0.0, 0.62 - box.middle[1]))
    return box._replace(y0=box.y0 + down, y1=box.y1 + down)


def draw(c: Canvas) -> None:
    """Sky, stands, lights, the striped grass, the ball with its shadow."""
    box = focal(c.scene, (c.w, c.h))
    x, y = c.at(*box.middle)
    r = box.height * c.h / 2
    if c.bare is None:
        line = min(_GRASS, box.y1 - 0.06)
        sky(c, line, cloudy=0.35)
        _stands(c, line)
        _lamps(c, line)
        _grass(c, line)
        soft_disc(c, x + r * 0.16, y + r * 0.97, r * 1.25, r * 0.17, shade(c.look.ink, 0.2), 0.62)
    _ball(c, x, y, r)


def _stands(c: Canvas, line: float) -> None:
    """Two tiers full of people, no more than specks of colour."""
    look, rng = c.look, c.rng("crowd")
    top, low = (line - 0.17) * c.h, line * c.h
    dark = shade(mix(look.deep, look.middle, 0.35), 0.25)
    c.image.paste(
        vertical((c.w, round(low - top)), ((0, shade(dark, 0.4)), (1, dark))), (0, round(top))
    )
    tones = (look.glow, look.paper, look.accent, look.horizon, lift(dark, 0.35))
    for _ in range(round(1500 * c.w / max(c.w, c.h))):
        px, py = rng.random() * c.w, top + rng.random() * (low - top)
        tone = mix(dark, tones[rng.randrange(5)], rng.uniform(0.15, 0.62))
        c.disc(px, py, rng.uniform(1.8, 3.6) * c.k, tone)
    for v in (0.0, 0.5):
        y = top + (low - top) * v
        c.pen.rectangle((0, y - 5 * c.k, c.w, y + 5 * c.k), fill=shade(dark, 0.55))
    c.pen.rectangle((0, low - 16 * c.k, c.w, low), fill=mix(look.accent, dark, 0.45))
    mist(c, top, 0.14 * c.h, mix(look.glow, look.horizon, 0.4), 0.4, "haze")


def _lamps(c: Canvas, line: float) -> None:
    """Floodlight masts on both sides, their light falling in."""
    top, low = (line - 0.36) * c.h, (line - 0.15) * c.h
    for u in (0.10, 0.90):
        x = u * c.w
        c.pen.line((x, top, x, low), fill=shade(c.look.deep, 0.4), width=c.width(9))
        glow(c, x, top, 330 * c.k, mix(c.look.glow, (255, 255, 255), 0.5), 0.75, 2.2)
        c.pen.rectangle(
            (x - 62 * c.k, top - 44 * c.k, x + 62 * c.k, top + 14 * c.k),
            fill=shade(c.look.deep, 0.5),
        )
        for i in range(5):
            for j in range(2):
                px, py = x + (i - 2) * 23 * c.k, top + (j * 24 - 28) * c.k
                c.disc(px, py, 9 * c.k, lift(c.look.glow, 0.7))


def _grass(c: Canvas, line: float) -> None:
    """Mown stripes running to the horizon, a white line and the centre circle."""
    look, y0 = c.look, line * c.h
    green = mix(rgb("#3f9a46"), shade(look.deep, 0.15), (1 - look.lit) * 0.42)
    bands = 9
    for i in range(bands):
        a, b = (i / bands) ** 1.8, ((i + 1) / bands) ** 1.8
        tone = lift(green, 0.07) if i % 2 else shade(green, 0.13)
        c.pen.rectangle((0, y0 + a * (c.h - y0), c.w, y0 + b * (c.h - y0) + 1), fill=tone)
    chalk = mix(green, lift(look.paper, 0.5), 0.78)
    c.pen.line(
        (0, y0 + 0.055 * (c.h - y0), c.w, y0 + 0.055 * (c.h - y0)), fill=chalk, width=c.width(4)
    )
    x, y = c.at(focal(c.scene, (c.w, c.h)).middle[0], line + (1 - line) * 0.52)
    rx, ry = 0.52 * max(c.w, c.h * 0.8), (c.h - y0) * 0.40
    c.pen.ellipse((x - rx, y - ry, x + rx, y + ry), outline=chalk, width=c.width(9))


def _corners() -> list[Vector]:
    """The twelve corners of an icosahedron of radius 1, turned a little towards the eye."""
    signs = [(a, b) for a in (-1.0, 1.0) for b in (-_PHI, _PHI)]
    raw: list[Vector] = [(0.0, a, b) for a, b in signs]
    raw += [(a, b, 0.0) for a, b in signs]
    raw += [(b, 0.0, a) for a, b in signs]
    size = math.hypot(1, _PHI)
    return [_tilted((x / size, y / size, z / size)) for x, y, z in raw]


def _tilted(v: Vector) -> Vector:
    """Turned about two axes, so that one pentagon faces up and to the left."""
    x, y, z = v
    a, b = 0.30, -0.72
    y, z = y * math.cos(a) - z * math.sin(a), y * math.sin(a) + z * math.cos(a)
    x, z = x * math.cos(b) - z * math.sin(b), x * math.sin(b) + z * math.cos(b)
    return x, y, z


def _between(a: Vector, b: Vector, t: float) -> Vector:
    """A point between two, put back onto the sphere."""
    x, y, z = (p + (q - p) * t for p, q in zip(a, b, strict=True))
    n = math.hypot(x, y, z)
    return x / n, y / n, z / n


def _ball(c: Canvas, x: float, y: float, r: float) -> None:
    """White leather with dark pentagons and seams, lit from the upper left."""
    white, coal = (246, 246, 242), shade(c.look.deep, 0.6)
    c.disc(x, y, r, shade(white, 0.04))
    corners = _corners()
    seam = mix(white, coal, 0.62)
    for a in corners:
        near = [b for b in corners if 0.1 < math.dist(a, b) < 1.2]
        for b in near:
            _seam(c, (x, y, r), (_between(a, b, 1 / 3), _between(a, b, 2 / 3)), seam)
        rim = sorted((_between(a, b, 1 / 3) for b in near), key=lambda v: _turn(a, near[0], v))
        _patch(c, (x, y, r), a, rim, coal)
    _shade_ball(c, x, y, r)


def _turn(axis: Vector, first: Vector, v: Vector) -> float:
    """The angle of v around an axis, measured from the first."""

    def cross(p: Vector, q: Vector) -> Vector:
        return (p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0])

    def dot(p: Vector, q: Vector) -> float:
        return sum(a * b for a, b in zip(p, q, strict=True))

    side = cross(axis, first)
    return math.atan2(dot(side, v), dot(cross(side, axis), v))


def _patch(c: Canvas, ball: Vector, middle: Vector, rim: list[Vector], tone: RGB) -> None:
    """One pentagon, where it faces the eye."""
    x, y, r = ball
    outline: list[Point] = []
    for a, b in zip(rim, [*rim[1:], rim[0]], strict=True):
        for i in range(6):
            u, v, w = _between(a, b, i / 6)
            if w < 0:
                n = math.hypot(u, v)
                u, v = u / n, v / n
            outline.append((x + u * r, y + v * r))
    if middle[2] > -0.32 and max(w for _, _, w in rim) > 0.02:
        c.pen.polygon(outline, fill=tone)


def _seam(c: Canvas, ball: Vector, ends: tuple[Vector, Vector], tone: RGB) -> None:
    """One seam between two leather hexagons."""
    x, y, r = ball
    row = [_between(*ends, i / 6) for i in range(7)]
    if min(w for _, _, w in row) > 0:
        c.pen.line([(x + u * r, y + v * r) for u, v, _ in row], fill=tone, width=c.width(4))


def _shade_ball(c: Canvas, x: float, y: float, r: float) -> None:
    """Shadow at the lower right, light at the upper left, all inside the ball."""
    area = (round(x - r), round(y - r), round(x + r), round(y + r))
    span = (area[2] - area[0], area[3] - area[1])
    disc = Image.new("L", span)
    ImageDraw.Draw(disc).ellipse((0, 0, span[0] - 1, span[1] - 1), fill=255)
    far = Image.radial_gradient("L").resize((span[0] * 2, span[1] * 2), Image.Resampling.BICUBIC)
    left, top = round(span[0] * 0.68), round(span[1] * 0.70)
    fall = far.crop((left, top, left + span[0], top + span[1]))
    dark = fall.point([round(min(190, max(0, v - 62) * 1.75)) for v in range(256)])
    c.image.paste(shade(c.look.deep, 0.5), area[:2], ImageChops.multiply(dark, disc))
    glow(c, x - r * 0.36, y - r * 0.40, r * 0.55, (255, 255, 255), 0.5, 1.6)
