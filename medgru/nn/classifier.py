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

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as func

from medgru.nn.attention import CausalAttention
from medgru.nn.config import NetworkConfig
from medgru.nn.cores import CORES, side_by_side
from medgru.nn.features import CausalFeatures, Inputs

MERGED_MEMBERS = 5
"""Cores run side by side in one; with more, the zeros between the blocks cost more than the steps saved."""


class StackedLinear(nn.Module):
    """One linear map a member."""

    def __init__(self, members: int, in_size: int, out_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, in_size, out_size).uniform_(-1, 1) * in_size**-0.5)
        self.bias = nn.Parameter(torch.zeros(members, 1, out_size))

    def forward(self, *parts: Tensor) -> Tensor:
        """Map rows (R, D), shared by all members, or (M, R, D), to (M, R, K).

        Several parts, of D1, D2, ... columns, are mapped as if they stood side by side, without that copy.
        """
        weights = self.weight.split([part.shape[-1] for part in parts], dim=1)
        mapped = (self._map(part, weight) for part, weight in zip(parts, weights, strict=True))
        return self.bias + sum(mapped)

    @staticmethod
    def _map(part: Tensor, weight: Tensor) -> Tensor:
        # One large product for shared rows: a third faster than M products of the same rows.
        return torch.einsum("rd,mdk->mrk", part, weight) if part.ndim == 2 else torch.bmm(part, weight)


class Ensemble(nn.Module):
    """M members of one architecture in one module, so that they share inputs and batched products."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.settings = c = config
        self.features = CausalFeatures(c.input_size, c.static_size, c.max_hours)
        self.cores = nn.ModuleList(
            CORES[c.core](self.features.step_size, c.hidden_size, batch_first=True) for _ in range(c.members)
        )
        self.attention = CausalAttention(c.members, c.hidden_size, c.attention_size) if c.attention_size else None
        self.digest = (
            StackedLinear(c.members, self.features.summary_size + self.features.context_size, c.summary_size)
            if c.summary_size
            else None
        )
        width = c.hidden_size * (2 if c.attention_size else 1) + c.summary_size
        self.head = StackedLinear(c.members, width, c.num_classes)
        self.merged: tuple[nn.RNNBase, ...] = ()

    @property
    def config(self) -> dict[str, Any]:
        """Plain values from which `build_network` builds the same architecture."""
        return self.settings.to_dict()

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        lengths: Tensor,
        statics: Tensor,
        statics_mask: Tensor,
        hours: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What each member says at every hour, and where it looked.

        Args:
            x: Standardised hourly values, 0 where not measured, (B, T, F).
            mask: True where measured, (B, T, F).
            lengths: Hours of each stay, (B,).
            statics, statics_mask: Standardised descriptors and whether they are known, (B, S).
            hours: Indices of the hours asked about, (B, Q), instead of all T; much less work for few of them.

        Returns:
            Logits, (M, B, T, C), those at hour t from hours up to t alone; and attention, (M, B, T):
            weights over the hours behind the answer at each stay's last hour, zero on padding, summing to one.
        """
        return self.answer(self.features(x, mask, lengths, statics, statics_mask, hours), lengths, hours)

    def answer(self, inputs: Inputs, lengths: Tensor, hours: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The same from inputs already computed.

        Args:
            inputs: From `features`; summaries and context at the hours asked about only.
            lengths: Hours of each stay, (B,).
            hours: Indices of the hours asked about, (B, Q); all of them by default.

        Returns:
            Logits, (M, B, Q, C), and attention, (M, B, T).
        """
        hidden = self._hidden(inputs.steps)
        if self.attention is not None:
            pooled, weights = self.attention(hidden, lengths)
            branches = [hidden, pooled]
        else:
            at_end = torch.arange(hidden.shape[2], device=hidden.device) == lengths[:, None] - 1
            weights = at_end.to(hidden.dtype).expand(len(self.cores), -1, -1)
            branches = [hidden]
        if hours is not None:
            row = torch.arange(len(hours), device=hours.device)[:, None]
            branches = [branch[:, row, hours] for branch in branches]
        m, b, q, _ = branches[0].shape
        parts = [self._drop(branch).reshape(m, b * q, -1) for branch in branches]
        if self.digest is not None:
            summaries = func.dropout(inputs.summaries, self.settings.summary_dropout, self.training)
            rows = torch.cat([summaries.flatten(2), inputs.context], dim=2).reshape(b * q, -1)
            parts.append(self._drop(func.gelu(self.digest(rows))))
        return self.head(*parts).view(m, b, q, -1), weights

    def freeze(self) -> "Ensemble":
        """Make it read-only and quick to ask: no gradients of weights, cores side by side."""
        self.eval().requires_grad_(False)
        cores = cast(list[nn.RNNBase], list(self.cores))
        groups = range(0, len(self.cores), MERGED_MEMBERS)
        # Kept out of the registered modules: the same weights in another arrangement do not belong in a file.
        self.merged = tuple(side_by_side(cores[i : i + MERGED_MEMBERS]) for i in groups)
        return self

    def _hidden(self, steps: Tensor) -> Tensor:
        """States of all cores, (M, B, T, H)."""
        if not self.merged:
            return torch.stack([core(steps)[0] for core in self.cores])
        states = torch.cat([core(steps)[0] for core in self.merged], dim=2)
        return states.unflatten(2, (len(self.cores), -1)).permute(2, 0, 1, 3).contiguous()

    def _drop(self, x: Tensor) -> Tensor:
        return func.dropout(x, self.settings.dropout, self.training)


def build_network(config: dict[str, Any]) -> Ensemble:
    """An untrained ensemble from plain numbers.

    Raises:
        BundleError: An entry is unknown, missing, of the wrong type or out of range.
    """
    return Ensemble(NetworkConfig.from_dict(config))


def stack(networks: Sequence[Ensemble]) -> Ensemble:
    """One ensemble of all members of ensembles that share architecture and feature scales."""
    members = sum(n.settings.members for n in networks)
    stacked = build_network(networks[0].config | {"members": members})
    cores = nn.ModuleList(core for n in networks for core in n.cores)
    state = {f"cores.{k}": v for k, v in cores.state_dict().items()}
    for name, value in stacked.state_dict().items():
        if name.startswith("features."):
            state[name] = networks[0].state_dict()[name]
        elif not name.startswith("cores."):
            state[name] = torch.cat([n.state_dict()[name] for n in networks])
        assert state[name].shape == value.shape, name
    stacked.load_state_dict(state)
    return stacked.eval()
