"""The command line against servers on a socket, from the first request to what is kept of it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agent.offline import Offline, OfflineOptions
from agent.offline.exchange import Reply
from agent.offline.faults import parse_fault

from .conftest import Limner
from .test_doctor import serving

ROOT = Path(__file__).resolve().parents[2]
Configure = Callable[[str], Path]


def server(dialect: str = "offline", *faults: str) -> Offline:
    told = tuple(map(parse_fault, faults))
    return Offline(OfflineOptions(draw="tiny", dialect=dialect, faults=told))


@pytest.fixture
def configure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Configure:
    """A profile ``work`` in the user file; gives the folder of that file."""
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.setenv("LIMNER_CONFIG_DIR", str(folder))
    monkeypatch.setenv("WORK_KEY", "sk-work-0123456789")

    def write(url: str) -> Path:
        lines = ["[profiles.work]", f'base_url = "{url}"', 'api_key_env = "WORK_KEY"']
        folder.joinpath("config.toml").write_text("\n".join([*lines, 'prices = "openai"', ""]))
        return folder

    return write


def posted(server: Offline) -> list[dict[str, Any]]:
    """Every request with a body, as the server logged it."""
    return [e for e in server.state.journal.log() if isinstance(e, dict) and "body" in e]


# ── a probe, and what it is good for ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("dialect", ["openai", "sub2api", "new-api", "litellm"])
def test_what_a_probe_saved_is_what_the_next_turns_go_by(
    limner: Limner, configure: Configure, dialect: str
) -> None:
    artist = server(dialect)
    with serving(artist) as url:
        folder = configure(url)
        probed = limner("doctor", "--probe", "--yes", "--save", "work", "--json")
        tried = len(posted(artist))
        drawn = limner("generate", "a kite", "--quality", "low")
        masked = limner("edit", "make it night", "--mask-box", "0,0,512,512")
        shown = limner("doctor", "--json")
        ledger = limner("ledger", "--json", "--limit", "100")

    assert probed.code == 0, probed.out + probed.err
    answers = {str(record["fact"]): record["supported"] for record in probed.records}
    saved = tomllib.loads((folder / "servers" / "work.toml").read_text())
    facts = saved["facts"]
    assert saved["base_url"] == url
    assert {facts[name] for name in ("tool_choice", "streaming", "mask")} == {True}
    assert facts["stores_responses"] == (answers["stores_responses"] == "yes")
    assert facts["stores_responses"] == (dialect in ("openai", "litellm"))
    assert facts["edit_body"] == "multipart"
    assert (drawn.code, masked.code) == (0, 0), drawn.err + masked.err
    bodies = [entry["body"] for entry in posted(artist)[tried:]]
    assert [body["tool_choice"] for body in bodies] == [{"type": "image_generation"}] * 2
    assert "input_image_mask" in bodies[1]["tools"][0]
    told = {str(record["text"]).partition(",")[0] for record in shown.records}
    assert any(text.startswith("tool_choice = yes") for text in told)
    # refused for ``response_format``, the same attempt goes again without it, which costs nothing
    free = [e for e in posted(artist) if e["status"] == 400 and "response_format" in e["body"]]
    sent = [e for e in artist.state.journal.log() if isinstance(e, dict) and e["method"] == "POST"]
    assert len(ledger.records) == len(sent) - len(free)


def test_a_key_that_the_models_list_refuses_is_exit_4(
    limner: Limner, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(server("sub2api")) as url:
        configure(url)
        monkeypatch.setenv("WORK_KEY", "sk-wrong-0123456789")
        ran = limner("doctor")
        records = limner("doctor", "--json").records

    assert ran.code == 4
    assert "The server refuses the key (401)" in ran.out
    assert "sk-wrong" not in ran.out + ran.err
    [refused] = [record for record in records if record["key"] and record["status"] == "wrong"]
    assert refused["area"] == "server"


# ── sending again ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", ["--stream", "--no-stream"])
def test_a_retry_really_sends_the_same_once_more(
    limner: Limner, configure: Configure, stream: str
) -> None:
    artist = server("openai", "drop-after:first=1")
    with serving(artist) as url:
        configure(url)
        lost = limner("generate", "a red kite", "--size", "1536x1024", "--quality", "low", stream)
        [unknown] = limner("ledger", "unsettled", "--json").records
        unasked = limner("retry", str(unknown["id"]))
        before = len(posted(artist))
        again = limner("retry", str(unknown["id"]), "--yes", stream)
        [turn] = [r for r in limner("show", "--json").records if r["type"] == "turn"][1:]

    assert (lost.code, unasked.code, again.code) == (7, 2, 0), again.err
    assert (before, len(posted(artist))) == (1, 2)
    first, second = (entry["body"] for entry in posted(artist))
    assert second["input"] == first["input"]
    assert second["tools"] == first["tools"]
    assert "may have been billed: up to $" in again.err
    assert turn["prompt"] == "a red kite"
    assert [path.name for path in again.paths] == ["red-kite-1.png"]
    [still] = limner("ledger", "unsettled", "--json").records
    assert still["id"] == unknown["id"]


def test_the_ladder_goes_down_after_a_failure_that_is_known(
    limner: Limner, configure: Configure
) -> None:
    artist = server("openai", "empty-result:first=2")
    with serving(artist) as url:
        configure(url)
        ran = limner(
            *("generate", "a kite", "--size", "3840x2160", "--quality", "high", "--degrade")
        )
        ledger = limner("ledger", "--json")

    assert ran.code == 0, ran.err
    assert len(ran.paths) == 2
    tools = [entry["body"]["tools"][0] for entry in posted(artist)]
    assert [(tool["size"], tool["quality"]) for tool in tools] == [
        *(("3840x2160", "high"), ("3840x2160", "medium"), ("1536x864", "medium")),
    ]
    assert len(ledger.records) == 3


def test_the_ladder_stays_where_nobody_knows_what_happened(
    limner: Limner, configure: Configure
) -> None:
    artist = server("openai", "drop-after:first=1")
    with serving(artist) as url:
        configure(url)
        ran = limner(
            *("generate", "a kite", "--size", "3840x2160", "--quality", "high", "--degrade")
        )

    assert ran.code == 7
    assert len(posted(artist)) == 1


# ── an answer without an end ─────────────────────────────────────────────────────────────────

MIB = 1024 * 1024
HEAD = b'{"id": "resp_1", "output": [{"type": "image_generation_call", "id": "ig_1", "result": "'
CODE = """
import atexit, pathlib
from agent.doors.cli import main
def tell():
    told = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
    pathlib.Path("most").write_text(told)
