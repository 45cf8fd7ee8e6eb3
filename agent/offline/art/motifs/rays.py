"""Music: a record in a ring of piano keys, rays and bars of sound behind it."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw, ImageFilter

from ....typeset.boxes import Box
from ..canvas import Canvas, glow, rim, vertical
from ..colour import RGB, lift, mix, shade
from ..layout import fit_box, plan_of
from ..scene import Scene


def focal(scene: Scene, size: tuple[int, int]) -> Box:
    """The record with its keys."""
    return fit_box(
        plan_of(size, lettered=scene.lettered, middle=scene.middle).subject, size, 1.0, 0.5
    )


def draw(c: Canvas) -> None:
    """Rays from the record's middle, sound bars, the keys, the disc."""
    look, box = c.look, focal(c.scene, (c.w, c.h))
    x, y = c.at(*box.middle)
    r = box.width * c.w / 2
    if c.bare is None:
        _rays(c, x, y)
        glow(c, x, y, r * 2.5, mix(look.glow, look.horizon, 0.35), 0.85, 1.8)
        _bars(c, box)
    _keys(c, x, y, r)
    _record(c, x, y, r * 0.735)


def _rays(c: Canvas, x: float, y: float) -> None:
    """Alternating rays that fade into the dark towards the rim."""
    look = c.look
    day = c.scene.light == "day"
    low, high = (
        (mix(look.middle, look.horizon, 0.55), look.glow)
        if day
        else (mix(look.deep, look.middle, 0.55), mix(look.middle, look.horizon, 0.42))
    )
    c.image.paste(vertical((c.w, c.h), ((0, look.deep if not day else look.horizon), (1, low))))
    mask = Image.new("L", (max(2, c.w // 2), max(2, c.h // 2)))
    pen, far = ImageDraw.Draw(mask), 2.0 * max(c.w, c.h)
    count, spin = 26, c.rng("rays").random()
    for i in range(count):
        a = (i + spin) / count * math.tau
        b = a + math.pi / count
        pen.polygon(
            (
                (x / 2, y / 2),
                (x / 2 + far * math.cos(a), y / 2 + far * math.sin(a)),
                (x / 2 + far * math.cos(b), y / 2 + far * math.sin(b)),
            ),
            fill=205,
        )
    c.image.paste(
        high,
        (0, 0),
        mask.filter(ImageFilter.GaussianBlur(1.2 * c.k)).resize(
            (c.w, c.h), Image.Resampling.BILINEAR
        ),
    )
    dark = shade(look.deep, 0.25) if not day else look.middle
    strength = 0.95 if not day else 0.5
    table = [round(min(255, max(0, v - 46) * 1.5) * strength) for v in range(256)]
    rim(c, x, y, 1.0 * max(c.w, c.h), dark, table)


def _bars(c: Canvas, box: Box) -> None:
    """An equaliser along the foot of the subject, across the picture."""
    look, rng = c.look, c.rng("bars")
    floor, step = box.y1 * c.h, 30 * c.k
    left = (
        c.plan.subject.x0 * c.w
        if c.plan.stacked and c.family != "tall" and c.scene.lettered
        else 0.0
    )
    count = int((c.w - left) / step)
    for i in range(count):
        u = (i + 0.5) / count
        wave = 0.5 + 0.3 * math.sin(u * 19 + c.scene.seed % 7) + 0.2 * math.sin(u * 47)
        tall = (34 + 190 * max(0.05, wave) * rng.uniform(0.6, 1.0)) * c.k
        x = left + (i + 0.22) * step
        tone = mix(look.horizon, look.glow, u if i % 2 else 1 - u)
        for j in range(int(tall / (15 * c.k))):
            y = floor - j * 15 * c.k
            c.pen.rectangle(
                (x, y - 10 * c.k, x + step * 0.6, y),
                fill=mix(
                    tone, shade(look.deep, 0.2), 0.30 + 0.4 * (1 - j * 15 * c.k / max(tall, 1))
                ),
            )


def _keys(c: Canvas, x: float, y: float, r: float) -> None:
    """A keyboard bent into a ring."""
    look = c.look
    ivory, ebony = mix(look.paper, look.glow, 0.06), shade(look.deep, 0.55)
    c.disc(x, y + r * 0.018, r, shade(look.deep, 0.7))
    c.disc(x, y, r * 0.995, mix(ivory, look.deep, 0.12))
    count = 42
    for i in range(count):
        a, b = i / count * math.tau, (i + 0.94) / count * math.tau
        ring = [
            (x + math.cos(t) * r * q, y + math.sin(t) * r * q)
            for t, q in ((a, 0.77), (a, 0.985), (b, 0.985), (b, 0.77))
        ]
        c.pen.polygon(ring, fill=shade(ivory, 0.06 * (i % 2)))
        c.pen.line((*ring[0], *ring[1]), fill=mix(ivory, ebony, 0.5), width=c.width(2))
        if i % 7 in (0, 1, 3, 4, 5):
            m, half = (i + 1) / count * math.tau, 0.30 / count * math.tau
            key = [
                (x + math.cos(t) * r * q, y + math.sin(t) * r * q)
                for t, q in (
                    (m - half, 0.77),
                    (m - half, 0.905),
                    (m + half, 0.905),
                    (m + half, 0.77),
                )
            ]
            c.pen.polygon(key, fill=ebony)
    c.disc(x, y, r * 0.775, shade(look.deep, 0.7))


def _record(c: Canvas, x: float, y: float, r: float) -> None:
    """Grooves, the shine of the vinyl, a coloured label."""
    look = c.look
    black = mix((18, 16, 22), look.deep, 0.25)
    c.disc(x, y, r, black)
    rng = c.rng("grooves")
    q = 0.97
    while q > 0.40:
        c.pen.ellipse(
            (x - r * q, y - r * q, x + r * q, y + r * q),
            outline=lift(black, rng.uniform(0.02, 0.15)),
            width=c.width(1.6),
        )
        q -= rng.choice((0.012, 0.014, 0.020))
    _shine(c, x, y, r)
    label: tuple[tuple[float, RGB], ...] = (
        (0.385, shade(look.horizon, 0.25)),
        (0.37, look.horizon),
        (0.27, look.glow),
        (0.255, look.horizon),
        (0.10, look.paper),
        (0.03, look.ink),
    )
    for q, tone in label:
        c.disc(x, y, r * q, tone)
    for i in range(12):
        a = i / 12 * math.tau
        c.disc(x + math.cos(a) * r * 0.315, y + math.sin(a) * r * 0.315, r * 0.012, look.paper)


def _shine(c: Canvas, x: float, y: float, r: float) -> None:
    """Two soft wedges of reflected light."""
    side = 256
    mask = Image.new("L", (side, side))
    pen = ImageDraw.Draw(mask)
    for start in (208, 28):
        for width, level in ((34, 46), (20, 84), (8, 130)):
            pen.pieslice(
                (4, 4, side - 4, side - 4),
                start + 17 - width / 2,
                start + 17 + width / 2,
                fill=level,
            )
    pen.ellipse((side * 0.3, side * 0.3, side * 0.7, side * 0.7), fill=0)
    mask = mask.filter(ImageFilter.GaussianBlur(5))
    rim = Image.new("L", (side, side))
    ImageDraw.Draw(rim).ellipse((3, 3, side - 4, side - 4), fill=255)
    mask = Image.composite(mask, Image.new("L", (side, side)), rim)
    span = max(2, round(r * 2))
    c.image.paste(
        lift(c.look.glow, 0.5),
        (round(x - r), round(y - r)),
        mask.resize((span, span), Image.Resampling.BICUBIC),
    )
