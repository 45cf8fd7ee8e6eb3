"""What each image model takes, checked before anything is sent.

Sources: wire.md 1.1 (the SDK's own types, October 2026), gateways.md R18-R30, R35-R37 and the
contradictions C2, C3, C5-C7, C9. What nobody states is not guessed: an unknown model is held only
to the rules of gpt-image-2's sizes, and an unknown tool option passes through as given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import log
from typing import Final, Literal, get_args

from ..errors import UsageError
from ..schema import Background, ImageOptions, OutputFormat, Quality
from ..traffic import PictureData

Size = tuple[int, int]
"""Width and height in pixels."""

EDGE_STEP: Final = 16
MAX_EDGE: Final = 3840
MAX_RATIO: Final = 3
MIN_PIXELS: Final = 655_360
MAX_PIXELS: Final = 8_294_400
"""The five rules for free sizes: R20, wire.md 1.1."""
LARGE_PIXELS: Final = 2560 * 1440
"""Above it a size is experimental: slow, dear, more often failing (R21)."""
MAX_PICTURES: Final = 16
"""Input pictures of one request (C5, SDK)."""

STANDARD_SIZES: Final[tuple[Size, ...]] = ((1024, 1024), (1536, 1024), (1024, 1536))
"""What every GPT image model draws (R19, wire.md 1.1)."""

_SIZE = re.compile(r"([0-9]{1,5})x([0-9]{1,5})", re.ASCII)
_NEARLY = re.compile(r"\s*([0-9]{1,5})\s*[xX×*,]\s*([0-9]{1,5})\s*(?:px)?\s*", re.ASCII)
_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageModel:
    """What one image model takes. ``None`` means that nobody states it, so nothing is checked."""

    name: str
    sizes: tuple[Size, ...] | None = None
    """``None``: any size within the five rules."""
    qualities: tuple[Quality, ...]
    formats: tuple[OutputFormat, ...]
    transparent: Literal["yes", "preview"] = "yes"
    input_fidelity: tuple[str, ...] | None = None
    known: bool = True
    source: str


_THREE: Final[tuple[Quality, ...]] = ("low", "medium", "high", "auto")
_FIVE: Final[tuple[Quality, ...]] = ("low", "medium", "high", "xhigh", "max", "auto")
_STILL: Final[tuple[OutputFormat, ...]] = ("png", "jpeg", "webp")
_ALL: Final[tuple[OutputFormat, ...]] = ("png", "jpeg", "webp", "gif", "svg")

_NEWEST = ImageModel(
    name="gpt-image-2.5-sunburst",
    qualities=_FIVE,
    formats=_ALL,
    source="wire.md 1.1 (C9): xhigh, max; gif and svg for accounts with access",
)
_OLD = ImageModel(
    name="gpt-image-1.5",
    sizes=STANDARD_SIZES,
    qualities=_THREE,
    formats=_STILL,
    input_fidelity=("high", "low"),
    source="wire.md 1.1: standard sizes; other sizes are refused [LIVE]",
)
_MODELS: Final[dict[str, ImageModel]] = {
    model.name: model
    for model in (
        ImageModel(
            name="gpt-image-2",
            qualities=_THREE,
            formats=_STILL,
            transparent="preview",
            input_fidelity=(),
            source="R20, R22-R25, R37; transparency C2",
        ),
        _NEWEST,
        replace(_NEWEST, name="gpt-image-2.5-flare"),
        replace(_NEWEST, name="gpt-image-2.6-sunburst", source="wire.md 1.1: as 2.5"),
        replace(_NEWEST, name="gpt-image-2.6-flare", source="wire.md 1.1: as 2.5"),
        _OLD,
        replace(_OLD, name="gpt-image-1-mini", input_fidelity=("low",)),
        replace(_OLD, name="chatgpt-image-latest", input_fidelity=None),
    )
}
_RETIRED: Final[dict[str, str]] = {
    "gpt-image-1": "2026-10-23",
    "dall-e-2": "2026-05-12",
    "dall-e-3": "2026-05-12",
}
"""Model to the day it was shut down (C7)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyModel:
    """A model that OpenAI has shut down and a gateway may still serve, on the Images API alone."""

    name: str
    prompt: int
    """Characters."""
    most: int = 10
    """Pictures of one request."""
    sizes: tuple[Size, ...]
    auto_size: bool = False
    """``auto`` is a size; without it, it is left out and the model draws 1024x1024."""
    qualities: tuple[str, ...]
    styles: tuple[str, ...] = ()
    formats: tuple[str, ...] = ("png",)
    asks_for_bytes: bool = True
    """An address is what it answers unless ``b64_json`` is asked for (R29)."""
    edits: int = 0
    """Input pictures of one edit; 0: it cannot edit."""
    input_types: tuple[str, ...] = ("image/png",)
    input_bytes: int = 4_000_000
    square_input: bool = False
    mask_bytes: int = 4_000_000
    takes: frozenset[str] = frozenset()
    """Fields besides model, prompt, n, size and user."""
    source: str


