"""Train one network: target replication, variations, clipping, weight averaging, early stopping.

The loss is the cross-entropy at the last hour plus a part of that at random earlier hours (target
replication, Lipton et al. 2016, https://arxiv.org/abs/1511.03677), so that the hour-by-hour curve means
something. What is kept is the exponential moving average of the weights.

Everything that changes while training can be taken out as a `State` between any two steps and put back:
a run that was stopped goes on to exactly the weights it would have had (docs/adr/0009-resumable-training.md).
Shapes: B stays, T hours (padded), C classes, Q hours asked about.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as func

from medgru.errors import TrainingError
from medgru.evaluation import auprc, auroc, macro
from medgru.nn import Network, build_network
from medgru.training.batches import by_length, draw_batches, draw_stays
from medgru.training.checkpoint import State
from medgru.training.config import Recipe
from medgru.training.inputs import TrainingInputs, ask_hours
from medgru.training.optimizer import AdamW
from medgru.training.progress import Epoch, Reporter, Stopped
from medgru.training.schedule import rate_and_momentum

SAVE_SECONDS = 20.0
"""A state is kept at least this often, and after every epoch."""

_EVALUATE = 256  # stays scored at once


@dataclass(frozen=True)
class Fitted:
    """A trained network of one member, in evaluation mode, and how it came about.

    Attributes:
        network: With the weights of the best epoch.
        history: One entry an epoch.
        best_epoch: Index into `history`.
    """

    network: Network
    history: tuple[Epoch, ...]
    best_epoch: int


@dataclass(frozen=True)
class Place:
    """Where a network stands in the whole run, for what is reported of it."""

    stage: str = "network 1 of 1"
    member: int = 0
    done_before: int = 0
    total: int = 0


@dataclass
class _Position:
    """How far training is: all the plain values that change."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    norm_sum: float = 0.0
    seconds: float = 0.0
    best_epoch: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


def class_weights(y_true: Tensor, num_classes: int, balance: float) -> Tensor:
    """Weight of each class, (C,): its rarity to the power of `balance`, 1 on average over the stays."""
    share = torch.bincount(y_true, minlength=num_classes) / len(y_true)
    weight = share.clamp(min=1 / len(y_true)) ** -balance
    return weight / (weight * share).sum()


