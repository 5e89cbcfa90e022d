"""Labelled stays on disk: an exact round trip, for the owner alone, and damage is said."""

import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medgru.data.labelled import LabelledStays
from medgru.data.recording import ISSUE_COLUMNS, ReadReport, Recordings
from medgru.errors import DataError
from medgru.tasks import TASKS, Feature, Outcome, Step, Task
from medgru.tasks.own import own_task

OWN = own_task(
    "败血症",
    "Welcher Verlauf?",
    [Feature("体温", "体温", "", -100.0, 100.0)],
    [Feature("Ward", "Ward", "", 0, 1, choices={0: "a", 1: "b"})],
    [Outcome("gut", "gut"), Outcome("坏", "坏")],
    "坏",
    50,
    Step("row", None),
)


def _stays(task: Task, n: int = 12, per_stay: int = 30) -> LabelledStays:
    rng = np.random.default_rng(0)
    hours = np.sort(rng.uniform(0, task.window_hours, (n, per_stay)), axis=1).ravel().astype(np.float32)
    recordings = Recordings(
        task=task,
        record_ids=tuple(f"患者 {i}\x00ü" for i in range(n)),
        stay=np.repeat(np.arange(n, dtype=np.int32), per_stay),
        hours=hours,
        feature=rng.integers(0, len(task.features), len(hours)).astype(np.int16),
        value=rng.normal(size=len(hours)).astype(np.float32),
        statics=np.where(rng.random((n, len(task.statics))) < 0.3, np.nan, 1.0).astype(np.float32),
        report=ReadReport(
            pd.DataFrame(
                [("a.csv", 2, "患者 1", "HR", "x", "is not a number", 1, "not a number")], columns=list(ISSUE_COLUMNS)
            ),
            ("Said.",),
            9,
            8,
            ("a.csv",),
        ),
        simulated=True,
        titles=tuple(f"Titel {i}" for i in range(n)),
    )
    score = np.where(np.arange(n) % 2, np.nan, 3.5)
    y_true = rng.integers(0, len(task.outcomes), n)
    return LabelledStays("Wärme", recordings, y_true, "ab" * 32, {"SOFA": score}, tuple(map(str, range(n))), ("One.",))


def _assert_same(a: LabelledStays, b: LabelledStays) -> None:
    for name in ("name", "sha256", "patients", "notes"):
        assert getattr(a, name) == getattr(b, name)
    for name in ("task", "record_ids", "simulated", "titles"):
        assert getattr(a.recordings, name) == getattr(b.recordings, name)
    for name in ("stay", "hours", "feature", "value", "statics"):
        left, right = getattr(a.recordings, name), getattr(b.recordings, name)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    np.testing.assert_array_equal(a.y_true, b.y_true)
    assert a.scores.keys() == b.scores.keys()
    for name, score in a.scores.items():
        np.testing.assert_array_equal(score, b.scores[name])
    one, other = a.recordings.report, b.recordings.report
    assert (one.notes, one.rows_read, one.rows_used, one.files) == (
        other.notes,
        other.rows_read,
        other.rows_used,
        other.files,
    )
    assert one.issues.to_numpy().tolist() == other.issues.to_numpy().tolist()


@pytest.mark.parametrize("task", [*TASKS.values(), OWN], ids=lambda task: task.title)
def test_stays_come_back_as_they_were_stored(task, tmp_path):
    stays = _stays(task)
    stays.save(tmp_path / "dataset")
    _assert_same(stays, LabelledStays.load(tmp_path / "dataset"))


def test_stays_without_anything_optional_come_back_too(tmp_path):
    bare = replace(_stays(OWN, per_stay=0), scores={}, patients=(), notes=())
    bare = replace(bare, recordings=replace(bare.recordings, titles=(), report=ReadReport()))
    bare.save(tmp_path)
    _assert_same(bare, LabelledStays.load(tmp_path))


def test_stored_stays_are_for_their_owner_alone(tmp_path):
    folder = tmp_path / "run" / "dataset"
    _stays(OWN).save(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o600}
    assert sorted(p.name for p in folder.iterdir()) == ["stays.json", "stays.npz", "task.json"]


def test_four_thousand_stays_are_stored_and_read_well_under_a_second(tmp_path):
    stays = _stays(TASKS["icu-mortality"], 4_000, 425)
    start = time.process_time()
    stays.save(tmp_path)
    LabelledStays.load(tmp_path)
    assert time.process_time() - start < 1.0


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize(
    "damage", [Path.unlink, _cut, _flip, lambda p: p.write_bytes(b""), lambda p: p.write_text("[]")]
)
@pytest.mark.parametrize("name", ["stays.npz", "stays.json", "task.json"])
def test_damaged_files_are_said_and_not_guessed_around(name, damage, tmp_path):
    stays = _stays(OWN)
    stays.save(tmp_path)
    damage(tmp_path / name)
    try:
        loaded = LabelledStays.load(tmp_path)
    except DataError as error:
        assert str(error).endswith(".")  # noqa: PT017
    else:  # one flipped byte within a note is still a text
        assert (name, damage) == ("stays.json", _flip)
        np.testing.assert_array_equal(loaded.y_true, stays.y_true)


def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path):
    stays = _stays(OWN)
    for wrong in (
        replace(stays, y_true=stays.y_true + 2),
        replace(stays, y_true=stays.y_true[:-1]),
        replace(stays, patients=("1",)),
        replace(stays, recordings=replace(stays.recordings, hours=stays.recordings.hours + 1_000)),
        replace(stays, recordings=replace(stays.recordings, stay=stays.recordings.stay[::-1])),
    ):
        wrong.save(tmp_path)
        with pytest.raises(DataError, match="Start a new run"):
            LabelledStays.load(tmp_path)


def test_a_full_disk_is_said_and_leaves_nothing_half_written(tmp_path, monkeypatch):
    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(DataError, match="No space left"):
        _stays(OWN).save(tmp_path)
    assert list(tmp_path.iterdir()) == []
