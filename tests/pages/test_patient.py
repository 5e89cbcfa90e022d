import json
import shutil

import pytest
from streamlit.testing.v1 import AppTest

from medgru import NOTICE, explain, predict
from medgru.bundle import write_sums
from medgru.data.demo import simulated_patients
from medgru.settings import PROJECT_ROOT, settings
from tests.pages.screens import go, texts


@pytest.fixture
def count_calls(monkeypatch):
    """How often the model was asked and how often it was explained."""
    calls = {"predict": 0, "explain": 0}
    real_predict, real_explain = predict.predict, explain.contributions

    def counted_predict(*args, **kwargs):
        calls["predict"] += 1
        return real_predict(*args, **kwargs)

    def counted_explain(*args, **kwargs):
        calls["explain"] += 1
        return real_explain(*args, **kwargs)

    monkeypatch.setattr(predict, "predict", counted_predict)
    monkeypatch.setattr(explain, "contributions", counted_explain)
    return calls


@pytest.fixture
def patient(open_page):
    """The patient page with the first simulated patient."""
    app = open_page("start")
    app.button(key="start_simulated").click().run()
    # AppTest stays where it was asked to go: a switch of the page by the script lasts for one run.
    return go(app, "patient")


def test_a_link_straight_to_the_patient_page_shows_the_notice_and_a_way_on(open_page):
    app = open_page("patient")
    assert not app.error
    assert not app.exception
    assert "Not a medical device" in texts(app)
    app.button(key="patient_see_simulated").click().run()
    assert len(app.metric) == 1


def test_the_probability_stands_beside_the_usual_one(patient):
    assert not patient.error
    assert patient.metric[0].label == "Died in hospital"
    assert patient.metric[0].value.endswith("%")
    assert "Usual: 50 %" in texts(patient)
    assert "not a confidence interval" in patient.markdown[-1].proto.help or any(
        "not a confidence interval" in element.proto.help for element in patient.markdown
    )


def test_both_framings_are_given_and_add_up(patient):
    sentence = next(m.value for m in patient.markdown if m.value.startswith("Of 100 patients"))
    n = int(sentence.split("**about ")[1].split()[0])
    assert f"{100 - n} survived to discharge" in sentence


def test_what_is_taken_away_says_whose_it_is_and_that_it_is_simulated(patient):
    charts = [json.loads(chart.proto.config) for chart in patient.get("plotly_chart")]
    assert {chart["toImageButtonOptions"]["filename"] for chart in charts} == {
        f"medgru-{name}-SIM-1-simulated" for name in ("timeline", "class-probabilities", "icon-array")
    }
    for chart in patient.get("plotly_chart"):
        assert "(simulated)" in chart.proto.spec


def test_all_charts_have_words_for_those_who_cannot_see_them(patient):
    charts = patient.get("plotly_chart")
    assert len(charts) == 3
    assert all(chart.proto.alt for chart in charts)


def test_every_picture_has_its_table_and_download(patient):
    assert len(patient.dataframe) == 3
    assert all(len(element.value) for element in patient.dataframe)
    downloads = {button.key for button in patient.get("download_button")}
    assert downloads == {f"patient_{name}_csv" for name in ("hourly", "contributions", "measurements")}


def test_the_simulated_patient_is_said_to_be_simulated(patient):
    assert "simulated" in texts(patient).lower()
    assert any("Simulated" in badge.value for badge in patient.markdown)


def test_the_completeness_error_is_printed(patient):
    assert "they add up to that within" in texts(patient)


def test_attention_is_said_for_what_it_is(patient):
    assert "where the model looked, not why" in texts(patient)


def test_next_and_previous_walk_through_the_stays(patient, task):
    ids = simulated_patients(task).record_ids
    assert patient.button(key="patient_previous").disabled
    patient.button(key="patient_next").click().run()
    assert patient.selectbox(key="patient_stay").value == ids[1]
    patient.button(key="patient_previous").click().run()
    assert patient.selectbox(key="patient_stay").value == ids[0]


