"""Character data of the views: how one character reads, whatever alphabet it was taken from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

DASHES = dict.fromkeys("‐‑‒–—―−⁃", "-")
QUOTES = dict.fromkeys("‘’‛′`´", "'")
FILLERS = dict.fromkeys("\u115f\u1160\u3164\uffa0", "") | {"\u2800": " "}
"""Letters and symbols that draw nothing; Unicode files them as visible."""
_CACHED = 20_000
_KEPT_CONTROLS = "\t\n\r"


class FoldTable(dict[int, str]):
    """``str.translate`` table that works out each character once: NFKD, no marks, casefold, simplified.

    Every character maps on its own, so the place of a folded character in the original is the sum
    of the lengths before it.
    """

    def __init__(self, simplified: Mapping[str, str]) -> None:
        super().__init__()
        self._simplified = dict(simplified)
        self._fixed = DASHES | QUOTES | FILLERS | dict.fromkeys("\x85\u2028\u2029", "\n")

    def __missing__(self, code: int) -> str:
        folded = self._fold(chr(code))
        if len(self) < _CACHED:
            self[code] = folded
        return folded

    def _fold(self, char: str) -> str:
        if char in self._fixed:
            return self._fixed[char]
        category = unicodedata.category(char)
        if category in ("Cf", "Cs", "Mn", "Me") or (
            category == "Cc" and char not in _KEPT_CONTROLS
        ):
            return ""
        if _is_syllable(char):
            return unicodedata.normalize("NFKC", char)
        bare = _without_marks(_without_marks(char).casefold())
        return "".join(self._fixed.get(piece, self._simplified.get(piece, piece)) for piece in bare)


def _is_syllable(char: str) -> bool:
    """Kana and Hangul lose their meaning when taken apart."""
    return "\u3040" <= char <= "\u30ff" or "\uac00" <= char <= "\ud7a3"


def _without_marks(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text)
    return "".join(char for char in apart if unicodedata.category(char) not in ("Mn", "Me"))


@dataclass(frozen=True)
class Letters:
    """What the views need to know about characters; comes from the policy data.

    ``lookalikes`` maps letters of other alphabets to the Latin letter they are drawn like;
    ``leet`` digits and signs to the letter they stand for, ``leet_other`` to the second choice.
    """

    lookalikes: Mapping[str, str] = field(default_factory=dict)
    simplified: Mapping[str, str] = field(default_factory=dict)
    leet: Mapping[str, str] = field(default_factory=dict)
    leet_other: Mapping[str, str] = field(default_factory=dict)
    fold: FoldTable = field(init=False, repr=False, compare=False)
    foreign: re.Pattern[str] = field(init=False, repr=False, compare=False)
    """Finds a character that ``lookalikes`` knows."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fold", FoldTable(self.simplified))
        known = "".join(map(re.escape, self.lookalikes))
        object.__setattr__(self, "foreign", re.compile(f"[{known}]" if known else r"(?!)"))
