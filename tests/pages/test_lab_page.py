import json
import shutil

import numpy as np
import pandas as pd
import pytest

from medgru import jobs
from medgru.bundle import write_sums
from medgru.data.labelled import LabelledStays
from medgru.jobs import queue
from medgru.jobs import table as run_table
from medgru.settings import settings
from medgru.training.lab import COLUMNS, LAB_CONFIG, METRICS, LabResult
from medgru.training.lab_claims import Verdict
from medgru.training.lab_models import LAB_MODELS
from tests.pages.runs import AtRest, Book
from tests.pages.screens import go, table, texts


@pytest.fixture
def launcher(models_dir, monkeypatch) -> AtRest:
    launcher = AtRest()
    monkeypatch.setattr(queue, "LAUNCHER", launcher)
    return launcher


@pytest.fixture
def labs(launcher):
    """Writes labs into the run table: `labs("name", "done")`."""

    def add(name: str, state: str = "done", found: LabResult | None = None) -> str:
        number = len(jobs.runs())
        run_id = f"20261123-10{number:02d}00-lab"
        run_table.insert(
            run_id, kind="lab", name=name, task="ICU mortality", model="gru", config=LAB_CONFIG.to_dict(),
            lab={"models": ["gru", "lstm"], "seeds": 3}, data={"name": "ward.csv", "stays": 200},
        )  # fmt: skip
        folder = run_table.folder_of(run_id)
        folder.mkdir(parents=True)
        if state != "queued":
            run_table.claim(99)
            run_table.begin(run_id, 1)
        if state == "running":
            launcher.alive.add(run_id)
        elif state != "queued":
            run_table.end(run_id, state, "The disk is full." if state == "failed" else "")
        if found:
            (folder / "lab.json").write_text(json.dumps(found.to_dict()))
        return run_id

    return add


def result(judged: bool = True) -> LabResult:
    rows = []
    for at, name in enumerate(("gru", "lstm", "gru-bi", "linear")):
        model = LAB_MODELS[name]
        row = dict.fromkeys(COLUMNS, np.nan) | {"model": name, "label": model.label, "about": model.about, "note": ""}
        if name == "gru-bi":
            rows.append(row | {"seeds": 0.0, "note": "It would look ahead."})
            continue
        row |= {"seeds": 3.0, "core_parameters": 3e3 + at * 1e3, "parameters": 9e3, "seconds": 1.5, "pace": 1.0}
        for metric in METRICS:
            row |= {metric: 0.86, f"{metric}_low": 0.84, f"{metric}_high": 0.88}
            row |= {f"{metric}_mean": 0.85, f"{metric}_sd": 0.002}
        rows.append(row)
    verdicts = (
        Verdict("The GRU ranks as well as the LSTM", "held", "AUROC 0.860 against 0.850."),
        Verdict("The GRU trains faster than the LSTM", "did not hold", "It took 1.31 times as long."),
        Verdict("Reading both ways helps", "cannot be told here", "It would look ahead."),
    )
    return LabResult(pd.DataFrame(rows)[COLUMNS], verdicts if judged else (), "Trained on 170 stays.", {})


def said(app) -> str:
    return texts(app).replace("\\", "")


def figure(app, key: str) -> dict:
    chart = next(c for c in app.get("plotly_chart") if key in c.proto.id)
    return json.loads(chart.proto.spec)


def test_without_a_lab_the_gates_of_a_simulated_patient_come_first(open_page, launcher):
    app = open_page("lab")
    assert not app.exception
    assert not app.error
    assert "No comparison was made yet" in said(app)
    assert {t["name"] for t in figure(app, "lab_gates")["data"] if t["type"] == "heatmap"} == {
        "Update gate", "Reset gate",
    }  # fmt: skip
    assert "Shown as soon as data and outcome are chosen" in said(app)
    assert not [b for b in app.button if b.key == "lab_start"]


def test_another_patient_and_another_member_have_other_gates(open_page, launcher):
    app = open_page("lab")
    first = figure(app, "lab_gates")
    app.button(key="patient_next").click().run()
    second = figure(app, "lab_gates")
    app.selectbox(key="lab_member").select(1).run()
    third = figure(app, "lab_gates")
    assert not app.exception
    assert first["data"] != second["data"] != third["data"]


def test_a_model_without_gates_leads_to_one_that_has_them(open_page, launcher, models_dir, tmp_path, monkeypatch):
    shutil.copytree(models_dir / "tiny", tmp_path / "stacked")
    config = tmp_path / "stacked" / "config.json"
    values = json.loads(config.read_text())
    config.write_text(json.dumps(values | {"network": values["network"] | {"num_layers": 2}}))
    write_sums(tmp_path / "stacked")
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    app = open_page("lab")
    assert not app.exception
    assert "Gates are there in a GRU of one layer" in said(app)


