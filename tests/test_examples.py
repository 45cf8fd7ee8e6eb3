"""Every example runs as it stands, offline; those that need another library say so when it is absent."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The least that may be asked for: drawn sooner."""
    monkeypatch.setenv("LIMNER_SIZE", "816x816")


def loaded(name: str) -> Any:
    """An example as a module of its own."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


async def kept() -> list[Any]:
    """The pictures of the newest session."""
    from agent import open_agent

    async with open_agent() as agent:
        [session, *_] = await agent.store.sessions()
        return await agent.store.images(session.id)


def parents(images: list[Any]) -> list[list[int]]:
    """By number: whose parents are who."""
    numbers = {image.id: image.number for image in images}
    return [[numbers[one] for one in image.parents] for image in images]


async def test_the_plain_loop_draws_and_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del tmp_path
    await loaded("loop").main("a red kite", "make it night")

    assert parents(await kept()) == [[], [1]]
    assert ".png   (from nothing)" in capsys.readouterr().out


async def test_the_plain_loop_says_why_nothing_was_drawn(
    house_policy: None, capsys: pytest.CaptureFixture[str]
) -> None:
    del house_policy
    await loaded("loop").main("a pineapple")

    assert "Refused: No pineapples here." in capsys.readouterr().out


@pytest.fixture
def house_policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This house refuses pineapples."""
    folder = tmp_path / "policy"
    folder.mkdir()
    folder.joinpath("house.yaml").write_text(
        "version: house@1\nclasses: {pineapple: 'pineapple[s]'}\nrules:\n  - {id: no-pineapples,"
        " category: fruit, severity: refuse, message: No pineapples here., fix: Draw a pear.,"
        " all_of: [[pineapple]]}\n"
    )
    monkeypatch.setenv("LIMNER_POLICY", str(folder))


async def test_the_tool_for_openai_agents_draws_and_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del tmp_path
    pytest.importorskip("agents", reason="openai-agents is not installed")
    monkeypatch.setenv("OPENAI_AGENTS_DISABLE_TRACING", "1")
    from agents.testing import ScriptedModel, assistant_message, function_call

    first = function_call("draw", {"prompt": "a red kite"}, call_id="1")
    second = function_call("draw", {"prompt": "make it night", "change": "@1"}, call_id="2")
    model = ScriptedModel([[first], [second], [assistant_message("Done.")]])
    told = await loaded("openai_agents_tool").main("Draw, then make it night.", model)

    assert told == "Done."
    assert parents(await kept()) == [[], [1]]


