from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import Limner


def test_generate_prints_the_path_of_a_picture_and_nothing_else_on_stdout(draw: Limner) -> None:
    ran = draw("generate", "a red kite")

    assert ran.code == 0
    assert ran.out == "limner-out/red-kite-1.png\n"
    assert ran.paths[0].read_bytes().startswith(b"\x89PNG")
    assert "@1 (red-kite/1) 1024x1024" in ran.err
    assert "asked 1024x1024 medium" in ran.err


def test_offline_is_said_once_a_command(draw: Limner) -> None:
    ran = draw("generate", "a red kite", "-n", "2")

    assert ran.err.count("drawn offline by Limner's own artist, not by a model") == 1


def test_words_need_no_quotes(draw: Limner) -> None:
    assert draw("generate", "a", "red", "kite").paths == [Path("limner-out/red-kite-1.png")]


def test_a_dash_reads_the_prompt_from_stdin(draw: Limner) -> None:
    ran = draw("generate", "-", stdin="\ufeffa red kite\n")

    assert ran.paths == [Path("limner-out/red-kite-1.png")]


def test_several_pictures_are_siblings_in_one_session(draw: Limner, limner: Limner) -> None:
    ran = draw("generate", "a kite", "-n", "3")

    assert [path.name for path in ran.paths] == ["kite-1.png", "kite-2.png", "kite-3.png"]
    assert [node["depth"] for node in limner("tree", "--json").records] == [0, 0, 0]


