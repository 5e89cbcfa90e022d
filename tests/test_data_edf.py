"""EDF, EDF+ and BDF: values as edfio reads them, who the patient is nowhere, lies of the header found."""

import io
import time
from dataclasses import replace

import edfio
import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from medgru.data import Source, build, inspect
from medgru.data.edf import is_edf, read_edf
from medgru.data.readers import read_tables
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import ICU_MORTALITY
from tests.twins.edf import write

RNG = np.random.default_rng(12)
FEW = hypothesis_settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
VITALS = [("HR", "bpm", 1.0, RNG.integers(500, 1200, 60)), ("SpO2", "%", 1.0, RNG.integers(880, 1000, 60))]
PLAIN = write(VITALS)
RANGES = 256 + 2 * (16 + 80 + 8)
"""Where the ranges of its first signal begin: physical minimum, maximum, digital minimum, maximum, 16 bytes apart."""


def read(data: bytes, name: str = "night.edf") -> tuple[list[Table], list[Refusal]]:
    return read_tables([Source(name, data)])


def only(data: bytes) -> Table:
    tables, refused = read(data)
    assert not refused
    assert len(tables) == 1
    return tables[0]


def problem(data: bytes, name: str = "night.edf") -> str:
    tables, refused = read(data, name)
    assert not tables
    return refused[0].problem


def changed(data: bytes, start: int, text: str, width: int) -> bytes:
    """A field of the header replaced."""
    return data[:start] + text.ljust(width).encode("latin-1") + data[start + width :]


@pytest.mark.parametrize("bdf", [False, True])
def test_values_are_those_of_the_library_to_the_last_bit(bdf):
    signal, recording, kind = (edfio.BdfSignal, edfio.Bdf, np.int32) if bdf else (edfio.EdfSignal, edfio.Edf, np.int16)
    low, high = (-(1 << 23), (1 << 23) - 1) if bdf else (-(1 << 15), (1 << 15) - 1)
    made = [
        signal.from_digital(
            RNG.integers(low, high + 1, 240 * 20).astype(kind),
            240,
            label=f"EEG {i}",
            physical_dimension="uV",
            physical_range=(-3276.8 * i, 3276.7),
        )
        for i in (1, 3)
    ]
    data = recording(made).to_bytes()
    library = (edfio.read_bdf if bdf else edfio.read_edf)(io.BytesIO(data))

    table = only(data)

    assert table.columns == ["record_id", "time (seconds)", "EEG 1 (uV)", "EEG 3 (uV)"]
    for name, one in zip(table.columns[2:], library.signals, strict=True):
        np.testing.assert_array_equal(table.data.column(name).to_numpy(), one.data)
    np.testing.assert_array_equal(table.data.column(1).to_numpy(), np.arange(4800) / 240)


def test_who_the_patient_is_stands_nowhere():
    inspection = inspect([Source("night.edf", PLAIN)], ICU_MORTALITY)
    recordings = build(inspection, inspection.mapping)
    seen = repr((inspection.preview.to_dict(), inspection.notes, recordings.record_ids, recordings.report))
    table = inspection.views[0].table
    seen += repr((table.names, table.notes, table.data.to_pydict()))
    assert b"Doe_Jane" in PLAIN
    assert not any(word in seen for word in ("Doe", "Jane", "0815", "1961", "03-FEB"))


def test_signals_of_two_rates_stand_in_two_tables_of_one_recording():
    slow = ("Temp", "degC", 0.2, RNG.integers(360, 400, 12))
    tables, _ = read(write([*VITALS, slow]))
    assert [len(table) for table in tables] == [60, 12]
    assert sum(table.data.column(2).null_count for table in tables) == 0


def test_a_cut_file_and_every_lie_of_the_header_is_refused():
    assert "was cut off on the way" in problem(PLAIN[:-1])
    assert "was cut off on the way" in problem(changed(PLAIN, 236, "99999999", 8))
    assert "number of data records" in problem(changed(PLAIN, 236, "many", 8))
    assert "number of data records" not in problem(changed(PLAIN, 236, "-5", 8))
    assert "declares 9,999 signals" in problem(changed(changed(PLAIN, 252, "9999", 4), 184, "2560000", 8))
    assert "does not say how long" in problem(changed(PLAIN, 244, "0", 8))
    assert "does not say how long" in problem(changed(PLAIN, 244, "nan", 8))
    samples = 256 + 2 * (16 + 80 + 8 + 8 + 8 + 8 + 8 + 80)
    assert problem(changed(PLAIN, samples, "99999999", 8))
    assert problem(changed(PLAIN, samples, "-1", 8))
    assert "but no data below it" in problem(changed(PLAIN, 236, "0", 8)[:768])
    assert "does not begin as one" in problem(b"\x00\x01\x02" * 100, "x.edf")
    assert any("more than the 60 data records" in note for note in only(PLAIN + bytes(40)).notes)