def test_a_finished_lab_shows_figure_verdicts_and_table(open_page, labs):
    labs("our ward", found=result())
    app = open_page("lab")
    assert not app.exception
    assert not app.error
    assert "our ward" in said(app)
    assert "green-badge[held]" in texts(app)
    assert "orange-badge[did not hold]" in texts(app)
    assert "gray-badge[cannot be told here]" in texts(app)
    assert "The GRU trains faster than the LSTM: **did not hold**. It took 1.31 times as long." in said(app)
    assert "Trained on 170 stays." in said(app)
    rows = table(app, "AUROC").set_index("Model")
    assert rows.loc["LSTM", "AUROC"] == "0.860 [0.840, 0.880]"
    assert rows.loc["LSTM", "AUROC, each"] == "0.850 ± 0.002"
    assert rows.loc["GRU, both ways", "Note"] == "It would look ahead."
    assert rows.loc["GRU, both ways", "AUROC"] == ""
    assert figure(app, "lab_figure")["layout"]["yaxis"]["ticktext"][0] == "GRU"
    assert not [b for b in app.button if b.key in ("lab_stop", "lab_resume")]


def test_a_lab_at_work_shows_what_it_has_and_can_be_stopped(open_page, labs):
    run_id = labs("at work", "running", result(judged=False))
    app = open_page("lab")
    assert "Said when all networks are done" in said(app)
    app.button(key="lab_stop").click().run()
    assert not app.exception
    assert jobs.get(run_id).stopping or jobs.get(run_id).state == "cancelled"


def test_a_lab_before_its_first_network_says_what_will_come(open_page, labs):
    labs("at work", "running")
    assert "fills row by row" in said(open_page("lab"))


@pytest.mark.parametrize("state", ["cancelled", "interrupted", "failed"])
def test_a_lab_that_ended_early_says_so_and_can_be_resumed(open_page, labs, launcher, state):
    run_id = labs("half", "running" if state == "interrupted" else state, result(judged=False))
    launcher.alive.discard(run_id)
    app = open_page("lab")
    if state == "failed":
        assert "The disk is full." in said(app)
    if state == "interrupted":
        assert "ended without a word" in said(app)
    app.button(key="lab_resume").click().run()
    assert jobs.get(run_id).state == "queued"


def test_a_damaged_result_is_told_and_the_page_goes_on(open_page, labs):
    run_id = labs("broken")
    (run_table.folder_of(run_id) / "lab.json").write_text("{")
    app = open_page("lab")
    assert not app.exception
    assert "lab.json of this run is damaged" in app.error[0].value.replace("\\", "")


def test_of_several_labs_the_newest_is_shown_and_another_can_be_chosen(open_page, labs):
    first = labs("first", found=result())
    labs("second", found=result())
    app = open_page("lab")
    assert "### second" in said(app)
    app.selectbox(key="lab_run").select(first).run()
    assert "### first" in said(app)


def test_runs_says_how_a_lab_stands_and_opens_that_one_until_a_newer_one_comes(open_page, labs):
    labs("first", "failed")
    labs("second", found=result())
    app = open_page("runs")
    assert "This run took the data through 2 models" in said(app)
    app.session_state["runs_table"] = {"selection": {"rows": [1]}}
    app.run()
    assert app.error[0].value == "The disk is full\\."
    assert "This run was to take the data" in said(app)
    app.button(key="runs_lab").click().run()
    assert app.title[0].value == "Lab"
    assert "### first" in said(app)
    assert "### first" in said(go(app, "lab"))
    labs("third", "running")
    assert "### third" in said(go(app, "lab"))
    assert "This run takes the data" in said(open_page("runs"))


def test_the_data_of_an_earlier_run_starts_a_lab(open_page, launcher, tiny_bundle_path, random_recordings):
    Book(tiny_bundle_path, random_recordings(stays=40), launcher).add("ward")
    y_true = (np.arange(60) % 3 == 0).astype(np.int64)
    stays = LabelledStays("ward.csv", random_recordings(stays=60), y_true, "cd" * 32)
    stays.save(jobs.runs()[0].folder / "dataset")
    app = open_page("lab")
    assert app.selectbox(key="lab_data").value == jobs.runs()[0].id
    assert "30 networks" in said(app)
    assert "held out, the same for all" in said(app)
    app.button(key="lab_start").click().run()
    assert not app.exception
    run = jobs.runs("lab")[0]
    assert run.lab == {"models": list(LAB_MODELS), "seeds": 3}
    assert run.state == "queued"
    assert "Lab, ICU mortality" in said(app)
    assert "ward.csv" not in said(app)


def test_another_page_and_back_keeps_the_lab(open_page, labs):
    labs("our ward", found=result())
    app = go(go(open_page("lab"), "start"), "lab")
    assert not app.exception
    assert "our ward" in said(app)
