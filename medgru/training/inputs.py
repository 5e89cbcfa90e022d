"""Training stays with everything the network reads computed once, and how they are varied in training.

What a network prepares has no trained parameters, so it is computed once for all epochs; an epoch then
costs the recurrent core and little more. Where measurements themselves are varied, or where all of it
would not fit into memory, it is computed batch by batch instead. Plain index slicing, no DataLoader
(docs/experiments.md).
Shapes: B stays, T hours (padded), F features, Q hours asked about.
"""

from typing import Any

import torch
from torch import Tensor

from medgru.nn import Network
from medgru.sequences import Sequences
from medgru.training.augment import kept, varies_measurements, vary
from medgru.training.config import Recipe

HELD_BYTES = 2 * 2**30
"""Most memory for inputs computed once. Fixed, and not what is free now, so that the same run takes the same way."""

_CHUNK = 64  # stays whose intermediate results fit into a core's cache


class TrainingInputs:
    """The stays of a run as its networks read them.

    Attributes:
        lengths: Hours of each stay, (B,).
        network: The network that prepares them.
        held: All of them prepared at once, None where that is done batch by batch.
    """

    def __init__(self, network: Network, sequences: Sequences) -> None:
        """Prepare the stays for networks of that architecture and those scales, at once or when asked."""
        self.sequences, self.lengths = sequences, sequences.lengths
        self.network = network
        self.held: Any = None
        if held_bytes(network, sequences) <= HELD_BYTES:
            chunks = torch.arange(len(sequences)).split(_CHUNK)
            parts = [self._fresh(i) for i in chunks]
            self.held = type(parts[0]).cat(parts)

    def __call__(self, index: Tensor, hours: Tensor | None = None) -> Any:
        """Inputs of the chosen stays, cut to the longest of them; what is asked per hour at `hours` (B, Q) only."""
        longest = int(self.lengths[index].max())
        if self.held is None:
            return self._fresh(index, hours, longest)
        return self.held.select(index, hours, longest)

    def varied(self, index: Tensor, hours: Tensor, recipe: Recipe, generator: torch.Generator) -> Any:
        """The same with the variations of the recipe."""
        if varies_measurements(recipe):
            inputs = self._prepare(vary(self.sequences[index], recipe, generator), hours)
        else:
            inputs = self(index, hours)
        if not recipe.hide_sensors:
            return inputs
        keep = kept(len(index), self.sequences.x.shape[2], recipe.hide_sensors, generator)
        return inputs.hide(keep.to(torch.float32))

    def _fresh(self, index: Tensor, hours: Tensor | None = None, longest: int | None = None) -> Any:
        s, t = self.sequences, longest or self.sequences.x.shape[1]
        cut = Sequences(s.x[index, :t], s.mask[index, :t], s.lengths[index], s.statics[index], s.statics_mask[index])
        return self._prepare(cut, hours)

    @torch.no_grad()
    def _prepare(self, s: Sequences, hours: Tensor | None) -> Any:
        return self.network.prepare(s.x, s.mask, s.lengths, s.statics, s.statics_mask, hours)


@torch.no_grad()
def held_bytes(network: Network, sequences: Sequences) -> int:
    """Memory that the inputs of all these stays would take, judged by those of one."""
    s = sequences[:1]
    one = network.prepare(s.x, s.mask, s.lengths, s.statics, s.statics_mask)
    a_stay = sum(part.numel() * part.element_size() for part in one if isinstance(part, Tensor)) / max(1, s.x.shape[1])
    return int(a_stay * len(sequences) * sequences.x.shape[1])


def ask_hours(lengths: Tensor, earlier: int, generator: torch.Generator) -> Tensor:
    """The last hour of each stay, then `earlier` random ones before it, (B, 1 + earlier)."""
    share = torch.rand(len(lengths), earlier, generator=generator)
    return torch.cat([lengths[:, None] - 1, (share * lengths[:, None]).long()], dim=1)
