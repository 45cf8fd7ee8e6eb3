"""Whether painted words are right, from what a reader saw who was not told them. Pure.

Two readings must agree, and each must have read a **control** right: words of ours with mistakes
of ours in them. A reader that corrects those corrects the model's mistakes too, and proves nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final, Literal

from ..schema import Record

Verdict = Literal["proved", "wrong", "unsure", "missing"]

_LIKE: Final = 0.7
"""Stray lettering that is this much like words that belong there is a glance at those."""
_QUOTES: Final = str.maketrans("“”„‟«»‘’‚‛`´", "\"\"\"\"\"\"''''''")
"""The shape of a quotation mark is styling; our own prompt asks for the curly ones."""


class Difference(Record):
    """Where a reading leaves the words: ``asked`` stands in the brief, ``read`` on the picture."""

    at: int
    """Characters from the start of the words, blanks not counted."""
    asked: str
    read: str


class LineProof(Record):
    """What is known of one painted text."""

    line_id: str
    part: int = 0
    text: str
    """As it was asked for."""
    verdict: Verdict
    readings: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    reason: str = ""
    """Why it is not proved, in words."""


class Proof(Record):
    """Both readings of a picture. ``proved`` when every painted line is, and nothing else stands there."""

    lines: tuple[LineProof, ...]
    unexpected: tuple[str, ...] = ()
    """Lettering that nobody asked for."""
    believed: bool = True
    """False: a control was read wrong, or an answer did not come, so nothing here is evidence."""
    problem: str = ""

    @property
    def proved(self) -> bool:
        """Nothing is wrong and nothing is open."""
        return (
            self.believed and not self.unexpected and all(p.verdict == "proved" for p in self.lines)
        )

    @property
    def faulty(self) -> tuple[LineProof, ...]:
        """Lines that are not proved."""
        return tuple(one for one in self.lines if one.verdict != "proved")


@dataclass(frozen=True, slots=True)
class Asked:
    """A painted text as it should read. ``caps``: the design sets capitals, so case is styling."""

    line_id: str
    part: int
    text: str
    caps: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader says of one part."""

    text: str
    characters: tuple[str, ...]
    unsure: tuple[str, ...] = ()
    other: str = ""


