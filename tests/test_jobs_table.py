"""The run table and what may be asked of it, without any worker."""

import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from medgru import jobs
from medgru.data.labelled import LabelledStays
from medgru.errors import DataError, TrainingError
from medgru.jobs import queue, table
from medgru.settings import private_folder, settings
from medgru.training.config import RunConfig
from medgru.ui import server


class NoLauncher:
    """Starts nothing; a run is alive as long as the test says so."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.alive: set[str] = set()
        self.broken = False

    def submit(self, run_id, when_ended):
        if self.broken:
            raise OSError
        self.started.append(run_id)

    def cancel(self, run_id):
        self.alive.discard(run_id)

    def status(self, run_id):
        return "working" if run_id in self.alive else "gone"


@pytest.fixture(autouse=True)
def launcher(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGRU_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    launcher = NoLauncher()
    monkeypatch.setattr(queue, "LAUNCHER", launcher)
    yield launcher
    settings.cache_clear()


@pytest.fixture
def stays(random_recordings) -> LabelledStays:
    recordings = random_recordings(stays=4, rows=5)
    return LabelledStays("ward 7", recordings, np.array([0, 1, 0, 0]), "0" * 64, patients=("a", "b", "b", "c"))


@pytest.fixture
def run_id(stays) -> str:
    return jobs.submit(stays, RunConfig(hidden_size=7), "mine")


def ended(run_id: str, state: str) -> None:
    assert table.begin(run_id, 1)
    table.end(run_id, state, "")


def test_without_a_table_there_are_no_runs_and_nothing_is_made():
    assert jobs.runs() == []
    jobs.refresh()
    jobs.sweep()
    assert jobs.epochs("20261123-091502-k3f").empty
    assert not settings().home.exists()


def test_many_may_be_the_first_to_use_the_table():
    def use(i: int) -> None:
        start.wait()
        for _ in range(10):
            jobs.runs()
        with table.writing() as connection:
            connection.execute("UPDATE runs SET note = ?", (str(i),))

    for _ in range(20):
        start = threading.Barrier(6)
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(use, range(6)))
        # SQLite leaves its -wal and -shm where two connections end in the same instant, and takes them up again.
        names = {path.name for path in settings().home.iterdir() if not path.name.endswith(("-wal", "-shm"))}
        assert names == {"runs.sqlite3", "runs.sqlite3.lock"}
        for path in settings().home.glob("runs.sqlite3*"):
            path.unlink()


def test_runs_submitted_at_once_are_called_differently(stays):
    start = threading.Barrier(6)

    def submit(_: int) -> None:
        start.wait()
        jobs.submit(stays, RunConfig(), "mine")

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(submit, range(6)))
    assert {run.name for run in jobs.runs()} == {"mine", *(f"mine ({n})" for n in range(2, 7))}


def test_a_run_is_kept_with_its_data_and_settings(run_id, stays):
    run = jobs.get(run_id)
    assert (run.name, run.kind, run.state, run.ahead, run.note) == ("mine", "train", "queued", 0, "")
    assert RunConfig.from_dict(run.config) == RunConfig(hidden_size=7)
    assert (run.data["stays"], run.data["patients"], list(run.data["classes"].values())) == (4, 3, [3, 1])
    kept = LabelledStays.load(run.folder / "dataset")
    assert kept.recordings.record_ids == stays.recordings.record_ids


def test_words_are_kept_in_one_line_and_short(run_id, stays):
    jobs.rename(run_id, " Über\n\x00 die Nacht " + "x" * 500)
    assert jobs.get(run_id).name.startswith("Über die Nacht xxx")
    assert len(jobs.get(run_id).name) == queue.LONGEST_NAME
    jobs.rename(run_id, "  ")
    assert jobs.get(run_id).name.startswith("Über")
    jobs.annotate(run_id, "two\nlines")
    assert jobs.get(run_id).note == "two\nlines"
    assert jobs.get(jobs.submit(stays, RunConfig(), "")).name == "ward 7"


@pytest.mark.parametrize("bad", ["../x", "..", "/etc", "20261123-091502-k3f/..", "20261123-091502-K3F", "", "' OR 1=1"])
@pytest.mark.parametrize("ask", [jobs.get, jobs.cancel, jobs.resume, jobs.delete, jobs.epochs])
def test_what_is_no_identifier_is_refused(ask, bad):
    with pytest.raises(TrainingError, match="no such run"):
        ask(bad)


def test_a_run_of_an_unknown_kind_or_not_there_is_refused(stays):
    with pytest.raises(TrainingError, match="train, lab"):
        jobs.submit(stays, RunConfig(), "", kind="../../evil")
    with pytest.raises(TrainingError, match="may have been deleted"):
        jobs.get("20261123-091502-k3f")


def test_the_newest_is_first_and_the_oldest_starts(stays, launcher):
    ids = [jobs.submit(stays, RunConfig(), str(i), kind="lab" if i else "train") for i in range(3)]
    assert [run.id for run in jobs.runs()] == ids[::-1]
    assert [run.id for run in jobs.runs("lab")] == ids[:0:-1]
    assert launcher.started == ids[:1]
    assert [jobs.get(i).ahead for i in ids] == [0, 1, 2]
    jobs.cancel(ids[0])
    jobs.refresh()
    assert launcher.started == ids[:2]


@pytest.mark.parametrize("state", jobs.ENDED)
def test_an_end_is_never_overwritten(run_id, state):
    ended(run_id, state)
    claimed = table.select()[0]["claimed"]
    table.end(run_id, "failed", "late")
    table.bury(run_id, claimed)
    table.release(run_id, claimed)
    table.set_progress(run_id, 0.5, "late")
    table.ask_stop(run_id)
    jobs.cancel(run_id)
    assert not table.begin(run_id, 2)
    assert (jobs.get(run_id).state, jobs.get(run_id).message, jobs.get(run_id).stage) == (state, "", "Starting")


@pytest.mark.parametrize("state", jobs.STATES)
def test_only_what_did_not_finish_can_be_resumed_and_only_what_rests_deleted(run_id, launcher, state):
    launcher.alive = {run_id}
    if state in jobs.ENDED:
        ended(run_id, state)
    elif state == "running":
        assert table.begin(run_id, 1)
    if state in ("cancelled", "failed", "interrupted"):
        jobs.resume(run_id)
        assert jobs.get(run_id).state == "queued"
    else:
        with pytest.raises(TrainingError, match="can be resumed"):
            jobs.resume(run_id)
    if state == "done":
        jobs.delete(run_id)
        assert jobs.runs() == []
    else:
        with pytest.raises(TrainingError, match="still at work"):
            jobs.delete(run_id)


def test_a_run_without_its_worker_is_never_shown_as_running_even_if_nothing_can_be_written(run_id, monkeypatch):
    assert table.begin(run_id, 1)

    def full(*_):
        raise table.TableWriteError

    with monkeypatch.context() as patch:
        patch.setattr(table, "bury", full)
        assert jobs.get(run_id).state == "interrupted"
        jobs.refresh()
        assert table.select()[0]["state"] == "running"
    assert jobs.get(run_id).state == "interrupted"
    assert table.select()[0]["state"] == "interrupted"


def test_a_worker_that_ends_between_two_looks_is_believed(run_id, monkeypatch):
    assert table.begin(run_id, 1)

    def look(_):
        table.end(run_id, "done", "")
        return "gone"

    monkeypatch.setattr(queue.LAUNCHER, "status", look)
    assert jobs.get(run_id).state == "done"


def test_a_start_that_fails_is_tried_again_and_then_has_failed(stays, launcher):
    launcher.broken = True
    first = jobs.submit(stays, RunConfig(), "first")
    assert jobs.get(first).state == "failed"
    assert "could not be started" in jobs.get(first).message
    launcher.broken = False
    jobs.resume(first)
    assert launcher.started == [first]


def test_a_claim_whose_launcher_died_is_taken_back(run_id, launcher):
    with table.writing() as connection:
        connection.execute("UPDATE runs SET claimed = ?", (time.time() - queue.START_S - 1,))
    jobs.refresh()
    assert launcher.started == [run_id, run_id]


def test_a_server_that_starts_looks_after_the_runs_of_the_one_before(run_id, stays, launcher):
    waiting = jobs.submit(stays, RunConfig(), "next")
    assert table.begin(run_id, 1)
    server.look_after_runs()
    assert {row["id"]: row["state"] for row in table.select()} == {run_id: "interrupted", waiting: "queued"}
    assert launcher.started == [run_id, waiting]


def test_no_two_runs_are_called_alike(run_id, stays):
    other = jobs.submit(stays, RunConfig(), "mine")
    third = jobs.submit(stays, RunConfig(), "mine")
    assert [jobs.get(i).name for i in (run_id, other, third)] == ["mine", "mine (2)", "mine (3)"]
    jobs.rename(third, "mine (2)")
    assert jobs.get(third).name == "mine (3)"
    jobs.rename(run_id, "mine")
    assert jobs.get(run_id).name == "mine"
    kinds = {jobs.usual_name(stays, RunConfig(model=m)) for m in ("gru", "gru-d")}
    assert kinds == {"ICU mortality · GRU, 4 stays", "ICU mortality · GRU-D, 4 stays"}


def test_an_epoch_done_again_takes_the_place_of_the_former(run_id):
    def row(member: int, epoch: int, loss: float) -> dict:
        figures = dict.fromkeys(table.FIGURES, loss) | {"auroc": float("nan")}
        return {"stage": f"network {member}", "member": member, "epoch": epoch, "done": 1, "total": 9, **figures}

    assert table.begin(run_id, 1)
    table.add_epochs(run_id, [row(0, 0, 1.0), row(0, 1, 1.0), row(1, 0, 1.0), row(1, 1, 1.0)])
    table.add_epochs(run_id, [row(1, 0, 2.0)])  # its checkpoint was before that
    epochs = jobs.epochs(run_id)
    assert list(zip(epochs["member"], epochs["epoch"], epochs["loss"], strict=True)) == [
        (0, 0, 1),
        (0, 1, 1),
        (1, 0, 2),
    ]
    assert epochs["auroc"].isna().all()


def test_a_resumed_run_keeps_its_first_start_and_counts_its_time_at_work_only(run_id, launcher, monkeypatch):
    def at(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: seconds)

    assert jobs.get(run_id).started is None
    at(1000.0)
    launcher.alive.add(run_id)
    assert table.begin(run_id, 1)
    at(1050.0)
    table.set_progress(run_id, 0.5)
    assert (jobs.get(run_id).started, jobs.get(run_id).worked) == (1000, 50)
    at(1054.0)
    table.end(run_id, "cancelled", "")
    at(2000.0)
    jobs.resume(run_id)
    assert jobs.get(run_id).started == 1000
    at(2010.0)
    assert table.begin(run_id, 1)
    at(2016.0)
    table.end(run_id, "done", "")
    assert (jobs.get(run_id).started, jobs.get(run_id).ended, jobs.get(run_id).worked) == (1000, 2016, 60)


def test_epochs_that_early_stopping_spared_are_never_called_trained(run_id, launcher):
    row = dict.fromkeys(table.FIGURES, 1.0) | {"total": 16}
    launcher.alive.add(run_id)
    assert table.begin(run_id, 1)
    assert jobs.get(run_id).place == "starting"
    table.set_progress(run_id, 0.0, "LSTM, seed 2 of 3")
    assert jobs.get(run_id).place == "LSTM, seed 2 of 3"
    first = [row | {"stage": "network 1 of 2", "member": 0, "epoch": e, "done": e + 1} for e in range(5)]
    table.add_epochs(run_id, first)
    table.set_progress(run_id, 0.0, "Network 2 of 2")
    assert jobs.get(run_id).place == "network 2 of 2, epoch 1 of at most 8"
    table.add_epochs(run_id, [row | {"stage": "network 2 of 2", "member": 1, "epoch": 0, "done": 9}])
    run = jobs.get(run_id)
    assert (run.place, run.trained, run.done) == ("network 2 of 2, epoch 2 of at most 8", 6, 9)
    assert jobs.seconds_left(run, jobs.epochs(run_id)) == 7
    table.set_progress(run_id, 0.0, "Calibrating")
    run = jobs.get(run_id)
    assert (run.place, jobs.seconds_left(run, jobs.epochs(run_id))) == ("calibrating", None)


def test_no_epoch_is_in_the_table_twice_however_often_it_is_told(run_id):
    """As after kill -9: what was told since the last checkpoint is told again, in any order of networks."""
    row = dict.fromkeys(table.FIGURES, 1.0) | {"done": 1, "total": 9}
    told = [{"stage": f"network {m}", "member": m, "epoch": e, **row} for m in range(2) for e in range(3)]
    for rows in (told, told[2:], told[4:], told):
        table.add_epochs(run_id, rows)
    epochs = jobs.epochs(run_id)
    assert list(zip(epochs["member"], epochs["epoch"], strict=True)) == [(m, e) for m in range(2) for e in range(3)]
    columns = "run_id, stage, member, epoch, done, at"
    again = f"INSERT INTO epochs ({columns}) SELECT {columns} FROM epochs"
    with pytest.raises(TrainingError), table.writing() as connection:
        connection.execute(again)  # the table itself sees to it


def test_a_table_of_a_newer_version_or_none_is_refused(run_id, stays):
    with sqlite3.connect(table.table_file()) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for ask in (jobs.runs, jobs.refresh, lambda: jobs.submit(stays, RunConfig(), "")):
        with pytest.raises(TrainingError, match=r"newer version of MedGRU .*Bring MedGRU up to date"):
            ask()
    for file in settings().home.glob("runs.sqlite3*"):
        file.unlink()
    table.table_file().write_text("no table " * 999)
    server.look_after_runs()  # a server starts all the same
    with pytest.raises(TrainingError, match="no run table, or is damaged"):
        jobs.runs()
    table.table_file().write_text("")
    with pytest.raises(TrainingError, match="no run table, or is damaged"):
        jobs.runs()


def test_reading_goes_on_while_another_writes_and_writing_waits(run_id, monkeypatch):
    other = sqlite3.connect(table.table_file(), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert jobs.get(run_id).state == "queued"
    monkeypatch.setattr(table, "BUSY_S", 0.1)
    with pytest.raises(TrainingError, match="cannot be used now"):
        jobs.rename(run_id, "other")
    monkeypatch.setattr(table, "BUSY_S", 60.0)
    waiting = threading.Thread(target=jobs.rename, args=(run_id, "other"))
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    other.execute("COMMIT")
    other.close()
    waiting.join()
    assert jobs.get(run_id).name == "other"


def test_a_table_that_is_locked_is_never_read_without_its_log(run_id, monkeypatch):
    """The log may hold what the table does not: an older state must not be taken for the present one."""
    monkeypatch.setattr(table, "BUSY_S", 0.05)
    other = sqlite3.connect(table.table_file(), isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("UPDATE runs SET name = 'newer'")  # keeps its lock, and lies in the log
    with pytest.raises(TrainingError, match="cannot be used now"):
        jobs.get(run_id)
    other.close()
    assert jobs.get(run_id).name == "newer"


def test_a_table_without_a_log_is_read_where_nothing_can_be_made_beside_it(run_id, monkeypatch):
    def no_space(parameters, *rest):
        if parameters == table._NORMAL:
            raise sqlite3.OperationalError("disk I/O error")
        return rows(parameters, *rest)

    rows = table._rows
    monkeypatch.setattr(table, "_rows", no_space)
    assert jobs.get(run_id).name == "mine"
    Path(f"{table.table_file()}-wal").write_bytes(b"more")
    with pytest.raises(TrainingError, match="is full"):
        jobs.get(run_id)
    Path(f"{table.table_file()}-wal").unlink()


def test_what_cannot_be_kept_leaves_nothing_behind(stays, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(queue, "_words", full)
    with pytest.raises(TrainingError, match=r"cannot be kept .*No space left"):
        jobs.submit(stays, RunConfig(), "")
    monkeypatch.setattr(LabelledStays, "save", lambda *_: (_ for _ in ()).throw(DataError("full")))
    with pytest.raises(DataError):
        jobs.submit(stays, RunConfig(), "")
    assert list(table.runs_dir().iterdir()) == []


def left_by_a_submit(name: str) -> Path:
    """What is there when a submit is cut off before its row is written."""
    folder = table.runs_dir() / name
    (folder / queue.DATASET).mkdir(parents=True)
    (folder / queue.UNFINISHED).touch()
    return folder


def test_what_a_submit_or_a_delete_that_was_cut_off_left_is_swept(run_id):
    old, young = "20200101-000000-abc", time.strftime("%Y%m%d-%H%M%S-abc")
    for name in (old, young, "somebodys-own-folder"):
        left_by_a_submit(name)
    (table.runs_dir() / f"{queue.TRASH}{old}" / "bundle").mkdir(parents=True)
    jobs.sweep()
    assert {folder.name for folder in table.runs_dir().iterdir()} == {run_id, young, "somebodys-own-folder"}


@pytest.mark.parametrize("kept", ["result.json", "bundle", "checkpoint", "lab.json", "held_out.npz"])
def test_what_a_worker_wrote_is_never_swept_whatever_the_table_knows(run_id, kept):
    folder = left_by_a_submit("20200101-000000-abc")
    (folder / kept).touch()
    jobs.sweep()
    assert (folder / kept).exists()


def test_a_table_that_is_moved_away_or_restored_costs_no_run(run_id, stays):
    """With its own data only, too: nobody but its owner deletes a run."""
    table.runs_dir().joinpath(run_id).rename(table.runs_dir() / "20200101-000000-abc")
    for file in settings().home.glob("runs.sqlite3*"):
        file.unlink()
    jobs.sweep()
    new = jobs.submit(stays, RunConfig(), "next")
    jobs.sweep()
    assert {folder.name for folder in table.runs_dir().iterdir()} == {new, "20200101-000000-abc"}


def test_a_submit_cut_off_after_its_row_was_written_keeps_its_run(run_id):
    (jobs.get(run_id).folder / queue.UNFINISHED).touch()
    jobs.sweep()
    assert not (jobs.get(run_id).folder / queue.UNFINISHED).exists()
    assert (jobs.get(run_id).folder / queue.DATASET).exists()


def test_a_delete_that_was_cut_off_is_finished_by_the_next(run_id, monkeypatch):
    ended(run_id, "done")
    folder = jobs.get(run_id).folder

    def cut_off(*_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(queue.shutil, "rmtree", cut_off)
        with pytest.raises(TrainingError, match="cannot be removed"):
            jobs.delete(run_id)
    jobs.delete(run_id)
    assert jobs.runs() == []
    assert list(folder.parent.iterdir()) == []


def test_a_folder_made_is_its_owners_alone_and_one_that_exists_keeps_its_rights(tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o755)
    private_folder(shared / "a" / "b")
    assert [f.stat().st_mode & 0o777 for f in (shared, shared / "a", shared / "a" / "b")] == [0o755, 0o700, 0o700]
