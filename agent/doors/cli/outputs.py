"""Where pictures go: checked before anything is sent, copied when they have come.

The store keeps the bytes; what lies at ``--output`` is a copy (on file systems that can, one that
shares its blocks), so that nobody's image editor changes what the store holds. What was paid for
is never lost to a name: where the name was free before sending and is not any more, another is
found and told.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING, Final

from ...errors import StoreError, UsageError
from ...files import copied, is_there

if TYPE_CHECKING:
    from ...schema import Image

EXTENSIONS: Final = {
    "image/png": ("png",),
    "image/jpeg": ("jpg", "jpeg"),
    "image/webp": ("webp",),
    "image/gif": ("gif",),
    "image/svg+xml": ("svg",),
}
"""Media type → extensions that are true for it, the usual one first."""
FORMATS: Final = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp", "gif": "gif"}
"""Extension → the ``output_format`` it asks for."""
FIELDS: Final = ("session", "n", "ext", "turn", "id")
_EXTENSION: Final = {"jpeg": "jpg"}
ROOM_NEEDED: Final = 64 * 1024 * 1024
"""Bytes free on the disk before a picture is asked for; the largest measured had 30 MB."""

_KNOWN: Final = frozenset(ext for extensions in EXTENSIONS.values() for ext in extensions)
_WIDTH: Final = re.compile(r"0?[1-9]d?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_UNSAFE: Final = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')


@dataclass(frozen=True, slots=True)
class Delivered:
    """A picture at its place. ``remark`` says when it is not the place that was asked for."""

    path: Path
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Outputs:
    """One ``--output``. ``template`` has a file name; ``fixed`` means that it names one file."""

    template: str
    force: bool = False
    fixed: bool = False

    @property
    def asked_format(self) -> str | None:
        """What the extension of the name asks for."""
        return FORMATS.get(_suffix(Path(self.template)))

    @property
    def _path(self) -> Path:
        return Path(self.template.format_map({}))

    def check(self, *, output_format: str, count: int) -> None:
        """Everything that could go wrong after paying; raises ``UsageError``. Makes the folder."""
        check_folder(self._path.parent if self.fixed else _folder_before_fields(self.template))
        if not self.fixed:
            return
        base = _with_extension(self._path, _EXTENSION.get(output_format, output_format))
        for path in _numbered(base, count):
            if is_there(path) and not self.force:
                raise UsageError(
                    f"{path}: is there already.",
                    hint="Name another file, or overwrite it with --force.",
                )

    def deliver(self, image: Image, *, session: str, place: int = 1) -> Delivered:
        """Copy the picture to its name; ``place`` counts the pictures of this command.

        Raises ``StoreError`` naming where the picture is kept when the disk will not take it.
        """
        extension = EXTENSIONS.get(image.media_type, ("bin",))[0]
        values = {
            "session": safe(session),
            "n": image.number,
            "ext": extension,
            "turn": safe(image.turn or "import"),
            "id": safe(image.id),
        }
        wanted = _with_extension(Path(self.template.format_map(values)), extension)
        if self.fixed and place > 1:
            wanted = wanted.with_stem(f"{wanted.stem}-{place}")
        try:
            wanted.parent.mkdir(parents=True, exist_ok=True)
            path = copied(Path(image.path), wanted, replace=self.force)
        except OSError as error:
            raise StoreError(
                f"{wanted}: the picture could not be copied there ({error.strerror}).",
                hint=f"It is kept: {image.path}",
            ) from error
        return Delivered(path, _remark(self.template, wanted, path))

    def beside(self, picture: Path, made: Path, *, label: str) -> Path:
        """Copy what was made of a delivered picture next to it: ``kite-1@3840x2160.png``.

        Raises ``StoreError`` naming where it is kept when the disk will not take it.
        """
        wanted = picture.with_stem(f"{picture.stem}@{safe(label)}")
        try:
            return copied(made, wanted, replace=self.force)
        except OSError as error:
            raise StoreError(
                f"{wanted}: the enlarged picture could not be copied there ({error.strerror}).",
                hint=f"It is kept: {made}",
            ) from error


def read_output(text: str, *, force: bool) -> Outputs:
    """A file, a folder or a template; raises ``UsageError`` for what cannot name a file."""
    if text == "-":
        raise UsageError("stdout carries paths, not pictures.", hint="Name a file or a folder.")
    if not text.strip():
        raise UsageError("--output: an empty name cannot name a file.")
    if _CONTROL.search(text):
        raise UsageError(
            f"--output {text!r}: a control character cannot be in a name.",
            hint="stdout carries one path a line, so a path has one line.",
        )
    text = _at_home(text).removesuffix(".{ext}")
    fields = _fields(text)
    mode = 0 if fields else _mode(Path(text.format_map({})))
    if mode and not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UsageError(
            f"{text}: is neither a file nor a folder.",
            hint="Name a file or a folder; the store keeps every picture anyway.",
        )
    folder = text.endswith(("/", os.sep)) or stat.S_ISDIR(mode)
    if folder:
        return Outputs(text.rstrip("/" + os.sep) + "/{session}-{n}", force=force)
    if fields and not fields & {"n", "id"}:
        raise UsageError(
            f"--output {text!r}: pictures of one session would share this name.",
            hint="Add {n} or {id}.",
        )
    return Outputs(text, force=force, fixed=not fields)


def _mode(path: Path) -> int:
    """What there is under this name; 0 for nothing, and for what no file can be called."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _at_home(text: str) -> str:
    """With ``~/`` as the home folder; a template is text, and its last ``/`` counts."""
    return str(Path.home()) + text[1:] if text == "~" or text.startswith("~/") else text


