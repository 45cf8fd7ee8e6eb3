from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import SettingsError
from agent.schema import Cost, ImageOptions, Rendering, Tokens, Usage
from agent.traffic import Dialect, Profile
from agent.turn.capabilities import size_problems
from agent.turn.pricing import (
    PICTURE_MARGIN,
    Bill,
    Prices,
    bill,
    cost_of,
    estimate,
    estimate_question,
    load_prices,
    prices_for,
    weight,
)
from agent.turn.prompts import prices_text

OPENAI = load_prices(prices_text("openai"), name="openai")
UNKNOWN = Cost()


def usd(amount: str, basis: str = "estimate") -> Cost:
    return Cost.model_validate({"amount": Decimal(amount), "basis": basis})


def per_image(rows: str, head: str = "") -> Prices:
    return load_prices(f'kind = "per_image"\ncurrency = "CNY"\n{head}\n{rows}', name="shop")


# ── before ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("size", "quality", "display", "tokens"),
    [
        ("1024x1024", "low", "0.006", 196),
        ("1024x1024", "medium", "0.053", 1756),
        ("1024x1024", "high", "0.211", 7024),
        ("1024x1536", "low", "0.005", 158),
        ("1536x1024", "medium", "0.041", 1372),
        ("1536x1024", "high", "0.165", 5488),
    ],
)
def test_a_picture_alone_costs_what_the_price_page_displays(
    size: str, quality: str, display: str, tokens: int
) -> None:
    """R47; the 196 and 7024 tokens are recorded (wire.md 0.6, peers.md 6B)."""
    options = ImageOptions.model_validate({"size": size, "quality": quality})
    cost = estimate(options, prices=OPENAI, model=None)
    assert cost == usd(str(Decimal(tokens) * 30 / 1_000_000))
    assert cost.amount is not None
    assert cost.amount.quantize(Decimal("0.001")) == Decimal(display)


def test_the_text_model_and_every_partial_add_to_it() -> None:
    alone = estimate(ImageOptions(), prices=OPENAI, model=None).amount
    turn = estimate(ImageOptions(), prices=OPENAI).amount
    partials = estimate(ImageOptions(partial_images=3), prices=OPENAI).amount
    assert alone is not None
    assert turn == alone + Decimal(2300) * 5 / 1_000_000 + Decimal(700) * 30 / 1_000_000
    assert partials == turn + Decimal(400) * 30 / 1_000_000, "one more comes than was asked for"
    counted = estimate(ImageOptions(partial_images=3), prices=OPENAI, dearest=False).amount
    assert counted == turn + Decimal(300) * 30 / 1_000_000


def test_words_are_read_by_both_models_and_may_be_billed_as_pictures_by_one() -> None:
    def of(chars: int, *, dearest: bool) -> Decimal:
        cost = estimate(ImageOptions(), prices=OPENAI, prompt_chars=chars, dearest=dearest)
        assert cost.amount is not None
        return cost.amount

    dear = of(32_000, dearest=True) - of(0, dearest=True)
    cheap = of(32_000, dearest=False) - of(0, dearest=False)
    assert dear == Decimal(16_000) * (5 + 8) / 1_000_000
    assert cheap == Decimal(16_000) * (5 + 5) / 1_000_000


def test_what_is_not_latin_weighs_its_bytes() -> None:
    assert weight(["night market", "夜市", "é"]) == 12 + 6 + 2


@pytest.mark.parametrize(("effort", "times"), [(None, 1), ("low", 1), ("high", 4), ("xhigh", 8)])
def test_more_reasoning_is_reserved_where_it_is_asked_for(effort: str | None, times: int) -> None:
    plain = estimate(ImageOptions(), prices=OPENAI).amount
    asked = estimate(ImageOptions(), prices=OPENAI, effort=effort).amount
    cheapest = estimate(ImageOptions(), prices=OPENAI, effort=effort, dearest=False).amount
    assert plain is not None
    assert asked == plain + (times - 1) * Decimal(700) * 30 / 1_000_000
    assert cheapest == plain


