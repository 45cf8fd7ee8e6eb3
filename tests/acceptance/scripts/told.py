"""What every script is told by its environment, and what it tells: one line of JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import os

BASE_URL = os.environ["PEER_BASE_URL"]
MASK = os.environ["PEER_MASK"]
STEPS = json.loads(os.environ["PEER_STEPS"])
REFUSED = os.environ["PEER_REFUSED"]


def decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def tell(pictures: list[bytes], partials: int | None, refusal: object, **more: object) -> None:
    """``partials``: ``None`` where the client cannot ask for any."""
    hashes = [hashlib.sha256(one).hexdigest() for one in pictures]
    print(json.dumps({"pictures": hashes, "partials": partials, "refusal": refusal, **more}))
