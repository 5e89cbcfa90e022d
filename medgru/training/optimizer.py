"""AdamW (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101), the fused kernel of torch called directly.

`torch.optim` loads torch's compiler when its first optimizer is made: seconds before the first epoch, for
nothing that is used here. Without it, all that there is to save are two moments a parameter and the step.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

BETA2, EPSILON = 0.999, 1e-8


class AdamW:
    """Steps for all parameters of a network; biases do not decay."""

    def __init__(self, network: nn.Module, weight_decay: float) -> None:
        named = list(network.named_parameters())
        matrices: list[Tensor] = [p for name, p in named if "bias" not in name]
        biases: list[Tensor] = [p for name, p in named if "bias" in name]
        self.groups = ((matrices, weight_decay), (biases, 0.0))
        self.names = {id(p): name for name, p in named}
        self.mean = {id(p): torch.zeros_like(p) for _, p in named}
        self.square = {id(p): torch.zeros_like(p) for _, p in named}
        self.steps = torch.zeros(())

    @torch.no_grad()
    def step(self, rate: float, momentum: float) -> None:
        """One step along the present gradients, which are then forgotten.

        Args:
            rate: Learning rate.
            momentum: First beta of Adam.
        """
        self.steps += 1
        for parameters, weight_decay in self.groups:
            moved = [p for p in parameters if p.grad is not None]
            torch._fused_adamw_(
                moved, [p.grad for p in moved if p.grad is not None], [self.mean[id(p)] for p in moved],
                [self.square[id(p)] for p in moved], [], [self.steps.clone() for _ in moved],
                amsgrad=False, lr=rate, beta1=momentum, beta2=BETA2, weight_decay=weight_decay, eps=EPSILON,
                maximize=False,
            )  # fmt: skip
            for p in moved:
                p.grad = None

    def state(self) -> dict[str, Tensor]:
        """All that changes, by name."""
        return {
            "steps": self.steps,
            **{f"mean.{self.names[i]}": m for i, m in self.mean.items()},
            **{f"square.{self.names[i]}": m for i, m in self.square.items()},
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Go on from a state of the same network."""
        self.steps.copy_(state["steps"])
        for i, name in self.names.items():
            self.mean[i].copy_(state[f"mean.{name}"])
            self.square[i].copy_(state[f"square.{name}"])
