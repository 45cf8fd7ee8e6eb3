"""Things a turn may add to any picture: a moon, birds, snow, balloons. They avoid the lettering."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from ...typeset.boxes import Box
from .canvas import Canvas, Point, clouds, fade, glow, mist, petal
from .colour import RGB, lift, mix, rgb, shade
from .motifs import focal_of
from .scene import MotifName, Season
from .sky import birds, moon_face, stars
from .typography import text_boxes

# Motifs that show the weather themselves (behind a window) or have none.
_INDOORS: tuple[MotifName, ...] = ("cat", "cup", "geo", "space", "rays")
# Motifs that show the moon themselves when it is night.
LIT: tuple[MotifName, ...] = (
    "mountains",
    "lighthouse",
    "sea",
    "kite",
    "city",
    "market",
    "forest",
    "cat",
    "cup",
    "moon",
)
_FALLING: dict[Season, str] = {"winter": "snow", "autumn": "leaves", "spring": "petals"}


def draw_props(c: Canvas) -> None:
    """Draw what falls in this season, then everything the scene's turns have added."""
    falling = _FALLING.get(c.scene.season) if c.scene.season else None
    if falling and falling not in c.scene.props and c.scene.motif not in _INDOORS:
        _BRUSHES[falling](c)
    for name in c.scene.props:
        if name in _BRUSHES:
            _BRUSHES[name](c)


def _blocked(c: Canvas) -> list[Box]:
    """Ground that props leave alone: the subject and the lettering."""
    size = (c.w, c.h)
    return [focal_of(c.scene, size), *text_boxes(c.scene, size)]


_SPOTS: tuple[Point, ...] = (
    (0.80, 0.22), (0.20, 0.22), (0.84, 0.42), (0.16, 0.42), (0.62, 0.14), (0.38, 0.14), (0.88, 0.12),
    (0.12, 0.12), (0.60, 0.34), (0.40, 0.34), (0.50, 0.10), (0.52, 0.30), (0.90, 0.55), (0.10, 0.55),
)  # fmt: skip


def _spots(c: Canvas, r: float, count: int) -> list[Point]:
    """Up to `count` free places (pixels) for something of radius r (pixels), apart from each other."""
    taken = _blocked(c)
    found: list[Point] = []
    for u, v in _SPOTS:
        x, y = c.at(u, v)
        box = Box((x - r) / c.w, (y - r) / c.h, (x + r) / c.w, (y + r) / c.h)
        if not any(box.meets(other) for other in taken):
            found.append((x, y))
            taken.append(box)
        if len(found) == count:
            break
    return found


def _moon(c: Canvas) -> None:
    if c.scene.night and c.scene.motif in LIT:
        return
    r = 58 * c.k
    for x, y in _spots(c, r * 1.15, 1):
        glow(c, x, y, r * 3.2, mix(c.look.glow, c.look.paper, 0.5), 0.55, 2.0)
        moon_face(c, x, y, r)


def _sun(c: Canvas) -> None:
    r = 60 * c.k
    for x, y in _spots(c, r * 1.15, 1):
        glow(c, x, y, r * 4, rgb("#ffc85a"), 0.75, 2.2)
        c.disc(x, y, r, mix(rgb("#ffd873"), c.look.glow, 0.3))


def _birds(c: Canvas) -> None:
    tone = mix(c.look.near, c.look.paper, 0.75 if c.scene.night else 0.08)
    for x, y in _spots(c, 92 * c.k, 2):
        dx, dy = 105 * c.k / c.w, 55 * c.k / c.h
        birds(c, Box(x / c.w - dx, y / c.h - dy, x / c.w + dx, y / c.h + dy), 6, tone)


def _snow(c: Canvas) -> None:
    rng = c.rng("snowfall")
    for i in range(round(300 * (c.w * c.h / min(c.w, c.h) ** 2) ** 0.8)):
        x, y = rng.random() * c.w, rng.random() * c.h
        r = rng.choice((1.6, 2.2, 2.8, 3.6, 5.5)) * c.k
        if i % 9 == 0:
            glow(c, x, y, r * 4.0, (255, 255, 255), 0.75, 1.5)
            continue
        under = c.image_colour(x, y)
        c.disc(x, y, max(0.8, r), mix(under, (250, 252, 255), rng.uniform(0.55, 0.95)))


def _rain(c: Canvas) -> None:
    rng = c.rng("rain")
    for _ in range(round(430 * (c.w * c.h / min(c.w, c.h) ** 2) ** 0.8)):
        x, y = rng.uniform(-0.05, 1.05) * c.w, rng.random() * c.h
        length = rng.uniform(18, 64) * c.k
        tint = mix(c.image_colour(x, y), (225, 236, 248), rng.uniform(0.22, 0.55))
        c.pen.line(
            (x, y, x - length * 0.22, y + length),
            fill=tint,
            width=c.width(rng.choice((1.4, 2.0, 2.6))),
        )


def _stars(c: Canvas) -> None:
    stars(c, 170, 0.62)


