"""``report.html``: one file with everything in it, for eyes and for paper.

No script, and no request to any host: pictures are inside as data, styles too.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Final

from PIL import Image

from ..schema import Cost
from .brief import Brief
from .plan import Plan
from .proof import LineProof, Proof, folded
from .records import Made, PosterRecord

_THUMB: Final = (460, 520)
_WORDS: Final = {
    "proved": "proved",
    "needs-person": "needs a person",
    "refused": "refused",
    "parked": "parked",
    "failed": "failed",
    "budget": "over budget",
    "planned": "not made yet",
}
_HOW: Final = {
    "painted": "painted by the model, read back twice",
    "set": "set by Limner, byte-true",
    "set-instead": "set by Limner in place of what was painted",
}

STYLE: Final = """
:root{color-scheme:light dark;--bg:#f6f5f2;--card:#fff;--ink:#1d1e22;--dim:#63646c;--line:#dcdad4;
--good:#17693f;--good-bg:#dff3e6;--bad:#a31c1c;--bad-bg:#fbe3e1;--wait:#7a4b00;--wait-bg:#fbeccb}
@media (prefers-color-scheme:dark){:root{--bg:#16171a;--card:#1f2025;--ink:#ececf0;--dim:#a2a3ac;
--line:#35363d;--good:#8fe0b0;--good-bg:#173a28;--bad:#ffb0a8;--bad-bg:#4a1c1a;--wait:#ffd78a;
--wait-bg:#44330f}}
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Noto Sans SC",sans-serif}
main{max-width:1180px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:2rem;line-height:1.15;margin:0 0 4px}h2{font-size:1.25rem;margin:40px 0 12px}
h3{font-size:1rem;margin:0 0 6px;overflow-wrap:anywhere}
p{margin:0 0 8px}.dim{color:var(--dim)}.small{font-size:.875rem}
.facts{display:flex;flex-wrap:wrap;gap:8px 28px;margin:16px 0 0;padding:0;list-style:none}
.facts b{display:block;font-size:1.2rem}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:20px;align-items:start}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:14px;
break-inside:avoid}
.card img{display:block;max-width:100%;max-height:420px;margin:0 auto 12px;border-radius:6px;
outline:1px solid var(--line)}
.none{display:grid;place-items:center;height:160px;margin:0 0 12px;border:1px dashed var(--line);
border-radius:6px;color:var(--dim)}
.tag{display:inline-block;white-space:nowrap;padding:1px 9px;border-radius:99px;font-size:.8125rem;font-weight:600}
.proved{background:var(--good-bg);color:var(--good)}
.refused,.failed{background:var(--bad-bg);color:var(--bad)}
.needs-person,.parked,.budget,.planned{background:var(--wait-bg);color:var(--wait)}
ul{margin:6px 0 0;padding-left:20px}.tree ul{list-style:none;border-left:2px solid var(--line);
margin-left:8px;padding-left:14px}.tree,.tree li{list-style:none}.tree{padding:0}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.875rem}
th,td{text-align:left;vertical-align:top;padding:6px 10px;border-bottom:1px solid var(--line)}
th{color:var(--dim);font-weight:600;white-space:nowrap}td code{white-space:nowrap}
mark{background:var(--bad-bg);color:var(--bad);border-radius:3px;padding:0 2px;font-weight:700}
code{font-size:.875em;overflow-wrap:anywhere}details{margin-top:8px}summary{cursor:pointer}
@media print{:root{--bg:#fff;--card:#fff;--ink:#000;--dim:#444;--line:#bbb}main{padding:0}
.card{box-shadow:none}details>*{display:block}}
"""


def report_of(
    brief: Brief,
    plan: Plan,
    records: Sequence[PosterRecord],
    folder: Path,
    spent: Decimal | None,
) -> str:
    """The page. Thumbnails are made from the delivered files in ``folder``."""
    title = _title(brief)
    body = "".join(
        (
            _head(brief, plan, records, spent),
            _posters(records, folder),
            _pictures(records),
            _read(records),
        )
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}'
        ' · posters</title><meta name="viewport" content="width=device-width,initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<style>{STYLE}</style></head><body><main>{body}</main></body></html>\n"
    )


def _title(brief: Brief) -> str:
    return brief.title.text[brief.locales[0]].replace("|", " ")


# ── head ─────────────────────────────────────────────────────────────────────────────────────


def _head(brief: Brief, plan: Plan, records: Sequence[PosterRecord], spent: Decimal | None) -> str:
    proved = sum(record.status == "proved" for record in records)
    facts = [
        (f"{proved} of {len(records)}", "posters proved"),
        (str(len(plan.pictures)), "pictures bought for them" if spent else "pictures"),
        (_money(Cost(amount=spent, currency=plan.cheapest.currency)), "spent on this folder"),
        (_range(plan.cheapest, plan.dearest), "planned"),
    ]
    listed = "".join(f"<li><b>{escape(value)}</b>{escape(what)}</li>" for value, what in facts)
    warnings = "".join(f"<li>{escape(text)}</li>" for text in plan.warnings)
    offline = (
        '<p class="dim">Drawn offline by Limner\'s own artist, which is no model.</p>'
        if any(record.offline for record in records)
        else ""
    )
    told = f'<ul class="small dim">{warnings}</ul>' if warnings else ""
    return (
        f"<header><h1>{escape(_title(brief))}</h1>"
        f'<p class="dim">{escape(brief.name)} · {escape(", ".join(brief.locales))} · '
        f"{escape(', '.join(spec.name for spec in brief.sizes))}</p>{offline}"
        f'<ul class="facts">{listed}</ul>{told}</header>'
    )


def _range(low: Cost, high: Cost) -> str:
    return _money(low) if low == high else f"{_money(low)} – {_money(high)}"


def _money(cost: Cost) -> str:
    return "not known" if cost.amount is None else f"{cost.amount:.2f} {cost.currency}"


# ── posters ──────────────────────────────────────────────────────────────────────────────────


def _posters(records: Sequence[PosterRecord], folder: Path) -> str:
    cards = "".join(_card(record, folder) for record in records)
    return f'<h2>Posters</h2><section class="grid">{cards}</section>'


def _card(record: PosterRecord, folder: Path) -> str:
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in record.reasons)
    files = " · ".join(f"<code>{escape(one.path)}</code>" for one in record.files)
    lines = "".join(
        f"<li><b>{escape(line)}</b>: {escape(_HOW[how])}</li>"
        for line, how in record.lettering.items()
    )
    checks = "".join(
        f"<li>{'✓' if check.passed else '✗'} {escape(check.message)}</li>"
        for check in record.checks
    )
    return (
        f'<article class="card">{_thumb(record, folder)}<h3>{escape(record.name)}</h3>'
        f"<p>{_tag(record.status)}</p>"
        + (f'<ul class="small">{reasons}</ul>' if reasons else "")
        + (f'<p class="small dim">{files}</p>' if files else "")
        + f'<details class="small"><summary>Lettering and checks</summary><ul>{lines}</ul>'
        f"<ul>{checks}</ul></details></article>"
    )


def _tag(status: str) -> str:
    return f'<span class="tag {escape(status)}">{escape(_WORDS[status])}</span>'


def _thumb(record: PosterRecord, folder: Path) -> str:
    source = next((one for one in record.files if one.kind == "picture"), None)
    data = _small(folder / source.path) if source else None
    if data is None:
        return '<div class="none">no picture</div>'
    coded = base64.b64encode(data).decode("ascii")
    return f'<img alt="{escape(record.name)}" src="data:image/webp;base64,{coded}">'


def _small(path: Path) -> bytes | None:
    try:
        with Image.open(path) as picture:
            small = picture.convert("RGB")
            small.thumbnail(_THUMB, Image.Resampling.LANCZOS, reducing_gap=2.0)
    except OSError:
        return None
    out = io.BytesIO()
    small.save(out, "WEBP", quality=78, method=4)
    return out.getvalue()


# ── pictures ─────────────────────────────────────────────────────────────────────────────────


def _made(records: Sequence[PosterRecord]) -> dict[str, Made]:
    return {record.picture.picture: record.picture for record in records}


def _pictures(records: Sequence[PosterRecord]) -> str:
    made = _made(records)
    rows = "".join(_row(one) for one in made.values())
    tree = "".join(_branch(made, None))
    return (
        '<h2>Pictures</h2><div class="scroll"><table><thead><tr><th>Picture</th><th>State</th>'
        "<th>Asked for</th><th>Came</th><th>Repairs</th><th>Cost</th><th>Attempts</th></tr>"
        f"</thead><tbody>{rows}</tbody></table></div>"
        f'<h2>What came from what</h2><ul class="tree">{tree}</ul>'
    )


def _row(made: Made) -> str:
    requested, actual = made.requested, made.actual
    wanted = " ".join(
        filter(None, (requested.size, requested.quality, requested.format, requested.model))
    )
    got = " ".join(filter(None, (actual.size, actual.quality, actual.format, actual.model)))
    told = [*([made.failure.message] if made.failure else []), *made.notes]
    failure = "".join(f'<br><span class="dim">{escape(text)}</span>' for text in told)
    cells = (
        f"<code>{escape(made.picture)}</code>",
        f"{_tag(made.status)}{failure}",
        escape(wanted or "–"),
        escape(got or "–"),
        str(made.repairs),
        f"<code>{escape(_money(made.cost))}</code>",
        "<br>".join(f"<code>{escape(one)}</code>" for one in made.attempts) or "–",
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _branch(made: dict[str, Made], lead: str | None) -> Iterator[str]:
    """Each picture with its own steps, and under it those that follow its look."""
    for one in made.values():
        under = one.lead if one.lead in made else None
        if under != lead:
            continue
        steps = "".join(
            f"<li><code>{escape(image)}</code> {_step(one, place)}</li>"
            for place, image in enumerate(one.history)
        )
        inner = "".join(_branch(made, one.picture))
        role = "sets the look" if lead is None else "another size of it"
        yield (
            f"<li><b>{escape(one.picture)}</b> <span class='dim'>{role}</span>"
            + (f"<ul>{steps}{inner}</ul>" if steps or inner else "")
            + "</li>"
        )


def _step(made: Made, place: int) -> str:
    came = made.history.index(made.bought) if made.bought in made.history else 0
    if place <= came:
        again = "asked for once more, without lettering that nobody wanted"
        return again if place else "as it was bought"
    return "one line painted again" if (place - came) % 2 else "only its box taken over"


# ── what was read ────────────────────────────────────────────────────────────────────────────


def _read(records: Sequence[PosterRecord]) -> str:
    rows = "".join(
        row
        for made in _made(records).values()
        for proof in made.proofs
        for row in (
            *(_line(made, line, last=proof is made.proof) for line in proof.lines),
            _whole(made, proof),
        )
    )
    if not rows:
        return '<h2>What was read</h2><p class="dim">Nothing: no picture came.</p>'
    return (
        '<h2>What was read</h2><p class="dim small">By a reader who was not told the words, each '
        "time with a control of ours: painted words twice, and every picture for lettering that "
        "nobody asked for. Characters that are not those of the brief are marked.</p>"
        '<div class="scroll"><table><thead><tr><th>Picture</th><th>Line</th><th>Asked for</th>'
        "<th>Read</th><th>Read again</th><th>Result</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _whole(made: Made, proof: Proof) -> str:
    """Of the picture as a whole: what stands there besides."""
    if not proof.believed:
        result = f"not known: {escape(proof.problem)}"
    else:
        result = "lettering that nobody asked for" if proof.unexpected else "none found"
    asked = "no other lettering" if proof.lines else "no lettering"
    found = "<br>".join(f"<mark>{escape(text)}</mark>" for text in proof.unexpected) or "–"
    cells = (f"<code>{escape(made.picture)}</code>", "all of it", asked, found, "", result)
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _line(made: Made, line: LineProof, *, last: bool) -> str:
    readings = [*line.readings, "", ""][:2]
    result = escape(line.verdict) + (f": {escape(line.reason)}" if line.reason else "")
    if last and line.line_id in made.instead:
        result += "; set instead"
    elif not last and line.verdict in ("wrong", "missing"):
        result += "; painted again"
    cells = (
        f"<code>{escape(made.picture)}</code>",
        escape(line.line_id),
        escape(line.text),
        *(marked(line.text, reading) for reading in readings),
        result,
    )
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def marked(asked: str, read: str) -> str:
    """What was read as HTML, the characters that are not those asked for in ``<mark>``."""
    from difflib import SequenceMatcher

    caps = asked == asked.upper()
    keys = [folded(char, caps=caps) for char in read]
    places = [place for place, key in enumerate(keys) if key]
    seen = "".join(keys[place][:1] for place in places)
    wrong: set[int] = set()
    for kind, _, _, b0, b1 in SequenceMatcher(
        None, folded(asked, caps=caps), seen, autojunk=False
    ).get_opcodes():
        if kind == "delete" and places:
            wrong.add(places[min(b0, len(places) - 1)])
        elif kind != "equal":
            wrong.update(places[b0:b1])
    return (
        "".join(
            f"<mark>{escape(char)}</mark>" if place in wrong else escape(char)
            for place, char in enumerate(read)
        ).replace("\n", "<br>")
        or "–"
    )
