"""Which of an answer's texts were told already: streams repeat every text up to four times."""

from __future__ import annotations

Place = tuple[int, int]
"""(position of the item in the output, position of the part in the item); -1: it was not said."""


class Told:
    """Texts by place. Pieces, their sum, the part and the final answer all hold the same words."""

    def __init__(self) -> None:
        self._pieces: dict[Place, list[str]] = {}

    def piece(self, place: Place, piece: str) -> str:
        """One more piece, as it is: pieces never repeat."""
        self._pieces.setdefault(place, []).append(piece)
        return piece

    def whole(self, place: Place, words: str, *, anywhere: bool = False) -> str:
        """What of a complete text was not told yet; ``anywhere``: its place may have moved.

        A text that differs from its own pieces is not told a second time.
        """
        said = "".join(self._pieces.get(place, ()))
        anywhere = anywhere or any(item < 0 for item, _ in self._pieces)
        if said:
            rest = words.removeprefix(said) if words.startswith(said) else ""
        elif anywhere and any(words in "".join(pieces) for pieces in self._pieces.values()):
            rest = ""
        else:
            rest = words
        return self.piece(place, rest)
