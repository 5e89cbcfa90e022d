"""Train one network: target replication, hidden sensors, clipping, weight averaging, early stopping.

The loss is the cross-entropy at the last hour plus a part of that at random earlier hours (target
replication, Lipton et al. 2016, https://arxiv.org/abs/1511.03677), so that the hour-by-hour curve means
something. What is kept is the exponential moving average of the weights.
Shapes: B stays, T hours (padded), C classes, Q hours asked about.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as func

from medgru.errors import TrainingError
from medgru.evaluation import auprc, auroc
from medgru.nn.classifier import Ensemble, build_network
from medgru.training.config import Recipe
from medgru.training.inputs import TrainingInputs, ask_hours, hide_sensors
from medgru.training.progress import Epoch, Progress, silent

_EVALUATE = 256  # stays scored at once


@dataclass(frozen=True)
class Fitted:
    """A trained network of one member, in evaluation mode, and how it came about.

    Attributes:
        network: With the weights of the best epoch.
        history: One entry an epoch.
        best_epoch: Index into `history`.
    """

    network: Ensemble
    history: tuple[Epoch, ...]
    best_epoch: int


def class_weights(y_true: Tensor, num_classes: int, balance: float) -> Tensor:
    """Weight of each class, (C,): its rarity to the power of `balance`, 1 on average over the stays."""
    share = torch.bincount(y_true, minlength=num_classes) / len(y_true)
    weight = share.clamp(min=1 / len(y_true)) ** -balance
    return weight / (weight * share).sum()


def fit_network(
    data: TrainingInputs,
    y_true: Tensor,
    train: Tensor,
    apart: Tensor,
    config: dict[str, Any],
    recipe: Recipe,
    seed: int,
    *,
    event: int = 1,
    feature_scales: dict[str, Tensor] | None = None,
    progress: Progress = silent,
    stage: str = "network 1 of 1",
    done_before: int = 0,
    total: int | None = None,
) -> Fitted:
    """Train one member.

    Args:
        data: Inputs of all stays.
        y_true: Class of each stay, (B,).
        train, apart: Indices of the stays to train on, and of those set apart for early stopping.
        config: Architecture, as for `build_network`; one member.
        recipe: How to train.
        seed: Of the initial weights and every draw.
        event: Class whose AUROC and AUPRC are reported.
        feature_scales: State of the fitted `CausalFeatures`, which all members share.
        progress: Told after each epoch; may raise to stop.
        stage, done_before, total: How `progress` should place this network in the whole run.

    Raises:
        TrainingError: The loss is no longer a number.
    """
    torch.set_flush_denormal(True)
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    network = build_network(config | {"members": 1})
    if feature_scales:
        network.features.load_state_dict(feature_scales)
    steps = max(1, len(train) // recipe.batch_size)
    optimizer = _optimizer(network, recipe)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps * recipe.epochs, pct_start=0.2
    )
    average = WeightAverage(network, recipe.averaging)
    weights = class_weights(y_true[train], network.settings.num_classes, recipe.balance)
    history: list[Epoch] = []
    best_epoch, best_state = 0, average.state()
    for number in range(recipe.epochs):
        started = time.monotonic()
        network.train()
        loss_sum = norm_sum = 0.0
        for index in train[torch.randperm(len(train), generator=generator)].tensor_split(steps):
            loss = _loss(network, data, y_true, index, recipe, weights, generator)
            optimizer.zero_grad()
            loss.backward()
            norm = nn.utils.clip_grad_norm_(network.parameters(), recipe.max_grad_norm)
            if not math.isfinite(loss.item()):
                raise TrainingError(
                    f"The loss is no longer a number (epoch {number + 1}). Lower the learning rate, "
                    f"which is {recipe.learning_rate:g}, and check the data for extreme values."
                )
            optimizer.step()
            schedule.step()
            average.update(network)
            loss_sum += loss.item()
            norm_sum += float(norm)
        averaged = average.network
        logits = last_logits(averaged, data, apart)[0]
        y_apart, log_prob = y_true[apart], logits.log_softmax(dim=1)
        score = log_prob[:, event].exp().numpy()
        history.append(
            Epoch(
                stage=stage,
                done=done_before + number + 1,
                total=total or recipe.epochs,
                loss=loss_sum / steps,
                val_loss=float(func.nll_loss(log_prob, y_apart, weight=weights)),
                auroc=auroc((y_apart == event).numpy(), score),
                auprc=auprc((y_apart == event).numpy(), score),
                grad_norm=norm_sum / steps,
                seconds=time.monotonic() - started,
            )
        )
        progress(history[-1])
        if number == 0 or history[-1].val_loss < history[best_epoch].val_loss:
            best_epoch, best_state = number, average.state()
        elif number - best_epoch >= recipe.patience:
            break
    best = average.network
    best.load_state_dict(best_state)
    return Fitted(best.eval(), tuple(history), best_epoch)


class WeightAverage:
    """Exponential moving average of a network's weights; young averages follow faster."""

    def __init__(self, network: Ensemble, decay: float) -> None:
        self.network = build_network(network.config).eval()
        self.network.load_state_dict(network.state_dict())
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self, network: Ensemble) -> None:
        """Move towards the network's present weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """A copy of the averaged weights."""
        return {name: value.clone() for name, value in self.network.state_dict().items()}


@torch.no_grad()
def last_logits(network: Ensemble, data: TrainingInputs, index: Tensor) -> Tensor:
    """What each member says at the last hour of the chosen stays, (M, B, C)."""
    network.eval()
    parts = []
    for chunk in index.split(_EVALUATE):
        hours = data.lengths[chunk][:, None] - 1
        parts.append(network.answer(*data.batch(chunk, hours), hours)[0][:, :, 0])
    return torch.cat(parts, dim=1)


@torch.no_grad()
def hourly_logits(network: Ensemble, data: TrainingInputs, index: Tensor) -> Tensor:
    """What a network says at every hour of the chosen stays, mean over its members, (B, T, C)."""
    network.eval()
    i = data.inputs
    parts = []
    for chunk in index.split(_EVALUATE):
        inputs = type(i)(i.steps[chunk], i.summaries[chunk], i.context[chunk])
        parts.append(network.answer(inputs, data.lengths[chunk])[0].mean(dim=0))
    return torch.cat(parts)


def _loss(
    network: Ensemble,
    data: TrainingInputs,
    y_true: Tensor,
    index: Tensor,
    recipe: Recipe,
    weights: Tensor,
    generator: torch.Generator,
) -> Tensor:
    hours = ask_hours(data.lengths[index], recipe.earlier_hours, generator)  # (B, Q)
    inputs, lengths = data.batch(index, hours)
    logits, _ = network.answer(hide_sensors(inputs, recipe.hide_sensors, generator), lengths, hours)
    target = y_true[index][:, None].expand_as(hours)
    losses = func.cross_entropy(logits[0].flatten(0, 1), target.flatten(), reduction="none").view_as(hours)
    share = torch.full((hours.shape[1],), recipe.earlier_weight / max(1, recipe.earlier_hours))
    share[0] = 1.0
    return (losses * weights[target] * share).sum() / (len(index) * share.sum())


def _optimizer(network: Ensemble, recipe: Recipe) -> torch.optim.Optimizer:
    matrices = [p for name, p in network.named_parameters() if "bias" not in name]
    biases = [p for name, p in network.named_parameters() if "bias" in name]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": recipe.weight_decay}, {"params": biases, "weight_decay": 0.0}],
        lr=recipe.learning_rate,
        fused=True,
    )
