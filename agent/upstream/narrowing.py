"""What answers show for free about a server: noted, remembered per base URL, only ever narrowing.

A fact is learned from an answer that came anyway; nothing is sent to find out, and nothing here
makes a dialect promise more than it did. What a server *can* do, ``limner doctor --probe`` proves.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, get_args

from pydantic import Field, ValidationError

from ..logs import get_logger
from ..protocols import Clock, Upstream
from ..schema import Failure, Record
from ..traffic import (
    Dialect,
    Ended,
    Failed,
    Opened,
    Outgoing,
    Picture,
    Profile,
    Received,
    TextPiece,
)

log = get_logger("limner.upstream")

Fact = Literal[
    "tool_choice_rejected",
    "structured_output_rejected",
    "structured_output_ignored",
    "stream_answered_whole",
    "tool_stripped",
]
FIELDS: Final[Mapping[Fact, str]] = MappingProxyType(
    {
        "tool_choice_rejected": "tool_choice",
        "structured_output_rejected": "structured_output",
        "structured_output_ignored": "structured_output",
        "stream_answered_whole": "streaming",
        "tool_stripped": "image_tool",
    }
)
"""Which field of a ``Dialect`` a fact turns off."""
MEMORY_FILE: Final = "servers.json"
_LONGEST_MEMORY: Final = 1024 * 1024
_TOOL: Final = "image_generation"
_TOOL_CHOICE: Final = re.compile(r"\btool_choice\b")
_TEXT_FORMAT: Final = re.compile(r"\btext\.format\b|\bjson_schema\b|\bresponse_format\b")


def narrowed(dialect: Dialect, facts: Collection[Fact]) -> Dialect:
    """The dialect without what was shown not to work; never with more."""
    if not facts:
        return dialect
    off = {FIELDS[fact] for fact in facts}
    return replace(
        dialect,
        tool_choice=dialect.tool_choice and "tool_choice" not in off,
        structured_output=dialect.structured_output and "structured_output" not in off,
        streaming=dialect.streaming and "streaming" not in off,
        image_tool=dialect.image_tool and "image_tool" not in off,
        evidence=(
            *dialect.evidence,
            *((FIELDS[f], f"shown by an answer: {f.replace('_', ' ')}") for f in sorted(facts)),
        ),
    )


# ── from an answer ───────────────────────────────────────────────────────────────────────────


class Watch:
    """What one answer shows about the server, by what was asked."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing
        self._text = ""
        self._tools: set[str] | None = None
        self._whole = self._drew = False

    def see(self, item: Received) -> frozenset[Fact]:
        """One more item; facts are shown by the last one."""
        match item:
            case Opened(tools=tools, streamed=streamed):
                self._whole = self._whole or streamed is False
                if tools is not None:
                    self._tools = (self._tools or set()) | set(tools)
            case TextPiece(text=text):
                self._text += text
            case Picture():
                self._drew = True
            case Failed(failure=failure):
                return rejected(failure, self._outgoing)
            case Ended(status="completed"):
                return self._shown()
            case _:
                pass
        return frozenset()

    def _shown(self) -> frozenset[Fact]:
        shown: set[Fact] = set()
        asked = self._outgoing
        if asked.stream and self._whole:
            shown.add("stream_answered_whole")
        if (
            asked.options
            and not self._drew
            and self._tools is not None
            and _TOOL not in self._tools
        ):
            shown.add("tool_stripped")
        if asked.answer_schema is not None and self._text.strip() and not _is_json(self._text):
            shown.add("structured_output_ignored")
        return frozenset(shown)


def rejected(failure: Failure, outgoing: Outgoing) -> frozenset[Fact]:
    """A parameter that was sent and is named by a refusal made before any work."""
    if failure.code != "invalid_parameter" or failure.billed != "no":
        return frozenset()
    if outgoing.force_tool and _TOOL_CHOICE.search(failure.message):
        return frozenset({"tool_choice_rejected"})
    if outgoing.answer_schema is not None and _TEXT_FORMAT.search(failure.message):
        return frozenset({"structured_output_rejected"})
    return frozenset()


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# ── remembered ───────────────────────────────────────────────────────────────────────────────


