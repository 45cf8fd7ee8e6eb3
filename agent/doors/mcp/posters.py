"""``make_poster``: a brief made whole. The work belongs to the server, as that of every call does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import anyio
import anyio.to_thread
from mcp_types import CallToolResult
from pydantic import BeforeValidator, Field

from ...errors import LimnerError, UsageError
from ...logs import get_logger
from ...schema import Cost, Failure, Record
from . import answers
from .host import Host
from .jobs import Grant
from .paths import Roots, roots_of
from .poster_jobs import PosterJob
from .receipts import price_of, problem_of
from .schemas import Price, Problem, Waiting, read_args
from .workroom import Workroom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ... import ImageAgent
    from ...poster.brief import Brief
    from ...poster.planning import MakeOptions

log = get_logger("limner.mcp")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class PosterArgs(Waiting):
    """Of ``make_poster``."""

    brief: str = Field(
        min_length=1, description="Path of the brief: a YAML, JSON or Markdown file in the roots."
    )
    output_folder: str = Field(
        default="out", description="Folder; the posters go to <folder>/<brief>/<locale>/<size>/."
    )
    sizes: Names = Field(default=(), description="Only these sizes of the brief.")
    locales: Names = Field(default=(), description="Only these locales of the brief.")
    dry_run: bool = Field(
        default=False, description="Only say what would be made, and its price; buys nothing."
    )
    max_cost: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="The most that the whole brief may cost.",
    )


class Poster(Record):
    """One poster. ``paths`` are its files, ``reasons`` why it is not proved."""

    name: str
    status: str
    paths: tuple[str, ...]
    reasons: tuple[str, ...]


class Postered(Record):
    """The receipt of ``make_poster``."""

    status: Literal["done", "pending", "planned", "failed"]
    brief: str
    posters: tuple[Poster, ...]
    pictures: int
    cheapest: Price | None
    dearest: Price | None
    cost: Price | None
    report: str | None
    warnings: tuple[str, ...]
    offline: bool
    error: Problem | None


async def make_poster(
    room: Workroom, host: Host, given: Mapping[str, object] | None
) -> CallToolResult:
    """Plan it, begin it or join it, wait, and say how it stands."""
    try:
        args = read_args(PosterArgs, given)
        options = room.options
        roots = roots_of(await host.roots(), configured=options.roots, working=options.working)
        return await _made(room, host, args, roots)
    except LimnerError as error:
        return _failed(answers.failure_of(error), "")


async def _made(room: Workroom, host: Host, args: PosterArgs, roots: Roots) -> CallToolResult:
    from ...poster.planning import MakeOptions, fitting, plan_for

    brief = await anyio.to_thread.run_sync(_read, args.brief, roots)
    folder = roots.inside(args.output_folder, what="output_folder")
    agent = await room.agent()
    limit = None if args.max_cost is None else Decimal(str(args.max_cost))
    options = MakeOptions(
        out=folder,
        sizes=args.sizes,
        locales=args.locales,
        budget=limit,
        cwd=str(roots.first),
    )
    plan = await anyio.to_thread.run_sync(plan_for, brief, agent, options)
    await anyio.to_thread.run_sync(fitting, brief, args.sizes)
    told = Postered(
        status="planned",
        brief=brief.name,
        posters=tuple(
            Poster(name=cell.name, status="planned", paths=(), reasons=()) for cell in plan.cells
        ),
        pictures=len(plan.pictures),
        cheapest=price_of(plan.cheapest),
        dearest=price_of(plan.dearest),
        cost=None,
        report=None,
        warnings=plan.warnings,
        offline=agent.offline,
        error=None,
    )
    if args.dry_run:
        return answers.result(told, _plan_lines(told))
    key = repr((str(folder), brief.name, args.sizes, args.locales, limit))
    most = plan.most_drawn
    job = await _begun(room, agent, brief, options, (key, most, plan.dearest))
    if isinstance(job, Failure):
        return _failed(job, brief.name)
    await _wait(room, host, job, args.wait_s, len(plan.cells))
    return _answer(room, job, told)


def _read(path: str, roots: Roots) -> Brief:
    """The brief; what it names has to lie in the roots too, for its pictures become public."""
    from ...poster.filling import load_brief

    brief = load_brief(roots.file(path, what="brief"))
    for file in (*brief.references, *((brief.logo.path,) if brief.logo else ())):
        roots.inside(str(file), what=f"{brief.name}: the picture")
    return brief


# ── the work ─────────────────────────────────────────────────────────────────────────────────


async def _begun(
    room: Workroom,
    agent: ImageAgent,
    brief: Brief,
    options: MakeOptions,
    what: tuple[str, int, Cost],
) -> PosterJob | Failure:
    """The same call under way, or a new one within what this server may still spend."""
    from dataclasses import replace

    key, most, dearest = what
    if (running := room.posters.get(key)) is not None:
        return running
    allowance = room.allowance
    job = PosterJob(key=key, count=most)
    if failure := allowance.admit(job):
        return failure
    grant = Grant(allowance, None)
    if allowance.max_cost is not None:
        async with allowance.gate:
            held = sum((one.held for one in allowance.grants), Decimal(0))
            left = max(allowance.max_cost - allowance.spent - held, Decimal(0))
            options = replace(options, budget=min(left, options.budget or left))
            grant.held = min(left, dearest.amount if dearest.amount is not None else left)
            allowance.grants.add(grant)
    room.posters[key] = job
    agent.start(_Work(room, agent, brief, options, job, grant).run)
    return job


@dataclass(frozen=True, slots=True)
class _Work:
    """A brief in the making, on the server's account."""

    room: Workroom
    agent: ImageAgent
    brief: Brief
    options: MakeOptions
    job: PosterJob
    grant: Grant

    async def run(self) -> None:
        """Until it is made, or nobody wants it; never raises."""
        from ...poster.make import make_posters

        job = self.job
        try:
            with job.scope:
                events = make_posters(self.brief, self.agent, self.options)
                async with aclosing(events):
                    async for event in events:
                        job.hear(event)
        except Exception as error:  # told to whoever waits
            if not isinstance(error, LimnerError):
                log.exception("mcp.bug", tool="make_poster")
            job.error = error
        finally:
            self._settle()
            job.ended.set()

    def _settle(self) -> None:
        job, allowance = self.job, self.room.allowance
        known = job.done.cost.amount if job.done else None
        allowance.spent += known if known is not None else self.grant.held
        self.grant.close()
        allowance.count(job, job.drawn)


