"""Tables of the OMOP common data model: whose rows they are, what they measure, where they are found."""

import time

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgru.data import Inspection, Recordings, Source, build, inspect
from medgru.data.omop import is_omop
from medgru.data.readers import read_tables
from medgru.tasks import ICU_MORTALITY
from tests.recordings import statics_table
from tests.twins.omop import HR, MEASUREMENT_53, TEMP, VISIT, Files, measured, moment, pairs, written

CONDITION = b"condition_occurrence_id,person_id,condition_concept_id\n1,7,201826\n"


def opened(files: Files) -> Inspection:
    return inspect([Source(name, data) for name, data in files.items()], ICU_MORTALITY)


def read(files: Files) -> Recordings:
    inspection = opened(files)
    return build(inspection, inspection.mapping)


def measurements(*rows: dict) -> bytes:
    return written(MEASUREMENT_53, rows)


def test_every_case_of_the_twins_is_recognised_as_omop():
    for name, files, _ in pairs():
        assert {view.table.kind for view in opened(files).views} == {"OMOP"}, name
        assert all(is_omop(data[:4096]) for data in files.values()), name


def test_other_tables_are_not_omop():
    for header in (
        b"person_id,time,HR\n",
        b"record_id,concept\n",
        b"concept_id\n",
        b"\xff\xfe",
        b"",
        b"\xff\xff\xff,a\n",
    ):
        assert not is_omop(header)
    assert is_omop("PERSON_ID,MEASUREMENT_CONCEPT_ID\n".encode("utf-16"))
    assert is_omop(b'\xef\xbb\xbf"person_id"\t"measurement_concept_id"\n')


def test_without_measurements_a_table_is_what_any_csv_is():
    """A table of persons or deaths may hold the labels."""
    death = b"person_id,death_date,death_type_concept_id,died\n7,2020-03-02,32817,1\n"
    tables, refused = read_tables([Source("death.csv", death), Source("condition.csv", CONDITION)])
    assert not refused
    assert {t.kind for t in tables} == {"table"}
    assert {"death_date", "condition_concept_id"} <= {c for t in tables for c in t.columns}


def test_rows_are_those_of_the_file():
    data = measurements(measured(7, 0, HR, 80, 8541), measured(7, 1, HR, 900, 8541), measured(7, 2, 5, "", 0))
    with_blank = data.replace(b"\r\n", b"\r\n\r\n", 2)
    for content, row in ((data, 3), (with_blank, 5)):
        issues = read({"measurement.csv": content}).report.issues
        assert issues[["file", "row", "record_id", "kind"]].to_numpy().tolist() == [
            ["measurement.csv", row, "7", "implausible"]
        ]


def test_a_visit_that_two_persons_share_is_two_stays():
    rows = [measured(p, h, HR, 80 + p, 8541, visit_occurrence_id=5) for p in (1, 2) for h in (0, 1)]
    table = read({"measurement.csv": measurements(*rows)}).table()
    assert table.groupby("record_id")["value"].apply(list).to_dict() == {"1/5": [81, 81], "2/5": [82, 82]}


def test_a_start_of_another_person_is_not_that_of_the_visit():
    rows = [measured(1, h, HR, 80, 8541, visit_occurrence_id=5) for h in (3, 4)]
    visits = [
        {"visit_occurrence_id": 5, "person_id": p, "visit_concept_id": 9201, "visit_start_datetime": moment(h)}
        for p, h in ((2, 0), (1, 2))
    ]
    files = {"measurement.csv": measurements(*rows), "visit_occurrence.csv": written(VISIT, visits)}
    assert read(files).hours.tolist() == [1, 2]


def test_a_day_alone_among_times_is_not_taken_for_midnight():
    rows = [measured(7, h, HR, 80 + h, 8541) for h in (0, 1)]
    rows.append({**measured(7, 2, HR, 99, 8541), "measurement_datetime": ""})
    recordings = read({"measurement.csv": measurements(*rows)})
    assert recordings.value.tolist() == [80, 81]
    assert recordings.report.issues[["row", "kind"]].to_numpy().tolist() == [[4, "no time"]]


def test_days_alone_are_asked_about():
    rows = [{**measured(7, 24 * d, HR, 80 + d, 8541), "measurement_datetime": ""} for d in (0, 1)]
    inspection = opened({"measurement.csv": measurements(*rows)})
    assert "They have no time of day. Please check." in inspection.mapping["time"].reason
    assert build(inspection, inspection.mapping).hours.tolist() == [0, 24]


def test_a_visit_known_by_its_day_says_so():
    visits = [
        {"visit_occurrence_id": 5, "person_id": 7, "visit_concept_id": 9201, "visit_start_date": moment(0)[:10]},
    ]
    files = {
        "measurement.csv": measurements(measured(7, 0, HR, 80, 8541, visit_occurrence_id=5)),
        "visit_occurrence.csv": written(VISIT, visits),
    }
    recordings = read(files)
    assert recordings.hours.tolist() == [8]
    assert any("only the day of the start is known" in note for note in recordings.report.notes)


