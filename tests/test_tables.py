"""Tables that leave MedGRU hold no formula, and their numbers stay numbers."""

import csv
import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgru import tables
from medgru.errors import DataError
from medgru.tables import EXCEL_TEXT, parquet, safe_csv, safe_excel

HOSTILE = [
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1+1", "＋1", "－1", "＠x",
    "  =1+1", "\u00a0=1", "\u200b=1", "\ufeff=1", "\x00=1", '="a";"b"',
]  # fmt: skip
HARMLESS = ["W-17", "a=1", "7", "<img src=x onerror=1>", "[x](javascript:1)", "=" * 0, "患者 1", "'x", "1e5", "."]


def cells(written: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(written.decode(), newline="")))


def read_excel(written: bytes) -> pd.DataFrame:
    return pd.read_excel(io.BytesIO(written), engine="calamine", dtype=object, keep_default_na=False, na_values=[])


@pytest.mark.parametrize("text", HOSTILE)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    table = pd.DataFrame({"record_id": [text], text: [1]})
    header, row = cells(safe_csv(table))
    assert row[0] == header[1] == "'" + text.replace("\r", "\n")


@pytest.mark.parametrize("text", HARMLESS)
def test_text_that_none_would_run_is_left_alone(text):
    assert cells(safe_csv(pd.DataFrame({"t": [text], "n": [1]})))[1][0] == text


def test_numbers_plain_text_and_missing_values_are_left_alone():
    table = pd.DataFrame({"record_id": ["a", None], "p": [-0.5, 1.25], "ok": [True, False]})
    assert safe_csv(table).decode() == "record_id,p,ok\na,-0.5,True\n,1.25,False\n"


def test_the_given_table_is_not_changed():
    table = pd.DataFrame({"t": ["=1"]})
    for write in (safe_csv, safe_excel, parquet):
        write(table)
    assert table["t"].tolist() == ["=1"]


@pytest.mark.parametrize("text", ["a\r=1", "a\r\n=1", "a\n=1", 'a",=1', "a,=1"])
def test_no_cell_of_a_csv_can_begin_another(text):
    written = safe_csv(pd.DataFrame({"t": [text], "n": [1]}))
    assert b"\r" not in written
    assert [len(row) for row in cells(written)] == [2, 2]


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_no_cell_of_a_csv_ever_begins_as_a_formula(texts):
    for row in cells(safe_csv(pd.DataFrame({"t": texts, "n": 1})))[1:]:
        shown = row[0].lstrip().lstrip("\u200b\ufeff\x00")
        assert not shown.startswith(tables.FORMULA_STARTS[:4])


def test_excel_holds_numbers_as_numbers_texts_as_texts_and_gaps_as_gaps():
    table = pd.DataFrame(
        {
            "record_id": ["007", "=1+1"],
            "p": np.array([0.25, np.nan], dtype=np.float32),
            "n": pd.array([3, None], dtype="Int64"),
            "ok": [True, False],
            "far": [np.inf, -1.0],
        }
    )
    found = read_excel(safe_excel(table))
    assert found["record_id"].tolist() == ["007", "'=1+1"]
    assert found["p"].tolist() == [0.25, ""]
    assert found["n"].tolist() == [3, ""]
    assert found["ok"].tolist() == [True, False]
    assert found["far"].tolist() == ["", -1.0]


@pytest.mark.parametrize("text", [*HOSTILE, "https://example.org", "mailto:x@y", "internal:Sheet1!A1", "{=A1}"])
def test_no_cell_of_a_workbook_is_a_formula_or_a_link(text):
    written = safe_excel(pd.DataFrame({text: [text]}), about={"what": text, text: "x"})
    with zipfile.ZipFile(io.BytesIO(written)) as book:
        assert not [n for n in book.namelist() if "externalLink" in n or "_rels/sheet" in n]
        for name in book.namelist():
            if name.startswith("xl/worksheets/"):
                assert b"<f>" not in book.read(name)
                assert b"<hyperlink" not in book.read(name)


def test_the_header_of_a_workbook_stays_in_sight_and_it_says_what_it_is():
    written = safe_excel(pd.DataFrame({"a": [1]}), about={"Notice": "Not a medical device."})
    with zipfile.ZipFile(io.BytesIO(written)) as book:
        assert b'state="frozen"' in book.read("xl/worksheets/sheet1.xml")
        assert b"Not a medical device." in book.read("xl/sharedStrings.xml")


@pytest.mark.parametrize("letter", ["x", "😀"], ids=["plain", "beyond the basic plane"])
def test_a_text_longer_than_a_cell_is_cut_and_says_so(letter):
    (found,) = read_excel(safe_excel(pd.DataFrame({"t": [letter * 40_000]})))["t"]
    assert found.endswith("…")
    assert len(found.encode("utf-16-le")) // 2 <= EXCEL_TEXT
    (whole,) = read_excel(safe_excel(pd.DataFrame({"t": ["x" * EXCEL_TEXT]})))["t"]
    assert whole == "x" * EXCEL_TEXT


def test_more_rows_than_a_sheet_holds_are_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr(tables, "EXCEL_ROWS", 4)
    assert len(read_excel(safe_excel(pd.DataFrame({"a": range(3)})))) == 3
    with pytest.raises(DataError, match="Take CSV or Parquet"):
        safe_excel(pd.DataFrame({"a": range(4)}))


def test_parquet_keeps_every_value_and_type():
    table = pd.DataFrame(
        {"t": ["=1", None], "n": pd.array([1, None], dtype="Int64"), "x": [0.5, np.nan], "b": [True] * 2}
    )
    found = pd.read_parquet(io.BytesIO(parquet(table)), dtype_backend="numpy_nullable")
    assert found["t"].tolist() == ["=1", pd.NA]
    assert found["n"].tolist() == [1, pd.NA]
    assert found["b"].tolist() == [True, True]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(st.characters(), max_size=12), min_size=1, max_size=4))
def test_any_text_can_be_written_in_every_form(texts):
    table = pd.DataFrame({"t": texts})
    assert len(cells(safe_csv(table))) == len(texts) + 1
    assert len(pd.read_parquet(io.BytesIO(parquet(table)))) == len(texts)
    with zipfile.ZipFile(io.BytesIO(safe_excel(table))) as book:
        import xml.etree.ElementTree as tree

        for name in book.namelist():
            tree.fromstring(book.read(name))


def test_lone_surrogates_are_written_as_a_question_mark():
    table = pd.DataFrame({"t": pd.Series(["a\ud800b"], dtype=object)})
    assert cells(safe_csv(table))[1] == ["a?b"]
    assert read_excel(safe_excel(table))["t"].tolist() == ["a?b"]
