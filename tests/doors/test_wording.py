from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from agent.doors.cli import wording
from agent.schema import Cost, Failure

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (Cost(amount=Decimal("0.04123"), basis="usage"), "$0.0412 (usage)"),
        (Cost(amount=Decimal("12.5"), basis="reported"), "$12.50 (reported)"),
        (Cost(amount=Decimal("0.3"), currency="CNY", basis="per_image"), "¥0.3000 (per image)"),
        (Cost(amount=Decimal("0.3"), currency="CHF", basis="estimate"), "0.3000 CHF (estimate)"),
        (Cost(amount=Decimal(0), basis="usage"), "$0.0000 (usage)"),
        (Cost(), "cost unknown"),
    ],
)
def test_a_cost_says_its_basis_and_unknown_is_never_zero(cost: Cost, words: str) -> None:
    assert wording.cost_line(cost, offline=False) == words


def test_an_estimate_of_several_names_the_sum() -> None:
    each = Cost(amount=Decimal("0.05"), basis="estimate")

    assert wording.estimate_line(each, 1, low=each) == "about $0.0500 (estimate)"
    assert (
        wording.estimate_line(each, 3, low=Cost())
        == "about $0.0500 (estimate), about $0.1500 for all 3"
    )


def test_an_estimate_is_a_range_where_the_server_chooses() -> None:
    low, high = Cost(amount=Decimal("0.01")), Cost(amount=Decimal("0.05"))

    assert wording.estimate_line(high, 1, low=low) == "about $0.0100 to $0.0500 (estimate)"
    assert wording.estimate_line(high, 2, low=low).endswith("$0.0200 to $0.1000 for all 2")


@pytest.mark.parametrize(
    ("count", "words"), [(999, "999 B"), (17_400, "17 kB"), (1_250_000, "1.2 MB")]
)
def test_sizes_are_short(count: int, words: str) -> None:
    assert wording.size_of(count) == words


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=-3), "just now"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=30), "1 d ago"),
    ],
)
def test_ages_are_rounded_down(ago: timedelta, words: str) -> None:
    assert wording.ago(NOW - ago, NOW) == words


def test_text_from_outside_cannot_drive_or_deceive_a_terminal() -> None:
    assert wording.plain("a\x1b[2Jb\x07 \u202ec\udc80\u2028d") == "a [2Jb   c d"
    assert wording.paragraph("one\r\ntwo\x1b[0m") == "one\ntwo [0m"
    assert wording.short("a long line of words", 8) == "a long…"


def test_a_failure_says_who_refused_what_to_do_and_what_it_may_have_cost() -> None:
    failure = Failure(
        code="moderation_blocked",
        message="No.",
        hint="Say it otherwise.",
        stage="provider_output",
        categories=("other", "more"),
        request_id="req_1",
        billed="possibly",
        retry_at=NOW,
        candidates=("@1", "@2"),
    )

    lines = wording.failure_lines(failure)

    assert lines[0] == "No."
    assert lines[1] == "Refused by the provider, which saw the result; categories: other, more."
    assert lines[2:4] == ("Say it otherwise.", "There are: @1, @2")
    assert lines[4] == "It was sent and may be billed."
    assert lines[5].startswith("Try again after 2026-01-0")
    assert lines[6] == "Request req_1"


def test_the_artists_label_is_left_out_of_an_answer() -> None:
    said = "Drawn offline by Limner's own artist, which is no model. It has no dragons."

    assert wording.without_label(said) == "It has no dragons."
