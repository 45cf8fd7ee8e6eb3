"""Write the tables of docs/gateways.md from the dialects themselves.

    python docs/make_gateways.py

Everything between the two marks is replaced; the words around them are written by hand.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from agent.doctor.setup import facts  # noqa: E402
from agent.upstream.dialects import DIALECTS  # noqa: E402

PAGE = HERE / "gateways.md"
BEGIN, END = "<!-- dialects: begin -->\n", "<!-- dialects: end -->\n"


def tables() -> str:
    """One table per dialect: every fact that is no default or has evidence."""
    parts = []
    for dialect in DIALECTS.values():
        hosts = f" — {', '.join(dialect.hosts)}" if dialect.hosts else ""
        rows = [f"| {name} | {value} | {why} |" for name, value, why in facts(dialect)]
        table = ["| fact | value | evidence |", "|---|---|---|", *rows] if rows else []
        none = [] if rows else ["Nothing optional is known, so nothing optional is tried."]
        parts.append("\n".join([f"### {dialect.name}{hosts}", "", *table, *none, ""]))
    return "\n".join(parts) + "\n"


def page(text: str) -> str:
    """The page with fresh tables."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables()}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text("utf-8")), "utf-8")
