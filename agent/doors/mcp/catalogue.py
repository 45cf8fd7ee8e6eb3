"""The six tools as clients list them.

A host that defers tools searches names and descriptions word by word (BM25; clients.md 2.2), so the
words that people use stand in them.
"""

from __future__ import annotations

from typing import Final, Literal

from mcp_types import Tool, ToolAnnotations

from .posters import PosterArgs, Postered
from .schemas import (
    CheckArgs,
    Checked,
    Drawn,
    EditArgs,
    GenerateArgs,
    SessionArgs,
    Shown,
    TurnArgs,
    input_schema,
    output_schema,
)

ToolName = Literal[
    "generate_image", "edit_image", "check_prompt", "show_session", "get_turn", "make_poster"
]

INSTRUCTIONS: Final = """\
Limner draws pictures from sentences and changes them turn by turn. generate_image draws, edit_image \
changes any earlier picture (the newest, @n, an image id, a file). The first line of an answer is the \
path of the file that was written. When the answer is 'pending', call get_turn with its turn id: the \
work goes on, and calling again would not be faster. Every picture may cost money: do not repeat a \
refused call unchanged."""

_GENERATE: Final = """\
Draw a new picture from a text prompt and save it as a file: image, photo, illustration, poster, \
banner, cover, logo, icon, sticker, avatar, wallpaper, diagram, mockup, texture, sprite, any graphic \
or artwork. Create, generate, make, paint, sketch or design an image with an AI image model (gpt-image, \
DALL-E). Text in the picture is possible: quote it in the prompt. Answers with the path of the written \
file, a preview and a receipt (ids, size, cost)."""

_EDIT: Final = """\
Edit, change, modify, retouch or improve an existing picture, image or photo by a text instruction: \
add, remove or replace an object, remove or change the background, make it transparent, recolour, \
restyle, fix text, crop to another format, extend, upscale, combine with references. Works on the \
newest picture, an earlier one (image id, @n, session/n) or a file (png, jpeg, webp); a mask limits \
where it may change (inpaint). The picture that was changed stays as it is; the result is a new file."""

_CHECK: Final = """\
Check a prompt against the safety policy before drawing: allowed, refused or needs a person's second \
look, with the rule and how to reword it. Sends nothing, costs nothing."""

_SHOW: Final = """\
Show a drawing session: its history of turns and its pictures, images with ids, file paths, parents and \
cost, the newest picture. Use it to find or list earlier images to edit again. Sends nothing, costs \
nothing."""

_TURN: Final = """\
Wait for a pending picture and get the result, status or outcome of an image turn by its turn id. Use \
it after generate_image or edit_image answered 'pending'. Draws nothing anew, costs nothing."""


_POSTER: Final = """\
Make posters, flyers, banners or social media graphics from a brief file (YAML, JSON, Markdown): every \
size and language, exact text, logo, QR code, print-ready PDF with bleed, proofread letter by letter. \
Use it when words, prices or dates must be right; dry_run says what it would cost. Takes minutes: when \
the answer is 'pending', make the same call again; nothing is bought twice."""


def tools(*, offline: bool) -> list[Tool]:
    """``offline``: nothing leaves this machine."""
    # drawing can replace a file (overwrite: true), spends money and is never the same twice
    draws = ToolAnnotations(
        read_only_hint=False,
        destructive_hint=True,
        idempotent_hint=False,
        open_world_hint=not offline,
    )
    looks = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    drawn = output_schema(Drawn)
    return [
        Tool(
            name=name,
            title=title,
            description=description,
            input_schema=input_schema(takes),
            output_schema=gives,
            annotations=hints,
        )
        for name, title, description, takes, gives, hints in (
            ("generate_image", "Draw a picture", _GENERATE, GenerateArgs, drawn, draws),
            ("edit_image", "Change a picture", _EDIT, EditArgs, drawn, draws),
            ("check_prompt", "Check a prompt", _CHECK, CheckArgs, output_schema(Checked), looks),
            ("show_session", "Show a session", _SHOW, SessionArgs, output_schema(Shown), looks),
            ("get_turn", "Wait for a picture", _TURN, TurnArgs, drawn, looks),
            ("make_poster", "Make posters", _POSTER, PosterArgs, output_schema(Postered), draws),
        )
    ]
