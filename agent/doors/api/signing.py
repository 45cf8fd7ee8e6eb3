"""The secret of this server, and what it vouches for."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...errors import SettingsError
from ...schema import Image, ImageId

FILE: Final = "serve.secret"
PLACE: Final = "/pictures"
_NAME: Final = re.compile(r"(img_[0-9A-Za-z]{4,40})\.(png|jpeg|webp|gif|svg)")


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs (picture, moment until which it may be fetched)."""

    secret: bytes = field(repr=False)

    def address(self, base: str, image: Image, *, until: int) -> str:
        """``base`` is the server's public URL; ``until`` in Unix seconds."""
        name = f"{image.id}.{image.media_type.removeprefix('image/').partition('+')[0]}"
        return f"{base}{PLACE}/{name}?until={until}&signature={self._of(image.id, until)}"

    def picture(self, name: str, until: str, signature: str, *, now: float) -> ImageId | None:
        """The picture that was signed; ``None`` for a forgery, and for what is over."""
        found = _NAME.fullmatch(name)
        if not found or not until.isdecimal() or len(until) > 12 or int(until) < now:
            return None
        image = ImageId(found[1])
        given = signature.encode("utf-8", "replace")
        return image if hmac.compare_digest(self._of(image, int(until)).encode(), given) else None

    def _of(self, image: ImageId, until: int) -> str:
        message = f"{image}\n{until}".encode()
        return hmac.new(self.secret, message, hashlib.sha256).hexdigest()


def load_signer(folder: Path) -> Signer:
    """With the secret beside the store, made 0600 when there is none; raises ``SettingsError``."""
    path = folder / FILE
    try:
        made = _made(path)
        secret = made or path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path}: cannot be used ({error.strerror})") from error
    if len(secret) < 32:
        raise SettingsError(f"{path}: holds no secret", hint="Remove it: the next start makes one.")
    if os.name != "nt" and path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return Signer(secret)


def _made(path: Path) -> bytes | None:
    """A new secret under a name that nobody had, whole from its first moment; ``None``: it had."""
    if path.exists():
        return None
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    secret = secrets.token_bytes(32)
    scratch = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secret)
        os.link(scratch, path)
    except FileExistsError:  # another process was faster
        return None
    finally:
        scratch.unlink()
    return secret
