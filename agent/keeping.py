"""What a turn leaves on disk: bytes first, then the row that lists them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread

from .aside import put_aside, saying_where
from .errors import StoreError
from .events import ImagePartial, TurnNotice
from .files import aside_name
from .kit import Kit
from .logs import get_logger
from .opening import Held, Opening
from .protocols import NewImage, PictureFacts
from .schema import (
    Failure,
    Image,
    ImageId,
    ImageOptions,
    Operation,
    PromptRef,
    Rendering,
    Session,
    SessionId,
    Turn,
    TurnId,
)
from .traffic import PartialPicture, Picture, PictureFailed
from .turn.extract import Gathered

log = get_logger("limner.runner")

_DRAFTS = {b"\x89P": "image/png", b"\xff\xd8": "image/jpeg", b"RI": "image/webp"}

_SUFFIXES = {b"\x89P": ".png", b"\xff\xd8": ".jpg", b"RI": ".webp", b"GI": ".gif"}

_FORMATS = {"image/png": "png", "image/jpeg": "jpeg", "image/webp": "webp", "image/gif": "gif"}


OFFLINE_ARTIST = "limner-offline"
"""Stands where a model's name would: what our own artist drew, no model did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a picture of this turn belongs."""

    session: SessionId
    turn: TurnId | None
    operation: Operation
    parents: tuple[ImageId, ...]
    requested: Rendering


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A turn that is on disk and may be sent."""

    turn: Turn
    place: Place
    editing: tuple[Image, ...]


async def begin_turn(
    kit: Kit, opened: Opening, session: Session, *, prompts: tuple[PromptRef, ...]
) -> Begun:
    """Imported files, mask and the open turn: all on disk before anything is sent."""
    begun = await new_turn(kit, opened, session, prompts=prompts)
    await kit.store.open_turn(begun.turn)
    return begun


async def new_turn(
    kit: Kit, opened: Opening, session: Session, *, prompts: tuple[PromptRef, ...]
) -> Begun:
    """The same with the turn not on disk yet. What is imported needs a session that is."""
    editing = [await keep_imported(kit, held, session=session.id) for held in opened.editing]
    others = [await keep_imported(kit, held, session=session.id) for held in opened.references]
    mask = opened.mask and await kit.store.put_blob(
        opened.mask.data, media_type=opened.mask.media_type, size=None
    )
    turn = Turn(
        id=opened.request.turn or TurnId(kit.ids.new("turn")),
        session=session.id,
        parent=opened.parent,
        intent=opened.request.intent,
        prompt=opened.text,
        editing=tuple(image.id for image in editing),
        references=tuple(image.id for image in others),
        mask=mask.sha256 if mask else None,
        options=opened.options,
        profile=kit.upstream.profile.name,
        offline=kit.upstream.profile.offline,
        prompts=prompts,
        created=kit.clock.now(),
    )
    place = Place(
        session=session.id,
        turn=turn.id,
        operation="edit" if editing else "generate",
        parents=(*turn.editing, *turn.references),
        requested=requested(opened.options),
    )
    return Begun(turn=turn, place=place, editing=tuple(editing))


async def close_turn(kit: Kit, closed: Turn, *, head: TurnId | None) -> bool:
    """Close it; true unless another turn moved the head meanwhile, which makes this one a branch.

    Only a picture or a text moves the head: a failure beside a turn in flight would leave the
    session at what it was before both.
    """
    if closed.outcome in ("image", "text"):
        return await kit.store.close_turn(closed, expected_head=head)
    # no turn is its own head before it is closed, so nothing moves
    await kit.store.close_turn(closed, expected_head=closed.id)
    return True


def requested(options: ImageOptions) -> Rendering:
    """The asked-for side of requested against actual."""
    return Rendering(
        model=options.model,
        size=options.size,
        quality=options.quality,
        format=options.output_format,
        background=options.background,
    )


async def keep_draft(kit: Kit, turn: TurnId, draft: PartialPicture) -> ImagePartial | None:
    """Put a draft where it can be looked at; ``None`` for what is no picture or cannot be put."""
    media_type = _DRAFTS.get(draft.data[:2])
    if media_type is None:
        return None
    try:
        path = await kit.store.save_partial(turn, draft.index, draft.data, media_type)
    except StoreError as error:  # no draft is worth a turn that is paid for
        log.warning("draft.not_saved", turn=turn, error=str(error))
        return None
    return ImagePartial(index=draft.index, path=str(path), media_type=media_type)


def artist(kit: Kit, gathered: Gathered, place: Place) -> str | None:
    """Who drew it, as the server says.

    Our own artist, also behind a socket, is no model, though it echoes the name that was asked for.
    """
    echoes = gathered.tool_model in (None, place.requested.model)
    offline = gathered.offline or kit.upstream.profile.offline
    return OFFLINE_ARTIST if offline and echoes else gathered.tool_model


Pause = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """The pause that is none."""


async def keep_received(
    kit: Kit,
    picture: Picture,
    place: Place,
    *,
    drawn_by: str | None,
    pause: Pause = at_once,
) -> Image | Failure:
    """Store a picture exactly as it came (C2PA survives); damaged bytes are kept but not listed.

    ``pause`` comes when its bytes are on disk and it is not listed yet. While the store cannot take it, it is put aside, in case this process ends before the store can.
    Raises ``StoreError`` that names the file where the bytes are instead, if there is one.
    """

    async def stored() -> Image | Failure:
        return await _stored(kit, picture, place, drawn_by=drawn_by, pause=pause)

    try:
        return await stored()
    except StoreError as error:
        path = await _aside(kit, picture, place)
        try:
            kept = await kit.later(error, stored)
        except StoreError as last:
            raise saying_where(last, path) from last
        if path is not None:
            path.unlink(missing_ok=True)
        return kept


async def _aside(kit: Kit, picture: Picture, place: Place) -> Path | None:
    """Under the name of its turn, where it is whole: whoever settles for this process finds it."""
    whole = await anyio.to_thread.run_sync(kit.pictures.received, picture.data) is not None
    name = aside_name(place.turn if whole else None, picture.data)
    suffix = _SUFFIXES.get(picture.data[:2], ".bin")
    return await anyio.to_thread.run_sync(put_aside, picture.data, name, suffix)


async def _stored(
    kit: Kit, picture: Picture, place: Place, *, drawn_by: str | None, pause: Pause
) -> Image | Failure:
    await _announce(kit, place.turn, picture)
    facts = await anyio.to_thread.run_sync(kit.pictures.received, picture.data)
    if facts is None:
        blob = await kit.store.put_blob(
            picture.data, media_type="application/octet-stream", size=None
        )
        kept = kit.store.blob_path(blob.sha256, blob.media_type)
        return Failure(
            code="malformed",
            message=f"The server sent {len(picture.data):,} bytes that are no whole picture; "
            f"they are kept as they came: {kept}",
            hint="Look at the file; a gateway may have cut it. It is not asked for again by itself.",
            billed="possibly",
        )
    actual = _rendering(facts, picture, drawn_by)
    listed = await _add(
        kit,
        picture.data,
        facts,
        place,
        actual=actual,
        revised=picture.revised_prompt,
        pause=pause,
    )
    return listed.model_copy(update={"address": picture.address}) if picture.address else listed


async def rendering(kit: Kit, picture: Picture, *, drawn_by: str | None) -> Rendering:
    """What was drawn, for the bill, of a picture that is not kept."""
    facts = await anyio.to_thread.run_sync(kit.pictures.received, picture.data)
    return _rendering(facts, picture, drawn_by) if facts else Rendering(model=drawn_by)


def _rendering(facts: PictureFacts, picture: Picture, drawn_by: str | None) -> Rendering:
    said = dict(picture.actual)
    return Rendering(
        model=drawn_by,
        size=f"{facts.width}x{facts.height}",
        quality=said.get("quality"),
        format=_FORMATS.get(facts.media_type, facts.media_type),
        background=said.get("background"),
    )


async def keep_imported(kit: Kit, held: Held, *, session: SessionId) -> Image:
    """A file of the user's becomes a picture of the session, with no parent."""
    if held.image is not None:
        return held.image
    place = Place(session=session, turn=None, operation="import", parents=(), requested=Rendering())
    actual = Rendering(
        size=f"{held.facts.width}x{held.facts.height}",
        format=_FORMATS.get(held.facts.media_type, held.facts.media_type),
    )
    return await _add(kit, held.data, held.facts, place, actual=actual)


