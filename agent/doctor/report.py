"""What a doctor writes down: frozen lines, the same for a terminal and for ``--json``."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ..schema import AttemptId, Cost, Record

Status = Literal["ok", "note", "warning", "wrong"]
Area = Literal["program", "settings", "server", "store", "queue", "artist"]
Answer = Literal["yes", "no", "unknown"]


class Check(Record):
    """One thing looked at. ``wrong`` needs somebody's hand, ``warning`` may bite later."""

    type: Literal["check"] = "check"
    area: Area
    name: str
    status: Status
    text: str
    hint: str = ""
    key: bool = False
    """Whether what is wrong is the key or the access it gives (exit 4)."""


class Examination(Record):
    """Everything that was looked at, in order."""

    checks: tuple[Check, ...] = ()

    @property
    def exit_code(self) -> int:
        """0; 4 when the key is missing or refused; else 1 when anything is wrong."""
        wrong = [check for check in self.checks if check.status == "wrong"]
        if any(check.key for check in wrong):
            return 4
        return 1 if wrong else 0


class Probed(Record):
    """One thing tried on the server, for money."""

    type: Literal["probe"] = "probe"
    fact: str
    supported: Answer
    evidence: str
    attempts: tuple[AttemptId, ...] = ()
    cost: Cost = Cost()


class Difference(Record):
    """Something that did not come through a gateway as it went in."""

    kind: Literal[
        "dropped_field",
        "added_field",
        "changed_field",
        "lost_field",
        "lost_event",
        "added_event",
        "status",
        "error",
        "picture",
        "outcome",
        "calls",
        "request_id",
        "never_arrived",
    ]
    where: str
    sent: str = ""
    got: str = ""
    harmless: bool = False
    """What Limner does not depend on."""


class Case(Record):
    """One exchange through the gateway, against the same exchange without it."""

    type: Literal["case"] = "case"
    name: str
    about: str
    passed: bool
    differences: tuple[Difference, ...] = ()
    upstream_calls: int = 0
    """How often the gateway called its upstream for our one request."""
    elapsed_ms: int = Field(default=0, ge=0)
