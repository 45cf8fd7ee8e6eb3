"""A gateway between our client and our own server: free, and nothing is left to guess.

    Limner's client  →  the gateway under test  →  Limner's offline server

Each case also runs without the gateway; what differs is what the gateway did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import anyio

from ..errors import KeyMissing, UsageError
from ..ids import SystemClock
from ..keys import normalise_base_url, origin_of
from ..offline.asgi import serve
from ..protocols import Clock
from ..settings import Settings
from .cases import CASES, FIRST, CaseOf, Order
from .comparison import addresses, bodies, events, image_bodies, of_another_api, outcomes
from .forms import Posted
from .report import Case, Difference
from .tapped import Arrived, Tapped
from .through import Reached, Through, id_of

_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandwich:
    """What is asked for. ``port`` 0 takes a free one, which the gateway then has to be told."""

    through: str
    """The gateway's base URL."""
    key: str = field(repr=False)
    order: Order
    host: str = "127.0.0.1"
    port: int = 0
    wait_s: float = 60.0
    """How long the gateway has to reach our server for the first time."""
    cases: tuple[CaseOf, ...] = CASES


async def run(
    sandwich: Sandwich,
    *,
    ready: Callable[[str], None],
    told: Callable[[Case], None] = lambda _: None,
    clock: Clock | None = None,
) -> list[Case]:
    """Every case in turn; ``ready`` gets the address that the gateway must call.

    Raises ``UsageError`` when the gateway never calls it, and ``OSError`` for a port in use.
    """
    try:
        return await _run(sandwich, ready, told, clock or SystemClock())
    except BaseExceptionGroup as group:
        raise _single(group) from group


def _single(error: BaseException) -> BaseException:
    """What a task group wrapped, where it is one thing."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


async def _run(
    sandwich: Sandwich, ready: Callable[[str], None], told: Callable[[Case], None], clock: Clock
) -> list[Case]:
    server, address, listening = Tapped(), list[str](), anyio.Event()

    def announce(url: str) -> None:
        address.append(url)
        listening.set()

    async def serving() -> None:
        await serve(server, host=sandwich.host, port=sandwich.port, ready=announce)

    found: list[Case] = []
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serving)
        await listening.wait()
        ready(address[0])
        gateway = Through(sandwich.through, sandwich.key, clock=clock)
        direct = Through(_reachable(address[0]), "sk-direct", clock=clock)
        bench = _Bench(server, gateway, direct, sandwich.order)
        try:
            await _until_called(server, gateway, sandwich)
            for case in sandwich.cases:
                found.append(await bench.compare(case, clock))
                told(found[-1])
        finally:
            with anyio.CancelScope(shield=True):
                await gateway.aclose()
                await direct.aclose()
            tasks.cancel_scope.cancel()
    return found


def _reachable(url: str) -> str:
    """From this machine: a server on every address is also on the loopback one."""
    return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def key_for(settings: Settings, url: str) -> str:
    """The key of the profile at that origin; raises ``SettingsError`` where none may go there."""
    origin = origin_of(normalise_base_url(url, allow_http=True))
    for profile in settings.profiles.values():
        if profile.api_key and profile.base_url and origin_of(profile.base_url) == origin:
            return profile.api_key.get_secret_value()
    raise KeyMissing(
        f"no configured key belongs to {origin}",
        hint="name the variable that holds the gateway's key: --key-env VARIABLE",
    )


async def _until_called(server: Tapped, gateway: Through, sandwich: Sandwich) -> None:
    """Tries until a request of ours arrives at our server."""
    last = ""
    with anyio.move_on_after(sandwich.wait_s):
        while True:
            for case in FIRST:
                server.misbehave(())
                reached = await gateway.send(case.build(sandwich.order), api=case.api)
                if server.calls:
                    return
                last = reached.understood.words
            await anyio.sleep(_PAUSE_S)
    raise UsageError(
        f"Within {sandwich.wait_s:g} s nothing that was sent to {sandwich.through} arrived at "
        f"Limner's server (the gateway's last answer: {last or 'none'}).",
        hint="Make the address above the upstream of the gateway, and check the key for it.",
    )


class _Bench:
    """One pass: the ids of earlier answers are remembered for both ways."""

    def __init__(self, server: Tapped, gateway: Through, direct: Through, order: Order) -> None:
        self._server = server
        self._gateway = gateway
        self._direct = direct
        self._order = order
        self._ids: dict[str, tuple[str | None, str | None]] = {}
        """Case → (id as the gateway told it, id as our server gave it to the gateway)."""
        self._direct_ids: dict[str, str | None] = {}

    async def compare(self, case: CaseOf, clock: Clock) -> Case:
        """The case without the gateway, then with it."""
        started = clock.monotonic()
        direct, straight = await self._send(
            case, self._direct, self._direct_ids.get(case.after or "")
        )
        told, inside = self._ids.get(case.after or "", (None, None))
        through, calls = await self._send(case, self._gateway, told)
        self._direct_ids[case.name] = direct.response_id
        self._ids[case.name] = through.response_id, _id_given(calls)
        known = {told: inside} if told and inside else {}
        found = tuple(_differences(case, direct, through, calls, known, once=len(straight)))
        return Case(
            name=case.name,
            about=case.about,
            passed=all(difference.harmless for difference in found),
            differences=found,
            upstream_calls=len(calls),
            elapsed_ms=round((clock.monotonic() - started) * 1000),
        )

    async def _send(
        self, case: CaseOf, way: Through, previous: str | None
    ) -> tuple[Reached, Sequence[Arrived]]:
        self._server.misbehave(case.faults, address=case.address)
        outgoing = case.build(replace(self._order, previous=previous))
        return await way.send(outgoing, key=case.key, api=case.api), self._server.calls


def _posted(call: Arrived) -> Posted:
    return Posted(path=call.path, content_type=call.content_type, body=call.body)


def _id_given(calls: Sequence[Arrived]) -> str | None:
    return id_of(bytes(calls[-1].answer)) if calls else None


def _differences(
    case: CaseOf,
    direct: Reached,
    through: Reached,
    calls: Sequence[Arrived],
    known_ids: dict[str, str],
    *,
    once: int,
) -> list[Difference]:
    found = list(outcomes(direct.understood, through.understood))
    if case.key is not None:  # whether the gateway or we refuse it makes no difference
        return found
    if not calls:
        return [*found, Difference(kind="never_arrived", where="request")]
    if len(calls) > once:
        calls_made = Difference(kind="calls", where="calls", sent=str(once), got=str(len(calls)))
        found.append(calls_made)
    arrived, answered = _posted(calls[0]), bytes(calls[-1].answer)
    if case.api.images:
        found += image_bodies(through.sent, arrived)
    else:
        found += bodies(through.sent.body, arrived.body, known_ids=known_ids)
    if arrived.endpoint != through.sent.endpoint:
        found = list(of_another_api(found, direct.understood, through.understood))
    else:
        found += addresses(answered, through.came)
        found += events(answered, through.came)
    if direct.request_id and not through.request_id:
        lost = Difference(kind="request_id", where="headers", sent="given", harmless=True)
        found.append(lost)
    return found
