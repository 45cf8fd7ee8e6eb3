"""``export``: a session as files anyone can read."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from .showing import SessionStory
    from .storing import Disk


@click.command()
@click.argument("session")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite existing files.")
def export(session: str, folder: Path | None, force: bool) -> None:
    """Copy a session's pictures and records into FOLDER (by default ./SESSION).

    Pictures are named SESSION-N.EXT, enlarged ones SESSION-N@SIZE.EXT; session.json holds the turns, who descends from whom, and
    what each request cost. Prints the paths.
    """
    from .outputs import check_folder
    from .showing import read_session
    from .stdout import write_path
    from .storing import on_disk

    async def read(disk: Disk) -> SessionStory:
        return await read_session(disk, await disk.session(session))

    story = on_disk(read)
    target = folder or Path(_folder_name(story.session.name))
    names = _names(story)
    larger = list(_enlarged(story, names))
    wanted = [*names.values(), *(one.file for one in larger), "session.json"]
    _refuse_taken([target / name for name in wanted], force=force)
    check_folder(target)
    for path in _copied(story, target, names, larger):
        write_path(path)


def _folder_name(session: str) -> str:
    from .outputs import safe

    return safe(session)


def _names(story: SessionStory) -> dict[str, str]:
    """Image id → file name."""
    from .outputs import EXTENSIONS

    stem = _folder_name(story.session.name)
    return {
        image.id: f"{stem}-{image.number}.{EXTENSIONS.get(image.media_type, ('bin',))[0]}"
        for image in story.images
    }


@dataclass(frozen=True, slots=True)
class _Enlarged:
    """A file that was made of a picture here, and what it is called in the folder."""

    of: str
    size: str
    path: Path
    file: str


def _enlarged(story: SessionStory, names: dict[str, str]) -> Iterator[_Enlarged]:
    from .showing import enlarged

    turns = {turn.id: turn for turn in story.turns}
    for image in story.images:
        name = Path(names[image.id])
        for size, path in enlarged(image, turns.get(image.turn) if image.turn else None):
            yield _Enlarged(image.id, size, path, f"{name.stem}@{size}{name.suffix}")


def _refuse_taken(paths: list[Path], *, force: bool) -> None:
    from ...errors import UsageError

    taken = [path for path in paths if os.path.lexists(path)]
    if taken and not force:
        more = f" and {len(taken) - 1} more" if len(taken) > 1 else ""
        raise UsageError(
            f"{taken[0]}{more}: there already.",
            hint="Name another folder, or overwrite with --force.",
        )


def _copied(
    story: SessionStory, target: Path, names: dict[str, str], larger: Sequence[_Enlarged]
) -> list[Path]:
    from ...errors import StoreError
    from ...files import copied

    try:
        done = [copied(Path(i.path), target / names[i.id], replace=True) for i in story.images]
        done += [copied(one.path, target / one.file, replace=True) for one in larger]
        path = target / "session.json"
        temporary = path.with_name(".session.json.part")
        text = json.dumps(_document(story, names, larger), ensure_ascii=False, indent=2) + "\n"
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
        temporary.replace(path)
    except OSError as error:
        where = error.filename or target
        raise StoreError(f"{where}: cannot be written or read ({error.strerror}).") from error
    return [*done, path]


def _document(
    story: SessionStory, names: dict[str, str], larger: Sequence[_Enlarged]
) -> dict[str, object]:
    images = [
        {
            **image.model_dump(mode="json", exclude={"path"}),
            "file": names[image.id],
            "enlarged": [{"size": e.size, "file": e.file} for e in larger if e.of == image.id],
        }
        for image in story.images
    ]
    return {
        "v": 1,
        "session": story.session.model_dump(mode="json"),
        "turns": [turn.model_dump(mode="json") for turn in story.turns],
        "images": images,
        "attempts": [attempt.model_dump(mode="json") for attempt in story.attempts],
    }
