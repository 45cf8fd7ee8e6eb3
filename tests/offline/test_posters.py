"""A poster's picture: areas left calm, words in their places, the same look in another size."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps, ImageStat

from agent.offline.art import (
    MOTIFS,
    MotifName,
    Scene,
    contrast,
    edit,
    focal_box,
    render,
    scene_of,
    text_boxes,
)
from agent.offline.art.colour import rgb
from agent.offline.art.render import ground
from agent.offline.art.scene import Painted
from agent.offline.art.slips import letters, misspelt, misspelt_words
from agent.offline.art.staged import asked_of
from agent.offline.art.staging import place_of
from agent.offline.art.typography import legibility
from agent.typeset.boxes import Box

drawn = cache(render)
TALL, WIDE = (208, 296), (420, 140)
POSTER = """The picture for a poster, upright. Subject: {motif}
Paint these words exactly as written, each in its own area: "Night Market" as title from 6% to 94% \
across and 5% to 21% down; "Every Friday" as date from 6% to 94% across and 23% to 28% down. \
Set them in heavy, plain letters. No other lettering.
Leave these areas calm and empty, with no lettering and no figure in them: from 6% to 94% across \
and 82% to 87% down; from 6% to 94% across and 88% to 95% down.
Keep the main subject inside from 8% to 92% across and 31% to 78% down. Fill the whole picture to \
every edge; no frame, no border, no mock-up of a poster on a wall.
Palette: #1b2a4a, #ffcf7a, #d1495b."""
BANNER = """Make the same poster picture in another shape, very wide and low. Keep the subject, the \
style, the light, the palette and the materials of the picture given; compose it anew for this \
shape instead of stretching or cropping.
Subject: a cat at night
Paint these words exactly as written, each in its own area: "Night Market" as title from 4% to 46% \
across and 12% to 55% down. No other lettering.
Leave these areas calm and empty, with no lettering and no figure in them: from 4% to 46% across \
and 60% to 90% down.
Keep the main subject inside from 54% to 96% across and 8% to 92% down."""
REPAIR = """Change only the lettering inside the area from 4% to 96% across and 3% to 23% down and \
leave everything else exactly as it is. Paint these words exactly as written, each in its own \
area: "Market Night" as title from 6% to 94% across and 5% to 21% down. No other lettering."""
STAGED = scene_of(POSTER.format(motif="a night market with lanterns"))


def empty(motif: MotifName, *, wide: bool = False, light: str = "day") -> Scene:
    """Only calm areas and a room, no words."""
    scene = replace(scene_of(f"a plain picture by {light}", seed=5), motif=motif)
    if wide:
        return replace(scene, calm=((0.04, 0.1, 0.46, 0.9),), room=(0.54, 0.08, 0.96, 0.92))
    calm = ((0.06, 0.05, 0.94, 0.25), (0.06, 0.82, 0.94, 0.95))
    return replace(scene, calm=calm, room=(0.08, 0.3, 0.92, 0.78))


def part(image: Image.Image, area: tuple[float, float, float, float]) -> Image.Image:
    w, h = image.size
    return image.crop(
        (round(area[0] * w), round(area[1] * h), round(area[2] * w), round(area[3] * h))
    ).convert("L")


def roughness(image: Image.Image) -> float:
    """What is left of a part when its slow changes are taken away, as a standard deviation."""
    smooth = image.filter(ImageFilter.BoxBlur(12))
    return ImageStat.Stat(ImageChops.difference(image, smooth)).stddev[0]


def inside(small: Box, large: Box, slack: float = 0.012) -> bool:
    return (
        small.x0 >= large.x0 - slack
        and small.y0 >= large.y0 - slack
        and small.x1 <= large.x1 + slack
        and small.y1 <= large.y1 + slack
    )


def test_the_sentences_of_a_poster_are_read_and_leave_only_what_is_shown() -> None:
    asked = asked_of(POSTER.format(motif="a lighthouse"))

    assert asked is not None
    assert asked.calm == ((0.06, 0.82, 0.94, 0.87), (0.06, 0.88, 0.94, 0.95))
    assert [(line.text, line.role) for line in asked.painted] == [
        ("Night Market", "title"),
        ("Every Friday", "date"),
    ]
    assert asked.painted[0].area == (0.06, 0.05, 0.94, 0.21)
    assert asked.room == (0.08, 0.31, 0.92, 0.78)
    assert asked.inks == ("#1b2a4a", "#ffcf7a", "#d1495b")
    assert asked.face == "black"
    assert asked.unmarked
    assert "Market" not in asked.rest


