"""Files that appear whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .errors import UsageError


def is_there(path: Path) -> bool:
    """Also a link that leads nowhere. Raises ``UsageError`` for what no file can be called."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise UsageError(
            f"{path.name[:40]}…: cannot name a file ({error.strerror}).",
            hint="Choose another name.",
        ) from error
    return True


def copied(source: Path, wanted: Path, *, replace: bool) -> Path:
    """A whole copy; the name it got: a taken one only with ``replace``, else the next free one."""
    handle, name = tempfile.mkstemp(dir=wanted.parent, prefix=".limner-")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as target, source.open("rb") as origin:
            if not _cloned(origin.fileno(), target.fileno()):
                shutil.copyfileobj(origin, target, 1024 * 1024)
        temporary.chmod(0o666 & ~_umask())
        if replace:
            temporary.replace(wanted)
            return wanted
        return _claimed(temporary, wanted)
    finally:
        temporary.unlink(missing_ok=True)


def aside_name(turn: str | None, data: bytes) -> str:
    """How a temporary file begins of bytes that the store could not take.

    With a turn, the store looks for it once it can.
    """
    return f"limner-{turn}-{hashlib.sha256(data).hexdigest()[:16]}-" if turn else "limner-"


def put_aside_for(turn: str) -> Iterator[Path]:
    """Whole files of this user for that turn; others may write there, too."""
    for path in sorted(Path(tempfile.gettempdir()).glob(f"limner-{turn}-*")):
        if _is_ours(path) and path.name.startswith(aside_name(turn, path.read_bytes())):
            yield path


def turns_put_aside() -> frozenset[str]:
    """Of which turns something waits there."""
    names = (path.name.split("-") for path in Path(tempfile.gettempdir()).glob("limner-turn_*-*"))
    return frozenset(name[1] for name in names)


def _is_ours(path: Path) -> bool:
    try:
        about = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(about.st_mode) and (os.name == "nt" or about.st_uid == os.geteuid())


def write_private(path: Path, text: str) -> None:
    """A new file beside it, synced, then renamed over it; mkstemp creates it 0600."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _claimed(temporary: Path, wanted: Path) -> Path:
    """The first free name; two processes never get the same."""
    for place in range(1, 10_000):
        path = wanted if place == 1 else wanted.with_stem(f"{wanted.stem}-{place}")
        try:
            os.link(temporary, path)
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            try:
                with path.open("xb") as target, temporary.open("rb") as origin:
                    shutil.copyfileobj(origin, target)
            except FileExistsError:
                continue
        return path
    raise FileExistsError(17, "every name is taken", str(wanted))


def _cloned(source: int, target: int) -> bool:
    """Share the blocks where the file system can (Linux: FICLONE)."""
    if sys.platform != "linux":
        return False
    import fcntl

    with suppress(OSError):
        fcntl.ioctl(target, 0x40049409, source)
        return True
    return False


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
