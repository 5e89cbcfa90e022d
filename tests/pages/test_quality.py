"""The quality page, and what Upload says of identifiers."""

import pytest

from medgru.ui import state
from tests.pages.screens import go, table, texts
from tests.pages.test_upload import drop, wide

CANARIES = ("Annegret", "Quastenflosser", "11010519491231002X", "13800138000", "ZX-778812")


def telling() -> bytes:
    """Two patients with all that identifies them; the second has one value only."""
    head = "MRN,Name,身份证号,Phone,charttime,HR,Temp\n"
    one = "ZX-778812,Annegret Quastenflosser,11010519491231002X,13800138000,2026-01-0{} {:02}:00,8{},36.{}\n"
    rows = [one.format(1 + h // 24, h % 24, h % 10, h % 10) for h in range(30)]
    return (head + "".join(rows) + "ZX-991122,Jo Annegret,,13912345678,2026-01-05 10:00,90,37\n").encode()


def session(app) -> str:
    """All that the session keeps, as text."""
    kept = app.session_state.to_dict()
    found = []

    def walk(value, depth=0):
        if depth > 12 or isinstance(value, int | float | bool | type(None)):
            return
        if isinstance(value, bytes):
            found.append(value.decode("utf-8", "ignore"))
        elif isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            for pair in value.items():
                walk(pair, depth + 1)
        elif isinstance(value, list | tuple | set | frozenset):
            for one in value:
                walk(one, depth + 1)
        elif hasattr(value, "to_pydict"):
            walk(value.to_pydict(), depth + 1)
        elif hasattr(value, "to_dict") and not hasattr(value, "layout"):
            walk(value.to_dict("list") if hasattr(value, "columns") else value.to_dict(), depth + 1)
        elif hasattr(value, "__dict__"):
            walk(vars(value), depth + 1)

    walk(kept)
    return "\n".join(found)


def test_the_empty_page_says_what_belongs_here_and_offers_the_simulated(open_page):
    app = open_page("quality")
    assert not app.exception
    assert "how good your data is" in texts(app)
    app.button(key="quality_simulated").click().run()
    assert not app.exception
    assert not app.error
    assert "8 patients: 7 enough, 0 thin, 1 not enough" in app.subheader[0].value


@pytest.mark.parametrize("section", ["patients", "variables", "time", "wrong", "identifiers"])
def test_every_section_of_good_data_is_shown(open_page, section):
    app = go(drop(open_page("upload"), ("ward.csv", wide())), "quality")
    app.segmented_control(key="quality_section").set_value(section).run()
    assert not app.exception
    assert not app.error
    assert "2 patients: 0 enough, 2 thin" in app.subheader[0].value


def test_bad_data_says_what_is_wrong_with_its_rows(open_page):
    app = go(drop(open_page("upload"), ("ward.csv", wide() + b"p3,1,80,37,96,1.1\n")), "quality")
    assert "1 not enough" in app.subheader[0].value
    verdicts = table(app, "Verdict").set_index("Patient")
    assert verdicts.loc["p3", "Why"].startswith("Only 1 h recorded")
    app.segmented_control(key="quality_section").set_value("wrong").run()
    assert table(app, "What")["What"].tolist() == ["Outside the plausible range"]
    assert table(app, "Problem")["Row"].tolist() == ["2", "14"]


def test_files_that_cannot_be_built_are_said_and_nothing_breaks(open_page):
    app = drop(open_page("upload"), ("ward.csv", wide()))
    columns = app.selectbox(key="upload_change_column")
    columns.select("hour").run()
    at = app.selectbox(key="upload_change_column").options.index("hour")
    app.selectbox(key=f"upload_becomes_{at}").select("left out").run()
    go(app, "quality")
    assert not app.exception
    assert len(app.error) == 1


def test_the_map_of_one_patient_can_be_chosen(open_page):
    app = go(drop(open_page("upload"), ("ward.csv", wide())), "quality")
    app.segmented_control(key="quality_section").set_value("time").run()
    app.selectbox(key="quality_whose").set_value("p2").run()
    assert not app.exception
    assert "p2: " in app.get("plotly_chart")[0].proto.alt


def test_a_file_without_identifiers_gets_no_warning(open_page):
    app = drop(open_page("upload"), ("ward.csv", wide()))
    assert not any(b.key == "upload_identifiers_remove" for b in app.button)


def test_identifiers_are_said_by_column_and_never_by_value(open_page):
    app = drop(open_page("upload"), ("ward.csv", telling()))
    assert "4 columns look as if they identified patients: Name" in texts(app)
    assert not any(canary in texts(app) for canary in CANARIES)


def test_no_example_of_the_mapping_shows_what_identifies_a_patient(open_page):
    app = drop(open_page("upload"), ("ward.csv", telling()))
    mapping = table(app, "Becomes").set_index("Column")
    assert (mapping.loc[["Name", "身份证号", "Phone", "MRN"], "Before"] == "(hidden)").all()
    assert not any(canary in mapping.to_string() for canary in CANARIES)
    assert mapping.loc["HR", "Before"] != "(hidden)"


def test_after_removal_a_saved_mapping_that_changes_nothing_is_not_offered(open_page):
    app = drop(open_page("upload"), ("ward.csv", telling()))
    app.text_input(key="upload_save_name").set_value("ward").run()
    app.button(key="upload_save").click().run()
    app.button(key="upload_identifiers_remove").click().run()
    assert not app.exception
    assert "which you mapped before" not in texts(app)
    assert not any(b.key == "upload_use_saved" for b in app.button)


def test_quality_speaks_of_identifiers_first_also_when_they_are_kept(open_page):
    rows = "".join(f"P{p},Jo Smith,{h},80,37,96,15\n" for p in range(3) for h in range(1, 49))
    app = drop(open_page("upload"), ("ward.csv", b"patient,Name,hour,HR,temp,SpO2,GCS\n" + rows.encode()))
    app.button(key="upload_identifiers_keep").click().run()
    go(app, "quality")
    assert "nothing stands out" not in texts(app)
    assert texts(app).index("1 column looks as if it identified patients: Name") < texts(app).index("too little")
    assert "**Look at this first:**\n1. 1 column looks" in texts(app)


def test_the_rows_of_another_unit_can_be_looked_at_by_themselves(open_page):
    odd = b"p3,1,80,98.6,96,1.1\np3,2,80,98.7,96,1.1\np3,3,300,37,96,1.1\n"
    app = go(drop(open_page("upload"), ("ward.csv", wide() + odd)), "quality")
    assert "2 values of 1 patient look like °F" in texts(app)
    app.segmented_control(key="quality_section").set_value("wrong").run()
    assert table(app, "What")["What"].tolist() == ["Looks like °F", "Outside the plausible range"]
    assert "choose that unit on Upload" in texts(app)
    app.session_state["quality_issue_groups"] = {"selection": {"rows": [0], "columns": [], "cells": []}}
    app.run()
    assert table(app, "Problem")["Row"].tolist() == ["26", "27"]


def test_one_click_removes_them_and_nothing_of_them_is_left_in_the_session(open_page):
    app = drop(open_page("upload"), ("Quastenflosser.csv", telling()))
    assert all(canary in session(app) for canary in CANARIES)
    app.button(key="upload_identifiers_remove").click().run()
    assert not app.exception
    assert "Identifiers were removed" in texts(app)
    assert not {"Name", "Phone", "身份证号"} & set(table(app, "Becomes")["Column"])
    app.session_state["medgru.removal"].take_key()  # the way back is there once, for whoever downloads it
    assert not [canary for canary in CANARIES if canary in session(app)]


def test_no_undo_brings_back_what_was_removed(open_page):
    app = drop(open_page("upload"), ("ward.csv", telling()))
    mapping = app.session_state["medgru.draft"].mapping
    app.session_state["medgru.reused_mapping"] = state.Reuse(app.session_state["medgru.draft"].files_key, "x", mapping)
    app.run()
    assert any(b.key == "upload_reuse_undo" for b in app.button)
    app.button(key="upload_identifiers_remove").click().run()
    assert not any(b.key == "upload_reuse_undo" for b in app.button)
    app.session_state["medgru.removal"].take_key()
    assert not [canary for canary in CANARIES if canary in session(app)]


def test_nothing_is_left_of_what_was_accepted_from_the_same_file_dropped_before(open_page):
    app = drop(open_page("upload"), ("ward.csv", telling()))
    app.button(key="upload_go").click().run()
    drop(go(app, "upload"), ("again.csv", telling()))
    app.button(key="upload_identifiers_remove").click().run()
    assert not app.exception
    app.session_state["medgru.removal"].take_key()
    assert not [canary for canary in CANARIES if canary in session(app)]


def test_the_pseudonym_is_what_the_other_pages_show_even_of_patients_accepted_before(open_page):
    app = drop(open_page("upload"), ("ward.csv", telling()))
    app.button(key="upload_go").click().run()
    go(app, "quality")
    app.segmented_control(key="quality_section").set_value("identifiers").run()
    app.button(key="quality_identifiers_remove").click().run()
    assert not app.exception
    app.segmented_control(key="quality_section").set_value("patients").run()
    assert set(table(app, "Verdict")["Patient"]) == {"P0001", "P0002"}
    go(app, "patient")
    assert app.selectbox(key="patient_stay").options == ["P0001", "P0002"]


def test_who_keeps_them_is_not_asked_again_for_these_files(open_page):
    app = drop(open_page("upload"), ("ward.csv", telling()))
    app.button(key="upload_identifiers_keep").click().run()
    assert not any(b.key == "upload_identifiers_remove" for b in app.button)
    go(app, "quality")
    go(app, "upload")
    assert not any(b.key == "upload_identifiers_remove" for b in app.button)


def test_the_key_can_be_taken_once(open_page):
    app = drop(open_page("upload"), ("ward.csv", telling()))
    app.button(key="upload_identifiers_remove").click().run()
    removal = app.session_state["medgru.removal"]
    assert b"ZX-778812,P0001" in removal.take_key()
    app.run()
    assert not any(b.key == "upload_key" for b in app.get("download_button"))
