"""Turns as receipts: our records in the shape that the tools promise. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from ...results import TurnResult
from ...schema import Cost, Failure, Image, Session, Turn
from .jobs import Job
from .schemas import Drawn, Picture, Price, Problem, Status

_FLAG: Final = re.compile(r"--([a-z-]+)")
_ARGUMENTS: Final = {
    "session": "session",
    "from": "image",
    "image": "image",
    "ref": "references",
    "mask-box": "mask",
    "size": "size",
    "quality": "quality",
    "output-format": "format",
    "background": "background",
}
_MEANT: Final = {
    "use --mask-mode white (or black) if the area to change is painted white (black)": (
        "make the part that may change transparent, or give a box: [x, y, width, height]"
    ),
    "(--from) or a file (--image)": "(image)",
    "--from @4, --image FILE": "image: @4, or a file",
    "--from or --image": "image",
    "`limner show`": "show_session",
    "limner sessions": "show_session",
    "limner show": "show_session",
    "limner tree": "show_session",
}
"""Told by rooms that know the command line alone."""


def uri_of(image: Image) -> str:
    """Where ``resources/read`` finds the original."""
    return f"limner://image/{image.id}"


def receipt(job: Job, *, pending: bool) -> Drawn:
    """Of a call that ran in this process; ``pending`` while its last turn is under way."""
    results = job.results
    last = results[-1] if results else None
    started = job.started
    names: dict[str | None, str | None] = {
        result.session: result.session_name for result in results if result.session
    }
    if started is not None:
        names[started.session] = started.session_name
    session = next(reversed(names), None)
    problem = next((one.error for one in reversed(results) if one.error), None)
    if not results:
        problem = Failure(code="interrupted", message="The call was given up before it was sent.")
    status = "pending" if pending else _status(results)
    return Drawn(
        status=status,
        session=session,
        session_name=names.get(session),
        turn=job.turns[-1] if job.turns else None,
        turns=tuple(job.turns),
        images=tuple(
            picture_of(one, session=names.get(session), path=job.paths.get(one.id))
            for one in job.pictures
        ),
        text="\n".join(dict.fromkeys(filter(None, (result.text.strip() for result in results)))),
        cost=_sum(results),
        offline=last.offline if last else bool(started and started.offline),
        profile=last.profile if last else (started.profile if started else ""),
        warnings=tuple(dict.fromkeys([*job.warnings, *_asides(results, status)])),
        error=problem_of(problem, results)
        if problem and status not in ("done", "pending", "text")
        else None,
    )


def _status(results: Sequence[TurnResult]) -> Status:
    if any(result.images for result in results):
        return "done"
    outcome = results[-1].outcome if results else "failed"
    if outcome in ("text", "refused", "unknown"):
        return outcome
    return "failed"


def _asides(results: Iterable[TurnResult], status: Status) -> Iterable[str]:
    """What went wrong beside a success."""
    for one in results:
        yield from (failure.message for failure in one.failures)
        if one.error is not None and status == "done":
            yield f"one picture is missing: {one.error.message} {one.error.hint}".strip()


def _sum(results: Sequence[TurnResult]) -> Price | None:
    costs = [result.cost for result in results]
    if not costs:
        return None
    known = [cost.amount for cost in costs if cost.amount is not None]
    amount = sum(known[1:], known[0]) if len(known) == len(costs) else None
    return price_of(costs[-1].model_copy(update={"amount": amount}))


def price_of(cost: Cost) -> Price:
    """Exact, as text."""
    amount = None if cost.amount is None else f"{cost.amount:f}"
    return Price(amount=amount, currency=cost.currency, basis=cost.basis)


def problem_of(failure: Failure, results: Sequence[TurnResult] = ()) -> Problem:
    """With the attempts that are not settled, which a person may settle or repeat."""
    unknown = [a.id for one in results for a in one.attempts if a.state == "unknown"]
    return Problem(
        code=failure.code,
        message=in_arguments(failure.message),
        hint=in_arguments(failure.hint),
        charged=failure.billed,
        stage=failure.stage,
        rule=failure.rule,
        categories=failure.categories,
        candidates=failure.candidates,
        attempts=tuple(unknown),
        request_id=failure.request_id,
        retry_at=failure.retry_at,
    )


def in_arguments(text: str) -> str:
    """A sentence that names flags of the command line, with the arguments of the tools instead."""
    for said, meant in _MEANT.items():
        text = text.replace(said, meant)
    return _FLAG.sub(lambda flag: _ARGUMENTS.get(flag[1], flag[0]), text)


def picture_of(image: Image, *, session: str | None, path: str | None = None) -> Picture:
    """One picture; ``session`` is the name of its session."""
    return Picture(
        id=image.id,
        ref=f"{session}/{image.number}" if session else f"@{image.number}",
        uri=uri_of(image),
        path=path,
        original=image.path,
        turn=image.turn,
        parents=image.parents,
        media_type=image.media_type,
        bytes=image.bytes,
        size=image.actual.size,
        quality=image.actual.quality,
        model=image.actual.model,
        asked_size=image.requested.size,
        revised_prompt=image.revised_prompt,
    )


def from_store(turn: Turn, session: Session, images: Sequence[Image]) -> Drawn:
    """Of a turn that another process ran, or that this one has forgotten."""
    made = [image for image in images if image.turn == turn.id]
    closed = turn.outcome is not None
    outcome = turn.outcome or "failed"
    shown: Status = "pending"
    if closed:
        fine = outcome in ("text", "refused", "unknown")
        shown = "done" if made else outcome if fine else "failed"  # type: ignore[assignment]
    last = turn.failures[-1] if turn.failures else Failure(code="unknown", message="No picture.")
    return Drawn(
        status=shown,
        session=session.id,
        session_name=session.name,
        turn=turn.id,
        turns=(turn.id,),
        images=tuple(picture_of(image, session=session.name) for image in made),
        text=turn.text.strip(),
        cost=price_of(turn.cost) if closed else None,
        offline=turn.offline,
        profile=turn.profile,
        warnings=tuple(failure.message for failure in turn.failures) if made else (),
        error=problem_of(last) if shown in ("refused", "failed", "unknown") else None,
    )
