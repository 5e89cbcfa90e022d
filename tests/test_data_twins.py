"""The same measurements in any form and any order give the same recordings."""

import importlib.util
import io
import string
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgru.data import Source, build, inspect
from medgru.data.recording import Recordings
from medgru.tasks import ICU_MORTALITY
from tests.recordings import same, statics_table

_spec = importlib.util.spec_from_file_location("make_bad_files", Path(__file__).parent / "data" / "make.py")
assert _spec is not None
assert _spec.loader is not None
make = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make)

VARIABLES = ("HR", "Temp", "Lactate", "Urine")
PLAUSIBLE = {"HR": (10, 300), "Temp": (30, 45), "Lactate": (1, 40), "Urine": (0, 5000)}
FEW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_bytes(name: str, data: bytes) -> Recordings:
    inspection = inspect([Source(name, data)], ICU_MORTALITY)
    return build(inspection, inspection.mapping)


@st.composite
def wide_tables(draw: st.DrawFn) -> pd.DataFrame:
    """Wide tables of plausible invented values, one row a stay and time, unsorted."""
    names = draw(
        st.lists(
            st.text(string.ascii_letters, min_size=1, max_size=6).map("s-".__add__), min_size=1, max_size=4, unique=True
        )
    )
    rows = []
    for name in names:
        age = draw(st.integers(18, 90))
        minutes = draw(st.lists(st.integers(0, 2880), min_size=1, max_size=6, unique=True))
        for minute in minutes:
            cells = {v: draw(st.none() | st.integers(PLAUSIBLE[v][0] * 10, PLAUSIBLE[v][1] * 10)) for v in VARIABLES}
            rows.append(
                {
                    "record_id": name,
                    "time (h)": minute / 60,
                    "Age": age,
                    **{v: np.nan if c is None else c / 10 for v, c in cells.items()},
                }
            )
    return pd.DataFrame(rows)


def long_of(wide: pd.DataFrame) -> pd.DataFrame:
    return wide.melt(["record_id", "time (h)"], var_name="variable", value_name="value").dropna()


