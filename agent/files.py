"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
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
