"""The retrain page: data, question, model, go; then the run as it goes."""

import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from medgru import jobs
from medgru.data import Source
from medgru.data.new_task import define
from medgru.errors import TrainingError
from medgru.jobs import queue
from medgru.settings import settings
from tests.data import own_tables
from tests.pages.screens import go, table, texts

PATIENTS = 48
STOPPED = "stopped"


def ward(patients: int = PATIENTS, outcome: str = "outcome", words=("survived", "died"), hours: int = 8) -> bytes:
    """A wide table in which those who die have the faster hearts."""
    rng = np.random.default_rng(0)
    lines = [f"patient,hour,heart rate,temp,spo2,{outcome}"]
    for patient in range(patients):
        ill = patient % 3 == 0
        for hour in range(1, hours + 1):
            rate = 75 + 40 * ill + rng.integers(0, 9)
            lines.append(f"p{patient},{hour},{rate},37.{hour % 10},{97 - 4 * ill},{words[ill]}")
    return ("\n".join(lines) + "\n").encode()


def bring(app: AppTest, *files: tuple[str, bytes], part: str = "patients") -> AppTest:
    """Drop files on a zone of the page."""
    zone = next(z for z in app.get("file_uploader") if z.key == f"retrain_{part}")
    zone.set_value([(name, content, "text/csv") for name, content in files])
    return app.run()


def plain(app: AppTest) -> str:
    """What is on the screen, without what keeps it from being Markdown."""
    return texts(app).replace("\\", "").replace("\u2060", "")


def keys(app: AppTest) -> set[str]:
    return {button.key for button in app.button}


class NoLauncher:
    """A machine on which no worker ever begins: runs wait."""

    def prepare(self) -> None:
        pass

    def submit(self, run_id, when_ended):
        pass

    def cancel(self, run_id):
        pass

    def status(self, run_id):
        return "gone"


@pytest.fixture
def waiting(monkeypatch):
    """Runs are queued and never begin."""
    monkeypatch.setattr(queue, "LAUNCHER", NoLauncher())


@pytest.fixture
def loaded(open_page, waiting):
    """The page with a ward of patients whose outcome is in the table."""
    return bring(open_page("retrain"), ("ward.csv", ward()))


def test_the_empty_page_says_what_belongs_here_and_offers_a_template(open_page):
    app = open_page("retrain")
    assert not app.exception
    assert not app.error
    assert "patients whose outcome is known" in texts(app)
    assert [button.key for button in app.get("download_button")] == ["retrain_template"]
    assert "retrain_start" not in keys(app)


def test_the_template_can_be_brought_as_it_is(open_page, waiting):
    from medgru.ui.retrain_data import _template

    app = bring(open_page("retrain"), ("template.csv", _template()))
    assert not app.exception
    assert "2 stays read" in texts(app)
    assert app.button(key="retrain_start").disabled, "two patients are too few"


def test_a_table_with_outcomes_is_ready_after_one_step(loaded):
    assert not loaded.exception
    assert not loaded.error
    assert f"{PATIENTS} stays read" in texts(loaded)
    assert loaded.selectbox(key="retrain_label").value == "outcome"
    counts = table(loaded, "Share").set_index("Outcome")["Stays"]
    assert counts.to_dict() == {"Survived to discharge": 32, "Died in hospital": 16}
    assert "held out" in texts(loaded)
    assert not loaded.button(key="retrain_start").disabled


def test_how_the_columns_were_read_is_shown_with_what_was_set_aside(open_page, waiting):
    lines = ward(outcome="died").decode().replace("heart rate", "heart rate,Station").splitlines()
    rows = [lines[0], *(",".join([*line.split(",")[:3], "A7", *line.split(",")[3:]]) for line in lines[1:])]
    rows[1] = rows[1].replace(rows[1].split(",")[2], "999")
    app = bring(open_page("retrain"), ("ward.csv", "\n".join(rows).encode()))
    assert not app.exception
    assert "5 columns used, 1 holds the outcome, 1 left out (Station)." in plain(app)
    read = table(app, "Becomes").set_index("Column")
    assert read.loc["Station", "Becomes"] == "left out"
    assert read.loc["temp", "Converted to"] == "°C"
    assert "1 of 1,152 values were set aside; bring these files on Upload to see which and why." in plain(app)


