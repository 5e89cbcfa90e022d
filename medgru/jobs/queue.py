"""What pages and the command line do with runs: submit, list, stop, resume, delete.

Each function reads the table anew and checks who is alive, so that any process may ask at any time.
"""

import os
import random
import shutil
import string
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgru.errors import TrainingError
from medgru.jobs import table
from medgru.jobs.launcher import LOCK, LOG, Launcher, LocalLauncher
from medgru.jobs.run import KINDS, Run
from medgru.jobs.table import TableWriteError
from medgru.settings import private_folder, settings

if TYPE_CHECKING:  # a worker must hold its lock within a moment of its start: nothing slow to import here
    from medgru.data.labelled import LabelledStays
    from medgru.training.config import RunConfig

GRACE_S = 1.2
"""Time to stop by itself, from the click; with `launcher.TERM_S` after it, a Stop takes less than 2 s."""

START_S = 60.0
"""A worker that does not hold its lock so long after its claim is given up. One that waited may have to end its imports
first, on a busy machine; one that dies is noticed at once where its starter lives."""

DATASET, RESERVE = "dataset", "reserve"
UNFINISHED = "unfinished"
"""Marks the folder of a run that is not in the table yet: made first, gone once the row is there."""

TRASH = ".deleted-"
"""Before the identifier: the folder of a run that is being removed."""

ABANDONED_S = 3600.0
"""A submit that is older was cut off."""

RESERVE_BYTES = 256 * 1024
"""Kept in each run's folder, and freed on a full disk so that the last words of the run can be written."""

LONGEST_NAME, LONGEST_NOTE = 120, 4000

LAUNCHER: Launcher = LocalLauncher()


