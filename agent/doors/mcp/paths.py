"""Which files a call may read and write, and how a picture gets to its place.

Everything that names a file is resolved first, links and ``..`` included, and then has to lie
below a root: the client's, else ``--root``, else the working directory.
"""

from __future__ import annotations

import filecmp
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, cast
from urllib.parse import unquote, urlsplit

from ...errors import StoreError, UsageError
from ...files import copied, is_there
from ...schema import Image

Whose = Literal["the client's roots", "--root", "the working directory"]
DEFAULT_FOLDER: Final = "limner-out"
ROOM_NEEDED: Final = 64 * 1024 * 1024
"""Bytes free before a picture is asked for; the largest measured had 30 MB."""
EXTENSIONS: Final = {
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg"),
    "image/webp": ("webp",),
    "image/gif": ("gif",),
    "image/svg+xml": ("svg",),
}
_FORMATS: Final = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}
_KNOWN: Final = frozenset(ext for extensions in EXTENSIONS.values() for ext in extensions)
_UNSAFE: Final = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
Format = Literal["png", "jpeg", "webp"]


@dataclass(frozen=True, slots=True)
class Roots:
    """Folders that a call may touch, resolved; the first is where relative names begin."""

    folders: tuple[Path, ...]
    whose: Whose

    @property
    def first(self) -> Path:
        return self.folders[0]

    def inside(self, text: str, *, what: str) -> Path:
        """The file meant, resolved; raises ``UsageError`` for one that lies elsewhere."""
        candidates = self._candidates(text, what=what)
        there = (path for path in candidates if os.path.lexists(path))
        return self._checked(next(there, candidates[0]), text, what=what)

    def file(self, text: str, *, what: str) -> Path:
        """The same of one that can be read to its end: a pipe would be waited for without end."""
        path = self.inside(text, what=what)
        if not stat.S_ISREG(mode_of(path)):
            raise UsageError(
                f"{what} {text!r}: there is no such file below {', '.join(map(str, self.folders))}."
            )
        return path

    def _candidates(self, text: str, *, what: str) -> tuple[Path, ...]:
        if _CONTROL.search(text) or text.encode("utf-8", "replace").decode() != text:
            raise UsageError(f"{what} {text!r}: no file has such a name.")
        plain = _from_uri(text) if text.startswith("file:") else text
        if plain == "~" or plain.startswith("~/"):
            plain = str(Path.home()) + plain[1:]
        return tuple(dict.fromkeys(folder / plain for folder in self.folders))

    def _checked(self, path: Path, text: str, *, what: str) -> Path:
        try:
            real = path.resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(f"{what} {text!r}: leads nowhere ({error}).") from None
        if any(real.is_relative_to(folder) for folder in self.folders):
            return real
        raise UsageError(
            f"{what} {text!r}: lies outside of what this call may touch.",
            hint=f"Allowed ({self.whose}): {', '.join(map(str, self.folders))}",
        )


def roots_of(asked: Iterable[str] | None, *, configured: tuple[Path, ...], working: Path) -> Roots:
    """The client's roots (as URIs), kept within ``--root`` where both were given."""
    theirs = tuple(dict.fromkeys(filter(None, map(_folder, asked or ()))))
    if configured and theirs:
        theirs = tuple(each for each in theirs if any(map(each.is_relative_to, configured)))
    if theirs:
        return Roots(theirs, "the client's roots")
    if configured:
        return Roots(configured, "--root")
    return Roots((working.resolve(),), "the working directory")


def _folder(uri: str) -> Path | None:
    try:
        path = Path(_from_uri(uri)).resolve()
        return path if path.is_absolute() and path.is_dir() else None
    except (OSError, RuntimeError, ValueError, UsageError):
        return None


def _from_uri(uri: str) -> str:
    """Raises ``UsageError`` for what names no file of this machine."""
    parts = urlsplit(uri)
    path = unquote(parts.path)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost") or "\0" in path:
        raise UsageError(f"{uri!r}: is no file of this machine.")
    if os.name == "nt":  # file:///C:/x has its drive after a slash
        path = path.lstrip("/")
    return path


