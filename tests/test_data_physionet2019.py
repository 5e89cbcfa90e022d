"""Files of PhysioNet 2019: many at once, and the odd ones among them."""

import io
import os
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgru.data import Inspection, Source, build, inspect
from medgru.data.examination import examine
from medgru.data.new_task import define
from medgru.data.physionet2019 import is_physionet_2019
from medgru.data.readers import read_tables
from medgru.errors import DataError
from medgru.tasks import ICU_MORTALITY
from tests.twins.physionet2019 import HEADER, pairs, patients, psv

DATA = os.environ.get("MEDGRU_DATA_DIR")
FEW = {1: {"HR": 80, "Age": 50}, 2: {"HR": 82}}


def opened(files: dict[str, bytes]) -> Inspection:
    return inspect([Source(name, data) for name, data in files.items()], ICU_MORTALITY)


def test_every_case_of_the_twins_is_recognised():
    for name, files, _ in pairs():
        assert {view.table.kind for view in opened(files).views} == {"PhysioNet 2019"}, name


def test_other_files_between_bars_are_plain_tables():
    assert not is_physionet_2019(b"ICULOS|HR|Temp\n1|80|36\n")
    assert not is_physionet_2019(b"HR,O2Sat,Temp,SBP,MAP,DBP,Resp,ICULOS\n")
    assert is_physionet_2019(psv(FEW)[:4096].upper())


def test_rows_are_those_of_each_file():
    hours = {1: {"HR": 80}, 2: {"HR": 900}, 3: {"FiO2": 2.0}}
    inspection = opened({f"p{i}.psv": psv(hours) for i in (1, 2)})
    issues = build(inspection, inspection.mapping).report.issues
    found = sorted(map(tuple, issues[["file", "row", "column", "kind"]].to_numpy().tolist()))
    assert found == [(f"p{i}.psv", r, c, "implausible") for i in (1, 2) for r, c in ((3, "HR"), (4, "FiO2"))]


def test_patients_of_two_folders_are_not_merged():
    inspection = opened({"a/p1.psv": psv(FEW), "b/p1.psv": psv(FEW)})
    assert build(inspection, inspection.mapping).record_ids == ("p1", "p1 (2)")


def test_units_are_those_of_the_challenge_whatever_the_values_look_like():
    """A stay of low values is ill; its unit is not another one."""
    hours = {h: {"Creatinine": 90, "Magnesium": 0.9, "Lactate": 15, "Temp": 33} for h in (1, 2, 3)}
    inspection = opened({"p1.psv": psv(hours)})
    units = {m.target: m.unit for m in inspection.mapping.matches if m.target}
    assert (units["Creatinine"], units["Mg"], units["Lactate"], units["Temp"]) == ("mg/dL", "mg/dL", "mmol/L", "°C")


def test_pressure_is_a_guess_to_check_and_the_rest_is_not():
    inspection = opened({"p1.psv": psv({1: dict.fromkeys(HEADER[:34], 1.0)})})
    assert {m.source for m in inspection.mapping.guessed} == {"SBP", "DBP"}
    assert "ICULOS" not in {m.source for m in inspection.mapping.guessed}


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda data: data.replace(b"82", b"high"), "not a number"),
        (lambda data: data + b"1|2|3\n", "ragged row"),
    ],
    ids=["word", "short row"],
)
def test_an_odd_file_is_reported_and_spoils_no_other(spoil, kind):
    files = {f"p{i}.psv": psv(FEW) for i in range(9)}
    files["p4.psv"] = spoil(files["p4.psv"])
    inspection = opened(files)
    recordings = build(inspection, inspection.mapping)
    assert set(recordings.record_ids) == {f"p{i}" for i in range(9)}
    assert recordings.report.issues[["file", "kind"]].to_numpy().tolist() == [["p4.psv", kind]]
    assert (np.bincount(recordings.stay) >= 1).all()


def test_a_file_without_rows_is_refused_alone():
    inspection = opened({"p1.psv": psv(FEW), "p2.psv": psv({}), "p3.psv": b"|".join(n.encode() for n in HEADER)})
    assert [(r.file, "no rows" in r.problem) for r in inspection.refused] == [("p2.psv", True), ("p3.psv", True)]
    assert len(inspection.views) == 1


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_files_read_together_are_as_each_read_alone(data):
    many = patients(4)
    files = {f"{name}.psv": bytearray(psv(hours)) for name, hours in many.items()}
    odd = data.draw(st.sampled_from(sorted(files)))
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(len(psv({})), len(files[odd]) - 1))
        files[odd][at] = data.draw(st.sampled_from(b'|\n\r ,".aN95\xff'))
    files = {name: bytes(content) for name, content in files.items()}

    together = opened(files)
    recordings = build(together, together.mapping)

    for name in sorted(files):
        try:
            alone = opened({name: files[name]})
            wanted = build(alone, together.mapping)
        except DataError:
            continue
        found = recordings.select(wanted.record_ids)
        np.testing.assert_array_equal(found.value, wanted.value)
        np.testing.assert_array_equal(found.hours, wanted.hours)


def test_a_task_of_its_own_learns_from_sepsislabel():
    def hours(i: int) -> dict:
        return {h: {"HR": 60 + i + h, "SepsisLabel": int(i % 2 == 0 and h > 2)} for h in range(1, 6)}

    sources = [Source(f"p{i:03d}.psv", psv(hours(i))) for i in range(40)]
    proposal = examine(sources)
    assert (proposal.choices.id, proposal.choices.time, proposal.choices.label) == (
        "record_id",
        "ICULOS",
        "SepsisLabel",
    )
    assert proposal.stays == 40

    labelled = define(proposal)

    assert labelled.y_true.tolist() == [int(i % 2 == 0) for i in range(40)]
    task = labelled.recordings.task
    later = inspect([Source("p999.psv", psv(hours(1)))], task)
    assert build(later, later.mapping).record_ids == ("p999",)


@pytest.mark.skipif(not DATA, reason="needs MEDGRU_DATA_DIR with physionet2019")
def test_six_thousand_patients_are_read_in_seconds():
    path = Path(str(DATA)) / "physionet2019" / "setB-p100001-p106500.tar.xz"
    source = Source(path.name, path.read_bytes())
    started = time.monotonic()
    tables, refused = read_tables([source])
    assert time.monotonic() - started < 15
    assert not refused
    assert len(tables) == 1
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        rows = {m.name: archive.extractfile(m).read().count(b"\n") - 1 for m in archive if m.isfile()}
    assert len(tables[0]) == sum(rows.values())
    assert np.bincount(tables[0].members).tolist() == list(rows.values())
