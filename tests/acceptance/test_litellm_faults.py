"""The artist misbehaves, LiteLLM makes of it what it makes, and Limner ends rightly (L3, L11, L12).

Rightly: the outcome of the table, one request of ours after which nothing is sent again that may
have been drawn, and a ledger that never calls free what was paid.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent import ImageOptions, TurnRequest
from agent.events import AttemptRetrying
from agent.schema import Attempt, Intent, Outcome, Via

from ..conftest import png
from .conftest import LITELLM, WITHOUT, Through, the_attempt, turn
from .peer import Models, Proxy

if not LITELLM:
    pytest.skip(WITHOUT, allow_module_level=True)

SMALL = ImageOptions(size="1024x640", quality="low")
KITE = TurnRequest(text="a red kite over the sea", options=SMALL)
UNKNOWN: tuple[Outcome, int] = ("unknown", 7)
DRAWN: tuple[Outcome, int] = ("image", 0)
REFUSED: tuple[Outcome, int] = ("refused", 3)
FAILED: tuple[Outcome, int] = ("failed", 1)


def asked(models: Models, *, stream: bool = True) -> TurnRequest:
    options = SMALL.model_copy(update={"model": models.image})
    return replace(KITE, options=options, stream=stream)


def as_paid(attempt: Attempt, generations: int) -> bool:
    """What was drawn is not called free."""
    return attempt.billed != "no" or generations == 0


RESPONSES: list[tuple[str, tuple[Outcome, int], tuple[Outcome, int]]] = [
    # fault, streamed, whole
    ("500", UNKNOWN, UNKNOWN),
    ("502", UNKNOWN, UNKNOWN),
    ("503-html", UNKNOWN, UNKNOWN),
    ("524", UNKNOWN, UNKNOWN),
    ("drop", UNKNOWN, UNKNOWN),
    ("drop-after", UNKNOWN, UNKNOWN),
    ("truncate", UNKNOWN, UNKNOWN),
    ("no-terminal", DRAWN, UNKNOWN),
    ("error-in-200", UNKNOWN, UNKNOWN),
    ("html-200", UNKNOWN, UNKNOWN),
    ("response-failed", UNKNOWN, UNKNOWN),
    ("flat-error-event", UNKNOWN, UNKNOWN),
    ("moderation-400", REFUSED, REFUSED),
    ("failed-item", REFUSED, REFUSED),
    ("refusal-part", REFUSED, REFUSED),
    ("nested-error-event", REFUSED, REFUSED),
    ("incomplete-filter", REFUSED, REFUSED),
    ("quota", FAILED, FAILED),
    ("usage-limit", ("failed", 8), ("failed", 8)),
    ("429-long", FAILED, FAILED),
    ("tool-stripped", FAILED, FAILED),
    ("bad-base64", FAILED, FAILED),
    ("generating-status", DRAWN, DRAWN),
    ("duplicate-finals", DRAWN, DRAWN),
    ("data-url-result", DRAWN, DRAWN),
    ("item-in-done-only", DRAWN, ("empty", 1)),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("fault", "streamed", "whole"), RESPONSES, ids=[r[0] for r in RESPONSES])
async def test_a_fault_behind_litellm_ends_rightly_and_is_sent_once(
    fault: str,
    streamed: tuple[Outcome, int],
    whole: tuple[Outcome, int],
    stream: bool,
    proxy: Proxy,
    through: Through,
    fresh: Models,
) -> None:
    """Over Responses, LiteLLM repeats nothing by itself either."""
    async with through("litellm", models=fresh) as agent:
        proxy.artist.behave(fault)
        ended, _ = await turn(agent, asked(fresh, stream=stream))
        attempt = await the_attempt(agent, ended)

    assert (ended.outcome, ended.exit_code) == (streamed if stream else whole), ended.error
    assert proxy.artist.requests == 1
    assert as_paid(attempt, proxy.artist.generations)
    assert len(ended.images) == (ended.outcome == "image")
    error = f" {ended.error.status or 200} {ended.error.code}" if ended.error else ""
    kind = "streamed" if stream else "whole"
    proxy.note(f"{fault}, {kind}", f"{ended.outcome}{error}, billed {attempt.billed}")


@pytest.mark.parametrize(
    ("fault", "stage"), [("moderation-400", "provider_input"), ("failed-item", "provider_output")]
)
async def test_the_stage_of_a_refusal_is_dug_out_of_litellms_message(
    fault: str, stage: str, proxy: Proxy, through: Through, fresh: Models
) -> None:
    """L3: the code beside it is "400"."""
    async with through("litellm", models=fresh) as agent:
        proxy.artist.behave(fault)
        ended, _ = await turn(agent, asked(fresh))

    assert ended.error is not None
    assert (ended.error.code, ended.error.stage) == ("moderation_blocked", stage)
    assert ended.error.categories == ("other",)


async def test_when_to_come_back_is_known_although_litellm_renames_the_header(
    proxy: Proxy, through: Through, fresh: Models
) -> None:
    """``llm_provider-retry-after``: an hour is told, not slept and not tried in between."""
    async with through("litellm", models=fresh) as agent:
        proxy.artist.behave("429-long")
        ended, events = await turn(agent, asked(fresh))
        attempt = await the_attempt(agent, ended)

    assert ended.error is not None
    assert ended.error.code == "rate_limited"
    assert ended.error.retry_at is not None
    assert attempt.sent is not None
    assert 3590 < (ended.error.retry_at - attempt.sent).total_seconds() < 3660
    assert not [event for event in events if isinstance(event, AttemptRetrying)]


@pytest.mark.parametrize(("via", "first"), [("responses", 1), ("images", 3)])
async def test_a_429_is_waited_out_and_drawn_once(
    via: Via, first: int, proxy: Proxy, through: Through, fresh: Models
) -> None:
    """L11: over Images LiteLLM has asked three times before it says so."""
    async with through("litellm", via=via, models=fresh) as agent:
        proxy.artist.behave(f"429:first={first}")
        ended, events = await turn(agent, asked(fresh))

    waited = [event.failure.code for event in events if isinstance(event, AttemptRetrying)]
    assert ended.outcome == "image", ended.error
    assert set(waited) <= {"rate_limited", "cooldown"}
    assert proxy.artist.generations == 1
    what = f"drawn by attempt {len(ended.attempts)}, upstream asked {proxy.artist.requests} times"
    proxy.note(f"429 via {via} (L11)", what)


@pytest.mark.parametrize("intent", ["generate", "edit"])
@pytest.mark.parametrize("fault", ["500", "502", "503-html", "524", "drop-after", "truncate"])
async def test_over_images_litellm_may_buy_three_times_and_limner_asks_once(
    fault: str, intent: Intent, proxy: Proxy, through: Through, fresh: Models
) -> None:
    """L11: the SDK inside LiteLLM repeats; no setting that was tried turns that off."""
    pictures = (png(1024, 640),) if intent == "edit" else None
    request = replace(asked(fresh), intent=intent, edit=pictures)

    async with through("litellm", via="images", models=fresh) as agent:
        proxy.artist.behave(fault)
        ended, _ = await turn(agent, request)
        attempt = await the_attempt(agent, ended)

    assert (ended.outcome, ended.exit_code) == UNKNOWN, ended.error
    assert (attempt.state, attempt.billed) == ("unknown", "possibly")
    assert 1 <= proxy.artist.requests <= 3
    what = f"1 request of ours, {proxy.artist.requests} of LiteLLM's, "
    proxy.note(
        f"{fault}, {intent} via images (L11)", f"{what}{proxy.artist.generations} generations"
    )


@pytest.mark.parametrize("fault", ["moderation-400", "failed-item"])
async def test_a_refusal_over_images_has_lost_its_code_but_is_free_told_and_not_repeated(
    fault: str, proxy: Proxy, through: Through, fresh: Models
) -> None:
    """L3: only the provider's words are left, and a refusal is never guessed from words."""
    async with through("litellm", via="images", models=fresh) as agent:
        proxy.artist.behave(fault)
        ended, _ = await turn(agent, asked(fresh))
        attempt = await the_attempt(agent, ended)

    assert ended.error is not None
    told = (ended.outcome, ended.error.code, attempt.billed)
    assert told == ("failed", "invalid_parameter", "no")
    assert "rejected by the safety system" in ended.error.message
    assert (proxy.artist.requests, proxy.artist.generations) == (1, 0)
    proxy.note(f"{fault} via images (L3)", "failed, the provider's words shown")
