from __future__ import annotations

from .conftest import Limner


def test_demo_prints_three_paths_and_on_stderr_what_became_of_them(draw: Limner) -> None:
    ran = draw("demo")

    assert ran.code == 0
    assert [path.name for path in ran.paths] == [
        f"lighthouse-rocky-coast-{number}.png" for number in (1, 2, 3)
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in ran.paths)
    assert "├─ @2" in ran.err
    assert "└─ @3" in ran.err
    assert ran.err.count("1024x1024 medium png") == 3
    assert ran.err.count("free") == 3
    assert "drawn offline by Limner's own artist, not by a model" in ran.err


def test_demo_edits_the_first_picture_twice(draw: Limner, limner: Limner) -> None:
    draw("demo")

    first, second, third = limner("tree", "--json").records
    assert second["parent"] == third["parent"] == first["id"]


def test_demo_stops_at_the_first_turn_that_fails(draw: Limner) -> None:
    ran = draw("demo", "--fault", "401", "--json")

    assert ran.code == 4
    assert [r["type"] for r in ran.records].count("turn.failed") == 1


def test_demo_as_json_ends_with_the_third_terminal_event(draw: Limner) -> None:
    types = [record["type"] for record in draw("demo", "--json").records]

    assert types.count("turn.completed") == 3
    assert types[-1] == "turn.completed"
