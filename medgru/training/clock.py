"""How long a run has been at work, over all its resumptions."""

import json
import time
from contextlib import suppress
from pathlib import Path

from medgru.training.checkpoint import write_whole
from medgru.training.progress import Epoch, Reporter

NOTE_S = 10.0
"""At least this often the time is noted: a process that is killed loses no more of it."""


class Clock(Reporter):
    """Hands on everything between a run and its reporter, and counts the seconds meanwhile.

    Args:
        outside: The reporter.
        path: Where the seconds are noted; what is found there was spent before an interruption.
    """

    def __init__(self, outside: Reporter, path: Path) -> None:
        self.outside, self.path = outside, path
        self.before, self.started, self.noted = _read(path), time.monotonic(), time.monotonic()

    @property
    def seconds(self) -> float:
        """Time at work until now."""
        return self.before + time.monotonic() - self.started

    def stage(self, text: str) -> None:
        """Hand it on."""
        self.outside.stage(text)
        self._note()

    def epoch(self, epoch: Epoch) -> None:
        """Hand it on."""
        self.outside.epoch(epoch)
        self._note()

    def batch(self, share: float) -> None:
        """Hand it on."""
        self.outside.batch(share)
        if time.monotonic() - self.noted > NOTE_S:
            self._note()

    def should_stop(self) -> bool:
        """Hand it on."""
        if wanted := self.outside.should_stop():
            self._note()
        return wanted

    def _note(self) -> None:
        self.noted = time.monotonic()
        with suppress(OSError):  # on a full disk: the time is not worth the run
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, json.dumps(self.seconds).encode())


def _read(path: Path) -> float:
    try:
        return max(0.0, float(json.loads(path.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError, OverflowError):
        return 0.0
