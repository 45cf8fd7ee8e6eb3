"""The picture in the clipboard."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageGrab

from ...errors import UsageError


def picture() -> Path | bytes:
    """A file that was copied, or the pixels as PNG; raises ``UsageError`` when there is neither."""
    try:
        found = ImageGrab.grabclipboard()
    except (NotImplementedError, OSError, ChildProcessError) as error:
        raise UsageError(
            f"The clipboard cannot be read here: {str(error)[:200]}",
            hint="On Linux install wl-clipboard or xclip; or name a file: /from FILE",
        ) from error
    if isinstance(found, list) and found:
        return Path(found[0])
    if not isinstance(found, Image.Image):
        raise UsageError("There is no picture in the clipboard.")
    made = io.BytesIO()
    found.save(made, "PNG")
    return made.getvalue()
