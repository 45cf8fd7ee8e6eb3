"""Names of pictures: what a value cannot do, and what happens when the disk will not take one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.doors.cli.outputs import Outputs, read_output
from agent.errors import StoreError
from agent.schema import Image, ImageId, SessionId, Sha256, TurnId


@pytest.fixture
def image(tmp_path: Path) -> Image:
    path = tmp_path / "blob.png"
    path.write_bytes(b"\x89PNG picture")
    return Image(
        id=ImageId("img_1"),
        session=SessionId("ses_1"),
        turn=TurnId("turn_1"),
        number=7,
        operation="generate",
        sha256=Sha256("0" * 64),
        media_type="image/png",
        bytes=12,
        path=str(path),
        created=datetime(2026, 1, 2, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    "session", ["../../up", "/etc/x", "..", "a\\b", "a:b", "a\0b", "a\nb", "", "~"], ids=repr
)
@pytest.mark.parametrize(
    "template", ["out/{session}/{n}", "out/{session}-{n}", "out/{n}/{session}"]
)
def test_no_value_leads_out_of_its_folder(
    work: Path, image: Image, session: str, template: str
) -> None:
    delivered = read_output(template, force=False).deliver(image, session=session)

    assert delivered.path.resolve().is_relative_to(work / "out")
    assert delivered.path.read_bytes() == b"\x89PNG picture"
    assert len(delivered.path.parts) == len(Path(template).parts)


@pytest.mark.usefixtures("work")
def test_every_field_can_be_used(image: Image) -> None:
    outputs = read_output("{session}_{n:04d}_{turn}_{id}.{ext}", force=False)

    path = outputs.deliver(image, session="kite").path
    assert path == Path("kite_0007_turn_1_img_1.png")


def test_a_home_folder_is_found(image: Image, work: Path, tmp_path: Path) -> None:
    del work
    delivered = read_output("~/pictures/", force=False).deliver(image, session="kite")

    assert delivered.path == tmp_path / "home" / "pictures" / "kite-7.png"


def test_a_picture_that_cannot_be_copied_is_told_with_the_place_where_it_is_kept(
    image: Image, work: Path
) -> None:
    (work / "out").write_bytes(b"a file where a folder should be")

    with pytest.raises(StoreError) as caught:
        read_output("out/{n}", force=False).deliver(image, session="kite")

    assert image.path in caught.value.hint


def test_nothing_half_written_is_left_behind(image: Image, work: Path) -> None:
    gone = image.model_copy(update={"path": str(work / "gone.png")})

    with pytest.raises(StoreError):
        read_output("out/{n}", force=False).deliver(gone, session="kite")

    assert list((work / "out").iterdir()) == []


@pytest.mark.usefixtures("work")
def test_forcing_replaces_and_not_forcing_never_does(image: Image) -> None:
    template = "{session}-{n}"
    first = Outputs(template).deliver(image, session="kite").path
    second = Outputs(template).deliver(image, session="kite")
    forced = Outputs(template, force=True).deliver(image, session="kite")

    assert second.path == Path("kite-7-2.png")
    assert "kite-7.png is taken" in second.remark
    assert forced.path == first
    assert forced.remark == ""


def test_a_copy_follows_the_umask_of_its_user(image: Image, work: Path) -> None:
    del work
    path = read_output("{n}", force=False).deliver(image, session="kite").path

    assert path.stat().st_mode & 0o600 == 0o600
    assert path.stat().st_mode & 0o111 == 0
