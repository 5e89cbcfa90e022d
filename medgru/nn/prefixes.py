"""Answers of networks that read backwards in time: the stay up to each hour is read by itself.

A network that reads from the last hour to the first would carry what comes later into every earlier
hour. So hour t's answer comes from a run over hours 1 to t alone, as if the stay had ended there.
Shapes: M members, B stays, T hours (padded), D entries, W units, Q hours asked about.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as func


def reverse(series: Tensor, ends: Tensor) -> Tensor:
    """Each stay's hours up to the index `ends` (B,) in reverse order, (B, T, D); doing it twice undoes it.

    What follows an end stays where it is: it comes after all that is read, so it cannot leak into it.
    """
    hour = torch.arange(series.shape[1], device=series.device)
    order = torch.where(hour <= ends[:, None], ends[:, None] - hour, hour)
    return series.gather(1, order[..., None].expand_as(series))


def by_prefix(
    read: Callable[[Tensor, int], tuple[Tensor, Tensor]], num_hours: int, lengths: Tensor, hours: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Run a reader once for every hour asked about.

    Args:
        read: From the index of each stay's last hour, (B,), and the hours T' that this takes at most, to what
            is known then, (M, B, W), and the weights of the hours behind it, (M, B, T').
        num_hours: Hours T in all.
        lengths: Hours of each stay, (B,).
        hours: Indices of the hours asked about, (B, Q); None for all.

    Returns:
        What is known at those hours, (M, B, Q, W), and the weights behind each stay's last hour, (M, B, T).
    """
    final = lengths - 1
    asked = [torch.full_like(lengths, t) for t in range(num_hours)] if hours is None else list(hours.unbind(1))
    states, weights, told = [], torch.zeros(()), torch.zeros_like(lengths, dtype=torch.bool)
    for ends in asked:
        state, weight = read(ends, int(ends.max()) + 1)
        states.append(state)
        at_end = ends == final
        weight = func.pad(weight.detach(), (0, num_hours - weight.shape[2]))
        weights, told = torch.where(at_end[:, None], weight, weights), told | at_end
    if not told.all():
        _, weight = read(final, int(lengths.max()))
        weights = func.pad(weight.detach(), (0, num_hours - weight.shape[2]))
    return torch.stack(states, dim=2), weights
