"""What moved the probability up or down: integrated gradients by measured cell.

Sundararajan et al. 2017 (https://arxiv.org/abs/1703.01365), through captum, on the calibrated
probability of the whole ensemble at the stay's last hour. The path leads from the same stay with every
measured value and descriptor at its typical value (the training mean) to the stay as it was measured;
which cells were measured stays as it is. So the contributions say what the *values* moved, and add up
to the prediction minus what the model would say of a stay measured in the same way with typical values.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import IntegratedGradients
from numpy.typing import NDArray
from torch import Tensor

from medgru.bundle import Bundle
from medgru.data.recording import Recordings
from medgru.sequences import Sequences

# Enough for the usual stay; doubled while the sum misses the prediction by more than MAX_ERROR.
FIRST_STEPS, MAX_STEPS = 10, 80
MAX_ERROR = 0.002


@dataclass(frozen=True)
class Contributions:
    """Contributions to the event's probability for one stay.

    Attributes:
        record_id: The stay.
        values: Change of probability by cell, (T, F) float32 (0.01 = one percentage point); NaN where
            nothing was measured.
        statics: Change by admission descriptor, (S,) float32; NaN where unknown.
        start: Probability if every measured value and descriptor were typical.
        end: The predicted probability.
        completeness_error: |sum of all contributions - (end - start)|, in probability.
        steps: Steps of integration that were needed.
        seconds: Time it took.
    """

    record_id: str
    values: NDArray[np.float32]
    statics: NDArray[np.float32]
    start: float
    end: float
    completeness_error: float
    steps: int
    seconds: float


def event_probability(bundle: Bundle, stay: Sequences) -> Callable[[Tensor, Tensor], Tensor]:
    """The event's probability at the last hour as a function of values (B, T, F) and descriptors (B, S), (B,).

    What was measured when, and which descriptors are known, stays as in the one `stay`.
    """
    last_hour = stay.lengths[:, None] - 1

    def probability(x: Tensor, statics: Tensor) -> Tensor:
        b = len(x)
        logits, _ = bundle.network(
            x,
            stay.mask.expand(b, -1, -1),
            stay.lengths.expand(b),
            statics,
            stay.statics_mask.expand(b, -1),
            last_hour.expand(b, -1),
        )
        return bundle.calibrator(logits, last_hour + 1)[:, 0, bundle.task.event_index]

    return probability


def contributions(bundle: Bundle, recordings: Recordings) -> Contributions:
    """Contributions for the one stay in `recordings`."""
    assert len(recordings) == 1, "contributions are computed for one stay at a time"
    began = time.perf_counter()
    stay = bundle.preprocessor(recordings)
    probability = event_probability(bundle, stay)
    method = IntegratedGradients(probability)
    with torch.inference_mode():
        ends = probability(
            torch.cat([torch.zeros_like(stay.x), stay.x]), torch.cat([torch.zeros_like(stay.statics), stay.statics])
        )
    start, end = float(ends[0]), float(ends[1])
    steps = FIRST_STEPS
    while True:
        by_cell, by_static = (
            part[0].numpy().astype(np.float32) for part in method.attribute((stay.x, stay.statics), n_steps=steps)
        )
        error = abs(float(by_cell.sum() + by_static.sum()) - (end - start))
        if error <= MAX_ERROR or steps >= MAX_STEPS:
            break
        steps *= 2
    return Contributions(
        record_id=recordings.record_ids[0],
        values=np.where(stay.mask[0].numpy(), by_cell, np.float32(np.nan)),
        statics=np.where(stay.statics_mask[0].numpy(), by_static, np.float32(np.nan)),
        start=start,
        end=end,
        completeness_error=error,
        steps=steps,
        seconds=time.perf_counter() - began,
    )
