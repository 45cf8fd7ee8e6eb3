"""Setting a poster: readable on any picture, inside its places, and nothing else touched."""

from __future__ import annotations

import io
from pathlib import Path
from typing import get_args

import pytest
from PIL import Image, ImageChops

from agent.poster.brief import Brief, Line
from agent.poster.contrast import ratio
from agent.poster.elements import (
    Composed,
    LogoElement,
    PanelElement,
    QRElement,
    TextElement,
)
from agent.poster.filling import load_brief
from agent.poster.glyphs import runs_of
from agent.poster.layout import Layout, layout_for
from agent.poster.lettering import compose, cover, covering, delivered
from agent.poster.marks import MarkError
from agent.poster.metadata import FileKind
from agent.poster.sizes import SizeSpec
from agent.typeset.blocks import lay
from agent.typeset.setting import Type, measure

from .posters import (
    BANNER,
    CARD,
    MADE,
    SIZES,
    SQUARE,
    STORY,
    brief_of,
    crowd,
    logo_file,
    plain,
    png,
)

DARK, LIGHT, MIDDLE = (24, 26, 48), (238, 232, 220), (128, 120, 110)


def made(
    picture: bytes, size: SizeSpec, brief: Brief | None = None, *, locale: str = "en"
) -> Composed:
    brief = brief or brief_of()
    return compose(picture, brief, layout_for(brief, size), locale)


def texts(composed: Composed) -> dict[str, TextElement]:
    return {one.line_id: one for one in composed.elements if isinstance(one, TextElement)}


def panels(composed: Composed) -> list[PanelElement]:
    return [one for one in composed.elements if isinstance(one, PanelElement)]


def missed(composed: Composed) -> list[str]:
    """Checks that did not pass, but for the palette: a picture of one colour has no other."""
    return [one.message for one in composed.checks if not one.passed and one.name != "palette"]


# ── readable ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("locale", ["en", "zh"])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
@pytest.mark.parametrize("ground", ["dark", "light", "middle", "crowd"])
def test_every_text_is_readable_and_in_its_place(ground: str, size: SizeSpec, locale: str) -> None:
    colours = {"dark": DARK, "light": LIGHT, "middle": MIDDLE}
    picture = plain(size.canvas, colours[ground]) if ground in colours else crowd(size.canvas)
    composed = made(picture, size, locale=locale)
    assert missed(composed) == []
    assert len(texts(composed)) == 7
    for text in texts(composed).values():
        assert text.contrast >= text.needed


def test_a_calm_dark_picture_is_left_without_a_wash() -> None:
    composed = made(plain(STORY.canvas, DARK), STORY)
    assert panels(composed) == []
    assert ratio(texts(composed)["title"].ink, DARK) > 10


def test_light_ink_stands_on_dark_and_dark_ink_on_light() -> None:
    on_dark = texts(made(plain(SQUARE.canvas, DARK), SQUARE))["place"].ink
    on_light = texts(made(plain(SQUARE.canvas, LIGHT), SQUARE))["place"].ink
    assert sum(on_dark) > 600
    assert sum(on_light) < 150


def test_an_unquiet_picture_gets_a_wash_under_its_texts() -> None:
    composed = made(crowd(STORY.canvas), STORY)
    assert panels(composed)
    assert {line for panel in panels(composed) for line in panel.lines} == set(texts(composed))


def test_dates_and_prices_take_one_accent_of_the_palette_where_it_reads() -> None:
    found = texts(made(plain(STORY.canvas, DARK), STORY))
    assert found["date"].ink == found["time"].ink == found["price"].ink == (255, 207, 122)
    assert found["place"].ink not in {(255, 207, 122), (228, 87, 46)}


