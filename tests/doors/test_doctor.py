"""``limner doctor`` as a shell sees it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.from_thread
import pytest

from agent.offline import Offline, OfflineOptions
from agent.offline.faults import parse_fault

from ..gateway import Gateway, Habits, served
from .conftest import Limner
from .test_json import validator

KEY = "sk-doctor-0123456789abcdef"


@contextmanager
def serving(server: Offline) -> Iterator[str]:
    """The base URL of a server in a loop of its own: a command has its own, too."""
    with (
        anyio.from_thread.start_blocking_portal() as portal,
        portal.wrap_async_context_manager(served(server)) as url,
    ):
        yield url


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def set_to(url: str) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        monkeypatch.setenv("OPENAI_API_KEY", KEY)

    return set_to


def artist(*faults: str) -> Offline:
    return Offline(OfflineOptions(draw="tiny", faults=tuple(map(parse_fault, faults))))


def test_with_nothing_configured_all_is_well(limner: Limner) -> None:
    ran = limner("doctor")

    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "Nothing is wrong."
    assert "no server" in ran.out


def test_json_is_one_record_per_check(limner: Limner) -> None:
    ran = limner("doctor", "--json")

    assert ran.code == 0
    assert {record["type"] for record in ran.records} == {"check"}
    areas = {record["area"] for record in ran.records}
    assert areas == {"program", "settings", "store", "queue", "artist"}


def test_a_missing_key_is_exit_4_and_named(limner: Limner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://gateway.example/v1")

    ran = limner("doctor")

    assert ran.code == 4
    assert "no key for https://gateway.example/v1" in ran.out
    assert "1 wrong" in ran.out


def test_a_server_is_looked_at_for_free(limner: Limner, configure: Callable[[str], None]) -> None:
    server = artist()
    with serving(server) as url:
        configure(url)
        ran = limner("doctor")

    assert ran.code == 0, ran.out
    assert "gpt-image-2 is among the models" in ran.out
    assert KEY not in ran.out + ran.err
    assert server.counters.get("generations", 0) == 0


def test_a_probe_says_its_price_and_without_a_terminal_needs_a_yes(
    limner: Limner, configure: Callable[[str], None]
) -> None:
    server = artist()
    with serving(server) as url:
        configure(url)
        ran = limner("doctor", "--probe", "--only", "draw")

    assert ran.code == 2
    assert "at most about $0." in ran.err
    assert "Add --yes" in ran.err
    assert server.counters.get("requests", 0) == 0


def test_a_probe_is_in_the_ledger_and_what_it_proves_is_saved_for_the_profile(
    limner: Limner, configure: Callable[[str], None], tmp_path: Path
) -> None:
    server = artist()
    with serving(server) as url:
        configure(url)
        name = url.removeprefix("http://").removesuffix("/v1").replace(":", "-")
        probed = limner(
            *("doctor", "--probe", "--yes", "--json", "--only", "draw", "--only", "tool_choice"),
            *("--save", name),
        )
        after = limner("doctor", "--json")
        drawn = limner("generate", "a kite", "--quality", "low", "--json")
        ledger = limner("ledger", "--json")

    assert probed.code == 0, probed.err
    facts = {str(record["fact"]): record["supported"] for record in probed.records}
    assert facts["tool_choice"] == "yes"
    assert f"saved: {tmp_path}" in probed.err
    assert any(str(r["text"]).startswith("tool_choice = yes") for r in after.records)
    assert drawn.code == 0
    [last] = [e for e in server.state.journal.log() if isinstance(e, dict)][-1:]
    assert isinstance(last["body"], dict)
    assert last["body"]["tool_choice"] == {"type": "image_generation"}
    assert len(ledger.records) == 3


def test_a_probe_that_leaves_something_open_is_exit_1(
    limner: Limner, configure: Callable[[str], None]
) -> None:
    with serving(artist("502")) as url:
        configure(url)
        ran = limner("doctor", "--probe", "--yes", "--only", "draw")

    assert ran.code == 1
    assert "unknown" in ran.out


def test_the_artist_is_probed_without_asking(limner: Limner) -> None:
    ran = limner("doctor", "--probe", "--only", "structured_output")

    assert ran.code == 0
    assert "free" in ran.err
    assert ran.out.startswith("structured_output  yes")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--save", "x"), "--save needs --probe"),
        (("--only", "draw"), "--only needs --probe"),
        (("--through", "http://127.0.0.1:1"), "--through needs --sandwich"),
        (("--sandwich",), "--sandwich needs --through"),
        (("--probe", "--forget-server", "https://a"), "one at a time"),
        (("--probe", "--yes", "--only", "nothing"), "no probe 'nothing'"),
        (("--forget-server", "https://a.example"), "Nothing is remembered"),
        (("--forget-server", "nonsense"), "base URL"),
        (("--probe", "--save", "offline"), "nothing to save"),
        (("--sandwich", "--through", "http://127.0.0.1:9"), "no configured key belongs"),
        (("--sandwich", "--through", "http://a", "--key-env", "NOT_SET"), "is not set"),
        (("--sandwich", "--through", "http://a", "--require", "absent.txt"), "cannot be read"),
        (("--profile", "nobody", "--probe"), "no profile 'nobody'"),
    ],
)
def test_what_does_not_go_together_is_said(
    args: tuple[str, ...], words: str, limner: Limner
) -> None:
    ran = limner("doctor", *args)

    assert ran.code in (2, 4)
    assert words in ran.err


def test_an_unknown_profile_is_wrong_and_the_rest_is_still_shown(limner: Limner) -> None:
    ran = limner("doctor", "--profile", "nobody")

    assert ran.code == 1
    assert "no profile 'nobody'" in ran.out
    assert "writable" in ran.out


def test_a_server_that_is_forgotten_is_learned_anew(
    limner: Limner, configure: Callable[[str], None]
) -> None:
    with serving(artist("json-on-stream")) as url:
        configure(url)
        limner("generate", "a kite", "--quality", "low")
        known = limner("doctor")
        forgot = limner("doctor", "--forget-server", url)
        after = limner("doctor")

    assert "stream answered whole" in known.out
    assert forgot.code == 0
    assert "stream answered whole" not in after.out


def sandwich(
    limner: Limner, monkeypatch: pytest.MonkeyPatch, habits: Habits, *args: str
) -> tuple[int, str, str]:
    """``--sandwich`` on a gateway that was told a fixed upstream port, as in somebody's CI."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    habits.upstream = f"http://127.0.0.1:{port}/v1"
    habits.keys = ("sk-of-the-gateway",)
    monkeypatch.setenv("GATEWAY_KEY", "sk-of-the-gateway")
    with serving(Gateway(habits)) as url:
        ran = limner(
            *("doctor", "--sandwich", "--through", url, "--key-env", "GATEWAY_KEY"),
            *("--upstream-port", str(port), "--big", "0.1", "--wait", "20", *args),
        )
    return ran.code, ran.out, ran.err


