"""What a server can do, tried for money: small pictures of low quality, each an attempt.

Nothing of this happens on anybody's turn. ``plan`` says what it may cost before it begins.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final, Literal

import anyio
from pydantic import JsonValue

from ..errors import UsageError
from ..factory import open_kit
from ..kit import Kit
from ..protocols import Clock, Upstream
from ..schema import Cost, Failure, FailureCode, Image
from ..settings import Settings
from ..traffic import Outgoing, PictureData, Profile
from ..upstream.images import ImagesUpstream
from .bench import SMALL, SUBJECT, Bench, Heard, is_json_object, price
from .findings import drawn, refused, row, why, yes
from .report import Answer, Probed

_HOPELESS: Final[frozenset[FailureCode]] = frozenset(
    {"authentication", "quota", "usage_window", "budget", "connection"}
)
"""After one of these the other tries would end the same way."""
_SCHEMA: Final[dict[str, JsonValue]] = {
    "type": "object",
    "properties": {"colour": {"type": "string"}},
    "required": ["colour"],
    "additionalProperties": False,
}
_LARGER: Final = SMALL.model_copy(update={"size": "1024x1024"})

EditBody = Literal["json", "multipart"]
ImagesOn = Callable[[Profile, bool], Upstream]
"""The Images API of a profile; true asks for addresses."""


@dataclass(kw_only=True)
class Findings:
    """What the tries so far have brought for the later ones."""

    picture: Image | None = None
    response_id: str | None = None
    hopeless: Failure | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be tried, and the most that it may cost together."""

    steps: tuple[str, ...]
    cost: Cost
    pictures: int


