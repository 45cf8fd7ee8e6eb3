"""Policy documents as parsed: places that know their file and path, so a mistake can be named."""

from __future__ import annotations

import base64
import binascii
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import yaml

from ..errors import SettingsError

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parsed(data: bytes) -> object:
    """YAML as plain values; ``yaml.YAMLError`` if it is none.

    Also for a key said twice, of which one would be lost, and for an alias, by which a file of a
    few lines stands for any size.
    """
    loader = _LOADER(data)
    try:
        node = loader.get_single_node()
        _plainly_said(node)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _plainly_said(node: yaml.Node | None) -> None:
    waiting, seen = [node], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            raise yaml.MarkedYAMLError(problem="an alias is not read here", problem_mark=_at(node))
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            names = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
            if twice := [name for name, times in names.items() if times > 1]:
                problem = f"the key {twice[0]!r} stands here twice"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=_at(node))
            waiting += (part for pair in node.value for part in pair)
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value


def _at(node: yaml.Node | None) -> yaml.Mark | None:
    return node.start_mark if node else None


Name = TypeVar("Name", bound=str)
_MISSING = object()


@dataclass(frozen=True)
class Document:
    """One parsed file; ``name`` is for messages."""

    name: str
    body: object


@dataclass(frozen=True)
class Node:
    """A value inside a document."""

    file: str
    path: str
    value: object

    @classmethod
    def root(cls, document: Document) -> Node:
        node = cls(document.name, "", document.body)
        node.children()
        return node

    def wrong(self, reason: str) -> SettingsError:
        """The error to raise: file, place, reason."""
        place = f"{self.file}: {self.path}" if self.path else self.file
        return SettingsError(f"{place}: {reason}", hint="See docs/safety.md for the policy format.")

    def named(self, name: str) -> Node:
        """The same value, called by its id in messages."""
        return replace(self, path=f"rule {name!r}")

    def like(self, value: object) -> Node:
        """Another value, blamed on this place."""
        return replace(self, value=value)

    def has(self, key: str) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def at(self, key: str, default: object = _MISSING) -> Node:
        if not isinstance(self.value, dict):
            raise self.wrong("expected named keys here")
        value = self.value.get(key, default)
        if value is _MISSING:
            raise self.wrong(f"{key!r} is missing")
        return Node(self.file, f"{self.path}.{key}" if self.path else key, value)

    def only(self, keys: Iterable[str]) -> None:
        """Refuse a key that nobody reads: it is a typing mistake or not allowed here."""
        known = set(keys)
        for key, _ in self.children():
            if key not in known:
                allowed = ", ".join(sorted(known))
                raise self.wrong(f"key {key!r} is not allowed here (allowed: {allowed})")

    def children(self) -> Iterator[tuple[str, Node]]:
        if not isinstance(self.value, dict) or not all(isinstance(k, str) for k in self.value):
            raise self.wrong("expected named keys here")
        return iter([(key, self.at(key)) for key in self.value])

    def items(self) -> Iterator[Node]:
        if not isinstance(self.value, list):
            raise self.wrong("expected a list")
        return iter(
            [replace(self, path=f"{self.path}[{i}]", value=v) for i, v in enumerate(self.value)]
        )

    def text(self) -> str:
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.wrong("expected a text that is not empty")
        return self.value.strip()

    def text_or(self, key: str, default: str) -> str:
        return self.at(key).text() if self.has(key) else default

    def number(self) -> int:
        if type(self.value) is not int or self.value < 0:
            raise self.wrong("expected a whole number from 0")
        return self.value

    def real(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self.wrong("expected a number")
        return float(self.value)

    def packed(self) -> bytes:
        """Bytes written as base64 over any number of lines."""
        try:
            return base64.b64decode("".join(self.text().split()), validate=True)
        except binascii.Error as error:
            raise self.wrong(f"expected base64: {error}") from None

    def flag(self, key: str, *, default: bool) -> bool:
        value = self.at(key, default).value
        if not isinstance(value, bool):
            raise self.wrong(f"{key!r} is true or false")
        return value

    def terms(self) -> tuple[str, ...]:
        """Terms of a block of text or of a list of them, separated by commas and line ends."""
        blocks = self.value if isinstance(self.value, list) else [self.value]
        parts: list[str] = []
        for block in blocks:
            if not isinstance(block, str):
                raise self.wrong("expected terms separated by commas (quote numbers and yes/no)")
            parts += (part.strip() for part in block.replace("\n", ",").split(","))
        return tuple(dict.fromkeys(part for part in parts if part))

    def one_of(self, names: Iterable[Name]) -> Name:
        for name in names:
            if name == self.value:
                return name
        raise self.wrong(f"{self.value!r} is unknown (known: {', '.join(sorted(names))})")

    def several(self, names: Iterable[str]) -> tuple[str, ...]:
        """A name or a list of names, each of them known."""
        values = self.value if isinstance(self.value, list) else [self.value]
        return tuple(self.like(value).one_of(names) for value in values)
