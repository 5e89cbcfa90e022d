"""The published benchmark: PhysioNet/CinC 2012, trained on set A alone, measured once on set B.

Nothing is chosen on set B: sizes, recipe, early stopping and calibration come from set A.
Shapes: B stays, C classes.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.evaluation import ALL, RANKING, bootstrap
from medgru.evaluation.metrics import Metric
from medgru.sequences import Preprocessor
from medgru.tasks import get_task
from medgru.training.baselines import LINEAR, TREES, boosted_trees, logistic_regression, summary_table
from medgru.training.ensemble import (
    CrossValidation,
    Plan,
    TrainedEnsemble,
    final_probability,
    fit_ensemble,
    progress_folder,
)
from medgru.training.plans import plain_plan, shipped_plan
from medgru.training.progress import Reporter, terminal_progress
from medgru.training.public_data import LabelledStays, read_labelled

TASK = "icu-mortality"
TRAIN_SET, TEST_SET = "a", "b"
PLAIN = "GRU, last state"
ATTENTIVE = "GRU with attention"
SHIPPED = "MedGRU (the shipped configuration)"


def run_benchmark(
    data_dir: Path,
    seeds: int = 3,
    quiet: bool = False,
    reporter: Reporter | None = None,
) -> pd.DataFrame:
    """Train everything on set A, measure it once on set B.

    Args:
        data_dir: Folder of the public data.
        seeds: Runs of each model that has a random seed.
        quiet: Show no bar in the terminal.
        reporter: Told what is done, instead of the bar; asked whether to stop.

    Networks are saved as they are done; the same command goes on with them after an interruption.

    Returns:
        One row a model, way of averaging and metric; see `benchmark`.

    Raises:
        TrainingError: A data file is missing, or training cannot go on.
    """
    task = get_task(TASK)
    train, test = (read_labelled(task, data_dir, [letter]) for letter in (TRAIN_SET, TEST_SET))
    folder = progress_folder("benchmark")
    with terminal_progress(quiet or reporter is not None) as bar:
        table = benchmark(train, test, seeds, reporter or bar, folder).table
    shutil.rmtree(folder)
    return table


@dataclass(frozen=True)
class Benchmark:
    """What came out.

    Attributes:
        table: One row a model, way of averaging and metric, with the columns model, runs ("mean of 3 runs",
            "3 runs averaged"), metric, value, low, high (95 % bootstrap interval over the test stays), sd (over
            the runs; NaN for a single one), stays.
        shipped: The ensemble of the configuration that is shipped, trained on the training set alone.
        preprocessor: Of the networks.
        y_prob: The shipped configuration's probability of the event for each test stay, (B,).
    """

    table: pd.DataFrame
    shipped: TrainedEnsemble
    preprocessor: Preprocessor
    y_prob: NDArray[np.float64]


def benchmark(
    train: LabelledStays, test: LabelledStays, seeds: int, reporter: Reporter | None = None, folder: Path | None = None
) -> Benchmark:
    """Train every model on `train`, measure it on `test`."""
    task = train.recordings.task
    event = task.event_index
    y_train, y_test = (train.y_true == event).astype(np.int64), (test.y_true == event).astype(np.int64)
    rows: list[dict[str, Any]] = []

    for name, score in test.scores.items():
        known = np.isfinite(score)
        rows += _single(name, y_test[known], score[known], RANKING)

    known_table, new_table = summary_table(train.recordings), summary_table(test.recordings)
    measured = np.isfinite(known_table).any(axis=0)  # the trees refuse a column without a single value
    known_table, new_table = known_table[:, measured], new_table[:, measured]
    linear = logistic_regression(seed=0).fit(known_table, y_train)
    rows += _single(LINEAR, y_test, linear.predict_proba(new_table)[:, 1], ALL)
    trees = [boosted_trees(seed).fit(known_table, y_train) for seed in range(seeds)]
    rows += _several(TREES, y_test, [model.predict_proba(new_table)[:, 1] for model in trees])

    preprocessor = Preprocessor.fit(train.recordings)
    stays, new_stays = (
        CrossValidation(preprocessor(train.recordings), train.y_true, event=event),
        preprocessor(test.recordings),
    )

    def trained(plan: Plan) -> TrainedEnsemble:
        return fit_ensemble(stays, plan, reporter=reporter, folder=folder)

    for name, attention in ((PLAIN, False), (ATTENTIVE, True)):
        networks = [trained(plain_plan(task, seed, attention)) for seed in range(seeds)]
        rows += _several(
            name, y_test, [final_probability(n.network, n.calibrator, new_stays)[:, event] for n in networks]
        )
    members = trained(shipped_plan(task, seed=0))
    y_prob = final_probability(members.network, members.calibrator, new_stays)[:, event]
    rows += _single(SHIPPED, y_test, y_prob, ALL)
    return Benchmark(pd.DataFrame(rows), members, preprocessor, y_prob)


def render(table: pd.DataFrame) -> str:
    """The table as Markdown: a line a model, intervals in brackets, the spread over runs behind a ±."""
    metrics = list(dict.fromkeys(table["metric"]))
    lines = [f"| Model | Runs | {' | '.join(metrics)} |", f"|---|---|{'---|' * len(metrics)}"]
    for (model, runs), group in table.groupby(["model", "runs"], sort=False):
        cells = {row.metric: _cell(row) for row in group.itertuples()}
        lines.append(f"| {model} | {runs} | {' | '.join(cells.get(m, '') for m in metrics)} |")
    return "\n".join(lines) + "\n"


def _cell(row: Any) -> str:
    if np.isfinite(row.sd):
        return f"{row.value:.3f} ± {row.sd:.3f}"
    return f"{row.value:.3f} [{row.low:.3f}, {row.high:.3f}]"


def _single(
    model: str, y_true: NDArray, score: NDArray, metrics: Mapping[str, Metric], runs: str = "1"
) -> list[dict[str, Any]]:
    """A line a metric, with its bootstrap interval."""
    return [
        {
            "model": model, "runs": runs, "metric": name, "value": estimate.value, "low": estimate.low,
            "high": estimate.high, "sd": np.nan, "stays": len(y_true),
        }
        for name, estimate in bootstrap(y_true, score, metrics).items()
    ]  # fmt: skip


def _several(model: str, y_true: NDArray, probabilities: list[NDArray]) -> list[dict[str, Any]]:
    """Mean and spread of single runs, then the runs averaged into one prediction."""
    n = len(probabilities)
    rows = []
    for name, metric in ALL.items():
        values = [metric(y_true, p) for p in probabilities]
        rows.append(
            {
                "model": model, "runs": f"each of {n}", "metric": name, "value": float(np.mean(values)),
                "low": np.nan, "high": np.nan, "sd": float(np.std(values, ddof=1)) if n > 1 else 0.0,
                "stays": len(y_true),
            }
        )  # fmt: skip
    return rows + _single(model, y_true, np.mean(probabilities, axis=0), ALL, runs=f"{n} averaged")
