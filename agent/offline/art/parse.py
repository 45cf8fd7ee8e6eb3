"""From a prompt, English or Chinese, to a scene."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import NamedTuple

from .colour import TONES, palette_of
from .scene import Light, MotifName, Scene, Season
from .staged import asked_of, stage
from .words import (
    DARK_BY_NATURE,
    GAPS,
    KIND_OF,
    LAST,
    LETTERED_KINDS,
    LIGHTS,
    MOOD_WORDS,
    NO_LETTERS,
    PART_OF,
    PLACE_WORDS,
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

_QUOTED = re.compile(
    r"“([^”]+)”|「([^」]+)」|『([^』]+)』|《([^》]+)》|\"([^\"]+)\"|(?<![\w])'([^']+)'(?!\w)"
)
_SUBTITLE = re.compile(
    r"(?:sub-?title|tag-?line|strap-?line|slogan|副标题|标语|口号)\W*\w{0,6}\W*$", re.IGNORECASE
)
_LINE = re.compile(
    r"(?:date|time|place|venue|location|footer|bottom|small print|address|price|line|日期|时间|地点|地址|底部|底端|价格)"
    r"\W*(?:\w{1,8}\W+){0,2}$",
    re.IGNORECASE,
)
_LABELLED = re.compile(
    r"^\W*(title|headline|subtitle|tagline|date|time|place|venue|price|标题|副标题|日期|时间|地点|价格)\s*[:：]\s*(.+?)\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]*\.?"
_WEEKDAY = r"(?:(?:Mon|Tue|Tues|Wed|Thu|Thur|Thurs|Fri|Sat|Sun)[a-z]*\.?,?\s+)?"
_DATE = re.compile(
    rf"{_WEEKDAY}(?:\d{{1,2}}(?:st|nd|rd|th)?(?:\s*[-–—]\s*\d{{1,2}})?\s+{_MONTH}|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?\b)(?:,?\s+\d{{4}})?"
    r"|(?:\d{4}\s*年\s*)?\d{1,2}\s*月\s*\d{1,2}\s*日",
)
_TIME = re.compile(r"\b\d{1,2}[:：]\d{2}\b(?:\s*[ap]\.?m\.?)?|\b\d{1,2}\s*[ap]m\b", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:\bat|\bin|@)\s+((?:[Tt]he\s+)?[A-Z][\w'’&-]*(?:\s+(?:of\s+)?[A-Z][\w'’&-]*)+)"
)
_LEAD = re.compile(
    r"^(?:please\s+)?(?:can you\s+|could you\s+)?(?:(?:make|create|draw|design|generate|paint|render|give me|i want|i need)\s+)?(?:me\s+)?(?:us\s+)?"
    r"(?:an?|the|some)?\s*",
    re.IGNORECASE,
)
_ZH_LEAD = re.compile(r"^(?:请|帮我|给我)*(?:画|做|设计|生成|制作|来)?(?:一)?(?:张|幅|个|份)?")
_FILLER = re.compile(
    r"\b(?:beautiful|stunning|simple|minimal(?:ist)?|modern|vintage|retro|nice|cool|elegant|bold|large|small|big)\s+",
    re.IGNORECASE,
)


class Words(NamedTuple):
    """The lettering a prompt asks for."""

    title: str = ""
    subtitle: str = ""
    lines: tuple[str, ...] = ()


def seed_of(prompt: str) -> int:
    """A seed that is the same for the same words on every machine."""
    return int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big") >> 1


def quoted(text: str) -> list[tuple[str, str]]:
    """Every quoted text with the words before it."""
    found = []
    for match in _QUOTED.finditer(text):
        inner = next(group for group in match.groups() if group)
        found.append((" ".join(inner.split()), text[max(0, match.start() - 36) : match.start()]))
    return found


_SAID = re.compile(
    r"(\b(?:add|put|write|paint|letter)\b[^.:：]*?\b(?:text|words?|caption|lettering|phrase|line)\b\s*"
    r"(?:[:：]|saying|reading|that says|(?=(?-i:[A-Z0-9])))\s*"
    r"|[加写添印题][^。：:]{0,8}(?:字|文字|标语|文案|字样)\s*[:：]\s*)"
    r"(?P<said>[^\n]+?)(?P<end>\s*[.。]?\s*)$",
    re.IGNORECASE,
)


def with_quotes(text: str) -> str:
    """Words to be lettered, put into quotation marks where nobody did: ``add text: Open``.

    So that what a text says is not taken for what is to happen to the picture.
    """
    if _QUOTED.search(text):
        return text
    return _SAID.sub(lambda m: f"{m[1]} “{m['said']}”{m['end']}", text)


def unquoted(text: str) -> str:
    """The prompt without its quoted texts, so that a title does not choose the motif first."""
    return _QUOTED.sub(" ", text)


def _bare(prompt: str) -> str:
    """The prompt without quoted texts, labelled lines and place names: what is to be shown."""
    return _PLACE.sub(" ", unquoted(_LABELLED.sub(" ", prompt)))


def letters_of(prompt: str) -> Words:
    """The title, subtitle and lines a prompt asks to be painted; empty for a plain picture."""
    if says(prompt, NO_LETTERS):
        return Words()
    named = _labelled(prompt)
    if named.title:
        return named
    quotes = quoted(prompt)
    poster = says(unquoted(prompt), LETTERED_KINDS)
    if quotes:
        words = _sorted(quotes)
    elif poster:
        words = Words(_headline(prompt))
    else:
        return Words()
    facts = tuple(f for f in _facts(unquoted(prompt)) if f not in words.lines)
    return words._replace(lines=words.lines + facts) if poster or facts else words


def _labelled(prompt: str) -> Words:
    """Lettering given as `Title: ...` lines."""
    title = subtitle = ""
    lines: list[str] = []
    for label, value in _LABELLED.findall(prompt):
        text = value.strip("\"“”「」《》' .")
        match label.lower():
            case "title" | "headline" | "标题":
                title = text
            case "subtitle" | "tagline" | "副标题":
                subtitle = text
            case _:
                lines.append(text)
    return Words(title[:80], subtitle[:120], tuple(line[:80] for line in lines[:4]))


def _sorted(quotes: list[tuple[str, str]]) -> Words:
    """Quoted texts by what the words before them call them, else by their order."""
    title = subtitle = ""
    lines: list[str] = []
    for text, before in quotes:
        if _SUBTITLE.search(before):
            subtitle = text
        elif _LINE.search(before) or _DATE.fullmatch(text):
            lines.append(text)
        elif not title:
            title = text
        elif not subtitle and len(text) > 3 and not _TIME.search(text):
            subtitle = text
        else:
            lines.append(text)
    return Words(title[:80], subtitle[:120], tuple(line[:80] for line in lines[:4]))


def _facts(prompt: str) -> tuple[str, ...]:
    """A date line and a place line, when the prompt has them in plain words."""
    date, time, place = _DATE.search(prompt), _TIME.search(prompt), _PLACE.search(prompt)
    when = " ".join(m.group().strip() for m in (date, time) if m)
    return tuple(fact for fact in (when, place.group(1) if place else "") if fact)


def _headline(prompt: str) -> str:
    """A short title out of the prompt of a poster: "a jazz night poster" gives "Jazz Night"."""
    text = _PLACE.sub("", _TIME.sub("", _DATE.sub("", prompt.strip())))
    if any("\u4e00" <= char <= "\u9fff" for char in text):
        return _zh_headline(text)
    text = _FILLER.sub("", _LEAD.sub("", text))
    about = re.search(
        r"\b(?:poster|sign|cover|flyer|flier|banner|invitation|card|billboard|leaflet|postcard|placard)s?\b\s*(?:for|of|about|announcing|advertising|to|:)\s*(?:an?\s|the\s|our\s|my\s)?(.+)",
        text,
        re.IGNORECASE,
    )
    before = re.split(
        r"\b(?:poster|sign|cover|flyer|flier|banner|invitation|card|billboard|leaflet|postcard|placard)s?\b",
        text,
        flags=re.IGNORECASE,
    )[0]
    topic = about.group(1) if about else before
    topic = re.split(r"[,.;:!?\n]|\b(?:with|in|on|at|by|from|using|featuring|under|over)\b", topic)[
        0
    ]
    words = topic.split()[:5]
    if not words:
        return ""
    small = {"of", "and", "the", "a", "for", "to"}
    return " ".join(w if w in small and i else w[:1].upper() + w[1:] for i, w in enumerate(words))


def _zh_headline(text: str) -> str:
    """The topic of a Chinese poster prompt."""
    text = _ZH_LEAD.sub("", text.strip())
    about = re.search(
        r"(?:关于|为)(.+?)(?:设计|制作|做|画)?的?(?:一)?(?:张|幅|个|份)?(?:海报|封面|传单|贺卡|横幅|招牌)",
        text,
    )
    topic = (
        about.group(1)
        if about
        else re.split(r"的?(?:海报|封面|传单|请柬|邀请函|贺卡|招牌|横幅|明信片)", text)[0]
    )
    topic = re.split(r"[，。；：、！？,.\s]", topic)[0]
    return topic.strip("的 ")[:10]


def motif_of(text: str) -> MotifName | None:
    """The motif the words ask for; None when they name nothing the artist can draw."""
    for table in (SUBJECTS, SETTINGS, LAST):
        if motif := earliest(text, table):
            return motif
    return None


def light_of(text: str, motif: MotifName) -> Light:
    """The light the words ask for, else the motif's own."""
    plain = re.sub(r"night market|夜市|full moon|design week", " ", text, flags=re.IGNORECASE)
    asked = earliest(plain, LIGHTS)
    return asked or ("night" if motif in DARK_BY_NATURE else "day")


