"""Recordings to tensors: the hourly grid, its mask, lengths, descriptors. The one place for padding.

Hour h of the grid (h = 1, 2, ...) holds what was measured after hour h - 1 and up to hour h, so that
what the model says at hour h uses nothing measured later. A measurement at admission (time 0) belongs
to hour 1. Nothing is filled in here: forward filling, time gaps and summaries are the network's work,
where they stay causal and where contributions can be traced back to the cell that was measured.

Shapes: B stays, T hours (padded), F features, S admission descriptors.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medgru.data.recording import Recordings, steps_at
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
        hours = int(recordings.steps.max(initial=1))
        measured: list[list[NDArray[np.float32]]] = [[] for _ in task.features]
        for part in recordings.parts(_STAYS):
            for f, _, value in _cells(part, hours):
                measured[f].append(value)
        mean, scale, low, high = [], [], [], []
        for values in measured:
            v = np.concatenate(values) if values else np.empty(0, np.float32)
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
        lengths = recordings.steps
        shape = (len(recordings), int(lengths.max(initial=1)), len(self.task.features))
        x, mask = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.bool_)
        mean, scale, low, high = (
            np.array(numbers, dtype=np.float32) for numbers in (self.mean, self.scale, self.low, self.high)
        )
        first = 0
        for part in recordings.parts(_STAYS):
            stays = slice(first, first + len(part))
            flat_x, flat_mask = (grid[stays].reshape(-1, shape[2]) for grid in (x, mask))
            for f, index, z in _cells(part, shape[1]):
                z -= mean[f]
                z /= scale[f]
                flat_x[index, f] = np.clip(z, low[f], high[f], out=z)
                flat_mask[index, f] = True
            first += len(part)
        known = np.isfinite(recordings.statics)
        s = (np.where(known, recordings.statics, 0) - np.array(self.static_mean, np.float32)) / np.array(
            self.static_scale, np.float32
        )
        s = np.where(known, np.clip(s, -5, 5), 0).astype(np.float32)
        return Sequences(
            torch.from_numpy(x),
            torch.from_numpy(mask),
            torch.from_numpy(lengths),
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


_STAYS = 128
"""Cells of that many stays at once stay near a core's cache."""


def _cells(part: Recordings, hours: int) -> Iterator[tuple[int, NDArray[np.int64] | slice, NDArray[np.float32]]]:
    """The cells of the grid at which something was measured, feature by feature.

    Args:
        part: Some stays.
        hours: Steps of each.

    Yields:
        The feature, where its cells are among all (B * T,), and their aggregated and transformed values.
    """
    size = len(part) * hours
    counted: NDArray[np.int64] | None = None
    for f, step, value in _by_feature(part, hours):
        feature = part.task.features[f]
        if step is not counted:  # the features of one table mostly share their times
            counted = step
            count = np.bincount(step, minlength=size)
            # All of them at once is faster than each by its number.
            index = slice(None) if count.all() else np.flatnonzero(count)
            divisor = count[index].astype(np.float64)
        total = np.asarray(np.bincount(step, _whole(value), minlength=size)[index], dtype=np.float64)
        total /= 2**20
        if feature.aggregate != "sum":
            total /= divisor
        if feature.transform == "log":
            np.log1p(total, out=total)
        yield f, index, total.astype(np.float32)


def _by_feature(part: Recordings, hours: int) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.float32]]]:
    """Of each feature that was measured: the cell that each of its values falls into, and these."""
    if part.rows is not None:
        step = part.rows.stay * np.int64(hours) + steps_at(part.rows.hours, part.task)
        for f, value in zip(part.rows.features, part.rows.values, strict=True):
            there = ~np.isnan(value)
            yield (f, step, value) if there.all() else (f, step[there], value[there])
        return
    step = part.stay * np.int64(hours) + steps_at(part.hours, part.task)
    order = np.argsort(part.feature, kind="stable")
    ends = np.cumsum(np.bincount(part.feature, minlength=len(part.task.features)))
    for f, rows in enumerate(np.split(order, ends[:-1])):
        if len(rows):
            yield f, step[rows], part.value[rows]


def _whole(value: NDArray[np.float32]) -> NDArray[np.float64]:
    """Values in whole steps of 2^-20, which add up exactly: the order of rows cannot change a bit of a sum."""
    whole = value.astype(np.float64)
    whole *= 2**20  # in place, as memory that was never touched costs more than the multiplication
    return np.rint(whole, out=whole)
