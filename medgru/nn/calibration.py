"""From the members' logits to probabilities that mean what they say, at every hour.

The members' logits are averaged and passed through a scale and a shift that depend on how many hours
have been seen: softmax(scale(h) * logits + shift(h)), both piecewise linear between knots. This is
Platt's calibration (1999) with time. The scale is positive, so a fixed hour's ranking never changes.
Shapes: M members, B stays, T hours, C classes, P knots.
"""

import itertools
from typing import Any

import numpy as np
import torch
from torch import Tensor

from medgru.errors import BundleError

HOUR_KNOTS = (1, 6, 12, 24, 36, 48)
"""Hours seen between which scale and shift change linearly; beyond the last they stay."""

MAX_HOUR, MAX_SCALE = 1_000_000, 1e6
"""A bundle is refused beyond: probabilities would be no numbers any more."""


class Calibrator:
    """Scale (P,) and shift (P, C) at the knots, learned on stays that the members were not trained on."""

    def __init__(self, scale: Tensor, shift: Tensor, knots: tuple[int, ...] = HOUR_KNOTS) -> None:
        self.knots = knots
        self.scale = scale
        self.shift = shift

    @classmethod
    def identity(cls, num_classes: int) -> "Calibrator":
        """Changes nothing: plain softmax of the mean logits."""
        return cls(torch.ones(len(HOUR_KNOTS)), torch.zeros(len(HOUR_KNOTS), num_classes))

    def __call__(self, logits: Tensor, hours: Tensor | None = None) -> Tensor:
        """Probabilities (B, T, C) from logits (M, B, T, C).

        Args:
            logits: What each member says at each hour.
            hours: Hours seen at each of them, counted from 1: (T,) or (B, T); 1 to T by default.
        """
        if hours is None:
            hours = torch.arange(1, logits.shape[2] + 1, device=logits.device)
        weight = self.weights(hours).to(logits.dtype)
        scale = weight @ self.scale.to(logits)
        return (scale[..., None] * logits.mean(dim=0) + weight @ self.shift.to(logits)).softmax(dim=-1)

    def weights(self, hours: Tensor) -> Tensor:
        """Share of each knot at the given hours, (..., P); rows sum to one."""
        knots = torch.tensor(self.knots, dtype=torch.float32, device=hours.device)
        h = hours.to(torch.float32).clamp(float(knots[0]), float(knots[-1]))
        left = torch.searchsorted(knots, h.contiguous(), right=True).sub(1).clamp(0, len(knots) - 2)
        share = (h - knots[left]) / (knots[left + 1] - knots[left])
        one_hot = torch.eye(len(knots), device=hours.device)
        return one_hot[left] * (1 - share)[..., None] + one_hot[left + 1] * share[..., None]

    def to_config(self) -> dict[str, Any]:
        """Plain numbers for `calibration.json`."""
        return {"knots": list(self.knots), "scale": self.scale.tolist(), "shift": self.shift.tolist()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Calibrator":
        """Inverse of `to_config`.

        Raises:
            BundleError: A number is missing, not finite or out of range.
        """
        try:
            knots = [int(k) for k in config["knots"]]
            scale = np.asarray(config["scale"], dtype=np.float32)
            shift = np.asarray(config["shift"], dtype=np.float32)
        except (KeyError, TypeError, ValueError, OverflowError):
            raise BundleError(
                "calibration.json: knots, scale and shift must be numbers. Install the bundle anew."
            ) from None
        rising = all(a < b for a, b in itertools.pairwise([-1, *knots, MAX_HOUR + 1]))
        if not 2 <= len(knots) <= 100 or not rising:
            raise BundleError("calibration.json: knots must be 2 to 100 rising hours. Install the bundle anew.")
        if scale.shape != (len(knots),) or shift.ndim != 2 or len(shift) != len(knots):
            raise BundleError("calibration.json: scale and shift must have one entry a knot. Install the bundle anew.")
        if not ((scale > 0).all() and (scale <= MAX_SCALE).all() and (np.abs(shift) <= MAX_SCALE).all()):
            raise BundleError(
                f"calibration.json: scale must be positive, shift finite, both at most {MAX_SCALE:,.0f}. Install the "
                "bundle anew."
            )
        return cls(torch.from_numpy(scale), torch.from_numpy(shift), tuple(knots))
