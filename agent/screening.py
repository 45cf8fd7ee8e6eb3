"""What is judged before anything is drawn: the text, the names beside it, and the second screen.

The first screen is pure and decides alone whether anything may leave the machine. The second one,
where it is switched on, asks the server's own moderation: an attempt of kind ``ask``, free of
charge. What the rules on minors caught never goes there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from . import attempts
from .attempts import Errand
from .errors import UsageError
from .kit import Kit
from .opening import Opening
from .protocols import TurnRequest
from .safety.policy import Policy
from .safety.screen import screen
from .safety.views import MAX_CHARACTERS
from .schema import Attempt, Cost, Failure, Image, SessionId, Verdict
from .traffic import Message, Outgoing, PictureData, Received, Scored
from .turn.extract import Gathered, judge
from .turn.scores import MINORS, together, weigh

MODEL = "omni-moderation-latest"
LARGEST = 20_000_000
"""Bytes of one picture that the moderation takes (documented, 2026-05)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Every verdict on what a turn brings along, and what they come to."""

    prompt: Verdict
    others: tuple[Verdict, ...] = ()
    stop: Verdict | Failure | None = None
    """Why nothing is drawn; ``None``: it may be."""
    shown_to: str | None = None
    """The profile whose moderation saw the text."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All of them, to be written down."""
        return (self.prompt, *self.others)

    @property
    def acknowledged(self) -> tuple[str, ...]:
        """Rules that a person accepted, each once."""
        return tuple(dict.fromkeys(rule for v in self.verdicts for rule in v.acknowledged))


def first(request: TurnRequest, opened: Opening, policy: Policy) -> Judged:
    """Pure: the text with the earlier texts it goes out with, and the names that go beside it."""
    prompt = screen(
        opened.text,
        policy=policy,
        acknowledged=request.acknowledge,
        acknowledged_by=request.acknowledged_by,
        context=_earlier(opened),
    )
    names = _names(request)
    if not names:
        return Judged(prompt=prompt, stop=_stopping(prompt))
    beside = screen(
        "\n".join(names)[:MAX_CHARACTERS],
        policy=policy,
        subject="file_name",
        context=(opened.text,),
    )
    # a name is sent to nobody, so that a doubt about one is written down and stops nothing
    stop = _stopping(prompt) or (beside if beside.decision == "refuse" else None)
    return Judged(prompt=prompt, others=(beside,), stop=stop)


def _stopping(verdict: Verdict) -> Verdict | None:
    return verdict if verdict.decision != "allow" else None


def _earlier(opened: Opening) -> tuple[str, ...]:
    return tuple(t.prompt for t in opened.path if t.outcome in ("image", "text"))


def _names(request: TurnRequest) -> tuple[str, ...]:
    """Of files (not of the folders they lie in) and of a session that is to be opened."""
    sources = (*(request.edit or ()), *request.references, request.mask)
    names = [source.name for source in sources if isinstance(source, Path)]
    names += [request.session_name] if request.session_name else []
    return tuple(dict.fromkeys(name for name in names if name.strip()))


# ── the second screen ────────────────────────────────────────────────────────────────────────


async def second(kit: Kit, opened: Opening, judged: Judged) -> Judged:
    """The same after the server's moderation has looked, where it is to; else unchanged.

    Where it cannot be asked or does not answer, that stops the turn: nothing is drawn unexamined.
    """
    prompt, request = judged.prompt, opened.request
    if kit.second_screen == "off" or any(hit.category == MINORS for hit in prompt.hits):
        return judged
    if not kit.upstream.profile.dialect.moderations:
        return replace(judged, stop=_not_offered(kit))
    pictures = _pictures(opened) if kit.second_screen == "pictures" else ()
    text = "\n".join((*_earlier(opened), opened.text))[-MAX_CHARACTERS:]
    session = opened.session.id if opened.session else None
    scored = await _ask_about(kit, text, pictures, session=session, user=request.user)
    if isinstance(scored, Failure):
        return replace(judged, stop=_unanswered(scored))
    verdict = weigh(
        scored,
        kit.thresholds,
        subject=prompt.subject,
        of=prompt.text_sha256,
        examined=bool(pictures) and "image" in scored.looked_at,
        preamble=prompt.preamble,
        acknowledged=request.acknowledge,
        acknowledged_by=request.acknowledged_by,
    )
    name = kit.upstream.profile.name
    others = (*judged.others, verdict)
    return replace(judged, others=others, stop=_stopping(verdict), shown_to=name)


