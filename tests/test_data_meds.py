"""MEDS datasets: what is a stay, what is a measurement, and what is passed over."""

import io
import time
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgru.data import Inspection, Recordings, Source, build, inspect
from medgru.data.meds import is_meds
from medgru.data.readers import read_tables
from medgru.settings import settings as program_settings
from medgru.tasks import ICU_MORTALITY
from tests.recordings import statics_table
from tests.twins.meds import Files, at, event, pairs, shard

HEART = "LOINC//8867-4"


def opened(files: Files) -> Inspection:
    return inspect([Source(name, data) for name, data in files.items()], ICU_MORTALITY)


def read(files: Files) -> Recordings:
    inspection = opened(files)
    return build(inspection, inspection.mapping)


def stays_of(rows: list[dict]) -> dict[str, list[float]]:
    """Heart rates of each stay."""
    table = read({"0.parquet": shard(rows)}).table()
    return table.groupby("record_id")["value"].apply(list).to_dict()


def test_every_case_of_the_twins_is_recognised_as_meds():
    for name, files, _ in pairs():
        assert {view.table.kind for view in opened(files).views} == {"MEDS"}, name
        assert all(map(is_meds, files.values())), name


def test_other_parquet_files_are_not_meds():
    def parquet(**columns) -> bytes:
        return shard([], table=pa.table(columns))

    time = pa.array([at(0)], pa.timestamp("us"))
    assert not is_meds(parquet(subject_id=[1], time=time, HR=[80]))
    assert not is_meds(parquet(subject_id=[1], time=time, code=["HR"]))  # nothing could be measured
    assert not is_meds(parquet(subject_id=["a"], time=time, code=["HR"], numeric_value=[80.0]))
    assert not is_meds(parquet(subject_id=[1], time=[1.5], code=["HR"], numeric_value=[80.0]))
    assert not is_meds(parquet(subject_id=[1], time=time, code=["HR"], numeric_value=["80"]))
    assert not is_meds(b"PAR1")
    assert not is_meds(b'{"resourceType": "Bundle"}')
    tables, _ = read_tables([Source("a.parquet", parquet(record_id=[1], time=[1.5], HR=[80]))])
    assert tables[0].kind == "table"


def test_a_subject_without_admissions_is_one_stay_from_its_first_row():
    files, _ = next((f, t) for name, f, t in pairs() if name == "codes of LOINC, no stays")
    recordings = read(files)
    assert recordings.record_ids == ("7",)
    assert recordings.hours.min() == 0


def test_what_happens_outside_every_stay_is_counted():
    files, _ = next((f, t) for name, f, t in pairs() if name == "two stays of one subject, named")
    notes = read(files).report.notes
    assert "MEDS: each stay in intensive care of a subject is a stay." in notes
    assert "MEDS: 2 measurements outside every stay in intensive care left out." in notes


def test_a_stay_that_two_subjects_share_is_two_stays():
    rows = [event(s, h, HEART, 80.0 + s + h, hadm_id=5) for s in (1, 2) for h in (0, 1)]
    assert stays_of(rows) == {"1/5": [81, 82], "2/5": [82, 83]}


def test_an_identifier_that_is_also_a_subject_merges_nobody():
    rows = [
        event(1, 0, "ICU_ADMISSION//MICU", icustay_id=2),
        event(1, 1, HEART, 81.0),
        event(2, 0, "ICU_ADMISSION//MICU"),
        event(2, 1, HEART, 82.0),
    ]
    assert stays_of(rows) == {"1/2": [81], "2/1": [82]}


