"""A conversation about pictures: what the next sentence is about, and the turns it has taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ... import ImageAgent
from ...errors import UsageError
from ...events import Terminal
from ...protocols import Source, TurnRequest
from ...schema import Attempt, Image, ImageOptions, Session, SessionId, Turn, TurnId
from ...turn.lineage import picture_at
from . import desk
from .finding import picture_named
from .signals import Interruption
from .telling import Teller
from .turns import take

if TYPE_CHECKING:
    from .flags import MaskMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What the next sentence is about beside its words; used once, then empty again."""

    edit: tuple[Source, ...] | None = None
    """``None``: the picture at the head."""
    label: str = ""
    """What ``edit`` is called in the prompt."""
    references: tuple[Source, ...] = ()
    mask: Path | None = None
    mask_mode: MaskMode = "alpha"
    mask_box: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """A turn that was taken, as ``/again`` needs it. ``before``: the head it started from."""

    text: str
    draft: Draft
    before: TurnId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What holds for every turn of a conversation."""

    fresh: ImageOptions
    """Options of a picture drawn anew."""
    edits: ImageOptions
    """Options of an edit, which keeps the size of its picture."""
    effort: str | None = None
    stream: bool = True
    acknowledge: tuple[str, ...] = ()


class Conversation:
    """One session at a time; the only state that a chat has."""

    def __init__(self, agent: ImageAgent, manner: Manner, teller: Teller) -> None:
        self.agent = agent
        self.teller = teller
        self._manner = manner
        self._name: str | None = None
        self._id: SessionId | None = None
        self.session: Session | None = None
        self.current: Image | None = None
        self.draft = Draft()
        self.picked: dict[str, object] = {}
        """What ``/size`` and ``/quality`` chose; holds until it is changed."""
        self.left = False
        """A turn that was sent was left to itself, and may still bring its picture."""
        self.last: Said | None = None

    @property
    def label(self) -> str:
        """As ``editing @4``."""
        if self.draft.label:
            return f"editing {self.draft.label}"
        if self.current is not None and self.draft.edit is None:
            return f"editing @{self.current.number}"
        return "new picture"

    # ── moving about ─────────────────────────────────────────────────────────────────────────

    async def resume(self, session: Session) -> None:
        """Go on in this session, at its head."""
        self._id, self.draft, self.last = session.id, Draft(), None
        await self.refresh()

    def begin(self, name: str | None) -> None:
        """The next sentence opens a new session."""
        self._id = self.session = self.current = self.last = None
        self._name, self.draft = name, Draft()

    async def refresh(self) -> None:
        """Look again where the head is."""
        if self._id is None:
            return
        self.session = await self.agent.store.session(self._id)
        self.current = picture_at(await self.turns(), await self.images(), self.session.head)

    async def turns(self) -> list[Turn]:
        return await self.agent.store.turns(self.session.id) if self.session else []

    async def images(self) -> list[Image]:
        return await self.agent.store.images(self.session.id) if self.session else []

    async def attempts(self) -> list[Attempt]:
        return await self.agent.store.attempts(session=self.session.id) if self.session else []

    async def picture(self, ref: str) -> Image:
        """By ``@4`` or an id; an empty one is the current picture. Raises ``UsageError``."""
        if ref:
            return await picture_named(self.agent.store, ref, self.session)
        if self.current is None:
            raise UsageError("There is no picture yet.")
        return self.current

    async def undo(self) -> None:
        """Step back to before the last turn; nothing is removed."""
        session = self.session
        if session is None or session.head is None:
            raise UsageError("There is nothing to undo.")
        head = next((turn for turn in await self.turns() if turn.id == session.head), None)
        await self._move(head.parent if head else None)

    async def _move(self, to: TurnId | None) -> None:
        assert self.session is not None
        moved = await self.agent.store.move_head(self.session.id, expected=self.session.head, to=to)
        await self.refresh()
        if not moved:
            raise UsageError("Somebody else went on in this session meanwhile; look at /tree.")

    # ── taking turns ─────────────────────────────────────────────────────────────────────────

    async def again(self) -> Said:
        """Back to where the last turn started; what to say again."""
        if self.last is None:
            raise UsageError("Nothing was said yet.")
        if self.session is not None and self.session.head != self.last.before:
            await self._move(self.last.before)
        self.draft = self.last.draft
        return self.last

    async def say(
        self, text: str, state: Interruption, *, acknowledge: tuple[str, ...] = ()
    ) -> Terminal:
        """One turn. The draft is used up unless the turn was stopped before it was sent."""
        draft, before = self.draft, self.session.head if self.session else None
        request = self._request(text, draft, acknowledge)
        self.teller.started = None
        try:
            result = await take(self.agent, request, self.teller, state)
        finally:
            self._taken(text, draft, before)
        await self.refresh()
        return result

    def _taken(self, text: str, draft: Draft, before: TurnId | None) -> None:
        started = self.teller.started
        if started is None:
            return
        if draft.edit:  # a file was imported; the same again means the imported picture
            draft = replace(draft, edit=started.editing)
        self._id, self._name = started.session, None
        self.last, self.draft = Said(text, draft, before), Draft()

    def _request(self, text: str, draft: Draft, acknowledge: Sequence[str]) -> TurnRequest:
        editing = bool(draft.edit) or (draft.edit is None and self.current is not None)
        manner = self._manner
        accepted = (*manner.acknowledge, *acknowledge)
        return TurnRequest(
            text=text,
            intent="chat",
            session=self.session.id if self.session else None,
            session_name=self._name,
            edit=draft.edit,
            references=draft.references,
            mask=draft.mask,
            mask_box=draft.mask_box,
            mask_mode=draft.mask_mode,
            options=_with(manner.edits if editing else manner.fresh, self.picked),
            effort=manner.effort,
            stream=manner.stream,
            acknowledge=accepted,
            acknowledged_by=desk.person() if accepted else None,
            cwd=desk.here(),
        )


def _with(options: ImageOptions, picked: Mapping[str, object]) -> ImageOptions:
    """Only what was chosen is set: the rest is for the picture, or the configuration, to say."""
    return ImageOptions.model_validate({**options.model_dump(exclude_unset=True), **picked})