def test_every_kind_of_network_says_what_it_is_and_keeps_its_choice_on_other_pages(loaded):
    from medgru.nn import FAMILY

    for name, model in FAMILY.items():
        loaded.radio(key="retrain_model").set_value(name).run()
        assert not loaded.exception
        assert not loaded.error, name
        assert model.about.split(" ")[0] in texts(loaded)
    loaded.number_input(key="retrain_epochs").set_value(3).run()
    go(loaded, "models")
    go(loaded, "retrain")
    assert loaded.radio(key="retrain_model").value == name
    assert loaded.number_input(key="retrain_epochs").value == 3
    assert f"{PATIENTS} stays read" in texts(loaded), "the files are still there"


def test_a_start_puts_the_run_into_the_table_with_the_settings_of_the_page(loaded):
    loaded.number_input(key="retrain_hidden_size").set_value(8).run()
    loaded.toggle(key="retrain_noise").set_value(True).run()
    loaded.text_input(key="retrain_name").set_value("my first").run()
    loaded.button(key="retrain_start").click().run()
    assert not loaded.exception
    assert not loaded.error
    (run,) = jobs.runs("train")
    assert run.name == "my first"
    assert run.config["hidden_size"] == 8
    assert run.config["recipe"]["noise"] > 0
    assert run.data["classes"] == {"Survived to discharge": 32, "Died in hospital": 16}
    assert "my first" in texts(loaded)
    assert "retrain_stop" in keys(loaded)


def test_a_start_that_fails_says_why_and_leads_back_to_the_settings(loaded, monkeypatch):
    def full(*_args, **_kwargs):
        raise TrainingError("No space left.")

    loaded.number_input(key="retrain_epochs").set_value(7).run()
    loaded.text_input(key="retrain_name").set_value("my first").run()
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "submit", full)
        loaded.button(key="retrain_start").click().run()
    assert loaded.error[0].value == "No space left\\."
    assert "Starting" not in texts(loaded)
    loaded.button(key="retrain_back").click().run()
    assert not loaded.error
    assert loaded.number_input(key="retrain_epochs").value == 7
    loaded.button(key="retrain_start").click().run()
    assert [run.name for run in jobs.runs()] == ["my first"]


def test_a_run_is_found_by_another_browser_stopped_there_and_resumed_here(loaded, open_page):
    loaded.button(key="retrain_start").click().run()
    other = open_page("retrain")
    assert "waiting" in texts(other)
    other.button(key="retrain_stop").click().run()
    loaded.run()
    assert STOPPED in texts(loaded)
    loaded.button(key="retrain_resume").click().run()
    assert jobs.runs()[0].state == "queued"
    assert "retrain_stop" in keys(loaded)


def test_another_run_can_be_prepared_while_one_waits(loaded):
    loaded.button(key="retrain_start").click().run()
    loaded.button(key="retrain_new").click().run()
    assert loaded.text_input(key="retrain_name").placeholder.endswith("GRU, 48 stays (2)")
    assert "1 run before it: it will wait" in texts(loaded)
    run = jobs.runs()[0]
    loaded.button(key=f"retrain_watch_{run.id}").click().run()
    assert "retrain_stop" in keys(loaded)


def test_a_run_that_ended_is_one_click_away_after_a_reload(loaded, open_page):
    loaded.button(key="retrain_start").click().run()
    loaded.button(key="retrain_stop").click().run()
    run = jobs.runs()[0]
    reloaded = open_page("retrain")
    assert "Last run" in texts(reloaded)
    reloaded.button(key=f"retrain_watch_{run.id}").click().run()
    assert "retrain_resume" in keys(reloaded)
    assert "You stopped it" in texts(reloaded)


def test_a_run_that_was_deleted_elsewhere_leaves_the_form(loaded):
    loaded.button(key="retrain_start").click().run()
    run = jobs.runs()[0]
    jobs.cancel(run.id)
    jobs.delete(run.id)
    loaded.run()
    assert not loaded.exception
    assert not loaded.error
    assert "retrain_start" in keys(loaded)


def test_what_is_on_upload_is_offered_first_and_read_with_its_mapping(open_page, waiting):
    app = open_page("upload")
    app.get("file_uploader")[0].set_value([("ward.csv", ward(), "text/csv")])
    app.run()
    columns = app.selectbox(key="upload_change_column")
    columns.select("spo2").run()
    app.selectbox(key=f"upload_becomes_{columns.options.index('spo2')}").select("left out").run()
    go(app, "retrain")
    assert not app.error
    assert app.radio(key="retrain_source").value == "uploaded"
    assert "4 columns used, 1 holds the outcome, 1 left out (spo2). Read as you set it on Upload." in plain(app)
    assert not app.button(key="retrain_start").disabled


