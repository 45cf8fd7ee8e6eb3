from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageGrab

from agent.doors.cli.clipboard import picture
from agent.errors import UsageError

from .conftest import Limner


def holding(content: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's look at the clipboard, which no test machine has."""

    def grab() -> object:
        if isinstance(content, Exception):
            raise content
        return content

    monkeypatch.setattr(ImageGrab, "grabclipboard", grab)


def test_pixels_become_a_png(monkeypatch: pytest.MonkeyPatch) -> None:
    holding(Image.new("RGB", (3, 2), "red"), monkeypatch)

    found = picture()

    assert isinstance(found, bytes)
    assert Image.open(io.BytesIO(found)).size == (3, 2)


def test_a_copied_file_is_that_file(monkeypatch: pytest.MonkeyPatch) -> None:
    holding(["cat.png", "dog.png"], monkeypatch)

    assert picture() == Path("cat.png")


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "no picture"), ([], "no picture"), (NotImplementedError("no wl-paste"), "wl-paste")],
)
def test_without_a_picture_it_says_so(
    content: object, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding(content, monkeypatch)

    with pytest.raises(UsageError, match=said):
        picture()


def test_a_pasted_picture_is_edited_next(
    draw: Limner, limner: Limner, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding(Image.new("RGB", (1024, 1024), "red"), monkeypatch)

    ran = draw("chat", stdin="/paste\nmake it night\n")

    assert ran.code == 0
    assert [n["operation"] for n in limner("tree", "--json").records] == ["import", "edit"]
