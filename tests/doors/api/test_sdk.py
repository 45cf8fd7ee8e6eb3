"""OpenAI's own Python SDK against the served app, over a real socket."""

from __future__ import annotations

import base64
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import openai
import pytest

from tests.conftest import png
from tests.forked import python
from tests.published import at_hand, complaints

ROOT = Path(__file__).resolve().parents[3]
KITE = "a red kite over the sea"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")


@contextmanager
def process(
    home: Path,
    *flags: str,
    profile: str = "offline --draw tiny",
    stop: signal.Signals = signal.SIGTERM,
) -> Iterator[str]:
    """``limner serve`` as a process of its own; its base URL."""
    home.mkdir(exist_ok=True)
    code = "from agent.doors.cli import main; main()"
    arguments = ["serve", "--profile", *profile.split(), "--port", "0", *flags]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(home), "LIMNER_HOME": str(home / "d")}
    child = subprocess.Popen(
        [python(), "-c", code, *arguments], env=env, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    try:
        url = child.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:")
        yield url
    finally:
        if stop == signal.SIGKILL:
            os.kill(_owner(home), stop)
        else:
            child.send_signal(stop)
        with child:
            code_of = child.wait(timeout=30)
        assert code_of == (0 if stop == signal.SIGTERM else -stop)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with process(tmp_path_factory.mktemp("served") / "home", "--screen-output", "tell") as url:
        yield url


@pytest.fixture
def client(served: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key="any", base_url=served, max_retries=0) as made:
        yield made


def bytes_of(answer: openai.types.ImagesResponse) -> bytes:
    assert answer.data
    assert answer.data[0].b64_json
    return base64.b64decode(answer.data[0].b64_json)


def test_generate_then_edit_that_picture_then_with_a_mask(client: openai.OpenAI) -> None:
    first = client.images.generate(model="gpt-image-2", prompt=KITE, size="1024x1024")
    second = client.images.edit(
        model="gpt-image-2", prompt="make it blue", image=("kite.png", bytes_of(first))
    )
    mask = png(1024, 1024, mode="RGBA", colour="#00000000")
    third = client.images.edit(
        model="gpt-image-2",
        prompt="a boat here",
        image=[("kite.png", bytes_of(second)), ("other.png", png(64, 64))],
        mask=("mask.png", mask),
    )

    sessions = {
        (answer.model_extra or {})["limner"]["session"] for answer in (first, second, third)
    }
    assert len(sessions) == 1
    assert len({bytes_of(answer) for answer in (first, second, third)}) == 3
    assert first.usage is not None
    assert first._request_id is not None


def test_a_stream_has_partials_and_a_completed_event(client: openai.OpenAI) -> None:
    with client.images.generate(
        model="gpt-image-2", prompt=KITE, stream=True, partial_images=2
    ) as events:
        kinds = [event.type for event in events]

    assert kinds[-1] == "image_generation.completed"
    assert kinds[:-1] == ["image_generation.partial_image"] * 2


def test_an_edit_streams_too(client: openai.OpenAI) -> None:
    with client.images.edit(
        model="gpt-image-2", prompt="blue", image=("a.png", png(64, 64)), stream=True
    ) as events:
        kinds = [event.type for event in events]

    assert kinds == ["image_edit.completed"]


def test_bad_input_is_the_sdks_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model="gpt-image-2", prompt=KITE, size="17x19")

    assert caught.value.type == "invalid_request_error"
    assert caught.value.request_id


def test_the_sdk_never_repeats_what_may_have_been_bought(tmp_path: Path) -> None:
    with (
        process(tmp_path / "home", "--fault", "drop-after") as url,
        openai.OpenAI(api_key="any", base_url=url, max_retries=3) as client,
    ):
        with pytest.raises(openai.InternalServerError) as caught:
            client.images.generate(model="gpt-image-2", prompt=KITE)
        page = client.models.list()

    assert caught.value.code == "outcome_unknown"
    assert [model.id for model in page.data][:1] == ["gpt-image-2"]
    assert _turns(tmp_path / "home") == 1