async def _add(
    kit: Kit,
    data: bytes,
    facts: PictureFacts,
    place: Place,
    *,
    actual: Rendering,
    revised: str | None = None,
    pause: Pause = at_once,
) -> Image:
    blob = await kit.store.put_blob(
        data, media_type=facts.media_type, size=(facts.width, facts.height)
    )
    await pause()
    image = Image(
        id=ImageId(kit.ids.new("img")),
        session=place.session,
        turn=place.turn,
        number=0,
        operation=place.operation,
        parents=place.parents,
        sha256=blob.sha256,
        media_type=blob.media_type,
        bytes=blob.bytes,
        requested=place.requested,
        actual=actual,
        revised_prompt=revised,
        created=kit.clock.now(),
    )
    return await kit.store.add_image(NewImage(image=image, blob=blob))


async def _announce(kit: Kit, turn: TurnId | None, picture: Picture) -> None:
    """So that its bytes find their turn, if this process ends between saving and listing them."""
    if turn is None or kit.watched is None:
        return
    try:
        await kit.watched.arriving(turn, picture.data)
    except StoreError as error:  # where no note can be written, the picture may still fit
        log.warning("picture.no_note", turn=turn, error=str(error))


def damaged(picture: Picture, failure: Failure) -> PictureFailed:
    """The same item, told as one that brought no picture."""
    return PictureFailed(item_id=picture.item_id, failure=failure)


def differences(image: Image) -> Sequence[TurnNotice]:
    """What was asked for and is not what came (gateways change it silently: D13, D28, L-rows)."""
    asked, got = image.requested, image.actual
    told = []
    if asked.size not in (None, "auto", got.size):
        told.append(("size_changed", f"asked for {asked.size}, got {got.size}"))
    if asked.format not in (None, got.format):
        told.append(("format_changed", f"asked for {asked.format}, got {got.format}"))
    if got.quality and asked.quality not in (None, "auto", got.quality):
        told.append(("quality_changed", f"asked for quality {asked.quality}, got {got.quality}"))
    strange = got.model not in (None, OFFLINE_ARTIST) and asked.model is not None
    if strange and not str(got.model).startswith(str(asked.model)):
        told.append(("model_changed", f"asked for {asked.model}, the server says {got.model}"))
    return [TurnNotice.model_validate({"code": code, "message": text}) for code, text in told]