def _clouds(c: Canvas) -> None:
    tint = lift(c.look.paper, 0.3) if not c.scene.night else mix(c.look.middle, c.look.paper, 0.3)
    clouds(c, Box(0, 0.02, 1, 0.52), tint, 0.85, "prop", (3, 5), 0.52)


def _fog(c: Canvas) -> None:
    tone = mix(c.look.horizon, c.look.paper, 0.5)
    for i, (v, height) in enumerate(((0.52, 0.22), (0.68, 0.3), (0.86, 0.34))):
        mist(c, v * c.h, height * c.h, tone, 0.62, f"fog{i}")


def _rainbow(c: Canvas) -> None:
    size = max(c.w, c.h)
    bands = ("#d64545", "#ee8b3a", "#f4cf4d", "#58ad62", "#3f85c6", "#7a56b3")
    x, y, r = c.w * 0.30, c.plan.horizon * c.h, size * 0.52
    step = 13 * c.k
    fall = fade((c.w, c.h), ((0, 0.46), (c.plan.horizon * 0.6, 0.40), (c.plan.horizon, 0), (1, 0)))
    for i, band in enumerate(bands):
        q = r - i * step
        bow = Image.new("L", (c.w, c.h))
        ImageDraw.Draw(bow).arc(
            (x - q, y - q, x + q, y + q), 180, 360, fill=255, width=round(step) + 1
        )
        bow = bow.reduce(2).filter(ImageFilter.GaussianBlur(2.5 * c.k)).resize((c.w, c.h))
        c.image.paste(rgb(band), (0, 0), ImageChops.multiply(bow, fall))


def _balloons(c: Canvas) -> None:
    tints = (c.look.accent, rgb("#f2b134"), rgb("#2a9d8f"), rgb("#d1495b"))
    for i, ((x, y), r) in enumerate(zip(_spots(c, 84 * c.k, 3), (62, 44, 34), strict=False)):
        _balloon(c, x, y, r * c.k, tints[i], lift(c.look.paper, 0.2))


def _balloon(c: Canvas, x: float, y: float, r: float, colour: RGB, cloth: RGB) -> None:
    """A hot-air balloon: striped envelope, ropes and basket."""
    dim = (1 - c.look.lit) * 0.45
    colour, cloth = mix(colour, c.look.deep, dim), mix(cloth, c.look.deep, dim)
    if c.look.lit < 0.9:
        glow(c, x, y + r * 0.4, r * 2.2, c.look.glow, 0.5, 2.0)
    skirt = y + r * 1.25
    c.pen.polygon(
        (
            (x - r * 0.86, y + r * 0.5),
            (x + r * 0.86, y + r * 0.5),
            (x + r * 0.2, skirt),
            (x - r * 0.2, skirt),
        ),
        fill=shade(colour, 0.12),
    )
    c.disc(x, y, r, colour)
    for u, tone in ((0.72, cloth), (0.40, colour), (0.13, cloth)):
        c.pen.ellipse((x - r * u, y - r, x + r * u, y + r), fill=tone)
        low = r * 0.2 * u
        c.pen.polygon(
            (
                (x - r * u * 0.86, y + r * 0.52),
                (x + r * u * 0.86, y + r * 0.52),
                (x + low, skirt),
                (x - low, skirt),
            ),
            fill=shade(tone, 0.12),
        )
    rope = shade(c.look.near, 0.2)
    for side in (-1, 1):
        c.pen.line(
            (x + side * r * 0.18, skirt, x + side * r * 0.13, skirt + r * 0.3),
            fill=rope,
            width=c.width(1.5),
        )
    c.pen.rounded_rectangle(
        (x - r * 0.17, skirt + r * 0.28, x + r * 0.17, skirt + r * 0.52),
        r * 0.05,
        fill=rgb("#6b4a30"),
    )


def _lanterns(c: Canvas) -> None:
    rng = c.rng("sky-lanterns")
    free = list(_blocked(c))
    for _ in range(26):
        u, v = rng.random(), 0.06 + 0.58 * rng.random()
        s = rng.uniform(9, 24) * c.k
        spot = Box(u - s / c.w, v - s * 1.3 / c.h, u + s / c.w, v + s * 1.3 / c.h)
        if any(spot.meets(b) for b in free):
            continue
        x, y = c.at(u, v)
        glow(c, x, y, s * 4.5, rgb("#ff9a3c"), 0.75, 2.0)
        c.pen.polygon(
            (
                (x - s * 0.7, y - s),
                (x + s * 0.7, y - s),
                (x + s * 0.5, y + s),
                (x - s * 0.5, y + s),
            ),
            fill=rgb("#ffb55a"),
        )
        c.pen.ellipse((x - s * 0.7, y - s * 1.3, x + s * 0.7, y - s * 0.7), fill=rgb("#ffcf86"))
        c.pen.ellipse((x - s * 0.42, y + s * 0.7, x + s * 0.42, y + s * 1.2), fill=rgb("#fff0c4"))


