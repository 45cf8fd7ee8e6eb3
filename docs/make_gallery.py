"""Draw docs/gallery: every motif of the offline artist in four shapes, and posters in two scripts.

    python docs/make_gallery.py

WebP sheets, small enough for a page; the pictures are those that `limner generate` would draw.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from agent.offline.art import MOTIFS, MotifName, Scene, render, scene_of  # noqa: E402
from agent.offline.art.colour import palette_of  # noqa: E402
from agent.offline.art.words import DARK_BY_NATURE  # noqa: E402
from agent.typeset.setting import Type, draw_line  # noqa: E402

OUT = HERE / "gallery"
GAP, LABEL = 10, 26
SHAPES = ((186, 264), (149, 264), (264, 264), (528, 176))
"""A3 upright, a story, a square, a banner, at the size they are drawn for a sheet."""
PER_SHEET = 5
PAPER, INK = (246, 244, 238), (60, 62, 70)
QUALITY = 74
POSTER_SIZE = (384, 544)


class Poster(NamedTuple):
    """One example: what is shown, the words with their role and area, what stays calm, the room."""

    shows: str
    words: tuple[tuple[str, str, str], ...]
    calm: str
    room: str
    palette: str = ""


_TOP = "from 7% to 93% across and 5% to 21% down"
_UNDER = "from 7% to 93% across and 22% to 27% down"
_FOOT = "from 7% to 93% across and 86% to 91% down"
_LAST = "from 7% to 93% across and 92% to 96% down"
_MIDDLE = "from 8% to 92% across and 31% to 82% down"
POSTERS = (
    Poster("a night market with lanterns", (("Night Market", "title", _TOP), ("Old Harbour · Fridays from 18:00", "date", _FOOT)), _LAST, _MIDDLE),
    Poster("theatre masks on a stage", (("The Tempest", "title", _TOP), ("School hall, 12 and 13 June", "date", _FOOT)), _LAST, _MIDDLE),
    Poster("a heart with a plaster", (("Vaccination Day", "title", _TOP), ("Free for everyone, no appointment", "line", _UNDER)), _FOOT, _MIDDLE),
    Poster("a full moon over a lake", (("中秋音乐会", "title", "from 80% to 94% across and 6% to 62% down"), ("滨江大剧院", "place", _FOOT)), _LAST, "from 5% to 74% across and 14% to 76% down"),
    Poster("a night market with lanterns", (("夜市", "title", _TOP), ("每周五 18:00 老码头", "date", _FOOT)), _LAST, _MIDDLE, "#1b2a4a, #ffcf7a, #d1495b"),
    Poster("an open book at night", (("新书发布", "title", _TOP), ("城市书房 五月九日", "date", _FOOT)), _LAST, _MIDDLE),
)  # fmt: skip


def prompt_of(poster: Poster) -> str:
    """The request in the words of the released texts."""
    words = "; ".join(f'"{text}" as {role} {area}' for text, role, area in poster.words)
    palette = f"\nPalette: {poster.palette}." if poster.palette else ""
    return (
        f"Subject: {poster.shows}\n"
        f"Paint these words exactly as written, each in its own area: {words}. No other lettering.\n"
        f"Leave these areas calm and empty, with no lettering and no figure in them: {poster.calm}.\n"
        f"Keep the main subject inside {poster.room}.{palette}"
    )


def plain(motif: MotifName) -> Scene:
    """The motif in its own light."""
    light = "night" if motif in DARK_BY_NATURE else "day"
    palette = palette_of(motif, light, (), None, 7)
    scene = replace(scene_of("a picture", seed=7), motif=motif, light=light, palette=palette)
    return replace(scene, unmarked=True)


def motif_sheet(motifs: tuple[MotifName, ...]) -> Image.Image:
    """One row for each motif: its name, and the four shapes."""
    wide = sum(w for w, _ in SHAPES) + GAP * (len(SHAPES) + 1)
    row = max(h for _, h in SHAPES) + LABEL + GAP
    sheet = Image.new("RGB", (wide, row * len(motifs) + GAP), PAPER)
    pen = ImageDraw.Draw(sheet)
    for i, motif in enumerate(motifs):
        x, y = GAP, GAP + i * row
        draw_line(pen, (x, y + 16), motif, Type("sans", 620), 15, INK)
        for size in SHAPES:
            sheet.paste(render(plain(motif), size), (x, y + LABEL))
            x += size[0] + GAP
    return sheet


def poster_sheet(posters: tuple[Poster, ...]) -> Image.Image:
    """Posters side by side."""
    w, h = POSTER_SIZE
    sheet = Image.new("RGB", ((w + GAP) * len(posters) + GAP, h + 2 * GAP), PAPER)
    for i, poster in enumerate(posters):
        sheet.paste(render(scene_of(prompt_of(poster)), POSTER_SIZE), (GAP + i * (w + GAP), GAP))
    return sheet


def sheets() -> dict[str, Image.Image]:
    """Every sheet by its file name."""
    made = {
        f"motifs-{number}.webp": motif_sheet(MOTIFS[start : start + PER_SHEET])
        for number, start in enumerate(range(0, len(MOTIFS), PER_SHEET), 1)
    }
    made["posters-latin.webp"] = poster_sheet(POSTERS[:3])
    made["posters-chinese.webp"] = poster_sheet(POSTERS[3:])
    return made


def main() -> None:
    """Write the sheets and say how large they are."""
    OUT.mkdir(exist_ok=True)
    total = 0
    for name, sheet in sheets().items():
        out = io.BytesIO()
        sheet.save(out, "WEBP", quality=QUALITY, method=6)
        (OUT / name).write_bytes(out.getvalue())
        total += len(out.getvalue())
        print(f"{name}: {sheet.width}x{sheet.height}, {len(out.getvalue()) // 1024} KB")
    print(f"{total // 1024} KB in all")


if __name__ == "__main__":
    main()
