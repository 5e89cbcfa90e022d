"""Measurements of one stay as curves: by variable, by hour, cut at gaps.

Shapes: T hours, F features.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from medgru.data.recording import Recordings
from medgru.tasks import Feature

if TYPE_CHECKING:
    from medgru.explain import Contributions

# A pause this many times the usual interval, or this long in hours, is a gap: nothing is drawn across it.
GAP_TIMES, GAP_HOURS = 3.0, 24.0

Floats = NDArray[np.float32]


def measurements(one: Recordings, variable: str) -> tuple[Floats, Floats]:
    """Hours and values of one variable of one stay, in order of time."""
    rows = one.feature == one.task.feature_index[variable]
    hours, values = one.hours[rows], one.value[rows]
    order = np.argsort(hours, kind="stable")
    return hours[order], values[order]


def cut_at_gaps(hours: Floats, values: Floats) -> tuple[Floats, Floats]:
    """The same curve with a NaN in each gap, so that a line drawn through it breaks there.

    A gap is a pause of more than `GAP_TIMES` the median interval of this curve, or more than `GAP_HOURS`.
    """
    pauses = np.diff(hours)
    if not (pauses > 0).any():
        return hours, values
    longest = min(GAP_TIMES * float(np.median(pauses[pauses > 0])), GAP_HOURS)
    gaps = np.flatnonzero(pauses > longest) + 1
    nan = np.float32(np.nan)
    return np.insert(hours, gaps, hours[gaps] - pauses[gaps - 1] / 2), np.insert(values, gaps, nan)


def hourly_values(one: Recordings, hours: int) -> Floats:
    """What the model saw of one stay: the mean (or sum) of each hour and variable, (T, F), NaN where nothing."""
    task = one.task
    cell = np.clip(np.ceil(one.hours).astype(np.int64) - 1, 0, hours - 1) * len(task.features) + one.feature
    size = hours * len(task.features)
    total = np.bincount(cell, weights=one.value.astype(np.float64), minlength=size)
    count = np.bincount(cell, minlength=size)
    sums = np.tile([f.aggregate == "sum" for f in task.features], hours)
    grid = np.where(sums, total, total / np.maximum(count, 1))
    return np.where(count > 0, grid, np.nan).astype(np.float32).reshape(hours, len(task.features))


def rank_variables(one: Recordings, contributions: "Contributions | None") -> list[str]:
    """The measured variables of one stay, those that moved the answer most first.

    Without contributions they come in the task's order.
    """
    measured = np.unique(one.feature)
    if contributions is not None:
        moved = np.nansum(np.abs(contributions.values), axis=0)[measured]
        measured = measured[np.argsort(-moved, kind="stable")]
    return [one.task.features[f].name for f in measured]


def shown_features(recordings: Recordings) -> tuple[Feature, ...]:
    """The task's series with as many digits after the point as occur in these recordings, and never more than before.

    A task made from a table guesses its digits from the range of a column: 37.7 should not be shown as 37.70.
    """
    return tuple(
        replace(f, decimals=_digits(recordings.value[recordings.feature == i], f.decimals))
        for i, f in enumerate(recordings.task.features)
    )


def _digits(values: Floats, most: int) -> int:
    """Fewest digits after the point that give these values back."""
    exact = values.astype(np.float64)
    return next((d for d in range(most) if (np.round(exact, d).astype(np.float32) == values).all()), most)
