"""`--mapping` on the command line: a file or a saved name, put onto the files at hand or refused."""

import argparse
import json

import pytest

from medgru.cli import main
from medgru.cli.arguments import add_mapping_option, mapping_of
from medgru.data import inspect, saved_mappings, sources
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import ICU_MORTALITY as TASK

WIDE = "patient,hour,P,Temp\n" + "".join(f"p{p},{h},{80 + h},37\n" for p in range(3) for h in range(1, 25))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGRU_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.fixture
def ward(tmp_path):
    path = tmp_path / "ward.csv"
    path.write_text(WIDE)
    return path


def taken(ward, *given):
    parser = argparse.ArgumentParser()
    add_mapping_option(parser)
    return mapping_of(parser.parse_args(given), inspect(sources([ward]), TASK))


def test_without_the_option_the_proposal_is_used(ward):
    assert taken(ward) == inspect(sources([ward]), TASK).mapping


def test_a_file_and_a_saved_name_do_the_same(ward, tmp_path):
    mapping = inspect(sources([ward]), TASK).mapping.change("P", target="HR")
    saved = saved_mappings.save_mapping("Ward 7", mapping)
    file = tmp_path / "mapping.json"
    file.write_bytes(saved.to_json())

    by_file, by_name = taken(ward, "--mapping", str(file)), taken(ward, "--mapping", "ward 7")

    assert by_file == by_name
    assert by_file["P"].target == "HR"
    assert taken(ward)["P"].target is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("nowhere.json", "There is no file nowhere.json"),
        ("nobody", "no saved mapping called 'nobody'"),
    ],
)
def test_a_mapping_that_is_not_there_is_named(ward, given, message):
    with pytest.raises(DataError, match=message):
        taken(ward, "--mapping", given)


def test_a_mapping_that_does_not_fit_says_which_columns_are_missing(ward, tmp_path):
    other = tmp_path / "mapping.json"
    rows = [{"source": name, "target": target, "unit": unit} for name, target, unit in [("Puls", "HR", "/min")]]
    other.write_text(json.dumps({"task": TASK.name, "matches": rows}))

    with pytest.raises(DataError, match="they lack the columns Puls"):
        taken(ward, "--mapping", str(other))


def test_predict_reads_what_the_mapping_says(ward, tmp_path, capsys):
    mapping = inspect(sources([ward]), TASK).mapping.change("P", target="HR")
    saved_mappings.save_mapping("ward 7", mapping)

    def used(*more):
        assert main(["predict", "icu-mortality", str(ward), "--out", str(tmp_path / "o.csv"), *more]) in (None, 0)
        return capsys.readouterr().err

    assert "72 of 72 measurements used" in used()
    assert "144 of 144 measurements used" in used("--mapping", "ward 7")
