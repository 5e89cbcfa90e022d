"""Attention over the hours so far, at every hour at once.

Additive attention (Bahdanau et al. 2015, https://arxiv.org/abs/1409.0473) and scaled dot products with a
learned query (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762), the softmax running over the prefix
1..t. With scores bounded, exp() needs no maximum subtracted, so the prefix sums of exp(score) and
exp(score) * hidden are exact, linear in T, and untouched by anything later.
Shapes: M members, B stays, T hours (padded), H hidden units, A attention units.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor, nn

SCORE_BOUND = 8.0
"""Scores stay within this: one hour may weigh up to exp(16) times another."""


class CausalAttention(nn.Module, ABC):
    """Weighted mean of the hidden states so far, the weights learned from the states."""

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
        raw = self.scores(hidden.reshape(m, b * t, h)).view(m, b, t, 1)
        weight = torch.exp(SCORE_BOUND * torch.tanh(raw / SCORE_BOUND))
        pooled = (weight * hidden).cumsum(dim=2) / weight.cumsum(dim=2)
        inside = torch.arange(t, device=hidden.device) < lengths[:, None]
        final = weight.squeeze(-1) * inside
        return pooled, final / final.sum(dim=2, keepdim=True)

    @abstractmethod
    def scores(self, hidden: Tensor) -> Tensor:
        """How much each hour counts, (M, R, 1), from states (M, R, H)."""


class AdditiveAttention(CausalAttention):
    """score = v . tanh(W h + b)."""

    def __init__(self, members: int, hidden_size: int, attention_size: int) -> None:
        super().__init__()
        self.project = nn.Parameter(torch.empty(members, hidden_size, attention_size))
        self.bias = nn.Parameter(torch.zeros(members, 1, attention_size))
        self.score = nn.Parameter(torch.empty(members, attention_size, 1))
        for weight in (self.project, self.score):
            nn.init.uniform_(weight, -(weight.shape[1] ** -0.5), weight.shape[1] ** -0.5)

    def scores(self, hidden: Tensor) -> Tensor:
        """How much each hour counts, (M, R, 1), from states (M, R, H)."""
        return torch.bmm(torch.tanh(torch.baddbmm(self.bias, hidden, self.project)), self.score)


class DotAttention(CausalAttention):
    """score = q . (W h) / sqrt(A), the query q learned."""

    def __init__(self, members: int, hidden_size: int, attention_size: int) -> None:
        super().__init__()
        bound = hidden_size**-0.5
        self.project = nn.Parameter(torch.empty(members, hidden_size, attention_size).uniform_(-bound, bound))
        self.query = nn.Parameter(torch.randn(members, attention_size, 1))

    def scores(self, hidden: Tensor) -> Tensor:
        """How much each hour counts, (M, R, 1), from states (M, R, H)."""
        return torch.bmm(torch.bmm(hidden, self.project), self.query) / self.query.shape[1] ** 0.5


ATTENTIONS: dict[str, Callable[[int, int, int], CausalAttention] | None] = {
    "none": None,
    "additive": AdditiveAttention,
    "dot": DotAttention,
}