@pytest.mark.parametrize(
    ("size", "image_tokens", "text_tokens"),
    [
        ((1024, 1024), 1024, "1228.8"),
        ((512, 512), 1024, "307.2"),
        ((256, 256), 256, "76.8"),
        ((3840, 2160), 1536, "9792"),
        ((9000, 9000), 1536, "12000"),
        ((0, 0), 1536, "12000"),
    ],
)
def test_an_input_picture_is_counted_in_patches_by_both_models(
    size: tuple[int, int], image_tokens: int, text_tokens: str
) -> None:
    wanted = (Decimal(image_tokens) * 8 + Decimal(text_tokens) * 5) / 1_000_000
    for dearest, margin in ((False, Decimal(1)), (True, PICTURE_MARGIN)):
        without = estimate(ImageOptions(), prices=OPENAI, dearest=dearest).amount
        with_one = estimate(
            ImageOptions(), prices=OPENAI, input_images=[size], dearest=dearest
        ).amount
        assert without is not None
        assert with_one is not None
        assert with_one - without == wanted * margin


def test_auto_is_reserved_at_its_dearest_and_shown_as_a_range() -> None:
    auto = ImageOptions(size="auto", quality="auto")
    dearest = estimate(auto, prices=OPENAI, model=None)
    assert dearest == estimate(
        ImageOptions(size="2880x2880", quality="high"), prices=OPENAI, model=None
    )
    cheapest = estimate(auto, prices=OPENAI, model=None, dearest=False)
    assert cheapest == usd("0.00474")


@given(
    st.integers(1, 240).map(lambda n: n * 16),
    st.integers(1, 240).map(lambda n: n * 16),
    st.sampled_from(["low", "medium", "high"]),
)
def test_no_legal_picture_is_dearer_than_the_dearest(width: int, height: int, quality: str) -> None:
    if size_problems(width, height):
        return
    options = ImageOptions.model_validate({"size": f"{width}x{height}", "quality": quality})
    one = estimate(options, prices=OPENAI, model=None).amount
    most = estimate(ImageOptions(size="auto", quality="auto"), prices=OPENAI, model=None).amount
    assert one is not None
    assert most is not None
    assert 0 < one <= most


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({}, "some-other-model"),
        ({"model": "seedream-9"}, "gpt-5.5"),
        ({"model": "gpt-image-2.5-flare"}, "gpt-5.5"),
        ({"model": "gpt-image-1.5", "size": "1536x864"}, "gpt-5.5"),
        ({"tool_options": {"quality": "ultra"}}, "gpt-5.5"),
        ({"tool_options": {"n": "two"}}, "gpt-5.5"),
        ({"tool_options": {"n": -1}}, "gpt-5.5"),
        ({"size": "big"}, "gpt-5.5"),
    ],
)
def test_an_estimate_with_an_unknown_part_is_unknown_and_never_0(
    options: dict[str, object], model: str
) -> None:
    assert estimate(ImageOptions.model_validate(options), prices=OPENAI, model=model) == UNKNOWN


def test_input_pictures_are_unknown_where_the_table_does_not_count_them() -> None:
    old = ImageOptions(model="gpt-image-1.5", quality="low")
    assert estimate(old, prices=OPENAI, model=None) == usd(str(Decimal(272) * 32 / 1_000_000))
    assert estimate(old, prices=OPENAI, input_images=[(64, 64)]) == UNKNOWN
    blind = load_prices(
        'kind="tokens"\ncurrency="USD"\n[text.t]\ninput=1\noutput=1\n'
        "[image.i]\ninput_text=1\ninput_image=1\noutput_image=1\n"
        "picture={patch=32,most=9,tokens=1}\n"
        "[image.i.drawn.sizes]\n1024x1024={medium=5}",
        name="x",
    )
    options = ImageOptions(model="i")
    assert estimate(options, prices=blind, model="t").amount is not None
    assert estimate(options, prices=blind, model="t", input_images=[(9, 9)]) == UNKNOWN
    assert estimate(options, prices=blind, model=None, input_images=[(9, 9)]).amount is not None


def test_auto_on_an_older_model_is_the_dearest_of_its_listed_sizes() -> None:
    auto = ImageOptions(model="gpt-image-1.5", size="auto", quality="auto")
    assert estimate(auto, prices=OPENAI, model=None) == usd(str(Decimal(6240) * 32 / 1_000_000))


