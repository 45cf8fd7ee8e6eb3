"""Plausible token counts, so that whoever prices an answer has something to price.

Output of gpt-image-2 at 1024x1024: 196 low, 1756 medium, 7024 high, scaled by pixels; each
partial adds 100 (wire.md 1.1, recorded 196 in section 0 fact 6). Input: a token is about four
characters of text or 750 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..wire.fields import JsonObject

_OUT = {"low": 196, "medium": 1756, "high": 7024, "xhigh": 10536, "max": 14048}
_SQUARE = 1024 * 1024
PARTIAL = 100


def text_tokens(text: str) -> int:
    """About a quarter of the characters, never 0 for a text."""
    return -(-len(text) // 4)


def input_picture_tokens(size: tuple[int, int]) -> int:
    """What a picture costs on its way in."""
    return max(1, size[0] * size[1] // 750)


def output_picture_tokens(size: tuple[int, int], quality: str) -> int:
    """What drawing it costs; ``auto`` counts as medium."""
    return max(1, round(_OUT.get(quality, _OUT["medium"]) * size[0] * size[1] / _SQUARE))


@dataclass(frozen=True, slots=True)
class Bill:
    """Tokens of one answer: the conversation's, and the image tool's own."""

    text_in: int = 0
    text_out: int = 0
    pictures_in: int = 0
    """Pictures as the conversation's model reads them."""
    tool_text_in: int = 0
    tool_pictures_in: int = 0
    tool_out: int = 0

    def usage(self) -> JsonObject:
        """``response.usage``: without the image tool's tokens (wire.md 0.6)."""
        read = self.text_in + self.pictures_in
        return {
            "input_tokens": read,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": self.text_out,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": read + self.text_out,
        }

    def image_usage(self) -> JsonObject:
        """``tool_usage.image_gen``, also the ``usage`` of the Images API."""
        read = self.tool_text_in + self.tool_pictures_in
        return {
            "input_tokens": read,
            "input_tokens_details": {
                "image_tokens": self.tool_pictures_in,
                "text_tokens": self.tool_text_in,
            },
            "output_tokens": self.tool_out,
            "output_tokens_details": {"image_tokens": self.tool_out, "text_tokens": 0},
            "total_tokens": read + self.tool_out,
        }