def without_outcome(table: bytes) -> bytes:
    return b"\n".join(line.rsplit(b",", 1)[0] for line in table.splitlines())


def test_without_an_outcome_none_is_guessed_and_it_can_be_chosen(open_page, waiting):
    app = bring(open_page("retrain"), ("ward.csv", without_outcome(ward())))
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="retrain_task").value == "new"
    assert app.selectbox(key="retrain_new_label").value == ""
    assert "No column looks like an outcome. Choose it" in plain(app)
    app.selectbox(key="retrain_new_label").select("spo2").run()
    assert not app.exception
    assert set(table(app, "Share")["Outcome"]) == {"spo2: 93", "spo2: 97"}


def test_outcomes_of_other_patients_are_told_as_such(open_page, waiting):
    app = bring(open_page("retrain"), ("ward.csv", without_outcome(ward())))
    labels = "patient,Verstorben\n" + "".join(f"X{p},{('ja', 'nein')[p % 2]}\n" for p in range(PATIENTS))
    app = bring(app, ("labels.csv", labels.encode()), part="outcomes")
    app.selectbox(key="retrain_task").select("new").run()
    assert not app.exception
    assert "No column of labels.csv holds the identifiers of the stays" in plain(app)
    assert app.selectbox(key="retrain_new_label").value == ""
    used = table(app, "Used as").set_index("Column")["Used as"]
    assert used["Verstorben"] == "left out"
    assert "is empty" not in texts(app)


def test_outcomes_in_a_file_of_their_own_are_found_by_the_patient(open_page, waiting):
    measured = b"\n".join(line.rsplit(b",", 1)[0] for line in ward().splitlines())
    labels = b"patient,died\n" + b"".join(b"p%d,%d\n" % (p, p % 3 == 0) for p in range(PATIENTS))
    app = bring(open_page("retrain"), ("ward.csv", measured))
    app = bring(app, ("labels.csv", labels), part="outcomes")
    app.selectbox(key="retrain_task").select("icu-mortality").run()
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="retrain_label").value == "died"
    assert not app.button(key="retrain_start").disabled
    app.button(key="retrain_no_outcomes").click().run()
    app.selectbox(key="retrain_task").select("icu-mortality").run()
    assert "No column says how these patients ended" in texts(app)


@pytest.mark.parametrize("outcome", ["outcome", "Verstorben"])
def test_one_class_only_is_refused_with_what_to_do(open_page, waiting, outcome):
    app = bring(open_page("retrain"), ("ward.csv", ward(outcome=outcome, words=("ja", "ja"))))
    assert not app.exception
    assert app.selectbox(key="retrain_task").value == "icu-mortality", "it stays the question that it is"
    (error,) = app.error
    assert f"The column {outcome} holds one value only (ja); training needs patients of each outcome" in plain(app)
    assert "No column says" not in error.value
    assert "retrain_start" not in keys(app)


def test_a_bad_file_is_refused_and_what_was_chosen_stays(loaded):
    loaded.number_input(key="retrain_epochs").set_value(3).run()
    bring(loaded, ("program.csv", b"MZ\x90\x00" + bytes(200)))
    assert not loaded.exception
    assert len(loaded.error) == 1
    assert "program" in texts(loaded)
    bring(loaded, ("ward.csv", ward()))
    assert not loaded.error
    assert loaded.number_input(key="retrain_epochs").value == 3
    assert not loaded.button(key="retrain_start").disabled


def test_too_few_patients_keep_the_start_from_being_pressed_and_say_why(open_page, waiting):
    app = bring(open_page("retrain"), ("ward.csv", ward(patients=4)))
    assert not app.exception
    assert app.button(key="retrain_start").disabled
    assert "It cannot start" in texts(app)
    (error,) = app.error
    assert "Each outcome needs at least 10 patients; these have fewer" in error.value
    assert "join" not in error.value, "one outcome would be left"


def own_table(patients: int = 45) -> bytes:
    """A table that no known task fits: three classes, names in Chinese and German, minutes, a fact, a gap."""
    rng = np.random.default_rng(0)
    lines = ["编号,minute,Kraft,步幅,Seite,Diagnose"]
    for patient in range(patients):
        c, side = patient % 3, "links" if patient % 2 else "rechts"
        for minute in range(1, 11):
            force = "" if minute == 4 else f"{2 * c + rng.normal():.2f}"
            name = ("gesund", "Hüfte", "Parkinson")[c]
            lines.append(f"王{patient},{minute},{force},{2 - c / 2 + rng.normal() / 4:.2f},{side},{name}")
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture
def own(open_page, waiting):
    """The page with a table of which a new question can be made."""
    return bring(open_page("retrain"), ("gang.csv", own_table()))


