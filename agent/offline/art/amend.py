"""A change in words applied to a scene: the same seed, so the same composition."""

from __future__ import annotations

import re
from dataclasses import replace

from .colour import TONES, palette_of
from .parse import quoted, tones_of, unquoted
from .props import LIT
from .retouch import REMOVE
from .scene import MotifName, Overlay, Scene
from .words import (
    LIGHTS,
    MOOD_WORDS,
    PART_OF,
    PROP_WORDS,
    SEASONS,
    SETTINGS,
    SUBJECTS,
    TONE_WORDS,
    earliest,
    every,
    first_place,
    says,
)

ADD = (
    "add",
    "put",
    "place",
    "include",
    "draw",
    "with",
    "give it",
    "加",
    "添加",
    "放",
    "画上",
    "贴",
    "来点",
)
_STICKER = ("sticker", "badge", "stamp", "label", "seal", "贴纸", "徽章", "印章", "标签", "角标")
_TITLE = ("title", "headline", "heading", "标题")
_SUBTITLE = ("subtitle", "sub-title", "tagline", "slogan", "副标题", "标语")
_LINE = (
    "date",
    "time",
    "place",
    "venue",
    "footer",
    "line",
    "bottom",
    "address",
    "price",
    "日期",
    "时间",
    "地点",
    "底部",
    "价格",
)
_TEXT = ("text", "words", "lettering", "letters", "writing", "文字", "字")
_AGAIN = (
    "another version",
    "variation",
    "try again",
    "different version",
    "again",
    "alternative",
    "换一个",
    "再来一张",
    "重新",
    "另一个版本",
)
_OPPOSITE = {
    "warm": "cool",
    "cool": "warm",
    "bright": "dark",
    "dark": "bright",
    "pastel": "vivid",
    "vivid": "pastel",
}
_SHAPES: tuple[tuple[str, tuple[int, int]], ...] = (
    (r"\b(?:16:9|widescreen|wide|banner)\b|宽屏", (1536, 864)),
    (r"\b(?:landscape|horizontal)\b(?!\s+(?:of|with))|横版|横幅|横向", (1536, 1024)),
    (r"\b(?:portrait|vertical)\b|竖版|竖幅|竖向", (1024, 1536)),
    (r"\bsquare\b|方形|正方形", (1024, 1024)),
)
_REPLACE_WORDS = re.compile(
    r"(?:replace|change|swap|把|将)\W*[“\"「'](?P<old>[^”\"」']+)[”\"」']\s*(?:with|to|by|for|into|换成|改成|改为|替换为)\W*[“\"「'](?P<new>[^”\"」']+)[”\"」']",
    re.IGNORECASE,
)
_TITLE_TO = re.compile(
    r"(?:title|headline|标题)\s*(?:should be|to say|to|:|改成|改为|换成)\s*(.+?)\s*[.。]?$",
    re.IGNORECASE,
)
_INTO = r"(?:\bwith|\binto|\bto|变成|换成|改成|变为)\s+?(.+)"
_BECOMING = re.compile(rf"{_INTO}()", re.IGNORECASE)
_INSTEAD = re.compile(rf"{_INTO}|(.+?)\s+instead", re.IGNORECASE)
"""Where the word is nowhere, it takes the square of a text's length to find out."""

Change = tuple[Scene, bool]


def amend(
    scene: Scene, instruction: str, size: tuple[int, int] | None, shown: tuple[int, int]
) -> tuple[Scene, str | None, tuple[int, int]]:
    """(changed scene, honest note or None, size to draw). `size` is None when none was asked."""
    new, plain = scene, unquoted(instruction)
    kept, gone = _split_removal(plain)
    new = _remove(new, gone)
    new = _letter(new, instruction, kept)
    new = _change_motif(new, kept)
    new = _relight(new, kept)
    new = _recolour(new, kept)
    new = _add(new, kept)
    wanted = size or _shape(kept) or shown
    if new == scene and says(kept, _AGAIN):
        new = replace(scene, seed=scene.seed * 31 % (1 << 31) + 7)
    note = _MOON if "moon" in every(kept, PROP_WORDS) and "moon" not in new.props else None
    note = note if new != scene and says(kept, ADD) else None
    if new == scene and wanted == shown:
        new, note = _vary(scene, instruction), LOST
    return _dress(new), note, wanted