_SQUARES: Final[tuple[Size, ...]] = ((256, 256), (512, 512), (1024, 1024))
_LEGACY: Final[dict[str, LegacyModel]] = {
    model.name: model
    for model in (
        LegacyModel(
            name="dall-e-2",
            prompt=1000,
            sizes=_SQUARES,
            qualities=("standard",),
            edits=1,
            square_input=True,
            takes=frozenset({"quality", "response_format"}),
            source="R16, R18, R19, R22, R29, R35, R36",
        ),
        LegacyModel(
            name="dall-e-3",
            prompt=4000,
            most=1,
            sizes=((1024, 1024), (1792, 1024), (1024, 1792)),
            qualities=("standard", "hd"),
            styles=("vivid", "natural"),
            takes=frozenset({"quality", "response_format", "style"}),
            source="R16, R18, R19, R22, R29, R30",
        ),
        LegacyModel(
            name="gpt-image-1",
            prompt=32_000,
            sizes=STANDARD_SIZES,
            auto_size=True,
            qualities=_THREE,
            formats=_STILL,
            asks_for_bytes=False,
            edits=MAX_PICTURES,
            input_types=("image/png", "image/webp", "image/jpeg"),
            input_bytes=25_000_000,
            takes=frozenset(
                {
                    *("quality", "background", "output_format", "output_compression"),
                    *("moderation", "input_fidelity", "stream", "partial_images"),
                }
            ),
            source="R16, R18, R19, R22-R25, R35, R36",
        ),
    )
}
LONGEST_PROMPT: Final = 32_000
"""Characters that a GPT image model reads (R16)."""


def legacy_facts(name: str) -> LegacyModel | None:
    """The rules of a model that was shut down; ``None`` for every other."""
    return _LEGACY.get(_base(name))


def _base(name: str) -> str:
    """Without the gateway's prefix and the snapshot's date."""
    return _SNAPSHOT.sub("", name.strip().rsplit("/", 1)[-1])


def model_facts(name: str) -> ImageModel:
    """Facts of a model, its dated snapshots, or of a stranger; ``UsageError`` for a retired one."""
    base = _base(name)
    if base in _RETIRED:
        raise UsageError(
            f"image model {name}: shut down on {_RETIRED[base]}",
            hint="use gpt-image-2, or gpt-image-2.5-sunburst or -flare",
        )
    stranger = replace(
        _NEWEST, name=name, known=False, source="unknown model, held to the size rules only"
    )
    return _MODELS.get(base, stranger)


def check(
    options: ImageOptions,
    *,
    editing: int,
    has_mask: bool,
    transparency: bool = False,
    legacy: bool = False,
) -> None:
    """Raise ``UsageError`` naming the rule that ``options`` break, and what would be legal.

    ``editing`` counts the input pictures. ``transparency`` says that the dialect has proved
    transparent backgrounds where the model only has them in preview (C2), ``legacy`` that models
    which OpenAI has shut down may live on there.
    """
    old = legacy_facts(options.model) if legacy else None
    if old is not None:
        _check_legacy(options, old, editing=editing, has_mask=has_mask)
        return
    model = model_facts(options.model)
    _check_passed_through(options)
    _check_size(options.size, model)
    _check_listed("quality", options.quality, model.qualities, model)
    _check_listed("output format", options.output_format, model.formats, model)
    _check_format(options, has_mask=has_mask)
    _check_background(options, model, transparency=transparency)
    _check_fidelity(options, model)
    if has_mask and editing == 0:
        raise UsageError(
            "a mask needs a picture to change", hint="name the picture (--from or --image)"
        )
    if editing > MAX_PICTURES:
        raise UsageError(f"{editing} input pictures: at most {MAX_PICTURES} fit into one request")


