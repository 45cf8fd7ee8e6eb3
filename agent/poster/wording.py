"""What a model is asked for, in words that a person would use.

The sentences about areas are fixed, so that the offline artist can obey them too. Percentages are
of the bought picture, which the bleed and the crop make a little larger than the trim.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..schema import PromptRef
from ..turn import prompts
from ..typeset.boxes import Box
from .brief import Brief, Lettering, Locale
from .layout import Layout, Placed, words_of
from .sizes import Bought, SizeSpec
from .styles import Family, family_of

_SHAPES: dict[Family, str] = {
    "tall": "tall and narrow",
    "portrait": "upright",
    "square": "square",
    "landscape": "wider than high",
    "wide": "very wide and low",
}
_FEELS = {
    "poster": "tall, narrow, heavy capitals",
    "bold": "heavy, plain letters",
    "classic": "letters with serifs",
    "plain": "plain letters without serifs",
}


def in_bought(box: Box, spec: SizeSpec, made: Bought) -> Box:
    """A box of the trim, in fractions of the bought picture."""
    return box.within(spec.trim_box).within(made.crop)


def span(box: Box) -> str:
    """``from 6% to 94% across and 5% to 24% down``."""
    x0, y0, x1, y1 = (round(100 * edge) for edge in box)
    return f"from {x0}% to {x1}% across and {y0}% to {y1}% down"


def calm(boxes: Sequence[Box]) -> str:
    """The sentence that keeps areas free for what is set; empty without any."""
    if not boxes:
        return ""
    areas = "; ".join(span(box) for box in boxes)
    return f"Leave these areas calm and empty, with no lettering and no figure in them: {areas}."


def painted(entries: Sequence[tuple[str, str, Box]]) -> str:
    """``"Night Market" as title from …; …``: the words, their role, their area."""
    return "; ".join(f"{quoted(words)} as {role} {span(box)}" for words, role, box in entries)


def quoted(words: str) -> str:
    """In straight quotation marks; those inside become curly, which no reader takes for the end."""
    pairs = words.split('"')
    inside = "".join(
        part + ("" if i == len(pairs) - 1 else "“" if i % 2 == 0 else "”")
        for i, part in enumerate(pairs)
    )
    return f'"{inside}"'


def painted_entries(
    brief: Brief, layout: Layout, made: Bought, locale: Locale
) -> tuple[tuple[str, str, Box], ...]:
    """(words, role, area of the bought picture) of every painted line."""
    return tuple(
        (words_of(brief, one, locale), one.role, in_bought(one.box, layout.size, made))
        for one in layout.lines
        if lettering_of(brief, one) == "painted" and words_of(brief, one, locale)
    )


def lettering_of(brief: Brief, placed: Placed) -> Lettering:
    """Of the line that stands in a box."""
    return brief.lettering_of(next(line for line in brief.lines if line.id == placed.line_id))


def picture_prompt(
    brief: Brief,
    layout: Layout,
    made: Bought,
    locale: Locale | None,
    *,
    follows: bool,
    variant: int = 1,
) -> tuple[str, PromptRef]:
    """The words for one picture. ``follows``: it is made from the first picture of its variant."""
    quiet = [in_bought(box, layout.size, made) for box in layout.quiet]
    words = _lettered(brief, layout, made, locale)
    name = "poster/variation" if follows else "poster/picture"
    text, ref = prompts.text(
        name,
        values={
            "shape": _SHAPES[family_of(layout.size.trim)],
            "motif": _sentence(brief.motif or brief.title.text[brief.locales[0]]),
            "look": _look(brief) + _apart(variant),
            "words": words,
            "calm": calm(quiet),
            "focal": span(in_bought(layout.focal, layout.size, made)),
            "palette": f"Palette: {', '.join(brief.palette)}.\n" if brief.palette else "",
            "must": _listed("It must show", brief.must),
            "avoid": _listed("Do not show", brief.avoid),
        },
    )
    return "\n".join(line for line in text.splitlines() if line.strip()), ref


def change_prompt(
    brief: Brief, layout: Layout, made: Bought, locale: Locale | None, wishes: Sequence[str]
) -> tuple[str, PromptRef]:
    """The words for a picture that is there already and is wanted otherwise."""
    quiet = [in_bought(box, layout.size, made) for box in layout.quiet]
    text, ref = prompts.text(
        "poster/change",
        values={
            "wishes": " ".join(map(_sentence, wishes)),
            "words": _lettered(brief, layout, made, locale),
            "calm": calm(quiet),
            "focal": span(in_bought(layout.focal, layout.size, made)),
        },
    )
    return "\n".join(line for line in text.splitlines() if line.strip()), ref


_QUOTED: Final = re.compile(r"[\"“„«「『]([^\"“”„«»「」『』]{1,80})[\"”“»」』]")
CLEAR: Final = (
    "Take away all writing, wherever it stands and however small it is, and let what is behind it "
    "show in its place; only words that are named below may stay"
)
"""The wish for a picture on which the model lettered what nobody asked for."""


def in_scene(brief: Brief, wishes: Sequence[str] = ()) -> tuple[str, ...]:
    """Words that are wanted in the picture itself: what is quoted where it is described."""
    told = (brief.motif, brief.notes, *brief.must, *wishes)
    return tuple(dict.fromkeys(words for text in told for words in _QUOTED.findall(text)))


def _lettered(brief: Brief, layout: Layout, made: Bought, locale: Locale | None) -> str:
    """What is painted and how, or that nothing is."""
    entries = painted_entries(brief, layout, made, locale) if locale else ()
    scene = "; ".join(map(quoted, in_scene(brief)))
    besides = f"In the scene itself no words but these: {scene}. " if scene else ""
    if not entries:
        return f"{besides or 'No lettering at all. '}No other lettering."
    return (
        f"Paint these words exactly as written, each in its own area: {painted(entries)}. "
        f"Set them in {_FEELS[brief.type]}, flush left. {besides}No other lettering."
    )


def _look(brief: Brief) -> str:
    tone = f" Tone: {_sentence(brief.tone)}" if brief.tone else ""
    return tone + (f" {_sentence(brief.notes)}" if brief.notes else "")


def _apart(variant: int) -> str:
    """Nothing for the first: two pictures asked for in the same words would be much the same."""
    if variant == 1:
        return ""
    return f" Variant {variant}: the same subject from another side, with a composition of its own."


def _listed(lead: str, items: Sequence[str]) -> str:
    return f"{lead}: {'; '.join(items)}.\n" if items else ""


def _sentence(text: str) -> str:
    """On one line, ended."""
    flat = " ".join(text.split())
    return flat if flat.endswith((".", "!", "?", "。", "！", "？")) else f"{flat}."
