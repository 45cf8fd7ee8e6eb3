"""Everything that can be found wrong before a request costs money.

Which session, which pictures, which mask, which options: all resolved and checked here, with
``UsageError`` for what cannot be done. Nothing is written; the store is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ParamSpec, TypeVar

import anyio.to_thread

from .errors import NotFound, UsageError
from .kit import Kit
from .protocols import PictureFacts, Source, TurnRequest
from .safety.views import MAX_CHARACTERS
from .schema import Image, ImageId, ImageOptions, Session, Turn, TurnId
from .traffic import PictureData
from .turn import capabilities, lineage

P = ParamSpec("P")
T = TypeVar("T")

LONGEST_PROMPT = MAX_CHARACTERS
"""Characters: what the screen reads whole. The API takes 32,000 (R16), but nothing goes out unread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A picture in hand: one of ours, or bytes that are to be imported (``image`` is ``None``)."""

    image: Image | None
    data: bytes
    facts: PictureFacts

    @property
    def outgoing(self) -> PictureData:
        return PictureData(self.data, self.facts.media_type)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """A turn that may be screened and sent. ``session`` is ``None`` until it has to exist."""

    request: TurnRequest
    text: str
    session: Session | None
    parent: TurnId | None
    path: tuple[Turn, ...]
    images: Mapping[ImageId, Image]
    editing: tuple[Held, ...]
    references: tuple[Held, ...]
    mask: PictureData | None
    options: ImageOptions


async def prepare(request: TurnRequest, kit: Kit) -> Opening:
    """Resolve and check; raises ``UsageError`` (``NotFound`` with candidates)."""
    text = checked_text(request.text)
    _check_words(request)
    _check_leading(request.model or kit.upstream.profile.model)
    desk = _Desk(kit, request)
    await desk.find_session()
    editing = await desk.held(desk.edit_sources())
    references = await desk.held(request.references)
    options = _options(request, editing, kit)
    capabilities.check(
        options,
        editing=len(editing) + len(references),
        has_mask=desk.has_mask,
        transparency=kit.upstream.profile.dialect.transparency,
        legacy=kit.upstream.profile.dialect.legacy_models,
    )
    parent = desk.parent_of(editing)
    return Opening(
        request=request,
        text=text,
        session=desk.session,
        parent=parent,
        path=lineage.path_to(desk.turns, parent),
        images={image.id: image for image in desk.images},
        editing=editing,
        references=references,
        mask=await desk.mask(editing),
        options=options,
    )


def moved(opened: Opening, kit: Kit) -> Opening:
    """The same turn on another profile, which may draw with another model.

    Raises ``UsageError`` for what cannot be asked of that one.
    """
    options = opened.options
    if "model" not in opened.request.options.model_fields_set:
        options = options.model_copy(update={"model": kit.image_model})
    capabilities.check(
        options,
        editing=len(opened.editing) + len(opened.references),
        has_mask=opened.mask is not None,
        transparency=kit.upstream.profile.dialect.transparency,
        legacy=kit.upstream.profile.dialect.legacy_models,
    )
    return replace(opened, options=options)


def _check_words(request: TurnRequest) -> None:
    """What is written down with a turn must be text that a database takes."""
    if request.intent == "ask":
        raise UsageError("A question is no turn.", hint="Ask it with ImageAgent.ask().")
    for name in ("user", "tenant", "acknowledged_by", "model", "effort"):
        value = getattr(request, name)
        if value is not None and not _is_whole(value):
            raise UsageError(f"{name} {value!r} holds half a character.", hint="Write it again.")


def checked_text(text: str) -> str:
    """The prompt without NUL and lone surrogates; raises ``UsageError`` when empty or too long."""
    clean = text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()
    if not clean:
        raise UsageError("The prompt is empty.", hint="Say in a sentence what to draw.")
    if len(clean) > LONGEST_PROMPT:
        raise UsageError(
            f"The prompt has {len(clean):,} characters; {LONGEST_PROMPT:,} fit.",
            hint="Shorten it: a picture needs a paragraph, not a book.",
        )
    return clean


def _check_leading(model: str) -> None:
    """The model that talks is a text model; the one that draws belongs to the tool (R14)."""
    if model.startswith(("gpt-image-", "dall-e-")):
        raise UsageError(
            f"{model} draws, and cannot lead the conversation.",
            hint=f"Say --image-model {model}, and leave --model to a text model such as gpt-5.5.",
        )


class _Desk:
    """The lookups of one opening."""

    def __init__(self, kit: Kit, request: TurnRequest) -> None:
        self._kit = kit
        self._request = request
        self.session: Session | None = None
        self.turns: Sequence[Turn] = ()
        self.images: Sequence[Image] = ()
        self.has_mask = request.mask is not None or request.mask_box is not None

    async def find_session(self) -> None:
        request, store = self._request, self._kit.store
        if request.session is not None:
            self.session = await store.session(_readable(request.session))
        elif request.session_name is None:
            self.session = await self._implied_session()
        if self.session is not None:
            self.turns = await store.turns(self.session.id)
            self.images = await store.images(self.session.id)

    async def _implied_session(self) -> Session | None:
        """The session of the picture named, or the newest one started in this directory."""
        request, store = self._request, self._kit.store
        for source in (*(request.edit or ()), *request.references):
            if not isinstance(source, str):
                continue
            ref = lineage.read_ref(_readable(source))
            if ref.session is not None:
                return await store.session(ref.session)
            if ref.id is not None:
                return await store.session((await store.image(ref.id)).session)
            return await self._newest_here(source)
        if request.intent == "edit" and request.edit is None:
            return await self._newest_here("the newest picture")
        return None

    async def _newest_here(self, wanted: str) -> Session:
        cwd = self._request.cwd
        # without a directory nothing is implied: on a shared store it would be somebody else's
        here = await self._kit.store.sessions(cwd=str(Path(cwd)), limit=20) if cwd else []
        for session in here:
            if session.images:
                return session
        raise NotFound(
            f"No session with a picture was started in this directory, so {wanted} is unknown.",
            candidates=tuple(s.name for s in await self._kit.store.sessions(limit=5)),
            hint="Name a session (--session), a picture (--from) or a file (--image).",
        )

    def edit_sources(self) -> Sequence[Source]:
        """What the caller named, else the picture at the head; drawing anew edits nothing."""
        request = self._request
        if request.edit or (request.edit is not None and request.intent != "edit"):
            return request.edit
        if request.intent not in ("edit", "chat") or self.session is None:
            if request.intent == "edit":
                raise UsageError(
                    "There is no picture to edit.",
                    hint="Name one (--from @4, --image FILE) or draw one first.",
                )
            return ()
        found = lineage.picture_at(self.turns, self.images, self.session.head)
        if found is None and request.intent == "edit":
            found = self.images[-1] if self.images else None
        if found is None and request.intent == "edit":
            raise UsageError(
                f"Session {self.session.name!r} has no picture to edit yet.",
                hint="Draw one first, or name a file with --image.",
            )
        return (found.id,) if found else ()

    async def held(self, sources: Sequence[Source]) -> tuple[Held, ...]:
        return tuple([await self._hold(source) for source in sources])

    async def _hold(self, source: Source) -> Held:
        pictures = self._kit.pictures
        if isinstance(source, str):
            image = await self._stored(source)
            data = await self._kit.store.read_blob(image.sha256)
            width, height = pixels(image)
            if not width:
                facts = await _in_thread(pictures.inspect, data, name=source)
            else:
                facts = PictureFacts(image.media_type, width, height, has_alpha=False)
            return Held(image=image, data=data, facts=facts)
        name = str(source) if isinstance(source, Path) else "the picture given"
        data = await _in_thread(pictures.load, source) if isinstance(source, Path) else source
        facts = await _in_thread(pictures.inspect, data, name=name)
        return Held(image=None, data=data, facts=facts)

    async def _stored(self, source: str) -> Image:
        ref = lineage.read_ref(_readable(source))
        if ref.id is not None:
            return await self._kit.store.image(ref.id)
        images = self.images
        if ref.session is not None:
            images = await self._kit.store.images((await self._kit.store.session(ref.session)).id)
        found = next((image for image in images if image.number == ref.number), None)
        if found is None:
            raise NotFound(
                f"There is no picture {source!r}.",
                candidates=tuple(f"@{image.number}" for image in images[-8:]),
                hint="`limner show` lists the pictures of a session.",
            )
        return found

    def parent_of(self, editing: Sequence[Held]) -> TurnId | None:
        """Whose child the new turn is.

        The head while its picture is edited, else that picture's own turn; a fresh picture starts
        a tree of its own.
        """
        head = self.session.head if self.session else None
        if not editing:
            return head if self._request.intent == "chat" else None
        first = editing[0].image
        at_head = lineage.picture_at(self.turns, self.images, head)
        if first is not None and at_head is not None and first.id == at_head.id:
            return head
        known = {turn.id for turn in self.turns}
        return first.turn if first is not None and first.turn in known else None

    async def mask(self, editing: Sequence[Held]) -> PictureData | None:
        request, pictures = self._request, self._kit.pictures
        if not self.has_mask:
            return None
        if not editing:
            raise UsageError(
                "A mask needs a picture to change, and only references were given.",
                hint="Name the picture to change (--from or --image).",
            )
        of = editing[0].facts
        if request.mask is not None and request.mask_box is not None:
            raise UsageError("A mask is a file or a box, not both.")
        if request.mask_box is not None:
            made = await _in_thread(pictures.mask_from_box, request.mask_box, of=of)
            return PictureData(made, "image/png")
        assert request.mask is not None
        name = str(request.mask) if isinstance(request.mask, Path) else "mask"
        data = (
            await _in_thread(pictures.load, request.mask)
            if isinstance(request.mask, Path)
            else request.mask
        )
        made = await _in_thread(
            pictures.mask_from_file, data, name=name, mode=request.mask_mode, of=of
        )
        return PictureData(made, "image/png")


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await anyio.to_thread.run_sync(partial(work, *args, **kwargs))


def _is_whole(text: str) -> bool:
    """No lone surrogate: half a character can neither be sent nor kept."""
    return text.encode("utf-8", "replace").decode() == text


def _readable(ref: str) -> str:
    """A reference as it can be looked up; half a character names nothing."""
    if not _is_whole(ref):
        raise NotFound(f"There is nothing called {ref!r}.", hint="Write the name again.")
    return ref


def pixels(image: Image) -> tuple[int, int]:
    """Width and height; zeros where nobody knows."""
    width, _, height = (image.actual.size or "").partition("x")
    return (int(width), int(height)) if width.isdigit() and height.isdigit() else (0, 0)


def _options(request: TurnRequest, editing: Sequence[Held], kit: Kit) -> ImageOptions:
    """An edit keeps its picture's size unless a size was asked for."""
    options = request.options
    if "model" not in options.model_fields_set:
        options = options.model_copy(update={"model": kit.image_model})
    if kit.holds(request) and options.partial_images:
        options = options.model_copy(update={"partial_images": 0})  # nobody would see them
    if not editing or "size" in options.model_fields_set:
        return options
    facts = editing[0].facts
    legal = not capabilities.size_problems(facts.width, facts.height)
    size = f"{facts.width}x{facts.height}" if legal else "auto"
    return options.model_copy(update={"size": size})
