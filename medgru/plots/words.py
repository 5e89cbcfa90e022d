"""Findings in words: how the risk moved, and which values moved it most.

The sentences say what moved the *model's answer*; none says what caused an illness.
"""

from typing import TYPE_CHECKING

import numpy as np

from medgru.data.recording import Recordings
from medgru.plots import steps
from medgru.plots.series import measurements
from medgru.plots.style import number, of_hundred, percent, points, quantity
from medgru.predict import Predictions
from medgru.tasks import Feature

if TYPE_CHECKING:
    from medgru.explain import Contributions

# A smaller change over the stay is called steady; a smaller return after the main change is not mentioned.
NOTABLE = 0.05
# The first and last tenth of a change are left out of "between hour ... and ...": they may take all night.
TAIL = 0.1


def finding(predictions: Predictions, i: int) -> str:
    """The course of the risk of stay `i` in one sentence, from the first step on which the model answers.

    The largest change between any two steps is told, and what followed where that matters.
    """
    if predictions.reasons[i]:
        return "The model abstains"
    n, event = int(predictions.lengths[i]), predictions.task.event_index
    first = min(predictions.task.min_hours, n) - 1
    p = predictions.hourly_prob[i, first:n, event].astype(float)
    change = p[None, :] - p[:, None]  # (from, to)
    change[np.tril_indices(len(p))] = 0
    a, b = (int(at) for at in np.unravel_index(np.abs(change).argmax(), change.shape))
    size = change[a, b]
    risk = "Probability" if steps.is_own(predictions.task) else "Risk"  # a class of a user's may be a good one
    if abs(size) < NOTABLE:
        low, high = percent(float(p.min())), percent(float(p.max()))
        return f"{risk} steady at {low}" if low == high else f"{risk} steady, between {low} and {high}"
    # Between a and b the curve never leaves [p[a], p[b]], or another pair would have differed more.
    a += int(np.flatnonzero(np.abs(p[a : b + 1] - p[a]) <= TAIL * abs(size)).max())
    b = a + int(np.flatnonzero(np.abs(p[a : b + 1] - p[a]) >= (1 - TAIL) * abs(size)).min())
    verb = "rose" if size > 0 else "fell"
    where = f"{steps.nth(predictions.task, first + a + 1)} and {first + b + 1}"
    text = f"{risk} {verb} from {percent(p[a])} to {percent(p[b])} between {where}"
    after = p[-1] - p[b]
    if abs(after) < NOTABLE:
        return text
    if after * size > 0:
        return f"{text}, now {percent(p[-1])}"
    return f"{text}, then {'rose' if after > 0 else 'fell'} to {percent(p[-1])}"


def in_words(one: Recordings, contributions: "Contributions | None", k: int = 3) -> list[str]:
    """The `k` variables and descriptors that moved the answer most: "Lactate rising from 3.4 to 9.0 mmol/L: +9 points".

    The points are the sum over all measurements of the variable. Empty without contributions.
    """
    if contributions is None:
        return []
    task = one.task
    moved = np.concatenate([np.nansum(contributions.values, axis=0), np.nan_to_num(contributions.statics)])
    strongest = [int(j) for j in np.argsort(-np.abs(moved), kind="stable")[:k] if moved[j] != 0]
    sentences = []
    for j in strongest:
        if j < len(task.features):
            what = _course(one, task.features[j], contributions.values[:, j] * np.sign(moved[j]))
        else:
            f = task.statics[j - len(task.features)]
            value = float(one.statics[0, j - len(task.features)])
            what = f"{f.label} {quantity(value, f)}"
        sentences.append(f"{what}: {points(float(moved[j]))}")
    return sentences


def of_hundred_in_words(probability: float, least: int = 1) -> tuple[str, str]:
    """How many of 100 have the event, and how many have not; the ends are left open, as the model is never certain.

    `least` is the smallest number that is told from none: the larger, the fewer patients the model was measured on.
    """
    if probability < least / 100:
        return f"fewer than {least}", f"more than {100 - least}"
    if probability > 1 - least / 100:
        return f"more than {100 - least}", f"fewer than {least}"
    n = of_hundred(probability)
    return f"about {n}", str(100 - n)


def _course(one: Recordings, f: Feature, pull: np.ndarray) -> str:
    """How a variable went: "Lactate rising from 3.4 to 9.0 mmol/L (most at hour 46)"."""
    _, values = measurements(one, f.name)
    first, last = float(np.median(values[:3])), float(np.median(values[-3:]))
    width = 0.0 if f.normal_low is None or f.normal_high is None else f.normal_high - f.normal_low
    notable = max(0.25 * width if width else 0.15 * abs(first), 10.0**-f.decimals)
    moved = abs(last - first) >= notable and (values[-1] - values[0]) * (last - first) > 0
    if f.choices or len(values) < 3 or not moved:
        text = f"{f.label} {'' if f.choices or len(values) == 1 else 'around '}{quantity(float(np.median(values)), f)}"
    else:
        ends = f"{number(float(values[0]), f)} to {quantity(float(values[-1]), f)}"
        text = f"{f.label} {'rising' if last > first else 'falling'} from {ends}"
    hours = np.nan_to_num(pull, nan=-np.inf)
    return text if len(values) < 3 else f"{text} (most at {steps.nth(one.task, int(hours.argmax()) + 1)})"
