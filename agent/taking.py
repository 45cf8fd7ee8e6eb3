"""Pictures of one turn as they arrive: checked, kept, told, or held back (DESIGN section 7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from . import keeping, screening
from .events import Event, ImageCompleted, ImageProgress, TextDelta, TurnNotice
from .kit import Kit
from .protocols import TurnRequest
from .receipts import Receipt
from .safety.screen import screen
from .schema import Failure, Image, Verdict
from .traffic import PartialPicture, Picture, Received, TextPiece, ToolStage
from .turn.extract import Gathered, fold


class Taking:
    """What of an answer is kept and told.

    ``emit`` tells whoever listens; ``note`` writes a verdict down, with its session and turn;
    ``allowed`` hears of a picture whose wording was checked, before it is kept; ``pause`` comes
    when it is on disk and is not listed yet.
    """

    def __init__(
        self,
        kit: Kit,
        request: TurnRequest,
        receipt: Receipt,
        *,
        emit: Callable[[Event], None],
        note: Callable[[Verdict], Awaitable[None]],
        allowed: Callable[[Picture], None] = lambda _: None,
        pause: keeping.Pause = keeping.at_once,
    ) -> None:
        self._request = request
        self._receipt = receipt
        self._emit = emit
        self._note = note
        self._allowed = allowed
        self._pause = pause
        self._holds = kit.holds(request)
        self._waiting: list[Image] = []
        """Stored and not told: the second screen is to look first."""

    async def take(
        self, kit: Kit, item: Received, gathered: Gathered, *, listening: bool
    ) -> Gathered:
        """Pass on what can be shown and keep what must not be lost, as it arrives."""
        match item:
            case TextPiece(text=text):
                self._emit(TextDelta(text=text))
            case ToolStage(stage=stage):
                self._emit(ImageProgress(stage=stage))
            case PartialPicture():
                if listening and not self._holds:
                    await self._draft(kit, item)
            case Picture():
                return await self._picture(kit, item, gathered)
            case _:
                pass
        return gathered

    async def _draft(self, kit: Kit, item: PartialPicture) -> None:
        turn = self._receipt.turn
        if turn and (draft := await keeping.keep_draft(kit, turn, item)):
            self._emit(draft)

    async def _picture(self, kit: Kit, item: Picture, gathered: Gathered) -> Gathered:
        begun = self._receipt.begun
        assert begun is not None
        artist = keeping.artist(kit, gathered, begun.place)
        verdict = _wording(kit, item)
        if verdict is not None and verdict.decision == "refuse":
            if self._holds:
                return await self._withhold(kit, item, gathered, verdict, drawn_by=artist)
            # later turns send the wording along with the picture: this one goes nowhere
            item = replace(item, revised_prompt=None)
        self._allowed(item)
        kept = await keeping.keep_received(
            kit, item, begun.place, drawn_by=artist, pause=self._pause
        )
        if isinstance(kept, Failure):
            return fold(gathered, keeping.damaged(item, kept))
        self._receipt.images.append(kept)
        if verdict is not None:
            await self._note(verdict)
            if verdict.decision != "allow":
                self._tell("revised_prompt", f"the model's own wording: {verdict.message}")
        if self._holds and kit.second_screen == "pictures":
            self._waiting.append(kept)
        else:
            self._show(kept)
        return gathered

    async def _withhold(
        self, kit: Kit, item: Picture, gathered: Gathered, verdict: Verdict, *, drawn_by: str | None
    ) -> Gathered:
        await self._note(verdict)
        drawn = await keeping.rendering(kit, item, drawn_by=drawn_by)
        failure = withheld(verdict, request_id=gathered.request_id)
        gathered = replace(gathered, withheld=(*gathered.withheld, drawn))
        return fold(gathered, keeping.damaged(item, failure))

    def _show(self, image: Image) -> None:
        self._emit(ImageCompleted(image=image))
        for notice in keeping.differences(image):
            self._emit(notice)

    async def looked_over(self, kit: Kit, gathered: Gathered) -> Gathered:
        """After the exchange: the second screen looks at what was drawn, where it is to.

        What it refuses is removed where pictures are held, and told where they are not.
        """
        if kit.second_screen != "pictures":
            return gathered
        for image in tuple(self._receipt.images):
            verdict = await screening.picture(kit, image, user=self._request.user)
            if isinstance(verdict, Failure):
                self._tell("not_examined", f"@{image.number} was not examined: {verdict.message}")
            else:
                await self._note(verdict)
                gathered = await self._weighed(kit, image, verdict, gathered)
            if image in self._waiting and image in self._receipt.images:
                self._show(image)
        return gathered

    async def _weighed(
        self, kit: Kit, image: Image, verdict: Verdict, gathered: Gathered
    ) -> Gathered:
        if verdict.decision == "refuse" and self._holds:
            self._receipt.images.remove(image)
            await kit.store.forget_image(image.id, at=kit.clock.now())
            failure = withheld(verdict, request_id=gathered.request_id)
            return replace(gathered, failures=(*gathered.failures, failure))
        if verdict.decision != "allow":
            self._tell("picture_flagged", f"@{image.number}: {verdict.message} ({verdict.rule})")
        return gathered

    def _tell(self, code: str, message: str) -> None:
        self._emit(TurnNotice.model_validate({"code": code, "message": message}))


def _wording(kit: Kit, item: Picture) -> Verdict | None:
    """Pure: the model's own words of what it drew; servers without any give nothing to check."""
    if not item.revised_prompt:
        return None
    return screen(item.revised_prompt, policy=kit.policy, subject="revised_prompt")


def withheld(verdict: Verdict, *, request_id: str | None) -> Failure:
    """A picture that was drawn and billed, and of which nothing was kept."""
    what = "What was drawn" if verdict.subject == "picture" else "The model's wording of it"
    return Failure(
        code="policy",
        stage="policy",
        rule=verdict.rule,
        categories=(verdict.category,) if verdict.category else (),
        message=f"{what} was stopped: {verdict.message} It was drawn and is billed; nothing of it "
        "was kept.",
        hint=verdict.fix,
        request_id=request_id,
        billed="yes",
    )
