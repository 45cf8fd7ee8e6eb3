from __future__ import annotations

import io
from dataclasses import replace
from functools import cache

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from agent.offline.art import (
    MOTIFS,
    Light,
    MotifName,
    OutputFormat,
    Overlay,
    Scene,
    contrast,
    cutout,
    edit,
    encode,
    focal_box,
    preview,
    range_note,
    render,
    scene_in,
    scene_of,
    text_boxes,
    tiny,
)
from agent.offline.art.overlays import sticker_box
from agent.offline.art.render import ground
from agent.offline.art.typography import legibility
from agent.typeset.faces import has_glyph

drawn = cache(render)
"""Drawn once for all tests that compare with it."""
SHAPES = ((360, 540), (420, 420), (540, 360), (640, 240), (240, 560))
SMALL = (192, 192)
POSTER = 'A poster "Harbour Lights" with the tagline "Ten nights by the water" on Sat 12 Dec at Old Quay Hall'


def lettered(motif: MotifName, title: str = "Harbour Lights") -> Scene:
    lines = ("Sat 12 Dec 18:00", "Old Quay Hall")
    scene = scene_of("a plain picture", seed=11)
    return replace(scene, motif=motif, title=title, subtitle="Ten nights by the water", lines=lines)


def differ(a: Image.Image, b: Image.Image) -> bool:
    return ImageChops.difference(a.convert("RGB"), b.convert("RGB")).getbbox() is not None


def edges(image: Image.Image) -> Image.Image:
    found = image.convert("L").filter(ImageFilter.FIND_EDGES).filter(ImageFilter.GaussianBlur(2))
    return found.point([255 if v > 14 else 0 for v in range(256)])


def overlap(a: Image.Image, b: Image.Image) -> float:
    both = ImageChops.darker(a, b).histogram()[255]
    return both / max(1, min(a.histogram()[255], b.histogram()[255]))


