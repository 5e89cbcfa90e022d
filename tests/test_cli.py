"""The command line, as its users meet it: files in, a table out, one clear line when something is wrong."""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from medgru.cli import labelled, main
from medgru.data.demo import simulated_patients
from medgru.data.label_rows import RULES
from medgru.data.labelled import LabelledStays
from medgru.errors import DataError
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
    assert list(table)[:7] == ["record_id", "predicted", "p_survived", "p_died", "abstained", "reason", "change_6h"]
    for score, most in (("news2", 20), ("qsofa", 3), ("sirs", 4)):
        known = table[score].notna()
        assert (table[score] <= table[f"{score}_at_most"])[known].all()
        assert table[f"{score}_at_most"].dropna().le(most).all()
        assert (table[f"{score}_missing"].isna() == (table[score] == table[f"{score}_at_most"]))[known].all()
    assert table["record_id"].tolist() == list(simulated_patients(task).record_ids)
    assert (table["p_survived"] + table["p_died"]).sub(1).abs().max() < 1e-5
    assert table.loc[table["abstained"], "reason"].notna().all()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("ending", "read"), [("xlsx", pd.read_excel), ("parquet", pd.read_parquet)])
def test_predict_writes_what_the_ending_says(ending, read, stays_csv, tmp_path, tiny_bundle_path):
    for name in (f"risks.{ending}", "risks.csv"):
        assert main(["predict", str(tiny_bundle_path), str(stays_csv), "--out", str(tmp_path / name), "--quiet"]) == 0
    options = {"engine": "calamine"} if ending == "xlsx" else {}
    table, csv = read(tmp_path / f"risks.{ending}", **options), pd.read_csv(tmp_path / "risks.csv")
    assert list(table) == list(csv)
    assert table["record_id"].astype(str).tolist() == csv["record_id"].astype(str).tolist()
    np.testing.assert_allclose(table["p_died"], csv["p_died"], atol=1e-5)
    assert table["news2"].tolist() == csv["news2"].tolist()


def test_predict_refuses_an_ending_that_it_does_not_write_before_it_works(
    stays_csv, tmp_path, tiny_bundle_path, capsys
):
    assert main(["predict", str(tiny_bundle_path), str(stays_csv), "--out", str(tmp_path / "risks.xls")]) == 2
    assert "expected is .csv, .xlsx, .parquet" in capsys.readouterr().err
    assert not (tmp_path / "risks.xls").exists()


