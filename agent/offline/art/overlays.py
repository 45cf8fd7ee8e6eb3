"""Stickers and patches laid over a finished picture, kept through every later edit."""

from __future__ import annotations

import base64
import binascii
import math
import zlib

from PIL import Image, ImageDraw

from ...typeset.boxes import Box
from ...typeset.setting import Type, draw_line, set_in
from .colour import RGB, contrast, rgb
from .retouch import retouch_inside
from .scene import Overlay, Scene
from .staging import subject_box
from .typography import text_boxes

_PACKED = 96
_BADGES = ("#d8432f", "#f2b134", "#1f7a6c", "#5b3fa0")


def pack(hole: Image.Image) -> str:
    """A mask (L) as short text: 96 pixels square, deflated."""
    small = hole.resize((_PACKED, _PACKED), Image.Resampling.BOX)
    small = small.point([round(v / 17) * 17 for v in range(256)])
    return base64.b64encode(zlib.compress(small.tobytes(), 9)).decode()


def unpack(packed: str, size: tuple[int, int]) -> Image.Image | None:
    """The mask of `pack` at a size; None when the text is broken."""
    try:
        data = zlib.decompressobj().decompress(base64.b64decode(packed, validate=True), _PACKED**2)
    except (binascii.Error, ValueError, zlib.error):
        return None
    if len(data) != _PACKED**2:
        return None
    return Image.frombytes("L", (_PACKED, _PACKED), data).resize(size, Image.Resampling.BICUBIC)


def lay_overlays(image: Image.Image, scene: Scene) -> Image.Image:
    """The picture with every overlay on it, oldest first."""
    stuck: list[Box] = []
    for overlay in scene.overlays:
        if overlay.kind == "sticker":
            stuck.append(_stick(image, scene, overlay, stuck))
        elif (hole := unpack(overlay.mask, image.size)) is not None:
            image, _ = retouch_inside(overlay.text, image, hole)
    return image


_CENTRES = ((0.83, 0.72), (0.17, 0.72), (0.83, 0.50), (0.17, 0.50), (0.83, 0.30), (0.17, 0.30),
            (0.5, 0.74), (0.86, 0.16), (0.42, 0.66), (0.62, 0.2), (0.14, 0.16))  # fmt: skip


def _overlap(a: Box, b: Box) -> float:
    """The shared area as a fraction of the picture."""
    wide = min(a.x1, b.x1) - max(a.x0, b.x0)
    tall = min(a.y1, b.y1) - max(a.y0, b.y0)
    return max(0.0, wide) * max(0.0, tall)


def sticker_box(scene: Scene, size: tuple[int, int], stuck: list[Box]) -> Box:
    """Where the next sticker goes: never on lettering or another sticker, off the subject if it can."""
    side = 0.235 * min(size)
    half = (side / 2 / size[0], side / 2 / size[1])
    letters, focal = text_boxes(scene, size), subject_box(scene, size)

    def cost(box: Box) -> float:
        on_text = sum(_overlap(box, other) for other in (*letters, *stuck))
        return on_text * 50 + _overlap(box, focal)

    boxes = [
        Box(u - half[0], v - half[1], u + half[0], v + half[1])
        for x, y in _CENTRES
        for u, v in [
            (
                min(max(x, half[0] + 0.02), 0.98 - half[0]),
                min(max(y, half[1] + 0.02), 0.98 - half[1]),
            )
        ]
    ]
    return min(boxes, key=cost)


def _stick(image: Image.Image, scene: Scene, overlay: Overlay, stuck: list[Box]) -> Box:
    """Draw one badge, in place, and say where."""
    box = sticker_box(scene, image.size, stuck)
    side = max(24, round(box.width * image.width))
    badge = _badge(overlay, min(1200, side * 3))
    badge = badge.rotate(11, Image.Resampling.BICUBIC).resize(
        (side, side), Image.Resampling.LANCZOS
    )
    at = (round(box.x0 * image.width), round(box.y0 * image.height))
    shadow = Image.new("RGBA", badge.size, (8, 8, 20, 0))
    shadow.putalpha(badge.getchannel("A").point([v * 80 // 255 for v in range(256)]))
    drop = max(1, side // 45)
    image.paste(shadow, (at[0] + drop, at[1] + drop * 2), shadow)
    image.paste(badge, at, badge)
    return box


def _badge(overlay: Overlay, side: int) -> Image.Image:
    """A scalloped badge with a ring and its text."""
    fill = rgb(
        overlay.tint or _BADGES[len(overlay.text) % len(_BADGES) if overlay.text.islower() else 0]
    )
    inks: tuple[RGB, RGB] = ((255, 248, 232), (26, 22, 34))
    ink = max(inks, key=lambda tone: contrast(tone, fill) + (1.2 if tone == inks[0] else 0))
    badge = Image.new("RGBA", (side, side), (*fill, 0))
    pen, m = ImageDraw.Draw(badge), side / 2
    points = []
    for i in range(192):
        r = m * (0.955 + 0.025 * math.cos(math.tau * i * 22 / 192))
        points.append((m + r * math.cos(math.tau * i / 192), m + r * math.sin(math.tau * i / 192)))
    pen.polygon(points, fill=(*fill, 255))
    ring = m * 0.83
    pen.ellipse(
        (m - ring, m - ring, m + ring, m + ring), outline=(*ink, 255), width=max(1, side // 90)
    )
    kind = Type("display", 800, 0.03)
    setting = set_in(overlay.text, kind, side * 0.62, side * 0.5, leading=0.92, most=3)
    tall = setting.size * (0.92 * (len(setting.lines) - 1) + 0.70)
    y = m - tall / 2 + setting.size * 0.70
    for line in setting.lines:
        draw_line(pen, (m, y), line, kind, setting.size, ink, "middle")
        y += setting.size * 0.92
    return badge
