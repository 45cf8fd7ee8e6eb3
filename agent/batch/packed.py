"""Records pressed together, for thousands of them: each is unpacked when its turn comes."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

from ..schema import Record

R = TypeVar("R", bound=Record)


class Packed(Mapping[str, R], Generic[R]):
    """By name, in the order in which they came. What is taken out is a copy."""

    def __init__(self, record: type[R]) -> None:
        self._record = record
        self._held: dict[str, bytes] = {}

    def keep(self, name: str, one: R) -> None:
        """In place of an earlier one of that name."""
        text = one.model_dump_json(exclude_unset=True)
        self._held[name] = zlib.compress(text.encode(), level=1)

    def __getitem__(self, name: str) -> R:
        return self._record.model_validate_json(zlib.decompress(self._held[name]))

    def __contains__(self, name: object) -> bool:
        return name in self._held

    def __iter__(self) -> Iterator[str]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)
