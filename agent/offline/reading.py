"""The reader: says what stands in pictures, from their pixels, and no more than that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from ..wire.fields import JsonObject
from .memory import Memory, Seen


@dataclass(frozen=True, slots=True)
class Reader:
    """``corrects``: it puts the right or the usual spelling in place of what stands there."""

    memory: Memory
    corrects: bool = False

    def see(self, data: bytes) -> Seen:
        """What one picture, or part of one, shows."""
        return self.memory.see(data)

    def part(self, seen: Seen) -> JsonObject:
        """The facts of one part, as a question for transcription may ask for them."""
        if not seen.known:
            return {"readable": False, "status": "unreadable", "text": "", "lines": []}
        lines = [self.memory.corrected(line) if self.corrects else line for line in seen.lines]
        text = "\n".join(lines)
        whole = not seen.unread
        return {
            "readable": whole or bool(lines),
            "status": "readable" if whole else "unreadable in part",
            "lines": [*lines],
            "text": text,
            "characters": _characters(text),
            "unsure": [] if whole else ["?"],
        }

    def parts(self, pictures: Sequence[bytes]) -> list[JsonValue]:
        """The facts of each, in order, numbered from 1."""
        found: list[JsonValue] = []
        for number, data in enumerate(pictures, 1):
            seen = self.see(data)
            found.append({**self.part(seen), "number": number, "index": number, "part": number})
        return found


def _characters(text: str) -> list[JsonValue]:
    """One by one, without blanks."""
    return [char for char in text if not char.isspace()]
