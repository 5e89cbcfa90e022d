import io
import json
import shutil
import zipfile
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from medgru import library
from medgru.bundle import write_sums
from medgru.settings import settings
from medgru.tasks import TASKS, Feature
from medgru.ui import model_words
from tests.pages.screens import table, texts


def test_the_card_and_the_checksums_of_a_model_can_be_read(open_page, tiny_bundle_path):
    app = open_page("models")
    assert not app.exception
    assert not app.error
    assert "# tiny" in texts(app)
    files = app.dataframe[-1].value
    assert "model.safetensors" in set(files["File"])
    assert (files["SHA-256"].str.len() == 64).all()


def test_a_card_is_shown_without_its_head_and_its_first_limit_stands_on_the_start_page(
    open_page, models_dir, tmp_path, monkeypatch
):
    shutil.copytree(models_dir / "tiny", tmp_path / "headed")
    (tmp_path / "headed" / "README.md").write_text(
        "---\nlicense: apache-2.0\n---\n# headed\n## Limits\n\n- Knows adults only.\n- More.\n"
    )
    write_sums(tmp_path / "headed")
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    app = open_page("models")
    assert "# headed" in texts(app)
    assert "license" not in texts(app)
    assert "**Limits:** Knows adults only." in texts(open_page("start"))