def _fireworks(c: Canvas) -> None:
    rng = c.rng("fireworks")
    tints = (rgb("#ffd166"), rgb("#ef476f"), rgb("#7bdff2"), rgb("#c8f08f"))
    for i, (x, y) in enumerate(_spots(c, 105 * c.k, 4)):
        tint, reach = tints[i % 4], rng.uniform(80, 115) * c.k
        glow(c, x, y, reach * 1.7, tint, 0.45, 2.0)
        for ray in range(34):
            a = math.tau * ray / 34 + rng.uniform(-0.05, 0.05)
            far = reach * rng.uniform(0.72, 1.0)
            near = far * rng.uniform(0.25, 0.45)
            tip = (x + math.cos(a) * far, y + math.sin(a) * far + far * 0.06)
            c.pen.line(
                (x + math.cos(a) * near, y + math.sin(a) * near, *tip),
                fill=tint,
                width=c.width(2.4),
            )
            c.disc(*tip, 3.2 * c.k, lift(tint, 0.6))


def _drift(c: Canvas, name: str, tints: tuple[RGB, ...], count: int, size: float) -> None:
    """Leaves or petals in the air, clear of the subject."""
    rng = c.rng(name)
    focal = focal_of(c.scene, (c.w, c.h))
    for _ in range(count):
        u, v = rng.random(), rng.random()
        angle, length = rng.uniform(0, math.tau), rng.uniform(0.5, 1.2) * size * c.k
        tint = tints[rng.randrange(len(tints))]
        if focal.x0 < u < focal.x1 and focal.y0 < v < focal.y1 and rng.random() < 0.8:
            continue
        x, y = c.at(u, v)
        c.pen.polygon(petal(x, y, angle, length, length * rng.uniform(0.35, 0.62)), fill=tint)
        tip = (x + math.cos(angle) * length, y + math.sin(angle) * length)
        c.pen.line((x, y, *tip), fill=shade(tint, 0.18), width=c.width(1.2))


def _leaves(c: Canvas) -> None:
    warm = (rgb("#d9642b"), rgb("#c23f2a"), rgb("#e9a93a"), rgb("#a8542a"))
    dim = (1 - c.look.lit) * 0.45
    _drift(c, "leaves", tuple(mix(t, c.look.deep, dim) for t in warm), 60, 26)


def _petals(c: Canvas) -> None:
    soft = (rgb("#f9c3d2"), rgb("#f3a3bb"), rgb("#fde3ea"))
    dim = (1 - c.look.lit) * 0.35
    _drift(c, "petals", tuple(mix(t, c.look.deep, dim) for t in soft), 80, 17)


def _hearts(c: Canvas) -> None:
    for i, (x, y) in enumerate(_spots(c, 50 * c.k, 5)):
        _heart(c, x, y, (40, 28, 22, 32, 18)[i] * c.k, rgb("#e5405e"))


def _heart(c: Canvas, x: float, y: float, r: float, colour: RGB) -> None:
    """A heart of about 2r across."""
    points: list[Point] = []
    for i in range(60):
        t = math.tau * i / 60
        px = 16 * math.sin(t) ** 3
        py = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((x + px * r / 16, y - py * r / 16))
    c.pen.polygon(points, fill=colour)


def _boat(c: Canvas) -> None:
    """A small sail on the water; pictures without water keep it near their lower edge."""
    focal = focal_of(c.scene, (c.w, c.h))
    v = {"sea": 0.735, "lighthouse": 0.735, "kite": 0.72}.get(c.scene.motif, 0.845)
    u = 0.2 if focal.middle[0] > 0.5 else 0.8
    if c.scene.motif == "lighthouse" and c.w > c.h * 1.17:
        u = max(0.12, focal.x0 - 0.18)
    x, y = c.at(u, v)
    s = 46 * c.k
    cloth = mix(lift(c.look.paper, 0.3), c.look.middle, (1 - c.look.lit) * 0.4)
    c.pen.polygon(
        (
            (x - s, y - s * 0.2),
            (x + s, y - s * 0.2),
            (x + s * 0.7, y + s * 0.18),
            (x - s * 0.7, y + s * 0.18),
        ),
        fill=shade(c.look.near, 0.1),
    )
    c.pen.polygon(
        ((x + s * 0.04, y - s * 1.9), (x + s * 0.9, y - s * 0.34), (x + s * 0.04, y - s * 0.30)),
        fill=cloth,
    )
    c.pen.polygon(
        ((x - s * 0.06, y - s * 1.7), (x - s * 0.7, y - s * 0.34), (x - s * 0.06, y - s * 0.30)),
        fill=mix(cloth, c.look.horizon, 0.4),
    )


_BRUSHES: dict[str, Callable[[Canvas], None]] = {
    "balloons": _balloons,
    "birds": _birds,
    "boat": _boat,
    "clouds": _clouds,
    "fireworks": _fireworks,
    "fog": _fog,
    "hearts": _hearts,
    "lanterns": _lanterns,
    "leaves": _leaves,
    "moon": _moon,
    "petals": _petals,
    "rain": _rain,
    "rainbow": _rainbow,
    "snow": _snow,
    "stars": _stars,
    "sun": _sun,
}