@dataclass(kw_only=True)
class Probe:
    """A run. ``images`` opens the Images API where that is to be tried too."""

    bench: Bench
    images: ImagesOn | None = None
    found: Findings = field(default_factory=Findings)

    def plan(self, only: Sequence[str] = ()) -> Plan:
        """Raises ``UsageError`` for a step that does not exist."""
        names = self._names(only)
        some = PictureData(b"", "image/png")
        asked = [self._priced(name, some) for name in names]
        costs = [price(self.bench.kit, one) for row in asked for one in row]
        known = [cost.amount for cost in costs if cost.amount is not None]
        currency = self.bench.kit.prices.currency
        whole = Cost(amount=sum(known, Decimal(0)), currency=currency, basis="estimate")
        drawn = sum(one.options is not None for row in asked for one in row)
        cost = whole if len(known) == len(costs) else Cost(currency=currency)
        return Plan(steps=names, cost=cost, pictures=drawn)

    async def run(self, only: Sequence[str] = ()) -> AsyncGenerator[Probed, None]:
        """The rows as they are found; after a hopeless failure the rest is unknown, unsent."""
        for name in self._names(only):
            if self.found.hopeless is not None:
                yield row(name, "unknown", f"not tried: {self.found.hopeless.message}", None)
                continue
            for found in await self._steps()[name]():
                yield found

    def _names(self, only: Sequence[str]) -> tuple[str, ...]:
        known = tuple(self._steps())
        for name in only:
            if name not in known:
                raise UsageError(
                    f"There is no probe {name!r}.", hint=f"There are: {', '.join(known)}."
                )
        return tuple(name for name in known if not only or name in only)

    def _steps(self) -> dict[str, Callable[[], Awaitable[list[Probed]]]]:
        responses: dict[str, Callable[[], Awaitable[list[Probed]]]] = {
            "draw": self._draw,
            "streaming": self._streaming,
            "tool_choice": self._tool_choice,
            "stored": self._stored,
            "mask": self._mask,
            "transparency": self._transparency,
            "structured_output": self._structured,
        }
        images: dict[str, Callable[[], Awaitable[list[Probed]]]] = {
            "url": self._url,
            "edit_multipart": lambda: self._edit("multipart"),
            "edit_json": lambda: self._edit("json"),
        }
        if self.bench.profile.via == "images":
            return images
        return responses | (images if self.images else {})

    def _priced(self, name: str, some: PictureData) -> list[Outgoing]:
        bench = self.bench
        if name in ("stored", "structured_output"):
            return [bench.question("Which colour?")] * (2 if name == "stored" else 1)
        if name in ("mask", "edit_multipart", "edit_json"):
            return [bench.editing(some)]
        if name == "streaming":
            return [bench.drawing(SMALL.model_copy(update={"partial_images": 1}))]
        return [bench.drawing()]

    # ── the tries ────────────────────────────────────────────────────────────────────────────

    async def _draw(self) -> list[Probed]:
        """The tool, the smallest size, and whether our own preamble trips a word list."""
        bench = self.bench
        heard = await self._send(bench.drawing())
        sizes = _size_row(heard)
        if heard.rejected:
            heard = await self._send(bench.drawing(_LARGER))
        preamble = row("preamble", "yes" if heard.images else "unknown", "it passed", None)
        if refused(heard) and not bench.plain:
            bench.plain = True
            heard = await self._send(bench.drawing())
            told = "drawn once its trigger words were left out" if heard.images else why(heard)
            preamble = row("preamble", "no" if heard.images else "unknown", told, None)
        return [drawn("image_tool", heard), preamble, sizes]

    async def _streaming(self) -> list[Probed]:
        options = SMALL.model_copy(update={"partial_images": 1})
        heard = await self._send(replace(self.bench.drawing(options), stream=True, store=True))
        if not heard.images:
            unknown = row("streaming", "unknown", why(heard), heard)
            return [unknown, row("partials", "unknown", why(heard), None)]
        whole = heard.streamed is False
        said = "a whole answer came" if whole else "events came"
        drafts = f"drafts that came: {heard.drafts}, asked for: 1"
        return [
            row("streaming", yes(not whole), said, heard),
            row("partials", yes(heard.drafts > 0), drafts, None),
        ]

    async def _tool_choice(self) -> list[Probed]:
        heard = await self._send(replace(self.bench.drawing(), force_tool=True, store=True))
        if heard.named:
            return [row("tool_choice", "no", why(heard), heard)]
        found = drawn("tool_choice", heard)
        # a refusal that does not name it may be about anything
        return [
            found if found.supported == "yes" else row("tool_choice", "unknown", why(heard), heard)
        ]

    async def _stored(self) -> list[Probed]:
        """Does it still know what it drew? Only the answer itself proves it, never an id (L2).

        Asked twice: behind a gateway the next account may know nothing of the last one's (N3).
        """
        if self.found.response_id is None:
            return [row("stores_responses", "unknown", "no answer had an id", None)]
        text = "What is the main object on the picture you have just drawn? One English word."
        asked = self.bench.question(text, previous=self.found.response_id)
        first = await self._send(asked)
        found = _remembered(first)
        if found.supported != "yes":
            return [found]
        return [_remembered(await self._send(asked), before=first)]

    async def _mask(self) -> list[Probed]:
        picture = self.found.picture
        if picture is None:
            return [row("mask", "unknown", "there was no picture to edit", None)]
        data = await self.bench.bytes_of(picture)
        facts = self.bench.kit.pictures.inspect(data.data, name="the picture drawn before")
        half = (0, 0, facts.width // 2, facts.height)
        made = self.bench.kit.pictures.mask_from_box(half, of=facts)
        heard = await self._send(self.bench.editing(data, mask=PictureData(made, "image/png")))
        number = heard.images[0].number if heard.images else 0
        shown = f"accepted; whether only the left half changed, picture @{number} shows"
        return [drawn("mask", heard, evidence=shown)]

    async def _transparency(self) -> list[Probed]:
        clear = SMALL.model_copy(update={"background": "transparent"})
        heard = await self._send(self.bench.drawing(clear))
        if not heard.images:
            return [drawn("transparency", heard)]
        data = await self.bench.bytes_of(heard.images[0])
        alpha = self.bench.kit.pictures.inspect(data.data, name="the picture").has_alpha
        said = f"the picture has {'an' if alpha else 'no'} alpha channel"
        return [row("transparency", yes(alpha), said, heard)]

    async def _structured(self) -> list[Probed]:
        asked = self.bench.question("Name the colour of a clear sky.", schema=_SCHEMA)
        heard = await self._send(asked)
        said = heard.gathered.text.strip()
        if not said:
            no: Answer = "no" if heard.named else "unknown"
            return [row("structured_output", no, why(heard), heard)]
        return [row("structured_output", yes(is_json_object(said)), repr(said[:80]), heard)]

    # ── the Images API ───────────────────────────────────────────────────────────────────────

    async def _url(self) -> list[Probed]:
        heard = await self._over_images(self.bench.drawing(), url=True)
        if heard.urls:
            api = row("images_api", "yes", "the address of a picture came", heard)
            return [api, row("url", "yes", "an address came", None)]
        api = drawn("images_api", heard)
        known = api.supported == "yes"
        said = "the picture itself came" if known else why(heard)
        return [api, row("url", "no" if known else "unknown", said, None)]

    async def _edit(self, body: EditBody) -> list[Probed]:
        fact = f"edit_{body}"
        if self.found.picture is None:
            return [row(fact, "unknown", "there was no picture to edit", None)]
        data = await self.bench.bytes_of(self.found.picture)
        return [drawn(fact, await self._over_images(self.bench.editing(data), body=body))]

    async def _over_images(
        self, outgoing: Outgoing, *, url: bool = False, body: EditBody = "multipart"
    ) -> Heard:
        assert self.images is not None
        profile = self.bench.profile
        dialect = replace(profile.dialect, edit_body=body)
        upstream = self.images(replace(profile, via="images", dialect=dialect), url)
        try:
            return await self._send(outgoing, kit=replace(self.bench.kit, upstream=upstream))
        finally:
            await upstream.aclose()

    async def _send(self, outgoing: Outgoing, *, kit: Kit | None = None) -> Heard:
        heard = await self.bench.send(outgoing, kit=kit)
        if heard.failure is not None and heard.failure.code in _HOPELESS:
            self.found.hopeless = heard.failure
        if heard.images and self.found.picture is None:
            self.found.picture = heard.images[0]
        if outgoing.store and heard.images:
            self.found.response_id = heard.gathered.response_id or self.found.response_id
        return heard


@asynccontextmanager
async def open_probe(
    settings: Settings,
    profile: str | None,
    *,
    clock: Clock | None = None,
) -> AsyncIterator[Probe]:
    """On the configured server; nothing is sent or kept before ``Probe.run``.

    Raises ``SettingsError`` (``KeyMissing`` for a URL without its key) and ``StoreError``.
    """
    chosen = settings.resolve(profile, allow_offline=True)
    kit = await open_kit(settings, chosen, clock=clock)

    def images(of: Profile, url: bool) -> Upstream:
        return ImagesUpstream(of, clock=kit.clock, url_wanted=url)

    try:
        yield Probe(bench=Bench(kit), images=None if chosen.offline else images)
    finally:
        with anyio.CancelScope(shield=True):
            await kit.aclose()


def _remembered(heard: Heard, *, before: Heard | None = None) -> Probed:
    said = heard.gathered.text.strip()
    if before is not None:
        heard = replace(
            heard,
            attempts=[*before.attempts, *heard.attempts],
            costs=[*before.costs, *heard.costs],
        )
    if heard.failure is not None:
        told = f"{heard.failure.upstream_code} {heard.failure.message}"
        lost = heard.failure.status == 404 or "previous_response" in told
        return row("stores_responses", "no" if lost else "unknown", why(heard), heard)
    told = f"asked {'twice' if before else 'once'} what it drew: {said[:80]!r}"
    return row("stores_responses", yes(SUBJECT in said.lower()), told, heard)


def _size_row(heard: Heard) -> Probed:
    if not heard.images:
        return row("sizes", "no" if heard.rejected else "unknown", why(heard), None)
    got = heard.images[0].actual.size
    return row("sizes", yes(got == SMALL.size), f"asked for {SMALL.size}, got {got}", None)
