"""A brief: what a poster says, exactly, and how it is to look. Frozen and checked.

:func:`filling.load_brief` reads one that a person wrote; nothing else makes one.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import Field

from ..errors import UsageError
from ..schema import ImageOptions, Record
from ..typeset.boxes import Box
from .sizes import SizeSpec

Role = Literal[
    "title",
    "subtitle",
    "date",
    "time",
    "place",
    "cta",
    "price",
    "contact",
    "legal",
    "speaker",
    "credit",
    "line",
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
Lettering = Literal["painted", "set"]
TypeFeel = Literal["poster", "bold", "classic", "plain"]
"""Narrow capitals · heavy · with serifs · a plain sans."""
Locale = str
"""A language tag as people write it: ``en``, ``de``, ``zh-Hant``."""

DISPLAY: Final[frozenset[Role]] = frozenset({"title", "subtitle", "cta"})
"""Roles that ``lettering: painted`` of a brief is about; in all others a wrong digit costs a trip."""
CELL_MARK: Final = "|"
"""Between the columns of a line in a list: ``12 March | Berlin | Astra``."""


class Problem(Record):
    """One thing that is wrong with a brief. ``line`` counts from 1 in the file."""

    field: str
    message: str
    line: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        where = f", line {self.line}" if self.line else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.field or 'the brief'}{where}: {self.message}{hint}"


class BriefError(UsageError):
    """A brief that cannot be made. ``problems`` has all of them, ``field`` and ``line`` the first's."""

    def __init__(self, problems: tuple[Problem, ...], *, name: str = "", hint: str = "") -> None:
        self.problems = problems
        self.field = problems[0].field
        self.line = problems[0].line
        self.name = name
        head = f"{name}: " if name else ""
        super().__init__(head + "; ".join(map(str, problems)), hint=hint)


class Line(Record):
    """One text of the poster, with its exact words in every locale of the brief."""

    id: str
    role: Role
    text: dict[Locale, str]
    lettering: Lettering | None = None
    """``None``: by :meth:`Brief.lettering_of`."""
    box: Box | None = None
    """Where it must stand; ``None``: the layout decides."""
    only: tuple[str, ...] = ()
    """Names of the sizes it stands on; empty: on all."""
    source_line: int | None = None

    def cells(self, locale: Locale) -> tuple[str, ...]:
        """The words in their columns; one column unless ``|`` stands between them."""
        return tuple(part.strip() for part in self.text[locale].split(CELL_MARK))


class QR(Record):
    """What a QR code leads to. It is drawn from this, byte for byte, and read again as proof."""

    target: str
    version: int
    """1-10 as the QR standard counts; 4 × version + 17 modules along an edge."""

    @property
    def modules(self) -> int:
        """Along one edge, with the quiet zone of 4 on each side."""
        return 4 * self.version + 17 + 8


class Logo(Record):
    """A picture that is laid on unchanged. ``size`` in pixels of the file."""

    path: Path
    size: tuple[int, int]
    sha256: str


class Brief(Record):
    """Everything that a set of posters is made from. Paths are absolute."""

    name: str
    """For folders and cell names: lower-case letters, digits, ``-``."""
    locales: tuple[Locale, ...]
    lines: tuple[Line, ...]
    motif: str = ""
    tone: str = ""
    palette: tuple[str, ...] = ()
    """``#rrggbb``, lower case."""
    type: TypeFeel = "poster"
    notes: str = ""
    must: tuple[str, ...] = ()
    avoid: tuple[str, ...] = ()
    references: tuple[Path, ...] = ()
    logo: Logo | None = None
    qr: QR | None = None
    sizes: tuple[SizeSpec, ...]
    variants: int = 1
    lettering: Lettering | None = None
    options: ImageOptions = ImageOptions()
    """Model, quality and the like; its ``size`` is replaced by that of each picture."""
    budget: Decimal | None = None
    """For the whole brief, in the currency of the price table."""
    source: str = ""
    """Name of the file it was read from."""
    where: dict[str, int] = Field(default_factory=dict)
    """Line id or field → its line in that file."""

    @property
    def title(self) -> Line:
        """Every brief has exactly one."""
        return next(line for line in self.lines if line.role == "title")

    def lines_on(self, size: str) -> tuple[Line, ...]:
        """Those that stand on a size, in the order of the brief."""
        return tuple(line for line in self.lines if not line.only or size in line.only)

    def lettering_of(self, line: Line) -> Lettering:
        """Painted by the model or set by us: what the line says, else the brief, else by custom.

        By custom the title of a brief in one locale is painted and all else is set, so that one
        picture serves every locale. A brief that says ``painted`` means its display lines.
        """
        if line.lettering is not None:
            return line.lettering
        if self.lettering is not None:
            return self.lettering if line.role in DISPLAY else "set"
        return "painted" if line.role == "title" and len(self.locales) == 1 else "set"
