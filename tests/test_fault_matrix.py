"""Every fault, streamed or not, over both APIs: paid once, nothing lost, and the books agree."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def made() -> ModuleType:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("make_faults", ROOT / "docs" / "make_faults.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look their annotations up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runs(made: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    folder = tmp_path_factory.mktemp("faults")
    found: list[Any] = anyio.run(made.run_all, folder)
    return found


def told(run: Any) -> str:
    how = "streamed" if run.streamed else "whole"
    return f"{run.fault}, {run.api}, {how}"


def test_the_matrix_is_whole(made: ModuleType, runs: list[Any]) -> None:
    assert len(made.FAULTS) >= 12
    cells = {(run.fault, run.api, run.streamed) for run in runs}
    assert len(cells) == len(runs) == len(made.FAULTS) * 4


def test_the_server_never_draws_twice_for_one_turn(runs: list[Any]) -> None:
    assert {told(run): run.drawn for run in runs if run.drawn > 1} == {}


def test_only_what_cost_nothing_was_sent_again(runs: list[Any]) -> None:
    again = [run for run in runs if run.requests > 1]
    assert {run.fault for run in again} == {"429 once"}
    for run in again:
        assert [(sent.state, sent.billed) for sent in run.attempts] == [
            ("failed", "no"),
            ("completed", "yes"),
        ]


def test_every_picture_that_arrived_is_listed_and_its_file_is_there(runs: list[Any]) -> None:
    assert {told(run) for run in runs if not run.arrived <= run.kept} == set()
    assert {run.fault for run in runs if run.arrived} >= {
        "none",
        "connection dropped behind the picture",
        "the stream ends without its terminal event",
    }


def test_what_arrived_makes_the_turn_a_success_and_nothing_else_does(runs: list[Any]) -> None:
    for run in runs:
        assert (run.outcome == "image") == bool(run.kept) == (run.exit == 0), told(run)
        assert run.kept == run.arrived, told(run)


def test_every_request_that_the_server_saw_is_an_attempt_in_the_ledger(runs: list[Any]) -> None:
    assert {told(run) for run in runs if run.requests != len(run.attempts)} == set()
    assert {sent.state for run in runs for sent in run.attempts} <= {
        "completed",
        "refused",
        "failed",
        "unknown",
    }


def test_the_ledger_agrees_with_the_servers_count(runs: list[Any]) -> None:
    """Known to have drawn ≤ drawn ≤ known + possibly; what is called free drew nothing."""
    for run in runs:
        assert run.known <= run.drawn <= run.known + run.possible, told(run)
        if all(sent.billed == "no" for sent in run.attempts):
            assert run.drawn == 0, told(run)


def test_a_result_that_is_not_known_is_never_called_free(runs: list[Any]) -> None:
    unknown = [run for run in runs if run.outcome == "unknown"]
    assert unknown
    for run in unknown:
        assert [(sent.state, sent.billed) for sent in run.attempts] == [("unknown", "possibly")]
        assert run.exit == 7


def test_the_page_on_faults_is_current(made: ModuleType, runs: list[Any]) -> None:
    written = (ROOT / "docs" / "faults.md").read_text("utf-8")
    assert made.page(runs) == written, "run: python docs/make_faults.py"
