"""The table of servers: what each does differently, with the evidence.

Anything not listed is the careful default of ``Dialect``: nothing stored, nothing optional proved.
Unknown hosts are ``generic``. Section marks (D, N, L) are rows of the gateway notes; "wire" is the
notes on the wire. A fact without evidence does not belong here.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ..errors import SettingsError
from ..traffic import Dialect

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
            images_stream=True,
            moderations=True,
            evidence=(
                ("moderations", "recorded 2026-08-19 with text and a picture; one picture each"),
                ("tool_choice", "wire 1.1: tool_choice_types of SDK 3.51.0, recorded working"),
                ("structured_output", "wire 5: SDK 3.51.0, text.format"),
                ("transparency", "wire 1.1: preview on gpt-image-2, SDK 3.51.0"),
                ("moderation_param", "wire 1.1: recorded 2026-07-21"),
                ("safety_identifier", "wire 1.1: SDK 3.51.0"),
                ("stores_responses", "wire 7: no recording of previous_response_id with a picture"),
                (
                    "partials",
                    "wire 0.2: recorded, one more than asked for, the last is the picture",
                ),
                ("mask", "wire 1.1: input_image_mask, guidance only; no recording (wire 7)"),
                ("edit_body", "wire 5: SDK 3.51.0 sends forms; JSON was recorded working too"),
                ("images_stream", "wire 5: SDK 3.51.0, image_generation.* and image_edit.* events"),
            ),
        ),
        Dialect(
            name="sub2api",
            hosts=("claude.omniclaw.store",),
            body_cap=256 * MEBIBYTE,
            images_stream=True,
            part_cap=20 * MEBIBYTE,
            moderation_param=True,
            refusal_statuses=(502,),
            evidence=(
                ("stores_responses", "D1, D2: store forced false, previous_response_id deleted"),
                ("tool_choice", "peers D11: rejected by some upstreams (sub2api 2111, 3791)"),
                ("safety_identifier", "D5: deleted"),
                ("body_cap", "D9: 256 MB; its cap of 32 MB is for embeddings and searches"),
                ("image_tool", "D28, D30: some accounts take it out, which the echo shows"),
                ("mask", "D8: passed on as input_image_mask"),
                ("moderation_param", "R26: documented (S4:98)"),
                ("refusal_statuses", "D24, R55: any upstream error but 429 becomes 502"),
                ("edit_body", "D10: takes both; R34 sends forms"),
                ("images_stream", "D15, D16"),
                ("part_cap", "D9: 20 MB of each part are read, the rest silently left out"),
            ),
        ),
        Dialect(
            name="new-api",
            images_stream=True,
            legacy_models=True,
            moderation_param=True,
            free_codes=("channel:no_available_key",),
            preamble_words=True,
            evidence=(
                ("stores_responses", "N2, N3: no retrieve, load-balanced channels"),
                ("moderation_param", "N4: a known field; R26: documented (S2:248)"),
                ("free_codes", "N10: raised while a channel is chosen, before it is called"),
                ("preamble_words", "N10: sensitive_words_detected comes from a word list"),
                ("safety_identifier", "N3: removed by default"),
                ("edit_body", "N7: forms pass with every field and file name"),
                ("images_stream", "N8: passed on, or made of a whole answer"),
                ("legacy_models", "R13: its documentation offers DALL-E 2, 3 and gpt-image-1"),
            ),
        ),
        Dialect(
            name="3hei",
            hosts=("api.3hei.com",),
            moderation_param=True,
            evidence=(
                ("edit_body", "R34: image[] of a form, also through the SDK"),
                ("moderation_param", "R26: documented (S3:195)"),
                ("transparency", "R23: documented as not supported (S3:205)"),
            ),
        ),
        Dialect(
            name="hingnet",
            transparency=True,
            edit_body="json",
            moderation_param=True,
            evidence=(
                ("moderation_param", "R26: documented (S0:51)"),
                ("partials", "R28: an official field, not verified by the platform"),
                ("transparency", "R23: listed as verified by the platform"),
                ("edit_body", "R33: JSON for new work, forms kept for old clients"),
                ("images_stream", "R28: an official field, not verified by the platform"),
            ),
        ),
        Dialect(
            name="litellm",
            tool_choice=True,
            structured_output=True,
            safety_identifier=True,
            moderation_param=True,
            evidence=(
                (
                    "stores_responses",
                    "L2: ids are decoded and work; whether context stays is the upstream's affair",
                ),
                ("tool_choice", "L1: the body passes unchanged"),
                ("moderation_param", "L1: tool fields pass unchanged"),
                ("partials", "L1: events pass in the same order, partial_image too"),
                ("mask", "L1: passes"),
                ("structured_output", "L1: the body passes unchanged"),
                ("safety_identifier", "L1: passes"),
                ("edit_body", "L7, L8: JSON goes on as urlencoded, forms arrive whole"),
                ("images_stream", "L5: a 500, for edits after the picture was drawn"),
            ),
        ),
        Dialect(
            name="offline",
            hosts=("offline.invalid",),
            moderation_param=True,
            tool_choice=True,
            structured_output=True,
            safety_identifier=True,
            transparency=True,
            images_stream=True,
            moderations=True,
            evidence=(
                ("moderations", "our own server, its tests"),
                ("tool_choice", "our own server, its tests"),
                ("moderation_param", "our own server, its tests"),
                ("structured_output", "our own server, its tests"),
                ("safety_identifier", "our own server, its tests"),
                ("transparency", "our own server, its tests"),
                ("images_stream", "our own server, its tests"),
            ),
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