def test_of_a_list_only_the_figures_take_the_accent() -> None:
    brief = brief_of(locales=("en",))
    rows = tuple(
        Line(id=f"row{i}", role=role, text={"en": text}, lettering="set")
        for i, (role, text) in enumerate(
            [("date", "2 Oct | Hamburg | Fabrik"), ("price", "Wool coat | was 349 | €199")]
        )
    )
    brief = brief.model_copy(update={"lines": (brief.title, *rows)})
    composed = made(plain(STORY.canvas, DARK), STORY, brief)
    found = [one for one in composed.elements if isinstance(one, TextElement)]
    accented = {one.text for one in found if one.ink == (255, 207, 122)}
    assert accented == {"2 Oct", "€199"}


def test_an_accent_that_would_not_read_is_not_taken() -> None:
    found = texts(made(plain(STORY.canvas, (120, 30, 20)), STORY))
    assert found["date"].ink != (228, 87, 46)


def test_contrast_is_reckoned_from_the_finished_pixels_under_the_text() -> None:
    composed = made(plain(STORY.canvas, DARK), STORY)
    place = texts(composed)["place"]
    assert place.contrast == pytest.approx(ratio(place.ink, DARK), abs=0.01)


# ── in their places ──────────────────────────────────────────────────────────────────────────


def test_the_ink_of_a_line_stands_on_the_edge_of_its_box() -> None:
    composed = made(plain(STORY.canvas, DARK), STORY)
    edge = round(layout_for(brief_of(), STORY).placed("title")[0].box.x0 * STORY.trim[0])
    for name in ("title", "subtitle", "place", "contact"):
        assert texts(composed)[name].box_px[0] == pytest.approx(edge, abs=2)


def test_figures_under_each_other_line_up() -> None:
    kind = Type("sans", 640)

    def pens(text: str, *, tabular: bool) -> list[float]:
        laid = lay(text, kind, (900, 90), largest=60)
        (run,) = runs_of(laid, (0, 0), 900, kind, align="right", tabular=tabular)
        return [glyph.x for glyph in run.glyphs]

    ones, noughts = (pens(text, tabular=True) for text in ("11.11 x", "00.00 x"))
    for place in (2, 5, 6):
        assert ones[place] == pytest.approx(noughts[place], abs=0.01)
    assert pens("11.11 x", tabular=False)[2] != pytest.approx(noughts[2], abs=2)


MENU = """
title: Grüner
date: 2–16 janvier
lettering: set
lines:
  - {role: price, text: "Melange | 4,80 €"}
  - {role: price, text: "Häferlkaffee | 5,10 €"}
  - {role: price, text: "Eierspeis mit Kürbiskernöl | 1,11 €"}
  - {role: contact, text: "Reservierung: 0512 / 11 11 11 | limner.example"}
sizes: [640x800, square, a4, 1000x400, 105x148mm@150+3]
"""


@pytest.mark.parametrize("place", range(5))
def test_prices_of_a_column_take_equal_room_on_every_size_and_a_date_is_set_as_text(
    place: int,
) -> None:
    brief = load_brief(MENU, name="menu.yaml")
    layout = layout_for(brief, brief.sizes[place])
    poster = compose(plain((640, 800), (20, 20, 30)), brief, layout, "en")

    spans = {}
    for one in poster.elements:
        if isinstance(one, TextElement) and one.text.endswith("€"):
            glyphs = one.runs[0].glyphs
            spans[one.text] = round(glyphs[-1].x - glyphs[1].x, 1)
        if isinstance(one, TextElement) and one.role in ("date", "contact"):
            first, last = one.runs[0].glyphs[0], one.runs[0].glyphs[-1]
            kind, size = one.kind_of_type, one.size_px
            whole = measure(one.text, kind, size) - measure(last.char, kind, size)
            assert last.x - first.x == pytest.approx(whole, abs=0.5)

    assert len(spans) == 3
    assert len(set(spans.values())) == 1


