"""The conformance lines. A line that must stop is a list of classes: its words are taken from the
policy when the test runs, so that no unsafe request stands in this repository.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

import yaml

from agent.safety.terms import expand
from agent.schema import Decision

POLICY = Path(__file__).parents[2] / "prompts" / "policy"


class Line(TypedDict, total=False):
    """``text``, or ``combine``: ``class:n`` for the n-th term of a class, with ``beside`` added."""

    lang: str
    kind: str
    text: str
    combine: list[str]
    beside: str
    decision: Decision


LINES: list[Line] = [
    json.loads(line)
    for line in Path(__file__).with_name("conformance.jsonl").read_text("utf-8").splitlines()
]


_FRAME = {"en": "a large painting that shows the following: ", "zh": "一幅大画，画着："}
"""Words before the terms, as a real request has them; spelling tricks are told by their number."""


@lru_cache
def _terms(lang: str, name: str) -> tuple[str, ...]:
    block = yaml.safe_load((POLICY / f"{lang}.yaml").read_text("utf-8"))["classes"][name]
    return tuple(term.strip() for term in block.replace("\n", ",").split(",") if term.strip())


def text_of(line: Line) -> str:
    if "text" in line:
        return line["text"]
    picks = (pick.split(":") for pick in line["combine"])
    words = (expand(_terms(line["lang"], name)[int(at)])[0] for name, at in picks)
    said = [word.rstrip("*") for word in words]
    return _FRAME[line["lang"]] + ", ".join([*said, *filter(None, [line.get("beside")])])


def name_of(line: Line) -> str:
    return line.get("text") or " ".join([line["lang"], *line["combine"], line.get("beside", "")])
