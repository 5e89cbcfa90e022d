"""Reading a large table as a ratio in one run: `python -m benchmarks.reading`.

A CSV of 1,000,000 rows (10,000 patients, 8 variables, a row every 29 minutes) to checked, mapped tensors, against
`polars.read_csv` alone; and the most memory that a process needs for it. The same of a long table with as many rows.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import torch

from benchmarks.timing import ratio
from medgru.bundle import Bundle, load_bundle
from medgru.data import read

PATIENTS, ROWS = 10_000, 100
VARIABLES = {
    "HR": (80, 10, 0),
    "SysABP": (120, 15, 0),
    "DiasABP": (70, 10, 0),
    "Temp": (37, 0.5, 1),
    "RespRate": (18, 3, 0),
    "SaO2": (96, 1, 0),
    "Na": (140, 3, 1),
    "Lactate": (1.5, 0.2, 2),
}
BAR, BAR_MIB = 2.0, 1536

_PEAK = """
import sys, torch
from benchmarks.reading import tensors
from medgru.bundle import load_bundle
torch.set_num_threads(1)
bundle = load_bundle("icu-mortality")
tensors(bundle, sys.argv[1])
# Of this process alone: what getrusage gives counts that of the one that started it too.
print(next(int(line.split()[1]) >> 10 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def tensors(bundle: Bundle, file: str) -> object:
    """From the file to the input of the network."""
    return bundle.preprocessor(read([file], bundle.task))


def wide(rng: np.random.Generator) -> pl.DataFrame:
    """One row a time, one column a variable."""
    n = PATIENTS * ROWS
    columns = {name: np.round(rng.normal(mean, sd, n), d) for name, (mean, sd, d) in VARIABLES.items()}
    columns["SaO2"] = columns["SaO2"].clip(80, 100)
    return pl.DataFrame({"record_id": _ids(), "hours": _hours(), **columns})


def long(rng: np.random.Generator) -> pl.DataFrame:
    """One row a measurement."""
    names = np.array(list(VARIABLES))
    which = rng.integers(0, len(names), PATIENTS * ROWS)
    mean, sd, _ = np.array(list(VARIABLES.values())).T
    value = np.round(mean[which] + sd[which] * rng.normal(size=len(which)).clip(-3, 1), 1)
    return pl.DataFrame({"record_id": _ids(), "hours": _hours(), "variable": names[which], "value": value})


def _ids() -> np.ndarray:
    return np.repeat(np.arange(100_001, 100_001 + PATIENTS), ROWS)


def _hours() -> np.ndarray:
    return np.round(np.tile(np.arange(ROWS) * 0.48, PATIENTS), 2)


def main() -> None:
    torch.set_num_threads(1)
    bundle = load_bundle("icu-mortality")
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for name, table in (("wide", wide(rng)), ("long", long(rng))):
            file = str(Path(folder) / f"{name}.csv")
            table.write_csv(file)
            value, above, below = ratio(lambda f=file: tensors(bundle, f), lambda f=file: pl.read_csv(f), 7)
            what = f"1,000,000 rows, {name}, to tensors / polars.read_csv"
            print(
                f"{'ok  ' if value <= BAR else 'OVER'} {value:6.2f} (bar {BAR:g})  {what}  "
                f"[{above:.0f} / {below:.0f} ms]"
            )
            peak = int(subprocess.run([sys.executable, "-c", _PEAK, file], capture_output=True, check=True).stdout)
            print(f"{'ok  ' if peak <= BAR_MIB else 'OVER'} {peak:6d} (bar {BAR_MIB})  MiB at most, {name}")


if __name__ == "__main__":
    main()