def test_a_short_chinese_title_stands_upright_one_character_under_the_other() -> None:
    brief = brief_of(locales=("zh",), painted=())
    layout = layout_for(brief, CARD)
    placed = layout.placed("title")[0]
    composed = compose(plain(CARD.canvas, DARK), brief, layout, "zh")
    glyphs = texts(composed)["title"].runs[0].glyphs
    assert "".join(glyph.char for glyph in glyphs) == "夜市音樂會"
    if placed.direction == "down":
        assert [glyph.y for glyph in glyphs] == sorted({glyph.y for glyph in glyphs})
        assert max(glyph.x for glyph in glyphs) - min(glyph.x for glyph in glyphs) < 4
    assert missed(composed) == []


def test_paper_keeps_its_texts_inside_the_trim_and_the_picture_runs_to_the_bleed() -> None:
    composed = made(plain(CARD.canvas, DARK), CARD)
    assert composed.image.size == CARD.canvas
    assert composed.trimmed().size == CARD.trim
    for text in texts(composed).values():
        assert text.box_px[0] > CARD.bleed
        assert text.box_px[3] < CARD.canvas[1] - CARD.bleed


def test_a_picture_is_covered_from_its_middle_and_never_stretched() -> None:
    assert cover((1000, 1000), (500, 1000)) == pytest.approx((0.25, 0, 0.75, 1))
    assert cover((1000, 1000), (1000, 500)) == pytest.approx((0, 0.25, 1, 0.75))
    picture = Image.new("RGB", (1000, 1000), (255, 0, 0))
    picture.paste((0, 255, 0), (250, 0, 750, 1000))
    out = io.BytesIO()
    picture.save(out, "PNG")
    image, crop, size = covering(out.getvalue(), SizeSpec(name="x", pixels=(300, 600)))
    assert size == (1000, 1000)
    assert crop.width == pytest.approx(0.5)
    assert image.getpixel((8, 300)) == (0, 255, 0)
    assert image.getpixel((292, 300)) == (0, 255, 0)


# ── and nothing else touched ─────────────────────────────────────────────────────────────────


def test_outside_texts_and_washes_the_picture_is_as_it_came() -> None:
    picture = crowd(SQUARE.canvas, 8)
    composed = made(picture, SQUARE)
    with Image.open(io.BytesIO(picture)) as before:
        apart = ImageChops.difference(composed.image, before.convert("RGB"))
    for one in composed.elements:
        x0, y0, x1, y1 = one.box_px
        if isinstance(one, PanelElement):
            left, top, right, bottom = one.wash.reach
            x0, y0, x1, y1 = x0 - left, y0 - top, x1 + right, y1 + bottom
        apart.paste((0, 0, 0), (x0 - 2, y0 - 2, x1 + 2, y1 + 2))
    assert apart.getbbox() is None