def test_an_ordinary_prompt_asks_for_no_areas() -> None:
    assert asked_of('a poster "Night Market" with a palette of blue and gold') is None
    assert not scene_of("leave the sky calm and empty").staged


def test_areas_without_an_extent_are_left_out() -> None:
    asked = asked_of(
        "Leave these areas calm and empty: from 50% to 50% across and 1% to 9% down; "
        "from 10% to 120% across and 1% to 9% down."
    )
    assert asked is not None
    assert asked.calm == ((0.1, 0.01, 1.0, 0.09),)


def test_the_subject_alone_chooses_the_motif_and_the_title_does_not() -> None:
    assert scene_of(POSTER.format(motif="an open book")).motif == "book"
    assert scene_of(POSTER.format(motif="theatre masks on a stage")).motif == "stage"


def test_variants_of_one_poster_differ_and_the_same_variant_does_not() -> None:
    one, two = (f"{POSTER.format(motif='mountains')}\nVariant {n}." for n in (1, 2))
    assert scene_of(one).seed != scene_of(two).seed
    assert scene_of(one) == scene_of(one)


@pytest.mark.parametrize(
    ("words", "motif"),
    [
        ("a vaccination day, a heart with a plaster", "health"),
        ("a football on the pitch", "pitch"),
        ("a gold frame in a museum", "museum"),
        ("a megaphone for a job fair", "jobs"),
        ("an electric guitar", "guitar"),
        ("a warning sign", "safety"),
        ("a summer sale", "sale"),
        ("a school play", "stage"),
        ("a book launch", "book"),
        ("a typographic composition", "type"),
        ("a conference", "geo"),
        ("足球决赛", "pitch"),
        ("新书发布会", "book"),
    ],
)
def test_what_posters_are_made_for_has_a_motif(words: str, motif: str) -> None:
    assert scene_of(words).motif == motif


@pytest.mark.parametrize("motif", MOTIFS)
@pytest.mark.parametrize("wide", [False, True])
def test_calm_areas_are_calm_and_the_subject_keeps_to_its_room(
    motif: MotifName, *, wide: bool
) -> None:
    scene, size = empty(motif, wide=wide), WIDE if wide else TALL
    image = drawn(scene, size)

    assert scene.room is not None
    assert inside(focal_box(scene, size), Box(*scene.room))
    for area in scene.calm:
        assert roughness(part(image, area)) < 2.5, area
        assert ImageStat.Stat(part(image, area)).stddev[0] < 17, area
    assert roughness(part(image, scene.room)) > 4


def test_without_areas_the_same_place_is_not_calm() -> None:
    scene = empty("market")
    plain = replace(scene, calm=(), room=None)
    assert roughness(part(drawn(plain, TALL), scene.calm[1])) > 6


@pytest.mark.parametrize("motif", MOTIFS)
def test_painted_words_stand_in_their_areas_off_the_subject_and_can_be_read(
    motif: MotifName,
) -> None:
    scene = replace(STAGED, motif=motif)
    boxes = text_boxes(scene, TALL)

    assert len(boxes) == 2
    for box, line in zip(boxes, scene.painted, strict=True):
        assert inside(box, Box(*line.area), 0.004)
        assert not box.meets(focal_box(scene, TALL))
    for role, ratio, needed in legibility(ground(scene, TALL), scene):
        assert ratio >= needed, (role, ratio)


def test_chinese_in_a_narrow_area_stands_upright() -> None:
    column = Painted("中秋音乐会", "title", (0.8, 0.06, 0.93, 0.6))
    row = replace(column, area=(0.08, 0.06, 0.92, 0.2))
    tall, flat = (text_boxes(replace(STAGED, painted=(p,)), (400, 560))[0] for p in (column, row))

    assert tall.height * 560 > 3 * tall.width * 400
    assert flat.width * 400 > 3 * flat.height * 560


def test_no_other_lettering_also_leaves_out_the_corner_mark() -> None:
    marked = replace(STAGED, unmarked=False)
    assert STAGED.unmarked
    assert ImageChops.difference(drawn(STAGED, TALL), drawn(marked, TALL)).getbbox() is not None
    assert STAGED.title == STAGED.subtitle == ""


