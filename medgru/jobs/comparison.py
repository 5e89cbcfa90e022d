"""Runs side by side: what was asked, how good it became, and whether the difference is more than chance."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from medgru.bundle import describe_bundle
from medgru.data.labelled import LabelledStays
from medgru.errors import TrainingError
from medgru.evaluation import paired_bootstrap
from medgru.jobs import queue
from medgru.jobs.outcome import MEASURES, held_out, result, start_warnings, verdict
from medgru.jobs.run import Run
from medgru.training.splits import recording_hashes

METRICS = ("run", "metric", "value", "low", "high")
DIFFERENCES = ("run", "against", "metric", "value", "low", "high", "verdict", "patients")


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Attributes:
        settings: One row a setting: setting, one column a run by its id, differs.
        metrics: One row a run and metric: `METRICS`.
        differences: The first run minus each other, on stays that both held out: `DIFFERENCES`.
        notes: What to know when reading them, in words.
    """

    settings: pd.DataFrame
    metrics: pd.DataFrame
    differences: pd.DataFrame
    notes: tuple[str, ...] = ()


def compare(run_ids: Iterable[str]) -> Comparison:
    """Settings and results of two or more runs.

    Raises:
        TrainingError: There is no such run, or what it left is damaged.
    """
    runs = [queue.get(run_id) for run_id in dict.fromkeys(run_ids)]
    if len(runs) < 2:
        raise TrainingError("To compare, choose two runs or more.")
    done = [run for run in runs if run.kind == "train" and run.state == "done"]
    notes = [
        f"{run.name} has no result to compare: it is no training run that is done." for run in runs if run not in done
    ]
    metrics = [
        (run.id, name, *(float("nan") if figure[k] is None else float(figure[k]) for k in ("value", "low", "high")))
        for run in done
        for name, figure in result(run)["held_out"]["metrics"].items()
    ]
    notes += [f"{run.name}: {warning}" for run in done for warning in start_warnings(run)]
    rows: list[tuple[Any, ...]] = []
    answers = [_Answers(run) for run in done] if len(done) > 1 else []
    for other in answers[1:]:
        found, note = _difference(answers[0], other)
        rows += found
        notes.append(note)
    return Comparison(
        _settings(runs),
        pd.DataFrame(metrics, columns=list(METRICS)),
        pd.DataFrame(rows, columns=list(DIFFERENCES)),
        tuple(notes),
    )


def _settings(runs: list[Run]) -> pd.DataFrame:
    """Every setting of each run as it is, and the data it was given; None where a run knows no such setting."""
    asked = []
    for run in runs:
        config = {key: value for key, value in run.config.items() if key != "recipe"}
        data = {"data": run.data.get("name"), "stays": run.data.get("stays"), "data hash": run.data.get("sha256")}
        asked.append({"task": run.task, **data, **config, **run.config.get("recipe", {})})
    rows = []
    for key in dict.fromkeys(key for one in asked for key in one):
        values = [one.get(key) for one in asked]
        rows.append((key, *values, any(value != values[0] for value in values)))
    settings = pd.DataFrame(rows, columns=["setting", *(run.id for run in runs), "differs"], dtype=object)
    return settings.astype({"differs": bool})


def setting_text(value: object) -> str:
    """A setting as it is written: "yes", "none", "0.002"."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class _Answers:
    """What a run said of the stays that it held out; each part is read once."""

    def __init__(self, run: Run) -> None:
        self.run, self.apart, self.task = run, held_out(run), describe_bundle(run.folder / "bundle").task

    @cached_property
    def stays(self) -> list[tuple[str, int, bytes]]:
        """What tells each stay from all others, whatever data it came with: an identifier may be another's there."""
        recordings = LabelledStays.load(self.run.folder / "dataset").recordings
        measured = recording_hashes(recordings).tolist()
        return [(recordings.record_ids[i], measured[i], recordings.statics[i].tobytes()) for i in self.apart.stay]


def _difference(one: _Answers, other: _Answers) -> tuple[list[tuple[Any, ...]], str]:
    """The first minus the second on the stays that both held out, and a sentence on who these are."""
    names = f"{one.run.name} and {other.run.name}"
    if one.task != other.task:
        return [], f"{names} answer different questions: their figures cannot be compared."
    a, b = one.apart, other.apart
    left, right = _shared(one, other)
    if len(left) == len(a.y_true) == len(b.y_true):
        note = f"{names} were measured on the same patients."
    else:
        note = (
            f"{names} held out different patients ({len(a.y_true):,} and {len(b.y_true):,} stays): they are compared "
            f"on the {len(left):,} stays that both held out."
        )
    if not len(left):
        return [], note
    event = one.task.event_index
    differences = paired_bootstrap(a.y_true[left], a.y_prob[left], b.y_prob[right], event, a.patient[left])
    patients = len(np.unique(a.patient[left]))
    return [
        (one.run.id, other.run.id, name, d.value, d.low, d.high, verdict(name, d), patients)
        for name, d in differences.items()
        if name in MEASURES
    ], note


def _shared(one: _Answers, other: _Answers) -> tuple[list[int], list[int]]:
    """Positions of the same stays, of the same outcome, among those that each held out."""
    a, b = one.run.data, other.run.data
    same = bool(a.get("sha256")) and all(a.get(key) == b.get(key) for key in ("sha256", "stays"))
    left, right = (
        {
            (name, str(p), int(y)): i
            for i, (name, p, y) in enumerate(
                zip(it.apart.stay.tolist() if same else it.stays, it.apart.patient, it.apart.y_true, strict=True)
            )
        }
        for it in (one, other)
    )
    pairs = [(i, right[key]) for key, i in left.items() if key in right]
    return [i for i, _ in pairs], [j for _, j in pairs]
