"""The briefs of a batch: files, lines of JSON, or one brief with a table of what differs.

Everything is read before anything is bought, and every problem of every brief is told at once.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ..errors import UsageError
from ..poster.brief import Brief, BriefError, Problem
from ..poster.explaining import near
from ..poster.filling import load_brief
from ..poster.reading import Value, read
from ..poster.words import folder_name, slug
from .packed import Packed
from .table import table_of, text_of

MOST_BRIEFS: Final = 10_000
_HOLE: Final = re.compile(r"\{([^{}\s]{1,60})\}")
_NAME: Final = "name"


def briefs_of(paths: Sequence[str], *, fields: Path | None = None) -> Collection[Brief]:
    """All of them, in order; raises ``UsageError`` (``BriefError`` for one) before anything else."""
    files = _files(paths)
    if fields is not None and (len(files) != 1 or files[0].suffix == ".jsonl"):
        raise UsageError(
            f"--fields goes with one brief, and there are {len(files)}.",
            hint="Each line of the table makes one brief of it.",
        )
    found = Packed(Brief)
    problems: list[BriefError] = []
    for brief in _read(files, fields, problems):
        if brief.name in found:
            raise UsageError(
                f"{brief.source}: another brief is called {brief.name!r}, and both would use one "
                "folder.",
                hint="Give one of them a name of its own: name: …",
            )
        found.keep(brief.name, brief)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        told = "\n".join(str(error) for error in problems[:20])
        more = f"\nand {len(problems) - 20} more" if len(problems) > 20 else ""
        raise UsageError(f"{len(problems)} briefs cannot be made:\n{told}{more}")
    if paths and not found:
        source = fields or files[0]
        raise UsageError(f"{source}: has no briefs.", hint="Each line or row of it makes one.")
    return found.values()


def name_of(paths: Sequence[str]) -> str:
    """What a batch of these is called: the file, or the folder of several."""
    files = [Path(path) for path in paths]
    folders = {path.parent.name for path in files}
    one = len(files) == 1 and not _is_glob(paths[0])
    stem = files[0].stem if one else next(iter(folders)) if len(folders) == 1 else ""
    return folder_name(stem) or "batch"


def checked_name(name: str) -> str:
    """As given. Raises ``UsageError`` for what cannot be one folder and one part of a name."""
    if re.fullmatch(r"[^\W_][\w.-]{0,63}", name) and ".." not in name:
        return name
    raise UsageError(
        f"A batch cannot be called {name!r}.",
        hint="Up to 64 letters, digits, dots, dashes and underscores; a letter or digit first.",
    )


def _is_glob(text: str) -> bool:
    return any(mark in text for mark in "*?[")


def _files(paths: Sequence[str]) -> list[Path]:
    """Globs that no shell has opened are opened here."""
    found: dict[Path, None] = {}
    for text in paths:
        if not _is_glob(text) or Path(text).exists():
            found[Path(text)] = None
            continue
        matched = sorted(glob.glob(text, recursive=True))  # noqa: PTH207  it may begin anywhere
        if not matched:
            raise UsageError(f"No file is called {text}.", hint="Name briefs: briefs/*.yaml")
        found.update(dict.fromkeys(map(Path, matched)))
    return list(found)


def _read(
    files: Sequence[Path], fields: Path | None, problems: list[BriefError]
) -> Iterator[Brief]:
    made = 0
    for path in files:
        sources = _rows(path, fields) if fields else _lines(path)
        for text, name in sources:
            made += 1
            if made > MOST_BRIEFS:
                raise UsageError(f"More than {MOST_BRIEFS:,} briefs.", hint="Make two batches.")
            try:
                yield load_brief(path) if text is None else load_brief(text, name=name, beside=path)
            except BriefError as error:
                problems.append(error)


def _lines(path: Path) -> Iterator[tuple[str | None, str]]:
    """A brief for each line of a ``.jsonl``, else the file itself."""
    if path.suffix != ".jsonl":
        yield None, str(path)
        return
    for number, line in enumerate(text_of(path).split("\n"), start=1):
        if not line.strip():
            continue
        text = line
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            value.setdefault(_NAME, f"{path.stem}-{number}".casefold())
            text = json.dumps(value, ensure_ascii=False)
        yield text, f"{path}, line {number}.json"


# ── one brief and a table ────────────────────────────────────────────────────────────────────


def _rows(path: Path, fields: Path) -> Iterator[tuple[str, str]]:
    """The brief as JSON, once for each row: ``{column}`` filled in, columns of fields put in place."""
    tree = read(text_of(path).encode(), name=str(path)).value
    columns, rows = table_of(text_of(fields), name=str(fields))
    _check_columns(columns, tree, fields)
    stem = str(tree.get(_NAME) or path.stem)
    for number, (_, told) in enumerate(rows, start=1):
        value = _filled(tree, told)
        assert isinstance(value, dict)
        for column in columns:
            _put(value, column, told.get(column, ""))
        name, first = told.get(_NAME, ""), told[columns[0]]
        value[_NAME] = slug(name) or slug(f"{stem}-{folder_name(name or first)}")
        yield json.dumps(value, ensure_ascii=False), f"{fields}, row {number}.json"


def _check_columns(columns: Sequence[str], tree: Mapping[str, Value], fields: Path) -> None:
    """Each is a hole in the brief, a field of it, or ``name``; and each hole is a column."""
    holes = set(_HOLE.findall(json.dumps(tree, ensure_ascii=False)))
    for column in columns:
        top = column.partition(".")[0]
        if column not in holes and top not in tree and column != _NAME:
            known = [*sorted(holes), *tree]
            raise BriefError(
                (
                    Problem(
                        field=column,
                        message="is neither a field of the brief nor a {hole} in it",
                        hint=near(column, known),
                    ),
                ),
                name=str(fields),
            )
    missing = sorted(holes - set(columns))
    if missing and holes & set(columns):
        raise UsageError(
            f"{fields}: has no column {missing[0]!r}, and the brief has {{{missing[0]}}}.",
            hint="Add the column, or write the words into the brief.",
        )


def _filled(value: Value, row: Mapping[str, str]) -> Value:
    match value:
        case str():
            return _HOLE.sub(lambda hole: row.get(hole[1], hole[0]), value)
        case list():
            return [_filled(one, row) for one in value]
        case dict():
            return {key: _filled(one, row) for key, one in value.items()}
        case _:
            return value


def _put(tree: dict[str, Value], column: str, text: str) -> None:
    """``title`` or ``title.de``; an empty cell leaves what the brief says."""
    top, _, tag = column.partition(".")
    if not text or top not in tree or column == _NAME:
        return
    inside = tree[top]
    if not tag:
        tree[top] = text
    elif isinstance(inside, dict):
        inside[tag] = text
    else:
        raise UsageError(
            f"The column {column!r} is about one locale, and {top} of the brief has none.",
            hint=f"Write {top}: {{{tag}: …}} in the brief.",
        )
