"""Who looks again and again whether there is work for a batch, here and in DBOS, looks more often.

A batch of a test is over in less time than passes between two looks, and everybody else waits.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

LOOK_S = 0.1
Put = Callable[[str, object], None]


def hasten(put: Put) -> None:
    """``put`` sets what the first names to the second. Imports DBOS."""
    from dbos._queue import queue_thread

    from agent.batch.queue import _config

    put("agent.batch.run._TICK_S", LOOK_S)
    put("agent.batch.shift._LOOK_S", LOOK_S)
    put(
        "agent.batch.queue._config",
        lambda place: {**_config(place), "notification_listener_polling_interval_sec": LOOK_S},
    )
    put("dbos._dbos.queue_thread", lambda stop, dbos: queue_thread(_Hurrying(stop), dbos))


class _Hurrying(threading.Event):
    """The sign to stop, for DBOS's search for queues: a second passes before it finds a new one.

    Those who take from the queues have it from there; their seconds are a little more or less.
    """

    def __init__(self, stop: threading.Event) -> None:
        super().__init__()
        self.is_set, self._told = stop.is_set, stop.wait  # type: ignore[method-assign]
        self._left = 20

    def wait(self, timeout: float | None = None) -> bool:
        if timeout != 1.0 or not self._left:
            return self._told(timeout)
        self._left -= 1
        return self._told(LOOK_S)