LOST = (
    "The offline artist did not understand this change; it kept the composition and gave it other "
    "colours. It can change light, season, colour, text, shape, and add or remove simple things."
)


_MOON = "There is a moon in this picture already; the offline artist added stars around it."


def _dress(scene: Scene) -> Scene:
    """The scene with the palette its words ask for."""
    palette = palette_of(
        scene.motif, scene.light, scene.tones, scene.season, scene.seed, inks=scene.inks
    )
    return replace(scene, palette=palette)


def _shape(text: str) -> tuple[int, int] | None:
    """The size a shape word asks for."""
    return next(
        (size for pattern, size in _SHAPES if re.search(pattern, text, re.IGNORECASE)), None
    )


def _split_removal(text: str) -> tuple[str, str]:
    """The instruction without its removals, and the removals."""
    clauses = re.split(r"(?<=[,;.，。；])|\band\b|\bthen\b|并且|然后", text)
    gone = [clause for clause in clauses if says(clause, (*REMOVE, "without", "no more", "不要"))]
    kept = [clause for clause in clauses if clause not in gone]
    return " ".join(kept), " ".join(gone)


def _remove(scene: Scene, text: str) -> Scene:
    """Take away what the removals name."""
    if not text:
        return scene
    props = tuple(p for p in scene.props if not says(text, PROP_WORDS.get(p, ())))
    scene = replace(scene, props=props)
    if says(text, _STICKER):
        scene = replace(scene, overlays=tuple(o for o in scene.overlays if o.kind != "sticker"))
    if says(text, _TEXT):
        return replace(scene, title="", subtitle="", lines=())
    if says(text, _SUBTITLE):
        return replace(scene, subtitle="")
    if says(text, _TITLE):
        return replace(scene, title="")
    if says(text, _LINE):
        return replace(scene, lines=())
    if says(text, SEASONS["winter"]) and scene.season == "winter":
        return replace(scene, season=None)
    return scene


def _letter(scene: Scene, instruction: str, kept: str) -> Scene:
    """Change, add or replace lettering; put on a sticker."""
    if swap := _REPLACE_WORDS.search(instruction):
        return _swap(scene, swap["old"], swap["new"])
    texts = quoted(instruction)
    if says(kept, _STICKER):
        text = texts[0][0] if texts else _capitals(kept)
        tone = earliest(kept, TONE_WORDS)
        sticker = Overlay("sticker", text[:40], TONES[tone].accent if tone else "")
        return replace(scene, overlays=(*scene.overlays, sticker)[-12:])
    if not texts:
        named = _TITLE_TO.search(kept)
        return replace(scene, title=named[1].strip()[:80]) if named else scene
    for text, before in texts:
        scene = _place(scene, text, f"{before} {kept}" if len(texts) == 1 else before)
    return scene


def _capitals(text: str) -> str:
    """The words in capitals: "add a SOLD OUT sticker" gives "SOLD OUT"."""
    shouted = re.search(r"\b[A-Z0-9][A-Z0-9%!&'-]+(?:\s+[A-Z0-9][A-Z0-9%!&'-]*)*", text)
    if shouted:
        return shouted[0]
    said = re.search(r"(?:saying|that says|reading|写着)\s*([\w %!&'-]{1,30})", text)
    return said[1].strip() if said else "NEW"


def _swap(scene: Scene, old: str, new: str) -> Scene:
    """One text for another wherever it stands; as the title when it stands nowhere."""

    def changed(text: str) -> str:
        return re.sub(re.escape(old), lambda _: new, text, flags=re.IGNORECASE)

    lines = tuple(changed(line) for line in scene.lines)
    overlays = tuple(
        replace(o, text=changed(o.text)) if o.kind == "sticker" else o for o in scene.overlays
    )
    result = replace(
        scene,
        title=changed(scene.title),
        subtitle=changed(scene.subtitle),
        lines=lines,
        overlays=overlays,
    )
    return result if result != scene else replace(scene, title=new)


