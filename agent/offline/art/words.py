"""The artist's vocabulary, English and Chinese: data for `parse` and `edits`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeVar

from .scene import Light, MotifName, Season

T = TypeVar("T")

# Subjects win over settings; inside a group the word that comes first in the prompt wins.
SUBJECTS: dict[MotifName, tuple[str, ...]] = {
    "cat": ("cat", "kitten", "kitty", "tabby", "windowsill", "window sill", "猫", "小猫", "窗台"),
    "kite": ("kite", "风筝", "纸鸢"),
    "lighthouse": ("lighthouse", "beacon", "灯塔"),
    "type": (
        "typographic", "type only", "type-only", "text only", "text-only", "lettering only", "words only",
        "big type", "only type", "纯文字", "文字海报", "字体海报",
    ),
    "stage": (
        "theatre", "theater", "stage", "curtain", "school play", "drama", "masks", "comedy", "opera", "musical", "puppet",
        "舞台", "剧场", "话剧", "戏剧", "幕布", "歌剧", "面具", "演出",
    ),
    "pitch": (
        "football", "soccer", "pitch", "stadium", "goal", "match", "cup final", "floodlights", "足球", "球场", "球赛", "决赛",
    ),
    "museum": (
        "museum", "gallery", "exhibition", "painting", "picture frame", "gold frame", "sculpture", "plinth", "amphora", "vernissage",
        "博物馆", "美术馆", "画廊", "展览", "画展", "雕塑", "画框",
    ),
    "health": (
        "vaccination", "vaccine", "vaccinated", "syringe", "plaster", "band-aid", "clinic", "blood donation", "first aid", "health",
        "heart", "疫苗", "接种", "健康", "义诊", "献血", "医院", "创可贴",
    ),
    "jobs": (
        "megaphone", "briefcase", "job fair", "jobs", "job", "career", "careers", "recruitment", "hiring", "loudspeaker", "work fair",
        "招聘", "招聘会", "求职", "喇叭", "公文包",
    ),
    "safety": (
        "safety", "warning", "warning sign", "hazard", "caution", "danger", "helmet", "hard hat", "safety notice",
        "安全", "警告", "注意安全", "危险", "警示",
    ),
    "sale": (
        "sale", "price tag", "price tags", "shopping", "shopping bag", "discount", "clearance", "special offer", "black friday", "shop",
        "促销", "打折", "特价", "优惠", "购物", "大减价",
    ),
    "book": (
        "book", "books", "novel", "book launch", "reading", "library", "literature", "poetry", "story hour", "bookshop",
        "书", "新书", "读书", "图书馆", "小说", "阅读", "诗歌",
    ),
    "guitar": ("guitar", "electric guitar", "rock concert", "rock band", "tour poster", "concert tour", "rock", "吉他", "摇滚", "巡演"),
    "cup": (
        "coffee", "cup", "mug", "tea", "teacup", "espresso", "latte", "cappuccino", "cocoa", "café",
        "cafe", "teapot", "咖啡", "茶", "杯子", "茶杯", "奶茶", "下午茶",
    ),
    "market": (
        "night market", "street food", "market", "bazaar", "food stall", "lantern", "lantern festival",
        "christmas market", "夜市", "集市", "市集", "灯笼", "庙会", "元宵", "灯会", "春节", "新年",
    ),
    "moon": (
        "mid-autumn", "mid autumn", "mooncake", "moon festival", "full moon", "harvest moon",
        "中秋", "月饼", "赏月", "圆月", "满月",
    ),
    "rays": (
        "jazz", "concert", "gig", "music", "band", "dj", "vinyl", "record", "orchestra", "festival",
        "dance", "party", "blues", "rock and roll", "piano", "saxophone", "album", "爵士",
        "演唱会", "音乐", "乐队", "唱片", "派对", "舞会", "钢琴",
    ),
    "space": (
        "space", "planet", "galaxy", "nebula", "cosmos", "cosmic", "universe", "saturn", "jupiter",
        "mars", "rocket", "spaceship", "orbit", "asteroid", "comet", "太空", "宇宙", "星球", "行星",
        "银河", "星系", "土星", "火星", "火箭", "星云",
    ),
    "botanical": (
        "flower", "bouquet", "rose", "tulip", "poppy", "poppies", "peony", "daisy", "daisies", "blossom", "botanical",
        "wildflower", "sunflower", "lavender", "orchid", "lily", "lilies", "fern", "leaf", "leaves",
        "garden", "floral", "bloom", "花", "花朵", "花束", "玫瑰", "牡丹", "郁金香", "向日葵", "植物", "花园", "樱花", "荷花",
    ),
    "geo": (
        "bauhaus", "geometric", "geometry", "mosaic", "tiles", "pattern", "design week", "typography",
        "modernist", "swiss style", "conference", "congress", "symposium", "cubist", "shapes", "几何", "包豪斯", "大会", "会议", "图案", "设计周", "拼贴", "马赛克",
    ),
}  # fmt: skip
SETTINGS: dict[MotifName, tuple[str, ...]] = {
    "mountains": (
        "mountain", "mountains", "peak", "summit", "ridge", "hills", "hill", "alps", "valley", "trail", "hiking",
        "volcano", "canyon", "desert", "lake", "landscape", "himalaya", "fuji", "山", "高山", "雪山", "群山",
        "峡谷", "湖", "沙漠", "山水", "风景",
    ),
    "forest": (
        "forest", "wood", "woods", "woodland", "pine", "tree", "trees", "jungle", "cabin", "park", "grove",
        "camping", "campfire", "森林", "树林", "树", "松树", "竹林", "小木屋", "公园", "露营",
    ),
    "city": (
        "city", "skyline", "skyscraper", "downtown", "urban", "metropolis", "street", "town", "tokyo",
        "new york", "shanghai", "beijing", "london", "paris", "hong kong", "rooftop", "building", "buildings", "tower",
        "bridge", "城市", "都市", "街道", "天际线", "高楼", "上海", "北京", "香港", "东京", "大楼", "建筑",
    ),
    "sea": (
        "sea", "ocean", "beach", "coast", "wave", "waves", "surf", "boat", "sailboat", "sailing", "ship", "yacht",
        "island", "harbour", "harbor", "regatta", "shore", "bay", "river", "海", "大海", "海边", "海滩", "帆船",
        "船", "小船", "海浪", "港口", "岛", "河",
    ),
}  # fmt: skip
LAST: dict[MotifName, tuple[str, ...]] = {
    "moon": ("moon", "月亮", "月夜", "月"),
    "mountains": ("sunset", "sunrise", "sky", "nature", "dawn", "日落", "日出", "天空", "夕阳"),
    "space": ("star", "stars", "starry", "星空", "星星"),
    "abstract": ("abstract", "gradient", "waves of", "flowing", "texture", "抽象", "渐变"),
}
KIND_OF: dict[MotifName, str] = {
    "abstract": "an abstract composition",
    "book": "an open book",
    "botanical": "flowers",
    "cat": "a cat on a windowsill",
    "city": "a city skyline",
    "cup": "a cup on a table",
    "forest": "a quiet forest",
    "geo": "a pattern of geometric tiles",
    "guitar": "an electric guitar",
    "health": "a heart with a plaster",
    "jobs": "a megaphone and a briefcase",
    "kite": "a kite over the dunes",
    "lighthouse": "a lighthouse by the sea",
    "market": "a market under lanterns",
    "moon": "a full moon over a pavilion",
    "mountains": "a mountain range",
    "museum": "a painting in a gallery",
    "pitch": "a football on the pitch",
    "rays": "a stage of light rays",
    "safety": "a warning sign",
    "sale": "a shopping bag with tags",
    "sea": "a boat on the sea",
    "space": "a planet among the stars",
    "stage": "theatre masks on a stage",
    "type": "big shapes and no subject",
}
# The words that carry an accent colour ("a red kite") are the motif's own words and these.
PART_OF: dict[MotifName, tuple[str, ...]] = {
    "kite": ("diamond",),
    "lighthouse": ("tower", "塔身"),
    "market": ("lanterns", "灯笼"),
    "sea": ("sail", "sails", "hull", "boat", "帆"),
    "botanical": ("petals", "花瓣"),
    "cup": ("saucer",),
}

LIGHTS: dict[Light, tuple[str, ...]] = {
    "night": (
        "night", "nighttime", "night-time", "midnight", "moonlit", "moonlight", "starry", "nocturnal", "after dark",
        "夜", "夜晚", "晚上", "月光", "星空", "深夜", "黑夜", "月夜",
    ),
    "dusk": (
        "dusk", "sunset", "sunrise", "dawn", "evening", "twilight", "golden hour", "sundown", "afterglow",
        "黄昏", "日落", "日出", "傍晚", "夕阳", "晚霞", "黎明", "清晨", "朝霞",
    ),
    "day": (
        "day", "daytime", "daylight", "noon", "midday", "sunny", "morning", "afternoon", "白天", "中午",
        "阳光", "晴天", "早晨", "早上", "上午", "下午", "白昼",
    ),
}  # fmt: skip
DARK_BY_NATURE: tuple[MotifName, ...] = (
    "market", "space", "rays", "moon", "stage", "guitar", "museum",
)  # fmt: skip

SEASONS: dict[Season, tuple[str, ...]] = {
    "winter": ("winter", "snow", "snowy", "snowfall", "christmas", "frost", "icy", "冬", "冬天", "冬季", "雪", "圣诞"),
    "autumn": ("autumn", "autumnal", "in fall", "fall colors", "fall colours", "fall leaves", "to fall", "october", "harvest",
               "秋", "秋天", "秋季", "红叶", "落叶"),
    "spring": ("spring", "springtime", "blossom", "cherry blossom", "easter", "春", "春天", "春季", "樱花"),
    "summer": ("summer", "summertime", "summery", "夏", "夏天", "夏季", "夏日"),
}  # fmt: skip

TONE_WORDS: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet", "ruby", "红", "红色", "朱红", "大红"),
    "orange": ("orange", "coral", "terracotta", "橙", "橙色", "橘", "橘色"),
    "gold": ("gold", "golden", "amber", "金", "金色"),
    "yellow": ("yellow", "lemon", "mustard", "黄", "黄色"),
    "green": ("green", "emerald", "olive", "sage", "jade", "绿", "绿色", "翠绿"),
    "teal": ("teal", "turquoise", "cyan", "aqua", "mint", "青", "青色"),
    "blue": ("blue", "navy", "indigo", "azure", "cobalt", "蓝", "蓝色", "深蓝"),
    "violet": ("violet", "purple", "lilac", "lavender", "magenta", "紫", "紫色"),
    "pink": ("pink", "rose-coloured", "blush", "fuchsia", "粉", "粉色", "粉红", "粉红色"),
    "brown": ("brown", "chocolate", "caramel", "棕", "棕色", "褐色", "咖啡色"),
    "white": ("white", "ivory", "cream", "白", "白色", "米白"),
    "black": ("black", "charcoal", "黑", "黑色"),
    "grey": ("grey", "gray", "silver", "灰", "灰色", "银色"),
}
MOOD_WORDS: dict[str, tuple[str, ...]] = {
    "warm": ("warm", "warmer", "cozy", "cosy", "暖", "温暖", "暖色"),
    "cool": ("cool", "cooler", "cold", "colder", "chilly", "冷", "冷色", "清冷"),
    "bright": ("bright", "brighter", "lighter", "airy", "亮", "明亮", "更亮"),
    "dark": ("dark", "darker", "moody", "gloomy", "暗", "阴暗", "更暗"),
    "pastel": ("pastel", "soft colours", "soft colors", "softer", "柔和", "马卡龙"),
    "vivid": ("vivid", "vibrant", "neon", "saturated", "colourful", "colorful", "鲜艳", "霓虹", "鲜明"),
    "mono": ("monochrome", "black and white", "black-and-white", "greyscale", "grayscale", "黑白", "单色"),
    "sepia": ("sepia", "vintage", "retro", "复古", "怀旧"),
}  # fmt: skip

PROP_WORDS: dict[str, tuple[str, ...]] = {
    "moon": ("moon", "crescent", "月亮", "明月"),
    "sun": ("sun", "太阳"),
    "birds": ("bird", "seagull", "gull", "swallow", "flock", "鸟", "海鸥", "飞鸟", "燕子"),
    "snow": ("snow", "snowflake", "snowing", "snowfall", "雪花", "下雪", "飘雪"),
    "rain": ("rain", "rainy", "raining", "drizzle", "雨", "下雨"),
    "stars": ("star", "stars", "星星", "繁星"),
    "boat": ("boat", "ship", "sailboat", "船", "帆船", "小船"),
    "balloons": ("balloon", "hot air balloon", "hot-air balloon", "气球", "热气球"),
    "clouds": ("cloud", "clouds", "cloudy", "云", "白云"),
    "fireworks": ("firework", "fireworks", "烟花", "烟火"),
    "lanterns": ("sky lantern", "lantern", "paper lantern", "灯笼", "孔明灯"),
    "rainbow": ("rainbow", "彩虹"),
    "fog": ("fog", "mist", "misty", "foggy", "雾", "薄雾"),
    "petals": ("petal", "falling petals", "花瓣"),
    "leaves": ("falling leaves", "落叶"),
    "hearts": ("heart", "hearts", "爱心", "红心"),
}
# Props that only a prompt may ask for in place: part of a motif, not laid over it.
PLACE_WORDS: dict[str, tuple[str, ...]] = {
    "lake": ("lake", "pond", "湖"),
    "gaze": (
        "looking at the viewer", "looking at you", "looking at us", "looking at the camera", "looks at the viewer",
        "facing the viewer", "facing us", "seen from the front", "看着你", "看着我们", "看着镜头", "正面",
    ),
}  # fmt: skip

LETTERED_KINDS = (
    "poster", "sign", "cover", "flyer", "flier", "banner", "invitation", "greeting card", "card", "billboard",
    "leaflet", "placard", "postcard", "海报", "封面", "传单", "请柬", "邀请函", "贺卡", "招牌", "横幅", "明信片",
)  # fmt: skip
NO_LETTERS = (
    "no text", "without text", "no words", "without words", "no lettering", "without lettering", "textless", "no letters",
    "不要文字", "无文字", "没有文字", "不带文字",
)  # fmt: skip


# What people ask for and the artist cannot draw.
GAPS: tuple[str, ...] = (
    # people
    "woman", "man", "women", "men", "person", "people", "portrait", "face", "selfie", "family", "couple", "crowd",
    "chef", "astronaut", "dancer", "singer", "knight", "king", "queen", "wizard", "samurai", "athlete", "runner",
    "人", "人物", "女人", "男人", "肖像", "人像", "宇航员", "歌手",
    # animals
    "dog", "puppy", "horse", "elephant", "lion", "tiger", "bear", "fox", "wolf", "rabbit", "panda", "fish", "whale",
    "dolphin", "owl", "eagle", "parrot", "penguin", "butterfly", "bee", "cow", "sheep", "pig", "duck", "frog", "turtle",
    "dragon", "unicorn", "dinosaur", "monkey", "deer", "snake", "octopus", "otter", "狗", "马", "大象", "狮子", "老虎", "熊", "狐狸", "兔子", "熊猫",
    "鱼", "鲸鱼", "龙", "鹿", "蝴蝶",
    # things and products
    "car", "truck", "bicycle", "bike", "motorcycle", "train", "airplane", "plane", "robot", "phone", "laptop",
    "computer", "camera", "watch", "shoe", "shoes", "sneaker", "sneakers", "dress", "bottle", "perfume", "chair", "sofa", "lamp", "logo",
    "saxophone", "trumpet", "violin", "castle", "church", "temple", "汽车", "自行车", "火车", "飞机", "机器人", "手机", "电脑", "鞋", "手表", "香水", "城堡",
    # food
    "pizza", "burger", "hamburger", "cake", "sushi", "ramen", "noodles", "bread", "apple", "banana", "strawberry",
    "fruit", "ice cream", "wine", "beer", "steak", "蛋糕", "面条", "水果", "苹果", "草莓", "啤酒",
)  # fmt: skip


@lru_cache(maxsize=4096)
def _pattern(word: str) -> re.Pattern[str]:
    """A whole-word pattern for Latin words (plural allowed), a plain one for Chinese."""
    if word.isascii() or "é" in word:
        return re.compile(rf"(?<![a-z]){re.escape(word)}(?:s|es|'s)?(?![a-z])", re.IGNORECASE)
    return re.compile(re.escape(word))


def _found(word: str, text: str, folded: str) -> re.Match[str] | None:
    """Most of a thousand words are in no text, and need no pattern to tell."""
    return _pattern(word).search(text) if word.casefold() in folded else None


def first_place(text: str, words: Iterable[str]) -> tuple[int, int] | None:
    """Where the earliest of the words stands, (start, end); the longest at that place wins."""
    folded = text.casefold()
    found = [m.span() for word in words if (m := _found(word, text, folded))]
    return min(found, key=lambda span: (span[0], -span[1])) if found else None


def says(text: str, words: Iterable[str]) -> bool:
    """True when the text has one of the words."""
    folded = text.casefold()
    return any(_found(word, text, folded) for word in words)


def earliest(text: str, table: Mapping[T, tuple[str, ...]]) -> T | None:
    """The key whose word comes first in the text."""
    places = [(place, key) for key, words in table.items() if (place := first_place(text, words))]
    return min(places, key=lambda item: (item[0][0], -item[0][1]))[1] if places else None


def every(text: str, table: Mapping[T, tuple[str, ...]]) -> tuple[T, ...]:
    """Every key the text has a word of, in the order of the text."""
    places = [(place, key) for key, words in table.items() if (place := first_place(text, words))]
    return tuple(key for _, key in sorted(places, key=lambda item: item[0]))
