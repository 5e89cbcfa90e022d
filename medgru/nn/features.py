"""What is known at each hour: carried values, their age, and summaries of the stay so far.

Everything here is a running sum, maximum or look-back, so that hour t uses nothing after t; it has no
trained parameters, is shared by all members of an ensemble, and is differentiable in the values and
descriptors: the gradient of a carried value reaches the cell in which it was measured. All of a
variable's entries are zero until it is first measured, so that a hidden sensor is a sensor times zero.

Shapes: B stays, T hours (padded), F features, S descriptors, K summaries a feature.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from medgru.nn.network import Features

MEMORY_HOURS = 12.0
"""A value loses 1/e of its freshness in this time."""

KNOTS = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0)
"""Where a descriptor's influence may bend, in standard deviations; enough to tell four codes apart."""

STEP_ENTRIES = 4
"""What a step holds of each variable: carried value, the same faded by age, freshness, whether measured."""

NUM_SUMMARIES = 8
"""Last, mean, lowest, highest, standard deviation, slope, last - mean, log count."""

NUM_FAR = 2
"""Of the first so many, last and mean, the distance from usual is given as well."""

USUAL_DISTANCE = 0.8
"""Mean distance of a normal variable from its centre, in standard deviations."""

BOUND = 2.0
"""Scaled summaries stay within this, softly."""

MIN_SPREAD = 0.05
"""Least spread of a summary: one that hardly varies is not blown up."""

_FIT_STAYS = 64


class CausalInputs(NamedTuple):
    """What a recurrent classifier reads. `steps` (B, T, D) at each hour; `summaries` (B, T, K, F) of the stay so
    far, K = 0 where there is no branch for them; `context` (B, T, E) of descriptors and time."""

    steps: Tensor
    summaries: Tensor
    context: Tensor

    def select(self, index: Tensor, hours: Tensor | None = None, longest: int | None = None) -> "CausalInputs":
        """The stays `index`, summaries and context at the hours (B, Q) asked about; see `Inputs`."""
        steps = self.steps[:, :longest][index]
        if hours is None:
            return CausalInputs(steps, self.summaries[:, :longest][index], self.context[:, :longest][index])
        rows = index[:, None]
        return CausalInputs(steps, self.summaries[rows, hours], self.context[rows, hours])

    def hide(self, keep: Tensor) -> "CausalInputs":
        """As if variables with a zero in `keep` (B, F) had never been measured."""
        entries = keep.repeat(1, STEP_ENTRIES)[:, None]
        series, rest = self.steps.split([entries.shape[2], self.steps.shape[2] - entries.shape[2]], dim=2)
        steps = torch.cat([series * entries, rest], dim=2)
        return CausalInputs(steps, self.summaries * keep[:, None, None], self.context)

    @classmethod
    def cat(cls, parts: Sequence["CausalInputs"]) -> "CausalInputs":
        """Several batches as one."""
        return cls(*(torch.cat(column) for column in zip(*parts, strict=True)))


