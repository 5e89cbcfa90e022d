"""Runs for tests of pages, written into the table as a worker would have left them; nothing is trained."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from medgru import jobs
from medgru.data.labelled import LabelledStays
from medgru.data.recording import Recordings
from medgru.jobs import table
from medgru.training.config import RunConfig

Y_TRUE = (np.arange(40) % 5 == 0).astype(np.int64)
FIGURES = {"loss": 0.5, "val_loss": 0.4, "auroc": 0.8, "auprc": 0.5, "grad_norm": 0.9, "learning_rate": 1e-3}


def metrics(auroc: float) -> dict[str, dict[str, float]]:
    return {
        "AUROC": {"value": auroc, "low": auroc - 0.05, "high": auroc + 0.05},
        "AUPRC": {"value": 0.5, "low": 0.4, "high": 0.6},
        "Brier": {"value": 0.1, "low": 0.09, "high": 0.12},
        "ECE": {"value": 0.03, "low": 0.02, "high": 0.05},
    }


def result(auroc: float = 0.85, **more: Any) -> dict[str, Any]:
    return {
        "classes": ["Survived", "Died in hospital"],
        "event": 1,
        "held_out": {"stays": 40, "events": 8, "metrics": metrics(auroc)},
        "baselines": {"Logistic regression on summaries": metrics(0.75)},
        "members": [],
        "parameters": 1234,
        "seconds": 5.0,
        "warnings": ["Only 8 patients held out had the outcome."],
        "split_sha256": "ab" * 32,
        "settings": RunConfig().to_dict(),
        "versions": {"torch": "2.0"},
        "search": None,
        **more,
    }


class AtRest:
    """A launcher that starts nothing; runs in `alive` have a worker, so to speak."""

    def __init__(self) -> None:
        self.alive: set[str] = set()

    def prepare(self) -> None:
        pass

    def submit(self, run_id: str, ended: Callable[[], None]) -> None:
        """Nothing begins."""

    def cancel(self, run_id: str) -> None:
        self.alive.discard(run_id)

    def status(self, run_id: str) -> str:
        return "working" if run_id in self.alive else "gone"


class Book:
    """The run table of a test: `book.add("first", state="done")` gives the id of the new run."""

    def __init__(self, bundle: Path, recordings: Recordings, launcher: AtRest) -> None:
        self.bundle, self.launcher = bundle, launcher
        self.stays = LabelledStays("ward.csv", recordings, Y_TRUE, "cd" * 32)
        self.count = 0

    def add(self, name: str, state: str = "done", epochs: int = 3, auroc: float = 0.85, **config: Any) -> str:
        self.count += 1
        run_id = f"20261123-09{self.count:02d}00-{self.count:03d}"
        settings = replace(RunConfig(), **config)
        classes = {"Survived": 160, "Died in hospital": 40}
        data = {"name": "ward.csv", "stays": 200, "patients": 200, "classes": classes, "sha256": "cd" * 32}
        table.insert(
            run_id, kind="train", name=name, task="ICU mortality", model=settings.model, config=settings.to_dict(),
            lab={}, data=data,
        )  # fmt: skip
        folder = table.folder_of(run_id)
        folder.mkdir(parents=True)
        if state != "queued":
            table.claim(99)
            table.begin(run_id, 1)
            table.add_epochs(
                run_id,
                [
                    {"stage": "Network 1 of 1", "member": 0, "epoch": e, "done": e + 1, "total": 8, "seconds": 1.0,
                     "at": time.time(), **FIGURES}
                    for e in range(epochs)
                ],
            )  # fmt: skip
        if state == "running":
            self.launcher.alive.add(run_id)
        elif state != "queued":
            table.end(run_id, state, "The loss is no number." if state == "failed" else "")
        if state == "done":
            shutil.copytree(self.bundle, folder / "bundle")
            (folder / "result.json").write_text(json.dumps(result(auroc)))
            self._held_out(folder, auroc)
            (folder / "dataset").mkdir()
            self.stays.save(folder / "dataset")
        assert jobs.get(run_id).name == name
        return run_id

    def _held_out(self, folder: Path, auroc: float) -> None:
        rng = np.random.default_rng(int(100 * auroc))
        event = np.clip(0.2 + (auroc - 0.5) * Y_TRUE + 0.1 * rng.normal(size=40), 0.01, 0.99).astype(np.float32)
        np.savez(
            folder / "held_out.npz",
            y_true=Y_TRUE,
            y_prob=np.column_stack([1 - event, event]),
            stay=np.arange(40),
            patient=np.array([f"{i:016x}" for i in range(40)]),
        )
