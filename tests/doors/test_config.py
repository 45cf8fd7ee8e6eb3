from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from .conftest import Limner

KEY = "sk-" + "k" * 40


@pytest.fixture
def config_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config"
    monkeypatch.setenv("LIMNER_CONFIG_DIR", str(folder))
    return folder


def test_config_shows_values_and_who_said_so(
    limner: Limner, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "limner.toml").write_text('quality = "low"\n')
    monkeypatch.setenv("LIMNER_SIZE", "1536x1024")

    rows = {r["key"]: (r["value"], r["origin"]) for r in limner("config", "show", "--json").records}

    assert rows["size"] == ("1536x1024", "env LIMNER_SIZE")
    assert rows["quality"] == ("low", "project ./limner.toml:1")
    assert rows["background"][1] == "default"
    assert str(rows["server"][0]).startswith("offline")


def test_config_masks_keys(limner: Limner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    out = limner("config", "show", "--origin").out

    assert KEY not in out
    assert "sk-…kkkk" in out
    assert "(env OPENAI_API_KEY)" in out


def test_a_misspelt_variable_is_told_and_does_not_stop_anything(
    limner: Limner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIMNER_QUALTIY", "low")

    ran = limner("config", "show")

    assert ran.code == 0
    assert "LIMNER_QUALITY" in ran.err


def test_a_key_is_piped_in_kept_apart_and_used(limner: Limner, config_dir: Path) -> None:
    ran = limner("keys", "set", "openai", stdin=f"{KEY}\n")

    assert ran.code == 0
    assert KEY not in ran.out + ran.err
    assert (config_dir / "keys.toml").stat().st_mode & 0o077 == 0
    assert tomllib.loads((config_dir / "keys.toml").read_text())["openai"]["api_key"] == KEY
    assert "openai (https://api.openai.com/v1)" in limner("config", "show").out


def test_a_key_is_removed(limner: Limner, config_dir: Path) -> None:
    limner("keys", "set", "openai", stdin=KEY)

    assert limner("keys", "remove", "openai").code == 0
    assert KEY not in (config_dir / "keys.toml").read_text()
    again = limner("keys", "remove", "openai")
    assert again.code == 2
    assert "Stored are: none" in again.err


@pytest.mark.usefixtures("config_dir")
@pytest.mark.parametrize(
    ("profile", "key"),
    [("openai", ""), ("openai", "two words"), ("stranger", KEY), ("offline", KEY)],
)
def test_what_cannot_be_a_key_or_a_profile_is_refused(
    limner: Limner, profile: str, key: str
) -> None:
    assert limner("keys", "set", profile, stdin=key).code == 2


@pytest.mark.parametrize(
    ("shell", "said"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")]
)
def test_completion_prints_a_script_that_asks_limner(limner: Limner, shell: str, said: str) -> None:
    ran = limner("completion", shell)

    assert ran.code == 0
    assert said in ran.out
    assert "_LIMNER_COMPLETE" in ran.out


def test_the_help_lists_every_command_and_the_version_is_told(limner: Limner) -> None:
    out = limner("--help").out

    assert all(f"\n  {name} " in out for name in ("demo", "generate", "chat", "forget", "keys"))
    assert limner("--version").out.startswith("limner 0.")
