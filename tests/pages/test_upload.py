import io
from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from medgru.data import Source, inspect
from medgru.settings import settings
from medgru.tables import safe_csv
from medgru.ui import words
from tests.pages.screens import go, table, texts

HOURS = 12


def wide(patients=("p1", "p2"), heart_rate="heart rate", temperature="temp") -> bytes:
    """A wide table: some hours of each patient, with one impossible heart rate in the first row."""
    lines = [f"patient,hour,{heart_rate},{temperature},spo2,creatinine"]
    for patient in patients:
        for hour in range(1, HOURS + 1):
            lines.append(f"{patient},{hour},{999 if hour == 1 else 80 + hour},37.{hour % 10},96,1.1")
    return ("\n".join(lines) + "\n").encode()


def drop(app, *files):
    """Drop files on the upload page."""
    zone = app.get("file_uploader")[0]
    zone.set_value([(name, content, "text/csv") for name, content in files])
    return app.run()


@pytest.fixture
def uploaded(open_page):
    """The upload page with two patients read."""
    return drop(open_page("upload"), ("ward.csv", wide()))


def test_the_empty_page_says_what_can_be_brought(open_page):
    app = open_page("upload")
    assert not app.exception
    assert not app.error
    assert "decimal point or comma" in texts(app)
    assert len(app.get("download_button")) == 2


def test_what_was_read_is_shown_and_can_be_looked_at(uploaded):
    assert not uploaded.exception
    assert not uploaded.error
    assert table(uploaded, "Patients")["Patients"].tolist() == [2]
    assert "2 patients ready" in texts(uploaded)
    uploaded.button(key="upload_go").click().run()
    assert uploaded.title[0].value == "Cohort"
    go(uploaded, "patient")
    assert uploaded.selectbox(key="patient_stay").value == "p1"
    assert len(uploaded.metric) == 1


def test_what_was_set_aside_is_counted_in_values_and_not_in_rows(open_page):
    late = wide() + b"p1,99,80,37.0,96,1.1\n"  # one row after the last hour, with four values
    app = drop(open_page("upload"), ("ward.csv", late))
    assert any(e.label.startswith("Set aside: 6 of 100 values") for e in app.expander)


def test_the_mapping_says_what_each_column_became(uploaded):
    mapping = table(uploaded, "Becomes").set_index("Column")
    assert mapping.loc["heart rate", "Becomes"].startswith("Heart rate")
    assert mapping.loc["temp", "Converted to"] == "°C"
    assert mapping.loc["patient", "Becomes"] == "patient number"


def test_a_column_can_be_mapped_anew_before_anything_is_predicted(uploaded):
    columns = uploaded.selectbox(key="upload_change_column")
    columns.select("spo2").run()
    at = columns.options.index("spo2")
    uploaded.selectbox(key=f"upload_becomes_{at}").select("left out").run()
    assert not uploaded.exception
    assert not uploaded.error
    assert table(uploaded, "Becomes").set_index("Column").loc["spo2", "Becomes"] == "left out"


def test_a_mapping_that_cannot_work_is_explained_and_can_be_undone(uploaded):
    columns = uploaded.selectbox(key="upload_change_column")
    columns.select("hour").run()
    at = uploaded.selectbox(key="upload_change_column").options.index("hour")
    uploaded.selectbox(key=f"upload_becomes_{at}").select("left out").run()
    assert not uploaded.exception
    assert len(uploaded.error) == 1
    assert "Change the mapping above" in texts(uploaded)
    assert len(table(uploaded, "spo2")) > 0, "the first rows stay in sight while the mapping is wrong"
    at = uploaded.selectbox(key="upload_change_column").options.index("hour")
    uploaded.selectbox(key=f"upload_becomes_{at}").select("time").run()
    assert not uploaded.error
    assert "2 patients ready" in texts(uploaded)


def test_a_unit_can_be_chosen(uploaded):
    columns = uploaded.selectbox(key="upload_change_column")
    columns.select("temp").run()
    at = uploaded.selectbox(key="upload_change_column").options.index("temp")
    uploaded.selectbox(key=f"upload_unit_{at}").select("°F").run()
    assert table(uploaded, "Becomes").set_index("Column").loc["temp", "Unit found"] == "°F"
    assert not uploaded.exception


