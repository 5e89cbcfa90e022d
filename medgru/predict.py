"""Recordings and a bundle in, predictions out.

Shapes: B stays, T hours (padded), C classes, M ensemble members.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.tasks import Task


@dataclass(frozen=True)
class Predictions:
    """What a bundle says about each stay.

    Attributes:
        task, bundle_id: What was asked, and which model answered.
        record_ids: Stays, (B,).
        lengths: Hours seen of each stay, (B,).
        y_prob: Calibrated class probabilities at each stay's last hour, (B, C).
        hourly_prob: The same as they would have been seen at each hour, (B, T, C); NaN on padding.
        member_prob: Probability of the task's event by each ensemble member, hour by hour, (M, B, T);
            NaN on padding. Their spread is the model's own disagreement, not a confidence interval.
        attention: Weight of each hour in the answer at the last hour, (B, T); rows sum to one, zero on
            padding.
        base_rate: Class frequencies in the training data, (C,).
        reasons: Why the model abstains, (B,); empty where it does not.
    """

    task: Task
    bundle_id: str
    record_ids: tuple[str, ...]
    lengths: NDArray[np.int64]
    y_prob: NDArray[np.float32]
    hourly_prob: NDArray[np.float32]
    member_prob: NDArray[np.float32]
    attention: NDArray[np.float32]
    base_rate: NDArray[np.float32]
    reasons: tuple[str, ...]


Progress = Callable[[int, int], None]
"""Called with (stays done, stays in all)."""
