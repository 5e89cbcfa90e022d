"""Watching a run from outside: its epochs, the time it still needs, its end."""

import time
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from medgru.jobs import queue, table
from medgru.jobs.run import Run

if TYPE_CHECKING:  # see queue: a worker imports this package, and must not lose a second with it
    import pandas as pd

    from medgru.training.progress import Reporter

EPOCH_COLUMNS = ("member", "epoch", "stage", *table.FIGURES)
POLL_S = 0.2
RECENT = 6
"""The last epochs, whose pace is taken for that of those to come."""


def epochs(run_id: str) -> "pd.DataFrame":
    """Epochs of a run in the order they were done, one row each: `EPOCH_COLUMNS`.

    `member` and `epoch` count from 0; `at` is in seconds since 1970; a figure that is no number is NaN.
    """
    import pandas as pd

    table.folder_of(run_id)
    rows = table.select_epochs(run_id)
    frame = pd.DataFrame([tuple(row[name] for name in EPOCH_COLUMNS) for row in rows], columns=list(EPOCH_COLUMNS))
    whole = dict.fromkeys(("member", "epoch"), "int64")
    return frame.astype(whole | dict.fromkeys(table.FIGURES, "float64"))


def seconds_left(run: Run, epochs: "pd.DataFrame") -> float | None:
    """How long the epochs to come will take at the present pace, at most; None where that is not known.

    What comes after the last epoch has no pace: calibrating, measuring, the simple models.
    """
    if not (run.trains or (run.kind == "lab" and run.state == "running")) or not run.total or epochs.empty:
        return None
    pace = float(epochs["seconds"].tail(RECENT).mean())
    return max(0.0, run.total - run.done - run.share) * pace if pace >= 0 else None


def wait(run_id: str, reporter: "Reporter | None" = None, timeout_s: float | None = None) -> Run:
    """Follow a run until it has ended, and keep the queue going meanwhile.

    Args:
        run_id: Whose.
        reporter: Told of stages, epochs and shares as if it stood beside the training; where it should stop,
            the run is stopped.
        timeout_s: Come back after so long even if the run goes on.

    Returns:
        The run as it stands then.
    """
    deadline = time.monotonic() + (float("inf") if timeout_s is None else timeout_s)
    last, stage = 0, ""
    while True:
        queue.refresh()
        run = queue.get(run_id)
        if reporter is not None:
            last = _tell(reporter, run, last)
            if run.stage != stage:
                stage = run.stage
                reporter.stage(stage)
            if run.active and not run.stopping and reporter.should_stop():
                queue.cancel(run_id)
        if not run.active or time.monotonic() >= deadline:
            return run
        time.sleep(POLL_S)


def _tell(reporter: "Reporter", run: Run, last: int) -> int:
    from medgru.training.progress import Epoch

    for row in table.select_epochs(run.id, after=last):
        values: dict[str, Any] = {f.name: row[f.name] for f in fields(Epoch) if f.name != "total"}
        figures = {name: float("nan") for name, value in values.items() if value is None}  # SQLite's word for it
        reporter.epoch(Epoch(**values | figures, total=run.total))
        last = row["number"]
    reporter.batch(run.share)
    return last