def test_what_is_impossible_is_set_aside_with_its_row(uploaded):
    issues = table(uploaded, "Problem")
    assert list(issues.columns) == ["File", "Row", "Patient", "Column", "Value", "Problem", "Times"]
    assert "2" in set(issues["Row"].astype(str))
    assert any(button.key == "upload_issues_csv" for button in uploaded.get("download_button"))


def test_a_file_without_any_patient_says_so_and_shows_what_was_set_aside(open_page):
    app = drop(open_page("upload"), ("nobody.csv", b"id,time,heart rate\n,1,80\n,2,82\n"))
    assert not app.exception
    assert "No patient could be read; see above what was set aside." in texts(app)
    assert table(app, "Problem")["Row"].tolist() == ["2", "3"]
    assert not any(button.key == "upload_go" for button in app.button)


def test_a_long_list_of_what_was_set_aside_says_that_it_is_cut(open_page, monkeypatch):
    from medgru.ui import upload_view

    monkeypatch.setattr(upload_view, "SHOWN_ISSUES", 1)
    app = drop(open_page("upload"), ("nobody.csv", b"id,time,heart rate\n,1,80\n,2,82\n"))
    assert "First 1 of 2 shown, all in the CSV" in texts(app)
    assert len(table(app, "Problem")) == 1


def test_a_file_in_which_all_is_used_says_so(open_page):
    app = drop(open_page("upload"), ("ward.csv", b"id,time,heart rate\np1,1,80\np1,2,82\n"))
    assert "Nothing was set aside: all 2 values found were used" in texts(app)


def test_the_stricter_limit_on_uploads_is_the_one_that_is_said(open_page, monkeypatch):
    monkeypatch.setenv("MEDGRU_MAX_UPLOAD_MB", "7")
    settings.cache_clear()
    (said,) = (text.value for text in open_page("upload").markdown if "MB a file" in text.value)
    assert "Up to 7 MB a file" in said
    assert "medgru predict" in said


def test_that_a_reload_forgets_everything_is_said_before_anything_is_brought(open_page):
    assert "close or reload this tab" in open_page("upload").get("file_uploader")[0].label


def test_while_many_files_are_read_it_is_said_which(task):
    said = []
    files = [Source(f"bed{i}.csv", wide((f"p{i}",))) for i in range(3)]
    inspect([*files, Source("pic.png", picture())], task, lambda *told: said.append(told))
    assert sorted(number for number, _, _ in said) == [1, 2, 3, 4]
    assert {of for _, of, _ in said} == {4}
    assert {name for _, _, name in said} == {"bed0.csv", "bed1.csv", "bed2.csv", "pic.png"}


def test_a_thin_patient_is_counted_as_such(open_page):
    app = drop(open_page("upload"), ("ward.csv", wide() + b"p3,1,80,37,96,1.1\n"))
    assert "2 patients ready" in texts(app)
    assert "1 with not enough" in texts(app)


def test_a_patient_without_any_measurement_can_be_opened_and_the_model_abstains(open_page):
    app = drop(open_page("upload"), ("ward.csv", wide() + b"p3,1,,,,\n"))
    assert "1 with not enough" in texts(app)
    app.button(key="upload_go").click().run()
    go(app, "patient")
    app.selectbox(key="patient_stay").select("p3").run()
    assert not app.exception
    assert not app.error
    assert "No usable measurement" in texts(app)


@pytest.mark.parametrize(
    ("name", "content"),
    [("empty.csv", b""), ("program.csv", b"MZ\x90\x00" + bytes(200)), ("broken.parquet", b"PAR1" + bytes(50))],
    ids=["empty", "renamed program", "truncated parquet"],
)
def test_a_bad_file_is_refused_and_nothing_already_loaded_is_lost(uploaded, name, content):
    uploaded.button(key="upload_go").click().run()
    go(uploaded, "upload")
    drop(uploaded, (name, content))
    assert not uploaded.exception
    assert len(uploaded.error) == 1
    assert f"{words.escape(name)} was not taken" in texts(uploaded)
    assert "Still loaded: ward\\.csv" in texts(uploaded)
    assert "2 patients ready" in texts(uploaded)
    assert "from ward\\.csv" in texts(uploaded)
    go(uploaded, "patient")
    assert uploaded.selectbox(key="patient_stay").value == "p1"


