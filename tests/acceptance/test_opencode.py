"""opencode: with our tools over MCP, and writing code through us."""

from __future__ import annotations

import json
from pathlib import Path

from ..conftest import png
from .brain import Brain, Json, calls, one_by_one, says, thinking
from .peers import REFUSED, Ran, Stage, block, place
from .staging import drawn, kept

MODEL = {"name": "Scripted", "tool_call": True, "limit": {"context": 400_000, "output": 16_000}}


def opencode(stage: Stage, work: Path, url: str, config: Json, wish: str) -> Ran:
    """One run, to its end, with a model at that address."""
    options = {"baseURL": url, "apiKey": "sk-loop"}
    provider = {"npm": "@ai-sdk/openai", "name": "loop", "options": options}
    whole = {
        "provider": {"loop": {**provider, "models": {"gpt-5.5": MODEL}}},
        "enabled_providers": ["loop"],
        "autoupdate": False,
        "share": "disabled",
        "permission": {"*": "allow"},
        **config,
    }
    (work / "opencode.json").write_text(json.dumps(whole))
    env = {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}
    run = ("run", "--format", "json", "--model", "loop/gpt-5.5")
    return stage.run(place("opencode"), *run, wish, cwd=work, env=env)


def test_it_draws_edits_masks_and_is_refused(stage: Stage) -> None:
    work = stage.folder("code")
    (work / "mask.png").write_bytes(png(1024, 1024, mode="RGBA", colour="#00000000"))
    steps = [
        ("generate", {"prompt": "a red kite", "output_path": "a/kite.png", "size": "1024x1024"}),
        ("edit", {"prompt": "make it night"}),
        ("edit", {"prompt": "make it blue", "mask": "mask.png", "image": "@1"}),
        ("generate", {"prompt": REFUSED}),
    ]
    tools = [
        calls(f"limner_{verb}_image", said, number=at) for at, (verb, said) in enumerate(steps)
    ]
    stage.brain.asked.clear()
    stage.brain.script = one_by_one(*tools, says("Done."))
    before = drawn(stage)
    config = json.loads(block("agents.md", "json", "opencode.ai"))
    ran = opencode(stage, work, stage.brain.url, config, "Draw a kite.")

    assert ran.code == 0, ran.err[-3000:]
    first, second, third, refused = stage.brain.outputs
    assert kept(stage).parents == [[], [1], [1]]
    assert kept(stage).masked == [False, False, True]
    assert (work / "a" / "kite.png").is_file()
    assert all("data:image/" in told for told in (first, second, third))
    assert "No pineapples here." in refused
    assert drawn(stage) - before == 3


def test_a_hundred_coding_turns_pass_byte_for_byte(stage: Stage) -> None:
    work = stage.folder("code")
    words = "print the pineapple of image_generation; größer 图"
    steps = [
        calls("bash", {"command": f"echo '{words}' {n}", "description": "Say it."}, number=n)
        for n in range(99)
    ]
    stage.brain.asked.clear()
    stage.brain.script = one_by_one(*steps, says("Done."))
    before = drawn(stage)
    with thinking(Brain(behind=stage.url)) as tap:
        ran = opencode(stage, work, tap.url, {}, f"Fix {REFUSED} in the tests.")

        assert ran.code == 0, ran.err[-3000:]
        with_tools = [body for body in tap.bodies if body.get("tools")]
        assert len(with_tools) == 100
        assert sorted(stage.brain.asked) == sorted(tap.asked)
    assert "pineapple" in stage.brain.outputs[-1]
    assert drawn(stage) == before


def test_it_reads_the_skill(stage: Stage) -> None:
    work = stage.folder("code")
    installed = stage.run(stage.home / "bin" / "limner", "skill", "install", cwd=work)
    stage.brain.asked.clear()
    stage.brain.script = one_by_one(says("Done."))
    ran = opencode(stage, work, stage.brain.url, {}, "Hello.")

    assert (installed.code, ran.code) == (0, 0)
    assert "Draw and edit pictures with the limner command" in json.dumps(stage.brain.bodies)
