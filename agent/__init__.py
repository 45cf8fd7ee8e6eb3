"""Limner: pictures from sentences, refined turn by turn, on the OpenAI Responses API.

One turn, from a door to a stored picture and back (``runner.py`` is the only module that knows
the order):

    door ─► runner ─► safety.screen        may the text go out?          pure
                   ─► turn.context         what belongs to this picture  pure
                   ─► turn.request         one Outgoing                  pure
                   ─► store.reserve        the attempt, before it is sent
                   ─► upstream.send        bytes out, bytes in           network
                        └ wire             writer ▸ … ▸ reader           pure
                   ─► turn.extract         text, pictures, usage, outcome pure
                   ─► store                bytes, image, parents, turn, head
                   ─► events ─► the same door

Import what you need from here; everything is loaded on first use, so that ``import agent`` and
``limner --help`` cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .errors import LimnerError, NotFound, SettingsError, UsageError
    from .events import (
        EVENT,
        Event,
        ImageCompleted,
        ImagePartial,
        TextDelta,
        TurnCompleted,
        TurnFailed,
        TurnRefused,
        TurnStarted,
    )
    from .factory import open_agent
    from .poster.filling import load_brief
    from .poster.make import make_posters
    from .poster.planning import MakeOptions
    from .protocols import TurnRequest
    from .results import OutcomeError, TurnResult
    from .runner import ImageAgent
    from .schema import Cost, Failure, Image, ImageOptions, Session, Turn, Usage
    from .settings import Settings, load_settings
    from .sync import SyncImageAgent

__version__ = "0.1.0"

_HOME = {
    "LimnerError": "errors",
    "NotFound": "errors",
    "OutcomeError": "results",
    "SettingsError": "errors",
    "UsageError": "errors",
    "EVENT": "events",
    "Event": "events",
    "ImageCompleted": "events",
    "ImagePartial": "events",
    "TextDelta": "events",
    "TurnCompleted": "events",
    "TurnFailed": "events",
    "TurnRefused": "events",
    "TurnStarted": "events",
    "open_agent": "factory",
    "load_brief": "poster.filling",
    "make_posters": "poster.make",
    "MakeOptions": "poster.planning",
    "TurnRequest": "protocols",
    "ImageAgent": "runner",
    "Cost": "schema",
    "Failure": "schema",
    "Image": "schema",
    "ImageOptions": "schema",
    "Session": "schema",
    "Turn": "schema",
    "TurnResult": "results",
    "Usage": "schema",
    "Settings": "settings",
    "load_settings": "settings",
    "SyncImageAgent": "sync",
}

__all__ = [
    "EVENT",
    "Cost",
    "Event",
    "Failure",
    "Image",
    "ImageAgent",
    "ImageCompleted",
    "ImageOptions",
    "ImagePartial",
    "LimnerError",
    "MakeOptions",
    "NotFound",
    "OutcomeError",
    "Session",
    "Settings",
    "SettingsError",
    "SyncImageAgent",
    "TextDelta",
    "Turn",
    "TurnCompleted",
    "TurnFailed",
    "TurnRefused",
    "TurnRequest",
    "TurnResult",
    "TurnStarted",
    "Usage",
    "UsageError",
    "__version__",
    "load_brief",
    "load_settings",
    "make_posters",
    "open_agent",
]


def __getattr__(name: str) -> object:
    """Load a public name from its room on first use (PEP 562)."""
    room = _HOME.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{room}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