class Fit:
    """One network in training.

    Args:
        data: Inputs of all stays.
        y_true: Class of each stay, (B,).
        train, apart: Indices of the stays to train on, and of those set apart for early stopping.
        network: Untrained, or with the weights to start from; one member. It is trained in place.
        recipe: How to train.
        seed: Of every draw.
        event: Class whose AUROC and AUPRC are reported where there are two.
        place: Where it stands in the whole run.
    """

    def __init__(
        self,
        data: TrainingInputs,
        y_true: Tensor,
        train: Tensor,
        apart: Tensor,
        network: Network,
        recipe: Recipe,
        seed: int,
        *,
        event: int = 1,
        place: Place | None = None,
    ) -> None:
        self.data, self.y_true, self.train, self.apart = data, y_true, train, apart
        self.network, self.recipe, self.event = network, recipe, event
        self.place = place or Place(total=recipe.epochs)
        self.steps = max(1, len(train) // recipe.batch_size)
        self.total_steps = self.steps * recipe.epochs
        self.generator = torch.Generator().manual_seed(seed)
        self.optimizer = AdamW(network, recipe.weight_decay)
        self.average = WeightAverage(network, recipe.averaging)
        self.best = self.average.state()
        classes = network.settings.num_classes
        sampled = recipe.balanced_sampling
        self.weights = class_weights(y_true[train], classes, 0.0 if sampled else recipe.balance)
        self.judge_weights = class_weights(y_true[train], classes, 1.0) if sampled else self.weights
        self.at = _Position()
        self.batches: list[Tensor] = []

    def run(self, reporter: Reporter, keep: Callable[[State], None] | None = None) -> Fitted:
        """Train to the end, or from where a loaded state stands.

        Args:
            reporter: Told after every batch and epoch; asked before every batch whether to stop.
            keep: Called with the state after every epoch, every `SAVE_SECONDS`, and before stopping.

        Raises:
            Stopped: The reporter wanted so; the state was kept.
            TrainingError: The loss is no longer a number; what was kept last is the last good state.
        """
        save = keep or (lambda state: None)
        with _denormals_flushed():
            while not self._finished():
                self._train_epoch(reporter, save)
                self._judge(reporter)
                if keep:
                    save(self.state())
        best = self.average.network
        best.load_state_dict(self.best)
        return Fitted(best.eval(), tuple(Epoch(**e) for e in self.at.history), self.at.best_epoch)

    def state(self) -> State:
        """A copy of everything that changes, between two steps."""
        tensors = {"generator": self.generator.get_state(), "torch": torch.get_rng_state()}
        tensors |= {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.network.state_dict().items()}
        tensors |= {f"best.{k}": v for k, v in self.best.items()}
        tensors |= {f"optimizer.{k}": v for k, v in self.optimizer.state().items()}
        if self.batches:
            tensors["order"] = torch.cat(self.batches)
        notes = asdict(self.at) | {"sizes": [len(b) for b in self.batches]}
        return State({name: value.clone() for name, value in tensors.items()}, notes)

    def load(self, state: State) -> None:
        """Go on from a state of the same training."""

        def under(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in state.tensors.items() if k.startswith(prefix)}

        self.generator.set_state(state.tensors["generator"])
        torch.set_rng_state(state.tensors["torch"])
        self.network.load_state_dict(under("network."))
        self.average.network.load_state_dict(under("average."))
        self.best = under("best.")
        self.optimizer.load(under("optimizer."))
        notes = dict(state.notes)
        sizes = notes.pop("sizes")
        self.batches = list(state.tensors["order"].split(sizes)) if sizes else []
        self.at = _Position(**notes)
        self.average.steps = self.at.step

    def _finished(self) -> bool:
        late = self.at.epoch - 1 - self.at.best_epoch >= self.recipe.patience
        return self.at.epoch >= self.recipe.epochs or (self.at.epoch > 0 and late)

    def _train_epoch(self, reporter: Reporter, save: Callable[[State], None]) -> None:
        """What is left of the present epoch's steps."""
        if not self.batches:
            order = draw_stays(self.train, self.y_true, self.recipe.balanced_sampling, self.generator)
            self.batches = draw_batches(self.data.lengths, order, self.steps, self.generator)
        started, saved = time.monotonic() - self.at.seconds, time.monotonic()
        self.network.train()
        for index in self.batches[self.at.batch :]:
            if reporter.should_stop():
                self.at.seconds = time.monotonic() - started
                save(self.state())
                raise Stopped
            if time.monotonic() - saved > SAVE_SECONDS:
                self.at.seconds = time.monotonic() - started
                save(self.state())
                saved = time.monotonic()
            self._step(index)
            self.at.batch += 1
            reporter.batch(self.at.batch / len(self.batches))
        self.at.seconds = time.monotonic() - started

    def _step(self, index: Tensor) -> None:
        loss = self._loss(index)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.max_grad_norm)
        value = loss.item()
        if not (math.isfinite(value) and math.isfinite(float(norm))):
            raise TrainingError(
                f"The loss is no longer a number (epoch {self.at.epoch + 1}). Lower the learning rate, "
                f"which is {self.recipe.learning_rate:g}, and check the data for extreme values."
            )
        self.optimizer.step(*rate_and_momentum(self.recipe, self.at.step, self.total_steps))
        self.average.update(self.network)
        self.at.step += 1
        self.at.loss_sum += value
        self.at.norm_sum += float(norm)

    def _loss(self, index: Tensor) -> Tensor:
        recipe, lengths = self.recipe, self.data.lengths[index]
        hours = ask_hours(lengths, recipe.earlier_hours, self.generator)  # (B, Q)
        logits, _ = self.network.answer(self.data.varied(index, hours, recipe, self.generator), lengths, hours)
        target = self.y_true[index][:, None].expand_as(hours)
        losses = func.cross_entropy(logits[0].flatten(0, 1), target.flatten(), reduction="none").view_as(hours)
        share = torch.full((hours.shape[1],), recipe.earlier_weight / max(1, recipe.earlier_hours))
        share[0] = 1.0
        return (losses * self.weights[target] * share).sum() / (len(index) * share.sum())

    def _judge(self, reporter: Reporter) -> None:
        """Score the averaged weights on the stays set apart, report, and go on to the next epoch."""
        at, started = self.at, time.monotonic()
        log_prob = last_logits(self.average.network, self.data, self.apart)[0].log_softmax(dim=1)
        y_apart, y_prob = self.y_true[self.apart], log_prob.exp().numpy()
        val_loss = float(func.nll_loss(log_prob, y_apart, weight=self.judge_weights))
        if not math.isfinite(val_loss):
            raise TrainingError(
                f"What the network says is no longer a number (epoch {at.epoch + 1}). Lower the learning rate, "
                f"which is {self.recipe.learning_rate:g}, and check the data for extreme values."
            )
        epoch = Epoch(
            stage=self.place.stage,
            done=self.place.done_before + at.epoch + 1,
            total=self.place.total,
            loss=at.loss_sum / self.steps,
            val_loss=val_loss,
            auroc=macro(auroc, y_apart.numpy(), y_prob, self.event),
            auprc=macro(auprc, y_apart.numpy(), y_prob, self.event),
            grad_norm=at.norm_sum / self.steps,
            seconds=at.seconds + time.monotonic() - started,
            learning_rate=rate_and_momentum(self.recipe, at.step - 1, self.total_steps)[0],
            member=self.place.member,
            epoch=at.epoch,
        )
        at.history.append(asdict(epoch))
        if at.epoch == 0 or val_loss < at.history[at.best_epoch]["val_loss"]:
            at.best_epoch, self.best = at.epoch, self.average.state()
        self.at = replace(at, epoch=at.epoch + 1, batch=0, loss_sum=0.0, norm_sum=0.0, seconds=0.0)
        self.batches = []
        reporter.epoch(epoch)


