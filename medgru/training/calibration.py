"""Fit a `Calibrator` on what members say about stays they were not trained on.

Shapes: B stays, Q hours asked about, C classes, P knots.
"""

import torch
from torch import Tensor
from torch.nn import functional as func

from medgru.nn.calibration import HOUR_KNOTS, Calibrator

SMOOTHNESS = 1e-3
"""Weight of the squared change of scale and shift from knot to knot."""


def hour_knots(window_hours: int) -> tuple[int, ...]:
    """Hours between which scale and shift are linear, spread over the window as `HOUR_KNOTS` are over 48 hours."""
    knots = {1, *(round(k * window_hours / HOUR_KNOTS[-1]) for k in HOUR_KNOTS[1:])} - {0}
    return tuple(sorted(knots)) if len(knots) > 1 else (1, 2)


def fit_calibrator(
    logits: Tensor,
    lengths: Tensor,
    y_true: Tensor,
    knots: tuple[int, ...] = HOUR_KNOTS,
    hours: Tensor | None = None,
) -> Calibrator:
    """Scale and shift that minimise the cross-entropy at every hour asked about of every stay.

    Args:
        logits: Out-of-fold logits, (B, Q, C).
        lengths: Answers of each stay that count, (B,); the last of them is the final one.
        y_true: Class of each stay, (B,).
        knots: Hours between which scale and shift are linear.
        hours: Index of the hour behind each answer, (B, Q); 0 to Q - 1 by default.

    Returns:
        The calibrator; its scales are positive.
    """
    num_classes = logits.shape[2]
    log_scale = torch.zeros(len(knots), dtype=torch.float64, requires_grad=True)
    free = torch.zeros(len(knots), num_classes - 1, dtype=torch.float64, requires_grad=True)

    def current() -> Calibrator:
        # The first class's shift is zero: a shift common to all classes changes nothing.
        return Calibrator(log_scale.exp(), func.pad(free, (1, 0)), knots)

    mean = logits.double()[None]
    seen = None if hours is None else hours + 1
    inside = torch.arange(logits.shape[1]) < lengths[:, None]
    target = y_true[:, None].expand(-1, logits.shape[1])[inside]
    # Every stay's last hour counts as much as all its earlier hours together: that is the final answer.
    at_end = torch.arange(logits.shape[1]) == lengths[:, None] - 1
    weight = (torch.where(at_end, 1.0, 0.0) + 1.0 / lengths[:, None])[inside].double()
    optimizer = torch.optim.LBFGS([log_scale, free], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> float:
        optimizer.zero_grad()
        losses = func.nll_loss(current()(mean, seen)[inside].clamp(min=1e-12).log(), target, reduction="none")
        bumps = log_scale.diff().square().sum() + free.diff(dim=0).square().sum()
        # A few stays that were told apart without a fault must not make the scale endless.
        modesty = log_scale.square().mean() / len(y_true)
        loss = (losses * weight).sum() / weight.sum() + SMOOTHNESS * bumps + modesty
        loss.backward()
        return loss.item()

    optimizer.step(closure)
    return Calibrator(log_scale.exp().detach().float(), func.pad(free, (1, 0)).detach().float(), knots)
