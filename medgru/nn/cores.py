"""The recurrent cores by name; each maps (B, T, D) to hidden states (B, T, H), as `torch.nn.GRU` does."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as func

from medgru.nn.prefixes import reverse

CORES: dict[str, Callable[..., nn.RNNBase]] = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


class BothWays(nn.Module):
    """Layers that read forwards and backwards (Schuster & Paliwal 1997), each stay up to an hour of its own.

    torch's own bidirectional cores read padding first, or take packed sequences, which are three times slower.
    """

    def __init__(self, core: str, input_size: int, hidden_size: int, num_layers: int, dropout: float) -> None:
        super().__init__()
        sizes = [input_size] + [2 * hidden_size] * (num_layers - 1)
        self.ahead = nn.ModuleList(CORES[core](size, hidden_size, batch_first=True) for size in sizes)
        self.back = nn.ModuleList(CORES[core](size, hidden_size, batch_first=True) for size in sizes)
        self.dropout = dropout

    def forward(self, steps: Tensor, ends: Tensor) -> Tensor:
        """States (B, T, 2H) of the hours up to the index `ends` (B,); what follows means nothing."""
        for layer, (ahead, back) in enumerate(zip(self.ahead, self.back, strict=True)):
            if layer:
                steps = func.dropout(steps, self.dropout, self.training)
            steps = torch.cat([ahead(steps)[0], reverse(back(reverse(steps, ends))[0], ends)], dim=2)
        return steps


def side_by_side(cores: Sequence[nn.RNNBase]) -> nn.RNNBase:
    """One core that runs several cores of one kind and size on the same input, frozen.

    Hidden states (B, T, M * H) are those of the M cores one after the other: the recurrent weights, and
    those between layers, are block-diagonal within each gate. It does more arithmetic than the cores apart,
    but one pass over time instead of M, and on few stays time goes into the steps, not into the arithmetic.
    """
    m, h = len(cores), cores[0].hidden_size
    kind: Callable[..., nn.RNNBase] = type(cores[0])
    merged = kind(cores[0].input_size, m * h, cores[0].num_layers, batch_first=True)
    for name, target in merged.named_parameters():
        parts = [getattr(core, name).detach().split(h) for core in cores]  # by gate: (H, D), (H, H) or (H,)
        shared_input = name.startswith("bias") or name == "weight_ih_l0"
        combine = (lambda *rows: torch.cat(rows)) if shared_input else torch.block_diag
        target.data = torch.cat([combine(*rows) for rows in zip(*parts, strict=True)])
    return merged.eval().requires_grad_(False)
