"""What an answer will consist of, decided before anything is drawn."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..schema import Operation
from ..wire.fields import JsonObject

Size = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One picture to make, every choice resolved except a size left to the edited picture."""

    words: str
    base: bytes | None = field(default=None, repr=False)
    """The picture to change; ``None`` draws a new one."""
    mask: bytes | None = field(default=None, repr=False)
    size: Size | None = None
    """``None``: 1024x1024, or the size of ``base``."""
    quality: str = "medium"
    output_format: str = "png"
    compression: int | None = None
    background: str = "auto"
    partials: int = 0
    number: int = 0
    """Several pictures of one prompt differ by this."""
    model: str = "gpt-image-2"
    spelt: str | None = None
    """What is drawn in place of ``words``, where a fault misspells them."""
    meant: tuple[tuple[str, str], ...] = ()
    """Misspelt texts, each with what it should have been."""
    redraws: bool = False
    """An edit changes every pixel, also outside its mask."""

    @property
    def obeyed(self) -> str:
        """The words as the artist reads them."""
        return self.words if self.spelt is None else self.spelt

    @property
    def action(self) -> Operation:
        return "generate" if self.base is None else "edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Pictures first, then one message (``None``: no message item at all)."""

    jobs: tuple[Job, ...] = ()
    text: str | None = None
    refusal: bool = False
    """The text goes out as a typed refusal part."""
    stripped: bool = False
    """The image tool is missing from the echoed ``tools`` (D28)."""
    failure: JsonObject | None = None
    """Nothing is drawn: each picture item comes back ``failed`` with this error."""
    end: str = "completed"
    """``completed | failed | incomplete``"""
    detail: JsonObject | None = None
    """``error`` or ``incomplete_details`` of an answer that did not complete."""
    break_with: JsonObject | None = None
    """An error event in place of everything after the opening."""
    stalls: bool = False
    """Nothing more is ever said once drawing is announced."""
