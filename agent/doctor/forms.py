"""Pure: what a request of the Images API says, whether it came as JSON or as a form."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pydantic import JsonValue

from ..wire.fields import RequestFault, read_form

_FILES: Final = {"image": "images[0]", "image[]": "images[0]", "mask": "mask"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A request as it was on the wire; ``path`` may have anything before ``images/…``."""

    path: str
    content_type: str
    body: bytes = field(repr=False)

    @property
    def endpoint(self) -> str:
        """As ``images/edits``, ``responses``."""
        parts = self.path.strip("/").split("/")
        return "/".join(parts[-2:] if parts[-2:-1] == ["images"] else parts[-1:])


def image_fields(posted: Posted) -> dict[str, str]:
    """Name → value; a picture is its hash, so a file and a data URL of it are the same."""
    if posted.content_type.startswith("multipart/"):
        return _of_form(posted)
    return dict(_of_json(document_of(posted.body)))


def document_of(body: bytes) -> JsonValue:
    """The JSON, or a document that says that it is none."""
    try:
        value: JsonValue = json.loads(body)
    except ValueError:
        return {"(no JSON)": f"{len(body)} bytes"}
    return value


def pictures_within(posted: Posted) -> set[str]:
    """The hash of every picture, wherever it stands."""
    if posted.content_type.startswith("multipart/"):
        return set(_of_form(posted).values())
    return {_digest(data) for text in texts(document_of(posted.body)) if (data := _inline(text))}


def texts(value: JsonValue) -> Iterator[str]:
    """Every string of a document, however deep."""
    if isinstance(value, str):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from texts(each)


def _of_form(posted: Posted) -> dict[str, str]:
    try:
        fields, files = read_form(posted.body, posted.content_type)
    except RequestFault as fault:
        return {"(no form)": fault.message}
    found = {name: _text(value) for name, value in fields.items()}
    for name, parts in files.items():
        for at, part in enumerate(parts):
            place = _FILES.get(name, name).replace("[0]", f"[{at}]")
            found[place] = _digest(part.data)
            found[f"{place}.type"] = part.media_type or ""
    return found


def _of_json(document: JsonValue) -> Iterator[tuple[str, str]]:
    if not isinstance(document, dict):
        yield "(no object)", _text(document)
        return
    for name, value in document.items():
        several = value if isinstance(value, list) and value else None
        for at, entry in enumerate(several or [value]):
            place = f"{name}[{at}]" if several else name
            address = entry.get("image_url") if isinstance(entry, dict) else None
            yield from _entry(place, entry if address is None else address)


def _entry(place: str, value: JsonValue) -> Iterator[tuple[str, str]]:
    data = _inline(value) if isinstance(value, str) else b""
    if data and isinstance(value, str):
        yield place, _digest(data)
        yield f"{place}.type", value[5:].partition(";")[0]
    else:
        yield place, _text(value)


def _inline(text: str) -> bytes:
    """The bytes of a data URL; none of anything else."""
    if not text.startswith("data:"):
        return b""
    try:
        return base64.b64decode(text.partition(",")[2])
    except ValueError:
        return b""


def _digest(data: bytes) -> str:
    return f"{len(data):,} bytes {hashlib.sha256(data).hexdigest()[:12]}"


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