def test_a_palette_by_number_colours_the_picture() -> None:
    scene = scene_of(POSTER.format(motif="big shapes, type only"))
    small = drawn(scene, TALL).resize((26, 37))
    seen = [pixel for _, pixel in small.getcolors(2000) or [] if isinstance(pixel, tuple)]

    def nearest(ink: str) -> float:
        return min(sum(abs(a - b) for a, b in zip(rgb(ink), p, strict=False)) for p in seen)

    assert all(nearest(ink) < 60 for ink in scene.inks)
    assert contrast(rgb(scene.palette[0]), rgb(scene.palette[4])) > 4.5


def test_another_size_keeps_the_look_and_takes_the_new_areas() -> None:
    wide = edit(BANNER, drawn(STAGED, TALL), STAGED, None, WIDE)

    assert wide.scene is not None
    assert wide.note is None
    assert wide.image.size == WIDE
    kept = ("motif", "light", "seed", "palette", "inks", "season")
    assert [getattr(wide.scene, name) for name in kept] == [getattr(STAGED, name) for name in kept]
    assert wide.scene.room == (0.54, 0.08, 0.96, 0.92)
    assert len(wide.scene.painted) == 1


def test_another_size_of_a_strangers_picture_is_drawn_anew_and_said_so() -> None:
    result = edit(BANNER, Image.new("RGB", TALL, "teal"), None, None, WIDE)
    assert result.scene is not None
    assert result.scene.motif == "cat"
    assert "did not draw this picture" in str(result.note)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("masked", [True, False])
def test_a_repair_letters_one_line_anew_and_nothing_else(*, known: bool, masked: bool) -> None:
    before = drawn(STAGED, TALL)
    box = (
        round(0.04 * TALL[0]),
        round(0.03 * TALL[1]),
        round(0.96 * TALL[0]),
        round(0.23 * TALL[1]),
    )
    mask = Image.new("RGBA", TALL, (0, 0, 0, 255))
    ImageDraw.Draw(mask).rectangle(box, fill=(0, 0, 0, 0))
    result = edit(REPAIR, before, STAGED if known else None, mask if masked else None, TALL)

    change = ImageChops.difference(before, result.image).getbbox()
    assert change is not None
    if known:
        assert result.scene is not None
        assert [line.text for line in result.scene.painted] == ["Market Night", "Every Friday"]
        assert result.scene.calm == STAGED.calm
    if masked or known:
        assert change[1] >= box[1] - 1
        assert change[3] <= box[3] + 1
    if masked:
        assert change[0] >= box[0]
        assert change[2] <= box[2] + 1


def test_a_staged_scene_survives_its_json() -> None:
    assert Scene.from_json(STAGED.to_json()) == STAGED


@pytest.mark.parametrize(
    "broken",
    [
        '{"calm":[[0.1,0.1,0.1,0.5]]}',
        '{"calm":[[0.1,0.1]]}',
        '{"room":"wide"}',
        '{"painted":[{"text":"x","role":"title"}]}',
        '{"painted":[{"text":"x","role":"title","area":"top"}]}',
        '{"inks":["red"]}',
    ],
)
def test_broken_areas_are_refused(broken: str) -> None:
    with pytest.raises(ValueError, match="not a scene"):
        Scene.from_json(broken)


def test_without_a_room_the_subject_takes_the_ground_that_is_left() -> None:
    scene = replace(STAGED, room=None, motif="book")
    focal = focal_box(scene, TALL)
    taken = (*scene.calm, *(line.area for line in scene.painted))
    assert not any(focal.meets(Box(*area)) for area in taken)
    assert focal.height > 0.2


@given(st.text(min_size=1, max_size=40))
def test_a_slip_is_never_the_text_itself(text: str) -> None:
    assert misspelt(text) != text
    assert misspelt(text) == misspelt(text)


@pytest.mark.parametrize("text", ["12.50", "夜市", "書", "Café", "A", "中秋音樂會", "ll"])
def test_a_slip_is_seen_by_who_forgives_case_and_blanks(text: str) -> None:
    wrong = misspelt(text)
    assert "".join(wrong.split()).casefold() != "".join(text.split()).casefold()


def test_a_misspelt_request_differs_in_one_text_and_says_which() -> None:
    words = POSTER.format(motif="a book")
    wrong, meant = misspelt_words(words)
    ((slip, right),) = meant

    assert right in ("Night Market", "Every Friday")
    assert wrong == words.replace(f'"{right}', f'"{slip}', 1)
    assert letters(words)
    assert misspelt_words("a book") == ("a book", ())
    assert not letters("a book")


