"""CSV that leaves MedGRU holds no formula, and its numbers stay numbers."""

import pandas as pd
import pytest

from medgru.tables import safe_csv


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\tx", "\rx"])
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    csv = safe_csv(pd.DataFrame({"record_id": [text], text: [1]})).decode()
    cells = [line.lstrip('"') for line in csv.splitlines() if line]
    assert cells[0].split(",")[1].lstrip('"').startswith("'")
    assert "'" + text[0] in csv.split("\n", 1)[1]


def test_numbers_plain_text_and_missing_values_are_left_alone():
    table = pd.DataFrame({"record_id": ["a", None], "p": [-0.5, 1.25], "ok": [True, False]})
    assert safe_csv(table).decode() == "record_id,p,ok\na,-0.5,True\n,1.25,False\n"


def test_the_given_table_is_not_changed():
    table = pd.DataFrame({"t": ["=1"]})
    safe_csv(table)
    assert table["t"].tolist() == ["=1"]
