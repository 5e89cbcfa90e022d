"""How good probabilities are: ranking, finding, calibration, each with a bootstrap interval.

Each is a few lines of sorting and counting; AUROC and AUPRC are tested against scikit-learn's, whose import
alone takes longer than a small network's first epoch. The single metrics take y_true (B,) of 0 and 1, 1 for
the event, and y_score (B,). `medgru.evaluation.classes` makes them metrics of several classes.
Shapes: B stays, R resamples.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Metric = Callable[[NDArray, NDArray], float]

CALIBRATION_BINS = 15
RESAMPLES = 1000


def auroc(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Chance that a stay with the event is ranked above one without; NaN if there is one class only."""
    if not _two_classes(y_true):
        return float("nan")
    hits, alarms = _curve(y_true, y_score)
    # The area under the line through (alarms, hits), which starts at (0, 0): equal scores count one half.
    return float(np.trapezoid(np.append(0, hits) / hits[-1], np.append(0, alarms) / alarms[-1]))


def auprc(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Average precision: the mean positive predictive value over recalled events; NaN if one class only."""
    if not _two_classes(y_true):
        return float("nan")
    hits, alarms = _curve(y_true, y_score)
    return float((np.diff(hits, prepend=0) * hits / (hits + alarms)).sum() / hits[-1])


def event1(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Score of the PhysioNet/CinC 2012 challenge: the best threshold's min(sensitivity, PPV)."""
    if not _two_classes(y_true):
        return float("nan")
    hits, alarms = _curve(y_true, y_score)
    return float(np.minimum(hits / hits[-1], hits / (hits + alarms)).max())


def brier(y_true: ArrayLike, y_prob: ArrayLike) -> float:
    """Mean squared distance between probability and outcome."""
    return float(np.mean((np.asarray(y_prob, dtype=float) - np.asarray(y_true)) ** 2))


def ece(y_true: ArrayLike, y_prob: ArrayLike, bins: int = CALIBRATION_BINS) -> float:
    """Expected calibration error over bins of equal mass: mean |observed rate - mean probability|."""
    y, prob = np.asarray(y_true, dtype=float), np.asarray(y_prob, dtype=float)
    order = np.argsort(prob, kind="stable")
    groups = zip(np.array_split(y[order], bins), np.array_split(prob[order], bins), strict=True)
    return float(sum(abs(a.sum() - b.sum()) for a, b in groups) / len(y))


RANKING: Mapping[str, Metric] = {"AUROC": auroc, "AUPRC": auprc, "Event 1": event1}
"""What any score can be judged by."""

ALL: Mapping[str, Metric] = {**RANKING, "Brier": brier, "ECE": ece}
"""What a probability can be judged by."""


@dataclass(frozen=True)
class Estimate:
    """A metric with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def bootstrap(
    y_true: ArrayLike,
    y_score: ArrayLike,
    metrics: Mapping[str, Metric] = ALL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Each metric with the 2.5th and 97.5th percentile over resampled stays.

    Resampling adds noise of its own, which the calibration error cannot tell from miscalibration: its
    interval reads a little high.
    """
    y, score = np.asarray(y_true), np.asarray(y_score)
    rng = np.random.default_rng(seed)
    draws: dict[str, list[float]] = {name: [] for name in metrics}
    for _ in range(resamples):
        index = rng.integers(0, len(y), len(y))
        if _two_classes(y[index]):
            for name, metric in metrics.items():
                draws[name].append(metric(y[index], score[index]))
    estimates = {}
    for name, metric in metrics.items():
        low, high = np.percentile(draws[name], [2.5, 97.5]) if draws[name] else (np.nan, np.nan)
        estimates[name] = Estimate(metric(y, score), float(low), float(high))
    return estimates


def _curve(y_true: ArrayLike, y_score: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Events and other stays at or above each threshold, from the highest to the lowest."""
    y, score = np.asarray(y_true, dtype=np.float64), np.asarray(y_score)
    order = np.argsort(-score, kind="stable")
    # A threshold cannot part equal scores: only the last of a run of ties counts.
    cuts = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.cumsum(y[order])[cuts]
    return hits, cuts + 1 - hits


def _two_classes(y_true: ArrayLike) -> bool:
    y = np.asarray(y_true)
    return bool(y.size and y.min() != y.max())
