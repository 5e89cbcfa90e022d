"""The tables behind the figures, for reading, listening and taking away."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from medgru.data.recording import Recordings
from medgru.plots import steps
from medgru.plots.series import hourly_values
from medgru.plots.style import number
from medgru.predict import Predictions
from medgru.tasks import Feature

if TYPE_CHECKING:
    from medgru.explain import Contributions


def hourly_table(predictions: Predictions, i: int) -> pd.DataFrame:
    """One row a step of stay `i`: class probabilities, lowest and highest member, attention; all in per cent."""
    n = int(predictions.lengths[i])
    members = 100 * predictions.member_prob[:, i, :n]
    table = pd.DataFrame({steps.heading(predictions.task): np.arange(1, n + 1)})
    for c, outcome in enumerate(predictions.task.outcomes):
        table[f"{outcome.label} (%)"] = 100 * predictions.hourly_prob[i, :n, c]
    table["Lowest member (%)"] = members.min(axis=0)
    table["Highest member (%)"] = members.max(axis=0)
    table["Attention (%)"] = 100 * predictions.attention[i, :n]
    return table.round(2)


def contribution_table(one: Recordings, contributions: "Contributions") -> pd.DataFrame:
    """One row a measured hour and variable, and one a descriptor known at admission, the strongest first.

    Columns: Hour (empty for descriptors), Variable, Value, Unit, Contribution (points). They add up to the
    prediction minus the starting point, within the completeness error.
    """
    task = one.task
    hours, features = np.nonzero(np.isfinite(contributions.values))
    known = np.flatnonzero(np.isfinite(contributions.statics))
    table = _values(
        steps.heading(task),
        pd.array([*(hours + 1), *[pd.NA] * len(known)], dtype="Int64"),
        [*(task.features[f] for f in features), *(task.statics[s] for s in known)],
        [*hourly_values(one, len(contributions.values))[hours, features], *one.statics[0, known]],
    )
    moved = np.concatenate([contributions.values[hours, features], contributions.statics[known]]).astype(float)
    table["Contribution (points)"] = (100 * moved).round(3)
    strongest = table["Contribution (points)"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[strongest].reset_index(drop=True)


def measurement_table(one: Recordings) -> pd.DataFrame:
    """One row a descriptor known at admission, then one a measurement of that one stay, in order of time.

    Columns: Hour (empty for descriptors), Variable, Value, Unit; in the units of the model.
    """
    task = one.task
    known = np.flatnonzero(np.isfinite(one.statics[0]))
    order = np.argsort(one.hours, kind="stable")
    return _values(
        steps.heading(task),
        np.concatenate([np.full(len(known), np.nan), one.hours[order].astype(float)]).round(2),
        [*(task.statics[s] for s in known), *(task.features[f] for f in one.feature[order])],
        [*one.statics[0, known], *one.value[order]],
    )


def with_origin(table: pd.DataFrame, one: Recordings) -> pd.DataFrame:
    """The table to take away: `record_id` and `simulated` come first, so that it says itself whose it is."""
    signed = table.copy()
    signed.insert(0, "record_id", one.record_ids[0])
    signed.insert(1, "simulated", one.simulated)
    return signed


def _values(step: str, hours: ArrayLike, features: Sequence[Feature], values: Sequence[float]) -> pd.DataFrame:
    """Values as text: a code in words and without a unit, a quantity with the digits that it was given."""
    return pd.DataFrame(
        {
            step: hours,
            "Variable": [f.label for f in features],
            "Value": [number(v, f) if f.choices else f"{v:.6g}" for f, v in zip(features, values, strict=True)],
            "Unit": ["" if f.choices else f.unit for f in features],
        }
    )
