"""``PillowPictures``: the protocol, with Pillow loaded by the first picture of a user's.

Pictures off the wire are examined by structure alone, so a turn that only draws never needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from ..protocols import PictureFacts
from .structure import facts_of


class PillowPictures:
    """Implements ``protocols.Pictures``."""

    def inspect(self, data: bytes, *, name: str) -> PictureFacts:
        """Facts of a whole picture; ``UsageError`` names ``name`` and what is wrong with it."""
        from .pictures import inspect

        return inspect(data, name=name)

    def received(self, data: bytes) -> PictureFacts | None:
        """Facts of a picture off the wire, by its structure; ``None`` unless it is one, whole."""
        return facts_of(data)

    def enlarged(self, data: bytes, size: tuple[int, int]) -> bytes:
        """A larger copy in the same format; raises ``UsageError`` where there is none."""
        from .upscale import enlarged

        return enlarged(data, size)

    def load(self, path: Path) -> bytes:
        """A file for sending; raises ``UsageError`` for what cannot be sent."""
        from .pictures import load

        return load(path)

    def mask_from_file(
        self, data: bytes, *, name: str, mode: Literal["alpha", "white", "black"], of: PictureFacts
    ) -> bytes:
        """A PNG whose alpha is 0 where the edit may change pixels (R36)."""
        from .masks import mask_from_picture
        from .pictures import inspect, opened

        inspect(data, name=name)
        with opened(data) as picture:
            return mask_from_picture(picture, name=name, mode=mode, of=of)

    def mask_from_box(self, box: tuple[int, int, int, int], *, of: PictureFacts) -> bytes:
        """The same for a rectangle ``(x, y, width, height)`` in pixels from the top left."""
        from .masks import mask_from_box

        return mask_from_box(box, of=of)
