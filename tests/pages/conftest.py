"""The real app without a browser: its shell under AppTest, with the tiny untrained bundle."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from medgru.settings import PROJECT_ROOT, settings

# Not app.py: beside a pages/ folder AppTest loses the shell on its second run.
SHELL = PROJECT_ROOT / "medgru" / "ui" / "shell.py"


@pytest.fixture
def models_dir(tiny_bundle_path, monkeypatch):
    """The folder of models that the app sees."""
    monkeypatch.setenv("MEDGRU_MODELS_DIR", str(tiny_bundle_path.parent))
    settings.cache_clear()
    yield tiny_bundle_path.parent
    settings.cache_clear()


@pytest.fixture
def open_page(models_dir) -> Callable[[str], AppTest]:
    """Open the app in a new session at a page, as a deep link does."""

    def open_page(name: str = "start") -> AppTest:
        app = AppTest.from_file(str(SHELL), default_timeout=60)
        return go(app, name)

    return open_page


def go(app: AppTest, name: str) -> AppTest:
    """Go to a page of the app, in the same session."""
    return app.switch_page(str(PROJECT_ROOT / "pages" / f"{name}.py")).run()


def texts(app: AppTest) -> str:
    """All Markdown and messages on the screen."""
    parts = [*app.markdown, *app.error, *app.warning, *app.info]
    return "\n".join(element.value for element in parts)


def key(app: AppTest, kind: str, name: str):
    """The element of that kind and key."""
    return next(e for e in app.get(kind) if e.key == name)
