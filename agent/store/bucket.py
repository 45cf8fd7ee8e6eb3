"""One bucket of an object store, through obstore: whole objects in, whole objects out.

Credentials and endpoint are obstore's own affair (``AWS_*``, ``GOOGLE_*``, ``AZURE_*`` in the
environment). Everything in here blocks. Only this module imports obstore, and nobody imports this
module unless a bucket is configured.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import AzureStore, GCSStore, S3Store, from_url

from ..errors import SettingsError, StoreError

if TYPE_CHECKING:  # obstore has these for type checkers alone
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

_CLOUDS: Final = {"s3": "AWS", "gs": "GOOGLE", "az": "AZURE"}
_RETRY: Final[RetryConfig] = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=20),
    "backoff": {
        "init_backoff": timedelta(milliseconds=100),
        "max_backoff": timedelta(seconds=1),
        "base": 2,
    },
}
"""A picture waits on this disk meanwhile, so nobody has to wait for minutes."""

_BROKEN: Final = (BaseError, OSError, ValueError, NotImplementedError)
_SAID: Final = ("connect_timeout", "timeout", "allow_http", "proxy_url")
_STATUS: Final = re.compile(r"status code: (\d{3})")
_CODE: Final = re.compile(r"<Code>(\w{1,60})</Code>")
_KEYLESS: Final = ("169.254.", "metadata.google", "token request", "MissingCredential")
_PLAIN_HTTP: Final = "builder error"
"""How the client answers an ``http://`` endpoint that nobody allowed."""


class Bucket:
    """``url`` is ``s3://bucket/prefix`` or the like; every key is below that prefix.

    Raises ``SettingsError`` for an address that no store can be made of, and everywhere else
    ``StoreError`` that names the bucket, the reason and what to do.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._store = _opened(self.url)

    def address(self, key: str) -> str:
        """How messages name an object."""
        return f"{self.url}/{key}"

    def put(self, key: str, data: bytes, *, media_type: str) -> None:
        """There, whole, when this returns; what is there already stays, unless its length differs.

        Keys are hashes of what they hold, so the second writer of a key has the same bytes.
        """
        with self._told("cannot be written"):
            try:
                self._write(key, data, media_type, create=True)
            except AlreadyExistsError:
                if self._length(key) != len(data):
                    self._write(key, data, media_type, create=False)
            except (
                NotImplementedError
            ):  # a server without If-None-Match, as AWS_CONDITIONAL_PUT says
                self._write(key, data, media_type, create=False)

    def _write(self, key: str, data: bytes, media_type: str, *, create: bool) -> None:
        obstore.put(
            self._store,
            key,
            data,
            attributes={"Content-Type": media_type},
            mode="create" if create else "overwrite",
            use_multipart=False,
        )

    def _length(self, key: str) -> int | None:
        try:
            return int(obstore.head(self._store, key)["size"])
        except FileNotFoundError:
            return None

    def length(self, key: str) -> int | None:
        """Bytes; ``None`` for an object that there is not."""
        with self._told("cannot be asked"):
            return self._length(key)

    def get(self, key: str) -> bytes | None:
        """``None`` for an object that there is not; a bucket that there is not raises."""
        with self._told("cannot be read"):
            try:
                return bytes(obstore.get(self._store, key).bytes())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

    def delete(self, key: str) -> None:
        """Gone when this returns, also when it never was there."""
        with self._told("cannot be deleted from"):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise

    def lengths(self) -> dict[str, int]:
        """Every key and its number of bytes."""
        with self._told("cannot be listed"):
            pages = obstore.list(self._store, chunk_size=1000)
            return {one["path"]: int(one["size"]) for page in pages for one in page}

    def signed(self, key: str, *, lives: timedelta) -> str:
        """An address from which anybody can get the object for that long."""
        if not isinstance(self._store, S3Store | GCSStore | AzureStore):
            raise StoreError(
                f"{self.url} cannot sign addresses",
                hint="Set blob_public_url to where its objects can be fetched.",
            )
        with self._told("cannot sign an address"):
            return obstore.sign(self._store, "GET", key, lives)

    def try_out(self) -> None:
        """Put, read and delete one tiny object; raises ``StoreError`` for what does not work."""
        key, data = f".limner-doctor-{secrets.token_hex(8)}", secrets.token_bytes(16)
        self.put(key, data, media_type="application/octet-stream")
        try:
            if self.get(key) != data:
                raise StoreError(
                    f"{self.url} does not give back what was put into it",
                    hint="Something between here and the bucket changes or hides objects.",
                )
        finally:
            self.delete(key)

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            # not "from error": its text may hold the key id and what was signed
            raise _explained(self.url, what, error) from None


def public_address(base: str, key: str) -> str:
    """Below an address that an operator says is the bucket's."""
    return f"{base.rstrip('/')}/{quote(key)}"


