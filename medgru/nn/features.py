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
from torch import Tensor, nn
from torch.nn import functional as func

MEMORY_HOURS = 12.0
"""A value loses 1/e of its freshness in this time."""

KNOTS = (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0)
"""Where a descriptor's influence may bend, in standard deviations; enough to tell four codes apart."""

_CUMULATIVE = 8  # summaries of the whole stay so far, before those of the windows
_PER_WINDOW = 4


class Inputs(NamedTuple):
    """What the members read. `steps` (B, T, D) at each hour; `summaries` (B, T, K, F) of the stay so far;
    `context` (B, T, E) of descriptors and time."""

    steps: Tensor
    summaries: Tensor
    context: Tensor


class CausalFeatures(nn.Module):
    """The inputs of the recurrent core and of the summary branch, for every hour at once.

    `centre` and `spread` (K, F) bring summaries to a common scale; they are learned from training stays
    by `fit`, and are part of the weights file.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, input_size: int, static_size: int, max_hours: int, windows: Sequence[int]) -> None:
        super().__init__()
        self.windows = tuple(windows)
        self.max_hours = max_hours
        self.num_summaries = _CUMULATIVE + 2 + _PER_WINDOW * len(self.windows)
        self.context_size = static_size * (2 + len(KNOTS)) + 1
        self.step_size = 4 * input_size + self.context_size
        self.summary_size = self.num_summaries * input_size
        self.register_buffer("centre", torch.zeros(self.num_summaries, input_size))
        self.register_buffer("spread", torch.ones(self.num_summaries, input_size))

    def forward(self, x: Tensor, mask: Tensor, lengths: Tensor, statics: Tensor, statics_mask: Tensor) -> Inputs:
        """Inputs for x, mask (B, T, F), lengths (B,), statics, statics_mask (B, S)."""
        hour = torch.arange(x.shape[1], device=x.device)
        mask = mask & (hour < lengths[:, None])[..., None]
        x = torch.where(mask, x, 0.0)

        newest = torch.where(mask, hour[:, None], -1).cummax(dim=1).values  # hour of the last measurement
        seen = (newest >= 0).to(x.dtype)
        last = x.gather(1, newest.clamp(min=0)) * seen
        fresh = torch.exp((newest - hour[:, None]) / MEMORY_HOURS) * seen
        m = mask.to(x.dtype)

        context = self._context(hour.to(x.dtype), statics, statics_mask)
        steps = torch.cat([last, last * fresh, fresh, m, context], dim=2)
        summaries = self._summaries(x, mask, m, last, fresh, seen)
        # Softly bounded: one extreme summary cannot carry the answer away.
        summaries = 3 * torch.tanh((summaries - self.centre) / (3 * self.spread)) * seen[:, :, None]
        return Inputs(steps, summaries, context)

    @torch.no_grad()
    def fit(self, x: Tensor, mask: Tensor, lengths: Tensor) -> None:
        """Learn centre and spread over the hours at which each variable had been measured."""
        hour = torch.arange(x.shape[1], device=x.device)
        newest = torch.where(mask, hour[:, None], -1).cummax(dim=1).values
        seen = ((newest >= 0) & (hour < lengths[:, None])[..., None]).to(x.dtype)
        last = x.gather(1, newest.clamp(min=0)) * seen
        fresh = torch.exp((newest - hour[:, None]) / MEMORY_HOURS) * seen
        summaries = self._summaries(x, mask, mask.to(x.dtype), last, fresh, seen)
        weight = seen[:, :, None] / seen.sum(dim=(0, 1)).clamp(min=1)
        mean = (summaries * weight).sum(dim=(0, 1))
        self.spread.copy_((((summaries - mean) ** 2 * weight).sum(dim=(0, 1))).sqrt().clamp(min=0.05))
        self.centre.copy_(mean)

    def _context(self, hour: Tensor, statics: Tensor, statics_mask: Tensor) -> Tensor:
        """Descriptors, whether known, their bends, and the time of day zero, (B, T, E)."""
        known = statics_mask.to(statics.dtype)
        knots = torch.tensor(KNOTS, dtype=statics.dtype, device=statics.device)
        bends = torch.relu(statics[..., None] - knots) * known[..., None]
        fixed = torch.cat([statics * known, known, bends.flatten(1)], dim=1)
        clock = ((hour + 1) / self.max_hours)[None, :, None].expand(len(statics), -1, 1)
        return torch.cat([fixed[:, None].expand(-1, len(hour), -1), clock], dim=2)

    def _summaries(self, x: Tensor, mask: Tensor, m: Tensor, last: Tensor, fresh: Tensor, seen: Tensor) -> Tensor:
        """Unscaled summaries of the stay up to each hour, (B, T, K, F)."""
        time = torch.arange(x.shape[1], dtype=x.dtype, device=x.device)[:, None] / MEMORY_HOURS
        sums = torch.stack([m, x, x * x, m * time, m * time * time, x * time]).cumsum(dim=2)
        count, total, square, t_sum, t_square, cross = sums.unbind(0)
        n = count.clamp(min=1)
        mean = total / n
        variance = (square / n - mean * mean).clamp(min=0)
        # The ridge keeps the slope of two neighbouring measurements from exploding.
        slope = (cross - t_sum * mean) / (t_square - t_sum * t_sum / n + 0.25)
        first = (x * (mask & (count == 1))).cumsum(dim=1)
        lowest = torch.where(mask, x, torch.inf).cummin(dim=1).values
        highest = torch.where(mask, x, -torch.inf).cummax(dim=1).values
        never = seen == 0
        parts = [
            last, mean, lowest.masked_fill(never, 0), highest.masked_fill(never, 0), first,
            # The small constant keeps the root's gradient finite.
            (variance + 1e-4).sqrt() - 1e-2, slope, last - mean, torch.log1p(count), fresh,
        ]  # fmt: skip
        for hours in self.windows:
            parts += _window(hours, x, mask, count, total, last)
        return torch.stack(parts, dim=2)


def _window(hours: int, x: Tensor, mask: Tensor, count: Tensor, total: Tensor, last: Tensor) -> list[Tensor]:
    """Mean, lowest, highest and number of the last `hours` hours; the carried value where there are none."""

    def before(running: Tensor) -> Tensor:
        return func.pad(running, (0, 0, hours, 0))[:, : running.shape[1]]

    def highest(values: Tensor) -> Tensor:
        padded = func.pad(values.masked_fill(~mask, -torch.inf).transpose(1, 2), (hours - 1, 0), value=-torch.inf)
        return func.max_pool1d(padded, hours, stride=1).transpose(1, 2)

    n = count - before(count)
    some = n > 0
    mean = torch.where(some, (total - before(total)) / n.clamp(min=1), last)
    top = torch.where(some, highest(x), last)
    bottom = torch.where(some, -highest(-x), last)
    return [mean, bottom, top, torch.log1p(n)]
