"""A brief before the safety policy: which field, which rule."""

from __future__ import annotations

from agent import load_settings
from agent.factory import load_policies
from agent.poster.filling import load_brief
from agent.poster.screened import fields_of, objection, screened


def term() -> tuple[str, str]:
    """A word of a class of the shipped policy that a lone rule refuses, and the rule's id."""
    policy = load_policies(load_settings())
    for rule in policy.rules:
        if rule.severity != "refuse" or not rule.echo:
            continue
        for word in WORDS:
            from agent.safety.screen import screen

            if screen(word, policy=policy).rule == rule.id:
                return word, rule.id
    raise AssertionError


WORDS = ("topless", "nude", "naked", "lingerie")


def test_every_text_is_screened_under_its_name() -> None:
    brief = load_brief(
        "title: {en: A, de: B}\nmotif: m\nmust: [x, y]\navoid: [fire]\nqr: https://a.example\n"
    )

    assert fields_of(brief) == {
        "title.en": "A",
        "title.de": "B",
        "motif": "m",
        "must": "x; y",
        "avoid": "no fire",
        "qr": "https://a.example",
    }


def test_a_harmless_brief_meets_no_objection() -> None:
    brief = load_brief("title: Lost cat\nmotif: A grey cat")

    assert objection(brief, screened(brief, load_policies(load_settings()))) is None


def test_an_objection_names_the_field_its_line_and_the_rule() -> None:
    word, rule = term()
    brief = load_brief(f"title: Show\nsubtitle: {{en: One, de: Two}}\nmotif: a {word} figure\n")

    found = objection(brief, screened(brief, load_policies(load_settings())))

    assert found is not None
    assert (found.field, found.line) == ("motif", 3)
    assert rule in found.message


def test_a_line_in_one_locale_is_named_with_its_locale() -> None:
    word, _ = term()
    brief = load_brief(f"title: Show\nsubtitle:\n  en: One\n  de: {word}\n")

    found = objection(brief, screened(brief, load_policies(load_settings())))

    assert found is not None
    assert (found.field, found.line) == ("subtitle.de", 2)
