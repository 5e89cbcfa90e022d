"""What many tests need: small invented stays and a tiny untrained bundle."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

# Before anything reads the settings: no test may touch what the person at this machine has made.
os.environ["MEDGRU_HOME"] = tempfile.mkdtemp(prefix="medgru-tests-")

import numpy as np
import pytest
import torch

from medgru.bundle import Bundle, load_bundle, save_bundle
from medgru.data.recording import Recordings
from medgru.nn import Calibrator, build_network
from medgru.sequences import Preprocessor
from medgru.tasks import Task, get_task


@pytest.fixture(scope="session")
def task() -> Task:
    return get_task("icu-mortality")


@pytest.fixture(scope="session")
def random_recordings(task) -> Callable[..., Recordings]:
    """Factory of invented stays: `random_recordings(stays=3, seed=0, rows=60)`."""

    def make(stays: int = 3, seed: int = 0, rows: int = 60, hours: float = 48.0) -> Recordings:
        rng = np.random.default_rng(seed)
        n = stays * rows
        feature = rng.integers(0, len(task.features), n).astype(np.int16)
        low = np.array([f.low for f in task.features])[feature]
        high = np.array([f.high for f in task.features])[feature]
        statics = np.column_stack(
            [
                rng.uniform(20, 90, stays),
                rng.integers(0, 2, stays),
                rng.uniform(150, 190, stays),
                rng.integers(1, 5, stays),
            ]
        ).astype(np.float32)
        statics[rng.random(statics.shape) < 0.2] = np.nan
        return Recordings(
            task=task,
            record_ids=tuple(f"stay-{i}" for i in range(stays)),
            stay=np.repeat(np.arange(stays, dtype=np.int32), rows),
            hours=rng.uniform(0, hours, n).astype(np.float32),
            feature=feature,
            value=(low + (high - low) * rng.beta(2, 5, n)).astype(np.float32),
            statics=statics,
        )

    return make


@pytest.fixture(scope="session")
def tiny_bundle_path(tmp_path_factory, random_recordings, task) -> Path:
    """A bundle with a small untrained network: right in form, meaningless in what it says."""
    torch.manual_seed(0)
    recordings = random_recordings(stays=30)
    preprocessor = Preprocessor.fit(recordings)
    network = build_network(
        {
            "input_size": len(task.features),
            "static_size": len(task.statics),
            "num_classes": len(task.outcomes),
            "members": 2,
            "hidden_size": 8,
            "attention_size": 4,
            "summary_size": 4,
        }
    ).eval()
    stays = preprocessor(recordings)
    network.features.fit(stays.x, stays.mask, stays.lengths)
    path = tmp_path_factory.mktemp("models") / "tiny"
    save_bundle(
        path,
        network=network,
        preprocessor=preprocessor,
        calibrator=Calibrator.identity(len(task.outcomes)),
        base_rate=np.array([0.86, 0.14], dtype=np.float32),
        metrics={"note": "untrained"},
        training={"seed": 0},
        card="# tiny\n",
    )
    return path


@pytest.fixture(scope="session")
def tiny_bundle(tiny_bundle_path) -> Bundle:
    return load_bundle(tiny_bundle_path)
