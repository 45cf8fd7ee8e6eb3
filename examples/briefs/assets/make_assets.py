"""Draw the small logos of the example briefs: python examples/briefs/assets/make_assets.py."""

from __future__ import annotations

import sys
from math import pi, sin
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

from PIL import Image, ImageDraw  # noqa: E402

from agent.typeset.setting import Type, draw_line, measure  # noqa: E402

RGB = tuple[int, int, int]
SCALE = 4
"""Drawn larger and made smaller, for smooth edges."""
TALL = 220


def blank(width: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A transparent logo of TALL pixels, four times as large."""
    picture = Image.new("RGBA", (width * SCALE, TALL * SCALE), (0, 0, 0, 0))
    return picture, ImageDraw.Draw(picture)


def lockup(mark: str, words: str, kind: Type, ink: RGB, paper: RGB) -> Image.Image:
    """A mark in a square at the left, the name at its right, on a plate of its own."""
    size = 92 * SCALE
    wide = measure(words, kind, size) / SCALE
    picture, pen = blank(int(wide) + TALL + 70)
    pen.rounded_rectangle((0, 0, picture.width - 1, picture.height - 1), 26 * SCALE, (*paper, 255))
    MARKS[mark](pen, (TALL * SCALE / 2, TALL * SCALE / 2), 68 * SCALE, ink, paper)
    draw_line(pen, ((TALL - 6) * SCALE, 143 * SCALE), words, kind, size, ink)
    return picture.resize((picture.width // SCALE, TALL), Image.Resampling.LANCZOS)


def leaf(pen: ImageDraw.ImageDraw, at: tuple[float, float], r: float, ink: RGB, paper: RGB) -> None:
    """Two leaves and their stem."""
    x, y = at
    for side in (-1, 1):
        points = [
            (
                x + side * r * 0.95 * sin(pi * i / 40) * (0.5 + i / 80),
                y + r * 0.6 - r * 1.5 * i / 40,
            )
            for i in range(41)
        ]
        pen.polygon([(x, y + r * 0.6), *points], fill=ink)
    pen.line((x, y - r * 0.6, x, y + r), fill=paper, width=int(r / 9))


def bars(pen: ImageDraw.ImageDraw, at: tuple[float, float], r: float, ink: RGB, paper: RGB) -> None:
    """Bars of uneven height, one of them a ring."""
    del paper
    x, y = at
    for i, tall in enumerate((0.5, 1.0, 0.72, 1.5)):
        left = x - r + i * r * 0.54
        pen.rectangle((left, y + r - tall * r, left + r * 0.36, y + r), fill=ink)
    pen.ellipse((x - r, y - r, x - r * 0.3, y - r * 0.3), outline=ink, width=int(r / 7))


def coat(pen: ImageDraw.ImageDraw, at: tuple[float, float], r: float, ink: RGB, paper: RGB) -> None:
    """A needle in a button."""
    x, y = at
    pen.ellipse((x - r, y - r, x + r, y + r), fill=ink)
    pen.ellipse(
        (x - r * 0.8, y - r * 0.8, x + r * 0.8, y + r * 0.8), outline=paper, width=int(r / 14)
    )
    for dx in (-0.28, 0.28):
        for dy in (-0.28, 0.28):
            cx, cy, e = x + dx * r, y + dy * r, r * 0.13
            pen.ellipse((cx - e, cy - e, cx + e, cy + e), fill=paper)


def hill(pen: ImageDraw.ImageDraw, at: tuple[float, float], r: float, ink: RGB, paper: RGB) -> None:
    """A gable on a hill."""
    x, y = at
    pen.chord((x - r * 1.2, y + r * 0.2, x + r * 1.2, y + r * 2.2), 200, 340, fill=ink)
    pen.polygon(
        [(x - r * 0.6, y - r * 0.1), (x, y - r * 0.8), (x + r * 0.6, y - r * 0.1)], fill=ink
    )
    pen.rectangle((x - r * 0.5, y - r * 0.1, x + r * 0.5, y + r * 0.5), fill=ink)
    for i in (-0.28, 0.0, 0.28):
        pen.rectangle((x + i * r - r * 0.05, y, x + i * r + r * 0.05, y + r * 0.42), fill=paper)


def anchor(
    pen: ImageDraw.ImageDraw, at: tuple[float, float], r: float, ink: RGB, paper: RGB
) -> None:
    """An anchor on a shield."""
    x, y = at
    pen.polygon(
        [
            (x - r, y - r),
            (x + r, y - r),
            (x + r, y + r * 0.2),
            (x, y + r * 1.1),
            (x - r, y + r * 0.2),
        ],
        fill=ink,
    )
    w = int(r / 6)
    pen.line((x, y - r * 0.5, x, y + r * 0.65), fill=paper, width=w)
    pen.line((x - r * 0.35, y - r * 0.25, x + r * 0.35, y - r * 0.25), fill=paper, width=w)
    pen.arc((x - r * 0.55, y - r * 0.45, x + r * 0.55, y + r * 0.7), 15, 165, fill=paper, width=w)
    pen.ellipse((x - r * 0.17, y - r * 0.8, x + r * 0.17, y - r * 0.46), outline=paper, width=w)


def book(pen: ImageDraw.ImageDraw, at: tuple[float, float], r: float, ink: RGB, paper: RGB) -> None:
    """An open book, as a roof."""
    x, y = at
    pen.polygon(
        [(x, y - r * 0.75), (x - r * 1.05, y + r * 0.1), (x - r * 1.05, y + r * 0.8), (x, y)],
        fill=ink,
    )
    pen.polygon(
        [(x, y - r * 0.75), (x + r * 1.05, y + r * 0.1), (x + r * 1.05, y + r * 0.8), (x, y)],
        fill=ink,
    )
    for i in range(3):
        d = r * 0.2 * (i + 1)
        pen.line(
            (x + d, y - r * 0.48 + d * 0.8, x + d, y - r * 0.02 + d * 0.72),
            fill=paper,
            width=int(r / 16),
        )


MARKS = {"leaf": leaf, "bars": bars, "coat": coat, "hill": hill, "anchor": anchor, "book": book}
LOGOS = {
    "greenfield": ("leaf", "Greenfield", Type("sans", 700, -0.02), (11, 79, 108), (255, 255, 255)),
    "signals": ("bars", "S&N 26", Type("black"), (242, 253, 255), (16, 25, 53)),
    "holm": ("coat", "Holm & Son", Type("serif", 560), (18, 38, 58), (244, 241, 222)),
    "museum": ("hill", "MUSEUM", Type("sans", 560, 0.14), (47, 43, 40), (251, 248, 241)),
    "harbour-united": ("anchor", "HARBOUR UTD", Type("display"), (246, 247, 64), (4, 20, 47)),
    "corner-books": ("book", "Corner Books", Type("serif", 600), (31, 42, 68), (253, 246, 236)),
}


def main() -> None:
    """Write every logo beside this file."""
    for name, parts in LOGOS.items():
        lockup(*parts).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
