"""Text of a brief → its values and the line each stands on: YAML, JSON, Markdown with front matter.

Every scalar stays the text that was written (``12.50``, ``19:30``, ``no``), since a poster shows
what was written. Nothing is expanded beyond a budget, nothing nests beyond a depth, no tag is obeyed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NoReturn

import yaml
from yaml import events

from .brief import BriefError, Problem

Value = str | list["Value"] | dict[str, "Value"]
Path = tuple[str | int, ...]
Form = Literal["yaml", "json", "markdown"]

MOST_BYTES: Final = 256 * 1024
MOST_DEPTH: Final = 12
MOST_NODES: Final = 20_000
"""After aliases are put in: nine lines of YAML can name a billion."""
_FORMS: Final[dict[str, Form]] = {
    "yaml": "yaml",
    "yml": "yaml",
    "json": "json",
    "md": "markdown",
    "markdown": "markdown",
}
_FRONT = re.compile(r"\A---[ \t]*\n(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_HALF = r"\\u(d[89ab][0-9a-f]{2})"
_ESCAPES = re.compile(
    rf"\\\\|{_HALF}\\u(d[c-f][0-9a-f]{{2}})|\\ud[89a-f][0-9a-f]{{2}}", re.IGNORECASE
)
"""Escaped backslashes, which are left alone, and the escapes of halves of characters."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What was written. ``lines``: path of a value → its line, from 1; ``body``: below front matter."""

    value: dict[str, Value]
    lines: dict[Path, int] = field(default_factory=dict)
    body: str = ""
    problems: tuple[Problem, ...] = ()

    def line(self, path: Path) -> int | None:
        """Of the value, or of the nearest one that holds it."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return self.lines.get(())


def read(data: bytes, *, name: str = "") -> Tree:
    """The tree of a file's bytes; ``BriefError`` for what cannot be read at all."""
    if len(data) > MOST_BYTES:
        _fail(f"has {len(data):,} bytes; a brief has {MOST_BYTES:,} at most")
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        _fail("is not UTF-8 text", line, hint="save it as UTF-8")
    form = form_of(text, name)
    if form == "markdown":
        return _markdown(text)
    if form == "json":
        _strict_json(text)
        text = _ESCAPES.sub(_joined, text)
    return _yaml(text, 0)


def form_of(text: str, name: str) -> Form:
    """By the suffix of the name, else by its looks."""
    known = _FORMS.get(name.rsplit(".", 1)[-1].lower()) if "." in name else None
    if known:
        return known
    if text.lstrip().startswith("{"):
        return "json"
    found = _FRONT.match(text)
    return "markdown" if found and text[found.end() :].strip() else "yaml"


def _fail(message: str, line: int | None = None, *, hint: str = "") -> NoReturn:
    raise BriefError((Problem(field="", message=message, line=line, hint=hint),))


def _markdown(text: str) -> Tree:
    found = _FRONT.match(text)
    if found is None:
        _fail(
            "has no front matter",
            1,
            hint="begin with a line ---, then title: and the rest, then another line ---",
        )
    tree = _yaml(found[1], 1)
    return Tree(tree.value, tree.lines, text[found.end() :].strip(), tree.problems)


