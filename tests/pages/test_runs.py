import json
import shutil
from dataclasses import replace

import pytest

from medgru import jobs, library
from medgru.jobs import promotion, queue
from medgru.training.config import RunConfig
from tests.pages.runs import AtRest, Book, result
from tests.pages.screens import go, table, texts


@pytest.fixture
def book(models_dir, tiny_bundle_path, random_recordings, monkeypatch, tmp_path) -> Book:
    """A run table to write runs into; their model is another one than the one in use."""
    launcher = AtRest()
    monkeypatch.setattr(queue, "LAUNCHER", launcher)
    other = tmp_path / "other"
    shutil.copytree(tiny_bundle_path, other)
    (other / "README.md").write_text("# other\n")
    from medgru.bundle import write_sums

    write_sums(other)
    return Book(other, random_recordings(stays=40), launcher)


def choose(app, *rows: int):
    app.session_state["runs_table"] = {"selection": {"rows": list(rows)}}
    return app.run()


def said(app) -> str:
    """Messages and text without the escapes of Markdown."""
    return "\n".join([*(element.value for element in app.success), texts(app)]).replace("\\", "")


def figure(app, key: str) -> dict:
    """The figure of that key, as it is sent to the browser."""
    chart = next(c for c in app.get("plotly_chart") if key in c.proto.id)
    return json.loads(chart.proto.spec)


def test_without_a_run_the_page_says_what_belongs_here_and_leads_to_retrain(open_page, models_dir):
    app = open_page("runs")
    assert "lab book" in texts(app)
    app.button(key="runs_retrain").click().run()
    assert app.title[0].value == "Retrain"


def test_all_runs_are_listed_with_their_state_in_words(open_page, book):
    for state in ("done", "failed", "cancelled", "interrupted"):
        book.add(f"a {state} run", state)
    book.add("at work", "running", epochs=2)
    book.add("waits", "queued")

    listed = table(open_page("runs"), "State").set_index("Name")["State"]

    assert listed["a done run"] == "done"
    assert listed["a cancelled run"] == "stopped"
    assert listed["a interrupted run"] == "interrupted"
    assert listed["at work"] == "working, network 1 of 1"
    assert listed["waits"] == "waiting, 1 run before it"
    assert listed.index[0] == "waits"  # the newest first


def test_a_run_that_is_done_is_shown_with_its_result_beside_the_simple_models(open_page, book):
    book.add("ward", auroc=0.85)
    app = open_page("runs")

    assert not app.error
    row = table(app, "AUROC").iloc[0]
    assert row["AUROC"] == "0.850 [0.800, 0.900]"
    assert "40 stays held out of this run" in texts(app)
    assert "85 of 100 pairs" in texts(app)
    assert "Only 8 patients held out" in texts(app)
    drawn = json.dumps(figure(app, "runs_intervals"))
    assert "Logistic regression" in drawn
    assert len(figure(app, "runs_curves")["data"]) == 6
    facts = table(app, "Setting").set_index("Setting")["Value"]
    assert facts["Learning rate"] == "0.002"
    assert facts["SHA-256 of the data"] == "cd" * 32


def test_a_failed_run_says_why_and_can_be_resumed_or_deleted(open_page, book):
    run_id = book.add("broken", "failed")
    app = open_page("runs")
    assert "The loss is no number" in texts(app)
    assert not any(button.key == "runs_promote" for button in app.button)

    app.button(key="runs_resume").click().run()
    assert jobs.get(run_id).state == "queued"
    assert app.button(key="runs_delete").disabled


def test_a_run_that_waits_has_no_start_and_one_stopped_while_waiting_says_so(open_page, book):
    run_id = book.add("waits", "queued")
    app = open_page("runs")
    assert table(app, "Started").iloc[0][["Started", "Minutes"]].isna().all()
    jobs.cancel(run_id)
    app.run()
    assert "You stopped it while it waited" in texts(app)
    assert "before its first epoch" not in texts(app)