def test_without_a_model_the_page_says_what_to_do(open_page, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    app = open_page("models")
    assert not app.exception
    assert "Install MedGRU anew" in texts(app)


def test_a_damaged_model_is_named(open_page, models_dir, tmp_path, monkeypatch):
    shutil.copytree(models_dir / "tiny", tmp_path / "broken")
    (tmp_path / "broken" / "evil.pt").write_bytes(b"\x80")
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    assert "evil\\.pt" in texts(open_page("models"))


def test_with_two_models_the_chosen_card_stays_chosen(open_page, models_dir, tmp_path, monkeypatch):
    for name in ("a", "b"):
        shutil.copytree(models_dir / "tiny", tmp_path / name)
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    app = open_page("start")
    app.button(key="read_card_b").click().run()
    assert app.title[0].value == "Models"
    assert app.selectbox(key="models_model").value == "b"


def test_the_figures_on_unseen_patients_are_said_to_be_of_the_recipe_and_stand_beside_those_of_others(
    open_page, models_dir, tmp_path, monkeypatch
):
    measured = {
        "unseen": {
            "trained_on": "set A",
            "measured_on": "set B",
            "stays": 4000,
            "events": 568,
            "shipped": {"stays": 4000, "AUROC": {"value": 0.88, "low": 0.87, "high": 0.9}, "ECE": {"value": 0.012}},
            "others": {
                "Trees (1)": {"AUROC": {"value": 0.87, "low": 0.85, "high": 0.88}},
                "SAPS-I (1)": {"AUROC": {"value": 0.65, "low": 0.62, "high": 0.67}},
                "GRU (3)": {"AUROC": {"value": 0.86, "sd": 0.001}},
            },
        }
    }
    shutil.copytree(models_dir / "tiny", tmp_path / "measured")
    (tmp_path / "measured" / "metrics.json").write_text(json.dumps(measured))
    write_sums(tmp_path / "measured")
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()

    start = texts(open_page("start"))
    assert "The same recipe, trained on set A alone, was measured on **4,000 stays held out of that training**" in start
    assert "The shipped model was then trained on both sets" in start
    assert "88 of 100 pairs" in start
    assert "0.880 [0.870, 0.900]" in start
    assert "Trees" in start
    assert "SAPS" not in start
    assert "off by 1.2 points" in start

    models = table(open_page("models"), "AUROC").set_index("Model")
    assert models.loc["Same recipe, set A alone", "AUROC"] == "0.880 [0.870, 0.900]"
    assert models.loc["GRU (3)", "AUROC"] == "0.860 ± 0.001"


@pytest.fixture
def own_model(models_dir, tiny_bundle_path, tmp_path):
    """A model of the user's beside the shipped one."""
    shutil.copytree(tiny_bundle_path, tmp_path / "mine")
    (tmp_path / "mine" / "README.md").write_text("# mine\n\n![picture](https://example.org/x.png)\n")
    write_sums(tmp_path / "mine")
    return library.add(tmp_path / "mine", "mine")


def listed(app):
    return table(app, "In use").set_index("Model")


def test_own_models_are_listed_and_the_one_in_use_is_marked(open_page, own_model, task):
    rows = listed(open_page("models"))
    assert dict(rows["From"]) == {"tiny": "came with MedGRU", "mine": "imported"}
    assert dict(rows["In use"]) == {"tiny": "in use", "mine": ""}

    library.use(task, "mine", "for the test", override=True)
    app = open_page("models")
    assert dict(listed(app)["In use"]) == {"tiny": "", "mine": "in use"}
    assert "for the test" in set(table(app, "Reason")["Reason"])
    app.button(key=f"models_roll_back_{task.name}").click().run()
    assert dict(listed(app)["In use"]) == {"tiny": "in use", "mine": ""}
    assert not any("roll_back" in button.key for button in app.button)  # there is nothing before it


def test_a_model_can_be_deleted_only_if_it_is_ones_own_and_not_in_use(open_page, own_model, task):
    app = open_page("models")
    keys = {button.key for button in app.button}
    assert "models_delete" not in keys  # the shipped one
    assert "models_use" not in keys
    app.selectbox(key="models_model").set_value("mine").run()
    assert {"models_delete", "models_use"} <= {button.key for button in app.button}
    app.button(key="models_use").click().run()
    assert "not measured beside the model in use" in texts(app)
    library.use(task, "mine", "for the test", override=True)
    app = open_page("models")
    app.selectbox(key="models_model").set_value("mine").run()
    assert "models_delete" not in {button.key for button in app.button}


def test_a_card_fetches_no_picture_from_elsewhere(open_page, own_model):
    app = open_page("models")
    app.selectbox(key="models_model").set_value("mine").run()
    assert "# mine" in texts(app)
    assert "![" not in texts(app)


def bring(app, content: bytes):
    app.file_uploader(key="models_zip").upload("model.zip", content, "application/zip")
    return next(b for b in app.button if b.label == "Bring it in").click().run()


def test_a_model_comes_in_from_its_own_export_and_is_not_put_into_use(open_page, own_model, task):
    content = library.export_zip(own_model)
    library.remove(own_model)
    app = bring(open_page("models"), content)
    assert not app.error
    assert "was taken in" in app.success[0].value
    assert dict(listed(app)["In use"]) == {"tiny": "in use", "mine": ""}
    assert app.selectbox(key="models_model").value == "mine"
    assert not app.run().success


def test_a_model_that_is_here_already_is_not_taken_in_twice(open_page, own_model):
    app = bring(open_page("models"), library.export_zip(own_model))
    assert "is here already, as mine:" in app.success[0].value
    assert set(listed(app).index) == {"tiny", "mine"}
    assert app.selectbox(key="models_model").value == "mine"


def test_a_model_that_was_never_measured_here_needs_a_reason_and_the_question_can_be_left(own_model, task):
    def dialog():  # by itself: AppTest draws the whole page again, and no dialog, at a click in one
        from medgru import library
        from medgru.ui import library_view

        library_view.confirm_use(library.find("mine"))

    app = AppTest.from_function(dialog, default_timeout=60).run()
    app.button(key="models_use_yes").click().run()
    assert "not measured here on your patients" in app.error[0].value
    assert "gate" not in app.error[0].value
    app.button(key="models_use_no").click().run()
    assert library.in_use(task).id == "tiny"

    app.text_input(key="models_reason").set_value("it comes from our sister ward")
    app.button(key="models_use_yes").click().run()
    assert not app.exception
    assert library.in_use(task).id == "mine"


@pytest.fixture
def promoted(own_model, task, tmp_path):
    """A model of a run of this MedGRU, with few patients."""
    shutil.copytree(own_model.path, tmp_path / "again")
    unseen = {"trained_on": "a", "measured_on": "b", "same_model": True, "stays": 24, "events": 5, "others": {}}
    unseen["shipped"] = {"stays": 24, "AUROC": {"value": 0.907, "low": 0.7, "high": 0.99}}
    (tmp_path / "again" / "metrics.json").write_text(json.dumps({"unseen": unseen}))
    training = {"data": {"stays": 120}, "plan": {"network": {"core": "gru-d"}}}
    (tmp_path / "again" / "training.json").write_text(json.dumps(training))
    write_sums(tmp_path / "again")
    info = library.add(tmp_path / "again", "病情 120 stays")
    return library.use(task, info.id, "for the test", run_id="20261123-091502-abc")


def test_on_how_many_a_model_was_measured_stands_beside_its_figures(open_page, promoted):
    app = open_page("models")
    row = listed(app).loc[promoted.id]
    assert (row["From"], row["Kind"]) == ("your own", "GRU-D")
    assert (row["Trained on"], row["Measured on"]) == ("96 stays", "24 stays")
    assert row["AUROC"] == "0.907 [0.700, 0.990]"
    assert listed(app).loc["tiny", "Measured on"] == "nobody"


def test_where_a_model_is_chosen_it_is_called_by_its_task_kind_and_size(open_page, promoted, own_ward):
    choice = open_page("models").selectbox(key="models_model")
    assert f"ICU mortality · GRU-D · 96 stays ({promoted.id}), your own, in use" in choice.options
    assert "ICU mortality (mine), imported" in choice.options
    assert model_words.label(replace(promoted, task=own_ward)).startswith("Station 7 – 病程 · GRU-D · 96 stays (")


def test_a_zip_that_holds_anything_else_is_refused_by_name(open_page, own_model):
    content = io.BytesIO(library.export_zip(own_model))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("mine/model.pkl", b"evil")
    app = bring(open_page("models"), content.getvalue())
    assert "model\\.pkl" in app.error[0].value
    assert list(listed(app).index) == ["tiny", "mine"]


def test_figures_that_are_none_hurt_no_page(open_page, models_dir, tmp_path, monkeypatch):
    for name, metrics in {"a": {"unseen": 3}, "b": {"unseen": {"shipped": {"AUROC": {"value": None}}}}}.items():
        shutil.copytree(models_dir / "tiny", tmp_path / name)
        (tmp_path / name / "metrics.json").write_text(json.dumps(metrics))
        write_sums(tmp_path / name)
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    for page in ("models", "start"):
        app = open_page(page)
        assert not app.exception
        assert not app.error


def test_a_model_of_ones_own_with_numbers_that_are_none_is_named_and_hides_no_other(open_page, own_model):
    (own_model.path / "calibration.json").write_text("{}")  # described, but cannot be loaded
    write_sums(own_model.path)
    damaged = own_model.path.with_name("damaged")
    shutil.copytree(own_model.path, damaged)
    (damaged / "metrics.json").write_text('{"unseen": {"stays": 1e400, "shipped": {"AUROC": {"value": Infinity}}}}')
    write_sums(damaged)
    app = open_page("models")
    assert not app.exception
    assert set(listed(app).index) == {"tiny", "mine"}
    assert "metrics\\.json of the bundle damaged holds a number that is too large" in app.warning[0].value


def test_a_model_that_was_measured_itself_is_not_called_a_recipe(open_page, models_dir, tmp_path, monkeypatch):
    measured = {
        "trained_on": "the training part of ward.csv",
        "measured_on": "the patients of ward.csv held out",
        "same_model": True,
        "stays": 40,
        "events": 8,
        "shipped": {"stays": 40, "AUROC": {"value": 0.8, "low": 0.7, "high": 0.9}},
        "others": {},
    }
    shutil.copytree(models_dir / "tiny", tmp_path / "one")
    (tmp_path / "one" / "metrics.json").write_text(json.dumps({"unseen": measured}))
    write_sums(tmp_path / "one")
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    start = texts(open_page("start"))
    assert "It was measured once on **40 stays held out of the run that trained it**" in start
    assert "began from another model" not in start
    assert "trained on both" not in start


def test_the_first_limit_is_shown_whole_however_many_lines_it_takes(
    open_page, models_dir, tmp_path, monkeypatch, own_ward
):
    shutil.copytree(models_dir / "tiny", tmp_path / "wrapped")
    (tmp_path / "wrapped" / "README.md").write_text(f"# wrapped\n\n{own_ward.card}")
    write_sums(tmp_path / "wrapped")
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    shown = texts(open_page("start"))
    assert "nobody declared units, plausible ranges or what the classes mean clinically." in shown
    assert "A column in another unit is read as it stands." in shown
    assert "Discrimination and calibration" not in shown


def test_before_an_export_it_is_said_what_of_the_table_goes_along(own_ward):
    from medgru.ui.models_view import carried

    assert carried(TASKS["icu-mortality"]) == ""
    assert "the names of columns and the classes" in carried(own_ward)
    ward = Feature("Station", "Station", "", 0, 1, choices={0: "innere", 1: "Chirurgie"})
    assert "the words found in Station" in carried(replace(own_ward, statics=(ward,)))
