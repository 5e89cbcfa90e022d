"""Train an ensemble by cross-validation: every member sets its own fold apart, every stay gets an honest answer.

Member k is trained on all folds but one, which serves for early stopping; what the members say about the
folds they were not trained on is kept, and the calibrator is fitted on that. Members trained so far are
saved, and a run that was interrupted goes on where it stopped.
Shapes: B stays, T hours (padded), C classes.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from medgru import __version__
from medgru.nn import Calibrator, Ensemble, build_network, stack
from medgru.nn.features import CausalFeatures
from medgru.sequences import Sequences
from medgru.training.calibration import fit_calibrator
from medgru.training.config import Recipe
from medgru.training.inputs import TrainingInputs
from medgru.training.loop import fit_network, hourly_logits
from medgru.training.progress import Progress, silent
from medgru.training.splits import check_labels, stratified_folds


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        config: Architecture of a member, as for `build_network`.
        recipe: How each is trained.
        folds, repeats: The stays are split into so many folds, so many times; one member each.
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
        out_of_fold: Logits of each stay at every hour, mean over the repeats, (B, T, C); NaN for stays that
            no member set apart.
        fold: Fold of each stay in each repeat, (repeats, B).
        members: Per member its best epoch, epochs trained, and figures on its own fold.
    """

    network: Ensemble
    calibrator: Calibrator
    out_of_fold: Tensor
    fold: NDArray[np.int64]
    members: list[dict[str, Any]]


def fit_ensemble(
    sequences: Sequences,
    y_true: NDArray[np.int64],
    plan: Plan,
    *,
    event: int = 1,
    progress: Progress = silent,
    folder: Path | None = None,
) -> TrainedEnsemble:
    """Train all members of a plan, then the calibrator.

    Args:
        sequences: Stays to train on.
        y_true: Class of each, (B,).
        plan: What to train.
        event: Class whose AUROC and AUPRC are reported.
        progress: Told after each epoch; may raise to stop.
        folder: Where members are saved as they are done; those found there, of the same plan and data,
            are not trained again. None saves nothing.

    Raises:
        TrainingError: One class only, too few stays, or a loss that is no longer a number.
    """
    check_labels(y_true, int(plan.config["num_classes"]), plan.folds)
    features = _fitted_features(sequences, plan.config)
    data = TrainingInputs.compute(features, sequences)
    target = torch.from_numpy(y_true)
    saved = SavedMembers(folder / _digest(plan, sequences, y_true)) if folder else None
    fold = np.stack([stratified_folds(y_true, plan.folds, plan.seed + r) for r in range(plan.repeats)])
    out_of_fold = torch.zeros(len(sequences), sequences.x.shape[1], int(plan.config["num_classes"]))
    answers = torch.zeros(len(sequences), dtype=torch.int64)
    networks, members = [], []
    for number in range(plan.members):
        repeat, k = divmod(number, plan.folds)
        apart = torch.from_numpy(np.flatnonzero(fold[repeat] == k))
        found = saved.load(number, plan.config) if saved else None
        if found is None:
            fitted = fit_network(
                data,
                target,
                torch.from_numpy(np.flatnonzero(fold[repeat] != k)),
                apart,
                plan.config,
                plan.recipe,
                seed=1000 * plan.seed + number,
                event=event,
                feature_scales=features.state_dict(),
                progress=progress,
                stage=f"network {number + 1} of {plan.members}",
                done_before=number * plan.recipe.epochs,
                total=plan.members * plan.recipe.epochs,
            )
            best = fitted.history[fitted.best_epoch]
            notes = {
                "seed": 1000 * plan.seed + number, "epochs": len(fitted.history), "best_epoch": fitted.best_epoch + 1,
                "val_loss": best.val_loss, "auroc": best.auroc, "auprc": best.auprc,
                "grad_norm": [round(e.grad_norm, 4) for e in fitted.history],
            }  # fmt: skip
            found = fitted.network, notes
            if saved:
                saved.save(number, *found)
        networks.append(found[0])
        members.append(found[1])
        out_of_fold[apart] += hourly_logits(found[0], data, apart)
        answers[apart] += 1
    out_of_fold /= answers.clamp(min=1)[:, None, None]
    known = answers > 0
    calibrator = fit_calibrator(out_of_fold[known], sequences.lengths[known], target[known])
    out_of_fold[~known] = torch.nan
    return TrainedEnsemble(stack(networks), calibrator, out_of_fold, fold, members)


class SavedMembers:
    """Trained members in a folder: weights as safetensors, notes as JSON."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def save(self, number: int, network: Ensemble, notes: dict[str, Any]) -> None:
        """Save a member; its notes last, as they mark it complete."""
        save_file(network.state_dict(), self.folder / f"member-{number}.safetensors")
        (self.folder / f"member-{number}.json").write_text(json.dumps(notes), encoding="utf-8")

    def load(self, number: int, config: dict[str, Any]) -> tuple[Ensemble, dict[str, Any]] | None:
        """That member, or None if it is not there."""
        notes = self.folder / f"member-{number}.json"
        if not notes.exists():
            return None
        network = build_network(config | {"members": 1})
        network.load_state_dict(load_file(self.folder / f"member-{number}.safetensors"))
        return network.eval(), json.loads(notes.read_text(encoding="utf-8"))


def progress_folder(run: str) -> Path:
    """Where the members of an unfinished run are kept: in the user's cache folder, until the run is done."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "medgru" / "training" / run


def _fitted_features(sequences: Sequences, config: dict[str, Any]) -> CausalFeatures:
    """The features with the scales of these stays. They see no outcome, so all folds may share them."""
    features = build_network(config | {"members": 1}).features
    features.fit(sequences.x, sequences.mask, sequences.lengths)
    return features


def _digest(plan: Plan, sequences: Sequences, y_true: NDArray[np.int64]) -> str:
    """Changes when the plan, the version of MedGRU or anything in the data does."""
    digest = hashlib.sha256(json.dumps([__version__, plan.to_dict()], sort_keys=True).encode())
    for array in (sequences.x, sequences.mask, sequences.lengths, sequences.statics, torch.from_numpy(y_true)):
        digest.update(array.numpy().tobytes())
    return digest.hexdigest()[:16]
