"""Anything at all, sent to ``/v1/images/*``: an answer in OpenAI's shape, and never a 500."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import png
from tests.doors.api.conftest import ORIGIN, OpenServer, Served

ROUTES = ("/v1/images/generations", "/v1/images/edits")
NAMES = (
    *("prompt", "model", "n", "size", "quality", "output_format", "output_compression", "mask"),
    *("background", "moderation", "response_format", "stream", "partial_images", "user", "image"),
    *("images", "input_fidelity", "safety_identifier", "style", "image[]", "\ud800", ""),
)
TINY = f"data:image/png;base64,{base64.b64encode(png(16, 16)).decode()}"
WORDS = st.sampled_from(
    [
        *("a kite", "auto", "1024x1024", "9999999999x1", "-1", "low", "png", "webp", "b64_json"),
        *("url", "img_0000000000", "@1", "../../etc/passwd", "file:///etc/passwd", "data:,x"),
        *("http://127.0.0.1/x", f"{ORIGIN}/pictures/img_0000000000.png?until=1&signature=", TINY),
        *("gpt-image-2", "gpt-5.5", "\x00", "\ud83d", "true", "", "💥" * 50, "x" * 40_000),
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats(allow_nan=False) | WORDS | st.text()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["image_url", "file_id", "url", "b64_json"]), inner)
    ),
    max_leaves=5,
)
BODIES = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=7)


def fits(answer: Any) -> None:
    """What every answer is: pictures, or an error that a client can read."""
    assert answer.status_code in (200, 400, 404, 413, 429, 501, 502), answer.text
    assert answer.headers["x-request-id"]
    if answer.status_code != 200:
        error = answer.json()["error"]
        assert set(error) == {"message", "type", "param", "code"}
        assert isinstance(error["message"], str)
        assert "Traceback" not in error["message"]


async def test_any_json_gets_an_answer(open_server: OpenServer) -> None:
    async with open_server(public_url=ORIGIN) as served:
        await _every(served, _json)


async def test_any_form_gets_an_answer(open_server: OpenServer) -> None:
    async with open_server() as served:
        await _every(served, _form)


async def test_any_bytes_get_an_answer(open_server: OpenServer) -> None:
    async with open_server() as served:
        await _every(served, _bytes)


async def _every(served: Served, sending: Any) -> None:
    """Hypothesis is synchronous: the examples are drawn first and sent in this loop."""
    cases: list[Any] = []

    @settings(max_examples=60)
    @given(st.sampled_from(ROUTES), sending())
    def draw(route: str, case: Any) -> None:
        cases.append((route, case))

    draw()
    for route, case in cases:
        fits(await served.client.post(route, **case))


def _json() -> st.SearchStrategy[dict[str, Any]]:
    def case(body: dict[str, Any]) -> dict[str, Any]:
        content = json.dumps(body).encode()
        return {"content": content, "headers": {"content-type": "application/json"}}

    return BODIES.map(case)


def _form() -> st.SearchStrategy[dict[str, Any]]:
    texts = st.dictionaries(
        st.sampled_from([name for name in NAMES if name and name != "\ud800"]),
        WORDS.map(lambda text: text.encode("utf-8", "replace").decode()),
        max_size=6,
    )
    files = st.lists(
        st.tuples(
            st.sampled_from(["image", "image[]", "mask", "other"]),
            st.tuples(
                st.sampled_from(["a.png", "../../x", "\u202egnp"]),
                st.sampled_from([png(16, 16), b"", b"\x89PNG", png(16, 16)[:-9]]) | st.binary(),
            ),
        ),
        min_size=1,
        max_size=3,
    )
    return st.builds(lambda data, sent: {"data": data, "files": sent}, texts, files)


def _bytes() -> st.SearchStrategy[dict[str, Any]]:
    kinds = st.sampled_from(
        [
            *("", "application/json", "text/plain", "multipart/form-data"),
            *("multipart/form-data; boundary=x", "multipart/form-data; boundary=" + "y" * 300),
        ]
    )
    heads = st.sampled_from([b"", b"--x\r\n", b'{"prompt": "a', b"[" * 3000, b"--x--\r\n"])
    return st.builds(
        lambda kind, head, rest: {"content": head + rest, "headers": {"content-type": kind}},
        kinds,
        heads,
        st.binary(max_size=200),
    )