def submit(
    stays: "LabelledStays", config: "RunConfig", name: str, kind: str = "train", lab: dict[str, Any] | None = None
) -> str:
    """Keep the data with a new run and start it, or queue it where others work.

    Args:
        stays: Copied to the folder of the run, so that it does not matter what becomes of them.
        config: What to train.
        name: The user's words for it; a number is added where another run is called so.
        kind: One of `KINDS`.
        lab: For a lab run: "models" and "seeds".

    Returns:
        The identifier of the run.

    Raises:
        TrainingError: The home folder cannot be written.
    """
    if kind not in KINDS:
        raise TrainingError(f"A run is one of: {', '.join(KINDS)}.")
    task = stays.recordings.task
    counts = {label: int((stays.y_true == i).sum()) for i, label in enumerate(o.label for o in task.outcomes)}
    data = {
        "name": stays.name,
        "stays": len(stays),
        "patients": len(set(stays.patients)) or len(stays),
        "classes": counts,
        "sha256": stays.sha256,
    }
    private_folder(settings().home)
    run_id = _new_id()
    folder = table.folder_of(run_id)
    try:
        private_folder(table.runs_dir())
        folder.mkdir(mode=0o700)
        (folder / UNFINISHED).touch(mode=0o600)
        dataset = folder / DATASET
        dataset.mkdir(mode=0o700)
        stays.save(dataset)
        (folder / LOCK).touch()
        (folder / LOG).touch()
        (folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        for file in (*dataset.rglob("*"), folder / LOCK, folder / LOG, folder / RESERVE):
            file.chmod(0o700 if file.is_dir() else 0o600)
        table.insert(
            run_id,
            kind=kind,
            name=_words(name, LONGEST_NAME) or stays.name,
            task=task.title,
            model=config.model,
            config=config.to_dict(),
            lab=lab or {},
            data=data,
        )
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise TrainingError(
                f"The data cannot be kept in {table.runs_dir()} ({os.strerror(error.errno or 0)}). Free some space "
                "there or check its rights, or set MEDGRU_HOME to another folder."
            ) from None
        raise
    with suppress(OSError):  # a sweep will see to it
        (folder / UNFINISHED).unlink()
    refresh()
    return run_id


def prepare() -> None:
    """A run is likely to be submitted soon: get a worker ready for it, where it would not have to wait."""
    if len(table.select("WHERE state IN ('queued', 'running')")) < settings().max_running:
        LAUNCHER.prepare()


def runs(kind: str | None = None) -> list[Run]:
    """All runs as they stand, the newest first."""
    rows = table.select("WHERE ? IN (kind, '') ORDER BY created DESC", (kind or "",))
    return _true(rows)


def get(run_id: str) -> Run:
    """One run as it stands.

    Raises:
        TrainingError: There is none of that identifier.
    """
    found = find(run_id)
    if found is None:
        raise TrainingError("There is no such run; it may have been deleted.")
    return found


def find(run_id: str) -> Run | None:
    """One run as it stands; None where it has been deleted meanwhile."""
    table.folder_of(run_id)
    return next(iter(_true(table.select("WHERE id = ?", (run_id,)))), None)


def cancel(run_id: str) -> None:
    """Stop a run within 2 s. Returns at once; one that has ended already stays as it is."""
    if not get(run_id).active:
        return
    row = table.select("WHERE id = ?", (run_id,))[0]
    grace = GRACE_S
    try:
        table.ask_stop(run_id)
    except TableWriteError:
        grace = 0.0  # it cannot be asked, so it is ended; its last checkpoint stays
    # Not a daemon: a command that stops a run and ends must still see to it.
    threading.Thread(target=_enforce, args=(run_id, row["claimed"], grace), name=f"medgru-stop-{run_id}").start()


def resume(run_id: str) -> None:
    """Put a run that was stopped, interrupted or failed back to the queue; it continues from its checkpoint.

    Raises:
        TrainingError: It is done, or still at work.
    """
    run = get(run_id)
    if not run.resumable:
        raise TrainingError("Only a run that was stopped, interrupted or failed can be resumed.")
    with suppress(OSError):  # on a full disk it does without
        if not (run.folder / RESERVE).exists():
            (run.folder / RESERVE).write_bytes(bytes(RESERVE_BYTES))
    if not table.requeue(run_id):
        raise TrainingError("Only a run that was stopped, interrupted or failed can be resumed.")
    refresh()


def delete(run_id: str) -> None:
    """Remove a run with its data, its checkpoints and its model.

    Raises:
        TrainingError: It is queued or at work, or its folder cannot be removed.
    """
    run = get(run_id)
    if run.active:
        raise TrainingError("This run is still at work. Stop it first, then delete it.")
    trash = run.folder.with_name(TRASH + run_id)
    try:
        # The folder first: on a full disk the row can only be removed once there is space again. And under another
        # name: what a delete that is cut off leaves is known for what it is.
        for step in (lambda: run.folder.rename(trash), lambda: shutil.rmtree(trash)):
            with suppress(FileNotFoundError):
                step()
    except OSError as error:
        raise TrainingError(f"{run.folder} cannot be removed ({os.strerror(error.errno or 0)}).") from None
    get(run_id)  # writes its end where that was not possible before
    table.remove(run_id)


def rename(run_id: str, name: str) -> None:
    """Give a run another name, with a number where another run is called so; an empty one changes nothing."""
    get(run_id)
    if name := _words(name, LONGEST_NAME):
        table.set_name(run_id, name)


def annotate(run_id: str, note: str) -> None:
    """Write a note beside a run, in place of the one before."""
    get(run_id)
    table.set_note(run_id, note.strip()[:LONGEST_NOTE])


def refresh() -> None:
    """See who is alive, and start the next run if its turn has come. Cheap where nothing is due."""
    active = table.select("WHERE state IN ('queued', 'running') ORDER BY queued, id")
    if not active:
        return
    with suppress(TableWriteError):  # a full disk: the queue waits, and reading tells the truth all the same
        settled = [_settle(row) for row in active]
        if any(settled):
            active = table.select("WHERE state IN ('queued', 'running')")
        busy = sum(row["state"] == "running" or row["claimed"] is not None for row in active)
        for _ in range(min(len(active), settings().max_running) - busy):
            _start()


def sweep() -> None:
    """Remove what a submit or a delete that was cut off left behind, and nothing else.

    A run that the table does not know is no reason: the table may have been damaged, moved away or restored.
    """
    for trash in table.runs_dir().glob(f"{TRASH}*"):
        if table.ID.fullmatch(trash.name.removeprefix(TRASH)):
            shutil.rmtree(trash, ignore_errors=True)
    known = {row["id"] for row in table.select()}
    for mark in table.runs_dir().glob(f"*-*-*/{UNFINISHED}"):
        folder = mark.parent
        if folder.name in known:
            mark.unlink(missing_ok=True)  # its submit ended between the row and the mark
        elif table.ID.fullmatch(folder.name) and _age(folder.name) > ABANDONED_S and _untouched(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _start() -> None:
    row = table.claim(settings().max_running)
    if row is None:
        return
    run_id, claimed = row["id"], row["claimed"]

    def ended() -> None:
        with suppress(TrainingError):
            table.release(run_id, claimed)  # does nothing where it had begun
            refresh()

    try:
        LAUNCHER.submit(run_id, ended)
    except OSError:
        ended()


def _settle(row: Any) -> bool:
    """Bring a row of which the worker is gone to its end; whether anything changed."""
    run_id, claimed = row["id"], row["claimed"]
    if row["state"] == "running":
        if LAUNCHER.status(run_id) == "gone":
            table.bury(run_id, claimed)
            return True
        if row["stop_asked"] is not None and time.time() - row["stop_asked"] > GRACE_S + 1:
            _end(run_id, claimed)  # whoever asked ended before seeing to it
            return True
    elif claimed is not None and time.time() - claimed > START_S and LAUNCHER.status(run_id) == "gone":
        table.release(run_id, claimed)
        return True
    return False


def _true(rows: list[Any]) -> list[Run]:
    """Rows as runs, none of them running whose worker is gone, even where that cannot be written down."""
    gone = [r for r in rows if r["state"] == "running" and LAUNCHER.status(r["id"]) == "gone"]
    if not gone:
        return [table.to_run(row) for row in rows]
    for row in gone:
        with suppress(TableWriteError):
            table.bury(row["id"], row["claimed"])
    # Read again: a worker may have written its end between the first look at the row and that at its lock.
    marks = ", ".join("?" for _ in rows)
    again = {row["id"]: row for row in table.select(f"WHERE id IN ({marks})", tuple(row["id"] for row in rows))}
    dead = {(row["id"], row["claimed"]): row for row in gone}
    found = []
    for row in (again[r["id"]] for r in rows if r["id"] in again):
        unwritten = row["state"] == "running" and (row["id"], row["claimed"]) in dead
        state = ("interrupted" if row["stop_asked"] is None else "cancelled") if unwritten else None
        found.append(table.to_run(row, state))
    return found


def _enforce(run_id: str, claimed: float | None, grace: float) -> None:
    """Give the worker of this claim its grace, then end it."""
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and LAUNCHER.status(run_id) == "working":
        time.sleep(0.05)
    with suppress(TrainingError):
        _end(run_id, claimed)
        refresh()


def _end(run_id: str, claimed: float | None) -> None:
    rows = table.select("WHERE id = ? AND state = 'running' AND claimed = ?", (run_id, claimed))
    if rows and LAUNCHER.status(run_id) == "working":  # and neither ended nor resumed since
        LAUNCHER.cancel(run_id)
    if rows and claimed is not None and LAUNCHER.status(run_id) == "gone":
        table.bury(run_id, claimed)


def _new_id() -> str:
    letters = "".join(random.choices(string.ascii_lowercase + string.digits, k=3))
    return time.strftime("%Y%m%d-%H%M%S-") + letters


def _age(run_id: str) -> float:
    return time.time() - time.mktime(time.strptime(run_id[:15], "%Y%m%d-%H%M%S"))


def _untouched(folder: Path) -> bool:
    """Whether nothing is there but what a submit writes: no worker has ever been in it."""
    return {file.name for file in folder.iterdir()} <= {UNFINISHED, DATASET, LOCK, LOG, RESERVE}


def _words(text: str, longest: int) -> str:
    """One line without control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:longest]
