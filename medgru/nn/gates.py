"""The gates of a trained GRU, hour by hour: what it forgets and what it keeps of a patient."""

from typing import Protocol

import torch
from torch import Tensor, nn

from medgru.errors import BundleError
from medgru.nn.network import Network
from medgru.nn.reference import Gates, run_gru


class Stays(Protocol):
    """A batch of stays as tensors; `medgru.sequences.Sequences` is one."""

    @property
    def x(self) -> Tensor:
        """Standardised values, (B, T, F)."""

    @property
    def mask(self) -> Tensor:
        """True where measured, (B, T, F)."""

    @property
    def lengths(self) -> Tensor:
        """Hours of each stay, (B,)."""

    @property
    def statics(self) -> Tensor:
        """Standardised descriptors, (B, S)."""

    @property
    def statics_mask(self) -> Tensor:
        """True where known, (B, S)."""


@torch.inference_mode()
def gates(network: Network, sequences: Stays, member: int = 0) -> Gates:
    """Reset gate, update gate and state of one member at every hour, each (B, T, H); padding means nothing.

    Raises:
        BundleError: The network is not a GRU of one layer and one direction, or has no such member.
    """
    core = network.cores[member] if 0 <= member < len(network.cores) else None
    if core is None:
        raise BundleError(
            f"This model has {len(network.cores)} networks; there is no number {member + 1}. Choose one of them."
        )
    if not isinstance(core, nn.GRU) or core.num_layers > 1 or core.bidirectional:
        raise BundleError("Gates are shown of a GRU of one layer and one direction only. Choose such a model.")
    s = sequences
    return run_gru(core, network.prepare(s.x, s.mask, s.lengths, s.statics, s.statics_mask).steps)
