"""The learning rate at every step, as a plain function of the step: nothing to save, nothing to restore."""

import math

from medgru.training.config import Recipe

WARM_UP = 0.2
"""Share of the steps on which the rate rises; a tenth of it for "cosine"."""

START, END = 1 / 25, 1 / 250_000
"""Rate at the first and the last step, as shares of the peak."""

MOMENTUM = (0.95, 0.85)
"""First beta of Adam where the rate is lowest and where it is highest ("one-cycle" only)."""


def rate_and_momentum(recipe: Recipe, step: int, total: int) -> tuple[float, float]:
    """Learning rate and first beta of Adam at a step of `total`, counted from 0.

    "one-cycle" (Smith and Topin 2018, https://arxiv.org/abs/1708.07120) is torch's `OneCycleLR`: up and down
    along half a cosine each, the momentum the other way round. "cosine" rises for a moment and then falls to
    nothing; "constant" stays.
    """
    peak = recipe.learning_rate
    if recipe.schedule == "constant":
        return peak, 0.9
    if recipe.schedule == "cosine":
        rise = max(1, int(total * WARM_UP / 10))
        return (
            (peak * (step + 1) / rise, 0.9) if step < rise else (_glide(peak, 0.0, (step - rise) / (total - rise)), 0.9)
        )
    low, high = MOMENTUM
    top = WARM_UP * total - 1
    if step <= top:
        share = step / top if top else 1.0
        return _glide(peak * START, peak, share), _glide(low, high, share)
    share = (step - top) / (total - 1 - top)
    return _glide(peak, peak * END, share), _glide(high, low, share)


def _glide(start: float, end: float, share: float) -> float:
    """From start to end along half a cosine."""
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
