"""Training runs outside the server: run table, launcher, worker, queue, promotion."""

from medgru.jobs.follow import EPOCH_COLUMNS, epochs, seconds_left, wait
from medgru.jobs.names import usual_name
from medgru.jobs.queue import annotate, cancel, delete, find, get, prepare, refresh, rename, resume, runs, submit, sweep
from medgru.jobs.run import ACTIVE, ENDED, KINDS, STATES, Run

__all__ = [
    "ACTIVE",
    "ENDED",
    "EPOCH_COLUMNS",
    "KINDS",
    "STATES",
    "Run",
    "annotate",
    "cancel",
    "delete",
    "epochs",
    "find",
    "get",
    "prepare",
    "refresh",
    "rename",
    "resume",
    "runs",
    "seconds_left",
    "submit",
    "sweep",
    "usual_name",
    "wait",
]
