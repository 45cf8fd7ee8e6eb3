"""``import agent``: what it offers, and that offering costs nothing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import agent

REPOSITORY = Path(__file__).parents[1]


def loaded_by(code: str) -> set[str]:
    """Top-level names of what a fresh Python has loaded after ``code``."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stdout))


def test_every_public_name_can_be_imported() -> None:
    found = {name: getattr(agent, name) for name in agent.__all__}

    assert len(found) == len(agent.__all__)
    assert sorted(found) == dir(agent)


@pytest.mark.parametrize("name", sorted(set(agent.__all__) - {"__version__"}))
def test_a_public_name_is_the_one_of_its_room(name: str) -> None:
    room = import_module(f"agent.{agent._HOME[name]}")

    assert getattr(agent, name) is getattr(room, name)


def test_homes_types_and_all_list_the_same_names() -> None:
    """A type checker reads one list, Python another, ``import *`` a third."""
    tree = ast.parse((REPOSITORY / "agent" / "__init__.py").read_text("utf-8"))
    [typing_only] = [node for node in tree.body if isinstance(node, ast.If)]
    imported = {
        alias.name: node.module
        for node in typing_only.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    assert imported == agent._HOME
    assert set(agent.__all__) == set(imported) | {"__version__"}


def test_a_name_that_is_not_offered_is_an_attribute_error() -> None:
    desk: Any = agent
    with pytest.raises(AttributeError, match="no attribute 'Painter'"):
        desk.Painter  # noqa: B018 - looking is the point


def test_importing_agent_loads_nothing_heavy() -> None:
    heavy = {"pydantic", "openai", "httpx2", "sqlalchemy", "PIL", "anyio", "click", "structlog"}

    assert loaded_by("import agent") & heavy == set()


def test_errors_can_be_caught_without_loading_a_model() -> None:
    assert "pydantic" not in loaded_by("from agent import LimnerError, UsageError")


def test_the_offline_artist_is_loaded_only_by_who_draws_offline() -> None:
    loaded = loaded_by("from agent import open_agent, load_settings, TurnRequest")

    assert not [name for name in loaded if name.startswith("agent.offline.")]


def test_the_version_is_the_one_of_the_project() -> None:
    import tomllib

    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert agent.__version__ == project["version"]