def test_a_unit_that_is_not_known_is_never_passed_over():
    """°C was once written with a concept that is none of the units: the value must not be taken as it is."""
    rows = [measured(7, 0, TEMP, 37.5, 586323), measured(7, 1, TEMP, 37.5, 123456)]
    recordings = read({"measurement.csv": measurements(*rows)})
    assert recordings.value.tolist() == [37.5]
    assert recordings.report.issues[["row", "value", "kind"]].to_numpy().tolist() == [
        [3, "OMOP unit 123456", "unknown unit"]
    ]


def test_pressure_without_line_or_cuff_is_a_guess_to_check():
    match = opened({"measurement.csv": measurements(measured(7, 0, 3004249, 120, 8876))}).mapping["OMOP 3004249"]
    assert (match.target, match.how) == ("SysABP", "guessed")
    assert "by cuff" in match.reason


def test_tables_that_measure_nothing_are_named():
    files = {"measurement.csv": measurements(measured(7, 0, HR, 80, 8541)), "condition_occurrence.csv": CONDITION}
    assert "OMOP: no measurements are in condition_occurrence.csv; passed over." in read(files).report.notes


def test_variables_without_numbers_are_counted():
    rows = [measured(7, 0, HR, 80, 8541), measured(7, 0, 3004410, "", 0, value_source_value="positive")]
    notes = read({"measurement.csv": measurements(*rows)}).report.notes
    assert "measurement.csv: 1 row of variables without numbers left out." in notes


def test_what_the_source_mostly_says_names_a_concept():
    words = ["HR", "heart", "HR", "220045"]
    rows = [measured(7, h, 424242, 80, 8541, measurement_source_value=w) for h, w in enumerate(words)]
    match = opened({"measurement.csv": measurements(*rows, measured(7, 0, HR, 80, 8541))}).mapping["HR (OMOP 424242)"]
    assert (match.target, match.how) == ("HR", "guessed")  # the name fits, the concept is not known
    assert "OMOP 424242 is not known" in match.reason


@pytest.mark.parametrize("odd", ["\\N", "NULL", "NaN", " "])
def test_words_for_nothing_are_no_identifiers(odd):
    rows = [measured(7, 0, HR, 80, 8541, visit_occurrence_id=odd, visit_detail_id=odd, operator_concept_id=odd)]
    assert read({"measurement.csv": measurements(*rows)}).record_ids == ("7",)


def test_an_operator_that_is_not_known_is_reported():
    rows = [measured(7, 0, HR, 80, 8541, operator_concept_id=99)]
    notes = read({"measurement.csv": measurements(*rows)}).report.notes
    assert any("operator 99 is no known comparator" in note for note in notes)


def test_rows_with_too_many_cells_are_set_aside():
    data = measurements(measured(7, 0, HR, 80, 8541), measured(7, 1, HR, 81, 8541)) + b"1,2,3\r\n"
    recordings = read({"measurement.csv": data})
    assert recordings.value.tolist() == [80, 81]
    assert recordings.report.issues[["row", "kind"]].to_numpy().tolist() == [[4, "ragged row"]]


def test_a_person_without_a_birthday_has_the_age_of_the_year():
    columns = ("person_id", "gender_concept_id", "year_of_birth", "month_of_birth", "day_of_birth")
    births = [(1960, "", ""), (1960, 13, 1), ("", 3, 1), ("abc", "", ""), (1960, 4, ""), (99_999, 1, 1)]
    persons = [dict(zip(columns, (i, 8532, *birth), strict=True)) for i, birth in enumerate(births)]
    files = {
        "measurement.csv": measurements(*(measured(i, 0, HR, 80, 8541) for i in range(len(births)))),
        "person.csv": written(columns, persons),
    }
    statics = statics_table(read(files)).set_index("record_id")
    assert statics["Age"].astype(object).where(statics["Age"].notna(), None).to_dict() == {
        **{"0": 60, "1": None, "2": None, "3": None, "4": 59, "5": None},
    }
    assert statics["Gender"].tolist() == [0] * 6


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_cells_are_read_or_reported(data):
    cell = st.sampled_from(
        ["", "0", "7", "7.0", str(HR), "80", "<5", "x", "2020-03-01", moment(0), "10:00", '"', "-", "1e9"]
    )
    names = data.draw(st.lists(st.sampled_from(MEASUREMENT_53), min_size=1, max_size=12, unique=True))
    columns = list(dict.fromkeys([*names, "person_id", "measurement_concept_id", "value_as_number"]))
    rows = data.draw(st.lists(st.fixed_dictionaries(dict.fromkeys(columns, cell)), min_size=1, max_size=8))
    tables, refused = read_tables([Source("m.csv", written(columns, rows))])
    assert tables or refused
    for table in tables:
        assert all(column in table.columns for column in table.roles.values())
        assert all(2 <= table.place(i)[1] <= len(rows) + 1 for i in range(len(table)))


def test_a_hundred_thousand_rows_are_read_in_seconds():
    n = 100_000
    table = pd.DataFrame(
        {
            "person_id": [i // 100 for i in range(n)],
            "measurement_concept_id": HR,
            "measurement_datetime": [moment(i % 48) for i in range(n)],
            "value_as_number": [60 + i % 60 for i in range(n)],
            "unit_concept_id": 8541,
            "visit_occurrence_id": [i // 50 for i in range(n)],
        }
    )
    data = table.to_csv(index=False).encode()
    started = time.monotonic()
    tables, _ = read_tables([Source("measurement.csv", data)])
    assert len(tables[0]) == n
    assert time.monotonic() - started < 10
