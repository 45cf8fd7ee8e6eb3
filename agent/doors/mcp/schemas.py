"""What the tools take and give, and the JSON Schemas that clients see of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from ...errors import UsageError
from ...schema import Background, Billed, Decision, FailureCode, Outcome, Record, Stage

MOST_PICTURES: Final = 8
"""Of one call; each is a turn of its own, and their previews share one message."""
LONGEST_WAIT_S: Final = 1800.0
Quality = Literal["low", "medium", "high", "auto"]
Format = Literal["png", "jpeg", "webp"]
T = TypeVar("T", bound=Record)
Status = Literal["done", "pending", "text", "refused", "failed", "unknown"]


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


# ── what they take ───────────────────────────────────────────────────────────────────────────


class Waiting(Record):
    """How long the caller has."""

    wait_s: float = Field(
        default=240,
        ge=0,
        le=LONGEST_WAIT_S,
        allow_inf_nan=False,
        description="Seconds to wait for the picture. Later the answer is 'pending' with a turn "
        "id, the work goes on, and get_turn waits for it. Keep it below your tool timeout.",
    )


class Drawing(Waiting):
    """What drawing and editing share."""

    prompt: str = Field(min_length=1, description="What to draw or to change, in plain words.")
    output_path: str | None = Field(
        default=None,
        description="Where to write: a file (poster.png) or a folder (assets/), inside the "
        "allowed roots. Default: limner-out/ in the first root.",
    )
    overwrite: bool = Field(default=False, description="Replace a file that is there already.")
    references: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(),
        max_length=15,
        description="Pictures to look at only (style, a logo, a face): file paths, image ids, @n.",
    )
    size: str | None = Field(
        default=None,
        description="WIDTHxHEIGHT in pixels, such as 1024x1024, 1536x1024 (landscape), 1024x1536 "
        "(portrait, poster), 3840x2160 (4K); or auto.",
    )
    quality: Quality | None = Field(default=None, description="Higher is slower and dearer.")
    format: Format | None = Field(default=None, description="File format; default png.")
    background: Background | None = Field(
        default=None,
        description="transparent cuts the subject out, for a logo, icon or sticker.",
    )
    n: int = Field(
        default=1, ge=1, le=MOST_PICTURES, description="How many variants; each is billed."
    )
    max_cost: float | None = Field(
        default=None,
        ge=0,
        allow_inf_nan=False,
        description="The most one picture may cost; nothing is sent if it may cost more.",
    )


class GenerateArgs(Drawing):
    """Of ``generate_image``."""

    session: str | None = Field(
        default=None,
        description="Session to add the picture to, by name or id; a new name starts one.",
    )


class EditArgs(Drawing):
    """Of ``edit_image``."""

    image: str | None = Field(
        default=None,
        description="The picture to change: an image id (img_...), a file path, @n, or "
        "session/n. Default: the newest picture.",
    )
    mask: str | tuple[int, int, int, int] | None = Field(
        default=None,
        description="Where it may change: [x, y, width, height] in pixels from the top left, or "
        "the path of a mask PNG whose transparent part may change.",
    )
    session: str | None = Field(
        default=None, description="Session that @n and the newest picture are looked up in."
    )


class CheckArgs(Record):
    """Of ``check_prompt``."""

    prompt: str = Field(min_length=1, description="The text to check.")


class SessionArgs(Record):
    """Of ``show_session``."""

    session: str | None = Field(
        default=None, description="By name or id. Default: the newest one here."
    )
    limit: int = Field(default=20, ge=1, le=200, description="How many of the newest turns.")


class TurnArgs(Waiting):
    """Of ``get_turn``."""

    turn: str = Field(pattern=r"^turn_\w{1,64}$", description="The id that 'pending' came with.")


# ── what they give ───────────────────────────────────────────────────────────────────────────


class Picture(Record):
    """One picture. ``path`` is the file that was written, ``original`` the store's own."""

    id: str
    ref: str
    uri: str
    path: str | None
    original: str
    turn: str | None
    parents: tuple[str, ...]
    media_type: str
    bytes: int
    size: str | None
    quality: str | None
    model: str | None
    asked_size: str | None
    revised_prompt: str | None


class Price(Record):
    """An exact amount as text; ``null`` is unknown, which is not free."""

    amount: str | None
    currency: str
    basis: str


class Problem(Record):
    """Why there is no picture. ``charged`` says whether it may have cost something."""

    code: FailureCode
    message: str
    hint: str
    charged: Billed
    stage: Stage | None = None
    rule: str | None = None
    categories: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    attempts: tuple[str, ...] = ()
    request_id: str | None = None
    retry_at: datetime | None = None


class Drawn(Record):
    """The receipt of ``generate_image``, ``edit_image`` and ``get_turn``."""

    status: Status
    session: str | None
    session_name: str | None
    turn: str | None
    turns: tuple[str, ...]
    images: tuple[Picture, ...]
    text: str
    cost: Price | None
    offline: bool
    profile: str
    warnings: tuple[str, ...]
    error: Problem | None


class Finding(Record):
    """One place in a checked text; ``text`` is empty where it must not be repeated."""

    rule: str
    severity: Decision
    text: str


class Checked(Record):
    """What the safety screen says."""

    decision: Decision
    rule: str | None
    category: str | None
    message: str
    fix: str
    a_person_may_acknowledge: bool
    findings: tuple[Finding, ...]
    policy: str


class PastTurn(Record):
    """One line of a session's history; ``outcome`` is ``null`` while it is under way."""

    turn: str
    intent: str
    prompt: str
    outcome: Outcome | None
    text: str
    images: tuple[str, ...]
    cost: Price | None
    error: str | None


class Shown(Record):
    """A session, oldest turn first."""

    session: str
    session_name: str
    newest_image: str | None
    turns: tuple[PastTurn, ...]
    images: tuple[Picture, ...]
    left_out: int
    others: tuple[str, ...]


# ── reading and describing them ──────────────────────────────────────────────────────────────


def read_args(kind: type[T], given: Mapping[str, object] | None) -> T:
    """Raises ``UsageError`` naming each argument that is wrong; ``null`` means not given."""
    values = {name: value for name, value in (given or {}).items() if value is not None}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'][:2])) or 'arguments'}: {one['msg']}"
            for one in error.errors(include_url=False, include_input=False)[:6]
        )
        raise UsageError(
            f"The arguments do not fit: {wrong}.",
            hint=f"There are: {', '.join(kind.model_fields)}.",
        ) from None


class _Plain(GenerateJsonSchema):
    """Optional means left out: ``T | None`` is shown as ``T``, without a ``null`` default."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default") is None:
            made.pop("default", None)
        return made


@cache
def input_schema(kind: type[BaseModel]) -> dict[str, Any]:
    """As models read it best: flat, no references, no ``null``."""
    return _inlined(kind.model_json_schema(schema_generator=_Plain))


@cache
def output_schema(kind: type[BaseModel]) -> dict[str, Any]:
    """Of what the model serialises to, ``null`` included."""
    return _inlined(kind.model_json_schema(mode="serialization"))


def _inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """Without ``$defs``, which not every client follows, and without titles that say nothing."""
    shared = schema.pop("$defs", {})

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return plain(shared[node["$ref"].rpartition("/")[2]])
        return {
            key: {name: plain(each) for name, each in value.items()}
            if key == "properties"
            else plain(value)
            for key, value in node.items()
            if key != "title"
        }

    made = plain(schema)
    made.pop("description", None)  # the tool's own says it
    assert isinstance(made, dict)
    return made
