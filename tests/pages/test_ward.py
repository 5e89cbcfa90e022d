import io
import json

import numpy as np
import pandas as pd
import pytest
import streamlit as st

from medgru import predict
from medgru.data.demo import simulated_patients
from medgru.data.labelled import LabelledStays
from medgru.settings import settings
from medgru.ui import cache, cohort_list, state
from tests.pages.screens import go, table, texts

WARD = "patient,hour,heart rate,NIBP systolic,resp rate,SpO2,Temp (°C),GCS,FiO2 (%),sex,died\n"


def own(app, recordings, labels=None):
    """The session of somebody who brought these recordings."""
    app.session_state["medgru.own"] = state.Loaded.of(recordings)
    app.session_state["medgru.source"] = state.OWN
    app.session_state["medgru.whence"] = labels
    return app


def ward_file(patients=40, thin=3) -> bytes:
    """A ward with its outcome in a column; the last few stays are too short to judge."""
    rng = np.random.default_rng(1)
    lines = [WARD]
    for p in range(patients):
        died = p % 4 == 0
        for hour in range(1, 4 if p >= patients - thin else 13):
            vitals = (80 + 20 * died, 120 - 15 * died, 16 + 6 * died, 96 - 4 * died)
            measured = ",".join(f"{v + rng.normal():.0f}" for v in vitals)
            lines.append(f"p{p},{hour},{measured},{37 + died:.1f},{15 - 2 * died},21,{'mf'[p % 2]},{int(died)}\n")
    return "".join(lines).encode()


@pytest.fixture
def simulated(open_page):
    app = open_page("cohort")
    return app.button(key="patient_see_simulated").click().run()


@pytest.fixture
def brought(open_page):
    """A ward brought on Upload, looked at on Cohort."""
    app = open_page("upload")
    app.file_uploader(key="upload_files").upload("ward.csv", ward_file(), "text/csv").run()
    app.button(key="upload_go").click().run()
    return go(app, "cohort")


def listed(app) -> pd.DataFrame:
    return table(app, "Risk")


def test_with_nobody_loaded_the_page_says_what_belongs_here_and_how_to_bring_it(open_page):
    app = open_page("cohort")
    assert not app.exception
    assert "who should be seen first" in texts(app)
    assert not app.dataframe
    app.button(key="patient_bring_file").click().run()
    assert app.title[0].value == "Upload"


def test_everyone_is_listed_by_risk_and_the_abstained_stand_apart(simulated, task):
    assert not simulated.error
    assert listed(simulated)["Risk"].is_monotonic_decreasing
    apart = table(simulated, "Reason")
    assert len(listed(simulated)) + len(apart) == len(simulated_patients(task))
    assert "at least" in apart["Reason"].iloc[0]
    assert "Too little to judge: 1 patient" in texts(simulated)
    assert "See first" in texts(simulated)
    assert any("Simulated" in badge.value for badge in simulated.markdown)


def test_the_bedside_scores_stand_beside_the_models(simulated):
    rows = listed(simulated)
    assert (rows["NEWS2"] <= rows["up to"]).all()
    assert rows["qSOFA"].str.fullmatch(r"[0-3](–[0-3])?|\?").all()
    assert rows["SIRS"].str.fullmatch(r"[0-4](–[0-4])?|\?").all()
    incomplete = rows["NEWS2"] < rows["up to"]
    assert (rows["Missing"] != "").equals(incomplete)


def test_a_click_on_a_row_opens_that_patient(simulated, task):
    first = listed(simulated)["Patient"].iloc[2]
    simulated.session_state["cohort_list"] = {"selection": {"rows": [2], "columns": [], "cells": []}}
    simulated.run()
    assert simulated.title[0].value == "Patient"
    chosen = simulated.selectbox(key="patient_stay").value
    assert simulated_patients(task).title(chosen).startswith(first)


def walk_on(app, n) -> list[str]:
    """The patients that follow, by Next."""
    seen = [app.selectbox(key="patient_stay").value]
    for _ in range(n):
        app.button(key="patient_next").click().run()
        seen.append(app.selectbox(key="patient_stay").value)
    return seen


