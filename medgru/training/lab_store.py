"""What a lab has found so far, in its folder: one attempt a model and seed, the network in training, the rounds.

An attempt is a file of probabilities and one of plain facts; the facts come last and mark it complete. All of it
lies under a digest of data and settings, so that nothing found under other ones is taken for one's own.
Shapes: B stays, C classes.
"""

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgru.training.checkpoint import Checkpoints, write_json
from medgru.whole_files import write_whole


@dataclass(frozen=True)
class Attempt:
    """One model trained with one seed.

    Attributes:
        model, seed: Which.
        y_prob: Calibrated probabilities of the test stays, (B, C); no row where training failed.
        seconds: Of each epoch; empty for a model without epochs.
        validation: AUROC on the stays set apart, of the epoch that was kept; NaN where there are none.
        best_epoch: Number of that epoch, from 1; 0 where there are none.
        parameters, core_parameters: Trained numbers in all, and of the recurrent core; None where not counted.
        note: Why it failed, in a sentence.
    """

    model: str
    seed: int
    y_prob: NDArray[np.float32]
    seconds: tuple[float, ...] = ()
    validation: float = float("nan")
    best_epoch: int = 0
    parameters: int | None = None
    core_parameters: int | None = None
    note: str = ""


class LabStore:
    """Attempts by model and seed, kept in memory and, where there is a folder, on disk."""

    def __init__(self, folder: Path | None, digest: str = "") -> None:
        self.folder = folder / "lab" / digest if folder else None
        self.checkpoints = Checkpoints(self.folder / "training") if self.folder else None
        self._known: dict[tuple[str, int], Attempt] = {}

    def load(self, model: str, seed: int) -> Attempt | None:
        """That attempt; None where it was not completed. A damaged file counts as not there."""
        if (model, seed) not in self._known and self.folder:
            name = self.folder / f"{model}-{seed}"
            try:
                facts = json.loads(name.with_suffix(".json").read_text(encoding="utf-8"))
                facts["seconds"] = tuple(facts["seconds"])
                facts["validation"] = float("nan") if facts["validation"] is None else facts["validation"]
                y_prob = np.load(name.with_suffix(".npy"), allow_pickle=False)
                self._known[model, seed] = Attempt(**facts, y_prob=y_prob)
            except (OSError, ValueError, KeyError, TypeError):
                return None
        return self._known.get((model, seed))

    def save(self, attempt: Attempt) -> None:
        """Keep an attempt; the network's checkpoint is no longer needed."""
        self._known[attempt.model, attempt.seed] = attempt
        if not self.folder:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        name = self.folder / f"{attempt.model}-{attempt.seed}"
        answers = io.BytesIO()
        np.save(answers, attempt.y_prob, allow_pickle=False)
        write_whole(name.with_suffix(".npy"), answers.getvalue())
        facts = {k: v for k, v in asdict(attempt).items() if k != "y_prob"}
        write_json(name.with_suffix(".json"), facts)
        if self.checkpoints:
            self.checkpoints.remove(name.name)

    def rounds(self) -> list[dict[str, float]]:
        """Seconds of each model in each complete round of the speed trial."""
        if not self.folder or not (path := self.folder / "rounds.json").exists():
            return []
        try:
            return [{str(k): float(v) for k, v in r.items()} for r in json.loads(path.read_text(encoding="utf-8"))]
        except (ValueError, TypeError, AttributeError):
            return []

    def save_rounds(self, rounds: list[dict[str, float]]) -> None:
        """Keep the rounds."""
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(self.folder / "rounds.json", rounds)
