"""The table of servers: what each does differently, with the evidence.

Anything not listed is the careful default of ``Dialect``: nothing stored, nothing optional proved.
Unknown hosts are ``generic``. Section marks (D, N, L) are rows of the gateway notes; "wire" is the
notes on the wire. A fact without evidence does not belong here.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ..errors import SettingsError
from ..protocols import Dialect

MEBIBYTE = 1024 * 1024

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="openai",
            hosts=("api.openai.com",),
            tool_choice=True,
            structured_output=True,
            moderation_param=True,
            transparency=True,
            safety_identifier=True,
            evidence=(
                ("tool_choice", "wire 1.1: tool_choice_types of SDK 3.51.0, recorded working"),
                ("structured_output", "wire 5: SDK 3.51.0, text.format"),
                ("transparency", "wire 1.1: preview on gpt-image-2, SDK 3.51.0"),
                ("moderation_param", "wire 1.1: recorded 2026-07-21"),
                ("safety_identifier", "wire 1.1: SDK 3.51.0"),
                ("stores_responses", "wire 7: no recording of previous_response_id with a picture"),
            ),
        ),
        Dialect(
            name="sub2api",
            hosts=("claude.omniclaw.store",),
            body_cap=256 * MEBIBYTE,
            evidence=(
                ("stores_responses", "D1, D2: store forced false, previous_response_id deleted"),
                ("tool_choice", "peers D11: rejected by some upstreams (sub2api 2111, 3791)"),
                ("safety_identifier", "D5: deleted"),
                ("body_cap", "D9: request body cap 256 MB"),
            ),
        ),
        Dialect(
            name="new-api",
            evidence=(
                ("stores_responses", "N2, N3: no retrieve, load-balanced channels"),
                ("safety_identifier", "N3: removed by default"),
            ),
        ),
        Dialect(name="3hei", hosts=("api.3hei.com",)),
        Dialect(
            name="hingnet",
            transparency=True,
            evidence=(("transparency", "R23: listed as verified by the platform"),),
        ),
        Dialect(
            name="litellm",
            tool_choice=True,
            structured_output=True,
            safety_identifier=True,
            evidence=(
                ("tool_choice", "L1: the body passes unchanged"),
                ("safety_identifier", "L1: passes"),
            ),
        ),
        Dialect(
            name="offline",
            hosts=("offline.invalid",),
            tool_choice=True,
            structured_output=True,
            safety_identifier=True,
            transparency=True,
            evidence=(("tool_choice", "our own server, its tests"),),
        ),
        Dialect(name="generic"),
    )
}


def dialect_named(name: str) -> Dialect:
    """Raises ``SettingsError`` listing the names."""
    found = DIALECTS.get(name)
    if found is None:
        known = ", ".join(sorted(DIALECTS))
        raise SettingsError(f"No dialect is called {name!r}.", hint=f"Known dialects: {known}.")
    return found


def dialect_for(base_url: str, name: str | None = None) -> Dialect:
    """The one set by hand, else the one of the host, else ``generic``."""
    if name:
        return dialect_named(name)
    host = (urlsplit(base_url).hostname or "").lower()
    return next((d for d in DIALECTS.values() if host in d.hosts), DIALECTS["generic"])