def test_several_pictures_by_a_gateways_n_cost_several_times() -> None:
    one = estimate(ImageOptions(), prices=OPENAI, model=None).amount
    four = estimate(ImageOptions(tool_options={"n": 4}), prices=OPENAI, model=None).amount
    assert one is not None
    assert four == 4 * one


# ── after ────────────────────────────────────────────────────────────────────────────────────

RECORDED = Usage(
    text=Tokens(input=2279, output=683, total=2962),
    image=Tokens(input=71, input_text=71, output=196, output_image=196, total=267),
)
"""Recorded 2026-09-29 (wire.md 0.6)."""


def billed(
    usage: Usage,
    *,
    prices: Prices = OPENAI,
    image_model: str | None = "gpt-image-2",
    model: str | None = "gpt-5.5",
    reported: Cost | None = None,
    rendered: tuple[Rendering, ...] = (),
) -> Bill:
    found = bill(
        usage,
        prices=prices,
        image_model=image_model,
        model=model,
        reported=reported,
        rendered=rendered,
    )
    assert found.cost == cost_of(
        usage,
        prices=prices,
        image_model=image_model,
        model=model,
        reported=reported,
        rendered=rendered,
    )
    return found


def test_the_recorded_turn_costs_both_models_tokens() -> None:
    found = billed(
        RECORDED, image_model="gpt-image-2-2026-04-21", model="openai/gpt-5.5-2026-04-23"
    )
    text = Decimal(2279 * 5 + 683 * 30) / 1_000_000
    image = Decimal(71 * 5 + 196 * 30) / 1_000_000
    assert [part.amount for part in found.parts] == [text, image]
    assert found.cost == usd(str(text + image), "usage")
    assert found.notices == ()


def test_cached_text_is_cheaper_and_never_more_than_all_of_it() -> None:
    def of(cached: int) -> Decimal | None:
        tokens = Tokens(input=1000, cached_input=cached, output=0)
        image = Tokens(input=1000, input_text=1000, cached_input=cached, output=0)
        return billed(Usage(text=tokens, image=image)).cost.amount

    assert of(0) == Decimal("0.01")
    assert of(1000) == Decimal("0.00175")
    assert of(9999) == of(1000)


def test_what_is_not_said_to_be_text_is_taken_for_picture() -> None:
    unsplit = billed(Usage(image=Tokens(input=1000, output=1000)), model=None)
    assert unsplit.cost == usd("0.038", "usage")
    split = Tokens(input=1000, input_text=200, input_image=800, output=1000)
    assert billed(Usage(image=split), model=None).cost == usd("0.0374", "usage")


def test_text_that_an_image_model_writes_is_priced_as_text_or_not_at_all() -> None:
    tokens = Tokens(input=0, output=1000, output_text=300, output_image=700)
    old = billed(Usage(image=tokens), image_model="gpt-image-1.5", model=None)
    assert old.cost == usd(str(Decimal(300 * 10 + 700 * 32) / 1_000_000), "usage")
    assert billed(Usage(image=tokens), model=None).cost == UNKNOWN


def test_an_unpriced_text_model_leaves_the_sum_unknown_and_the_picture_told() -> None:
    found = billed(RECORDED, model="gpt-7")
    assert found.cost == UNKNOWN
    assert found.notices == ("text tokens of gpt-7 are not priced in openai@2026-04-21",)
    assert [part.amount for part in found.parts] == [None, Decimal("0.006235")]


def test_an_unpriced_image_model_leaves_the_sum_unknown() -> None:
    found = billed(RECORDED, image_model="gpt-image-2-codex")
    assert found.cost == UNKNOWN
    assert found.notices == ("tokens of gpt-image-2-codex are not priced in openai@2026-04-21",)


@pytest.mark.parametrize(
    "text",
    [None, Tokens(), Tokens(input=5), Tokens(output=5), Tokens(input=-5, output=5)],
)
def test_text_tokens_missing_or_negative_leave_the_sum_unknown(text: Tokens | None) -> None:
    found = billed(Usage(text=text, image=RECORDED.image))
    assert found.cost == UNKNOWN
    assert found.notices == ("the server did not count the text tokens of gpt-5.5",)


