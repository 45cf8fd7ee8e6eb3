"""Where a chat's lines come from: a person at a terminal, or a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import anyio.to_thread
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import Output, create_output

from .slash import COMMANDS


class Lines(Protocol):
    """``next`` gives ``None`` at the end; ``person`` means that somebody can be asked."""

    person: bool

    async def next(self, label: str) -> str | None: ...

    async def agrees(self, question: str) -> bool: ...


class Piped:
    """Lines of a file or a program; nobody is there to agree to anything."""

    person = False

    async def next(self, label: str) -> str | None:
        del label
        line = await anyio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)
        return line.rstrip("\n") if line else None

    async def agrees(self, question: str) -> bool:
        del question
        return False


class Typed:
    """A prompt with history and completion. Ctrl-C clears the line, Ctrl-D ends."""

    person = True

    def __init__(self, history: Path) -> None:
        self._prompt: PromptSession[str] = PromptSession(
            history=_history(history),
            completer=Slashes(),
            complete_while_typing=False,
            output=_at_stderr(),
        )

    async def next(self, label: str) -> str | None:
        while True:
            try:
                return await self._prompt.prompt_async(f"{label} › ", handle_sigint=False)
            except KeyboardInterrupt:
                continue
            except EOFError:
                return None

    async def agrees(self, question: str) -> bool:
        asking: PromptSession[str] = PromptSession(output=_at_stderr())
        try:
            answer = await asking.prompt_async(f"{question} [y/N] ", handle_sigint=False)
        except (KeyboardInterrupt, EOFError):
            return False
        return answer.strip().lower() in ("y", "yes")


class Slashes(Completer):
    """Commands at the start of a line; files after those that take one."""

    def __init__(self) -> None:
        self._files = PathCompleter(expanduser=True)

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        text = document.text_before_cursor
        name, space, rest = text.partition(" ")
        if not space:
            for command, slash in COMMANDS.items():
                if text and command.startswith(text):
                    yield Completion(command, -len(text), display_meta=slash.about)
        elif name in COMMANDS and COMMANDS[name].path:
            yield from self._files.get_completions(Document(rest, len(rest)), complete_event)


def lines(history: Callable[[], Path]) -> Lines:
    """A person when both ends are a terminal."""
    if sys.stdin.isatty() and sys.stderr.isatty():
        return Typed(history())
    return Piped()


def _at_stderr() -> Output:
    """Paths on stdout may go to a file while a person types."""
    return create_output(stdout=sys.stderr)


def _history(path: Path) -> History:
    """Kept for this user's eyes only; without a place to keep it, for this chat only."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.chmod(0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
