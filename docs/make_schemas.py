"""Write the JSON Schemas of everything that `limner … --json` prints, one file per kind of line.

    python docs/make_schemas.py

`event.json` describes each line of a turn, `brief.json` a brief as people write it; the others are lines of listings, told apart by `type`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from pydantic import TypeAdapter  # noqa: E402

from agent import policies  # noqa: E402
from agent.batch import events as batch_events  # noqa: E402
from agent.batch import standing as batch  # noqa: E402
from agent.doctor import report  # noqa: E402
from agent.doors.cli import ledger_records, records  # noqa: E402
from agent.events import EVENT  # noqa: E402
from agent.poster import checked, written  # noqa: E402
from agent.poster import records as posters  # noqa: E402

FOLDER = HERE / "schemas"
KINDS: dict[str, TypeAdapter[Any]] = {
    "event": EVENT,
    "session": TypeAdapter(records.SessionRecord),
    "turn": TypeAdapter(records.TurnRecord),
    "image": TypeAdapter(records.ImageRecord),
    "attempt": TypeAdapter(records.AttemptRecord),
    "verdict": TypeAdapter(records.VerdictRecord),
    "node": TypeAdapter(records.NodeRecord),
    "setting": TypeAdapter(records.SettingRecord),
    "ledger.sum": TypeAdapter(ledger_records.SumRecord),
    "ledger.attempt": TypeAdapter(ledger_records.EntryRecord),
    "ledger.unsettled": TypeAdapter(ledger_records.UnsettledRecord),
    "ledger.verdict": TypeAdapter(ledger_records.ScreenedRecord),
    "policy.rule": TypeAdapter(policies.RuleRecord),
    "policy.mismatch": TypeAdapter(policies.Mismatch),
    "policy.test": TypeAdapter(policies.Tried),
    "check": TypeAdapter(report.Check),
    "probe": TypeAdapter(report.Probed),
    "case": TypeAdapter(report.Case),
    "brief.check": TypeAdapter(checked.BriefCheck),
    "poster": TypeAdapter(posters.PosterRecord),
    "poster.event": posters.POSTER_EVENT,
    "poster.plan": TypeAdapter(posters.PlanRecord),
    "batch.event": batch_events.BATCH_EVENT,
    "batch.cell": TypeAdapter(batch.Standing),
}


def schema(kind: TypeAdapter[Any]) -> dict[str, object]:
    """Every field is always printed, so every field is required."""
    made = kind.json_schema(mode="serialization")
    for node in (made, *made.get("$defs", {}).values()):
        if node.get("additionalProperties") is False:
            node["required"] = sorted(node["properties"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def texts() -> dict[str, str]:
    """File name → what it has to hold."""
    found = {name: schema(kind) for name, kind in KINDS.items()}
    found["brief"] = written.schema()
    return {
        f"{name}.json": json.dumps(made, indent=2, ensure_ascii=False) + "\n"
        for name, made in found.items()
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in texts().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
