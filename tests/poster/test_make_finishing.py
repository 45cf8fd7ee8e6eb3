"""What is laid on a picture may hide words that were proved on it: those are set as well."""

from __future__ import annotations

import io
from dataclasses import replace

from PIL import Image, ImageDraw

from agent.poster.elements import Composed, PanelElement
from agent.poster.finishing import hidden_lines
from agent.poster.layout import layout_for
from agent.poster.lettering import compose
from agent.poster.plan import Picture, plan_of
from agent.poster.washes import Wash, lay
from agent.turn import prompts
from agent.turn.tariff import load_prices

from .posters import STORY, brief_of

OPENAI = load_prices(prompts.prices_text("openai"), name="openai")
BRIEF = brief_of(locales=("en",), painted=("title", "subtitle"), sizes=(STORY,))


def picture() -> Picture:
    (one,) = plan_of(BRIEF, OPENAI).pictures
    return one


def striped(one: Picture) -> bytes:
    """Light strokes on dark where words are painted."""
    image = Image.new("RGB", one.buy.pixels, (20, 30, 60))
    pen = ImageDraw.Draw(image)
    for line in one.painted:
        x0, y0, x1, y1 = line.box.pixels(one.buy.pixels)
        for x in range(x0, x1, 12):
            pen.rectangle((x, y0, x + 5, y1), fill=(250, 245, 230))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def washed(alpha: float) -> tuple[Composed, Picture, bytes]:
    """A poster with one more wash, over the subtitle alone."""
    one = picture()
    data = striped(one)
    composed = compose(data, BRIEF, layout_for(BRIEF, STORY), "en")
    box = next(line.box for line in one.painted if line.line_id == "subtitle")
    wash = Wash(box.pixels(composed.image.size), (0, 0, 0, 0), (20, 30, 60), alpha)
    lay(composed.image, wash)
    return replace(composed, elements=(PanelElement(wash, ("price",)),)), one, data


def test_painted_words_under_an_opaque_panel_are_set_instead() -> None:
    composed, one, data = washed(1.0)

    assert hidden_lines(composed, one, data, ()) == ("subtitle",)


def test_painted_words_that_a_wash_takes_the_contrast_from_are_set_instead() -> None:
    composed, one, data = washed(0.6)

    assert hidden_lines(composed, one, data, ()) == ("subtitle",)


def test_painted_words_under_a_breath_of_colour_stay() -> None:
    composed, one, data = washed(0.1)

    assert hidden_lines(composed, one, data, ()) == ()


def test_lines_that_are_set_already_are_not_asked_for_again() -> None:
    composed, one, data = washed(1.0)

    assert hidden_lines(composed, one, data, ("subtitle",)) == ()
