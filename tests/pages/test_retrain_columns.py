"""The columns of a question on the retrain page: whose stay it is, what the outcome means, what is left out."""

from pathlib import Path

import pytest

from medgru import jobs
from medgru.settings import settings
from tests.pages.screens import table, texts
from tests.pages.test_retrain_page import bring, plain, waiting, ward, without_outcome

__all__ = ["waiting"]  # a fixture


def test_the_patient_may_be_named_in_the_file_of_the_outcomes(open_page, waiting):
    app = bring(open_page("retrain"), ("ward.csv", without_outcome(ward(96))))
    rows = "".join(f"p{i},Person {i // 2},{i % 3 == 0:d}\n" for i in range(200))
    app = bring(app, ("labels.csv", f"patient,mrn,died\n{rows}".encode()), part="outcomes")
    assert not app.exception
    assert app.selectbox(key="retrain_task").value == "icu-mortality"
    assert app.selectbox(key="retrain_patient").value == "mrn"
    assert not app.error


def test_alive_that_turns_to_0_is_no_survival_by_default(open_page, waiting):
    rows = [f"p{p},{h},{70 + h},{int(not (p % 2 and h == 5))}" for p in range(40) for h in range(1, 6)]
    app = bring(open_page("retrain"), ("ward.csv", "\n".join(["patient,hour,heart rate,alive", *rows]).encode()))
    app.selectbox(key="retrain_task").select("icu-mortality").run()
    assert app.selectbox(key="retrain_rule").options == [
        "the last one in time",
        "Died in hospital, wherever it occurs",
    ]
    counts = table(app, "Share").set_index("Outcome")["Stays"].to_dict()
    assert counts == {"Survived to discharge": 20, "Died in hospital": 20}


@pytest.mark.parametrize(("value", "question"), [("dead", "icu-mortality"), ("medical", "new")])
def test_one_value_under_the_name_of_an_outcome_makes_the_question_only_where_it_is_one(
    open_page, waiting, value, question
):
    app = bring(open_page("retrain"), ("ward.csv", ward(outcome="status", words=(value, value))))
    assert app.selectbox(key="retrain_task").value == question


def test_without_columns_left_out_none_are_counted(open_page, waiting):
    app = bring(open_page("retrain"), ("ward.csv", ward()))
    assert "48 stays read; 5 columns used, 1 holds the outcome." in plain(app)


def test_a_patient_column_that_the_user_does_without_is_left_out(open_page, waiting):
    rows = [f"s{i},{i // 2},{h},{60 + h * i},{i % 2}" for i in range(60) for h in range(3)]
    app = bring(open_page("retrain"), ("t.csv", "\n".join(["stay id,patient id,hour,kraft,course", *rows]).encode()))
    assert app.selectbox(key="retrain_new_patient").value == "patient id"
    assert any("1 measured over time, 0 known at the start, and" in e.label for e in app.expander)
    app.selectbox(key="retrain_new_patient").select("no").run()
    (label,) = (e.label for e in app.expander if "measured over time" in e.label)
    left_out = (table(app, "Used as")["Used as"] == "left out").sum()
    assert f"{left_out} left out" in label


def test_a_folder_on_the_server_that_cannot_be_read_hides_no_other(open_page, waiting, tmp_path, monkeypatch):
    for name in ("locked", "ward7"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "a.csv").write_bytes(ward())
    listed = Path.iterdir

    def guarded(self):
        if self.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", guarded)
    monkeypatch.setenv("MEDGRU_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    app = open_page("retrain")
    app.radio(key="retrain_source").set_value("server").run()
    assert not app.error, texts(app)
    assert app.selectbox(key="retrain_folder").options == ["ward7/ (1 file)", "ward7/a.csv"]


def test_a_table_of_a_known_question_without_outcomes_is_taken_for_it_and_what_is_missing_is_said(
    open_page, waiting, task
):
    names = [feature.name for feature in task.features if feature.low is not None][:25]
    middle = [(f.low + f.high) / 2 for f in task.features if f.name in names]
    rows = [
        f"p{p},{h}," + ",".join(f"{value + (p + h) * 0.001:.3f}" for value in middle)
        for p in range(40) for h in range(4)
    ]  # fmt: skip
    table = "\n".join([f"record_id,hours,{','.join(names)}", *rows])
    app = bring(open_page("retrain"), ("ward.csv", table.encode()))
    assert not app.exception
    assert app.selectbox(key="retrain_task").value == task.name
    assert "No column says how these patients ended" in app.error[0].value
    assert "retrain_start" not in {button.key for button in app.button}
    with_another = table.replace("record_id,", "record_id,aki,", 1)
    for p in range(40):
        with_another = with_another.replace(f"\np{p},", f"\np{p},{p % 2},")
    app = bring(open_page("retrain"), ("ward.csv", with_another.encode()))
    assert app.selectbox(key="retrain_task").value == "new"
    assert app.selectbox(key="retrain_new_label").value == "aki"


def test_another_identifier_shows_whose_stays_they_are(open_page, waiting):
    rows = [f"p{e // 2},e{e},{h},{e % 3 + h / 10:.2f},{e % 5 < 2:d}" for e in range(60) for h in range(3)]
    table = "\n".join(["patient_id,episode,hour,reading,outcome", *rows])
    app = bring(open_page("retrain"), ("ward.csv", table.encode()))
    app.selectbox(key="retrain_task").select("new").run()
    app.selectbox(key="retrain_new_event").select("0").run()
    app.selectbox(key="retrain_new_id").select("episode").run()
    assert app.selectbox(key="retrain_new_patient").value == "patient_id"
    assert app.selectbox(key="retrain_new_event").value == "0"
    app.text_input(key="retrain_new_title").set_value("Back again").run()
    assert app.selectbox(key="retrain_new_event").value == "0"
    app.button(key="retrain_start").click().run()
    assert (jobs.runs()[0].data["stays"], jobs.runs()[0].data["patients"]) == (60, 30)
