"""From the public data to a bundle: measure on a set apart, then train on everything.

The last set found serves first as the unseen one: every model is trained on the sets before it and
measured on it once. The shipped ensemble is then trained on all sets; what can still be said of it
without new data are its out-of-fold figures.
"""

import json
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from medgru.bundle import save_bundle
from medgru.errors import TrainingError
from medgru.evaluation import ALL, bootstrap
from medgru.sequences import Preprocessor
from medgru.tasks import Task
from medgru.training.benchmark import SHIPPED, benchmark
from medgru.training.card import write_card
from medgru.training.ensemble import CrossValidation, TrainedEnsemble, fit_ensemble, progress_folder
from medgru.training.plans import shipped_plan
from medgru.training.progress import Reporter, terminal_progress
from medgru.training.public_data import LabelledStays, available_sets, read_labelled
from medgru.training.splits import split_digest
from medgru.training.versions import versions

BENCHMARK_SEEDS = 3


def train(
    task: Task,
    data_dir: Path,
    out: Path,
    seed: int = 0,
    quiet: bool = False,
    reporter: Reporter | None = None,
) -> None:
    """Train the ensemble of a task on its public data and save it as a bundle.

    Networks are saved as they are done; the same command goes on with them after an interruption.

    Args:
        task: What to train for.
        data_dir: Folder of the public data; all sets in it are used.
        out: Folder of the bundle.
        seed: Of everything random.
        quiet: Show no bar in the terminal.
        reporter: Told what is done, instead of the bar; asked whether to stop.

    Raises:
        TrainingError: No set is there, or training cannot go on.
        DataError: A data file cannot be read.
    """
    sets = available_sets(data_dir)
    if not sets:
        raise TrainingError(
            f"{data_dir} has no set-a.tar.xz with Outcomes-a.txt beside it. Download both from "
            "https://physionet.org/content/challenge-2012/1.0.0/ and name the folder they are in."
        )
    stays = read_labelled(task, data_dir, sets)
    metrics: dict[str, Any] = {}
    folder = progress_folder(f"train-{task.name}")
    with terminal_progress(quiet or reporter is not None) as bar:
        show = reporter or bar
        if len(sets) > 1:
            known, unseen = read_labelled(task, data_dir, sets[:-1]), read_labelled(task, data_dir, sets[-1:])
            result = benchmark(known, unseen, BENCHMARK_SEEDS, show, folder)
            metrics["unseen"] = unseen_metrics(result.table, known, unseen)
        preprocessor = Preprocessor.fit(stays.recordings)
        plan = shipped_plan(task, seed)
        parted = CrossValidation(preprocessor(stays.recordings), stays.y_true, event=task.event_index)
        trained = fit_ensemble(parted, plan, reporter=show, folder=folder)
    metrics["out_of_fold"] = out_of_fold_metrics(trained, stays)
    notes = {
        "command": f"python -m medgru train {task.name} --data DIR --out models/{out.name} --seed {seed}",
        "date": datetime.now(UTC).date().isoformat(),
        "plan": plan.to_dict(),
        "members": trained.members,
        "data": {"source": task.source, "sets": stays.name, "stays": len(stays), "sha256": stays.sha256},
        "splits_sha256": [split_digest(stays.recordings.record_ids, fold) for fold in trained.fold],
        "versions": versions(),
    }
    save_bundle(
        out,
        network=trained.network,
        preprocessor=preprocessor,
        calibrator=trained.calibrator,
        base_rate=(np.bincount(stays.y_true, minlength=len(task.outcomes)) / len(stays)).astype(np.float32),
        metrics=metrics,
        training=json.loads(json.dumps(notes)),
        card=write_card(task, metrics, notes),
    )
    shutil.rmtree(folder)


def unseen_metrics(table: pd.DataFrame, known: LabelledStays, unseen: LabelledStays) -> dict[str, Any]:
    """The benchmark table for `metrics.json`: the shipped configuration, and beside it all others."""
    models: dict[str, dict[str, Any]] = {}
    for row in table.to_dict("records"):
        entry = models.setdefault(f"{row['model']} ({row['runs']})", {"stays": row["stays"]})
        figures = {k: float(row[k]) for k in ("value", "low", "high", "sd")}
        entry[row["metric"]] = {k: round(v, 6) for k, v in figures.items() if np.isfinite(v)}
    shipped = next(name for name in models if name.startswith(SHIPPED))
    event = unseen.recordings.task.event_index
    return {
        "trained_on": f"set {known.name}",
        "measured_on": f"set {unseen.name}",
        "stays": len(unseen),
        "events": int((unseen.y_true == event).sum()),
        "shipped": models.pop(shipped),
        "others": models,
    }


def out_of_fold_metrics(trained: TrainedEnsemble, stays: LabelledStays) -> dict[str, Any]:
    """Figures of single members on the stays they were not trained on.

    Each stay was also used to choose the epoch at which its member stopped and to fit the calibrator, so
    these read slightly too well, ECE most; and the ensemble is better than its members.
    """
    event = stays.recordings.task.event_index
    probability = trained.final_out_of_fold()[:, event]
    estimates = bootstrap((stays.y_true == event).astype(np.int64), probability, ALL)
    figures = {name: {k: round(v, 6) for k, v in asdict(e).items()} for name, e in estimates.items()}
    return {"sets": stays.name, "stays": len(stays), **figures}