# ── where a picture goes ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the pictures of one call go. ``stem`` is ``None`` where they are numbered by session."""

    folder: Path
    stem: str | None = None
    suffix: str = ""
    overwrite: bool = False
    asked: bool = True
    """Whether somebody named it; the default place may turn out not to be writable."""

    @property
    def format(self) -> Format | None:
        """What the extension asks for."""
        return cast("Format | None", _FORMATS.get(self.suffix))

    def check(self, *, output_format: str, count: int) -> None:
        """Everything that could go wrong after paying; raises ``UsageError``. Makes the folder."""
        try:
            self._make_folder()
        except UsageError:
            if self.asked:
                raise
            return
        if self.stem is None:
            return
        extension = _true_extension(self.suffix, output_format)
        for place in range(1, count + 1):
            path = self._wanted(self.stem, place, extension)
            if is_there(path) and not self.overwrite:
                raise UsageError(
                    f"output_path {path}: is there already.",
                    hint="Name another file, or say overwrite: true.",
                )

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder, prefix=".limner-"):
                pass
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise UsageError(
                f"output_path {self.folder}: pictures cannot be written there ({error.strerror}).",
                hint="Name another folder inside the allowed roots.",
            ) from error
        if free < ROOM_NEEDED:
            raise UsageError(
                f"output_path {self.folder}: only {free / 1e6:,.0f} MB are free there.",
                hint="Make room, or name another folder.",
            )

    def deliver(self, image: Image, *, session: str, place: int, found: bool = False) -> Path:
        """A copy of the picture at its name, or at the next free one; ``place`` counts from 1.

        With ``found``, the same bytes under that name are that copy. Raises ``StoreError`` naming where the picture is kept when the disk will not take it.
        """
        true = EXTENSIONS.get(image.media_type, ("bin",))
        extension = self.suffix if self.suffix in true else true[0]
        stem = self.stem or f"{_safe(session)}-{image.number}"
        wanted = self._wanted(stem, place if self.stem else 1, extension)
        try:
            if found and _same(wanted, Path(image.path)):
                return wanted
            self.folder.mkdir(parents=True, exist_ok=True)
            return copied(Path(image.path), wanted, replace=self.overwrite)
        except OSError as error:
            raise StoreError(
                f"{wanted}: the picture could not be written there ({error.strerror}).",
                hint=f"It is kept: {image.path} (copy it; never move or change that file)",
            ) from error

    def _wanted(self, stem: str, place: int, extension: str) -> Path:
        return self.folder / f"{stem}{'' if place == 1 else f'-{place}'}.{extension}"


def target_of(text: str | None, roots: Roots, *, overwrite: bool) -> Target:
    """A file, a folder (``assets/``, or one that is there) or the default place."""
    if text is None:
        return Target(folder=roots.first / DEFAULT_FOLDER, asked=False)
    if not text.strip():
        raise UsageError("output_path: an empty name cannot name a file.")
    path = roots.inside(text, what="output_path")
    mode = mode_of(path)
    if text.endswith(("/", os.sep)) or stat.S_ISDIR(mode):
        return Target(folder=path, overwrite=overwrite)
    if mode and not stat.S_ISREG(mode):
        raise UsageError(f"output_path {path}: is neither a file nor a folder.")
    suffix = path.suffix.lower().lstrip(".")
    known = suffix in _KNOWN
    return Target(
        folder=path.parent,
        stem=path.stem if known else path.name,
        suffix=suffix if known else "",
        overwrite=overwrite,
    )


def mode_of(path: Path) -> int:
    """What there is under this name; 0 for nothing, and for what no file can be called."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0


def _same(one: Path, other: Path) -> bool:
    """Whether both are there and hold the same bytes."""
    return stat.S_ISREG(mode_of(one)) and filecmp.cmp(one, other, shallow=False)


def _true_extension(suffix: str, output_format: str) -> str:
    true = EXTENSIONS.get(f"image/{output_format}", (output_format,))
    return suffix if suffix in true else true[0]


def _safe(name: str) -> str:
    """A session's name as a part of a file name: it cannot leave its folder."""
    return _UNSAFE.sub("_", name).strip(". ") or "_"
