from __future__ import annotations

import getpass
from pathlib import Path

import pytest

from .conftest import Limner

pytestmark = pytest.mark.usefixtures("house_policy")


def test_a_refusal_by_policy_names_rule_and_fix_and_says_that_nothing_was_sent(
    draw: Limner,
) -> None:
    ran = draw("generate", "a pineapple", "--json")

    assert ran.code == 3
    assert ran.records[-1]["type"] == "turn.refused"
    assert ran.error["stage"] == "policy"
    assert ran.error["rule"] == "no-pineapples"
    assert ran.error["categories"] == ["fruit"]
    assert "Nothing was sent, nothing was charged" in ran.err
    assert "Draw a pear" in ran.err
    assert ran.records[-1]["attempts"] == []


def test_what_was_refused_is_not_asked_again_for_the_other_pictures(draw: Limner) -> None:
    assert "the other 4 were not sent" in draw("generate", "a pineapple", "-n", "5").err


def test_a_rule_under_review_stops_until_it_is_acknowledged(draw: Limner, limner: Limner) -> None:
    stopped = draw("generate", "an umbrella")
    passed = draw("generate", "an umbrella", "--acknowledge", "umbrellas")

    assert stopped.code == 3
    assert "--acknowledge umbrellas" in stopped.err
    assert passed.code == 0
    assert f"acknowledged umbrellas by {getpass.getuser()}" in limner("show", "@1").out


def test_what_is_refused_cannot_be_acknowledged(draw: Limner) -> None:
    assert draw("generate", "a pineapple", "--acknowledge", "no-pineapples").code == 3


def test_a_pipe_acknowledges_nothing(draw: Limner) -> None:
    ran = draw("chat", stdin="an umbrella\ny\n")

    assert ran.code == 3
    assert "--acknowledge umbrellas" in ran.err


def test_check_allows_with_0(limner: Limner) -> None:
    ran = limner("check", "a pear")

    assert ran.code == 0
    assert ran.out.startswith("allow\n")


def test_check_refuses_with_3_and_shows_where_and_why(limner: Limner) -> None:
    ran = limner("check", "a ripe pineapple, and an umbrella")

    assert ran.code == 3
    assert "refuse   rule no-pineapples (fruit)" in ran.out
    assert "fix: Draw a pear." in ran.out
    assert "7-16" in ran.out
    assert "umbrellas" in ran.out


def test_check_says_how_a_rule_under_review_is_accepted(limner: Limner) -> None:
    ran = limner("check", "an umbrella")

    assert ran.code == 3
    assert "--acknowledge umbrellas" in ran.out


def test_check_reads_stdin_and_files_and_keeps_nothing(limner: Limner) -> None:
    Path("brief.txt").write_text("a pineapple")

    assert limner("check", "-", stdin="a pineapple").code == 3
    assert limner("check", "--file", "brief.txt", "--json").records[0]["decision"] == "refuse"
    assert limner("sessions").out == ""


def test_check_names_a_file_that_cannot_be_read(limner: Limner) -> None:
    assert limner("check", "--file", "gone.txt").code == 2
    assert "gone.txt" in limner("check", "--file", "gone.txt").err


def test_check_takes_a_text_or_a_file(limner: Limner) -> None:
    assert limner("check", "a pear", "--file", "brief.txt").code == 2
    assert limner("check").code == 2
