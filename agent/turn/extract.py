"""What an answer amounts to: the fold over what came back, and the one table of outcomes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from ..schema import (
    AttemptState,
    Billed,
    Cost,
    Failure,
    Intent,
    Outcome,
    Rendering,
    Tokens,
    Usage,
)
from ..traffic import (
    Ended,
    Failed,
    Opened,
    PartialPicture,
    Picture,
    PictureFailed,
    PictureUrl,
    Received,
    RefusalText,
    Scored,
    TextPiece,
    ToolStage,
    WireBytes,
    WireEvent,
    WireHead,
)

_TOOL = "image_generation"
_MOST_TEXT = 400_000
"""Characters of one answer that are kept: no answer of a model is as long."""
_FILTERED = {"content_filter", "moderation"}
"""``incomplete_details.reason`` of an answer that a filter cut off (D23)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """All that one request brought, without bytes: pictures are stored as they arrive."""

    text: str = ""
    refusal: str = ""
    failures: tuple[Failure, ...] = ()
    failed: Failure | None = None
    ended: bool = False
    status: str | None = None
    incomplete_reason: str | None = None
    usage: Usage = Usage()
    reported_cost: Cost | None = None
    response_id: str | None = None
    request_id: str | None = None
    tools: tuple[str, ...] | None = None
    tool_model: str | None = None
    offline: bool = False
    scored: Scored | None = None
    withheld: tuple[Rendering, ...] = ()
    """Pictures that came, are paid for, and were not kept."""
    passed_on: bool = False
    """Something else came that its caller has: a call of the caller's own tool, untouched bytes."""


def fold(so_far: Gathered, item: Received) -> Gathered:
    """One more item."""
    match item:
        case Opened():
            return _opened(so_far, item)
        case TextPiece(text=text):
            return replace(so_far, text=_longer(so_far.text, text))
        case RefusalText(text=text):
            return replace(so_far, refusal=_longer(so_far.refusal, text))
        case PictureFailed(failure=failure):
            return replace(so_far, failures=(*so_far.failures, failure))
        case PictureUrl(url=url):
            return replace(so_far, failures=(*so_far.failures, _not_fetched(url)))
        case Scored():
            return replace(so_far, scored=item)
        case Failed(failure=failure):
            return replace(so_far, failed=failure)
        case Ended():
            return replace(
                so_far,
                ended=True,
                status=item.status,
                incomplete_reason=item.incomplete_reason,
                usage=item.usage,
                reported_cost=item.reported_cost,
                response_id=item.response_id or so_far.response_id,
            )
        case WireBytes():
            return so_far if so_far.passed_on else replace(so_far, passed_on=True)
        case Picture() | PartialPicture() | ToolStage() | WireEvent() | WireHead():
            return so_far
        case _:
            assert_never(item)


def _longer(text: str, piece: str) -> str:
    """What a server babbles on after that is passed on as it comes, and not kept."""
    return text + piece[: _MOST_TEXT - len(text)] if len(text) < _MOST_TEXT else text


def _opened(so_far: Gathered, item: Opened) -> Gathered:
    return replace(
        so_far,
        response_id=item.response_id or so_far.response_id,
        request_id=item.request_id or so_far.request_id,
        tools=_echoed(so_far.tools, item.tools),
        tool_model=item.tool_model or so_far.tool_model,
        offline=so_far.offline or item.offline,
    )


def _echoed(before: tuple[str, ...] | None, now: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """A tool echoed once was there: a gateway may strip the later echo (D21)."""
    if before is None or now is None:
        return before if now is None else now
    return (*before, *(tool for tool in now if tool not in before))


def _not_fetched(url: str) -> Failure:
    host = url.split("/")[2].rpartition("@")[2][:100]
    return Failure(
        code="malformed",
        message=f"The server answered with the address of a picture (on {host}), not the picture.",
        hint="Set fetch_urls = true in the profile to have them fetched, or ask the gateway for "
        f"base64. This one is paid for; fetch it yourself while it lasts: {_plain_address(url)}",
        billed="possibly",
    )


def _plain_address(url: str) -> str:
    """Without a name and password before the host."""
    scheme, _, rest = url[:2000].partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def judge(gathered: Gathered, *, stored: int, intent: Intent) -> tuple[Outcome, Failure | None]:
    """The outcome of a turn, by the table of DESIGN section 2. Never guessed from words."""
    if stored:
        return "image", None
    refused = _refusal(gathered)
    if refused:
        return "refused", refused
    if gathered.failed:
        unknown = gathered.failed.billed == "possibly"
        return ("unknown" if unknown else "failed"), gathered.failed
    if gathered.failures:
        return "failed", gathered.failures[0]
    if gathered.scored is not None:
        return "text", None
    if gathered.text.strip():
        return _text_only(gathered, intent)
    if gathered.passed_on:
        return "text", None
    return "empty", Failure(
        code="empty",
        message="The answer holds neither a picture nor a word.",
        hint="A gateway may hide a refusal this way; change the prompt before trying again.",
        billed="possibly",
        request_id=gathered.request_id,
        upstream_code=gathered.incomplete_reason,
    )


def _refusal(gathered: Gathered) -> Failure | None:
    said = (gathered.failed, *gathered.failures)
    typed = next((f for f in said if f is not None and f.stage is not None), None)
    if typed:
        return typed
    if gathered.refusal.strip():
        return Failure(
            code="moderation_blocked",
            message=gathered.refusal.strip(),
            hint="Change the wording; the same request is never repeated.",
            stage="provider_unknown",
            billed="yes",
            request_id=gathered.request_id,
        )
    if gathered.incomplete_reason in _FILTERED:
        return Failure(
            code="moderation_blocked",
            message="The provider's content filter cut the answer off.",
            hint="Change the wording; the same request is never repeated.",
            stage="provider_output",
            billed="possibly",
            request_id=gathered.request_id,
            upstream_code=gathered.incomplete_reason,
        )
    return None


def _text_only(gathered: Gathered, intent: Intent) -> tuple[Outcome, Failure | None]:
    if gathered.tools is not None and _TOOL not in gathered.tools:
        return "failed", Failure(
            code="capability_missing",
            message="The server took the image tool out of the request and answered in text.",
            hint="This gateway or account does not offer image generation; use another profile.",
            billed="yes",
            request_id=gathered.request_id,
        )
    if intent == "chat":
        return "text", None
    return "text", Failure(
        code="no_image",
        message="The model answered in text and drew nothing.",
        hint="Read its text, then say more plainly what to draw.",
        billed="yes",
        request_id=gathered.request_id,
        upstream_code=gathered.incomplete_reason,
    )


def attempt_state(gathered: Gathered, *, stored: int) -> tuple[AttemptState, Billed]:
    """How the attempt ended, and whether it has to be thought of as paid."""
    if stored:
        return "completed", "yes"
    drew, spoke = _counted(gathered.usage.image), _counted(gathered.usage.text)
    refused = _refusal(gathered)
    if refused:
        paid = drew or (spoke and refused.billed == "no")  # no picture, yet the model's own tokens
        return "refused", "yes" if paid else refused.billed
    if gathered.failed:
        billed = gathered.failed.billed
        return ("unknown" if billed == "possibly" else "failed"), billed
    if gathered.scored is not None:
        return "completed", "no"  # moderation is free of charge
    if gathered.failures or not (gathered.passed_on or gathered.text.strip()):
        return "failed", "yes" if drew else "possibly"
    return "completed", "yes"


def _counted(tokens: Tokens | None) -> bool:
    """Whether the server counted anything, so that the bill is known."""
    return tokens is not None and bool(tokens.total or tokens.input or tokens.output)
