"""Settings come from the environment, and a wrong one is named."""

from pathlib import Path

import pytest

from medgru.errors import SettingsError
from medgru.settings import Settings, settings


@pytest.fixture(autouse=True)
def fresh():
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_without_variables_the_defaults_hold(monkeypatch):
    for name in ("MODELS_DIR", "DATA_DIR", "HOME", "MAX_RUNNING", "MAX_UPLOAD_MB", "MAX_UNPACKED_MB", "MAX_ROWS"):
        monkeypatch.delenv(f"MEDGRU_{name}", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    assert settings() == Settings()


def test_variables_are_read(monkeypatch):
    monkeypatch.setenv("MEDGRU_MODELS_DIR", "/somewhere")
    monkeypatch.setenv("MEDGRU_MAX_ROWS", "10")
    assert settings().models_dir == Path("/somewhere")
    assert settings().max_rows == 10


@pytest.mark.parametrize("text", ["abc", "-1", "0", "1.5", ""])
def test_a_number_that_is_none_is_named(monkeypatch, text):
    monkeypatch.setenv("MEDGRU_MAX_ROWS", text)
    with pytest.raises(SettingsError, match="MEDGRU_MAX_ROWS"):
        settings()
