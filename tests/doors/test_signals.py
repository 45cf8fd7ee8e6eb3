"""What a signal does while work is under way, in this process."""

from __future__ import annotations

import signal
import sys

import anyio
import anyio.to_thread
import pytest

from agent.doors.cli.signals import STILL_COMING, Interrupted, Interruption, interruptible

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


async def test_work_that_ends_gives_its_value() -> None:
    async def work(_: Interruption) -> int:
        return 7

    assert await interruptible(work, say=print) == 7


async def test_an_error_comes_out_as_it_is() -> None:
    async def work(_: Interruption) -> int:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await interruptible(work, say=print)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
async def test_a_signal_before_anything_was_sent_stops_at_once(
    number: signal.Signals, code: int
) -> None:
    said: list[str] = []

    async def work(_: Interruption) -> None:
        signal.raise_signal(number)
        await anyio.sleep_forever()

    with pytest.raises(Interrupted) as caught:
        await interruptible(work, say=said.append)
    assert caught.value.exit_code == code
    assert said == []


async def test_after_sending_the_first_ctrl_c_only_says_so() -> None:
    told = anyio.Event()

    def say(text: str) -> None:
        assert text == STILL_COMING
        told.set()

    async def work(state: Interruption) -> int:
        state.sent = True
        signal.raise_signal(signal.SIGINT)
        await told.wait()
        return 7

    assert await interruptible(work, say=say) == 7


async def test_the_second_ctrl_c_waits_for_what_must_be_settled() -> None:
    settled: list[bool] = []
    told = anyio.Event()

    async def work(state: Interruption) -> None:
        state.sent = True
        try:
            signal.raise_signal(signal.SIGINT)
            await told.wait()
            signal.raise_signal(signal.SIGINT)
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                signal.raise_signal(signal.SIGINT)  # a third one stops no settling
                await anyio.to_thread.run_sync(settled.append, True)

    with pytest.raises(Interrupted):
        await interruptible(work, say=lambda _: told.set())
    assert settled == [True]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
async def test_sigterm_or_a_closed_terminal_after_sending_asks_nothing(
    number: signal.Signals, code: int
) -> None:
    async def work(state: Interruption) -> None:
        state.sent = True
        signal.raise_signal(number)
        await anyio.sleep_forever()

    with pytest.raises(Interrupted) as caught:
        await interruptible(work, say=lambda _: pytest.fail("nothing to say"))
    assert caught.value.exit_code == code


async def test_nohup_keeps_a_closed_terminal_from_stopping_anything() -> None:
    async def work(_: Interruption) -> int:
        signal.raise_signal(signal.SIGHUP)
        return 7

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert await interruptible(work, say=print) == 7
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_ctrl_c_stops_the_turn_of_a_chat_and_not_the_chat() -> None:
    async def work(state: Interruption) -> str:
        with anyio.CancelScope() as state.inner:
            signal.raise_signal(signal.SIGINT)
            await anyio.sleep_forever()
        return "at the prompt"

    assert await interruptible(work, say=print) == "at the prompt"


def test_without_the_main_thread_work_is_done_all_the_same() -> None:
    async def work(_: Interruption) -> int:
        return 7

    async def elsewhere() -> int:
        return await anyio.to_thread.run_sync(
            lambda: anyio.run(lambda: interruptible(work, say=print))
        )

    assert anyio.run(elsewhere) == 7
