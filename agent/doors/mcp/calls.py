"""One tool call, start to end: arguments, files, the turn, the answer."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import anyio
import anyio.to_thread
from mcp_types import CallToolResult

from ...errors import LimnerError, NotFound, UsageError
from ...protocols import Source, TurnRequest
from ...schema import Failure, ImageOptions, Session, TurnId
from ...turn.lineage import picture_at, read_ref
from . import answers, looking
from .host import Host
from .jobs import Call, Job
from .paths import Roots, Target, mode_of, roots_of, target_of
from .receipts import from_store, receipt
from .schemas import (
    CheckArgs,
    EditArgs,
    GenerateArgs,
    SessionArgs,
    TurnArgs,
    read_args,
)
from .workroom import Workroom

POLL_S = 1.0
"""Between two looks at a turn that another process runs."""
STARTING_S = 10.0
"""Beyond ``wait_s``, so that even the most impatient caller gets a turn id to come back with."""
_URI = "limner://image/"
Given = Mapping[str, object] | None


async def generate_image(room: Workroom, host: Host, given: Given) -> CallToolResult:
    """Draw something new."""
    try:
        return await _draw(room, host, read_args(GenerateArgs, given))
    except LimnerError as error:
        return answers.failed(answers.failure_of(error))


async def edit_image(room: Workroom, host: Host, given: Given) -> CallToolResult:
    """Change a picture."""
    try:
        return await _draw(room, host, read_args(EditArgs, given))
    except LimnerError as error:
        return answers.failed(answers.failure_of(error))


async def get_turn(room: Workroom, host: Host, given: Given) -> CallToolResult:
    """Go on waiting for a turn, or read one that ended."""
    try:
        args = read_args(TurnArgs, given)
        job = room.of_turn(args.turn)
        if job is not None:
            return await _answered(room, host, job, wait_s=args.wait_s)
        return await _stored(room, args)
    except LimnerError as error:
        return answers.failed(answers.failure_of(error))


async def check_prompt(room: Workroom, host: Host, given: Given) -> CallToolResult:
    """Ask the safety screen."""
    del host
    try:
        return looking.checked(await room.check(read_args(CheckArgs, given).prompt))
    except LimnerError as error:
        return answers.told(error)


async def show_session(room: Workroom, host: Host, given: Given) -> CallToolResult:
    """What was drawn."""
    try:
        args = read_args(SessionArgs, given)
        store = await room.store()
        cwd = str((await _roots(room, host)).first)
        here = await store.sessions(cwd=cwd, limit=10)
        if args.session is not None:
            session = await store.session(args.session)
        elif here:
            session = here[0]
        else:
            raise NotFound(
                "No session was started here.",
                candidates=tuple(s.name for s in await store.sessions(limit=5)),
                hint="generate_image starts one.",
            )
        turns, images = await store.turns(session.id), await store.images(session.id)
    except LimnerError as error:
        return answers.told(error)
    newest = picture_at(turns, images, session.head)
    return looking.shown(
        session,
        turns,
        images,
        newest=newest.id if newest else None,
        limit=args.limit,
        others=[one.name for one in here if one.id != session.id],
    )


# ── drawing ──────────────────────────────────────────────────────────────────────────────────


async def _draw(room: Workroom, host: Host, args: GenerateArgs | EditArgs) -> CallToolResult:
    """Begin the call, or join the same one under way; ask a person where the policy wants one."""
    roots = await _roots(room, host)
    call = _call(args, roots, host)
    job = room.same(call)
    if job is not None:
        job.stopping = False
        job.warnings.append(
            "this is the picture of the same call, made before and still under way or not "
            "delivered; nothing was bought twice. For variants say n."
        )
        return await _answered(room, host, job, wait_s=args.wait_s)
    target = target_of(args.output_path, roots, overwrite=args.overwrite)
    session = await _session(room, args.session, new=isinstance(args, GenerateArgs))
    request = _request(room, args, roots, target, session)
    if not await (await room.claims()).known(call):  # then its file may be there by now
        await anyio.to_thread.run_sync(
            lambda: target.check(output_format=request.options.output_format, count=args.n)
        )
    return await _begin(room, host, args, Plan(call, request, target))


@dataclass(frozen=True, slots=True)
class Plan:
    """A call, checked as far as it can be without an agent."""

    call: Call
    request: TurnRequest
    target: Target


async def _begin(
    room: Workroom, host: Host, args: GenerateArgs | EditArgs, plan: Plan
) -> CallToolResult:
    """Until it is drawn, or refused for good: what a person accepts is tried again."""
    request = plan.request
    while True:
        accepted = host.acknowledged
        by = f"a person, asked by {host.name}" if accepted else None
        request = replace(request, acknowledge=accepted, acknowledged_by=by)
        begun = await room.start(plan.call, request, plan.target, count=args.n)
        answer = await _answered(room, host, begun, wait_s=args.wait_s)
        refused = begun.results[-1].error if begun.done and begun.results else None
        if refused is None or begun.turns:
            return answer
        if refused.code == "review" and refused.rule is not None:
            failure = await _second_look(host, refused, args.prompt)
            if failure is not None:
                return answers.failed(failure)
        elif (named := await _named_meanwhile(room, request)) is not None:
            request = replace(request, session=named, session_name=None)
        else:
            return answer


async def _named_meanwhile(room: Workroom, request: TurnRequest) -> str | None:
    """The session that another call has opened under the name that this one wanted to give."""
    if request.session_name is None:
        return None
    try:
        found = await (await room.store()).session(request.session_name)
    except NotFound:
        return None
    return found.id if found.name == request.session_name else None


async def _second_look(host: Host, refused: Failure, prompt: str) -> Failure | None:
    """A person's word on a rule that wants one; ``None``: they accept it."""
    rule = str(refused.rule)
    if rule in host.acknowledged:  # refused all the same, so asking again would not end
        return refused
    reason = refused.message.partition(" Nothing was sent")[0]
    question = (
        f"{reason} (rule {rule})\n\nThe prompt: {prompt[:1000]}\n\nShall it be drawn all the same?"
    )
    word = await host.acknowledges(rule, question)
    if word == "yes":
        return None
    fix = refused.hint.partition("Or acknowledge it:")[0].strip()
    if word == "no":
        hint = f"{fix} A person was asked and did not accept it: do not send it again."
    else:
        hint = (
            f"{fix} Or a person acknowledges it at a terminal: limner generate --acknowledge "
            f"{rule} PROMPT. No argument of this tool can."
        )
    return refused.model_copy(update={"hint": hint.strip()})


