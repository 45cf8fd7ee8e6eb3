"""A server that is away, or takes no more, is met once and not by every picture."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent import Settings, open_agent
from agent.poster.records import Made, PictureStarted, PosterMade
from agent.poster.stopping import Outlook
from agent.schema import Failure, FailureCode, ImageId
from tests.conftest import OpenOn, Serve, Ticking, settings_in

from .test_make import brief_of, drawn, of, records, run

BRIEF = brief_of(lettering="set", sizes="[640x800, 640x640, 800x640]", variants="2")


class Leaping(Ticking):
    """Minutes pass between two looks, so that nothing is tried for long."""

    def monotonic(self) -> float:
        self.seconds += 200.0
        return self.seconds


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Settings]:
    """A server's address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        yield settings_in(tmp_path, OPENAI_API_KEY="sk-test", OPENAI_BASE_URL=url)


async def test_without_a_connection_one_picture_finds_out_and_all_stay_planned(
    nobody: Settings, tmp_path: Path
) -> None:
    async with open_agent(nobody, clock=Leaping()) as agent:
        done, events = await run(agent, BRIEF, tmp_path, at_once=1)
        attempts = await agent.store.attempts()

    assert done.counts == {"planned": 6}
    assert done.exit_code == 1
    assert done.error is not None
    assert "No connection" in done.error.message
    assert len(of(events, PictureStarted)) == 1
    assert [(one.state, one.billed) for one in attempts] == [("failed", "no")]
    assert all("No connection" in one.reasons[0] for one in of(events, PosterMade))


async def test_once_the_server_is_back_the_same_command_makes_everything(
    nobody: Settings, serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    server = serve()
    async with open_agent(nobody, clock=Leaping()) as agent:
        await run(agent, BRIEF, tmp_path)
    async with open_on(server) as agent:
        done, _ = await run(agent, BRIEF, tmp_path)

    assert done.counts == {"proved": 6}
    assert drawn(server) == 6


async def test_posters_that_are_there_make_the_rest_a_part(
    nobody: Settings, serve: Serve, open_on: OpenOn, tmp_path: Path
) -> None:
    async with open_on(serve()) as agent:
        await run(agent, BRIEF, tmp_path, sizes=("640x800",))
    async with open_agent(nobody, clock=Leaping()) as agent:
        done, _ = await run(agent, BRIEF, tmp_path)

    assert done.exit_code == 6
    assert {one.status for one in records(done)} == {"proved", "planned"}


# ── the rule ─────────────────────────────────────────────────────────────────────────────────


def made(code: FailureCode | None, *, image: bool = False) -> Made:
    return Made(
        picture="story/1",
        status="failed",
        image=ImageId("img_1") if image else None,
        failure=Failure(code=code, message="no") if code else None,
    )


def test_a_batch_bears_a_moment_without_a_connection_and_a_poster_does_not() -> None:
    patient, hasty = Outlook(patience=3), Outlook()

    assert hasty.ends_with(made("connection")) is not None
    assert patient.ends_with(made("connection")) is None
    assert patient.ends_with(made("connection")) is None
    assert patient.ends_with(made(None)) is None
    assert patient.ends_with(made("connection")) is None
    assert patient.ends_with(made("connection")) is None
    assert patient.ends_with(made("connection")) is not None


@pytest.mark.parametrize("code", ["authentication", "quota", "usage_window", "not_implemented"])
def test_what_every_picture_would_meet_ends_at_once(code: FailureCode) -> None:
    assert Outlook(patience=3).ends_with(made(code)) is not None


@pytest.mark.parametrize("code", ["moderation_blocked", "transient", "no_image", "budget"])
def test_what_one_picture_met_is_its_own(code: FailureCode) -> None:
    assert Outlook().ends_with(made(code)) is None


def test_a_server_that_draws_and_answers_no_questions_goes_on_drawing() -> None:
    assert Outlook().ends_with(made("not_implemented", image=True)) is None
    assert Outlook().ends_with(made("authentication", image=True)) is not None