def test_a_discharge_that_is_missing_ends_with_the_next_admission():
    rows = [event(1, h, "ICU_ADMISSION//MICU") for h in (0, 10)] + [event(1, h, HEART, 80.0 + h) for h in (1, 9, 11)]
    assert stays_of(rows) == {"1/1": [81, 89], "1/2": [91]}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_rows_belong_to_the_stay_during_which_they_happened(data):
    """Against a plain loop over all stays of the subject."""
    starts = data.draw(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 40)), min_size=1, max_size=6, unique=True))
    stops = data.draw(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 40)), max_size=6))
    rows = [event(s, t, "ICU_ADMISSION//X") for s, t in starts] + [event(s, t, "ICU_DISCHARGE//X") for s, t in stops]
    wanted = {}
    for i, (subject, hour) in enumerate(
        data.draw(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 44)), min_size=1, max_size=15, unique=True))
    ):
        rows.append(event(subject, hour, HEART, 60.0 + i))
        mine = sorted(t for s, t in starts if s == subject)
        number = max((n for n, t in enumerate(mine) if t <= hour), default=None)
        if number is None:
            continue
        end = min([t for s, t in stops if s == subject and t >= mine[number]], default=99)
        if hour <= end:
            wanted[60.0 + i] = (f"{subject}/{number + 1}" if len(mine) > 1 else str(subject), hour - mine[number])
    if not wanted:
        return

    table = read({"0.parquet": shard(rows)}).table()

    found = {v: (r, round(h)) for r, h, v in zip(table["record_id"], table["hours"], table["value"], strict=True)}
    assert found == wanted


def test_a_variable_that_has_text_now_and_then_is_reported_row_by_row():
    rows = [event(1, 0, HEART, 80.0), event(1, 1, HEART, None, "see strip 4"), event(1, 2, HEART, None)]
    issues = read({"0.parquet": shard(rows)}).report.issues
    assert sorted(issues[["row", "kind"]].to_numpy().tolist()) == [[3, "not a number"], [4, "no value"]]


def test_a_row_is_found_in_its_shard():
    shards = {f"{i}.parquet": shard([event(i, 0, HEART, 80.0), event(i, 1, HEART, 900.0 + i)]) for i in (1, 2)}
    issues = read(shards).report.issues
    assert issues[["file", "row", "record_id", "kind"]].to_numpy().tolist() == [
        ["1.parquet", 3, "1", "implausible"],
        ["2.parquet", 3, "2", "implausible"],
    ]


def test_words_of_codes_stand_in_the_mapping_unless_two_codes_share_them():
    rows = [event(1, h, code, 80.0) for h in (0, 1) for code in ("A1//bpm", "B2//mg/dL", "C3//mg/dL", HEART)]
    words = {"A1//bpm": "Heart rate", "B2//mg/dL": "Glucose", "C3//mg/dL": "Glucose", HEART: "Heart rate"}
    codes = pa.table({"code": list(words), "description": list(words.values()), "parent_codes": [[""]] * 4})
    files = {"0.parquet": shard(rows), "codes.parquet": shard([], table=codes)}

    names = [m.source for m in opened(files).mapping.matches]

    assert {"Heart rate (LOINC 8867-4)", "B2", "C3"} <= {*names}
    assert "Glucose" not in names  # urine and blood would have become one


def test_metadata_alone_say_what_is_missing():
    _, files, _ = next(case for case in pairs() if case[0] == "shards with their metadata")
    metadata = {name: data for name, data in files.items() if name.startswith("metadata")}
    tables, refused = read_tables([Source(name, data) for name, data in metadata.items()])
    assert not tables
    assert {r.problem for r in refused} == {
        "describes a MEDS dataset and holds no events. Bring the files of its data folder too."
    }


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([event(1, 0, "DIAGNOSIS//ICD//10//A41")], "no measurement"),
        ([event(1, None, HEART, 80.0)], "no measurement"),
        ([event(1, 0, HEART, 80.0), event(1, 2, "ICU_ADMISSION//MICU")], "none within a stay in intensive care"),
    ],
)
def test_events_without_measurements_are_refused_with_the_reason(rows, words):
    tables, refused = read_tables([Source("0.parquet", shard(rows))])
    assert not tables
    assert words in refused[0].problem


def test_shards_beyond_the_limit_are_refused_by_name(monkeypatch):
    monkeypatch.setenv("MEDGRU_MAX_ROWS", "5")
    program_settings.cache_clear()
    try:
        shards = {f"{i}.parquet": shard([event(i, h, HEART, 80.0) for h in (0, 1)]) for i in range(4)}
        inspection = opened(shards)
    finally:
        monkeypatch.undo()
        program_settings.cache_clear()
    assert [r.file for r in inspection.refused] == ["2.parquet", "3.parquet"]
    assert all("more than 5" in r.problem for r in inspection.refused)


