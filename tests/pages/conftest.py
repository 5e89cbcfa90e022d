"""The real app without a browser: its shell under AppTest, with the tiny untrained bundle."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest, app_test

from medgru.settings import settings
from tests.pages import screens


@pytest.fixture(scope="session", autouse=True)
def no_folder_left_behind():
    """Streamlit leaves a folder of its own to the interpreter's end, which complains of it loudly."""
    yield
    app_test.TMP_DIR.cleanup()


@pytest.fixture
def models_dir(tiny_bundle_path, monkeypatch, tmp_path_factory):
    """The folder of models that the app sees; what the user makes goes to a folder of the test."""
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tiny_bundle_path.parent))
    monkeypatch.setenv("MEDGRU_HOME", str(tmp_path_factory.mktemp("home")))
    settings.cache_clear()
    yield tiny_bundle_path.parent
    settings.cache_clear()


@pytest.fixture
def open_page(models_dir) -> Callable[[str], AppTest]:
    """Open the app in a new session at a page, as a deep link does."""

    def open_page(name: str = "start") -> AppTest:
        return screens.go(AppTest.from_file(str(screens.SHELL), default_timeout=60), name)

    return open_page
