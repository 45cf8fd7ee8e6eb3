"""The commands with a bucket behind them, as somebody would use them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..store.s3 import BUCKET, KEY_ID, S3, SECRET, s3_server
from .conftest import Limner


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server() as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("LIMNER_BLOB_URL", f"s3://{BUCKET}/limner")
        yield server


def blobs(work: Path) -> Path:
    return work.parent / "home" / "data" / "blobs"


def test_every_command_works_with_the_pictures_in_a_bucket(
    s3: S3, draw: Limner, limner: Limner, work: Path
) -> None:
    [first] = draw("generate", "a red kite").paths
    draw("edit", "make it night")
    assert len(s3.objects) == 2
    shutil.rmtree(blobs(work))

    shown = limner("show", "@1", "--json")
    [image] = [record for record in shown.records if record["type"] == "image"]
    assert Path(str(image["path"])).read_bytes() == first.read_bytes()
    shutil.rmtree(blobs(work))
    assert draw("edit", "make it day", "--from", "@1").code == 0
    shutil.rmtree(blobs(work))
    assert limner("export", "red-kite", "copies").code == 0
    assert len(list(Path("copies").glob("**/*.png"))) == 3
    assert limner("ledger").code == 0

    assert limner("forget", "red-kite", "--yes").code == 0
    assert s3.objects == {}


def test_a_bucket_that_is_away_is_said_and_the_picture_is_there(
    s3: S3, draw: Limner, limner: Limner
) -> None:
    s3.down = True

    ran = draw("generate", "a red kite")

    assert (ran.code, len(ran.paths)) == (0, 1)
    assert ran.paths[0].read_bytes().startswith(b"\x89PNG")
    assert "cannot be reached" in ran.err
    s3.down = False
    assert limner("doctor").code == 0
    assert limner("sessions").code == 0
    assert len(s3.objects) == 1


def test_a_doctor_says_that_the_bucket_works(s3: S3, limner: Limner) -> None:
    ran = limner("doctor")

    assert ran.code == 0
    assert f"s3://{BUCKET}/limner: an object was put, read and deleted" in ran.out
    assert s3.objects == {}


def test_a_doctor_says_what_is_wrong_with_the_bucket_and_never_the_key(
    s3: S3, limner: Limner
) -> None:
    s3.status, s3.code = 403, "SignatureDoesNotMatch"

    ran = limner("doctor")

    assert ran.code == 1
    assert "access is denied (403 SignatureDoesNotMatch)" in ran.out
    assert "may read, write, list and delete" in ran.out
    assert KEY_ID not in ran.out + ran.err
    assert SECRET not in ran.out + ran.err


def test_a_doctor_counts_the_pictures_that_wait(s3: S3, draw: Limner, limner: Limner) -> None:
    s3.down = True
    draw("generate", "a red kite")
    s3.down = False

    assert "1 picture of this disk waits to go up" in limner("doctor").out
    limner("sessions")
    assert "wait" not in limner("doctor").out


@pytest.mark.parametrize(
    "url", ["ftp://x/y", "s3://", "s3://key:secret@b/p", "s3://b/p?token=x", "/home/pictures"]
)
@pytest.mark.usefixtures("work")
def test_a_bad_address_of_a_bucket_is_exit_2_and_is_not_repeated(
    url: str, monkeypatch: pytest.MonkeyPatch, limner: Limner
) -> None:
    monkeypatch.setenv("LIMNER_BLOB_URL", url)

    ran = limner("generate", "a red kite")

    assert ran.code == 2
    assert "LIMNER_BLOB_URL: write s3://BUCKET/PREFIX" in ran.err
    assert "secret" not in ran.err
    assert "token" not in ran.err


@pytest.mark.usefixtures("work")
def test_a_bucket_that_no_client_can_be_made_of_is_exit_2_before_anything_is_drawn(
    monkeypatch: pytest.MonkeyPatch, limner: Limner
) -> None:
    monkeypatch.setenv("LIMNER_BLOB_URL", "az://container/prefix")

    ran = limner("generate", "a red kite")

    assert (ran.code, ran.out) == (2, "")
    assert "blob_url az://container/prefix cannot be used" in ran.err
