"""MCP as others see it: the Inspector, the conformance suite, openai-agents as a host."""

from __future__ import annotations

import json
import re

import pytest

from ..conftest import png
from .peers import REFUSED, SCRIPTS, Ran, Stage, library, place
from .staging import drawn, kept, listening

SIZE = "1024x1024"
SCENARIOS = ["server-initialize", "ping", "tools-list", "dns-rebinding-protection"]


def inspect(stage: Stage, *more: str, target: tuple[str, ...] = ()) -> Ran:
    """The Inspector's command line, with a server that it starts, or at an address."""
    work = stage.home / "inspected"
    work.mkdir(exist_ok=True)
    # it hands no environment on but what it is told to
    said = {k: v for k, v in stage.environment.items() if k.startswith(("LIM", "PEER"))}
    env = [part for k, v in said.items() for part in ("-e", f"{k}={v}")]
    started = ("limner", "mcp", *env)
    return stage.run(place("mcp-inspector"), "--cli", *(target or started), *more, cwd=work)


def called(stage: Stage, tool: str, *target: str, **arguments: object) -> dict[str, object]:
    told = [part for k, v in arguments.items() for part in ("--tool-arg", f"{k}={v}")]
    ran = inspect(stage, "--method", "tools/call", "--tool-name", tool, *told, target=target)
    found: dict[str, object] = json.loads(ran.out)
    return found


def test_the_inspector_finds_the_schemas_portable(stage: Stage) -> None:
    ran = inspect(stage, "--method", "tools/list", "--strict")

    assert ran.code == 0, ran.out + ran.err
    names = {tool["name"] for tool in json.loads(ran.out)["tools"]}
    drawing = {"generate_image", "edit_image", "make_poster"}
    assert names == drawing | {"check_prompt", "show_session", "get_turn"}


@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_inspector_draws_edits_masks_and_is_refused(stage: Stage, transport: str) -> None:
    work = stage.folder("inspected")
    (work / "mask.png").write_bytes(png(1024, 1024, mode="RGBA", colour="#00000000"))
    before = drawn(stage)
    if transport == "stdio":
        answers = _drawn_by_the_inspector(stage)
    else:
        with listening(stage, "mcp", "--http", "127.0.0.1:0", cwd=work) as url:
            answers = _drawn_by_the_inspector(stage, url, "--transport", "http")

    assert kept(stage).parents == [[], [1], [1]]
    assert kept(stage).masked == [False, False, True]
    assert [answer.get("isError", False) for answer in answers] == [False, False, False, True]
    assert "No pineapples here." in json.dumps(answers[3])
    assert (work / "a" / "kite.png").is_file()
    assert drawn(stage) - before == 3


def _drawn_by_the_inspector(stage: Stage, *target: str) -> list[dict[str, object]]:
    """Four calls; over stdio each is a server of its own."""
    kite = {"prompt": "a red kite", "output_path": "a/kite.png", "size": SIZE}
    return [
        called(stage, "generate_image", *target, **kite),
        called(stage, "edit_image", *target, prompt="make it night"),
        called(stage, "edit_image", *target, prompt="make it blue", mask="mask.png", image="@1"),
        called(stage, "generate_image", *target, prompt=REFUSED),
    ]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_conformance_suite_passes(stage: Stage, scenario: str) -> None:
    suite = place("conformance")
    with listening(stage, "mcp", "--http", "127.0.0.1:0") as url:
        ran = stage.run(
            suite, "server", "--url", url, "--scenario", scenario, cwd=stage.folder("suite")
        )

    assert ran.code == 0, ran.out + ran.err
    [counts] = re.findall(r"Passed: (\d+)/(\d+), (\d+) failed", ran.out)
    assert counts[0] == counts[1] != "0"
    assert counts[2] == "0"


def test_openai_agents_draws_edits_masks_and_is_refused(stage: Stage) -> None:
    python, work = library("agents.testing"), stage.folder("hosted")
    (work / "mask.png").write_bytes(png(1024, 1024, mode="RGBA", colour="#00000000"))
    calls = [
        ("generate_image", {"prompt": "a red kite", "output_path": "a/kite.png", "size": SIZE}),
        ("edit_image", {"prompt": "make it night"}),
        ("edit_image", {"prompt": "make it blue", "mask": "mask.png", "image": "@1"}),
        ("generate_image", {"prompt": REFUSED}),
    ]
    before = drawn(stage)

    ran = stage.run(
        python, SCRIPTS / "openai_agents_mcp.py", cwd=work, env={"PEER_CALLS": json.dumps(calls)}
    )

    assert ran.code == 0, ran.err[-3000:]
    told = json.loads(ran.out.splitlines()[-1])["outputs"]
    assert kept(stage).parents == [[], [1], [1]]
    assert kept(stage).masked == [False, False, True]
    assert str(work / "a" / "kite.png") in told[0]
    assert "No pineapples here." in told[3]
    assert drawn(stage) - before == 3
