"""RETAIN: two attentions, over hours and over variables, whose parts sum to the logit (Choi et al. 2016).

https://arxiv.org/abs/1608.05745. For the answer at hour i, with the hours j = i, i - 1, ..., 1 read backwards:

    v[j]     = W_emb x[j]                                                step 1
    g, h     = RNN_alpha(v[i], ..., v[1]), RNN_beta(v[i], ..., v[1])     steps 2 and 3
    alpha    = softmax over j of (w_alpha . g[j] + b_alpha)
    beta[j]  = tanh(W_beta h[j] + b_beta)
    context  = sum over j of alpha[j] beta[j] * v[j]                     step 4
    logits   = W context + b                                             step 5

As the embedding is linear, entry k of hour j contributes alpha[j] W (beta[j] * W_emb[:, k]) x[j, k] (eq. 5), and
all of them sum to the logits less b. The paper's visits hold codes; ours hold what a GRU reads at each hour:
each variable's carried value, the same faded by age, freshness, and whether it was measured.
Shapes: M members, B stays, T hours (padded), D entries of a step, F features, S descriptors, C classes, H units.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as func

from medgru.nn.config import NetworkConfig
from medgru.nn.features import STEP_ENTRIES, CausalFeatures, CausalInputs
from medgru.nn.network import Network
from medgru.nn.prefixes import by_prefix, reverse


class RETAINCore(nn.Module):
    """One member, read backwards from an hour."""

    def __init__(self, step_size: int, hidden_size: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.embed = nn.Linear(step_size, hidden_size, bias=False)
        self.hour_rnn = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.variable_rnn = nn.GRU(hidden_size, hidden_size, batch_first=True)
        self.hour = nn.Linear(hidden_size, 1)
        self.variable = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, num_classes)
        self.dropout = dropout

    def attend(self, embedded: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """alpha (B, T), zero after the index `ends` (B,), and beta (B, T, H), from embedded steps (B, T, H)."""
        backwards = reverse(embedded, ends)
        g, h = (reverse(rnn(backwards)[0], ends) for rnn in (self.hour_rnn, self.variable_rnn))
        after = torch.arange(embedded.shape[1], device=ends.device) > ends[:, None]
        alpha = self.hour(g).squeeze(2).masked_fill(after, float("-inf")).softmax(dim=1)
        return alpha, torch.tanh(self.variable(h))

    def forward(self, steps: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (B, C) at the index `ends` (B,) from steps (B, T, D), and alpha (B, T)."""
        v = func.dropout(self.embed(steps), self.dropout, self.training)
        alpha, beta = self.attend(v, ends)
        context = torch.einsum("bt,bth,bth->bh", alpha, beta, v)
        return self.out(func.dropout(context, self.dropout, self.training)), alpha


class RETAIN(Network[CausalInputs]):
    """M members of RETAIN. Every hour asked about is a run of its own over the hours before it."""

    features: CausalFeatures

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__(config)
        c = config
        self.features = CausalFeatures(c.input_size, c.static_size, c.max_hours, summaries=False)
        self.cores = nn.ModuleList(
            RETAINCore(self.features.step_size, c.hidden_size, c.num_classes, c.dropout) for _ in range(c.members)
        )

    def answer(self, inputs: CausalInputs, lengths: Tensor, hours: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Logits (M, B, Q, C) and attention (M, B, T) from prepared inputs; see `Network.answer`."""

        def read(ends: Tensor, longest: int) -> tuple[Tensor, Tensor]:
            told = [core(inputs.steps[:, :longest], ends) for core in self.cores]
            return torch.stack([logits for logits, _ in told]), torch.stack([alpha for _, alpha in told])

        return by_prefix(read, inputs.steps.shape[1], lengths, hours)

    @torch.no_grad()
    def contributions(self, inputs: CausalInputs, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What each variable added at each hour to the logits at a stay's last hour (eq. 5), without dropout.

        Returns:
            Contributions, (M, B, T, F + S + 1, C): features, descriptors, and the time passed; zero on padding.
            And the bias, (M, C): it and all contributions of a stay sum to its logits.
        """
        cores = [cast(RETAINCore, core) for core in self.cores]
        parts = [self._contributions(core, inputs.steps, lengths - 1) for core in cores]
        return torch.stack(parts), torch.stack([core.out.bias for core in cores])

    def _contributions(self, core: RETAINCore, steps: Tensor, ends: Tensor) -> Tensor:
        alpha, beta = core.attend(core.embed(steps), ends)
        # W (beta * W_emb[:, k]) of each hour and entry, (B, T, D, C).
        weight = torch.einsum("ch,bth,hd->btdc", core.out.weight, beta, core.embed.weight)
        each = alpha[..., None, None] * weight * steps[..., None]
        # An entry belongs to a variable: STEP_ENTRIES of each feature one after the other, then the context.
        f, s = self.settings.input_size, self.settings.static_size
        series, known, bends, clock = each.split(
            [STEP_ENTRIES * f, 2 * s, each.shape[2] - STEP_ENTRIES * f - 2 * s - 1, 1], 2
        )
        by_feature = series.unflatten(2, (STEP_ENTRIES, f)).sum(dim=2)
        by_static = known.unflatten(2, (2, s)).sum(dim=2) + bends.unflatten(2, (s, -1)).sum(dim=3) if s else known
        return torch.cat([by_feature, by_static, clock], dim=2)
