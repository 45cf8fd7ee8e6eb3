"""A brief drafted from a sentence or from answers, as YAML with comments for a person to edit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field

from ..turn import prompts
from .brief import TypeFeel

if TYPE_CHECKING:
    from .. import ImageAgent
    from ..schema import Failure

MOST_WORDS: Final = 5
_QUOTED = re.compile(r"[\"“”«»「『](.+?)[\"“”«»」』]")
_ASKS: Final = re.compile(
    r"^(?:please\s+)?(?:(?:an?|the)\s+)?(?:posters?\s+)?(?:for\s+)?(?:(?:an?|the|our|my)\s+)?",
    re.IGNORECASE,
)
_ENDS: Final = re.compile(r"[,.;:!?，。；：！？]|\s(?:on|at|with|from|in)\s", re.IGNORECASE)
_COLOURS: Final = ("#14213d", "#7a2e3a", "#e07a3f", "#f4c95d", "#fff8e7")
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


class Draft(BaseModel):
    """What is asked of a model, and of a person at a terminal. Empty: not known."""

    model_config = ConfigDict(frozen=True)

    title: str = Field(min_length=1)
    subtitle: str = ""
    date: str = ""
    time: str = ""
    place: str = ""
    cta: str = ""
    lines: tuple[str, ...] = ()
    contact: str = ""
    motif: str = ""
    tone: str = ""
    palette: tuple[str, ...] = ()
    type: TypeFeel = "poster"


FIELDS: Final = (
    ("subtitle", "One line that says what it is"),
    ("date", "When: the date as it should be read"),
    ("time", "At what time"),
    ("place", "Where"),
    ("cta", "What readers should do"),
    ("contact", "An address, a phone number or a web page"),
    ("motif", "What the picture shows, in a sentence"),
    ("tone", "How it should feel, in a few words"),
)
"""Asked one after the other after the title; every one of them may be left out."""


async def drafted(agent: ImageAgent, sentence: str) -> Draft | Failure:
    """A draft by the model; offline by rule, since the artist writes no texts."""
    if agent.offline:
        return by_rule(sentence)
    question, _ = prompts.text("poster/draft", values={"request": sentence.strip()})
    answered = await agent.ask(question, schema=Draft)
    if answered.value is None:
        assert answered.failure is not None
        return answered.failure
    return answered.value


def by_rule(sentence: str) -> Draft:
    """The quoted words, else the first few, for a title; the sentence for a motif."""
    words = " ".join(sentence.split())
    quoted = _QUOTED.search(words)
    title = quoted[1] if quoted else _first(words)
    return Draft(title=title, motif=words, palette=_COLOURS)


def _first(words: str) -> str:
    """Up to the first comma or "on", five words at most, without what only asks."""
    bare = _ASKS.sub("", words)
    head = _ENDS.split(bare or words)[0].split()
    title = " ".join(head[:MOST_WORDS]) or words[:30]
    return title[:1].upper() + title[1:40]


def as_yaml(draft: Draft) -> str:
    """A brief that loads as it is; what is not known stands there as a comment."""
    return "\n".join(_lines(draft)) + "\n"


def _lines(draft: Draft) -> Iterator[str]:
    yield "# A brief for posters. Every text is exactly what will be read: check names, dates, prices."
    yield '# Several languages: title: {en: "…", de: "…"}. `limner brief check` says what is wrong.'
    yield f"title: {_text(draft.title)}"
    for name in ("subtitle", "date", "time", "place", "cta"):
        yield _field(name, getattr(draft, name))
    entries = [*(("line", text) for text in draft.lines), ("contact", draft.contact)]
    kept = [(role, text) for role, text in entries if text.strip()]
    yield "lines:" if kept else "# lines:  # prices, speakers, small print; columns with |"
    for role, text in kept:
        yield f"  - {{role: {role}, text: {_text(text)}}}"
    yield '#  - {role: price, text: "Adults | €8"}'
    yield '#  - {role: legal, text: "No refunds.", only: [a4]}'
    yield ""
    yield "# The picture"
    yield _field("motif", draft.motif)
    yield _field("tone", draft.tone)
    colours = [colour for colour in draft.palette if _HEX.fullmatch(colour)][:8]
    yield _listed("palette", colours or list(_COLOURS), known=bool(colours))
    yield f"type: {draft.type}  # poster, bold, classic or plain"
    yield "# logo: logo.png  # laid on unchanged"
    yield "# qr: https://…  # read again as proof"
    yield ""
    yield "sizes: [a4, story, square]  # a3 a4 story square banner, 1500x500, 210x297mm@300+3"
    yield "# variants: 2"
    yield "# budget: 2.50"


def _field(name: str, text: str) -> str:
    return f"{name}: {_text(text)}" if text.strip() else f"# {name}:"


def _listed(name: str, texts: list[str], *, known: bool) -> str:
    listed = ", ".join(_text(text) for text in texts)
    return f"{'' if known else '# '}{name}: [{listed}]"


def _text(text: str) -> str:
    """In double quotes, which YAML reads as JSON does."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)
