"""Bytes that no program wrote, given to every reader: `python -m tests.fuzz.readers SECONDS [FORMAT] [CORPUS]`.

atheris changes bytes by what they reach in our code, starting from the files of `tests/twins`. Whatever comes, a file
is read or refused in words: an exception that is none of ours, a hang of ten seconds, more than 1.5 GiB, or a value
that cannot be ends the run with an error. FORMAT is "fhir" or "hl7v2": then only its files are the
start, and all bytes are named as they are.
"""

import sys
import tempfile
import warnings
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["medgru.data"]):
    from medgru.data import Source, build, inspect

from medgru.errors import MedGRUError
from medgru.tasks import get_task

TIMEOUT_S, MEMORY_MB, LONGEST = 10, 1536, 1 << 16
ENDINGS = {"fhir": ".json", "hl7v2": ".hl7"}
TASK = get_task("icu-mortality")
NAMES = ("a.csv", "p000001.psv", "a.json", "a.hl7", "a.hea", "a.dat", "a.npz", "a.zip")


def chosen() -> str:
    """The format that was asked for, "" for all."""
    return sys.argv[2] if sys.argv[2:3] and sys.argv[2] in ENDINGS else ""


def read_anything(data: bytes) -> None:
    """Read one or two files from the bytes, the first of which says how they are called."""
    if not data:
        return
    called = [name for name in NAMES if name.endswith(ENDINGS.get(chosen(), ""))]
    name, content = called[data[0] % len(called)], data[1:]
    try:
        inspection = inspect([Source(name, content)], TASK)
        recordings = build(inspection, inspection.mapping)
    except MedGRUError:
        return
    check(recordings)


def check(recordings: object) -> None:
    """What holds of all recordings, whatever was read."""
    r = recordings
    assert len(r.stay) == len(r.hours) == len(r.feature) == len(r.value)
    assert np.isfinite(r.value).all()
    assert ((r.hours >= 0) & (r.hours <= TASK.window_hours)).all()
    assert (np.diff(r.stay) >= 0).all()
    assert len(set(r.record_ids)) == len(r.record_ids)
    low, high = (np.array([getattr(f, end) for f in TASK.features]) for end in ("low", "high"))
    assert ((r.value >= np.float32(low)[r.feature]) & (r.value <= np.float32(high)[r.feature])).all()


def seeds(folder: Path) -> None:
    """Files of every format to start from."""
    from tests.test_twins import MODULES, pairs

    for module in MODULES:
        if chosen() not in ("", module):
            continue
        for i, (files, _) in enumerate(pairs(module).values()):
            for name, data in files.items():
                if len(data) < LONGEST:
                    kind = next((k for k, known in enumerate(NAMES) if name.endswith(known[1:])), 0)
                    (folder / f"{module}-{i}-{Path(name).name}").write_bytes(bytes([kind]) + data)


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as made:
        seeds(Path(made))
        options = [
            f"-max_total_time={int(sys.argv[1])}",
            f"-timeout={TIMEOUT_S}",
            f"-rss_limit_mb={MEMORY_MB}",
            f"-max_len={LONGEST}",
            "-verbosity=0",
            "-print_final_stats=1",
            f"-artifact_prefix={tempfile.gettempdir()}/medgru-fuzz-",
        ]
        atheris.Setup([sys.argv[0], *options, *sys.argv[3 if chosen() else 2 :], made], read_anything)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
