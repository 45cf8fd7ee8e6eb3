"""How a bucket for pictures is written in the settings, checked before anything opens it."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from .schema import Record

_BUCKET: Final = re.compile(r"(?:s3|gs|az)://[^\s/@?#:]+(?:/[^\s@?#]*)?")
_BASE: Final = re.compile(r"https://[^\s/@?#]+(?:/[^\s@?#]*)?")


def _bucket(url: str) -> str:
    if not _BUCKET.fullmatch(url.strip()):
        raise ValueError(
            "write s3://BUCKET/PREFIX (or gs:, az:), without credentials: those are read from "
            "the environment (AWS_ACCESS_KEY_ID and so on)"
        )
    return url.strip().rstrip("/")


def _base(url: str) -> str:
    if not _BASE.fullmatch(url.strip()):
        raise ValueError("write the https address under which the bucket's objects are public")
    return url.strip().rstrip("/")


BucketUrl = Annotated[str, AfterValidator(_bucket)]
"""``s3://bucket/prefix``: no credentials, no query."""

PublicBase = Annotated[str, AfterValidator(_base)]
"""Where the world finds what is in the bucket, prefix included."""

Minutes = Annotated[int, Field(ge=1, le=7 * 24 * 60)]
"""How long a signed address lives; a week is the most that S3 signs."""


class BucketOptions(Record):
    """Where pictures are kept besides the folder of this machine."""

    blob_url: BucketUrl | None = None
    """A bucket for every picture; ``None`` keeps them on this disk alone."""
    blob_public_url: PublicBase | None = None
    """Under which the bucket's objects are public; ``None`` signs addresses instead."""
    blob_url_minutes: Minutes = 60
    """How long a signed address lives."""
