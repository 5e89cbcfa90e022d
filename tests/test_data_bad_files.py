"""Every file of tests/data: what loads, or the sentence that says why it does not."""

import importlib.util
from pathlib import Path
from unittest.mock import patch

import pytest

from medgru.data import Source, build, inspect, read, sources
from medgru.data.recording import Recordings
from medgru.data.units import find_unit
from medgru.errors import DataError, UnsafeFileError
from medgru.tasks import ICU_MORTALITY
from tests.recordings import statics_table

DATA = Path(__file__).parent / "data"
GOOD = {
    "invented-1": [(0.5, "HR", 80), (0.5, "Temp", 36.6), (1.5, "HR", 82), (1.5, "Temp", 36.8)],
    "invented-2": [(0.25, "HR", 90), (0.25, "Temp", 37.2)],
}
PHYSIONET = [(0, "Weight", 70), (0.5, "HR", 80), (0.5, "Temp", 36.6), (1.5, "HR", 82)]


def hr(*pairs: tuple[float, float]) -> dict[str, list]:
    return {"invented-1": [(hour, "HR", value) for hour, value in pairs]}


def load(name: str) -> Recordings:
    inspection = inspect(sources([DATA / name]), ICU_MORTALITY)
    return build(inspection, inspection.mapping)


def content(recordings: Recordings) -> dict[str, list]:
    found: dict[str, list] = {name: [] for name in recordings.record_ids}
    for row in recordings.table().itertuples(index=False):
        found[row.record_id].append((round(float(row.hours), 4), row.variable, round(float(row.value), 3)))
    return {name: sorted(rows) for name, rows in found.items()}


def problems(recordings: Recordings) -> list[tuple]:
    return [(x.row, x.column, x.problem) for x in recordings.report.issues.itertuples(index=False)]