def _motif_words(motif: MotifName) -> tuple[str, ...]:
    """Every word that names the motif or a part of it."""
    tables = (SUBJECTS, SETTINGS, LAST, PART_OF)
    return tuple(word for table in tables for word in table.get(motif, ()))


def _touches(text: str, end: int, motif: MotifName) -> bool:
    """True when a colour word ending at `end` stands right before the motif's own noun."""
    after = re.sub(r"^(?:色)?(?:的)?", "", text[end : end + 26])
    place = first_place(after, _motif_words(motif))
    if place is None:
        return False
    between = after[: place[0]]
    return (
        not re.search(r"[,，。;；、和]|\band\b", between)
        and len(between.split()) <= 1
        and place[0] <= 14
    )


_TONE_FRAME_AFTER = re.compile(
    r"^\s*(?:$|[,.，。;；!]|and\b|&|palette|tones?|hues?|colou?rs?|theme|background|sky|light|scheme|shades?|glow|和|与|色|调|背景|天空)",
    re.IGNORECASE,
)
_TONE_FRAME_BEFORE = re.compile(
    r"(?:\bin|\bof|\band|\bwith|&|more|all|make it|turn it|换成|改成|变成|和|色调|用|以)\s*(?:deep|dark|light|pale|soft|bright)?\s*$",
    re.IGNORECASE,
)


