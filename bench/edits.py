"""N edits of a 3 MB picture against a server that keeps nothing: what one client process costs.

    python bench/edits.py [--turns 10] [--stream] [--runs 5] [--partials 0]

Runs each of these in a fresh process, in turn, and prints medians and ratios to the floor:

    floor    the plainest careful client on the openai SDK: text history and the newest picture
    memory   Limner with a store that keeps rows in memory and writes files without syncing
    disk     Limner as shipped: ledger, lineage, synced files (the difference is store and ledger)
    raw      httpx2 + json + base64, the same work with no SDK at all (streamed only)
"""

import argparse
import base64
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROMPTS = ["Make a poster for a jazz night, 20 June."] + [
    f"Edit {i}: move the title down a little and make it warmer." for i in range(2, 400)
]


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ── the clients ──────────────────────────────────────────────────────────────────────────────


def floor(base: str, turns: int, folder: Path, *, stream: bool, partials: int):
    from openai import OpenAI

    client = OpenAI(api_key="sk-loop", base_url=base, max_retries=0)
    history, last = [], None

    def turn(i: int) -> None:
        nonlocal last
        content = [{"type": "input_text", "text": PROMPTS[i]}]
        if last:
            data = base64.b64encode(last.read_bytes()).decode()
            content.append({"type": "input_image", "image_url": f"data:image/png;base64,{data}"})
        asked = {
            "model": "gpt-5.5",
            "store": False,
            "input": [*history, {"role": "user", "content": content}],
            "tools": [{"type": "image_generation", "quality": "high"}],
        }
        if stream:
            for event in client.responses.create(**asked, stream=True):
                if event.type == "response.completed":
                    response = event.response
        else:
            response = client.responses.create(**asked)
        history.append({"role": "user", "content": PROMPTS[i]})
        history.append({"role": "assistant", "content": response.output_text})
        for item in response.output:
            if item.type == "image_generation_call":
                last = folder / f"{i}.png"
                last.write_bytes(base64.b64decode(item.result))

    yield
    for i in range(turns):
        yield turn(i)


def raw(base: str, turns: int, folder: Path, *, stream: bool, partials: int):
    import httpx2

    client = httpx2.Client(timeout=None)

    def turn(i: int) -> None:
        body = json.dumps({"stream": stream, "input": PROMPTS[i]})
        with client.stream("POST", f"{base}/responses", content=body) as response:
            if not stream:
                answer = json.loads(response.read())
                (folder / f"{i}.png").write_bytes(base64.b64decode(answer["output"][0]["result"]))
                return
            for line in response.iter_lines():
                if line.startswith("data: "):
                    event = json.loads(line[6:])
                    if event["type"].endswith("partial_image"):
                        base64.b64decode(event["partial_image_b64"])
                    if event["type"] == "response.output_item.done" and "result" in event["item"]:
                        data = base64.b64decode(event["item"]["result"])
                        (folder / f"{i}.png").write_bytes(data)

    yield
    for i in range(turns):
        yield turn(i)


def ours(base: str, turns: int, folder: Path, *, stream: bool, partials: int, memory: bool):
    sys.path.insert(0, str(HERE.parent))
    from agent import ImageOptions, SyncImageAgent, TurnRequest, factory, load_settings

    if memory:
        from memory_store import open_memory

        factory.open_disk = open_memory
    settings = load_settings(
        env={"LIMNER_BASE_URL": base, "LIMNER_API_KEY": "sk-loop", "LIMNER_HOME": str(folder)},
        cwd=folder,
        config_dir=folder / "config",
    )
    with SyncImageAgent(settings) as agent:
        session = None
        yield
        for i in range(turns):
            request = TurnRequest(
                text=PROMPTS[i],
                intent="edit" if session else "generate",
                session=session,
                options=ImageOptions(size="1024x1024", quality="high", partial_images=partials),
                stream=stream,
            )
            result = agent.run(request)
            assert result.outcome == "image", result.error
            session = result.session
            yield


CLIENTS = {
    "floor": floor,
    "raw": raw,
    "memory": lambda *a, **k: ours(*a, **k, memory=True),
    "disk": lambda *a, **k: ours(*a, **k, memory=False),
}


def measure(name: str, base: str, turns: int, *, stream: bool, partials: int) -> None:
    """One process: prepare, then time the turns alone."""
    with tempfile.TemporaryDirectory() as folder:
        client = CLIENTS[name](base, turns, Path(folder), stream=stream, partials=partials)
        next(client)
        before, peaks = time.process_time(), []
        base_peak = peak_mib()
        for _ in range(turns):
            next(client)
            peaks.append(round(peak_mib(), 1))
        used = time.process_time() - before
        client.close()
    print(json.dumps({"cpu": used, "base": base_peak, "peak": peaks[-1], "peaks": peaks}))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--partials", type=int, default=0)
    parser.add_argument("--megabytes", type=float, default=3.0)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--who", default="floor,memory,disk")
    parser.add_argument("--one", nargs=2, metavar=("WHO", "BASE"))
    o = parser.parse_args()
    if o.one:
        measure(*o.one, o.turns, stream=o.stream, partials=o.partials)
        return
    server = subprocess.Popen(
        [sys.executable, HERE / "loopback.py", "--megabytes", str(o.megabytes)]
        + ["--stream-partials", str(o.partials)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        root = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        report(root, o)
    finally:
        server.terminate()


def report(root: str, o: argparse.Namespace) -> None:
    names = o.who.split(",")
    found: dict[str, list[dict]] = {name: [] for name in names}
    sent: dict[str, list[int]] = {}
    for _ in range(o.runs):
        for name in names:
            urllib.request.urlopen(f"{root}/reset").read()
            command = [sys.executable, __file__, "--one", name, f"{root}/v1"]
            command += ["--turns", str(o.turns), "--partials", str(o.partials)]
            command += ["--stream"] if o.stream else []
            environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
            out = subprocess.run(command, capture_output=True, text=True, env=environment)
            if out.returncode:
                sys.exit(out.stderr)
            found[name].append(json.loads(out.stdout))
            rows = json.loads(urllib.request.urlopen(f"{root}/stats").read())
            sent[name] = [row["bytes"] for row in rows]
    print(
        f"{o.turns} turns, {o.megabytes} MB pictures, stream={o.stream}, {o.runs} runs each, medians"
    )
    first = names[0]
    floor_cpu = statistics.median(r["cpu"] for r in found[first])
    floor_peak = statistics.median(r["peak"] for r in found[first])
    for name in names:
        cpu = statistics.median(r["cpu"] for r in found[name])
        peak = statistics.median(r["peak"] for r in found[name])
        base = statistics.median(r["base"] for r in found[name])
        growth = found[name][-1]["peaks"]
        print(
            f"{name:8} cpu {cpu:6.3f} s ({cpu / floor_cpu:4.2f} x)  peak {peak:6.1f} MiB "
            f"({peak / floor_peak:4.2f} x, before the first turn {base:5.1f})  sent t2 {sent[name][1] / 2**20:6.3f} MiB, "
            f"t{o.turns} {sent[name][-1] / 2**20:6.3f} MiB, all {sum(sent[name]) / 2**20:7.1f} MiB  "
            f"peak after t2 {growth[1]}, after t{o.turns} {growth[-1]}"
        )


if __name__ == "__main__":
    main()
