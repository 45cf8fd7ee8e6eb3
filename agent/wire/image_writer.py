"""The strict writer of the Images API: one ``Outgoing`` becomes one body (wire.md 5, R33-R38).

``generations`` is JSON. ``edits`` is JSON with data URLs, or a form with the pictures as raw bytes,
a third smaller on the wire. Earlier turns are not sent: this API has no conversation, the picture
itself carries the state.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Literal

from pydantic import JsonValue

from ..errors import UsageError
from ..traffic import Outgoing, PictureData
from .writer import _plain, _plain_json, joined, mark_for

ImagesPath = Literal["/images/generations", "/images/edits"]
EditBody = Literal["json", "multipart"]
UrlOrBytes = Literal["url", "b64_json"]
Fields = dict[str, JsonValue]

_EXTENSIONS = {"image/jpeg": "jpg", "image/webp": "webp", "image/gif": "gif"}
_CRLF = b"\r\n"
_OURS = {
    *("model", "prompt", "size", "user", "stream", "partial_images", "response_format"),
    *("image", "images", "mask"),
}


def images_path(outgoing: Outgoing) -> ImagesPath:
    """Where it goes: with a picture, also one that is only a reference, it is an edit."""
    return "/images/edits" if pictures_of(outgoing) else "/images/generations"


def images_body(
    outgoing: Outgoing,
    *,
    edit_body: EditBody = "multipart",
    stream: bool = False,
    leave_out: frozenset[str] = frozenset(),
    response_format: UrlOrBytes | None = None,
) -> bytes:
    """The body for ``images_path(outgoing)``; a form begins with its own boundary.

    ``leave_out`` names the fields that the model does not take. ``response_format`` goes out only
    when given: servers of GPT image models refuse it (C4). Raises ``UsageError`` for numbers that
    JSON does not have, and for tool options that are fields of ours.
    """
    fields = _fields(outgoing, stream=stream, response_format=response_format)
    fields = {name: value for name, value in fields.items() if name not in leave_out}
    pictures = pictures_of(outgoing)
    if pictures and edit_body == "multipart":
        return _form(fields, pictures, outgoing.mask)
    placed: list[PictureData] = []
    if pictures:
        fields["images"] = [{"image_url": mark_for(picture, placed)} for picture in pictures]
    if pictures and outgoing.mask is not None:
        fields["mask"] = {"image_url": mark_for(outgoing.mask, placed)}
    return joined(fields, placed)


def content_type_of(body: bytes) -> str:
    """The header that goes with a body of ``images_body``."""
    if not body.startswith(b"--"):
        return "application/json"
    return f"multipart/form-data; boundary={body[2 : body.index(_CRLF)].decode('ascii')}"


def prompt_of(outgoing: Outgoing) -> str:
    """The safety preamble, then the prompt of this turn alone."""
    return "\n\n".join(
        part for part in (preamble_of(outgoing), _plain(_last_text(outgoing))) if part
    )


def preamble_of(outgoing: Outgoing) -> str:
    """The first paragraph of the instructions: the preamble always stands there (R59)."""
    return _plain(outgoing.instructions.partition("\n\n")[0].strip())


def pictures_of(outgoing: Outgoing) -> tuple[PictureData, ...]:
    """What is edited, then what is referred to; a mask belongs to the first."""
    return outgoing.messages[-1].pictures if outgoing.messages else ()


def _last_text(outgoing: Outgoing) -> str:
    return outgoing.messages[-1].text if outgoing.messages else ""


def _fields(outgoing: Outgoing, *, stream: bool, response_format: UrlOrBytes | None) -> Fields:
    """Everything but pictures. One picture is asked for, because a failure then costs one (R18)."""
    options = outgoing.options
    assert options is not None
    fields: Fields = {
        "model": _plain(options.model),
        "prompt": prompt_of(outgoing),
        "n": 1,
        "size": _plain(options.size),
        "quality": options.quality,
        "output_format": options.output_format,
        "background": options.background,
        "moderation": options.moderation,
    }
    if options.output_compression is not None:
        fields["output_compression"] = options.output_compression
    if outgoing.user:
        fields["user"] = _plain(outgoing.user)
    if stream:
        fields["stream"] = True
        if options.partial_images:
            fields["partial_images"] = options.partial_images
    if response_format is not None:
        fields["response_format"] = response_format
    return fields | _passed_through(options.tool_options)


def _passed_through(tool_options: Fields) -> Fields:
    """Options newer than this version; none may replace what was screened, priced or checked."""
    passed = {_plain(key): _plain_json(value) for key, value in tool_options.items()}
    taken = sorted(key for key in passed if key.partition("[")[0] in _OURS)
    if taken:
        raise UsageError(
            f"tool option {taken[0]}: it is set elsewhere", hint="leave it out; nothing was sent"
        )
    return passed


# ── forms ────────────────────────────────────────────────────────────────────────────────────


def _form(fields: Fields, pictures: Sequence[PictureData], mask: PictureData | None) -> bytes:
    """``image`` for one picture, ``image[]`` for several: so do the SDKs (clients.md 5, R34)."""
    name = "image" if len(pictures) == 1 else "image[]"
    parts = [(_disposition(key), text) for key, text in _texts(fields)]
    for number, picture in enumerate(pictures, 1):
        parts.append((_file(name, f"image-{number}", picture), picture.data))
    if mask is not None:
        parts.append((_file("mask", "mask", mask), mask.data))
    line = b"--" + _boundary(parts)
    pieces: list[bytes] = []
    for head, data in parts:
        pieces += [line, _CRLF, head, _CRLF, _CRLF, data, _CRLF]
    return b"".join([*pieces, line, b"--", _CRLF])


def _boundary(parts: Sequence[tuple[bytes, bytes]]) -> bytes:
    """From the content, so that the same request is the same bytes, and no content holds it."""
    digest = hashlib.sha256()
    for head, data in parts:
        digest.update(head)
        digest.update(data)
    return b"limner-" + digest.hexdigest()[:32].encode("ascii")


def _texts(fields: Fields) -> list[tuple[str, bytes]]:
    """Fields as a form holds them; ``null`` is a field that is not there."""
    return [(key, _text(value).encode()) for key, value in fields.items() if value is not None]


def _text(value: JsonValue) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise UsageError(
            "An option holds a number that a form does not have (NaN or Infinity).",
            hint="Check what was passed with --tool-option; nothing was sent.",
        ) from error


def _disposition(name: str) -> bytes:
    safe = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return f'Content-Disposition: form-data; name="{safe}"'.encode()


def _file(name: str, stem: str, picture: PictureData) -> bytes:
    extension = _EXTENSIONS.get(picture.media_type, "png")
    file = f'; filename="{stem}.{extension}"\r\nContent-Type: {picture.media_type}'
    return _disposition(name) + file.encode()
