"""``limner skill``: a file for coding agents, installed without destroying anybody's own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from agent.doors.cli import skill
from tests.doors.conftest import Limner
from tests.doors.test_startup import modules_after

ROOT = Path(__file__).resolve().parents[2]
SKILL = ROOT / "skills" / "limner" / "SKILL.md"


def test_show_prints_the_file(limner: Limner) -> None:
    assert limner("skill", "show").out == SKILL.read_text("utf-8")


def test_install_puts_it_where_agents_of_a_project_look(limner: Limner, work: Path) -> None:
    ran = limner("skill", "install")

    assert (ran.code, ran.out) == (0, ".agents/skills/limner/SKILL.md\n")
    assert (work / ran.paths[0]).read_bytes() == SKILL.read_bytes()


def test_installing_twice_changes_nothing(limner: Limner, work: Path) -> None:
    first = limner("skill", "install", "--dir", "elsewhere")
    before = (work / first.paths[0]).stat()
    second = limner("skill", "install", "--dir", "elsewhere")

    assert (second.code, second.out) == (0, first.out)
    assert (work / first.paths[0]).stat().st_mtime_ns == before.st_mtime_ns


def test_a_changed_file_is_replaced_only_with_force(limner: Limner, work: Path) -> None:
    path = work / limner("skill", "install").paths[0]
    path.write_text("mine")
    refused = limner("skill", "install")
    kept = path.read_text()
    forced = limner("skill", "install", "--force")

    assert (refused.code, kept) == (2, "mine")
    assert "--force" in refused.err
    assert forced.code == 0
    assert path.read_bytes() == SKILL.read_bytes()


@pytest.mark.parametrize("what", ["file for a folder", "folder for a file", "no text"])
def test_a_place_that_cannot_be_written_is_bad_input(limner: Limner, work: Path, what: str) -> None:
    place = work / "place"
    if what == "file for a folder":
        place.write_text("a file")
    elif what == "folder for a file":
        (place / "limner" / "SKILL.md").mkdir(parents=True)
    else:
        (place / "limner").mkdir(parents=True)
        (place / "limner" / "SKILL.md").write_bytes(b"\xff\xfe\x00")
    ran = limner("skill", "install", "--dir", "place")

    assert ran.code == 2
    assert "place" in ran.err


def test_its_front_matter_is_what_agents_require() -> None:
    head = yaml.safe_load(SKILL.read_text("utf-8").split("---\n")[1])

    assert head["name"] == SKILL.parent.name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", head["name"])
    assert 0 < len(head["description"]) <= 1024


def test_it_is_short_enough_to_be_read_every_time() -> None:
    assert len(SKILL.read_text("utf-8").splitlines()) <= 100


def test_a_wheel_carries_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    carried = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]

    assert ROOT / "agent" / "_data" / "skills" in skill._PLACES
    assert carried["skills"] == "agent/_data/skills"


def test_showing_it_imports_click_and_nothing_else() -> None:
    packages, _ = modules_after("skill", "show")

    assert packages == {"agent", "click"}
