import shutil

from medgru import NOTICE
from tests.pages.screens import texts


def test_the_start_page_says_what_this_is_and_what_it_is_not(open_page):
    app = open_page("start")
    assert not app.exception
    assert not app.error
    for part in NOTICE.split(". "):
        assert part.rstrip(".") in texts(app)
    assert "die before leaving hospital" in texts(app)


def test_one_click_leads_from_the_start_to_a_result(open_page):
    app = open_page("start")
    app.button(key="start_simulated").click().run()
    assert not app.error
    assert app.title[0].value == "Patient"
    assert len(app.metric) == 1


def test_a_card_opens_its_own_simulated_patient(open_page, task):
    from medgru.data.demo import simulated_patients

    app = open_page("start")
    app.button(key="start_simulated_2").click().run()
    assert app.selectbox(key="patient_stay").value == simulated_patients(task).record_ids[2]


def test_every_simulated_patient_is_said_to_be_simulated(open_page, task):
    from medgru.data.demo import simulated_patients

    app = open_page("start")
    assert texts(app).count("Simulated ·") == len(simulated_patients(task))


def test_the_second_door_leads_to_the_upload(open_page):
    app = open_page("start")
    app.button(key="start_upload").click().run()
    assert app.title[0].value == "Upload"


def test_without_a_model_the_start_page_says_so_and_shows_no_error(open_page, tmp_path, monkeypatch):
    from medgru.settings import settings

    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    app = open_page("start")
    assert not app.exception
    assert not app.error
    assert "No usable model" in texts(app)


def test_a_damaged_model_is_named_and_not_offered(open_page, models_dir, tmp_path, monkeypatch):
    from medgru.settings import settings

    shutil.copytree(models_dir / "tiny", tmp_path / "broken")
    (tmp_path / "broken" / "metrics.json").write_text("{}")
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tmp_path))
    settings.cache_clear()
    app = open_page("start")
    assert "metrics\\.json of the bundle broken" in texts(app)
    assert not any(button.key == "read_card_broken" for button in app.button)
