"""Train an ensemble by cross-validation: every member sets its own fold apart, every stay gets an honest answer.

Member k is trained on all folds but one, which serves for early stopping; what the members say about the
folds they were not trained on is kept, and the calibrator is fitted on that. Members that are done and the
state of the one at work are kept in a folder, and a run that was stopped goes on exactly where it was.
Shapes: B stays, T hours (padded), C classes, P patients, Q hours asked about.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medgru import __version__
from medgru.nn import Calibrator, Network, build_network, stack
from medgru.sequences import Sequences
from medgru.training.calibration import fit_calibrator, hour_knots
from medgru.training.checkpoint import Checkpoints, State
from medgru.training.config import Recipe
from medgru.training.inputs import TrainingInputs
from medgru.training.loop import Fit, Fitted, Place, logits_at
from medgru.training.progress import Reporter
from medgru.training.splits import Patients, check_labels, stratified_folds

MOST_ANSWERS = {2: 64}
"""Most hours a stay at which members are asked for calibration, by number of classes; `FEWER_ANSWERS` for others."""
FEWER_ANSWERS = 16

HOURS_FOR_SCALES = 400_000
"""Scales are learned from every n-th stay where there are more hours, padding included: they take much memory."""

CURRENT = "current"
"""Name of the state of the member at work."""

_SCORED = 256  # stays scored at once


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        config: Architecture of a member, as for `build_network`.
        recipe: How each is trained.
        folds, repeats: The patients are split into so many folds, so many times; one member each.
        seed: Of all of it.
        only: Stop after so many members; None for all of them.
    """

    config: dict[str, Any]
    recipe: Recipe
    folds: int
    repeats: int
    seed: int
    only: int | None = None

    @property
    def members(self) -> int:
        """Networks trained in all."""
        return self.only or self.folds * self.repeats

    def member_seed(self, number: int) -> int:
        """Seed of a member."""
        return 1000 * self.seed + number

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `training.json`."""
        return {
            "network": self.config, "recipe": self.recipe.to_dict(), "folds": self.folds,
            "repeats": self.repeats, "seed": self.seed,
        }  # fmt: skip


@dataclass(frozen=True)
class TrainedEnsemble:
    """An ensemble with its calibrator, and what it was said about stays it was not trained on.

    Attributes:
        network, calibrator: Ready to predict.
        out_of_fold: Logits of each stay at its `hours`, mean over the repeats, (B, Q, C); NaN for stays that
            no member set apart.
        hours: Hours asked about, (B, Q); a stay's own end first repeats where there are fewer.
        lengths: Hours asked about that are a stay's own, (B,); its end is the last of them.
        fold: Fold of each stay in each repeat, (repeats, B).
        members: Per member its best epoch, epochs trained, and figures on its own fold.
    """

    network: Network
    calibrator: Calibrator
    out_of_fold: Tensor
    hours: Tensor
    lengths: Tensor
    fold: NDArray[np.int64]
    members: list[dict[str, Any]]

    def final_out_of_fold(self) -> NDArray[np.float64]:
        """Calibrated probabilities at each stay's end by members not trained on it, (B, C); NaN where none."""
        y_prob = self.calibrator(self.out_of_fold[None], self.hours + 1)
        return y_prob[torch.arange(len(y_prob)), self.lengths - 1].double().numpy()


