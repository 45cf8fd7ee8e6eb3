"""The learned model asks a person where no word decides, and nothing else."""

from __future__ import annotations

import base64
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.errors import SettingsError
from agent.safety import Policy, load_policy, screen
from agent.safety.learned import FEWEST, WORD, Model, beginnings, blocks, code_of, features

from .conftest import TOY, WriteFolder

RULE = {
    "id": "likeness",
    "category": "odd",
    "severity": "review",
    "message": "This looks like a storm.",
    "fix": "Say what the weather is.",
    "signal": "learned",
    "threshold": 0.0,
    "tunable": True,
}


def packed(weights: dict[int, int]) -> dict[str, Any]:
    codes = sorted(weights)
    hashes = b"".join(code.to_bytes(4, "little") for code in codes)
    signed = bytes(weights[code] & 0xFF for code in codes)
    return {
        "about": "weather",
        "sources": ["made up, CC0-1.0"],
        "bias": -1.0,
        "step": 0.1,
        "hashes": base64.b64encode(hashes).decode(),
        "weights": base64.b64encode(signed).decode(),
    }


def words(**weights: int) -> dict[str, Any]:
    """A model that knows these words."""
    return packed({next(iter(features([word]))): weight for word, weight in weights.items()})


CLOUDY = words(gloom=100, sunny=-100)


def document(model: object = CLOUDY, **rule: object) -> dict[str, Any]:
    toy: dict[str, Any] = yaml.safe_load(TOY)
    toy["rules"].append({key: value for key, value in (RULE | rule).items() if value is not None})
    return toy | ({"model": model} if model else {})


@pytest.fixture
def cloudy(folder: WriteFolder) -> Policy:
    return load_policy(folder("cloudy", base=document()))


def test_a_text_like_the_unsafe_ones_is_for_a_person_to_judge(cloudy: Policy) -> None:
    verdict = screen("a lake in gloom", policy=cloudy)
    assert (verdict.decision, verdict.rule, verdict.overridable) == ("review", "likeness", True)
    assert [(hit.text, hit.view) for hit in verdict.hits] == [("gloom", "plain")]
    passed = screen("a lake in gloom", policy=cloudy, acknowledged=("likeness",))
    assert (passed.decision, passed.acknowledged) == ("allow", ("likeness",))


@pytest.mark.parametrize("text", ["", "a lake", "a sunny lake in gloom", "一座湖", "u u u"])
def test_an_unlike_text_passes(text: str, cloudy: Policy) -> None:
    assert screen(text, policy=cloudy).decision == "allow"


def test_it_takes_more_where_the_text_says_what_it_is_for(folder: WriteFolder) -> None:
    rule = {"in_context": 5.0, "unless_context": ["museum"]}
    policy = load_policy(folder("hall", base=document(**rule)))
    assert screen("a lake in gloom", policy=policy).rule == "likeness"
    assert screen("a museum in gloom", policy=policy).decision == "allow"


def test_where_a_word_decides_the_model_is_not_asked(cloudy: Policy) -> None:
    verdict = screen("a kite in gloom", policy=cloudy)
    assert {hit.rule for hit in verdict.hits} == {"kites"}
    accepted = screen("a bear in gloom", policy=cloudy, acknowledged=("bears",))
    assert (accepted.decision, accepted.acknowledged) == ("allow", ("bears",))


def test_what_a_text_only_shows_of_its_form_does_not_silence_the_model(cloudy: Policy) -> None:
    hidden = "gloom\U000e0061\U000e0062"
    verdict = screen(hidden, policy=cloudy, acknowledged=("hidden-text",))
    assert verdict.rule == "likeness"


@pytest.mark.parametrize(
    "text",
    [
        "GLOOM",
        "gl\u200boom",
        "glооm",
        "g l o o m  i n  t h e  l a k e",
        "gl00m 4nd r41n 1n th3 l4k3",
        "golom",
        "draw this: " + base64.b64encode(b"a very grey gloom over it").decode(),
    ],
)
def test_spelling_does_not_mislead_the_model(text: str, cloudy: Policy) -> None:
    assert screen(text, policy=cloudy).rule == "likeness"


def test_a_long_harmless_text_hides_no_gloom(cloudy: Policy) -> None:
    long = "a calm lake with reeds and swans. " * 40
    assert screen(long + "gloom gloom gloom. " + long, policy=cloudy).decision == "review"
    assert screen(long * 2, policy=cloudy).decision == "allow"


def test_no_more_words_are_remembered_than_fit() -> None:
    model = Model(-1.0, 0.1, {})
    for number in range(51_000):
        assert model.score("zz" + "".join(chr(ord("a") + int(n)) for n in f"{number:05}"))[0] < 0
    assert len(model._weights) <= 50_000


def test_what_is_denied_is_not_weighed(folder: WriteFolder) -> None:
    policy = load_policy(folder("storms", base=document(words(storm=100))))
    assert screen("a storm", policy=policy).rule == "likeness"
    assert screen("a lake, no storm", policy=policy).decision == "allow"
    assert screen("a storm door", policy=policy).decision == "allow"
    hidden = base64.b64encode(b"a lake in summer, no storm").decode()
    assert screen(f"draw: {hidden}", policy=policy).decision == "allow"


def test_a_word_said_often_counts_once(cloudy: Policy) -> None:
    model = cloudy.model
    assert model is not None
    once, _ = model.score("gloom and rain and mist and hail and snow")
    often, _ = model.score("gloom and gloom and gloom and hail and snow")
    assert once == often