def test_a_bad_file_among_good_ones_is_named_and_the_others_are_read(open_page):
    app = drop(open_page("upload"), ("ward.csv", wide()), ("empty.csv", b""))
    assert not app.exception
    assert "empty\\.csv" in texts(app)
    assert "2 patients ready" in texts(app)


def test_earlier_patients_stay_until_new_ones_are_accepted(uploaded):
    uploaded.button(key="upload_go").click().run()
    go(uploaded, "upload")
    drop(uploaded, ("other.csv", wide(patients=("q1", "q2", "q3"))))
    assert "3 patients ready" in texts(uploaded)
    go(uploaded, "patient")
    assert uploaded.selectbox(key="patient_stay").value == "p1"
    go(uploaded, "upload")
    uploaded.button(key="upload_go").click().run()
    go(uploaded, "patient")
    assert uploaded.selectbox(key="patient_stay").value == "q1"


def test_what_was_read_survives_a_visit_to_another_page(uploaded):
    go(uploaded, "models")
    go(uploaded, "upload")
    assert "2 patients ready" in texts(uploaded)


def test_own_and_simulated_patients_can_both_be_looked_at(uploaded):
    uploaded.button(key="upload_go").click().run()
    go(uploaded, "patient")
    uploaded.radio(key="patient_source").set_value("simulated").run()
    assert uploaded.selectbox(key="patient_stay").value == "SIM-1"


def test_markup_in_a_column_name_stays_text(open_page):
    app = drop(open_page("upload"), ("<b>x.csv", wide(heart_rate="<img src=x onerror=alert(1)>")))
    assert not app.exception
    assert "<img" not in texts(app)


def test_the_list_of_what_was_set_aside_holds_no_formula(uploaded):
    issues = table(uploaded, "Problem").assign(Column="=cmd|' /C calc'!A0")
    assert b",=cmd" not in safe_csv(issues)


def test_the_files_are_read_once_and_not_at_every_click(open_page, monkeypatch):
    from medgru.ui import upload_view

    calls = []
    real = upload_view.inspect
    monkeypatch.setattr(upload_view, "inspect", lambda *args: calls.append(1) or real(*args))
    app = drop(open_page("upload"), ("ward.csv", wide()))
    app.run()
    app.selectbox(key="upload_change_column").select("temp").run()
    assert len(calls) == 1


MESSY = b"patient,when,Temperatur,Gewicht,glucose,x1\n" + b"".join(
    f"p{p},{h},{98.2 + (p + h) % 4},{150 + p},{5 + p % 4 / 2 + h % 3},{7 * h % 5}\n".encode()
    for p in range(5)
    for h in range(1, 13)
)


def test_guesses_are_checked_one_after_the_other_and_then_nothing_is_left_to_check(open_page):
    app = drop(open_page("upload"), ("ward.csv", MESSY))
    assert not app.exception
    assert "1 of 3 to check" in texts(app)
    asked = []
    while any(button.key == "upload_right" for button in app.button):
        asked.append(next(m.value for m in app.markdown if " to check: is " in m.value))
        app.button(key="upload_right").click().run()
    assert len(asked) == 3
    assert any("Temperature in °F" in question for question in asked)
    assert "to check" not in texts(app)
    assert set(table(app, "Becomes").set_index("Column").loc[["when", "Temperatur", "glucose"], "How"]) == {"chosen"}
    assert "patients ready" in texts(app)


def test_a_guess_shows_one_value_converted_and_where_all_lie(open_page):
    app = drop(open_page("upload"), ("ward.csv", MESSY))
    while "Temperatur*" not in texts(app):
        app.button(key="upload_right").click().run()
    assert "°F = **37\\.3 °C**" in texts(app)
    assert app.get("plotly_chart")
    mapping = table(app, "Becomes").set_index("Column")
    assert sum(mapping.loc["Temperatur", "Where they lie"]) == 60


