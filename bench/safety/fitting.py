"""Logistic regression on hashed features, with numpy alone; the same bytes on every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from rows import Row

from agent.safety.learned import FEWEST, WORD, Model, beginnings, blocks, code_of, features
from agent.safety.views import folded

LEAST = 3
"""Windows that a feature must stand in."""
PENALTY = 1 / 20
ROUNDS = 300
LIGHTEST = 2
"""Weights below so many steps are left out of the table."""
WEIGHTS = {"overt-unsafe": 2.0, "overt-benign": 2.0, "xstest": 2.0, "openai-mod": 0.4}


@dataclass(frozen=True)
class Window:
    codes: tuple[int, ...]
    words: tuple[str, ...]
    unsafe: bool
    weight: float


def usable(row: Row) -> bool:
    """English image prompts, chat for its words; no Chinese chat, no questions labelled unsafe."""
    return row.set not in ("cold", "jailbench-seed") and not (row.set == "xstest" and row.unsafe)


def windows(row: Row, letters) -> list[Window]:
    """What the model sees of a row; an unsafe row is one window, since nobody says where it is."""
    text = folded(row.text, letters).text
    words = [WORD.findall(text[start:end]) for start, end in blocks(text)]
    codes = [tuple(sorted(features(each))) for each in words]
    weight = WEIGHTS.get(row.set, 1.0)
    if row.unsafe or len(codes) == 1:
        return [Window(tuple(chain(*codes)), tuple(chain(*words)), row.unsafe, weight)]
    return [
        Window(codes[i] + codes[i + 1], (*words[i], *words[i + 1]), False, weight)
        for i in range(len(codes) - 1)
    ]


def fit(data: Sequence[Window], say: Callable[[str], None] = lambda _: None) -> Model:
    """The model that ``data`` teaches, quantised as it ships."""
    seen = Counter(code for window in data for code in set(window.codes))
    known = {code: at for at, code in enumerate(sorted(c for c, n in seen.items() if n >= LEAST))}
    row, column, value = _sparse(data, known)
    sign = np.array([1.0 if window.unsafe else -1.0 for window in data])
    weight = np.array([window.weight for window in data])
    say(f"{len(data)} windows, {len(known)} features")
    theta, bias = _descend(row, column, value, sign, weight, len(known))
    each = {code: float(theta[at]) for code, at in known.items()}
    summed = _words({word for window in data for word in window.words}, each)
    step = max(map(abs, (each | summed).values())) / 127
    steps = {code: round(weight / step) for code, weight in (each | summed).items()}
    kept = {c: n for c, n in steps.items() if abs(n) >= LIGHTEST or c in summed}
    return Model(round(float(bias), 4), round(step, 6), kept)


def _words(words: Iterable[str], each: Mapping[int, float]) -> dict[int, float]:
    """Whole words with the weight of how they begin, so that a typo in a beginning costs nothing.

    Of words that are jumbles of each other, the mean. Words that say nothing are left out.
    """
    begun: dict[int, list[float]] = {}
    for word in sorted(words):
        begun.setdefault(code_of(word), []).append(sum(each.get(b, 0.0) for b in beginnings(word)))
    means = {code: sum(found) / len(found) for code, found in begun.items()}
    return {code: mean + each.get(code, 0.0) for code, mean in means.items() if mean}


def _sparse(data: Sequence[Window], known: dict[int, int]):
    rows, columns, values = [], [], []
    for at, window in enumerate(data):
        scale = 1 / max(len(window.words), FEWEST) ** 0.5
        for code, count in Counter(c for c in window.codes if c in known).items():
            rows.append(at)
            columns.append(known[code])
            values.append(count * scale)
    return np.array(rows), np.array(columns), np.array(values)


def _descend(row, column, value, sign, weight, size):
    """Accelerated gradient descent with restarts on the penalised loss; the bias is not penalised."""
    theta, ahead, momentum = np.zeros(size + 1), np.zeros(size + 1), 1.0
    lengths = np.bincount(row, value**2, len(sign)) + 1
    steep = 0.25 * float((weight * lengths).max()) * 4
    before = np.inf
    for _ in range(ROUNDS):
        while True:
            loss, gradient = _loss(ahead, row, column, value, sign, weight)
            new = ahead - gradient / steep
            trial, _ = _loss(new, row, column, value, sign, weight)
            if trial <= loss - 0.5 / steep * float(gradient @ gradient) + 1e-12:
                break
            steep *= 2
        faster = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        if trial > before:
            faster, momentum = 1.0, 1.0
        ahead = new + (momentum - 1) / faster * (new - theta)
        theta, momentum, before, steep = new, faster, trial, steep * 0.9
    return theta[:-1], theta[-1]


def _loss(theta, row, column, value, sign, weight):
    score = np.bincount(row, value * theta[column], len(sign)) + theta[-1]
    margin = sign * score
    loss = float((weight * np.logaddexp(0, -margin)).sum())
    pull = -weight * sign / (1 + np.exp(margin))
    gradient = np.append(np.bincount(column, value * pull[row], len(theta) - 1), pull.sum())
    gradient[:-1] += PENALTY * theta[:-1]
    return loss + 0.5 * PENALTY * float(theta[:-1] @ theta[:-1]), gradient
