"""Columns whose names say too little: found in their cells, marked as guesses, or left to the user."""

import pandas as pd
import pytest

from medgru.data import Inspection, Mapping, Source, build, inspect
from medgru.data.names import Names, match_role
from medgru.errors import DataError
from medgru.tasks import ICU_MORTALITY


def look_at(text: str | bytes, name: str = "a.csv") -> Inspection:
    return inspect([Source(name, text.encode() if isinstance(text, str) else text)], ICU_MORTALITY)


def hours(inspection: Inspection) -> list[float]:
    return [round(float(h), 4) for h in build(inspection, inspection.mapping).hours]


def role_of(inspection: Inspection, source: str) -> tuple[str | None, str]:
    match = inspection.mapping[source]
    return match.target, match.how


@pytest.mark.parametrize(
    ("header", "role"),
    [
        ("Datum/Uhrzeit", "time"),
        ("Datum und Uhrzeit", "time"),
        ("fecha/hora", "time"),
        ("fecha y hora", "time"),
        ("date/heure", "time"),
        ("Date_Time", "time"),
        ("日期时间", "time"),
        ("Messzeit", "time"),
        ("Recorded at", "time"),
        ("Datum", "date"),
        ("valueuom", "unit"),
        ("Unidad", "unit"),
        ("Resultado", "value"),
        ("数值", "value"),
        ("Date of birth", None),
        ("HR min", None),
    ],
)
def test_composed_and_foreign_names_have_their_role(header, role):
    found = match_role(header)

    assert (found[0] if found else None) == role


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("RR", "RespRate"),
        ("RR (1/min)", "RespRate"),
        ("RR syst", "NISysABP"),
        ("RRsys", "NISysABP"),
        ("RRs", "NISysABP"),
        ("RRd", "NIDiasABP"),
        ("RR syst (mmHg)", "NISysABP"),
        ("RR diast", "NIDiasABP"),
        ("RR_dia", "NIDiasABP"),
        ("RR systolisch", "NISysABP"),
        ("RR diastolisch", "NIDiasABP"),
        ("RR mittel", "NIMAP"),
        ("BP sys", "SysABP"),
        ("Blutdruck systolisch", "SysABP"),
        ("Blutdruck diastolisch", "DiasABP"),
        ("TA sys", "SysABP"),
        ("TA diastólica", "DiasABP"),
        ("NIBP sys", "NISysABP"),
        ("NIBP dia", "NIDiasABP"),
    ],
)
def test_riva_rocci_is_the_cuff_and_rr_alone_is_breathing(header, target):
    assert Names(ICU_MORTALITY).match(header).target == target


@pytest.mark.parametrize("header", ["SBP", "Blutdruck diastolisch (mmHg)", "收缩压", "mean BP"])
def test_a_pressure_of_neither_line_nor_cuff_is_a_guess_to_check(header):
    found = Names(ICU_MORTALITY).match(header)
    assert found.how == "guessed"
    assert "Taken as arterial line; change it if by cuff." in found.reason


@pytest.mark.parametrize("header", ["SysABP", "abp systolic", "NIBP sys", "RR syst", "MAP"])
def test_a_pressure_whose_name_says_how_it_was_taken_is_none(header):
    assert Names(ICU_MORTALITY).match(header).how != "guessed"


@pytest.mark.parametrize(
    ("cells", "expected", "why"),
    [
        (
            ["01.03.2026 08:00", "01.03.2026 09:30", "02.03.2026 08:00", "02.03.2026 09:00"],
            [0, 1.5, 24, 25],
            "cells are dates",
        ),
        (["0:30", "1:45", "26:00", "27:00"], [0.5, 1.75, 26, 27], "hours and minutes"),
        (["0", "1", "2.5", "6"], [0, 1, 2.5, 6], "rise within each stay"),
    ],
    ids=["dates with times", "hours and minutes", "rising numbers"],
)
def test_a_time_column_that_is_not_named_so_is_found_in_its_cells_and_marked(cells, expected, why):
    inspection = look_at("id,wann,HR\n" + "".join(f"a,{cell},{80 + i}\n" for i, cell in enumerate(cells)))

    match = inspection.mapping["wann"]

    assert (match.target, match.how) == ("time", "guessed")
    assert why in match.reason
    assert match.reason.endswith("Please check.")
    assert hours(inspection) == expected


@pytest.mark.parametrize(
    "cells",
    [
        ["01.02.1960 10:15"] * 5,
        ["4", "3", "5", "1", "2"],
        ["7"] * 5,
        ["ok", "ok", "-", "ok", "ok"],
    ],
    ids=["date of birth", "neither rising", "a bed", "remarks"],
)
def test_what_could_not_be_a_time_is_never_taken_as_one(cells):
    inspection = look_at("id,something,HR\n" + "".join(f"a,{cell},80\n" for cell in cells))

    assert role_of(inspection, "something") == (None, "left out")


