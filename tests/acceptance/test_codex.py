"""Codex: with our tools over MCP, with its own image generation, and writing code through us."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from ..conftest import png
from .brain import Brain, Json, calls, one_by_one, says, searches, thinking
from .peers import REFUSED, Ran, Stage, block, place, toml
from .staging import drawn, kept, listening

QUIET: Json = {
    "model": "gpt-5.5",
    "approval_policy": "never",
    "sandbox_mode": "read-only",
    "check_for_update_on_startup": False,
    "web_search": "disabled",
    "analytics": {"enabled": False},
    "feedback": {"enabled": False},
    "otel": {"exporter": "none", "metrics_exporter": "none", "trace_exporter": "none"},
    "features": {"apps": False, "plugins": False, "remote_plugin": False},
}
"""Nothing but what it is asked for, and nobody on the network."""


def codex(stage: Stage, work: Path, config: Json, wish: str, *more: object) -> Ran:
    """One run, to its end, with this configuration and no other."""
    home = stage.folder("codex")
    home.joinpath("config.toml").write_text(toml({**QUIET, **config}))
    common = ("exec", "--strict-config", "--skip-git-repo-check", "--json", "-C", work)
    env = {"CODEX_HOME": str(home), "LOOP_API_KEY": "sk-loop"}
    return stage.run(place("codex"), *common, *more, wish, env=env)


def loop(url: str) -> Json:
    """A provider of models at that address."""
    provider = {
        "name": "loop",
        "base_url": url,
        "env_key": "LOOP_API_KEY",
        "wire_api": "responses",
        "requires_openai_auth": False,
        "request_max_retries": 0,
        "stream_max_retries": 0,
    }
    return {"model_provider": "loop", "model_providers": {"loop": provider}}


def hand(stage: Stage) -> Json:
    """As docs/agents.md says, and what this home needs beyond that."""
    config = tomllib.loads(block("agents.md", "toml", "env_vars"))
    server = config["mcp_servers"]["limner"]
    server["env_vars"] += [name for name in stage.environment if name.startswith(("LIM", "PEER"))]
    return config


def draw(tool: str, number: int, **arguments: object) -> Json:
    return calls(tool, arguments, number=number, namespace="mcp__limner")


def test_it_finds_the_tools_draws_edits_masks_and_is_refused(stage: Stage) -> None:
    work = stage.folder("work")
    (work / "mask.png").write_bytes(png(1024, 1024, mode="RGBA", colour="#00000000"))
    stage.brain.asked.clear()
    before = drawn(stage)
    stage.brain.script = one_by_one(
        searches("draw a picture", number=1),
        draw("generate_image", 2, prompt="a red kite", output_path="a/kite.png", size="1024x1024"),
        draw("edit_image", 3, prompt="make it night"),
        draw("edit_image", 4, prompt="make it blue", mask="mask.png", image="@1"),
        draw("generate_image", 5, prompt=REFUSED),
        says("Done."),
    )
    ran = codex(stage, work, loop(stage.brain.url) | hand(stage), "Draw a kite.")

    assert ran.code == 0, ran.err[-3000:]
    first, second, third, refused = stage.brain.outputs
    assert kept(stage).parents == [[], [1], [1]]
    assert kept(stage).masked == [False, False, True]
    assert str(work / "a" / "kite.png") in first
    assert (work / "a" / "kite.png").is_file()
    assert all("data:image/" in told for told in (first, second, third))
    assert "No pineapples here." in refused
    assert drawn(stage) - before == 3
    ends = [
        event["item"]["status"]
        for event in ran.events
        if event["type"] == "item.completed" and event["item"]["type"] == "mcp_tool_call"
    ]
    assert ends == ["completed", "completed", "completed", "failed"]


def test_it_connects_over_http_too(stage: Stage) -> None:
    work = stage.folder("work")
    stage.brain.asked.clear()
    stage.brain.script = one_by_one(
        searches("draw a picture", number=1),
        draw("generate_image", 2, prompt="a red kite", size="1024x1024"),
        draw("edit_image", 3, prompt="make it night"),
        says("Done."),
    )
    with listening(stage, "mcp", "--http", "127.0.0.1:0", cwd=work) as url:
        told = {"url": url, "required": True, "default_tools_approval_mode": "approve"}
        config = {"mcp_servers": {"limner": told}}
        ran = codex(stage, work, loop(stage.brain.url) | config, "Draw a kite.")

    assert ran.code == 0, ran.err[-3000:]
    assert kept(stage).parents == [[], [1]]
    assert len(list((work / "limner-out").iterdir())) == 2


def imagegen(number: int, **arguments: object) -> Json:
    return calls("imagegen", arguments, number=number, namespace="image_gen")


def own_generation(stage: Stage) -> Json:
    """As docs/agents.md says, but for the port."""
    config = tomllib.loads(block("agents.md", "toml", "x-openai-actor"))
    config["model_providers"]["limner"]["base_url"] = stage.url
    return config


def test_its_own_image_generation_draws_and_edits_here(stage: Stage) -> None:
    work = stage.folder("work")
    stage.brain.asked.clear()
    before = drawn(stage)
    stage.brain.script = one_by_one(
        imagegen(1, prompt="a red kite over the sea"),
        imagegen(2, prompt="make it night", num_last_images_to_include=1),
        imagegen(3, prompt=REFUSED),
        says("Done."),
    )
    ran = codex(stage, work, own_generation(stage), "Draw a kite.")

    assert ran.code == 0, ran.err[-3000:]
    first, second, refused = stage.brain.outputs
    found = kept(stage)
    assert found.parents == [[], [1]]
    files = sorted((stage.home / "codex" / "generated_images").rglob("*.png"))
    assert {one.read_bytes() for one in files} == {Path(i.path).read_bytes() for i in found.images}
    assert "data:image/png" in first
    assert "data:image/png" in second
    assert "pineapple" in refused
    assert drawn(stage) - before == 2


def test_a_hundred_coding_turns_pass_byte_for_byte(stage: Stage) -> None:
    work = stage.folder("work")
    words = "print the pineapple of image_generation; größer 图"
    steps = [
        calls("exec_command", {"cmd": f"echo '{words}' {number}"}, number=number)
        for number in range(99)
    ]
    stage.brain.asked.clear()
    stage.brain.script = one_by_one(*steps, says("Done."))
    before = drawn(stage)
    with thinking(Brain(behind=stage.url)) as tap:
        ran = codex(stage, work, loop(tap.url), f"Fix {REFUSED} in the tests.")

        assert ran.code == 0, ran.err[-3000:]
        assert len(tap.asked) == 100
        assert stage.brain.asked == tap.asked
    assert "pineapple" in stage.brain.outputs[-1]
    assert ran.events[-1]["type"] == "turn.completed"
    assert drawn(stage) == before


def test_it_reads_the_skill(stage: Stage) -> None:
    work = stage.folder("work")
    installed = stage.run(stage.home / "bin" / "limner", "skill", "install", cwd=work)
    stage.brain.asked.clear()
    stage.brain.script = one_by_one(says("Done."))
    ran = codex(stage, work, loop(stage.brain.url), "Hello.")

    assert (installed.code, ran.code) == (0, 0)
    told: Any = stage.brain.bodies[0]["input"]
    assert "Draw and edit pictures with the limner command" in json.dumps(told)
