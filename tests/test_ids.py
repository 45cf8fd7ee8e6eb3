from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from agent.ids import SystemClock, Ulids

NOON = datetime(2026, 11, 20, 12, 0, 0, 1_000, tzinfo=UTC)


class SetClock:
    def __init__(self, now: datetime) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return 0.0


def zeros(count: int) -> bytes:
    return bytes(count)


def test_an_id_is_its_prefix_and_26_characters_of_crockford_base32() -> None:
    new = Ulids(SetClock(NOON)).new("img")

    assert new.startswith("img_")
    assert len(new) == 30
    assert set(new[4:]) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


def test_an_id_spells_the_milliseconds_and_the_entropy_it_was_given() -> None:
    # The time part of the ULID specification's own example, 01ARZ3NDEK.
    clock = SetClock(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=1469922850259))

    assert Ulids(clock, zeros).new("t") == "t_01ARZ3NDEK" + "0" * 16
    assert Ulids(clock, lambda count: b"\xff" * count).new("t") == "t_01ARZ3NDEK" + "Z" * 16


def test_no_millisecond_is_lost_to_floating_point() -> None:
    base = datetime(2026, 11, 20, tzinfo=UTC)
    ids = [
        Ulids(SetClock(base + timedelta(milliseconds=step)), zeros).new("t") for step in range(1000)
    ]

    assert len(set(ids)) == 1000


def test_ids_made_within_one_millisecond_differ_and_sort_in_the_order_made() -> None:
    ids = Ulids(SetClock(NOON), zeros)
    made = [ids.new("img") for _ in range(1000)]

    assert made == sorted(set(made))


def test_ids_keep_their_order_when_the_clock_is_set_back() -> None:
    clock = SetClock(NOON)
    ids = Ulids(clock)
    before = ids.new("img")
    clock.time = NOON - timedelta(hours=1)

    assert ids.new("img") > before


def test_entropy_at_its_end_carries_on_without_breaking_order_or_length() -> None:
    ids = Ulids(SetClock(NOON), lambda count: b"\xff" * count)
    made = [ids.new("img") for _ in range(100)]

    assert made == sorted(set(made))
    assert {len(one) for one in made} == {30}


def test_two_copies_of_one_source_part_ways_within_the_same_millisecond() -> None:
    """As after a fork."""
    counter: Iterator[int] = itertools.count()

    def entropy(count: int) -> bytes:
        return next(counter).to_bytes(count)

    parent, child = (Ulids(SetClock(NOON), entropy) for _ in range(2))
    child._last = parent._last = 1 << 120

    assert parent.new("img") != child.new("img")


def test_threads_never_get_the_same_id() -> None:
    ids = Ulids(SetClock(NOON), zeros)
    made: list[str] = []
    workers = [
        threading.Thread(target=lambda: made.extend(ids.new("t") for _ in range(500)))
        for _ in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(set(made)) == 2000


def test_the_system_clock_is_in_utc_and_its_stopwatch_never_runs_back() -> None:
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