async def _wait(room: Workroom, host: Host, job: PosterJob, wait_s: float, count: int) -> None:
    began = anyio.current_time()
    while not job.ended.is_set():
        left = began + wait_s - anyio.current_time()
        if left <= 0:
            return
        with anyio.move_on_after(min(left, room.options.pulse_s)):
            await job.ended.wait()
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            waited = anyio.current_time() - began
            # rises also while nothing happens: standing still looks like being stuck
            told = len(job.made) + (1 - 1 / (1 + waited / 60)) * 0.9
            await host.progress(min(told, count), float(count), f"{job.doing} ({waited:.0f} s)")


# ── what is said ─────────────────────────────────────────────────────────────────────────────


def _answer(room: Workroom, job: PosterJob, told: Postered) -> CallToolResult:
    posters = tuple(
        Poster(name=one.name, status=one.status, paths=one.paths, reasons=one.reasons)
        for one in job.made
    )
    if not job.ended.is_set():
        pending = told.model_copy(update={"status": "pending", "posters": posters})
        return answers.result(pending, _pending_lines(job, told))
    room.posters.pop(job.key, None)
    done = job.done
    if done is None:
        error = job.error if isinstance(job.error, LimnerError) else UsageError("It was given up.")
        return _failed(answers.failure_of(error), told.brief)
    ended = told.model_copy(
        update={
            "status": "done" if any(one.paths for one in posters) else "failed",
            "posters": posters,
            "cost": price_of(done.cost),
            "report": done.report,
            "error": problem_of(done.error) if done.error else None,
        }
    )
    return answers.result(ended, _lines(ended), error=ended.status == "failed")


def _failed(failure: Failure, brief: str) -> CallToolResult:
    told = Postered(
        status="failed",
        brief=brief,
        posters=(),
        pictures=0,
        cheapest=None,
        dearest=None,
        cost=None,
        report=None,
        warnings=(),
        offline=False,
        error=problem_of(failure),
    )
    return answers.result(told, (failure.message, failure.hint), error=True)


def _plan_lines(told: Postered) -> Iterator[str]:
    yield f"{told.brief}: {len(told.posters)} posters from {told.pictures} pictures"
    for price, name in ((told.cheapest, "at least"), (told.dearest, "at most")):
        if price is not None and price.amount is not None:
            yield f"{name} {Decimal(price.amount):.2f} {price.currency}"
    yield from (poster.name for poster in told.posters)
    yield from (f"note: {warning}" for warning in told.warnings)


def _pending_lines(job: PosterJob, told: Postered) -> Iterator[str]:
    yield f"pending: {len(job.made)} of {len(told.posters)} posters of {told.brief}; {job.doing}."
    yield "Make the same call again to go on waiting: nothing is bought twice."


def _lines(told: Postered) -> Iterator[str]:
    for poster in told.posters:
        if poster.paths:
            yield str(Path(poster.paths[0]))
    for poster in told.posters:
        if poster.status != "proved":
            yield f"{poster.name}: {poster.status}: {'; '.join(poster.reasons)}"
    if told.report:
        yield f"report for a person: {told.report}"
    if told.cost is not None and told.cost.amount is not None:
        yield f"cost {Decimal(told.cost.amount):.2f} {told.cost.currency}"
    yield from (f"note: {warning}" for warning in told.warnings)
    if told.offline:
        yield f"note: {answers.OFFLINE}"
