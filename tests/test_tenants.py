"""Who may use the server: read from two files, and never a key in either."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.settings import Settings, load_settings
from agent.tenants import MOST_KEYS, TENANTS_FILE, key_hash, new_key

LIMITS = """
[tenants.studio]
max_cost = 0.5
day_max_cost = 5.00
total_max_cost = 100
requests_per_minute = 60
may_acknowledge = true
"""


def configured(folder: Path, text: str = "") -> Settings:
    config = folder / "config"
    config.mkdir(exist_ok=True)
    (config / "config.toml").write_text(text)
    return load_settings(env={"HOME": str(folder)}, cwd=folder, config_dir=config)


def test_without_any_there_are_none(tmp_path: Path) -> None:
    assert configured(tmp_path).tenants == {}


def test_limits_come_from_the_user_file_and_keys_from_their_own(tmp_path: Path) -> None:
    configured(tmp_path)
    key, path = new_key("studio", config_dir=tmp_path / "config")

    studio = configured(tmp_path, LIMITS).tenants["studio"]

    assert (studio.max_cost, studio.day_max_cost) == (Decimal("0.5"), Decimal(5))
    assert (studio.total_max_cost, studio.requests_per_minute) == (Decimal(100), 60)
    assert studio.may_acknowledge
    assert key_hash(key) in studio.key_sha256
    assert key_hash(key + "x") not in studio.key_sha256
    assert key not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_second_key_does_not_end_the_first(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    keys = [new_key(name, config_dir=folder)[0] for name in ("a", "a", "b")]

    tenants = configured(tmp_path).tenants

    assert [key_hash(key) in tenants["a"].key_sha256 for key in keys] == [True, True, False]
    assert key_hash(keys[2]) in tenants["b"].key_sha256


def test_a_person_may_write_a_hash_themselves(tmp_path: Path) -> None:
    text = f'[tenants.studio]\nkey_sha256 = ["{key_hash("mine")}"]\n'

    assert key_hash("mine") in configured(tmp_path, text).tenants["studio"].key_sha256


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tenants.studio]\nday_max_cost = -1\n", "config.toml:2"),
        ("[tenants.studio]\nbudget = 1\n", "config.toml:2"),
        ('[tenants.studio]\nkey = "sk-x"\n', "config.toml:2"),
        ('[tenants.studio]\nkey_sha256 = ["short"]\n', "config.toml:2"),
        ("[tenants.'a b']\n", "cannot name a tenant"),
        ("tenants = 3\n", "config.toml:1"),
    ],
)
def test_a_mistake_is_blamed_on_its_line(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(SettingsError, match=told):
        configured(tmp_path, text)


def test_two_tenants_with_one_key_are_refused(tmp_path: Path) -> None:
    one = f'key_sha256 = ["{key_hash("k")}"]\n'

    with pytest.raises(SettingsError, match="the same key"):
        configured(tmp_path, f"[tenants.a]\n{one}[tenants.b]\n{one}")


def test_a_damaged_file_of_keys_is_named(tmp_path: Path) -> None:
    configured(tmp_path)
    (tmp_path / "config" / TENANTS_FILE).write_text("studio = 3\n")

    with pytest.raises(SettingsError, match=TENANTS_FILE):
        configured(tmp_path)


def test_a_tenant_has_so_many_keys_and_no_more(tmp_path: Path) -> None:
    for _ in range(MOST_KEYS):
        new_key("a", config_dir=tmp_path)

    with pytest.raises(SettingsError, match="keys already"):
        new_key("a", config_dir=tmp_path)


@pytest.mark.parametrize("name", ["", "a b", "../x", "é"])
def test_a_name_must_be_plain(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot name a tenant"):
        new_key(name, config_dir=tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match="cannot be written"):
        new_key("a", config_dir=tmp_path / "file")
