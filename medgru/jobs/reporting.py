"""What a training says in a worker, written into the run table."""

import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from medgru.jobs import table
from medgru.jobs.table import TableWriteError
from medgru.jobs.watch import Watch
from medgru.training.progress import Epoch, Reporter


class TableReporter(Reporter):
    """A reporter that never fails: what cannot be written now is written with the next epoch."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._unwritten: list[dict[str, Any]] = []

    def stage(self, text: str) -> None:
        """Write what is being done now."""
        with suppress(TableWriteError):  # the next stage or epoch will say more
            table.set_progress(self._watch.run_id, self._watch.share, text)

    def epoch(self, epoch: Epoch) -> None:
        """Write an epoch, and those before it that could not be."""
        self._watch.share = 0.0
        self._unwritten.append(asdict(epoch) | {"at": time.time()})
        self.flush()

    def flush(self) -> None:
        """Write what could not be written so far, if it can be now."""
        if self._unwritten:
            with suppress(TableWriteError):
                table.add_epochs(self._watch.run_id, self._unwritten)
                self._unwritten = []

    def batch(self, share: float) -> None:
        """Note how far the epoch is; the watch writes it down."""
        self._watch.share = share

    def should_stop(self) -> bool:
        """Whether Stop was asked for."""
        return self._watch.stop_asked.is_set()
