"""Attention over the hours so far, at every hour at once.

Additive attention (Bahdanau et al. 2015, https://arxiv.org/abs/1409.0473) whose softmax runs over the
prefix 1..t. With scores bounded, exp() needs no maximum subtracted, so the prefix sums of exp(score)
and exp(score) * hidden are exact, linear in T, and untouched by anything later.
Shapes: M members, B stays, T hours (padded), H hidden units, A attention units.
"""

import torch
from torch import Tensor, nn

SCORE_BOUND = 8.0
"""Scores stay within this: one hour may weigh up to exp(16) times another."""


class CausalAttention(nn.Module):
    """Weighted mean of the hidden states so far, the weights learned from the states."""

    def __init__(self, members: int, hidden_size: int, attention_size: int) -> None:
        super().__init__()
        self.project = nn.Parameter(torch.empty(members, hidden_size, attention_size))
        self.bias = nn.Parameter(torch.zeros(members, 1, attention_size))
        self.score = nn.Parameter(torch.empty(members, attention_size, 1))
        for weight in (self.project, self.score):
            nn.init.uniform_(weight, -(weight.shape[1] ** -0.5), weight.shape[1] ** -0.5)

    def forward(self, hidden: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Pool the hidden states up to each hour.

        Args:
            hidden: States of the recurrent cores, (M, B, T, H).
            lengths: Hours of each stay, (B,).

        Returns:
            Pooled states, (M, B, T, H), and the weights behind each stay's last hour, (M, B, T): zero on
            padding, summing to one over T.
        """
        m, b, t, h = hidden.shape
        keys = torch.tanh(torch.baddbmm(self.bias, hidden.reshape(m, b * t, h), self.project))
        raw = torch.bmm(keys, self.score).view(m, b, t, 1)
        weight = torch.exp(SCORE_BOUND * torch.tanh(raw / SCORE_BOUND))
        pooled = (weight * hidden).cumsum(dim=2) / weight.cumsum(dim=2)
        inside = torch.arange(t, device=hidden.device) < lengths[:, None]
        final = weight.squeeze(-1) * inside
        return pooled, final / final.sum(dim=2, keepdim=True)
