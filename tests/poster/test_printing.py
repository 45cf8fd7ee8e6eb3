"""The PDF of a poster: its boxes, its fonts, its words, its colours, and what the printer is told.

A second tool (poppler) looks at it where it is installed; the rest is read from the file itself.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from agent.errors import UsageError
from agent.poster.brief import Brief
from agent.poster.elements import Composed
from agent.poster.embedding import register
from agent.poster.inking import press_of
from agent.poster.layout import layout_for
from agent.poster.lettering import compose
from agent.poster.marks import prove_qr
from agent.poster.printing import Printed, printed
from agent.poster.sizes import SizeSpec
from agent.typeset.setting import Type

from .posters import CARD, MADE, STORY, TARGET, brief_of, crowd, logo_file, plain, png, press_file

poppler = pytest.mark.skipif(
    not all(map(shutil.which, ("pdfinfo", "pdffonts", "pdftotext", "pdftoppm"))),
    reason="poppler-utils is not installed",
)
BOUGHT = (720, 1008)
MM = 72 / 25.4


def card(
    brief: Brief | None = None, *, locale: str = "en", picture: bytes | None = None
) -> tuple[Composed, bytes]:
    brief = brief or brief_of()
    picture = picture or crowd(BOUGHT)
    return compose(picture, brief, layout_for(brief, CARD), locale), picture


def pdf_of(
    brief: Brief | None = None, *, locale: str = "en", profile: Path | None = None
) -> Printed:
    composed, picture = card(brief, locale=locale)
    return printed(composed, picture, MADE, profile=profile)


def asked(tool: str, pdf: bytes, *options: str) -> str:
    """What a tool of poppler says of a PDF."""
    done = subprocess.run([tool, *options, "-", "-"][: -1 if tool != "pdftotext" else None],
                          input=pdf, capture_output=True, check=True)  # fmt: skip
    return done.stdout.decode("utf-8")


def seen(pdf: bytes, folder: Path, dpi: int) -> Image.Image:
    """The page as another program draws it."""
    subprocess.run(
        ["pdftoppm", "-r", str(dpi), "-png", "-singlefile", "-", str(folder / "page")],
        input=pdf,
        check=True,
    )
    with Image.open(folder / "page.png") as page:
        return page.convert("RGB")


def drawn(pdf: bytes) -> bytes:
    """The operators of the page."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    for stream in streams:
        for text in (stream, _inflated(stream)):
            if text and b"ActualText" in text:
                return text
    raise AssertionError("no page was found")


def _inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def box(pdf: bytes, name: str) -> list[float]:
    found = re.search(name.encode() + rb" \[ ?([^\]]+)\]", pdf)
    assert found, name
    return [float(edge) for edge in found[1].split()]


# ── the page ─────────────────────────────────────────────────────────────────────────────────


def test_the_page_is_trim_and_bleed_and_says_where_each_ends() -> None:
    pdf = pdf_of().pdf
    wide, tall, bleed = 111 * MM, 154 * MM, 3 * MM
    assert box(pdf, "/MediaBox") == pytest.approx([0, 0, wide, tall], abs=0.01)
    assert box(pdf, "/BleedBox") == pytest.approx([0, 0, wide, tall], abs=0.01)
    trim = [bleed, bleed, wide - bleed, tall - bleed]
    assert box(pdf, "/TrimBox") == pytest.approx(trim, abs=0.01)


def test_the_same_poster_is_the_same_pdf() -> None:
    assert pdf_of(locale="zh").pdf == pdf_of(locale="zh").pdf


def test_a_pdf_made_after_another_has_its_own_characters() -> None:
    first = pdf_of(locale="zh").pdf
    pdf_of(locale="en")
    assert pdf_of(locale="zh").pdf == first


def test_a_jpeg_is_inside_as_it_came() -> None:
    out = io.BytesIO()
    with Image.open(io.BytesIO(crowd(BOUGHT))) as picture:
        picture.convert("RGB").save(out, "JPEG", quality=80)
    composed, picture_bytes = card(picture=out.getvalue())
    assert out.getvalue()[200:-200] in printed(composed, picture_bytes, MADE).pdf


def test_words_are_text_in_the_order_of_the_brief() -> None:
    for locale, words in (("en", "Forty stalls, one river"), ("zh", "四十個攤位，一條河")):
        said = words.encode("utf-16-be").hex().upper()
        assert f"/ActualText <FEFF{said}>".encode() in drawn(pdf_of(locale=locale).pdf)


