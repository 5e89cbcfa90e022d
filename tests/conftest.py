"""What many tests need: small invented stays and a tiny untrained bundle."""

from collections.abc import Callable

import numpy as np
import pytest

from medgru.data.recording import Recordings
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
