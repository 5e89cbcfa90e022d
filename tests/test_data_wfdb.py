"""WFDB records: decoded as the library does, whole or not at all."""

import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from medgru.data import Source, build, inspect
from medgru.data.archives import unpack
from medgru.data.names import Names
from medgru.data.new_task import define, examine
from medgru.data.readers import read_tables
from medgru.data.signals import header
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.data.wfdb_records import belongs_to_wfdb, is_wfdb, read_wfdb
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import ICU_MORTALITY
from tests.twins.wfdb_records import pairs, write, zip_of

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # wfdb 4.3.1 uses what pandas 3 deprecates
    import wfdb

pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")

RNG = np.random.default_rng(11)
FEW = hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read(files: dict[str, bytes]) -> tuple[list[Table], list[Refusal]]:
    """Through the registry, as the files of a person are."""
    return read_tables([Source(name, data) for name, data in files.items()])


def values(table: Table) -> np.ndarray:
    return np.column_stack([table.data.column(name).to_numpy() for name in table.columns[2:]])


def only(files: dict[str, bytes]) -> Table:
    tables, refused = read(files)
    assert not refused
    assert len(tables) == 1
    return tables[0]


def problem(files: dict[str, bytes]) -> str:
    tables, refused = read(files)
    assert not tables
    assert len(refused) == 1, refused
    return refused[0].problem


def record(fmt: str, samples: int, n: int, data: bytes) -> dict[str, bytes]:
    lines = [f"r {n} 250 {samples}", *(f"r.dat {fmt} 33.5({i})/mV 12 0 5 0 0 S{i}" for i in range(n))]
    return {"r.hea": "\n".join([*lines, ""]).encode(), "r.dat": data}


def table_of(files: dict[str, bytes]) -> Table:
    """Straight from the reader: a few random bytes may look like text."""
    found = next(read_wfdb([Blob(name, data) for name, data in files.items()]))
    assert isinstance(found, Table), found
    return found


@pytest.mark.parametrize("fmt", ["8", "16", "24", "32", "61", "80", "160", "212", "310"])
def test_any_bytes_of_any_format_are_decoded_as_the_library_does(fmt, tmp_path):
    for samples in (1, 2, 3, 4, 7, 50, 101):
        for n in (1, 2, 3):
            files = record(fmt, samples, n, RNG.bytes(samples * n * 4 + 8))
            for name, data in files.items():
                (tmp_path / name).write_bytes(data)
            expected = wfdb.rdrecord(str(tmp_path / "r")).p_signal
            np.testing.assert_array_equal(values(table_of(files)), expected)


@pytest.mark.parametrize(("fmt", "top"), [("508", 127), ("516", 32_767), ("524", (1 << 23) - 1)])
def test_files_packed_with_flac_are_decoded_as_the_library_does(fmt, top, tmp_path):
    signals = [(f"S{i}", "mV", RNG.integers(-top - 1, top + 1, 999)) for i in range(3)]
    files = write("r", 360.0, signals, fmt=fmt, gain=7.0, baseline=-3)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    np.testing.assert_array_equal(values(only(files)), wfdb.rdrecord(str(tmp_path / "r")).p_signal)
    signal_file = next(name for name in files if name != "r.hea")
    assert "FLAC" in problem(files | {signal_file: bytes(1000)})


def test_segments_are_put_together_as_the_library_does(tmp_path):
    files = next(files for name, files, _ in pairs() if "layout" in name)
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    expected = wfdb.rdrecord(str(tmp_path / "v"))
    compared = 0
    for table in read(files)[0]:
        frames = np.rint(table.data.column(1).to_numpy() * expected.fs).astype(int)
        for column in table.columns[2:]:
            library = expected.p_signal[:, expected.sig_name.index(column.split(" (")[0])]
            np.testing.assert_array_equal(table.data.column(column).to_numpy(), library[frames])
            compared += len(frames)
    assert compared == np.isfinite(expected.p_signal).sum()


