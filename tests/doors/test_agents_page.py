"""What docs/agents.md and the skill say can be typed as it stands: blocks parse, commands exist."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest

from agent.doors.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "agents.md"
SKILL = ROOT / "skills" / "limner" / "SKILL.md"


def blocks(path: Path, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def typed(path: Path) -> list[list[str]]:
    """Every call of the command in its shell blocks and sentences."""
    text = path.read_text("utf-8")
    inline = re.findall(r"`(limner (?:[a-z]+ )*--[^`]*|limner [a-z]+)`", text)
    lines = [line for block in blocks(path, "sh") for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in [*lines, *inline]]
    return [line[1:] for line in words if line[:1] == ["limner"]]


def parsed(words: Sequence[str]) -> click.Context:
    """As the command would read it, without running it; raises what it would say."""
    command: click.Command = cli
    context, rest = click.Context(cli), list(words)
    while isinstance(command, click.Group) and rest and rest[0] in command.list_commands(context):
        found = command.get_command(context, rest.pop(0))
        assert found is not None
        command = found
    assert command is not cli, f"no such command: {' '.join(words)}"
    return command.make_context(command.name, rest)


@pytest.mark.parametrize("path", [PAGE, SKILL], ids=["page", "skill"])
def test_every_command_can_be_typed(path: Path) -> None:
    calls = typed(path)

    assert len(calls) > 8
    for words in calls:
        parsed(words)


def servers() -> Iterator[list[str]]:
    """Command and arguments of each MCP server that a host is told to start."""
    for block in blocks(PAGE, "toml"):
        for one in tomllib.loads(block).get("mcp_servers", {}).values():
            yield [one["command"], *one["args"]]
    for block in blocks(PAGE, "json"):
        told = json.loads(block)
        yield from (one["command"] for one in told.get("mcp", {}).values())
        for one in told.get("mcpServers", {}).values():
            yield [one["command"], *one["args"]]


def test_every_host_is_told_a_server_that_starts() -> None:
    found = list(servers())

    assert len(found) == 4
    for program, *words in found:
        assert (program, parsed(words).info_name) == ("limner", "mcp")


def test_a_tool_of_codex_waits_longer_than_a_call_does() -> None:
    from agent.doors.mcp.schemas import Waiting

    tables = [tomllib.loads(block) for block in blocks(PAGE, "toml")]
    hands = [one["mcp_servers"]["limner"] for one in tables if "mcp_servers" in one]

    assert len(hands) == 2
    for hand in hands:
        assert hand["required"] is True
        assert hand["default_tools_approval_mode"] == "approve"
        assert hand["tool_timeout_sec"] > Waiting().wait_s


def test_codex_is_pointed_at_where_serve_listens() -> None:
    from agent.doors.cli.serve import PORT

    [provider] = [
        tomllib.loads(block)["model_providers"]["limner"]
        for block in blocks(PAGE, "toml")
        if "model_providers" in block
    ]

    assert provider["base_url"] == f"http://127.0.0.1:{PORT}/v1"
    assert provider["http_headers"]["x-openai-actor-authorization"]


def test_every_link_leads_somewhere() -> None:
    text = PAGE.read_text("utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ")).lower().replace(" ", "-")
        for line in text.splitlines()
        if line.startswith("#")
    }

    for target in re.findall(r"\]\(([^)]+)\)", text):
        page, _, place = target.partition("#")
        assert (PAGE.parent / page).exists(), target
        assert page or place in headings, target