def test_a_table_that_no_known_question_fits_becomes_a_new_one_by_itself(own):
    assert not own.exception
    assert not own.error
    assert own.selectbox(key="retrain_task").value == "new"
    guessed = {key: own.selectbox(key=f"retrain_new_{key}").value for key in ("id", "time", "label")}
    assert guessed == {"id": "编号", "time": "minute", "label": "Diagnose"}
    assert own.multiselect(key="retrain_new_features").value == ["Kraft", "步幅"]
    assert own.multiselect(key="retrain_new_statics").value == ["Seite"]
    used = table(own, "Used as").set_index("Column")["Used as"]
    assert used["Diagnose"] == "outcome"
    assert set(table(own, "Share")["Outcome"]) == {"gesund", "Hüfte", "Parkinson"}
    assert not own.button(key="retrain_start").disabled


@pytest.mark.parametrize("name", list(own_tables.tables()))
def test_each_of_ten_foreign_tables_is_ready_or_told_what_to_change(open_page, waiting, name):
    given = own_tables.tables()[name]
    app = bring(open_page("retrain"), *((source.name, source.content) for source in given.sources))
    if app.selectbox(key="retrain_task").value != "new":
        app.selectbox(key="retrain_task").select("new").run()
    assert not app.exception
    chosen = {"id": given.id, "time": given.time or "none: rows are counted"}
    for role, column in {key: value for key, value in given.choose.items() if isinstance(value, str)}.items():
        app.selectbox(key=f"retrain_new_{role}").select(column).run()
    assert {key: shown(app, f"retrain_new_{key}") for key in chosen} == chosen
    assert app.selectbox(key="retrain_new_label").value == given.label
    start = app.button(key="retrain_start")
    assert start.disabled != given.trainable
    if not given.trainable:
        assert "Each outcome needs at least 10 patients" in texts(app)
        assert len(app.error) == 1
        assert "It cannot start" in texts(app)


def shown(app: AppTest, key: str) -> str:
    """The words of what is chosen there."""
    box = app.selectbox(key=key)
    return box.value or box.options[box.index]


def test_a_model_of_the_same_question_can_learn_on(loaded):
    loaded.selectbox(key="retrain_start_from").select("tiny").run()
    assert not loaded.exception
    assert "learns on from its own weights" in texts(loaded)
    assert not any(radio.key == "retrain_model" for radio in loaded.radio)
    loaded.button(key="retrain_start").click().run()
    assert jobs.runs()[0].config["start_from"] == "tiny"


def test_a_table_of_an_own_question_is_recognised_again(open_page, waiting, untrained_bundle):
    stays = define([Source("gang.csv", own_table())])
    untrained_bundle(settings().user_models_dir / "gang", stays.recordings)
    app = bring(open_page("retrain"), ("later.csv", own_table(60)))
    assert not app.exception
    assert not app.error
    assert app.selectbox(key="retrain_task").value == stays.recordings.task.name
    assert app.selectbox(key="retrain_label").value == "Diagnose"
    app.selectbox(key="retrain_start_from").select("gang").run()
    assert not app.button(key="retrain_start").disabled


def test_the_copy_that_a_run_keeps_is_said_before_the_start(loaded):
    assert "A copy of the data stays with the run until you delete it" in texts(loaded)


def test_no_run_starts_with_other_settings_than_those_that_are_seen(loaded):
    assert "GRU, 32 units, 3 networks of at most" in texts(loaded)
    loaded.number_input(key="retrain_epochs").set_value(200_000).run()
    assert "Epochs at most is 200,000, not between 1 and 200" in loaded.error[0].value.replace("\\", "")
    assert "retrain_start" not in keys(loaded)
    loaded.number_input(key="retrain_epochs").set_value(7).run()
    assert not loaded.error
    assert "3 networks of at most 7 epochs" in texts(loaded)
    loaded.button(key="retrain_start").click().run()
    assert jobs.runs()[0].config["recipe"]["epochs"] == 7