async def _answered(room: Workroom, host: Host, job: Job, *, wait_s: float) -> CallToolResult:
    """The outcome, or ``pending``. Whoever cancels only leaves: what was sent goes on."""
    job.waiting += 1
    try:
        await _wait(room, host, job, wait_s=wait_s)
    except anyio.get_cancelled_exc_class():
        if job.waiting == 1:
            job.leave()
        raise
    finally:
        job.waiting -= 1
    done = job.done
    answer = await answers.drawn(receipt(job, pending=not done))
    if done and not job.delivered:
        await room.delivered(job)
    return answer


async def _wait(room: Workroom, host: Host, job: Job, *, wait_s: float) -> None:
    """Until it is done or the time is up, saying where it stands whenever that changes."""
    began, told = anyio.current_time(), 0.0
    while not job.done:
        left = began + wait_s - anyio.current_time()
        if job.started is None:
            left = max(left, began + STARTING_S - anyio.current_time())
        if left <= 0:
            return
        changed, pulse = job.changed, room.options.pulse_s
        with anyio.move_on_after(min(left, pulse)):
            await changed.wait()
        waited = anyio.current_time() - began
        # rises also while nothing happens: it has to, and standing still looks like being stuck
        before, told = told, max(job.progress, told + (job.count - told) / 100)
        if told == before:  # all is there, and is being written down
            continue
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await host.progress(told, float(job.count), f"{job.doing} ({waited:.0f} s)")


async def _stored(room: Workroom, args: TurnArgs) -> CallToolResult:
    """A turn of another process, read until it has ended or the time is up."""
    store = await room.store()
    until = anyio.current_time() + args.wait_s
    while True:
        await store.reap()  # its process may be gone
        turn = await store.turn(TurnId(args.turn))
        left = until - anyio.current_time()
        if turn.outcome is not None or left <= 0:
            break
        await anyio.sleep(min(POLL_S, left))
    session, images = await store.session(turn.session), await store.images(turn.session)
    if turn.outcome is not None:
        await room.delivered_turn(turn.id)
    return await answers.drawn(from_store(turn, session, images))


