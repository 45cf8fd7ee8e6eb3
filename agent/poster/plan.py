"""What is bought and what is delivered, in order and with both prices, before anything is paid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from ..schema import Cost, ImageOptions, PromptRef, Record
from ..turn.pricing import Prices, estimate, estimate_question, weight
from ..typeset.boxes import Box, Pixels
from .brief import Brief, Lettering, Locale, Problem
from .layout import Layout, layout_for, overfull, words_of
from .sizes import Bought, SizeSpec, bought
from .wording import in_bought, lettering_of, painted_entries, picture_prompt

REPAIRS: Final = 2
"""Edits that a wrong painted line is given before it is set instead."""
CLEARINGS: Final = 1
"""Edits that a picture is given to lose lettering that nobody asked for."""
READINGS: Final = 2
"""Of each picture with painted words: both must agree."""
LOOKS: Final = 1
"""At each picture without: there is nothing to agree on, only lettering to find."""
OVERHEAD: Final = 4000
"""Characters that go with every prompt: instructions and the safety preamble."""


class Painted(Record):
    """A line that the model paints. ``box`` in fractions of the bought picture."""

    line_id: str
    part: int = 0
    role: str
    text: str
    box: Box


class Picture(Record):
    """One thing to buy."""

    key: str
    """``story/1``, and with painted words of several locales ``story/1/de``."""
    size: str
    variant: int
    locale: Locale | None = None
    """``None``: it serves every locale."""
    lettering: Lettering
    """``painted`` when the model paints at least one line."""
    prompt: str
    prompt_ref: PromptRef
    boxes: tuple[Box, ...] = ()
    """What stays calm, in fractions of the bought picture."""
    painted: tuple[Painted, ...] = ()
    focal: Box
    """In fractions of the bought picture."""
    lead: str | None = None
    """Key of the picture it is an edit of; ``None``: it sets the look."""
    buy: Bought
    cheapest: Cost = Cost()
    dearest: Cost = Cost()
    """One try of this picture, without reading and repairs."""

    def options(self, brief: Brief) -> ImageOptions:
        """What is asked of the image tool."""
        return brief.options.model_copy(update={"size": self.buy.size})


class Cell(Record):
    """One poster to deliver."""

    name: str
    """``brief/locale/size/variant``."""
    picture: str
    """Key of what it is made from."""
    locale: Locale
    size: str
    variant: int


class Plan(Record):
    """Everything that making a brief will do, in order."""

    brief: str
    pictures: tuple[Picture, ...]
    cells: tuple[Cell, ...]
    cheapest: Cost
    """Every picture right at the first try."""
    dearest: Cost
    """Every repair that there may be, all at the highest estimate."""
    warnings: tuple[str, ...] = ()
    unfit: tuple[Problem, ...] = ()
    """Texts that do not fit, which are warnings as well."""
    notes: tuple[str, ...] = ()
    """What is resized, and the like: worth knowing, nothing to worry about."""

    @property
    def most_drawn(self) -> int:
        """Pictures that may be asked for, repairs with them."""
        return sum(1 + CLEARINGS + REPAIRS * len(one.painted) for one in self.pictures)

    def picture(self, key: str) -> Picture:
        """By its key."""
        return next(one for one in self.pictures if one.key == key)


def plan_of(brief: Brief, prices: Prices, model: str | None = "gpt-5.5") -> Plan:
    """The plan of a brief; ``model`` is the text model, ``None`` on the Images API.

    ``UsageError`` for an image model that was shut down. A budget below the plan, small type, low
    dpi and the like are ``warnings``: whoever makes it decides.
    """
    layouts = {spec.name: layout_for(brief, spec) for spec in brief.sizes}
    pictures = tuple(_priced(one, brief, prices, model) for one in _pictures(brief, layouts))
    cheapest, dearest = _sums(pictures, prices, model, brief)
    cells = tuple(_cells(brief, layouts))
    bases = [bought(spec, brief.options.model) for spec in brief.sizes]
    unfit = tuple(one for layout in layouts.values() for one in overfull(brief, layout))
    told = [
        *(warning for one in bases for warning in one.warnings),
        *map(str, unfit),
        *_money(brief, pictures, cells, cheapest, dearest),
    ]
    return Plan(
        brief=brief.name,
        pictures=pictures,
        cells=cells,
        cheapest=cheapest,
        dearest=dearest,
        warnings=tuple(told),
        unfit=unfit,
        notes=tuple(note for one in bases for note in one.notes),
    )


# ── what is bought ───────────────────────────────────────────────────────────────────────────


def _painted_locales(brief: Brief, layout: Layout) -> tuple[Locale | None, ...]:
    """One picture for all locales, or one for each when words are painted into it."""
    if any(lettering_of(brief, placed) == "painted" for placed in layout.lines):
        return brief.locales
    return (None,)


def _pictures(brief: Brief, layouts: dict[str, Layout]) -> Iterator[Picture]:
    """Variant by variant, its first picture first: the others are edits of it."""
    for variant in range(1, brief.variants + 1):
        lead: str | None = None
        for spec in brief.sizes:
            layout = layouts[spec.name]
            locales = _painted_locales(brief, layout)
            for locale in locales:
                key = _key(spec, variant, locale if len(locales) > 1 else None)
                yield _picture(brief, layout, (key, variant), locale, lead)
                lead = lead or key


def _key(spec: SizeSpec, variant: int, locale: Locale | None) -> str:
    return f"{spec.name}/{variant}" + (f"/{locale}" if locale else "")


def _picture(
    brief: Brief, layout: Layout, named: tuple[str, int], locale: Locale | None, lead: str | None
) -> Picture:
    (key, variant), spec = named, layout.size
    made = bought(spec, brief.options.model)
    prompt, ref = picture_prompt(
        brief, layout, made, locale, follows=lead is not None, variant=variant
    )
    words = _painted(brief, layout, made, locale) if locale else ()
    return Picture(
        key=key,
        size=spec.name,
        variant=variant,
        locale=locale,
        lettering="painted" if words else "set",
        prompt=prompt,
        prompt_ref=ref,
        boxes=tuple(in_bought(box, spec, made) for box in layout.quiet),
        painted=words,
        focal=in_bought(layout.focal, spec, made),
        lead=lead,
        buy=made,
    )


def _painted(brief: Brief, layout: Layout, made: Bought, locale: Locale) -> tuple[Painted, ...]:
    entries = painted_entries(brief, layout, made, locale)
    placed = [
        one
        for one in layout.lines
        if lettering_of(brief, one) == "painted" and words_of(brief, one, locale)
    ]
    return tuple(
        Painted(line_id=one.line_id, part=one.part, role=role, text=text, box=box)
        for one, (text, role, box) in zip(placed, entries, strict=True)
    )


def _cells(brief: Brief, layouts: dict[str, Layout]) -> Iterator[Cell]:
    for variant in range(1, brief.variants + 1):
        for spec in brief.sizes:
            locales = _painted_locales(brief, layouts[spec.name])
            for locale in brief.locales:
                yield Cell(
                    name=f"{brief.name}/{locale}/{spec.name}/{variant}",
                    picture=_key(spec, variant, locale if len(locales) > 1 else None),
                    locale=locale,
                    size=spec.name,
                    variant=variant,
                )


# ── money ────────────────────────────────────────────────────────────────────────────────────


def _priced(picture: Picture, brief: Brief, prices: Prices, model: str | None) -> Picture:
    """With the estimates of one try. An edit also reads the picture that set the look."""
    return picture.model_copy(
        update={
            "cheapest": _one(picture, brief, prices, model, dearest=False),
            "dearest": _one(picture, brief, prices, model, dearest=True),
        }
    )


def _one(
    picture: Picture, brief: Brief, prices: Prices, model: str | None, *, dearest: bool
) -> Cost:
    seen = [(1536, 1536)] * len(brief.references)
    if picture.lead is not None:
        seen.append(picture.buy.pixels)
    return estimate(
        picture.options(brief),
        prices=prices,
        input_images=seen,
        prompt_chars=weight([picture.prompt]) + OVERHEAD,
        model=model,
        dearest=dearest,
    )


def _sums(
    pictures: Sequence[Picture], prices: Prices, model: str | None, brief: Brief
) -> tuple[Cost, Cost]:
    reading = [_reading(one, prices, model) for one in pictures]
    low = [*(one.cheapest for one in pictures), *reading]
    repairs = [
        _one(one.model_copy(update={"lead": one.key}), brief, prices, model, dearest=True)
        for one in pictures
        for _ in range(CLEARINGS + REPAIRS * len(one.painted))
    ]
    again = [
        _reading(one, prices, model)
        for one in pictures
        for _ in range(1 + CLEARINGS + (1 + REPAIRS * len(one.painted) if one.painted else 0))
    ]
    return _total(low, prices), _total(
        [*(one.dearest for one in pictures), *repairs, *again], prices
    )


def _reading(picture: Picture, prices: Prices, model: str | None) -> Cost:
    return reading_cost(len(picture.painted), picture.buy.pixels, prices, model)


def readings_of(parts: int) -> int:
    """How often a picture is read of which so many parts are painted words."""
    return READINGS if parts else LOOKS


def reading_cost(parts: int, whole: Pixels, prices: Prices, model: str | None) -> Cost:
    """Of all readings of a picture: ``parts`` of it and a control, enlarged, and the whole.

    ``model=None``: on the Images API nothing can be asked, and nothing is billed.
    """
    if model is None:
        return Cost(amount=Decimal(0), currency=prices.currency, basis="estimate")
    enlarged = [(1200, 512)] * (parts + 1)
    one = estimate_question(prices=prices, model=model, chars=OVERHEAD, pictures=[*enlarged, whole])
    count = readings_of(parts)
    return one if one.amount is None else one.model_copy(update={"amount": one.amount * count})


def _total(costs: Sequence[Cost], prices: Prices) -> Cost:
    """Unknown as soon as one part is."""
    known = [cost.amount for cost in costs if cost.amount is not None]
    if len(known) < len(costs):
        return Cost(currency=prices.currency)
    return Cost(amount=sum(known, Decimal(0)), currency=prices.currency, basis="estimate")


def _money(
    brief: Brief,
    pictures: Sequence[Picture],
    cells: Sequence[Cell],
    cheapest: Cost,
    dearest: Cost,
) -> Iterator[str]:
    """What a budget is worth: how many of the pictures it pays for."""
    if brief.budget is None:
        return
    if cheapest.amount is None:
        yield f"budget {brief.budget}: the price of a picture is not known, so it cannot be kept"
        return
    if cheapest.amount > brief.budget:
        paid, spent = 0, Decimal(0)
        for one in pictures:
            spent += one.cheapest.amount or Decimal(0)
            paid += spent <= brief.budget
        yield (
            f"budget {brief.budget} {cheapest.currency}: pays for {paid} of {len(pictures)} "
            f"pictures ({len(cells)} posters), which cost {cheapest.amount:.2f} at least; "
            "raise it, or ask for fewer sizes or variants"
        )
    elif dearest.amount is not None and dearest.amount > brief.budget:
        yield (
            f"budget {brief.budget} {cheapest.currency}: enough when all goes well "
            f"({cheapest.amount:.2f}), not at the dearest ({dearest.amount:.2f})"
        )
