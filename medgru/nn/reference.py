"""A GRU written out from its equations: to read, to check torch's against, and to see its gates.

Cho et al. 2014 (https://arxiv.org/abs/1406.1078) in the form that torch computes, which resets after the product:

    r    = sigmoid(W_r x + b_r + U_r h + c_r)          how much of the state is let through
    z    = sigmoid(W_z x + b_z + U_z h + c_z)          how much of the state is kept
    n    = tanh(W_n x + b_n + r * (U_n h + c_n))       what could replace it
    h'   = (1 - z) * n + z * h

Shapes: B stays, T hours, D inputs, H hidden units.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Gates(NamedTuple):
    """What the gates did at each hour, all (B, T, H): `reset` near 0 ignores the state, `update` near 1 keeps it."""

    reset: Tensor
    update: Tensor
    hidden: Tensor


def run_gru(gru: nn.GRU, x: Tensor) -> Gates:
    """Run the first layer of a `torch.nn.GRU` over x (B, T, D), from a state of zeros."""
    w, u, b, c = (weight.chunk(3) for weight in gru.all_weights[0])
    (w_r, w_z, w_n), (u_r, u_z, u_n), (b_r, b_z, b_n), (c_r, c_z, c_n) = w, u, b, c
    h = x.new_zeros(len(x), gru.hidden_size)
    hours = []
    for x_t in x.unbind(1):
        r = torch.sigmoid(x_t @ w_r.T + b_r + h @ u_r.T + c_r)
        z = torch.sigmoid(x_t @ w_z.T + b_z + h @ u_z.T + c_z)
        n = torch.tanh(x_t @ w_n.T + b_n + r * (h @ u_n.T + c_n))
        h = (1 - z) * n + z * h
        hours.append(Gates(r, z, h))
    return Gates(*(torch.stack(series, dim=1) for series in zip(*hours, strict=True)))