def test_the_number_of_the_row_is_not_a_time():
    rows = "".join(f"{i},{'ab'[i // 5]},80\n" for i in range(10))
    inspection = look_at("row,id,HR\n" + rows)

    assert role_of(inspection, "row") == (None, "left out")


def test_two_rising_columns_are_left_to_the_user():
    inspection = look_at("id,one,two,HR\n" + "".join(f"a,{i},{2 * i},80\n" for i in range(6)))

    assert "no column with the time" in (inspection.files[0].problem or "")


def test_nothing_is_guessed_in_a_file_without_header():
    inspection = look_at("Doe,2026-03-01 08:00,80\nDoe,2026-03-01 09:00,82\nDoe,2026-03-01 10:00,84\n")
    with pytest.raises(DataError, match="no column name in row 1 that is known") as caught:
        build(inspection, inspection.mapping)

    assert "Doe" not in str(caught.value)


LONG = (
    "subject,since,itemid,{value},uom\na,0,Heart Rate,88,bpm\na,1,Temperature,98.6,F\n"
    "a,2,Heart Rate,90,bpm\na,3,Mood,1,\n"
)


@pytest.mark.parametrize(("value", "how"), [("valuenum", "exact"), ("Ergebnis", "exact"), ("reading_2", "guessed")])
def test_the_column_that_names_variables_is_found_in_its_cells(value, how):
    inspection = look_at(LONG.format(value=value))

    assert inspection.files[0].kind == "long table"
    assert role_of(inspection, "itemid") == ("variable", "guessed")
    assert inspection.mapping["itemid"].reason == "2 of its 3 different entries name variables. Please check."
    assert role_of(inspection, value) == ("value", how)
    assert role_of(inspection, "uom") == ("unit", "exact")
    assert role_of(inspection, "since") == ("time", "guessed")
    table = build(inspection, inspection.mapping).table()
    assert dict(zip(table["hours"], table["value"].round(2), strict=True)) == {0: 88, 1: 37, 2: 90}


@pytest.mark.parametrize(
    "text",
    [
        "id,time,HR,remark,n\na,1,80,Temperature,1\na,2,82,Lactate,2\n",
        "id,time,sex_code,n\na,1,F,1\na,2,K,2\n",
        "id,time,ward,n\na,1,North,1\na,2,South,2\n",
    ],
    ids=["a wide table's remarks", "single letters", "other words"],
)
def test_text_beside_numbers_is_not_always_a_long_table(text):
    assert look_at(text).files[0].kind == "wide table"


DATED = "id,Datum,Uhrzeit,HR\na,{},23:30,80\na,{},00:30,82\nb,{},06:00,84\nb,{},24:00,86\n"


@pytest.mark.parametrize(
    "days",
    [
        ("31.12.2025", "01.01.2026", "05.01.2026", "05.01.2026"),
        ("2025-12-31", "2026-01-01", "2026-01-05", "2026-01-05"),
        ("2025-12-31 00:00:00", "2026-01-01 00:00:00", "2026-01-05 00:00:00", "2026-01-05 00:00:00"),
        ("2025年12月31日", "2026年1月1日", "2026年1月5日", "2026年1月5日"),
    ],
    ids=["local", "ISO", "ISO with midnight", "Chinese"],
)
def test_a_date_column_and_a_time_of_day_are_one_moment(days):
    inspection = look_at(DATED.format(*days))

    assert hours(inspection) == [0, 1, 0, 18]
    assert inspection.mapping["Uhrzeit"].reason.startswith("Time of day; its day is in Datum.")
    assert inspection.mapping["Datum"].reason.startswith("Day of the time in Uhrzeit.")
    assert {inspection.mapping[c].target for c in ("Datum", "Uhrzeit")} == {"time"}
    assert inspection.files[0].problem is None


@pytest.mark.parametrize(
    ("early", "late"),
    [("12:30 AM", "3:15 PM"), ("0:30 Uhr", "15:15 Uhr"), ("0h30", "15h15"), ("0时30分", "15时15分")],
)
def test_times_of_day_are_read_as_they_are_spoken(early, late):
    inspection = look_at(f"id,date,time,HR\na,2026-01-15,{early},80\na,2026-01-15,{late},82\n")

    assert hours(inspection) == [0, 14.75]


