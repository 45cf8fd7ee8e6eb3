"""Clients of OpenAI's APIs: generate, edit that very picture, mask, a stream with drafts, a refusal.

Each goes on in its own way; each way has to lead to the right parents, over a server that keeps
answers and over one that keeps nothing.
"""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path

import pytest

from ..conftest import png
from .peers import REFUSED, SCRIPTS, Ran, Stage, library, place
from .staging import drawn, kept

STEPS = ["a red kite over the sea", "make it night", "make it blue", "in the snow"]
PYTHON = {
    "openai_sdk.py": "openai",
    "openai_sdk_images.py": "openai",
    "openai_agents.py": "agents",
    "pydantic_ai_chat.py": "pydantic_ai",
    "langchain_chat.py": "langchain_openai",
}
NODE = ["openai_sdk.mjs", "openai_sdk_images.mjs", "vercel_ai.mjs"]


@pytest.mark.parametrize("script", [*PYTHON, *NODE])
def test_a_client_draws_edits_masks_streams_and_is_refused(stage: Stage, script: str) -> None:
    before = drawn(stage)
    ran = _python(stage, script) if script in PYTHON else _node(stage, script)
    assert ran.code == 0, ran.err[-3000:]
    told = json.loads(ran.out.splitlines()[-1])

    found = kept(stage)
    assert [turn.prompt for turn in found.turns] == STEPS
    assert found.parents == [[], [1], [2], [3]]
    assert [image.sha256 for image in found.images] == told["pictures"]
    assert found.masked == [False, False, True, False]
    assert (told["partials"] is None) == (script == "langchain_chat.py")
    assert told["partials"] is None or told["partials"] >= 2
    assert told["refusal"] == [400, "content_policy_violation", True]
    assert drawn(stage) - before == len(STEPS)


def _python(stage: Stage, script: str) -> Ran:
    return stage.run(library(PYTHON[script]), SCRIPTS / script, env=_told(stage))


def _node(stage: Stage, script: str) -> Ran:
    """Beside its libraries: Node looks for them where a script lies."""
    node, modules = place("node"), place("npm-oai")
    folder = stage.folder("node")
    folder.joinpath("node_modules").symlink_to(modules)
    for name in (script, "told.mjs"):
        shutil.copy(SCRIPTS / name, folder)
    return stage.run(node, Path(folder, script), env=_told(stage))


def _told(stage: Stage) -> dict[str, str]:
    cut = base64.b64encode(png(1024, 1024, mode="RGBA", colour="#00000000")).decode()
    return {
        "PEER_BASE_URL": stage.url,
        "PEER_MASK": f"data:image/png;base64,{cut}",
        "PEER_STEPS": json.dumps(STEPS),
        "PEER_REFUSED": REFUSED,
    }
