"""Where posters go: stable names, what was there before kept beside, and the manifest.

``OUT/<brief>/<locale>/<size>/<variant>.png`` is always the newest; an older one that differs is
``<variant>.v1.png`` and so on. Equal bytes are not written again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

from pydantic import ValidationError

from ..errors import StoreError
from .brief import Brief
from .metadata import FileKind
from .plan import Cell, Picture
from .records import Delivered, PosterRecord

MANIFEST: Final = "manifest.jsonl"
REPORT: Final = "report.html"
CONTACT: Final = "contact.webp"
_ROLE: Final = {"cheapest", "dearest", "prompt", "prompt_ref", "lead"}
"""Of a picture: what may differ between runs without changing what is made."""
_ENDS: Final[Mapping[FileKind, str]] = {"png": "png", "jpeg": "jpg", "webp": "webp"}


def folder_of(out: Path, brief: Brief) -> Path:
    """Of one brief."""
    return out / brief.name


def file_kind(brief: Brief) -> FileKind:
    """As the options ask; never JPEG where a logo or a code has to keep every pixel."""
    asked = brief.options.output_format
    if asked == "webp":
        return "webp"
    return "jpeg" if asked == "jpeg" and not (brief.logo or brief.qr) else "png"


def place_of(folder: Path, cell: Cell, end: str) -> Path:
    """The stable name of a file of a poster."""
    return folder / cell.locale / cell.size / f"{cell.variant}.{end}"


def put(path: Path, data: bytes) -> bool:
    """Write it whole or not at all; an older one that differs is kept. False: it was there already.

    Raises ``StoreError`` where it cannot be written.
    """
    try:
        if path.exists():
            if path.read_bytes() == data:
                return False
            _replace(_older(path), (path.read_bytes(),))
        _replace(path, (data,))
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}).",
            hint="make room, or choose another folder with --out; what was bought is kept",
        ) from error
    return True


def write(path: Path, data: bytes) -> None:
    """Replace a file that tells about the others; no older one is kept. ``StoreError`` as above."""
    write_parts(path, (data,))


def write_parts(path: Path, parts: Iterable[bytes]) -> None:
    """The same with a file that comes in parts, however long it is."""
    try:
        _replace(path, parts)
    except OSError as error:
        raise StoreError(
            f"{path}: cannot be written ({error.strerror}).", hint="make room and run it again"
        ) from error


def _replace(path: Path, parts: Iterable[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    passing = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    try:
        with passing.open("xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        passing.replace(path)
    finally:
        passing.unlink(missing_ok=True)


def _older(path: Path) -> Path:
    """The first free ``.v1``, ``.v2``, … beside it."""
    stem, _, end = path.name.partition(".")
    number = 1
    while (found := path.with_name(f"{stem}.v{number}.{end}")).exists():
        number += 1
    return found


def deliver(
    folder: Path, cell: Cell, kind: Literal["picture", "pdf", "preflight"], end: str, data: bytes
) -> Delivered:
    """Put one file of a poster in its place."""
    path = place_of(folder, cell, end)
    put(path, data)
    return Delivered(
        kind=kind,
        path=path.relative_to(folder).as_posix(),
        sha256=hashlib.sha256(data).hexdigest(),
        bytes=len(data),
    )


def picture_end(kind: FileKind) -> str:
    """The suffix of a poster's own file."""
    return _ENDS[kind]


# ── what was made before ─────────────────────────────────────────────────────────────────────


def fingerprint(brief: Brief, cell: Cell, picture: Picture, *, version: str, extra: str) -> str:
    """Of everything that a poster is made from; its prices and the place of its brief are not."""
    told = brief.model_dump_json(exclude={"budget", "source", "where", "variants", "sizes"})
    spec = next(one for one in brief.sizes if one.name == cell.size)
    asked = picture.model_dump_json(exclude=_ROLE)
    parts = (version, extra, cell.name, told, spec.model_dump_json(), asked)
    whole = "\n".join(parts)
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()


def read_manifest(folder: Path) -> dict[str, PosterRecord]:
    """Posters of earlier runs by name; lines that cannot be read are as if they were not there."""
    path = folder / MANIFEST
    found: dict[str, PosterRecord] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return found
    for line in lines:
        try:
            record = PosterRecord.model_validate_json(line)
        except ValidationError:
            continue
        found[record.name] = record
    return found


def write_manifest(folder: Path, records: Iterable[PosterRecord]) -> Path:
    """One line per poster, in the order given."""
    path = folder / MANIFEST
    data = b"".join(record.model_dump_json().encode() + b"\n" for record in records)
    if not (path.is_file() and path.read_bytes() == data):
        write(path, data)
    return path


def finished(folder: Path, record: PosterRecord | None, print_of: str) -> bool:
    """Whether a poster is proved, made from the same, and all of its files are as they were."""
    if record is None or record.status != "proved" or record.fingerprint != print_of:
        return False
    return bool(record.files) and all(_same(folder / one.path, one) for one in record.files)


def _same(path: Path, file: Delivered) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
    except OSError:
        return False
