"""The options of a picture as an image model would take them: resolved, or refused by name."""

from __future__ import annotations

import re
from typing import Protocol

from ..wire.requests import RequestFault
from .plan import Job, Size


class Asked(Protocol):
    """What the image tool and the Images API have in common."""

    @property
    def model(self) -> str | None: ...
    @property
    def size(self) -> str | None: ...
    @property
    def quality(self) -> str | None: ...
    @property
    def output_format(self) -> str | None: ...
    @property
    def output_compression(self) -> int | None: ...
    @property
    def background(self) -> str | None: ...
    @property
    def moderation(self) -> str | None: ...
    @property
    def partial_images(self) -> int | None: ...


_SETS = {
    "quality": ("auto", "low", "medium", "high", "xhigh", "max"),
    "output_format": ("png", "jpeg", "webp"),
    "background": ("auto", "opaque", "transparent"),
    "moderation": ("auto", "low"),
    "action": ("auto", "generate", "edit"),
}


def job_of(asked: Asked, *, words: str, at: str = "") -> Job:
    """A new picture with these options; raises ``RequestFault`` naming ``at`` + the option."""
    for name in _SETS:
        _one_of(asked, name, at)
    model = asked.model or "gpt-image-2"
    if model.startswith("dall-e"):
        raise _invalid(f"The model {model[:40]!r} does not exist.", f"{at}model")
    if asked.background == "transparent" and asked.output_format == "jpeg":
        raise _invalid("Transparent background needs png or webp.", f"{at}background")
    return Job(
        words=words,
        size=_size(asked.size, f"{at}size"),
        quality="medium" if asked.quality in (None, "auto") else str(asked.quality),
        output_format=asked.output_format or "png",
        compression=asked.output_compression,
        background=asked.background or "auto",
        partials=asked.partial_images or 0,
        model=model,
    )


def _one_of(asked: Asked, name: str, at: str) -> None:
    value = getattr(asked, name, None)
    if value is not None and value not in _SETS[name]:
        allowed = ", ".join(_SETS[name])
        raise _invalid(
            f"Invalid {name} {value[:40]!r}. Supported values are {allowed}.", f"{at}{name}"
        )


def _size(text: str | None, param: str) -> Size | None:
    """The rules for gpt-image-2 (wire.md 1.1)."""
    if text in (None, "auto"):
        return None
    match = re.fullmatch(r"([1-9]\d{0,4})x([1-9]\d{0,4})", str(text))
    if not match:
        raise _invalid(f"Invalid size {str(text)[:40]!r}. Write WIDTHxHEIGHT or auto.", param)
    w, h = int(match[1]), int(match[2])
    reason = (
        "edges must be multiples of 16"
        if w % 16 or h % 16
        else "no edge may exceed 3840"
        if max(w, h) > 3840
        else "the longer edge may be at most 3 times the shorter"
        if max(w, h) > 3 * min(w, h)
        else "the picture must have 655360 to 8294400 pixels"
        if not 655_360 <= w * h <= 8_294_400
        else None
    )
    if reason:
        raise _invalid(f"Invalid size {text!r}: {reason}.", param)
    return w, h


def _invalid(message: str, param: str) -> RequestFault:
    return RequestFault(
        message, code="invalid_value", param=param, type="image_generation_user_error"
    )