def test_killed_in_mid_turn_the_same_key_buys_nothing_again(tmp_path: Path) -> None:
    home, headers = tmp_path / "home", {"idempotency-key": "k1"}
    with process(home, "--fault", "stall", stop=signal.SIGKILL) as url:
        asking = threading.Thread(target=_ask_in_vain, args=(url, headers))
        asking.start()
        while not _sent(home):
            pass
    asking.join()
    with process(home) as url:
        answer = httpx2.post(f"{url}/images/generations", json={"prompt": KITE}, headers=headers)

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "outcome_unknown")
    assert _turns(home) == 1


def test_told_to_stop_it_finishes_what_is_under_way(tmp_path: Path) -> None:
    home = tmp_path / "home"
    answers: list[httpx2.Response] = []

    def ask(url: str) -> None:
        address = f"{url}/images/generations"
        answers.append(httpx2.post(address, json={"prompt": KITE}, timeout=30))

    with process(home, "--latency", "1") as url:
        asking = threading.Thread(target=ask, args=(url,))
        asking.start()
        while not _sent(home):
            pass
    asking.join()

    assert [answer.status_code for answer in answers] == [200]


def test_a_body_that_never_comes_to_an_end_is_cut_off_before_it_fills_the_memory(
    served: str,
) -> None:
    host, port = served.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(
            f"POST /v1/images/edits HTTP/1.1\r\nHost: {host}\r\n"
            "Content-Length: 200000000\r\nContent-Type: multipart/form-data; boundary=x\r\n\r\n".encode()
        )
        head = line.recv(4096)

    assert head.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("path", ["images/edits", "responses", "nothing"])
def test_whoever_sends_too_much_reads_why_in_place_of_a_broken_connection(
    served: str, path: str
) -> None:
    address = httpx2.URL(f"{served}/{path}")
    with closing(http.client.HTTPConnection(address.host, address.port, timeout=60)) as line:
        line.request("POST", address.path, b"x" * 200_000_000, {"content-type": "application/json"})
        answer = line.getresponse()
        told = json.loads(answer.read())

    assert answer.status == (404 if path == "nothing" else 413)
    assert told["error"]["message"]


def test_whoever_asks_before_sending_is_told_at_once(served: str) -> None:
    host, port = served.removeprefix("http://").removesuffix("/v1").split(":")
    with socket.create_connection((host, int(port)), timeout=20) as line:
        line.sendall(
            f"POST /v1/responses HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\n"
            "Content-Length: 200000000\r\n\r\n".encode()
        )
        told = b"".join(iter(lambda: line.recv(65_536), b""))

    assert told.startswith(b"HTTP/1.1 413 ")


@at_hand
def test_the_answers_fit_the_published_schema(client: openai.OpenAI) -> None:
    raw = client.images.with_raw_response.generate(model="gpt-image-2", prompt=KITE)
    body = raw.http_response.json()

    assert complaints("ImagesResponse", body) == []


def _ask_in_vain(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(httpx2.HTTPError):
        httpx2.post(f"{url}/images/generations", json={"prompt": KITE}, headers=headers, timeout=30)


def _sent(home: Path) -> bool:
    return _one(home, "SELECT count(*) FROM attempt WHERE state = 'sent'") != "0"


def _turns(home: Path) -> int:
    return int(_one(home, "SELECT count(*) FROM turn"))


def _owner(home: Path) -> int:
    """The process that sent the newest attempt: what was started only passes signals on to it."""
    return int(_one(home, "SELECT owner FROM attempt ORDER BY seq DESC").split(":")[1])


def _one(home: Path, query: str) -> str:
    path = home / "d" / "limner.db"
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return str(connection.execute(query).fetchone()[0])
