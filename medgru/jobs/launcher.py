"""Where workers run. On this machine: one detached process a run, alive as long as it holds its lock.

A cluster engine would be another `Launcher`; the queue, the table and the worker stay as they are.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Literal, Protocol

from filelock import FileLock, Timeout

from medgru.jobs import table
from medgru.settings import PROJECT_ROOT, Settings, settings

LOCK = "run.lock"
LOG = "worker.log"
TERM_S = 0.3
"""Between SIGTERM and SIGKILL: by then the worker had its time to stop by itself."""

_probing = threading.Lock()  # two probes of one lock at the same moment would take each other for a worker

Status = Literal["working", "gone"]


class Launcher(Protocol):
    """Starts, ends and looks after the workers of runs; told of a run by its identifier alone."""

    def prepare(self) -> None:
        """A run is likely to be submitted soon: get ready for it, or do nothing. Returns at once."""

    def submit(self, run_id: str, when_ended: Callable[[], None]) -> None:
        """Start a worker. `when_ended` is a courtesy that nothing depends on: called where its end is noticed.

        Raises:
            OSError: It could not be started.
        """

    def cancel(self, run_id: str) -> None:
        """End the worker whatever it is doing, with all its children. Returns when it is gone."""

    def status(self, run_id: str) -> Status:
        """Whether a worker holds this run; never wrong about one that is gone, and cheap."""


class LocalLauncher:
    """Detached processes on this machine. They survive the server that started them.

    Attributes:
        module: What a worker runs: `python -m module RUN_ID`.
    """

    def __init__(self, module: str = "medgru.jobs.worker") -> None:
        self.module = module
        self._ready: tuple[subprocess.Popen[bytes], Settings] | None = None
        self._changing = threading.Lock()

    def prepare(self) -> None:
        """Start a worker that imports what is slow to import and waits for its run; nothing where one waits already."""
        with self._changing, suppress(OSError):
            if self._ready is None or self._ready[0].poll() is not None:
                self._ready = self._process([], subprocess.PIPE, subprocess.DEVNULL), settings()

    def submit(self, run_id: str, when_ended: Callable[[], None]) -> None:
        """Give the run to the worker that waits, or to a new one."""
        process = self._give(run_id)
        if process is None:
            with open(table.folder_of(run_id) / LOG, "ab") as log:
                process = self._process([run_id], subprocess.DEVNULL, log)

        def reap() -> None:
            process.wait()
            when_ended()

        # While this process lives, an ended worker is noticed at once and leaves no zombie.
        threading.Thread(target=reap, name=f"medgru-reap-{run_id}", daemon=True).start()

    def _give(self, run_id: str) -> "subprocess.Popen[bytes] | None":
        """The worker that waited and has the run now; None where none waits, or one with other settings."""
        with self._changing:
            waiting, self._ready = self._ready, None
        if waiting is None:
            return None
        process, its_settings = waiting
        assert process.stdin is not None
        with suppress(OSError), process.stdin as its_input:  # closing it ends a worker that was told nothing
            if process.poll() is None and its_settings == settings():
                its_input.write(run_id.encode())
                return process
        return None

    def _process(self, arguments: list[str], stdin: int, log: IO[bytes] | int) -> "subprocess.Popen[bytes]":
        """A worker in a session of its own and with the settings of this process."""
        own = settings()
        env = {
            **os.environ,
            "MEDGRU_HOME": str(own.home),
            "MEDGRU_MODELS_DIR": str(own.models_dir.absolute()),
            "MEDGRU_MAX_RUNNING": str(own.max_running),
        }
        return subprocess.Popen(  # noqa: S603  # our own interpreter; the identifier was checked
            [sys.executable, "-m", self.module, *arguments],
            cwd=PROJECT_ROOT,  # python -m finds us whatever folder the server was started in
            env=env,
            stdin=stdin,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            creationflags=getattr(subprocess, "DETACHED_PROCESS", 0)
            | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def cancel(self, run_id: str) -> None:
        """SIGTERM to the worker's process group, then SIGKILL."""
        rows = table.select("WHERE id = ?", (run_id,))
        pid = rows[0]["pid"] if rows else None
        if not pid or self.status(run_id) == "gone":  # else the number may be somebody else's by now
            return
        _end_group(pid, "SIGTERM")
        deadline = time.monotonic() + TERM_S
        while time.monotonic() < deadline:
            if self.status(run_id) == "gone":
                return
            time.sleep(0.02)
        _end_group(pid, "SIGKILL")
        while self.status(run_id) == "working" and time.monotonic() < deadline + TERM_S:
            time.sleep(0.01)

    def status(self, run_id: str) -> Status:
        """Try the lock that a worker holds as long as it has its run: the system frees it however it ends."""
        file = table.folder_of(run_id) / LOCK
        with _probing, suppress(OSError):
            try:
                if file.exists():
                    with FileLock(file, timeout=0):
                        pass
            except Timeout:
                return "working"
        return "gone"


def lock_of(folder: Path, wait_s: float) -> FileLock:
    """The lock of a run, not yet taken; taking it raises `filelock.Timeout` where another one holds it."""
    return FileLock(folder / LOCK, timeout=wait_s)


def _end_group(pid: int, name: str) -> None:
    number = getattr(signal, name, signal.SIGTERM)  # Windows knows no SIGKILL; its SIGTERM ends at once
    with suppress(ProcessLookupError, PermissionError):
        if not hasattr(os, "killpg"):
            os.kill(pid, number)
        elif os.getpgid(pid) == pid:  # a worker leads its group
            os.killpg(pid, number)
