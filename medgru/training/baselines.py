"""What every network must be compared with: summaries of each variable, and the usual models on them.

A stay becomes one row: for each variable and each half of the window its min, max, mean, sd, first, last
and count, NaN where it was not measured, and the admission descriptors.
Shapes: B stays, N measurements, D columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgru.data.recording import Recordings

STATISTICS = ("min", "max", "mean", "sd", "first", "last", "count")


def summary_table(recordings: Recordings) -> NDArray[np.float32]:
    """Summaries per variable and half of the window, then descriptors, (B, D); NaN where unknown."""
    task, b, f = recordings.task, len(recordings), len(recordings.task.features)
    middle = task.window_hours / 2
    half = (recordings.hours > middle).astype(np.int64)
    cell = (recordings.stay.astype(np.int64) * f + recordings.feature) * 2 + half
    order = np.lexsort((recordings.value, recordings.hours, cell))
    cell, value = cell[order], recordings.value[order].astype(np.float64)
    size = b * f * 2
    count = np.bincount(cell, minlength=size)
    total = np.bincount(cell, weights=value, minlength=size)
    square = np.bincount(cell, weights=value**2, minlength=size)
    low, high, first, last = (np.full(size, np.nan) for _ in range(4))
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    if len(begins):
        present = cell[begins]
        low[present] = np.minimum.reduceat(value, begins)
        high[present] = np.maximum.reduceat(value, begins)
        first[present] = value[begins]
        last[present] = value[np.append(begins[1:], len(cell)) - 1]
    n = np.where(count > 0, count, np.nan)
    mean = total / n
    sd = np.sqrt(np.maximum(square / n - mean**2, 0))
    columns = np.stack([low, high, mean, sd, first, last, count.astype(float)], axis=1)
    return np.concatenate([columns.reshape(b, -1), recordings.statics], axis=1).astype(np.float32)


def boosted_trees(seed: int) -> Any:
    """Gradient-boosted trees that read a summary table as it is, gaps included."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=200, max_leaf_nodes=15, min_samples_leaf=20, l2_regularization=5.0,
        max_features=0.3, early_stopping=False, random_state=seed,
    )  # fmt: skip


def logistic_regression(seed: int) -> Any:
    """Logistic regression on the summary table: medians for gaps, gaps marked, quantiles made normal."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer

    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        QuantileTransformer(n_quantiles=100, output_distribution="normal", random_state=seed),
        LogisticRegression(C=0.002, max_iter=500, random_state=seed),
    )