def hole(size: tuple[int, int], box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("RGBA", size, (0, 0, 0, 255))
    ImageDraw.Draw(mask).rectangle(box, fill=(0, 0, 0, 0))
    return mask


@pytest.mark.parametrize("motif", MOTIFS)
def test_the_same_scene_and_size_give_the_same_pixels(motif: MotifName) -> None:
    scene = lettered(motif)
    assert render(scene, SMALL).tobytes() == drawn(scene, SMALL).tobytes()


@pytest.mark.parametrize("motif", MOTIFS)
def test_every_motif_draws_its_own_picture_of_the_asked_size(motif: MotifName) -> None:
    scene = replace(lettered(motif), title="", subtitle="", lines=())
    other = replace(scene, motif="abstract" if motif != "abstract" else "geo")
    image = drawn(scene, (200, 120))
    assert image.size == (200, 120)
    assert image.mode == "RGB"
    assert differ(image, drawn(other, (200, 120)))


def test_another_seed_is_another_composition() -> None:
    scene = scene_of("mountains", seed=1)
    assert differ(drawn(scene, SMALL), drawn(replace(scene, seed=2), SMALL))


@pytest.mark.parametrize("motif", MOTIFS)
@pytest.mark.parametrize(
    "title", ["Harbour Lights", "中秋音乐会", "A Very Long Night of Many Small Lanterns"]
)
def test_lettering_never_covers_the_subject_or_leaves_the_picture(
    motif: MotifName, title: str
) -> None:
    scene = replace(
        lettered(motif, title), lines=("Sat 12 Dec", "18:00", "Old Quay Hall", "12 EUR")
    )
    for size in SHAPES:
        focal = focal_box(scene, size)
        boxes = text_boxes(scene, size)
        assert len(boxes) == 6
        for i, box in enumerate(boxes):
            assert 0 <= box.x0 < box.x1 <= 1, (size, box)
            assert 0 <= box.y0 < box.y1 <= 1, (size, box)
            assert not box.meets(focal), (size, box, focal)
            assert not any(box.meets(other) for other in boxes[i + 1 :]), (size, boxes)


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_sticker_never_covers_lettering(motif: MotifName) -> None:
    scene = lettered(motif)
    for size in SHAPES:
        box = sticker_box(scene, size, [])
        assert not any(box.meets(text) for text in text_boxes(scene, size)), size


@pytest.mark.parametrize("size", [(16, 16), (33, 500), (500, 33)])
def test_odd_sizes_are_drawn_too(size: tuple[int, int]) -> None:
    scene = replace(lettered("mountains"), overlays=(Overlay("sticker", "NEW"),))
    assert drawn(scene, size).size == size


@pytest.mark.parametrize("motif", MOTIFS)
def test_lettering_has_the_contrast_its_size_needs(motif: MotifName) -> None:
    rooms: tuple[tuple[Light, tuple[int, int]], ...] = (("day", (200, 300)), ("night", (300, 200)))
    for light, size in rooms:
        scene = replace(lettered(motif), light=light)
        for role, ratio, needed in legibility(ground(scene, size), scene):
            assert ratio >= needed, (motif, light, role, ratio)


def test_contrast_is_the_ratio_of_wcag() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


def test_chinese_and_accented_letters_have_glyphs() -> None:
    text = "中秋音乐会但愿人长久千里共婵娟滨江大剧院二〇二六年九月，。《》éüñłžőçßŁøğşřěů"
    missing = [char for char in text if not has_glyph(char)]
    assert missing == []
    assert not has_glyph("\ufffe")


@pytest.mark.parametrize(
    ("prompt", "motif"),
    [
        ("a red kite over the sea", "kite"),
        ("A lighthouse at dusk", "lighthouse"),
        ("a cat on a windowsill", "cat"),
        ("snowy mountains under a full moon", "moon"),
        ("the skyline of a city at night", "city"),
        ("a foggy forest", "forest"),
        ("a night market", "market"),
        ("a cup of coffee", "cup"),
        ("a planet in space", "space"),
        ("wildflowers", "botanical"),
        ("a jazz poster", "rays"),
        ("中秋节海报", "moon"),
        ("一只猫坐在窗台上", "cat"),
        ("红色的灯塔", "lighthouse"),
        ("Bauhaus shapes", "geo"),
        ("sailing boats", "sea"),
        ("an abstract feeling", "abstract"),
    ],
)
def test_common_prompts_find_their_motif(prompt: str, motif: str) -> None:
    assert scene_of(prompt).motif == motif


def test_a_picture_without_quoted_words_carries_no_lettering() -> None:
    assert not scene_of("a lighthouse at dusk, Sat 12 Dec").lettered
    assert text_boxes(scene_of("a lighthouse at dusk"), (512, 512)) == ()


def test_a_poster_prompt_fills_title_tagline_date_and_place() -> None:
    scene = scene_of(POSTER)
    assert scene.title == "Harbour Lights"
    assert scene.subtitle == "Ten nights by the water"
    assert scene.lines == ("Sat 12 Dec", "Old Quay Hall")


def test_a_poster_without_quotes_gets_a_short_title_of_its_own_words() -> None:
    assert scene_of("a poster for the Spring Fair at Green Park on 4 May").title == "Spring Fair"
    assert scene_of("设计一张关于中秋音乐会的海报").title == "中秋音乐会"
    assert scene_of("a jazz poster, no text").title == ""


def test_a_colour_before_the_subject_paints_the_subject_alone() -> None:
    red, plain = scene_of("a red kite", seed=5), scene_of("a kite", seed=5)
    assert red.palette == plain.palette
    assert red.accent != plain.accent
    assert scene_of("mountains in red and gold").tones == ("red", "gold")


def test_words_outside_the_repertoire_are_owned_up_to() -> None:
    note = range_note("a dog in the park")
    assert note is not None
    assert "no dog" in note
    assert "forest" in note
    assert range_note("a lighthouse at dusk") is None


def test_a_scene_survives_its_json() -> None:
    scene = replace(scene_of(POSTER), overlays=(Overlay("sticker", "SOLD OUT", "#d8432f"),))
    assert Scene.from_json(scene.to_json()) == scene


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "[]",
        "null",
        "{",
        '{"motif":"unicorn"}',
        '{"palette":["red"]}',
        '{"overlays":[1]}',
        '{"seed":"x"}',
    ],
)
def test_broken_scenes_are_refused(broken: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Scene.from_json(broken)


@pytest.mark.parametrize("output_format", ["png", "jpeg", "webp"])
def test_a_file_carries_its_scene_and_its_origin(output_format: OutputFormat) -> None:
    scene = scene_of('海报 "Quotes & <Angles>" it\'s 中秋')
    data = encode(tiny(scene, SMALL), scene, output_format=output_format)
    assert scene_in(data) == scene
    assert b"digitalsourcetype/algorithmicMedia" in data
    assert b"Limner offline artist" in data
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == output_format.upper()


def test_strangers_and_rubbish_carry_no_scene() -> None:
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG")
    assert scene_in(out.getvalue()) is None
    assert scene_in(b"not a picture") is None
    assert scene_in(encode(tiny(Scene(), SMALL), Scene())[:200]) is None


def test_a_lower_quality_makes_a_smaller_file() -> None:
    scene = scene_of("mountains")
    image = drawn(scene, SMALL)
    low = encode(image, scene, output_format="jpeg", compression=20)
    assert len(low) < len(encode(image, scene, output_format="jpeg", compression=95))


@pytest.mark.parametrize("motif", MOTIFS)
def test_a_transparent_background_keeps_only_the_subject(motif: MotifName) -> None:
    scene = lettered(motif)
    low, high = cutout(scene, (160, 160)).getchannel("A").getextrema()
    assert high == 255
    assert low == 0 or motif == "geo"


def test_transparency_survives_png_and_turns_white_in_jpeg() -> None:
    scene = scene_of("a planet")
    image = drawn(scene, SMALL)
    with Image.open(io.BytesIO(encode(image, scene, background="transparent"))) as png:
        assert png.mode == "RGBA"
    with Image.open(io.BytesIO(encode(cutout(scene, SMALL), scene, output_format="jpeg"))) as jpeg:
        corner = jpeg.convert("RGB").getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert min(corner) > 245


def test_previews_are_full_size_and_come_closer_step_by_step() -> None:
    scene = scene_of("a lighthouse")
    size = (256, 256)
    final = drawn(scene, size)

    def distance(image: Image.Image) -> float:
        counts = ImageChops.difference(image, final).convert("L").histogram()
        return sum(value * count for value, count in enumerate(counts))

    steps = [preview(scene, size, i, 3) for i in range(3)]
    assert [step.size for step in steps] == [size] * 3
    assert distance(steps[0]) > distance(steps[1]) > distance(steps[2]) > 0


def test_tiny_pictures_have_the_size_and_differ_by_scene() -> None:
    first, second = tiny(scene_of("one"), (96, 64)), tiny(scene_of("two"), (96, 64))
    assert first.size == (96, 64)
    assert differ(first, second)


@pytest.mark.parametrize("motif", MOTIFS)
def test_night_keeps_the_composition_and_changes_the_picture(motif: MotifName) -> None:
    scene = replace(scene_of("x", seed=4), motif=motif, light="day")
    size = SMALL
    day = drawn(scene, size)
    night = edit("make it night", day, scene, None, size)
    assert night.scene is not None
    assert night.scene.night
    assert night.scene.seed == scene.seed
    assert night.note is None
    assert focal_box(night.scene, size) == focal_box(scene, size)
    assert differ(day, night.image)
    assert overlap(edges(day), edges(night.image)) > 0.45


def test_an_edit_keeps_the_sticker_and_the_words() -> None:
    scene, size = scene_of(POSTER), (192, 288)
    image = drawn(scene, size)
    stuck = edit("add a SOLD OUT sticker", image, scene, None, size)
    assert stuck.scene is not None
    assert [o.text for o in stuck.scene.overlays] == ["SOLD OUT"]
    assert differ(image, stuck.image)
    night = edit("变成夜晚", stuck.image, stuck.scene, None, size)
    assert night.scene is not None
    assert night.scene.overlays == stuck.scene.overlays
    assert night.scene.title == "Harbour Lights"
    assert night.scene.night
    plain = drawn(replace(night.scene, overlays=()), size)
    assert differ(plain, night.image)


@pytest.mark.parametrize(
    ("instruction", "field", "value"),
    [
        ("change the title to “Winter Fair”", "title", "Winter Fair"),
        ("replace “Harbour Lights” with “River Lights”", "title", "River Lights"),
        ("remove the title", "title", ""),
        ("add the date “Sun 13 Dec”", "lines", ("Sat 12 Dec", "Old Quay Hall", "Sun 13 Dec")),
        ("把标题改成“夜市”", "title", "夜市"),
        ("now in autumn", "season", "autumn"),
        ("改成秋天", "season", "autumn"),
        ("make it dusk", "light", "dusk"),
        ("in red and gold", "tones", ("red", "gold")),
        ("换成蓝色", "tones", ("blue",)),
        ("a bit warmer, please", "tones", ("warm",)),
        ("add some birds and balloons", "props", ("birds", "balloons")),
        ("turn it into a forest", "motif", "forest"),
    ],
)
def test_a_scene_changes_in_the_field_the_words_name(
    instruction: str, field: str, value: object
) -> None:
    scene = scene_of(POSTER)
    result = edit(instruction, tiny(scene, SMALL), scene, None, SMALL)
    assert result.scene is not None
    assert result.note is None
    assert getattr(result.scene, field) == value
    assert result.scene.seed == scene.seed
    assert differ(result.image, drawn(scene, SMALL))


def test_an_unknown_wish_still_changes_the_picture_and_says_so() -> None:
    scene = scene_of("mountains")
    result = edit("make it more quixotic", drawn(scene, SMALL), scene, None, SMALL)
    assert result.note is not None
    assert "did not understand" in result.note
    assert result.scene is not None
    assert result.scene.seed == scene.seed
    assert differ(result.image, drawn(scene, SMALL))


def test_another_size_reframes_the_scene() -> None:
    scene = scene_of(POSTER)
    result = edit("as it is, but wide", drawn(scene, SMALL), scene, None, (300, 160))
    assert result.image.size == (300, 160)
    assert result.scene is not None
    assert result.scene.title == scene.title


@pytest.mark.parametrize(
    "instruction",
    ["make it red", "remove this", "变成夜晚", "add “HELLO”", "blur it", "add snow", "quixotic"],
)
@pytest.mark.parametrize("known", [True, False])
def test_under_a_mask_the_inside_changes_and_the_outside_is_equal(
    instruction: str, *, known: bool
) -> None:
    scene, box = scene_of("a lighthouse", seed=3), (60, 40, 150, 120)
    image = drawn(scene, SMALL)
    result = edit(instruction, image, scene if known else None, hole(SMALL, box), SMALL)
    change = ImageChops.difference(image, result.image).getbbox()
    assert change is not None
    assert change[0] >= box[0]
    assert change[1] >= box[1]
    assert change[2] <= box[2] + 1
    assert change[3] <= box[3] + 1
    assert (result.scene is not None) is known


def test_a_masked_change_outlives_the_next_edit_of_the_scene() -> None:
    scene = scene_of("mountains", seed=3)
    image = drawn(scene, SMALL)
    red = edit("make it red", image, scene, hole(SMALL, (50, 40, 130, 110)), SMALL)
    assert red.scene is not None
    night = edit("make it night", red.image, red.scene, None, SMALL)
    assert night.scene is not None
    bare = drawn(replace(night.scene, overlays=()), SMALL)
    assert differ(bare.crop((60, 50, 120, 100)), night.image.crop((60, 50, 120, 100)))
    assert not differ(bare.crop((0, 150, 150, 185)), night.image.crop((0, 150, 150, 185)))


@pytest.mark.parametrize(
    "instruction",
    [
        "make it night",
        "改成冬天",
        "in pink",
        "warmer",
        "black and white",
        "blur it",
        "add “Hello”",
        "add balloons",
        "日落",
        "??",
    ],
)
def test_an_upload_is_changed_in_its_pixels(instruction: str) -> None:
    upload = drawn(scene_of("a city", seed=9), SMALL).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    result = edit(instruction, upload, None, None, SMALL)
    assert result.scene is None
    assert result.image.size == SMALL
    assert differ(upload, result.image)
    assert (result.note is None) is (instruction != "??")


@pytest.mark.parametrize(
    ("instruction", "size"),
    [
        ("crop to the left half", (120, 160)),
        ("crop it square", (160, 160)),
        ("裁剪右半", (120, 160)),
        ("crop to 3:2", (240, 160)),
    ],
)
def test_a_crop_keeps_the_named_part(instruction: str, size: tuple[int, int]) -> None:
    upload = drawn(scene_of("a city"), (240, 160))
    result = edit(instruction, upload, None, None, upload.size)
    assert result.image.size == size


def test_the_corner_mark_can_be_cropped_away() -> None:
    scene = scene_of("a forest", seed=2)
    size = (512, 512)
    change = ImageChops.difference(drawn(scene, size), ground(scene, size)).getbbox()
    assert change is not None
    assert change[0] > 512 * 0.7
    assert change[1] > 512 * 0.95


def test_the_chinese_word_for_poster_is_not_taken_for_the_sea_in_it() -> None:
    assert scene_of("海报 “中秋音乐会” 2026年9月25日").motif == "moon"
    assert scene_of("为新店开业设计一张海报").motif == "abstract"
    assert scene_of("大海边的灯塔海报").motif == "lighthouse"
