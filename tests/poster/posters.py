"""Briefs, pictures, logos and a press, made here: nothing of them comes from a file of others."""

from __future__ import annotations

import hashlib
import io
import random
import struct
from functools import lru_cache
from itertools import product
from pathlib import Path

import segno
from PIL import Image, ImageDraw

from agent.poster.brief import QR, Brief, Lettering, Line, Logo, Role
from agent.poster.metadata import Provenance
from agent.poster.sizes import SizeSpec

STORY = SizeSpec(name="story", pixels=(540, 960))
SQUARE = SizeSpec(name="square", pixels=(600, 600))
BANNER = SizeSpec(name="banner", pixels=(1200, 400))
CARD = SizeSpec(name="card", mm=(105, 148), dpi=150, bleed_mm=3)
SIZES = (STORY, SQUARE, BANNER, CARD)
TARGET = "https://example.org/market"
MADE = Provenance("ab" * 32, "model", "Night Market")

_TEXTS: tuple[tuple[str, Role, str, str], ...] = (
    ("title", "title", "Night Market", "夜市音樂會"),
    ("subtitle", "subtitle", "Forty stalls, one river", "四十個攤位，一條河"),
    ("date", "date", "Friday 12 March", "3月12日 星期五"),
    ("time", "time", "18:00 – 23:30", "18:00 – 23:30"),
    ("place", "place", "Old Harbour, Pier 4", "舊港四號碼頭"),
    ("price", "price", "€4.50 after 19:00", "19:00 後 €4.50"),
    ("contact", "contact", "market@example.org", "market@example.org"),
)


def brief_of(
    *,
    locales: tuple[str, ...] = ("en", "zh"),
    palette: tuple[str, ...] = ("#1b2a4a", "#ffcf7a", "#e4572e"),
    painted: tuple[str, ...] = (),
    logo: Logo | None = None,
    code: bool = False,
    sizes: tuple[SizeSpec, ...] = SIZES,
) -> Brief:
    """A night market in English and Chinese; every line is set unless it is ``painted``."""

    def how(name: str) -> Lettering:
        return "painted" if name in painted else "set"

    lines = tuple(
        Line(id=name, role=role, text={"en": en, "zh": zh}, lettering=how(name))
        for name, role, en, zh in _TEXTS
    )
    version = segno.make_qr(TARGET).version
    return Brief(
        name="night-market",
        locales=locales,
        palette=palette,
        lines=lines,
        logo=logo,
        qr=QR(target=TARGET, version=int(version)) if code else None,
        sizes=sizes,
    )


def png(image: Image.Image) -> bytes:
    """As a file."""
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


@lru_cache(maxsize=32)
def plain(size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
    """A picture of one colour."""
    return png(Image.new("RGB", size, colour))


@lru_cache(maxsize=16)
def crowd(size: tuple[int, int], seed: int = 3) -> bytes:
    """Discs of every colour everywhere: no place on it is calm."""
    dice = random.Random(seed)
    image = Image.new("RGB", size, (128, 128, 128))
    pen = ImageDraw.Draw(image)
    for _ in range(500):
        x, y = dice.randrange(size[0]), dice.randrange(size[1])
        radius = dice.randrange(8, 90)
        colour = tuple(dice.randrange(256) for _ in range(3))
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)
    return png(image)


def logo_file(folder: Path, size: tuple[int, int] = (300, 120)) -> Logo:
    """A ring and a bar on nothing."""
    image = Image.new("RGBA", size, (0, 0, 0, 0))
    pen, edge = ImageDraw.Draw(image), size[1]
    pen.ellipse((4, 4, edge - 4, edge - 4), fill=(180, 48, 20, 255))
    pen.ellipse((edge // 3, edge // 3, 2 * edge // 3, 2 * edge // 3), fill=(0, 0, 0, 0))
    pen.rectangle((edge + 8, edge // 3, size[0] - 8, 2 * edge // 3), fill=(20, 30, 90, 255))
    path = folder / "logo.png"
    path.write_bytes(png(image))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Logo(path=path, size=size, sha256=digest)


# ── a press: the smallest CMYK output profile there can be ───────────────────────────────────


def press_file(folder: Path) -> Path:
    """White is no ink, black is black ink, red is magenta and yellow; nothing finer than that."""
    path = folder / "press.icc"
    path.write_bytes(_profile())
    return path


def _profile() -> bytes:
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    tags = [
        (b"desc", _described("Press of the tests")),
        (b"cprt", b"text\0\0\0\0none\0"),
        (b"wtpt", white),
        (b"A2B0", _table(4, 3, 2, _lab)),
        (b"B2A0", _table(3, 4, 9, _inks)),
    ]
    at = 128 + 4 + 12 * len(tags)
    rows, body = b"", b""
    for name, data in tags:
        padded = data + b"\0" * (-len(data) % 4)
        rows += struct.pack(">4sII", name, at + len(body), len(data))
        body += padded
    head = struct.pack(
        ">I4sI4s4s4s12s4s4sI4s4sQI3i4s44x",
        at + len(body), b"none", 0x02400000, b"prtr", b"CMYK", b"Lab ",
        struct.pack(">6H", 2020, 1, 1, 0, 0, 0), b"acsp", b"\0" * 4, 0, b"\0" * 4, b"\0" * 4,
        0, 1, 63190, 65536, 54061, b"none",
    )  # fmt: skip
    return head + struct.pack(">I", len(tags)) + rows + body


def _described(text: str) -> bytes:
    said = text.encode("ascii") + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(said)) + said + b"\0" * (8 + 3 + 67)


def _table(channels: int, out: int, grid: int, rule: object) -> bytes:
    """``lut8Type`` with straight curves."""
    assert callable(rule)
    identity = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    steps = [round(255 * step / (grid - 1)) for step in range(grid)]
    nodes = b"".join(bytes(rule(*node)) for node in product(steps, repeat=channels))
    line = bytes(range(256))
    head = b"mft1\0\0\0\0" + bytes((channels, out, grid, 0)) + identity
    return head + line * channels + nodes + line * out


def _lab(cyan: int, magenta: int, yellow: int, black: int) -> tuple[int, int, int]:
    light = max(0, 255 - black - (cyan + magenta) // 4)
    return light, min(255, max(0, 128 + (magenta - cyan) // 2)), min(255, 128 + yellow // 2)


def _inks(light: int, a: int, b: int) -> tuple[int, int, int, int]:
    red, gold = 2 * (a - 128), 2 * (b - 128)
    return max(0, min(255, -red)), max(0, min(255, red)), max(0, min(255, gold)), 255 - light
