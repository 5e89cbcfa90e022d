"""The worker's link with the run table: a thread that asks for Stop and says how far it is."""

import threading
from contextlib import suppress

from medgru.errors import TrainingError
from medgru.jobs import table

ASK_S = 0.15
SAY_S = 0.9
"""Between two looks for a Stop, and between two notes on the share done: pages ask once a second."""


class Watch:
    """Between the training, which must not wait, and the table, which may be slow or full.

    Attributes:
        stop_asked: Set once the user wants the run to stop.
        share: How much of the present epoch is done; written by the training as often as it likes.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.stop_asked = threading.Event()
        self.share = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="medgru-watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        said, looks = 0.0, 0
        while not self._over.wait(ASK_S):
            looks += 1
            with suppress(TrainingError):  # busy or full: the next look is soon
                rows = table.select("WHERE id = ? AND stop_asked IS NOT NULL", (self.run_id,))
                if rows:
                    self.stop_asked.set()
                share = self.share
                if share != said and looks * ASK_S >= SAY_S:
                    table.set_progress(self.run_id, share)
                    said, looks = share, 0