async def picture(kit: Kit, image: Image, *, user: str | None) -> Verdict | Failure:
    """The second screen on a picture that was drawn; the hash in the verdict is the picture's."""
    data = PictureData(await kit.store.read_blob(image.sha256), image.media_type)
    if not kit.upstream.profile.dialect.moderations:
        return _not_offered(kit)
    scored = await _ask_about(kit, "", (data,), session=image.session, user=user)
    if isinstance(scored, Failure):
        return scored
    seen = "image" in scored.looked_at
    return weigh(scored, kit.thresholds, subject="picture", of=image.sha256, examined=seen)


def _pictures(opened: Opening) -> tuple[PictureData, ...]:
    return tuple(held.outgoing for held in (*opened.editing, *opened.references))


def _questions(text: str, pictures: Sequence[PictureData]) -> Iterator[Message]:
    """One picture each, the text with the first: more in one request are refused."""
    yield Message("user", text, tuple(pictures[:1]))
    for more in pictures[1:]:
        yield Message("user", "", (more,))


async def _ask_about(
    kit: Kit,
    text: str,
    pictures: Sequence[PictureData],
    *,
    session: SessionId | None,
    user: str | None,
) -> Scored | Failure:
    large = max((len(picture.data) for picture in pictures), default=0)
    if large > LARGEST:
        return Failure(
            code="too_large",
            message=f"A picture has {large:,} bytes; a moderation takes {LARGEST:,}.",
            hint="Send it as a JPEG or WebP.",
        )
    found: list[Scored] = []
    for message in _questions(text, pictures):
        gathered = await _exchange(kit, message, session=session, user=user)
        if gathered.scored is None:
            _, failure = judge(gathered, stored=0, intent="ask")
            assert failure is not None
            return failure
        found.append(gathered.scored)
    return together(found)


class _Quiet:
    """Nobody listens to a moderation under way; the ledger has it."""

    images: Sequence[Image] = ()

    def sent(self, attempt: Attempt) -> None:
        pass

    async def take(self, _: Received, gathered: Gathered) -> Gathered:
        return gathered

    def settled(self, settled: attempts.Settled) -> None:
        pass

    def waits(self, attempt: Attempt, failure: Failure, delay_s: float) -> bool:  # noqa: ARG002
        return True


async def _exchange(
    kit: Kit, message: Message, *, session: SessionId | None, user: str | None
) -> Gathered:
    outgoing = Outgoing(
        kind="ask",
        model=MODEL,
        instructions="",
        messages=(message,),
        stream=False,
        moderation=True,
    )
    try:
        body = kit.upstream.encode(outgoing)
    except UsageError as error:
        return Gathered(failed=Failure(code="too_large", message=str(error), hint=error.hint))
    errand = Errand(
        outgoing=outgoing,
        body=body,
        estimate=Cost(amount=Decimal(0), currency=kit.prices.currency, basis="usage"),
        prompts=(),
        session=session,
        user=user,
        caps={},
    )
    return await attempts.exchange(kit, errand, _Quiet())


def _not_offered(kit: Kit) -> Failure:
    profile = kit.upstream.profile
    return Failure(
        code="capability_missing",
        message=f"Profile {profile.name} ({profile.dialect.name}) is not known to offer a "
        "moderation, so the second screen cannot ask it. Nothing was sent, nothing was charged.",
        hint='Set second_screen = "off", use another profile, or, if the server answers '
        f"POST /moderations, say moderations = true under [facts] in servers/{profile.name}.toml.",
    )


def _unanswered(failure: Failure) -> Failure:
    return failure.model_copy(
        update={
            "message": f"The second screen could not be asked: {failure.message} "
            "Nothing was drawn, nothing was charged.",
            "hint": f'{failure.hint} Or set second_screen = "off".'.strip(),
            "stage": None,
            "billed": "no",
        }
    )
