"""200 streamed turns at once through ``/v1/responses``, against a bare ASGI app with the same bytes.

    python bench/relay.py [--turns 200] [--partials 3] [--kilobytes 200] [--rounds 3]

Each is a uvicorn process of its own behind a socket, at no model latency: Limner's upstream is a
function that gives back one stream, the bare app gives back the same. What is compared is the time
until the first draft of each turn, all asked for at once, and until all have ended. ``hold`` keeps
drafts until the picture's wording was checked; ``tell`` does not.
"""

import argparse
import base64
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import anyio
import uvicorn
from loopback import incompressible_png

from agent import load_settings
from agent.doors.api.app import create_app
from agent.doors.api.desk import OpenDesk, ServeOptions, parts_of
from agent.doors.api.running import spare_collector
from agent.factory import open_kit
from agent.offline import Offline, OfflineOptions
from agent.offline.exchange import Reply

BODY = json.dumps(
    {
        "model": "gpt-5.5",
        "input": "a red kite over the sea",
        "stream": True,
        "tools": [{"type": "image_generation", "size": "1024x1024", "partial_images": 3}],
    }
).encode()


def events(kilobytes: int, partials: int) -> list[bytes]:
    data = base64.b64encode(incompressible_png(kilobytes / 1024, 1)).decode()
    item = {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": data}
    about = {"item_id": "ig_1", "output_index": 0}
    kind = "response.image_generation_call"
    told = [
        {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {"id": "ig_1", "type": "image_generation_call"},
        },
        {"type": f"{kind}.generating", **about},
        *(
            {
                "type": f"{kind}.partial_image",
                **about,
                "partial_image_index": n,
                "partial_image_b64": data,
            }
            for n in range(partials)
        ),
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": item | {"revised_prompt": "A kite."},
        },
        {
            "type": "response.completed",
            "response": {"id": "resp_1", "status": "completed", "output": [item]},
        },
    ]
    return [f"event: {e['type']}\ndata: {json.dumps(e)}\n\n".encode() for e in told]


class Replaying(Offline):
    """The upstream: the same events for everybody."""

    def __init__(self, told: list[bytes]) -> None:
        super().__init__(OfflineOptions(draw="tiny"))
        self.told = told

    async def handle(self, request):
        async def body():
            for event in self.told:
                yield event

        return Reply(200, {"content-type": "text/event-stream"}, body())


def bare(told: list[bytes]):
    async def app(scope, receive, send):
        await receive()
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [(b"content-type", b"text/event-stream")],
            }
        )
        for event in told:
            await send({"type": "http.response.body", "body": event, "more_body": True})
            await anyio.lowlevel.checkpoint()
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def serve(kind: str, port: int, options: argparse.Namespace) -> None:
    """The server's process: the bare app, or Limner with drafts told at once or held."""
    told = events(options.kilobytes, options.partials)

    async def run() -> None:
        if kind == "bare":
            await listen(bare(told), port)
            return
        with tempfile.TemporaryDirectory() as home:
            settings = load_settings(
                env={"HOME": home, "LIMNER_HOME": f"{home}/data"}, cwd=Path(home)
            )
            chosen = settings.resolve("offline", allow_offline=False)
            kit = await open_kit(settings, chosen, offline=Replaying(told))
            parts = await parts_of(kit, settings, chosen)
            async with OpenDesk(parts, settings, ServeOptions(screen_output=kind)) as desk:
                app = create_app(desk)
                spare_collector()
                await listen(app, port)

    anyio.run(run)


async def listen(app, port: int) -> None:
    config = uvicorn.Config(app, port=port, log_level="error", lifespan="off")
    await uvicorn.Server(config).serve()


async def one(port: int, started: float, firsts: list[float]) -> None:
    """One client that reads as fast as it is told."""
    head = f"POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {len(BODY)}\r\n\r\n"
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        await stream.send(head.encode() + BODY)
        seen, tail, status = False, b"", b""
        with suppress(anyio.EndOfStream):
            while True:
                chunk = await stream.receive(1 << 20)
                status = status or chunk[:15]
                if not seen and b".partial_image" in tail + chunk:
                    seen = True
                    firsts.append(time.perf_counter() - started)
                tail = chunk[-100:]
    assert b" 200 " in status, status


async def up(port: int) -> None:
    for _ in range(600):
        try:
            await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
            return
        except OSError:
            await anyio.sleep(0.1)


async def measured(port: int, turns: int) -> tuple[list[float], float]:
    firsts: list[float] = []
    started = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for _ in range(turns):
            tasks.start_soon(one, port, started, firsts)
    assert len(firsts) == turns
    return firsts, time.perf_counter() - started


def worked(process: multiprocessing.Process) -> float:
    """Seconds of processor time of all its threads, those that have ended too."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(process: multiprocessing.Process) -> float:
    """MiB, now."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def peak(process: multiprocessing.Process) -> float:
    """MiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


async def main(options: argparse.Namespace) -> None:
    print(
        f"{options.turns} at once, {options.partials} drafts and a picture of {options.kilobytes} KB each"
    )
    servers = {}
    for number, kind in enumerate(("bare", "tell", "hold")):
        port = 8190 + number
        servers[kind] = (
            port,
            multiprocessing.get_context("spawn").Process(target=serve, args=(kind, port, options)),
        )
        servers[kind][1].start()
    try:
        for port, _ in servers.values():
            await up(port)
            await measured(port, 2)
        for _ in range(options.rounds):
            print(f"load {os.getloadavg()[0]:.1f}")
            found = {}
            for kind, (port, process) in servers.items():
                before = worked(process)
                firsts, whole = await measured(port, options.turns)
                spent = (worked(process) - before) / options.turns * 1000
                found[kind] = statistics.median(firsts), max(firsts), whole
                ratio = [a / b for a, b in zip(found[kind], found["bare"])]
                print(
                    f"{kind}: first draft median {found[kind][0]:.2f} s ({ratio[0]:.1f} x), "
                    f"last {found[kind][1]:.2f} s ({ratio[1]:.1f} x), all {whole:.2f} s ({ratio[2]:.1f} x), "
                    f"{spent:.1f} ms of processor time a turn, "
                    f"memory {resident(process):.0f} MiB, peak {peak(process):.0f} MiB"
                )
    finally:
        for _, process in servers.values():
            process.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--partials", type=int, default=3)
    parser.add_argument("--kilobytes", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    anyio.run(main, parser.parse_args())
