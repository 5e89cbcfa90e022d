"""The run table: SQLite in the user's home folder, one row a run and one row an epoch.

One connection a call, a write-ahead log so that reading never waits, times from Python. What a run is doing
is written by its worker alone, and with it the time it has been at work. An ended state is never overwritten
(every UPDATE names the states it may replace). Nothing here knows a process: who is alive is the launcher's to say.
"""

import json
import os
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from medgru.errors import TrainingError
from medgru.jobs.names import distinct
from medgru.jobs.run import Run
from medgru.settings import private_folder, settings

SCHEMA_VERSION = 1
BUSY_S = 10.0
"""How long one waits for another."""

READ_TRIES = 2

MOST_STARTS = 3
"""A worker that cannot even start is tried so often, then the run has failed."""

NOT_STARTED = (
    f"The worker process could not be started ({MOST_STARTS} attempts). Its log, worker.log in the folder of the run, "
    "may say why. Check that the installation is complete and that memory is left, then press Resume."
)
ID = re.compile(r"\d{8}-\d{6}-[a-z0-9]{3}")

_SCHEMA = (
    """CREATE TABLE runs (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, note TEXT NOT NULL DEFAULT '',
        task TEXT NOT NULL, model TEXT NOT NULL, config TEXT NOT NULL, lab TEXT NOT NULL, data TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued', created REAL NOT NULL, queued REAL NOT NULL, claimed REAL,
        attempts INTEGER NOT NULL DEFAULT 0, pid INTEGER, started REAL, ended REAL, stop_asked REAL,
        worked REAL NOT NULL DEFAULT 0, counted REAL,
        stage TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
        share REAL NOT NULL DEFAULT 0, message TEXT NOT NULL DEFAULT '')""",
    "CREATE INDEX runs_state ON runs (state)",
    """CREATE TABLE epochs (
        number INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, stage TEXT NOT NULL,
        member INTEGER NOT NULL, epoch INTEGER NOT NULL, done INTEGER NOT NULL, loss REAL, val_loss REAL,
        auroc REAL, auprc REAL, grad_norm REAL, learning_rate REAL, seconds REAL, at REAL NOT NULL,
        UNIQUE (run_id, stage, member, epoch))""",
    "CREATE INDEX epochs_run ON epochs (run_id, number)",
)
_NORMAL, _ALONE = "?mode=rw", "?mode=ro&immutable=1"

FIGURES = ("loss", "val_loss", "auroc", "auprc", "grad_norm", "learning_rate", "seconds", "at")

_RUNS = """SELECT *, CASE WHEN state = 'queued' AND claimed IS NULL THEN (
    SELECT COUNT(*) FROM runs AS o WHERE o.state = 'running' OR (o.state = 'queued' AND (
        o.claimed IS NOT NULL OR o.queued < runs.queued OR (o.queued = runs.queued AND o.id < runs.id)))
    ) ELSE 0 END AS ahead,
    (SELECT COUNT(*) FROM epochs WHERE run_id = runs.id) AS trained,
    (SELECT COALESCE(MAX(epoch) + 1, 0) FROM epochs WHERE run_id = runs.id AND stage = runs.stage COLLATE NOCASE)
    AS epoch FROM runs"""

_COUNTED = "worked = worked + MAX(0, COALESCE(? - counted, 0)), counted = ?"
"""Time at work, over all resumptions, and until when it is counted; takes the present moment twice."""


class TableWriteError(TrainingError):
    """The run table cannot be written now: the disk is full, or it is locked."""


def table_file() -> Path:
    """Where the table is."""
    return settings().home / "runs.sqlite3"


def runs_dir() -> Path:
    """Where the folders of the runs are."""
    return settings().runs_dir


def folder_of(run_id: str) -> Path:
    """The folder of a run; never outside `runs_dir`.

    Raises:
        TrainingError: This is no run's identifier.
    """
    if not ID.fullmatch(run_id):
        raise TrainingError('There is no such run: an identifier looks like "20261123-091502-k3f".')
    return runs_dir() / run_id


