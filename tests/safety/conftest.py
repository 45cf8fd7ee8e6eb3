"""The shipped policy, and a small one about weather and animals to test the machine with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.safety import Policy, load_policy

POLICY = Path(__file__).parents[2] / "prompts" / "policy"

TOY = """
version: toy@1
classes:
  kite: kite[s], paper bird
  storm: storm*, thunder
  picnic: picnic[s], 野餐
  duck: duck[s]
  pond: pond[s], 池塘
  shelter: barn
  cub: cub[s]
  bear: bear[s]
  cask: cask[s]
  person: walker[s]
  no-people: nobody here
allow: kite mark, storm (door|glass)
allow_in:
  storm: thunder cookie
contexts:
  museum: museum
negation:
  before: no, without, 没有
  list: leave out
  after: free
  fillers: any, more, 任何
  joiners: or, and, 和
ages:
  class: cub
  near: [bear]
  unless: [cask]
  window: 30
  templates: "{n} year[s] old, {n}岁"
  numbers: 2|two|二, 3|three|三
rules:
  - {id: kites, category: sky, severity: refuse, message: No kites., fix: Draw a cloud.,
     all_of: [[kite]], unless_context: [museum]}
  - {id: storm-picnic, category: weather, severity: review, message: Mind the weather.,
     all_of: [[picnic], [storm]], window: 30, unless_near: [shelter], tunable: true, merge: true}
  - {id: duck-pond, category: quiet, severity: refuse, message: Not this.,
     all_of: [[duck, cub], [pond]], echo: false, merge: true}
  - {id: bears, category: woods, severity: review, message: Mind the bear., all_of: [[bear]],
     window: 5, unless_near: [cub, shelter]}
  - {id: too-long, category: bounds, severity: refuse, message: Too long., signal: length}
  - {id: hidden-text, category: form, severity: review, message: Hidden., signal: hidden-text}
  - {id: direction, category: form, severity: review, message: Turned., signal: forced-direction}
  - {id: alphabets, category: form, severity: review, message: Mixed., signal: three-alphabets}
  - {id: nested, category: form, severity: review, message: Nested., signal: nested-encoding}
letters:
  lookalikes: {a: а, e: е, i: іι, k: к, o: оο, p: р, t: т}
  simplified: {没: 沒}
  leet: {a: "4", e: "3", i: "1!", t: "7", o: "0"}
  leet_other: {l: "1!"}
"""

WriteFolder = Callable[..., Path]


@pytest.fixture(scope="session")
def shipped() -> Policy:
    return load_policy(POLICY)


@pytest.fixture
def folder(tmp_path: Path) -> WriteFolder:
    """Writes YAML texts or documents as a policy folder."""

    def write(name: str, **files: str | dict[str, Any]) -> Path:
        place = tmp_path / name
        place.mkdir()
        for stem, body in files.items():
            text = body if isinstance(body, str) else yaml.safe_dump(body, allow_unicode=True)
            (place / f"{stem}.yaml").write_text(text, encoding="utf-8")
        return place

    return write


@pytest.fixture
def toy(folder: WriteFolder) -> Policy:
    return load_policy(folder("toy", base=TOY))
