"""The second screen's half of the policy: from which score of a moderation on a turn stops.

Thresholds are data (``prompts/moderation``), each with a rule id. A file ``moderation.toml`` in the
user's policy overlay may lower or raise what is ``tunable`` and tighten the rest. Pure.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from ..errors import SettingsError
from ..schema import Hit, Preamble, Record, Sha256, Subject, Verdict
from ..traffic import Scored
from . import prompts

OVERLAY: Final = "moderation.toml"
MINORS: Final = "minors"
_LARGEST: Final = 65_536
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Threshold(Record):
    """One rule: any of ``scores`` at or above ``at``. Without scores: flagged and in no other rule."""

    id: str
    category: str
    severity: Literal["refuse", "review"]
    scores: tuple[str, ...]
    at: _Share
    message: str
    fix: str = ""
    tunable: bool


class Tuning(Record):
    """What an overlay may say of a rule."""

    id: str
    severity: Literal["refuse", "review", "off"] | None = None
    at: _Share | None = None


class Thresholds(Record):
    """All rules; ``sha256`` names their content, also that of an overlay."""

    version: str = ""
    rules: tuple[Threshold, ...] = ()
    sha256: Sha256 = Sha256("")


class _File(Record):
    version: str
    rule: tuple[Threshold, ...]


class _Overlay(Record):
    version: str
    tune: tuple[Tuning, ...] = ()


def load_thresholds(overlay: Path | None = None) -> Thresholds:
    """The shipped rules, tuned by ``overlay/moderation.toml`` where it exists.

    Raises ``SettingsError`` that names the file and the rule.
    """
    raw = prompts.moderation_text("omni")
    base = _File.model_validate(tomllib.loads(raw))
    told = _overlay_text(overlay)
    if told is None:
        return Thresholds(version=base.version, rules=base.rule, sha256=_digest(raw))
    path = str(overlay / OVERLAY) if overlay else OVERLAY
    said = _read_overlay(told, path)
    return Thresholds(
        version=f"{base.version}+{said.version}",
        rules=_tuned(base.rule, said.tune, path),
        sha256=_digest(raw + "\0" + told),
    )


def _digest(text: str) -> Sha256:
    return Sha256(hashlib.sha256(text.encode()).hexdigest())


def _overlay_text(overlay: Path | None) -> str | None:
    if overlay is None:
        return None
    path = overlay / OVERLAY
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read ({type(error).__name__})") from error


def _read_overlay(text: str, path: str) -> _Overlay:
    try:
        return _Overlay.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not readable as TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise SettingsError(
            f"{path}: {place}: {first['msg']}", hint="See docs/safety.md for what it may hold."
        ) from error


def _tuned(
    rules: tuple[Threshold, ...], tunings: tuple[Tuning, ...], path: str
) -> tuple[Threshold, ...]:
    by_id: dict[str, Threshold | None] = {rule.id: rule for rule in rules}
    for tuning in tunings:
        rule = by_id.get(tuning.id)
        if rule is None:
            known = ", ".join(r.id for r in rules)
            raise SettingsError(f"{path}: there is no rule {tuning.id!r}", hint=f"Rules: {known}")
        if not rule.tunable and _loosens(tuning, rule):
            raise SettingsError(
                f"{path}: rule {rule.id!r} is fixed: an overlay may not loosen it",
                hint="Lower its `at`, or leave it as it is.",
            )
        by_id[rule.id] = _with(rule, tuning)
    return tuple(rule for rule in by_id.values() if rule is not None)


def _loosens(tuning: Tuning, rule: Threshold) -> bool:
    higher = tuning.at is not None and tuning.at > rule.at
    return higher or tuning.severity not in (None, "refuse", rule.severity)


def _with(rule: Threshold, tuning: Tuning) -> Threshold | None:
    if tuning.severity == "off":
        return None
    said = {"severity": tuning.severity, "at": tuning.at}
    return rule.model_copy(update={key: value for key, value in said.items() if value is not None})


def together(found: Sequence[Scored]) -> Scored:
    """What several questions about one turn found: the highest score of each category."""
    scores: dict[str, float] = {}
    for one in found:
        for name, score in one.scores:
            scores[name] = max(score, scores.get(name, score))
    flagged = dict.fromkeys(name for one in found for name in one.flagged)
    seen = frozenset(kind for one in found for kind in one.looked_at)
    return Scored(scores=tuple(scores.items()), flagged=tuple(flagged), looked_at=seen)


def weigh(
    scored: Scored,
    thresholds: Thresholds,
    *,
    subject: Subject,
    of: Sha256,
    examined: bool,
    preamble: Preamble = "standard",
    acknowledged: tuple[str, ...] = (),
    acknowledged_by: str | None = None,
) -> Verdict:
    """The verdict on what was scored. ``of``: the hash of the text, or of the picture's bytes.

    ``examined``: whether pictures were among it and were looked at.
    """
    reached = [(rule, _peak(rule, scored, thresholds)) for rule in thresholds.rules]
    found = [(rule, peak) for rule, peak in reached if peak is not None]
    accepted = [
        rule.id for rule, _ in found if rule.severity == "review" and rule.id in acknowledged
    ]
    left = [(rule, peak) for rule, peak in found if rule.id not in accepted]
    worst = min((rule for rule, _ in left), key=lambda r: r.severity != "refuse", default=None)
    if worst is not None and worst.category == MINORS:
        found = []
    return Verdict(
        subject=subject,
        decision=worst.severity if worst else "allow",
        rule=worst.id if worst else None,
        category=worst.category if worst else None,
        message=worst.message if worst else "",
        fix=worst.fix if worst else "",
        hits=tuple(_hit(rule, *peak) for rule, peak in found),
        preamble=preamble,
        policy=thresholds.version,
        policy_sha256=thresholds.sha256,
        text_sha256=of,
        acknowledged=tuple(accepted),
        acknowledged_by=acknowledged_by if accepted else None,
        overridable=worst is not None and worst.severity == "review",
        pictures="examined" if examined else "not examined",
    )


def _peak(rule: Threshold, scored: Scored, thresholds: Thresholds) -> tuple[str, float] | None:
    """The category and score that reach the rule; ``None`` where none does."""
    if not rule.scores:
        known = {name for other in thresholds.rules for name in other.scores}
        strange = [name for name in scored.flagged if name not in known]
        return (strange[0], dict(scored.scores).get(strange[0], 1.0)) if strange else None
    reached = [(name, s) for name, s in scored.scores if name in rule.scores and s >= rule.at]
    return max(reached, key=lambda pair: pair[1], default=None)


def _hit(rule: Threshold, name: str, score: float) -> Hit:
    """The score stands where a view would, so that a verdict shows how near it was."""
    return Hit(
        rule=rule.id,
        category=rule.category,
        severity=rule.severity,
        start=0,
        end=0,
        view=f"{name} {score:.2f}",
    )
