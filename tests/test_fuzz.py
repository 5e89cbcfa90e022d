"""The readers against bytes that no program wrote; `MEDGRU_FUZZ_S=600` for longer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_whatever_bytes_come_they_are_read_or_refused_in_words():
    seconds = os.environ.get("MEDGRU_FUZZ_S", "6")
    run = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.readers", seconds], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]
    assert "stat::number_of_executed_units" in run.stderr