def test_no_font_is_left_to_the_printer() -> None:
    pdf = pdf_of(locale="zh").pdf
    assert b"Helvetica" not in pdf
    named = set(re.findall(rb"/BaseFont /(\S+)", pdf))
    assert named
    assert all(re.match(rb"[A-Z]{6}\+", name) for name in named)
    assert pdf.count(b"/FontFile2") == len(re.findall(rb"/Type /FontDescriptor", pdf))


def test_a_size_of_a_screen_is_not_printed() -> None:
    brief, picture = brief_of(), plain(STORY.canvas, (20, 20, 40))
    composed = compose(picture, brief, layout_for(brief, STORY), "en")
    with pytest.raises(UsageError, match="story: is a size of a screen"):
        printed(composed, picture, MADE)


# ── as another program sees it ───────────────────────────────────────────────────────────────


@poppler
def test_poppler_finds_the_boxes() -> None:
    told = asked("pdfinfo", pdf_of().pdf, "-box")
    boxes = dict(re.findall(r"(\w+Box):\s+([\d. ]+)", told))
    assert boxes["TrimBox"].split() == ["8.50", "8.50", "306.14", "428.03"]
    assert boxes["BleedBox"].split() == boxes["MediaBox"].split()
    assert "Pages:           1" in told


@poppler
def test_poppler_finds_every_font_embedded_as_a_subset() -> None:
    rows = asked("pdffonts", pdf_of(locale="zh").pdf).splitlines()[2:]
    assert rows
    for row in rows:
        assert re.search(r"TrueType +\w+ +yes yes yes", row), row
    assert any("NotoSansSC" in row for row in rows)


@poppler
@pytest.mark.parametrize("locale", ["en", "zh"])
def test_poppler_copies_every_word_right(locale: str) -> None:
    brief = brief_of()
    told = asked("pdftotext", pdf_of(brief, locale=locale).pdf)
    flat = re.sub(r"\s+", "", told)
    for line in brief.lines:
        words = line.text[locale]
        words = words.upper() if line.id == "title" else words
        assert re.sub(r"\s+", "", words) in flat, words


