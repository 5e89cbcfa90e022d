"""Upload, Start and Patient with a task that a user made: its own step of time, three classes, no units."""

import numpy as np
import pytest

from medgru import library
from medgru.data.recording import Recordings
from medgru.settings import settings
from medgru.tasks import Feature, Outcome, Step
from medgru.tasks.own import own_task
from tests.pages.screens import go, table, texts
from tests.pages.test_upload import drop, wide

STEPS = 20


@pytest.fixture(scope="session")
def gait():
    """A task with three classes, counted in rows."""
    return own_task(
        "Gangbild",
        "Welches Gangbild ist es?",
        (Feature("kraft", "Kraft", "", -10, 10, decimals=2), Feature("步幅", "步幅", "", 0, 5, decimals=2)),
        (Feature("seite", "Seite", "", 0, 1, choices={0: "links", 1: "rechts"}),),
        (Outcome("normal", "normal"), Outcome("hinkend", "hinkend"), Outcome("3", "Klasse: 3")),
        "hinkend",
        STEPS,
        Step("row", None),
        causal=False,
    )


@pytest.fixture
def own_model(open_page, gait, untrained_bundle):
    """A model of that task in the user's folder, read both ways."""
    rng = np.random.default_rng(0)
    n, rows = 12, 2 * STEPS
    recordings = Recordings(
        task=gait,
        record_ids=tuple(f"p{i}" for i in range(n)),
        stay=np.repeat(np.arange(n, dtype=np.int32), rows),
        hours=np.tile(np.repeat(np.arange(1, STEPS + 1, dtype=np.float32), 2), n),
        feature=np.tile(np.array([0, 1], np.int16), n * STEPS),
        value=rng.uniform(0, 5, n * rows).astype(np.float32),
        statics=rng.integers(0, 2, (n, 1)).astype(np.float32),
    )
    path = untrained_bundle(
        settings().user_models_dir / "gangbild", recordings, bidirectional=True, attention="none", summary_size=0
    )
    return library.find(path.name)


def gait_table(rows: int = STEPS) -> bytes:
    lines = ["record_id,time,kraft,步幅,seite"]
    for patient in ("Müller", "王"):
        lines += [f"{patient},{k},{k % 7 - 3.25},{1 + k % 3},links" for k in range(1, rows + 1)]
    return ("\n".join(lines) + "\n").encode()


def test_with_one_task_no_choice_of_tasks_is_shown(open_page):
    assert not any(box.key == "upload_task" for box in open_page("upload").selectbox)


def test_the_task_whose_columns_a_file_has_is_proposed_and_can_be_changed(own_model, open_page, gait):
    app = drop(open_page("upload"), ("gang.csv", gait_table()))
    assert not app.exception
    assert app.selectbox(key="upload_task").value == gait.name
    assert "2 patients ready" in texts(app)
    app.selectbox(key="upload_task").select("icu-mortality").run()
    assert app.selectbox(key="upload_task").value == "icu-mortality"
    drop(app, ("ward.csv", wide()))
    assert app.selectbox(key="upload_task").value == "icu-mortality"
    assert "2 patients ready" in texts(app)
    drop(app, ("later.csv", gait_table(9)))
    assert app.selectbox(key="upload_task").value == gait.name


def test_the_files_are_read_anew_for_the_task_that_is_chosen(own_model, open_page, gait):
    app = drop(open_page("upload"), ("gang.csv", gait_table()))
    app.selectbox(key="upload_task").select("icu-mortality").run()
    assert "2 patients ready" not in texts(app)
    app.selectbox(key="upload_task").select(gait.name).run()
    assert not app.exception
    assert not app.error
    assert {"Kraft", "步幅"} <= set(table(app, "Becomes")["Becomes"]), "no empty brackets where there is no unit"
    assert "2 patients ready" in texts(app)
    assert f"over {STEPS} rows" in texts(app)


def test_a_patient_of_an_own_task_is_shown_in_the_words_of_that_task(own_model, open_page, gait):
    app = drop(open_page("upload"), ("gang.csv", gait_table()))
    app.selectbox(key="upload_task").select(gait.name).run()
    app.button(key="upload_go").click().run()
    go(app, "patient")
    assert not app.exception
    assert not app.error
    assert app.metric[0].label == "hinkend"
    shown = texts(app)
    assert "Seite links" in shown
    assert f"{STEPS} rows recorded" in shown
    assert "turn out *hinkend*" in shown
    assert "Most likely: **" in shown
    assert "Risk" not in shown
    assert not any(word in shown for word in (" h recorded", "unit unknown", "hour"))
    for chart in app.get("plotly_chart"):
        assert "hour" not in chart.proto.alt
        assert "admission" not in chart.proto.spec
    assert table(app, "Row")["Row"].tolist() == list(range(1, STEPS + 1))


def test_the_start_page_names_an_own_model_as_such(own_model, open_page, gait):
    shown = texts(open_page("start"))
    assert "gangbild, imported)" in shown
    assert "From 2 series over 20 rows and 1 fact known at the start. Trained on the data that its card names" in shown
    library.use(gait, "gangbild", "the first of its kind")
    assert "gangbild, imported, in use" in texts(open_page("start"))


def test_what_is_put_into_use_is_what_is_asked(own_model, open_page, untrained_bundle, random_recordings, task):
    for name, seed in (("other", 1), ("third", 2)):
        untrained_bundle(settings().user_models_dir / name, random_recordings(stays=5), seed)
    app = open_page("start")
    app.button(key="start_simulated").click().run()
    go(app, "patient")
    assert app.selectbox(key="patient_model").value == "tiny"
    app.selectbox(key="patient_model").select("other").run()
    assert app.selectbox(key="patient_model").value == "other"
    library.use(task, "third", "better")
    app.run()
    assert app.selectbox(key="patient_model").value == "third"
    library.roll_back(task)
    app.run()
    assert app.selectbox(key="patient_model").value != "third"