def notices(options: ImageOptions) -> tuple[str, ...]:
    """What is legal and yet worth saying before money is spent."""
    told = []
    if legacy_facts(options.model) is None and not model_facts(options.model).known:
        told.append(f"image model {options.model} is not known here: only its size was checked")
    if is_large(options.size):
        told.append(
            f"size {options.size} is above 2560x1440: slower, dearer and more likely to fail; "
            "try the prompt at 1024x1024 first"
        )
    if options.tool_options:
        told.append(f"passed through unchecked: {', '.join(sorted(options.tool_options))}")
    return tuple(told)


# ── sizes ────────────────────────────────────────────────────────────────────────────────────


def parse_size(size: str) -> Size | None:
    """``"1536x1024"`` to ``(1536, 1024)``, ``"auto"`` to ``None``; ``UsageError`` for other words."""
    if size == "auto":
        return None
    found = _SIZE.fullmatch(size)
    if found:
        return int(found[1]), int(found[2])
    nearly = _NEARLY.fullmatch(size)
    if nearly:
        width, height = nearest_legal_size(int(nearly[1]), int(nearly[2]))
        hint = f"nearest legal size: {width}x{height}"
    else:
        hint = "for example 1024x1024, 1536x1024, 1024x1536, 2048x1152 or auto"
    raise UsageError(
        f"size {size[:40]!r}: must be WIDTHxHEIGHT in pixels with a plain x, or auto", hint=hint
    )


def size_problems(width: int, height: int) -> tuple[str, ...]:
    """Every one of the five rules that a free size breaks, in words."""
    long, short = max(width, height), min(width, height)
    off = [str(edge) for edge in dict.fromkeys((width, height)) if edge % EDGE_STEP]
    found = []
    if off:
        found.append(
            f"both edges must be multiples of {EDGE_STEP} "
            f"({' and '.join(off)} {'is' if len(off) == 1 else 'are'} not)"
        )
    if long > MAX_EDGE:
        found.append(f"no edge may exceed {MAX_EDGE} pixels")
    if long > MAX_RATIO * short:
        found.append(f"the long edge may be at most {MAX_RATIO} times the short one")
    if width * height < MIN_PIXELS:
        found.append(f"it has {width * height:,} pixels, and at least {MIN_PIXELS:,} are needed")
    if width * height > MAX_PIXELS:
        found.append(f"it has {width * height:,} pixels, and at most {MAX_PIXELS:,} are possible")
    return tuple(found)


def nearest_legal_size(width: int, height: int) -> Size:
    """The legal free size that is nearest in proportion: 4000x1000 gives 3456x1152."""
    return _nearest((width, height), _legal_sizes())


def is_large(size: str) -> bool:
    """Above 2560x1440 (R21), where waiting takes longer. ``auto`` counts as not large."""
    found = _SIZE.fullmatch(size)
    return found is not None and int(found[1]) * int(found[2]) > LARGE_PIXELS


@lru_cache(maxsize=1)
def _legal_sizes() -> tuple[Size, ...]:
    edges = range(EDGE_STEP, MAX_EDGE + 1, EDGE_STEP)
    return tuple((w, h) for w in edges for h in edges if not size_problems(w, h))


def _nearest(wanted: Size, among: Iterable[Size]) -> Size:
    """By area and, weighing more, by aspect: a square stays a square."""
    width, height = max(wanted[0], 1), max(wanted[1], 1)

    def distance(size: Size) -> float:
        wide, high = log(size[0] / width), log(size[1] / height)
        return (wide + high) ** 2 + 8 * (wide - high) ** 2

    return min(among, key=distance)


def _check_size(size: str, model: ImageModel) -> None:
    wanted = parse_size(size)
    if wanted is None or wanted in STANDARD_SIZES:
        return
    if model.sizes is not None:
        width, height = _nearest(wanted, model.sizes)
        drawn = ", ".join(f"{w}x{h}" for w, h in model.sizes)
        raise UsageError(
            f"size {size}: {model.name} draws only {drawn} and auto",
            hint=f"nearest legal size: {width}x{height}; gpt-image-2 draws free sizes",
        )
    problems = size_problems(*wanted)
    if problems:
        width, height = nearest_legal_size(*wanted)
        raise UsageError(
            f"size {size}: {'; '.join(problems)}", hint=f"nearest legal size: {width}x{height}"
        )


