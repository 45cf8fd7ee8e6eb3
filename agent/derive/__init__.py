"""Pillow on pictures we hold; importing this room does not load it."""

from __future__ import annotations

from .examiner import PillowPictures
from .sniff import looks_like, measure

__all__ = ["PillowPictures", "looks_like", "measure"]
