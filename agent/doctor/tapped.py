"""Our own server as a gateway's upstream, which keeps what arrived and what it answered."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Literal

from ..offline import Offline, OfflineOptions
from ..offline.exchange import Body, Incoming, Reply
from ..offline.faults import Schedule, parse_fault

Address = Literal["ignored", "data-url", "unknown"]


@dataclass(kw_only=True)
class Arrived:
    """One call of the gateway's: byte for byte what came in and what went out."""

    path: str
    content_type: str = "application/json"
    body: bytes = field(repr=False)
    status: int | None = None
    """``None``: the connection was cut."""
    answer: bytearray = field(default_factory=bytearray, repr=False)


class Tapped(Offline):
    """Draws in flat colours; ``calls`` are the requests since ``misbehave``."""

    def __init__(self) -> None:
        super().__init__(OfflineOptions(draw="tiny"))
        self.calls: list[Arrived] = []

    def misbehave(self, faults: Sequence[str], *, address: Address = "ignored") -> None:
        """From here on with these faults, and with nothing noted. What was stored stays.

        ``address``: what it does when it is asked for one in place of a picture's bytes (C4, D7).
        """
        self.state.dialect = replace(self.state.dialect, images_address=address)
        self.state.schedule = Schedule(tuple(parse_fault(spec) for spec in faults))
        self.calls = []

    async def handle(self, request: Incoming) -> Reply:
        """``Offline.handle``."""
        if request.method != "POST":
            return await super().handle(request)
        kind = request.headers.get("content-type", "application/json")
        arrived = Arrived(path=request.path, content_type=kind, body=request.body)
        self.calls.append(arrived)
        reply = await super().handle(request)
        arrived.status = reply.status
        return Reply(reply.status, reply.headers, _kept(reply.body, arrived))


async def _kept(body: Body, arrived: Arrived) -> Body:
    async with aclosing(body):
        async for chunk in body:
            arrived.answer += chunk
            yield chunk
