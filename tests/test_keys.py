from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.keys import (
    KEYS_FILE,
    checked_key,
    delete_key,
    is_private,
    key_fingerprint,
    masked,
    normalise_base_url,
    origin_of,
    read_keys,
    write_key,
)

KEY = "sk-abcdefghijklmnop1234"
URL = "https://api.example.com/v1"


def stored(folder: Path) -> dict[str, tuple[str, str]]:
    return {
        name: (one.api_key.get_secret_value(), one.origin)
        for name, one in read_keys(folder).keys.items()
    }


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# ── base URLs ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://api.example.com", "https://api.example.com/v1"),
        ("https://api.example.com/", "https://api.example.com/v1"),
        ("https://api.example.com/v1", "https://api.example.com/v1"),
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("  https://api.example.com/v1\n", "https://api.example.com/v1"),
        ("https://api.example.com/v1/responses", "https://api.example.com/v1"),
        ("https://api.example.com/v1/responses/", "https://api.example.com/v1"),
        ("https://api.example.com/v1/images/generations", "https://api.example.com/v1"),
        ("https://api.example.com/v1/images/edits", "https://api.example.com/v1"),
        ("https://api.example.com/v1/chat/completions", "https://api.example.com/v1"),
        ("https://api.example.com/responses", "https://api.example.com/v1"),
        ("https://api.example.com/proxy/openai", "https://api.example.com/proxy/openai"),
        ("HTTPS://API.Example.COM:443/v1", "https://api.example.com/v1"),
        ("https://api.example.com.:8443", "https://api.example.com:8443/v1"),
        ("http://localhost:4000", "http://localhost:4000/v1"),
        ("http://127.0.0.1:80/v1", "http://127.0.0.1/v1"),
        ("http://[::1]:8080", "http://[::1]:8080/v1"),
        ("http://192.168.1.5:3000/v1", "http://192.168.1.5:3000/v1"),
        ("http://litellm:4000/v1", "http://litellm:4000/v1"),
    ],
)
def test_a_base_url_is_understood_as_manuals_write_it(written: str, meant: str) -> None:
    """C1: with and without /v1, with a pasted endpoint."""
    assert normalise_base_url(written) == meant
    assert normalise_base_url(meant) == meant


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("api.example.com/v1", "must begin with https://"),
        ("ftp://api.example.com", "must begin with https://"),
        ("", "must begin with https://"),
        ("https://", "names no host"),
        ("https:///v1", "names no host"),
        ("https://api.example.com:0", "port 0"),
        ("https://api.example.com:99999", "not an address"),
        ("https://[::1", "not an address"),
        ("https://me:hunter2@api.example.com/v1", "must not hold a user name"),
        ("https://api.example.com/v1?key=hunter2", "must end before"),
        ("https://api.example.com/v1#hunter2", "must end before"),
        ("https://api.example.com/v1 /x", "contains a space"),
        ("https://api.exa\tmple.com", "contains a space"),
        ("https://evil.example\\@api.example.com", "backslash"),
        ("https://api.example.com/a/../v1", "'..'"),
        ("http://api.example.com/v1", "unencrypted"),
        ("http://134744072/v1", "unencrypted"),
        ("http://[::ffff:8.8.8.8]/v1", "unencrypted"),
    ],
)
def test_a_base_url_that_cannot_be_meant_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        normalise_base_url(url)

    assert reason in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_http_to_a_public_host_is_possible_when_asked_for() -> None:
    assert normalise_base_url("http://api.example.com", allow_http=True) == (
        "http://api.example.com/v1"
    )


@pytest.mark.parametrize("host", ["localhost", "10.0.0.7", "::1", "gateway", "box.local"])
def test_this_machine_and_private_networks_are_private(host: str) -> None:
    assert is_private(host)


@pytest.mark.parametrize("host", ["api.openai.com", "8.8.8.8", "2606:4700::1", "local.example.com"])
def test_public_hosts_are_not_private(host: str) -> None:
    assert not is_private(host)


def test_an_origin_is_scheme_host_and_unusual_port() -> None:
    assert origin_of("https://API.example.com:443/v1") == "https://api.example.com"
    assert origin_of("https://api.example.com:8443/v1") == "https://api.example.com:8443"


# ── one key ──────────────────────────────────────────────────────────────────────────────────


def test_a_fingerprint_tells_keys_apart_and_gives_none_away() -> None:
    assert key_fingerprint("abc") == "ba7816bf8f01"
    assert key_fingerprint("abd") != key_fingerprint("abc")


@pytest.mark.parametrize(
    ("key", "shown"), [(KEY, "sk-…1234"), ("gateway-key-long-9876", "…9876"), ("sk-short", "sk-…")]
)
def test_a_masked_key_shows_four_characters_of_a_long_key_and_none_of_a_short_one(
    key: str, shown: str
) -> None:
    assert masked(key) == shown


def test_whitespace_around_a_key_is_dropped() -> None:
    assert checked_key(f" {KEY}\r\n", where="x") == KEY


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("  \n", "empty"),
        ("Bearer sk-abcdef", "'Bearer'"),
        ("sk-abc def", "space"),
        ("sk-abc\ndef", "line break"),
        ('"sk-abcdef"', "quotation mark"),
        ("sk-abc…def", "no key has"),
        ("eyJhbGci.eyJzdWIi.c2ln", "not an API key"),
        ('{"access_token":"abc"}', "not an API key"),
    ],
)
def test_what_cannot_be_a_key_is_refused_without_repeating_it(key: str, reason: str) -> None:
    """R4: the token of a ChatGPT sign-in is no API key."""
    with pytest.raises(SettingsError) as caught:
        checked_key(key, where="env OPENAI_API_KEY")

    assert str(caught.value).startswith("env OPENAI_API_KEY: ")
    assert reason in str(caught.value)
    assert not key.strip() or key.strip() not in str(caught.value)


