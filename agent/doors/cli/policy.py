"""``policy``: what the rules are, and whether they do what a file of lines expects of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...policies import ClassCount, Mismatch, RuleRecord

JSON = click.option("--json", "as_json", is_flag=True, help="One record per line.")


@click.group()
def policy() -> None:
    """The rules of the safety screen: explained, and tried against lines of your own.

    Your overlay (policy = "FOLDER" in the user file) is applied, and what it changed is shown.
    """


@policy.command("list")
@JSON
def list_rules(as_json: bool) -> None:
    """Every rule: severity, category, whether an overlay may loosen it, what yours changed."""
    from ...factory import policy_rules
    from .desk import settings_of
    from .stdout import write_json
    from .wording import plain

    rules = policy_rules(settings_of())
    width = max(len(rule.id) for rule in rules)
    for rule in rules:
        if as_json:
            write_json(rule)
            continue
        tuned = "tunable" if rule.tunable else "fixed"
        own = "  (overlay)" if rule.origin == "overlay" else ""
        changed = f"  (overlay: {rule.changed})" if rule.changed else own
        severity = _coloured(_severity(rule), 7)
        click.echo(
            f"{plain(rule.id):{width}}  {severity} {tuned:8} {plain(rule.category)}{changed}"
        )


@policy.command()
@click.argument("rule")
@JSON
def explain(rule: str, as_json: bool) -> None:
    """What a rule is about: severity, categories, message, fix, and its classes by name.

    How many words a class holds is told, and never which.
    """
    from ...factory import policy_rules
    from ...policies import find_rule
    from .desk import settings_of
    from .stdout import write_json

    found = find_rule(policy_rules(settings_of()), rule)
    if as_json:
        write_json(found)
        return
    for name, value in _facts(found):
        click.echo(f"{name:12} {value}")


@policy.command()
@click.argument("file", type=click.Path(path_type=Path))
@JSON
def test(file: Path, as_json: bool) -> int:
    """Try a file of lines: {"text": …, "decision": "allow|review|refuse", "rule"?, "id"?}.

    \b
    Lists the lines that end otherwise, by number and id; the texts are never printed.
    Exits with 0 when every line does what it says, with 1 when one does not, with 2 for a file
    that cannot be read. - reads stdin.
    """  # noqa: D301  click takes a backspace for "leave these lines alone"
    from ...factory import try_policy
    from ...policies import read_lines
    from . import desk
    from .stdout import write_json

    data = desk.stdin_bytes() if str(file) == "-" else _bytes_of(file)
    found, summed = try_policy(read_lines(data, str(file)), desk.settings_of())
    for one in found:
        if as_json:
            write_json(one)
        else:
            click.echo(_mismatch_line(one))
    if as_json:
        write_json(summed)
    else:
        told = f"{summed.lines} lines, {summed.mismatches} otherwise than expected"
        click.echo(f"{told}   ({summed.policy}, {summed.policy_sha256[:12]})", err=True)
    return 1 if found else 0


def _bytes_of(file: Path) -> bytes:
    from ...errors import UsageError

    try:
        return file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{file}: cannot be read ({reason}).") from error


def _mismatch_line(one: Mismatch) -> str:
    from .wording import plain, short

    expected = one.expected + (f" by {one.expected_rule}" if one.expected_rule else "")
    came = one.decision + (f" by {one.rule}" if one.rule else "")
    own = f"  {short(one.id, 40)}" if one.id else ""
    return f"line {one.line}{own}  expected {plain(expected)}, came {plain(came)}"


# ── one rule ─────────────────────────────────────────────────────────────────────────────────


def _severity(rule: RuleRecord) -> str:
    return "off" if rule.severity == "allow" else rule.severity


def _coloured(severity: str, width: int) -> str:
    colour = {"refuse": "red", "review": "yellow"}.get(severity)
    return click.style(f"{severity:{width}}", fg=colour)


def _facts(rule: RuleRecord) -> Iterator[tuple[str, str]]:
    from .wording import plain

    yield "rule", click.style(plain(rule.id), bold=True)
    yield "severity", _coloured(_severity(rule), 0) + _meaning(rule)
    yield "category", plain(rule.category)
    yield "tunable", _tunable(rule)
    yield "said", plain(rule.message)
    if rule.fix:
        yield "fix", plain(rule.fix)
    yield from _conditions(rule)
    if not rule.echo:
        yield "words", "never repeated"
    if rule.changed or rule.origin == "overlay":
        yield "overlay", plain(rule.changed or "the rule is yours")


def _meaning(rule: RuleRecord) -> str:
    return {
        "refuse": ": stops the turn; nobody can accept it",
        "review": f": stops the turn until a person says --acknowledge {rule.id}",
    }.get(rule.severity, "")


def _tunable(rule: RuleRecord) -> str:
    if rule.tunable:
        return "yes: an overlay may set refuse, review or off"
    return "no: an overlay may only make it stricter"


def _conditions(rule: RuleRecord) -> Iterator[tuple[str, str]]:
    if rule.stage == "second":
        scores = ", ".join(rule.scores) or "a category that no other rule has"
        yield "asked of", f"the server's moderation (second_screen): {scores}, from {rule.at}"
    if rule.signal:
        yield "form", f"the text's own: {rule.signal}"
    for group in rule.needs:
        yield "one of", _classes(group)
    if len(rule.needs) > 1:
        near = "anywhere in the text" if rule.window is None else f"within {rule.window} characters"
        yield "where", near + (", or spread over the turns of a session" if rule.merge else "")
    if rule.unless_context:
        where = "less readily in" if rule.signal == "learned" else "not in"
        yield where, _classes(rule.unless_context)
    if rule.unless_near:
        yield "not beside", _classes(rule.unless_near)


def _classes(classes: tuple[ClassCount, ...]) -> str:
    return ", ".join(f"{one.name} ({one.terms:,})" for one in classes)