def test_the_same_poster_is_the_same_pixels() -> None:
    first, second = (made(crowd(STORY.canvas), STORY) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()
    assert first.elements == second.elements


def test_painted_lines_are_left_to_the_model() -> None:
    brief = brief_of(locales=("en",), painted=("title", "subtitle"))
    composed = made(plain(STORY.canvas, DARK), STORY, brief)
    assert not {"title", "subtitle"} & set(texts(composed))


# ── a painted line that came out wrong is set instead ────────────────────────────────────────


def _painted(size: SizeSpec) -> tuple[Brief, Layout, bytes]:
    """A picture on which wrong words, pure magenta, stand where the title was asked for."""
    brief = brief_of(locales=("en",), painted=("title", "subtitle"), sizes=(size,))
    layout = layout_for(brief, size)
    image = Image.new("RGB", size.canvas, DARK)
    for name, colour in (("title", (255, 0, 255)), ("subtitle", (0, 255, 0))):
        x0, y0, x1, y1 = layout.placed(name)[0].box.pixels(size.trim)
        bleed = size.bleed
        image.paste(colour, (x0 + bleed, y0 + bleed, x1 + bleed, y1 + bleed))
    out = io.BytesIO()
    image.save(out, "PNG")
    return brief, layout, out.getvalue()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_a_line_set_instead_hides_every_pixel_of_the_painted_one(size: SizeSpec) -> None:
    brief, layout, picture = _painted(size)
    composed = compose(picture, brief, layout, "en", instead=["title"])
    assert "title" in texts(composed)
    assert missed(composed) == []
    left = composed.image.getcolors(1 << 24) or []
    assert (255, 0, 255) not in [colour for _, colour in left]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_it_also_hides_tails_that_stick_out_of_their_box(size: SizeSpec) -> None:
    brief, layout, _ = _painted(size)
    x0, _, _, y1 = layout.placed("title")[0].box.pixels(size.trim)
    beside = min(p.box.pixels(size.trim)[1] for p in layout.lines if p.line_id != "title")
    end = min(y1 + round(0.02 * size.trim[1]), beside)
    place = (x0 + size.bleed, y1 + size.bleed, x0 + size.bleed + 20, end + size.bleed)
    sheet = Image.new("RGB", size.canvas, DARK)
    sheet.paste((255, 0, 255), place)
    composed = compose(png(sheet), brief, layout, "en", instead=["title"])
    _, green, _ = (high for _, high in composed.image.crop(place).getextrema())  # type: ignore[misc]
    red, _, _ = (high for _, high in composed.image.crop(place).getextrema())  # type: ignore[misc]
    ground = composed.image.getpixel((place[2] + 3, place[3] - 2))
    assert isinstance(ground, tuple)
    assert end > y1
    assert abs(red - ground[0]) < 12
    assert abs(green - ground[1]) < 12


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_it_does_not_hide_the_painted_line_beside_it(size: SizeSpec) -> None:
    brief, layout, picture = _painted(size)
    composed = compose(picture, brief, layout, "en", instead=["title"])
    x0, y0, x1, y1 = layout.placed("subtitle")[0].box.pixels(size.trim)
    middle = ((x0 + x1) // 2 + size.bleed, (y0 + y1) // 2 + size.bleed)
    assert composed.image.getpixel(middle) == (0, 255, 0)


# ── logo, code and the file ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_logo_and_code_are_read_again_from_the_delivered_file(
    size: SizeSpec, tmp_path: Path
) -> None:
    brief = brief_of(logo=logo_file(tmp_path), code=True)
    composed = made(crowd(size.canvas), size, brief)
    kinds = {type(one) for one in composed.elements}
    assert {LogoElement, QRElement} <= kinds
    assert missed(composed) == []
    kinds_of_file: tuple[FileKind, ...] = ("png", "webp")
    for kind in kinds_of_file:
        data = delivered(composed, kind, MADE)
        with Image.open(io.BytesIO(data)) as finished:
            assert finished.size == size.trim


def test_a_kind_of_file_that_changes_the_logo_is_refused(tmp_path: Path) -> None:
    composed = made(crowd(SQUARE.canvas), SQUARE, brief_of(logo=logo_file(tmp_path)))
    with pytest.raises(MarkError, match="not the one of the brief"):
        delivered(composed, "jpeg", MADE)


@pytest.mark.parametrize("kind", get_args(FileKind))
def test_a_poster_without_marks_may_be_any_kind_of_file(kind: FileKind) -> None:
    assert delivered(made(plain(BANNER.canvas, DARK), BANNER), kind, MADE)


def test_transparent_pictures_are_laid_on_white() -> None:
    clear = io.BytesIO()
    Image.new("RGBA", SQUARE.canvas, (0, 0, 0, 0)).save(clear, "PNG")
    composed = made(clear.getvalue(), SQUARE)
    assert composed.image.getpixel((1, 300)) == (255, 255, 255)


def test_a_palette_that_is_not_in_the_picture_is_told() -> None:
    composed = made(plain(SQUARE.canvas, (10, 120, 40)), SQUARE)
    told = next(check for check in composed.checks if check.name == "palette")
    assert not told.passed
    assert told.value is not None
    assert told.value > 45


def test_a_picture_in_another_shape_than_asked_is_told() -> None:
    composed = made(crowd((900, 600)), STORY)
    told = next(check for check in composed.checks if check.name == "size")
    assert not told.passed
    assert "came in another shape" in told.message