@FEW
@given(wide_tables(), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(table, random):
    order = list(range(len(table)))
    random.shuffle(order)
    for form in (table, long_of(table)):
        shuffled = form.iloc[[i for i in order if i < len(form)] + list(range(len(order), len(form)))]
        same(
            read_bytes("a.csv", form.to_csv(index=False).encode()),
            read_bytes("a.csv", shuffled.to_csv(index=False).encode()),
        )


@FEW
@given(wide_tables())
def test_every_format_of_one_table_gives_the_same_recordings(table):
    table = table.dropna(axis=1, how="all")
    if not set(VARIABLES) & set(table.columns):
        return
    comma = read_bytes("a.csv", table.to_csv(index=False).encode())
    twins = {
        "a.tsv": table.to_csv(index=False, sep="\t").encode(),
        "semicolon.csv": table.to_csv(index=False, sep=";").encode(),
        "decimal.csv": table.to_csv(index=False, sep=";", decimal=",").encode(),
        "a.parquet": make.parquet_of(table),
        "a.xlsx": make.workbook_of(
            {"a": [list(table), *table.astype(object).where(table.notna(), None).to_numpy().tolist()]}
        ),
        "a.zip": make.zip_of({"inside.csv": table.to_csv(index=False).encode()}),
    }
    for name, data in twins.items():
        same(comma, read_bytes(name, data))


@FEW
@given(wide_tables())
def test_long_and_wide_tables_give_the_same_recordings(table):
    wide, long = (form.to_csv(index=False).encode() for form in (table, long_of(table)))
    same(read_bytes("wide.csv", wide), read_bytes("long.csv", long))


@pytest.mark.parametrize("form", ["hours", "minutes", "seconds", "HH:MM", "timestamp"])
def test_every_way_to_write_times_gives_the_same_hours(form):
    minutes = np.array([0, 15, 90, 1500, 2880])
    written = {
        "hours": minutes / 60,
        "minutes": minutes,
        "seconds": minutes * 60,
        "HH:MM": [f"{m // 60:02d}:{m % 60:02d}" for m in minutes],
        "timestamp": pd.Timestamp("2026-03-28 23:30") + pd.to_timedelta(minutes, unit="min"),
    }[form]
    table = pd.DataFrame({"record_id": "s", "time": written, "HR": 80})

    inspection = inspect([Source("a.csv", table.to_csv(index=False).encode())], ICU_MORTALITY)

    assert inspection.mapping.time_unit == form
    np.testing.assert_allclose(build(inspection, inspection.mapping).hours, minutes / 60, rtol=1e-6)
    same(build(inspection, inspection.mapping), read_bytes("a.parquet", make.parquet_of(table)))


def test_a_stay_spread_over_several_files_is_put_together():
    parts = [
        Source("monday.csv", b"record_id,time,HR\ns,1,80\n"),
        Source("tuesday.csv", b"id,hour,variable,value\ns,2,HR,82\n"),
        Source("wednesday.txt", b"Time,Parameter,Value\n00:00,RecordID,7\n01:00,HR,90\n"),
    ]
    inspection = inspect(parts, ICU_MORTALITY)

    recordings = build(inspection, inspection.mapping)

    assert set(recordings.record_ids) == {"s", "7"}
    assert sorted(recordings.value.tolist()) == [80, 82, 90]
    assert "1 stay in more than one file or sheet: their rows were put together." in recordings.report.notes
    assert recordings.report.files == ("monday.csv", "tuesday.csv", "wednesday.txt")
    assert {f.kind for f in inspection.files} == {"wide table", "long table", "PhysioNet text"}


def test_many_files_of_one_stay_each_are_read_like_one_table():
    rng = np.random.default_rng(0)
    files = {
        f"p{i:04d}.psv": f"ICULOS|HR|Temp\n1|{60 + i % 100}|36.6\n2|{rng.integers(60, 99)}|\n".encode()
        for i in range(300)
    }

    inspection = inspect([Source("stays.zip", make.zip_of(files))], ICU_MORTALITY)
    recordings = build(inspection, inspection.mapping)

    assert len(inspection.views) == 1
    assert recordings.record_ids == tuple(f"p{i:04d}" for i in range(300))
    assert recordings.select(["p0007"]).value.tolist()[0] == 67
    assert len(recordings.value) == 900


def test_one_odd_file_among_many_does_not_spoil_the_others():
    files = {f"{i}.txt": f"Time,Parameter,Value\n00:00,RecordID,{i}\n01:00,HR,80\n".encode() for i in range(1, 40)}
    files["12.txt"] += b"02:00,HR\n03:00,HR,high,higher\n"
    files["13.txt"] = b"Time,Parameter,Value\n"

    inspection = inspect([Source("stays.zip", make.zip_of(files))], ICU_MORTALITY)
    recordings = build(inspection, inspection.mapping)

    assert len(recordings) == 38
    assert (recordings.value == 80).all()
    assert [r.file for r in inspection.refused] == ["stays.zip › 13.txt"]
    set_aside = recordings.report.issues.query("problem.str.contains('cells')")
    assert set(zip(set_aside["file"], set_aside["row"], strict=True)) == {
        ("stays.zip › 12.txt", 4),
        ("stays.zip › 12.txt", 5),
    }


def test_identifiers_stay_as_they_are_written():
    text = b"Time,Parameter,Value\n00:00,RecordID,007\n01:00,HR,80\n"
    assert read_bytes("a.txt", text).record_ids == ("007",)
    assert read_bytes("a.csv", b"record_id,time,HR\n007,1,80\n").record_ids == ("007",)
    large = pd.DataFrame({"record_id": [2**60, 2**60 + 1], "time": [1, 1], "HR": [80, 81]})
    assert read_bytes("a.parquet", make.parquet_of(large)).record_ids == (str(2**60), str(2**60 + 1))
    assert read_bytes("a.parquet", make.parquet_of(large.assign(record_id=[1.0, 2.0]))).record_ids == ("1", "2")


def test_a_file_without_an_identifier_is_named_after_itself():
    assert read_bytes("bed 4.txt", b"Time,Parameter,Value\n01:00,HR,80\n").record_ids == ("bed 4",)


def test_parquet_keeps_times_and_durations():
    table = pd.DataFrame(
        {
            "record_id": ["a", "a"],
            "time": pd.to_timedelta(["00:30:00", "26:15:00"]),
            "HR": pd.array([80, None], "Int64"),
            "MechVent": [True, False],
            "list": [[1], [2]],
        }
    )
    recordings = read_bytes("a.parquet", make.parquet_of(table))

    assert recordings.table()[["hours", "variable", "value"]].to_numpy().tolist() == [
        [0.5, "HR", 80.0],
        [0.5, "MechVent", 1.0],
        [26.25, "MechVent", 0.0],
    ]
    assert "a.parquet: 1 columns hold lists or records and were left out." in recordings.report.notes


def test_workbook_cells_of_every_kind_are_understood():
    hour = pd.Timestamp("2026-01-01 08:00").to_pydatetime()
    rows = [
        ["record_id", "time", "HR", "Sex", "remark"],
        [7, hour, 80, "F", True],
        [7, hour + pd.Timedelta("90min"), "x", None, 1.5],
    ]

    recordings = read_bytes("a.xlsx", make.workbook_of({"a": rows}))

    assert recordings.record_ids == ("7",)
    assert (recordings.hours.tolist(), recordings.value.tolist()) == ([0.0], [80.0])
    assert statics_table(recordings)["Gender"].tolist() == [0]
    assert recordings.report.issues["row"].tolist() == [3]


def test_templates_read_back_without_a_problem():
    from medgru.data import template, template_long

    wide, long = read_bytes("wide.csv", template(ICU_MORTALITY)), read_bytes("long.csv", template_long(ICU_MORTALITY))

    same(wide, long)
    assert wide.report.issues.empty
    assert wide.record_ids == ("EXAMPLE-1",)
    mapping = inspect([Source("wide.csv", template(ICU_MORTALITY))], ICU_MORTALITY).mapping
    assert {m.target for m in mapping.matches} >= {f.name for f in (*ICU_MORTALITY.features, *ICU_MORTALITY.statics)}
    assert {m.how for m in mapping.matches} == {"exact"}
    assert io.BytesIO(template(ICU_MORTALITY)).readline().startswith(b"\xef\xbb\xbfrecord_id,time (hours),Age (years),")


@pytest.mark.parametrize(
    "ids",
    [
        ("12345678901234567", "12345678901234568"),
        ("1.10", "1.1"),
        ("1e3", "1000"),
        ("007", "7"),
        ("+5", "5"),
        ("132539", "132540"),
    ],
)
def test_identifiers_of_physionet_text_are_kept_to_the_letter(ids):
    files = {
        f"{i}.txt": f"Time,Parameter,Value\n00:00,RecordID,{name}\n00:00,Age,5{i}\n01:00,HR,8{i}\n01:30,Temp,36.{i}\n"
        for i, name in enumerate(ids)
    }

    together = read_bytes("a.zip", make.zip_of({name: text.encode() for name, text in files.items()}))

    assert together.record_ids == ids
    for record_id, (name, text) in zip(ids, files.items(), strict=True):
        same(read_bytes(name, text.encode()), together.select([record_id]))
