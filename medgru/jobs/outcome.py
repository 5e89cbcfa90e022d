"""What a finished run left: its figures and what it said of the patients held out.

Shapes: B held-out stays, C classes.
"""

import json
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgru.errors import TrainingError
from medgru.evaluation import Difference
from medgru.jobs.run import Run

MEASURES = {"AUROC": +1, "AUPRC": +1, "ECE": -1, "Brier": -1}
"""What runs are compared by; +1 where more is better."""

WORSE, BETTER, EVEN = "worse beyond chance", "better beyond chance", "not worse beyond chance"
UNKNOWN = "cannot be judged: the held-out patients are of one class"

_DAMAGED = (OSError, ValueError, KeyError, TypeError, EOFError, RecursionError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class HeldOut:
    """The stays on which a run was measured.

    Attributes:
        y_true: Class of each, (B,).
        y_prob: What the run's model said, (B, C).
        stay: Index of each in the run's data, (B,).
        patient: Hash of each one's patient, (B,).
    """

    y_true: NDArray[np.int64]
    y_prob: NDArray[np.float32]
    stay: NDArray[np.int64]
    patient: NDArray[np.str_]


def held_out(run: Run) -> HeldOut:
    """The stays on which a finished run was measured.

    Raises:
        TrainingError: They are missing or damaged.
    """
    try:
        with np.load(run.folder / "held_out.npz", allow_pickle=False) as stored:
            found = HeldOut(*(stored[name] for name in ("y_true", "y_prob", "stay", "patient")))
        if not len(found.y_true) or len({len(column) for column in vars(found).values()}) > 1:
            raise ValueError
    except _DAMAGED as error:
        raise _damaged(run, error) from None
    return found


def result(run: Run) -> dict[str, Any]:
    """What a finished run measured, the content of its `result.json`.

    Raises:
        TrainingError: It is missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads((run.folder / "result.json").read_text(encoding="utf-8"))
        if not isinstance(found["held_out"]["metrics"], dict) or not isinstance(found["baselines"], dict):
            raise ValueError
    except _DAMAGED as error:
        raise _damaged(run, error) from None
    return found


def start_warnings(run: Run) -> tuple[str, ...]:
    """What a finished run said to beware of because it began from another model; nothing where it did not.

    Raises:
        TrainingError: What it measured is missing or damaged.
    """
    began = result(run).get("start") or {}
    return tuple(began.get("warnings", ()))


def verdict(name: str, difference: Difference) -> str:
    """Whether a model is better or worse than another in that measure, in words."""
    low, high = sorted(MEASURES[name] * end for end in (difference.low, difference.high))
    if not np.isfinite([low, high]).all():
        return UNKNOWN
    return WORSE if high < 0 else BETTER if low > 0 else EVEN


def _damaged(run: Run, error: Exception) -> TrainingError:
    return TrainingError(
        f"What the run {run.id} measured is missing or damaged ({type(error).__name__}). Train it anew to judge it."
    )
