"""A disk that fills up while a run works: a true state, nothing half-written, and it goes on once there is space."""

import subprocess
import time
from contextlib import suppress

import numpy as np
import pytest

from medgru import jobs
from medgru.data.labelled import LabelledStays
from medgru.errors import MedGRUError
from medgru.jobs import queue, table
from medgru.jobs.launcher import LocalLauncher
from medgru.jobs.table import TableWriteError
from medgru.settings import settings
from medgru.training.config import RunConfig

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(tmp_path, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk is not permitted here")
    monkeypatch.setenv("MEDGRU_HOME", str(disk / "home"))
    settings.cache_clear()
    monkeypatch.setattr(queue, "LAUNCHER", LocalLauncher("tests.jobs_worker"))
    yield disk
    settings.cache_clear()
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(path) -> None:
    try:
        with path.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
    except OSError:
        pass


def until(holds) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, [(r.name, r.state, r.stage, r.message) for r in jobs.runs()]
        time.sleep(0.05)


def ended(run_id: str) -> jobs.Run:
    return jobs.wait(run_id, timeout_s=30)


def test_a_full_disk_ends_in_a_true_state_and_the_next_run_starts_once_there_is_space(small_disk, random_recordings):
    stays = LabelledStays("ward 7", random_recordings(stays=4, rows=5), np.array([0, 1, 0, 0]), sha256="0" * 64)

    def submit(act: str, **lab) -> str:
        return jobs.submit(stays, RunConfig(), act, kind="lab", lab={"act": act, **lab})

    first = submit("fill")
    run = ended(first)
    assert run.state == "failed"  # its last words went into the space kept for them
    assert "no space left" in run.message

    filler = small_disk / "filler"
    fill(filler)
    assert [r.state for r in jobs.runs()] == ["failed"]
    assert jobs.epochs(first) is not None
    with pytest.raises(MedGRUError, match="space"):
        submit("deaf")
    assert [r.id for r in jobs.runs()] == [first]

    filler.unlink()
    (run.folder / "filler").unlink()
    second = submit("deaf")
    until(lambda: jobs.get(second).stage == "Sorting")
    fill(filler)
    jobs.cancel(second)  # asked if a word of it can be written, else ended
    until(lambda: not jobs.get(second).active)
    assert jobs.get(second).state in ("cancelled", "interrupted")
    jobs.delete(second)  # frees space
    assert [r.id for r in jobs.runs()] == [first]
    filler.unlink()
    third = submit("train", epochs=1, pause=0.0)
    assert ended(third).state == "done"


@pytest.mark.parametrize("kib", range(4, 160, 12))
def test_a_table_first_made_on_a_nearly_full_disk_is_whole_or_not_there(small_disk, kib):
    settings().home.mkdir()
    filler = small_disk / "filler"
    fill(filler)
    with filler.open("r+b") as file:
        file.truncate(filler.stat().st_size - kib * 1024)
    with suppress(TableWriteError), table.writing() as connection:
        connection.execute("UPDATE runs SET note = ''")
    assert [run.id for run in jobs.runs()] == []
    filler.unlink()
    with table.writing() as connection:
        connection.execute("UPDATE runs SET note = ''")
    assert jobs.runs() == []
