"""The recurrent cores by name; each maps (B, T, D) to hidden states (B, T, H), as `torch.nn.GRU` does."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

CORES: dict[str, Callable[..., nn.RNNBase]] = {"gru": nn.GRU, "lstm": nn.LSTM, "rnn": nn.RNN}


def side_by_side(cores: Sequence[nn.RNNBase]) -> nn.RNNBase:
    """One core that runs several cores of one kind and size on the same input, frozen.

    Hidden states (B, T, M * H) are those of the M cores one after the other: the recurrent weights are
    block-diagonal within each gate. It does more arithmetic than the cores apart, but one pass over time
    instead of M, and on few stays time goes into the steps, not into the arithmetic.
    """
    m, h = len(cores), cores[0].hidden_size
    kind: Callable[..., nn.RNNBase] = type(cores[0])
    merged = kind(cores[0].input_size, m * h, batch_first=True)
    for name, target in merged.named_parameters():
        parts = [getattr(core, name).detach().split(h) for core in cores]  # by gate: (H, D), (H, H) or (H,)
        combine = torch.block_diag if name.startswith("weight_hh") else lambda *rows: torch.cat(rows)
        target.data = torch.cat([combine(*rows) for rows in zip(*parts, strict=True)])
    return merged.eval().requires_grad_(False)
