"""Exchanges over a real socket, recorded once and replayed against an address that is dead.

Recording puts nothing of ours between the SDK and the socket: vcrpy patches only the transports
of httpx2 itself, and through one of ours it would record nothing and replay would pass for it.
"""

from __future__ import annotations

import copy
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal

import anyio
import vcr
import yaml

from agent import ImageAgent, open_agent
from agent.ids import Ulids
from agent.offline import Offline, OfflineOptions
from agent.offline.asgi import serve
from agent.offline.faults import parse_fault
from tests.conftest import Ticking, settings_in

FOLDER = Path(__file__).parents[1] / "cassettes"
DEAD = "http://127.0.0.1:9/v1"
KEY = "sk-test-0000000000000000"
LIVE_URL = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1")
LIVE_KEY = os.environ.get("OPENAI_API_KEY")
"""Read before any test cleans the environment; used with ``--record-live`` alone."""

ONE_PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgaGgAAAGEAQFWjyAjAAAAAElFTkSuQmCC"
)
"""What every picture becomes, in answers and in requests: a whole PNG, so that replay stores it."""

Mode = Literal["replay", "offline", "live"]
OpenTape = Callable[..., AbstractAsyncContextManager[ImageAgent]]

_LABELS: dict[str, str] = {
    "offline": "the offline upstream of this repository, over a loopback socket. It proves our\n"
    "# code against what we believe of the wire; it proves nothing about OpenAI.",
    "live": "a real server. Texts are its own; ids, times and pictures are not.",
}
_KEPT_HEADERS = {"content-type", "x-request-id", "retry-after"}
"""Everything else goes: keys, cookies, organisations, dates, versions of this and that."""

# ── what is not kept ─────────────────────────────────────────────────────────────────────────

