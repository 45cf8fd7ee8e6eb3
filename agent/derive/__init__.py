"""Pillow on pictures we hold.

Sniffing needs no Pillow and is imported here; ``PillowPictures`` arrives when first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .sniff import decodes, looks_like, measure

if TYPE_CHECKING:
    from .pictures import PillowPictures

__all__ = ["PillowPictures", "decodes", "looks_like", "measure"]


def __getattr__(name: str) -> object:
    if name == "PillowPictures":
        from .pictures import PillowPictures

        return PillowPictures
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