@contextmanager
def _denormals_flushed() -> Iterator[None]:
    """What is nearly zero is zero in this thread meanwhile: gradients that vanish would take many times as long."""
    before = torch.tensor(1e-40).mul(1).item() == 0
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


class WeightAverage:
    """Exponential moving average of a network's weights; young averages follow faster."""

    def __init__(self, network: Network, decay: float) -> None:
        self.network = build_network(network.config).eval()
        self.network.load_state_dict(network.state_dict())
        self.decay, self.steps = decay, 0

    @torch.no_grad()
    def update(self, network: Network) -> None:
        """Move towards the network's present weights."""
        self.steps += 1
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """A copy of the averaged weights."""
        return {name: value.clone() for name, value in self.network.state_dict().items()}


@torch.no_grad()
def last_logits(network: Network, data: TrainingInputs, index: Tensor) -> Tensor:
    """What each member says at the last hour of the chosen stays, (M, B, C)."""
    return logits_at(network, data, index, data.lengths[:, None] - 1)[:, :, 0]


@torch.no_grad()
def logits_at(network: Network, data: TrainingInputs, index: Tensor, hours: Tensor) -> Tensor:
    """What each member says of the chosen stays at `hours`, (B, Q) for all stays there are; (M, B', Q, C)."""
    network.eval()
    parts = []
    order = by_length(data.lengths[index])
    for chunk in index[order].split(_EVALUATE):
        parts.append(network.answer(data(chunk, hours[chunk]), data.lengths[chunk], hours[chunk])[0])
    return torch.cat(parts, dim=1)[:, order.argsort()]
