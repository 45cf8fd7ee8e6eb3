"""A brief as a person writes it: the published schema. ``filling`` makes a ``Brief`` of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from ..schema import Background, OutputFormat, Quality, Record
from .brief import Lettering, Role, TypeFeel

LOCALE = r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}"
MOST_TEXT = 600
MOST_LINES = 60

Words = Annotated[str, StringConstraints(max_length=MOST_TEXT)]
Tag = Annotated[str, StringConstraints(pattern=f"^{LOCALE}$")]


def _listed(value: object) -> object:
    """One entry may stand without brackets."""
    return [value] if isinstance(value, str) else value


Text = Annotated[
    Words | dict[Tag, Words],
    Field(description="The exact words: the same in every locale, or one text for each locale."),
]
Several = BeforeValidator(_listed)


class _Written(Record):
    model_config = ConfigDict(frozen=True, extra="forbid", title=None)


class WrittenLine(_Written):
    """One more text: a price, a speaker, a date of a tour, small print."""

    text: Text
    role: Role = "line"
    id: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")
    lettering: Lettering | None = Field(
        default=None, description="painted by the model, or set as type by Limner"
    )
    box: tuple[float, float, float, float] | None = Field(
        default=None,
        description="Left, top, right, bottom in fractions of the poster; else the layout decides",
    )
    only: Annotated[tuple[str, ...], Several] = Field(
        default=(), description="Names of the sizes it stands on; else on all"
    )


class WrittenSize(_Written):
    """A size with a name of its own."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$")
    pixels: str | None = Field(default=None, description="1500x500")
    mm: str | None = Field(default=None, description="210x297, after cutting")
    dpi: int = Field(default=300, ge=36, le=1200)
    bleed: float = Field(default=0.0, ge=0, le=20, description="Millimetres on each side")


class WrittenOptions(_Written):
    """What is asked of the image model."""

    model: str | None = None
    quality: Quality | None = None
    output_format: OutputFormat | None = None
    output_compression: int | None = Field(default=None, ge=0, le=100)
    background: Background | None = None
    moderation: Literal["auto", "low"] | None = None


class WrittenBrief(_Written):
    """A brief for posters: what they say, exactly, and how they are to look."""

    title: Text
    subtitle: Text | None = None
    date: Text | None = None
    time: Text | None = None
    place: Text | None = None
    cta: Text | None = Field(default=None, description="Call to action")
    lines: tuple[WrittenLine, ...] = Field(default=(), max_length=MOST_LINES)
    motif: Words = Field(default="", description="What the picture shows, in a sentence")
    tone: Words = ""
    notes: Annotated[str, StringConstraints(max_length=4000)] = Field(
        default="", description="More for the picture; the body of a Markdown brief"
    )
    palette: Annotated[tuple[str, ...], Several] = Field(
        default=(), max_length=8, description="Colours as #rrggbb"
    )
    type: TypeFeel = "poster"
    must: Annotated[tuple[Words, ...], Several] = Field(default=(), max_length=20)
    avoid: Annotated[tuple[Words, ...], Several] = Field(default=(), max_length=20)
    references: Annotated[tuple[str, ...], Several] = Field(
        default=(), max_length=8, description="Picture files, relative to the brief"
    )
    logo: str | None = Field(
        default=None, description="Picture file, laid on unchanged; relative to the brief"
    )
    qr: str | None = Field(default=None, description="What the QR code leads to")
    sizes: Annotated[tuple[str | WrittenSize, ...], Several] = Field(
        default=("a4",),
        min_length=1,
        max_length=12,
        description="a3 a4 story square banner, 1500x500, 210x297mm@300+3, or a named size",
    )
    locales: Annotated[tuple[Tag, ...], Several] = Field(
        default=(), max_length=24, description="In the order of delivery; else those of the texts"
    )
    variants: int = Field(default=1, ge=1, le=8)
    lettering: Lettering | None = None
    options: WrittenOptions = WrittenOptions()
    budget: Decimal | None = Field(default=None, gt=0, description="For the whole brief")
    name: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9][a-z0-9-]{0,63}$",
        description="Name of the folder; else that of the file",
    )


def schema() -> dict[str, object]:
    """The published JSON Schema (2020-12)."""
    made = WrittenBrief.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "title": "Limner brief",
    }
