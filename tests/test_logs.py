from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr

from agent.logs import configure, get_logger, redact, redact_text, without_content

KEY = "sk-proj-" + "Ab1_" * 12
JWT = "eyJhbGciOiJSUzI1NiJ9." + "eyJzdWIiOiJhYmMifQ" * 20 + ".c2lnbmF0dXJl"


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def cleaned(**fields: object) -> dict[str, object]:
    return dict(redact(None, "info", fields))


# ── redaction ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "key {} refused",
        "Authorization: Bearer {}",
        "bearer {}",
        '{{"api_key": "{}"}}',
        '{{\\"api_key\\": \\"{}\\"}}',
        "api-key={}&x=1",
        "x-api-key: {}",
        "Authorization: Basic {}",
        "https://bucket.example/p.png?X-Amz-Signature={}&a=1",
        "https://host.example/p?sig={}",
        "https://user:{}@host.example/v1",
        "postgresql://limner:{}@db/limner",
        "Cookie: a=b; session={}",
        "Set-Cookie: session={}; Path=/",
        "access_token={}",
        "line one\\n{}",
    ],
)
@pytest.mark.parametrize("secret", [KEY, JWT], ids=["key", "jwt"])
def test_a_secret_in_a_text_is_taken_out_wherever_it_stands(text: str, secret: str) -> None:
    shown = redact_text(text.format(secret))

    assert secret not in shown
    assert secret[-8:] not in shown


@pytest.mark.parametrize(
    "text",
    [
        "https://user:{}@host.example/v1",
        "password={}",
        "x-api-key: {}",
        "Authorization: Basic {}",
        "Cookie: a=b; session={}",
    ],
)
def test_a_secret_without_a_known_shape_is_known_by_what_stands_before_it(text: str) -> None:
    assert "hunter2hunter2" not in redact_text(text.format("hunter2hunter2"))


@pytest.mark.parametrize(
    "text",
    [
        "task-management-software is not a key",
        "https://api.example.com/v1/responses",
        "sha256 " + "ab12" * 16,
        "input_tokens: 300",
        "a basic understanding, bearer of news",
        "画一只猫，坐在窗边\n第二行",
        "img_01ARZ3NDEKTSV4RRFFQ69G5FAV of night-market",
    ],
)
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert redact_text(text) == text


def test_base64_of_200_characters_or_more_becomes_its_length() -> None:
    assert redact_text("data:image/png;base64," + "iVBO" * 50) == (
        "data:image/png;base64,<base64 200 chars>"
    )
    assert redact_text("A" * 199) == "A" * 199


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n"])
def test_base64_broken_into_lines_becomes_its_length(newline: str) -> None:
    assert redact_text(newline.join(["QUJD" * 19] * 40)) == "<base64 3040 chars>"


def test_characters_that_drive_a_terminal_or_break_an_encoding_are_spelt_out() -> None:
    shown = redact_text("red \x1b[31m bell \x07 half \ud83d two\nlines")

    assert shown == "red \\x1b[31m bell \\x07 half \\xd83d two\nlines"
    shown.encode()


def test_a_field_is_secret_by_its_name_at_any_depth() -> None:
    event = cleaned(
        api_key="gateway-4711",
        headers={"Authorization": "gateway-4711", "Set-Cookie": ["gateway-4711"]},
        attempts=[{"client_secret": "gateway-4711", "key_fingerprint": "ab12"}],
    )

    assert "gateway-4711" not in str(event)
    assert "ab12" in str(event)


def test_numbers_and_counts_of_tokens_stay_numbers() -> None:
    event = {"tokens": 3, "token": 4, "elapsed_ms": 1.5, "billed": True, "retry_at": None}

    assert cleaned(**event) == event


def test_bytes_become_their_length_and_strange_objects_their_type() -> None:
    @dataclass
    class Turn:
        prompt: str = "a cat"

    event = cleaned(a=b"\x89PNG", b=memoryview(b"12"), c=Turn(), d=SecretStr("hunter2"))

    assert event == {"a": "<4 bytes>", "b": "<2 bytes>", "c": "<Turn>", "d": "<SecretStr>"}


def test_paths_money_and_errors_are_spelt_and_cleaned() -> None:
    event = cleaned(path=Path("a/b.png"), cost=Decimal("0.10"), error=ValueError(f"no {KEY}"))

    assert event == {"path": "a/b.png", "cost": "0.10", "error": "no sk-…"}


def test_a_value_that_holds_itself_does_not_hang_the_log() -> None:
    loop: dict[str, object] = {}
    loop["again"] = loop

    assert "<dict>" in str(cleaned(loop=loop))