@pytest.mark.parametrize("image", [None, Tokens(), Tokens(input=1, output=1, total=-2)])
def test_image_tokens_missing_or_negative_without_a_picture_are_unknown(
    image: Tokens | None,
) -> None:
    found = billed(Usage(text=RECORDED.text, image=image))
    assert found.cost == UNKNOWN
    assert found.notices == ("the server did not count the tokens of gpt-image-2",)


@pytest.mark.parametrize("image", [None, Tokens(input=0, output=0)])
def test_where_nothing_was_drawn_the_words_are_all_there_is_to_pay(image: Tokens | None) -> None:
    found = billed(Usage(text=RECORDED.text, image=image), image_model=None)
    assert found.cost == usd("0.031885", "usage")


def test_image_tokens_of_nobody_are_not_swallowed() -> None:
    assert billed(RECORDED, image_model=None).cost == UNKNOWN
    drawn = (Rendering(size="1024x1024", quality="low"),)
    assert billed(Usage(text=RECORDED.text), image_model=None, rendered=drawn).cost == UNKNOWN


def test_a_question_costs_what_the_text_model_reads_and_writes() -> None:
    asked = estimate_question(prices=OPENAI, model="gpt-5.5", chars=200, pictures=[(1024, 1024)])
    read = Decimal(2300) + 100 + Decimal("1228.8") * PICTURE_MARGIN
    assert asked == usd(str((read * 5 + 700 * 30) / 1_000_000))
    unpriced = estimate_question(prices=OPENAI, model="gpt-7", chars=200, pictures=[])
    assert unpriced == UNKNOWN


def test_the_built_in_artist_answers_a_question_for_a_known_0() -> None:
    free = load_prices(prices_text("offline"), name="offline")
    assert estimate_question(prices=free, model="gpt-5.5", chars=9, pictures=[]) == usd("0")


def test_pictures_without_their_tokens_are_estimated_from_what_was_drawn() -> None:
    drawn = (
        Rendering(size="1024x1024", quality="high"),
        Rendering(size="1024x1536", quality="low"),
    )
    found = billed(Usage(text=RECORDED.text), rendered=drawn)
    image = Decimal((7024 + 158) * 30) / 1_000_000
    assert found.cost == usd(str(Decimal("0.031885") + image))
    assert found.notices == (
        "the server did not count the tokens of gpt-image-2; the picture is estimated",
    )


@pytest.mark.parametrize(
    ("image_model", "drawn"),
    [
        ("gpt-image-2", Rendering(size="1254x1254", quality="ultra")),
        ("gpt-image-2", Rendering(size="0x0", quality="low")),
        ("gpt-image-2.6-flare", Rendering(size="1024x1024", quality="low")),
    ],
)
def test_a_picture_that_cannot_be_estimated_stays_unknown(
    image_model: str, drawn: Rendering
) -> None:
    assert billed(Usage(text=RECORDED.text), image_model=image_model, rendered=(drawn,)).cost == (
        UNKNOWN
    )


def test_a_picture_of_unknown_size_is_estimated_at_its_dearest() -> None:
    found = billed(Usage(), model=None, rendered=(Rendering(quality="low"),))
    assert found.cost == usd(str(Decimal(659) * 30 / 1_000_000))


# ── reported ─────────────────────────────────────────────────────────────────────────────────


def test_a_reported_cost_wins_in_its_own_currency() -> None:
    reported = Cost(amount=Decimal("0.31"), currency="CNY")
    found = billed(RECORDED, reported=reported)
    assert found.cost == Cost(amount=Decimal("0.31"), currency="CNY", basis="reported")
    assert found.notices == ()


def test_a_report_far_below_what_was_counted_is_doubted() -> None:
    high = Usage(
        text=Tokens(input=100, output=50), image=Tokens(input=71, input_text=71, output=7024)
    )
    found = billed(high, reported=usd("0.0020", "reported"))
    assert found.cost == usd("0.213075", "usage")
    assert found.notices == (
        "the server reported 0.0020 USD; what it counted comes to 0.213075 USD, which is booked",
    )


def test_a_report_near_what_was_counted_is_not_doubted() -> None:
    assert billed(RECORDED, reported=usd("0.03", "reported")).notices == ()
    assert billed(Usage(), reported=usd("0.03", "reported")).notices == ()


