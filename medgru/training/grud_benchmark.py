"""GRU-D on set A of PhysioNet/CinC 2012 by cross-validation, as Che et al. 2018 measured it.

They report an AUROC of 0.8424 ± 0.012 over 5 folds (https://doi.org/10.1038/s41598-018-24271-9). Every fold is
measured once by a network that saw nothing of it: standardisation, means, early stopping and calibration come from
the other four, of which a tenth is set apart. Beyond the paper the network reads the admission descriptors; and
beside single networks stands the average of three that set other tenths apart. Size and recipe were chosen after one
earlier trial whose first fold is the first one here.
"""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from medgru.evaluation import auprc, auroc
from medgru.nn import FAMILY
from medgru.sequences import Preprocessor
from medgru.tasks import get_task
from medgru.training.benchmark import TASK, TRAIN_SET
from medgru.training.config import Recipe
from medgru.training.ensemble import CrossValidation, Plan, final_probability, fit_ensemble, members_of, progress_folder
from medgru.training.plans import sizes
from medgru.training.progress import Epoch, Reporter, terminal_progress
from medgru.training.public_data import LabelledStays, read_labelled
from medgru.training.splits import choose_stays, stratified_folds

FOLDS = 5
PUBLISHED_AUROC, PUBLISHED_SD = 0.8424, 0.012
RECIPE = Recipe(epochs=15, weight_decay=0.1, hide_sensors=0.1)
HIDDEN_SIZE, DROPOUT = 64, 0.3
NETWORKS = 3
AVERAGED = f"{NETWORKS} averaged"


def run_grud_benchmark(
    data_dir: Path, seed: int = 0, quiet: bool = False, reporter: Reporter | None = None
) -> pd.DataFrame:
    """Train GRU-D and measure it once a fold of set A.

    Networks are saved as they are done; the same command goes on with them after an interruption.

    Args:
        data_dir: Folder of the public data.
        seed: Of the folds and every draw.
        quiet: Show no bar in the terminal.
        reporter: Told what is done, instead of the bar; asked whether to stop.

    Returns:
        As `grud_benchmark`.

    Raises:
        TrainingError: A data file is missing, or training cannot go on.
    """
    stays = read_labelled(get_task(TASK), data_dir, [TRAIN_SET])
    folder = progress_folder("benchmark-grud")
    with terminal_progress(quiet or reporter is not None) as bar:
        table = grud_benchmark(stays, RECIPE, seed, reporter or bar, folder)
    shutil.rmtree(folder)
    return table


def grud_benchmark(
    stays: LabelledStays, recipe: Recipe, seed: int, reporter: Reporter | None = None, folder: Path | None = None
) -> pd.DataFrame:
    """One row a fold: fold, stays, events; AUROC and AUPRC at the last hour, mean of the single networks and of
    their average."""
    task = stays.recordings.task
    config = FAMILY["gru-d"].config(sizes(task), {"hidden_size": HIDDEN_SIZE, "dropout": DROPOUT})
    # Each network sets another tenth of the stays apart for early stopping and calibration.
    plan = Plan(config, recipe, folds=10, repeats=1, seed=seed, only=NETWORKS)
    event = task.event_index
    fold = stratified_folds(stays.y_true, FOLDS, seed)
    rows = []
    for k in range(FOLDS):
        train, test = (choose_stays(stays, np.flatnonzero(chosen)) for chosen in (fold != k, fold == k))
        preprocessor = Preprocessor.fit(train.recordings)
        inside = CrossValidation(preprocessor(train.recordings), train.y_true, event=event)
        fitted = fit_ensemble(inside, plan, reporter=_OfFold(reporter or Reporter(), k), folder=folder)
        y_true = test.y_true == event
        sequences = preprocessor(test.recordings)
        *singles, averaged = (
            final_probability(network, fitted.calibrator, sequences)[:, event]
            for network in (*members_of(fitted.network), fitted.network)
        )
        row: dict[str, float] = {"fold": k + 1, "stays": len(test), "events": int(y_true.sum())}
        for name, metric in (("AUROC", auroc), ("AUPRC", auprc)):
            row[name] = float(np.mean([metric(y_true, y_prob) for y_prob in singles]))
            row[f"{name}, {AVERAGED}"] = metric(y_true, averaged)
        rows.append(row)
    return pd.DataFrame(rows).astype({"fold": int, "stays": int, "events": int})


def render_grud(table: pd.DataFrame) -> str:
    """The folds, their mean and spread, and the published figure beside it, as Markdown."""
    metrics = [f"{m}{of}" for of in ("", f", {AVERAGED}") for m in ("AUROC", "AUPRC")]
    lines = [f"| Fold | Stays | Deaths | {' | '.join(metrics)} |", f"|---|---|---|{'---|' * len(metrics)}"]
    for row in table.to_dict("records"):
        figures = " | ".join(f"{row[m]:.4f}" for m in metrics)
        lines.append(f"| {row['fold']} | {row['stays']} | {row['events']} | {figures} |")
    means = " | ".join(f"{table[m].mean():.4f} ± {table[m].std():.4f}" for m in metrics)
    lines.append(f"| mean ± sd | {table['stays'].sum()} | {table['events'].sum()} | {means} |")
    published = f"Che et al. 2018 report an AUROC of {PUBLISHED_AUROC} ± {PUBLISHED_SD} over 5 folds of the same set."
    return "\n".join(lines) + f"\n\n{published}\n"


class _OfFold(Reporter):
    """Counts the epochs of one fold as a part of all folds."""

    def __init__(self, reporter: Reporter, fold: int) -> None:
        self._reporter, self._fold = reporter, fold

    def stage(self, text: str) -> None:
        self._reporter.stage(f"fold {self._fold + 1} of {FOLDS}: {text}")

    def epoch(self, epoch: Epoch) -> None:
        done, total = self._fold * epoch.total + epoch.done, FOLDS * epoch.total
        self._reporter.epoch(
            replace(epoch, stage=f"fold {self._fold + 1} of {FOLDS}", done=done, total=total, member=self._fold)
        )

    def batch(self, share: float) -> None:
        self._reporter.batch(share)

    def should_stop(self) -> bool:
        return self._reporter.should_stop()
