"""The lab: the same stays through the whole family of networks, and what the classic claims are worth on them.

Test stays are apart by patient; one stratified part of the training stays is set apart for early stopping and
calibration, the same for all models and seeds. Each network is a single one, calibrated on the part set apart and
measured once on the test stays. Every trained network's answers are kept in the run's folder as they come, so that
a lab that was stopped goes on where it stood (`medgru.training.lab_store`).
Shapes: S seeds, B stays, C classes, T hours (padded).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.labelled import LabelledStays
from medgru.errors import TrainingError
from medgru.evaluation import MEASURES, measure, paired_bootstrap
from medgru.plain_json import finite
from medgru.training.checkpoint import write_json
from medgru.training.checks import RunCheck, check_run, minutes, suggested_recipe
from medgru.training.config import Recipe, RunConfig
from medgru.training.faults import told_in_words
from medgru.training.lab_claims import Interval, Standing, Verdict, verdicts
from medgru.training.lab_models import FEWEST_SEEDS, LAB_MODELS, MOST_SEEDS, LabModel, chosen
from medgru.training.lab_store import Attempt, LabStore
from medgru.training.lab_train import Bench, parting_problems
from medgru.training.progress import Reporter, Stopped
from medgru.training.splits import choose_stays, held_out

METRICS = ("AUROC", "AUPRC", "ECE")
APART_SHARE = 0.15
"""Share of the training patients set apart for early stopping and calibration."""
ROUNDS = 5
"""Alternating rounds in which the speed is measured."""
RESAMPLES, _RESAMPLES_MEANWHILE = 1000, 200
LAB_CONFIG = RunConfig(
    hidden_size=64, recipe=Recipe(epochs=12, patience=3, weight_decay=0.1, hide_sensors=0.1), members=1
)
"""What all networks of the lab share, unless the user says otherwise; chosen on set A (docs/experiments.md)."""

WHY_SPEED = (
    "On a CPU torch hands the LSTM to oneDNN, forwards and backwards, but not the GRU, which runs as many small "
    "steps: a fourth less arithmetic does not make up for that."
)


@dataclass(frozen=True)
class LabResult:
    """What a lab found, so far or in the end.

    Attributes:
        table: One row a model: model, label, about, seeds (done), core_parameters, parameters, seconds (of an
            epoch, median over the alternating rounds; before these, over the epochs as they came), pace (the same
            with the GRU's as 1, round by round); for each of `METRICS`
            M: M, M_low, M_high (the seeds' average prediction, 95 % bootstrap interval), M_mean, M_sd (over the
            seeds); note (why there is nothing, or less). NaN where not known.
        verdicts: On the classic claims; empty while models are still being trained.
        protocol: What was done, in sentences.
        facts: Plain facts: seeds, stays, events, missing, settings.
    """

    table: pd.DataFrame
    verdicts: tuple[Verdict, ...]
    protocol: str
    facts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `lab.json`; NaN becomes null."""
        return finite({
            "table": self.table.to_dict("records"), "verdicts": [asdict(v) for v in self.verdicts],
            "protocol": self.protocol, "facts": self.facts,
        })  # fmt: skip

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "LabResult":
        """Inverse of `to_dict`."""
        table = pd.DataFrame(values["table"], columns=COLUMNS)
        numbers = [c for c in COLUMNS if c not in _WORDS]
        table[numbers] = table[numbers].apply(pd.to_numeric).astype(float)
        return cls(table, tuple(Verdict(**v) for v in values["verdicts"]), values["protocol"], values["facts"])


_WORDS = ("model", "label", "about", "note")
COLUMNS = [
    "model", "label", "about", "seeds", "core_parameters", "parameters", "seconds", "pace",
    *(f"{m}{end}" for m in METRICS for end in ("", "_low", "_high", "_mean", "_sd")), "note",
]  # fmt: skip


def read_lab(folder: Path) -> LabResult | None:
    """The result in a run's folder, as far as it got; None before the first network is done."""
    path = folder / "lab.json"
    if not path.exists():
        return None
    try:
        return LabResult.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"lab.json of this run is damaged ({type(error).__name__}). Start a new run.") from None


