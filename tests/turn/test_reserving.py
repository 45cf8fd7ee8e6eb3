"""What is reserved before a request is never less than what is booked after it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.offline.tokens import (
    PARTIAL,
    Bill,
    input_picture_tokens,
    output_picture_tokens,
    text_tokens,
)
from agent.schema import ImageOptions, Rendering, Usage
from agent.turn.capabilities import size_problems
from agent.turn.pricing import Prices, bill, estimate, load_prices, weight
from agent.turn.prompts import prices_text
from agent.wire.parts import usage

OPENAI = load_prices(prices_text("openai"), name="openai")
WORDY = load_prices(
    """
kind = "tokens"
currency = "USD"
multiplier = 1.3
[text."gpt-5.5"]
input = 5
output = 30
turn_input = 2300
turn_output = 700
picture = { patch = 32, most = 10000, tokens = 1.2 }
[image.wordy]
input_text = 5
input_image = 8
output_image = 32
output_text = 10
picture = { patch = 32, most = 1536, tokens = 1, grown_to = 1024 }
drawn = { steps = { low = 16, medium = 48, high = 96 }, offset = 2000000, divisor = 4000000, auto = ["2880x2880", "1024x1024"] }
""",
    name="wordy",
)
"""With a model that also writes, and bills it (wire.md 5)."""
SHOP = load_prices(
    """
kind = "per_image"
currency = "CNY"
multiplier = 1.1
[per_image."1024x1024"]
low = 0.05
medium = 0.25
high = 0.90
[per_image."*"]
low = 0.10
"*" = 1.20
""",
    name="shop",
)
EDGES = st.integers(1, 240).map(lambda n: n * 16)
SIZES = st.tuples(EDGES, EDGES).filter(lambda size: not size_problems(*size))
QUALITIES = st.sampled_from(["low", "medium", "high"])
INPUTS = st.lists(st.tuples(st.integers(1, 9000), st.integers(1, 9000)), max_size=3)
WORDS = st.text(st.sampled_from("a kite, 夜市é\U0001f3ee"), max_size=300)
"""Three quarters of a token to each of these at most, as tokenizers in use count them."""


def as_booked(
    prices: Prices, model: str | None, image_model: str, used: Usage, drawn: Rendering
) -> Decimal:
    cost = bill(used, prices=prices, image_model=image_model, model=model, rendered=[drawn]).cost
    assert cost.basis in ("usage", "per_image")
    assert cost.amount is not None
    return cost.amount


def reserved(options: ImageOptions, prices: Prices, **known: object) -> Decimal:
    cost = estimate(options, prices=prices, **known)  # type: ignore[arg-type]
    assert cost.amount is not None
    return cost.amount


@pytest.mark.parametrize(
    ("prices", "image_model"), [(OPENAI, "gpt-image-2"), (WORDY, "wordy")], ids=["openai", "wordy"]
)
@given(
    size=SIZES,
    quality=QUALITIES,
    auto=st.tuples(st.booleans(), st.booleans()),
    inputs=INPUTS,
    partials=st.integers(0, 3),
    words=WORDS,
    text_out=st.integers(0, 700),
    model=st.sampled_from(["gpt-5.5", None]),
    split=st.booleans(),
)
def test_by_tokens_for_every_legal_request(
    prices: Prices,
    image_model: str,
    size: tuple[int, int],
    quality: str,
    auto: tuple[bool, bool],
    inputs: list[tuple[int, int]],
    partials: int,
    words: str,
    text_out: int,
    model: str | None,
    split: bool,
) -> None:
    """``split``: whether the server tells the tokens of words from those of pictures (D18)."""
    label = f"{size[0]}x{size[1]}"
    options = ImageOptions.model_validate(
        {
            "model": image_model,
            "size": "auto" if auto[0] else label,
            "quality": "auto" if auto[1] else quality,
            "partial_images": partials,
        }
    )
    read = sum(map(input_picture_tokens, inputs))
    told = Bill(
        text_in=2279 + text_tokens(words),
        text_out=text_out,
        pictures_in=read,
        tool_text_in=text_tokens(words),
        tool_pictures_in=read,
        tool_out=output_picture_tokens(size, quality) + PARTIAL * (partials + bool(partials)),
    )
    image = dict(told.image_usage())
    if not split:
        image.pop("input_tokens_details")
    used = usage({"usage": told.usage(), "tool_usage": {"image_gen": image}})

    most = reserved(options, prices, input_images=inputs, prompt_chars=weight([words]), model=model)

    booked = as_booked(prices, model, image_model, used, Rendering(size=label, quality=quality))
    assert booked <= most + rounding(prices)


def rounding(prices: Prices) -> Decimal:
    """A word of one letter is a whole token: one token for each of the two models."""
    return 2 * Decimal(8) / 1_000_000 * prices.multiplier


@given(size=SIZES, quality=QUALITIES, auto=st.tuples(st.booleans(), st.booleans()))
def test_by_picture_for_every_legal_request(
    size: tuple[int, int], quality: str, auto: tuple[bool, bool]
) -> None:
    label = f"{size[0]}x{size[1]}"
    options = ImageOptions.model_validate(
        {"size": "auto" if auto[0] else label, "quality": "auto" if auto[1] else quality}
    )

    booked = as_booked(SHOP, "gpt-5.5", "any", Usage(), Rendering(size=label, quality=quality))

    assert booked <= reserved(options, SHOP)


@given(size=SIZES, quality=QUALITIES)
def test_the_artist_counts_a_picture_as_the_price_table_does(
    size: tuple[int, int], quality: str
) -> None:
    """Else an estimate tried against it would prove nothing."""
    price = OPENAI.image("gpt-image-2")
    assume(price is not None)
    assert price is not None
    assert price.drawn is not None
    [counted] = price.drawn.all_for(f"{size[0]}x{size[1]}", quality)

    assert output_picture_tokens(size, quality) == counted


def test_what_a_model_writes_beside_an_edit_is_reserved_where_it_is_sold() -> None:
    options = ImageOptions(model="wordy")
    edit = reserved(options, WORDY, input_images=[(1024, 1024)], model=None)
    used = usage(
        {
            "tool_usage": {
                "image_gen": {
                    "input_tokens": 1024,
                    "output_tokens": 1756 + 308,
                    "output_tokens_details": {"image_tokens": 1756, "text_tokens": 308},
                }
            }
        }
    )

    booked = as_booked(WORDY, None, "wordy", used, Rendering(size="1024x1024", quality="medium"))

    assert booked <= edit
