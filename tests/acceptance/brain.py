"""A scripted model on the loopback: what agents talk to, and what remembers what they sent.

Requests that draw go on to the artist behind it; without a script, everything does.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2

Json = dict[str, Any]
Script = Callable[[Json], list[Json]]
"""A request's body → the output items of its answer."""
_PASSED = ("content-type", "authorization", "x-openai-actor-authorization")


@dataclass
class Brain:
    """What it is told to answer, and the bodies of all that was asked, as they came."""

    behind: str = ""
    script: Script | None = None
    url: str = ""
    asked: list[bytes] = field(default_factory=list)
    """Bodies of requests that draw nothing."""
    paths: list[str] = field(default_factory=list)
    answered: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def items(self, body: Json) -> list[Json]:
        """In the order of asking, one at a time."""
        assert self.script is not None
        with self._lock:
            self.answered += 1
            return self.script(body)

    @property
    def bodies(self) -> list[Json]:
        return [json.loads(one) for one in self.asked]

    @property
    def outputs(self) -> list[str]:
        """What came of each call, as the model was told in the last request with tools."""
        last = [body for body in self.bodies if body.get("tools")][-1]["input"]
        told = [item for item in last if item.get("type") == "function_call_output"]
        return [json.dumps(item["output"]) for item in told]


@contextmanager
def thinking(brain: Brain) -> Iterator[Brain]:
    """Listening on a free port."""

    class Handler(_Handler):
        mind = brain

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        brain.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
        try:
            yield brain
        finally:
            server.shutdown()
            thread.join()


# ── items of answers ─────────────────────────────────────────────────────────────────────────


def says(text: str) -> Json:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }


def calls(name: str, arguments: Json, *, number: int, namespace: str | None = None) -> Json:
    item = {"type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}"}
    item |= {"name": name, "arguments": json.dumps(arguments), "status": "completed"}
    return item | ({"namespace": namespace} if namespace else {})


def searches(query: str, *, number: int) -> Json:
    """For tools that an agent keeps back until they are looked for."""
    return {
        "type": "tool_search_call",
        "id": f"ts_{number}",
        "call_id": f"call_{number}",
        "execution": "client",
        "status": "completed",
        "arguments": {"query": query, "limit": 5},
    }


def one_by_one(*steps: Json) -> Script:
    """Each step answers a request with tools; what comes without is a title, or the end."""
    left = iter(steps)

    def script(body: Json) -> list[Json]:
        return [next(left, says("Done."))] if body.get("tools") else [says("A title")]

    return script


# ── the server ───────────────────────────────────────────────────────────────────────────────


class _Handler(BaseHTTPRequestHandler):
    mind: Brain
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        del format, args

    def do_GET(self) -> None:
        if self.mind.script is None:
            self._passed(b"")
        else:
            self._whole({"object": "list", "data": [], "models": []})

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else _unchunked(self.rfile)
        self.mind.paths.append(self.path)
        told = json.loads(body) if body[:1] == b"{" else {}
        draws = any(tool.get("type") == "image_generation" for tool in told.get("tools") or ())
        if self.path.endswith("/responses") and not draws:
            self.mind.asked.append(body)
            if self.mind.script is not None:
                return self._answered(told)
        return self._passed(body)

    def _answered(self, told: Json) -> None:
        items = self.mind.items(told)
        response: Json = {
            "id": f"resp_{self.mind.answered}",
            "object": "response",
            "created_at": 1,
            "model": told.get("model"),
            "status": "completed",
            "output": items,
            "usage": {
                "input_tokens": 1,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 2,
            },
        }
        if not told.get("stream"):
            return self._whole(response)
        events: list[Json] = [{"type": "response.created", "response": {**response, "output": []}}]
        for index, item in enumerate(items):
            events.append(
                {"type": "response.output_item.added", "output_index": index, "item": item}
            )
            events += _text_events(item, index)
            events.append(
                {"type": "response.output_item.done", "output_index": index, "item": item}
            )
        events.append({"type": "response.completed", "response": response})
        self._head(200, "text/event-stream")
        for number, event in enumerate(events):
            data = json.dumps({**event, "sequence_number": number})
            self._chunk(f"event: {event['type']}\ndata: {data}\n\n".encode())
        return self._chunk(b"")

    def _passed(self, body: bytes) -> None:
        """To the artist, and its answer back, piece by piece."""
        url = self.mind.behind.removesuffix("/v1") + self.path
        headers = {name: self.headers[name] for name in _PASSED if name in self.headers}
        with (
            httpx2.Client(timeout=120, trust_env=False) as client,
            client.stream(self.command, url, content=body, headers=headers) as answer,
        ):
            self._head(answer.status_code, answer.headers.get("content-type", ""))
            for chunk in answer.iter_bytes():
                if chunk:
                    self._chunk(chunk)
        self._chunk(b"")

    def _whole(self, document: Json) -> None:
        self._head(200, "application/json")
        self._chunk(json.dumps(document).encode())
        self._chunk(b"")

    def _head(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


def _text_events(item: Json, index: int) -> list[Json]:
    if item["type"] != "message":
        return []
    place = {"item_id": item["id"], "output_index": index, "content_index": 0}
    text = item["content"][0]["text"]
    return [
        {
            "type": "response.content_part.added",
            **place,
            "part": {**item["content"][0], "text": ""},
        },
        {"type": "response.output_text.delta", **place, "delta": text},
        {"type": "response.output_text.done", **place, "text": text},
        {"type": "response.content_part.done", **place, "part": item["content"][0]},
    ]


def _unchunked(stream: Any) -> bytes:
    pieces = []
    while size := int(stream.readline().split(b";")[0] or b"0", 16):
        pieces.append(stream.read(size))
        stream.readline()
    stream.readline()
    return b"".join(pieces)
