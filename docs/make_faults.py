"""Write docs/faults.md: what each fault of a server comes to, made by running all of them, offline.

    python docs/make_faults.py

Each fault, streamed or not, over both APIs, with the defaults of an agent. The server counts the
requests it saw and the pictures it made; whatever whole picture left it is looked for in the store
afterwards.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Literal

import anyio

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from agent import ImageAgent, TurnRequest, load_settings, open_agent  # noqa: E402
from agent.offline import Offline, OfflineOptions  # noqa: E402
from agent.offline.exchange import Body, Incoming, Reply  # noqa: E402
from agent.offline.faults import parse_fault  # noqa: E402
from agent.schema import Attempt, AttemptState, Billed, Outcome  # noqa: E402

Api = Literal["responses", "images"]

FAULTS: dict[str, str] = {
    "none": "",
    "connection dropped after the picture was drawn": "drop-after:first=1",
    "connection dropped behind the picture": "drop-late:first=1",
    "502, twice, after the picture was drawn": "502-after:first=2",
    "524 once, after the picture was drawn": "524:first=1",
    "503 and a web page once, after the picture was drawn": "503-after:first=1",
    "429 once": "429:first=1",
    "400 `moderation_blocked`": "moderation-400:first=1",
    "a picture item that failed": "failed-item:first=1",
    "an empty `result`": "empty-result:first=1",
    "no picture item, no text": "no-image:first=1",
    "completed with `output: []`": "item-in-done-only:first=1",
    "the stream ends without its terminal event": "no-terminal:first=1",
}
"""What happens → the fault that the offline server is given; afterwards it behaves."""

TOP = """\
# What a fault comes to

Each fault of a server, once, met by an agent with its defaults: over the Responses API and over the
Images API, streamed and not. *Requests* and *drawn* are the server's own count; the rest is what
Limner says and keeps. No fault makes the server draw twice, and no picture that arrived is lost.

A client that repeats by itself what failed with a 5xx or a cut connection, as the stock SDK does
twice, pays two or three times for the rows down to the 503, without a word. Limner parks such an attempt as `unknown`,
*possibly* billed, and exits with 7: `limner retry ATTEMPT` draws it again, `limner ledger settle`
closes it. Only what is known to have cost nothing, the 429, is sent again by itself.

| fault | API | requests | drawn | outcome, exit | attempts: state, billed | kept |
|---|---|---|---|---|---|---|
"""
BOTTOM = """
The ledger agrees with the server's count: pictures drawn are at least the attempts known to have
drawn one, and at most those and the attempts that are `possibly` billed. Over all {runs} turns the server
drew {drawn}: {known} are known to the ledger, and the other {open} stand behind the {possible} attempts
that it calls `possibly` billed.

The Images API has no `output: []`: there the fault changes nothing. A failed item is a 400 there,
and a whole answer without its end has an empty body.