def test_a_laboratory_table_of_a_research_database_is_read_as_it_is():
    inspection = look_at(
        "labid,patientunitstayid,labresultoffset,labname,labresult,labmeasurenamesystem\n"
        "7,141,120,creatinine,1.2,mg/dL\n8,141,240,potassium,4.2,mmol/L\n9,141,240,chloride,104,mmol/L\n"
    )

    assert hours(inspection) == [2, 4]
    assert inspection.mapping.time_unit == "minutes"


def test_a_date_and_a_time_of_day_from_a_saved_mapping_or_another_format_are_the_same():
    days = pd.to_datetime(["2025-12-31", "2026-01-01"])
    table = pd.DataFrame({"id": "a", "date": days, "time": ["23:30:00", "00:30:00"], "HR": [80, 82]})
    first = look_at(table.to_csv(index=False))
    restored = Mapping.from_config(first.mapping.to_config(), ICU_MORTALITY)

    assert build(first, restored).hours.tolist() == [0, 1]
    assert build(first, first.mapping.apply(restored.to_config())).hours.tolist() == [0, 1]
    path = table.to_parquet(index=False)
    assert hours(look_at(path, "a.parquet")) == [0, 1]


def test_a_time_column_chosen_by_hand_stands_alone():
    inspection = look_at(DATED.format("1.1.2026", "2.1.2026", "5.1.2026", "5.1.2026"))
    changed = inspection.mapping.change("Uhrzeit", target="time", unit="HH:MM")

    assert changed["Datum"].target is None
    assert build(inspection, changed).hours.tolist() == [0.5, 23.5, 6, 24]


def test_hours_since_admission_keep_their_meaning_beside_a_date():
    inspection = look_at("id,date,time,HR\na,2026-01-01,23:30,80\na,2026-01-02,26:30,82\n")

    assert role_of(inspection, "date")[0] is None
    assert hours(inspection) == [23.5, 26.5]


def test_dates_alone_are_a_doubt_to_be_seen():
    inspection = look_at("id,Datum,HR\na,01.03.2026,80\na,02.03.2026,82\n")

    assert role_of(inspection, "Datum") == ("time", "guessed")
    assert "no time of day" in inspection.mapping["Datum"].reason
    assert hours(inspection) == [0, 24]


@pytest.mark.parametrize("first", [0, 1], ids=["date first", "both first"])
def test_files_with_and_without_a_time_of_day_may_be_mixed(first):
    texts = ["id,Datum,HR\na,01.03.2026,80\n", "id,Datum,Uhrzeit,HR\na,01.03.2026,12:00,82\na,02.03.2026,06:00,84\n"]
    order = [texts[first], texts[1 - first]]
    inspection = inspect([Source(f"{i}.csv", t.encode()) for i, t in enumerate(order)], ICU_MORTALITY)

    assert sorted(hours(inspection)) == [0, 12, 30]


def test_a_column_left_out_in_one_file_may_be_found_in_the_next():
    short = "id,time,HR,wann\na,1,80,x\n"
    full = "id,wann,HR\n" + "".join(f"b,{h}:15,80\n" for h in range(5))
    inspection = inspect([Source("a.csv", short.encode()), Source("b.csv", full.encode())], ICU_MORTALITY)

    assert inspection.mapping["wann", "a.csv"].target is None
    assert inspection.mapping["wann", "b.csv"].target == "time"
    assert len(build(inspection, inspection.mapping).hours) == 6


def test_am_and_pm_without_a_date_are_no_hours_since_admission():
    inspection = look_at("id,time,HR\na,8:15 PM,80\na,1:00 AM,81\na,30:00,82\n")
    recordings = build(inspection, inspection.mapping)

    assert recordings.hours.tolist() == [30]
    assert recordings.report.issues["row"].tolist() == [2, 3]
    assert recordings.report.issues["problem"].str.contains("add a column with the date").all()
    assert inspection.mapping["time"].how == "guessed"
    assert "need a column with their date" in inspection.mapping["time"].reason


@pytest.mark.parametrize("header", ["time", "charttime"])
def test_days_as_excel_counts_them_are_moments_marked_as_guessed(header):
    inspection = look_at(f"id,{header},HR\na,45000.5,80\na,45000.53125,81\na,45001.5,82\nb,45003.3333333333,83\n")

    assert hours(inspection) == [0, 0.75, 24, 0]
    assert inspection.mapping.time_unit == "timestamp"
    assert inspection.mapping[header].how == "guessed"
    assert build(inspection, inspection.mapping.change(header, unit="seconds")).hours.round(2).tolist()[0] == 12.5


def test_whole_numbers_of_seconds_stay_seconds():
    assert hours(look_at("id,time,HR\na,36000,80\na,43200,81\n")) == [10, 12]