def test_a_stopped_run_counts_the_epochs_that_were_trained(open_page, book):
    book.add("stopped", "cancelled", epochs=3)
    assert "You stopped it after 3 epochs." in texts(open_page("runs"))


def test_deleting_asks_once(open_page, book):
    run_id = book.add("one", "cancelled")
    app = open_page("runs")
    app.button(key="runs_delete").click().run()
    said = texts(app).replace("\\", "")
    assert "cannot be undone" in said
    assert "**one**" in said
    assert "GRU, " in said
    assert "stopped, " in said
    primary = {key: app.button(key=f"runs_delete_{key}").proto.type for key in ("yes", "no")}
    assert primary == {"yes": "secondary", "no": "primary"}
    assert jobs.get(run_id)  # pressing it is tried in the browser: AppTest cannot press a button in a dialog


def test_a_run_at_work_shows_its_curves_and_can_be_stopped(open_page, book):
    run_id = book.add("at work", "running", epochs=2)
    app = open_page("runs")
    assert len(figure(app, "runs_curves")["data"]) == 6
    assert app.button(key="runs_delete").disabled
    jobs.table.ask_stop(run_id)
    app.run()
    assert app.button(key="runs_stop").label == "Stopping …"
    assert app.button(key="runs_stop").disabled
    assert "runs_resume" not in {button.key for button in app.button}


def test_stop_is_understood_before_the_page_is_drawn(open_page, book):
    run_id = book.add("at work", "running", epochs=2)
    app = open_page("runs")
    app.button(key="runs_stop").click().run()
    assert jobs.get(run_id).stopping or jobs.get(run_id).state == "cancelled"
    assert not any(button.key == "runs_stop" and not button.disabled for button in app.button)


def test_a_run_deleted_elsewhere_leaves_no_error_and_no_field_writes_to_it(open_page, book):
    gone, stays = book.add("gone", "cancelled"), book.add("stays", "cancelled")
    app = choose(open_page("runs"), 1)
    app.text_input(key=f"runs_name_{gone}").set_value("too late")
    jobs.delete(gone)
    app.run()
    assert not app.error
    assert not app.exception
    assert [run.id for run in jobs.runs()] == [stays]


def test_the_dialog_says_that_a_model_in_use_stays(open_page, book):
    book.add("my model")
    app = open_page("runs")
    app.button(key="runs_promote").click().run()
    app.button(key="runs_delete").click().run()
    assert "Its model is in use" in said(app)


def test_a_run_whose_worker_was_killed_is_shown_as_interrupted(open_page, book):
    run_id = book.add("at work", "running")
    app = open_page("runs")
    book.launcher.alive.clear()
    app.run()
    assert table(app, "State").iloc[0]["State"] == "interrupted"
    assert "ended without a word" in texts(app)
    assert jobs.get(run_id).resumable


def test_the_chosen_run_stays_chosen_when_a_newer_one_comes(open_page, book):
    book.add("first")
    book.add("second", "failed")
    app = choose(open_page("runs"), 1)
    assert "### first" in texts(app)
    book.add("third")
    app.run()
    assert "### first" in texts(app)
    assert app.session_state["runs_table"]["selection"]["rows"] == [2]
    go(app, "models")
    assert "### first" in texts(go(app, "runs"))


def test_name_and_note_are_written_down(open_page, book):
    run_id = book.add("one")
    app = open_page("runs")
    app.text_input(key=f"runs_name_{run_id}").set_value("better name").run()
    app.text_area(key=f"runs_note_{run_id}").set_value("what I tried").run()
    row = table(app, "Note").iloc[0]
    assert (row["Name"], row["Note"]) == ("better name", "what I tried")


