"""The only place with cache decorators. These caches are shared by all users of the server.

So they hold what is everybody's: model bundles, keyed by id and hash, and our simulated patients.
What a user brings lives in `state`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from medgru import bundle as bundles_module
from medgru import library
from medgru.bundle import BundleInfo
from medgru.settings import settings
from medgru.tasks import TASKS, Task, get_task
from medgru.ui import server
from medgru.ui.state import Loaded

if TYPE_CHECKING:
    from medgru.bundle import Bundle

Marks = tuple[tuple[str, int, int], ...]
"""Path, time of change and size of each file: what is read anew when one of them changes."""


@dataclass(frozen=True)
class Library:
    """What `medgru.library` found.

    Attributes:
        usable, broken: Bundles that can be used, and by id why others cannot.
        in_use: The model in use, by the name of its task; tasks without a model have none.
    """

    usable: list[BundleInfo]
    broken: dict[str, str]
    in_use: dict[str, BundleInfo]


def bundles() -> tuple[list[BundleInfo], dict[str, str]]:
    """The usable bundles, shipped and own, and, by id, why others are not usable; read anew when a file changes."""
    found = _library(_marks())
    return found.usable, found.broken


def in_use(task: Task) -> BundleInfo | None:
    """The model in use for that task."""
    return _library(_marks()).in_use.get(task.name)


def is_in_use(info: BundleInfo) -> bool:
    """Whether it is the model in use for its task."""
    used = in_use(info.task)
    return used is not None and used.path == info.path


def tasks() -> list[Task]:
    """The tasks that MedGRU knows, then those that own models bring."""
    return list({**TASKS, **{info.task.name: info.task for info in bundles()[0]}}.values())


def _marks() -> Marks:
    where = settings()
    bundle_files = [*where.models_dir.glob("*/*"), *where.user_models_dir.glob("*/*"), where.home / library.HISTORY]
    return tuple((str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(bundle_files) if p.is_file())


@st.cache_resource(max_entries=2, show_spinner="Checking the models …")
def _library(marks: Marks) -> Library:
    usable, broken = library.bundles()
    models = {info.task.name: library.in_use(info.task) for info in usable}
    return Library(usable, broken, {name: info for name, info in models.items() if info})


def bundle(info: BundleInfo) -> "Bundle":
    """The loaded model: read-only, shared, and on one thread."""
    return _bundle(str(info.path), info.sha256)


@st.cache_resource(max_entries=4, show_spinner="Loading the model …")
def _bundle(path: str, sha256: str) -> "Bundle":
    server.single_threaded_torch()
    return bundles_module.load_bundle(Path(path))


def simulated(task: Task) -> Loaded:
    """Our simulated patients for a task that MedGRU knows; there are none of a user's own task."""
    return _simulated(task.name)


@st.cache_resource(max_entries=4, show_spinner="Simulating patients …")
def _simulated(task_name: str) -> Loaded:
    from medgru.data.demo import simulated_patients

    return Loaded.of(simulated_patients(get_task(task_name)))


def default_task() -> Task:
    """The first task that MedGRU knows and has a usable model for, or the first that it knows."""
    known = [info.task for info in bundles()[0] if info.task.name in TASKS]
    return known[0] if known else next(iter(TASKS.values()))