def test_several_edits_all_start_from_the_same_picture(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite")

    draw("edit", "make it night", "-n", "3")

    nodes = limner("tree", "--json").records
    assert {node["parent"] for node in nodes[1:]} == {nodes[0]["id"]}
    assert len(nodes) == 4


def test_several_edits_of_a_file_import_it_once(draw: Limner, limner: Limner) -> None:
    [path] = draw("generate", "a kite").paths

    draw("edit", "make it night", "--image", str(path), "-n", "2")

    operations = [node["operation"] for node in limner("tree", "--json").records]
    assert operations == ["import", "edit", "edit"]


def test_several_turns_stop_when_going_on_could_only_fail_again(draw: Limner) -> None:
    ran = draw("generate", "a kite", "-n", "3", "--fault", "401")

    assert ran.code == 4
    assert "the other 2 were not sent" in ran.err


def test_the_exit_code_of_several_turns_is_the_worst(draw: Limner) -> None:
    ran = draw("generate", "a kite", "-n", "2", "--fault", "no-image:first=1")

    assert ran.code == 1
    assert len(ran.paths) == 1


# ── edit ─────────────────────────────────────────────────────────────────────────────────────


def test_edit_takes_the_newest_picture_of_this_directory_and_says_so(draw: Limner) -> None:
    draw("generate", "a kite")

    ran = draw("edit", "make it night")

    assert ran.paths == [Path("limner-out/kite-2.png")]
    assert "editing @1 of kite\n" in ran.err
    assert "← @1" in ran.err


def test_edit_does_not_touch_a_session_of_another_directory(
    draw: Limner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("generate", "a kite")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    ran = draw("edit", "make it night")

    assert ran.code == 2
    assert "kite" in ran.err


def test_edit_can_start_from_any_picture(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite")
    draw("edit", "make it night")

    draw("edit", "make it winter", "--from", "@1")
    draw("edit", "make it spring", "--from", "kite/2")

    first, second, *_ = nodes = limner("tree", "--json").records
    parents = {node["number"]: node["parent"] for node in nodes}
    assert parents == {1: None, 2: first["id"], 3: first["id"], 4: second["id"]}


def test_an_edit_keeps_the_size_of_its_picture(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite", "--size", "1536x1024")

    draw("edit", "make it night", "--quality", "low")

    assert "@2 1536x1024" in limner("show").out


def test_a_size_asked_for_changes_the_size_of_an_edit(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite")

    draw("edit", "make it night", "--size", "1536x1024")

    assert "@2 1536x1024" in limner("show").out


def test_a_configured_size_does_not_change_the_size_of_an_edit(
    draw: Limner, limner: Limner, work: Path
) -> None:
    draw("generate", "a kite")
    (work / "limner.toml").write_text('size = "1536x1024"\nquality = "low"\n')

    draw("edit", "make it night")

    assert "@2 1024x1024 low" in limner("show").out


def test_a_mask_box_and_a_reference_are_sent(draw: Limner) -> None:
    [path] = draw("generate", "a kite").paths

    ran = draw("edit", "make it red", "--mask-box", "0,0,512,512", "--ref", str(path))

    assert ran.code == 0
    assert "← @1 + img_" in ran.err


def test_continue_goes_on_in_the_newest_session_here(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite")

    assert draw("generate", "--continue", "a cat").code == 0
    [session] = limner("sessions", "--json").records
    assert session["images"] == 2


def test_continue_without_a_session_here_says_how_to_start_one(draw: Limner) -> None:
    ran = draw("generate", "--continue", "a cat", "--json")

    assert ran.code == 2
    assert ran.error["code"] == "usage"
    assert "limner generate" in str(ran.error["hint"])


def test_a_new_session_can_be_named_once(draw: Limner) -> None:
    assert draw("generate", "a kite", "--name", "sky").paths == [Path("limner-out/sky-1.png")]

    again = draw("generate", "a kite", "--name", "sky")

    assert again.code == 2
    assert "--session sky" in again.err


# ── where pictures go ────────────────────────────────────────────────────────────────────────


def test_what_lies_in_the_output_folder_is_not_the_file_of_the_store(draw: Limner) -> None:
    ran = draw("generate", "a kite")
    [path] = ran.paths

    path.write_bytes(b"edited by somebody")

    again = draw("edit", "make it night")
    assert again.code == 0
    assert not path.samefile(again.paths[0])
    assert path.stat().st_nlink == 1


def test_an_existing_file_is_found_before_anything_is_sent(draw: Limner, limner: Limner) -> None:
    Path("kite.png").write_bytes(b"mine")

    ran = draw("generate", "a kite", "-o", "kite.png")

    assert ran.code == 2
    assert "kite.png: is there already" in ran.err
    assert Path("kite.png").read_bytes() == b"mine"
    assert limner("sessions").out == ""


def test_force_overwrites(draw: Limner) -> None:
    Path("kite.png").write_bytes(b"mine")

    assert draw("generate", "a kite", "-o", "kite.png", "--force").code == 0
    assert Path("kite.png").read_bytes().startswith(b"\x89PNG")


def test_a_taken_name_of_a_template_is_never_overwritten_and_the_picture_not_lost(
    draw: Limner,
) -> None:
    Path("limner-out").mkdir()
    Path("limner-out/kite-1.png").write_bytes(b"mine")

    ran = draw("generate", "a kite")

    assert ran.paths == [Path("limner-out/kite-1-2.png")]
    assert "limner-out/kite-1.png is taken" in ran.err
    assert Path("limner-out/kite-1.png").read_bytes() == b"mine"


def test_an_extension_asks_for_its_format(draw: Limner) -> None:
    assert draw("generate", "a kite", "-o", "kite.jpg").code == 0
    assert Path("kite.jpg").read_bytes().startswith(b"\xff\xd8")


def test_the_true_extension_wins_over_the_one_that_was_typed(draw: Limner) -> None:
    ran = draw("generate", "a kite", "-o", "kite.jpg", "--output-format", "png")

    assert ran.paths == [Path("kite.png")]
    assert "the file is kite.png" in ran.err


@pytest.mark.parametrize(
    ("output", "path"),
    [
        ("pictures/", "pictures/kite-1.png"),
        ("there", "there/kite-1.png"),
        ("{n:03}-{session}", "001-kite.png"),
        ("by/{session}/{n}.{ext}", "by/kite/1.png"),
        ("v1.2", "v1.2.png"),
        ("a{{b}}.png", "a{b}.png"),
    ],
)
def test_an_output_is_a_file_a_folder_or_a_template(draw: Limner, output: str, path: str) -> None:
    Path("there").mkdir()

    assert draw("generate", "a kite", "-o", output).paths == [Path(path)]


def test_one_file_name_for_several_pictures_is_numbered(draw: Limner) -> None:
    Path("out-3.png").write_bytes(b"mine")

    assert draw("generate", "a kite", "-o", "out.png", "-n", "3").code == 2
    ran = draw("generate", "a kite", "-o", "new.png", "-n", "2")

    assert [str(path) for path in ran.paths] == ["new.png", "new-2.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_found_before_anything_is_sent(
    draw: Limner, limner: Limner, work: Path
) -> None:
    work.chmod(0o500)

    ran = draw("generate", "a kite")

    work.chmod(0o700)
    assert ran.code == 2
    assert limner("sessions").out == ""


def test_a_folder_below_a_file_is_found_before_anything_is_sent(
    draw: Limner, limner: Limner
) -> None:
    Path("file").write_bytes(b"")

    ran = draw("generate", "a kite", "-o", "file/sub/x.png")

    assert ran.code == 2
    assert "file" in ran.err
    assert limner("sessions").out == ""


def test_a_picture_can_come_from_stdin(draw: Limner, limner: Limner) -> None:
    [path] = draw("generate", "a kite").paths

    ran = draw("edit", "make it night", "--image", "-", stdin=path.read_bytes())

    assert ran.code == 0
    assert [n["operation"] for n in limner("tree", "--json").records] == ["import", "edit"]


def test_options_newer_than_this_program_are_sent_and_recorded(
    draw: Limner, limner: Limner
) -> None:
    ran = draw(
        *("generate", "a kite", "--tool-option", "style=vivid", "--tool-option", "steps=[1,2]"),
        *("--tool-option", "odd=NaN"),
    )

    assert ran.code == 0
    [attempt] = [r for r in limner("show", "--json").records if r["type"] == "attempt"]
    assert attempt["tool_options"] == {"style": "vivid", "steps": [1, 2], "odd": "NaN"}


def test_a_reference_can_be_a_picture_of_a_session(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite")

    assert draw("generate", "a cat", "--session", "kite", "--ref", "@1").code == 0
    first, second = limner("tree", "--json").records
    assert second["parents"] == [first["id"]]


def test_a_name_that_is_a_file_is_a_file(draw: Limner) -> None:
    draw("generate", "a kite", "-o", "@1.png")

    assert draw("generate", "a cat", "--ref", "@1.png").code == 0


def test_not_streaming_gives_the_same_picture(draw: Limner) -> None:
    streamed = draw("generate", "a kite").paths[0].read_bytes()
    whole = draw("generate", "a kite", "--no-stream").paths[0].read_bytes()

    assert streamed == whole


def test_what_the_artist_cannot_draw_is_said(draw: Limner) -> None:
    assert "it drew" in draw("generate", "a dragon").err


def test_colour_is_left_out_when_it_is_not_wanted(draw: Limner) -> None:
    assert "\x1b" not in draw("generate", "a kite", "--size", "1x1").err
