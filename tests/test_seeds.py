"""``docs/seeds.md`` holds every requirement once, and names only what there is."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "seeds.md").read_text("utf-8")
NUMBERS = [f"R{n}" for n in range(1, 60)] + [f"C{n}" for n in range(1, 13)]
PLANNED = {"posters", "HTTP API", "batch", "pre-filter depth", "ladder", "one flag for a draft"}
CODE = re.compile(r"`([^`]+)`")
TEST = re.compile(r"(tests/[\w/]+\.py)::(test_\w+)")
REMARK = re.compile(r"\b(planned|differs): *([^;|]*)")


class Row(NamedTuple):
    """One line of a table."""

    number: str
    asks: str
    lives: str
    proof: str


def rows() -> list[Row]:
    found = []
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if re.fullmatch(r"[RC]\d+", cells[0]):
            found.append(Row(*cells))
    return found


@cache
def functions_in(path: str) -> frozenset[str]:
    """The functions at the top of a file; none where there is no file."""
    file = ROOT / path
    tree = ast.parse(file.read_text("utf-8")) if file.is_file() else ast.Module([], [])
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in tree.body if isinstance(node, kinds))


def test_every_number_is_there_once_and_in_order() -> None:
    assert [row.number for row in rows()] == NUMBERS


def test_a_row_says_in_few_words_what_is_asked() -> None:
    assert [row for row in rows() if not 10 <= len(row.asks) <= 100] == []


def test_every_place_that_is_named_exists() -> None:
    named = {row.number: CODE.findall(row.lives) for row in rows()}

    assert [number for number, places in named.items() if not places] == []
    gone = {place for places in named.values() for place in places if not (ROOT / place).is_file()}
    assert gone == set()


def test_every_test_that_is_named_exists() -> None:
    named = {text for row in rows() for text in CODE.findall(row.proof) if "tests/" in text}
    found = [TEST.fullmatch(text) for text in named]

    assert len(found) > 100
    assert all(found), sorted(named)
    assert [m[0] for m in found if m and m[2] not in functions_in(m[1])] == []


def test_what_no_test_proves_says_why() -> None:
    unproved = [row for row in rows() if not TEST.search(row.proof)]

    assert [row.number for row in unproved if not REMARK.search(row.proof)] == []


def test_what_is_planned_is_named_as_elsewhere_and_what_differs_has_a_reason() -> None:
    remarks = [remark for row in rows() for remark in REMARK.findall(row.proof)]

    assert {kind for kind, _ in remarks} == {"planned", "differs"}
    assert [words for kind, words in remarks if kind == "differs" and len(words) < 20] == []
    plans = {words.partition(",")[0].strip() for kind, words in remarks if kind == "planned"}
    assert plans <= PLANNED


def test_every_number_that_the_code_names_is_on_the_page() -> None:
    """Comments and messages name R and C numbers; this page is where they are explained."""
    files = [*(ROOT / "agent").rglob("*.py"), *(ROOT / "prompts").rglob("*.toml")]
    texts = [file.read_text("utf-8") for file in files]
    named = {number for text in texts for number in re.findall(r"\b[RC]\d{1,2}\b", text)}

    assert named
    assert named <= set(NUMBERS), sorted(named - set(NUMBERS))