# What each file holds: measurements by stay; (row, column, beginning of the problem); beginning of a note.
LOADS: dict[str, tuple[dict, list[tuple[int, str, str]], str]] = {
    "good.csv": (GOOD, [], ""),
    "tabs.tsv": (GOOD, [], ""),
    "semicolon_decimal_comma.csv": (GOOD, [], "semicolon_decimal_comma.csv: the decimal comma was understood"),
    "utf8_bom.csv": (GOOD, [], ""),
    "utf16.csv": (GOOD, [], "utf16.csv was read as UTF-16 text."),
    "old_mac_line_ends.csv": (GOOD, [], ""),
    "packed.csv.gz": (GOOD, [], ""),
    "title_above_header.xlsx": (
        GOOD,
        [],
        "title_above_header.xlsx: the column names were found in row 3; the rows above were left out.",
    ),
    "latin1.csv": (
        {"invented-ä": [(1, "HR", 80), (2, "HR", 82)]},
        [],
        "latin1.csv was read as Windows-1252 (Western European) text.",
    ),
    "gb18030.csv": (
        {"虚构甲": [(1, "HR", 80), (1, "Temp", 36.6), (2, "HR", 82), (2, "Temp", 36.8)]},
        [],
        "gb18030.csv was read as GB18030 (Chinese) text.",
    ),
    "no_id_one_stay.csv": (
        {
            "no_id_one_stay": [
                (1, "HR", 80),
                (1, "Temp", 36.6),
                (2, "HR", 82),
                (2, "Temp", 36.8),
                (3, "HR", 84),
                (3, "Temp", 37),
            ]
        },
        [],
        "no_id_one_stay.csv has no column that says which stay a row belongs to: each such file was taken as one stay",
    ),
    "two_columns_one_variable.csv": (hr((1, 80), (2, 82)), [], ""),
    "duplicate_headers.csv": (
        hr((1, 80), (2, 82)),
        [],
        "duplicate_headers.csv: the column name HR occurs more than once.",
    ),
    "text_in_number.csv": (
        {"invented-1": [(1, "HR", 80), (1, "Lactate", 5), (2, "Lactate", 2.1), (3, "HR", 84), (3, "Lactate", 2.0)]},
        [(3, "HR", "is not a number")],
        "Lactate: 1 cell with < or >: the limit itself was used.",
    ),
    "fahrenheit.csv": (
        {"invented-1": [(1, "Temp", 37), (2, "Temp", 38)], "invented-2": [(1, "Temp", 36.5)]},
        [],
        "Temperature was converted from °F to °C.",
    ),
    "fahrenheit_header.csv": (
        {"invented-1": [(1, "Temp", 37)]},
        [(3, "Temp (°F)", "not plausible, expected 25 to 45 °C")],
        "Temperature was converted from °F to °C.",
    ),
    "mixed_units.csv": (
        {"invented-1": [(1, "Temp", 36.6), (3, "Temp", 37), (4, "Temp", 36.9)]},
        [(3, "Temp", "not plausible, expected 25 to 45 °C; looks like °F")],
        "",
    ),
    "unit_column.csv": (
        {"invented-1": [(1, "BUN", 27.99), (1, "Glucose", 99.086), (2, "Glucose", 99)]},
        [(4, "Glucose", "has a unit that is not known for Glucose")],
        "Glucose was converted from mmol/L to mg/dL.",
    ),
    "duplicate_times.csv": (
        hr((1, 80), (1, 84), (2, 90)),
        [],
        "1 value at the same time as another of the same variable; all are used.",
    ),
    "unsorted.csv": ({**hr((1, 80), (2, 82), (3, 84)), "invented-2": [(1, "HR", 70)]}, [], ""),
    "negative_times.csv": (hr((1, 82)), [(2, "time", "before admission")], ""),
    "bad_times.csv": (
        hr((0.5, 80), (25.25, 86)),
        [(3, "time", "is not a time (HH:MM expected)"), (4, "time", "no time in this row")],
        "",
    ),
    "after_48h.csv": (
        hr((1, 80), (48, 82)),
        [(4, "time (h)", "after hour 48"), (5, "time (h)", "after hour 48")],
        "2 rows after hour 48 set aside.",
    ),
    "stay_without_measurement.csv": (
        {**hr((1, 80)), "invented-2": []},
        [],
        "1 stay without a single usable measurement.",
    ),
    "stay_without_measurement.txt": ({"900002": []}, [], "1 stay without a single usable measurement."),
    "one_row.csv": (hr((1, 80)), [], ""),
    "good.txt": ({"900001": PHYSIONET}, [], ""),
    "physionet.tar.xz": ({"900001": PHYSIONET, "900002": PHYSIONET}, [], ""),
    "ragged_and_missing.txt": (
        {"900001": PHYSIONET},
        [
            (11, "", "has more or fewer cells than there are columns"),
            (13, "Parameter", "says nothing about what was measured"),
            (14, "HR", "is not a number"),
        ],
        "ragged_and_missing.txt: 1 row set aside for not having 3 columns, the first in row 11.",
    ),
    "not_finite.csv": (
        {"invented-1": [(1, "Temp", 36.6), (2, "Temp", 36.7), (3, "Temp", 36.8)]},
        [
            (3, "HR", "is not a finite number"),
            (5, "HR", "is not a finite number"),
            (4, "HR", "not plausible, expected 10 to 300"),
            (5, "Temp", "is not a finite number"),
        ],
        "1 cell with NaN, NA or the like: not measured.",
    ),
    "not_finite_long.csv": (
        hr((3, 80)),
        [(2, "HR", "no value in this row"), (5, "HR", "no value in this row"), (3, "HR", "is not a finite number")],
        "",
    ),
    "markup_headers.csv": (hr((1, 80)), [], ""),
    "same_stay_twice.csv": (
        hr((1, 80), (2, 82)),
        [(4, "HR", "the same measurement twice, used once"), (5, "HR", "the same measurement twice, used once")],
        "2 measurements occur twice (same stay, time, variable, value): used once.",
    ),
    "quoted_newlines.csv": (hr((1, 80)), [(3, "HR", "not plausible")], ""),
    "ragged.csv": (
        {"invented-1": [(1, "HR", 80), (1, "Temp", 36.6), (4, "HR", 86), (4, "Temp", 36.9)]},
        [
            (3, "", "has more or fewer cells than there are columns"),
            (4, "", "has more or fewer cells than there are columns"),
        ],
        "ragged.csv: 2 rows set aside for not having 4 columns, the first in row 3.",
    ),
    "trailing_delimiter.csv": (hr((1, 80), (2, 82)), [], ""),
    "title_above_header.csv": (
        {"invented-1": [(1, "HR", 80), (1, "Temp", 36.6), (2, "Temp", 36.8)]},
        [(5, "HR", "not plausible")],
        "title_above_header.csv: the column names were found in row 3; the rows above were left out.",
    ),
    "timestamps.csv": (
        {**hr((0, 80), (3.5, 82)), "invented-2": [(0, "HR", 90), (1, "HR", 91)]},
        [],
        "The times are dates: hours are counted from the first row of each stay.",
    ),
    "timestamps_local.csv": (
        hr((1, 80), (3.5, 82)),
        [(4, "charttime", "before admission")],
        "Times are counted from the admission of each stay.",
    ),
    "conflicting_descriptors.csv": (
        {**hr((1, 80), (2, 82)), "invented-2": [(1, "HR", 90)]},
        [
            (4, "Age", "not plausible, expected 14 to 120 years"),
            (4, "Sex", "is none of 0 (female), 1 (male)"),
            (3, "Age", "differs within the stay"),
        ],
        "Age differs within 1 stay; the first known value is used.",
    ),
    "german_ward.csv": (
        {
            "invented-1": [
                *[(0, "HR", 88), (0, "NISysABP", 120), (0, "NIDiasABP", 70), (0, "Temp", 37), (0, "RespRate", 14)],
                *[(6.5, "HR", 110), (6.5, "NISysABP", 95), (6.5, "NIDiasABP", 55), (6.5, "RespRate", 22)],
            ]
        },
        [],
        "Temperature was converted from °F to °C.",
    ),
    "variables_unnamed.csv": (
        {"invented-1": [(0, "HR", 88), (2, "Temp", 37)]},
        [],
        "Temperature was converted from °F to °C.",
    ),
    "time_unnamed.csv": (
        hr((0, 80), (3.5, 82)),
        [],
        "The times are dates: hours are counted from the first row of each stay.",
    ),
    "date_and_time_of_day.csv": (
        hr((0, 80), (1, 82)),
        [(5, "Uhrzeit", "is not a time (timestamp expected)"), (4, "Uhrzeit", "no time in this row")],
        "The times are dates: hours are counted from the first row of each stay.",
    ),
    "blank_rows_between.csv": (hr((1, 80)), [(6, "HR", "not plausible")], ""),
    "minutes.csv": (hr((0, 80), (1.5, 82)), [], ""),
    "missing_ids.csv": (hr((1, 80)), [(3, "record_id", "no stay identifier in this row")], ""),
    "one_bad_member.zip": (GOOD, [(1, "", "The file was refused: it is a program")], "one_bad_member.zip › "),
    "two_sheets.xlsx": (
        {**GOOD, "invented-3": [(1, "HR", 70)]},
        [(1, "", "The file was refused: it holds no table: row 1 does not name at least two columns.")],
        "two_sheets.xlsx › ",
    ),
}

