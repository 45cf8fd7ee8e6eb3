"""The nouns of a policy: rules, negation, ages, and the ``Policy`` they make up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, get_args

from ..errors import SettingsError
from ..schema import Sha256
from .learned import Model
from .letters import Letters
from .terms import Lexicon, Pattern

Severity = Literal["refuse", "review"]
Tuning = Literal["refuse", "review", "off"]
Signal = Literal[
    "hidden-text", "forced-direction", "three-alphabets", "nested-encoding", "length", "learned"
]

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
TUNINGS: tuple[Tuning, ...] = get_args(Tuning)
SIGNALS: tuple[Signal, ...] = get_args(Signal)

ALLOW = "~allow"
SPARE = "~spare"
CUE = "~cue"
LIST = "~list"
AFTER = "~after"
AGE = "~age"
ALLOW_IN = "~allow:"
CONTEXT = "context:"
"""Reserved classes: allow-spans (of the policy, of an overlay), negation before, before a
list and after, ages; then the
prefixes of allow-spans for one class and of contexts."""


@dataclass(frozen=True)
class Rule:
    """One sentence of the policy.

    ``all_of``: groups of classes; one class of each group must be found, within ``window``
    characters of the first (``None`` = anywhere). ``merge``: the groups may be spread over the
    turns that a request joins. ``echo``: whether a verdict may repeat the words. ``different``: so
    many different words of the first group. ``threshold``: log-odds from which the learned model
    stops a text; ``in_context``: how many more it takes where one of ``unless_context`` is said.
    """

    id: str
    category: str
    severity: Severity
    message: str
    fix: str = ""
    all_of: tuple[tuple[str, ...], ...] = ()
    window: int | None = None
    unless_context: tuple[str, ...] = ()
    unless_near: tuple[str, ...] = ()
    tunable: bool = False
    merge: bool = False
    echo: bool = True
    different: int = 1
    signal: Signal | None = None
    threshold: float | None = None
    in_context: float = 0.0


@dataclass(frozen=True)
class Negation:
    """``fillers`` may stand between a cue and what it negates; ``joiners`` carry it along a list."""

    fillers: frozenset[str] = frozenset()
    joiners: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Age:
    """An age under the limit counts as class ``name`` only within ``window`` of a class in ``near``."""

    name: str = "minor"
    near: tuple[str, ...] = ("person",)
    unless: tuple[str, ...] = ()
    window: int = 40


@dataclass(frozen=True, eq=False)
class Policy:
    """Everything a verdict depends on. Compared by identity; ``sha256`` names the content."""

    version: str
    sha256: Sha256
    rules: tuple[Rule, ...]
    classes: Mapping[str, tuple[Pattern, ...]] = field(repr=False)
    negation: Negation
    age: Age
    letters: Letters = field(repr=False)
    model: Model | None = field(default=None, repr=False)

    @cached_property
    def lexicon(self) -> Lexicon:
        """Compiled on first use, then kept with the policy."""
        return Lexicon(self.classes)

    @cached_property
    def reserved(self) -> frozenset[str]:
        """Classes that weigh others: allow-spans and negation."""
        return frozenset(name for name in self.classes if name.startswith("~") and name != AGE)

    @cached_property
    def about_words(self) -> tuple[tuple[Rule, tuple[frozenset[str], ...]], ...]:
        """Rules that ask for classes, with the groups that each of them needs."""
        return tuple(
            (rule, tuple(map(frozenset, rule.all_of))) for rule in self.rules if rule.all_of
        )

    @cached_property
    def _places_led(self) -> Mapping[str, tuple[int, ...]]:
        """Of each class the places in ``about_words`` of the rules that it leads."""
        led: dict[str, list[int]] = {}
        for place, (_, groups) in enumerate(self.about_words):
            for name in groups[0]:
                led.setdefault(name, []).append(place)
        return {name: tuple(places) for name, places in led.items()}

    def led_by(self, present: Iterable[str]) -> list[tuple[Rule, tuple[frozenset[str], ...]]]:
        """Of ``about_words`` the rules that a class of ``present`` leads, in policy order."""
        led = self._places_led
        places = {place for name in present if name in led for place in led[name]}
        return [self.about_words[place] for place in sorted(places)]

    @cached_property
    def about_likeness(self) -> tuple[Rule, ...]:
        """Rules that ask the learned model."""
        return tuple(rule for rule in self.rules if rule.signal == "learned")

    @cached_property
    def contexts(self) -> frozenset[str]:
        """Classes that say what a text is for; an allow-span around one leaves it standing."""
        return frozenset(name for name in self.classes if name.startswith(CONTEXT))

    def rule(self, rule_id: str) -> Rule:
        """``SettingsError`` when there is no such rule."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        known = ", ".join(rule.id for rule in self.rules)
        raise SettingsError(f"The policy has no rule {rule_id!r}", hint=f"Known rules: {known}")