def test_next_goes_down_the_list_that_the_patient_was_opened_from_and_the_list_stays_as_it_was(brought):
    brought.selectbox(key="cohort_order").select("change").run()
    brought.text_input(key="cohort_search").set_value("p1").run()
    rows = listed(brought)
    assert rows["Change"].is_monotonic_decreasing
    assert 3 < len(rows) < 37
    brought.session_state["cohort_list"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    brought.run()
    go(brought, "patient")
    assert walk_on(brought, 2) == rows["Patient"].tolist()[1:4]
    assert f"4 of {len(rows)} listed on Cohort, steepest rise first" in texts(brought)
    go(brought, "cohort")
    assert brought.text_input(key="cohort_search").value == "p1"
    assert listed(brought)["Patient"].tolist() == rows["Patient"].tolist()


def test_a_patient_that_was_not_in_the_list_is_followed_by_the_next_of_the_file(brought):
    brought.text_input(key="cohort_search").set_value("p1").run()
    brought.button(key="cohort_open").click().run()
    go(brought, "patient")
    brought.selectbox(key="patient_stay").select("p20").run()
    assert walk_on(brought, 1) == ["p20", "p21"]
    assert "as in the file" in texts(brought)


def test_without_a_pointer_the_first_in_the_list_is_opened_by_a_button(brought):
    first = listed(brought)["Patient"].iloc[0]
    assert brought.button(key="cohort_open").label == f"Open {first}"
    brought.button(key="cohort_open").click().run()
    assert brought.title[0].value == "Patient"
    assert brought.selectbox(key="patient_stay").value == first
    assert "1 of 40, highest risk first" in texts(brought)


def test_why_a_threshold_is_where_it_begins_can_be_read(brought):
    assert "10 of 100 patients" in brought.slider(key="cohort_threshold").help
    assert "only where it begins" in brought.number_input(key="cohort_capacity").help


def test_small_lines_have_one_scale_on_which_a_rise_is_seen_and_what_goes_beyond_is_cut():
    course = np.array([[np.nan, 0.2, 0.3], [0.5, 0.5, 0.5], [0.9, 0.5, 0.1]], np.float32)
    lines = cohort_list._courses(course, 10).to_pylist()
    assert lines == [[0, 10], [0, 0, 0], [0, -10, -10]]


def test_the_threshold_says_how_many_alerts_and_that_outcomes_are_not_known(simulated):
    simulated.slider(key="cohort_threshold").set_value(0.0).run()
    assert "7 alerts: 100 per 100 patients" in texts(simulated)
    assert (listed(simulated)["Alert"] != "").all()
    simulated.slider(key="cohort_threshold").set_value(100.0).run()
    assert "0 alerts: no alert" in texts(simulated)
    assert "cannot be told" in texts(simulated)
    simulated.number_input(key="cohort_capacity").set_value(30).run()
    assert (listed(simulated)["Alert"] != "").sum() <= 2


def test_filters_narrow_the_list_and_nobody_found_is_said(simulated):
    everyone = len(listed(simulated))
    simulated.text_input(key="cohort_search").set_value("septic").run()
    assert 0 < len(listed(simulated)) < everyone
    assert "of 7 patients" in texts(simulated)
    simulated.text_input(key="cohort_search").set_value("nobody is called so").run()
    assert "Nobody fits" in texts(simulated)
    simulated.text_input(key="cohort_search").set_value("").run()
    assert len(listed(simulated)) == everyone


def test_the_distribution_has_words_for_those_who_cannot_see_it(simulated):
    (chart,) = simulated.get("plotly_chart")
    assert "alert" in chart.proto.alt
    assert json.loads(chart.proto.spec)["layout"]["shapes"]
    assert all(frame.proto.alt for frame in simulated.dataframe)


def test_six_files_can_be_taken_away_and_say_that_they_are_simulated(simulated):
    keys = {button.key for button in simulated.get("download_button")}
    assert keys == {f"cohort_{who}_{form}" for who in ("shown", "all") for form in ("csv", "xlsx", "parquet")}


def test_the_outcome_that_came_along_is_taken_and_alerts_are_judged(brought):
    assert not brought.error
    assert "Outcome" in listed(brought).columns
    said = texts(brought)
    assert "known to have had the outcome (died in hospital)" in said
    rules = table(brought, "Rule")
    assert rules["Rule"].str.contains("NEWS2 from 5").any()
    assert rules["Sensitivity"].str.contains(r"\[\d+, \d+\]").all()
    brought.selectbox(key="cohort_outcome_column").select("").run()
    assert "Outcome" not in listed(brought).columns
    assert "cannot be told" in texts(brought)


def test_thin_patients_are_listed_with_their_reason(brought):
    assert len(table(brought, "Reason")) == 3


def test_filters_by_facts_are_those_of_the_task(brought):
    assert "fact 1" not in listed(brought).columns  # nobody's age or kind of unit is known
    brought.multiselect(key="cohort_choice_0").set_value([1]).run()
    assert set(listed(brought)["fact 0"]) == {"male"}


def test_outcomes_in_a_file_of_their_own_can_be_brought(open_page, random_recordings):
    recordings = random_recordings(stays=30)
    app = own(open_page("start"), recordings)
    app = go(app, "cohort")
    assert "Outcome" not in listed(app).columns
    outcomes = "id,mortality\n" + "".join(f"stay-{i},{i % 3 == 0:d}\n" for i in range(30))
    app.file_uploader(key="cohort_outcome_file").upload("outcomes.csv", outcomes.encode(), "text/csv").run()
    app.run()
    app.selectbox(key="cohort_outcome_column").select("mortality").run()
    assert set(listed(app)["Outcome"]) == {"Survived to discharge", "Died in hospital"}
    app.button(key="cohort_outcome_file_away").click().run()
    assert "Outcome" not in listed(app).columns


def test_stays_that_were_brought_with_outcomes_on_retrain_keep_them(open_page, random_recordings):
    recordings = random_recordings(stays=12)
    labels = LabelledStays("x", recordings, np.arange(12) % 2, "hash")
    app = go(own(open_page("start"), recordings, labels), "cohort")
    assert "Of 6 known" in texts(app)


def test_scale_2_is_chosen_for_all_or_for_one(open_page, simulated, task):
    before = listed(simulated)["NEWS2"].tolist()
    simulated.toggle(key="cohort_scale_2").set_value(True).run()
    assert listed(simulated)["NEWS2"].tolist() != before
    simulated.toggle(key="cohort_scale_2").set_value(False).run()
    assert listed(simulated)["NEWS2"].tolist() == before
    go(simulated, "patient")
    first = next(m.value for m in simulated.markdown if m.value.startswith("NEWS2 **"))
    simulated.checkbox(key="patient_scale_2").set_value(True).run()
    assert next(m.value for m in simulated.markdown if m.value.startswith("NEWS2 **")) != first
    go(simulated, "cohort")
    assert listed(simulated)["NEWS2"].tolist() != before


def test_scoring_can_be_stopped_shows_what_is_done_and_goes_on(open_page, random_recordings, monkeypatch):
    monkeypatch.setattr(predict, "BATCH_STAYS", 10)
    real, seen = predict.Scoring.run, []

    def clicked(self, progress):
        def stop_after_two(done, total):
            progress(done, total)
            seen.append(done)
            if done >= 20:
                state.pause((state.own().digest, cache.bundles()[0][0].sha256))
                st.stop()  # as a click does: it ends the run of the script here

        real(self, stop_after_two)

    monkeypatch.setattr(predict.Scoring, "run", clicked)
    app = go(own(open_page("start"), random_recordings(stays=95)), "cohort")
    assert not app.exception
    assert seen == [10, 20]
    app.run()
    assert "are not in this list" in texts(app)
    done = len(listed(app))
    assert 20 <= done < 95
    monkeypatch.setattr(predict.Scoring, "run", real)
    app.button(key="cohort_go_on").click().run()
    assert not app.exception
    assert len(listed(app)) == 95
    assert "Stopped" not in texts(app)


def test_nobody_is_scored_twice_in_a_session(open_page, random_recordings, monkeypatch):
    runs, real = [], predict.Scoring.run

    def counted(self, progress=None):
        runs.append(self.total)
        return real(self, progress)

    monkeypatch.setattr(predict.Scoring, "run", counted)
    app = go(own(open_page("start"), random_recordings(stays=20)), "cohort")
    app.toggle(key="cohort_alerts_only").set_value(True).run()
    go(app, "patient")
    go(app, "cohort")
    assert runs == [20]


def test_ten_thousand_patients_are_listed_searched_and_exported(open_page, random_recordings):
    recordings = random_recordings(stays=10_000, rows=24)
    app = own(open_page("start"), recordings)
    app = go(app, "cohort")
    assert not app.exception
    assert not app.error
    assert len(listed(app)) == 10_000
    assert 0 < (listed(app)["Alert"] != "").sum() <= 1_000  # ten of 100 are proposed
    app.text_input(key="cohort_search").set_value("stay-777").run()
    assert len(listed(app)) == 11


def test_of_a_task_of_the_users_own_the_page_says_what_it_can(open_page, ward_recordings, untrained_bundle):
    recordings = ward_recordings(stays=25)
    untrained_bundle(settings().user_models_dir / "ward", recordings)
    app = go(own(open_page("start"), recordings), "cohort")
    assert not app.exception
    assert not app.error
    rows = listed(app)
    assert len(rows) == 25
    assert "NEWS2" not in rows.columns  # rows are counted: without a clock nobody can tell how old a value is


def test_what_is_taken_away_is_the_list_as_filtered_or_everyone_in_its_order(open_page, random_recordings, monkeypatch):
    made, real = {}, st.download_button

    def captured(label, data, **options):
        made[options["key"]] = data
        return real(label, data, **options)

    monkeypatch.setattr(st, "download_button", captured)
    app = go(own(open_page("start"), random_recordings(stays=30)), "cohort")
    app.text_input(key="cohort_search").set_value("stay-1").run()
    read = {
        "csv": lambda written: pd.read_csv(io.BytesIO(written)),
        "xlsx": lambda written: pd.read_excel(io.BytesIO(written), engine="calamine", sheet_name=None),
        "parquet": lambda written: pd.read_parquet(io.BytesIO(written)),
    }
    for who, count in (("shown", 11), ("all", 30)):
        tables = {form: read[form](made[f"cohort_{who}_{form}"]()) for form in read}
        about = tables["xlsx"].pop("About")
        assert "Not a medical device" in about.to_string()
        tables["xlsx"] = tables["xlsx"]["Cohort"]
        for one in tables.values():
            assert len(one) == count
            assert list(one["record_id"]) == list(tables["csv"]["record_id"])
            assert one["p_died"].is_monotonic_decreasing
    assert set(tables["csv"]["record_id"]) == {f"stay-{i}" for i in range(30)}


def kept_key(app, slot: str):
    """What the result that a session keeps is of; None where it keeps none."""
    name = f"medgru.last.{slot}"
    return app.session_state[name][0] if name in app.session_state else None


def test_other_recordings_leave_nothing_of_the_former_ones_behind(open_page, random_recordings):
    app = go(own(open_page("start"), random_recordings(stays=20)), "cohort")
    assert app.session_state["medgru.last.scoring_own"]
    app.file_uploader(key="cohort_outcome_file").upload("o.csv", b"id,died\nstay-0,1\nstay-1,0\n", "text/csv").run()
    slots = (
        "scoring_own",
        "cohort",
        "cohort_scores",
        "cohort_latest",
        "cohort_answers",
        "cohort_rows",
        "cohort_labels",
    )
    former = {slot: kept_key(app, slot) for slot in slots}
    go(app, "upload")
    app.file_uploader(key="upload_files").upload("ward.csv", ward_file(), "text/csv").run()
    app.button(key="upload_go").click().run()
    assert not [slot for slot in slots if former[slot] is not None and kept_key(app, slot) == former[slot]]
    assert not any(app.session_state["medgru.material"].values())
    go(app, "cohort")
    assert not listed(app)["Patient"].str.startswith("stay-").any()
