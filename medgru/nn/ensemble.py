"""Ensemble of recurrent classifiers with attention and a branch of running summaries.

Each member reads the inputs of `CausalFeatures` with its own recurrent core, pools its states so far
by causal attention, and answers at every hour from state, pooled state and summaries:

    hidden   = core(steps)                                     recurrent branch
    pooled   = attention(hidden)
    digest   = gelu(summaries W + b)                           summary branch
    logits   = [hidden, pooled, digest] V + c

Shapes: M members, B stays, T hours (padded), F features, S descriptors, C classes, H hidden units,
Q hours asked about.
"""

from typing import Self, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as func

from medgru.nn.attention import ATTENTIONS
from medgru.nn.config import NetworkConfig
from medgru.nn.cores import CORES, BothWays, side_by_side
from medgru.nn.features import CausalFeatures, CausalInputs
from medgru.nn.linear import StackedLinear
from medgru.nn.network import Network, last_hour_only
from medgru.nn.prefixes import by_prefix

MERGED_MEMBERS = 5
"""Cores run side by side in one; with more, the zeros between the blocks cost more than the steps saved."""


class Ensemble(Network[CausalInputs]):
    """M recurrent classifiers in one module, so that they share inputs and batched products."""

    features: CausalFeatures

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        c = config
        self.features = CausalFeatures(c.input_size, c.static_size, c.max_hours, summaries=c.summary_size > 0)
        self.cores = nn.ModuleList(self._core() for _ in range(c.members))
        states = c.hidden_size * (2 if c.bidirectional else 1)
        attention = ATTENTIONS[c.attention]
        self.attention = attention(c.members, states, c.attention_size) if attention else None
        self.digest = (
            StackedLinear(c.members, self.features.summary_size + self.features.context_size, c.summary_size)
            if c.summary_size
            else None
        )
        width = states * (2 if self.attention else 1) + c.summary_size
        self.head = StackedLinear(c.members, width, c.num_classes)
        self.merged: tuple[nn.RNNBase, ...] = ()

    def answer(self, inputs: CausalInputs, lengths: Tensor, hours: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits (M, B, Q, C) and attention (M, B, T) from prepared inputs; see `Network.answer`."""
        read = self._both_ways if self.settings.bidirectional else self._one_way
        branches, weights = read(inputs.steps, lengths, hours)
        m, b, q, _ = branches[0].shape
        parts = [self._drop(branch).reshape(m, b * q, -1) for branch in branches]
        if self.digest is not None:
            summaries = func.dropout(inputs.summaries, self.settings.summary_dropout, self.training)
            rows = torch.cat([summaries.flatten(2), inputs.context], dim=2).reshape(b * q, -1)
            parts.append(self._drop(func.gelu(self.digest(rows))))
        return self.head(*parts).view(m, b, q, -1), weights

    def freeze(self) -> Self:
        """Make it read-only and quick to ask: no gradients of weights, cores side by side."""
        super().freeze()
        if not self.settings.bidirectional:
            cores = cast(list[nn.RNNBase], list(self.cores))
            groups = range(0, len(self.cores), MERGED_MEMBERS)
            # Kept out of the registered modules: the same weights in another arrangement do not belong in a file.
            self.merged = tuple(side_by_side(cores[i : i + MERGED_MEMBERS]) for i in groups)
        return self

    def _core(self) -> nn.Module:
        c, size = self.settings, self.features.step_size
        if c.bidirectional:
            return BothWays(c.core, size, c.hidden_size, c.num_layers, c.dropout)
        between = c.dropout if c.num_layers > 1 else 0.0
        return CORES[c.core](size, c.hidden_size, c.num_layers, batch_first=True, dropout=between)

    def _one_way(self, steps: Tensor, lengths: Tensor, hours: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """States and pooled states at the hours asked about, each (M, B, Q, H), and attention (M, B, T)."""
        hidden = self._hidden(steps)
        if self.attention is None:
            branches, weights = [hidden], last_hour_only(len(hidden), hidden.shape[2], lengths)
        else:
            pooled, weights = self.attention(hidden, lengths)
            branches = [hidden, pooled]
        if hours is not None:
            row = torch.arange(len(hours), device=hours.device)[:, None]
            branches = [branch[:, row, hours] for branch in branches]
        return branches, weights

    def _both_ways(self, steps: Tensor, lengths: Tensor, hours: Tensor | None) -> tuple[list[Tensor], Tensor]:
        """The same of cores that read both ways: [last state forwards, first state backwards, pooled states]."""

        def read(ends: Tensor, longest: int) -> tuple[Tensor, Tensor]:
            hidden = torch.stack([core(steps[:, :longest], ends) for core in self.cores])  # (M, B, T', 2H)
            row = torch.arange(len(ends), device=ends.device)
            ahead, back = hidden.chunk(2, dim=3)
            state = torch.cat([ahead[:, row, ends], back[:, :, 0]], dim=2)
            if self.attention is None:
                return state, last_hour_only(len(hidden), longest, ends + 1)
            pooled, weights = self.attention(hidden, ends + 1)
            return torch.cat([state, pooled[:, row, ends]], dim=2), weights

        states, weights = by_prefix(read, steps.shape[1], lengths, hours)
        return [states], weights

    def _hidden(self, steps: Tensor) -> Tensor:
        """States of all cores, (M, B, T, H)."""
        if not self.merged:
            return torch.stack([core(steps)[0] for core in self.cores])
        states = torch.cat([core(steps)[0] for core in self.merged], dim=2)
        return states.unflatten(2, (len(self.cores), -1)).permute(2, 0, 1, 3).contiguous()

    def _drop(self, x: Tensor) -> Tensor:
        return func.dropout(x, self.settings.dropout, self.training)
