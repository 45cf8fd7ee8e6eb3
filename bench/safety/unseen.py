"""What the policy would have found in rows that nobody had looked at while writing it.

The word lists were written with the rows at hand, so a measure on the same rows flatters them.
``forgotten`` takes out every term that only the judged rows speak for: a term stays when some
other row holds it, too, or when no row does. It is harsh on words that anybody would have thought
of, and blind to the rest: which rules exist, their groups, windows and contexts, and words chosen
by looking at all rows that happen to stand in both parts. So it bounds nothing, either way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

from rows import Row

from agent.safety import Policy
from agent.safety.terms import Pattern, _stands_alone, searchable

HARMLESS = ("no-people", "aged-thing")


class Evidence:
    """Which rows hold which terms."""

    def __init__(self, policy: Policy, rows: Sequence[Row]) -> None:
        self._policy, self._rows = policy, rows
        self._holds: dict[Pattern, set[int]] = defaultdict(set)
        lexicon = policy.lexicon
        for at, row in enumerate(rows):
            text = searchable(row.text.translate(policy.letters.fold))
            for index, start, end in lexicon.matches(text):
                if _stands_alone(text, start, end, lexicon._edges[index]):
                    self._holds[lexicon._patterns[index]].add(at)

    def forgotten(self, judged: Callable[[Row], bool]) -> Policy:
        """The policy without what only judged rows speak for."""
        others = {at for at, row in enumerate(self._rows) if not judged(row)}
        classes = {
            name: tuple(p for p in patterns if self._known(name, p, others))
            for name, patterns in self._policy.classes.items()
        }
        return replace(self._policy, classes=classes)

    def _known(self, name: str, pattern: Pattern, others: set[int]) -> bool:
        excuse = (name.startswith(("~", "context:")) and name != "~age") or name in HARMLESS
        speaking = {at for at in self._holds[pattern] if self._rows[at].unsafe != excuse}
        return not speaking or bool(speaking & others)
