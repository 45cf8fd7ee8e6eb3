"""Price tables: dated data, read strictly. A misspelt or negative price is an error, not a 0.

Two kinds: ``tokens`` (per 1,000,000 tokens of each model) and ``per_image`` (per picture, by size
and quality), either times a multiplier and in any currency.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Final, TypeVar

from ..errors import SettingsError
from ..traffic import Profile
from . import prompts

ANY: Final = "*"
_SIZE = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})", re.ASCII)
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$", re.ASCII)
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_CODES = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD
CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP
GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD
KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN
NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP
SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES
VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
"""
CURRENCIES: Final = frozenset(_CODES.split())
"""ISO 4217 without metals, funds and test codes."""
_LARGEST = 262_144
"""Bytes of a price table; the shipped ones have a hundredth of it."""

T = TypeVar("T")
Table = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Patches:
    """How an input picture is counted: squares of ``patch`` pixels, at most ``most`` of them."""

    patch: int
    most: int
    tokens: Decimal
    """Per square."""
    grown_to: int = 0
    """A smaller picture is first enlarged, at most twofold, towards this long edge."""

    def tokens_of(self, width: int, height: int) -> Decimal:
        """Tokens of one picture of this size in pixels; a size that is not known counts most."""
        if min(width, height) <= 0:
            return self.most * self.tokens
        grow = max(1.0, min(2.0, self.grown_to / max(width, height)))
        wide, high = (-(-int(edge * grow) // self.patch) for edge in (width, height))
        return min(wide * high, self.most) * self.tokens


@dataclass(frozen=True, slots=True)
class Drawn:
    """Output tokens of one picture, by a list of sizes or by steps along its edges."""

    sizes: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    steps: Mapping[str, int] = field(default_factory=dict)
    offset: int = 0
    divisor: int = 1
    auto: tuple[str, ...] = ()
    """Sizes that ``auto`` may come to; the listed ones when empty."""

    def all_for(self, size: str, quality: str) -> tuple[Decimal, ...]:
        """Every count that ``auto`` may stand for; empty when one of them is not known."""
        sizes = (self.auto or tuple(self.sizes)) if size == "auto" else (size,)
        found = [count for each in sizes for count in self._for_size(each, quality)]
        return () if None in found else tuple(count for count in found if count is not None)

    def _for_size(self, size: str, quality: str) -> list[Decimal | None]:
        listed = self.sizes.get(size)
        if listed is not None:
            return [listed.get(each) for each in _expand(quality, listed)]
        return [self._stepped(size, each) for each in _expand(quality, self.steps)]

    def _stepped(self, size: str, quality: str) -> Decimal | None:
        steps, edges = self.steps.get(quality), _SIZE.fullmatch(size)
        if steps is None or edges is None:
            return None
        width, height = int(edges[1]), int(edges[2])
        long, short = max(width, height), min(width, height)
        across = (2 * steps * short + long) // (2 * long)
        return Decimal(-(-steps * across * (self.offset + width * height) // self.divisor))


@dataclass(frozen=True, slots=True)
class TextPrice:
    """A model that reads and decides; per 1,000,000 tokens."""

    input: Decimal
    cached_input: Decimal
    output: Decimal
    turn_input: Decimal
    """Tokens of an image turn beside its words: the tool's description, the scaffolding."""
    turn_output: Decimal
    picture: Patches | None


@dataclass(frozen=True, slots=True)
class ImagePrice:
    """A model that draws; per 1,000,000 tokens (R47)."""

    input_text: Decimal
    cached_input_text: Decimal
    input_image: Decimal
    output_image: Decimal
    output_text: Decimal | None
    partial_tokens: Decimal
    picture: Patches | None
    drawn: Drawn | None


@dataclass(frozen=True, slots=True)
class PerImage:
    """Prices by size, then quality; ``*`` stands for all the others."""

    table: Mapping[str, Mapping[str, Decimal]]

    def all_for(self, size: str, quality: str) -> tuple[Decimal, ...]:
        """The price, or for ``auto`` every price it may come to; empty when there is none."""
        rows = self.table.values() if size == "auto" else (self._row(size),)
        return tuple(
            row[each if each in row else ANY]
            for row in rows
            for each in _expand(quality, row)
            if each in row or ANY in row
        )

    def _row(self, size: str) -> Mapping[str, Decimal]:
        return self.table.get(size) or self.table.get(ANY) or {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """One price table. Amounts are before ``multiplier``."""

    label: str
    """``openai@2026-04-21``."""
    currency: str
    multiplier: Decimal = Decimal(1)
    texts: Mapping[str, TextPrice] = field(default_factory=dict)
    images: Mapping[str, ImagePrice] = field(default_factory=dict)
    per_image: PerImage | None = None

    def text(self, model: str) -> TextPrice | None:
        """Price of a text model or of its dated snapshot."""
        return _by_model(self.texts, model)

    def image(self, model: str) -> ImagePrice | None:
        """Price of an image model or of its dated snapshot."""
        return _by_model(self.images, model)


def _by_model(table: Mapping[str, T], model: str) -> T | None:
    bare = model.rsplit("/", 1)[-1]
    return table.get(model) or table.get(bare) or table.get(_SNAPSHOT.sub("", bare))


def _expand(quality: str, listed: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(listed) if quality == "auto" else (quality,)


def prices_for(profile: Profile, *, folder: Path) -> Prices:
    """The table of a profile: a shipped one by name, or a file (``….toml``, relative to ``folder``).

    Raises ``SettingsError`` naming the profile, the file and the key.
    """
    name = profile.prices
    if not name.endswith(".toml"):
        return load_prices(_shipped(profile), name=name)
    path = folder / Path(name).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise SettingsError(
            f"profile {profile.name}: prices = {name!r}: {path} cannot be read: {why}",
            hint=f"A relative path starts in {folder}; docs/prices.md shows what to write into it.",
        ) from error
    if len(data) > _LARGEST:
        raise SettingsError(f"profile {profile.name}: prices: {path} is too large for a table")
    return load_prices(text, name=str(path))


def _shipped(profile: Profile) -> str:
    try:
        return prompts.prices_text(profile.prices)
    except SettingsError as error:
        raise SettingsError(
            f"profile {profile.name}: prices = {profile.prices!r}: {error}",
            hint="A table of your own is a file whose name ends in .toml (docs/prices.md).",
        ) from error


# ── reading ──────────────────────────────────────────────────────────────────────────────────


def load_prices(text: str, *, name: str) -> Prices:
    """Read a price table; ``SettingsError`` names ``name``, the key and what is wrong with it."""
    try:
        raw = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"price table {name}: is not TOML: {error}") from error
    reader = _Reader(name, "", raw)
    kind = reader.choice("kind", ("tokens", "per_image"))
    reader.only("name", "date", "currency", "kind", "multiplier", *_SECTIONS[kind])
    day = raw.get("date")
    texts = {model: _text_price(at) for model, at in reader.tables("text")}
    images = {model: _image_price(at) for model, at in reader.tables("image")}
    rows = {size: at.numbers() for size, at in reader.tables("per_image")}
    if not (texts or images or rows):
        raise reader.error(kind if kind == "per_image" else "image", "has no prices")
    return Prices(
        label=f"{raw.get('name', name)}@{day}" if isinstance(day, date) else name,
        currency=reader.currency(),
        multiplier=reader.number("multiplier", Decimal(1)),
        texts=texts,
        images=images,
        per_image=PerImage(rows) if rows else None,
    )


_SECTIONS: Final[dict[str, tuple[str, ...]]] = {
    "tokens": ("text", "image"),
    "per_image": ("per_image",),
}


class _Reader:
    """One TOML table and the way to it, so that every error can name its key."""

    def __init__(self, name: str, path: str, table: Table) -> None:
        self.name, self.path, self.table = name, path, table

    def error(self, key: str, problem: str) -> SettingsError:
        return SettingsError(f"price table {self.name}: {self.path}{key} {problem}")

    def only(self, *known: str) -> None:
        for key in self.table:
            if key not in known:
                near = get_close_matches(key, known, n=1)
                meant = f"; did you mean {near[0]}?" if near else ""
                raise self.error(key, f"is not a key of this table{meant}")

    def number(self, key: str, default: Decimal | None = None) -> Decimal:
        found = self.optional(key)
        found = default if found is None else found
        if found is None:
            raise self.error(key, "is missing")
        return found

    def optional(self, key: str) -> Decimal | None:
        value = self.table.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise self.error(key, f"must be a number, not {value!r}")
        found = Decimal(value)
        if not found.is_finite() or found < 0:
            raise self.error(key, f"must be 0 or more, not {value}")
        return found

    def whole(self, key: str, default: int | None = None) -> int:
        found = self.number(key, None if default is None else Decimal(default))
        if found != int(found):
            raise self.error(key, f"must be a whole number, not {found}")
        return int(found)

    def positive(self, key: str) -> int:
        found = self.whole(key)
        if not found:
            raise self.error(key, "must not be 0")
        return found

    def numbers(self) -> dict[str, Decimal]:
        return {key: self.number(key) for key in self.table}

    def choice(self, key: str, among: tuple[str, ...]) -> str:
        value = self.table.get(key)
        if value not in among:
            raise self.error(key, f"must be one of {', '.join(among)}, not {value!r}")
        return str(value)

    def currency(self) -> str:
        value = self.table.get("currency")
        if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
            raise self.error("currency", f"must be three capital letters, not {value!r}")
        if value not in CURRENCIES:
            near = get_close_matches(value, CURRENCIES, n=3, cutoff=0.6)
            meant = f"; did you mean {' or '.join(near)}?" if near else ""
            raise self.error("currency", f"is no currency of ISO 4217: {value!r}{meant}")
        return value

    def sub(self, key: str) -> _Reader | None:
        value = self.table.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.error(key, f"must be a table, not {value!r}")
        return _Reader(self.name, f"{self.path}{key}.", value)

    def tables(self, key: str) -> list[tuple[str, _Reader]]:
        parent = self.sub(key)
        if parent is None:
            return []
        found = [(each, parent.sub(each)) for each in parent.table]
        return [(each, reader) for each, reader in found if reader is not None]


def _text_price(at: _Reader) -> TextPrice:
    at.only("input", "cached_input", "output", "turn_input", "turn_output", "picture")
    read = at.number("input")
    return TextPrice(
        input=read,
        cached_input=at.number("cached_input", read),
        output=at.number("output"),
        turn_input=at.number("turn_input", Decimal(0)),
        turn_output=at.number("turn_output", Decimal(0)),
        picture=_patches(at.sub("picture")),
    )


def _image_price(at: _Reader) -> ImagePrice:
    prices = ("input_text", "cached_input_text", "input_image", "output_image", "output_text")
    at.only(*prices, "partial_tokens", "picture", "drawn")
    read = at.number("input_text")
    return ImagePrice(
        input_text=read,
        cached_input_text=at.number("cached_input_text", read),
        input_image=at.number("input_image"),
        output_image=at.number("output_image"),
        output_text=at.optional("output_text"),
        partial_tokens=at.number("partial_tokens", Decimal(100)),
        picture=_patches(at.sub("picture")),
        drawn=_drawn(at.sub("drawn")),
    )


def _patches(at: _Reader | None) -> Patches | None:
    if at is None:
        return None
    at.only("patch", "most", "tokens", "grown_to")
    return Patches(
        at.positive("patch"), at.whole("most"), at.number("tokens"), at.whole("grown_to", 0)
    )


def _drawn(at: _Reader | None) -> Drawn | None:
    if at is None:
        return None
    at.only("steps", "offset", "divisor", "auto", "sizes")
    steps = at.sub("steps")
    auto = at.table.get("auto", ())
    if not isinstance(auto, (list, tuple)) or not all(isinstance(each, str) for each in auto):
        raise at.error("auto", "must be a list of sizes")
    return Drawn(
        sizes={size: row.numbers() for size, row in at.tables("sizes")},
        steps={} if steps is None else {key: steps.whole(key) for key in steps.table},
        offset=at.whole("offset", 0),
        divisor=at.positive("divisor") if steps else 1,
        auto=tuple(auto),
    )