REFUSED: dict[str, tuple[type[DataError], str]] = {
    "no_header.csv": (
        DataError,
        "no_header.csv has no column name in row 1 that is known. The first row must name the",
    ),
    "unknown_variables.csv": (
        DataError,
        "unknown_variables.csv has no variable that the model knows in the column variable.",
    ),
    "empty.csv": (DataError, "empty.csv is empty (0 bytes). Export it again and check that it holds rows."),
    "blank_lines.csv": (DataError, "blank_lines.csv holds only blank lines."),
    "header_only.csv": (DataError, "header_only.csv holds column names but no rows below them."),
    "header_only.txt": (DataError, "header_only.txt holds the header line Time,Parameter,Value but no rows below it."),
    "no_line_ends.csv": (DataError, "no_line_ends.csv holds column names but no rows below them."),
    "wrong_delimiter.csv": (DataError, "wrong_delimiter.csv has only one column in row 1: no comma, semicolon, tab"),
    "no_id_many_stays.csv": (
        DataError,
        "no_id_many_stays.csv has no column that says which stay a row belongs to, and times",
    ),
    "no_time.csv": (
        DataError,
        "no_time.csv has no column with the time of each row (columns in row 1: record_id, HR, Temp). Name one",
    ),
    "unknown_columns.csv": (
        DataError,
        "unknown_columns.csv has no column that the model knows (columns in row 1: record_id,",
    ),
    "binary.csv": (DataError, "binary.csv is not a table that can be read: it holds binary data."),
    "renamed_program.csv": (UnsafeFileError, "renamed_program.csv is a program, not a table of measurements."),
    "renamed_pdf.csv": (DataError, "renamed_pdf.csv is a PDF document, not a table of measurements."),
    "truncated.parquet": (DataError, "truncated.parquet is damaged or was cut off"),
    "truncated.xlsx": (DataError, "truncated.xlsx is damaged, was cut off, or is locked with a password."),
    "truncated.zip": (DataError, "truncated.zip is damaged or was cut off."),
    "truncated.tar.xz": (DataError, "truncated.tar.xz is damaged or was cut off."),
    "parent_path.zip": (UnsafeFileError, "parent_path.zip holds a file whose path points outside the archive."),
    "absolute_path.zip": (UnsafeFileError, "absolute_path.zip holds a file whose path points outside the archive."),
    "link.tar.gz": (UnsafeFileError, "link.tar.gz holds a link or a special file instead of data."),
    "nested.zip": (UnsafeFileError, "nested.zip holds another archive. Unpack that one first"),
    "empty.zip": (DataError, "empty.zip holds no files."),
}


