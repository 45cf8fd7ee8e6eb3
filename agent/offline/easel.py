"""From a job to bytes. Synchronous; the caller puts it in a thread.

Partials are real renders at a smaller scale, made one by one when they are asked for, never
the finished picture blurred.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Literal

from PIL import Image, ImageChops, ImageOps

from ..wire.fields import RequestFault
from .art.edits import edit
from .art.encode import encode, scene_in
from .art.parse import scene_of
from .art.render import preview, render, tiny
from .art.restaging import Edited
from .art.scene import Scene
from .plan import Job, Size
from .thumbs import thumb_of

MOST_PIXELS = 50_000_000
_SQUARE: Size = (1024, 1024)
_EDGE, _AREA = 3840, 8_294_400
_STAMP = Image.new("RGB", (64, 64))
Draw = Literal["full", "tiny"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A job laid out: what is edited is decoded, the size is known, nothing is drawn yet."""

    job: Job
    size: Size
    scene: Scene | None
    """Of a new picture; of an edited one where it is ours and says so."""
    base: Image.Image | None = None
    mask: Image.Image | None = None

    @property
    def flat(self) -> bool:
        """A mask or a stranger's picture: only pixels to work on."""
        return self.mask is not None or self.scene is None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished picture; ``note`` says what an edit did, or could not do."""

    data: bytes
    size: Size
    scene: Scene | None
    note: str = ""
    thumb: bytes = field(default=b"", repr=False)
    """What a poster's picture is known again by, when its metadata is gone."""


def lay_out(job: Job) -> Sheet:
    """Raises ``RequestFault`` for a picture or a mask that cannot be used."""
    if job.base is None:
        scene = scene_of(job.obeyed)
        scene = replace(scene, seed=scene.seed + job.number)
        return Sheet(job, job.size or _SQUARE, scene)
    base = open_picture(job.base, "input")
    mask = None if job.mask is None else _open_mask(job.mask, base.size)
    return Sheet(job, job.size or _fitting(base.size), scene_in(job.base), base, mask)