@contextmanager
def writing() -> Iterator[sqlite3.Connection]:
    """One transaction, made and ended; the table is created where there is none.

    Raises:
        TableWriteError: The disk is full, or another program holds the table.
        TrainingError: The table belongs to a newer version, or is none.
    """
    try:
        private_folder(settings().home)
        if not table_file().exists():
            _make()
        with closing(_open(table_file())) as connection:
            _check_version(connection)
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")  # closing without it rolls back
    except Timeout:
        raise TableWriteError(f"Another program is making {table_file()} just now. Try again in a minute.") from None
    except (sqlite3.DatabaseError, OSError) as error:
        raise _unwritable(error) from None


def _make() -> None:
    """Make the empty table, elsewhere first: nobody ever sees one that is half made, also where the disk fills up."""
    file = table_file()
    draft = file.with_name(f"{file.name}.new")
    with FileLock(file.with_name(f"{file.name}.lock"), timeout=BUSY_S, mode=0o600):
        if file.exists():
            return  # another process was faster
        try:
            draft.write_bytes(b"")
            draft.chmod(0o600)
            with closing(_open(draft)) as connection:
                for statement in (*_SCHEMA, f"PRAGMA user_version = {SCHEMA_VERSION}"):
                    connection.execute(statement)
                # Last: until now all that is written is in the file itself. It stays with the file.
                connection.execute("PRAGMA journal_mode = WAL")
            os.replace(draft, file)
        finally:
            for ending in ("", "-journal", "-wal", "-shm"):
                draft.with_name(draft.name + ending).unlink(missing_ok=True)


