"""How a bucket is configured."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.factory import open_disk, publisher_of

from .conftest import settings_in


@pytest.mark.parametrize("url", ["s3://b", "s3://b/p/q", "gs://b/p", "az://c/p/"])
def test_a_bucket_is_an_address_without_credentials(tmp_path: Path, url: str) -> None:
    assert settings_in(tmp_path, LIMNER_BLOB_URL=url).blob_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BLOB_URL", "s3://key:secret@b"),
        ("BLOB_URL", "s3:///p"),
        ("BLOB_URL", "memory:///"),
        ("BLOB_URL", "https://b.s3.amazonaws.com"),
        ("BLOB_PUBLIC_URL", "http://cdn.example"),
        ("BLOB_PUBLIC_URL", "https://cdn.example/?a=b"),
        ("BLOB_PUBLIC_URL", "cdn.example"),
        ("BLOB_URL_MINUTES", "0"),
        ("BLOB_URL_MINUTES", "10081"),
        ("BLOB_URL_MINUTES", "soon"),
    ],
)
def test_anything_else_is_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"LIMNER_{name}: ") as caught:
        settings_in(tmp_path, **{f"LIMNER_{name}": value})

    assert "secret" not in str(caught.value)


async def test_without_a_bucket_nothing_can_be_published(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    store = await open_disk(settings)
    try:
        assert publisher_of(settings, store) is None
    finally:
        await store.aclose()


async def test_with_one_addresses_begin_where_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from .store.s3 import BUCKET, s3_server

    with s3_server() as s3:
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
        settings = settings_in(
            tmp_path,
            LIMNER_BLOB_URL=f"s3://{BUCKET}/p",
            LIMNER_BLOB_PUBLIC_URL="https://cdn.example/p/",
        )
        store = await open_disk(settings)
        try:
            publisher = publisher_of(settings, store)
            assert publisher is not None
            blob = await store.put_blob(b"a kite", media_type="image/png", size=None)
            url = await publisher.publish(b"a kite", "image/png")
        finally:
            await store.aclose()

    assert url == f"https://cdn.example/p/{blob.sha256[:2]}/{blob.sha256}.png"
    assert f"p/{blob.sha256[:2]}/{blob.sha256}.png" in s3.objects