def _strict_json(text: str) -> None:
    """YAML reads more than JSON; a file that says it is JSON has to be."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        _fail(f"is not JSON: {error.msg}", error.lineno)
    except RecursionError:
        _fail(f"nests deeper than {MOST_DEPTH}")


def _joined(found: re.Match[str]) -> str:
    """JSON writes 😀 as two escapes, YAML as one; half a character becomes U+FFFD."""
    if found[0] == "\\\\":
        return found[0]
    if not found[1]:
        return "\\ufffd"
    code = 0x10000 + ((int(found[1], 16) - 0xD800) << 10) + int(found[2], 16) - 0xDC00
    return f"\\U{code:08x}"


def _yaml(text: str, before: int) -> Tree:
    """``before``: lines of the file above this text."""
    try:
        return _Builder(before).build(_events(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 + before if mark else None
        problem = error.problem or "it cannot be read"
        _fail(f"is not YAML: {problem}", line, hint=_advice(problem))
    except yaml.YAMLError as error:
        _fail(f"is not YAML: {str(error).splitlines()[0]}")


def _advice(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return 'put a text with a colon in quotes: title: "Act 2: The Storm"'
    if "\\t" in problem:
        return "indent with blanks, not tabs"
    return ""


def _events(text: str) -> Iterator[events.Event]:
    if "\t" in text:
        # JSON may be indented with tabs, which YAML refuses
        text = re.sub(r"^\t+", lambda tabs: "  " * len(tabs[0]), text, flags=re.MULTILINE)
    return yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@dataclass(slots=True)
class _Open:
    """A list or mapping under way. ``keys``: of a mapping, and the line of each."""

    value: list[Value] | dict[str, Value]
    path: Path
    anchor: str | None
    keys: dict[str, int] = field(default_factory=dict)
    key: str | None = None


class _Builder:
    """Events of a YAML parser → one tree, within the budgets, without recursion."""

    def __init__(self, before: int) -> None:
        self.before = before
        self.stack: list[_Open] = []
        self.lines: dict[Path, int] = {}
        self.anchors: dict[str, tuple[Value, int]] = {}
        self.nodes = 0
        self.problems: list[Problem] = []
        self.root: Value | None = None
        self.documents = 0

    def build(self, told: Iterator[events.Event]) -> Tree:
        for event in told:
            self._take(event, _line(event) + self.before)
        if not isinstance(self.root, dict):
            _fail("holds no fields", 1, hint="write at least title: and motif:")
        return Tree(self.root, self.lines, "", tuple(self.problems))

    def _take(self, event: events.Event, line: int) -> None:
        if isinstance(event, events.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                _fail("holds a second document", line, hint="one brief per file")
        elif isinstance(event, events.AliasEvent):
            self._alias(event.anchor or "", line)
        elif isinstance(event, events.ScalarEvent):
            self._scalar(event, line)
        elif isinstance(event, events.SequenceStartEvent):
            self._open([], event.anchor, line)
        elif isinstance(event, events.MappingStartEvent):
            self._open({}, event.anchor, line)
        elif isinstance(event, events.SequenceEndEvent | events.MappingEndEvent):
            closed = self.stack.pop()
            if closed.anchor:
                self.anchors[closed.anchor] = (closed.value, _size(closed.value))

    def _count(self, more: int, line: int) -> None:
        self.nodes += more
        if self.nodes > MOST_NODES:
            _fail(f"holds more than {MOST_NODES:,} values once its aliases are put in", line)

    def _open(self, value: list[Value] | dict[str, Value], anchor: str | None, line: int) -> None:
        if len(self.stack) >= MOST_DEPTH:
            _fail(f"nests deeper than {MOST_DEPTH}", line)
        self._count(1, line)
        if self._wants_key():
            _fail("has a list or a mapping for a key", line)
        path = self._place(value, line)
        self.stack.append(_Open(value, path, anchor))

    def _scalar(self, event: events.ScalarEvent, line: int) -> None:
        self._count(1, line)
        if self._wants_key():
            self._key(event.value, line)
            return
        plain = event.implicit[0] and event.value in ("~", "null", "Null", "NULL")
        text = "" if plain else event.value
        if event.anchor:
            self.anchors[event.anchor] = (text, 1)
        self._place(text, line)

    def _alias(self, anchor: str, line: int) -> None:
        if anchor not in self.anchors:
            _fail(f"alias *{anchor} names nothing above it, or holds itself", line)
        value, size = self.anchors[anchor]
        self._count(size, line)
        if self._wants_key():
            _fail(f"alias *{anchor} stands for a key", line, hint="write the key itself")
        self._place(value, line)

    def _wants_key(self) -> bool:
        return bool(self.stack) and isinstance(self.stack[-1].value, dict) and not self._keyed()

    def _keyed(self) -> bool:
        return self.stack[-1].key is not None

    def _key(self, key: str, line: int) -> None:
        top = self.stack[-1]
        if key in top.keys:
            self.problems.append(
                Problem(
                    field=dotted((*top.path, key)),
                    line=line,
                    message=f"is written twice, first on line {top.keys[key]}",
                    hint="keep one of them",
                )
            )
        if key == "<<":
            _fail("merges with <<, which a brief does not need", line, hint="write the fields out")
        top.keys.setdefault(key, line)
        top.key = key

    def _place(self, value: Value, line: int) -> Path:
        if not self.stack:
            self.root = value
            self.lines[()] = line
            return ()
        top = self.stack[-1]
        if isinstance(top.value, list):
            path = (*top.path, len(top.value))
            top.value.append(value)
        else:
            assert top.key is not None
            path = (*top.path, top.key)
            top.value.setdefault(top.key, value)
            line, top.key = top.keys[top.key], None
        self.lines.setdefault(path, line)
        return path


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _size(value: Value) -> int:
    """Values inside, the budget having been kept while they were built."""
    if isinstance(value, str):
        return 1
    inside = value.values() if isinstance(value, dict) else value
    return 1 + sum(_size(one) for one in inside)


def dotted(path: Path) -> str:
    """``lines[2].role``."""
    told = ""
    for part in path:
        told += f"[{part}]" if isinstance(part, int) else f".{part}" if told else part
    return told
