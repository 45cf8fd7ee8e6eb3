"""``moderation`` goes out only where it is documented (R26)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from agent.schema import ImageOptions
from agent.traffic import Outgoing
from agent.upstream.dialects import DIALECTS
from agent.upstream.images import ImagesUpstream
from agent.upstream.responses import ResponsesUpstream

from .serving import OUTGOING, PROFILE, Standing

LOW = ImageOptions(moderation="low")


def sent(outgoing: Outgoing, dialect: str) -> tuple[Any, Any]:
    """The tool of a Responses request, and the body of one to the Images API."""
    profile = replace(PROFILE, dialect=DIALECTS[dialect])
    over_responses = ResponsesUpstream(profile, clock=Standing()).encode(outgoing)
    over_images = ImagesUpstream(profile, clock=Standing()).encode(outgoing)
    return json.loads(over_responses)["tools"][0], json.loads(over_images)


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_it_is_sent_only_where_it_is_documented(dialect: str) -> None:
    outgoing = replace(OUTGOING, options=LOW)

    for body in sent(outgoing, dialect):
        assert body.get("moderation") == (None if dialect == "generic" else "low")


def test_a_value_that_is_passed_through_goes_out_as_it_was_given() -> None:
    options = ImageOptions(tool_options={"moderation": "strict"})

    for body in sent(replace(OUTGOING, options=options), "generic"):
        assert body["moderation"] == "strict"