def test_all_guesses_can_be_confirmed_at_once_and_one_can_be_left_out(open_page):
    app = drop(open_page("upload"), ("ward.csv", MESSY))
    app.button(key="upload_review_leave_out").click().run()
    assert "2 of 3 to check" in texts(app)
    app.button(key="upload_all_right").click().run()
    assert not any(button.key == "upload_right" for button in app.button)
    assert not app.exception


def save_as(app, name):
    app.text_input(key="upload_save_name").set_value(name).run()
    return app.button(key="upload_save").click().run()


def test_a_saved_mapping_is_used_for_the_next_file_of_the_same_shape_and_can_be_undone(open_page):
    app = drop(open_page("upload"), ("november.csv", MESSY))
    app.button(key="upload_all_right").click().run()
    save_as(app, "ward [7]")
    drop(app, ("december.csv", MESSY.replace(b"p1", b"q1")))
    assert not app.exception
    assert "Read with your saved mapping" in texts(app)
    assert "to check" not in texts(app)
    app.button(key="upload_reuse_undo").click().run()
    assert "1 of 3 to check" in texts(app)
    assert "which you mapped before" in texts(app)
    app.button(key="upload_use_saved").click().run()
    assert "to check" not in texts(app)


def test_a_saved_mapping_is_offered_where_columns_were_added_and_not_for_another_shape(open_page):
    app = drop(open_page("upload"), ("november.csv", MESSY))
    app.button(key="upload_all_right").click().run()
    save_as(app, "ward 7")
    lines = MESSY.decode().splitlines()
    more = "\n".join([f"{lines[0]},Lactate", *(f"{line},3" for line in lines[1:])]).encode()
    drop(app, ("more.csv", more))
    assert "This looks like *ward 7*" in texts(app)
    assert "to check" in texts(app), "nothing is used without a click"
    drop(app, ("other.csv", wide()))
    assert "This looks like" not in texts(app)


def test_a_mapping_from_a_file_is_checked_before_it_is_used(open_page):
    app = drop(open_page("upload"), ("ward.csv", wide()))

    def bring(content):
        zone = app.get("file_uploader")[1]
        zone.set_value([("mapping.json", content, "application/json")])
        return app.run()

    bring(b"{]")
    assert "Bring a mapping that MedGRU saved" in texts(app)
    bring(b'{"task": "icu-mortality", "matches": [{"source": "Puls", "target": "HR", "unit": "/min"}]}')
    assert "lack the columns Puls" in texts(app)
    bring(b'{"task": "icu-mortality", "matches": [{"source": "spo2", "target": null, "unit": ""}]}')
    assert not app.exception
    assert table(app, "Becomes").set_index("Column").loc["spo2", "Becomes"] == "left out"


def picture() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(np.arange(48 * 30, dtype=np.uint8).reshape(48, 30)).save(out, "PNG")
    return out.getvalue()


def test_a_picture_is_not_asked_about_minutes_but_said_to_be_for_a_model_of_ones_own(open_page):
    app = drop(open_page("upload"), ("slice.png", picture()))
    assert not app.exception
    assert not app.error
    assert "slice\\.png was read: a picture of 30 × 48 pixels" in texts(app)
    assert not any(b.key in ("upload_right", "upload_go") for b in app.button)
    app.button(key="upload_to_retrain").click().run()
    assert app.title[0].value == "Retrain"


def test_curves_alone_are_said_to_be_for_a_model_of_ones_own(open_page):
    app = drop(open_page("upload"), ("ecg.dcm", Path(get_testdata_file("waveform_ecg.dcm")).read_bytes()))
    assert not app.exception
    assert not app.error
    assert "ecg\\.dcm was read: a recording of 12 curves with 10,000 values each" in texts(app)
    assert "take no curves" in texts(app)
    assert [b.key for b in app.button if b.key == "upload_to_retrain"]


def test_a_picture_beside_a_table_does_not_stand_in_its_way(open_page):
    app = drop(open_page("upload"), ("slice.png", picture()), ("ward.csv", wide()))
    assert not app.exception
    assert "2 patients ready" in texts(app)
    assert "is a picture" in texts(app)
    assert "minutes" not in texts(app).split("Many files at once")[-1].split("change how they were read")[-1]
