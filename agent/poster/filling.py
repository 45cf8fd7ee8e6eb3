"""What was written → a ``Brief``, or every problem with its field and line at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import NamedTuple

from pydantic import ValidationError

from ..derive.pictures import inspect
from ..errors import UsageError
from ..schema import ImageOptions
from ..turn.capabilities import check
from ..typeset.boxes import Box
from ..typeset.faces import is_cjk
from . import reading, words
from .brief import QR, Brief, BriefError, Line, Logo, Problem, Role
from .explaining import near, problems_of
from .reading import Path, Tree, Value, dotted
from .sizes import SizeSpec, bought, size_of
from .written import Text, WrittenBrief, WrittenLine, WrittenSize

_OWN: tuple[Role, ...] = ("title", "subtitle", "date", "time", "place", "cta")
"""Roles that have a field of their own; their id is its name."""
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")
MOST_QR_VERSION = 10
STDIN_LIMIT = reading.MOST_BYTES + 1


def load_brief(source: FilePath | str, *, name: str = "", beside: FilePath | None = None) -> Brief:
    """A brief from a file (``Path``) or from its text; ``BriefError`` names every problem and line.

    YAML, JSON, or Markdown with front matter, by the suffix of the path or ``name``, else by looks.
    File names inside are relative to the file, to the folder of ``beside``, or to the working
    directory for a text.
    """
    if isinstance(source, FilePath):
        name = name or str(source)
        data, folder = _bytes(source, name), source.resolve().parent
    else:
        data = source.encode("utf-8", "surrogatepass")
        folder = beside.resolve().parent if beside else FilePath.cwd()
    try:
        return _Filling(reading.read(data, name=name), folder, name).brief()
    except BriefError as error:
        raise BriefError(error.problems, name=name, hint=error.hint) from error


def _bytes(path: FilePath, name: str) -> bytes:
    """No more than a brief may have, whatever the file is."""
    try:
        with path.open("rb") as file:
            return file.read(STDIN_LIMIT)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        told = Problem(field="", message=f"cannot be read ({reason})")
        raise BriefError((told,), name=name) from error


@dataclass(slots=True)
class _Filling:
    """One brief on its way; problems are gathered, not raised, as long as there is something to look at."""

    tree: Tree
    folder: FilePath
    name: str
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: Path, message: str, hint: str = "") -> None:
        line = self.tree.line(path)
        self.problems.append(Problem(field=dotted(path), message=message, line=line, hint=hint))

    def brief(self) -> Brief:
        self.problems.extend(self.tree.problems)
        written = self._written()
        locales = self._locales(written)
        sizes = self._sizes(written)
        options = self._options(written, sizes)
        lines = tuple(self._lines(written, locales, sizes))
        made = Brief(
            name=written.name or _name_by(self.name),
            locales=locales,
            lines=lines,
            motif=self._motif(written),
            tone=words.clean(written.tone),
            notes=self._notes(written),
            palette=self._palette(written),
            type=written.type,
            must=tuple(map(words.clean, written.must)),
            avoid=tuple(map(words.clean, written.avoid)),
            references=tuple(self._references(written)),
            logo=self._logo(written),
            qr=self._qr(written),
            sizes=sizes,
            variants=written.variants,
            lettering=written.lettering,
            options=options,
            budget=written.budget,
            source=self.name,
            where=self._where(lines),
        )
        if self.problems:
            unique = dict.fromkeys(self.problems)
            raise BriefError(tuple(sorted(unique, key=lambda one: one.line or 0)))
        return made

    def _where(self, lines: Iterable[Line]) -> dict[str, int]:
        fields = {str(path[0]): at for path, at in self.tree.lines.items() if len(path) == 1}
        return fields | {line.id: line.source_line for line in lines if line.source_line}

    # ── fields as written ────────────────────────────────────────────────────────────────────

    def _written(self) -> WrittenBrief:
        try:
            return WrittenBrief.model_validate(_filled(self.tree.value))
        except ValidationError as error:
            unique = dict.fromkeys((*self.problems, *problems_of(error, self.tree)))
            raise BriefError(tuple(sorted(unique, key=lambda one: one.line or 0))) from error

    def _locales(self, written: WrittenBrief) -> tuple[str, ...]:
        """As listed, else those that a text names, in their order, else by the title's script."""
        listed = written.locales
        for i, tag in enumerate(listed):
            if tag in listed[:i]:
                self.problem(("locales", i), f"{tag} is listed twice")
        if listed:
            return tuple(dict.fromkeys(listed))
        named = dict.fromkeys(
            tag for _, text in _texts(written) if isinstance(text, dict) for tag in text
        )
        alone = written.title if isinstance(written.title, str) else ""
        return tuple(named) or (("zh",) if any(map(is_cjk, alone)) else ("en",))

    def _sizes(self, written: WrittenBrief) -> tuple[SizeSpec, ...]:
        found: dict[str, SizeSpec] = {}
        for i, size in enumerate(written.sizes):
            try:
                spec = _own_size(size) if isinstance(size, WrittenSize) else size_of(size)
            except UsageError as error:
                self.problem(("sizes", i), str(error).split(": ", 1)[-1], error.hint)
                continue
            if spec.name in found:
                self.problem(("sizes", i), f"{spec.name} is listed twice")
            found[spec.name] = spec
        return tuple(found.values())

    def _options(self, written: WrittenBrief, sizes: Iterable[SizeSpec]) -> ImageOptions:
        """Checked against what the model takes, at a size that it draws."""
        options = ImageOptions().model_copy(update=written.options.model_dump(exclude_none=True))
        try:
            for spec in sizes:
                size = bought(spec, options.model).size
                options = options.model_copy(update={"size": size})
                check(options, editing=1, has_mask=False)
        except UsageError as error:
            self.problem(("options",), str(error), error.hint)
        if options.output_format in ("gif", "svg"):
            self.problem(
                ("options", "output_format"),
                f"{options.output_format} cannot be lettered",
                "use png, jpeg or webp",
            )
        return options

    # ── texts ────────────────────────────────────────────────────────────────────────────────

    def _lines(
        self, written: WrittenBrief, locales: tuple[str, ...], sizes: tuple[SizeSpec, ...]
    ) -> Iterator[Line]:
        seen: dict[str, Path] = {}
        for path, line in _written_lines(written):
            own = len(path) == 1
            role: Role = line.role
            id_ = line.id or (str(path[0]) if own else _numbered(role, written.lines, path))
            if id_ in seen:
                self.problem(path, f"has the id {id_}, as {dotted(seen[id_])} has", "rename it")
            if not own and role in ("title", "subtitle"):
                self.problem((*path, "role"), f"{role} has a field of its own", f"write {role}:")
            seen[id_] = path
            names = [spec.name for spec in sizes]
            for wanted in line.only:
                if wanted not in names:
                    self.problem(
                        (*path, "only"), f"{wanted} is none of the sizes", near(wanted, names)
                    )
            yield Line(
                id=id_,
                role=role,
                text=self._text(path if own else (*path, "text"), line, locales, written),
                lettering=line.lettering,
                box=self._box(path, line),
                only=line.only,
                source_line=self.tree.line(path),
            )

    def _text(
        self, path: Path, line: WrittenLine, locales: tuple[str, ...], written: WrittenBrief
    ) -> dict[str, str]:
        text = line.text
        given = text if isinstance(text, dict) else dict.fromkeys(locales, text)
        for tag in given:
            if tag not in locales:
                self.problem((*path, tag), f"{tag} is none of the locales", near(tag, locales))
        found = {}
        for locale in locales:
            at = (*path, locale) if isinstance(text, dict) else path
            found[locale] = words.clean(given.get(locale, ""))
            if not found[locale]:
                self.problem(
                    path, f"has no text for locale {locale}", "write it, or drop the locale"
                )
                continue
            bare = found[locale].replace("|", "")
            alone = len(locales) == 1
            wrong = words.trouble(bare, line.role, written.type, locale, alone=alone)
            if wrong:
                self.problem(at, *wrong)
        return found

    def _box(self, path: Path, line: WrittenLine) -> Box | None:
        if line.box is None:
            return None
        box = Box(*line.box)
        if not (0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1):
            self.problem(
                (*path, "box"),
                "is no box inside the poster",
                "left, top, right, bottom between 0 and 1: [0.06, 0.8, 0.5, 0.9]",
            )
            return None
        return box

    def _motif(self, written: WrittenBrief) -> str:
        """The body of a Markdown brief is the motif where none is named."""
        motif = words.clean(written.motif or _bare(self.tree.body))
        if len(motif) > 4000:
            self.problem((), "has a body of more than 4,000 characters")
        return motif

    def _notes(self, written: WrittenBrief) -> str:
        body = _bare(self.tree.body) if written.motif else ""
        return words.clean(f"{written.notes}\n{body}")[:4000]

    def _palette(self, written: WrittenBrief) -> tuple[str, ...]:
        found = []
        for i, colour in enumerate(written.palette):
            bare = colour.strip().lower()
            if not _HEX.fullmatch(bare):
                self.problem(
                    ("palette", i),
                    f"{colour[:20]!r} is no colour",
                    'write "#1b2a4a" in quotes: # begins a comment without them',
                )
                continue
            found.append(bare if len(bare) == 7 else "#" + "".join(2 * x for x in bare[1:]))
        return tuple(found)

    # ── files ────────────────────────────────────────────────────────────────────────────────

    def _picture(self, path: Path, name: str) -> _File | None:
        """A readable picture beside the brief, or a problem."""
        try:
            return _file(self.folder, name)
        except (UsageError, OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            self.problem(path, reason, getattr(error, "hint", ""))
            return None

    def _references(self, written: WrittenBrief) -> Iterator[FilePath]:
        for i, name in enumerate(written.references):
            found = self._picture(("references", i), name)
            if found:
                yield found.path

    def _logo(self, written: WrittenBrief) -> Logo | None:
        if written.logo is None:
            return None
        found = self._picture(("logo",), written.logo)
        if found is None:
            return None
        size = found.size
        if max(size) > 12 * min(size):
            self.problem(("logo",), f"{size[0]}x{size[1]}: too long for a logo")
        return Logo(path=found.path, size=size, sha256=found.sha256)

    def _qr(self, written: WrittenBrief) -> QR | None:
        if written.qr is None:
            return None
        target = written.qr.strip()
        if not target:
            self.problem(("qr",), "leads nowhere", "write an address, or leave it out")
            return None
        version = qr_version(target)
        if version is None or version > MOST_QR_VERSION:
            self.problem(
                ("qr",),
                f"{len(target.encode())} bytes make a code of more than "
                f"{4 * MOST_QR_VERSION + 17} modules, which phones do not read from a poster",
                "use a shorter address, of about 200 characters at most",
            )
            return None
        return QR(target=target, version=version)


class _File(NamedTuple):
    """A picture that a brief names."""

    path: FilePath
    size: tuple[int, int]
    sha256: str


def _file(folder: FilePath, name: str) -> _File:
    """``UsageError`` unless it is a whole picture."""
    if not name.strip():
        raise UsageError("names no file")
    place = (folder / name).resolve()
    if not place.is_file():
        raise UsageError(f"there is no file {name}", hint="it is looked for beside the brief")
    data = place.read_bytes()
    facts = inspect(data, name=name)
    return _File(place, (facts.width, facts.height), hashlib.sha256(data).hexdigest())


def qr_version(target: str) -> int | None:
    """Of the smallest code that holds it with 15 % to spare for damage; ``None``: none does."""
    import segno

    try:
        made = segno.make_qr(target, error="m", boost_error=False)
    except segno.DataOverflowError:
        return None
    return int(made.version)


# ── values ───────────────────────────────────────────────────────────────────────────────────


def _filled(value: Mapping[str, Value]) -> dict[str, Value]:
    """Without fields that were named and left empty; ``title:`` alone is still missed."""
    return {key: inside for key, inside in value.items() if inside != ""}


def _texts(written: WrittenBrief) -> Iterator[tuple[Path, Text]]:
    for path, line in _written_lines(written):
        yield path, line.text


def _written_lines(written: WrittenBrief) -> Iterator[tuple[Path, WrittenLine]]:
    """The fields of their own as lines too, in the order in which a poster is read."""
    for role in _OWN:
        text = getattr(written, role)
        if text is not None:
            yield (role,), WrittenLine(text=text, role=role)
    for i, line in enumerate(written.lines):
        yield ("lines", i), line


def _numbered(role: Role, lines: tuple[WrittenLine, ...], path: Path) -> str:
    """``price-2``: the second of its role."""
    upto = lines[: int(path[-1]) + 1]
    same = [line for line in lines if line.role == role]
    count = sum(line.role == role for line in upto)
    return f"{role}-{count}" if len(same) > 1 or role in _OWN else role


def _own_size(size: WrittenSize) -> SizeSpec:
    """A named size; ``UsageError`` for edges that are none."""
    if (size.pixels is None) == (size.mm is None):
        raise UsageError("size: needs pixels or mm, and not both", hint="mm: 210x297")
    if size.pixels is not None:
        spec = size_of(size.pixels)
        return spec.model_copy(update={"name": size.name})
    spec = size_of(f"{str(size.mm).removesuffix('mm')}mm@{size.dpi}+{size.bleed:g}")
    return spec.model_copy(update={"name": size.name})


def _bare(body: str) -> str:
    """Markdown as plain sentences: no marks of headings, lists or emphasis."""
    lines = (re.sub(r"^\s*(?:#+|[-*+>])\s+", "", line) for line in body.splitlines())
    return re.sub(r"[*_`]{1,3}(\S(?:.*?\S)?)[*_`]{1,3}", r"\1", "\n".join(lines)).strip()


def _name_by(file: str) -> str:
    return words.folder_name(FilePath(file).stem if file != "-" else "") or "brief"