def open_picture(data: bytes, param: str) -> Image.Image:
    """A decoded, upright picture; raises ``RequestFault`` for anything else."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height <= MOST_PIXELS:
                image.load()
                return ImageOps.exif_transpose(image)
            reason = f"{image.width}x{image.height} is more than this server reads"
    except (OSError, ValueError, SyntaxError, *_BOMBS) as error:
        reason = str(error)[:120]
    raise RequestFault(
        f"Invalid image data: {reason}. Send a whole PNG, JPEG or WebP.",
        code="invalid_image_file",
        param=param,
        type="image_generation_user_error",
    )


_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def _open_mask(data: bytes, size: Size) -> Image.Image:
    mask = open_picture(data, "input_image_mask")
    reason = None
    if mask.size != size:
        reason = f"it is {mask.width}x{mask.height} and the picture {size[0]}x{size[1]}"
    elif "A" not in mask.getbands() and "transparency" not in mask.info:
        reason = "it has no alpha channel"
    if reason is not None:
        raise RequestFault(
            f"Invalid mask: {reason}.",
            code="invalid_value",
            param="input_image_mask",
            type="image_generation_user_error",
        )
    return mask.convert("RGBA")


def _fitting(size: Size) -> Size:
    """An edit keeps its picture's size, unless that is more than the model would make."""
    w, h = size
    share = min(1.0, _EDGE / max(w, h), (_AREA / (w * h)) ** 0.5)
    return (
        size
        if share == 1.0
        else (max(16, int(w * share) // 16 * 16), max(16, int(h * share) // 16 * 16))
    )


def finish(sheet: Sheet, draw: Draw) -> Drawn:
    """The picture itself."""
    if draw == "tiny" and not sheet.job.redraws and (told := _tiny_scene(sheet)):
        like = replace(sheet.job, words="", base=None, mask=None, spelt=None, meant=())
        data = _tiny_file(told[0], sheet.size, like)
        return Drawn(data, sheet.size, *told, _thumb(told[0], tiny(told[0], sheet.size)))
    image, scene, note = _drawn(sheet, sheet.size, draw)
    if sheet.job.redraws and sheet.base is not None:
        image = _redrawn(sheet, image, scene, draw)
    data = _encoded(sheet.job, image, scene, draw)
    return Drawn(data, image.size, scene, note, _thumb(scene, image))


def _thumb(scene: Scene | None, image: Image.Image) -> bytes:
    return thumb_of(image) if scene is not None and scene.painted else b""


def _redrawn(sheet: Sheet, image: Image.Image, scene: Scene | None, draw: Draw) -> Image.Image:
    """The edit as a model makes it that draws the whole picture anew: no pixel stays as it was."""
    if scene is not None:
        other = replace(scene, seed=scene.seed + 1, overlays=())
        image = (tiny if draw == "tiny" else render)(other, image.size)
    assert sheet.base is not None
    base = sheet.base.convert("RGB")
    base = base if base.size == image.size else base.resize(image.size)
    moved = [v + 9 if v < 128 else v - 9 for v in range(256)] * 3
    gap = ImageChops.difference(image.convert("RGB"), base).convert("L")
    same = gap.point([255 if v < 2 else 0 for v in range(256)])
    return Image.composite(base.point(moved), image.convert("RGB"), same)


def _tiny_scene(sheet: Sheet) -> tuple[Scene, str] | None:
    """What a picture in name only is of, and what is said of it; None where pixels count."""
    if sheet.flat:
        return None
    changed = Edited(sheet.scene, _STAMP, None) if sheet.base is None else _tiny_edit(sheet)
    return None if changed.scene is None else (changed.scene, changed.note or "")


@lru_cache(maxsize=64)
def _tiny_file(scene: Scene, size: Size, like: Job) -> bytes:
    """Encoded once: under load, and in tests, most requests are for the same few scenes."""
    return _encoded(like, tiny(scene, size), scene, "tiny")


def draft(sheet: Sheet, step: int, steps: int, draw: Draw) -> bytes:
    """The partial ``step`` of ``steps``, at full size."""
    if draw == "full" and sheet.base is None and sheet.scene is not None:
        return _encoded(sheet.job, preview(sheet.scene, sheet.size, step, steps), None, "tiny")
    share = (step + 1) / (2 * steps + 2)
    small = _scaled(sheet, share)
    image, _, _ = _drawn(small, small.size, draw)
    size = sheet.size if image.size == small.size else _grown(image.size, share)
    return _encoded(sheet.job, image.resize(size, Image.Resampling.BICUBIC), None, "tiny")


def _grown(size: Size, share: float) -> Size:
    """Of a crop, which has a size of its own."""
    return max(1, round(size[0] / share)), max(1, round(size[1] / share))


def _scaled(sheet: Sheet, share: float) -> Sheet:
    """The same work on a smaller canvas."""

    def less(size: Size) -> Size:
        return max(16, int(size[0] * share)), max(16, int(size[1] * share))

    base, mask = sheet.base, sheet.mask
    return replace(
        sheet,
        size=less(sheet.size),
        base=base and base.resize(less(base.size)),
        mask=mask and mask.resize(less(mask.size), Image.Resampling.NEAREST),
    )


def _drawn(sheet: Sheet, size: Size, draw: Draw) -> tuple[Image.Image, Scene | None, str]:
    if sheet.base is None:
        assert sheet.scene is not None
        return (tiny if draw == "tiny" else render)(sheet.scene, size), sheet.scene, ""
    if draw == "tiny" and not sheet.flat:
        edited = _tiny_edit(sheet)
        image = edited.image.resize(size) if edited.scene is None else tiny(edited.scene, size)
        return image, edited.scene, edited.note or ""
    edited = edit(sheet.job.obeyed, sheet.base, sheet.scene, sheet.mask, size)
    return edited.image, edited.scene, edited.note or ""


def _tiny_edit(sheet: Sheet) -> Edited:
    """What the edit makes of the scene, drawn cheaply."""
    return edit(sheet.job.obeyed, _STAMP, sheet.scene, None, _STAMP.size, drawing=tiny)


def _encoded(job: Job, image: Image.Image, scene: Scene | None, draw: Draw) -> bytes:
    if job.background == "transparent" and draw == "tiny" and image.mode == "RGB":
        image = image.convert("RGBA")
        image.putalpha(128)
    return encode(
        image,
        scene,
        output_format=_format(job.output_format),
        compression=job.compression,
        background=_background(job.background),
    )


def _format(name: str) -> Literal["png", "jpeg", "webp"]:
    return "jpeg" if name == "jpeg" else "webp" if name == "webp" else "png"


def _background(name: str) -> Literal["opaque", "transparent", "auto"]:
    return "transparent" if name == "transparent" else "opaque" if name == "opaque" else "auto"
