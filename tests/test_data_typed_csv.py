"""Large tables are parsed as numbers at once; what comes out is what comes out of text."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgru.data import Source, build, delimited, inspect, source, typed_csv
from medgru.data import read as read_path
from medgru.data.typed_csv import parse_typed
from medgru.tasks import get_task

ICU = get_task("icu-mortality")
CELLS = st.one_of(
    st.integers(30, 200).map(str),
    st.decimals(30, 200, places=2).map(str),
    st.sampled_from(["", "NaN", "n/a", "<60", "0080", " 80", "8e1", "inf", "36,6", "-1", "x", "1.", "+70"]),
)
ROWS = st.lists(
    st.tuples(st.sampled_from(["7", "007", "12", "a"]), st.integers(0, 47), CELLS, CELLS), min_size=1, max_size=40
)


def read(data: bytes):
    inspection = inspect([Source("ward.csv", data)], ICU)
    return build(inspection, inspection.mapping)


@given(ROWS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_numbers_at_once_and_text_first_give_the_same(monkeypatch, rows):
    data = "\n".join(["id;hour;HR;Temp", *(";".join(map(str, row)) for row in rows), ""]).encode()
    as_text = read(data)
    monkeypatch.setattr(typed_csv, "FROM_BYTES", 0)
    at_once = read(data)
    monkeypatch.undo()
    assert at_once.record_ids == as_text.record_ids
    for column in ("stay", "hours", "feature", "value", "statics"):
        np.testing.assert_array_equal(getattr(at_once, column), getattr(as_text, column))
    shown = ["file", "row", "record_id", "column", "problem", "count", "kind"]
    assert at_once.report.issues[shown].equals(as_text.report.issues[shown])
    assert at_once.report.notes == as_text.report.notes


def plain(monkeypatch, text: str):
    monkeypatch.setattr(typed_csv, "FROM_BYTES", 0)
    names = text.partition("\n")[0].split(",")
    return parse_typed(text.encode(), ",", names, text.count("\n"))


def is_number(table) -> dict[str, bool]:
    return {name: pa.types.is_floating(table.column(name).type) for name in table.column_names}


def test_what_may_be_an_identifier_stays_text(monkeypatch):
    table = plain(monkeypatch, "Case#,hour,HR,Bett,value\n1.1,0,80,1.5,2.5\n1.10,1,81,2,3\n")
    assert is_number(table) == {"Case#": False, "hour": True, "HR": True, "Bett": False, "value": False}
    assert table.column("Case#").to_pylist() == ["1.1", "1.10"]


def test_the_values_of_a_long_table_are_numbers_but_not_what_names_rows(monkeypatch):
    table = plain(monkeypatch, "record_id,hour,variable,value\n1.1,0,220045,80\n1.10,1,220045,81.5\n")
    assert is_number(table) == {"record_id": False, "hour": True, "variable": False, "value": True}
    assert table.column("record_id").to_pylist() == ["1.1", "1.10"]


def test_patients_whose_numbers_have_decimals_are_not_merged(monkeypatch):
    monkeypatch.setattr(typed_csv, "FROM_BYTES", 0)
    for header in ("Fall", "record_id"):
        inspection = inspect([Source("ward.csv", f"{header},hour,HR\n1.1,0,80\n1.10,1,90\n".encode())], ICU)
        mapping = inspection.mapping.change(header, target="record_id")
        assert build(inspection, mapping).record_ids == ("1.1", "1.10")


@pytest.mark.parametrize(
    "text",
    ["id,HR\n1,80\n\n2,90\n", "id,HR\n1,80\n2\n"],
    ids=["blank line", "a row too short"],
)
def test_what_is_not_plain_is_left_to_the_other_way(monkeypatch, text):
    assert plain(monkeypatch, text) is None


@pytest.mark.parametrize("cell", ["NaN", "n/a", "<5"])
def test_a_word_that_no_sample_holds_ends_the_attempt(monkeypatch, cell):
    rows = [f"{i},80" for i in range(10_000, 60_000)]
    rows[27_182] = f"7,{cell}"
    assert plain(monkeypatch, "\n".join(["id,HR", *rows, ""])) is None


def test_a_table_with_quotes_is_left_to_the_other_way(monkeypatch):
    monkeypatch.setattr(typed_csv, "FROM_BYTES", 0)
    monkeypatch.setattr(delimited, "parse_typed", lambda *_: pytest.fail("its lines are not its rows"))
    assert len(read(b'record_id,hour,HR\n"7\n8",1,80\n9,1,70\n')) == 2


@pytest.mark.parametrize("first", ["record_id,hour,HR", "record_id,hour,HR (°)"], ids=["ascii", "more than ascii"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_a_file_that_is_mapped_is_read_as_the_same_bytes_given(monkeypatch, tmp_path, first, end):
    rows = [f"{i // 20},{i % 20},{60 + i % 90}" for i in range(400)]
    data = end.join([first, *rows]).encode()
    as_bytes = read(data)
    monkeypatch.setattr(source, "_MAPPED_FROM", 0)
    monkeypatch.setattr(delimited, "FROM_BYTES", 0)
    monkeypatch.setattr(typed_csv, "FROM_BYTES", 0)
    (tmp_path / "ward.csv").write_bytes(data)
    mapped = read_path([tmp_path / "ward.csv"], ICU)
    assert mapped.record_ids == as_bytes.record_ids
    np.testing.assert_array_equal(mapped.value, as_bytes.value)
    assert mapped.report.rows_used == 400
