"""Who may use the server, as its two files say now: a new key works, and a removed one is dead, at once.

Two ``stat`` per request tell whether a file changed. One that cannot be read changes nothing: the
keys from before hold, which the log and ``/health`` say. And what asked for keys once never again
lets everybody in, also when the last key was removed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from ...errors import SettingsError
from ...layers import USER_FILE
from ...logs import get_logger
from ...settings import Settings
from ...tenants import TENANTS_FILE, TenantSettings, key_hash, read_tenants
from ...toml_file import read_toml

log = get_logger("limner.serve")

_Sign = tuple[int, int, int] | None


class Register:
    """Safe to ask from any thread."""

    def __init__(self, settings: Settings, *, always: bool) -> None:
        """``always``: keys are needed even while there are none (off loopback)."""
        self._problem: str | None = None
        self._folder = settings.config_dir
        self._lock = Lock()
        self._asks = always
        self._take(settings.tenants)
        self._signs = self._now()
        if any(self._signs):  # the settings were read a while ago
            self._read()

    @property
    def problem(self) -> str | None:
        """Why the files are not as they are used."""
        self._refresh()
        return self._problem

    @property
    def required(self) -> bool:
        """Whether nobody may come without a key."""
        self._refresh()
        return self._asks

    def owner(self, key: str) -> TenantSettings | None:
        """Whose key it is."""
        self._refresh()
        return self._by_hash.get(key_hash(key))

    def _refresh(self) -> None:
        signs = self._now()
        if signs == self._signs:
            return
        with self._lock:
            if signs != self._signs:
                self._read()
                self._signs = signs

    def _now(self) -> tuple[_Sign, ...]:
        return tuple(_sign(self._folder / name) for name in (USER_FILE, TENANTS_FILE))

    def _read(self) -> None:
        try:
            found = read_tenants(read_toml(self._folder / USER_FILE, USER_FILE), self._folder)
        except SettingsError as error:
            self._problem = "the file of keys cannot be used: the keys from before hold"
            log.error("keys.unreadable", reason=str(error))  # noqa: TRY400  a reason, and no bug
            return
        self._problem = None
        self._take(found)
        log.info("keys.read", tenants=len(found), keys=len(self._by_hash))

    def _take(self, tenants: Mapping[str, TenantSettings]) -> None:
        self._by_hash = {sha: tenant for tenant in tenants.values() for sha in tenant.key_sha256}
        self._asks = self._asks or bool(tenants)


def _sign(path: Path) -> _Sign:
    """When it was written, which file it is, how long; a file that cannot be asked is another one."""
    try:
        told = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return (-1, error.errno or 0, 0)
    return (told.st_mtime_ns, told.st_ino, told.st_size)
