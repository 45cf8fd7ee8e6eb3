"""Trains the learned model of the policy, or judges it with the judged rows left out.

    python bench/safety/train.py FOLDER --judge          split halves, five folds, a source left out
    python bench/safety/train.py FOLDER --tricks         under each spelling trick, five folds
    python bench/safety/train.py FOLDER --write FILE     trains on everything and writes the model

Needs numpy, in a venv of its own; the project does not. FOLDER holds rows (see ``rows.py``) under
licences that permit it; ``SOURCES`` names them, and they stand in the header of the written file.
"""

from __future__ import annotations

import argparse
import base64
import sys
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from evaluate import tricks  # noqa: E402
from fitting import fit, usable, windows  # noqa: E402
from rows import Row, read  # noqa: E402
from unseen import Evidence  # noqa: E402

from agent.safety import Policy, load_policy, screen  # noqa: E402

POLICY = HERE.parents[1] / "prompts" / "policy"
SOURCES = {
    "overt": "yixiao-huang/OVERT ea99f2b398b3, Apache-2.0",
    "openai-mod": "openai/moderation-api-release f4ab51b5edd3, MIT",
    "xstest": "paul-rottger/exaggerated-safety d7bb5bd738c1, CC-BY-4.0",
    "coco10k": "OPTML-Group/Diffusion-MU-Attack 5a3e5d37fb87, CC-BY-4.0",
    "parti": "google-research/parti 5a6579781343, Apache-2.0",
    "sneaky-animal": "Yuchen413/text2image_safety cf0ad29abba4, MIT",
    "gal-freestylefly": "freestylefly/awesome-gpt-image-2 3a9c63baa03e, MIT",
    "gal-cccyyywqq": "cccyyywqq/awesome-gpt-image-prompts-zh a1af7c790056, MIT",
    "gal-azhutech": "AzhuTech/awesome-gpt-image-2-prompts fbe97c2f3f13, CC0-1.0",
    "gal-g0dam": "g0dam/Awesome-GPT-Image-2-Work-Prompts 690c2d6969a6, CC-BY-4.0",
    "gal-youmind": "YouMind-OpenLab/awesome-gpt-image-2 c9804ca143c0, CC-BY-4.0",
    "gal-picotrex": "PicoTrex/Awesome-Nano-Banana-images 7d344750a40e, Apache-2.0",
    "gal-jamez": "jamez-bondos/awesome-gpt4o-images 3ed4dbb0f1ae, CC-BY-4.0",
}
LEVELS = (inf, None, -0.5, 0.0, 0.25, 0.5, 1.0)
"""Thresholds; the first asks the rules alone, the second is what ships."""
ABOUT = """\
A linear model over hashed words, pairs of words and beginnings of words; see
agent/safety/learned.py. It may ask for a review and never refuses. Trained by
bench/safety/train.py on the rows of the sources named here; no text of them is in this file, only
a 32-bit hash and a signed byte for each feature."""


def licensed(rows: list[Row]) -> list[Row]:
    """Rows that may be trained on; anything from a source that is not named is left alone."""
    return [row for row in rows if usable(row) and row.set.startswith(tuple(SOURCES))]


def write(rows: list[Row], policy: Policy, file: Path) -> None:
    data = [window for row in rows for window in windows(row, policy.letters)]
    model = fit(data, print)
    codes = sorted(model.weights)
    hashes = b"".join(code.to_bytes(4, "little") for code in codes)
    weights = bytes(model.weights[code] & 0xFF for code in codes)
    counts = {name: sum(row.set.startswith(name) for row in rows) for name in SOURCES}
    lines = [f"# {line}" for line in ABOUT.splitlines()]
    lines += ["model:", "  about: hashed words, pairs, beginnings; log-odds", "  sources:"]
    lines += [f'    - "{text}, {counts[name]} rows"' for name, text in SOURCES.items()]
    lines += [f"  bias: {model.bias}", f"  step: {model.step}"]
    for name, data in (("hashes", hashes), ("weights", weights)):
        lines.append(f"  {name}: |")
        lines += [f"    {line}" for line in textwrap.wrap(base64.b64encode(data).decode(), 96)]
    file.write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{file}: {len(codes)} features, {file.stat().st_size:,} bytes")


