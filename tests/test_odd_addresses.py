"""A picture given as an address of a kind that nobody should fetch."""

from __future__ import annotations

import pytest

from agent.schema import Via
from tests.test_bad_answers import Canned, Over, ended, item, over, response

__all__ = ["over"]

FILE = "file:///etc/hostname"


@pytest.mark.parametrize("given", [FILE, "ftp://files.example/kite.png"])
@pytest.mark.parametrize("via", ["responses", "images"])
async def test_it_is_told_as_what_it_is_and_may_be_billed(over: Over, via: Via, given: str) -> None:
    body = response(item(given)) if via == "responses" else {"created": 1, "data": [{"url": given}]}

    end = await ended(over, Canned(body), via=via)

    assert end.told.error is not None
    assert (end.told.error.code, end.attempt.billed) == ("malformed", "possibly")
    assert f"({given.partition(':')[0]}:)" in end.told.error.message
    assert "b64_json" in end.told.error.hint
    assert "base64 cannot be decoded" not in end.told.error.message


@pytest.mark.parametrize("via", ["responses", "images"])
async def test_an_answer_of_another_kind_is_no_answer_of_either_api(over: Over, via: Via) -> None:
    end = await ended(over, Canned(b'{"hello": "world"}'), via=via)

    assert end.told.error is not None
    assert end.told.error.code == "malformed"
    assert "Responses" not in end.told.error.hint