def test_every_role_of_a_new_question_can_be_changed(own):
    own.selectbox(key="retrain_new_label").select("Seite").run()
    assert not own.exception
    assert not own.error
    assert set(table(own, "Share")["Outcome"]) == {"links", "rechts"}
    assert "Seite" not in own.multiselect(key="retrain_new_statics").value
    own.multiselect(key="retrain_new_features").set_value(["Kraft"]).run()
    own.selectbox(key="retrain_new_event").select("rechts").run()
    own.text_input(key="retrain_new_title").set_value("Welche Seite").run()
    own.toggle(key="retrain_new_finished").set_value(True).run()
    own.toggle(key="retrain_bidirectional").set_value(True).run()
    own.button(key="retrain_start").click().run()
    assert not own.error
    (run,) = jobs.runs("train")
    assert run.task == "Welche Seite"
    assert run.config["bidirectional"]
    from medgru.data.labelled import LabelledStays

    stays = LabelledStays.load(run.folder / "dataset")
    assert [f.label for f in stays.recordings.task.features] == ["Kraft"]
    assert stays.recordings.task.event == "rechts"
    assert not stays.recordings.task.causal


def test_a_column_that_had_another_role_for_a_while_is_what_it_was_before(own):
    header = "Columns: 2 measured over time, 1 known at the start, and how they are read"
    assert any(header in e.label for e in own.expander)
    for other in ("Kraft", "minute", "Diagnose"):
        own.selectbox(key="retrain_new_id").select(other).run()
        assert not own.exception
        own.selectbox(key="retrain_new_id").select("编号").run()
        assert own.selectbox(key="retrain_new_time").value == "minute"
        assert own.selectbox(key="retrain_new_label").value == "Diagnose"
    assert own.multiselect(key="retrain_new_features").value == ["Kraft", "步幅"]
    assert own.multiselect(key="retrain_new_statics").value == ["Seite"]
    for role, other, back in (("label", "Seite", "Diagnose"), ("time", "Kraft", "minute")):
        own.selectbox(key=f"retrain_new_{role}").select(other).run()
        own.selectbox(key=f"retrain_new_{role}").select(back).run()
    assert any(header in e.label for e in own.expander)
    assert not own.error


def test_what_the_user_took_out_stays_out_and_is_counted(own):
    own.multiselect(key="retrain_new_features").set_value(["步幅"]).run()
    own.selectbox(key="retrain_new_label").select("Seite").run()
    own.selectbox(key="retrain_new_label").select("Diagnose").run()
    assert own.multiselect(key="retrain_new_features").value == ["步幅"]
    assert own.multiselect(key="retrain_new_statics").value == ["Seite"]
    assert any("1 measured over time, 1 known at the start, 1 left out" in e.label for e in own.expander)


def test_rows_are_counted_where_no_time_is_chosen(own):
    own.selectbox(key="retrain_new_time").select("none: rows are counted").run()
    assert not own.exception
    assert not own.error
    assert not any(box.key == "retrain_new_unit" for box in own.selectbox)
    assert not own.button(key="retrain_start").disabled


def test_a_table_without_any_outcome_says_what_is_missing_and_starts_nothing(open_page, waiting):
    rows = "".join(f"p{p},{h},{p * 1.7 + h:.2f},{p * 0.31 - h:.3f}\n" for p in range(40) for h in range(9))
    app = bring(open_page("retrain"), ("nolabel.csv", f"id,hour,a,b\n{rows}".encode()))
    assert not app.exception
    assert "retrain_start" not in keys(app) or app.button(key="retrain_start").disabled
    assert any(word in texts(app) for word in ("outcome", "class"))


@pytest.mark.slow
def test_a_new_question_is_trained_by_a_worker_and_answered_in_plain_words(open_page):
    app = bring(open_page("retrain"), ("gang.csv", own_table()))
    for key, value in (("hidden_size", 4), ("members", 1), ("epochs", 2)):
        app.number_input(key=f"retrain_{key}").set_value(value).run()
    app.button(key="retrain_start").click().run()
    run_id = jobs.runs()[0].id
    until(lambda: jobs.get(run_id).state == "done")
    app.run()
    assert not app.exception
    assert not app.error
    assert len(app.get("plotly_chart")) == 1
    assert "held out of this run" in texts(app)
    assert "mean over 3 classes" in texts(app)


def until(holds, seconds: float = 120) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, jobs.runs()[0]
        time.sleep(0.1)


