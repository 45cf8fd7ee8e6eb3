"""Every exception that Limner raises.

    LimnerError                  catch this to catch everything of ours
    ├── UsageError               bad arguments, files, sizes, ids; nothing was sent          exit 2
    │   └── NotFound             no such, or more than one such, session or picture
    ├── SettingsError            configuration that cannot be used                            exit 2
    │   └── KeyMissing           a URL without its key, or no profile where one is needed     exit 4
    ├── StoreError               the disk or the database                                     exit 1
    │   ├── StoreBusy            another process holds the store for too long
    │   ├── StoreNewer           the store was written by a newer Limner
    │   └── CorruptBlob          bytes on disk that no longer hash to their name
    └── OutcomeError             only from ``result.raise_for_outcome()`` (``results``)
        ├── Refused              our policy or the provider said no                           exit 3
        ├── TurnFailed           no picture; ``failure`` says why
        └── ImageUrlNotAvailable a picture, but no address that others could fetch it from    exit 1

A refusal or a failed turn is a *value* (a terminal event); these are for misuse, for
configuration, and for callers who prefer exceptions.
"""

from __future__ import annotations


class LimnerError(Exception):
    """Never raised itself."""

    hint: str = ""


class UsageError(LimnerError, ValueError):
    """What was asked for cannot be done; ``hint`` says what can."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class NotFound(UsageError):
    """A reference that names nothing, or more than one thing; ``candidates`` lists what it might be."""

    def __init__(self, message: str, *, candidates: tuple[str, ...] = (), hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.candidates = candidates


class SettingsError(LimnerError):
    """Configuration that cannot be used; the message names the file and line, or the variable."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class KeyMissing(SettingsError):
    """A server was configured without the key that goes with it."""


class StoreError(LimnerError):
    """The disk or the database did not do what was asked."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class StoreBusy(StoreError):
    """Another process holds the store."""


class StoreNewer(StoreError):
    """The store was written by a newer version; it is left untouched."""


class CorruptBlob(StoreError):
    """The bytes of a picture no longer hash to their name."""