class CausalFeatures(Features[CausalInputs]):
    """The inputs of the recurrent core and of the summary branch, for every hour at once.

    `centre` and `spread` (K, F) bring summaries to a common scale; they are learned from training stays
    by `fit`, and are part of the weights file. Without `summaries` none are computed.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, input_size: int, static_size: int, max_hours: int, summaries: bool = True) -> None:
        super().__init__()
        self.summaries = summaries
        self.max_hours = max_hours
        self.context_size = static_size * (2 + len(KNOTS)) + 1
        self.step_size = STEP_ENTRIES * input_size + self.context_size
        self.summary_size = (NUM_SUMMARIES + NUM_FAR) * input_size
        self.register_buffer("centre", torch.zeros(NUM_SUMMARIES, input_size))
        self.register_buffer("spread", torch.ones(NUM_SUMMARIES, input_size))

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        lengths: Tensor,
        statics: Tensor,
        statics_mask: Tensor,
        hours: Tensor | None = None,
    ) -> CausalInputs:
        """Inputs for x, mask (B, T, F), lengths (B,), statics, statics_mask (B, S).

        With `hours`, indices (B, Q), summaries and context are given at those hours only: Q for T.
        """
        series = carry(x, mask, lengths)
        context = self._context(x.shape[1], statics, statics_mask)
        steps = torch.cat([series.last, series.last * series.fresh, series.fresh, series.measured, context], dim=2)
        # BOUND * tanh((summaries - centre) / (BOUND * spread)), softly bounded: one extreme summary cannot
        # carry the answer away. In few passes, as this is the largest tensor there is.
        slope = 1 / (BOUND * self.spread)
        if hours is not None:
            context = context[torch.arange(len(hours), device=hours.device)[:, None], hours]
        if not self.summaries:
            return CausalInputs(steps, steps.new_zeros(*context.shape[:2], 0, x.shape[2]), context)
        seen = _at(hours, series.seen)[:, :, None]
        scaled = torch.addcmul(-self.centre * slope, _summaries(series, hours), slope).tanh() * (BOUND * seen)
        # Both too low and too high are dangerous: the distance from usual lets one unit say so.
        far = scaled[:, :, :NUM_FAR].abs() - USUAL_DISTANCE * seen
        return CausalInputs(steps, torch.cat([scaled, far], dim=2), context)

    @torch.no_grad()
    def fit(self, x: Tensor, mask: Tensor, lengths: Tensor) -> None:
        """Learn centre and spread over the hours at which each variable had been measured."""
        # A few stays at a time: all at once would be gigabytes, and four times as slow.
        count, total, square = (torch.zeros_like(self.centre, dtype=torch.float64) for _ in range(3))
        for x_few, mask_few, lengths_few in zip(*(t.split(_FIT_STAYS) for t in (x, mask, lengths)), strict=True):
            series = carry(x_few, mask_few, lengths_few)
            inside = torch.arange(x.shape[1], device=x.device) < lengths_few[:, None]
            weight = (series.seen * inside[..., None])[:, :, None]  # (B, T, 1, F)
            summaries = _summaries(series)
            count += weight.sum(dim=(0, 1))
            total += (summaries * weight).sum(dim=(0, 1))
            square += (summaries * summaries * weight).sum(dim=(0, 1))
        count.clamp_(min=1)
        centre = total / count
        self.centre.copy_(centre)
        self.spread.copy_((square / count - centre * centre).clamp(min=0).sqrt().clamp(min=MIN_SPREAD))

    def _context(self, num_hours: int, statics: Tensor, statics_mask: Tensor) -> Tensor:
        """Descriptors, whether known, their bends, and the share of the window that has passed, (B, T, E)."""
        fixed = describe(statics, statics_mask)
        clock = torch.arange(1, num_hours + 1, dtype=statics.dtype, device=statics.device) / self.max_hours
        b, t = len(statics), num_hours
        return torch.cat([fixed[:, None].expand(b, t, -1), clock[None, :, None].expand(b, t, 1)], dim=2)


class Series(NamedTuple):
    """The series as they stand at each hour, all (B, T, F): values (0 where not measured), whether measured,
    last measured value, its freshness, 1 from the first measurement on, and the hour of the newest one, -1 before."""

    x: Tensor
    measured: Tensor
    last: Tensor
    fresh: Tensor
    seen: Tensor
    newest: Tensor


def describe(statics: Tensor, statics_mask: Tensor) -> Tensor:
    """Descriptors (B, S), whether known, and their bends, (B, S * (2 + KNOTS))."""
    known = statics_mask.to(statics.dtype)
    knots = torch.tensor(KNOTS, dtype=statics.dtype, device=statics.device)
    bends = torch.relu(statics[..., None] - knots) * known[..., None]
    return torch.cat([statics * known, known, bends.flatten(1)], dim=1)


def carry(x: Tensor, mask: Tensor, lengths: Tensor) -> Series:
    """The series at each hour, from values and mask, (B, T, F), and hours of each stay, (B,)."""
    hour = torch.arange(x.shape[1], device=x.device)
    mask = mask & (hour < lengths[:, None])[..., None]
    x = torch.where(mask, x, 0.0)
    # The running maximum of the measured hours is the hour of the last measurement, and stands where that stands.
    hour = hour.to(x.dtype)[:, None]
    newest, position = torch.where(mask, hour, -1.0).cummax(dim=1)
    seen = (newest >= 0).to(x.dtype)
    last = x.gather(1, position) * seen
    fresh = torch.exp((newest - hour) / MEMORY_HOURS) * seen
    return Series(x, mask.to(x.dtype), last, fresh, seen, newest)


def _at(hours: Tensor | None, series: Tensor) -> Tensor:
    """A series (B, T, F) at the hours (B, Q) asked about, (B, Q, F); all of it where none are named."""
    return series if hours is None else series.gather(1, hours[:, :, None].expand(-1, -1, series.shape[2]))


def _summaries(series: Series, hours: Tensor | None = None) -> Tensor:
    """Summaries of the stay up to each hour in the units of x, (B, T, K, F); or up to `hours`, (B, Q, K, F)."""
    x, measured, last, _, seen, _ = series
    time = torch.arange(x.shape[1], dtype=x.dtype, device=x.device)[:, None] / MEMORY_HOURS
    parts = torch.stack([measured, x, x * x, measured * time, measured * time * time, x * time], dim=2)
    low, high = x.masked_fill(measured == 0, torch.inf), x.masked_fill(measured == 0, -torch.inf)
    if hours is None:
        sums = parts.cumsum(dim=1)  # (B, T, 6, F)
        lowest, highest = low.cummin(dim=1).values, high.cummax(dim=1).values
    else:
        # For few hours, each by itself is less work than all of them on the way.
        known = torch.arange(x.shape[1], device=x.device) <= hours[..., None]  # (B, Q, T)
        sums = (known.to(x.dtype) @ parts.flatten(2)).unflatten(2, parts.shape[2:])
        lowest = torch.stack([low.masked_fill(~k[..., None], torch.inf).amin(dim=1) for k in known.unbind(1)], dim=1)
        highest = torch.stack([high.masked_fill(~k[..., None], -torch.inf).amax(dim=1) for k in known.unbind(1)], dim=1)
    count, total, square, t_sum, t_square, cross = sums.unbind(2)
    last, never = _at(hours, last), _at(hours, seen) == 0
    n = count.clamp(min=1)
    mean = total / n
    variance = (square / n - mean * mean).clamp(min=0)
    # The ridge keeps the slope of two neighbouring measurements from exploding.
    slope = (cross - t_sum * mean) / (t_square - t_sum * t_sum / n + 0.25)
    lowest, highest = lowest.masked_fill(never, 0), highest.masked_fill(never, 0)
    # The small constant keeps the root's gradient finite.
    sd = (variance + 1e-4).sqrt() - 1e-2
    return torch.stack([last, mean, lowest, highest, sd, slope, last - mean, torch.log1p(count)], dim=2)
