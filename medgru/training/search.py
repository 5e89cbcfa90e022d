"""Search for better settings before a run: Optuna's TPE with median pruning, within a budget of minutes.

Each trial is one network, judged by the loss on the first fold of the training part; the patients held out
are never looked at. Trials are kept in a journal in the run's folder, so that a search that was stopped goes
on with what it knows; the trial it was in begins anew.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgru.errors import TrainingError
from medgru.nn import FAMILY
from medgru.training.checkpoint import write_json
from medgru.training.config import RunConfig
from medgru.training.loop import Fit, Fitted
from medgru.training.progress import Epoch, Reporter, Stopped

if TYPE_CHECKING:
    import optuna

JOURNAL, OUTCOME = "trials.log", "search.json"
FREE_TRIALS = 4
"""Trials before the first may be cut short for being worse than the median."""
MOST_FAILURES = 5
"""Without a single trial that could be trained, so many failed ones are the end: it is not their settings."""

Prepare = Callable[[RunConfig], Fit]
"""Makes the network of a trial, ready to train."""


class _CutShort(Exception):
    """The trial is worse than most were at that epoch, or the minutes are over."""


class _Watch(Reporter):
    """Hands a trial's epochs to Optuna, and the outside's wish to stop to the trial.

    Where `needed`, no trial was trained to its end before: this one may, whatever the clock says.
    """

    def __init__(self, outside: Reporter, trial: "optuna.Trial", ends: float, begun: float, needed: bool) -> None:
        self.outside, self.trial, self.ends, self.begun, self.needed = outside, trial, ends, begun, needed

    def epoch(self, epoch: Epoch) -> None:
        self.trial.report(epoch.val_loss, epoch.epoch)
        if not self.needed and (self.trial.should_prune() or time.monotonic() > self.ends):
            raise _CutShort

    def batch(self, share: float) -> None:
        now = time.monotonic()
        if now > self.ends and not self.needed:
            raise _CutShort
        self.outside.batch(min(1.0, (now - self.begun) / max(1e-9, self.ends - self.begun)))

    def should_stop(self) -> bool:
        return self.outside.should_stop()


def search(config: RunConfig, prepare: Prepare, folder: Path, reporter: Reporter) -> tuple[RunConfig, dict[str, Any]]:
    """Look for better settings for `config.search_minutes`.

    Args:
        config: Where to begin; the first trial is as it is.
        prepare: Makes the network of a trial.
        folder: Where trials are kept; a search found there goes on, one that was done is not done again.
        reporter: Told which trial it is; asked whether to stop.

    Returns:
        The best settings found, and the trials in plain values for `result.json`.

    Raises:
        Stopped: The reporter wanted so; the trials that are done are kept.
        TrainingError: No trial could be trained; the message is that of the last one.
    """
    import optuna
    from optuna.storages.journal import JournalFileBackend

    folder.mkdir(parents=True, exist_ok=True)
    known = _read(folder / OUTCOME)
    if known.get("done"):
        return _with(config, known["best"]), known["search"]
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for stale in folder.glob(f"{JOURNAL}*lock*"):
        stale.unlink(missing_ok=True)  # of a process that was killed: a run has one process at a time
    study = optuna.create_study(
        storage=optuna.storages.JournalStorage(JournalFileBackend(str(folder / JOURNAL))),
        study_name="search",
        direction="minimize",
        sampler=optuna.samplers.TPESampler(seed=config.seed, n_startup_trials=2 * FREE_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=FREE_TRIALS, n_warmup_steps=1),
        load_if_exists=True,
    )
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)
    if not study.trials:
        study.enqueue_trial(_given(config))
    spent, begun = float(known.get("seconds", 0.0)), time.monotonic()
    ends = begun + 60 * config.search_minutes - spent
    failures = 0
    while time.monotonic() < ends or not _finished(study):
        trial = study.ask()
        minutes = (spent + time.monotonic() - begun) / 60
        reporter.stage(
            f"Searching settings: trial {trial.number + 1}, minute {minutes:.0f} of {config.search_minutes:g}"
        )
        try:
            watch = _Watch(reporter, trial, ends, begun, needed=not _finished(study))
            fitted = prepare(_suggest(config, trial)).run(watch)
            study.tell(trial, _loss(fitted))
        except _CutShort:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        except TrainingError:
            # A learning rate too high is a bad setting, not the end of the search.
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            failures += 1
            if failures >= MOST_FAILURES and not _finished(study):
                raise
        except Stopped:
            write_json(folder / OUTCOME, {"seconds": spent + time.monotonic() - begun})
            raise
        write_json(folder / OUTCOME, {"seconds": spent + time.monotonic() - begun})
    best = study.best_trial
    found = {
        "best": best.number,
        "minutes": round((spent + time.monotonic() - begun) / 60, 2),
        "trials": [
            {
                "number": t.number, "state": t.state.name.lower(), "val_loss": t.value if t.values else None,
                "epochs": len(t.intermediate_values), "settings": t.params,
            }
            for t in study.trials
        ],
    }  # fmt: skip
    write_json(folder / OUTCOME, {"done": True, "best": best.params, "search": found})
    return _with(config, best.params), found


def _suggest(config: RunConfig, trial: "optuna.Trial") -> RunConfig:
    """The settings of a trial."""
    low, high = (1e-5, 3e-3) if config.start_from else (3e-4, 2e-2)
    given = _given(config)
    rate = given["learning_rate"]
    chosen: dict[str, Any] = {
        "learning_rate": trial.suggest_float("learning_rate", min(low, rate), max(high, rate), log=True),
        "weight_decay": trial.suggest_float("weight_decay", 0.0, max(0.5, given["weight_decay"])),
        "hide_sensors": trial.suggest_float("hide_sensors", 0.0, max(0.3, given["hide_sensors"])),
    }
    if not config.start_from:  # its architecture is what it is
        sizes = sorted({16, 32, 64, given["hidden_size"]})
        chosen["hidden_size"] = trial.suggest_categorical("hidden_size", sizes)
        chosen["dropout"] = trial.suggest_float("dropout", 0.0, max(0.6, given["dropout"]))
        if "summary_size" in given:
            branches = sorted({0, 32, 64, given["summary_size"]})
            chosen["summary_size"] = trial.suggest_categorical("summary_size", branches)
    return _with(config, chosen)


def _given(config: RunConfig) -> dict[str, Any]:
    """What is searched, as the settings have it."""
    names = ["learning_rate", "weight_decay", "hide_sensors"]
    if not config.start_from:
        names += ["hidden_size", "dropout"]
        names += ["summary_size"] if "summary_size" in FAMILY[config.model].options else []
    values = asdict(config) | asdict(config.recipe)
    return {name: values[name] for name in names}


def _with(config: RunConfig, chosen: dict[str, Any]) -> RunConfig:
    recipe = {k: v for k, v in chosen.items() if hasattr(config.recipe, k)}
    others = {k: v for k, v in chosen.items() if k not in recipe}
    return replace(config, recipe=replace(config.recipe, **recipe), **others)


def _loss(fitted: Fitted) -> float:
    return min((e.val_loss for e in fitted.history), default=math.inf)


def _finished(study: "optuna.Study") -> bool:
    """Whether a trial was trained to its end; one cut short has a value too, but is none to choose."""
    return any(t.state.name == "COMPLETE" for t in study.get_trials(deepcopy=False))


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
