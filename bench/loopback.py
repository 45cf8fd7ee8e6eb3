"""A server that keeps no state and answers every request with a fresh 3 MB picture.

Standard library only, so that its own cost stays out of the client's process. ``GET /stats`` lists
what it received; ``--stream-partials N`` adds N drafts of the same size to streamed answers.
"""

import argparse
import base64
import json
import random
import struct
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def incompressible_png(megabytes: float, seed: int) -> bytes:
    width, rows = 1024, int(megabytes * 1048576 / (1024 * 3 + 1))
    noise = random.Random(seed)
    raw = b"".join(b"\0" + noise.randbytes(width * 3) for _ in range(rows))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, rows, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(raw, 0))
        + chunk(b"IEND", b"")
    )


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, megabytes: float, partials: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.pictures = [
            base64.b64encode(incompressible_png(megabytes, seed)).decode() for seed in range(6)
        ]
        self.partials = partials
        self.rows: list[dict[str, object]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/reset":
            self.server.rows.clear()
        self._json(self.server.rows)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)
        number = len(self.server.rows)
        self.server.rows.append({"bytes": len(body), "pictures": body.count(b"base64,")})
        picture = self.server.pictures[number % len(self.server.pictures)]
        response = answer(number, picture)
        if not asked.get("stream"):
            self._json(response)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events(response, picture, self.server.partials):
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.write(b"0\r\n\r\n")

    def _json(self, value: object) -> None:
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def answer(number: int, picture: str) -> dict[str, object]:
    item = {
        "id": f"ig_{number}",
        "type": "image_generation_call",
        "status": "completed",
        "result": picture,
        "revised_prompt": "a poster",
        "size": "1024x1024",
        "quality": "high",
        "background": "opaque",
        "output_format": "png",
    }
    part = {"type": "output_text", "text": f"turn {number} done", "annotations": []}
    message = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [part],
    }
    counts = {"input_tokens": 1200, "output_tokens": 7024, "total_tokens": 8224}
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": "gpt-5.5",
        "output": [item, message],
        "tools": [{"type": "image_generation", "model": "gpt-image-2"}],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "usage": {"input_tokens": 100, "output_tokens": 50, "total_tokens": 150},
        "tool_usage": {"image_gen": counts},
    }


def events(response: dict[str, object], picture: str, partials: int):
    item, message = response["output"]
    opened = {**response, "status": "in_progress", "output": [], "usage": None}
    yield {"type": "response.created", "response": opened}
    yield {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {**item, "result": None},
    }
    for index in range(partials):
        yield {
            "type": "response.image_generation_call.partial_image",
            "item_id": item["id"],
            "output_index": 0,
            "partial_image_index": index,
            "partial_image_b64": picture,
        }
    yield {"type": "response.output_item.done", "output_index": 0, "item": item}
    yield {"type": "response.output_item.done", "output_index": 1, "item": message}
    yield {"type": "response.completed", "response": response}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--megabytes", type=float, default=3.0)
    parser.add_argument("--stream-partials", type=int, default=0)
    options = parser.parse_args()
    server = Server(options.port, options.megabytes, options.stream_partials)
    print(server.server_port, flush=True)
    server.serve_forever()