def lab_run(stays: LabelledStays, config: RunConfig, lab: dict[str, Any], folder: Path, reporter: Reporter) -> None:
    """A run of the kind "lab": hold patients out, then compare; writes `folder`/lab.json.

    Args:
        stays: All there are; `config.test_share` of the patients are held out.
        config: What the networks share: sizes, recipe, seed. The kind of network does not count.
        lab: "models" (names of `LAB_MODELS`; all by default) and "seeds".
        folder: Of the run.
        reporter: Told how far it is, asked whether to stop.

    Raises:
        Stopped: The user wanted so; the same call goes on where it stood.
        TrainingError: An unknown model, too few stays.
    """
    with told_in_words():
        reporter.stage("Holding patients out")
        known, unseen = held_out(stays, config.test_share)
        train, test = choose_stays(stays, known), choose_stays(stays, unseen)
        run_lab(train, test, lab.get("models"), int(lab.get("seeds", FEWEST_SEEDS)), reporter, folder, config)


def lab_config(stays: int) -> RunConfig:
    """What the networks share by default, for so many stays: fewer need more and smaller steps."""
    recipe = LAB_CONFIG.recipe if suggested_recipe(stays) == Recipe() else suggested_recipe(stays)
    return replace(LAB_CONFIG, recipe=recipe)


def check_lab(
    stays: LabelledStays, models: Sequence[str], seeds: int, config: RunConfig, free_mb: int | None = None
) -> RunCheck:
    """Look at a lab before it starts: what speaks against it, and how long it will take."""
    usual = LAB_MODELS["gru"].settings(config)
    check = check_run(stays, usual, free_mb)
    problems = check.problems or tuple(
        parting_problems(choose_stays(stays, check.train), check.who.choose(check.train))
    )
    if not FEWEST_SEEDS <= seeds <= MOST_SEEDS:
        problems += (f"A lab takes {FEWEST_SEEDS} to {MOST_SEEDS} seeds, not {seeds}. Change their number.",)
    efforts = seeds * sum(m.effort for m in chosen(models))
    return replace(check, problems=problems, minutes=minutes(stays, usual, efforts))


def run_lab(
    train: LabelledStays,
    test: LabelledStays,
    models: Sequence[str] | None = None,
    seeds: int = FEWEST_SEEDS,
    reporter: Reporter | None = None,
    folder: Path | None = None,
    config: RunConfig = LAB_CONFIG,
) -> LabResult:
    """Train every model on `train` with every seed, measure each once on `test`.

    Args:
        train, test: Stays of different patients.
        models: Names of `LAB_MODELS`; all by default.
        seeds: Networks a model.
        reporter: Told how far it is, asked whether to stop.
        folder: Where answers are kept as they come, and lab.json; None keeps nothing.
        config: What the networks share.

    Raises:
        Stopped: The reporter wanted so.
        TrainingError: An unknown model, too few stays, or no model could be trained.
    """
    wanted, reporter = chosen(models), reporter or Reporter()
    if not 1 <= seeds <= MOST_SEEDS:
        raise TrainingError(f"The lab takes 1 to {MOST_SEEDS} seeds, not {seeds}.")
    reporter.stage("Preparing the stays")
    bench = Bench(train, test, config, APART_SHARE)
    store = LabStore(folder, bench.digest)
    reasons = {m.name: reason for m in wanted if (reason := bench.refuses(m))}
    able = [m for m in wanted if m.name not in reasons]
    plan = _in_turn(able, seeds)
    lab = _Lab(bench, wanted, reasons, seeds, store)
    trainings = [step for step in plan if step[0].is_network]
    for model, seed in plan:
        if store.load(model.name, seed) is None:
            if reporter.should_stop():
                raise Stopped
            number = trainings.index((model, seed)) if model.is_network else 0
            store.save(bench.attempt(model, seed, number, len(trainings), seeds, reporter, store))
            lab.write(folder)
    trained = [m for m in able if m.is_network and lab.succeeded(m)]
    pace = bench.pace(trained, ROUNDS, reporter, store)
    reporter.stage("Comparing the models")
    lab.write(folder, pace, judged=True)
    return lab.result(pace, judged=True)


