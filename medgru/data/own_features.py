"""Features of an own task from the columns of a table, and those among them that give the label away.

Shapes: B stays, N values.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgru.data.classes import canonical, in_order, missing_among
from medgru.data.columns import CATEGORY, MAX_CATEGORIES, NUMBER
from medgru.data.recording import Recordings
from medgru.tasks import Feature
from medgru.tasks.own import MAX_CHOICES, MAX_TEXT

LARGEST = 1e15
"""Numbers beyond it are taken for errors: they could not be added up exactly any more."""

SPANS = 10
"""The range reaches this many times the span of the values beyond them, so that later files are read too."""

_LEAST_SPAN = 1e-9
_SMALL = 1e-4


def number_feature(name: str, value: NDArray[np.float64], group: str) -> Feature | str:
    """A feature for these finite numbers, or why there is none (a sentence's end)."""
    value = value[np.abs(value) <= LARGEST]
    if not len(value):
        return "is empty"
    low, high = float(value.min()), float(value.max())
    if high - low < _LEAST_SPAN:
        return "holds one value only" if low == high else "holds values that hardly differ"
    reach = SPANS * (high - low)
    whole = bool((value[:10_000] == np.rint(value[:10_000])).all())
    decimals = 0 if whole else int(np.clip(2 - np.floor(np.log10(high - low)), 1, 8))
    return Feature(name, name, "", _rounded(low - reach, -1), _rounded(high + reach, 1), group=group, decimals=decimals)


def category_feature(name: str, texts: Sequence[str], group: str) -> Feature | str:
    """A coded feature for these texts, or why there is none; a number among them is its own code."""
    absent = missing_among(texts)
    labels = list(dict.fromkeys(canonical(t)[:MAX_TEXT] for t in texts if t not in absent))
    labels = in_order([label for label in labels if label])
    if len(labels) < 2:
        return "holds one value only" if labels else "is empty"
    if len(labels) > MAX_CATEGORIES:
        return f"holds more than {MAX_CATEGORIES} different texts"
    numbers = {label: int(label) for label in labels if _is_code(label)}
    first = max([-1, *numbers.values()]) + 1
    words = [label for label in labels if label not in numbers]
    codes = numbers | {label: first + i for i, label in enumerate(words)}
    choices = dict(sorted((code, label) for label, code in codes.items()))
    assert len(choices) <= MAX_CHOICES
    return Feature(name, name, "", min(choices), max(choices), group=group, choices=choices)


def feature_of(kind: str, name: str, value: NDArray[np.float64], texts: Sequence[str], group: str) -> Feature | str:
    """A feature for a column of that kind, or why there is none."""
    if kind == NUMBER:
        return number_feature(name, value, group)
    if kind == CATEGORY:
        return category_feature(name, texts, group)
    return "holds free text or dates"


def too_small(recordings: Recordings) -> list[str]:
    """Names of series whose values differ too little to be told apart: they are added up to the sixth decimal."""
    found = []
    for i, f in enumerate(recordings.task.features):
        value = recordings.value[recordings.feature == i]
        if len(value) and not f.choices and float(np.std(value.astype(np.float64))) < _SMALL:
            found.append(f.name)
    return found


def giveaways(recordings: Recordings, y_true: NDArray[np.int64]) -> list[str]:
    """Names of inputs that never change within a stay and of which each value has one class only."""
    task, n = recordings.task, len(recordings)
    found = []
    for i, feature in enumerate(task.features):
        mine = recordings.feature == i
        stay, value = recordings.stay[mine], recordings.value[mine]
        low, high = np.full(n, np.inf, np.float32), np.full(n, -np.inf, np.float32)
        np.minimum.at(low, stay, value)
        np.maximum.at(high, stay, value)
        known = np.isfinite(low)
        if known.any() and (low[known] == high[known]).all() and _tells(low[known], y_true[known]):
            found.append(feature.name)
    for i, feature in enumerate(task.statics):
        known = np.isfinite(recordings.statics[:, i])
        if _tells(recordings.statics[known, i], y_true[known]):
            found.append(feature.name)
    return found


def _tells(value: NDArray[np.float32], y_true: NDArray[np.int64]) -> bool:
    """Whether each value has one class only; values that occur once tell nothing."""
    values, code, counts = np.unique(value, return_inverse=True, return_counts=True)
    if not 2 <= len(values) <= MAX_CATEGORIES or counts.min() < 2 or len(np.unique(y_true)) < 2:
        return False
    return len(np.unique(np.stack([code, y_true]), axis=1).T) == len(values)


def _is_code(text: str) -> bool:
    return text.lstrip("-").isdecimal() and len(text) <= 6


def _rounded(value: float, direction: int) -> float:
    """The value moved outward to two digits."""
    if value == 0:
        return 0.0
    scale = 10.0 ** (np.floor(np.log10(abs(value))) - 1)
    return float(f"{(np.ceil if direction > 0 else np.floor)(value / scale) * scale:.6g}")
