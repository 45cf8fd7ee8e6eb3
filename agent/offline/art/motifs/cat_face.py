"""The front of a cat, for one that looks at the viewer."""

from __future__ import annotations

from ..canvas import Canvas
from ..colour import RGB, lift, mix, rgb, shade


def front(c: Canvas, x: float, y: float, s: float, coat: RGB) -> None:
    """What is seen of a sitting cat that looks at you: legs and white paws, and its face."""
    dark, white = shade(coat, 0.38), mix(coat, (255, 252, 246), 0.88)
    for side in (-1, 1):
        leg = [(x + side * s * u, y + s * v) for u, v in ((0.03, -0.50), (0.17, -0.46), (0.19, 0))]
        c.pen.polygon([*leg, (x + side * s * 0.03, y)], fill=lift(coat, 0.10))
        paw = (x + side * s * 0.11, y - s * 0.02)
        _oval(c, *paw, s * 0.105, s * 0.07, white)
        inner = [
            (x + side * s * u, y + s * v) for u, v in ((0.15, -1.30), (0.245, -1.44), (0.26, -1.24))
        ]
        c.pen.polygon(inner, fill=mix(coat, rgb("#d98c8c"), 0.6))
    for u in (-0.07, 0.0, 0.07):  # a tabby's forehead
        top = (x + u * s, y - s * 1.255)
        c.pen.line((*top, x + u * s * 0.55, y - s * 1.165), fill=dark, width=c.width(6))
    _oval(c, x - s * 0.058, y - s * 0.965, s * 0.075, s * 0.062, white)
    _oval(c, x + s * 0.058, y - s * 0.965, s * 0.075, s * 0.062, white)
    nose = ((-0.035, -1.022), (0.035, -1.022), (0.0, -0.985))
    c.pen.polygon([(x + u * s, y + v * s) for u, v in nose], fill=rgb("#c97a76"))
    for side in (-1, 1):
        _eye(c, x + side * s * 0.135, y - s * 1.085, s)
        for rise in (-0.05, 0.0, 0.05):
            start = (x + side * s * 0.12, y - s * 0.97)
            end = (start[0] + side * s * 0.30, start[1] - s * rise * 1.4)
            c.pen.line((*start, *end), fill=white, width=c.width(2))


def _eye(c: Canvas, x: float, y: float, s: float) -> None:
    """Green, with a slit and a light in it."""
    _oval(c, x, y, s * 0.074, s * 0.064, rgb("#1c2420"))
    _oval(c, x, y, s * 0.064, s * 0.054, rgb("#8fc26a"))
    _oval(c, x, y, s * 0.020, s * 0.050, rgb("#10130f"))
    c.disc(x + s * 0.018, y - s * 0.022, s * 0.013, (255, 255, 255))


def _oval(c: Canvas, x: float, y: float, wide: float, tall: float, tone: RGB) -> None:
    c.pen.ellipse((x - wide, y - tall, x + wide, y + tall), fill=tone)
