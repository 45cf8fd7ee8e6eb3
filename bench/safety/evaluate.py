"""How the safety screen does on labelled rows: recall, false positives, tricks, time.

    python bench/safety/evaluate.py FOLDER                    what the policy as it stands finds
    python bench/safety/evaluate.py FOLDER --tricks           and under each spelling trick
    python bench/safety/evaluate.py FOLDER --wrong            ids of harmless rows that are stopped
    python bench/safety/evaluate.py FOLDER --missed overt     ids of unsafe rows that pass
    python bench/safety/evaluate.py FOLDER --peer             beside alt-profanity-check, if installed

FOLDER holds JSONL rows (see ``rows.py``). Ids are printed, never a text. A figure on rows that the
policy was written or trained with flatters it: ``train.py --judge`` gives the other one.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from rows import Row, read  # noqa: E402
from spelling import TRICKS  # noqa: E402

from agent.safety import load_policy, screen  # noqa: E402
from agent.safety.views import MAX_CHARACTERS  # noqa: E402

POLICY = HERE.parents[1] / "prompts" / "policy"
PUBLISHED = """
published, other halves of the same sets (issue 4):     recall OVERT and others / false positives
  captions and Parti, best peer                         0.23 % false (at 6.6 % recall)
  galleries, best peer                                  0.1 % English, 0 % Chinese (at 14.5 %)
  OVERT look-alikes, best peer                          0.5 % (at 14.5 %)
  OVERT unsafe, best peer                               38 % (at 14.7 % false positives)
  sexual, best peer                                     77 % (at 3 %)
  each trick                                            0 % for some trick, every peer
  2,000 characters                                      4 to 20 ms"""
Judge = Callable[[str], str]
"""allow, review or refuse."""
RowJudge = Callable[[Row, str], str]
"""The same of what a trick made of a row."""


def grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
        if row.unsafe and row.set == "overt-unsafe":
            groups.setdefault("OVERT unsafe, all", []).append(row)
        if row.unsafe and row.category == "sexual":
            groups.setdefault("sexual, all", []).append(row)
    return dict(sorted(groups.items(), key=lambda group: (group[1][0].unsafe, group[0])))


def table(rows: Sequence[Row], judge: Judge) -> dict[str, str]:
    """Prints what is flagged by group; returns the decision of each row."""
    said = {row.id: judge(row.text) for row in rows}
    print(f"{'':40}{'rows':>6}{'refuse %':>10}{'refuse or review %':>20}")
    for name, group in grouped(rows).items():
        refused = sum(said[row.id] == "refuse" for row in group)
        flagged = sum(said[row.id] != "allow" for row in group)
        kind = "recall" if group[0].unsafe else "false"
        shares = f"{100 * refused / len(group):>10.2f}{100 * flagged / len(group):>20.2f}"
        print(f"{name:40}{len(group):>6}{shares}  {kind}")
    return said


def tricks(rows: Sequence[Row], judge: RowJudge) -> None:
    """Recall kept and false positives under each trick, on the English image prompts."""
    rows = [r for r in rows if r.lang == "en" and not r.set.startswith(("openai-mod", "xstest"))]
    unsafe, harmless = [r for r in rows if r.unsafe], [r for r in rows if not r.unsafe]
    clean = {row.id for row in rows if judge(row, row.text) != "allow"}
    found, wrong = (len(clean & {r.id for r in part}) for part in (unsafe, harmless))
    print(
        f"\nclean: {found} of {len(unsafe)} unsafe and {wrong} of {len(harmless)} harmless flagged"
    )
    print(f"{'':22}{'recall kept %':>14}{'false positives, times clean':>30}")
    for name, trick in TRICKS.items():
        kept = sum(r.id in clean and judge(r, trick(r.text)) != "allow" for r in unsafe)
        false = sum(judge(r, trick(r.text)) != "allow" for r in harmless)
        print(f"{name:22}{100 * kept / max(found, 1):>14.1f}{false / max(wrong, 1):>30.2f}")


def timing(rows: Sequence[Row], judge: Judge, tries: int = 7) -> None:
    """Best of several tries of each text, since the machine does other things, too."""
    texts = [r.text for r in rows if not r.unsafe and 1_500 <= len(r.text) <= 2_500]
    if not texts:
        return
    best = sorted(_best(judge, text, tries) for text in texts)
    p50, p99 = best[len(best) // 2], best[int(len(best) * 0.99)]
    print(f"\n{len(texts)} texts of 1,500 to 2,500 characters: p50 {p50:.0f} µs, p99 {p99:.0f} µs")
    joined = "\n".join(r.text for r in rows if not r.unsafe and r.group.startswith("gallery"))
    if len(joined) >= MAX_CHARACTERS:
        short, long = (_best(judge, joined[:size], tries) for size in (2_000, MAX_CHARACTERS))
        print(f"20,000 characters take {long / short:.1f} times as long as their first 2,000")


def _best(judge: Judge, text: str, tries: int) -> float:
    spent = []
    for _ in range(tries):
        start = time.perf_counter_ns()
        judge(text)
        spent.append(time.perf_counter_ns() - start)
    return min(spent) / 1_000


def peer() -> Judge | None:
    """alt-profanity-check, a linear model trained on comments; ``None`` says why."""
    try:
        from profanity_check import predict
    except ImportError as error:
        print(f"\nno peer: {error}; pip install alt-profanity-check into a venv of its own")
        return None
    return lambda text: "review" if predict([text])[0] else "allow"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--overlay", type=Path)
    parser.add_argument("--tricks", action="store_true")
    parser.add_argument("--wrong", action="store_true")
    parser.add_argument("--missed", metavar="SET")
    parser.add_argument("--peer", action="store_true")
    options = parser.parse_args()
    policy = load_policy(POLICY, options.overlay)
    rows = read(options.folder)

    def judge(text: str) -> str:
        return screen(text, policy=policy).decision

    print(f"policy {policy.version} {policy.sha256[:12]}")
    said = table(rows, judge)
    for row in rows:
        passed = said[row.id] == "allow"
        if (options.wrong and not row.unsafe and not passed) or (
            options.missed and row.unsafe and passed and row.set.startswith(options.missed)
        ):
            print(f"  {row.id} {screen(row.text, policy=policy).rule or 'passes'}")
    if options.tricks:
        tricks(rows, lambda _, text: judge(text))
    timing(rows, judge)
    if options.peer and (other := peer()):
        print("\nalt-profanity-check")
        table(rows, other)
        timing(rows, other, tries=2)
    print(PUBLISHED)


if __name__ == "__main__":
    main()