def read(command: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
    """The rows of a SELECT, on a full disk too; none where there is no table yet.

    Raises:
        TrainingError: The table belongs to a newer version, or is none.
    """
    if not table_file().exists():
        return []
    for _ in range(READ_TRIES):
        try:
            return _rows(_NORMAL, command, values)
        except sqlite3.DatabaseError as error:
            problem = _unwritable(error)
        # Reading a write-ahead log needs two files beside the table, which cannot be made on a full disk. Where the
        # log is empty, before and after, nobody is writing, and the table alone is the whole truth.
        if _log_is_empty():
            with suppress(sqlite3.DatabaseError):
                found = _rows(_ALONE, command, values)
                if _log_is_empty():
                    return found
    raise problem


def _rows(parameters: str, command: str, values: tuple[Any, ...]) -> list[sqlite3.Row]:
    with closing(_open(table_file(), parameters)) as connection:
        _check_version(connection)
        return connection.execute(command, values).fetchall()


def _log_is_empty() -> bool:
    """Whether all that was ever written is in the table itself."""
    log = table_file().with_name(f"{table_file().name}-wal")
    try:
        return not log.stat().st_size
    except FileNotFoundError:
        return True


def select(where: str = "", values: tuple[Any, ...] = ()) -> list[sqlite3.Row]:
    """Rows of runs, each with `ahead`."""
    return read(f"{_RUNS} {where}", values)


def select_epochs(run_id: str, after: int = 0) -> list[sqlite3.Row]:
    """Epochs of a run in the order they were written, those after a number only."""
    return read("SELECT * FROM epochs WHERE run_id = ? AND number > ? ORDER BY number", (run_id, after))


def insert(run_id: str, kind: str, name: str, task: str, model: str, config: Any, lab: Any, data: Any) -> None:
    """Add a run to the end of the queue; its name gets a number where another run is called so."""
    now = time.time()
    with writing() as connection:
        free = _free_name(connection, name, run_id)
        connection.execute(
            "INSERT INTO runs (id, kind, name, task, model, config, lab, data, created, queued) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (run_id, kind, free, task, model, *(json.dumps(v) for v in (config, lab, data)), now, now),
        )


def claim(most: int) -> sqlite3.Row | None:
    """Take the next queued run for starting, if fewer than `most` work; nobody else gets it."""
    with writing() as connection:
        busy = connection.execute(
            "SELECT COUNT(*) FROM runs WHERE state = 'running' OR (state = 'queued' AND claimed IS NOT NULL)"
        ).fetchone()[0]
        if busy >= most:
            return None
        row: sqlite3.Row | None = connection.execute(
            "UPDATE runs SET claimed = ?, attempts = attempts + 1 WHERE id = ("
            "SELECT id FROM runs WHERE state = 'queued' AND claimed IS NULL ORDER BY queued, id LIMIT 1) RETURNING *",
            (time.time(),),
        ).fetchone()
        return row


def release(run_id: str, claimed: float) -> None:
    """The worker started for this claim ended before it began: back to the queue, or failed."""
    with writing() as connection:
        values = (MOST_STARTS, MOST_STARTS, time.time(), MOST_STARTS, NOT_STARTED, run_id, claimed)
        connection.execute(
            "UPDATE runs SET claimed = NULL, state = CASE WHEN attempts < ? THEN state ELSE 'failed' END, "
            "ended = CASE WHEN attempts < ? THEN NULL ELSE ? END, message = CASE WHEN attempts < ? THEN '' ELSE ? END "
            "WHERE id = ? AND state = 'queued' AND claimed = ?",
            values,
        )


def begin(run_id: str, pid: int) -> bool:
    """The worker takes up its run; False where that is no longer wanted."""
    now = time.time()
    with writing() as connection:
        changed = connection.execute(
            "UPDATE runs SET state = 'running', pid = ?, started = COALESCE(started, ?), counted = ?, ended = NULL, "
            "share = 0, stage = 'Starting' WHERE id = ? AND state = 'queued' AND claimed IS NOT NULL",
            (pid, now, now, run_id),
        ).rowcount
    return bool(changed)


def end(run_id: str, state: str, message: str) -> None:
    """The worker says how its run ended."""
    now = time.time()
    with writing() as connection:
        connection.execute(
            f"UPDATE runs SET state = ?, message = ?, ended = ?, {_COUNTED} "  # noqa: S608  # our own words
            "WHERE id = ? AND state = 'running'",
            (state, message, now, now, now, run_id),
        )


def bury(run_id: str, claimed: float) -> None:
    """The worker of this claim is gone without a word: stopped if that was asked for, else interrupted."""
    with writing() as connection:
        connection.execute(
            "UPDATE runs SET state = CASE WHEN stop_asked IS NULL THEN 'interrupted' ELSE 'cancelled' END, ended = ? "
            "WHERE id = ? AND state = 'running' AND claimed = ?",
            (time.time(), run_id, claimed),
        )


def ask_stop(run_id: str) -> None:
    """Stop a queued run at once, and ask the worker of a running one."""
    with writing() as connection:
        now = time.time()
        connection.execute(
            "UPDATE runs SET state = 'cancelled', ended = ?, claimed = NULL WHERE id = ? AND state = 'queued'",
            (now, run_id),
        )
        connection.execute(
            "UPDATE runs SET stop_asked = COALESCE(stop_asked, ?) WHERE id = ? AND state = 'running'", (now, run_id)
        )


def requeue(run_id: str) -> bool:
    """Put an ended run that is not done back to the end of the queue; False where its state forbids it."""
    with writing() as connection:
        changed = connection.execute(
            "UPDATE runs SET state = 'queued', queued = ?, claimed = NULL, attempts = 0, pid = NULL, ended = NULL, "
            "stop_asked = NULL, message = '', stage = '' "
            "WHERE id = ? AND state IN ('cancelled', 'failed', 'interrupted')",
            (time.time(), run_id),
        ).rowcount
    return bool(changed)


def set_name(run_id: str, name: str) -> None:
    """Change the name, with a number where another run is called so."""
    with writing() as connection:
        free = _free_name(connection, name, run_id)
        connection.execute("UPDATE runs SET name = ? WHERE id = ?", (free, run_id))


def set_note(run_id: str, note: str) -> None:
    """Change the note."""
    with writing() as connection:
        connection.execute("UPDATE runs SET note = ? WHERE id = ?", (note, run_id))


def remove(run_id: str) -> None:
    """Forget a run that is not active."""
    with writing() as connection:
        connection.execute("DELETE FROM runs WHERE id = ? AND state NOT IN ('queued', 'running')", (run_id,))
        connection.execute("DELETE FROM epochs WHERE run_id NOT IN (SELECT id FROM runs)")


def set_progress(run_id: str, share: float, stage: str | None = None) -> None:
    """How much of the present epoch is done, and what is being done."""
    now = time.time()
    with writing() as connection:
        connection.execute(
            f"UPDATE runs SET share = ?, stage = COALESCE(?, stage), {_COUNTED} "  # noqa: S608  # our own words
            "WHERE id = ? AND state = 'running'",
            (share, stage, now, now, run_id),
        )


def add_epochs(run_id: str, rows: list[dict[str, Any]]) -> None:
    """Add epochs; one that a resumed run does again takes the place of what it said before."""
    now = time.time()
    with writing() as connection:
        for row in rows:
            place = (run_id, row["stage"], row["member"], row["epoch"])
            connection.execute("DELETE FROM epochs WHERE run_id = ? AND stage = ? AND member = ? AND epoch >= ?", place)
            connection.execute(
                "INSERT INTO epochs (run_id, stage, member, epoch, done, loss, val_loss, auroc, auprc, grad_norm, "
                "learning_rate, seconds, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*place, row["done"], *(row[name] for name in FIGURES)),
            )
            connection.execute(
                f"UPDATE runs SET done = ?, total = ?, share = 0, stage = ?, {_COUNTED} "  # noqa: S608  # our own words
                "WHERE id = ? AND state = 'running'",
                (row["done"], row["total"], row["stage"], now, now, run_id),
            )


def to_run(row: sqlite3.Row, state: str | None = None) -> Run:
    """The row as the pages know it; in another state where that is the truer one."""
    return Run(
        **{
            name: row[name]
            for name in (
                *("id", "kind", "name", "note", "task", "model", "created", "started", "ended"),
                *("stage", "done", "total", "share", "message", "ahead", "worked", "trained", "epoch"),
            )
        },
        state=state or row["state"],
        config=json.loads(row["config"]),
        lab=json.loads(row["lab"]),
        data=json.loads(row["data"]),
        stopping=row["stop_asked"] is not None and (state or row["state"]) == "running",
        folder=folder_of(row["id"]),
    )


def _free_name(connection: sqlite3.Connection, name: str, run_id: str) -> str:
    """Within the transaction that writes it, so that no two runs are ever called alike."""
    return distinct(name, {row["name"] for row in connection.execute("SELECT name FROM runs WHERE id != ?", (run_id,))})


def _open(file: Path, parameters: str = _NORMAL) -> sqlite3.Connection:
    connection = sqlite3.connect(file.as_uri() + parameters, uri=True, timeout=BUSY_S, isolation_level=None)
    connection.row_factory = sqlite3.Row
    # In a write-ahead log a crash loses nothing, a power cut a second.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


def _check_version(connection: sqlite3.Connection) -> None:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > SCHEMA_VERSION:
        raise TrainingError(
            f"{table_file()} was written by a newer version of MedGRU (its form is {version}, this "
            f"version knows {SCHEMA_VERSION}). Bring MedGRU up to date, or set MEDGRU_HOME to another folder."
        )
    if not version:
        raise sqlite3.DatabaseError("not a run table")


def _unwritable(error: Exception) -> TrainingError:
    file, text = table_file(), str(error).lower()
    if isinstance(error, OSError):
        return TableWriteError(f"The folder {file.parent} cannot be written. Check its rights, or set MEDGRU_HOME.")
    if "full" in text or "disk i/o" in text:
        return TableWriteError(f"The disk with {file.parent} is full. Free some space there and try again.")
    if isinstance(error, sqlite3.OperationalError):
        return TableWriteError(
            f"The run table {file} cannot be used now ({text}). Close other programs that use it and try again."
        )
    return TrainingError(
        f"{file} is no run table, or is damaged. Move it away; a new one will be made. The folders of the runs in it "
        f"stay where they are, in {runs_dir()}, with their results and models."
    )