class CrossValidation:
    """The stays of a run, parted by patient, from which networks are made ready to train.

    Args:
        sequences: Stays to train on.
        y_true: Class of each, (B,).
        event: Class whose AUROC and AUPRC are reported where there are two.
        patients: Whose stay each is; by default every stay is another patient's.
        labels: Names of the classes, for messages.
        start: Networks of one member, of the plan's architecture, whose weights and scales are trained further;
            by default networks begin anew.
    """

    def __init__(
        self,
        sequences: Sequences,
        y_true: NDArray[np.int64],
        *,
        event: int = 1,
        patients: Patients | None = None,
        labels: Sequence[str] | None = None,
        start: Sequence[Network] = (),
    ) -> None:
        b = len(y_true)
        self.sequences, self.y_true, self.event = sequences, y_true, event
        self.who = patients or Patients(
            np.arange(b), np.empty(b, "<U16"), np.zeros(b, dtype=np.bool_), np.zeros(b, dtype=np.uint64)
        )
        self.labels, self.start = labels, start
        self._inputs: tuple[object, TrainingInputs] | None = None

    def folds(self, plan: Plan) -> NDArray[np.int64]:
        """Fold of each stay in each repeat, (repeats, B).

        Raises:
            TrainingError: One class only, or too few patients of one.
        """
        label = self.who.label(self.y_true)
        check_labels(label, int(plan.config["num_classes"]), plan.folds, self.labels)
        return np.stack([stratified_folds(label, plan.folds, plan.seed + r)[self.who.of] for r in range(plan.repeats)])

    def inputs(self, config: dict[str, Any]) -> TrainingInputs:
        """The stays as networks of that architecture read them; computed again only for another kind."""
        kind = config.get("core"), bool(config.get("summary_size", True))
        if self._inputs is None or self._inputs[0] != kind:
            self._inputs = None  # its memory is needed for the new ones
            template = build_network(config | {"members": 1})
            if self.start:
                template.load_scales(self.start[0].scales())
            else:  # they see no outcome, so all folds may share them
                s = self.sequences[:: -(-self.sequences.x[..., 0].numel() // HOURS_FOR_SCALES)]
                template.fit_scales(s.x, s.mask, s.lengths)
            self._inputs = kind, TrainingInputs(template, self.sequences)
        return self._inputs[1]

    def fit(self, plan: Plan, number: int = 0) -> Fit:
        """Member `number` of a plan, ready to train on all folds but its own."""
        repeat, k = divmod(number, plan.folds)
        fold = self.folds(plan)[repeat]
        inside, apart = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        data, seed = self.inputs(plan.config), plan.member_seed(number)
        torch.manual_seed(seed)
        network = build_network(plan.config | {"members": 1})
        if self.start:
            network.load_state_dict(self.start[number % len(self.start)].state_dict())
        network.load_scales(data.network.scales())
        place = Place(
            f"network {number + 1} of {plan.members}", number, number * plan.recipe.epochs,
            plan.members * plan.recipe.epochs,
        )  # fmt: skip
        return Fit(
            data, torch.from_numpy(self.y_true), torch.from_numpy(inside), torch.from_numpy(apart), network,
            plan.recipe, seed, event=self.event, place=place,
        )  # fmt: skip


def fit_ensemble(
    stays: CrossValidation, plan: Plan, *, reporter: Reporter | None = None, folder: Path | None = None
) -> TrainedEnsemble:
    """Train all members of a plan, then the calibrator.

    Args:
        stays: What to train on.
        plan: What to train.
        reporter: Told what is done; asked whether to stop.
        folder: Where members are kept as they are done, and the state of the one at work; what is found there
            of the same plan and data is not trained again. None keeps nothing.

    Raises:
        Stopped: The reporter wanted so; its state was kept.
        TrainingError: One class only, too few stays, or a loss that is no longer a number.
    """
    reporter = reporter or Reporter()
    sequences, target = stays.sequences, torch.from_numpy(stays.y_true)
    fold = stays.folds(plan)
    kept = Checkpoints(folder / _digest(stays, plan, fold)) if folder else None
    num_classes = int(plan.config["num_classes"])
    hours, asked = answer_hours(sequences.lengths, MOST_ANSWERS.get(num_classes, FEWER_ANSWERS))
    out_of_fold = torch.zeros(len(sequences), hours.shape[1], num_classes)
    answers = torch.zeros(len(sequences), dtype=torch.int64)
    networks, members = [], []
    for number in range(plan.members):
        done = kept.load(f"member-{number}") if kept else None
        if done is None:
            fit = stays.fit(plan, number)
            reporter.stage(fit.place.stage.capitalize())
            fitted = resume(fit, reporter, kept)
            done = State(fitted.network.state_dict(), _notes(fitted, plan.member_seed(number)))
            if kept:
                kept.save(f"member-{number}", done)
                kept.remove(CURRENT)
        network = build_network(plan.config | {"members": 1})
        network.load_state_dict(done.tensors)
        networks.append(network.eval())
        members.append(done.notes)
        repeat, k = divmod(number, plan.folds)
        apart = torch.from_numpy(np.flatnonzero(fold[repeat] == k))
        out_of_fold[apart] += logits_at(network, stays.inputs(plan.config), apart, hours)[0]
        answers[apart] += 1
    reporter.stage("Calibrating")
    out_of_fold /= answers.clamp(min=1)[:, None, None]
    known = answers > 0
    knots = hour_knots(int(plan.config.get("max_hours", 48)))
    calibrator = fit_calibrator(out_of_fold[known], asked[known], target[known], knots, hours[known])
    out_of_fold[~known] = torch.nan
    return TrainedEnsemble(stack(networks), calibrator, out_of_fold, hours, asked, fold, members)


def resume(fit: Fit, reporter: Reporter, kept: Checkpoints | None) -> Fitted:
    """Train one network, from the state kept of it where there is one."""
    if kept is None:
        return fit.run(reporter)
    member = fit.place.member
    if (state := kept.load(CURRENT)) and state.notes["member"] == member:
        fit.load(State(state.tensors, state.notes["fit"]))

    def keep(state: State) -> None:
        kept.save(CURRENT, State(state.tensors, {"member": member, "fit": state.notes}))

    return fit.run(reporter, keep)


def answer_hours(lengths: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """Hours of each stay at which it is asked, (B, Q), its last among them; and how many of them are its own, (B,)."""
    q = min(most, int(lengths.max()))
    number = torch.arange(q)
    asked = lengths.clamp(max=q)
    spread = (number * (lengths[:, None] - 1)) // max(1, q - 1)
    return torch.where(lengths[:, None] <= q, number.minimum(lengths[:, None] - 1), spread), asked


@torch.no_grad()
def final_probability(network: Network, calibrator: Calibrator, sequences: Sequences) -> NDArray[np.float64]:
    """Calibrated class probabilities at each stay's end, (B, C)."""
    parts = []
    for index in torch.arange(len(sequences)).split(_SCORED):
        s = sequences[index]
        logits, _ = network(s.x, s.mask, s.lengths, s.statics, s.statics_mask, s.lengths[:, None] - 1)
        parts.append(calibrator(logits, s.lengths[:, None])[:, 0].double())
    return torch.cat(parts).numpy()


def members_of(network: Network) -> list[Network]:
    """The members of a network, each by itself and free to be trained: the inverse of `stack`."""
    state, members = network.state_dict(), []
    for i in range(network.settings.members):
        single = build_network(network.config | {"members": 1})
        own = {}
        for name in single.state_dict():
            if name.startswith("features."):
                own[name] = state[name]
            elif name.startswith("cores.0."):
                own[name] = state[f"cores.{i}.{name.removeprefix('cores.0.')}"]
            else:
                own[name] = state[name][i : i + 1]
        single.load_state_dict(own)
        members.append(single)
    return members


def progress_folder(run: str) -> Path:
    """Where the members of an unfinished run are kept: in the user's cache folder, until the run is done."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "medgru" / "training" / run


def _notes(fitted: Fitted, seed: int) -> dict[str, Any]:
    best = fitted.history[fitted.best_epoch]
    return {
        "seed": seed, "epochs": len(fitted.history), "best_epoch": fitted.best_epoch + 1,
        "val_loss": best.val_loss, "auroc": best.auroc, "auprc": best.auprc,
        "seconds": round(sum(e.seconds for e in fitted.history), 3),
        "grad_norm": [round(e.grad_norm, 4) for e in fitted.history],
    }  # fmt: skip


def _digest(stays: CrossValidation, plan: Plan, fold: NDArray[np.int64]) -> str:
    """Changes when the plan, the version of MedGRU or anything in the data does."""
    digest = hashlib.sha256(json.dumps([__version__, plan.to_dict()], sort_keys=True).encode())
    s = stays.sequences
    arrays = [s.x, s.mask, s.lengths, s.statics, torch.from_numpy(stays.y_true), torch.from_numpy(fold)]
    arrays += [p.detach() for network in stays.start for p in network.parameters()]
    for array in arrays:
        digest.update(array.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
