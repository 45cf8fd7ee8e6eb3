"""Names for sessions: a few words of the first prompt, made unique."""

from __future__ import annotations

import re
from pathlib import Path

from .errors import UsageError
from .kit import Kit
from .protocols import TurnRequest
from .schema import Session, SessionId

_WORD = re.compile(r"[^\W_]+")
_SMALL = frozenset(
    {"a", "an", "the", "of", "in", "on", "at", "to", "and", "or", "with", "for", "by", "from"}
    | {"make", "draw", "paint", "picture", "image", "me", "please", "create", "generate", "show"}
    | {"some", "it", "is", "this", "that", "my"}
)
_HAN = re.compile(r"[\u3400-\u9fff]")
LONGEST_NAME = 48


def slug(text: str) -> str:
    """``"A night market, in the rain"`` → ``night-market-rain``; Chinese keeps eight characters."""
    words = _WORD.findall(text.casefold()[:400])
    if words and _HAN.search(words[0]):
        return str(words[0][:8])
    kept = [word[:16] for word in words if word not in _SMALL] or words
    return "-".join(kept[:3])[:LONGEST_NAME].strip("-") or "session"


def checked_name(name: str) -> str:
    """A name that can stand in ``name/4`` and in a file name; raises ``UsageError``."""
    clean = name.strip()
    if not clean or len(clean) > LONGEST_NAME or re.search(r'[/\\@:*?"<>|\x00-\x1f]', clean):
        raise UsageError(
            f"{name!r} cannot name a session.",
            hint=f'1 to {LONGEST_NAME} characters, none of / \\ @ : * ? " < > |',
        )
    if clean.encode("utf-8", "replace").decode() != clean:
        raise UsageError(f"{name!r} cannot name a session: it holds half a character.")
    if clean.startswith((".", "-", "ses_")):
        raise UsageError(f"A session name may not start with {clean[:1]!r} or 'ses_'.")
    return clean


async def create_session(kit: Kit, request: TurnRequest, text: str) -> Session:
    """A new session; a name of our own making is numbered until it is free."""
    if request.session_name is not None:
        return await _create(kit, request, checked_name(request.session_name))
    base = slug(text)
    for number in range(1, 20):
        try:
            return await _create(kit, request, base if number == 1 else f"{base}-{number}")
        except UsageError:
            continue
    return await _create(kit, request, f"{base}-{kit.ids.new('x')[-8:].lower()}")


async def _create(kit: Kit, request: TurnRequest, name: str) -> Session:
    now = kit.clock.now()
    return await kit.store.create_session(
        Session(
            id=SessionId(kit.ids.new("ses")),
            name=name,
            cwd=str(Path(request.cwd)) if request.cwd else None,
            user=request.user,
            tenant=request.tenant,
            created=now,
            updated=now,
        )
    )
