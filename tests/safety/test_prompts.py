"""The released texts of the safety room are what the manifest says, short, and safe to send."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

PROMPTS = Path(__file__).parents[2] / "prompts"
MANIFEST = tomllib.loads((PROMPTS / "manifest.toml").read_text("utf-8"))["prompt"]
OURS = [entry for entry in MANIFEST if entry["id"].split("/")[0] in ("policy", "preamble")]
VARIANTS = ("standard", "family", "no-people")


def preamble(name: str) -> str:
    return (PROMPTS / "preamble" / f"{name}.v1.md").read_text("utf-8")


@pytest.mark.parametrize("entry", OURS, ids=lambda entry: entry["id"])
def test_a_released_file_is_as_it_was_released(entry: dict[str, str]) -> None:
    data = (PROMPTS / entry["file"]).read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]


def test_every_safety_file_has_exactly_one_entry() -> None:
    files = [*PROMPTS.glob("policy/*"), *PROMPTS.glob("preamble/*")]
    assert sorted(entry["file"] for entry in OURS) == sorted(
        str(file.relative_to(PROMPTS).as_posix()) for file in files
    )


@pytest.mark.parametrize("name", [*VARIANTS, *(f"{name}-plain" for name in VARIANTS)])
def test_a_preamble_is_one_to_three_sentences(name: str) -> None:
    assert 1 <= len(re.findall(r"[.](?:\s|$)", preamble(name))) <= 3


@pytest.mark.parametrize("name", VARIANTS)
def test_the_plain_wording_has_no_word_that_lists_trip_on(name: str) -> None:
    listed = r"nud|naked|sex|explicit|minor|child|gore|blood|violen|teen|girl|boy|kid"
    assert not re.search(listed, preamble(f"{name}-plain"), re.IGNORECASE)
