"""The only place with cache decorators. These caches are shared by all users of the server.

So they hold what is everybody's: pretrained bundles, keyed by id and hash, and our simulated patients.
What a user brings lives in `state`.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from medgru import bundle as bundles_module
from medgru.bundle import BundleInfo
from medgru.settings import settings
from medgru.tasks import TASKS, Task, get_task
from medgru.ui import server
from medgru.ui.state import Loaded

if TYPE_CHECKING:
    from medgru.bundle import Bundle


def bundles() -> tuple[list[BundleInfo], dict[str, str]]:
    """The usable bundles and, by id, why others are not usable; read anew when a file changes."""
    folder = settings().models_dir
    files = sorted(p for p in folder.glob("*/*") if p.is_file()) if folder.is_dir() else []
    marks = tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in files)
    return _bundles(str(folder), marks)


@st.cache_resource(max_entries=2, show_spinner="Checking the models …")
def _bundles(folder: str, marks: tuple[tuple[str, int, int], ...]) -> tuple[list[BundleInfo], dict[str, str]]:
    return bundles_module.list_bundles(Path(folder))


def bundle(info: BundleInfo) -> "Bundle":
    """The loaded model: read-only, shared, and on one thread."""
    return _bundle(str(info.path), info.sha256)


@st.cache_resource(max_entries=4, show_spinner="Loading the model …")
def _bundle(path: str, sha256: str) -> "Bundle":
    server.single_threaded_torch()
    return bundles_module.load_bundle(Path(path))


def simulated(task: Task) -> Loaded:
    """Our simulated patients for that task."""
    return _simulated(task.name)


@st.cache_resource(max_entries=4, show_spinner="Simulating patients …")
def _simulated(task_name: str) -> Loaded:
    from medgru.data.demo import simulated_patients

    return Loaded.of(simulated_patients(get_task(task_name)))


def default_task() -> Task:
    """The task of the first usable model, or the first that MedGRU knows."""
    usable, _ = bundles()
    return usable[0].task if usable else next(iter(TASKS.values()))
