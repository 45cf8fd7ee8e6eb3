"""What is said of a server has evidence, and a stranger is trusted with nothing."""

from __future__ import annotations

from dataclasses import fields

import pytest

from agent.errors import SettingsError
from agent.traffic import Dialect
from agent.upstream.dialects import DIALECTS, dialect_for, dialect_named
from agent.upstream.failures import judge
from agent.wire.faults import Fault

from .serving import Standing

PLAIN = {"name", "hosts", "evidence"}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_every_fact_that_is_no_default_has_evidence(dialect: Dialect) -> None:
    careful = Dialect(name=dialect.name)
    said = {
        field.name
        for field in fields(Dialect)
        if field.name not in PLAIN and getattr(dialect, field.name) != getattr(careful, field.name)
    }

    assert said <= {name for name, _ in dialect.evidence}
    assert all(source for _, source in dialect.evidence)
    assert {name for name, _ in dialect.evidence} <= {field.name for field in fields(Dialect)}


def test_the_names_promised_from_day_one_are_there() -> None:
    promised = "openai sub2api new-api 3hei hingnet litellm offline generic"

    assert set(promised.split()) <= set(DIALECTS)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://API.OpenAI.com", "openai"),
        ("https://api.openai.com.evil.example/v1", "generic"),
        ("https://api.3hei.com", "3hei"),
        ("http://127.0.0.1:8080/v1", "generic"),
        ("nonsense", "generic"),
    ],
)
def test_a_host_has_its_dialect_and_a_stranger_the_careful_one(url: str, name: str) -> None:
    assert dialect_for(url).name == name


def test_a_dialect_set_by_hand_outranks_the_host() -> None:
    assert dialect_for("https://api.openai.com/v1", "sub2api").name == "sub2api"


def test_no_host_belongs_to_two_dialects() -> None:
    hosts = [host for dialect in DIALECTS.values() for host in dialect.hosts]

    assert len(hosts) == len(set(hosts))


def test_the_careful_dialect_has_proved_nothing() -> None:
    assert DIALECTS["generic"] == Dialect(name="generic", evidence=DIALECTS["generic"].evidence)


def test_an_unknown_dialect_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(SettingsError, match="No dialect is called 'opneai'") as caught:
        dialect_named("opneai")

    assert "openai" in caught.value.hint


def test_an_error_that_may_hide_a_refusal_says_so_where_that_is_known() -> None:
    fault = Fault(status=502, type="upstream_error", message="Upstream request failed")

    def hint(name: str) -> str:
        return judge(fault, DIALECTS[name], clock=Standing(), streamed=False).hint

    assert "hides refusals" in hint("sub2api")
    assert "hides refusals" not in hint("openai")


def test_an_error_raised_before_any_channel_was_called_is_free_on_new_api_alone() -> None:
    fault = Fault(status=503, code="channel:no_available_key", message="no key")

    def billed(name: str) -> str:
        return judge(fault, DIALECTS[name], clock=Standing(), streamed=False).billed

    assert (billed("new-api"), billed("generic")) == ("no", "possibly")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_nothing_promises_stored_answers_without_a_probe(dialect: Dialect) -> None:
    assert dialect.stores_responses is False
