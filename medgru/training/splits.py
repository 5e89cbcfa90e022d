"""Who is trained on and who is set apart: by patient, stratified, reproducible, recorded.

Shapes: B stays.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgru.errors import TrainingError

MIN_PER_CLASS = 10
"""Fewest stays of each class from which anything is trained."""


def check_labels(y_true: NDArray[np.int64], num_classes: int, folds: int) -> None:
    """Refuse labels from which nothing can be learned.

    Raises:
        TrainingError: There is one class only, or too few stays of one.
    """
    counts = np.bincount(y_true, minlength=num_classes)
    if (counts > 0).sum() < 2:
        raise TrainingError(
            f"All {len(y_true)} stays have the same outcome: there is nothing to tell apart. Add stays of the others."
        )
    need = max(MIN_PER_CLASS, folds)
    if counts.min() < need:
        raise TrainingError(f"The rarest outcome has {counts.min()} stays; at least {need} are needed. Add more stays.")


def stratified_folds(y_true: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each stay, (B,): every class spread evenly; the same for the same labels and seed.

    One stay is one patient in the data this is used for; a stay is in exactly one fold.
    """
    rng = np.random.default_rng(seed)
    fold = np.empty(len(y_true), dtype=np.int64)
    start = 0
    for label in np.unique(y_true):
        where = rng.permutation(np.flatnonzero(y_true == label))
        # Each class goes on where the last one stopped, so that folds differ by one stay at most.
        fold[where] = (start + np.arange(len(where))) % folds
        start += len(where)
    return fold


def split_digest(record_ids: Sequence[str], fold: NDArray[np.int64]) -> str:
    """Hash of who was in which fold, without telling who: order of the stays does not matter."""
    lines = sorted(f"{hashlib.sha256(r.encode()).hexdigest()} {f}" for r, f in zip(record_ids, fold, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
