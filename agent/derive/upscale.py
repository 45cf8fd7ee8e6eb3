"""A picture enlarged here, by resampling (R49): a file beside the original, never in its place.

No model draws the added pixels, and the file says so. Provenance marks (C2PA) belong to the bytes
that were received and stay with those.
"""

from __future__ import annotations

import io

from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from ..errors import UsageError
from .pictures import MAX_PIXELS, inspect, opened

_MODES = {"1": "L", "P": "RGBA", "PA": "RGBA", "LA": "RGBA", "CMYK": "RGB", "I;16": "I"}


def enlarged(data: bytes, size: tuple[int, int]) -> bytes:
    """The same picture at ``size`` (width, height), Lanczos, in its own format.

    Where the shapes differ by a little, the overhang is cut off and nothing is stretched. Raises
    ``UsageError`` for a size that is not larger, or too large to be decoded again.
    """
    if size[0] * size[1] > MAX_PIXELS:
        raise UsageError(f"{size[0]}x{size[1]} is more than can be enlarged to")
    inspect(data, name="the picture to enlarge")
    with opened(data) as picture:
        if size[0] * size[1] <= picture.width * picture.height:
            raise UsageError(f"{size[0]}x{size[1]} is not larger than the picture")
        said = (
            f"Enlarged from {picture.width}x{picture.height} to {size[0]}x{size[1]} by resampling "
            "(Lanczos); no model drew the added pixels."
        )
        whole = picture.convert(_MODES.get(picture.mode, picture.mode))
        large = ImageOps.fit(whole, size, Image.Resampling.LANCZOS)
        return _encoded(large, picture.format, said, profile=picture.info.get("icc_profile"))


def _encoded(large: Image.Image, kind: str | None, said: str, *, profile: bytes | None) -> bytes:
    buffer = io.BytesIO()
    extra = {"icc_profile": profile} if profile else {}
    if kind == "JPEG":
        rgb = large.convert("RGB") if large.mode not in ("RGB", "L") else large
        rgb.save(buffer, "JPEG", quality=95, comment=said.encode("ascii"), **extra)
    elif kind == "WEBP":
        exif = Image.Exif()
        exif[0x010E] = said  # ImageDescription
        large.save(buffer, "WEBP", quality=95, exif=exif, **extra)
    else:
        info = PngInfo()
        info.add_text("Comment", said)
        large.save(buffer, "PNG", pnginfo=info, compress_level=3, **extra)
    return buffer.getvalue()
