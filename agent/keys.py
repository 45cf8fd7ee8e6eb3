"""Keys, where they are kept, and the only place each of them may be sent.

A key belongs to an *origin* (scheme, host, port). ``keys.toml`` remembers the origin a key was
stored for; when the profile later points elsewhere, the key is not used (DESIGN section 5).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pydantic import Field, SecretStr

from .errors import SettingsError
from .files import write_private
from .schema import Record

KEYS_FILE: Final = "keys.toml"
PROFILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_ENDPOINTS: Final = re.compile(
    r"(/responses|/images/(generations|edits|variations)|/chat/completions|/models)$"
)
_PRIVATE_SUFFIXES: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_ON_WINDOWS: Final = os.name == "nt"
_DEFAULT_PORT: Final = {"http": 80, "https": 443}


class StoredKey(Record):
    """A key and the origin it was stored for."""

    api_key: SecretStr
    origin: str


class KeyFile(Record):
    """What ``keys.toml`` holds. ``notices`` are for the person's eyes, once."""

    keys: dict[str, StoredKey] = Field(default_factory=dict)
    notices: tuple[str, ...] = ()


# ── keys ─────────────────────────────────────────────────────────────────────────────────────


def key_fingerprint(key: str) -> str:
    """First 12 hex digits of the key's sha256: tells keys apart in the ledger, gives none away."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def masked(key: str) -> str:
    """``sk-…abcd``. A short key shows nothing of itself."""
    prefix = "sk-" if key.startswith("sk-") else ""
    return f"{prefix}…{key[-4:] if len(key) >= 16 else ''}"


def checked_key(key: str, *, where: str) -> str:
    """The key without surrounding whitespace; raises ``SettingsError`` for what cannot be one.

    ``where`` names the variable or file. The message never repeats the key.
    """
    key = key.strip()
    if not key:
        raise SettingsError(f"{where}: the key is empty")
    if key.lower().startswith("bearer "):
        raise SettingsError(f"{where}: leave out the word 'Bearer', give the key alone")
    if not re.fullmatch(r"[\x21-\x7e]+", key) or key[0] in "\"'" or key[-1] in "\"'":
        raise SettingsError(
            f"{where}: the key contains a space, a line break, a quotation mark or a character "
            "that no key has; copy it again"
        )
    if key.startswith("{") or (key.startswith("eyJ") and key.count(".") >= 2):
        raise SettingsError(  # R4
            f"{where}: this is a sign-in token (as in ChatGPT's or Codex's auth.json), not an API "
            "key; servers refuse it and it can act for your whole account",
            hint="make a key on your gateway's keys page or at "
            "https://platform.openai.com/api-keys",
        )
    return key


# ── base URLs and origins ────────────────────────────────────────────────────────────────────


def normalise_base_url(url: str, *, allow_http: bool = False) -> str:
    """``https://host[:port]/v1`` from whatever the server's manual says (C1).

    Adds ``/v1`` to a bare host, keeps any other path, drops a pasted endpoint name. Raises
    ``SettingsError`` for anything else than a plain http(s) address, and for http to a public
    host, where the key could be read on the way, unless ``allow_http``.
    """
    parts = _split(url.strip())
    host = parts.hostname or ""
    if parts.scheme == "http" and not (allow_http or is_private(host)):
        raise SettingsError(
            f"http://{host} would send the key unencrypted",
            hint="use https://, or allow_http = true in the profile (LIMNER_ALLOW_HTTP=1)",
        )
    path = parts.path.rstrip("/")
    path = _ENDPOINTS.sub("", path).rstrip("/")
    return f"{_origin(parts)}{path or '/v1'}"


def origin_of(base_url: str) -> str:
    """``https://host[:port]``, the only place a key for this URL may go; the usual port left out."""
    return _origin(_split(base_url))


def is_private(host: str) -> bool:
    """Whether the host is this machine or a private network, judged by its name alone."""
    try:
        address = ip_address(host)
    except ValueError:
        # A lone number is an address too: browsers and resolvers read 134744072 as 8.8.8.8.
        return ("." not in host and host[:1].isalpha()) or host.endswith(_PRIVATE_SUFFIXES)
    return (getattr(address, "ipv4_mapped", None) or address).is_private


