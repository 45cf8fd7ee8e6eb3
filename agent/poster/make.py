"""Making a brief: one brief, one process, from the plan to the files.

    plan ─► the look of each variant ─► its other sizes as edits ─► proof ─► repair ─► type ─► files

Every picture is on its own: what is refused, fails or is parked does not stop the others. What is
finished is left alone, and nothing is bought twice (``journal``, ``buying``).
"""

from __future__ import annotations

import hashlib
from collections import Counter as Counts
from collections.abc import AsyncGenerator, Callable, Iterable
from decimal import Decimal
from pathlib import Path

import anyio

from .. import ImageAgent, __version__
from ..results import exit_code
from ..schema import Cost, Failure
from . import output
from .brief import Brief
from .buying import Counter
from .contact import Shown, contact_sheet
from .hearing import told
from .journal import Filed, Journal, kept
from .layout import layout_for
from .plan import Plan
from .planning import MakeOptions, fitting, plan_for, with_model
from .purse import Purse, total
from .records import PosterDone, PosterEvent, PosterPlanned, PosterRecord
from .report import report_of
from .screened import refusal
from .shop import Shop
from .variants import Board, Line


def make_posters(
    brief: Brief, agent: ImageAgent, options: MakeOptions | None = None
) -> AsyncGenerator[PosterEvent, None]:
    """Make every poster of a brief. The last event, and only the last, is ``PosterDone``.

    Leaving early stops what was not sent; what was is still read, stored and settled. Raises
    ``UsageError`` when another process makes the same folder.
    """
    return told(agent, lambda tell: _Run(brief, agent, options or MakeOptions(), tell).run())