This page is written by `docs/make_faults.py`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One attempt as the ledger has it."""

    state: AttemptState
    billed: Billed
    drew: bool
    """It brought a picture, or the server counted the tokens of one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One turn against one fault."""

    fault: str
    api: Api
    streamed: bool
    requests: int
    drawn: int
    outcome: Outcome
    code: str | None
    exit: int
    attempts: tuple[Sent, ...]
    arrived: frozenset[str]
    """SHA-256 of every whole picture among the bytes that left the server."""
    kept: frozenset[str]
    """SHA-256 of every listed picture whose file is there."""

    @property
    def known(self) -> int:
        """Attempts known to have drawn."""
        return sum(sent.drew for sent in self.attempts)

    @property
    def possible(self) -> int:
        """Attempts that may have drawn, as far as the ledger knows."""
        return sum(sent.billed == "possibly" and not sent.drew for sent in self.attempts)


@dataclass
class Ticking:
    """A second passes at each look, so that no wait lasts."""

    at: datetime = field(default=datetime(2026, 1, 2, tzinfo=UTC))

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def monotonic(self) -> float:
        return time.monotonic()


class Stage(Offline):
    """A server whose faults can be changed, and that remembers which bytes left it."""

    def __init__(self) -> None:
        super().__init__()
        self.play("")

    def play(self, fault: str) -> None:
        """Begin anew with that fault."""
        faults = (parse_fault(fault),) if fault else ()
        self.acting = Offline(OfflineOptions(draw="tiny", salt="faults", faults=faults))
        self.left = bytearray()

    def count(self, name: str) -> int:
        return int(str(self.acting.counters.get(name, 0)))

    async def handle(self, request: Incoming) -> Reply:
        reply = await self.acting.handle(request)
        return Reply(reply.status, reply.headers, self._passing(reply.body))

    async def _passing(self, body: Body) -> AsyncGenerator[bytes, None]:
        try:
            async for chunk in body:
                self.left += chunk
                yield chunk
        finally:
            await body.aclose()


_LONG = re.compile(rb"[A-Za-z0-9+/]{200,}={0,2}")


def pictures_in(answer: bytes) -> frozenset[str]:
    """Found without any reader of ours: long base64 that is a PNG from its first byte to its last."""
    found = [base64.b64decode(run) for run in _LONG.findall(answer) if len(run) % 4 == 0]
    return frozenset(
        hashlib.sha256(data).hexdigest()
        for data in found
        if data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
    )


async def run_all(folder: Path) -> list[Run]:
    """Every fault over both APIs; the store is put into ``folder``."""
    runs: list[Run] = []
    apis: tuple[Api, Api] = ("responses", "images")
    for api in apis:
        settings = load_settings(
            flags={"via": api},
            env={"HOME": str(folder), "LIMNER_HOME": str(folder / "data")},
            cwd=folder,
            config_dir=folder / "config",
        )
        stage = Stage()
        clock = Ticking()
        async with open_agent(settings, profile="offline", offline=stage, clock=clock) as agent:
            for fault, spec in FAULTS.items():
                for streamed in (True, False):
                    stage.play(spec)
                    runs.append(await _run(agent, stage, fault, api, streamed=streamed))
    return sorted(runs, key=lambda run: list(FAULTS).index(run.fault))


async def _run(agent: ImageAgent, stage: Stage, fault: str, api: Api, *, streamed: bool) -> Run:
    ended = await agent.run(TurnRequest(text="a red kite over the sea", stream=streamed))
    assert ended.session is not None
    attempts = await agent.store.attempts(turn=ended.turn)
    images = await agent.store.images(ended.session)
    there = [image for image in images if await anyio.Path(image.path).is_file()]
    return Run(
        fault=fault,
        api=api,
        streamed=streamed,
        requests=stage.count("requests"),
        drawn=stage.count("generations"),
        outcome=ended.outcome,
        code=ended.error.code if ended.error else None,
        exit=ended.exit_code,
        attempts=tuple(map(_sent, attempts)),
        arrived=pictures_in(bytes(stage.left)),
        kept=frozenset(image.sha256 for image in there),
    )


def _sent(attempt: Attempt) -> Sent:
    counted = attempt.usage.image
    drew = attempt.images > 0 or bool(counted and counted.output)
    return Sent(state=attempt.state, billed=attempt.billed, drew=drew)


def page(runs: list[Run]) -> str:
    """The whole of docs/faults.md."""
    lines = []
    for fault, of_fault in groupby(runs, key=lambda run: run.fault):
        cells: dict[str, list[Run]] = {}
        for run in of_fault:
            cells.setdefault(_cells(run), []).append(run)
        lines += [f"| {fault} | {_where(same)} | {told} |\n" for told, same in cells.items()]
    drawn, known = sum(run.drawn for run in runs), sum(run.known for run in runs)
    possible = sum(run.possible for run in runs)
    told = BOTTOM.format(
        runs=len(runs), drawn=drawn, known=known, open=drawn - known, possible=possible
    )
    return TOP + "".join(lines) + told


def _cells(run: Run) -> str:
    outcome = run.outcome if run.code in (None, run.outcome) else f"{run.outcome} (`{run.code}`)"
    attempts = "; ".join(f"{sent.state}, {sent.billed}" for sent in run.attempts)
    return f"{run.requests} | {run.drawn} | {outcome}, {run.exit} | {attempts} | {len(run.kept)}"


def _where(runs: list[Run]) -> str:
    """``both, streamed or not`` where nothing differs."""
    have = {(run.api, run.streamed) for run in runs}
    if len(have) == 4:
        return "both, streamed or not"
    if len(have) == 2 and len({streamed for _, streamed in have}) == 1:
        return "both, streamed" if runs[0].streamed else "both, not streamed"
    told = []
    for api, name in (("responses", "Responses"), ("images", "Images")):
        how = [streamed for streamed in (True, False) if (api, streamed) in have]
        if how:
            told.append(
                name if len(how) == 2 else f"{name}{' streamed' if how[0] else ' not streamed'}"
            )
    return ", ".join(told)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        runs = anyio.run(run_all, Path(folder))
    (HERE / "faults.md").write_text(page(runs), encoding="utf-8")


if __name__ == "__main__":
    main()