def tones_of(text: str, motif: MotifName) -> tuple[tuple[str, ...], str]:
    """(palette tones, accent hex): "a red kite" is an accent, "in red and gold" a palette."""
    palette, accent = [], ""
    accented = motif in ("kite", "lighthouse", "market", "cup", "cat", "botanical", "space", "sea")
    for tone in every(text, TONE_WORDS):
        place = first_place(text, TONE_WORDS[tone])
        assert place is not None
        before, after = text[max(0, place[0] - 18) : place[0]], text[place[1] : place[1] + 16]
        if _touches(text, place[1], motif):
            if accented and not accent:
                accent = TONES[tone].accent
            elif not accented:
                palette.append(tone)
        elif _TONE_FRAME_BEFORE.search(before) or _TONE_FRAME_AFTER.match(after):
            palette.append(tone)
    moods = list(every(text, MOOD_WORDS))
    if "mono" in moods:
        palette = [tone for tone in palette if tone not in ("black", "white")]
    return (*palette[:3], *moods[:2]), accent


def _props_of(text: str, motif: MotifName, light: Light, season: Season | None) -> tuple[str, ...]:
    """Extra things the prompt names that the motif does not already show."""
    shown = {
        "market": {"lanterns"},
        "sea": {"boat", "birds"},
        "lighthouse": {"birds"},
        "moon": {"moon", "lanterns"},
        "space": {"stars", "moon", "sun"},
        "cat": {"moon", "sun"},
        "mountains": {"birds"},
        "health": {"hearts"},
    }.get(motif, set())
    discs = {"mountains", "sea", "lighthouse", "city", "forest", "kite", "abstract", "market"}
    props = [p for p in every(text, PROP_WORDS) if p not in shown]
    if motif in discs:
        props = [p for p in props if p not in ("moon", "sun")]
    if light == "night":
        props = [p for p in props if p != "stars"]
    if season == "winter":
        props = ["snow" if p == "snow" else p for p in props]
    return tuple(props[:4]) + every(text, PLACE_WORDS)


_NOT_A_SEASON = re.compile(r"中秋|春节|mid-?\s?autumn|spring roll", re.IGNORECASE)


def scene_of(prompt: str, *, seed: int | None = None) -> Scene:
    """The scene a prompt describes. The same words give the same scene."""
    if (asked := asked_of(prompt)) is not None:
        bare = scene_of(with_no_letters(asked.rest), seed=seed)
        return stage(replace(bare, prompt=prompt[:2000]), asked)
    words = letters_of(prompt)
    shown = prompt.replace("海报", " ")  # a poster, though it begins with the word for sea
    plain = _bare(shown)
    motif = motif_of(plain) or motif_of(shown) or "abstract"
    light = light_of(plain, motif)
    season = earliest(_NOT_A_SEASON.sub(" ", plain), SEASONS)
    if motif == "rays" and season == "spring" and "spring" not in plain.lower():
        season = None
    tones, accent = tones_of(plain, motif)
    number = seed_of(prompt) if seed is None else seed
    return Scene(
        title=words.title,
        subtitle=words.subtitle,
        lines=words.lines,
        motif=motif,
        palette=palette_of(motif, light, tones, season, number),
        seed=number,
        light=light,
        season=season,
        tones=tones,
        accent=accent,
        props=_props_of(plain, motif, light, season),
        prompt=prompt[:2000],
    )


def with_no_letters(text: str) -> str:
    """The text of a poster's picture, which letters only what it says in so many words."""
    return f"{text.strip()} {NO_LETTERS[0]}"


def range_note(prompt: str) -> str | None:
    """What the artist could not draw of a prompt, said plainly; None when it drew what was asked."""
    asked = asked_of(prompt)
    prompt = prompt if asked is None else asked.rest
    plain = _bare(prompt)
    motif = motif_of(plain) or motif_of(prompt)
    drawn = KIND_OF[motif or "abstract"]
    gap = first_place(plain, GAPS)
    if gap:
        thing = plain[gap[0] : gap[1]].strip().lower()
        return f"The offline artist has no {thing} in its repertoire; it drew {drawn} instead."
    if motif is None:
        return f"The offline artist knows no picture for these words; it drew {drawn} instead."
    return None