def test_a_signal_without_a_scale_is_left_out_and_named():
    physical_max = 256 + 2 * (16 + 80 + 8 + 8)
    flat = changed(PLAIN, physical_max, "-2000", 8)  # as the minimum
    table = only(flat)
    assert table.columns[2:] == ["SpO2 (%)"]
    assert table.notes == ("night.edf: left out, because the header does not say what their steps mean: HR.",)
    assert "no signal whose header says" in problem(changed(flat, physical_max + 8, "", 8))


@pytest.mark.parametrize(
    ("physical", "digital"),
    [
        (("0", "1e-320"), ("-20000", "20000")),
        (("-1e308", "1e308"), ("-20000", "20000")),
        (("0", "1e307"), ("0", "1")),
        (("0", "1e99"), ("0", "9e99")),
        (("0", "nan"), ("-20000", "20000")),
        (("0", "100"), ("20000", "-20000")),
    ],
)
def test_a_scale_that_no_number_can_hold_is_no_scale(physical, digital):
    data = PLAIN
    for i, text in enumerate((*physical, *digital)):
        data = changed(data, RANGES + 16 * i, text, 8)
    table = only(data)
    assert table.columns[2:] == ["SpO2 (%)"]
    assert table.notes == ("night.edf: left out, because the header does not say what their steps mean: HR.",)


@pytest.mark.parametrize("text", ["2000,0", "2000\0\0\0\0", "2.0e3", " 2000"])
def test_a_number_of_the_header_in_another_spelling_means_the_same(text):
    np.testing.assert_array_equal(
        only(changed(PLAIN, RANGES + 16, text, 8)).data.column(2).to_numpy(), only(PLAIN).data.column(2).to_numpy()
    )


def test_units_outside_ascii_are_read_as_old_recorders_wrote_them():
    unit = 256 + 2 * (16 + 80)
    assert only(changed(PLAIN, unit, "µV", 8)).columns[2] == "HR (µV)"


def test_a_file_of_annotations_only_is_refused():
    data = edfio.Edf([], annotations=[edfio.EdfAnnotation(0, 30, "Sleep stage W")]).to_bytes()
    assert problem(data).startswith("holds only annotations and no signals")


def test_gaps_without_times_and_times_that_fall_are_refused():
    events = [edfio.EdfAnnotation(float(i), None, "x") for i in range(3)]
    gapped = write([("HR", "bpm", 1.0, np.array([800, 810, 820]))], annotations=events, data_record_duration=1.0)
    gapped = gapped.replace(b"EDF+C", b"EDF+D", 1)
    assert len(only(gapped)) == 3
    assert "whose times do not rise" in problem(gapped.replace(b"+2\x14\x14", b"+0\x14\x14"))
    assert "data record 2 was recorded" in problem(gapped.replace(b"+1\x14\x14", b"?1\x14\x14"))
    later = gapped.replace(b"+1\x14\x14\x00+1\x14x\x14", b"?1\x14\x14\x00+7\x14x\x14")
    assert "data record 2 was recorded" in problem(later)  # the time of an event is not that of its data record
    assert "does not say when its parts" in problem(gapped.replace(b"EDF Annotations ", b"EDF Notes       "))


def test_files_that_do_not_fit_are_refused_and_the_others_read(monkeypatch):
    monkeypatch.setattr("medgru.data.signals.settings", lambda: replace(settings(), max_rows=150))
    blobs = [Blob(f"{i}.edf", PLAIN, i) for i in range(3)]
    found = list(read_edf(blobs))
    assert [f.file for f in found if isinstance(f, Refusal)] == ["2.edf"]
    assert [len(f) for f in found if isinstance(f, Table)] == [120]


def test_an_eeg_holds_nothing_for_the_shipped_task_and_that_is_said():
    data = write([("EEG Fpz-Cz", "uV", 100.0, RNG.integers(-500, 500, 1000))])
    inspection = inspect([Source("night.edf", data)], ICU_MORTALITY)
    with pytest.raises(DataError, match=r"night\.edf has no column that the model knows .*EEG Fpz-Cz \(uV\)"):
        build(inspection, inspection.mapping)


def test_a_table_that_begins_with_zero_is_no_edf():
    assert not is_edf(b"0       ,1,2\n" * 40)


def test_many_small_data_records_are_read_in_seconds():
    n = 100_000
    data = write([("HR", "bpm", 1.0, RNG.integers(500, 900, n))], annotations=[], data_record_duration=1.0)
    begin = time.perf_counter()
    assert len(only(data.replace(b"EDF+C", b"EDF+D", 1))) == n
    assert time.perf_counter() - begin < 3


@FEW
@given(st.data())
def test_a_damaged_file_gives_tables_or_a_refusal(data):
    content = bytearray(DAMAGED[data.draw(st.integers(0, 1))])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, 1100))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    for found in read_edf([Blob("x.edf", bytes(content))]):
        assert isinstance(found, Table | Refusal)
        assert not isinstance(found, Refusal) or found.problem.endswith(".")


DAMAGED = [PLAIN, write(VITALS[:1], annotations=[edfio.EdfAnnotation(1, None, "x")]).replace(b"EDF+C", b"EDF+D", 1)]
