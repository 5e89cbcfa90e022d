"""Which stays go together through one step.

Stays of like length go together where that saves much: a batch costs what its longest stay costs
(benchmarks/training.py). Where lengths hardly differ, batches are
drawn at random, which costs nothing and mixes best.
Shapes: B stays.
"""

import torch
from torch import Tensor

WORTH_SORTING = 0.75
"""Below this mean length, as a share of the longest, stays are put together by length."""

LENGTH_JITTER = 0.1
"""Lengths are compared with this much noise, so that batches differ from epoch to epoch."""


def draw_batches(lengths: Tensor, order: Tensor, batches: int, generator: torch.Generator) -> list[Tensor]:
    """Cut stays in random order into batches.

    Args:
        lengths: Of all stays there are.
        order: Indices of the stays of this epoch, in random order.
        batches: How many.
        generator: Source of the draws.
    """
    own = lengths[order].double()
    if not _worth_sorting(own):
        return list(order.tensor_split(batches))
    noise = LENGTH_JITTER * (2 * torch.rand(len(own), generator=generator, dtype=torch.float64) - 1)
    alike = order[(own * (1 + noise)).argsort(stable=True)].tensor_split(batches)
    return [alike[i] for i in torch.randperm(batches, generator=generator).tolist()]


def by_length(lengths: Tensor) -> Tensor:
    """Positions in the order of their lengths where that saves much, else as they are."""
    return lengths.argsort(stable=True) if _worth_sorting(lengths.double()) else torch.arange(len(lengths))


def _worth_sorting(lengths: Tensor) -> bool:
    return bool(lengths.mean() < WORTH_SORTING * lengths.max())


def draw_stays(train: Tensor, y_true: Tensor, balanced: bool, generator: torch.Generator) -> Tensor:
    """The stays of one epoch in random order, (B,): each once, or every class equally often where `balanced`."""
    if not balanced:
        return train[torch.randperm(len(train), generator=generator)]
    own = y_true[train]
    weight = 1.0 / torch.bincount(own).clamp(min=1)[own].double()
    return train[torch.multinomial(weight, len(train), replacement=True, generator=generator)]
