"""One training run from data that a user brought: hold out, train, calibrate, measure once, save.

Everything is kept in the run's folder: the checkpoints while it works; in the end `bundle/`, `held_out.npz`,
`trained_on.json` and `result.json`, which comes last and so says that the run is complete. The same call on
the same folder goes on where it stopped.
Shapes: B stays, C classes.
"""

import io
import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgru.bundle import Bundle, load_bundle, save_bundle
from medgru.data.labelled import LabelledStays
from medgru.evaluation import Estimate, measure
from medgru.library import find
from medgru.plain_json import finite
from medgru.sequences import Preprocessor
from medgru.training.card import write_run_card
from medgru.training.checkpoint import write_json
from medgru.training.checks import check_run, require
from medgru.training.config import RunConfig
from medgru.training.ensemble import (
    CrossValidation,
    Plan,
    TrainedEnsemble,
    final_probability,
    fit_ensemble,
    members_of,
)
from medgru.training.faults import told_in_words
from medgru.training.plans import network_config, run_plan
from medgru.training.progress import Reporter, Stopped
from medgru.training.search import search
from medgru.training.seen import Group, Learned, learned_by
from medgru.training.splits import check_apart, choose_stays, split_digest, split_of
from medgru.training.versions import versions
from medgru.whole_files import write_whole

RESULT, HELD_OUT, BUNDLE, CHECKPOINT = "result.json", "held_out.npz", "bundle", "checkpoint"


@dataclass(frozen=True)
class RunResult:
    """What a run came to.

    Attributes:
        folder: Of the run.
        result: The content of `result.json`.
    """

    folder: Path
    result: dict[str, Any]

    @property
    def bundle(self) -> Path:
        """Folder of the model."""
        return self.folder / BUNDLE


def train_run(stays: LabelledStays, config: RunConfig, folder: Path, reporter: Reporter | None = None) -> RunResult:
    """Train, measure on the patients held out, and save.

    Args:
        stays: All there are, with their outcomes.
        config: The settings.
        folder: Of the run; what is found there of an interrupted run of the same settings and data is used.
        reporter: Told what is done; asked before every batch whether to stop.

    Raises:
        Stopped: The reporter wanted so; the same call goes on.
        TrainingError: The run cannot start or go on; the message says why and what to do.
    """
    with told_in_words():
        return _train_run(stays, config, folder, reporter or Reporter())


def _train_run(stays: LabelledStays, config: RunConfig, folder: Path, reporter: Reporter) -> RunResult:
    if (folder / RESULT).exists():
        return RunResult(folder, json.loads((folder / RESULT).read_text(encoding="utf-8")))
    reporter.stage("Checking the data")
    check = check_run(stays, config)
    require(check)
    config, who = check.config, check.who
    check_apart(stays, check.train, check.test)
    task, event = stays.recordings.task, stays.recordings.task.event_index
    train, test = choose_stays(stays, check.train), choose_stays(stays, check.test)
    reporter.stage("Preparing the stays")
    patients_held, split = who.hashes[who.of[check.test]], split_of(who, check.test)
    origin = load_bundle(find(config.start_from).path) if config.start_from else None
    learned = learned_by(origin) if origin else Learned()
    preprocessor = origin.preprocessor if origin else Preprocessor.fit(train.recordings)
    start = members_of(origin.network) if origin else []
    patients = who.choose(check.train)
    rarest = int(np.bincount(patients.label(train.y_true), minlength=len(task.outcomes)).min())
    parted = CrossValidation(
        preprocessor(train.recordings), train.y_true, event=event, patients=patients,
        labels=[o.label for o in task.outcomes], start=start,
    )  # fmt: skip

    def plan_of(settings: RunConfig) -> Plan:
        architecture = start[0].config if start else network_config(task, settings)
        return run_plan(settings, architecture, len(train), rarest)

    found = None
    if config.search_minutes:
        config, found = search(config, lambda c: parted.fit(plan_of(c)), folder / CHECKPOINT, reporter)
    plan = plan_of(config)
    trained = fit_ensemble(parted, plan, reporter=reporter, folder=folder / CHECKPOINT)
    reporter.stage("Measuring on the patients held out")
    y_prob = final_probability(trained.network, trained.calibrator, preprocessor(test.recordings))
    metrics = measure(test.y_true, y_prob, event, patients_held)
    _stop_if_wanted(reporter)
    reporter.stage("Training the usual models for comparison")
    others = _baselines(train, test, event, patients_held, config.seed)
    _stop_if_wanted(reporter)
    reporter.stage("Saving")
    result = finite({
        "classes": [o.label for o in task.outcomes],
        "event": event,
        "held_out": {
            "stays": len(test), "patients": len(set(patients_held.tolist())),
            "events": int((test.y_true == event).sum()), "metrics": _rounded(metrics),
        },
        "baselines": others,
        "members": trained.members,
        "parameters": sum(p.numel() for p in trained.network.parameters()),
        "warnings": list(check.warnings),
        "start": {"id": origin.id, "sha256": origin.sha256, "warnings": list(check.seen)} if origin else None,
        "split_sha256": split,
        "folds_sha256": [split_digest(patients.hashes[patients.of], fold) for fold in trained.fold],
        "settings": config.to_dict(),
        "plan": plan.to_dict(),
        "data": {"name": stays.name, "stays": len(stays), "patients": len(who), "sha256": stays.sha256},
        "versions": versions(),
        "date": datetime.now(UTC).date().isoformat(),
        "search": found,
    })  # fmt: skip
    _save(folder, stays, train, trained, preprocessor, result, origin)
    _save_answers(folder / HELD_OUT, test.y_true, y_prob, check.test, patients_held)
    learned.and_from(Group.of(stays, who, check.train)).save(folder)
    write_json(folder / RESULT, result)
    shutil.rmtree(folder / CHECKPOINT, ignore_errors=True)
    return RunResult(folder, json.loads(json.dumps(result)))