# ── everything else ──────────────────────────────────────────────────────────────────────────


def _check_listed(what: str, value: str, listed: tuple[str, ...], model: ImageModel) -> None:
    if value in listed:
        return
    able = [name for name, other in _MODELS.items() if value in other.qualities + other.formats]
    raise UsageError(
        f"{what} {value}: {model.name} has only {', '.join(listed)}",
        hint=f"{value} is known of {', '.join(able)}",
    )


def _check_format(options: ImageOptions, *, has_mask: bool) -> None:
    """R25, C3 and, for gif, wire.md 1.1."""
    format_, compression = options.output_format, options.output_compression
    if compression is not None and format_ not in ("jpeg", "webp"):
        raise UsageError(
            f"output compression {compression}: only jpeg and webp are compressed by degree, "
            f"not {format_}",
            hint="use --output-format jpeg or webp, or leave the compression out",
        )
    if format_ != "gif":
        return
    if options.partial_images:
        raise UsageError("partial images are not made of a gif", hint="use --partial-images 0")
    if has_mask:
        raise UsageError("a mask cannot be used with gif", hint="use --output-format png")


def _check_background(options: ImageOptions, model: ImageModel, *, transparency: bool) -> None:
    if options.background != "transparent":
        return
    if options.output_format not in ("png", "webp"):
        raise UsageError(
            f"background transparent: {options.output_format} holds no transparency here",
            hint="use --output-format png or webp",
        )
    if model.transparent == "preview" and not transparency:
        raise UsageError(
            f"background transparent: {model.name} has it only in preview, "
            "and this server has not been seen to accept it",
            hint="use --image-model gpt-image-1.5 or gpt-image-2.5-sunburst, or an opaque background",
        )


def _check_fidelity(options: ImageOptions, model: ImageModel) -> None:
    """R37. ``null`` was recorded as accepted (wire.md 1.1)."""
    value = options.tool_options.get("input_fidelity")
    if value is None or model.input_fidelity is None or value in model.input_fidelity:
        return
    if not model.input_fidelity:
        raise UsageError(
            f"tool option input_fidelity: {model.name} does not take it; its fidelity is always high",
            hint="leave it out",
        )
    raise UsageError(
        f"tool option input_fidelity={value}: {model.name} takes "
        f"{' or '.join(model.input_fidelity)}"
    )


_OWN: Final = {
    "model": "--image-model",
    "size": "--size",
    "partial_images": "--partial-images",
    "output_compression": "--output-compression",
    "input_image_mask": "--mask",
    "action": "",
    "type": "",
    "quality": "--quality",
    "output_format": "--output-format",
    "background": "--background",
    "moderation": "--moderation",
}
"""Tool fields that have an option of their own, and its flag."""
_NAMED: Final[dict[str, tuple[str, ...]]] = {
    "quality": get_args(Quality),
    "output_format": get_args(OutputFormat),
    "background": get_args(Background),
    "moderation": ("auto", "low"),
}
"""Fields whose values we list: a value newer than the list may pass through, a listed one not."""


def _check_passed_through(options: ImageOptions) -> None:
    """A tool option must not slip past the checks, and past the price, of the option it names."""
    for key, value in options.tool_options.items():
        if key not in _OWN or (key in _NAMED and value not in _NAMED[key]):
            continue
        flag = _OWN[key]
        raise UsageError(
            f"tool option {key}: it is set elsewhere",
            hint=f"use {flag}" if flag else "leave it out",
        )


# ── models that were shut down, where a gateway still has them (C7) ──────────────────────────


def check_prompt(model: str, prompt: str) -> None:
    """Raise ``UsageError`` for a prompt, preamble included, that the model would not read."""
    old = legacy_facts(model)
    most = old.prompt if old else LONGEST_PROMPT
    if len(prompt) > most:
        raise UsageError(
            f"The prompt has {len(prompt):,} characters with the safety preamble; "
            f"{model} reads {most:,}.",
            hint="Shorten it; nothing was sent.",
        )


