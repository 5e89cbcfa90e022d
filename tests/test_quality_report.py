"""Coverage, verdicts, clocks and units: what is said of the quality of recordings."""

import time

import numpy as np
import pandas as pd
import pytest

from medgru.data import Source, build, inspect
from medgru.data.demo import simulated_patients
from medgru.data.recording import Recordings
from medgru.predict import thin_reasons
from medgru.quality import ENOUGH, NOT_ENOUGH, THIN, assess, cover, stay_map
from medgru.quality.clocks import clock_doubts
from medgru.quality.unit_doubts import unit_doubts

NOW = pd.Timestamp("2026-06-01").timestamp()


def stays_of(task, **values) -> Recordings:
    """Stays by name, each a list of (hour, variable, value)."""
    rows = [(i, h, task.feature_index[f], v) for i, lines in enumerate(values.values()) for h, f, v in lines]
    stay, hours, feature, value = (np.array(c) for c in zip(*rows, strict=True)) if rows else (np.zeros(0),) * 4
    return Recordings(
        task,
        tuple(values),
        stay.astype(np.int32),
        hours.astype(np.float32),
        feature.astype(np.int16),
        value.astype(np.float32),
        np.full((len(values), len(task.statics)), np.nan, np.float32),
    )


def clocks(task, text: str) -> list[str]:
    inspection = inspect([Source("x.csv", text.encode())], task)
    built = build(inspection, inspection.mapping)
    return [f.title for f in clock_doubts(built, inspection, inspection.mapping, NOW)]


# Coverage


def test_coverage_counts_what_a_loop_would_count(random_recordings):
    r = random_recordings(stays=7, seed=3)
    found = cover(r)
    table = r.table()
    for row in found.variables.itertuples():
        mine = table[table["variable"] == row.variable]
        assert row.measurements == len(mine)
        assert row.patients == mine["record_id"].nunique()
        gaps = np.concatenate([np.diff(np.sort(g["hours"])) for _, g in mine.groupby("record_id")] or [np.zeros(0)])
        assert (np.isnan(row.median_gap) and not len(gaps)) or row.median_gap == pytest.approx(
            np.median(gaps), abs=1e-5
        )
    lengths = r.steps
    for f, name in enumerate(fe.name for fe in r.task.features):
        for t in range(found.measured.shape[1]):
            at = table[(table["variable"] == name) & (np.clip(np.ceil(table["hours"]), 1, None) == t + 1)]
            assert found.measured[f, t] == pytest.approx(at["record_id"].nunique() / (lengths > t).sum())


def test_the_order_of_rows_does_not_matter(random_recordings):
    r = random_recordings(stays=5, seed=1)
    order = np.lexsort((r.hours, r.stay))
    rising = Recordings(
        r.task, r.record_ids, r.stay[order], r.hours[order], r.feature[order], r.value[order], r.statics
    )
    pd.testing.assert_frame_equal(cover(r).variables, cover(rising).variables)
    pd.testing.assert_frame_equal(cover(r).stays, cover(rising).stays)


def test_the_map_of_a_stay_adds_up_to_its_measurements(random_recordings):
    r = random_recordings(stays=4)
    assert all(stay_map(r, name).sum() == 60 for name in r.record_ids)


def test_ten_thousand_patients_are_looked_at_in_seconds(task):
    n, hours = 10_000, 48
    feature = np.tile(np.arange(8, dtype=np.int16), n * hours)
    r = Recordings(
        task, tuple(map(str, range(n))), np.repeat(np.arange(n, dtype=np.int32), hours * 8),
        np.tile(np.repeat(np.arange(hours, dtype=np.float32), 8), n), feature,
        np.full(len(feature), 80, np.float32), np.full((n, 4), np.nan, np.float32),
    )  # fmt: skip
    begun = time.process_time()
    cover(r)
    assert time.process_time() - begun < 10, "on a quiet core it takes about two"


def test_nobody_and_nothing_can_be_looked_at(task):
    for r in (stays_of(task), stays_of(task, a=[], b=[])):
        quality = assess(r)
        assert quality.counts[NOT_ENOUGH] == len(r)
        assert quality.findings == ()


# Verdicts


