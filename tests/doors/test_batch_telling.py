"""What a run of thousands says: enough, and no more."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from agent.batch.events import BatchDone, BatchPoster, BatchProgress, BatchWaits
from agent.doors.cli.batch_telling import BatchTeller


class Heard:
    """A log, as ``Progress`` sees it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def stage(self, text: str) -> None:
        self.lines.append(text)

    def line(self, text: str) -> None:
        self.lines.append(text)

    def rest(self) -> None:
        pass

    def aside(self) -> AbstractContextManager[None]:
        return nullcontext()


def test_a_log_has_a_line_for_each_twentieth_of_a_large_batch() -> None:
    heard = Heard()
    teller = BatchTeller(as_json=False, progress=heard)

    for done in range(1001):
        states = {"planned": 1000 - done, "proved": done}
        teller.tell(BatchProgress.model_validate({"states": states, "under_way": 1000 - done}))

    assert len(heard.lines) == 21
    assert heard.lines[0].startswith("1000 planned")
    assert heard.lines[-1].startswith("0 planned, 1000 proved")


def test_posters_that_need_a_person_are_named_until_there_are_too_many() -> None:
    heard = Heard()
    teller = BatchTeller(as_json=False, progress=heard)

    for number in range(500):
        teller.tell(BatchPoster(name=f"b{number}", state="needs-person", reasons=("look",)))

    assert len(heard.lines) == 51
    assert heard.lines[0] == "b0: needs-person\n  look"
    assert "limner batch status" in heard.lines[-1]


def test_what_is_told_without_a_wait_names_none() -> None:
    heard = Heard()

    BatchTeller(as_json=False, progress=heard).tell(
        BatchWaits(task="spring", message="ada is gone", delay_s=0)
    )

    assert heard.lines == ["ada is gone"]


def test_posters_that_a_budget_was_in_the_way_of_are_counted_at_the_end() -> None:
    heard = Heard()

    BatchTeller(as_json=False, progress=heard).tell(
        BatchDone(batch="spring", folder="out", states={"planned": 3}, short=3, exit_code=5)
    )

    assert "stopped by a budget: 3 posters" in heard.lines[-1]
