"""Recordings to tensors: the hourly grid, its mask, lengths, descriptors. The one place for padding.

Hour h of the grid (h = 1, 2, ...) holds what was measured after hour h - 1 and up to hour h, so that
what the model says at hour h uses nothing measured later. A measurement at admission (time 0) belongs
to hour 1. Nothing is filled in here: forward filling, time gaps and summaries are the network's work,
where they stay causal and where contributions can be traced back to the cell that was measured.

Shapes: B stays, T hours (padded), F features, S admission descriptors.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medgru.data.recording import Recordings
from medgru.errors import BundleError
from medgru.tasks import Task

MAX_NUMBER, MAX_BOUND = 1e30, 1e6
"""Means and scales of a bundle lie within the first, for they become float32; standardised values within the second."""


@dataclass(frozen=True)
class Sequences:
    """Model input of a batch of stays.

    Attributes:
        x: Standardised hourly values, (B, T, F) float32; 0 where nothing was measured.
        mask: True where something was measured, (B, T, F) bool.
        lengths: Hours of each stay, (B,) int64, at least 1; padding is at the end.
        statics: Standardised descriptors, (B, S) float32; 0 where unknown.
        statics_mask: True where known, (B, S) bool.
    """

    x: Tensor
    mask: Tensor
    lengths: Tensor
    statics: Tensor
    statics_mask: Tensor

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, index: Tensor | NDArray | slice | list[int]) -> "Sequences":
        """The chosen stays, cut to the longest of them."""
        lengths = self.lengths[index]
        hours = int(lengths.max()) if len(lengths) else 0
        return Sequences(
            self.x[index][:, :hours],
            self.mask[index][:, :hours],
            lengths,
            self.statics[index],
            self.statics_mask[index],
        )


@dataclass(frozen=True)
class Preprocessor:
    """Transform, centre and scale of each feature and descriptor, learned from training stays.

    Attributes (one entry a feature or descriptor, in the task's order):
        mean, scale: Of the transformed hourly values.
        low, high: Bounds on the standardised values; what lies outside is drawn in to them, so that one
            wild value cannot carry the prediction away.
        static_mean, static_scale: Of the descriptors.
    """

    task: Task
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    static_mean: tuple[float, ...]
    static_scale: tuple[float, ...]

    @classmethod
    def fit(cls, recordings: Recordings) -> "Preprocessor":
        """Learn means, scales and bounds from the hourly values of the given stays."""
        task = recordings.task
        cells = _Cells.of(recordings)
        mean, scale, low, high = [], [], [], []
        for f in range(len(task.features)):
            v = cells.value[cells.feature == f]
            m, s = (float(v.mean()), float(v.std())) if v.size > 1 else (0.0, 1.0)
            s = s if s > 1e-6 else 1.0
            z = (v - m) / s
            lo, hi = np.quantile(z, [0.001, 0.999]) if v.size > 1 else (-5.0, 5.0)
            mean.append(m)
            scale.append(s)
            low.append(float(min(lo, -3.0)))
            high.append(float(max(hi, 3.0)))
        statics = recordings.statics
        known = np.isfinite(statics)
        count = known.sum(0).clip(min=1)
        static_mean = np.where(known, statics, 0).sum(0) / count
        static_scale = np.sqrt(np.where(known, (statics - static_mean) ** 2, 0).sum(0) / count)
        static_scale[static_scale < 1e-6] = 1.0
        return cls(
            task,
            tuple(mean),
            tuple(scale),
            tuple(low),
            tuple(high),
            tuple(static_mean.tolist()),
            tuple(static_scale.tolist()),
        )

    def __call__(self, recordings: Recordings) -> Sequences:
        """Model input of these stays. The order of rows in the file never matters."""
        if recordings.task != self.task:
            raise BundleError(f"These stays were read for {recordings.task.name}, the model is for {self.task.name}.")
        c = _Cells.of(recordings)
        f = c.feature
        z = np.clip((c.value - _row(self.mean)[f]) / _row(self.scale)[f], _row(self.low)[f], _row(self.high)[f])
        x, mask = np.zeros(c.shape, dtype=np.float32), np.zeros(c.shape, dtype=np.bool_)
        x.reshape(-1)[c.index] = z
        mask.reshape(-1)[c.index] = True
        known = np.isfinite(recordings.statics)
        s = (np.where(known, recordings.statics, 0) - _row(self.static_mean)) / _row(self.static_scale)
        s = np.where(known, np.clip(s, -5, 5), 0).astype(np.float32)
        return Sequences(
            torch.from_numpy(x),
            torch.from_numpy(mask),
            torch.from_numpy(c.lengths),
            torch.from_numpy(s),
            torch.from_numpy(known),
        )

    def to_config(self) -> dict:
        """Plain numbers for `preprocess.json`, with feature names and units beside them."""
        config: dict = {f.name: list(getattr(self, f.name)) for f in fields(self) if f.name != "task"}
        return config | _declared(self.task)

    @classmethod
    def from_config(cls, config: dict, task: Task) -> "Preprocessor":
        """Inverse of `to_config`.

        Raises:
            BundleError: Features, units or transforms are not those of the task, or a number is missing, not
                finite or no scale.
        """
        if any(config.get(key) != entries for key, entries in _declared(task).items()):
            raise BundleError(
                f"preprocess.json lists other features, units or transforms than the task {task.name}: the model was "
                "trained on something else. Install a bundle made for this version of MedGRU."
            )
        numbers: dict[str, tuple[float, ...]] = {}
        for key, size in [
            ("mean", len(task.features)),
            ("scale", len(task.features)),
            ("low", len(task.features)),
            ("high", len(task.features)),
            ("static_mean", len(task.statics)),
            ("static_scale", len(task.statics)),
        ]:
            values = config.get(key)
            if (
                not isinstance(values, list)
                or len(values) != size
                or not all(isinstance(v, int | float) and abs(v) <= MAX_NUMBER for v in values)
                or (key.endswith("scale") and any(v < 1 / MAX_NUMBER for v in values))
            ):
                raise BundleError(
                    f"preprocess.json: {key} must be {size} finite numbers, scales positive. Install the bundle anew."
                )
            numbers[key] = tuple(float(v) for v in values)
        bounds = zip(numbers["low"], numbers["high"], strict=True)
        if not all(-MAX_BOUND <= low < high <= MAX_BOUND for low, high in bounds):
            raise BundleError("preprocess.json: low must be below high, and no bound far off. Install the bundle anew.")
        return cls(task=task, **numbers)


def _declared(task: Task) -> dict[str, list[dict[str, str]]]:
    """What a task says of its inputs, as it stands in `preprocess.json`."""
    return {
        "features": [{"name": f.name, "unit": f.unit, "transform": f.transform} for f in task.features],
        "statics": [{"name": f.name, "unit": f.unit} for f in task.statics],
    }


def _row(numbers: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(numbers, dtype=np.float32)


@dataclass(frozen=True)
class _Cells:
    """The measured cells of the hourly grid, N of them.

    Attributes:
        shape: (B, T, F).
        lengths: Hours of each stay, (B,) int64.
        index: Position of each cell in the flattened grid, (N,), rising.
        feature: Its feature, (N,).
        value: Its aggregated and transformed value, (N,) float32.
    """

    shape: tuple[int, int, int]
    lengths: NDArray[np.int64]
    index: NDArray[np.intp]
    feature: NDArray[np.intp]
    value: NDArray[np.float32]

    @classmethod
    def of(cls, recordings: Recordings) -> "_Cells":
        task, n = recordings.task, len(recordings)
        hour = np.clip(np.ceil(recordings.hours).astype(np.int64) - 1, 0, task.window_hours - 1)
        lengths = np.ones(n, dtype=np.int64)
        np.maximum.at(lengths, recordings.stay, hour + 1)
        shape = (n, int(lengths.max(initial=1)), len(task.features))
        cell = (recordings.stay * np.int64(shape[1]) + hour) * shape[2] + recordings.feature
        size = n * shape[1] * shape[2]
        # Whole numbers of 2^-20 add up exactly in float64, so the order of rows cannot change a bit of the sum.
        total = np.bincount(cell, weights=np.rint(recordings.value * np.float64(2**20)), minlength=size)
        count = np.bincount(cell, minlength=size)
        index = np.flatnonzero(count)
        feature = index % shape[2]
        summed = np.array([f.aggregate == "sum" for f in task.features])[feature]
        value = total[index] / 2**20 / np.where(summed, 1, count[index])
        logs = np.array([f.transform == "log" for f in task.features])[feature]
        value[logs] = np.log1p(value[logs])
        return cls(shape, lengths, index, feature, value.astype(np.float32))