def _split(url: str) -> SplitResult:
    """The parts of a plain address; messages leave out what could be a secret."""
    if re.search(r"[\s\x00-\x1f\x7f\\]", url):
        raise SettingsError("base URL: contains a space, a control character or a backslash")
    if not re.match(r"https?://", url, re.IGNORECASE):
        raise SettingsError("base URL: must begin with https:// (or http:// for this machine)")
    try:
        parts = urlsplit(url)
        port_is_sane = parts.port != 0
    except ValueError as error:
        raise SettingsError(f"base URL: not an address ({error})") from None
    if not parts.hostname or not port_is_sane:
        raise SettingsError("base URL: names no host, or port 0")
    if "@" in parts.netloc:
        raise SettingsError(
            f"base URL of {parts.hostname}: must not hold a user name or password",
            hint="give the key on its own: limner keys set PROFILE",
        )
    if parts.query or parts.fragment:
        raise SettingsError(f"base URL of {parts.hostname}: must end before '?' and '#'")
    if ".." in parts.path.split("/"):
        raise SettingsError(f"base URL of {parts.hostname}: '..' in the path")
    return parts


def _origin(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    host = f"[{host}]" if ":" in host else host
    port = parts.port if parts.port != _DEFAULT_PORT[parts.scheme] else None
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")


# ── keys.toml ────────────────────────────────────────────────────────────────────────────────


def read_keys(config_dir: Path) -> KeyFile:
    """The stored keys. A file that others may read is made private, and a notice says so.

    Raises ``SettingsError`` when it cannot be read, understood or made private.
    """
    path = config_dir / KEYS_FILE
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return KeyFile()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror})") from error
    return KeyFile(keys=_parsed(path, data), notices=_made_private(path))


def write_key(profile: str, key: str, *, base_url: str, config_dir: Path) -> Path:
    """Store the key of a profile, bound to the origin of its base URL; the file's path.

    The file is 0600 from its first byte and replaced in one step. Raises ``SettingsError``.
    """
    if not PROFILE_NAME.fullmatch(profile):
        raise SettingsError(f"{profile!r} cannot name a profile: letters, digits, '.', '_', '-'")
    stored = StoredKey(
        api_key=SecretStr(checked_key(key, where=f"key of profile {profile}")),
        origin=origin_of(base_url),
    )
    return _replace(config_dir, read_keys(config_dir).keys | {profile: stored})


def delete_key(profile: str, *, config_dir: Path) -> bool:
    """Forget the key of a profile; false when there was none."""
    keys = dict(read_keys(config_dir).keys)
    if keys.pop(profile, None) is None:
        return False
    _replace(config_dir, keys)
    return True


def _parsed(path: Path, data: bytes) -> dict[str, StoredKey]:
    try:
        tables = tomllib.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise SettingsError(
            f"{path}: not valid TOML: {error}", hint="mend it, or delete it and set the keys again"
        ) from None
    return {name: _stored(path, name, table) for name, table in tables.items()}


def _stored(path: Path, name: str, table: object) -> StoredKey:
    fields = table if isinstance(table, dict) else {}
    key, origin = fields.get("api_key"), fields.get("origin")
    if not isinstance(key, str) or not isinstance(origin, str) or len(fields) != 2:
        raise SettingsError(
            f"{path}: [{name}] must hold api_key and origin, nothing else",
            hint=f"limner keys set {name} writes it",
        )
    return StoredKey(api_key=SecretStr(key), origin=origin)


def _made_private(path: Path) -> tuple[str, ...]:
    """Take the file from group and others; Windows keeps a user's folder private by itself."""
    if _ON_WINDOWS:
        return ()
    mode = path.stat().st_mode & 0o777
    if not mode & 0o077:
        return ()
    try:
        path.chmod(0o600)
    except OSError as error:
        raise SettingsError(
            f"{path}: others may read it (mode {mode:04o}) and that cannot be changed "
            f"({error.strerror})",
            hint=f"chmod 600 {path}",
        ) from error
    notice = (
        f"{path} could be read by others (mode {mode:04o}) and is now 0600; if anyone else uses "
        "this machine, replace the keys in it"
    )
    return (notice,)


def _replace(config_dir: Path, keys: dict[str, StoredKey]) -> Path:
    text = "".join(
        f"[{_quoted(name)}]\n"
        f"api_key = {_quoted(stored.api_key.get_secret_value())}\n"
        f"origin = {_quoted(stored.origin)}\n\n"
        for name, stored in sorted(keys.items())
    )
    path = config_dir / KEYS_FILE
    try:
        config_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path.resolve(), text)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def _quoted(text: str) -> str:
    """A TOML basic string; JSON's quoting is the same once characters are left as they are."""
    return json.dumps(text, ensure_ascii=False)
