"""Plausible token counts, so that whoever prices an answer has something to price.

Output of gpt-image-2 as its price page counts it (at 1024x1024 196 low, 1756 medium, 7024 high);
each partial adds 100 (wire.md 1.1, recorded 196 in section 0 fact 6). Input: a token is about four
characters of text or 750 pixels, and a large picture is read scaled down.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..wire.fields import JsonObject

_STEPS = {"low": 16, "medium": 48, "high": 96}
"""Along the long edge; along the short one in proportion."""
_TIMES_HIGH = {"xhigh": 1.5, "max": 2.0}
_MOST_READ = 1536
PARTIAL = 100


def text_tokens(text: str) -> int:
    """About a quarter of the characters, never 0 for a text."""
    return -(-len(text) // 4)


def input_picture_tokens(size: tuple[int, int]) -> int:
    """What a picture costs on its way in."""
    return min(max(1, size[0] * size[1] // 750), _MOST_READ)


def output_picture_tokens(size: tuple[int, int], quality: str) -> int:
    """What drawing it costs; ``auto`` counts as medium."""
    long, short = max(*size, 1), max(min(size), 1)
    steps = _STEPS.get("high" if quality in _TIMES_HIGH else quality, _STEPS["medium"])
    across = (2 * steps * short + long) // (2 * long)
    tokens = -(-steps * across * (2_000_000 + long * short) // 4_000_000)
    return max(1, round(tokens * _TIMES_HIGH.get(quality, 1.0)))


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