def test_a_stay_can_be_chosen_from_the_list(patient, task):
    last = simulated_patients(task).record_ids[-1]
    patient.selectbox(key="patient_stay").select(last).run()
    assert patient.selectbox(key="patient_stay").value == last
    assert patient.button(key="patient_next").disabled


def test_a_stay_with_too_little_in_it_gets_an_abstention_with_its_reason(patient, task):
    patient.selectbox(key="patient_stay").select("SIM-8").run()
    assert "The model abstains" in texts(patient)
    assert "are needed" in texts(patient)
    assert not any(m.value.startswith("Of 100 patients") for m in patient.markdown)
    assert {button.key for button in patient.get("download_button")} == {"patient_measurements_csv"}


def test_the_second_visit_to_a_patient_recomputes_nothing(open_page, count_calls):
    app = open_page("start")
    app.button(key="start_simulated").click().run()
    assert count_calls == {"predict": 1, "explain": 1}
    shown = app.metric[0].value
    go(app, "models")
    go(app, "patient")
    assert app.metric[0].value == shown
    app.button(key="patient_next").click().run()
    assert count_calls == {"predict": 2, "explain": 2}
    app.button(key="patient_previous").click().run()
    app.toggle(key="patient_all_variables").set_value(True).run()
    assert count_calls == {"predict": 2, "explain": 2}


def test_the_chosen_stay_survives_a_visit_to_another_page(patient, task):
    patient.button(key="patient_next").click().run()
    go(patient, "models")
    go(patient, "patient")
    assert patient.selectbox(key="patient_stay").value == simulated_patients(task).record_ids[1]


def test_two_sessions_share_no_result(open_page, count_calls):
    for _ in range(2):
        open_page("start").button(key="start_simulated").click().run()
    assert count_calls["predict"] == 2


def test_without_a_model_the_page_says_what_to_do(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    app = open_page("patient")
    app.button(key="patient_see_simulated").click().run()
    assert not app.exception
    assert "No usable model" in texts(app)


def test_an_unforeseen_error_gives_a_calm_message_without_any_value(open_page, monkeypatch, caplog):
    def broken(*_args, **_kwargs):
        raise RuntimeError("canary-4711")

    monkeypatch.setattr(predict, "predict", broken)
    app = open_page("start")
    app.button(key="start_simulated").click().run()
    assert not app.exception
    assert "Something went wrong" in texts(app)
    assert "do not reload this page" in texts(app)
    assert "canary" not in texts(app)
    assert "canary" not in caplog.text


def test_the_notice_is_on_every_page(open_page):
    app = open_page("start")
    for name in ("start", "upload", "patient", "models"):
        go(app, name)
        assert NOTICE.split(". ", 1)[1] in texts(app), name


def test_the_empty_page_leads_to_the_upload(open_page):
    app = open_page("patient")
    app.button(key="patient_bring_file").click().run()
    assert app.title[0].value == "Upload"


def test_with_two_models_each_gives_its_own_answer(open_page, models_dir, tmp_path, monkeypatch, count_calls):
    for name in ("a", "b"):
        shutil.copytree(models_dir / "tiny", tmp_path / name)
    (tmp_path / "b" / "README.md").write_text("# b\n")
    write_sums(tmp_path / "b")
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    app = open_page("start")
    app.button(key="start_simulated").click().run()
    go(app, "patient")
    app.selectbox(key="patient_model").select("b").run()
    assert app.selectbox(key="patient_model").value == "b"
    assert count_calls["predict"] == 2
    app.selectbox(key="patient_model").select("a").run()
    assert count_calls["predict"] == 2


def test_a_page_without_its_shell_shows_the_notice_and_nothing_of_a_patient():
    page = AppTest.from_file(str(PROJECT_ROOT / "pages" / "patient.py"), default_timeout=60).run()
    assert "Not a medical device" in page.error[0].value
    assert not page.get("plotly_chart")
    assert not page.button