def test_name_and_note_show_what_was_written_and_not_what_was_typed(open_page, book):
    book.add("taken", "failed")
    run_id = book.add("one", "failed")
    app = open_page("runs")
    name = f"runs_name_{run_id}"
    app.text_input(key=name).set_value("taken").run()
    assert jobs.get(run_id).name == app.text_input(key=name).value == "taken (2)"
    app.text_input(key=name).set_value("").run()
    assert app.text_input(key=name).value == "taken (2)"
    app.text_area(key=f"runs_note_{run_id}").set_value(" blank around ").run()
    assert app.text_area(key=f"runs_note_{run_id}").value == "blank around"


def test_the_curves_of_a_run_end_where_it_ended_for_whoever_watched_it_too(open_page, book):
    run_id = book.add("at work", "running", epochs=3)
    app = open_page("runs")
    assert figure(app, "runs_curves")["layout"]["xaxis"]["range"] == [0.6, RunConfig().recipe.epochs + 0.4]
    book.launcher.alive.clear()
    jobs.table.end(run_id, "failed", "The loss is no number.")
    app.run()
    assert figure(app, "runs_curves")["layout"]["xaxis"]["range"] == [0.6, 3.4]


def test_a_damaged_result_is_said_and_hurts_no_other_run(open_page, book):
    broken = jobs.get(book.add("broken"))
    (broken.folder / "result.json").write_text("{")
    book.add("good")
    app = choose(open_page("runs"), 1)
    assert not app.exception
    assert "cannot be read" in texts(app)
    assert list(table(app, "AUROC")["AUROC"] != "") == [True, False]


def test_a_figure_that_is_not_known_hides_no_other(open_page, book):
    run = jobs.get(book.add("one class"))
    unknown = result()
    unknown["held_out"]["metrics"]["AUROC"] = {"value": 0.8, "low": None, "high": None}
    unknown["held_out"]["metrics"]["AUPRC"] = {"value": None, "low": None, "high": None}
    (run.folder / "result.json").write_text(json.dumps(unknown))
    app = open_page("runs")
    assert not app.exception
    row = table(app, "AUROC").iloc[0]
    assert (row["AUROC"], row["AUPRC"]) == ("0.800", "not known")

    unknown["held_out"]["metrics"]["AUROC"] = unknown["held_out"]["metrics"]["ECE"] = {"value": None}
    (run.folder / "result.json").write_text(json.dumps(unknown))
    app = open_page("runs")
    assert not app.error
    assert "How well it tells patients apart is not known" in said(app)


def test_two_runs_are_compared_with_their_differences_marked(open_page, book):
    book.add("one", auroc=0.8)
    book.add("two", auroc=0.9, model="gru-d", hidden_size=64, bidirectional=True)
    app = choose(open_page("runs"), 0, 1)

    assert not app.exception
    assert not app.error
    settings = table(app, "Differs").set_index("Setting")
    assert set(settings.index) == {"Model", "Hidden size", "Bidirectional"}
    assert list(settings.loc["Hidden size", ["two", "one"]]) == ["64", "32"]
    assert list(settings.loc["Bidirectional", ["two", "one"]]) == ["yes", "no"]
    app.toggle(key="runs_all_settings").set_value(True).run()
    assert "Seed" in set(table(app, "Differs")["Setting"])
    assert "patient by patient on the same 40 patients" in texts(app)
    assert "AUROC" in texts(app)
    names = {t.get("name") for t in figure(app, "runs_compared_curves")["data"]}
    assert names == {"one", "two"}


def test_runs_without_a_result_are_compared_by_curves_and_settings(open_page, book):
    book.add("one", "failed")
    book.add("two", "cancelled", seed=1)
    app = choose(open_page("runs"), 0, 1)
    assert not app.exception
    assert not app.error
    assert "only their curves and settings" in texts(app)
    assert {"one", "two"} <= set(table(app, "Differs").columns)


