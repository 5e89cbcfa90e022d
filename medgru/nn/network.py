"""What every network of the family can do, so that training, prediction and explanation need not know which it is.

A network reads a stay in two steps. `prepare` brings measurements into the form the network reads: it has
no trained parameters, looks only backwards in time, and is differentiable in the values, so that training
computes it once for all epochs and explanation reaches the measured cell. `answer` is the trained part.
Shapes: M members, B stays, T hours (padded), F features, S descriptors, C classes, Q hours asked about.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, Protocol, Self, TypeVar

import torch
from torch import Tensor, nn

from medgru.nn.config import NetworkConfig


class Inputs(Protocol):
    """What `prepare` makes of a batch of stays; each kind of network has its own entries."""

    def select(self, index: Tensor, hours: Tensor | None = None, longest: int | None = None) -> Self:
        """The chosen stays.

        Args:
            index: Positions of the stays, (B,).
            hours: Hours asked about, (B, Q): what is needed at those hours only is cut down to them.
            longest: Cut the time to so many hours; the longest of the chosen stays must fit.
        """

    def hide(self, keep: Tensor) -> Self:
        """As if the variables with a zero in `keep` (B, F) had never been measured."""

    @classmethod
    def cat(cls, parts: Sequence[Self]) -> Self:
        """Several batches, padded to the same hours, as one."""


I = TypeVar("I", bound=Inputs)  # noqa: E741


class Features(nn.Module, ABC, Generic[I]):
    """From measurements to what a network reads; its buffers are scales, learned without looking at outcomes."""

    @abstractmethod
    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        lengths: Tensor,
        statics: Tensor,
        statics_mask: Tensor,
        hours: Tensor | None = None,
    ) -> I:
        """Inputs for x, mask (B, T, F), lengths (B,), statics, statics_mask (B, S); see `Network.prepare`."""

    @abstractmethod
    def fit(self, x: Tensor, mask: Tensor, lengths: Tensor) -> None:
        """Learn the scales."""


class Network(nn.Module, ABC, Generic[I]):
    """M members of one architecture that share their inputs and answer side by side.

    Everything trained has a leading dimension M, or lies in `cores`, one entry a member: `stack` relies on it.
    """

    features: Features[I]
    cores: nn.ModuleList

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.settings = config

    @property
    def config(self) -> dict[str, Any]:
        """Plain values from which `build_network` builds the same architecture."""
        return self.settings.to_dict()

    def prepare(
        self,
        x: Tensor,
        mask: Tensor,
        lengths: Tensor,
        statics: Tensor,
        statics_mask: Tensor,
        hours: Tensor | None = None,
    ) -> I:
        """What the members read. Arguments as for `forward`."""
        return self.features(x, mask, lengths, statics, statics_mask, hours)

    def fit_scales(self, x: Tensor, mask: Tensor, lengths: Tensor) -> None:
        """Learn the scales of the inputs from training stays; outcomes are not looked at."""
        self.features.fit(x, mask, lengths)

    def scales(self) -> dict[str, Tensor]:
        """The scales of the inputs, which all members share."""
        return self.features.state_dict()

    def load_scales(self, scales: dict[str, Tensor]) -> None:
        """Take over the scales of another network of this kind."""
        self.features.load_state_dict(scales)

    def forward(
        self,
        x: Tensor,
        mask: Tensor,
        lengths: Tensor,
        statics: Tensor,
        statics_mask: Tensor,
        hours: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """What each member says at every hour, and where it looked.

        Args:
            x: Standardised hourly values, 0 where not measured, (B, T, F).
            mask: True where measured, (B, T, F).
            lengths: Hours of each stay, (B,).
            statics, statics_mask: Standardised descriptors and whether they are known, (B, S).
            hours: Indices of the hours asked about, (B, Q), instead of all T; much less work for few of them.

        Returns:
            Logits, (M, B, T, C), those at hour t from hours up to t alone; and attention, (M, B, T):
            weights over the hours behind the answer at each stay's last hour, zero on padding, summing to one.
        """
        return self.answer(self.prepare(x, mask, lengths, statics, statics_mask, hours), lengths, hours)

    @abstractmethod
    def answer(self, inputs: I, lengths: Tensor, hours: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The same from inputs already prepared.

        Args:
            inputs: From `prepare`, for the hours asked about.
            lengths: Hours of each stay, (B,).
            hours: Indices of the hours asked about, (B, Q); all of them by default.

        Returns:
            Logits, (M, B, Q, C), and attention, (M, B, T).
        """

    def freeze(self) -> Self:
        """Make it read-only and quick to ask."""
        return self.eval().requires_grad_(False)


def last_hour_only(members: int, num_hours: int, lengths: Tensor) -> Tensor:
    """Where a network without attention looks, (M, B, T): at the state of the last hour, which holds all before."""
    at_end = torch.arange(num_hours, device=lengths.device) == lengths[:, None] - 1
    return at_end.to(torch.get_default_dtype()).expand(members, -1, -1)