def test_not_enough_is_where_the_model_abstains(random_recordings, task):
    r = random_recordings(stays=20, rows=15, hours=9)
    verdicts = assess(r).verdicts
    abstains = np.array(thin_reasons(r, r.steps), dtype=object) != ""
    assert ((verdicts["verdict"] == NOT_ENOUGH) == abstains).all()
    assert (verdicts.loc[verdicts["verdict"] != ENOUGH, "why"] != "").all()
    assert (verdicts.loc[verdicts["verdict"] == ENOUGH, "why"] == "").all()


def test_simulated_patients_have_enough_but_the_one_who_just_came(task):
    assert assess(simulated_patients(task)).counts == {ENOUGH: 7, THIN: 0, NOT_ENOUGH: 1}


def test_a_long_silence_is_thin_and_said(task):
    whole = simulated_patients(task)
    one = whole.select(["SIM-1"])
    kept = (one.hours < 10) | (one.hours > 30)
    silent = Recordings(
        task, one.record_ids, one.stay[kept], one.hours[kept], one.feature[kept], one.value[kept], one.statics
    )
    row = assess(silent).verdicts.iloc[0]
    assert row["verdict"] == THIN
    assert row["why"].startswith("Nothing measured for 2")


def test_verdicts_of_own_tasks_speak_of_their_own_steps(ward_recordings):
    verdicts = assess(ward_recordings(stays=5)).verdicts
    assert set(verdicts["verdict"]) <= {ENOUGH, THIN, NOT_ENOUGH}
    assert not verdicts["why"].str.contains(" h ").any()


# Units


@pytest.mark.parametrize(
    ("variable", "own", "other", "unit"),
    [
        ("Glucose", [95, 101, 110, 99], 5.5, "mmol/L"),
        ("PaCO2", [40, 41, 38, 44], 5.4, "kPa"),
        ("SysABP", [120, 118, 125, 119], 16, "kPa"),
        ("Mg", [2.0, 2.1, 1.9, 2.2], 0.85, "mmol/L"),
        ("Lactate", [1.1, 1.2, 1.0, 1.3], 10.5, "mg/dL"),
    ],
)
def test_one_value_in_another_unit_among_its_like_is_doubted(task, variable, own, other, unit):
    lines = [(h, variable, v) for h, v in enumerate([*own[:2], other, *own[2:]])]
    (found,) = unit_doubts(stays_of(task, a=lines))
    assert found.count == 1
    assert f"1 value looks like {unit}" in found.title
    assert found.rows["hour"].tolist() == [2]


def test_a_stay_all_in_another_unit_is_doubted(task):
    normal = [(h, "Glucose", 100 + h) for h in range(5)]
    (found,) = unit_doubts(stays_of(task, a=normal, b=[(h, "Glucose", 5 + h / 5) for h in range(5)]))
    assert set(found.rows["record_id"]) == {"b"}


@pytest.mark.parametrize(
    ("variable", "course"),
    [
        ("Lactate", [1.2, 2.5, 6, 11, 18, 20]),
        ("Glucose", [120, 300, 500, 450, 280, 150]),
        ("SysABP", [120, 90, 70, 60, 55, 60]),
        ("Bilirubin", [1, 4, 9, 14, 20, 22]),
        ("Creatinine", [1, 2, 4, 6, 8, 9]),
    ],
)
def test_illness_is_not_taken_for_a_unit(task, variable, course):
    assert unit_doubts(stays_of(task, a=[(h, variable, v) for h, v in enumerate(course)])) == []


# Clocks


def lines(times, patients=("a1",), column="charttime") -> str:
    rows = [f"{p},{t},{70 + i % 20}" for p in patients for i, t in enumerate(times)]
    return "\n".join([f"record_id,{column},HR", *rows]) + "\n"


GOOD = [f"2026-01-01 {h:02}:30" for h in range(20)]