def test_the_gates_verdict_is_written_out_and_a_model_that_passes_is_put_into_use(open_page, book, task):
    book.add("my model")
    app = open_page("runs")
    assert "It passes the gate" in said(app)
    assert "40 patients, held out of this run" in said(app)
    app.button(key="runs_promote").click().run()

    assert not app.error
    assert library.in_use(task).id == "my-model"
    assert "This model is in use" in said(app)
    app.button(key=f"runs_roll_back_{task.name}").click().run()
    assert library.in_use(task).id == "tiny"
    assert "It passes the gate" in said(app)
    assert [use.action for use in library.history(task)] == ["promoted", "rolled back"]


@pytest.fixture
def no_run_passes(monkeypatch):
    judge = promotion.gate

    def refuse(run_id):
        return replace(judge(run_id), passed=False, sentences=("It does not pass the gate, because of ECE.",))

    monkeypatch.setattr(promotion, "gate", refuse)


def test_a_model_that_does_not_pass_needs_a_tick_and_a_reason_that_is_recorded(open_page, book, task, no_run_passes):
    run_id = book.add("my model")
    app = open_page("runs")
    assert "because of ECE" in app.warning[0].value
    assert not any(button.key == "runs_promote" for button in app.button)

    app.checkbox(key="runs_override").check().run()
    app.button(key="runs_promote").click().run()
    assert "Write the reason first" in said(app)
    assert library.in_use(task).id == "tiny"

    app.text_input(key="runs_reason").set_value("only ours knows this ward").run()
    app.button(key="runs_promote").click().run()
    change = library.history(task)[-1]
    assert (change.override, change.reason, change.run_id) == (True, "only ours knows this ward", run_id)
    assert "only ours knows this ward" in set(table(app, "Reason")["Reason"])


def test_a_tick_and_a_reason_are_of_one_run_and_never_of_the_next(open_page, book, no_run_passes):
    book.add("first")
    book.add("second")
    app = choose(open_page("runs"), 1)
    app.checkbox(key="runs_override").check().run()
    app.text_input(key="runs_reason").set_value("why the first").run()
    choose(app, 0)
    assert not app.checkbox(key="runs_override").value
    app.checkbox(key="runs_override").check().run()
    assert app.text_input(key="runs_reason").value == ""


def test_a_model_in_use_is_seen_on_a_patient_that_was_brought_and_held_out(open_page, book, task):
    book.add("my model")
    app = open_page("runs")
    app.session_state["medgru.last.retrain_stays"] = ("key", book.stays)
    app.button(key="runs_promote").click().run()
    app.button(key="runs_see").click().run()
    assert not app.exception
    go(app, "patient")
    assert not app.error
    assert app.radio(key="patient_source").value == "own"
    assert app.selectbox(key="patient_stay").value == book.stays.recordings.record_ids[0]
    assert app.selectbox(key="patient_model").value == "my-model"


def test_who_brought_nothing_is_led_to_upload_and_sees_no_patient_of_another_session(open_page, book, task):
    book.add("my model")
    app = open_page("runs")
    app.button(key="runs_promote").click().run()
    assert not any(button.key == "runs_see" for button in app.button)
    assert "the outcome is not needed" in texts(app)
    app.button(key="runs_see_upload").click().run()
    assert app.title[0].value == "Upload"


def test_without_a_patient_those_brought_on_retrain_are_offered(open_page, book, own_ward, ward_recordings):
    app = open_page("patient")
    assert not any(button.key == "patient_see_brought" for button in app.button)
    foreign = replace(book.stays, recordings=ward_recordings(stays=40))
    app.session_state["medgru.last.retrain_stays"] = ("key", foreign)
    app.run()
    assert not any(button.key == "patient_see_brought" for button in app.button), "no model answers for them"
    app.session_state["medgru.last.retrain_stays"] = ("key", book.stays)
    app.run()
    app.button(key="patient_see_brought").click().run()
    assert not app.exception
    assert app.radio(key="patient_source").value == "own"
