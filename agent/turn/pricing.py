"""What a turn may cost, and what it did cost; ``Decimal`` throughout.

Unknown is ``amount=None``, never 0, and a sum with an unknown part is itself unknown: an amount
that silently leaves a part out would pass for the whole at every budget. ``bill`` therefore also
returns the parts that *are* known and says in words what is missing.

Price tables are data (``prompts/prices``); ``tariff.load_prices`` reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from ..schema import Basis, Cost, ImageOptions, Rendering, Tokens, Usage
from .tariff import ImagePrice, PerImage, Prices, TextPrice, load_prices, prices_for

__all__ = [
    "Bill",
    "Part",
    "Prices",
    "bill",
    "cost_of",
    "estimate",
    "estimate_question",
    "load_prices",
    "prices_for",
    "weight",
]

MILLION: Final = Decimal(1_000_000)
WEIGHT_PER_TOKEN: Final = 2
"""On the dear side: Latin text comes to about 4, a Chinese character (3) to 1 or 2 tokens."""
PICTURE_MARGIN: Final = Decimal("1.5")
"""How much more than the table's count is reserved for reading a picture: servers count as they like."""
_THOUGHT: Final = {"high": 4, "xhigh": 8, "max": 8}
"""How often the tokens of an ordinary turn are reserved where more reasoning is asked for."""
_REMARKS: Final = 400
"""Tokens that a model writes beside an edit, where it sells words: 143 to 308 recorded (wire.md 5)."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line of a bill. ``why`` says what is not known, or how ``amount`` was come by."""

    label: str
    amount: Decimal | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Bill:
    """A cost, the lines it is the sum of, and what a person should be told about it."""

    cost: Cost
    parts: tuple[Part, ...] = ()
    notices: tuple[str, ...] = ()


# ── before ───────────────────────────────────────────────────────────────────────────────────


def weight(texts: Iterable[str]) -> int:
    """How much text is sent: characters, each beyond ASCII as its bytes in UTF-8."""
    return sum(len(text.encode("utf-8", "replace")) for text in texts)


@dataclass(frozen=True, slots=True)
class _Load:
    """What is to be read, and whether everything uncertain is to be taken at its dearest."""

    pictures: Sequence[tuple[int, int]]
    weight: int
    effort: str | None = None
    dearest: bool = True

    @property
    def words(self) -> Decimal:
        """Tokens."""
        return Decimal(self.weight) / WEIGHT_PER_TOKEN

    def seen(self, price: TextPrice | ImagePrice) -> Decimal | None:
        """Tokens of the input pictures; ``None`` where the table does not say how they count."""
        if not self.pictures:
            return Decimal(0)
        if price.picture is None:
            return None
        counted = sum((price.picture.tokens_of(*size) for size in self.pictures), Decimal(0))
        return counted * PICTURE_MARGIN if self.dearest else counted


def estimate(
    options: ImageOptions,
    *,
    prices: Prices,
    input_images: Sequence[tuple[int, int]] = (),
    prompt_chars: int = 0,
    model: str | None = "gpt-5.5",
    effort: str | None = None,
    dearest: bool = True,
) -> Cost:
    """What one request may cost, at its dearest (which is reserved) or at its cheapest.

    What is booked by ``usage`` or ``per_image`` for a picture as asked for stays below the dearest:
    ``auto`` is all that it may come to, and what no table can know has a margin (docs/prices.md).
    ``input_images`` are sizes in pixels, each read by both models. ``prompt_chars`` is the
    ``weight`` of every text sent. ``model=None`` is the Images API: no text model takes part.
    """
    quality = str(options.tool_options.get("quality", options.quality))
    if prices.per_image:
        one = _pick(prices.per_image.all_for(options.size, quality), dearest=dearest)
        reading: Decimal | None = Decimal(0)
    else:
        load = _Load(input_images, prompt_chars, effort, dearest)
        one = _drawing(options, quality, prices, load)
        reading = _reading(prices, model, load)
    copies = _copies(options)
    if one is None or reading is None or copies is None:
        return Cost(currency=prices.currency)
    amount = (copies * one + reading) * prices.multiplier
    return Cost(amount=amount, currency=prices.currency, basis="estimate")


def estimate_question(
    *, prices: Prices, model: str, chars: int, pictures: Sequence[tuple[int, int]]
) -> Cost:
    """What a question may cost: the text model alone reads, and nothing is drawn."""
    if prices.per_image:
        return Cost(amount=Decimal(0), currency=prices.currency, basis="estimate")
    amount = _reading(prices, model, _Load(pictures, chars))
    scaled = None if amount is None else amount * prices.multiplier
    basis: Basis = "unknown" if scaled is None else "estimate"
    return Cost(amount=scaled, currency=prices.currency, basis=basis)


