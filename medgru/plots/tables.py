"""The tables behind the figures, for reading, listening and taking away."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from medgru.data.recording import Recordings
from medgru.plots.series import hourly_values
from medgru.predict import Predictions

if TYPE_CHECKING:
    from medgru.explain import Contributions


def hourly_table(predictions: Predictions, i: int) -> pd.DataFrame:
    """One row an hour of stay `i`: class probabilities, lowest and highest member, attention; all in per cent."""
    n = int(predictions.lengths[i])
    members = 100 * predictions.member_prob[:, i, :n]
    table = pd.DataFrame({"Hour": np.arange(1, n + 1)})
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
    values = hourly_values(one, len(contributions.values))
    cells = pd.DataFrame(
        {
            "Hour": pd.array(hours + 1, dtype="Int64"),
            "Variable": [task.features[f].label for f in features],
            "Value": values[hours, features].astype(float),
            "Unit": [task.features[f].unit for f in features],
            "Contribution (points)": 100 * contributions.values[hours, features].astype(float),
        }
    )
    known = np.flatnonzero(np.isfinite(contributions.statics))
    admission = pd.DataFrame(
        {
            "Hour": pd.array([pd.NA] * len(known), dtype="Int64"),
            "Variable": [task.statics[s].label for s in known],
            "Value": one.statics[0, known].astype(float),
            "Unit": [task.statics[s].unit for s in known],
            "Contribution (points)": 100 * contributions.statics[known].astype(float),
        }
    )
    table = pd.concat([part for part in (cells, admission) if len(part)] or [cells], ignore_index=True)
    strongest = table["Contribution (points)"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[strongest].reset_index(drop=True).round({"Value": 3, "Contribution (points)": 3})
