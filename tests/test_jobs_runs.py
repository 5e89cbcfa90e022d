"""Runs with real processes: they start, stop, resume, are killed, and always end in a true state."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from medgru import jobs
from medgru.data.labelled import LabelledStays
from medgru.jobs import queue, table
from medgru.jobs.launcher import LocalLauncher
from medgru.settings import PROJECT_ROOT, settings
from medgru.training.config import RunConfig
from medgru.training.progress import Reporter
from tests import jobs_worker

pytestmark = pytest.mark.slow
STOP_S = 4.0
"""Within two seconds, and as much again for a machine that is busy with us."""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("MEDGRU_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    monkeypatch.setattr(queue, "LAUNCHER", LocalLauncher("tests.jobs_worker"))
    yield
    for run in jobs.runs():
        jobs.cancel(run.id)
    until(lambda: not any(run.active for run in jobs.runs()))
    settings.cache_clear()


@pytest.fixture
def submit(random_recordings) -> Callable[..., str]:
    stays = LabelledStays("ward 7", random_recordings(stays=4, rows=5), np.array([0, 1, 0, 0]), sha256="0" * 64)

    def start(act: str, **lab) -> str:
        return jobs.submit(stays, RunConfig(), f"to {act}", kind="lab", lab={"act": act, **lab})

    return start


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, [(r.name, r.state, r.stage, r.message) for r in jobs.runs()]
        time.sleep(0.05)


def state(run_id: str) -> str:
    return jobs.get(run_id).state


def seconds_to_stop(run_id: str) -> float:
    """From the wish to the end, as the table has them: however late this process looks."""
    row = table.select("WHERE id = ?", (run_id,))[0]
    return row["ended"] - row["stop_asked"]


def test_a_run_says_how_far_it_is_and_ends_done(submit):
    class Seen(Reporter):
        epochs: list[int] = []  # noqa: RUF012
        stages: list[str] = []  # noqa: RUF012

        def epoch(self, epoch):
            self.epochs.append(epoch.epoch)

        def stage(self, text):
            self.stages.append(text)

    run_id = submit("train", epochs=3, pause=0.2)
    run = jobs.wait(run_id, Seen(), timeout_s=30)
    assert (run.state, run.done, run.total, run.message) == ("done", 3, 3, "")
    assert Seen.epochs == [0, 1, 2]
    assert Seen.stages[-1] == "network 1 of 1"
    epochs = jobs.epochs(run_id)
    assert tuple(epochs.columns) == jobs.EPOCH_COLUMNS
    assert epochs["auroc"].isna().all()
    assert epochs["at"].between(run.started, run.ended).all()
    assert jobs.seconds_left(run, epochs) is None


def test_stop_ends_a_run_at_once_and_resume_goes_on_where_it_was(submit):
    run_id = submit("train", epochs=200, pause=0.3)  # a minute: it cannot be done before it is stopped
    until(lambda: jobs.get(run_id).done >= 2)
    left = jobs.seconds_left(jobs.get(run_id), jobs.epochs(run_id))
    assert left is not None
    assert left >= 0
    jobs.cancel(run_id)
    jobs.cancel(run_id)  # a second click does no harm
    until(lambda: state(run_id) == "cancelled")
    assert seconds_to_stop(run_id) < STOP_S
    before = jobs.epochs(run_id)
    epochs = len(before) + 3
    with table.writing() as connection:  # so that it ends soon
        connection.execute("UPDATE runs SET lab = ?", (json.dumps({**jobs.get(run_id).lab, "epochs": epochs}),))
    jobs.resume(run_id)
    assert jobs.wait(run_id, timeout_s=30).state == "done"
    after = jobs.epochs(run_id)
    assert after["epoch"].tolist() == list(range(epochs))
    assert after.head(len(before)).equals(before)
    run = jobs.get(run_id)
    assert 0.3 * epochs <= run.worked < run.ended - run.started


@pytest.mark.parametrize("stage", ["Starting", "Sorting"], ids=["while importing", "in a long stage"])
def test_stop_ends_what_does_not_listen(submit, stage):
    run_id = submit("deaf")
    until(lambda: jobs.get(run_id).stage == stage)
    jobs.cancel(run_id)
    assert jobs.get(run_id).stopping or stage == "Starting"
    until(lambda: not jobs.get(run_id).active)
    assert seconds_to_stop(run_id) < STOP_S
    run = jobs.get(run_id)
    assert (run.state, run.message, run.stopping) == ("cancelled", "", False)


def test_whoever_looks_ends_a_run_whose_canceller_died(submit):
    run_id = submit("deaf")
    until(lambda: jobs.get(run_id).stage == "Sorting")
    with table.writing() as connection:  # what a process writes that ends before it could see to the rest
        connection.execute("UPDATE runs SET stop_asked = ?", (time.time() - 5,))
    jobs.refresh()
    assert state(run_id) == "cancelled"


def test_a_killed_worker_is_interrupted_and_the_next_one_starts(submit):
    first, second, third = submit("deaf"), submit("train", epochs=1, pause=0.1), submit("deaf")
    until(lambda: jobs.get(first).stage == "Sorting")
    assert [jobs.get(i).ahead for i in (first, second, third)] == [0, 1, 2]
    jobs.cancel(third)
    assert state(third) == "cancelled"
    os.killpg(table.select("WHERE id = ?", (first,))[0]["pid"], signal.SIGKILL)
    until(lambda: state(first) != "running")
    assert state(first) == "interrupted"
    until(lambda: state(second) == "done")
    jobs.resume(first)  # goes to the queue again
    until(lambda: state(first) == "running")


def test_another_process_sees_the_same_and_a_run_survives_who_started_it(submit):
    program = (
        "import sys; from medgru import jobs; from medgru.jobs import queue; "
        "from medgru.jobs.launcher import LocalLauncher; queue.LAUNCHER = LocalLauncher('tests.jobs_worker'); "
        "jobs.refresh(); print(*(r.state for r in jobs.runs()))"
    )
    with table_without_start(queue):
        run_id = submit("deaf")

    def other() -> str:
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PROJECT_ROOT)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert other() in ("queued", "running")  # it started a worker, which may have begun by now, then ended
    until(lambda: state(run_id) == "running")
    assert other() == "running"
    jobs.cancel(run_id)
    until(lambda: state(run_id) == "cancelled")
    assert other() == "cancelled"


def test_however_many_ask_at_once_one_worker_starts(submit):
    with table_without_start(queue):
        ids = [submit("train", epochs=1, pause=0.5) for _ in range(2)]
    threads = [threading.Thread(target=jobs.refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [row["claimed"] is not None for row in table.select("ORDER BY queued")] == [True, False]
    assert max(row["attempts"] for row in table.select()) == 1
    most = 0

    def done() -> bool:
        nonlocal most
        states = [state(i) for i in ids]
        most = max(most, states.count("running"))
        return states == ["done", "done"]

    until(done)
    assert most == 1


def test_a_worker_that_waits_takes_the_next_run_unless_it_is_dead_or_of_other_settings(submit, monkeypatch, tmp_path):
    jobs.prepare()
    process, _ = queue.LAUNCHER._ready
    jobs.prepare()
    assert queue.LAUNCHER._ready[0] is process  # one is enough
    first = submit("break")
    until(lambda: state(first) == "failed")
    assert table.select("WHERE id = ?", (first,))[0]["pid"] == process.pid
    log = (jobs.get(first).folder / "worker.log").read_text()
    assert "KeyError at" in log
    assert jobs_worker.PATIENT not in log
    # One that died meanwhile, or that was started with other settings, is passed over.
    jobs.prepare()
    dead, _ = queue.LAUNCHER._ready
    dead.kill()
    dead.wait()
    second = submit("train", epochs=1, pause=0.0)
    until(lambda: state(second) == "done")
    jobs.prepare()
    waiting, _ = queue.LAUNCHER._ready
    monkeypatch.setenv("MEDGRU_HOME", str(tmp_path / "other"))
    settings.cache_clear()
    third = submit("train", epochs=1, pause=0.0)
    until(lambda: state(third) == "done")
    assert waiting.wait(30) == 0


def test_no_worker_gets_ready_while_a_run_is_at_work(submit):
    submit("train", epochs=100, pause=0.5)
    jobs.prepare()
    assert queue.LAUNCHER._ready is None


def test_a_worker_that_waits_ends_with_whoever_started_it():
    program = (
        "from medgru.jobs.launcher import LocalLauncher; it = LocalLauncher(); it.prepare(); print(it._ready[0].pid)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PROJECT_ROOT)
    pid = int(done.stdout)

    def gone() -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1].startswith("Z")  # dead, and nobody has looked

    until(gone)


def test_a_worker_that_cannot_start_has_failed_and_blocks_nobody(submit, monkeypatch):
    monkeypatch.setattr(queue, "LAUNCHER", LocalLauncher("tests.no_such_module"))
    first = submit("deaf")
    until(lambda: state(first) == "failed")
    assert "could not be started" in jobs.get(first).message
    monkeypatch.setattr(queue, "LAUNCHER", LocalLauncher("tests.jobs_worker"))
    second = submit("train", epochs=1, pause=0.0)
    until(lambda: state(second) == "done")


def test_a_failure_is_a_sentence_without_a_patient(submit, monkeypatch):
    monkeypatch.setenv("MEDGRU_MAX_RUNNING", "4")
    settings.cache_clear()
    messages = {
        "refuse": "One class only. Bring stays of two.",
        "break": "The run was ended by an error of ours (KeyError)",
        "memory": "not enough memory",
        "kill": "",
    }
    ids = {act: submit(act) for act in messages}
    until(lambda: not any(run.active for run in jobs.runs()))
    assert state(ids.pop("kill")) == "interrupted"
    for act, run_id in ids.items():
        run = jobs.get(run_id)
        assert run.state == "failed"
        assert messages[act] in run.message
        log = (run.folder / "worker.log").read_text()
        assert "jobs_worker.py:" in log  # the place
        for text in (run.message, log):
            assert jobs_worker.PATIENT.split(",")[0] not in text
            assert "4711" not in text


def test_what_a_run_keeps_is_its_owners_alone_and_goes_with_it(submit):
    run_id = submit("train", epochs=1, pause=0.0)
    until(lambda: state(run_id) == "done")
    run = jobs.get(run_id)
    home = settings().home
    assert home.stat().st_mode & 0o777 == 0o700
    for path in (*home.glob("runs.sqlite3*"), *home.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    jobs.delete(run_id)
    assert not run.folder.exists()
    assert jobs.runs() == []
    assert jobs.epochs(run_id).empty


class table_without_start:
    """Runs are queued, but nobody starts them."""

    def __init__(self, module) -> None:
        self.module, self.refresh = module, module.refresh

    def __enter__(self) -> None:
        self.module.refresh = lambda: None

    def __exit__(self, *_) -> None:
        self.module.refresh = self.refresh
