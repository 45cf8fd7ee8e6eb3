"""The log, named ``limner``: silent until a door configures it, clean of secrets either way.

The runner, upstream, store and doors write to it and nothing else does; only a door calls
``configure``. A program that embeds Limner gets the records through ``logging`` as usual.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Final, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

Level = Literal["debug", "info", "warning", "error"]

NAME: Final = "limner"
CONTENT: Final = frozenset(
    {"prompt", "text", "revised_prompt", "instructions", "messages", "input", "brief", "question"}
    | {"answer", "content", "caption", "body"}
)
"""Fields that hold what people wrote or a model answered."""

_SECRET_KEY: Final = re.compile(
    r"(?i)(^key|(^|[_-])((api|secret|access|private)[_-]?key|token|secret|password|passwd"
    r"|authorization|cookie))$"
)
_BASE64: Final = r"[A-Za-z0-9+/_-]"
_RUN: Final = re.compile(
    # Starts only where a run starts and never backtracks: linear on megabytes.
    rf"(?<!{_BASE64}){_BASE64}{{40,}}+(?:(?:\\[rn]|[\r\n])++{_BASE64}{{40,}}+)*+={{0,2}}"
)
_START: Final = r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))"
_SECRETS: Final = (
    (re.compile(rf"{_START}sk-[A-Za-z0-9_-]{{8,}}+"), "sk-…"),
    (re.compile(rf"{_START}eyJ[\w-]{{8,}}+\.[\w-]++(?:\.[\w-]*+)*+"), "<token>"),
    (re.compile(r"(?i)\b(bearer)\s+[A-Za-z0-9._~+/=-]{6,}+"), r"\1 …"),
    (re.compile(r"(?i)((?:set-)?cookie\\*[\"']?\s*[:=]\s*)[^\r\n\"'\\]+"), r"\1…"),
    (
        re.compile(
            r"(?i)((?:api[_-]?key|authorization|access[_-]?token|refresh[_-]?token|id[_-]?token"
            r"|client[_-]?secret|\btoken|password|x-amz-signature|x-amz-credential|[?&]sig|[?&]signature"
            r"|[?&]token|[?&]key)\\*[\"']?\s*[:=]\s*\\*[\"']?)(?:(?:basic|bearer)\s+)?[^\s\"'\\,;&}]+"
        ),
        r"\1…",
    ),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,30}://)[^\s/@:\"']*:[^\s/@\"']+@"), r"\1…@"),
)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_DEPTH: Final = 8


def get_logger(name: str = NAME) -> structlog.stdlib.BoundLogger:
    """A logger that takes fields, ``log.info("sent", attempt=…)``; rooms are ``limner.ROOM``.

    Unlike ``structlog.get_logger`` it prints nothing in a program that configured nothing.
    """
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name), processors=_chain, wrapper_class=structlog.stdlib.BoundLogger
    )
    return logger


def configure(
    level: Level = "warning",
    *,
    json: bool = False,
    stream: TextIO | None = None,
    log_content: bool = False,
) -> None:
    """For doors: ours from ``level`` and everybody else's warnings to ``stream`` (stderr).

    ``log_content`` lets prompts and answers through; secrets and pictures never are.
    Calling it again replaces what was configured.
    """
    stream = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    ours = _processors(log_content=log_content)
    _chain[:] = [
        *ours[:1],
        *shared,
        *ours[1:],
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ]
    handler = logging.StreamHandler(stream)
    handler.set_name(NAME)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.processors.format_exc_info, redact],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _renderer(stream, json=json),
            ],
        )
    )
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == NAME]:
        root.removeHandler(old)
    root.addHandler(handler)
    logging.getLogger(NAME).setLevel(level.upper())
    structlog.configure(
        processors=_chain,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def redact(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Processor: no keys, tokens or cookies, no base64, no bytes, at any depth."""
    return {
        key: value if key.startswith("_") else _clean(key, value, _DEPTH)
        for key, value in event.items()
    }


def without_content(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    """Processor: what people wrote becomes its length."""
    return {key: _hidden(key, value, _DEPTH) for key, value in event.items()}


def redact_text(text: str) -> str:
    """One text without secrets, base64 and characters that would drive a terminal."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    text = _RUN.sub(_collapsed, text)
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def _processors(*, log_content: bool) -> list[Processor]:
    return [
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        *([] if log_content else [without_content]),
        redact,
    ]


def _renderer(stream: TextIO, *, json: bool) -> Processor:
    if json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=stream.isatty() and not os.environ.get("NO_COLOR"),
        exception_formatter=structlog.dev.plain_traceback,
    )


def _collapsed(found: re.Match[str]) -> str:
    count = len(re.sub(r"\\[rn]|\s", "", found[0]))
    return found[0] if count < 200 else f"<base64 {count} chars>"


def _clean(key: str, value: object, depth: int) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if _SECRET_KEY.search(key):
        return "…"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping) and depth:
        return {
            redact_text(str(inner)): _clean(str(inner), item, depth - 1)
            for inner, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)) and depth:
        return [_clean(key, item, depth - 1) for item in value]
    if isinstance(value, (str, Decimal, date, PurePath, Enum, BaseException)):
        return redact_text(str(value))
    # Records and other objects would spell out prompts that no field name gives away.
    return f"<{type(value).__name__}>"


def _hidden(key: str, value: object, depth: int) -> object:
    if key in CONTENT and isinstance(value, (str, list, tuple, Mapping)):
        return f"<{len(value)} {'chars' if isinstance(value, str) else 'items'}>"
    if isinstance(value, Mapping) and depth:
        return {inner: _hidden(str(inner), item, depth - 1) for inner, item in value.items()}
    if isinstance(value, (list, tuple)) and depth:
        return [_hidden(key, item, depth - 1) for item in value]
    return value


_chain: Final[list[Processor]] = [
    *_processors(log_content=False),
    structlog.processors.KeyValueRenderer(key_order=["event"]),
]
"""Changed in place by ``configure``, so that loggers made earlier follow."""

logging.getLogger(NAME).addHandler(logging.NullHandler())
