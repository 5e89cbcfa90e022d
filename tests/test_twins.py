"""Every format is read to the same recordings as a plain CSV of the same measurements, its twin.

The files are made in `tests/twins/`, one module a format, by libraries that know the format.
"""

import csv
import importlib
import io
import pkgutil
from functools import cache

import pytest

from medgru.data import Recordings, Source, build, inspect
from medgru.tasks import Columns, Feature, Outcome, Task, get_task
from tests import twins
from tests.recordings import same

ICU = get_task("icu-mortality")
MODULES = sorted(module.name for module in pkgutil.iter_modules(twins.__path__))
Files = dict[str, bytes]


@cache
def pairs(module: str) -> dict[str, tuple[Files, Files]]:
    """The cases of a format: its files, and those of the twin."""
    found = importlib.import_module(f"tests.twins.{module}").pairs()
    assert len({name for name, _, _ in found}) == len(found)
    return {name: (files, twin) for name, files, twin in found}


def read(files: Files, task: Task) -> Recordings:
    inspection = inspect([Source(name, data) for name, data in files.items()], task)
    return build(inspection, inspection.mapping)


def task_of(twin: Files) -> Task:
    """The shipped task; for images and raw signals, of which it knows nothing, one with the twin's own columns."""
    header = next(csv.reader(io.StringIO(next(iter(twin.values())).decode())))
    record_id, time, *columns = header
    if not columns[0].startswith("pixel"):
        return ICU
    return Task(
        name="own-pixels",
        title="Pixels",
        question="Which is it?",
        features=tuple(Feature(name, name, "", -1e6, 1e6) for name in columns),
        statics=(),
        outcomes=(Outcome("a", "a"), Outcome("b", "b")),
        event="b",
        window_hours=10_000,
        min_hours=1,
        min_measurements=1,
        source="",
        card="",
        columns=Columns(record_id, time, "steps", start=0.0),
    )


@pytest.mark.parametrize("module", MODULES)
def test_a_format_is_read_like_its_twin(module):
    cases = pairs(module)
    assert cases
    for name, (files, twin) in cases.items():
        task = task_of(twin)
        try:
            expected = read(twin, task)
            assert len(expected.value)
            same(read(files, task), expected)
        except Exception as error:
            error.add_note(f"case: {name} ({', '.join(files)})")
            raise


def test_there_are_at_least_sixty_files_of_many_formats():
    files = {(module, name, file) for module in MODULES for name, (made, _) in pairs(module).items() for file in made}
    assert len(files) >= 60
    assert {
        "fhir",
        "hl7v2",
        "meds",
        "omop",
        "physionet2019",
        "wfdb_records",
        "edf",
        "dicom",
        "npz",
        "images",
        "tables",
    } <= {*MODULES}
