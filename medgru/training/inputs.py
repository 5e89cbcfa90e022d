"""Training stays with everything the network reads computed once, and how they are varied in training.

`CausalFeatures` has no trained parameters, so its output is computed once for all epochs; an epoch then
costs the recurrent core and little more. Plain index slicing, no DataLoader (docs/experiments.md).
Shapes: B stays, T hours (padded), F features, Q hours asked about.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from medgru.nn.features import CausalFeatures, Inputs
from medgru.sequences import Sequences

_CHUNK = 64  # stays whose intermediate results fit into a core's cache


@dataclass(frozen=True)
class TrainingInputs:
    """The inputs of all training stays: `Inputs` at every hour, and lengths (B,)."""

    inputs: Inputs
    lengths: Tensor

    @classmethod
    @torch.no_grad()
    def compute(cls, features: CausalFeatures, sequences: Sequences) -> "TrainingInputs":
        """Run the features over all stays."""
        s, hours = sequences, sequences.x.shape[1]
        parts = []
        for i in range(0, len(s), _CHUNK):
            c = slice(i, i + _CHUNK)
            parts.append(features(s.x[c, :hours], s.mask[c], s.lengths[c], s.statics[c], s.statics_mask[c]))
        return cls(Inputs(*(torch.cat(columns) for columns in zip(*parts, strict=True))), s.lengths)

    def batch(self, index: Tensor, hours: Tensor) -> tuple[Inputs, Tensor]:
        """Inputs of the chosen stays, summaries and context at the hours (B, Q) asked about only; lengths."""
        rows = index[:, None]
        i = self.inputs
        return Inputs(i.steps[index], i.summaries[rows, hours], i.context[rows, hours]), self.lengths[index]


def ask_hours(lengths: Tensor, earlier: int, generator: torch.Generator) -> Tensor:
    """The last hour of each stay, then `earlier` random ones before it, (B, 1 + earlier)."""
    share = torch.rand(len(lengths), earlier, generator=generator)
    return torch.cat([lengths[:, None] - 1, (share * lengths[:, None]).long()], dim=1)


def hide_sensors(inputs: Inputs, share: float, generator: torch.Generator) -> Inputs:
    """As if some sensors had never been connected; how many varies from stay to stay.

    Args:
        inputs: Of a batch of stays.
        share: Mean share of sensors hidden; each stay draws its own share from 0 to twice that.
        generator: Source of the draws.
    """
    b, num_features = len(inputs.steps), inputs.summaries.shape[3]
    own_share = 2 * share * torch.rand(b, 1, generator=generator)
    keep = (torch.rand(b, num_features, generator=generator) >= own_share).to(inputs.steps.dtype)
    return CausalFeatures.hide(inputs, keep)
