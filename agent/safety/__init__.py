"""The safety room: a text goes in, a verdict comes out; nothing is sent, stored or logged here.

    text ─ views (one text per spelling trick) ─ reading (classes found) ─ rules ─ Verdict

The policy is data under ``prompts/policy``; this package holds no word list.
"""

from __future__ import annotations

from .policy import Policy, Rule, load_policy
from .screen import bounds, screen

__all__ = ["Policy", "Rule", "bounds", "load_policy", "screen"]