class _Memory(Record):
    """The file: base URL → fact → when it was first shown (ISO 8601)."""

    v: Literal[1] = 1
    servers: dict[str, dict[str, str]] = Field(default_factory=dict)


class ServerMemory:
    """``servers.json``. What cannot be read is as good as forgotten: it is learned again for free."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._held = _Memory()

    def facts(self, base_url: str) -> dict[Fact, str]:
        """What is known of that server, and since when."""
        told = self._read().servers.get(base_url, {})
        return {fact: told[fact] for fact in get_args(Fact) if fact in told}

    def known(self) -> dict[str, dict[Fact, str]]:
        """Every server that anything is known of."""
        return {url: self.facts(url) for url in sorted(self._read().servers)}

    def add(self, base_url: str, facts: Collection[Fact], *, at: str) -> None:
        """Keeps what another process wrote meanwhile; a disk that will not is only logged."""
        servers = self._read().servers
        known = servers.get(base_url, {})
        new: dict[str, str] = {fact: at for fact in sorted(facts) if fact not in known}
        if new:
            self._write({**servers, base_url: {**known, **new}})

    def forget(self, base_url: str) -> bool:
        """False when nothing was known."""
        servers = self._read().servers
        if base_url not in servers:
            return False
        self._write({url: facts for url, facts in servers.items() if url != base_url})
        return True

    def _read(self) -> _Memory:
        if self._path is None:
            return self._held
        try:
            with self._path.open("rb") as file:
                return _Memory.model_validate_json(file.read(_LONGEST_MEMORY))
        except FileNotFoundError:
            return _Memory()
        except (OSError, ValidationError) as error:
            log.warning("servers.unreadable", path=str(self._path), error=type(error).__name__)
            return _Memory()

    def _write(self, servers: dict[str, dict[str, str]]) -> None:
        self._held = _Memory(servers=servers)
        if self._path is None:
            return
        temporary = self._path.with_name(f"{self._path.name}.{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(self._held.model_dump_json(indent=1) + "\n", "utf-8")
            temporary.replace(self._path)
        except OSError as error:
            log.warning("servers.not_written", path=str(self._path), error=str(error))


class Narrowing:
    """An upstream that learns: its ``profile`` says what the server has shown so far."""

    def __init__(self, inner: Upstream, *, memory: ServerMemory, clock: Clock) -> None:
        self._inner = inner
        self._memory = memory
        self._clock = clock
        self._facts: frozenset[Fact] = frozenset(memory.facts(inner.profile.base_url))
        self._profile = self._narrowed()

    @property
    def profile(self) -> Profile:
        return self._profile

    def _narrowed(self) -> Profile:
        profile = self._inner.profile
        return replace(profile, dialect=narrowed(profile.dialect, self._facts))

    def encode(self, outgoing: Outgoing) -> bytes:
        """``Upstream.encode``."""
        return self._inner.encode(outgoing)

    def retry_delay(self, failure: Failure, *, tries: int, elapsed_s: float) -> float | None:
        """``Upstream.retry_delay``."""
        return self._inner.retry_delay(failure, tries=tries, elapsed_s=elapsed_s)

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def send(self, body: bytes, outgoing: Outgoing) -> AsyncGenerator[Received, None]:
        """``Upstream.send``; what the answer shows is known before its last item is passed on."""
        watch = Watch(outgoing)
        async with aclosing(self._inner.send(body, outgoing)) as received:
            async for item in received:
                self._learn(watch.see(item))
                yield item

    def _learn(self, shown: frozenset[Fact]) -> None:
        new = shown - self._facts
        if new:
            self._facts |= new
            self._profile = self._narrowed()
            url = self._inner.profile.base_url
            self._memory.add(url, new, at=self._clock.now().isoformat(timespec="seconds"))
            log.info("server.narrowed", facts=sorted(new))
