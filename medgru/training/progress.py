"""What a training run reports as it goes and asks in between, and a bar for the terminal."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO


@dataclass(frozen=True)
class Epoch:
    """One epoch of one network.

    Attributes:
        stage: What is being trained ("network 3 of 10").
        done, total: Epochs of the whole run that are done, and the most there can be.
        loss: Mean training loss of the epoch.
        val_loss: Cross-entropy at the last hour of the stays set apart.
        auroc, auprc: On the stays set apart, of the followed class; mean over the classes where there are more
            than two.
        grad_norm: Mean norm of the gradient before clipping.
        seconds: Time the epoch took.
        learning_rate: At the end of the epoch.
        member, epoch: Which network, and which of its epochs, both from 0.
    """

    stage: str
    done: int
    total: int
    loss: float
    val_loss: float
    auroc: float
    auprc: float
    grad_norm: float
    seconds: float
    learning_rate: float = float("nan")
    member: int = 0
    epoch: int = 0


class Stopped(Exception):
    """The user asked the run to stop; its checkpoint was saved. Not an error."""


class Reporter:
    """What a run tells the outside, and asks it; this one says nothing and never stops."""

    def stage(self, text: str) -> None:
        """What is being done now, in words ("Reading the data", "Network 2 of 3")."""

    def epoch(self, epoch: Epoch) -> None:
        """An epoch is done."""

    def batch(self, share: float) -> None:
        """So much of the present epoch is done, 0 to 1; called often, must be cheap."""

    def should_stop(self) -> bool:
        """Whether the user wants the run to stop; asked before every batch, must be cheap."""
        return False


@contextmanager
def terminal_progress(quiet: bool) -> Iterator[Reporter]:
    """A bar in the terminal, or nothing."""
    if quiet:
        yield Reporter()
    else:
        with TerminalBar("training") as bar:
            yield bar


class TerminalBar(Reporter):
    """A bar with loss, AUROC, AUPRC, gradient norm and time left; to be used in a `with`."""

    def __init__(self, title: str, file: IO[str] | None = None) -> None:
        from tqdm import tqdm

        self._bar = tqdm(desc=title, unit="epoch", file=file or sys.stderr, dynamic_ncols=True)

    def __enter__(self) -> "TerminalBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def epoch(self, epoch: Epoch) -> None:
        """Show that epoch."""
        self._bar.total = epoch.total
        self._bar.set_description(epoch.stage, refresh=False)
        self._bar.set_postfix_str(
            f"loss {epoch.loss:.3f}, AUROC {epoch.auroc:.3f}, AUPRC {epoch.auprc:.3f}, gradient {epoch.grad_norm:.2f}",
            refresh=False,
        )
        self._bar.update(epoch.done - self._bar.n)
