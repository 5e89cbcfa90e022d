"""Runs side by side: what was asked, how good it became, and whether the difference is more than chance."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from medgru.bundle import describe_bundle
from medgru.data.labelled import LabelledStays
from medgru.errors import TrainingError
from medgru.evaluation import paired_bootstrap
from medgru.jobs import queue
from medgru.jobs.outcome import MEASURES, HeldOut, held_out, result, start_warnings, verdict
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
    for other in done[1:]:
        found, note = _difference(done[0], other)
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


def _difference(one: Run, other: Run) -> tuple[list[tuple[Any, ...]], str]:
    """The first minus the second on the stays that both held out, and a sentence on who these are."""
    task = describe_bundle(one.folder / "bundle").task
    if task != describe_bundle(other.folder / "bundle").task:
        return [], f"{one.name} and {other.name} answer different questions: their figures cannot be compared."
    a, b = held_out(one), held_out(other)
    left, right = _shared(one, a, other, b)
    if len(left) == len(a.y_true) == len(b.y_true):
        note = f"{one.name} and {other.name} were measured on the same patients."
    else:
        note = (
            f"{one.name} and {other.name} held out different patients ({len(a.y_true):,} and {len(b.y_true):,} stays): "
            f"they are compared on the {len(left):,} stays that both held out."
        )
    if not len(left):
        return [], note
    differences = paired_bootstrap(
        a.y_true[left], a.y_prob[left], b.y_prob[right], task.event_index, a.patient[left]
    )  # fmt: skip
    patients = len(np.unique(a.patient[left]))
    return [
        (one.id, other.id, name, d.value, d.low, d.high, verdict(name, d), patients)
        for name, d in differences.items()
        if name in MEASURES
    ], note


def _shared(one: Run, a: HeldOut, other: Run, b: HeldOut) -> tuple[list[int], list[int]]:
    """Positions of the same stays, of the same outcome, among those that each held out."""
    same = bool(one.data.get("sha256")) and all(one.data.get(k) == other.data.get(k) for k in ("sha256", "stays"))
    names_a, names_b = (h.stay.tolist() if same else _stays(run, h) for run, h in ((one, a), (other, b)))
    keys_a, keys_b = (
        {(name, str(p), int(y)): i for i, (name, p, y) in enumerate(zip(names, h.patient, h.y_true, strict=True))}
        for names, h in ((names_a, a), (names_b, b))
    )
    pairs = [(i, keys_b[key]) for key, i in keys_a.items() if key in keys_b]
    return [i for i, _ in pairs], [j for _, j in pairs]


def _stays(run: Run, apart: HeldOut) -> list[tuple[str, int, bytes]]:
    """What tells each stay from all others, whatever data it came with: an identifier may be another's elsewhere."""
    recordings = LabelledStays.load(run.folder / "dataset").recordings
    measured = recording_hashes(recordings).tolist()
    return [(recordings.record_ids[i], measured[i], recordings.statics[i].tobytes()) for i in apart.stay]