def _drawing(options: ImageOptions, quality: str, prices: Prices, load: _Load) -> Decimal | None:
    price = prices.image(options.model)
    tokens = _drawn_tokens(price, options.size, quality, dearest=load.dearest)
    seen = None if price is None else load.seen(price)
    if price is None or tokens is None or seen is None:
        return None
    drafts = options.partial_images
    if load.dearest and drafts:
        drafts += 1  # as many more were recorded (wire.md 0.2)
    drawn = (tokens + drafts * price.partial_tokens) * price.output_image
    if not load.dearest:
        read = load.words * price.input_text + seen * price.input_image
        return (drawn + read) / MILLION
    # where a server does not tell words from pictures, all that it read is billed as pictures
    read = (load.words + seen) * max(price.input_text, price.input_image)
    remarks = _REMARKS * (price.output_text or Decimal(0)) if load.pictures else Decimal(0)
    return (drawn + read + remarks) / MILLION


def _reading(prices: Prices, model: str | None, load: _Load) -> Decimal | None:
    """The text model's side of a turn, with what a turn costs beside its words."""
    if model is None:
        return Decimal(0)
    price = prices.text(model)
    seen = None if price is None else load.seen(price)
    if price is None or seen is None:
        return None
    read = price.turn_input + load.words + seen
    written = price.turn_output * (_THOUGHT.get(load.effort or "", 1) if load.dearest else 1)
    return (read * price.input + written * price.output) / MILLION


def _copies(options: ImageOptions) -> int | None:
    """``n`` is no field of the tool, but some gateways take it (C11)."""
    value = options.tool_options.get("n", 1)
    return value if isinstance(value, int) and value > 0 else None


def _drawn_tokens(
    price: ImagePrice | None, size: str, quality: str, *, dearest: bool
) -> Decimal | None:
    """Output tokens of one picture; ``auto`` stands for every size and every quality there is."""
    if price is None or price.drawn is None:
        return None
    return _pick(price.drawn.all_for(size, quality), dearest=dearest)


def _pick(amounts: Iterable[Decimal], *, dearest: bool) -> Decimal | None:
    return (max if dearest else min)(amounts, default=None)


# ── after ────────────────────────────────────────────────────────────────────────────────────


def cost_of(
    usage: Usage,
    *,
    prices: Prices,
    image_model: str | None,
    model: str | None,
    reported: Cost | None = None,
    rendered: Sequence[Rendering] = (),
) -> Cost:
    """What an answer cost; :func:`bill` without its lines."""
    return bill(
        usage,
        prices=prices,
        image_model=image_model,
        model=model,
        reported=reported,
        rendered=rendered,
    ).cost


def bill(
    usage: Usage,
    *,
    prices: Prices,
    image_model: str | None,
    model: str | None,
    reported: Cost | None = None,
    rendered: Sequence[Rendering] = (),
) -> Bill:
    """What an answer cost, by the best evidence there is.

    A cost the server reports wins (``reported``), unless what it counted comes to more than twice
    as much: LiteLLM reports a turn without its picture. Else the price per picture, where the table has
    one (``per_image``); else the tokens (``usage``); where pictures came without their tokens, as
    from gateways that drop ``tool_usage``, what such pictures take (``estimate``). ``rendered``
    holds one entry per delivered picture. A reported 0 is how gateways say that they have no price
    for the model, so it is not believed. ``model=None``: the Images API, no text model took part.
    ``image_model=None``: nothing was drawn (a question, an answer in words); without it, image tokens
    that nobody counted leave the sum unknown.
    """
    if prices.per_image:
        own = _total((_by_picture(prices.per_image, rendered),), prices, "per_image")
    else:
        own = _by_tokens(usage, prices, image_model, model, rendered)
    if reported is None or reported.amount is None or reported.amount <= 0:
        return own
    if doubts := _doubts(reported, own.cost):
        return replace(own, notices=(*own.notices, *doubts))
    cost = reported.model_copy(update={"basis": "reported"})
    return Bill(cost, (Part("reported by the server", cost.amount),))


def _by_tokens(
    usage: Usage,
    prices: Prices,
    image_model: str | None,
    model: str | None,
    rendered: Sequence[Rendering],
) -> Bill:
    parts = () if model is None else (_text_part(usage.text, prices, model),)
    count, name = _count(usage.image), image_model or "the image model"
    if not parts and count is None and not rendered:
        # nobody counted anything: an empty sum would pass for a known 0 and free the reservation
        return Bill(Cost(currency=prices.currency))
    if count is None and rendered:
        return _total((*parts, _by_rendering(prices, name, rendered)), prices, "estimate")
    if image_model is None and (count is None or count.read + count.written == 0):
        return _total(parts, prices, "usage")
    return _total((*parts, _image_part(usage.image, prices, name)), prices, "usage")