def _in_turn(models: Sequence[LabModel], seeds: int) -> list[tuple[LabModel, int]]:
    """Seed by seed, each time another model first, so that what slows the machine down meets all alike."""
    return [
        (model, seed)
        for seed in range(seeds)
        for model in (*models[seed % len(models) :], *models[: seed % len(models)])
        if seed == 0 or model.varies
    ]


class _Lab:
    """From answers to the table and the verdicts; what was computed once is not computed again."""

    def __init__(
        self, bench: Bench, wanted: list[LabModel], reasons: dict[str, str], seeds: int, store: LabStore
    ) -> None:
        self.bench, self.wanted, self.reasons, self.seeds, self.store = bench, wanted, reasons, seeds, store
        self._rows: dict[tuple[str, int, bool], dict[str, Any]] = {}

    def write(self, folder: Path | None, pace: dict[str, list[float]] | None = None, judged: bool = False) -> None:
        """Write lab.json in one step."""
        if folder:
            write_json(folder / "lab.json", self.result(pace, judged).to_dict())

    def result(self, pace: dict[str, list[float]] | None = None, judged: bool = False) -> LabResult:
        """What is known by now."""
        rows = [self._row(model, pace or {}, judged) for model in self.wanted]
        if judged and not any(row.get("seeds") for row in rows):
            raise TrainingError(f"No model of the lab could be trained. {rows[0].get('note', '')}".strip())
        table = pd.DataFrame([{c: row.get(c, "" if c in _WORDS else np.nan) for c in COLUMNS} for row in rows])
        found = self._verdicts(pace or {}) if judged else ()
        return LabResult(table[COLUMNS], found, self._protocol(), self._facts())

    def succeeded(self, model: LabModel) -> bool:
        """Whether all seeds of that model were trained."""
        return len(self._good(model.name)) == (self.seeds if model.varies else 1)

    def _good(self, name: str) -> list[Attempt]:
        attempts = (self.store.load(name, seed) for seed in range(self.seeds))
        return [a for a in attempts if a is not None and len(a.y_prob)]

    def _row(self, model: LabModel, pace: dict[str, list[float]], judged: bool) -> dict[str, Any]:
        row: dict[str, Any] = {"model": model.name, "label": model.label, "about": model.about}
        if reason := self.reasons.get(model.name):
            return row | {"seeds": 0, "note": reason}
        tried = [a for seed in range(self.seeds) if (a := self.store.load(model.name, seed)) is not None]
        good = self._good(model.name)
        row |= {"seeds": len(good), "note": next((a.note for a in tried if a.note), "")}
        if not good:
            return row
        key = (model.name, len(good), judged)
        if key not in self._rows:
            self._rows[key] = self._measured(good, judged)
        seconds = pace.get(model.name) or [s for a in good for s in a.seconds]
        row |= self._rows[key] | {"parameters": good[0].parameters, "core_parameters": good[0].core_parameters}
        row["seconds"] = float(np.median(seconds)) if seconds else np.nan
        if model.name in pace and "gru" in pace:
            row["pace"] = float(np.median(np.asarray(pace[model.name]) / np.asarray(pace["gru"])))
        return {k: np.nan if v is None else v for k, v in row.items()}

    def _measured(self, good: list[Attempt], judged: bool) -> dict[str, float]:
        bench = self.bench
        figures: dict[str, float] = {}
        single = [[f(bench.y_test, a.y_prob, bench.event) for f in MEASURES.values()] for a in good]
        resamples = RESAMPLES if judged else _RESAMPLES_MEANWHILE
        averaged = measure(bench.y_test, _mean(good), bench.event, bench.test_patients, resamples)
        for i, name in enumerate(MEASURES):
            if name in METRICS:
                each = np.array([s[i] for s in single])
                e = averaged[name]
                figures |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
                figures |= {f"{name}_mean": each.mean(), f"{name}_sd": each.std(ddof=1) if len(each) > 1 else np.nan}
        return {k: float(v) for k, v in figures.items()}

    def _verdicts(self, pace: dict[str, list[float]]) -> tuple[Verdict, ...]:
        bench = self.bench
        standings: dict[str, Standing] = {}
        mean: dict[str, NDArray[np.float64]] = {}
        for model in self.wanted:
            if model.name in self.reasons or not (good := self._good(model.name)):
                continue
            mean[model.name] = _mean(good)
            standings[model.name] = Standing(
                label=model.label,
                auroc=tuple(MEASURES["AUROC"](bench.y_test, a.y_prob, bench.event) for a in good),
                validation=float(np.mean([a.validation for a in good])),
                is_network=model.is_network,
                core_parameters=good[0].core_parameters,
                pace=tuple(pace.get(model.name, ())),
            )

        def compare(a: str, b: str) -> Interval:
            d = paired_bootstrap(bench.y_test, mean[a], mean[b], bench.event, bench.test_patients, RESAMPLES)["AUROC"]
            return Interval(d.value, d.low, d.high)

        return verdicts(standings, compare, bench.missing, WHY_SPEED, self.reasons)

    def _facts(self) -> dict[str, Any]:
        bench = self.bench
        labels = [o.label for o in bench.task.outcomes]
        return {
            "task": bench.task.title, "train": bench.train_name, "test": bench.test_name, "seeds": self.seeds,
            "train_stays": len(bench.train), "apart_stays": len(bench.apart), "test_stays": len(bench.y_test),
            "test_classes": {labels[c]: int((bench.y_test == c).sum()) for c in range(len(labels))},
            "missing": bench.missing, "settings": bench.config.to_dict(), "digest": bench.digest,
        }  # fmt: skip

    def _protocol(self) -> str:
        b, r = self.bench, self.bench.config.recipe
        ranking = "" if len(b.task.outcomes) == 2 else " AUROC, AUPRC and ECE are means over the classes."
        return (
            f"Trained on {len(b.train):,} stays of {b.train_name}; {len(b.apart):,} more, of other patients and the "
            "same for every model and seed, were set apart for early stopping and calibration; measured once on "
            f"{len(b.y_test):,} stays of {b.test_name}, of patients that no training saw. {self.seeds} seeds a model, "
            f"each a single network: {b.config.hidden_size} hidden units, dropout {b.config.dropout:g}, at most "
            f"{r.epochs} epochs of batches of {r.batch_size}, stopped after {r.patience} without a lower loss on the "
            "stays set apart, then one scale and shift of its logits fitted there. The two models on summaries need "
            "no stays set apart and learn from all. Dots and brackets: the seeds' averaged predictions with 95 % "
            "intervals over patients (bootstrap); ±: standard deviation over the seeds. Speed: median over "
            f"{ROUNDS} rounds in which the models took turns, an epoch each." + ranking
        )


