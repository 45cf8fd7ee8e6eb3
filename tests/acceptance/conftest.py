"""What is started once for the whole run: LiteLLM, and what other people's clients talk to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import Protocol

import anyio
import pytest

from agent import ImageAgent, TurnRequest, load_settings, open_agent
from agent.events import Event, Terminal
from agent.schema import Attempt, Via

from . import peers
from .peer import KEY, Models, Proxy, running
from .staging import staged

LITELLM = os.environ.get("LIMNER_LITELLM", "")
"""Read once: every test has a clean environment."""
WITHOUT = "LIMNER_LITELLM names no LiteLLM executable (tests/acceptance/README.md)"
_REAL = Models()
_REPORT = pytest.StashKey[list[str]]()


class Through(Protocol):
    """An agent on the proxy, with everything counted anew; ``None`` is an unknown host."""

    def __call__(
        self, dialect: str | None, *, via: Via = ..., models: Models = ..., key: str = ...
    ) -> AbstractAsyncContextManager[ImageAgent]: ...


@pytest.fixture(scope="session")
def proxy(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Proxy]:
    # not resolved: an environment's own files must be called by their names in it
    executable = Path(LITELLM).expanduser().absolute()
    if not executable.is_file():
        pytest.fail(f"LIMNER_LITELLM names no file: {executable}")
    with running(executable, tmp_path_factory.mktemp("litellm")) as started:
        before = started.rss_mb()
        yield started
        head = f"LiteLLM {started.version}, ready after {started.ready_s:.1f} s"
        memory = f"resident memory {before} MB, {started.rss_mb()} MB at the end"
        lines = [f"{case:<48} {what}" for case, what in started.facts]
        request.config.stash[_REPORT] = [head, memory, *lines]


@pytest.fixture(scope="session", params=["openai", "sub2api"])
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[peers.Stage]:
    """``limner serve`` for clients, with a server behind it that keeps answers, or keeps nothing."""
    if not peers.CLIENTS:
        pytest.skip(peers.WITHOUT)
    with staged(tmp_path_factory.mktemp("stage") / "home", request.param) as started:
        yield started


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was measured: facts for the notes on gateways, beyond passed and failed."""
    report = terminalreporter.config.stash.get(_REPORT, [])
    if report:
        terminalreporter.section("LiteLLM")
        for line in report:
            terminalreporter.write_line(line)


@pytest.fixture
def fresh(proxy: Proxy) -> Models:
    """Names of its own for a case after whose errors LiteLLM may pause them."""
    return proxy.fresh()


@pytest.fixture
def through(proxy: Proxy, tmp_path: Path) -> Through:
    home = tmp_path / "home"
    (home / "config").mkdir(parents=True)

    def opener(
        dialect: str | None, *, via: Via = "responses", models: Models = _REAL, key: str = KEY
    ) -> AbstractAsyncContextManager[ImageAgent]:
        options = {"base_url": proxy.url, "api_key_env": "PEER_KEY", "via": via}
        options |= {"model": models.text, "image_model": models.image}
        options |= {"dialect": dialect} if dialect else {}
        lines = ["[profiles.peer]", *(f'{name} = "{value}"' for name, value in options.items())]
        (home / "config" / "config.toml").write_text("\n".join(lines))
        env = {"HOME": str(home), "LIMNER_HOME": str(home / "data"), "PEER_KEY": key}
        proxy.artist.behave()
        return open_agent(load_settings(env=env, cwd=home, config_dir=home / "config"))

    return opener


async def turn(agent: ImageAgent, request: TurnRequest) -> tuple[Terminal, list[Event]]:
    """A whole turn."""
    with anyio.fail_after(90):
        async with aclosing(agent.stream(request)) as stream:
            events: list[Event] = [event async for event in stream]
    assert isinstance(events[-1], Terminal)
    return events[-1], events


async def the_attempt(agent: ImageAgent, ended: Terminal) -> Attempt:
    """The only one of a turn."""
    assert ended.turn is not None
    [attempt] = await agent.store.attempts(turn=ended.turn)
    return attempt