def _client(url: str) -> ClientConfig:
    """Time for a large picture on a slow line; what the environment says about the client holds.

    Given any option, obstore reads none of them from the environment, so that is done here.
    """
    prefix = _CLOUDS.get(url.partition(":")[0], "AWS")
    said = {name: os.environ.get(f"{prefix}_{name.upper()}", "") for name in _SAID}
    options: ClientConfig = {
        "connect_timeout": said["connect_timeout"] or timedelta(seconds=5),
        "timeout": said["timeout"] or timedelta(seconds=120),
        "allow_http": said["allow_http"].lower() in ("1", "true"),
    }
    if said["proxy_url"]:
        options["proxy_url"] = said["proxy_url"]
    return options


def _opened(url: str) -> ObjectStore:
    try:
        return from_url(url, client_options=_client(url), retry_config=_RETRY)
    except _BROKEN as error:
        reason = _reason(error)
        raise SettingsError(
            f"blob_url {url} cannot be used: {reason}",
            hint="Write s3://BUCKET/PREFIX, and set what obstore needs for it: AWS_*, GOOGLE_* "
            "or AZURE_* variables.",
        ) from None


def _reason(error: Exception) -> str:
    """The first sentence; obstore adds pages of what it had in its hands."""
    first = str(error).split("\n", 1)[0].partition(": <")[0]
    return first.split(": ", 1)[-1][:200].rstrip(". ") or type(error).__name__


def _explained(url: str, what: str, error: Exception) -> StoreError:
    text = str(error)
    status, code = _STATUS.search(text), _CODE.search(text)
    said = " ".join(found[1] for found in (status, code) if found)
    if any(sign in text for sign in _KEYLESS):
        return StoreError(
            f"{url} {what}: no credentials were found",
            hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (for gs: and az: their own).",
        )
    if _PLAIN_HTTP in text:
        return StoreError(
            f"{url} {what}: its endpoint is http, which sends pictures in the clear",
            hint="Use an https endpoint, or for a server of your own set AWS_ALLOW_HTTP=true.",
        )
    if "NoSuchBucket" in text or isinstance(error, FileNotFoundError):
        return StoreError(
            f"{url} {what}: there is no such bucket ({said or 'not found'})",
            hint="Create it, or correct blob_url and the endpoint (AWS_ENDPOINT_URL).",
        )
    if status and status[1] in ("401", "403"):
        return StoreError(
            f"{url} {what}: access is denied ({said})",
            hint="Check the credentials, and that they may read, write, list and delete there.",
        )
    if not status and "error sending request" in text:
        return StoreError(
            f"{url} {what}: its server cannot be reached",
            hint="Check the network and the endpoint (AWS_ENDPOINT_URL).",
        )
    return StoreError(
        f"{url} {what}: {said or _short(text)}",
        hint="limner doctor tries it out; region and endpoint are AWS_REGION and AWS_ENDPOINT_URL.",
    )


def _short(text: str) -> str:
    """The first line, from the last dash on, without the address that was asked."""
    return text.split("\n", 1)[0].rpartition(" - ")[2][:200].strip()
