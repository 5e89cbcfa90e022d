"""One row of the run table: what was asked, how far it is, how it ended."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ACTIVE = ("queued", "running")
ENDED = ("done", "failed", "cancelled", "interrupted")
STATES = (*ACTIVE, *ENDED)
"""queued -> running -> done | failed | cancelled | interrupted. An ended state is never overwritten, but for
cancelled, failed and interrupted -> queued when the user resumes the run."""

KINDS = ("train", "lab")

_NETWORK = re.compile(r"network \d+ of \d+", re.IGNORECASE)


@dataclass(frozen=True)
class Run:
    """A run as it stands.

    Attributes:
        id: Short identifier, sortable by time ("20261123-091502-k3f").
        kind: One of `KINDS`.
        name, note: The user's words for it.
        task, model: What it is trained for (title) and with; for lists.
        state: One of `STATES`, checked against the worker's lock whenever it is read.
        config: As `RunConfig.to_dict` gives it.
        data: Plain facts on the data: name, stays, patients, classes (label -> count), sha256.
        created, started, ended: Seconds since 1970, `started` the first time; None where not yet.
        worked: Seconds at work, over all resumptions.
        stage: What it is doing now, in words.
        done, total: How far it is: epochs that are done or need not be done, of all there can be.
        trained: Epochs that were really trained, over all networks.
        epoch: Epochs of the present network that are done.
        share: How much of the present epoch is done, 0 to 1.
        message: Why it failed or ended, for the screen; empty otherwise.
        stopping: Whether Stop was asked for and it has not ended yet.
        ahead: Runs before it in the queue; 0 unless queued.
        folder: Its folder: dataset/, checkpoint/, bundle/, result.json.
        lab: Of a lab run: what was asked of it; empty otherwise.
    """

    id: str
    kind: str
    name: str
    note: str
    task: str
    model: str
    state: str
    config: dict[str, Any]
    data: dict[str, Any]
    created: float
    started: float | None
    ended: float | None
    stage: str
    done: int
    total: int
    share: float
    message: str
    stopping: bool
    ahead: int
    folder: Path
    worked: float = 0.0
    trained: int = 0
    epoch: int = 0
    lab: dict[str, Any] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Whether it waits or works."""
        return self.state in ACTIVE

    @property
    def resumable(self) -> bool:
        """Whether it can be continued."""
        return self.state in ("cancelled", "interrupted", "failed")

    @property
    def trains(self) -> bool:
        """Whether it trains a network now, and neither prepares nor measures one."""
        return self.state == "running" and bool(_NETWORK.fullmatch(self.stage))

    @property
    def place(self) -> str:
        """What it does now: "network 2 of 5, epoch 7 of at most 40", "calibrating"; empty unless it is at work."""
        if self.state != "running":
            return ""
        named = not self.stage[1:2].islower()  # "LSTM, seed 2 of 3"
        said = self.stage if named else self.stage[:1].lower() + self.stage[1:]
        most = self.config.get("recipe", {}).get("epochs")
        return f"{said}, epoch {min(self.epoch + 1, most)} of at most {most}" if self.trains and most else said