def test_only_what_lies_in_the_folder_of_data_can_be_chosen_on_the_server(open_page, waiting, tmp_path, monkeypatch):
    (tmp_path / "data" / "ward7").mkdir(parents=True)
    (tmp_path / "data" / "ward7" / "patients-a.csv").write_bytes(ward())
    (tmp_path / "data" / "ward7" / "outcomes-a.csv").write_text("patient,died\np0,1\n")
    (tmp_path / "secret.csv").write_bytes(ward())
    (tmp_path / "data" / "link.csv").symlink_to(tmp_path / "secret.csv")
    monkeypatch.setenv("MEDGRU_DATA_DIR", str(tmp_path / "data"))
    settings.cache_clear()
    app = open_page("retrain")
    app.radio(key="retrain_source").set_value("server").run()
    places = app.selectbox(key="retrain_folder").options
    assert places == ["ward7/ (2 files)", "ward7/outcomes-a.csv", "ward7/patients-a.csv"]
    app.selectbox(key="retrain_folder").select("ward7/patients-a.csv").run()
    assert app.selectbox(key="retrain_folder_outcomes").value == "ward7/outcomes-a.csv"
    app.selectbox(key="retrain_folder_outcomes").select("in the same files").run()
    assert not app.error
    assert not app.button(key="retrain_start").disabled


def test_nothing_of_a_patient_is_in_the_address_or_in_what_an_error_says(loaded, monkeypatch, caplog):
    from medgru.training import checks

    def broken(*_args, **_kwargs):
        raise RuntimeError("p7 canary-4711")

    monkeypatch.setattr(checks, "check_run", broken)
    loaded.number_input(key="retrain_hidden_size").set_value(9).run()
    assert not loaded.exception
    assert "canary" not in texts(loaded)
    assert "canary" not in caplog.text
    assert not loaded.query_params


def test_a_result_is_said_in_plain_words_whatever_the_number_of_classes():
    from medgru.ui.run_parts import result_in_words
    from tests.pages.runs import result

    two = " ".join(result_in_words(result(0.85)))
    assert "85 of 100 pairs" in two
    assert "logistic regression on summaries: 0.750 [0.700, 0.800]" in two
    three = " ".join(result_in_words({**result(0.7), "classes": ["a", "b", "c"]}))
    assert "mean over 3 classes: 0.700 [0.650, 0.750]" in three


def test_an_outcome_that_changes_is_settled_by_a_rule_that_fits_its_classes(open_page, waiting):
    rows = [f"p{p},{h},{p * 1.7 + h:.2f},{('no', 'yes')[h == 2 and p % 2]}" for p in range(40) for h in (3, 1, 2)]
    timed = bring(open_page("retrain"), ("ward.csv", "\n".join(["id,hour,pulse,shock status", *rows]).encode()))
    assert timed.selectbox(key="retrain_new_rule").options == ["the last one in time", "yes, wherever it occurs"]
    timed.selectbox(key="retrain_new_time").select("none: rows are counted").run()
    assert not timed.exception
    assert timed.selectbox(key="retrain_new_rule").options == ["yes, wherever it occurs"]
    assert dict(zip(*table(timed, "Share")[["Outcome", "Stays"]].to_numpy().T, strict=True)) == {"no": 20, "yes": 20}
    timed.selectbox(key="retrain_new_event").select("no").run()
    assert timed.selectbox(key="retrain_new_rule").options == ["no, wherever it occurs"]


def test_of_three_words_the_followed_one_can_win_and_no_count_is_said_before_the_rule(open_page, waiting):
    course = ("mild", "severe", "moderate")
    rows = [f"p{p},{h},{p * 1.7 + h:.2f},{course[h if p % 2 else 0]}" for p in range(60) for h in range(3)]
    app = bring(open_page("retrain"), ("ward.csv", "\n".join(["id,hour,kraft,severity", *rows]).encode()))
    app.selectbox(key="retrain_new_event").select("severe").run()
    ever = "severe, wherever it occurs, else the last one in time"
    assert app.selectbox(key="retrain_new_rule").options == ["the last one in time", ever]
    assert "severity: mild, moderate, severe" in app.selectbox(key="retrain_new_label").options
    app.selectbox(key="retrain_new_rule").select("ever").run()
    assert not app.exception
    assert table(app, "Share").set_index("Outcome")["Stays"].to_dict() == {"mild": 30, "moderate": 0, "severe": 30}


def test_no_name_of_a_file_is_proposed_for_a_run(open_page, waiting):
    app = bring(open_page("retrain"), ("Meier_Anna.csv", own_table()))
    assert app.text_input(key="retrain_name").placeholder == "Diagnose · GRU, 45 stays"
    app.button(key="retrain_start").click().run()
    (run,) = jobs.runs("train")
    assert "Meier" not in f"{run.name} {run.task} {run.data}"