@poppler
@pytest.mark.parametrize("ground", ["crowd", "calm"])
def test_poppler_draws_what_the_pixels_show(ground: str, tmp_path: Path) -> None:
    brief = brief_of(logo=logo_file(tmp_path), code=True)
    picture = crowd(CARD.canvas) if ground == "crowd" else plain(CARD.canvas, (24, 26, 48))
    composed, picture = card(brief, picture=picture)
    page = seen(printed(composed, picture, MADE).pdf, tmp_path, CARD.dpi)
    ours = composed.image.resize(page.size, Image.Resampling.LANCZOS)
    small = (page.width // 8, page.height // 8)  # edges are smoothed differently, areas are not
    apart = ImageChops.difference(
        page.resize(small, Image.Resampling.BOX), ours.resize(small, Image.Resampling.BOX)
    )
    # Forty layers of a wash are rounded forty times by a viewer of eight bits.
    assert max(ImageStat.Stat(apart).mean) < (9 if ground == "crowd" else 4)
    assert max(high for _, high in apart.getextrema()) < 60  # type: ignore[misc]


@poppler
def test_the_next_poster_of_a_process_has_all_its_letters_too(tmp_path: Path) -> None:
    def with_title(words: str) -> Brief:
        brief = brief_of()
        title = brief.title.model_copy(update={"text": {"en": words, "zh": words}})
        return brief.model_copy(update={"lines": (title, *brief.lines[1:])})

    for words in ("夜市", "静默之形"):
        composed, picture = card(
            with_title(words), locale="zh", picture=plain(CARD.canvas, (24, 26, 48))
        )
        page = seen(printed(composed, picture, MADE).pdf, tmp_path, CARD.dpi)
        ours = composed.image.resize(page.size, Image.Resampling.LANCZOS)
        small = (page.width // 8, page.height // 8)
        apart = ImageChops.difference(
            page.resize(small, Image.Resampling.BOX), ours.resize(small, Image.Resampling.BOX)
        )
        # strokes stand close, so edges count for more; a letter left out makes 180 and more
        assert max(high for _, high in apart.getextrema()) < 100, words  # type: ignore[misc]


def test_a_font_is_made_anew_with_the_characters_of_each_pdf() -> None:
    from reportlab.pdfbase import pdfmetrics

    for words in ("夜市", "静默之形", "Ab"):
        for name in register((char, Type("sans", 640)) for char in words):
            held = vars(pdfmetrics.getFont(name))["face"].charToGlyph
            assert {ord(char) for char in words} <= set(held)


@poppler
def test_the_vector_code_reads_back_from_the_page(tmp_path: Path) -> None:
    composed, picture = card(brief_of(code=True))
    page = seen(printed(composed, picture, MADE).pdf, tmp_path, 200)
    prove_qr(png(page), TARGET)


# ── colour ───────────────────────────────────────────────────────────────────────────────────


def test_without_a_profile_the_preflight_says_rgb() -> None:
    made = pdf_of()
    assert "Colour:        RGB" in made.preflight.text()
    assert b"/DeviceCMYK" not in made.pdf
    assert b"OutputIntent" not in made.pdf


def test_with_a_profile_everything_is_cmyk_and_the_profile_is_inside(tmp_path: Path) -> None:
    brief = brief_of(logo=logo_file(tmp_path), code=True)
    made = pdf_of(brief, profile=press_file(tmp_path))
    assert b"/DeviceRGB" not in made.pdf
    assert made.pdf.count(b"/ColorSpace /DeviceCMYK") == 2  # the picture and the logo
    assert b"/OutputIntents" in made.pdf
    assert b"Press of the tests" in made.pdf
    assert press_file(tmp_path).read_bytes() in made.pdf
    operators = drawn(made.pdf).split()
    assert b"k" in operators
    assert b"rg" not in operators
    assert "CMYK, converted with Press of the tests" in made.preflight.text()


def test_black_type_is_black_ink_alone_and_white_is_none(tmp_path: Path) -> None:
    press = press_of(press_file(tmp_path))
    assert press.ink((17, 18, 24)) == (0, 0, 0, 1)
    assert press.ink((255, 255, 255)) == (0, 0, 0, 0)
    cyan, magenta, _, _ = press.ink((220, 30, 30))
    assert magenta > cyan + 0.2


@poppler
def test_a_logo_in_cmyk_keeps_its_transparency(tmp_path: Path) -> None:
    brief = brief_of(logo=logo_file(tmp_path))
    composed, picture = card(brief, picture=plain(CARD.canvas, (236, 228, 210)))
    pdf = printed(composed, picture, MADE, profile=press_file(tmp_path)).pdf
    assert pdf.count(b"/SMask") == 1


@pytest.mark.parametrize("content", [b"not a profile", b""])
def test_a_file_that_is_no_profile_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.icc"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"odd\.icc: is no ICC profile"):
        press_of(path)


def test_a_profile_of_a_screen_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "screen.icc"
    path.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    with pytest.raises(UsageError, match="is for RGB, and paper wants CMYK"):
        press_of(path)


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.icc: cannot be read"):
        press_of(tmp_path / "gone.icc")


# ── what the printer is told ─────────────────────────────────────────────────────────────────


def test_the_preflight_says_what_is_really_there(tmp_path: Path) -> None:
    made = pdf_of(brief_of(logo=logo_file(tmp_path), code=True)).preflight
    assert made.dpi == 165  # 720 pixels over 111 mm, cut to the page's shape
    assert made.picture == "720x1008"
    assert made.qr_module_mm is not None
    assert "BebasNeue" in made.fonts
    told = made.text()
    for words in ("Trim:          105 x 148 mm", "Bleed:         3 mm", "Smallest type: "):
        assert words in told


def test_a_picture_below_150_dpi_is_warned_of() -> None:
    composed, picture = card(picture=crowd((400, 560)))
    made = printed(composed, picture, MADE).preflight
    assert made.dpi < 150
    assert f"WARNING: the picture has {made.dpi} dpi" in made.text()


def test_paper_without_bleed_is_warned_of() -> None:
    bare = SizeSpec(name="bare", mm=(105, 148), dpi=150)
    brief, picture = brief_of(), crowd(BOUGHT)
    composed = compose(picture, brief, layout_for(brief, bare), "en")
    assert "0 mm of bleed" in printed(composed, picture, MADE).preflight.text()
