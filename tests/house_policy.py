"""A policy about words that mean nothing, so that no test writes what a real one is about."""

from __future__ import annotations

HOUSE = """
version: house@1
classes:
  plumbus: plumbus
  gromlet: gromlet
  left-half: leftish
  right-half: rightish
  own-words: drawn offline
rules:
  - {id: house-no, category: house, severity: refuse, message: No plumbus here., fix: Say dinglebop.,
     all_of: [[plumbus]]}
  - {id: house-ask, category: house, severity: review, message: A gromlet needs a nod.,
     fix: Leave it out., all_of: [[gromlet]]}
  - {id: house-halves, category: house, severity: refuse, message: Not both halves.,
     all_of: [[left-half], [right-half]], merge: true}
"""
