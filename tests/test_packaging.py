"""The wheel: one package, its prompts, its fonts with their licences, and nothing beside."""

from __future__ import annotations

import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from this checkout, in this process, without a network."""
    folder = tmp_path_factory.mktemp("dist")
    builder = WheelBuilder(str(REPOSITORY))
    [path] = builder.build(directory=str(folder), versions=["standard"])
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def names(wheel: zipfile.ZipFile) -> set[str]:
    return set(wheel.namelist())


def test_the_only_top_level_name_is_the_package(names: set[str]) -> None:
    top = {name.split("/")[0] for name in names}

    assert {name for name in top if not name.endswith(".dist-info")} == {"agent"}


def test_every_module_of_the_checkout_is_in_it(names: set[str]) -> None:
    modules = {
        path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "agent").rglob("*.py")
    }

    assert modules <= names
    assert "agent/py.typed" in names


def test_prompts_lie_inside_the_package_as_they_were_released(
    wheel: zipfile.ZipFile, names: set[str]
) -> None:
    texts = [path for path in (REPOSITORY / "prompts").rglob("*") if path.is_file()]

    assert len(texts) > 10
    for path in texts:
        inside = f"agent/_data/prompts/{path.relative_to(REPOSITORY / 'prompts').as_posix()}"
        assert wheel.read(inside) == path.read_bytes()
    assert not [name for name in names if name.startswith("prompts/")]


def test_every_font_comes_with_its_licence(names: set[str]) -> None:
    fonts = {name.rpartition("/")[0] for name in names if name.endswith(".woff2")}

    assert fonts
    for folder in fonts:
        assert f"{folder}/LICENSE" in names


def test_every_migration_is_in_it(names: set[str]) -> None:
    versions = [p.name for p in (REPOSITORY / "agent/store/migrations/versions").glob("*.py")]

    assert versions
    for name in versions:
        assert f"agent/store/migrations/versions/{name}" in names


def test_nothing_of_the_workshop_is_in_it(names: set[str]) -> None:
    strays = ("tests/", "bench/", "cassettes/", "docs/", "scripts/", ".ci/")

    assert not [name for name in names if name.startswith(strays)]
    assert not [name for name in names if name.endswith((".pyc", ".db", ".log"))]


def test_the_command_and_the_licence_are_declared(wheel: zipfile.ZipFile, names: set[str]) -> None:
    [info] = {name.split("/")[0] for name in names if ".dist-info/" in name}
    metadata = Parser().parsestr(wheel.read(f"{info}/METADATA").decode())

    assert wheel.read(f"{info}/entry_points.txt").decode().split() == [
        "[console_scripts]",
        "limner",
        "=",
        "agent.doors.cli:main",
    ]
    assert (metadata["Name"], metadata["License-Expression"]) == ("limner", "Apache-2.0")
    assert {"LICENSE", "NOTICE"} <= set(metadata.get_all("License-File", []))
