import json
import shutil

from medgru.bundle import write_sums
from medgru.settings import settings
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
    assert "The same recipe, trained on set A alone, was measured on **4,000 patients it had never seen**" in start
    assert "The shipped model was then trained on both sets" in start
    assert "88 of 100 pairs" in start
    assert "0.880 [0.870, 0.900]" in start
    assert "Trees" in start
    assert "SAPS" not in start
    assert "off by 1.2 points" in start

    models = table(open_page("models"), "AUROC").set_index("Model")
    assert models.loc["Same recipe, set A alone", "AUROC"] == "0.880 [0.870, 0.900]"
    assert models.loc["GRU (3)", "AUROC"] == "0.860 ± 0.001"
