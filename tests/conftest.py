"""What many tests need: small invented stays and a tiny untrained bundle."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Before anything reads the settings: no test may touch what the person at this machine has made.
os.environ["MEDGRU_HOME"] = tempfile.mkdtemp(prefix="medgru-tests-")

import hypothesis
import numpy as np
import pytest
import torch
from xdist.scheduler import LoadScopeScheduling

from medgru.bundle import Bundle, load_bundle, save_bundle
from medgru.data.recording import Recordings
from medgru.nn import FAMILY, Calibrator, build_network
from medgru.sequences import Preprocessor
from medgru.settings import settings
from medgru.tasks import Feature, Outcome, Step, Task, get_task
from medgru.tasks.own import own_task

# Machines here are shared and slow at times: no test fails for the time it took.
hypothesis.settings.register_profile("medgru", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("medgru")


class OneBrowser(LoadScopeScheduling):
    """A file stays in one process, and one process alone has the browser, which wants a core for itself."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith("tests/e2e/") else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config, log):
    return OneBrowser(config, log)


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
def untrained_bundle() -> Callable[..., Path]:
    """Factory of bundles with a small untrained network: right in form, meaningless in what they say."""

    def make(path: Path, recordings: Recordings, seed: int = 0, training: dict | None = None, **network) -> Path:
        torch.manual_seed(seed)
        task = recordings.task
        preprocessor = Preprocessor.fit(recordings)
        sizes = {
            "input_size": len(task.features),
            "static_size": len(task.statics),
            "num_classes": len(task.outcomes),
            "members": 2,
            "hidden_size": 8,
            "attention_size": 4,
            "summary_size": 4,
            "max_hours": task.window_hours,
        }
        options = FAMILY[network.get("core", "gru")].options
        optional = {"attention_size": "attention", "summary_size": "summary_size"}
        sizes = {k: v for k, v in sizes.items() if k not in optional or optional[k] in options}
        built = build_network(sizes | network).eval()
        stays = preprocessor(recordings)
        built.fit_scales(stays.x, stays.mask, stays.lengths)
        save_bundle(
            path,
            network=built,
            preprocessor=preprocessor,
            calibrator=Calibrator.identity(len(task.outcomes)),
            base_rate=np.full(len(task.outcomes), 1 / len(task.outcomes), dtype=np.float32),
            metrics={"note": "untrained"},
            training={"seed": seed} if training is None else training,
            card="# tiny\n",
        )
        return path

    return make


@pytest.fixture(scope="session")
def tiny_bundle_path(tmp_path_factory, random_recordings, untrained_bundle) -> Path:
    """A bundle of the shipped task with a small untrained network."""
    return untrained_bundle(tmp_path_factory.mktemp("models") / "tiny", random_recordings(stays=30))


@pytest.fixture(scope="session")
def tiny_bundle(tiny_bundle_path) -> Bundle:
    return load_bundle(tiny_bundle_path)


@pytest.fixture(scope="session")
def own_ward() -> Task:
    """A task of a user's own: three classes, counted rows, names in other languages."""
    return own_task(
        title="Station 7 – 病程",
        question="Which course will it take?",
        features=(Feature("体温", "体温", "", 30.0, 45.0), Feature("Puls", "Puls", "", 0.0, 300.0)),
        statics=(Feature("Alter", "Alter", "", 0.0, 120.0),),
        outcomes=(Outcome("gut", "gut"), Outcome("mittel", "mittel"), Outcome("schlecht", "schlecht")),
        event="schlecht",
        window=12,
        step=Step("row", None),
    )


@pytest.fixture(scope="session")
def ward_recordings(own_ward) -> Callable[..., Recordings]:
    """Factory of invented stays of `own_ward`: `ward_recordings(stays=20, seed=0)`."""

    def make(stays: int = 20, seed: int = 0, rows: int = 16) -> Recordings:
        rng = np.random.default_rng(seed)
        n = stays * rows
        feature = rng.integers(0, 2, n).astype(np.int16)
        return Recordings(
            task=own_ward,
            record_ids=tuple(f"Bett {i}" for i in range(stays)),
            stay=np.repeat(np.arange(stays, dtype=np.int32), rows),
            hours=rng.integers(1, 13, n).astype(np.float32),
            feature=feature,
            value=np.where(feature == 0, rng.normal(37, 1, n), rng.normal(90, 20, n)).astype(np.float32),
            statics=rng.uniform(20, 90, (stays, 1)).astype(np.float32),
        )

    return make


@pytest.fixture
def shelf(tmp_path, monkeypatch, untrained_bundle, random_recordings) -> Iterator[Path]:
    """A home of its own and a folder of shipped models that holds one, for icu-mortality; the home's path."""
    untrained_bundle(tmp_path / "shipped" / "icu-mortality", random_recordings(stays=30))
    monkeypatch.setenv("MEDGRU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path / "shipped"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()