# ── from arguments to a turn ─────────────────────────────────────────────────────────────────


async def _roots(room: Workroom, host: Host) -> Roots:
    options = room.options
    asked = await host.roots()
    return roots_of(asked, configured=options.roots, working=options.working)


async def _session(room: Workroom, asked: str | None, *, new: bool) -> Session | str | None:
    """The session named; for a new picture an unknown name is that of a new session."""
    if asked is None:
        return None
    try:
        return await (await room.store()).session(asked)
    except NotFound as error:
        unknown = not new or asked.startswith("ses_") or "beginning of" in str(error)
        if unknown:
            raise
        return asked


def _call(args: GenerateArgs | EditArgs, roots: Roots, host: Host) -> Call:
    """The same for the same call; where no session tells callers apart, who calls does."""
    said = args.model_dump(mode="json", exclude={"wait_s"})
    apart = args.session is None and not _names_session(args)
    return Call(
        key=_hash([type(args).__name__, said, str(roots.first)]),
        caller=_hash(host.identity if apart else ""),
    )


def _names_session(args: GenerateArgs | EditArgs) -> bool:
    """A picture belongs to its session, whoever asks for it."""
    image = args.image if isinstance(args, EditArgs) else None
    return image is not None and image.removeprefix(_URI).startswith("img_")


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _request(
    room: Workroom,
    args: GenerateArgs | EditArgs,
    roots: Roots,
    target: Target,
    session: Session | str | None,
) -> TurnRequest:
    request = TurnRequest(
        text=args.prompt,
        session=session.id if isinstance(session, Session) else None,
        session_name=session if isinstance(session, str) else None,
        references=[_source(ref, roots, what="references") for ref in args.references],
        options=_options(room, args, target),
        effort=room.settings.effort,
        max_cost=None if args.max_cost is None else Decimal(str(args.max_cost)),
        cwd=str(roots.first),
    )
    if isinstance(args, GenerateArgs):
        return replace(request, intent="generate")
    box = _box(args.mask)
    return replace(
        request,
        intent="edit",
        edit=None if args.image is None else [_source(args.image, roots, what="image")],
        mask=roots.inside(args.mask, what="mask")
        if box is None and isinstance(args.mask, str)
        else None,
        mask_box=box,
    )


def _source(text: str, roots: Roots, *, what: str) -> Source:
    """A picture Limner holds, or a file below the roots."""
    if text.startswith(_URI):
        return text.removeprefix(_URI)
    ref = read_ref(text)
    if text.startswith(("@", "img_")):
        return text
    path = roots.inside(text, what=what)
    if ref.number is not None and not mode_of(path):
        return text
    if not stat.S_ISREG(mode_of(path)):
        raise UsageError(
            f"{what} {text!r}: there is no such file below {', '.join(map(str, roots.folders))}.",
            hint="Name a file, an image id (img_...), @n or session/n; show_session lists them.",
        )
    return path


def _box(mask: str | tuple[int, int, int, int] | None) -> tuple[int, int, int, int] | None:
    """Also written as ``"x,y,width,height"``; any other text is a path."""
    if not isinstance(mask, str):
        return mask
    parts = mask.split(",")
    try:
        x, y, width, height = (int(part) for part in parts)
    except ValueError:
        return None
    return x, y, width, height


def _options(room: Workroom, args: GenerateArgs | EditArgs, target: Target) -> ImageOptions:
    """What somebody said, and only that: an edit keeps the rest of its picture."""
    settings, profile = room.settings, room.profile
    full = settings.image_options(profile)
    said = {key for key in ImageOptions.model_fields if key in settings.origins} - {"model"}
    if isinstance(args, EditArgs):
        said -= {"size"}
    values: dict[str, object] = {key: getattr(full, key) for key in said}
    if profile.image_model:
        values["model"] = profile.image_model
    asked = {
        "size": args.size,
        "quality": args.quality,
        "output_format": args.format or target.format,
        "background": args.background,
    }
    values |= {key: value for key, value in asked.items() if value is not None}
    return ImageOptions.model_validate(values)


async def original(room: Workroom, which: str) -> tuple[bytes, str, Path]:
    """Bytes, media type and place of a picture; raises ``NotFound``."""
    store = await room.store()
    image = await store.image(which)
    return await store.read_blob(image.sha256), image.media_type, Path(image.path)
