"""`inspect` and `quality` on the command line."""

import json

import pandas as pd
import pytest

from medgru.cli import main
from medgru.data.demo import simulated_patients

TELLING = (
    "MRN,Name,Phone,charttime,HR,Temp\nK1234567,Anna Quast,13800138000,2026-01-01 10:00,80,98.6\n"
    "K1234567,Anna Quast,13800138000,2026-01-01 12:00,999,98.2\n"
)


@pytest.fixture
def ward(tmp_path):
    path = tmp_path / "ward.csv"
    path.write_text(TELLING)
    return path


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_inspect_says_what_would_be_read_and_hides_who_it_is(ward, form, capsys):
    assert main(["inspect", str(ward), *form]) == 0
    out = capsys.readouterr().out
    assert "ward.csv" in out
    assert "°F" in out
    for canary in ("Quast", "K1234567", "13800138000"):
        assert canary not in out


def test_no_column_that_may_identify_somebody_shows_an_example(ward, capsys):
    main(["inspect", str(ward), "--json"])
    out = capsys.readouterr().out
    found = json.loads(out)
    telling = {s["column"] for s in found["identifiers"]}
    assert {"MRN", "Name", "charttime"} <= telling
    assert all(c["example_before"] is c["example_after"] is None for c in found["columns"] if c["source"] in telling)
    assert "2026-01-01" not in out


def test_inspect_as_json_has_what_its_docstring_says(ward, capsys):
    main(["inspect", str(ward), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"task", "files", "refused", "columns", "identifiers", "notes"}
    temp = next(c for c in found["columns"] if c["source"] == "Temp")
    assert (temp["becomes"], temp["unit"], temp["converted_to"], temp["how"]) == ("Temp", "°F", "°C", "guessed")
    assert (temp["example_before"], temp["example_after"]) == ("98.6", "37.0 °C")
    assert {i["column"]: i["hipaa"] for i in found["identifiers"] if i["direct"]} == {
        "Name": "A",
        "Phone": "D",
        "MRN": "H",
    }


def test_quality_says_for_whom_there_is_enough(tmp_path, task, capsys):
    path, out = tmp_path / "stays.csv", tmp_path / "verdicts.csv"
    simulated_patients(task).table().to_csv(path, index=False)
    assert main(["quality", str(path), "--out", str(out)]) == 0
    assert "8 patients: 7 enough, 0 thin, 1 not enough" in capsys.readouterr().out
    assert pd.read_csv(out)["verdict"].value_counts().to_dict() == {"enough": 7, "not enough": 1}


def test_quality_as_json_is_json_even_where_nothing_was_measured(ward, capsys):
    assert main(["quality", str(ward), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdicts"] == {"enough": 0, "thin": 0, "not enough": 1}
    assert [(g["kind"], g["count"]) for g in found["set_aside"]] == [("implausible", 1)]
    assert next(v for v in found["variables"] if v["variable"] == "Lactate")["median_gap"] is None


def test_tables_without_identifiers_are_written_and_read_the_same(ward, tmp_path, capsys):
    folder, key = tmp_path / "clean", tmp_path / "key.csv"
    assert main(["quality", str(ward), "--deidentified", str(folder), "--key", str(key)]) == 0
    (written,) = folder.iterdir()
    for canary in (b"Quast", b"K1234567", b"13800138000"):
        assert canary not in written.read_bytes()
    assert pd.read_csv(key)["identifier"].tolist() == ["K1234567"]
    capsys.readouterr()
    assert main(["quality", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["measurements_used"] == 3


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["inspect", "{nowhere}"], "nowhere.csv"),
        (["inspect", "{ward}", "--task", "astrology"], "astrology"),
        (["quality", "{ward}", "--json", "--out", "-"], "standard output"),
        (["quality", "{ward}", "--key", "{nowhere}"], "--deidentified"),
        (["quality", "{ward}", "--deidentified", "{here}"], "empty folder"),
        (["quality", "{ward}", "--mapping", "{nowhere}"], "nowhere.csv"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(command, said, ward, tmp_path, capsys):
    fill = {"nowhere": tmp_path / "nowhere.csv", "ward": ward, "here": tmp_path}
    assert main([part.format(**fill) for part in command]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.strip().splitlines()) == 1
