"""The import rules, as import-linter reads them from pyproject.toml, and what starting up may cost."""

import subprocess
import sys

import pytest

from medgru.settings import PROJECT_ROOT


def test_imports_point_downwards():
    command = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, cwd=PROJECT_ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("module", ["medgru.cli", "medgru.bundle", "medgru.data", "medgru.predict"])
def test_torch_is_loaded_where_it_is_used_and_not_at_the_start(module):
    command = f"import sys, {module}; sys.exit('torch' in sys.modules or 'streamlit' in sys.modules)"
    subprocess.run([sys.executable, "-c", command], cwd=PROJECT_ROOT, check=True)


def test_app_py_holds_only_the_app():
    lines = [line for line in (PROJECT_ROOT / "app.py").read_text().splitlines() if line.strip()]
    assert sum("=" in line and not line.startswith(("#", '"', " ")) for line in lines) == 1
    assert len(lines) < 25


def test_pages_are_thin():
    for page in (PROJECT_ROOT / "pages").glob("*.py"):
        assert len(page.read_text().splitlines()) <= 60, page.name