def _fields(text: str) -> set[str]:
    """The placeholders of a template; raises ``UsageError`` for one that it cannot have."""
    try:
        parsed = [part for part in Formatter().parse(text) if part[1] is not None]
    except ValueError as error:
        raise _bad(text, str(error)) from None
    for _, name, spec, conversion in parsed:
        if name not in FIELDS:
            raise _bad(text, f"there is no field {{{name}}}")
        if conversion or (spec and not (name == "n" and _WIDTH.fullmatch(spec))):
            raise _bad(text, f"{{{name}}} takes no format" + (" but {n:03}" if name == "n" else ""))
    return {str(name) for _, name, _, _ in parsed}


def _bad(text: str, reason: str) -> UsageError:
    names = " ".join(f"{{{name}}}" for name in FIELDS)
    return UsageError(
        f"--output {text!r}: {reason}.", hint=f"Fields: {names}; write {{{{ for a brace."
    )


def _folder_before_fields(template: str) -> Path:
    """The folder as far as no placeholder decides it."""
    before = ""
    for text, name, _, _ in Formatter().parse(template):
        before += text
        if name is not None:
            break
    return Path(before + "x").parent


def check_folder(folder: Path) -> None:
    """Make it, and raise ``UsageError`` unless it can be written to and has room."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix=".limner-"):
            pass
    except OSError as error:
        raise UsageError(
            f"{folder}: pictures cannot be written there ({error.strerror}).",
            hint="Choose another folder with --output.",
        ) from error
    check_room(folder, hint="Make room, or choose another folder with --output.")


def check_room(folder: Path, *, hint: str) -> None:
    """Raise ``UsageError`` when the disk of a folder, there or to be made, is nearly full."""
    made = next((each for each in (folder, *folder.parents) if each.is_dir()), None)
    if made is None:
        return
    free = shutil.disk_usage(made).free
    if free < ROOM_NEEDED:
        raise UsageError(
            f"{folder}: only {free / 1e6:,.0f} MB are free, and a picture may need "
            f"{ROOM_NEEDED / 1e6:,.0f}.",
            hint=hint,
        )


def _suffix(path: Path) -> str:
    return path.suffix.lower().lstrip(".")


def _with_extension(path: Path, extension: str) -> Path:
    """The true extension wins; ``v1.2`` is no extension and stays."""
    true = next((known for known in EXTENSIONS.values() if extension in known), (extension,))
    if _suffix(path) in true:
        return path
    if _suffix(path) in _KNOWN:
        return path.with_suffix(f".{extension}")
    return path.with_name(f"{path.name}.{extension}")


def _numbered(path: Path, count: int) -> Iterator[Path]:
    """``a.png``, ``a-2.png``, … as ``deliver`` names them."""
    yield path
    for place in range(2, count + 1):
        yield path.with_stem(f"{path.stem}-{place}")


def safe(value: str) -> str:
    """A value as a part of a file name: it cannot leave its folder."""
    return _UNSAFE.sub("_", value).strip(". ") or "_"


def _remark(template: str, wanted: Path, path: Path) -> str:
    if path != wanted:
        return f"{wanted} is taken; this is {path}"
    said = _suffix(Path(template))
    if said in _KNOWN and said != _suffix(path):
        return f"the picture is {_suffix(path)}, so the file is {path}"
    return ""
