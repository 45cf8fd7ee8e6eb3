"""The server on a real socket: started, watched, and stopped without losing a turn."""

from __future__ import annotations

import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import uvicorn
from anyio.abc import TaskStatus

from ...errors import UsageError
from .app import create_app
from .crowd import most_connections
from .desk import OpenDesk, ServeOptions
from .malformed import Spoken

HEADERS_S = 15.0
IDLE_S = 75
LONGEST_HEADERS = 65_536
COLLECT_AFTER = 200_000
"""Objects that came and have not gone."""


async def serve(
    opening: OpenDesk, *, port: int, ready: Callable[[str], object], options: ServeOptions
) -> None:
    """Until a signal. ``ready`` gets the base URL once it listens; raises ``UsageError``."""
    async with opening as desk:
        with _listener(options.host, port) as listener:
            server = _Server(_config(create_app(desk), options))
            Timed.most = most_connections()
            spare_collector()
            async with anyio.create_task_group() as tasks:
                await tasks.start(_watch, server, opening)
                ready(f"http://{_bracketed(options.host)}:{listener.getsockname()[1]}/v1")
                try:
                    with anyio.CancelScope(shield=True):
                        await server.serve(sockets=[listener])
                finally:
                    tasks.cancel_scope.cancel()


def spare_collector() -> None:
    """What is there before the first request stays until the end: no collection looks at it again.

    And what comes is looked at less often: 200 turns at once are 80,000 objects that all live, and
    the usual round after every 700 took a fifth of the time until their first drafts.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


class _Server(uvicorn.Server):
    """Signals are ours: uvicorn would raise them again, and end the process before its turns."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _watch(server: _Server, opening: OpenDesk, *, task_status: TaskStatus[None]) -> None:
    """The first signal stops accepting and waits; the second stops waiting."""
    try:
        await _watched(server, opening, task_status)
    except (NotImplementedError, ValueError, RuntimeError):  # Windows, or not the main thread
        task_status.started()
        await _until_cancelled(server)


async def _watched(server: _Server, opening: OpenDesk, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
        task_status.started()
        try:
            async for _ in received:
                if server.should_exit:
                    server.force_exit = True
                    opening.give_up()
                server.should_exit = True
                opening.stopping()
        finally:
            server.should_exit = True


async def _until_cancelled(server: _Server) -> None:
    try:
        await anyio.sleep_forever()
    finally:
        server.should_exit = True


def _config(app: Any, options: ServeOptions) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Timed,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=LONGEST_HEADERS,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=max(1, int(options.grace_s)),
    )


class Timed(Spoken):
    """h11, and an end to connections that never finish asking."""

    _timer: Any = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._cancel()
        else:  # a part of a request more does not buy more time
            self._expect()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._cancel()
        if self.conn.trailing_data[0]:  # the beginning of the next request came along
            self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(HEADERS_S, self.transport.close)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise UsageError(
            f"{host}:{port}: cannot be listened on ({error.strerror}).",
            hint="Choose another --port, or 0 for a free one.",
        ) from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