async def test_the_tool_for_pydantic_ai_draws_changes_and_corrects_itself(tmp_path: Path) -> None:
    del tmp_path
    pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed")
    from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import AgentInfo, FunctionModel

    calls = [
        {"prompt": "a red kite"},
        {"prompt": "make it night", "change": "@9"},
        {"prompt": "make it night", "change": "@1"},
    ]
    script: Iterator[Any] = iter([*(ToolCallPart("draw", one) for one in calls), TextPart("Done.")])

    def scripted(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        del messages, info
        return ModelResponse([next(script)])

    told = await loaded("pydantic_ai_tool").main("Draw.", FunctionModel(scripted))

    assert told == "Done."
    assert parents(await kept()) == [[], [1]]


async def test_the_web_service_streams_every_event_and_serves_the_picture(tmp_path: Path) -> None:
    del tmp_path
    app = loaded("fastapi_events").app
    transport = httpx2.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        first = events(await client.post("/turns", json={"text": "a red kite"}))
        wish = {"text": "make it night", "session": first[-1]["session"], "change": "@1"}
        second = events(await client.post("/turns", json=wish))
        [image] = second[-1]["images"]
        served = await client.get(f"/pictures/{image['id']}")
        missing = await client.get("/pictures/img_nothing")

    assert first[0]["type"] == "turn.started"
    assert first[-1]["type"] == second[-1]["type"] == "turn.completed"
    assert image["parents"] == [first[-1]["images"][0]["id"]]
    assert served.content == await anyio.Path(image["path"]).read_bytes()
    assert missing.status_code == 404


def events(answer: httpx2.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    lines = answer.text.splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith("data: ")]


def test_the_notebook_runs_cell_by_cell_inside_a_running_loop(tmp_path: Path) -> None:
    del tmp_path
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text("utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}

    async def cells() -> None:  # a notebook's kernel has a loop in this very thread
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                exec(compile("".join(cell["source"]), "notebook", "exec"), names)

    anyio.run(cells)

    assert names["night"].parents == (names["day"].images[0].id,)
    assert all(not cell.get("outputs") for cell in notebook["cells"])


# ── a host with its own ``agent`` ────────────────────────────────────────────────────────────


@contextmanager
def host(folder: Path, main: str, *, package: bool) -> Iterator[list[str]]:
    """A program beside an ``agent`` of its own, and where Limner is installed."""
    site, own = folder / "site", folder / "host"
    (site / "limner-0.1.0.dist-info").mkdir(parents=True)
    (site / "limner-0.1.0.dist-info" / "METADATA").write_text("Name: limner\nVersion: 0.1.0\n")
    (site / "agent").symlink_to(ROOT / "agent")
    own.mkdir()
    place = own / "agent" / "__init__.py" if package else own / "agent.py"
    place.parent.mkdir(exist_ok=True)
    place.write_text('WHOSE = "the host\'s"\n')
    (own / "main.py").write_text(main)
    yield [sys.executable, str(own / "main.py")]


def ran(command: list[str], folder: Path, **env: str) -> str:
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": str(folder / "site"), **env},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


DRAWING = (
    "with {0}SyncImageAgent() as one:\n    drawn = one.run({0}TurnRequest(text='a red kite'))\n"
    "    print(drawn.images[0].number, drawn.outcome, drawn.offline)\n"
)


def test_a_host_with_its_own_agent_loads_limner_under_another_name(tmp_path: Path) -> None:
    recipe = (EXAMPLES / "beside_another_agent.py").read_text("utf-8").split("if __name__")[0]
    main = f"{recipe}\nlimner = load()\nimport agent\n{DRAWING.format('limner.')}print(agent.WHOSE)"
    main += "\nimport limner_agent.errors as e\nassert e.LimnerError is limner.LimnerError\n"
    with host(tmp_path, main, package=True) as command:
        told = ran(command, tmp_path)

    assert told.splitlines() == ["1 image True", "the host's"]


def test_a_host_with_its_own_agent_can_carry_a_copy(tmp_path: Path) -> None:
    main = f"from vendor.limner import *\nimport agent\n{DRAWING.format('')}print(agent.WHOSE)\n"
    with host(tmp_path, main, package=True) as command:
        vendor = tmp_path / "host" / "vendor"
        # compiled modules with it: they are found by the time of their source
        shutil.copytree(ROOT / "agent", vendor / "limner", ignore=shutil.ignore_patterns("*.pyc.*"))
        shutil.copytree(ROOT / "prompts", vendor / "prompts")
        told = ran(command, tmp_path)

    assert told.splitlines() == ["1 image True", "the host's"]


def test_a_script_that_only_happens_to_lie_beside_an_agent_can_be_run_safely(
    tmp_path: Path,
) -> None:
    main = f"from agent import SyncImageAgent, TurnRequest\n{DRAWING.format('')}"
    with host(tmp_path, main, package=False) as command:
        told = ran(command, tmp_path, PYTHONSAFEPATH="1")

    assert told.splitlines() == ["1 image True"]


# ── the page about it ────────────────────────────────────────────────────────────────────────


def test_the_page_names_every_example_and_no_other() -> None:
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    here = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".ipynb")}

    assert set(re.findall(r"examples/(\w+\.(?:py|ipynb))", page)) == here


def test_the_pages_python_is_python() -> None:
    page = (ROOT / "docs" / "python.md").read_text("utf-8")
    blocks = re.findall(r"^ *```python\n(.*?)```", page, re.DOTALL | re.MULTILINE)

    assert len(blocks) >= 3
    for block in map(textwrap.dedent, blocks):
        compile(block, "docs/python.md", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
