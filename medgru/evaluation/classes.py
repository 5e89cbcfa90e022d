"""How good probabilities of two or more classes are, and whether one model is better than another.

With two classes everything is about the followed one, the event. With more, ranking and calibration are the
mean over the classes, each against all others, and the Brier score is the sum over them (Brier 1950).
Intervals are percentiles of a bootstrap over patients, or over stays where each is another patient's.
Shapes: B stays, C classes, R resamples.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgru.evaluation.metrics import RESAMPLES, Estimate, Metric, auprc, auroc, brier, ece

ManyMetric = Callable[[NDArray, NDArray, int], float]


def macro(metric: Metric, y_true: NDArray, y_prob: NDArray, event: int) -> float:
    """A metric of the event, or its mean over the classes that occur; y_true (B,), y_prob (B, C)."""
    if y_prob.shape[1] == 2:
        return metric((y_true == event).astype(np.int64), y_prob[:, event])
    values = [metric((y_true == c).astype(np.int64), y_prob[:, c]) for c in np.unique(y_true)]
    return float(np.mean(values)) if len(values) > 1 else float("nan")


def brier_sum(y_true: NDArray, y_prob: NDArray, event: int) -> float:
    """Brier score of the event, or summed over the classes where there are more than two."""
    if y_prob.shape[1] == 2:
        return brier(y_true == event, y_prob[:, event])
    return float(((y_prob - np.eye(y_prob.shape[1])[y_true]) ** 2).sum(axis=1).mean())


MEASURES: dict[str, ManyMetric] = {
    "AUROC": lambda y, p, event: macro(auroc, y, p, event),
    "AUPRC": lambda y, p, event: macro(auprc, y, p, event),
    "Brier": brier_sum,
    "ECE": lambda y, p, event: macro(ece, y, p, event),
}
"""What every model is judged by; AUROC and AUPRC are better high, Brier and ECE better low."""


@dataclass(frozen=True)
class Difference:
    """By how much one model's metric is above another's on the same stays, with its 95 % interval."""

    value: float
    low: float
    high: float


def measure(
    y_true: NDArray[np.int64],
    y_prob: NDArray,
    event: int,
    patients: Sequence[str] | NDArray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Estimate]:
    """Every measure with its interval.

    Args:
        y_true: Class of each stay, (B,).
        y_prob: Probability of each class, (B, C).
        event: Class that is followed where there are two.
        patients: Whose stay each is, (B,); they are resampled as a whole.
        resamples, seed: Of the bootstrap.
    """
    values, drawn = _draw((y_prob,), y_true, event, patients, resamples, seed)
    return {name: Estimate(values[0][i], *_interval(drawn[:, 0, i])) for i, name in enumerate(MEASURES)}


def paired_bootstrap(
    y_true: NDArray[np.int64],
    y_prob_a: NDArray,
    y_prob_b: NDArray,
    event: int,
    patients: Sequence[str] | NDArray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Difference]:
    """Every measure of model a minus that of model b, both on the same resampled stays each time."""
    values, drawn = _draw((y_prob_a, y_prob_b), y_true, event, patients, resamples, seed)
    return {
        name: Difference(values[0][i] - values[1][i], *_interval(drawn[:, 0, i] - drawn[:, 1, i]))
        for i, name in enumerate(MEASURES)
    }


def _draw(
    models: tuple[NDArray, ...],
    y_true: NDArray[np.int64],
    event: int,
    patients: Sequence[str] | NDArray | None,
    resamples: int,
    seed: int,
) -> tuple[list[list[float]], NDArray[np.float64]]:
    """Every measure of each model on all stays, and on each resample, (R, model, measure)."""

    def judge(index: NDArray | slice) -> list[list[float]]:
        return [[f(y_true[index], y_prob[index], event) for f in MEASURES.values()] for y_prob in models]

    drawn = [judge(index) for index in _resample(len(y_true), patients, resamples, seed)]
    return judge(slice(None)), np.array(drawn)


def _resample(
    count: int, patients: Sequence[str] | NDArray | None, resamples: int, seed: int
) -> Iterator[NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    if patients is None:
        yield from (rng.integers(0, count, count) for _ in range(resamples))
        return
    _, owner = np.unique(np.asarray(patients), return_inverse=True)
    order = np.argsort(owner, kind="stable")
    stays = np.split(order, np.flatnonzero(np.diff(owner[order])) + 1)
    for _ in range(resamples):
        yield np.concatenate([stays[i] for i in rng.integers(0, len(stays), len(stays))])


def _interval(drawn: NDArray[np.float64]) -> tuple[float, float]:
    """2.5th and 97.5th percentile; resamples without a second class have no ranking and do not count."""
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)
