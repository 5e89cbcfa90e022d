"""How training stays are varied, so that the network does not learn them by heart.

What changes measurements themselves works on the standardised hourly values, before anything is computed
from them; hiding whole sensors works on what was computed, which is as exact and much cheaper.
Shapes: B stays, T hours (padded), F features.
"""

from dataclasses import replace

import torch
from torch import Tensor

from medgru.sequences import Sequences
from medgru.training.config import Recipe


def varies_measurements(recipe: Recipe) -> bool:
    """Whether the recipe changes measurements themselves, so that inputs must be computed anew each time."""
    return any((recipe.noise, recipe.scaling, recipe.jitter, recipe.hide_hours))


def vary(stays: Sequences, recipe: Recipe, generator: torch.Generator) -> Sequences:
    """The stays with every variation that the recipe switches on; lengths stay as they are.

    Noise and stretching are in standard deviations of each variable, as values are standardised. With
    `jitter`, each variable of a stay moves in time as a whole; what leaves the stay is gone.
    """
    x, mask = stays.x, stays.mask
    b, t, f = x.shape
    if recipe.scaling:
        x = x * (1 + recipe.scaling * torch.randn(b, 1, f, generator=generator))
    if recipe.noise:
        x = x + recipe.noise * torch.randn(b, t, f, generator=generator)
    if recipe.jitter:
        shift = torch.randint(-recipe.jitter, recipe.jitter + 1, (b, 1, f), generator=generator)
        source = torch.arange(t)[:, None] - shift  # (B, T, F)
        inside = (source >= 0) & (source < stays.lengths[:, None, None])
        source = source.clamp(0, t - 1)
        x, mask = x.gather(1, source), mask.gather(1, source) & inside
        mask &= torch.arange(t)[:, None] < stays.lengths[:, None, None]
    if recipe.hide_hours:
        mask = mask & kept(b, t, recipe.hide_hours, generator)[:, :, None]
    return replace(stays, x=torch.where(mask, x, 0.0), mask=mask)


def kept(count: int, size: int, share: float, generator: torch.Generator) -> Tensor:
    """Which of `size` things each stay keeps, (B, size), when it loses a mean share of them.

    How many varies from stay to stay: each draws its own share from 0 to twice that.
    """
    own_share = 2 * share * torch.rand(count, 1, generator=generator)
    return torch.rand(count, size, generator=generator) >= own_share
