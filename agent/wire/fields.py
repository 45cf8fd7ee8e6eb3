"""Typed fields out of a request body, JSON or form, and the faults for what cannot be read.

The lower half of ``requests``: nothing here knows what a response or an image tool is.
"""

from __future__ import annotations

import binascii
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn
from urllib.parse import unquote_to_bytes

from pydantic import JsonValue

from ..errors import LimnerError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

JsonObject = dict[str, JsonValue]
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,31}")
_DIGITS: Final = re.compile(r"-?[0-9]{1,15}")


def error_body(
    message: str,
    *,
    type: str,  # noqa: A002 - the wire's own name
    code: str | None,
    param: str | None,
) -> JsonObject:
    """``{"error": {message, type, param, code}}``."""
    return {"error": {"message": message, "type": type, "param": param, "code": code}}


class RequestFault(LimnerError):
    """A request that cannot be served; ``body()`` is what an OpenAI server would answer."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        code: str | None = None,
        param: str | None = None,
        type: str = "invalid_request_error",  # noqa: A002 - the wire's own name
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.param = param
        self.type = type

    def body(self) -> JsonObject:
        """``{"error": {message, type, param, code}}``."""
        return error_body(self.message, type=self.type, code=self.code, param=self.param)


# ── pictures ─────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class InlineImage:
    """A picture that came inside the request. ``media_type`` is what was claimed."""

    data: bytes = field(repr=False)
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """A picture named by address; whether to fetch it is not the reader's decision."""

    url: str


@dataclass(frozen=True, slots=True)
class FileImage:
    """A picture uploaded earlier through the Files API."""

    file_id: str


ImageSource = InlineImage | RemoteImage | FileImage


def read_image(value: JsonValue, param: str) -> ImageSource:
    """A picture as a string (address, data URL, bare base64) or as an object naming one."""
    if isinstance(value, dict):
        file_id = value.get("file_id")
        if isinstance(file_id, str) and file_id:
            return FileImage(file_id)
        inner = next((value[k] for k in ("image_url", "url", "b64_json") if value.get(k)), None)
        if inner is None:
            missing(f"{param}.image_url")
        return read_image(inner, f"{param}.image_url")
    if not isinstance(value, str):
        wrong_type(param, "an object or a string", value)
    if value.startswith(("http://", "https://")):
        return RemoteImage(value)
    if value.startswith("data:"):
        return _data_url(value, param)
    return InlineImage(_decoded(value, param))


def optional_image(value: JsonValue, param: str) -> ImageSource | None:
    """``None`` for what clients send when there is no picture: nothing, ``""``, ``{}``."""
    return read_image(value, param) if value else None


def _data_url(url: str, param: str) -> InlineImage:
    head, comma, payload = url.partition(",")
    media_type, *options = head.removeprefix("data:").split(";")
    if not comma:
        _bad_image("The data URL has no comma before its data.", param)
    if "base64" in options:
        return InlineImage(_decoded(payload, param), media_type or None)
    return InlineImage(unquote_to_bytes(payload), media_type or None)


_TIDY = {ord("-"): "+", ord("_"): "/", ord("\n"): None, ord("\r"): None, ord("\t"): None}


