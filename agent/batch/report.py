"""``report.html`` of a batch: every poster, how it stands, and the command for what to do about it.

The page asks no host for anything; its thumbnails lie beside it, and are fetched as they are seen.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Final

from PIL import Image

from ..poster.report import STYLE
from .standing import BatchNote, CellNote, CellState, Decision, Standing

NAME: Final = "report.html"
THUMBS: Final = "thumbs"
_THUMB: Final = (460, 520)
Money = tuple[Decimal | None, Decimal | None, str]
"""(spent, reserved or possibly billed, currency); ``None``: not known."""
_WORDS: Final[Mapping[CellState, str]] = {
    "planned": "not made yet",
    "bought": "bought, not set yet",
    "proved": "proved",
    "needs-person": "needs a person",
    "approved": "approved",
    "rejected": "rejected",
    "stale": "made by an older Limner",
    "parked": "parked",
    "refused": "refused",
}
_TONE: Final[Mapping[CellState, str]] = {
    "planned": "parked",
    "bought": "parked",
    "proved": "proved",
    "needs-person": "needs-person",
    "approved": "proved",
    "rejected": "refused",
    "stale": "parked",
    "parked": "parked",
    "refused": "refused",
}
"""Which colour of the poster report a state has."""
_MORE: Final = """
button{font:inherit;font-size:.8125rem;padding:3px 10px;margin:8px 6px 0 0;border-radius:8px;
border:1px solid var(--line);background:transparent;color:inherit;cursor:pointer}
button:hover,button:focus-visible{border-color:var(--dim)}
nav a{color:inherit;margin-right:14px}.only{margin:14px 0 0}.only label{margin-right:14px}
/* a page of thousands: what is out of sight is not laid out */
.card{content-visibility:auto;contain-intrinsic-size:auto 560px}
@media print{button,nav,.only{display:none}}
"""
_SCRIPT: Final = """
document.addEventListener('click',async(event)=>{const button=event.target.closest('[data-copy]');
if(!button)return;const text=button.dataset.copy;try{await navigator.clipboard.writeText(text)}
catch{window.prompt('Copy this:',text);return}
const before=button.textContent;button.textContent='copied';
setTimeout(()=>{button.textContent=before},1200)});
document.addEventListener('change',(event)=>{if(event.target.name!=='state')return;
for(const card of document.querySelectorAll('.card'))card.hidden=event.target.value!=='all'&&
card.dataset.state!==event.target.value});
"""


PAGE_END: Final = f"</main><script>{_SCRIPT}</script></body></html>\n"
"""After the cards of every brief."""


def page_begin(head: BatchNote, counts: Mapping[CellState, int], money: Money) -> str:
    """The page up to its first card."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(head.name)} · batch</title>"
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{STYLE}{_MORE}</style></head>'
        f"<body><main>{_head(head, counts, money)}"
    )


def brief_cards(
    head: BatchNote,
    brief: str,
    standings: Sequence[Standing],
    cells: Mapping[str, CellNote],
    decisions: Mapping[str, Decision],
) -> str:
    """The posters of one brief; their thumbnails are made. Runs in a thread."""
    folder = Path(head.out)
    cards = "".join(
        _card(head, one, _thumb(folder, one.name, cells.get(one.name)), decisions.get(one.name))
        for one in standings
    )
    return f'<h2 id="{escape(brief)}">{escape(brief)}</h2><section class="grid">{cards}</section>\n'


def _head(head: BatchNote, counts: Mapping[CellState, int], money: Money) -> str:
    spent, reserved, currency = money
    facts = [(str(number), _WORDS[state]) for state, number in counts.items()]
    facts.append((_amount(spent, currency), "spent"))
    if reserved:
        facts.append((_amount(reserved, currency), "under way, or nobody knows"))
    listed = "".join(f"<li><b>{escape(value)}</b>{escape(what)}</li>" for value, what in facts)
    radios = "".join(
        f'<label><input type="radio" name="state" value="{value}"{checked}> {escape(text)}</label>'
        for value, text, checked in [
            ("all", "all", " checked"),
            *((state, _WORDS[state], "") for state in counts),
        ]
    )
    return (
        f'<header><h1>{escape(head.name)}</h1><p class="dim">{sum(counts.values())} posters</p>'
        f'<ul class="facts">{listed}</ul><div class="only">{radios}</div></header>'
    )


def _amount(amount: Decimal | None, currency: str) -> str:
    return "not known" if amount is None else f"{amount:.2f} {currency}".strip()


def _card(head: BatchNote, one: Standing, thumb: str, decision: Decision | None) -> str:
    picture = (
        f'<img loading="lazy" alt="{escape(one.name)}" src="{escape(thumb)}">'
        if thumb
        else '<div class="none">no picture</div>'
    )
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in one.reasons)
    judged = one.by is not None and decision is not None
    by = f" by {escape(one.by or '')}" if judged else ""
    files = " · ".join(f'<a href="{escape(file)}">{escape(file)}</a>' for file in one.files)
    buttons = "".join(
        f'<button type="button" data-copy="{escape(command)}">{escape(label)}</button>'
        for label, command in commands(head.name, one)
    )
    return (
        f'<article class="card" data-state="{one.state}">{picture}<h3>{escape(one.name)}</h3>'
        f'<p><span class="tag {_TONE[one.state]}">{escape(_WORDS[one.state])}</span>{by}</p>'
        + (f'<ul class="small">{reasons}</ul>' if reasons else "")
        + (f'<p class="small dim">{files}</p>' if files else "")
        + f"{buttons}</article>"
    )


def commands(batch: str, one: Standing) -> Iterator[tuple[str, str]]:
    """(label, command) of what can be done about a poster."""
    name, of = shlex.quote(one.name), f"--batch {shlex.quote(batch)}"
    if one.state in ("planned", "bought", "parked"):
        yield "make", f"limner batch run {of}"
        return
    if one.state == "refused":
        return
    if one.state != "approved":
        yield "approve", f"limner batch approve {of} {name}"
    if one.state != "rejected":
        yield "reject", f'limner batch reject {of} {name} --reason ""'
    yield "redo", f'limner batch redo {of} {name} ""'
    yield "accept a file", f"limner batch accept {of} {name} FILE"


def _thumb(folder: Path, name: str, note: CellNote | None) -> str:
    """Relative to the folder; empty without a picture. Made once for the same bytes."""
    files = note.record.files if note else ()
    file = next((one for one in files if one.kind == "picture"), None)
    if file is None:
        return ""
    place = folder / THUMBS / f"{file.sha256[:32]}.webp"
    if not place.exists():
        try:
            with Image.open(folder / name.partition("/")[0] / file.path) as picture:
                small = picture.convert("RGB")
                small.thumbnail(_THUMB, Image.Resampling.LANCZOS, reducing_gap=2.0)
        except OSError:
            return ""
        place.parent.mkdir(parents=True, exist_ok=True)
        small.save(place, "WEBP", quality=78, method=4)
    return place.relative_to(folder).as_posix()
