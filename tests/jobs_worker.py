"""A worker whose work is written in its run: what `lab` says is done instead of a training.

Everything else (process, lock, table, signals, endings) is the real worker's. Started as
`python -m tests.jobs_worker RUN_ID` by the launcher that `tests/test_jobs_*.py` put in its place.
"""

import os
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

from medgru.errors import TrainingError
from medgru.jobs import queue, worker
from medgru.jobs.launcher import LocalLauncher

PATIENT = "Erika Mustermann, 4711"


def act(stays, config, lab, folder: Path, reporter) -> None:
    from medgru.training.progress import Epoch, Stopped

    match lab["act"]:
        case "train":  # epochs of `pause` seconds each; the checkpoint is a number
            checkpoint = folder / "epochs"
            done = int(checkpoint.read_text()) if checkpoint.exists() else 0
            while done < lab["epochs"]:
                for i in range(10):
                    if reporter.should_stop():
                        raise Stopped
                    reporter.batch(i / 10)
                    time.sleep(lab["pause"] / 10)
                done += 1
                reporter.epoch(
                    Epoch("network 1 of 1", done, lab["epochs"], 0.5, 0.4, float("nan"), 0.2, 1.0, 0.01, epoch=done - 1)
                )
                checkpoint.write_text(str(done))  # after it, as in training: an epoch may be said twice, never not
        case "deaf":  # never asks whether to stop
            reporter.stage("Sorting")
            time.sleep(60)
        case "kill":
            os.kill(os.getpid(), 9)
        case "refuse":
            raise TrainingError("One class only. Bring stays of two.")
        case "break":
            warnings.warn(PATIENT, stacklevel=1)
            print(PATIENT)
            raise KeyError(PATIENT)
        case "memory":
            raise MemoryError
        case "fill":  # the disk, to its last byte
            with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            reporter.epoch(Epoch("network 1 of 1", 1, 2, 0.5, 0.4, 0.6, 0.2, 1.0, 0.01))
            (folder / "checkpoint").write_bytes(bytes(8192))


if __name__ == "__main__":
    worker.WORK["lab"] = "tests.jobs_worker:act"
    queue.LAUNCHER = LocalLauncher("tests.jobs_worker")  # it starts the next one
    worker.main(*sys.argv[1:])