def _place(scene: Scene, text: str, words: str) -> Scene:
    """A quoted text where the words around it want it."""
    if says(words, _SUBTITLE):
        return replace(scene, subtitle=text[:120])
    if says(words, _TITLE):
        return replace(scene, title=text[:80])
    if says(words, _LINE):
        fresh = says(words, ("change", "replace", "改成", "改为", "换成"))
        return replace(scene, lines=(text[:80],) if fresh else (*scene.lines, text[:80])[-4:])
    if not scene.title or says(words, ("change", "replace", "改成", "改为", "换成")):
        return replace(scene, title=text[:80])
    if not scene.subtitle:
        return replace(scene, subtitle=text[:120])
    return replace(scene, lines=(*scene.lines, text[:80])[-4:])


def _change_motif(scene: Scene, text: str) -> Scene:
    """Another subject when the words ask for one: "turn it into a forest"."""
    match = (_INSTEAD if "instead" in text.casefold() else _BECOMING).search(text)
    if not match or says(text, ("add", "colour", "color", "加", "颜色")):
        return scene
    aim = match[1] or match[2] or ""
    motif = earliest(aim, SUBJECTS) or earliest(aim, SETTINGS)
    own = (*SUBJECTS.get(scene.motif, ()), *SETTINGS.get(scene.motif, ()))
    if motif is None or motif == scene.motif or says(aim, own):
        return scene
    if any(says(aim, words) for words in SEASONS.values()):
        return scene
    return replace(scene, motif=motif, accent="")


def _relight(scene: Scene, text: str) -> Scene:
    """The light and the season the words ask for."""
    plain = re.sub(r"night market|夜市", " ", text, flags=re.IGNORECASE)
    light, season = earliest(plain, LIGHTS), earliest(plain, SEASONS)
    if (
        season == "winter"
        and says(plain, ADD)
        and says(plain, ("snow", "雪"))
        and not says(plain, ("winter", "冬"))
    ):
        season = None
    if season == scene.season and season is not None:
        season = None
    return replace(scene, light=light or scene.light, season=season or scene.season)


_PAINT_PART = re.compile(
    r"\b(?:make|paint|turn|change|colou?r)\s+(?:the\s+)?(.+?)\s+(?:to\s+|into\s+)?(\w+)\s*[.!]?$",
    re.IGNORECASE,
)


def _own_words(motif: MotifName) -> tuple[str, ...]:
    """The nouns of a motif's subject."""
    return (*SUBJECTS.get(motif, ()), *SETTINGS.get(motif, ()), *PART_OF.get(motif, ()))


def _recolour(scene: Scene, text: str) -> Scene:
    """The colours the words ask for: of the subject, or of everything."""
    if says(text, _STICKER):
        return scene
    named = list(every(text, TONE_WORDS))
    moods = list(every(text, MOOD_WORDS))
    subject = first_place(text, _own_words(scene.motif))
    accented = scene.motif in (
        "kite",
        "lighthouse",
        "cup",
        "cat",
        "botanical",
        "space",
        "sea",
        "market",
    )
    if named and subject and accented:
        return replace(scene, accent=TONES[named[0]].accent)
    if named:
        tones, _ = tones_of(text, scene.motif)
        palette = [t for t in tones if t in TONES] or named
        scene = replace(scene, tones=(*palette[:3], *(t for t in scene.tones if t in MOOD_WORDS)))
    for mood in moods:
        scene = _shift(scene, mood)
    return scene


def _shift(scene: Scene, mood: str) -> Scene:
    """One step of a mood; its opposite is taken back first."""
    tones = list(scene.tones)
    if (other := _OPPOSITE.get(mood)) in tones:
        tones.remove(str(other))
    elif tones.count(mood) < 3:
        tones.append(mood)
    return replace(scene, tones=tuple(tones))


def _add(scene: Scene, text: str) -> Scene:
    """Put in the simple things the words name."""
    if not says(text, ADD) or says(text, _STICKER):
        return scene
    named = every(text, PROP_WORDS)
    if "moon" in named and scene.night and scene.motif in LIT:
        named = tuple("stars" if p == "moon" else p for p in named)
    found = [p for p in named if p not in scene.props]
    if "leaves" in found and "petals" in found:
        found.remove("petals")
    return replace(scene, props=(*scene.props, *found)[-8:])


def _vary(scene: Scene, instruction: str) -> Scene:
    """A visible change of mood when the words say nothing the artist knows."""
    moods = ("warm", "cool", "vivid")
    free = [mood for mood in moods if mood not in scene.tones] or ["warm"]
    return replace(scene, tones=(*scene.tones[-4:], free[len(instruction) % len(free)]))
