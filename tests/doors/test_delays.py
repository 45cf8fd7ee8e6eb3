"""How long until a request goes again, in words."""

from __future__ import annotations

import pytest

from agent.doors.cli.wording import delay


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0, "now"), (0.04, "now"), (0.3, "in 1 s"), (1.0, "in 1 s"), (19.2, "in 20 s")],
)
def test_a_wait_is_rounded_up_and_none_is_now(seconds: float, words: str) -> None:
    assert delay(seconds) == words