@dataclass(frozen=True, slots=True)
class Control:
    """Words with mistakes that we put there, and what was read of them."""

    text: str
    seen: Seen


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer: the parts in the order of the painted texts, a control, the whole picture."""

    parts: tuple[Seen, ...]
    control: Control
    whole: Seen


# ── comparing ────────────────────────────────────────────────────────────────────────────────


def folded(text: str, *, caps: bool = False) -> str:
    """What is compared: composed accents, no blanks; with ``caps``, in capitals.

    Digits, prices, dates, accents, punctuation and Chinese characters are kept as they are.
    """
    whole = unicodedata.normalize("NFC", text).translate(_QUOTES)
    bare = "".join(char for char in whole if not char.isspace() and char not in "\u00ad\u200b")
    return unicodedata.normalize("NFC", bare.upper()) if caps else bare


def differences(asked: str, read: str) -> tuple[Difference, ...]:
    """Every place where two folded texts part."""
    matcher = SequenceMatcher(None, asked, read, autojunk=False)
    return tuple(
        Difference(at=a0, asked=asked[a0:a1], read=read[b0:b1])
        for kind, a0, a1, b0, b1 in matcher.get_opcodes()
        if kind != "equal"
    )


def proof_of(
    asked: Sequence[Asked], readings: Sequence[Reading], *, known: Sequence[str] = ()
) -> Proof:
    """The outcome of two readings (or more); fewer prove nothing, unless nothing is ``asked``.

    ``known``: what stands on the picture besides, and is nothing to wonder about.
    """
    lines = tuple(
        _line(one, [reading.parts[i] for reading in readings]) for i, one in enumerate(asked)
    )
    doubted = next((told for reading in readings if (told := _doubt(reading))), "")
    if len(readings) < (2 if asked else 1):
        doubted = doubted or ("only one reading came" if readings else "no reading came")
    strays = dict.fromkeys(
        stray for reading in readings for stray in _strays(asked, reading, known)
    )
    return Proof(
        lines=tuple(_doubtful(one, doubted) for one in lines) if doubted else lines,
        unexpected=tuple(strays),
        believed=not doubted,
        problem=doubted,
    )


def unread(asked: Sequence[Asked], problem: str) -> Proof:
    """Nobody read it: everything is open."""
    lines = [
        LineProof(line_id=a.line_id, part=a.part, text=a.text, verdict="unsure", reason=problem)
        for a in asked
    ]
    return Proof(lines=tuple(lines), believed=False, problem=problem)


def _line(asked: Asked, seen: Sequence[Seen]) -> LineProof:
    right = folded(asked.text, caps=asked.caps)
    found = [_read(one, caps=asked.caps) for one in seen]
    verdict, reason = _verdict(right, found, seen)
    apart = differences(right, found[0]) if verdict == "wrong" and found and found[0] else ()
    return LineProof(
        line_id=asked.line_id,
        part=asked.part,
        text=asked.text,
        verdict=verdict,
        readings=tuple(one.text for one in seen),
        differences=apart,
        reason=reason,
    )


def _read(seen: Seen, *, caps: bool) -> str | None:
    """The folded text; ``None`` where the reader contradicts itself."""
    text, spelt = folded(seen.text, caps=caps), folded("".join(seen.characters), caps=caps)
    return text if text == spelt else None


def _verdict(right: str, found: Sequence[str | None], seen: Sequence[Seen]) -> tuple[Verdict, str]:
    if any(one.unsure for one in seen):
        doubtful = dict.fromkeys(char for one in seen for char in one.unsure)
        return "unsure", f"could not be told for certain: {' '.join(doubtful)[:60]}"
    if any(one is None for one in found):
        return "unsure", "what was read as a whole and letter by letter are not the same"
    if len(set(found)) > 1 or not found:
        return "unsure", "two readings disagree"
    if found[0] == right:
        return "proved", ""
    return (
        ("wrong", "is not what was asked for") if found[0] else ("missing", "nothing stands there")
    )


def _doubt(reading: Reading) -> str:
    """Why a reading is no evidence; empty when it is."""
    seen = reading.control.seen
    if _read(seen, caps=False) == folded(reading.control.text) and not seen.unsure:
        return ""
    return f"the reader said {seen.text[:60]!r} where we had written {reading.control.text!r}"


def _doubtful(line: LineProof, why: str) -> LineProof:
    return line.model_copy(update={"verdict": "unsure", "differences": (), "reason": why})


_NOTHING: Final = re.compile(
    r"[(\[<]?\s*(?:none|nothing|empty|n/?a|no (?:visible |other )?(?:text|lettering|words|writing)"
    r"(?: visible)?|无|没有文字|无文字)\s*[)\]>]?[.。]?",
    re.IGNORECASE,
)
"""All that a reader says who was to leave it empty."""


def _strays(asked: Sequence[Asked], reading: Reading, known: Sequence[str]) -> list[str]:
    """Lettering on the whole picture that is neither asked for nor a glance at what is."""
    texts = [*(one.text for one in asked), *known, *(seen.text for seen in reading.parts)]
    words = [word for text in texts for word in text.split()]
    there = {folded(text, caps=True) for text in (*texts, *words)}
    meant = {folded(text, caps=True) for text in (*(one.text for one in asked), *known)}
    told = (reading.whole.text, reading.whole.other)
    pieces = [
        line for text in told if not _NOTHING.fullmatch(text.strip()) for line in text.splitlines()
    ]
    whole = [folded(piece, caps=True) for piece in pieces]
    return [
        piece.strip()
        for i, piece in enumerate(pieces)
        if _foreign(piece, there) or _twice(whole[i], [*whole[:i], *whole[i + 1 :]], meant)
    ]


def _twice(piece: str, others: Sequence[str], meant: Iterable[str]) -> bool:
    """Nearly a text that stands there besides, as it was asked for: a second one, misspelt."""
    if any(piece in text for text in meant):
        return False
    like = [text for text in meant if _alike(piece, text)]
    rest = "".join(others)
    return bool(like) and all(text in rest for text in like)


def _alike(piece: str, text: str) -> bool:
    return SequenceMatcher(None, piece, text, autojunk=False).ratio() >= _LIKE


def _foreign(piece: str, there: Iterable[str]) -> bool:
    """A line of lettering in which there is more than a row of what belongs there."""
    whole = folded(piece, caps=True)
    if not _stray(whole, there):
        return False
    if all(_at_home(folded(word, caps=True), there) for word in piece.split()):
        return False
    for text in sorted((text for text in there if len(text) > 1), key=len, reverse=True):
        whole = whole.replace(text, " ")
    return any(char.isalnum() for char in whole)


def _at_home(word: str, there: Iterable[str]) -> bool:
    """Short words are too much like others to be taken for a glance at them."""
    return word in there or not _stray(word, there if len(word) > 3 else ())


def _stray(piece: str, known: Iterable[str]) -> bool:
    """Not a part of one text, nor much the same as one."""
    if not any(char.isalnum() for char in piece):
        return False
    return not any(
        piece in text
        or (text and text in piece and len(piece) <= 1.5 * len(text))
        or _alike(piece, text)
        or _most_inside(piece, text)
        for text in known
    )


def _most_inside(piece: str, text: str) -> bool:
    """A broken line of a longer text, with a letter or two misread."""
    blocks = SequenceMatcher(None, piece, text, autojunk=False).get_matching_blocks()
    return len(piece) >= 3 and sum(b.size for b in blocks if b.size > 1) >= 0.75 * len(piece)


# ── controls ─────────────────────────────────────────────────────────────────────────────────

_WORD = re.compile(r"\S+")
_TURNED: Final = str.maketrans(
    "0123456789市末未己已土士開会門们",
    "3728569014巿未末已己士土开會门們",
)
_ACCENTS: Final = str.maketrans(
    "áéíóúàèìòùäöüâêîôûñçåøłńśźżčřšž", "aeiouaeiouaouaeiounceolnszzcrsz"
)


def misspelt(text: str, *, turn: int = 0) -> str:
    """The same words, none of them right: what a reader is tested with.

    As no word is right, nobody can copy the right spelling from it. ``turn`` makes another one.
    """
    words = [_slipped(word, turn) for word in text.split()]
    made = " ".join(words)
    return made if folded(made) != folded(text) else made + made[:1]


def _slipped(word: str, turn: int) -> str:
    """Two neighbours change places; figures, accents and look-alikes are turned into others."""
    turned = word.lower().translate(_ACCENTS) if word.islower() else word
    turned = turned.translate(_TURNED)
    letters = list(turned)
    pairs = [
        i
        for i in range(len(letters) - 1)
        if letters[i].isalpha()
        and letters[i + 1].isalpha()
        and letters[i].casefold() != letters[i + 1].casefold()
    ]
    inner = [i for i in pairs if i > 0] or pairs
    if inner:
        i = inner[turn % len(inner)]
        letters[i], letters[i + 1] = letters[i + 1], letters[i]
    return "".join(letters)