@pytest.mark.parametrize("amount", [None, Decimal(0), Decimal(-1)])
def test_a_report_of_nothing_is_not_believed(amount: Decimal | None) -> None:
    found = billed(RECORDED, reported=Cost(amount=amount, basis="reported"))
    assert found.cost == usd("0.038120", "usage")


# ── per picture ──────────────────────────────────────────────────────────────────────────────

ROWS = """
[per_image."1024x1024"]
low = 0.05
high = 0.80
[per_image."*"]
high = 1.20
"*" = 0.30
"""


@pytest.mark.parametrize(
    ("size", "quality", "amount"),
    [
        ("1024x1024", "low", "0.05"),
        ("1024x1024", "medium", None),
        ("3840x2160", "high", "1.20"),
        ("3840x2160", "medium", "0.30"),
        ("1024x1024", "auto", "0.80"),
        ("auto", "auto", "1.20"),
        ("auto", "low", "0.30"),
    ],
)
def test_a_price_per_picture_is_found_by_size_then_quality(
    size: str, quality: str, amount: str | None
) -> None:
    shop = per_image(ROWS)
    options = ImageOptions.model_validate({"size": size, "quality": quality})
    estimated = estimate(options, prices=shop, prompt_chars=900, input_images=[(9, 9)])
    after = billed(RECORDED, prices=shop, rendered=(Rendering(size=size, quality=quality),)).cost
    if amount is None:
        assert estimated == after == Cost(currency="CNY")
    else:
        assert estimated == Cost(amount=Decimal(amount), currency="CNY", basis="estimate")
        assert after == Cost(amount=Decimal(amount), currency="CNY", basis="per_image")


def test_the_multiplier_scales_every_price_but_not_a_report() -> None:
    shop = per_image(ROWS, "multiplier = 0.5")
    two = (Rendering(size="1024x1024", quality="low"), Rendering())
    assert billed(RECORDED, prices=shop, rendered=two).cost.amount == Decimal("0.625")
    assert estimate(ImageOptions(quality="high"), prices=shop).amount == Decimal("0.400")
    assert billed(RECORDED, prices=shop, reported=usd("9")).cost == usd("9", "reported")
    tokens = load_prices(
        prices_text("openai").replace("multiplier = 1", "multiplier = 0.1"), name="x"
    )
    assert billed(RECORDED, prices=tokens).cost.amount == Decimal("0.0038120")


def test_priced_per_picture_without_a_picture_is_unknown() -> None:
    found = billed(RECORDED, prices=per_image(ROWS))
    assert found.cost == Cost(currency="CNY")
    assert found.notices == ("priced per picture, and no picture came",)


def test_a_size_without_a_row_has_no_price() -> None:
    shop = per_image('[per_image."1024x1024"]\nlow = 0.05')
    found = billed(RECORDED, prices=shop, rendered=(Rendering(size="2048x1152"),))
    assert found.cost == Cost(currency="CNY")
    assert found.notices == ("there is no price for a picture of this size",)


def test_the_built_in_artist_costs_a_known_0() -> None:
    free = load_prices(prices_text("offline"), name="offline")
    assert estimate(ImageOptions(size="auto"), prices=free) == usd("0")
    assert billed(RECORDED, prices=free, rendered=(Rendering(),)).cost == usd("0", "per_image")


# ── reading tables ───────────────────────────────────────────────────────────────────────────

TOKENS = 'kind = "tokens"\ncurrency = "USD"\n'
IMAGE = "[image.i]\ninput_text = 1\ninput_image = 1\noutput_image = 1\n"


