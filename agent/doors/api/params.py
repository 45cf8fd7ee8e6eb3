"""Which field of a request a sentence is about: the rooms that say it know no requests."""

from __future__ import annotations

import json
import re
from typing import Final

_TOLD: Final = re.compile(r"\(parameter ([A-Za-z0-9_.\[\]]{1,80})\)")
"""As a server behind named it."""
_IN_TOOL: Final = re.compile(r"tools\[[0-9]+\]\.")
_PICTURE: Final = re.compile(r"picture ([0-9]{1,3}) (?:is|has) ")
_FIELDS: Final = (
    ("size ", "size"),
    ("quality ", "quality"),
    ("background", "background"),
    ("moderation", "moderation"),
    ("image model ", "model"),
    ("output format ", "output_format"),
    ("output compression ", "output_compression"),
    ("output_compression:", "output_compression"),
    ("partial images ", "partial_images"),
    ("partial_images:", "partial_images"),
    ("tool option input_fidelity", "input_fidelity"),
    ("n=", "n"),
    ("a mask ", "mask"),
    ("A mask ", "mask"),
    ("mask", "mask"),
    ("The prompt ", "prompt"),
)
"""How sentences begin, and what the Images API calls that."""
_OTHERWISE: Final = {"prompt": "input", "mask": "input_image_mask"}
"""What ``/v1/responses`` calls it."""
_LARGE: Final = 1_000_000


def param_of(text: str) -> str | None:
    """The field of the Images API; ``None`` where nothing says which."""
    if told := _TOLD.search(text):
        return _IN_TOOL.sub("", told[1])
    if picture := _PICTURE.match(text):
        return f"image[{int(picture[1]) - 1}]"
    return next((field for words, field in _FIELDS if text.startswith(words)), None)


def in_response(param: str | None, body: bytes) -> str | None:
    """The same as a field of ``/v1/responses``, whose tool is one among several."""
    if param is None or param.startswith("image["):
        return param and "input"
    param = _OTHERWISE.get(param, param)
    return param if param == "input" else f"{_tool(body)}.{param}"


def _tool(body: bytes) -> str:
    """Where the image tool is; all of them where looking would take too long."""
    try:
        tools = json.loads(body)["tools"] if len(body) < _LARGE else ()
        kinds = [tool["type"] for tool in tools]
        return f"tools[{kinds.index('image_generation')}]"
    except (ValueError, LookupError, TypeError):
        return "tools"
