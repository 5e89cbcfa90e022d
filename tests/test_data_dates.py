"""Dates and clocks in the compact forms of exports, and in two columns: read right, or said to be a guess."""

import io
import json
import time
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgru.data import Inspection, Source, build, inspect, table
from medgru.data.times import HOURS, TIMESTAMP, TimeColumn, parse_times
from medgru.quality import removed
from medgru.tasks import ICU_MORTALITY
from tests.twins.fhir import observation

MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2100, 12, 31)).map(lambda m: m.replace(microsecond=0))


def look_at(*texts: str) -> Inspection:
    return inspect([Source(f"{i}.csv", text.encode()) for i, text in enumerate(texts)], ICU_MORTALITY)


def hours(inspection: Inspection) -> list[float]:
    return [round(float(h), 4) for h in build(inspection, inspection.mapping).hours]


def parsed(cells: list[str], header: str = "time", unit: str | None = None) -> TimeColumn:
    return parse_times(pa.chunked_array([pa.array(cells)]), header, 48, unit)


def seconds(moment: datetime) -> float:
    return moment.replace(tzinfo=UTC).timestamp()


# A date beside a clock.


@pytest.mark.parametrize("clock", [("08:15", "00:15"), ("0815", "0015"), ("815", "15"), ("081500", "001500")])
@pytest.mark.parametrize(
    "days", [("20240131", "20240201"), ("45322", "45323"), ("2024-01-31", "2024-02-01"), ("31.01.2024", "01.02.2024")]
)
def test_a_date_and_a_clock_are_one_moment_however_compact_they_are(days, clock):
    inspection = look_at(f"record_id,date,time,HR\n1,{days[0]},{clock[0]},80\n1,{days[1]},{clock[1]},82\n")

    assert hours(inspection) == [0, 16]
    assert inspection.mapping["date"].target == inspection.mapping["time"].target == "time"
    guessed = {m.source for m in inspection.mapping.guessed}
    assert ("time" in guessed) == (":" not in clock[0])
    assert ("date" in guessed) == (days[0] == "45322")


def test_days_and_parts_of_a_day_as_excel_counts_them_are_moments():
    inspection = look_at("record_id,date,time,HR\n1,45322,0.34375,80\n1,45323,0.0104166667,82\n1,45323,0,83\n")

    assert hours(inspection) == [0, 15.75, 16]
    assert {m.source for m in inspection.mapping.guessed} >= {"date", "time"}


def test_a_word_among_clocks_without_a_colon_is_reported_and_spoils_no_other():
    inspection = look_at("record_id,date,time,HR\n1,20240131,0815,80\n1,20240131,later,81\n1,20240201,0015,82\n")
    recordings = build(inspection, inspection.mapping)

    assert recordings.hours.tolist() == [0, 16]
    assert recordings.report.issues["row"].tolist() == [3]


@pytest.mark.parametrize(
    ("days", "clock"),
    [
        (("20241301", "20241302"), ("08:15", "00:15")),
        (("ward A", "ward B"), ("08:15", "00:15")),
        (("20240131", "20240201"), ("8", "14")),
        (("20240131", "20240201"), ("0815", "0875")),
    ],
    ids=["no such month", "no dates", "hours", "no such minute"],
)
def test_times_whose_date_cannot_be_used_are_a_guess_that_says_so(days, clock):
    inspection = look_at(f"record_id,date,time,HR\n1,{days[0]},{clock[0]},80\n1,{days[1]},{clock[1]},82\n")
    match = inspection.mapping["time"]

    assert inspection.mapping["date"].target is None
    assert match.how == "guessed"
    assert "The dates in date are not used" in match.reason


def test_hours_said_to_be_since_admission_are_no_guess_beside_a_date():
    inspection = look_at("record_id,date,hours since admission,HR\n1,2024-01-31,8,80\n1,2024-01-31,9,82\n")

    assert inspection.mapping["hours since admission"].how == "exact"
    assert hours(inspection) == [8, 9]


def test_compact_dates_alone_are_days():
    inspection = look_at("record_id,date,HR\n1,20240131,80\n1,20240201,82\n")

    assert hours(inspection) == [0, 24]
    assert inspection.mapping["date"].how == "guessed"


# Moments of digits alone.


