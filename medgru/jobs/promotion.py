"""The gate between a finished run and the models in use.

The new model and the one in use answer for the same patients, those held out of the run; the difference is
resampled patient by patient. A model passes unless it is worse beyond the 95 % interval in ranking (AUROC),
in finding the event (AUPRC) or in calibration (ECE). Without a model in use it must rank better than chance.
Whoever disagrees may override, with a reason that is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru import library
from medgru.bundle import Bundle, BundleInfo, describe_bundle, load_bundle
from medgru.data.labelled import LabelledStays
from medgru.errors import TrainingError
from medgru.evaluation import MEASURES as METRICS
from medgru.evaluation import Difference, Estimate, measure, paired_bootstrap
from medgru.jobs import queue
from medgru.jobs.outcome import MEASURES, UNKNOWN, WORSE, HeldOut, held_out, result, start_warnings, verdict
from medgru.jobs.run import Run
from medgru.predict import score
from medgru.tasks import Task
from medgru.training.seen import Group, learned_by, seen_warnings
from medgru.training.splits import patients_of

JUDGED = ("AUROC", "AUPRC", "ECE")
FEWEST_PATIENTS, FEWEST_OF_A_CLASS = 100, 20
_COLUMNS = ("metric", "candidate", "in_use", "difference", "verdict")


@dataclass(frozen=True)
class Verdict:
    """What the gate says of a run.

    Attributes:
        passed: Whether the model may be put into use without an override.
        sentences: What was found, in words.
        table: One row a metric: metric, candidate, in_use, difference (with its interval), verdict.
        rival: Id of the model in use; None where there is none, and `table` then shows the better baseline.
        held_out: Patients on whom both were measured.
        warnings: Why the figures prove less than they seem to, in words.
    """

    passed: bool
    sentences: tuple[str, ...]
    table: pd.DataFrame
    rival: str | None
    held_out: int
    warnings: tuple[str, ...] = ()


def gate(run_id: str) -> Verdict:
    """Judge the model of a finished run beside the one in use.

    Raises:
        TrainingError: The run is not done, or what it left is damaged.
        BundleError: Its model cannot be used.
    """
    run = _done(run_id)
    candidate = describe_bundle(run.folder / "bundle")
    rival = library.in_use(candidate.task)
    return _judge(run.id, run.ended, candidate.sha256, rival and rival.path, rival.sha256 if rival else "")


def promote(run_id: str, reason: str = "", override: bool = False) -> BundleInfo:
    """Copy the model of a run to the user's models and put it into use.

    Args:
        run_id: A training run that is done.
        reason: The user's words; needed to override.
        override: Put it into use although the gate says no; noted with the reason.

    Raises:
        TrainingError: The gate says no and there is no override, or the override has no reason.
        BundleError: The model cannot be used.
    """
    run, judged = _done(run_id), gate(run_id)
    if not judged.passed and not override:
        raise TrainingError(f"The model did not pass the gate. {' '.join(judged.sentences)}")
    if not judged.passed and not reason.strip():
        raise TrainingError("A model that did not pass the gate needs a reason in words to be put into use.")
    load_bundle(run.folder / "bundle")  # what cannot answer does not go into use
    info = library.add(run.folder / "bundle", run.name)
    return library.use(info.task, info.id, reason, override=not judged.passed, run_id=run.id)


def _done(run_id: str) -> Run:
    run = queue.get(run_id)
    if run.kind != "train" or run.state != "done":
        raise TrainingError("Only the model of a training run that is done can be put into use.")
    return run


@lru_cache(maxsize=32)  # pages ask again at every click; what a run that is done left does not change
def _judge(run_id: str, ended: float, candidate_sha256: str, rival_path: Path | None, rival_sha256: str) -> Verdict:
    run = queue.get(run_id)
    apart, stays = held_out(run), LabelledStays.load(run.folder / "dataset")
    if apart.stay.max() >= len(stays):
        raise TrainingError(f"The data of the run {run.id} are not those it was trained on. Train it anew.")
    task, own = stays.recordings.task, apart.y_prob
    recordings = stays.recordings.select([stays.recordings.record_ids[i] for i in apart.stay])
    patients = len(np.unique(apart.patient))
    warnings = _too_few(apart, task, patients)
    warnings += start_warnings(run)
    if rival_path is None:
        return _without_rival(run, apart, own, task, patients, warnings)
    if rival_sha256 == candidate_sha256:
        sentence = "The model of this run is the one in use."
        return Verdict(True, (sentence,), _table([]), rival_path.name, patients, warnings)
    rival = load_bundle(rival_path)
    held = Group.of(stays, patients_of(stays), apart.stay, str(result(run).get("split_sha256", "")))
    learned, subject = learned_by(rival), f"The model in use, {rival.id},"
    warnings += tuple(seen_warnings(rival, learned, held, subject, "it looks too good here"))
    return _beside(apart, own, score(rival, recordings).y_prob, rival, patients, warnings)


def _beside(
    apart: HeldOut, own: NDArray, other: NDArray, rival: Bundle, patients: int, warnings: tuple[str, ...]
) -> Verdict:
    """The verdict where there is a model in use."""
    event = rival.task.event_index
    differences = paired_bootstrap(apart.y_true, own, other, event, apart.patient)
    rows, failed = [], []
    sentences = [f"Both models answered for the same {patients:,} patients, held out of this run."]
    for name in MEASURES:
        mine, theirs = (METRICS[name](apart.y_true, y_prob, event) for y_prob in (own, other))
        difference = differences[name]
        said = verdict(name, difference)
        rows.append((name, _number(mine), _number(theirs), _interval(difference), said))
        if name in JUDGED:
            sentences.append(
                f"{_subject(name, rival.task)}: {_number(mine)} against {_number(theirs)} of the model in use "
                f"(difference {_interval(difference)}): {said}."
            )
            failed += [name] if said in (WORSE, UNKNOWN) else []
    sentences.append(
        f"It does not pass the gate, because of {_list(failed)}."
        if failed
        else f"It passes the gate: it is not worse than {rival.id} beyond chance."
    )
    return Verdict(not failed, tuple(sentences), _table(rows), rival.id, patients, warnings)


def _without_rival(
    run: Run, apart: HeldOut, own: NDArray, task: Task, patients: int, warnings: tuple[str, ...]
) -> Verdict:
    """The verdict on the first model of a task: better than chance, with the better baseline beside it."""
    mine = measure(apart.y_true, own, task.event_index, apart.patient)
    auroc = mine["AUROC"]
    passed = bool(auroc.low > 0.5)
    sentences = [
        f"No model is in use for {task.title}. On {patients:,} patients held out of this run, the new "
        f"model's AUROC is {_number(auroc.value)} (95 % interval {_number(auroc.low)} to {_number(auroc.high)}; 0.5 is "
        "chance)."
    ]
    name, figures = _better_baseline(result(run)["baselines"])
    if name:
        sentences.append(
            f"For comparison, not part of the verdict: {name} reached {_number(figures['AUROC'].value)} on the same "
            "patients."
        )
    sentences.append(
        "It passes the gate: it ranks patients better than chance."
        if passed
        else "It does not pass the gate: it may rank patients no better than chance."
    )
    rows = []
    for metric in MEASURES:
        theirs = figures.get(metric)
        rows.append(
            (
                metric,
                _number(mine[metric].value),
                f"{_number(theirs.value)} ({name})" if theirs else "",
                _number(mine[metric].value - theirs.value, sign=True) if theirs else "",
                "for information"
                if metric != "AUROC"
                else "above chance"
                if passed
                else "perhaps no better than chance",
            )
        )
    return Verdict(passed, tuple(sentences), _table(rows), None, patients, warnings)


def _better_baseline(baselines: dict[str, Any]) -> tuple[str, dict[str, Estimate]]:
    """The baseline of the higher AUROC, with its figures."""
    found = {
        name: {m: Estimate(f["value"], f["low"], f["high"]) for m, f in figures.items() if f["value"] is not None}
        for name, figures in baselines.items()
    }
    ranked = [name for name, figures in found.items() if "AUROC" in figures]
    best = max(ranked, key=lambda name: found[name]["AUROC"].value, default="")
    return best, found.get(best, {})


def _too_few(apart: HeldOut, task: Task, patients: int) -> tuple[str, ...]:
    """A sentence where the patients held out are too few to prove much."""
    counts = np.bincount(apart.y_true, minlength=len(task.outcomes))
    rarest = int(counts.argmin())
    if patients >= FEWEST_PATIENTS and counts[rarest] >= FEWEST_OF_A_CLASS:
        return ()
    return (
        f"Only {patients:,} patients were held out, {counts[rarest]:,} stays of them with the outcome "
        f'"{task.outcomes[rarest].label}": little is proven by them, and only a large difference could show.',
    )


def _subject(metric: str, task: Task) -> str:
    """What a metric says of the new model."""
    if metric == "AUROC":
        return "Ranking of patients (AUROC)"
    if metric == "ECE":
        return "Error of the probabilities (ECE, less is better)"
    what = "each outcome" if len(task.outcomes) > 2 else f'"{task.outcomes[task.event_index].label}"'
    return f"Finding {what} (AUPRC)"


def _number(value: float, sign: bool = False) -> str:
    value = round(value, 3) + 0.0  # no minus before a zero
    return f"{value:+.3f}" if sign else f"{value:.3f}"


def _interval(difference: Difference) -> str:
    value, low, high = (_number(v, sign=True) for v in (difference.value, difference.low, difference.high))
    return f"{value}, 95 % interval {low} to {high}"


def _list(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _table(rows: Sequence[tuple[str, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(_COLUMNS))