atexit.register(tell)
main()
"""
"""Its own peak: what the operating system counts for a child includes what its parent held."""


class Endless(Offline):
    """300 MB of a picture that never ends."""

    async def handle(self, request: Any) -> Any:
        async def body() -> AsyncIterator[bytes]:
            yield HEAD
            for _ in range(300):
                yield b"A" * MIB

        if request.method != "POST":
            return await super().handle(request)
        return Reply(200, {"content-type": "application/json"}, body())  # type: ignore[arg-type]


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells a process its own peak")
def test_an_answer_of_300_mb_ends_with_words_and_does_not_fill_the_memory(
    work: Path, configure: Configure, limner: Limner
) -> None:
    with serving(Endless()) as url:
        configure(url)
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, "generate", "a kite"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=work,
            stderr=subprocess.PIPE,
        )
        said = process.communicate()[1].decode()

    assert process.returncode == 7, said
    assert "The answer is longer than 268,435,456 bytes" in said
    assert int((work / "most").read_text()) * 1024 < 512 * MIB
    [unknown] = limner("ledger", "unsettled", "--json").records
    assert str(unknown["id"]) in said


def test_words_without_an_end_are_not_poured_over_the_terminal() -> None:
    from agent.doors.cli.wording import LONGEST_ANSWER, answer

    told = answer("a" * 1_000_000)

    assert len(told) < LONGEST_ANSWER + 100
    assert "1,000,000 characters in all" in told
    assert answer("a\nb") == "a\nb"