def check_inputs(model: str, pictures: Sequence[PictureData], mask: PictureData | None) -> None:
    """Raise ``UsageError`` for an input picture that the old model would refuse (R35, R36)."""
    old = legacy_facts(model)
    if old is None:
        return
    kinds = ", ".join(kind.removeprefix("image/") for kind in old.input_types)
    for number, picture in enumerate(pictures, 1):
        if picture.media_type not in old.input_types:
            raise UsageError(f"picture {number} is {picture.media_type}: {old.name} takes {kinds}")
        _check_weight(f"picture {number}", picture, old.input_bytes, old)
        width, height = _png_size(picture.data) if old.square_input else (1, 1)
        if width != height:
            raise UsageError(
                f"picture {number} is {width}x{height}: {old.name} edits only squares",
                hint="crop it, or use another model",
            )
    if mask is not None:
        _check_weight("the mask", mask, old.mask_bytes, old)


def leave_out(options: ImageOptions) -> frozenset[str]:
    """Fields of the Images API that the model does not take, or that say what it does anyway."""
    old = legacy_facts(options.model)
    if old is None:
        fixed = model_facts(options.model).input_fidelity == ()
        return frozenset({"input_fidelity"}) if fixed else frozenset()
    unsaid = {"size"} if options.size == "auto" and not old.auto_size else set()
    if "quality" not in options.tool_options and options.quality not in old.qualities:
        unsaid.add("quality")
    return frozenset(_GPT_FIELDS - old.takes | unsaid)


_GPT_FIELDS: Final = frozenset(
    {
        *("quality", "background", "output_format", "output_compression", "moderation"),
        *("input_fidelity", "stream", "partial_images"),
    }
)


def _check_legacy(options: ImageOptions, old: LegacyModel, *, editing: int, has_mask: bool) -> None:
    _check_legacy_size(options.size, old)
    _check_legacy_words(options, old)
    copies = options.tool_options.get("n", 1)
    if not isinstance(copies, int) or not 1 <= copies <= old.most:
        raise UsageError(f"n={copies}: {old.name} draws 1 to {old.most} in one request")
    asked = {
        "background": options.background != "auto",
        "moderation": options.moderation != "auto",
        "output_compression": options.output_compression is not None,
        "partial_images": options.partial_images > 0,
    }
    unable = [name for name, wanted in asked.items() if wanted and name not in old.takes]
    if unable:
        raise UsageError(f"{unable[0]}: {old.name} does not know it", hint="leave it out")
    _check_format(options, has_mask=has_mask)
    _check_legacy_input(old, editing=editing, has_mask=has_mask)


def _check_legacy_words(options: ImageOptions, old: LegacyModel) -> None:
    """Our own default quality is no word of these models, so it is left out, not refused."""
    passed = options.tool_options
    default = "quality" not in passed and options.quality in ("medium", "auto")
    words = (
        ("quality", passed.get("quality", options.quality), old.qualities, default),
        ("style", passed.get("style"), old.styles, passed.get("style") is None),
        ("output format", options.output_format, old.formats, False),
    )
    for what, value, known, unsaid in words:
        if value not in known and not unsaid:
            has = f"has only {', '.join(known)}" if known else "has none"
            raise UsageError(f"{what} {value}: {old.name} {has}")


def _check_legacy_input(old: LegacyModel, *, editing: int, has_mask: bool) -> None:
    if editing > old.edits:
        able = f"takes at most {old.edits} at a time" if old.edits else "cannot edit"
        raise UsageError(
            f"input pictures: {editing}; {old.name} {able}", hint="use a GPT image model"
        )
    if has_mask and not editing:
        raise UsageError(
            "a mask needs a picture to change", hint="name the picture (--from or --image)"
        )


def _check_legacy_size(size: str, old: LegacyModel) -> None:
    wanted = parse_size(size)
    if wanted is None or wanted in old.sizes:
        return
    width, height = _nearest(wanted, old.sizes)
    drawn = ", ".join(f"{w}x{h}" for w, h in old.sizes)
    raise UsageError(
        f"size {size}: {old.name} draws only {drawn}", hint=f"nearest legal size: {width}x{height}"
    )


def _check_weight(what: str, picture: PictureData, most: int, old: LegacyModel) -> None:
    if len(picture.data) >= most:
        raise UsageError(
            f"{what} has {len(picture.data):,} bytes: {old.name} takes less than {most:,}",
            hint="make it smaller",
        )


def _png_size(data: bytes) -> Size:
    """Width and height stand first in every PNG, at a fixed place."""
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
