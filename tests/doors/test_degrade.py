"""``--draft`` and ``--degrade``: what is lowered, and where the pictures go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.doors.conftest import Limner

FOUR_K = ("--size", "3840x2160", "--quality", "high")


def size_of(path: str | Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_a_draft_is_low_and_jpeg(draw: Limner) -> None:
    ran = draw("generate", "a red kite", "--draft", "--json")

    last = json.loads(ran.out.splitlines()[-1])
    [image] = last["images"]
    assert (image["requested"]["quality"], image["requested"]["format"]) == ("low", "jpeg")
    assert image["media_type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("said", "quality", "kind"),
    [
        (("--quality", "high"), "high", "jpeg"),
        (("--output-format", "png"), "low", "png"),
        (("--output", "kite.webp"), "low", "webp"),
    ],
)
def test_what_was_said_outranks_the_draft(
    draw: Limner, said: tuple[str, ...], quality: str, kind: str
) -> None:
    ran = draw("generate", "a red kite", "--draft", "--json", *said)

    [image] = json.loads(ran.out.splitlines()[-1])["images"]
    assert (image["requested"]["quality"], image["requested"]["format"]) == (quality, kind)


def test_a_picture_a_step_down_is_told_and_both_files_are_there(draw: Limner) -> None:
    ran = draw("generate", "a red kite", "--degrade", *FOUR_K, "--fault", "empty-result:first=2")

    assert ran.code == 0
    small, large = ran.out.splitlines()
    assert (size_of(small), size_of(large)) == ((1536, 864), (3840, 2160))
    assert Path(large).name == f"{Path(small).stem}@3840x2160.png"
    assert "going on with 3840x2160 medium in place of 3840x2160 high" in ran.err
    assert "going on with 1536x864 medium" in ran.err
    assert "enlarged here from 1536x864 to 3840x2160" in ran.err


def test_a_script_gets_the_steps_and_the_path_of_the_enlarged_file(draw: Limner) -> None:
    ran = draw(
        "generate", "a kite", "--degrade", "--json", *FOUR_K, "--fault", "empty-result:first=2"
    )

    events = [json.loads(line) for line in ran.out.splitlines()]
    steps = [event["steps"]["to"] for event in events if event["type"] == "turn.degraded"]
    assert steps == ["3840x2160 medium", "1536x864 medium"]
    *told, enlarged = events[-1]["degraded"]
    assert [step["to"] for step in told] == steps
    assert size_of(enlarged["path"]) == (3840, 2160)
    assert Path(enlarged["path"]).parent == Path(events[-1]["images"][0]["path"]).parent


def test_the_enlarged_file_is_shown_and_exported(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite", "--degrade", *FOUR_K, "--fault", "empty-result:first=2")

    picture, session = limner("show", "@1"), limner("show")
    [turn] = [r for r in limner("show", "--json").records if r["type"] == "turn"]
    exported = limner("export", "kite", "away")

    [made] = [line.split()[-1] for line in picture.out.splitlines() if line.startswith("enlarged")]
    assert size_of(made) == (3840, 2160)
    assert f"enlarged to 3840x2160\n  {made}" in session.out
    assert isinstance(turn["degraded"], list)
    assert turn["degraded"][-1]["path"] == made
    assert [path.name for path in exported.paths] == [
        *("kite-1.png", "kite-1@3840x2160.png", "session.json"),
    ]
    assert size_of("away/kite-1@3840x2160.png") == (3840, 2160)
    [image] = json.loads(Path("away/session.json").read_text())["images"]
    assert image["enlarged"] == [{"size": "3840x2160", "file": "kite-1@3840x2160.png"}]
    assert limner("export", "kite", "away").code == 2


def test_an_enlarged_file_that_is_gone_is_not_listed(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite", "--degrade", *FOUR_K, "--fault", "empty-result:first=2")
    [made] = [r for r in limner("show", "@1").out.splitlines() if r.startswith("enlarged")]

    Path(made.split()[-1]).unlink()

    assert "\nenlarged" not in limner("show", "@1").out
    assert limner("export", "kite", "away").code == 0


def test_without_the_flag_a_failure_stays_one(draw: Limner) -> None:
    ran = draw("generate", "a red kite", *FOUR_K, "--fault", "empty-result:first=2")

    assert (ran.code, ran.out) == (1, "")