def test_three_samples_in_32_bits_are_decoded_as_the_format_has_them():
    # wfdb 4.3.1 lets an unused bit slip into the third sample, so here the oracle is the specification.
    samples = RNG.integers(-511, 512, 300)
    for count in (1, 2, 3, 100, 101, 299):
        padded = np.zeros(-(-count // 3) * 3, dtype=np.int64)
        padded[:count] = samples[:count]
        a, b, c = (padded[i::3] & 0x3FF for i in range(3))
        unused = RNG.integers(0, 4, len(a)) << 30
        data = (a | b << 10 | c << 20 | unused).astype("<u4").tobytes()
        table = table_of(record("311", count, 1, data))
        np.testing.assert_array_equal(values(table)[:, 0], samples[:count] / 33.5)


@pytest.mark.slow
def test_a_real_record_is_read_to_the_last_bit(tmp_path):
    folder = os.environ.get("MEDGRU_DATA_DIR")
    path = Path(folder or ".") / "mitbih" / "ds1.tar.xz"
    if not folder or not path.exists():
        pytest.skip("needs MEDGRU_DATA_DIR with mitbih/ds1.tar.xz")
    blobs = [b for b in unpack(path.name, path.read_bytes()) if b.name.split(" › ")[1].startswith("114.")]
    for blob in blobs:
        (tmp_path / blob.name.split(" › ")[1]).write_bytes(blob.data)

    (table,) = read_wfdb(blobs)

    assert isinstance(table, Table)
    assert table.columns == ["record_id", "time (seconds)", "V5 (mV)", "MLII (mV)"]
    expected = wfdb.rdrecord(str(tmp_path / "114"))
    np.testing.assert_array_equal(values(table), expected.p_signal)
    np.testing.assert_array_equal(table.data.column(1).to_numpy(), np.arange(650_000) / 360)
    assert table.notes == ("WFDB annotations (labels of heart beats and the like) were passed over: 114.atr.",)


def vitals(name: str = "p1", n: int = 30, **options) -> dict[str, bytes]:
    signals = [("HR", "bpm", RNG.integers(600, 1200, n)), ("SpO2", "%", RNG.integers(900, 1000, n))]
    return write(name, 1.0, signals, **options)


def test_what_is_missing_is_named():
    files = vitals()

    assert problem({"p1.hea": files["p1.hea"]}) == "needs p1.dat, which was not brought. Bring all of its files."
    assert "Bring p1.hea together with it." in problem({"p1.dat": files["p1.dat"]})
    assert "Bring the record itself: p1.hea and its .dat." in problem({"p1.atr": b"\x01\x04\x00\x00"})
    master = {"m.hea": b"m/2 2 1 60\np1 30\np2 30\n"}
    assert problem(master | files) == "needs p2.hea, which was not brought. Bring all of its files."
    assert "only names the signals" in problem({"l.hea": b"l 1 1 0\n~ 0 1/mV 12 0 0 0 0 I\n"})


@pytest.mark.parametrize("name", ["../p1.dat", "/etc/passwd", "a/b.dat", "c:\\x.dat", "..", "https://x.org/p1.dat"])
def test_a_header_that_names_a_path_is_refused(name):
    text = vitals()["p1.hea"].replace(b"p1.dat", name.encode())
    assert "by a path or an odd name" in problem({"p1.hea": text})


def test_a_cut_or_absurd_record_is_refused_at_once():
    files = vitals()
    cut = files | {"p1.dat": files["p1.dat"][:-2]}
    assert problem(cut).startswith("declares 30 samples a signal, but p1.dat holds 29: it was cut off")
    for old, new in ((b" 30", b" 999999999999999"), (b"p1 2 ", b"p1 99999 "), (b" 16 ", b" 16x999999 ")):
        assert problem(files | {"p1.hea": files["p1.hea"].replace(old, new, 1)})
    assert "not known" in problem({"p1.hea": files["p1.hea"].replace(b" 16 ", b" 999 "), "p1.dat": files["p1.dat"]})
    assert "no number above 0" in problem({"p1.hea": files["p1.hea"].replace(b"p1 2 1 ", b"p1 2 -1 ")})
    segments = b"m/20001 2 1 1\n" + b"p1 30\n" * 20_001
    assert "more than 20,000 segments" in problem({"m.hea": segments})


def test_a_record_made_of_itself_is_refused():
    _, refused = read({"m.hea": b"m/1 2 1 30\nn 30\n", "n.hea": b"n/1 2 1 30\nm 30\n"})
    assert {r.file for r in refused} == {"m.hea", "n.hea"}
    assert all("made of others itself" in r.problem for r in refused)


def test_a_dat_with_text_in_it_is_a_table():
    text = "record_id,time,HR\na,1,80\n"
    for data in (text.encode(), text.encode("utf-16")):
        assert not belongs_to_wfdb(Blob("vitals.dat", data))
        tables, _ = read({"vitals.dat": data})
        assert tables[0].kind == "table"
    numbers = b"1 2 360 650000\n5 16 7 8\n"
    assert not is_wfdb(numbers)


def test_two_records_of_one_name_are_kept_apart_or_refused():
    one, two = vitals(n=20), vitals(n=25)
    table = only({"monday.zip": zip_of(one), "tuesday.zip": zip_of(two)})
    assert table.data.column("record_id").unify_dictionaries().chunk(0).dictionary.to_pylist() == ["p1", "p1 (2)"]
    assert len(table) == 45

    folders = {f"{day}/{name}": data for day, files in (("a", one), ("b", two)) for name, data in files.items()}
    _, refused = read({"both.zip": zip_of(folders)})
    assert len(refused) == 2
    assert "2 different files of that name were brought" in refused[0].problem


def test_records_that_do_not_fit_are_refused_by_name_and_the_others_read(monkeypatch):
    monkeypatch.setattr("medgru.data.signals.settings", lambda: replace(settings(), max_rows=70))

    tables, refused = read({"all.zip": zip_of(vitals("a") | vitals("b") | vitals("c") | vitals("d", n=5))})

    assert [table.names for table in tables] == [("all.zip › a.hea", "all.zip › b.hea", "all.zip › d.hea")]
    assert [r.file for r in refused] == ["all.zip › c.hea"]
    assert refused[0].problem.startswith("holds 30 samples of 2 signals, too much together with the files before it")
    assert problem(vitals("long", n=71)).startswith("holds 71 samples of 2 signals; at most 70 rows")


def test_doubts_are_said():
    files = vitals()
    changed = bytearray(files["p1.dat"])
    changed[8] ^= 1
    notes = only(files | {"p1.dat": bytes(changed)}).notes
    assert any("the sum of the samples of HR is not the one in the header" in note for note in notes)
    assert not only(files).notes

    notes = only(files | {"p1.hea": files["p1.hea"].replace(b" 10.0(0)/bpm", b" 0(0)/bpm")}).notes
    assert any("HR is not calibrated" in note for note in notes)

    notes = only(files | {"p1.hea": files["p1.hea"].replace(b" 30", b" 29", 1)}).notes
    assert any("holds more samples than the header declares" in note for note in notes)

    table = only({"q.hea": b"q 1\nq.dat 16 10/mV 16 0 0 0 0 I\n", "q.dat": bytes(2000)})
    assert any("250 Hz are taken" in note for note in table.notes)
    assert table.data.column(1).to_numpy()[-1] == 999 / 250


def test_the_curve_of_breathing_is_no_respiratory_rate():
    breaths = RNG.integers(50, 300, 250)
    table = only(write("w", 125.0, [("RESP", "NU", breaths), ("II", "mV", breaths)]))
    assert table.columns[2:] == ["RESP at 125 Hz (NU)", "II (mV)"]
    numbers = only(write("n", 1.0, [("RESP", "pm", breaths)]))
    assert numbers.columns[2:] == ["RESP (/min)"]
    inspection = inspect([Source(n, d) for n, d in write("n", 1.0, [("RESP", "pm", breaths)]).items()], ICU_MORTALITY)
    assert inspection.mapping["RESP (/min)"].target == "RespRate"
    assert "check" not in inspection.mapping["RESP (/min)"].reason.lower()


def test_names_of_monitors_are_found():
    units = {"HR": "bpm", "PULSE": "bpm", "SpO2": "%", "TEMP": "deg C"}
    names = ("ABP Sys", "ABPDias", "ABP Mean", "NBPSys", "NBP Dias", "NBPMean", "ART Mean", "NIBP Dias")
    known = Names(ICU_MORTALITY)
    for name, unit in [*units.items(), *((name, "mmHg") for name in names)]:
        found = known.match(header(name, unit, 1.0))
        assert found.how in ("exact", "synonym"), name
        assert found.unit == unit
    for name in ("PAP Sys", "PAPDias", "PAP Mean", "ICP Mean", "CVP"):  # pressures elsewhere in the body
        assert known.match(header(name, "mmHg", 1.0)).target is None


def ecg(name: str, rate: float = 360.0, n: int = 720) -> dict[str, bytes]:
    return write(name, rate, [("MLII", "mV", RNG.integers(-900, 900, n)), ("V5", "mV", RNG.integers(-900, 900, n))])


def test_a_raw_ecg_is_read_and_said_to_hold_nothing_for_the_task():
    inspection = inspect([Source(name, data) for name, data in ecg("100").items()], ICU_MORTALITY)

    assert [(f.name, f.kind, f.rows, f.stays) for f in inspection.files] == [("100.hea", "WFDB", 720, 1)]
    with pytest.raises(DataError, match=r"100\.hea has no column that the model knows .*MLII \(mV\), V5 \(mV\)"):
        build(inspection, inspection.mapping)


def test_a_new_task_can_be_made_from_raw_signals():
    files = {name: data for i in range(12) for name, data in ecg(f"e{i}", 100.0, 200).items()}
    labels = "record_id,rhythm\n" + "".join(f"e{i},{'sinus' if i % 2 else 'flutter'}\n" for i in range(12))
    proposal = examine([*(Source(n, d) for n, d in files.items()), Source("labels.csv", labels.encode())])

    assert (proposal.choices.id, proposal.choices.time, proposal.choices.time_unit) == (
        "record_id",
        "time (seconds)",
        "seconds",
    )
    assert proposal.choices.features == ("MLII (mV)", "V5 (mV)")
    assert not proposal.problems
    assert len(define(proposal).recordings) == 12


@FEW
@given(st.data())
def test_a_damaged_record_gives_a_table_or_a_refusal(data):
    files = DAMAGED[data.draw(st.integers(0, len(DAMAGED) - 1))]
    broken = {}
    for name, content in files.items():
        content = bytearray(content)
        for _ in range(data.draw(st.integers(0, 3))):
            at = data.draw(st.integers(0, max(0, len(content) - 1)))
            content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        broken[name] = bytes(content)
    for found in read_wfdb([Blob(name, content, i) for i, (name, content) in enumerate(broken.items())]):
        assert isinstance(found, Table | Refusal)
        if isinstance(found, Refusal):
            assert found.problem.endswith(".")


_SIGNALS = [("HR", "bpm", RNG.integers(60, 90, 20)), ("SpO2", "%", RNG.integers(90, 100, 20))]
DAMAGED = [
    write("a", 1.0, _SIGNALS, fmt="212", gain=1.0),
    write("b", 1.0, _SIGNALS, fmt="516", gain=1.0),
    write("c_1", 1.0, _SIGNALS) | write("c_2", 1.0, _SIGNALS) | {"c.hea": b"c/3 2 1 50\nc_1 20\n~ 10\nc_2 20\n"},
]
