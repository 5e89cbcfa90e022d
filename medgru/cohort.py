"""Everybody at once: who is at most risk, who is rising, and what a threshold would mean.

Shapes: B stays, K hours of a course.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.labelled import LabelledStays
from medgru.data.recording import Recordings
from medgru.evaluation.proportions import Proportion
from medgru.predict import TREND_HOURS, Scores
from medgru.scores import NEWS2, Result, last_measured
from medgru.scores.news2 import risk_in_words

UNKNOWN = -1
"""Class of a stay whose outcome is not known."""

BY_RISK, BY_CHANGE, BY_NEWS2, AS_BROUGHT = ORDERS = ("risk", "change", "news2", "file")
"""Orders of a list: the highest risk, the steepest rise or the most points of NEWS2 first; as in the files."""

RISING = 0.05
"""A probability that rose by so much over `TREND_HOURS` is called rising."""


@dataclass(frozen=True)
class Cohort:
    """Stays with the model's answers, their bedside scores and, where known, their outcomes.

    Attributes:
        recordings: The stays, (B,).
        scores: What the model says of them, in the same order.
        bedside: Bedside scores by name; empty where the task has none.
        y_true: Class of each, (B,); `UNKNOWN` where it is not known.
    """

    recordings: Recordings
    scores: Scores
    bedside: Mapping[str, Result] = field(default_factory=dict)
    y_true: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.recordings)

    @property
    def prob(self) -> NDArray[np.float32]:
        """Probability of the task's event, (B,); also of those that the model abstains from."""
        return self.scores.event_prob

    @cached_property
    def thin(self) -> NDArray[np.bool_]:
        """From whom the model abstains, (B,)."""
        return np.array([bool(reason) for reason in self.scores.reasons])

    @cached_property
    def last_seen(self) -> NDArray[np.float64]:
        """When the last value of each was measured, hours since the start, (B,); NaN without any."""
        return last_measured(self.recordings)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Positions from the highest risk to the lowest, then those that the model abstains from; ties as they came."""
        return np.lexsort((-self.prob.astype(np.float64), self.thin))

    def ordered(self, by: str) -> NDArray[np.intp]:
        """Positions in one of `ORDERS`, those that the model abstains from last; ties by risk."""
        if by == BY_RISK:
            return self.order
        if by == AS_BROUGHT:
            return np.argsort(self.thin, kind="stable")
        if by == BY_CHANGE:
            first = -np.nan_to_num(self.scores.change.astype(np.float64), nan=-np.inf)
        else:
            result = self.bedside[NEWS2.name]
            first = -np.where(result.any_known, result.lowest, -1).astype(np.float64)
        return np.lexsort((-self.prob.astype(np.float64), first, self.thin))

    @cached_property
    def labelled(self) -> NDArray[np.bool_]:
        """Whose outcome is known, (B,)."""
        return np.zeros(len(self), np.bool_) if self.y_true is None else self.y_true != UNKNOWN

    @cached_property
    def event(self) -> NDArray[np.bool_]:
        """Who is known to have had the event, (B,)."""
        return self.labelled & (self.y_true == self.recordings.task.event_index)

    @cached_property
    def _searched(self) -> list[str]:
        ids, titles = self.recordings.record_ids, self.recordings.titles
        return [f"{i}\n{t}".casefold() for i, t in zip(ids, titles or ids, strict=True)]

    def found(self, text: str) -> NDArray[np.bool_]:
        """Whose identifier or title holds the text, (B,), whatever its case."""
        wanted = text.strip().casefold()
        if not wanted:
            return np.ones(len(self), np.bool_)
        return np.fromiter((wanted in name for name in self._searched), np.bool_, len(self))

    def table(self, threshold: float | None = None) -> pd.DataFrame:
        """One row a stay, to take away: the model's answer, its change, bedside scores, facts, outcome.

        Args:
            threshold: Adds a column `alert`: whether the probability is at or above it and the model does not abstain.
        """
        task, scores = self.recordings.task, self.scores
        table = scores.table()
        if self.recordings.simulated:
            table.insert(1, "simulated", True)
        if self.recordings.titles:
            table.insert(1, "title", list(self.recordings.titles))
        if threshold is not None:
            table["alert"] = self.alerts(threshold)
        table[f"change_{TREND_HOURS}h"] = scores.change
        for name, result in self.bedside.items():
            key = name.lower()
            table[key] = _whole(result.lowest, result.any_known)
            table[f"{key}_at_most"] = _whole(result.highest, result.any_known)
            if result.score is NEWS2:
                table[f"{key}_risk"] = risk_in_words(result)
            table[f"{key}_missing"] = list(result.missing)
            table[f"{key}_oldest_h"] = result.oldest.round(2)
        table["recorded"] = scores.lengths
        table["last_seen"] = self.last_seen.round(2)
        for f, feature in enumerate(task.statics):
            known = self.recordings.statics[:, f].astype(float)
            named = [feature.choices.get(round(v), "") if np.isfinite(v) else "" for v in known]
            table[f"{feature.name} ({feature.unit})" if feature.unit and not feature.choices else feature.name] = (
                named if feature.choices else known.round(4)
            )
        if self.y_true is not None:
            names = [o.name for o in task.outcomes]
            table["outcome"] = ["" if y == UNKNOWN else names[y] for y in self.y_true]
        return table

    def alerts(self, threshold: float) -> NDArray[np.bool_]:
        """Whose probability is at or above the threshold, (B,); nobody from whom the model abstains."""
        return ~self.thin & (self.prob >= threshold)


def outcomes(labels: LabelledStays, record_ids: Sequence[str]) -> NDArray[np.int64]:
    """The class of each of these stays, (B,); `UNKNOWN` where the labels do not hold it."""
    known = dict(zip(labels.recordings.record_ids, labels.y_true.tolist(), strict=True))
    return np.array([known.get(name, UNKNOWN) for name in record_ids], dtype=np.int64)


@dataclass(frozen=True)
class Filter:
    """Which stays of a cohort are shown.

    Attributes:
        search: Part of an identifier or title.
        low, high: Range of the probability; those the model abstains from have none, and stay.
        alerts_only: At or above the threshold only.
        rising_only: Rising by `RISING` or more only.
        news2: At least so many points of NEWS2, from what is known.
        choices: By descriptor of the task, which of its codes; empty for all.
    """

    search: str = ""
    low: float = 0.0
    high: float = 1.0
    alerts_only: bool = False
    rising_only: bool = False
    news2: int = 0
    choices: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def mask(self, cohort: Cohort, threshold: float) -> NDArray[np.bool_]:
        """Who is shown, (B,)."""
        shown = cohort.found(self.search)
        shown &= cohort.thin | ((cohort.prob >= self.low) & (cohort.prob <= self.high))
        if self.alerts_only:
            shown &= cohort.alerts(threshold)
        if self.rising_only:
            shown &= ~cohort.thin & (np.nan_to_num(cohort.scores.change) >= RISING)
        if self.news2 and NEWS2.name in cohort.bedside:
            result = cohort.bedside[NEWS2.name]
            shown &= result.any_known & (result.lowest >= self.news2)
        task = cohort.recordings.task
        for name, codes in self.choices:
            if codes:
                shown &= np.isin(cohort.recordings.statics[:, task.static_index[name]], codes)
        return shown


@dataclass(frozen=True)
class OperatingPoint:
    """What a rule that raises alerts would mean for these stays.

    Attributes:
        judged: Stays that were judged.
        alerts: Alerts among them.
        expected_events: Events among all judged and among the alerts, by the model's own probabilities; None for a rule
            that has none.
        sensitivity, ppv: Among stays whose outcome is known; None without any.
    """

    judged: int
    alerts: int
    expected_events: tuple[float, float] | None = None
    sensitivity: Proportion | None = None
    ppv: Proportion | None = None

    @property
    def per_100(self) -> float:
        """Alerts per 100 patients that were judged."""
        return 100 * self.alerts / self.judged if self.judged else 0.0

    @property
    def evaluated_for_one(self) -> float | None:
        """Alerts to look at for one event (number needed to evaluate); None where that cannot be told."""
        return self.ppv.count / self.ppv.hits if self.ppv and self.ppv.hits else None


def operating_point(cohort: Cohort, threshold: float) -> OperatingPoint:
    """What alerting at that probability would mean, among those from whom the model does not abstain."""
    prob, alert = cohort.prob.astype(np.float64), cohort.alerts(threshold)
    expected = (float(prob[~cohort.thin].sum()), float(prob[alert].sum()))
    return OperatingPoint(int((~cohort.thin).sum()), int(alert.sum()), expected, *_judged(cohort, alert))


def score_rule(cohort: Cohort, name: str, at_least: int) -> OperatingPoint:
    """The same for alerting at so many points of a bedside score, on the same stays; what is missing counts as none."""
    result = cohort.bedside[name]
    alert = ~cohort.thin & (result.lowest >= at_least)
    return OperatingPoint(int((~cohort.thin).sum()), int(alert.sum()), None, *_judged(cohort, alert))


def threshold_for(cohort: Cohort, per_100: float) -> float:
    """The lowest probability at which there are no more than so many alerts per 100 patients judged."""
    prob = np.sort(cohort.prob[~cohort.thin])[::-1]
    allowed = int(per_100 * len(prob) / 100)
    if allowed >= len(prob):
        return 0.0
    # Just above the first that is too many; equal probabilities are all alerts or none.
    return float(np.nextafter(prob[allowed], np.float32(2.0)))


def _judged(cohort: Cohort, alert: NDArray[np.bool_]) -> tuple[Proportion | None, Proportion | None]:
    """Sensitivity and positive predictive value among those judged whose outcome is known."""
    known = cohort.labelled & ~cohort.thin
    if not known.any():
        return None, None
    hits = int((alert & cohort.event & known).sum())
    return Proportion(hits, int((cohort.event & known).sum())), Proportion(hits, int((alert & known).sum()))


def _whole(numbers: NDArray[np.int64], known: NDArray[np.bool_]) -> pd.arrays.IntegerArray:
    """Whole numbers, missing where not known."""
    return pd.arrays.IntegerArray(numbers.astype(np.int64), ~known)
