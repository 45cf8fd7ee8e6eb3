"""Keys while the server runs: made, removed, and a file of them that is broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent import Settings
from agent.doors.api.register import Register
from agent.layers import USER_FILE
from agent.tenants import TENANTS_FILE, new_key
from tests.doors.api.conftest import OpenServer, Served, tenant

MODELS = "/v1/models"


@pytest.fixture
def make(settings: Settings) -> Callable[[str], dict[str, str]]:
    """A key as ``limner serve key`` makes it: the header that says it."""

    def made(name: str) -> dict[str, str]:
        key, _ = new_key(name, config_dir=settings.config_dir)
        return {"authorization": f"Bearer {key}"}

    return made


@pytest.fixture
def file(settings: Settings) -> Path:
    return settings.config_dir / TENANTS_FILE


def rewrite(file: Path, text: str) -> str:
    """What stood there before."""
    before = file.read_text("utf-8") if file.exists() else ""
    file.write_text(text, "utf-8")
    return before


async def status(served: Served, headers: dict[str, str] | None = None) -> int:
    return (await served.client.get(MODELS, headers=headers)).status_code


async def test_a_key_that_is_made_while_it_runs_works_and_is_asked_for(
    open_server: OpenServer, make: Callable[[str], dict[str, str]]
) -> None:
    async with open_server() as served:
        assert await status(served) == 200
        one = make("one")
        assert (await status(served), await status(served, one)) == (401, 200)
        two = make("two")
        assert (await status(served, one), await status(served, two)) == (200, 200)


async def test_a_removed_key_is_dead_at_once_and_the_last_one_lets_nobody_in(
    open_server: OpenServer, make: Callable[[str], dict[str, str]], file: Path
) -> None:
    one, two = make("one"), make("two")
    async with open_server() as served:
        assert (await status(served, one), await status(served, two)) == (200, 200)
        rewrite(file, rewrite(file, "").partition('["two"]')[0])
        assert (await status(served, one), await status(served, two)) == (200, 401)
        rewrite(file, "")
        assert (await status(served, one), await status(served)) == (401, 401)


@pytest.mark.parametrize("broken", ["[one", "[one]\nkey_sha256 = 7\n", "one = 1\n"])
async def test_a_broken_file_keeps_the_keys_from_before_and_says_so(
    open_server: OpenServer, make: Callable[[str], dict[str, str]], file: Path, broken: str
) -> None:
    one = make("one")
    async with open_server() as served:
        assert "problem" not in (await served.client.get("/health")).json()
        good = rewrite(file, broken)
        health = (await served.client.get("/health")).json()
        assert (await status(served, one), await status(served)) == (200, 401)
        assert "keys from before hold" in health["problem"]
        assert str(file.parent) not in health["problem"]
        rewrite(file, good)
        assert await status(served, one) == 200
        assert "problem" not in (await served.client.get("/health")).json()


async def test_limits_that_are_written_down_hold_from_the_next_request(
    open_server: OpenServer, make: Callable[[str], dict[str, str]], settings: Settings
) -> None:
    one = make("one")
    async with open_server() as served:
        assert await status(served, one) == 200
        limits = "[tenants.one]\nrequests_per_minute = 1\n"
        rewrite(settings.config_dir / USER_FILE, limits)
        assert [await status(served, one) for _ in range(2)] == [200, 429]


async def test_a_key_made_between_the_settings_and_the_start_is_known(
    settings: Settings, make: Callable[[str], dict[str, str]]
) -> None:
    told = make("one")["authorization"].removeprefix("Bearer ")
    owner = Register(settings, always=False).owner(told)

    assert owner is not None
    assert owner.name == "one"


def test_off_loopback_a_key_is_needed_also_while_there_is_none(settings: Settings) -> None:
    assert Register(settings, always=True).required
    assert not Register(settings, always=False).required


def test_files_that_did_not_change_are_not_read_again(
    settings: Settings, make: Callable[[str], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    make("one")
    register = Register(settings, always=False)
    monkeypatch.setattr(Path, "open", None)

    assert register.owner("sk-limner-nobody") is None


async def test_tenants_that_were_handed_over_are_the_first_ones(open_server: OpenServer) -> None:
    studio, key = tenant("studio")
    async with open_server(tenants={"studio": studio}) as served:
        assert (await status(served), await status(served, key)) == (401, 200)