def test_a_table_without_a_date_goes_by_the_name_it_was_given() -> None:
    assert load_prices(TOKENS + IMAGE, name="mine").label == "mine"
    assert OPENAI.label == "openai@2026-04-21"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("kind = ", "is not TOML"),
        ('currency = "USD"', "kind must be one of tokens, per_image, not None"),
        ('kind = "free"\ncurrency = "USD"', "kind must be one of"),
        (TOKENS, "image has no prices"),
        ('kind = "per_image"\ncurrency = "USD"', "per_image has no prices"),
        ('kind = "tokens"\n' + IMAGE, "currency must be three capital letters, not None"),
        ('kind = "tokens"\ncurrency = "$"\n' + IMAGE, "currency must be three capital letters"),
        ('kind = "tokens"\ncurrency = "UDS"\n' + IMAGE, "is no currency of ISO 4217: 'UDS'; did"),
        (TOKENS + "multiplyer = 2\n" + IMAGE, "did you mean multiplier?"),
        (TOKENS + "zzz = 2\n" + IMAGE, "zzz is not a key of this table"),
        (TOKENS + "multiplier = -1\n" + IMAGE, "multiplier must be 0 or more, not -1"),
        (TOKENS + IMAGE + "output_text = nan\n", "image.i.output_text must be 0 or more, not NaN"),
        (TOKENS + IMAGE + "output_text = inf\n", "image.i.output_text must be 0 or more"),
        (TOKENS + IMAGE + "output_text = -0.1\n", "image.i.output_text must be 0 or more"),
        (TOKENS + IMAGE + "output_text = '1'\n", "image.i.output_text must be a number, not '1'"),
        (TOKENS + IMAGE + "output_text = true\n", "image.i.output_text must be a number"),
        (TOKENS + IMAGE + "output_txt = 1\n", "image.i.output_txt is not a key"),
        (TOKENS + "[image.i]\ninput_text = 1\ninput_image = 1", "image.i.output_image is missing"),
        (TOKENS + "[text.t]\ninput = 1", "text.t.output is missing"),
        (TOKENS + "text = 3\n" + IMAGE, "text must be a table, not 3"),
        (TOKENS + "[image]\ni = 3", "image.i must be a table, not 3"),
        (TOKENS + IMAGE + "picture = {patch = 0, most = 1, tokens = 1}", "patch must not be 0"),
        (TOKENS + IMAGE + "picture = {patch = 1.5, most = 1, tokens = 1}", "a whole number"),
        (TOKENS + IMAGE + "[image.i.drawn]\nauto = 'x'", "image.i.drawn.auto must be a list"),
        (TOKENS + IMAGE + "[image.i.drawn]\nauto = [3]", "image.i.drawn.auto must be a list"),
        (TOKENS + IMAGE + "[image.i.drawn.steps]\nlow = 1", "image.i.drawn.divisor is missing"),
        (TOKENS + IMAGE + "[per_image.'*']\nlow = 1", "per_image is not a key of this table"),
        ('kind="per_image"\ncurrency="USD"\n[per_image.a]\nlow=-1', "per_image.a.low must be 0"),
    ],
)
def test_a_wrong_table_is_told_by_its_key(text: str, reason: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_prices(text, name="mine")
    assert str(caught.value).startswith("price table mine: ")
    assert reason in str(caught.value)


def test_figures_keep_every_digit() -> None:
    shop = per_image("[per_image.'*']\n'*' = 0.1\n", "multiplier = 0.3")
    assert estimate(ImageOptions(), prices=shop).amount == Decimal("0.03")


def test_an_answer_that_nobody_counted_is_unknown_and_not_free() -> None:
    """An empty sum once passed for a known 0, and freed the reservation of what may be billed."""
    found = billed(Usage(), model=None, image_model=None)

    assert found.cost.amount is None


def shop_of(prices: str) -> Profile:
    return Profile(name="shop", base_url="", dialect=Dialect(name="generic"), prices=prices)


def test_a_table_of_ones_own_is_read_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(TOKENS + IMAGE)

    assert prices_for(shop_of("shop.toml"), folder=tmp_path).label.endswith("shop.toml")
    assert prices_for(shop_of("openai"), folder=tmp_path) == OPENAI


def test_a_table_larger_than_any_price_list_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text("# " + "a" * 300_000)
    with pytest.raises(SettingsError, match=r"profile shop: prices: .*shop\.toml is too large"):
        prices_for(shop_of("shop.toml"), folder=tmp_path)


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ("gone.toml", "cannot be read: No such file"),
        ("binary.toml", "cannot be read: it is no text in UTF-8"),
        ("free", "prices = 'free': "),
    ],
)
def test_a_table_that_is_not_there_is_told_with_its_profile(
    prices: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError) as caught:
        prices_for(shop_of(prices), folder=tmp_path)

    assert str(caught.value).startswith("profile shop: prices = ")
    assert reason in str(caught.value)