class _Run:
    """One brief being made."""

    def __init__(
        self,
        brief: Brief,
        agent: ImageAgent,
        options: MakeOptions,
        tell: Callable[[PosterEvent], None],
    ) -> None:
        self._brief = with_model(brief, agent)
        self._agent = agent
        self._options = options
        self._tell = tell
        self._folder = output.folder_of(options.out, brief)
        self._board = Board(self._folder, tell)

    # ── the story ────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Everything, from the plan to the files."""
        with kept(self._folder) as journal:
            await self._all(journal)

    async def _all(self, journal: Journal) -> None:
        plan = plan_for(self._brief, self._agent, self._options)
        await anyio.to_thread.run_sync(fitting, self._brief, self._options.sizes)
        prints = await anyio.to_thread.run_sync(self._prints, plan)
        earlier = await anyio.to_thread.run_sync(output.read_manifest, self._folder)
        done = await anyio.to_thread.run_sync(self._finished, plan, prints, earlier)
        shop = await self._shop(journal, plan)
        self._planned(plan, len(done))
        for record in done.values():
            self._board.keep(record, skipped=True)
        self._board.stop = await self._refused()
        todo = {cell.picture for cell in plan.cells if cell.name not in done}
        room = anyio.CapacityLimiter(max(1, self._options.at_once))
        async with anyio.create_task_group() as tasks:
            for variant in dict.fromkeys(p.variant for p in plan.pictures):
                pictures = [p for p in plan.pictures if p.variant == variant and p.key in todo]
                line = Line(
                    shop=shop,
                    board=self._board,
                    cells=plan.cells,
                    prints=prints,
                    room=room,
                    cmyk=self._options.cmyk,
                )
                tasks.start_soon(line.run, variant, pictures)
        await self._closing(plan, shop, earlier)

    def _planned(self, plan: Plan, finished: int) -> None:
        self._tell(
            PosterPlanned(
                brief=plan.brief,
                pictures=len(plan.pictures),
                posters=len(plan.cells),
                finished=finished,
                cheapest=plan.cheapest,
                dearest=plan.dearest,
                warnings=plan.warnings,
                folder=str(self._folder),
                offline=self._agent.offline,
            )
        )

    async def _refused(self) -> Failure | None:
        """The brief before the policy, all fields together; the verdict is written down."""
        options = self._options
        return await refusal(
            self._agent,
            self._brief,
            acknowledged=options.acknowledge,
            acknowledged_by=options.acknowledged_by,
            user=options.user,
        )

    async def _shop(self, journal: Journal, plan: Plan) -> Shop:
        options = self._options
        caps = [cap for cap in (options.budget, self._brief.budget) if cap is not None]
        spent = await self._spent(journal, plan.cheapest.currency)
        purse = Purse(min(caps) if caps else None, spent=spent)
        steps = Filed(journal)
        return Shop(
            agent=self._agent,
            brief=self._brief,
            layouts={spec.name: layout_for(self._brief, spec) for spec in self._brief.sizes},
            journal=steps,
            purse=purse,
            counter=Counter(self._agent, steps, purse),
            tell=self._tell,
            acknowledge=options.acknowledge,
            acknowledged_by=options.acknowledged_by,
            user=options.user,
            cwd=options.cwd,
        )

    async def _spent(self, journal: Journal, currency: str) -> Cost:
        """What earlier runs of this folder cost: turns by the ledger, questions by the journal."""
        costs = [Cost(amount=Decimal(0), currency=currency, basis="usage")]
        for step in journal.all():
            costs.append(step.cost if step.kind == "proof" else costs[0])
            if step.turn is not None:
                sent = await self._agent.store.attempts(turn=step.turn)
                costs += [one.cost if one.settled else one.reserved for one in sent]
        return total(costs)

    # ── what is finished ─────────────────────────────────────────────────────────────────────

    def _prints(self, plan: Plan) -> dict[str, str]:
        """Cell → fingerprint of everything that it is made from."""
        files = [self._options.cmyk] if self._options.cmyk else []
        extra = [_hash(path) for path in (*self._brief.references, *files)]
        return {
            cell.name: output.fingerprint(
                self._brief,
                cell,
                plan.picture(cell.picture),
                version=__version__,
                extra=" ".join(extra),
            )
            for cell in plan.cells
        }

    def _finished(
        self, plan: Plan, prints: dict[str, str], earlier: dict[str, PosterRecord]
    ) -> dict[str, PosterRecord]:
        return {
            cell.name: earlier[cell.name]
            for cell in plan.cells
            if output.finished(self._folder, earlier.get(cell.name), prints[cell.name])
        }

    # ── the end ──────────────────────────────────────────────────────────────────────────────

    async def _closing(self, plan: Plan, shop: Shop, earlier: dict[str, PosterRecord]) -> None:
        records = [self._board.records[cell.name] for cell in plan.cells]
        others = [r for r in earlier.values() if self._left_as_it_is(r)]
        listed = [*records, *others]
        paths = await anyio.to_thread.run_sync(self._files, plan, listed, shop.purse)
        counts = Counts(record.status for record in records)
        self._tell(
            PosterDone(
                brief=self._brief.name,
                folder=str(self._folder),
                counts=dict(counts),
                cost=shop.purse.spent,
                spent=shop.purse.whole,
                exit_code=code_of(records, self._board.stop),
                manifest=str(paths[0]),
                report=str(paths[1]),
                contact=str(paths[2]) if paths[2] else "",
                error=self._board.stop,
            )
        )

    def _left_as_it_is(self, record: PosterRecord) -> bool:
        """A poster of this brief that this run was not asked for."""
        brief = self._brief
        return (
            record.name not in self._board.records
            and record.variant <= brief.variants
            and record.locale in brief.locales
            and record.size in {spec.name for spec in brief.sizes}
        )

    def _files(
        self, plan: Plan, records: list[PosterRecord], purse: Purse
    ) -> tuple[Path, Path, Path | None]:
        """Manifest, report and contact sheet."""
        manifest = output.write_manifest(self._folder, records)
        report = self._folder / output.REPORT
        output.write(
            report, report_of(self._brief, plan, records, self._folder, purse.whole).encode()
        )
        shown = [
            Shown(record.name, data, "" if record.status == "proved" else record.status)
            for record in records
            for data in _first_file(self._folder, record)
        ]
        if not shown:
            return manifest, report, None
        contact = self._folder / output.CONTACT
        output.write(contact, contact_sheet(shown, title=self._brief.name))
        return manifest, report, contact


def code_of(records: Iterable[PosterRecord], stop: Failure | None) -> int:
    """Exit code of a brief: 0, 5 budget, 3 all refused, 6 some posters are not proved."""
    statuses = {record.status for record in records}
    if statuses <= {"proved"}:
        return 0
    if "budget" in statuses:
        return 5
    if statuses == {"refused"}:
        return 3
    if statuses <= {"failed", "planned"}:
        return exit_code("failed", stop.code if stop else None) or 1
    return 6


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _first_file(folder: Path, record: PosterRecord) -> list[bytes]:
    try:
        return [(folder / record.files[0].path).read_bytes()] if record.files else []
    except OSError:
        return []