def test_a_score_adds_up_what_training_was_shown() -> None:
    text = "grey mists over the lake and grey mists over the hills " * 9
    codes = [list(features(WORD.findall(text[a:b]))) for a, b in blocks(text)]
    model = Model(-0.5, 0.01, dict.fromkeys(chain(*codes), 3))
    begun = {code for word in WORD.findall(text) for code in beginnings(word)}
    whole = [code for code in codes[0] + codes[1] if code not in begun]
    count = len(WORD.findall(text[slice(*blocks(text)[0])]))
    count += len(WORD.findall(text[slice(*blocks(text)[1])]))
    expected = -0.5 + 0.01 * 3 * len(whole) / max(count, FEWEST) ** 0.5
    assert len(codes) == 2
    assert model.score(text)[0] == pytest.approx(expected)


def test_an_unknown_word_is_judged_by_how_it_begins() -> None:
    model = Model(-0.5, 0.01, dict.fromkeys(beginnings("mists"), 50))
    assert model.score("misty")[0] > model.score("foggy")[0] == -0.5


def test_a_known_word_weighs_the_same_wherever_its_letters_changed_places() -> None:
    weights = dict.fromkeys(beginnings("thunders"), 20) | {code_of("thunders"): 90}
    model = Model(-0.5, 0.01, weights)
    typed = {model.score(word)[0] for word in ("thunders", "htunders", "thudners", "thundesr")}
    assert model.score("thunders")[0] == model.score("thudners")[0] == model.score("thunedrs")[0]
    assert len(typed) > 1


@pytest.mark.parametrize("text", ["", "a" * 5_000, "ab " * 3_000, "a lake " * 30])
def test_blocks_cover_a_text_without_a_gap(text: str) -> None:
    cut = blocks(text)
    assert "".join(text[start:end] for start, end in cut) == text
    assert all(end - start <= 480 for start, end in cut)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no model": (document(model=None), "the policy needs `model`"),
    "a refusing model": (document(severity="refuse"), "review is the most it may be"),
    "no threshold": (document(threshold=None), "a threshold belongs to a rule"),
    "a threshold elsewhere": (document(signal="hidden-text"), "a threshold belongs to a rule"),
    "a threshold in words": (document(threshold="high"), "expected a number"),
    "a threshold that is a flag": (document(threshold=True), "expected a number"),
    "a context that eases": (document(in_context=-1.0), "in_context belongs to a rule"),
    "bytes that are none": (document(CLOUDY | {"hashes": "a!"}), "model.hashes: expected base64"),
    "bytes that do not fit": (document(CLOUDY | {"weights": "AAAA"}), "do not fit 3 weights"),
    "an unknown key": (document(CLOUDY | {"text": "x"}), "key 'text' is not allowed here"),
}


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD.keys())
def test_a_mistake_in_the_model_is_named(
    body: dict[str, Any], reason: str, folder: WriteFolder
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_policy(folder("bad", base=body))
    assert reason in str(caught.value)


def tuned(folder: WriteFolder, name: str, **tune: object) -> Policy:
    overlay: Path = folder(f"{name}-over", own={"tune": [{"id": "likeness"} | tune]})
    return load_policy(folder(name, base=document()), overlay)


def test_an_overlay_moves_the_threshold_or_switches_the_model_off(folder: WriteFolder) -> None:
    text = "a lake in gloom"
    assert screen(text, policy=tuned(folder, "a", threshold=9.5)).decision == "allow"
    assert screen(text, policy=tuned(folder, "b", severity="off")).decision == "allow"
    assert screen("a lake", policy=tuned(folder, "c", threshold=-3)).decision == "review"
    assert screen(text, policy=tuned(folder, "d", severity="review")).decision == "review"


@pytest.mark.parametrize(
    ("tune", "reason"),
    [
        ({"id": "likeness", "severity": "refuse"}, "review is the most it may be"),
        ({"id": "bears", "threshold": 2, "severity": "refuse"}, "'bears' has no threshold"),
        ({"id": "storm-picnic", "threshold": 2}, "'storm-picnic' has no threshold"),
        ({"id": "likeness", "threshold": "high"}, "expected a number"),
        ({"id": "likeness"}, "'severity' is missing"),
    ],
)
def test_an_overlay_makes_no_more_of_the_model_than_it_is(
    tune: dict[str, Any], reason: str, folder: WriteFolder
) -> None:
    with pytest.raises(SettingsError) as caught:
        load_policy(folder("base", base=document()), folder("over", own={"tune": [tune]}))
    assert reason in str(caught.value)


def test_an_overlay_brings_no_model_of_its_own(folder: WriteFolder) -> None:
    with pytest.raises(SettingsError) as caught:
        load_policy(folder("base", base=document()), folder("over", own={"model": CLOUDY}))
    assert "key 'model' is not allowed here" in str(caught.value)


def test_the_shipped_model_is_small_names_its_sources_and_only_asks(shipped: Policy) -> None:
    file = Path(__file__).parents[2] / "prompts" / "policy" / "learned.yaml"
    body = yaml.safe_load(file.read_text("utf-8"))["model"]
    assert file.stat().st_size < 300_000
    assert len(body["sources"]) >= 10
    free = ("Apache-2.0", "MIT", "CC-BY-4.0", "CC0-1.0")
    assert all(any(licence in source for licence in free) for source in body["sources"])
    (rule,) = [rule for rule in shipped.rules if rule.signal == "learned"]
    assert (rule.severity, rule.tunable) == ("review", True)
    assert rule.fix
