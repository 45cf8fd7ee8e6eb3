"""A sandwich for a gateway's own CI: JUnit XML, and the cases that it promises to pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from ..errors import UsageError
from .cases import CASES
from .report import Case, Difference

_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(cases: Sequence[Case]) -> str:
    """One test case per case; what is harmless stands in its output."""
    failed = sum(not case.passed for case in cases)
    seconds = sum(case.elapsed_ms for case in cases) / 1000
    head = (
        f'<testsuite name="limner sandwich" tests="{len(cases)}" failures="{failed}" '
        f'errors="0" time="{seconds:.3f}">'
    )
    rows = [row for case in cases for row in _rows(case)]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *rows, "</testsuite>", ""])


def _rows(case: Case) -> list[str]:
    name, seconds = quoteattr(case.name), case.elapsed_ms / 1000
    rows = [f'  <testcase classname="sandwich" name={name} time="{seconds:.3f}">']
    wrong = [d for d in case.differences if not d.harmless]
    harmless = [d for d in case.differences if d.harmless]
    if wrong:
        text = "\n".join(sentence(d) for d in wrong)
        rows.append(
            f"    <failure message={_attribute(sentence(wrong[0]))}>{_text(text)}</failure>"
        )
    if harmless:
        text = "\n".join(sentence(d) for d in harmless)
        rows.append(f"    <system-out>{_text(text)}</system-out>")
    return [*rows, "  </testcase>"]


def _text(text: str) -> str:
    return escape(_UNPRINTABLE.sub("�", text))


def _attribute(text: str) -> str:
    return quoteattr(_UNPRINTABLE.sub("�", text))


def sentence(difference: Difference) -> str:
    """``dropped_field tools[0].partial_images: 2``; both sides where there are two."""
    both = [side for side in (difference.sent, difference.got) if side]
    said = f": {' → '.join(both)}" if both else ""
    return f"{difference.kind} {difference.where}{said}"


def required(path: Path) -> tuple[str, ...]:
    """One name per line, ``#`` begins a comment; raises ``UsageError`` for an unknown name."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error}).") from error
    names = [line.partition("#")[0].strip() for line in lines]
    known = [case.name for case in CASES]
    for number, name in enumerate(names, start=1):
        if name and name not in known:
            raise UsageError(
                f"{path}:{number}: there is no case {name!r}.",
                hint=f"There are: {', '.join(known)}.",
            )
    return tuple(name for name in names if name)


def missed(cases: Sequence[Case], names: Sequence[str]) -> tuple[str, ...]:
    """Required and not passed."""
    passed = {case.name for case in cases if case.passed}
    return tuple(name for name in names if name not in passed)