def _stop_if_wanted(reporter: Reporter) -> None:
    if reporter.should_stop():  # every network is done and kept, so that nothing is lost
        raise Stopped


def _baselines(
    train: LabelledStays, test: LabelledStays, event: int, patients: NDArray, seed: int
) -> dict[str, dict[str, Any]]:
    from medgru.training.baselines import baselines  # scikit-learn, which no network's first epoch should wait for

    answers = baselines(train.recordings, train.y_true, test.recordings, seed)
    return {name: _rounded(measure(test.y_true, y_prob, event, patients)) for name, y_prob in answers.items()}


def _rounded(metrics: dict[str, Estimate]) -> dict[str, dict[str, float]]:
    return {name: {k: round(v, 6) for k, v in asdict(e).items()} for name, e in metrics.items()}


def _save(
    folder: Path,
    stays: LabelledStays,
    train: LabelledStays,
    trained: TrainedEnsemble,
    preprocessor: Preprocessor,
    result: dict[str, Any],
    origin: Bundle | None,
) -> None:
    """The bundle, measured on the patients held out of the run."""
    held = result["held_out"]
    metrics = {
        "unseen": {
            "trained_on": f"the training part of {stays.name}",
            "measured_on": f"the patients of {stays.name} held out",
            "same_model": True,
            "stays": held["stays"],
            "events": held["events"],
            "shipped": {"stays": held["stays"], **held["metrics"]},
            "others": {name: {"stays": held["stays"], **m} for name, m in result["baselines"].items()},
        }
    }
    training = {
        key: result[key]
        for key in ("settings", "start", "plan", "members", "data", "split_sha256", "folds_sha256", "versions", "date")
    }
    share = np.bincount(train.y_true, minlength=len(result["classes"])) / len(train)
    save_bundle(
        folder / BUNDLE,
        network=trained.network,
        preprocessor=preprocessor,
        calibrator=trained.calibrator,
        base_rate=share.astype(np.float32),
        metrics=metrics,
        training=training,
        card=write_run_card(stays, metrics["unseen"], result, origin),
    )


def _save_answers(
    path: Path, y_true: NDArray[np.int64], y_prob: NDArray, stay: NDArray[np.intp], patient: NDArray[np.str_]
) -> None:
    """What was said of the patients held out, so that runs can be compared on them later."""
    file = io.BytesIO()
    np.savez(file, y_true=y_true, y_prob=y_prob.astype(np.float32), stay=stay, patient=patient)
    write_whole(path, file.getvalue())
