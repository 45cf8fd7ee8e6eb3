"""What waits in a queue and who holds it, for somebody who only looks: nothing is taken or changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from ..errors import StoreBusy
from .queue import OPEN, SCHEMA, quiet
from .queue_file import FILE, Place, alone, unusable

if TYPE_CHECKING:
    from dbos import DBOSClient

_PAGE: Final = 500


class Lot(NamedTuple):
    """Tasks of one kind."""

    server: str
    """Name of the profile."""
    version: str
    """Of their form: ``queue.READS`` says which ones this Limner can work on."""
    holder: str
    """The worker that has taken them; empty while nobody has."""


def lots_of(place: Place) -> dict[Lot, int] | None:
    """What is not done; ``None`` where there is no queue yet. Raises ``StoreError``. Blocks."""
    if place.url is None and not (place.folder / FILE).exists():
        return None
    try:
        with _client(place) as client:
            return dict(Counter(_all(client)))
    except Exception as error:
        if "limner_queue" in str(error) and place.url is not None:
            return None  # a database that has never seen a batch
        raise unusable(place, error) from error


def left_to_others(place: Place, server: str) -> dict[str, int]:
    """Tasks that nobody has taken and a worker of this server never will, by theirs. Blocks."""
    found = Counter[str]()
    for lot, number in (lots_of(place) or {}).items():
        if lot.server != server and not lot.holder:
            found[lot.server] += number
    return dict(sorted(found.items()))


def is_worked_on(place: Place) -> bool:
    """Whether the worker of a file is there."""
    try:
        with alone(place):
            return False
    except StoreBusy:
        return True


@contextmanager
def _client(place: Place) -> Iterator[DBOSClient]:
    from dbos import DBOSClient, DBOSPortableJSONSerializer

    quiet()
    client = DBOSClient(
        system_database_url=place.address,
        dbos_system_schema=SCHEMA,
        serializer=DBOSPortableJSONSerializer(),
        retry_connection_errors=False,
    )
    try:
        yield client
    finally:
        client.destroy()


def _all(client: DBOSClient) -> Iterator[Lot]:
    start = 0
    while True:
        found = client.list_workflows(
            status=OPEN,
            limit=_PAGE,
            offset=start,
            sort_desc=True,
            load_input=False,
            load_output=False,
        )
        for one in found:
            server = (one.queue_name or "").removeprefix("pictures:")
            held = one.status == "PENDING"
            yield Lot(server, one.app_version or "", (one.executor_id or "") if held else "")
        if len(found) < _PAGE:
            return
        start += _PAGE