def test_predict_to_standard_output_keeps_notes_apart(stays_csv, tiny_bundle_path, capsys):
    assert main(["predict", str(tiny_bundle_path), str(stays_csv), "--out", "-"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("record_id,predicted,")
    assert "stays scored" in captured.err
    assert "Not a medical device" in captured.err


def test_what_was_set_aside_is_counted_in_values_not_in_lines(tmp_path, tiny_bundle_path, capsys):
    source = tmp_path / "s.csv"
    source.write_text("id,hour,HR,Temp,age\n1,0,80,37,999\n1,1,9999,37,999\n,2,81,36,50\n")
    assert main(["predict", str(tiny_bundle_path), str(source), "--out", str(tmp_path / "o.csv")]) == 0
    said = capsys.readouterr().err
    used, read, aside = map(int, re.search(r"(\d+) of (\d+) measurements used, (\d+) set aside", said).groups())
    assert (used, used + aside) == (3, read)


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
        (["benchmark", "grud", "--data", "{dir}"], "set-a"),
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
        "no data for GRU-D in it",
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


@pytest.fixture
def ward_csv(tmp_path):
    """Sixty stays of two outcomes, with a column that tells them apart."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(60):
        for hour in range(rng.integers(5, 9)):
            pulse = round(80 + 25 * (i % 2) + rng.normal(0, 8))
            rows.append((f"Fall {i}", hour, pulse, round(rng.normal(37, 0.5), 1), ("gut", "schlecht")[i % 2]))
    path = tmp_path / "ward.csv"
    pd.DataFrame(rows, columns=["Fall", "Stunde", "Puls", "Temperatur", "Verlauf"]).to_csv(path, index=False)
    return path


NEW = ("--label", "Verlauf", "--new-task", "Station 7", "--members", "1", "--epochs", "2", "--hidden-size", "4")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "{ward}"], "--label COLUMN"),
        (["train", "{ward}", "--label", "Verlauf", "--out", "{dir}/x"], "Give one or the other"),
        (["train", "{ward}", "--label", "Verlauf", "--id", "Fall"], "go with --new-task"),
        (["train", "{ward}", "--label", "Ende", "--new-task", "x"], "Ende"),
        (["train", "{ward}", "--label", "Verlauf", "--new-task", "x", "--model", "oracle"], "gru-d, retain"),
        (["train", "{ward}", "--label", "Verlauf", "--from", "nothing"], "no model of that id"),
        (["train", "{ward}", "--label", "Verlauf", "--new-task", "x", "--from", "icu-mortality"], "Leave out --from"),
        (["train", "{ward}", "--label", "Verlauf", "--task", "astrology"], "astrology"),
        (["search", "{ward}"], "--label COLUMN"),
        (["lab", "{ward}"], "--label COLUMN"),
        (["lab", "{ward}", "--label", "Verlauf", "--new-task", "x", "--models", "oracle"], "oracle"),
        (["lab", "physionet2012", "--data", "{dir}"], "set-a"),
        (["runs", "show"], "Name the run"),
        (["runs", "delete", "20261123-091502-k3f"], "no such run"),
        (["compare", "20261123-091502-k3f", "../../etc"], "no such run"),
        (["promote", "20261123-091502-k3f"], "no such run"),
        (["rollback", "icu-mortality"], "nothing to go back to"),
        (["rollback", "astrology"], "astrology"),
        (["export", "nothing", "--out", "{dir}/x.zip"], "no model of that id"),
        (["import", "{dir}/none.zip"], "There is no file"),
        (["import", "{ward}"], "no whole zip"),
    ],
    ids=lambda value: " ".join(value[:3]).replace("{", "").replace("}", "") if isinstance(value, list) else "",
)
def test_what_cannot_be_done_with_own_files_and_runs_is_said_in_one_line(
    arguments, sentence, shelf, ward_csv, tmp_path, capsys
):
    assert main([a.format(ward=ward_csv, dir=tmp_path) for a in arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error.splitlines()[-1]
    assert error.splitlines()[-1].startswith("medgru: ")
    assert "Fall 1" not in error


def test_a_run_without_waiting_is_listed_and_interrupting_it_stops_it_for_later(shelf, ward_csv, monkeypatch, capsys):
    monkeypatch.setattr("medgru.jobs.queue.refresh", lambda: None)  # it stays queued: nothing is trained here
    assert main(["train", str(ward_csv), *NEW, "--name", "first", "--no-wait", "--quiet"]) == 0
    run_id = capsys.readouterr().out.strip()
    assert main(["runs"]) == 0
    assert capsys.readouterr().out.split("\t")[:4] == [run_id, "waiting, 0 before it", "train", "first"]
    answers = iter([KeyboardInterrupt()])

    def interrupted(*_, **__):
        for error in answers:
            raise error

    with monkeypatch.context() as patched:
        patched.setattr("medgru.jobs.wait", interrupted)
        assert main(["search", str(ward_csv), *NEW, "--minutes", "1", "--quiet"]) == 130
    captured = capsys.readouterr()
    second = captured.out.strip()
    assert f"runs resume {second}" in captured.err
    assert main(["runs", "show", second]) == 0
    shown = capsys.readouterr().out
    assert "state: stopped" in shown
    assert main(["compare", run_id, second]) == 0
    assert f"search_minutes: 0 ({run_id}), 1 ({second})" in capsys.readouterr().out
    assert main(["runs", "delete", second]) == 0
    assert main(["runs", "stop", run_id]) == 0
    assert "The run is stopped." in capsys.readouterr().err


def test_the_rules_for_a_label_that_changes_are_those_of_the_app():
    from medgru.ui import retrain_parts

    assert labelled.RULES == RULES == ("same", *retrain_parts.RULES)


def test_a_run_is_called_after_its_question_and_not_after_a_file(shelf, ward_csv, monkeypatch, capsys):
    monkeypatch.setattr("medgru.jobs.queue.refresh", lambda: None)
    assert main(["train", str(ward_csv), *NEW, "--no-wait", "--quiet"]) == 0
    run_id = capsys.readouterr().out.strip()
    assert main(["runs", "show", run_id]) == 0
    shown = capsys.readouterr().out
    assert "Station 7" in shown
    assert "ward" not in shown


def _labelled(*command: str) -> LabelledStays:
    parser = argparse.ArgumentParser()
    labelled.add_options(parser)
    parser.add_argument("inputs", nargs="+", type=Path)
    parser.add_argument("--quiet", action="store_true", default=True)
    return labelled.read_labelled_files(parser.parse_args(command))


def test_another_identifier_changes_whose_stays_they_are_and_what_is_fixed(tmp_path):
    rows = [
        f"{p},{p}-{e},{h},{70 + h * e},{50 + 3 * p + e},{p % 2}" for p in range(20) for e in (1, 2) for h in range(3)
    ]
    path = tmp_path / "w.csv"
    path.write_text("\n".join(["patient_id,episode,hour,pulse,weight_at_admission,died", *rows]))
    options = ["--label", "died", "--new-task", "Weight"]
    assert len(_labelled(str(path), *options)) == 20
    stays = _labelled(str(path), *options, "--id", "episode")
    assert len(stays) == 40
    assert stays.patients == tuple(str(p) for p in range(20) for _ in (1, 2))
    assert [f.name for f in stays.recordings.task.statics] == ["weight_at_admission"]
    with pytest.raises(DataError, match="no column called 'nope'"):
        _labelled(str(path), *options, "--id", "nope")


def test_the_patient_is_found_in_the_file_of_labels(tmp_path):
    vitals, labels = tmp_path / "vitals.csv", tmp_path / "labels.csv"
    vitals.write_text("\n".join(["record_id,hour,HR", *(f"{i},{h},{70 + i}" for i in range(40) for h in range(3))]))
    labels.write_text("\n".join(["record_id,patient_id,died", *(f"{i},P{i // 2},{i // 2 % 2}" for i in range(400))]))
    stays = _labelled(str(vitals), "--label", "died", "--label-file", str(labels))
    assert stays.patients == tuple(f"p{i // 2}" for i in range(40))


@pytest.mark.slow
def test_from_a_table_to_a_model_in_use_and_back(shelf, ward_csv, tmp_path, capsys):
    assert main(["train", str(ward_csv), *NEW, "--id", "Fall", "--time", "Stunde", "--features", "Puls"]) == 0
    captured = capsys.readouterr()
    run_id, *found = captured.out.splitlines()
    assert "stays held out" in found[0]
    assert f"promote {run_id}" in captured.err
    assert main(["promote", run_id, "--override", "only a test"]) == 0
    assert "No model is in use for Station 7" in capsys.readouterr().out
    made = "station-7-gru-60-stays"
    pd.read_csv(ward_csv).drop(columns="Verlauf").to_csv(tmp_path / "new.csv", index=False)
    out = tmp_path / "risks.csv"
    assert main(["predict", made, str(tmp_path / "new.csv"), "--out", str(out), "--quiet"]) == 0
    assert pd.read_csv(out)["record_id"].nunique() == 60
    assert main(["export", made, "--out", str(tmp_path / "x.zip")]) == 0
    assert main(["import", str(tmp_path / "x.zip")]) == 0
    assert capsys.readouterr().out.strip() == made, "a model that is here is not taken twice"
    task = json.loads((settings().user_models_dir / made / "task.json").read_text())["name"]
    bundle = settings().user_models_dir / made
    assert not any(b"ward" in path.read_bytes() for path in bundle.iterdir()), "the file's name may be a patient's"
    assert main(["rollback", task]) == 2
    further = ["train", str(ward_csv), "--label", "Verlauf", "--from", made, "--epochs", "1", "--members", "1"]
    assert main(further) == 0
    again = capsys.readouterr().out.splitlines()[0]
    assert main(["promote", again, "--override", "only a test"]) == 0
    assert "Ranking of patients (AUROC)" in capsys.readouterr().out
    assert main(["rollback", task]) == 0
    assert capsys.readouterr().out.strip() == made
    assert main(["compare", run_id, again]) == 0
    assert "start_from" in capsys.readouterr().out
