"""What ``--json`` prints fits the schemas that ship."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest
from jsonschema import Draft202012Validator

from .conftest import Limner, Ran

DOCS = Path(__file__).resolve().parents[2] / "docs"


def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads((DOCS / "schemas" / f"{kind}.json").read_text()))


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_schemas", DOCS / "make_schemas.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_events(ran: Ran, *, turns: int = 1) -> None:
    """Each line fits, each turn has one end, and the last line is one."""
    events, records = validator("event"), ran.records
    for record in records:
        events.validate(record)
    ends = [r["type"] in ("turn.completed", "turn.refused", "turn.failed") for r in records]
    assert ends.count(True) == turns
    assert ends[-1]


def test_the_schemas_in_docs_are_those_of_the_models() -> None:
    wanted = maker().texts()

    found = {path.name: path.read_text() for path in (DOCS / "schemas").glob("*.json")}
    assert found == wanted, "run: python docs/make_schemas.py"


@pytest.mark.parametrize(
    "kind",
    ["event", "session", "turn", "image", "attempt", "verdict", "node", "check", "probe", "case"],
)
def test_the_schemas_are_schemas(kind: str) -> None:
    Draft202012Validator.check_schema(validator(kind).schema)


def test_a_turn_with_drafts_fits_and_names_files_that_are_there(draw: Limner) -> None:
    ran = draw("generate", "a kite", "--partial-images", "2", "--json")

    assert_events(ran)
    types = [record["type"] for record in ran.records]
    assert types[0] == "turn.started"
    assert "image.partial" in types
    assert types[-1] == "turn.completed"
    last = json.loads(ran.out.splitlines()[-1])
    path = Path(last["images"][0]["path"])
    assert path.is_absolute()
    assert path == Path("limner-out/kite-1.png").absolute()
    assert path.is_file()


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--fault", "moderation-400"), 3),
        (("--fault", "drop-after"), 7),
        (("--fault", "usage-limit"), 8),
        (("--fault", "401"), 4),
        (("--fault", "no-image"), 1),
        (("--fault", "two-images"), 0),
        (("--fault", "size-lowered"), 0),
        (("--size", "1x1"), 2),
        (("--bogus",), 2),
        (("--profile", "nope"), 2),
        (("--session", "nope"), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_every_end_fits(draw: Limner, args: tuple[str, ...], code: int) -> None:
    ran = draw("generate", "a kite", "--json", *args)

    assert ran.code == code
    assert_events(ran)


def test_several_turns_end_with_the_terminal_event_of_the_last(draw: Limner) -> None:
    ran = draw("generate", "a kite", "--json", "-n", "2")

    assert_events(ran, turns=2)


def test_listings_fit(draw: Limner, limner: Limner) -> None:
    draw("generate", "a kite")
    draw("edit", "make it night")

    listings = [
        limner("sessions", "--json"),
        limner("show", "--json"),
        limner("show", "@2", "--json"),
        limner("tree", "--json"),
        limner("check", "a kite", "--json"),
        limner("config", "show", "--json"),
    ]

    for listing in listings:
        assert listing.records
        for record in listing.records:
            validator(str(record["type"])).validate(record)


def test_the_doctor_fits(limner: Limner) -> None:
    found = limner("doctor", "--json").records
    tried = limner("doctor", "--probe", "--only", "draw", "--json").records

    assert ({r["type"] for r in found}, {r["type"] for r in tried}) == ({"check"}, {"probe"})
    for record in (*found, *tried):
        validator(str(record["type"])).validate(record)


def test_a_missing_field_would_be_noticed(limner: Limner) -> None:
    [record] = limner("check", "a kite", "--json").records

    assert not validator("verdict").is_valid({k: v for k, v in record.items() if k != "rule"})
    assert not validator("verdict").is_valid({**record, "extra": 1})