def judge(rows: list[Row], policy: Policy) -> None:
    evidence = Evidence(policy, rows)
    for name, folds in (("split halves", 2), ("five folds", 5)):
        report(name, list(_judged(rows, policy, evidence, _folds(folds))))
    galleries = sorted({row.set for row in rows if row.set.startswith("gal-")})
    parts = [lambda row, s=source: row.set == s for source in galleries]
    report("each gallery left out", list(_judged(rows, policy, evidence, parts)))
    for source in ("overt", "gal-", "coco10k", "xstest"):
        parts = [lambda row, s=source: row.set.startswith(s)]
        report(f"without {source}", list(_judged(rows, policy, evidence, parts)))


def _judged(
    rows: list[Row],
    policy: Policy,
    evidence: Evidence,
    parts: list[Callable[[Row], bool]],
) -> Iterator[tuple[Row, list[bool]]]:
    """Rows with whether they are flagged at each of ``LEVELS``, by what the other rows taught."""
    for judged, cut in _cut(rows, policy, evidence, parts):
        policies = [_asking_from(cut, level) for level in LEVELS]
        for row in filter(judged, rows):
            yield row, [screen(row.text, policy=each).decision != "allow" for each in policies]


def _cut(
    rows: list[Row], policy: Policy, evidence: Evidence, parts: list[Callable[[Row], bool]]
) -> Iterator[tuple[Callable[[Row], bool], Policy]]:
    """For each part what the policy would be had nobody seen the rows of it."""
    cut = {row.id: windows(row, policy.letters) for row in rows}
    for judged in parts:
        model = fit([w for row in rows if not judged(row) for w in cut[row.id]])
        yield judged, replace(evidence.forgotten(judged), model=model)


def _asking_from(policy: Policy, level: float | None) -> Policy:
    """The policy with another threshold; ``None``: as it is, infinite: the rules alone."""
    rules = policy.rules
    if level is not None:
        rules = tuple(replace(r, threshold=level) if r.signal == "learned" else r for r in rules)
    return replace(policy, rules=rules)


def report(name: str, found: list[tuple[Row, list[bool]]]) -> None:
    """Recall and false positives of rules alone, as shipped, and for a range of thresholds."""
    groups: dict[str, list[list[bool]]] = defaultdict(list)
    for row, flagged in found:
        groups[row.group].append(flagged)
        if row.unsafe and row.set == "overt-unsafe":
            groups["OVERT unsafe, all"].append(flagged)
        if row.unsafe and row.category == "sexual":
            groups["sexual, all"].append(flagged)
    print(f"\n{name}: % flagged by the rules, as shipped, then from a threshold on")
    names = ("rules", "shipped", *map(str, LEVELS[2:]))
    print(f"{'':36}{'rows':>6}" + "".join(f"{each:>8}" for each in names))
    for group, rows in sorted(groups.items()):
        shares = (100 * sum(column) / len(rows) for column in zip(*rows, strict=True))
        print(f"{group:36}{len(rows):>6}" + "".join(f"{share:>8.2f}" for share in shares))


def tricked(rows: list[Row], policy: Policy) -> None:
    """What is left under each spelling trick, in five folds."""
    parts = _folds(5)
    cut = [each for _, each in _cut(rows, policy, Evidence(policy, rows), parts)]
    overt = [row for row in rows if row.set.startswith("overt") or row.set.startswith("gal-")]
    tricks(overt, lambda row, text: screen(text, policy=cut[row.fold(5)]).decision)


def _folds(folds: int) -> list[Callable[[Row], bool]]:
    return [lambda row, at=at: row.fold(folds) == at for at in range(folds)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--judge", action="store_true")
    parser.add_argument("--tricks", action="store_true")
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args()
    policy = load_policy(POLICY)
    rows = licensed(read(options.folder))
    if options.judge:
        judge(rows, policy)
    if options.tricks:
        tricked(rows, policy)
    if options.write:
        write(rows, policy, options.write)


if __name__ == "__main__":
    main()
