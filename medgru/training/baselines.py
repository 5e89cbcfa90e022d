"""What every network must be compared with: summaries of each variable, and the usual models on them.

A stay becomes one row: for each variable, over the whole window and each half of it, its min, max, mean,
sd, first, last and count, NaN where it was not measured; then the admission descriptors.
Shapes: B stays, F features, P periods, N measurements, D columns.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgru.data.recording import Recordings

STATISTICS = ("min", "max", "mean", "sd", "first", "last", "count")
PERIODS = ("whole", "first half", "second half")
QUANTILES = 100

LINEAR = "Logistic regression on summaries"
TREES = "Boosted trees on summaries"


def summary_table(recordings: Recordings) -> NDArray[np.float32]:
    """Summaries (F, P, statistic) of each stay, flattened, then its descriptors, (B, D); NaN where unknown."""
    late = recordings.hours > recordings.task.window_hours / 2
    periods = [_summaries(recordings, chosen) for chosen in (np.ones_like(late), ~late, late)]
    columns = np.stack(periods, axis=2).reshape(len(recordings), -1)
    return np.concatenate([columns, recordings.statics], axis=1).astype(np.float32)


def summary_tables(train: Recordings, test: Recordings) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Summaries of the stays to learn from and of those asked about, without columns that the former never have."""
    known, new = summary_table(train), summary_table(test)
    measured = np.isfinite(known).any(axis=0)  # the trees refuse a column without a single value
    return known[:, measured], new[:, measured]


def _summaries(recordings: Recordings, chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Summaries of the chosen measurements (N,), (B, F, statistic)."""
    b, f = len(recordings), len(recordings.task.features)
    hours, value = recordings.hours[chosen], recordings.value[chosen].astype(np.float64)
    cell = recordings.stay[chosen].astype(np.int64) * f + recordings.feature[chosen]
    order = np.lexsort((value, hours, cell))
    cell, value = cell[order], value[order]
    count = np.bincount(cell, minlength=b * f)
    total = np.bincount(cell, weights=value, minlength=b * f)
    square = np.bincount(cell, weights=value**2, minlength=b * f)
    low, high, first, last = (np.full(b * f, np.nan) for _ in range(4))
    if len(cell):
        begins = np.flatnonzero(np.diff(cell, prepend=-1))
        present = cell[begins]
        low[present] = np.minimum.reduceat(value, begins)
        high[present] = np.maximum.reduceat(value, begins)
        first[present] = value[begins]
        last[present] = value[np.append(begins[1:], len(cell)) - 1]
    n = np.where(count > 0, count, np.nan)
    mean = total / n
    sd = np.sqrt(np.maximum(square / n - mean**2, 0))
    return np.stack([low, high, mean, sd, first, last, count.astype(float)], axis=1).reshape(b, f, -1)


def baselines(
    train: Recordings, y_train: NDArray[np.int64], test: Recordings, seed: int
) -> dict[str, NDArray[np.float64]]:
    """Class probabilities (B, C) for the test stays by the usual models on summaries, by name.

    Every class must occur in `y_train`.
    """
    known, new = summary_tables(train, test)
    models = {LINEAR: logistic_regression(seed, len(known)), TREES: boosted_trees(seed)}
    return {name: model.fit(known, y_train).predict_proba(new) for name, model in models.items()}


def boosted_trees(seed: int) -> Any:
    """Gradient-boosted trees that read a summary table as it is, gaps included."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=200, max_leaf_nodes=15, min_samples_leaf=20, l2_regularization=5.0,
        max_features=0.3, early_stopping=False, random_state=seed,
    )  # fmt: skip


def logistic_regression(seed: int, stays: int = QUANTILES) -> Any:
    """Logistic regression on the summary table: medians for gaps, gaps marked, quantiles made normal.

    Args:
        seed: Of what is random.
        stays: How many there are to learn from.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import QuantileTransformer

    return make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        QuantileTransformer(n_quantiles=min(QUANTILES, stays), output_distribution="normal", random_state=seed),
        LogisticRegression(C=0.002, max_iter=500, random_state=seed),
    )