def decode_base64(text: str) -> bytes:
    """Also URL-safe, unpadded or wrapped base64; raises ``ValueError`` for anything else."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        tidy = text.translate(_TIDY).rstrip("=")
        return binascii.a2b_base64(tidy + "=" * (-len(tidy) % 4), strict_mode=True)


def _decoded(text: str, param: str) -> bytes:
    try:
        data = decode_base64(text)
    except ValueError:
        _bad_image("The picture is not valid base64.", param)
    if not data:
        _bad_image("The picture is empty.", param)
    return data


def _bad_image(message: str, param: str) -> NoReturn:
    raise RequestFault(message, code="invalid_base64_image", param=param)


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────


def read_json(body: bytes) -> JsonObject:
    """The body as an object, or a fault naming what is wrong with it."""
    try:
        payload = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RequestFault(f"The body is not valid JSON: {str(error)[:200]}.") from error
    if not isinstance(payload, dict):
        wrong_type(None, "an object", payload)
    return payload


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def text(obj: JsonObject, key: str, at: str = "") -> str | None:
    """A string; lone surrogates, which no encoder would take later, become ``?``."""
    value = obj.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        wrong_type(at + key, "a string", value)
    return clean(value)


def word(obj: JsonObject, key: str, at: str = "") -> str | None:
    """One of a set that is closed but grows: what could be none of it is refused."""
    value = text(obj, key, at)
    if value is None or _WORD.fullmatch(value):
        return value
    raise RequestFault(
        f"Invalid value for '{at}{key}': {value[:40]!r} is not one of its words.",
        code="invalid_value",
        param=at + key,
    )


def clean(value: str) -> str:
    """The same text without lone surrogates."""
    return value.encode("utf-8", "replace").decode("utf-8")


def integer(
    obj: JsonObject, key: str, at: str = "", *, low: int, high: int, form: bool = False
) -> int | None:
    """A whole number in a range; in a ``form``, which has nothing else, written in digits."""
    value = obj.get(key)
    if form and isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if value is None or (form and value == ""):
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        wrong_type(at + key, "an integer", value)
    if not low <= value <= high:
        side = "below_min" if value < low else "above_max"
        raise RequestFault(
            f"Invalid {at + key!r}: {str(value)[:20]} is not between {low} and {high}.",
            code=f"integer_{side}_value",
            param=at + key,
        )
    return value


_FLAGS = {"true": True, "1": True, "false": False, "0": False, "": None}


def flag(obj: JsonObject, key: str, *, form: bool = False) -> bool | None:
    """A boolean; in a ``form`` as the words that one carries."""
    value = obj.get(key)
    if form and isinstance(value, str) and value.lower() in _FLAGS:
        return _FLAGS[value.lower()]
    if value is not None and not isinstance(value, bool):
        wrong_type(key, "a boolean", value)
    return value


def child(obj: JsonObject, key: str, at: str = "") -> JsonObject:
    """The object under a key; empty when absent."""
    value = obj.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        wrong_type(at + key, "an object", value)
    return value


def children(obj: JsonObject, key: str) -> tuple[JsonObject, ...]:
    """The list of objects under a key; empty when absent."""
    value = obj.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        wrong_type(key, "an array", value)
    found: list[JsonObject] = []
    for i, entry in enumerate(value):
        if not isinstance(entry, dict):
            wrong_type(f"{key}[{i}]", "an object", entry)
        found.append(entry)
    return tuple(found)


def missing(param: str) -> NoReturn:
    """Raises the fault for a parameter that must be there."""
    raise RequestFault(
        f"Missing required parameter: {param!r}.", code="missing_required_parameter", param=param
    )


def wrong_type(param: str | None, expected: str, value: JsonValue) -> NoReturn:
    """Raises the fault for a value of the wrong JSON type."""
    name = "the body" if param is None else repr(param)
    raise RequestFault(
        f"Invalid type for {name}: expected {expected}, but got {_kind(value)} instead.",
        code="invalid_type",
        param=param,
    )


def _kind(value: JsonValue) -> str:
    """In OpenAI's own words."""
    names = {bool: "a boolean", str: "a string", list: "an array", dict: "an object"}
    names |= {float: "a decimal number"}
    return "null" if value is None else names.get(type(value), "a number")


# ── forms ────────────────────────────────────────────────────────────────────────────────────


def read_form(body: bytes, content_type: str) -> tuple[JsonObject, dict[str, list[InlineImage]]]:
    """Fields and files of a ``multipart/form-data`` body; raises ``RequestFault``."""
    from python_multipart.exceptions import FormParserError
    from python_multipart.multipart import MultipartParser, parse_options_header

    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise RequestFault(
            f"Unsupported content type {content_type[:80]!r}: send application/json or "
            "multipart/form-data with a boundary.",
            code="unsupported_content_type",
        )
    form = _Form()
    try:
        MultipartParser(boundary, form.callbacks()).write(body)
    except FormParserError as error:
        raise RequestFault(f"The multipart body cannot be read: {error}.") from error
    if not form.ended:
        raise RequestFault("The multipart body is cut off before its closing boundary.")
    return form.fields, form.files


class _Form:
    """Collects the parts of one form; a part with a file name or a picture's name is a file."""

    FILES = frozenset({"image", "image[]", "mask"})

    def __init__(self) -> None:
        self.fields: JsonObject = {}
        self.files: dict[str, list[InlineImage]] = {}
        self.ended = False
        self._name, self._value = b"", b""
        self._headers: dict[bytes, bytes] = {}
        self._data = bytearray()

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": self._field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._headers, self._data = {}, bytearray()

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += memoryview(data)[start:end]

    def _part_end(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name in self.FILES or b"filename" in options:
            media_type = self._headers.get(b"content-type", b"").decode("latin-1") or None
            self.files.setdefault(name, []).append(InlineImage(bytes(self._data), media_type))
        else:
            self.fields[name.removesuffix("[]")] = self._data.decode("utf-8", "replace")

    def _end(self) -> None:
        self.ended = True
