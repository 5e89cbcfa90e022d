import shutil

from medgru.settings import settings
from tests.pages.screens import texts


def test_the_card_and_the_checksums_of_a_model_can_be_read(open_page, tiny_bundle_path):
    app = open_page("models")
    assert not app.exception
    assert not app.error
    assert "# tiny" in texts(app)
    files = app.dataframe[-1].value
    assert "model.safetensors" in set(files["File"])
    assert (files["SHA-256"].str.len() == 64).all()


def test_the_head_of_a_card_is_not_shown(open_page, models_dir, tmp_path, monkeypatch):
    from medgru.bundle import write_sums

    shutil.copytree(models_dir / "tiny", tmp_path / "headed")
    (tmp_path / "headed" / "README.md").write_text("---\nlicense: apache-2.0\n---\n# headed\n")
    write_sums(tmp_path / "headed")
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    app = open_page("models")
    assert "# headed" in texts(app)
    assert "license" not in texts(app)


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