def test_the_files_are_what_the_script_beside_them_writes():
    spec = importlib.util.spec_from_file_location("make_bad_files", DATA / "make.py")
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    for name, data in make.text_files().items():
        assert (DATA / name).read_bytes() == data, name


def test_every_file_here_is_tested():
    there = {p.name for p in DATA.iterdir() if p.is_file() and p.suffix != ".py"}
    assert there == LOADS.keys() | REFUSED.keys()
    assert len(there) >= 25


@pytest.mark.parametrize("name", LOADS)
def test_what_is_good_in_a_file_loads_and_the_rest_is_reported_with_its_place(name):
    expected, issues, note = LOADS[name]

    recordings = load(name)

    assert content(recordings) == {stay: sorted(rows) for stay, rows in expected.items()}
    found = problems(recordings)
    assert [(row, column) for row, column, _ in found] == [(row, column) for row, column, _ in issues]
    for (_, _, problem), (_, _, begins) in zip(found, issues, strict=True):
        assert problem.startswith(begins)
    assert any(n.startswith(note) for n in recordings.report.notes) if note else not recordings.report.notes
    assert set(recordings.report.issues["file"].str.split(" › ").str[0]) <= {name}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_cannot_be_used_says_why_and_names_itself(name):
    kind, sentence = REFUSED[name]

    with pytest.raises(DataError) as caught:
        load(name)

    assert type(caught.value) is kind
    assert str(caught.value).startswith(sentence)
    assert "Error" not in str(caught.value)
    assert "invented-" not in str(caught.value)


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_beside_a_good_one_takes_nothing_away(name):
    inspection = inspect(sources([DATA / "good.csv", DATA / name]), ICU_MORTALITY)

    recordings = build(inspection, inspection.mapping)

    assert content(recordings) == GOOD
    assert name in {*recordings.report.issues["file"]}


