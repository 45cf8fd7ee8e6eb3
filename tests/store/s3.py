"""As much of S3 as obstore speaks, on loopback: create-only puts, gets, heads, deletes, lists.

It knows one access key and one bucket, keeps objects in memory, and misbehaves on command.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

BUCKET = "pictures"
KEY_ID = "AKIATESTTESTTEST"
SECRET = "the-secret-of-the-test-and-of-nobody-else"
DATED = "Fri, 20 Nov 2026 12:00:00 GMT"


@dataclass
class S3:
    """What it holds, what it was asked, and how it is to behave."""

    endpoint: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    down: bool = False
    """Connections are closed without a word."""
    status: int | None = None
    """Every answer, with an ``<Error>`` of this code."""
    code: str = "Unwell"
    cut: bool = False
    """Bodies of objects end before they are whole."""
    created_only: bool = True
    """``If-None-Match`` is heeded."""
    on_put: Any = None

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    s3: S3

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        url = urlsplit(self.path)
        query = parse_qs(url.query, keep_blank_values=True)
        if self.s3.down:
            self.close_connection = True
            return
        self.s3.asked.append(f"{self.command} {unquote(url.path)}")
        bucket, _, key = unquote(url.path).removeprefix("/").partition("/")
        if self.s3.status:
            self.error(self.s3.status, self.s3.code)
        elif not self.signed(query):
            self.error(403, "InvalidAccessKeyId")
        elif bucket != BUCKET:
            self.error(404, "NoSuchBucket")
        else:
            getattr(self, f"on_{self.command.lower()}")(key, body, query)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def signed(self, query: dict[str, list[str]]) -> bool:
        said = self.headers.get("authorization") or query.get("X-Amz-Credential", [""])[0]
        return KEY_ID in said

    def on_put(self, key: str, body: bytes, _: object) -> None:
        with self.s3.lock:
            there = key in self.s3.objects
            if there and self.headers.get("if-none-match") == "*" and self.s3.created_only:
                self.error(412, "PreconditionFailed")
                return
            self.s3.objects[key] = body
            self.s3.types[key] = self.headers.get("content-type", "")
        if self.s3.on_put:
            self.s3.on_put(key)
        self.reply(200, b"", etag='"x"')

    def on_get(self, key: str, _: bytes, query: dict[str, list[str]]) -> None:
        if key == "":
            self.list(query["prefix"][0] if "prefix" in query else "")
        elif key not in self.s3.objects:
            self.error(404, "NoSuchKey")
        else:
            kind = self.s3.types[key]
            self.reply(200, self.s3.objects[key], cut=self.s3.cut, etag='"x"', kind=kind)

    def on_head(self, key: str, _: bytes, query: dict[str, list[str]]) -> None:
        self.on_get(key, b"", query)

    def on_post(self, _: str, body: bytes, query: dict[str, list[str]]) -> None:
        assert "delete" in query
        keys = re.findall(r"<Key>(.*?)</Key>", body.decode())
        for key in keys:
            self.s3.objects.pop(key, None)
        told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self.reply(200, f"<DeleteResult>{told}</DeleteResult>".encode())

    def list(self, prefix: str) -> None:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-11-20T12:00:00.000Z"
            f"</LastModified><ETag>x</ETag><Size>{len(data)}</Size></Contents>"
            for key, data in self.s3.objects.items()
            if key.startswith(prefix)
        )
        head = "<Name>x</Name><Prefix/><KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>"
        self.reply(200, f"<ListBucketResult>{head}{found}</ListBucketResult>".encode())

    def error(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>no</Message>"
        self.reply(status, f"{text}<AWSAccessKeyId>{KEY_ID}</AWSAccessKeyId></Error>".encode())

    def reply(
        self, status: int, body: bytes, *, cut: bool = False, etag: str = "", kind: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("last-modified", DATED)
        for name, value in (("etag", etag), ("content-type", kind)):
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[: len(body) // 2] if cut else body)
        self.close_connection = self.close_connection or cut


@contextmanager
def s3_server() -> Iterator[S3]:
    """On a free port, until the block ends."""
    s3 = S3()
    handler = type("Bound", (Handler,), {"s3": s3})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        s3.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield s3
        finally:
            server.shutdown()
            thread.join()