def test_one_long_text_repeated_by_reference_stays_small():
    n = 200_000
    text = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x" * 100_000]))
    table = pa.table(
        {
            "subject_id": np.ones(n, np.int64),
            "time": pa.array(np.arange(n), pa.timestamp("us")),
            "code": pa.array([HEART] * n),
            "numeric_value": np.full(n, 80, np.float32),
            "text_value": text,  # 20 GB if written out
        }
    )
    started = time.monotonic()
    recordings = read({"0.parquet": shard([], table=table)})
    assert len(recordings.value) == n or recordings.report.rows_read == n
    assert time.monotonic() - started < 10


def test_damaged_shards_are_refused_and_the_others_read():
    good = shard([event(1, 0, HEART, 80.0)])
    pages = bytearray(shard([event(2, 0, HEART, 80.0)], compression="zstd"))
    pages[4:60] = b"\xff" * 56
    inspection = opened({"0.parquet": good, "1.parquet": bytes(pages)})
    assert [r.file for r in inspection.refused] == ["1.parquet"]


def test_what_makes_pyarrow_end_its_process_is_refused_and_the_next_read():
    """Histograms of levels that a column which is never empty does not have: asked for that column, pyarrow aborts."""
    optional, required = b"\x25\x02\x18", b"\x25\x00\x18"
    whole = shard([event(1, 0, HEART, 80.0)])
    changed = whole.replace(optional, required)
    assert changed != whole

    inspection = opened({"0.parquet": changed, "1.parquet": shard([event(2, 0, HEART, 80.0)])})

    assert [r.file for r in inspection.refused] == ["0.parquet"]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_bytes_changed_anywhere_never_end_in_a_traceback(data):
    whole = bytearray(pairs()[6][1]["0.parquet"])
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    tables, refused = read_tables([Source("0.parquet", bytes(whole))])
    assert tables or refused


def test_polars_and_pandas_write_shards_that_are_read():
    """Both write large text; pandas adds its index."""
    rows = [event(1, h, HEART, 80.5 + h) for h in (0, 1)]
    frame = pd.DataFrame(rows).astype({"numeric_value": "float32"}).drop(columns="text_value")
    data = io.BytesIO()
    frame.iloc[::-1].to_parquet(data)
    assert sorted(read({"0.parquet": data.getvalue()}).value.tolist()) == [80.5, 81.5]
    data = io.BytesIO()
    polars.from_pandas(frame).write_parquet(data)
    assert sorted(read({"0.parquet": data.getvalue()}).value.tolist()) == [80.5, 81.5]


def test_a_birth_on_the_29th_of_february_is_counted_right():
    def born(day: datetime, admitted: datetime) -> float:
        rows = [
            {**event(1, 0, "MEDS_BIRTH"), "time": day},
            {**event(1, 0, HEART, 80.0), "time": admitted},
            {**event(1, 0, HEART, 81.0), "time": admitted + timedelta(hours=1)},
        ]
        return float(statics_table(read({"0.parquet": shard(rows)}))["Age"][0])

    leap = datetime(1960, 2, 29)
    assert born(leap, datetime(2021, 2, 28, 23)) == 60
    assert born(leap, datetime(2021, 3, 1)) == 61
    assert born(leap, datetime(2020, 2, 29)) == 60
    assert born(datetime(1960, 12, 31), datetime(2020, 12, 30)) == 59


def test_a_million_events_are_read_in_seconds():
    n = 1_000_000
    rng = np.random.default_rng(0)
    subject = np.sort(rng.integers(1, 10_000, n))
    table = pa.table(
        {
            "subject_id": subject,
            "time": pa.array(np.sort(rng.integers(0, 48 * 3600, n)) * 1_000_000, pa.timestamp("us")),
            "code": pa.array(np.array([HEART, "LAB//50813//mmol/L", "LAB//223761//°F"])[rng.integers(0, 3, n)]),
            "numeric_value": rng.integers(1, 200, n).astype(np.float32),
        }
    )
    data = io.BytesIO()
    pq.write_table(table, data)
    started = time.monotonic()
    tables, _ = read_tables([Source("0.parquet", data.getvalue())])
    assert len(tables[0]) == n
    assert time.monotonic() - started < 10