def test_good_clocks_are_not_doubted(task):
    assert clocks(task, lines(GOOD, ("a1", "a2"))) == []
    assert clocks(task, lines([h / 2 for h in range(40)], column="time (h)")) == []


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([*GOOD, "2030-01-01 10:00"], "in the future"),
        ([*GOOD, "1970-01-01 00:00"], "1970-01-01"),
        ([*GOOD, "1900-01-01 00:00"], "1900"),
        ([f"2026-01-{d:02}" for d in (1, 2, 3)], "midnight"),
        ([f"2026-03-{d:02} 1{d % 5}:00" for d in (5, 5, 5, 6, 6, 6, 6)] + ["2026-06-03 10:00"], "day and month"),
        ([*GOOD[:10], "2026-01-01 02:00", *GOOD[10:], *[f"2026-01-02 {h:02}:10" for h in range(20)]], "back in time"),
        (["2026-01-01 01:00", "2026-01-01 20:00"], "without any measurement for 12 hours"),
    ],
    ids=["future", "epoch", "1900", "midnight", "swapped", "backwards", "gap"],
)
def test_what_clocks_do_wrong_is_said(task, times, said):
    assert any(said in title for title in clocks(task, lines(times)))


def test_one_second_for_a_whole_batch_is_said(task):
    times = [*GOOD[:6], "2026-01-01 12:34:56", "2026-01-01 12:34:56"]
    text = lines(times, [f"p{i}" for i in range(8)])
    assert any("one and the same second" in title for title in clocks(task, text))


def test_hours_that_look_like_minutes_are_said(task):
    text = lines([60 * h for h in range(40)], column="time (hours)")
    assert any("look like minutes" in title for title in clocks(task, text))


def test_dates_of_published_collections_are_no_future(task):
    assert clocks(task, lines([t.replace("2026", "2126") for t in GOOD])) == []


# The whole


def test_what_was_set_aside_is_grouped_and_adds_up(task):
    text = "record_id,time (h),HR,Temp\na,1,999,36.6\na,2,998,99999\na,3,80,x\na,3,80,37\n"
    inspection = inspect([Source("x.csv", text.encode())], task)
    built = build(inspection, inspection.mapping)
    groups = assess(built, inspection).grouped_issues
    assert groups["count"].sum() == built.report.issues["count"].sum()
    assert groups.iloc[0]["title"] == "Outside the plausible range"


def test_the_headline_counts_everybody(random_recordings):
    quality = assess(random_recordings(stays=3))
    assert quality.headline.startswith("3 patients: ")
    assert sum(quality.counts.values()) == 3


# What to look at first


def one_in_fahrenheit(extra: str = "") -> bytes:
    """Three patients over two days; the second has temperatures in °F, the third an impossible heart rate."""
    lines = ["patient,hour,heart rate,temp"]
    for p in range(3):
        for h in range(1, 49):
            heart = 999 if (p, h) == (2, 5) else 80 + h % 7
            lines.append(f"P{p},{h},{heart},{98.6 if p == 1 else 37.1}")
    return ("\n".join(lines) + "\n" + extra).encode()


def test_a_patient_in_another_unit_is_said_before_what_is_implausible_and_what_is_twice(task):
    inspection = inspect([Source("x.csv", one_in_fahrenheit("P2,48,86,37.1\n"))], task)
    quality = assess(build(inspection, inspection.mapping), inspection)
    assert quality.look_first == "temp: 48 values of at least 1 patient look like °F and were set aside."
    others = quality.to_look_at[1:]
    assert others[0].startswith("Outside the plausible range in heart rate: 1")
    assert "twice" in others[-1]
    assert quality.grouped_issues["title"].iat[0] == "Looks like °F"
    assert quality.grouped_issues["count"].sum() == quality.issues["count"].sum()


def test_few_values_in_another_unit_are_counted_to_the_patient(task):
    text = b"patient,hour,temp,heart rate\n" + b"".join(
        b"%c,%d,%s,80\n" % (p, h, b"98.6" if (p, h) == (65, 3) else b"37") for p in (65, 66) for h in range(1, 13)
    )
    inspection = inspect([Source("x.csv", text)], task)
    quality = assess(build(inspection, inspection.mapping), inspection)
    assert quality.look_first == "temp: 1 value of 1 patient looks like °F and was set aside."


def test_one_odd_value_among_many_patients_is_not_what_to_look_at_first(task):
    text = b"patient,hour,temp,heart rate\n" + b"".join(
        b"%d,%d,%s,80\n" % (p, h, b"98.6" if (p, h) == (65, 3) else b"37") for p in range(100) for h in range(1, 40)
    )
    inspection = inspect([Source("x.csv", text + b"1,later,37,80\n")], task)
    quality = assess(build(inspection, inspection.mapping), inspection)
    assert quality.look_first.startswith("No usable time")