def test_a_sandwich_shows_each_case_and_what_was_lost(
    limner: Limner, monkeypatch: pytest.MonkeyPatch, work: Path
) -> None:
    (work / "must.txt").write_text("generate\nedit\n")
    habits = Habits(request=lambda b: {k: v for k, v in b.items() if k != "tool_choice"})

    code, out, err = sandwich(
        limner, monkeypatch, habits, "--junit", "out.xml", "--require", "must.txt"
    )

    assert code == 0, out + err
    assert "The gateway's upstream is http://127.0.0.1:" in err
    assert "✗ tool_choice" in out
    assert "dropped_field tool_choice.type: image_generation" in out
    assert 'failures="1"' in (work / "out.xml").read_text()


def test_a_required_case_that_does_not_pass_is_exit_1(
    limner: Limner, monkeypatch: pytest.MonkeyPatch, work: Path
) -> None:
    (work / "must.txt").write_text("tool_choice\n")
    habits = Habits(request=lambda b: {k: v for k, v in b.items() if k != "tool_choice"})

    code, out, err = sandwich(limner, monkeypatch, habits, "--require", "must.txt", "--json")

    assert code == 1
    assert "required and not passed: tool_choice" in err
    records = [json.loads(line) for line in out.splitlines()]
    assert [r["name"] for r in records if not r["passed"]] == ["tool_choice"]
    for record in records:
        validator("case").validate(record)


def test_a_port_in_use_is_said(limner: Limner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_KEY", "sk-of-the-gateway")
    with serving(artist()) as url:
        port = url.removesuffix("/v1").rpartition(":")[2]
        ran = limner(
            *("doctor", "--sandwich", "--through", url, "--key-env", "GATEWAY_KEY"),
            *("--upstream-port", port),
        )

    assert ran.code == 2
    assert "cannot be listened on" in ran.err
