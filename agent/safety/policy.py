"""Reads policy data: documents in, a frozen, checked, hashed ``Policy`` out.

A policy folder holds YAML documents that are merged: word lists per language beside one file of
rules. An overlay folder may add terms and rules and tune the rules marked ``tunable``; it can
tighten anything and loosen nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.resources.abc import Traversable
from pathlib import Path

import yaml

from ..errors import SettingsError
from ..schema import Sha256
from .documents import Document, Node, parsed
from .learned import Model
from .letters import Letters
from .rules import (
    AFTER,
    AGE,
    ALLOW,
    ALLOW_IN,
    CONTEXT,
    CUE,
    LIST,
    SEVERITIES,
    SIGNALS,
    SPARE,
    TUNINGS,
    Age,
    Negation,
    Policy,
    Rule,
    Severity,
    Tuning,
)
from .terms import Pattern, compile_term

__all__ = ["Policy", "Rule", "build_policy", "load_policy"]

_MAX_BYTES = 2_000_000
_SECOND_SCREEN = "moderation.toml"
"""Of an overlay; read elsewhere. A folder may hold nothing else."""
_HIGHEST = 20.0
"""Log-odds, either way, beyond which a threshold says nothing more."""
_BASE_KEYS = (
    "version",
    "classes",
    "allow",
    "allow_in",
    "contexts",
    "negation",
    "ages",
    "rules",
    "letters",
    "model",
)
_OVERLAY_KEYS = ("version", "classes", "allow", "rules", "tune")
_RULE_KEYS = tuple(Rule.__dataclass_fields__)
_NAME = re.compile(r"[a-z][a-z0-9-]*")
_LETTER_KEYS = ("lookalikes", "simplified", "leet", "leet_other")


def load_policy(folder: Path | Traversable, overlay: Path | None = None) -> Policy:
    """Read a policy folder and, on top of it, an overlay folder. ``SettingsError`` on any mistake."""
    return build_policy(_documents(folder), _documents(overlay) if overlay else ())


def _documents(folder: Path | Traversable) -> tuple[Document, ...]:
    if not folder.is_dir():
        raise SettingsError(f"{folder}: no such policy folder", hint="Check the policy setting.")
    names = sorted(file.name for file in folder.iterdir())
    for name in names:
        if name.lower().endswith((".yml", ".yaml")) and not name.endswith(".yaml"):
            raise SettingsError(f"{folder}: {name} would not be read", hint="Name it .yaml.")
    files = [folder / name for name in names if name.endswith(".yaml")]
    if not files and _SECOND_SCREEN not in names:
        raise SettingsError(
            f"{folder}: no .yaml file in this policy folder",
            hint="Put your rules in one, as docs/safety.md shows, or unset the policy setting.",
        )
    return tuple(_document(file) for file in files)


def _document(file: Path | Traversable) -> Document:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file}: cannot be read ({error.strerror})") from error
    if len(data) > _MAX_BYTES:
        raise SettingsError(f"{file.name}: {len(data):,} bytes, more than {_MAX_BYTES:,}")
    try:
        return Document(file.name, parsed(data))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise SettingsError(f"{file.name}: not readable as YAML: {error}") from error


def build_policy(base: Iterable[Document], overlay: Iterable[Document] = ()) -> Policy:
    """Merge documents into a policy. ``SettingsError`` names the file, the id and the reason."""
    base, overlay = tuple(base), tuple(overlay)
    roots = [Node.root(document) for document in base]
    extra = [Node.root(document) for document in overlay]
    for keys, nodes in ((_BASE_KEYS, roots), (_OVERLAY_KEYS, extra)):
        for node in nodes:
            node.only(keys)
    letters = _letters(roots)
    classes = _classes(roots, extra, letters)
    rules, age = _rules(roots + extra, classes), _age(roots, classes)
    _check_overlay_classes(extra, rules, age)
    policy = Policy(
        version="+".join(
            node.at("version").text() for node in roots + extra if node.has("version")
        ),
        sha256=_digest((*base, *overlay)),
        rules=_tuned(rules, extra),
        classes=classes,
        negation=_negation(roots),
        age=age,
        letters=letters,
        model=_model(roots, rules),
    )
    if not any(rule.signal == "length" and rule.severity == "refuse" for rule in policy.rules):
        raise SettingsError("The policy has no rule that refuses on signal 'length'")
    if not policy.version:
        raise SettingsError("The policy has no version", hint="Add `version: name@1` to one file.")
    return policy


def _model(roots: list[Node], rules: tuple[Rule, ...]) -> Model | None:
    """The learned model; a rule that asks it needs it, and may only be a tunable review."""
    nodes = list(_each(roots, "model"))
    for rule in rules:
        if rule.signal == "learned" and not (nodes and rule.severity == "review"):
            raise SettingsError(
                f"rule {rule.id!r} asks a learned model: the policy needs `model`, and review is "
                "the most it may be"
            )
    for node in nodes:
        node.only(("about", "sources", "bias", "step", "hashes", "weights"))
        hashes, weights = node.at("hashes").packed(), node.at("weights").packed()
        try:
            return Model.unpacked(node.at("bias").real(), node.at("step").real(), hashes, weights)
        except ValueError as error:
            raise node.wrong(str(error)) from None
    return None


def _check_overlay_classes(overlay: list[Node], rules: tuple[Rule, ...], age: Age) -> None:
    """An overlay may not add words that switch a fixed rule off."""
    fixed = {name: rule.id for rule in rules if not rule.tunable for name in rule.unless_near}
    fixed |= dict.fromkeys(age.unless, "ages")
    for name, node in (pair for item in _each(overlay, "classes") for pair in item.children()):
        if name in fixed:
            raise node.wrong(f"class {name!r} loosens {fixed[name]!r}, which is fixed")


def _digest(documents: Iterable[Document]) -> Sha256:
    content = {document.name: document.body for document in documents}
    canonical = json.dumps(
        content, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=str
    )
    return Sha256(hashlib.sha256(canonical.encode()).hexdigest())


def _letters(roots: list[Node]) -> Letters:
    tables: dict[str, dict[str, str]] = {key: {} for key in _LETTER_KEYS}
    for node in _each(roots, "letters"):
        node.only(_LETTER_KEYS)
        for key, table in node.children():
            for letter, run in table.children():
                tables[key] |= dict.fromkeys(run.text(), letter)
    return Letters(**tables)


def _each(roots: list[Node], key: str) -> Iterator[Node]:
    return (node.at(key) for node in roots if node.has(key))


def _classes(
    roots: list[Node], overlay: list[Node], letters: Letters
) -> dict[str, tuple[Pattern, ...]]:
    found: dict[str, list[Pattern]] = {}
    for name, terms in _named_terms(roots, overlay):
        found.setdefault(name, []).extend(_compiled(terms, letters))
    for node in _each(roots, "ages"):
        ages = (_compiled(template, letters, number=True) for template in _ages(node))
        found.setdefault(AGE, []).extend(pattern for patterns in ages for pattern in patterns)
    return {name: tuple(dict.fromkeys(patterns)) for name, patterns in found.items()}


def _named_terms(roots: list[Node], overlay: list[Node]) -> Iterator[tuple[str, Node]]:
    for node in _each(roots + overlay, "classes"):
        yield from ((_class_name(name, terms), terms) for name, terms in node.children())
    for node in _each(roots, "contexts"):
        yield from ((CONTEXT + _class_name(name, terms), terms) for name, terms in node.children())
    for node in _each(roots, "allow_in"):
        yield from ((ALLOW_IN + _class_name(name, terms), terms) for name, terms in node.children())
    yield from ((ALLOW, node) for node in _each(roots, "allow"))
    yield from ((SPARE, node) for node in _each(overlay, "allow"))
    for node in _each(roots, "negation"):
        node.only(("before", "list", "after", "fillers", "joiners"))
        yield from (
            (CUE, node.at("before")),
            (LIST, node.at("list")),
            (AFTER, node.at("after")),
        )


def _class_name(name: str, node: Node) -> str:
    if not _NAME.fullmatch(name):
        raise node.wrong(f"{name!r} is no class name: small letters, digits and hyphens")
    return name


def _compiled(terms: Node, letters: Letters, *, number: bool = False) -> Iterator[Pattern]:
    for term in terms.terms():
        try:
            yield from compile_term(term, letters, number=number)
        except ValueError as error:
            raise terms.wrong(f"bad term: {error}") from None


def _ages(node: Node) -> Iterator[Node]:
    """Every template with every number put in."""
    node.only(("class", "near", "unless", "window", "templates", "numbers"))
    numbers = "|".join(node.at("numbers").terms())
    for number in numbers.split("|"):
        filled = [t.replace("{n}", number) for t in node.at("templates").terms()]
        yield node.like(filled)


def _negation(roots: list[Node]) -> Negation:
    words: dict[str, frozenset[str]] = {"fillers": frozenset(), "joiners": frozenset()}
    for node in _each(roots, "negation"):
        for key in words:
            words[key] |= frozenset(node.at(key).terms())
    return Negation(**words)


def _age(roots: list[Node], classes: Mapping[str, object]) -> Age:
    for node in _each(roots, "ages"):
        if node.has("class"):
            return Age(
                name=node.at("class").one_of(classes),
                near=node.at("near").several(classes),
                unless=node.at("unless").several(classes),
                window=node.at("window").number(),
            )
    return Age()


def _rules(nodes: list[Node], classes: Mapping[str, object]) -> tuple[Rule, ...]:
    contexts = frozenset(n.removeprefix(CONTEXT) for n in classes if n.startswith(CONTEXT))
    rules: dict[str, Rule] = {}
    for node in (item for root in _each(nodes, "rules") for item in root.items()):
        named = node.named(node.at("id").text())
        rule = _rule(named, classes, contexts)
        if rule.id in rules:
            raise named.wrong("this id is used twice")
        rules[rule.id] = rule
    return tuple(rules.values())


def _rule(node: Node, classes: Mapping[str, object], contexts: frozenset[str]) -> Rule:
    node.only(_RULE_KEYS)
    rule = Rule(
        id=node.at("id").text(),
        category=node.at("category").text(),
        severity=node.at("severity").one_of(SEVERITIES),
        message=node.at("message").text(),
        fix=node.text_or("fix", ""),
        all_of=tuple(group.several(classes) for group in node.at("all_of", []).items()),
        window=node.at("window").number() if node.has("window") else None,
        unless_context=node.at("unless_context", []).several(contexts),
        unless_near=node.at("unless_near", []).several(classes),
        tunable=node.flag("tunable", default=False),
        merge=node.flag("merge", default=False),
        echo=node.flag("echo", default=True),
        different=node.at("different").number() if node.has("different") else 1,
        signal=node.at("signal").one_of(SIGNALS) if node.has("signal") else None,
        threshold=_threshold(node.at("threshold")) if node.has("threshold") else None,
        in_context=_threshold(node.at("in_context", 0.0)),
    )
    if (rule.signal == "learned") != (rule.threshold is not None):
        raise node.wrong("a threshold belongs to a rule with signal 'learned', and it needs one")
    if rule.in_context and (rule.signal != "learned" or rule.in_context < 0):
        raise node.wrong("in_context belongs to a rule with signal 'learned', from 0 on")
    if rule.different != 1 and not (rule.all_of and rule.different):
        raise node.wrong("different belongs to a rule with all_of, from 1 on")
    if bool(rule.all_of) == bool(rule.signal):
        raise node.wrong("a rule has either all_of or signal")
    return rule


def _threshold(node: Node) -> float:
    value = node.real()
    if not -_HIGHEST <= value <= _HIGHEST:
        raise node.wrong(f"expected log-odds from {-_HIGHEST:g} to {_HIGHEST:g}, not {value:g}")
    return value


def _tuned(rules: tuple[Rule, ...], overlay: list[Node]) -> tuple[Rule, ...]:
    known = {rule.id: rule for rule in rules}
    tuned: dict[str, Rule | None] = {}
    for item in (item for node in _each(overlay, "tune") for item in node.items()):
        item.only(("id", "severity", "threshold"))
        rule = known[item.at("id").one_of(known)]
        if rule.id in tuned:
            raise item.wrong(f"rule {rule.id!r} is tuned twice")
        severity = _tuning(item, rule)
        if not (rule.tunable or severity in ("refuse", rule.severity)):
            raise item.wrong(f"rule {rule.id!r} is fixed: an overlay may not loosen it")
        tuned[rule.id] = None if severity == "off" else _retuned(rule, severity, item)
    return tuple(rule for rule in (known | tuned).values() if rule)


def _tuning(item: Node, rule: Rule) -> Tuning:
    """What the rule shall be; a new threshold alone leaves its severity."""
    if item.has("threshold") and not item.has("severity"):
        return rule.severity
    severity = item.at("severity")
    if severity.value is False:
        raise severity.wrong('write "off" in quotes: YAML reads it bare as false')
    return severity.one_of(TUNINGS)


def _retuned(rule: Rule, severity: Severity, item: Node) -> Rule:
    if rule.signal != "learned":
        if item.has("threshold"):
            raise item.wrong(f"rule {rule.id!r} has no threshold")
        return replace(rule, severity=severity)
    if severity == "refuse":
        raise item.wrong(f"rule {rule.id!r} asks a learned model: review is the most it may be")
    return replace(rule, threshold=_threshold(item.at("threshold", rule.threshold)))