def test_what_people_wrote_becomes_its_length_at_any_depth() -> None:
    event = {
        "event": "screened",
        "prompt": "a cat",
        "turn": {"text": "a dog"},
        "all": [{"brief": []}],
    }

    assert without_content(None, "info", event) == {
        "event": "screened",
        "prompt": "<5 chars>",
        "turn": {"text": "<5 chars>"},
        "all": [{"brief": "<0 items>"}],
    }


# ── the log ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("restored")
def test_nothing_is_printed_in_a_program_that_configured_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logger = logging.getLogger("limner")
    logger.propagate = False
    try:
        get_logger().error("hello")
    finally:
        logger.propagate = True

    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("restored")
def test_an_embedding_program_gets_clean_records_through_logging(
    caplog: pytest.LogCaptureFixture,
) -> None:
    get_logger("limner.store").warning("locked", prompt="a cat", key=KEY)

    assert [(r.name, r.levelname) for r in caplog.records] == [("limner.store", "WARNING")]
    assert caplog.messages == ["event='locked' prompt='<5 chars>' key='…'"]


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("made_by", [get_logger, structlog.get_logger], ids=["ours", "structlog"])
def test_a_logger_made_before_configuring_writes_json_to_the_stream(
    made_by: Callable[[str], structlog.stdlib.BoundLogger],
) -> None:
    log = made_by("limner.upstream")
    stream = io.StringIO()
    configure("info", json=True, stream=stream)
    log.info("sent", attempt="att_1", bytes=3)

    (line,) = lines(stream)
    assert line.pop("timestamp")
    assert line == {
        "event": "sent",
        "attempt": "att_1",
        "bytes": 3,
        "level": "info",
        "logger": "limner.upstream",
    }


@pytest.mark.usefixtures("restored")
def test_only_what_is_as_grave_as_the_level_is_written() -> None:
    stream = io.StringIO()
    configure("warning", json=True, stream=stream)
    get_logger().info("quiet")
    get_logger().warning("loud")

    assert [line["event"] for line in lines(stream)] == ["loud"]


@pytest.mark.usefixtures("restored")
def test_prompts_are_written_only_when_asked_and_keys_not_even_then() -> None:
    stream = io.StringIO()
    configure("info", json=True, stream=stream)
    get_logger().info("turn", prompt="a cat")
    configure("info", json=True, stream=stream, log_content=True)
    get_logger().info("turn", prompt=f"a cat {KEY}")

    assert [line["prompt"] for line in lines(stream)] == ["<5 chars>", "a cat sk-…"]


@pytest.mark.usefixtures("restored")
def test_configuring_again_replaces_the_stream() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure("info", json=True, stream=first)
    configure("info", json=True, stream=second)
    get_logger().info("once")

    assert (len(lines(first)), len(lines(second))) == (0, 1)


@pytest.mark.usefixtures("restored")
def test_warnings_of_other_libraries_are_written_clean_and_their_chatter_is_not() -> None:
    stream = io.StringIO()
    configure("debug", json=True, stream=stream)
    logging.getLogger("somebody.else").warning("retrying with %s", KEY)
    logging.getLogger("somebody.else").info("chatter")

    assert [line["event"] for line in lines(stream)] == ["retrying with sk-…"]


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("name", ["limner", "somebody.else"])
@pytest.mark.parametrize("as_json", [True, False])
def test_a_traceback_is_written_clean(name: str, as_json: bool) -> None:
    stream = io.StringIO()
    configure("info", json=as_json, stream=stream)
    log = get_logger(name) if name == "limner" else logging.getLogger(name)
    try:
        Path(KEY).rename(KEY)
    except FileNotFoundError:
        log.exception("send failed")

    assert "Traceback" in stream.getvalue()
    assert "No such file or directory: 'sk-…'" in stream.getvalue()


@pytest.mark.usefixtures("restored")
def test_the_log_for_people_has_no_colour_codes_off_a_terminal() -> None:
    stream = io.StringIO()
    configure("info", stream=stream)
    get_logger().info("sent %s", "now", attempt="att_1")

    assert "sent now" in stream.getvalue()
    assert "attempt=att_1" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("restored")
def test_no_color_is_honoured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured, plain = Terminal(), Terminal()
    monkeypatch.delenv("NO_COLOR", raising=False)
    configure("info", stream=coloured)
    get_logger().info("sent")
    monkeypatch.setenv("NO_COLOR", "1")
    configure("info", stream=plain)
    get_logger().info("sent")

    assert "\x1b" in coloured.getvalue()
    assert "\x1b" not in plain.getvalue()


@pytest.mark.usefixtures("restored")
def test_the_stream_is_stderr_unless_another_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    configure("info", json=True)
    get_logger().info("sent")

    out, err = capsys.readouterr()
    assert (out, json.loads(err)["event"]) == ("", "sent")