def test_uploads_are_read_from_memory_and_their_names_are_never_paths():
    wide = (DATA / "good.csv").read_bytes()

    inspection = inspect([Source("../../etc/passwd", wide)], ICU_MORTALITY)

    assert content(build(inspection, inspection.mapping)) == GOOD
    assert inspection.files[0].name == "../../etc/passwd"


def test_descriptors_are_read_once_a_stay():
    statics = statics_table(load("good.txt")).iloc[0]

    assert (statics["Age"], statics["Gender"], statics["ICUType"]) == (63, 0, 3)
    assert statics.isna()["Height"]  # -1 is missing


@pytest.mark.parametrize(("cell", "code"), [("F", 0), ("female", 0), ("女", 0), ("Mann", 1), ("1", 1), ("m", 1)])
def test_words_for_sex_become_codes(cell, code):
    table = f"record_id,time,HR,Sex\ninvented,1,80,{cell}\n".encode()
    inspection = inspect([Source("sex.csv", table)], ICU_MORTALITY)

    recordings = build(inspection, inspection.mapping)

    assert statics_table(recordings)["Gender"].tolist() == [code]
    assert recordings.report.issues.empty


def test_files_left_out_among_good_ones_are_named_with_the_reason():
    no_time = Source("ward.csv", b"id,HR\na,80\na,81\n")
    program = Source("tool.exe", b"MZ\x90\x00" + bytes(100))
    inspection = inspect([*sources([DATA / "good.csv"]), no_time, program], ICU_MORTALITY)

    notes = build(inspection, inspection.mapping).report.notes

    assert any(n.startswith("ward.csv was set aside: it has no column with the time of each row") for n in notes)
    assert any(n.startswith("tool.exe was refused: it is a program") for n in notes)


def test_countless_refused_files_are_counted():
    bad = [Source(f"{i}.exe", b"MZ\x90\x00") for i in range(100)]
    inspection = inspect([*sources([DATA / "good.csv"]), *bad], ICU_MORTALITY)

    notes = build(inspection, inspection.mapping).report.notes

    assert len(notes) < 40
    assert "70 more files like these; the list of issues says why." in notes


def test_what_was_guessed_is_said_where_nobody_saw_the_mapping(tmp_path):
    (tmp_path / "a.csv").write_text("id,time,Temp,HR\na,1,98.6,80\nb,2,99.5,81\n")

    notes = read([tmp_path / "a.csv"], ICU_MORTALITY).report.notes

    assert any(n.startswith("Please check: Temp was read as Temp in °F. ") for n in notes)
    assert any(n.startswith("Please check: time was read as time in hours. Guessed from the range") for n in notes)
    assert not any("HR" in n for n in notes)
    good = read([DATA / "good.txt"], ICU_MORTALITY)
    assert not any("check" in n for n in good.report.notes)


def test_countless_units_of_one_variable_are_unknown_and_the_frequent_ones_are_used():
    countless = [f"{i},1,Glucose,100,unit {i}" for i in range(3_000)]
    usual = [f"{i},2,Glucose,5.5,mmol/L" for i in range(50)]
    data = "\n".join(["record_id,hour,variable,value,unit", *countless, *usual]).encode()
    inspection = inspect([Source("ward.csv", data)], ICU_MORTALITY)

    with patch("medgru.data.values.find_unit", wraps=find_unit) as looked_up:
        recordings = build(inspection, inspection.mapping)

    assert looked_up.call_count < 1_100
    assert recordings.report.rows_used == 50
    assert recordings.value == pytest.approx(5.5 * 18.0156, rel=1e-3)
    assert recordings.report.issues["count"].sum() == 3_000