@given(moments=st.lists(MOMENTS, min_size=1, max_size=8))
@pytest.mark.parametrize(
    ("form", "step"), [("%Y%m%d%H%M%S", 1), ("%Y%m%d%H%M", 60), ("%Y%m%d%H", 3600), ("%Y%m%d", 86_400)]
)
def test_moments_of_digits_alone_are_read_to_their_last_digit(form, step, moments):
    found = parsed([m.strftime(form) for m in moments], "date")

    assert found.unit == TIMESTAMP
    assert not found.bad.any()
    assert found.value.tolist() == [seconds(m) // step * step for m in moments]


@pytest.mark.parametrize("unit", [None, TIMESTAMP])
def test_a_moment_that_does_not_exist_is_reported_and_spoils_no_other(unit):
    found = parsed([*[f"202401{day}123000" for day in range(10, 20)], "20240230123000"], unit=unit)

    assert found.bad.tolist() == [False] * 10 + [True]
    assert np.isnan(found.value[-1])
    assert set(np.diff(found.value[:-1])) == {86_400}


@given(st.lists(st.integers(1_000_000_000, 1_800_000_000), min_size=2, max_size=8))
def test_seconds_and_milliseconds_since_1970_stay_what_they_are(moments):
    assert parsed([str(m) for m in moments]).value.tolist() == moments
    assert parsed([f"{m}000" for m in moments]).value.tolist() == moments


def test_numbers_that_only_look_like_dates_are_read_in_the_unit_of_their_header():
    assert parsed(["20240131", "20240201"], "time (hours)").unit == HOURS


# Texts that are no times.


@pytest.mark.parametrize("form", ["at {0}-{0} de las Jan x{0}", "note {0} of ward {0}"])
def test_a_long_column_of_remarks_is_given_up_quickly(form):
    texts = [form.format(i) for i in range(100_000)]
    started = time.monotonic()
    found = parsed(texts)

    assert found.bad.all()
    assert time.monotonic() - started < 5


# A mapping for other files, and several tables.


@pytest.mark.parametrize("confirmed", [False, True], ids=["as proposed", "confirmed"])
@pytest.mark.parametrize("moments", [("2024-01-31 08:15", "2024-02-01 00:15"), ("20240131081500", "20240201001500")])
def test_a_mapping_with_a_date_and_a_clock_keeps_the_clock_of_full_timestamps(moments, confirmed):
    first = look_at("record_id,date,time,HR\n1,2024-01-31,08:15,80\n1,2024-02-01,00:15,82\n")
    saved = first.mapping
    for column in ("date", "time") if confirmed else ():
        saved = saved.confirm(column)
    if confirmed:
        saved = first.mapping.apply(saved.to_config())
    second = look_at(f"record_id,date,time,HR\n1,2024-01-31,{moments[0]},80\n1,2024-02-01,{moments[1]},82\n")
    recordings = build(second, second.mapping.apply(saved.to_config()))

    assert recordings.hours.tolist() == [0, 16]
    assert any("date is mapped as a time too" in note for note in recordings.report.notes)


def test_a_unit_chosen_by_hand_holds_beside_a_date():
    inspection = look_at("record_id,date,time,HR\n1,2024-01-31,0815,80\n1,2024-02-01,0015,82\n")
    view = inspection.views[0]
    roles = view.roles(inspection.mapping)

    assert set(roles) >= {"date", "time"}
    assert view.row_times(roles, ICU_MORTALITY, "minutes").value.tolist() == [815 / 60, 0.25]
    assert view.row_times(roles, ICU_MORTALITY).absolute


OFFSETS = "record_id,time,HR\n1,2024-01-31T08:00:00+02:00,80\n1,2024-01-31T09:00:00+02:00,81\n"
NAIVE = "record_id,time,Temp\n{},2024-01-31T08:00:00,37\n{},2024-01-31T09:00:00,37\n"


def test_moments_with_and_without_offsets_of_one_stay_are_said_to_be_doubtful():
    inspection = look_at(OFFSETS, NAIVE.format(1, 1))
    (note,) = [n for n in build(inspection, inspection.mapping).report.notes if "UTC" in n]

    assert note.startswith("1 stay with times")
    assert "time of 0.csv) and" in note
    assert "(time of 1.csv)" in note
    assert "Please check" in note


def fhir(time: str) -> Source:
    one = observation(("p1", 0, "HR", 88.0, "/min")) | {
        "effectiveDateTime": time,
        "subject": {"reference": "Patient/1"},
    }
    return Source("ward.json", json.dumps([one]).encode())  # FHIR wants an offset; exports exist that have none


def parquet(zone: str | None) -> Source:
    moments = pa.array([1_706_680_800, 1_706_684_400], pa.timestamp("s", tz=zone))
    file = io.BytesIO()
    pq.write_table(pa.table({"record_id": ["1", "1"], "time": moments, "HR": [80.0, 81.0]}), file)
    return Source("ward.parquet", file.getvalue())


@pytest.mark.parametrize(
    ("one", "other", "doubted"),
    [
        (fhir("2024-01-31T08:00:00+02:00"), NAIVE, True),
        (fhir("2024-01-31T08:00:00"), NAIVE, False),
        (fhir("2024-01-31T08:00:00"), OFFSETS, True),
        (parquet("Europe/Berlin"), NAIVE, True),
        (parquet(None), NAIVE, False),
        (parquet(None), OFFSETS, True),
    ],
    ids=["FHIR in UTC", "FHIR, local", "FHIR, local, and offsets", "zone", "no zone", "no zone and offsets"],
)
@pytest.mark.parametrize("without_identifiers", [False, True], ids=["", "identifiers removed"])
def test_a_format_that_says_its_offsets_beside_a_file_that_does_not_is_said_to_be_doubtful(
    one, other, doubted, without_identifiers
):
    other = other.replace("HR", "Temp").replace(",80", ",37").replace(",81", ",37").format(1, 1)
    inspection = inspect([one, Source("lab.csv", other.encode())], ICU_MORTALITY)
    if without_identifiers:
        inspection = removed(inspection, ()).inspection

    assert any("from UTC" in n for n in build(inspection, inspection.mapping).report.notes) is doubted


@pytest.mark.parametrize("other", [NAIVE.format(2, 2), OFFSETS.replace("HR", "Temp")], ids=["other stay", "same zone"])
def test_moments_that_go_together_are_not_doubted(other):
    inspection = look_at(OFFSETS, other)

    assert not [n for n in build(inspection, inspection.mapping).report.notes if "UTC" in n]


@pytest.mark.parametrize("cell", ["2024-01-31 08:15:00", "31/1/2024", "8:15", "2024-01-31T08:15:00.5+02:00", "8:15 AM"])
def test_a_million_moments_are_not_tried_as_numbers_one_by_one(cell, monkeypatch):
    def never(*_) -> None:
        raise AssertionError("looked at alone")

    monkeypatch.setattr(table, "read_cell", never)
    assert table.numbers(pa.array([cell, "5", ""])).bad.tolist() == [True, False, False]


# Dates of six digits.


@pytest.mark.parametrize(
    ("cells", "first"),
    [
        (["260317", "260318", "260319"], datetime(2026, 3, 17)),
        (["170326", "180326", "190326"], datetime(2026, 3, 17)),
        (["031726", "031826", "031926"], datetime(2026, 3, 17)),
        (["010103", "010104", "010228"], datetime(2001, 1, 3)),
        (["991230", "991231", "000101"], datetime(1999, 12, 30)),
    ],
    ids=["year first", "day first", "month first", "far apart otherwise", "turn of the century"],
)
def test_dates_of_six_digits_are_read_where_one_order_can_be_meant_and_that_is_said(cells, first):
    found = parsed(cells, "date")

    assert found.unit == TIMESTAMP
    assert found.value[0] == seconds(first)
    assert not found.bad.any()
    assert found.reason.endswith("Please check.")


@pytest.mark.parametrize(
    ("cells", "header"),
    [
        (["010203"], "date"),
        (["010203", "020203", "030203"], "time"),
        (["260317", "260317"], "date"),
        (["260317"], "time"),
        (["170326", "180326", "190326"], "time"),
        (["081510", "091511", "101512"], "time"),
    ],
    ids=["one", "day or month", "one day", "one, or seconds", "dates or clocks", "clocks or dates"],
)
def test_six_digits_that_could_be_several_dates_are_refused_with_advice(cells, header):
    found = parsed(cells, header)

    assert found.bad.all()
    assert np.isnan(found.value).all()
    assert "write dates as 2026-03-17" in found.problem


@pytest.mark.parametrize("header", ["date", "time"])
def test_rows_with_open_dates_of_six_digits_say_what_to_do(header):
    cells = ["010203", "020203", "030203"]
    inspection = look_at(f"record_id,{header},HR\n" + "".join(f"1,{c},80\n" for c in cells))
    found = build(inspection, inspection.mapping)

    assert len(found.value) == 0
    assert any("write dates as 2026-03-17" in note for note in found.report.notes)


@pytest.mark.parametrize("day", ["010203", "260317"])
def test_an_open_date_beside_a_clock_leaves_no_time_at_all(day):
    inspection = look_at(f"record_id,date,time,HR\n1,{day},08:15,80\n1,{day},09:15,82\n")
    found = build(inspection, inspection.mapping)

    assert len(found.value) == 0
    assert any("write dates as 2026-03-17" in note for note in found.report.notes)


def test_clear_dates_of_six_digits_beside_a_clock_of_six_digits_are_moments():
    rows = [("260317", "231510"), ("260318", "011511"), ("260319", "021512")]
    text = "record_id,date,time,HR\n" + "".join(f"1,{d},{t},80\n" for d, t in rows)

    assert hours(look_at(text)) == pytest.approx([0, 2 + 1 / 3600, 27 + 2 / 3600], abs=1e-3)


@pytest.mark.parametrize(
    ("cells", "header", "unit"),
    [
        (["0", "3600", "7200", "110101"], "time", "seconds"),
        (["260317", "260318", "260319"], "time_seconds", "seconds"),
        (["10203", "10204"], "time", "seconds"),
    ],
    ids=["with others", "called seconds", "two small ones"],
)
def test_numbers_of_six_digits_that_are_no_dates_stay_numbers(cells, header, unit):
    assert parsed(cells, header).unit == unit