_DATA_URL = re.compile(rb"data:image/[\w.+-]+;base64,[A-Za-z0-9+/=_-]*")
_PICTURE = re.compile(rb'"(result|b64_json|partial_image_b64)": ?"[A-Za-z0-9+/=_-]{64,}"')
_ID = re.compile(rb"\b(resp|ig|msg|rs|req|ws|fc|call|chatcmpl)_[A-Za-z0-9]{8,}")
_UUID = re.compile(rb"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_TIME = re.compile(rb'"(created|created_at|completed_at|expires_at)": ?\d+(?:\.\d+)?')
_SECRET = re.compile(rb"\b(?:sk|sess|org|proj|user)[-_][A-Za-z0-9*_-]{8,}")
_NOISE = re.compile(rb'"obfuscation": ?"[^"]*"')


class Scrubber:
    """One per cassette, so that an id is the same ``resp_1`` wherever it comes again."""

    def __init__(self) -> None:
        self._ids: dict[bytes, bytes] = {}
        self._count = count(1)

    def text(self, data: bytes) -> bytes:
        """Bytes of a body or a header with nothing left that differs between two recordings."""
        data = _DATA_URL.sub(b"data:image/png;base64," + ONE_PIXEL.encode(), data)
        data = _PICTURE.sub(rb'"\1":"' + ONE_PIXEL.encode() + b'"', data)
        data = _SECRET.sub(b"sk-gone", data)
        data = _ID.sub(self._renamed, data)
        data = _UUID.sub(self._renamed, data)
        data = _TIME.sub(rb'"\1":1800000000', data)
        return _NOISE.sub(b'"obfuscation":""', data)

    def _renamed(self, match: re.Match[bytes]) -> bytes:
        kind = match[1] if match.re.groups else b"uuid"
        if match[0] not in self._ids:
            self._ids[match[0]] = b"%s_%d" % (kind, next(self._count))
        return self._ids[match[0]]

    def request(self, request: Any) -> Any:
        """vcrpy asks this of every request, when it is recorded and when it is looked up."""
        kept = copy.copy(request)
        kept.uri = "http://recorded.invalid" + str(request.path)
        kept.body = self.text(request.body) if request.body else request.body
        kept.headers = self._headers(request.headers)
        sent_as = str(kept.headers.get("content-type", ""))
        if boundary := re.search(r"boundary=\"?([^\";]+)", sent_as):
            kept.headers["content-type"] = sent_as.replace(boundary[1], "BOUNDARY")
            kept.body = (kept.body or b"").replace(boundary[1].encode(), b"BOUNDARY")
        return kept

    def response(self, response: dict[str, Any]) -> dict[str, Any]:
        body = {**response["body"], "string": self.text(response["body"]["string"])}
        headers = {
            name: [self.text(str(value).encode()).decode() for value in _listed(values)]
            for name, values in response["headers"].items()
            if name.lower() in _KEPT_HEADERS
        }
        return {**response, "body": body, "headers": headers}

    def _headers(self, headers: Any) -> dict[str, Any]:
        named = {str(name).lower(): value for name, value in headers.items()}
        return {name: named[name] for name in sorted(named.keys() & {"content-type"})}


def _listed(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list) else [values]


# ── how it is written ────────────────────────────────────────────────────────────────────────


class _Readable(yaml.SafeDumper):
    """Streams as blocks of lines, so that a person can read a cassette and its diff."""


def _as_block(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    )


_Readable.add_representer(str, _as_block)


@dataclass(frozen=True)
class _Serializer:
    """YAML under a heading that says what the recording is worth."""

    label: str

    def serialize(self, cassette: dict[str, Any]) -> str:
        told = f"# Recorded against {self.label}\n"
        return told + yaml.dump(cassette, Dumper=_Readable, width=10_000, allow_unicode=True)

    def deserialize(self, text: str) -> dict[str, Any]:
        loaded: dict[str, Any] = yaml.safe_load(text)
        return loaded


# ── a test's tape ────────────────────────────────────────────────────────────────────────────


def opener(mode: Mode, tmp_path: Path, folder: Path = FOLDER) -> OpenTape:
    """``tape(name, faults=…, key=…)``: an agent whose exchanges are those of ``cassettes/NAME.yaml``."""

    @asynccontextmanager
    async def tape(
        name: str, *, faults: Sequence[str] = (), key: str = KEY
    ) -> AsyncIterator[ImageAgent]:
        # what no honest prompt provokes stays as the offline upstream said it
        how: Mode = "replay" if mode == "live" and faults else mode
        async with _server(how, faults) as url:
            with _cassette(folder / f"{name}.yaml", how):
                real = how == "live" and key == KEY and LIVE_KEY
                async with _agent(tmp_path, url, real or key) as agent:
                    yield agent

    return tape


@asynccontextmanager
async def _server(mode: Mode, faults: Sequence[str]) -> AsyncIterator[str]:
    if mode != "offline":
        yield LIVE_URL if mode == "live" else DEAD
        return
    options = OfflineOptions(
        dialect="openai", draw="tiny", salt="cassette", faults=tuple(map(parse_fault, faults))
    )
    addresses: list[str] = []
    ready = anyio.Event()

    def told(address: str) -> None:
        addresses.append(address)
        ready.set()

    async def run() -> None:
        await serve(Offline(options), ready=told)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await ready.wait()
        try:
            yield addresses[0]
        finally:
            tasks.cancel_scope.cancel()


@contextmanager
def _cassette(path: Path, mode: Mode) -> Any:
    scrub = Scrubber()
    recorder = vcr.VCR(
        match_on=["method", "path", "body"],
        before_record_request=scrub.request,
        before_record_response=scrub.response,
        decode_compressed_response=True,
        record_mode="none" if mode == "replay" else "all",
    )
    recorder.register_serializer("readable", _Serializer(_LABELS.get(mode, "")))
    if mode != "replay":
        path.unlink(missing_ok=True)
    with recorder.use_cassette(str(path), serializer="readable") as cassette:
        yield
        played = mode != "replay" or cassette.all_played
        again = "pytest tests/test_cassettes.py --record"
        assert len(cassette), f"{path.name} holds nothing; record it anew: {again}"
        assert played, f"{path.name} was not played to its end; if that is meant: {again}"


@asynccontextmanager
async def _agent(folder: Path, url: str, key: str) -> AsyncIterator[ImageAgent]:
    settings = settings_in(folder, OPENAI_API_KEY=key, OPENAI_BASE_URL=url, LIMNER_DIALECT="openai")
    clock = Ticking()
    async with open_agent(settings, clock=clock, ids=Ulids(clock)) as agent:
        yield agent