def _mean(attempts: Iterable[Attempt]) -> NDArray[np.float64]:
    """The seeds' average prediction, (B, C)."""
    return np.stack([a.y_prob for a in attempts]).astype(np.float64).mean(axis=0)


def render(result: LabResult) -> str:
    """The result as Markdown: table, verdicts, protocol."""
    lines = ["| Model | Core | Parameters | s/epoch | Time, GRU = 1 | " + " | ".join(METRICS) + " |"]
    lines.append("|---|" + "---:|" * 4 + "---|" * len(METRICS))
    for row in result.table.to_dict("records"):
        cells = [str(row["label"])]
        cells += [f"{row[c]:,.0f}" if np.isfinite(row[c]) else "" for c in ("core_parameters", "parameters")]
        cells += [f"{row[c]:.2f}" if np.isfinite(row[c]) else "" for c in ("seconds", "pace")]
        cells += [_figures(row, m) if np.isfinite(row[m]) else "" for m in METRICS]
        lines.append("| " + " | ".join(cells) + " |")
    lines += [f"\n- {row['label']}: {row['note']}" for row in result.table.to_dict("records") if row["note"]]
    lines += ["", result.protocol, "", "**What the classic claims are worth here**", ""]
    lines += [f"- {v.claim}: **{v.outcome}**. {v.sentence}" for v in result.verdicts]
    return "\n".join(lines) + "\n"


def _figures(row: dict[Any, Any], metric: str) -> str:
    """ "0.871 [0.852, 0.889], each 0.865 ± 0.002"."""
    sd = row[f"{metric}_sd"]
    each = f", each {row[f'{metric}_mean']:.3f} ± {sd:.3f}" if np.isfinite(sd) else ""
    return f"{row[metric]:.3f} [{row[f'{metric}_low']:.3f}, {row[f'{metric}_high']:.3f}]{each}"