def test_a_sign_in_token_is_answered_with_where_to_get_a_key() -> None:
    with pytest.raises(SettingsError) as caught:
        checked_key("eyJhbGci.eyJzdWIi.c2ln", where="x")

    assert "https://platform.openai.com/api-keys" in caught.value.hint


# ── keys.toml ────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_stored_for_the_origin_of_its_base_url(tmp_path: Path) -> None:
    write_key("hing", f" {KEY}\n", base_url=URL, config_dir=tmp_path / "new" / "folder")

    assert stored(tmp_path / "new" / "folder") == {"hing": (KEY, "https://api.example.com")}


def test_storing_one_key_keeps_the_others(tmp_path: Path) -> None:
    write_key("a", KEY, base_url=URL, config_dir=tmp_path)
    write_key("b.c-d_e", 'odd\\"key', base_url="http://[::1]:8080/v1", config_dir=tmp_path)
    write_key("a", "sk-second", base_url=URL, config_dir=tmp_path)

    assert stored(tmp_path) == {
        "a": ("sk-second", "https://api.example.com"),
        "b.c-d_e": ('odd\\"key', "http://[::1]:8080"),
    }


def test_a_key_is_forgotten_once(tmp_path: Path) -> None:
    write_key("a", KEY, base_url=URL, config_dir=tmp_path)
    write_key("b", KEY, base_url=URL, config_dir=tmp_path)

    assert delete_key("a", config_dir=tmp_path)
    assert not delete_key("a", config_dir=tmp_path)
    assert set(stored(tmp_path)) == {"b"}


def test_the_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        path = write_key("a", KEY, base_url=URL, config_dir=tmp_path / "conf")
    finally:
        os.umask(before)

    assert mode_of(path) == 0o600
    assert mode_of(path.parent) == 0o700
    assert read_keys(path.parent).notices == ()


def test_a_file_that_others_could_read_is_made_private_and_that_is_told(tmp_path: Path) -> None:
    path = write_key("a", KEY, base_url=URL, config_dir=tmp_path)
    path.chmod(0o644)
    first, second = read_keys(tmp_path), read_keys(tmp_path)

    assert mode_of(path) == 0o600
    assert "0644" in first.notices[0]
    assert "replace the keys" in first.notices[0]
    assert KEY not in first.notices[0]
    assert (first.keys, second.notices) == (second.keys, ())


def test_a_file_that_cannot_be_made_private_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_key("a", KEY, base_url=URL, config_dir=tmp_path)
    path.chmod(0o640)

    def refuse(_path: Path, _mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(SettingsError, match=r"mode 0640.*Operation not permitted"):
        read_keys(tmp_path)


def test_windows_is_trusted_to_keep_a_users_folder_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_key("a", KEY, base_url=URL, config_dir=tmp_path)
    path.chmod(0o666)
    monkeypatch.setattr("agent.keys._ON_WINDOWS", True)

    assert read_keys(tmp_path).notices == ()
    assert mode_of(path) == 0o666


def test_a_failed_write_leaves_the_old_keys_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_key("a", KEY, base_url=URL, config_dir=tmp_path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left on device"):
        write_key("b", KEY, base_url=URL, config_dir=tmp_path)

    assert set(stored(tmp_path)) == {"a"}
    assert [path.name for path in tmp_path.iterdir()] == [KEYS_FILE]


def test_a_linked_file_stays_a_link(tmp_path: Path) -> None:
    real, conf = tmp_path / "dotfiles", tmp_path / "conf"
    real.mkdir()
    conf.mkdir()
    (conf / KEYS_FILE).symlink_to(real / "secret.toml")
    write_key("a", KEY, base_url=URL, config_dir=conf)

    assert (conf / KEYS_FILE).is_symlink()
    assert mode_of(real / "secret.toml") == 0o600
    assert set(stored(conf)) == {"a"}


def test_no_file_is_no_keys(tmp_path: Path) -> None:
    assert stored(tmp_path / "nowhere") == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[a\n", "not valid TOML"),
        ("\udcff", "not valid TOML"),
        ('a = "sk-secret"\n', r"\[a\] must hold api_key and origin"),
        ('[a]\napi_key = "sk-secret"\n', r"\[a\] must hold api_key and origin"),
        ('[a]\napi_key = 7\norigin = "https://x"\n', r"\[a\] must hold api_key and origin"),
        ('[a]\napi_key = "sk-secret"\norigin = "x"\nurl = 1\n', "nothing else"),
    ],
)
def test_a_damaged_file_is_told_without_its_secrets(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / KEYS_FILE).write_bytes(text.encode(errors="surrogateescape"))
    (tmp_path / KEYS_FILE).chmod(0o600)
    with pytest.raises(SettingsError, match=reason) as caught:
        read_keys(tmp_path)

    assert "sk-secret" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / KEYS_FILE).mkdir()
    with pytest.raises(SettingsError, match=r"keys\.toml: cannot be read"):
        read_keys(tmp_path)


@pytest.mark.parametrize("name", ["", "a b", "../a", "-a", "a" * 65, 'x"]\n[y'])
def test_a_name_that_no_profile_can_have_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot name a profile"):
        write_key(name, KEY, base_url=URL, config_dir=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_key_that_cannot_be_one_is_not_stored(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not an API key"):
        write_key("a", "eyJhbGci.eyJzdWIi.c2ln", base_url=URL, config_dir=tmp_path)

    assert list(tmp_path.iterdir()) == []