FLUSH = POSTER.replace("heavy, plain letters.", "heavy, plain letters, flush left.")


def test_words_asked_for_flush_left_begin_at_the_edge_of_their_area() -> None:
    flush = scene_of(FLUSH.format(motif="a night market with lanterns"))
    centred, left = (text_boxes(scene, TALL)[0] for scene in (STAGED, flush))

    assert left.x0 == pytest.approx(0.06)
    assert centred.x0 > 0.07
    assert edit(REPAIR, drawn(flush, TALL), flush, None, TALL).scene == replace(
        flush, painted=(replace(flush.painted[0], text="Market Night"), flush.painted[1])
    )


def test_dots_and_accents_of_capitals_stay_inside_the_area() -> None:
    area, size = (0.06, 0.10, 0.94, 0.22), (720, 1008)
    plain = empty("type")
    painted = replace(plain, calm=(), face="display", unmarked=True)
    with_words = replace(painted, painted=(Painted("KÄSE ÜBER ÅRE", "title", area),))
    blank = replace(painted, painted=(Painted(" .", "title", area),))
    change = ImageChops.difference(render(with_words, size), render(blank, size))
    rows = change.convert("L").point([255 if v > 60 else 0 for v in range(256)]).getbbox()

    assert rows is not None
    assert rows[1] >= area[1] * size[1] - 1
    assert rows[3] <= area[3] * size[1] + 1


def test_every_second_variant_is_turned_round_in_all_its_sizes() -> None:
    text = POSTER.format(motif="a museum") + "\nVariant 2."
    two = replace(scene_of(text), seed=STAGED.seed)
    one = replace(two, mirrored=False)
    wide = edit(f"{BANNER}\nVariant 2.", drawn(two, TALL), two, None, WIDE).scene

    assert two.mirrored
    assert wide is not None
    assert wide.mirrored
    assert Scene.from_json(two.to_json()) == two
    assert inside(focal_box(two, TALL), Box(*two.room or (0, 0, 1, 1)))
    bare = [replace(scene, painted=(), calm=(), unmarked=True) for scene in (one, two)]
    straight, turned = (render(scene, TALL) for scene in bare)
    apart = ImageChops.difference(ImageOps.mirror(straight), turned).convert("L")
    assert (
        ImageStat.Stat(apart).mean[0]
        < 3
        < ImageStat.Stat(ImageChops.difference(straight, turned).convert("L")).mean[0]
    )


@pytest.mark.parametrize("motif", ["safety", "stage", "pitch", "museum", "health", "sale"])
def test_a_composition_reaches_both_sides_of_a_sheet_with_a_low_room(motif: MotifName) -> None:
    scene = replace(empty(motif), room=(0.05, 0.35, 0.95, 0.62))
    place = place_of(scene, (500, 500))

    assert place.at[0] <= 0.02 * 500
    assert place.at[0] + place.size[0] >= 0.98 * 500


def test_a_cat_asked_to_look_at_the_viewer_shows_its_face() -> None:
    back = scene_of("a grey cat on a windowsill", seed=4)
    front = scene_of("a grey cat on a windowsill, looking at the viewer", seed=4)

    assert "gaze" in front.props
    assert "gaze" not in back.props
    box, (w, h) = focal_box(back, TALL), TALL
    x0, y0, x1, y1 = box.x0 * w - 2, box.y0 * h - 2, box.x1 * w + 2, box.y1 * h + 2
    apart = ImageChops.difference(drawn(back, TALL), drawn(front, TALL)).getbbox()
    assert apart is not None
    assert x0 <= apart[0]
    assert apart[2] <= x1
    assert y0 <= apart[1]
    assert apart[3] <= y1


def test_what_is_asked_for_of_a_posters_picture_is_drawn_and_its_areas_stay() -> None:
    asked = "Change this poster picture as asked, and keep everything else.\nAsked for: at night."
    rest = POSTER.format(motif="none").partition("\n")[2]

    result = edit(f"{asked}\n{rest}", drawn(STAGED, TALL), replace(STAGED, light="day"), None, TALL)

    assert result.scene is not None
    assert result.scene.light == "night"
    assert (result.scene.calm, result.scene.painted) == (STAGED.calm, STAGED.painted)
    assert result.note is None
