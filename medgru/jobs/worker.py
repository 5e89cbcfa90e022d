"""The process of one run: `python -m medgru.jobs.worker RUN_ID`. Started by a launcher, not by hand.

It holds the run's lock from the moment it knows its run to its last, so that whoever looks knows whether it lives.
What is slow to import is imported after that. Without an identifier it is imported at once, and the process waits
to be told one on its standard input.
"""

import importlib
import logging
import os
import sys
import threading
import time
import traceback
import warnings
from contextlib import suppress
from types import TracebackType
from typing import Any

from filelock import Timeout

from medgru.errors import MedGRUError
from medgru.jobs import queue, table
from medgru.jobs.launcher import LOG, lock_of
from medgru.jobs.run import Run
from medgru.jobs.table import TableWriteError
from medgru.jobs.watch import Watch

WORK = {"train": "medgru.training.retrain:train_run", "lab": "medgru.training.lab:lab_run"}
"""Kind of run -> what does it: called with stays, config, (lab,) folder and reporter."""

THREADS = min(4, max(1, (os.cpu_count() or 2) - 1))
"""Of torch. A core is left to the server: two threads on two busy cores wait for each other and hardly move. Networks
of this size have no work for many."""

LOCK_WAIT_S = 5.0
LAST_WORDS_S = 3.0
NICENESS = 5
"""The server and its pages come first."""

OUR_ERROR = (
    "The run was ended by an error of ours ({name}), not by your data or settings alone. Its place is noted in "
    "{log} without any patient's value: please report it. What was reached by the last checkpoint is kept."
)

WAIT_S = 900.0
"""A worker that nobody has told a run by then gives its memory back."""

logger = logging.getLogger("medgru.worker")


def main(run_id: str = "") -> None:
    """Do the run from its beginning or its checkpoint to an end, then start the next one.

    Args:
        run_id: The run; by default the one that is told on the standard input, if any is.
    """
    os.umask(0o077)
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    os.environ["OMP_NUM_THREADS"] = str(THREADS)  # before torch is imported
    run_id = run_id or _told()
    if not run_id:
        return
    _log_without_values()
    try:
        with lock_of(table.folder_of(run_id), LOCK_WAIT_S):
            if not table.begin(run_id, os.getpid()):
                return  # stopped or deleted meanwhile
            state, message = _do(queue.get(run_id))
            _last_words(run_id, state, message)
            if state == "done":
                (table.folder_of(run_id) / queue.RESERVE).unlink(missing_ok=True)
    except Timeout:
        return  # another worker has it
    queue.refresh()


def _told() -> str:
    """Get ready for any run, then wait to be told one; empty where whoever started this process is gone."""
    for work in WORK.values():
        importlib.import_module(work.split(":")[0])
    limit = threading.Timer(WAIT_S, os._exit, (0,))
    limit.daemon = True
    limit.start()
    run_id = sys.stdin.read()
    limit.cancel()
    if run_id:
        log = os.open(table.folder_of(run_id) / LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(log, 2)  # the standard error of this process, which went nowhere so far
        os.close(log)
    return run_id


def _do(run: Run) -> tuple[str, str]:
    """Do the work; the state it ended in, and the sentence for the screen."""
    try:
        with Watch(run.id) as watch:
            return _work(run, watch), ""
    except MedGRUError as error:
        logger.error("%s", _place(error))
        return "failed", str(error)
    except Exception as error:
        logger.error("%s", _place(error))
        return "failed", OUR_ERROR.format(name=type(error).__name__, log=run.folder / LOG)


def _work(run: Run, watch: Watch) -> str:
    from medgru.data.labelled import LabelledStays
    from medgru.jobs.reporting import TableReporter
    from medgru.training.config import RunConfig
    from medgru.training.faults import told_in_words
    from medgru.training.progress import Stopped

    reporter = TableReporter(watch)
    try:
        module, name = WORK[run.kind].split(":")
        work = getattr(importlib.import_module(module), name)
        stays, config = LabelledStays.load(run.folder / queue.DATASET), RunConfig.from_dict(run.config)
        with told_in_words():
            work(stays, config, *([run.lab] if run.kind == "lab" else []), run.folder, reporter)
    except Stopped:
        return "cancelled"
    finally:
        reporter.flush()
    return "done"


def _last_words(run_id: str, state: str, message: str) -> None:
    """Write the end of the run; on a full disk, into the space kept for it."""
    deadline = time.monotonic() + LAST_WORDS_S
    while True:
        try:
            return table.end(run_id, state, message)
        except TableWriteError:
            with suppress(OSError):
                (table.folder_of(run_id) / queue.RESERVE).unlink(missing_ok=True)
            if time.monotonic() > deadline:
                return None  # whoever looks finds the lock free: interrupted
        time.sleep(0.1)


def _place(error: BaseException) -> str:
    """Type and place of an error and of those behind it: their messages could carry a patient's value."""
    frames = traceback.extract_tb(error.__traceback__)
    place = " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(frames)) or "unknown place"
    behind = f", after {_place(error.__context__)}" if error.__context__ else ""
    return f"{type(error).__name__} at {place}{behind}"


def _log_without_values() -> None:
    """Whatever libraries have to say, only its kind and its place reach the log."""
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.WARNING)

    def warned(_message: Any, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
        logger.warning("%s at %s:%d", category.__name__, os.path.basename(filename), lineno)

    def raised(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
        logger.error("%s", _place(error))

    warnings.showwarning = warned  # type: ignore[assignment]
    sys.excepthook = raised
    threading.excepthook = lambda it: raised(it.exc_type, it.exc_value or it.exc_type(), it.exc_traceback)


if __name__ == "__main__":
    main(*sys.argv[1:])
