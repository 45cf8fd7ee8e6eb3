from __future__ import annotations

from pathlib import Path

import pytest

from agent.errors import SettingsError
from agent.schema import Decision, Sha256, Verdict
from agent.traffic import Scored
from agent.turn.scores import OVERLAY, Thresholds, load_thresholds, together, weigh

OF = Sha256("a" * 64)


def scored(flagged: tuple[str, ...] = (), **scores: float) -> Scored:
    told = tuple((name.replace("__", "/").replace("_", "-"), s) for name, s in scores.items())
    return Scored(scores=told, flagged=flagged)


def judged(found: Scored, *accepted: str, thresholds: Thresholds | None = None) -> Verdict:
    return weigh(
        found,
        thresholds or load_thresholds(),
        subject="prompt",
        of=OF,
        examined=False,
        acknowledged=accepted,
        acknowledged_by="ada" if accepted else None,
    )


@pytest.mark.parametrize(
    ("found", "decision", "rule"),
    [
        (scored(), "allow", None),
        (scored(sexual=0.49, violence=0.84), "allow", None),
        (scored(sexual=0.5), "review", "moderation-sexual"),
        (scored(sexual=0.9), "refuse", "moderation-explicit"),
        (scored(sexual__minors=0.2), "refuse", "moderation-minors"),
        (scored(violence__graphic=0.6), "review", "moderation-gore"),
        (scored(violence=0.85), "review", "moderation-violence"),
        (scored(self_harm__intent=0.5), "review", "moderation-self-harm"),
        (scored(hate__threatening=0.5), "review", "moderation-hate"),
        (scored(harassment=0.7), "review", "moderation-harassment"),
        (scored(illicit__violent=0.6), "review", "moderation-illicit"),
        (scored(("weather",), weather=0.3), "review", "moderation-flagged"),
        (scored(("violence",), violence=0.6), "allow", None),
        (scored(violence=0.9, sexual__minors=0.5), "refuse", "moderation-minors"),
    ],
)
def test_scores_come_to_a_decision_by_the_most_severe_rule(
    found: Scored, decision: Decision, rule: str | None
) -> None:
    verdict = judged(found)

    assert (verdict.decision, verdict.rule) == (decision, rule)
    assert verdict.overridable == (decision == "review")
    assert verdict.text_sha256 == OF


def test_what_is_doubted_can_be_acknowledged_and_what_is_refused_cannot() -> None:
    doubted = judged(scored(violence=0.9), "moderation-violence")
    refused = judged(scored(sexual=0.95), "moderation-explicit", "moderation-sexual")

    assert (doubted.decision, doubted.acknowledged) == ("allow", ("moderation-violence",))
    assert doubted.acknowledged_by == "ada"
    assert (refused.decision, refused.acknowledged) == ("refuse", ("moderation-sexual",))


def test_a_verdict_shows_how_near_each_score_was() -> None:
    verdict = judged(scored(violence=0.912))

    assert [(hit.rule, hit.view, hit.text) for hit in verdict.hits] == [
        ("moderation-violence", "violence 0.91", "")
    ]


def test_of_minors_only_the_category_is_said() -> None:
    verdict = judged(scored(sexual__minors=0.7, violence=0.99))

    assert (verdict.category, verdict.hits, verdict.fix) == ("minors", (), "")


def test_several_answers_are_one_by_the_highest_score() -> None:
    one = Scored(scores=(("hate", 0.1), ("sexual", 0.4)), looked_at=frozenset({"text"}))
    other = Scored(
        scores=(("hate", 0.3),), flagged=("hate",), looked_at=frozenset({"text", "image"})
    )

    both = together([one, other])

    assert dict(both.scores) == {"hate": 0.3, "sexual": 0.4}
    assert (both.flagged, both.looked_at) == (("hate",), frozenset({"text", "image"}))


# ── an overlay ───────────────────────────────────────────────────────────────────────────────


def overlaid(folder: Path, text: str) -> Thresholds:
    (folder / OVERLAY).write_text(text, "utf-8")
    return load_thresholds(folder)


def test_without_a_file_of_its_own_an_overlay_changes_nothing(tmp_path: Path) -> None:
    assert load_thresholds(tmp_path) == load_thresholds()
    assert load_thresholds(tmp_path / "gone") == load_thresholds()


def test_a_tunable_rule_may_be_moved_and_switched_off(tmp_path: Path) -> None:
    found = overlaid(
        tmp_path,
        'version = "ours@1"\n'
        '[[tune]]\nid = "moderation-violence"\nat = 0.99\n'
        '[[tune]]\nid = "moderation-gore"\nseverity = "off"\n',
    )

    assert (
        judged(scored(violence=0.98, violence__graphic=0.9), thresholds=found).decision == "allow"
    )
    assert judged(scored(violence=0.99), thresholds=found).rule == "moderation-violence"
    assert found.version == "moderation@1+ours@1"
    assert found.sha256 != load_thresholds().sha256


def test_a_fixed_rule_may_be_made_stricter(tmp_path: Path) -> None:
    found = overlaid(
        tmp_path, 'version = "ours@1"\n[[tune]]\nid = "moderation-minors"\nat = 0.05\n'
    )

    assert judged(scored(sexual__minors=0.06), thresholds=found).decision == "refuse"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('[[tune]]\nid = "moderation-minors"\nat = 0.3', "fixed"),
        ('[[tune]]\nid = "moderation-explicit"\nseverity = "review"', "fixed"),
        ('[[tune]]\nid = "moderation-explicit"\nseverity = "off"', "fixed"),
        ('[[tune]]\nid = "moderation-gone"', "no rule 'moderation-gone'"),
        ('[[tune]]\nid = "moderation-gore"\nat = 1.5', "less than or equal to 1"),
        ('[[tune]]\nid = "moderation-gore"\nat = nan', "finite"),
        ('[[tune]]\nid = "moderation-gore"\nwhy = "so"', "why"),
        ("[[tune", "not readable as TOML"),
    ],
)
def test_an_overlay_that_cannot_be_is_named_with_its_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(SettingsError, match=OVERLAY) as caught:
        overlaid(tmp_path, f'version = "ours@1"\n{text}\n')

    assert reason in str(caught.value)


def test_an_overlay_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / OVERLAY).write_bytes(b"\xff\xfe\x00")

    with pytest.raises(SettingsError, match="cannot be read"):
        load_thresholds(tmp_path)