def _total(parts: Sequence[Part], prices: Prices, basis: Basis) -> Bill:
    scaled = tuple(
        part if part.amount is None else replace(part, amount=part.amount * prices.multiplier)
        for part in parts
    )
    notices = tuple(part.why for part in scaled if part.why)
    known = [part.amount for part in scaled if part.amount is not None]
    if len(known) < len(scaled):
        return Bill(Cost(currency=prices.currency), scaled, notices)
    cost = Cost(amount=sum(known, Decimal(0)), currency=prices.currency, basis=basis)
    return Bill(cost, scaled, notices)


def _doubts(reported: Cost, own: Cost) -> tuple[str, ...]:
    """Libraries and gateways were measured to report 105 times too little: without the picture."""
    if own.amount is None or reported.amount is None or own.currency != reported.currency:
        return ()
    if own.amount <= 2 * reported.amount:
        return ()
    told = f"the server reported {reported.amount} {reported.currency}"
    return (f"{told}; what it counted comes to {own.amount} {own.currency}, which is booked",)


def _by_picture(table: PerImage, rendered: Sequence[Rendering]) -> Part:
    if not rendered:
        return Part("pictures", None, "priced per picture, and no picture came")
    found = [
        _pick(table.all_for(one.size or "auto", one.quality or "auto"), dearest=True)
        for one in rendered
    ]
    return _sum("pictures", found, missing="there is no price for a picture of this size")


def _by_rendering(prices: Prices, image_model: str, rendered: Sequence[Rendering]) -> Part:
    uncounted = f"the server did not count the tokens of {image_model}"
    price = prices.image(image_model)
    tokens = [
        _drawn_tokens(price, one.size or "auto", one.quality or "auto", dearest=True)
        for one in rendered
    ]
    part = _sum(f"{image_model}, drawn", tokens, missing=uncounted)
    if price is None or part.amount is None:
        return part
    return replace(
        part,
        amount=part.amount * price.output_image / MILLION,
        why=f"{uncounted}; the picture is estimated",
    )


def _sum(label: str, amounts: Sequence[Decimal | None], *, missing: str) -> Part:
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts):
        return Part(label, None, missing)
    return Part(label, sum(known, Decimal(0)))


@dataclass(frozen=True, slots=True)
class _Count:
    """Token counts that can be true."""

    read: int
    read_text: int
    cached: int
    written: int
    written_text: int


def _count(tokens: Tokens | None) -> _Count | None:
    """``None``: not counted, or counted below 0. Parts never exceed their whole."""
    if tokens is None or tokens.input is None or tokens.output is None:
        return None
    if any(count is not None and count < 0 for _, count in tokens):
        return None
    text = min(tokens.input_text or 0, tokens.input)
    return _Count(
        read=tokens.input,
        read_text=text,
        cached=min(tokens.cached_input or 0, tokens.input),
        written=tokens.output,
        written_text=min(tokens.output_text or 0, tokens.output),
    )


def _text_part(tokens: Tokens | None, prices: Prices, model: str) -> Part:
    label, count, price = f"{model}, text", _count(tokens), prices.text(model)
    if count is None:
        return Part(label, None, f"the server did not count the text tokens of {model}")
    if price is None:
        return Part(label, None, f"text tokens of {model} are not priced in {prices.label}")
    amount = (
        (count.read - count.cached) * price.input
        + count.cached * price.cached_input
        + count.written * price.output
    )
    return Part(label, amount / MILLION)


def _image_part(tokens: Tokens | None, prices: Prices, image_model: str) -> Part:
    label, count, price = f"{image_model}, drawn", _count(tokens), prices.image(image_model)
    if count is None:
        return Part(label, None, f"the server did not count the tokens of {image_model}")
    if price is None or (count.written_text and price.output_text is None):
        return Part(label, None, f"tokens of {image_model} are not priced in {prices.label}")
    cached = min(count.cached, count.read_text)
    amount = (
        (count.read_text - cached) * price.input_text
        + cached * price.cached_input_text
        # what is not said to be text is taken for picture, the dearer of the two
        + (count.read - count.read_text) * price.input_image
        + (count.written - count.written_text) * price.output_image
        + count.written_text * (price.output_text or Decimal(0))
    )
    return Part(label, amount / MILLION)
