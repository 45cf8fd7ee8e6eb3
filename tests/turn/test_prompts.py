from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.schema import PromptRef
from agent.turn import prompts


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of prompts of this test's own."""
    monkeypatch.setattr(prompts, "folder", lambda: tmp_path)
    return tmp_path


def release(shelf: Path, version: int, words: str, status: str = "current") -> str:
    name = f"greet.v{version}.md"
    (shelf / name).write_text(words, "utf-8")
    sha256 = hashlib.sha256(words.encode()).hexdigest()
    with (shelf / "manifest.toml").open("a") as manifest:
        manifest.write(
            f'[[prompt]]\nid = "edit/greet"\nversion = {version}\nfile = "{name}"\n'
            f'sha256 = "{sha256}"\nstatus = "{status}"\nwhy = "a test"\n'
        )
    return sha256


def refused(name: str, version: int | None = None, **values: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        prompts.text(name, version, values=values)
    return caught.value


def test_every_released_file_is_what_the_manifest_says() -> None:
    root = prompts.folder()
    released = prompts.entries(root)
    for entry in released:
        data = (root / entry.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry.sha256, entry.file
    versions = [(entry.id, entry.version) for entry in released]
    assert len(set(versions)) == len(versions)


def test_every_text_of_edit_and_prices_is_released() -> None:
    root = prompts.folder()
    files = {
        p.relative_to(root).as_posix() for d in ("edit", "prices") for p in (root / d).iterdir()
    }
    assert files <= {entry.file for entry in prompts.entries(root)}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("edit/instructions", {}),
        ("edit/force", {}),
        ("edit/references", {"editing": "1", "total": "3"}),
        ("edit/references-only", {"total": "2"}),
    ],
)
def test_the_texts_of_a_turn_can_be_filled_in(name: str, values: dict[str, str]) -> None:
    words, reference = prompts.text(name, values=values)
    assert reference.id == name
    assert "$" not in words
    assert words == words.strip() != ""


def test_the_newest_current_version_is_taken_unless_one_is_named(shelf: Path) -> None:
    release(shelf, 1, "one")
    second = release(shelf, 2, "two")
    release(shelf, 3, "three", status="retired")
    assert prompts.text("edit/greet") == (
        "two",
        PromptRef.model_validate({"id": "edit/greet", "version": 2, "sha256": second}),
    )
    assert prompts.text("edit/greet", 1)[0] == "one"
    assert prompts.text("edit/greet", 3)[0] == "three"


def test_placeholders_are_filled_in_strictly(shelf: Path) -> None:
    release(shelf, 1, "Hello $name, that is $$5.\n")
    assert prompts.text("edit/greet", values={"name": "Ada", "spare": "x"})[0] == (
        "Hello Ada, that is $5."
    )
    assert "edit/greet@1: placeholder 'name' was not filled in" in str(refused("edit/greet"))


def test_a_stray_dollar_is_an_error_and_not_a_blank(shelf: Path) -> None:
    release(shelf, 1, "costs $ 5")
    assert "edit/greet@1" in str(refused("edit/greet"))


def test_an_edited_text_is_not_used(shelf: Path) -> None:
    release(shelf, 1, "one")
    (shelf / "greet.v1.md").write_text("one, improved")
    error = refused("edit/greet")
    assert "is not the text that was released as edit/greet@1" in str(error)
    assert "add a new version" in error.hint


def test_a_missing_file_is_named(shelf: Path) -> None:
    release(shelf, 1, "one")
    (shelf / "greet.v1.md").unlink()
    assert "greet.v1.md: cannot be read" in str(refused("edit/greet"))


def test_an_unknown_prompt_is_told_its_neighbours(shelf: Path) -> None:
    release(shelf, 1, "one")
    assert refused("edit/grete").hint == "there are edit/greet"
    assert refused("poster/plan").hint == ""


def test_an_unknown_version_is_told_the_known_ones(shelf: Path) -> None:
    release(shelf, 1, "one", status="retired")
    assert "has no version 9; it has 1 (retired)" in str(refused("edit/greet", 9))
    assert "has no version that is current; it has 1 (retired)" in str(refused("edit/greet"))


@pytest.mark.parametrize(
    "manifest",
    ["[[prompt]", '[[prompt]]\nid = "a"', '[[prompt]]\nid = 3\nversion = "x"', "prompt = 3"],
)
def test_a_manifest_that_cannot_be_used_is_named(shelf: Path, manifest: str) -> None:
    (shelf / "manifest.toml").write_text(manifest)
    assert "manifest.toml: cannot be used" in str(refused("edit/greet"))


@pytest.mark.usefixtures("shelf")
def test_a_missing_manifest_is_named() -> None:
    assert "manifest.toml: cannot be used" in str(refused("edit/greet"))


def test_a_price_table_is_found_by_its_name() -> None:
    assert 'name = "openai"' in prompts.prices_text("openai")
    with pytest.raises(SettingsError, match="no prompt prices/acme") as caught:
        prompts.prices_text("acme")
    assert "prices/openai" in caught.value.hint


def test_a_wheels_own_folder_comes_before_a_checkouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "site" / "agent" / "turn" / "prompts.py"
    monkeypatch.setattr(prompts, "_HERE", here)
    find = prompts.folder.__wrapped__
    with pytest.raises(SettingsError, match="folder of prompts is missing") as caught:
        find()
    assert "install" in caught.value.hint
    for place in (tmp_path / "site" / "prompts", tmp_path / "site" / "agent" / "_data" / "prompts"):
        place.mkdir(parents=True)
        (place / "manifest.toml").touch()
        assert find() == place
