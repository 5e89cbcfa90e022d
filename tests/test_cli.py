"""The command line, as its users meet it: files in, a table out, one clear line when something is wrong."""

import subprocess
import sys

import pandas as pd
import pytest

from medgru.cli import main
from medgru.data.demo import simulated_patients
from medgru.settings import PROJECT_ROOT, settings

COMMANDS = (
    "predict", "models", "export", "import", "rollback", "train", "search", "lab", "benchmark", "runs", "compare",
    "promote",
)  # fmt: skip


@pytest.fixture
def stays_csv(tmp_path, task):
    path = tmp_path / "stays.csv"
    simulated_patients(task).table().to_csv(path, index=False)
    return path


def test_predict_writes_one_row_a_stay(stays_csv, tmp_path, tiny_bundle_path, task, capsys):
    out = tmp_path / "risks.csv"
    assert main(["predict", str(tiny_bundle_path), str(stays_csv), "--out", str(out), "--quiet"]) == 0
    table = pd.read_csv(out, dtype={"record_id": str})
    assert list(table) == ["record_id", "predicted", "p_survived", "p_died", "abstained", "reason"]
    assert table["record_id"].tolist() == list(simulated_patients(task).record_ids)
    assert (table["p_survived"] + table["p_died"]).sub(1).abs().max() < 1e-5
    assert table.loc[table["abstained"], "reason"].notna().all()
    assert capsys.readouterr().err == ""


def test_predict_to_standard_output_keeps_notes_apart(stays_csv, tiny_bundle_path, capsys):
    assert main(["predict", str(tiny_bundle_path), str(stays_csv), "--out", "-"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("record_id,predicted,")
    assert "stays scored" in captured.err
    assert "Not a medical device" in captured.err


def test_what_was_set_aside_can_be_written_too(tmp_path, tiny_bundle_path):
    source, issues = tmp_path / "s.csv", tmp_path / "issues.csv"
    source.write_text("id,time,variable,value\n1,0,HR,80\n1,1,HR,9999\n1,2,Temp,37\n")
    command = ["predict", str(tiny_bundle_path), str(source), "--out", str(tmp_path / "o.csv"), "--quiet"]
    assert main([*command, "--set-aside", str(issues)]) == 0
    table = pd.read_csv(issues)
    assert table["row"].tolist() == [3]
    assert table["column"].str.contains("HR").all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "no-such-model", "{stays}", "--out", "{out}"], "no model bundle"),
        (["predict", "{model}", "{missing}", "--out", "{out}"], "nowhere.csv"),
        (["predict", "{model}", "{empty}", "--out", "{out}"], "empty.csv"),
        (["predict", "{model}", "{stays}", "--out", "{dir}/none/out.csv"], "--out does not exist"),
        (["predict", "{model}", "{stays}", "--out", "{dir}"], "is a folder"),
        (["predict", "{model}", "{stays}", "--out", "{out}", "--set-aside", "{dir}/none/i.csv"], "--set-aside"),
        (["train", "astrology", "--data", "{dir}", "--out", "{out}"], "astrology"),
        (["train", "icu-mortality", "--data", "{dir}/none", "--out", "{out}"], "does not exist"),
        (["benchmark", "physionet2012", "--data", "{dir}"], "set-a"),
    ],
    ids=[
        "unknown model",
        "missing file",
        "empty file",
        "no folder",
        "out is a folder",
        "no folder for issues",
        "unknown task",
        "no data folder",
        "no data in it",
    ],
)
def test_bad_input_ends_with_2_and_one_line(arguments, sentence, stays_csv, tmp_path, tiny_bundle_path, capsys):
    (tmp_path / "empty.csv").touch()
    fill = {
        "stays": stays_csv,
        "model": tiny_bundle_path,
        "out": tmp_path / "out.csv",
        "dir": tmp_path,
        "missing": tmp_path / "nowhere.csv",
        "empty": tmp_path / "empty.csv",
    }
    assert main([a.format(**fill) for a in arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.startswith("medgru: ")
    assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out.csv").exists()


def test_a_file_that_cannot_be_written_is_named_without_a_traceback(stays_csv, tiny_bundle_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device", "out.csv")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    assert main(["predict", str(tiny_bundle_path), str(stays_csv), "--out", "out.csv", "--quiet"]) == 2
    assert capsys.readouterr().err == "medgru: out.csv: No space left on device.\n"


@pytest.mark.parametrize("option", [["--seeds", "0"], ["--seeds", "-1"], ["--seeds", "three"]], ids=lambda o: o[1])
def test_a_number_of_seeds_that_is_none_is_refused_at_once(option, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["benchmark", "physionet2012", "--data", str(tmp_path), *option])
    assert stopped.value.code == 2
    assert "whole number from 1 on" in capsys.readouterr().err


def test_training_never_replaces_a_folder_that_is_no_bundle(tmp_path, capsys):
    (tmp_path / "thesis.docx").write_text("years of work")
    assert main(["train", "icu-mortality", "--data", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "thesis.docx" in capsys.readouterr().err


def test_models_lists_bundles_and_says_what_is_wrong_with_the_others(shelf, capsys):
    (settings().models_dir / "half").mkdir()
    assert main(["models"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("icu-mortality\tICU mortality")
    assert captured.out.rstrip().endswith("in use")
    assert "half cannot be used" in captured.err


def test_no_bundle_and_no_data_folder_are_said_so(shelf, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path / "nothing"))
    monkeypatch.delenv("MEDGRU_DATA_DIR", raising=False)
    settings.cache_clear()
    assert main(["models"]) == 2
    assert main(["benchmark", "physionet2012"]) == 2
    error = capsys.readouterr().err
    assert "no usable model bundle" in error
    assert "MEDGRU_DATA_DIR" in error


def test_the_module_runs_and_its_help_names_every_command():
    done = subprocess.run(
        [sys.executable, "-m", "medgru", "--help"], capture_output=True, text=True, cwd=PROJECT_ROOT, check=True
    )
    for command in COMMANDS:
        assert command in done.stdout
    assert "Not a medical device" in " ".join(done.stdout.split())
