"""Texts of a conversation that its client brought itself, and that nobody has screened yet.

What may not be sent does not go along, and is not kept: an earlier message as a whole, of a drawn picture its wording.
A client can have such a wording from us (``--screen-output tell``) or from anywhere; the picture goes
on without it, as it does where it is named by its id.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial

import anyio.to_thread

from ..kit import Kit
from ..protocols import TurnRequest
from ..safety.screen import Subject, screen
from ..safety.views import MAX_CHARACTERS
from ..schema import Verdict
from ..turn.talk import Entry, Talk


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What may go along."""

    talk: Talk = field(repr=False)
    """Without the wordings that may not."""
    earlier: tuple[str, ...] = field(repr=False)
    """The user's texts before the new one."""
    left_out: tuple[tuple[int, Verdict], ...]
    """Positions of messages that go nowhere, and why."""
    unsaid: tuple[Verdict, ...]
    """Why pictures go without their wording."""


async def screened(kit: Kit, talk: Talk, request: TurnRequest) -> Brought:
    """Those of our own chain were screened when they were new."""
    left_out: list[tuple[int, Verdict]] = []
    earlier: list[str] = []
    for at, text, brought in talk.before:
        verdict = await _worst(kit, text, request, "merged") if brought else None
        if verdict is not None:
            left_out.append((at, verdict))
        else:
            earlier.append(text)
    entries, unsaid = list(talk.entries), []
    for at, _ in left_out:  # nor is it kept: it would come back with the chain
        entries[at] = replace(entries[at], own=False)
    for at, entry in enumerate(entries):
        verdict = await _wording(kit, entry, request)
        if verdict is not None:
            entries[at] = _wordless(entry)
            unsaid.append(verdict)
    return Brought(
        talk=replace(talk, entries=tuple(entries)) if unsaid or left_out else talk,
        earlier=tuple(earlier),
        left_out=tuple(left_out),
        unsaid=tuple(unsaid),
    )


async def _wording(kit: Kit, entry: Entry, request: TurnRequest) -> Verdict | None:
    """Of a picture that came whole; what is named by its id has the wording that we kept."""
    whole = entry.kind == "picture" and any(shot.data is not None for shot in entry.shots)
    if not whole or not entry.text:
        return None
    return await _worst(kit, entry.text, request, "revised_prompt")


def _wordless(entry: Entry) -> Entry:
    value = {name: one for name, one in entry.value.items() if name != "revised_prompt"}
    return replace(entry, value=value, text="")


async def _worst(kit: Kit, text: str, request: TurnRequest, subject: Subject) -> Verdict | None:
    """A text of any length, read in pieces that overlap; ``None`` when it may go."""
    step = MAX_CHARACTERS // 2
    for start in range(0, max(len(text) - step, 1), step):
        piece = text[start : start + MAX_CHARACTERS]
        look = partial(
            screen,
            piece,
            policy=kit.policy,
            subject=subject,
            acknowledged=request.acknowledge,
            acknowledged_by=request.acknowledged_by,
        )
        verdict = await anyio.to_thread.run_sync(look) if len(text) > step else look()
        if verdict.decision != "allow":
            return verdict
    return None
