"""``limner serve`` killed in mid-turn, and what the next one says of what it left."""

from __future__ import annotations

import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from agent.offline import Offline, OfflineOptions
from agent.offline.faults import parse_fault
from tests.doors.api.relaying import asked
from tests.doors.api.test_sdk import process
from tests.doors.test_doctor import serving

Json = dict[str, Any]
Start = Callable[..., AbstractContextManager[httpx2.Client]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")

PROFILE = """
[profiles.work]
base_url = "{url}"
api_key_env = "WORK_KEY"
prices = "openai"
concurrency = 1
"""
ANSWERS_NOTHING = OfflineOptions(draw="tiny", dialect="sub2api", faults=(parse_fault("stall"),))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORK_KEY", "sk-work-0123456789")
    monkeypatch.setenv("LIMNER_CONFIG_DIR", str(tmp_path))
    return tmp_path / "home"


@pytest.fixture
def start(home: Path, tmp_path: Path) -> Start:
    """``start(artist)``: a server of its own process, one request at a time, killed at the end."""

    @contextmanager
    def started(artist: Offline) -> Iterator[httpx2.Client]:
        with serving(artist) as behind:
            tmp_path.joinpath("config.toml").write_text(PROFILE.format(url=behind))
            with (
                process(home, profile="work", stop=signal.SIGKILL) as url,
                httpx2.Client(base_url=url) as client,
            ):
                yield client

    return started


def background(client: httpx2.Client, text: str, key: str) -> Json:
    headers = {"idempotency-key": key}
    answer = client.post("/responses", json=asked(text, background=True), headers=headers)
    assert answer.status_code == 200, answer.text
    begun: Json = answer.json()
    assert begun["status"] == "in_progress"
    return begun


def attempts(home: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(home / "d" / "limner.db")) as store:
        return store.execute("SELECT state, billed FROM attempt ORDER BY seq").fetchall()


def received(artist: Offline) -> None:
    """Until it has come."""
    while not artist.state.journal.log():
        pass


def test_the_next_server_tells_at_once_what_became_of_every_background_response(
    start: Start, home: Path
) -> None:
    silent = Offline(ANSWERS_NOTHING)
    with start(silent) as client:
        on_its_way = background(client, "a red kite", "k1")
        received(silent)
        waiting = background(client, "a boat", "k2")
    assert attempts(home) == [("sent", "possibly")]
    artist = Offline(OfflineOptions(draw="tiny", dialect="sub2api"))
    with start(artist) as client:
        told = {one["id"]: client.get(f"/responses/{one['id']}") for one in (on_its_way, waiting)}
        again = [
            client.post("/responses", json=asked(text, background=True), headers=key)
            for text, key in (
                ("a red kite", {"idempotency-key": "k1"}),
                ("a boat", {"idempotency-key": "k2"}),
            )
        ]

    lost, free = (told[one["id"]].json() for one in (on_its_way, waiting))
    assert (lost["status"], lost["error"]["code"]) == ("failed", "outcome_unknown")
    assert (free["status"], free["error"]["code"]) == ("failed", "interrupted")
    assert "may have drawn and billed it" in lost["error"]["message"]
    assert "It cost nothing" in free["error"]["message"]
    assert (again[0].status_code, again[0].json()["error"]["code"]) == (409, "outcome_unknown")
    assert again[1].status_code == 200
    assert again[1].json()["id"] != waiting["id"]


def test_whoever_goes_on_from_a_response_that_was_cut_off_is_not_told_to_wait_for_it(
    start: Start,
) -> None:
    silent = Offline(ANSWERS_NOTHING)
    with start(silent) as client:
        first, second = (background(client, "a red kite", key) for key in ("k1", "k2"))
        received(silent)
    with start(Offline(OfflineOptions(draw="tiny", dialect="sub2api"))) as client:
        more = asked("make it blue", previous_response_id=first["id"])
        went_on = client.post("/responses", json=more)
        cancelled = client.post(f"/responses/{second['id']}/cancel").json()

    assert went_on.status_code == 200
    assert went_on.json()["previous_response_id"] == first["id"]
    assert "is failed: there is nothing to cancel" in cancelled["error"]["message"]


def test_another_server_on_the_same_store_leaves_alone_what_a_living_one_works_on(
    start: Start, home: Path
) -> None:
    silent = Offline(ANSWERS_NOTHING)
    with start(silent) as client:
        both = [background(client, "a red kite", "k1")]
        received(silent)
        both.append(background(client, "a boat", "k2"))
        with process(home) as url:
            found = [httpx2.get(f"{url}/responses/{one['id']}").json() for one in both]

        assert [one["status"] for one in found] == ["in_progress", "in_progress"]
        assert attempts(home) == [("sent", "possibly")]


def test_a_server_settles_for_one_that_is_killed_while_it_runs(start: Start, home: Path) -> None:
    with process(home) as url:
        silent = Offline(ANSWERS_NOTHING)
        with start(silent) as client:
            begun = background(client, "a red kite", "k1")
            received(silent)
        found = httpx2.get(f"{url}/responses/{begun['id']}").json()

    assert (found["status"], found["error"]["code"]) == ("failed", "outcome_unknown")
