"""Dates that programs write where none is known."""

import numpy as np
import pytest

from medgru.data import Source, build, inspect
from medgru.data.recording import NO_TIME
from medgru.tasks import get_task

ICU = get_task("icu-mortality")


def read(rows: list[str]):
    data = "\n".join(["id,time,HR", *rows, ""]).encode()
    inspection = inspect([Source("ward.csv", data)], ICU)
    return build(inspection, inspection.mapping)


@pytest.mark.parametrize("none", ["1970-01-01 00:00", "1970-01-01 08:00", "1900-01-01 00:00"])
def test_a_date_that_stands_for_none_does_not_move_the_rest_of_the_stay(none):
    good = [f"a,2024-05-0{1 + h // 24} {h % 24:02d}:00,{80 + h}" for h in range(30)]
    recordings, alone = read([*good[:7], f"a,{none},99", *good[7:]]), read(good)

    np.testing.assert_array_equal(recordings.hours, alone.hours)
    np.testing.assert_array_equal(recordings.value, alone.value)
    issue = recordings.report.issues.iloc[0]
    assert (issue["kind"], issue["row"], issue["record_id"]) == (NO_TIME, 9, "a")
    assert any("stand for none" in note for note in recordings.report.notes)


def test_a_clock_that_counts_from_1970_throughout_is_kept():
    recordings = read([f"a,1970-01-01 {h:02d}:00,{80 + h}" for h in range(12)])
    assert recordings.hours.tolist() == list(range(12))
