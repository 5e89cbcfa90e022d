"""Files that could harm: bombs, tricks, damage, noise. Nothing but a DataError may come of them."""

import gzip
import importlib.util
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import medgru.settings
from medgru.data import Source, build, headers, inspect, read, sources
from medgru.data.recording import ISSUE_COLUMNS, Recordings
from medgru.errors import DataError, UnsafeFileError
from medgru.tasks import ICU_MORTALITY
from tests.recordings import statics_table

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("make_bad_files", ROOT / "tests" / "data" / "make.py")
assert _spec is not None
assert _spec.loader is not None
make = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make)

MEMORY_MIB = 1536
GOOD = {
    "a.csv": make.WIDE.encode(),
    "a.txt": make.PHYSIONET.encode(),
    "a.parquet": make.parquet_of(make.good_table()),
    "a.xlsx": make.workbook_of({"vitals": [list(make.good_table()), *make.good_table().to_numpy().tolist()]}),
    "a.zip": make.zip_of({"good.csv": make.WIDE.encode()}),
    "a.tar": make.tar_of({"1.txt": make.PHYSIONET.encode()}),
    "a.tar.gz": gzip.compress(make.tar_of({"1.txt": make.PHYSIONET.encode()}), mtime=0),
    "a.tar.xz": lzma.compress(make.tar_of({"1.txt": make.PHYSIONET.encode()})),
}
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_bytes(name: str, data: bytes) -> Recordings:
    inspection = inspect([Source(name, data)], ICU_MORTALITY)
    assert inspection.files
    assert len(inspection.preview) <= 20
    return build(inspection, inspection.mapping)


def refusal(name: str, data: bytes) -> str:
    """The words with which a file is refused, "" where it loads; any other exception is a failure."""
    try:
        recordings = read_bytes(name, data)
    except DataError as error:
        return str(error) or "refused without a word"
    assert np.isfinite(recordings.value).all()
    assert ((recordings.hours >= 0) & (recordings.hours <= 48)).all()
    assert (np.diff(recordings.stay) >= 0).all()
    assert len(set(recordings.record_ids)) == len(recordings.record_ids)
    return ""


def calls(name: str, data: bytes) -> int:
    """How many functions a file calls until it is read or refused: what its reading costs, on any machine."""
    n = 0

    def count(_frame: FrameType, event: str, _what: object) -> None:
        nonlocal n
        n += event == "call"

    sys.setprofile(count)
    try:
        read_bytes(name, data)
    except DataError:
        pass
    finally:
        sys.setprofile(None)
    return n


@pytest.fixture
def limits(monkeypatch) -> Iterator[None]:
    """Small limits, so that small files break them."""
    small = medgru.settings.Settings(max_upload_mb=1, max_unpacked_mb=1, max_rows=1000)
    for module in ("source", "archives", "parquet", "excel", "readers", "values", "reading"):
        monkeypatch.setattr(f"medgru.data.{module}.settings", lambda: small)
    return None


@MANY
@given(st.sampled_from(["a.csv", "a.xlsx", "a.parquet", "a.zip", "noise"]), st.binary(max_size=400))
def test_noise_never_raises_anything_else(name, data):
    assert refusal(name, data) != "refused without a word"


@MANY
@given(st.text('0123456789.,;:-\t "\nHRTemptime_id=<>µ°心率', max_size=300))
def test_text_of_any_shape_never_raises_anything_else(text):
    assert refusal("a.csv", text.encode()) != "refused without a word"


@MANY
@given(
    st.sampled_from(sorted(GOOD)),
    st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    st.floats(0, 1),
)
def test_damaged_files_never_raise_anything_else(name, changes, keep):
    data = bytearray(GOOD[name])
    for where, byte in changes:
        data[int(where * len(data))] = byte
    for damaged in (bytes(data), bytes(data[: int(keep * len(data))])):
        assert refusal(name, damaged) != "refused without a word"


@pytest.mark.parametrize("name", GOOD)
def test_the_undamaged_files_load(name):
    assert len(read_bytes(name, GOOD[name]).value) >= 4


@pytest.fixture(scope="module")
def large_files(tmp_path_factory) -> dict[str, Path]:
    return make.large(tmp_path_factory.mktemp("large"))


_MEASURE = """
import json, sys
from medgru.data import read
from medgru.errors import DataError
from medgru.tasks import ICU_MORTALITY
result = {}
try:
    recordings = read([sys.argv[1]], ICU_MORTALITY)
    result = {"stays": len(recordings), "values": len(recordings.value), "issues": len(recordings.report.issues)}
except DataError as error:
    result = {"error": type(error).__name__, "message": str(error)}
# Not ru_maxrss: it survives exec, and would tell the size of the pytest process that started this one.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
result["mib"] = int(peak.split()[1]) / 1024
print(json.dumps(result))
"""


def measure(path: Path) -> dict:
    """Read a file in a process of its own, and say what came of it and how much memory it took."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    out = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path)], capture_output=True, text=True, env=env, timeout=300
    )
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


@pytest.mark.slow
def test_sixty_megabytes_load_in_bounded_memory(large_files):
    result = measure(large_files["sixty_megabytes.csv"])

    assert result["mib"] < MEMORY_MIB
    assert (result["stays"], result["values"]) == (5000, 30000)
    assert result["issues"] < 100  # millions of repeated rows are folded


@pytest.mark.slow
@pytest.mark.parametrize("name", ["bomb.zip", "bomb.tar.xz", "bomb.xlsx"])
def test_a_bomb_is_refused_in_bounded_memory(large_files, name):
    result = measure(large_files[name])

    assert result["error"] == "UnsafeFileError"
    assert result["message"].startswith(f"{name} unpacks to more than")
    assert result["mib"] < 512


@pytest.mark.slow
def test_ten_thousand_rows_of_one_stay_load(large_files):
    recordings = read([large_files["ten_thousand_rows.csv"]], ICU_MORTALITY)

    assert len(recordings) == 1
    assert len(recordings.value) + int(recordings.report.issues["count"].sum()) == 10_000


def test_a_workbook_with_cells_in_far_corners_is_refused_before_it_is_opened():
    data = make.workbook_of({"a": [["id", "time", "HR"], ["a", 1, 80]]})
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("sheet1.xml"):
                content = content.replace(
                    b"</sheetData>", b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
                )
            new.writestr(name, content)

    with pytest.raises(DataError, match="reaches to row 1,048,576 and column 16,384, too far to be opened"):
        read_bytes("a.xlsx", out.getvalue())


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b"x" * (2 << 20), "a.csv is 2 MB large; at most 1 MB can be read at once"),
        ("a.zip", make.zip_of({"a.csv": bytes(2 << 20)}), "a.zip unpacks to more than 1 MB"),
        ("a.tar.gz", gzip.compress(bytes(2 << 20)), "a.tar.gz unpacks to more than 1 MB"),
        ("a.csv", b"id,time,HR\n" + b"a,1,80\n" * 1001, "a.csv would bring the rows to more than 1,000"),
        (
            "a.zip",
            make.zip_of({f"{i}.csv": b"id,time,HR\n" + b"a,1,80\n" * 400 for i in range(3)}),
            "a.zip would bring the rows to more than 1,000, the most that is read at once, so none of it was read. "
            "Read it by itself, split it, or raise MEDGRU_MAX_ROWS.",
        ),
        (
            "a.csv",
            b"id,time,HR,Temp,Na,K,pH\n" + b"a,1,80,36.6,140,4,7.4\n" * 900,
            "a.csv holds more than 4,000 measurements",
        ),
        ("a.parquet", make.parquet_of(pd.DataFrame({"id": ["a"] * 1001, "time": 1})), "a.parquet holds 1,001 rows"),
        ("a.xlsx", make.workbook_of({"a": [["x" * 700_000]]}), "a.xlsx unpacks to more than 0 MB"),
    ],
    ids=["upload", "zip", "gzip", "rows", "rows of an archive", "measurements", "parquet", "workbook"],
)
def test_limits_hold_and_name_themselves(limits, name, data, message):
    with pytest.raises(DataError) as caught:
        read_bytes(name, data)

    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", (",".join(f"c{i}" for i in range(3000)) + "\n1\n").encode(), "a.csv has 3,000 columns in row 1"),
        ("a.csv", b"a,b" * 200_000, "a.csv is not a table that can be read: its first line never ends"),
        ("a.ods", make.zip_of({"mimetype": b"x", "content.xml": b"<a/>"}), "a.ods is a workbook of a kind"),
        ("a.docx", make.zip_of({"[Content_Types].xml": b"<a/>", "word/a.xml": b"\x00"}), "a.docx › [Content_Types]"),
        ("a.xlsx", make.workbook_of({"a": [], "b": []}), "a.xlsx holds no filled sheet"),
        ("a.xlsx", make.workbook_of({"a": [["id", "time", "HR"]]}), "a.xlsx holds column names (row 1) but no rows"),
        ("a.parquet", make.parquet_of(pd.DataFrame({"id": [], "time": []})), "a.parquet holds column names but"),
        ("a.parquet", make.parquet_of(pd.DataFrame({"id": [[1]], "time": [[1]]})), "a.parquet holds fewer than two"),
        ("a.zip", make.zip_of({".hidden": b"1", "__MACOSX/x": b"2"}), "a.zip holds no files"),
        ("a.tar", make.tar_of({}), "a.tar"),
        ("a.csv", gzip.compress(gzip.compress(b"x", mtime=0), mtime=0), "a.csv holds another archive"),
        ("a.zip", make.zip_of({"C:\\x.csv": b"1"}), "a.zip holds a file whose path points outside"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(name, data, message):
    with pytest.raises(DataError) as caught:
        read_bytes(name, data)

    assert str(caught.value).startswith(message)


def test_a_locked_zip_says_that_it_is_locked():
    data = bytearray(make.zip_of({"good.csv": make.WIDE.encode()}))
    data[6] |= 1  # the flag in the local header, and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1

    with pytest.raises(DataError, match=r"a\.zip is locked with a password"):
        read_bytes("a.zip", bytes(data))


@pytest.mark.parametrize("trick", ["../../x.csv", "/etc/x.csv", "a/../../x.csv", "..\\x.csv"])
@pytest.mark.parametrize("pack", [make.zip_of, make.tar_of], ids=["zip", "tar"])
def test_a_member_that_points_outside_is_refused(trick, pack):
    with pytest.raises(UnsafeFileError, match="points outside the archive"):
        read_bytes("a.archive", pack({trick: make.WIDE.encode()}))


def test_tar_members_of_every_kind_are_looked_at():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("folder", "folder/" + "long" * 60 + "ü.csv"):
            info = tarfile.TarInfo(name)
            if name == "folder":
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = len(make.WIDE)
                archive.addfile(info, io.BytesIO(make.WIDE.encode()))
    assert len(read_bytes("a.tar", out.getvalue()).value) == 6

    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            info = tarfile.TarInfo("x.csv")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        with pytest.raises(UnsafeFileError, match="holds a link or a special file"):
            read_bytes("a.tar", out.getvalue())


def test_one_long_text_repeated_by_reference_is_not_written_out():
    text = pa.array(["x" * 1_000_000, "a"]).dictionary_encode()
    ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20_000, dtype=np.int32)), text.dictionary)
    out = io.BytesIO()
    pq.write_table(pa.table({"id": ids, "time": np.arange(20_000) % 48, "HR": np.full(20_000, 80.0)}), out)

    assert len(read_bytes("a.parquet", out.getvalue())) == 1  # 20 GB if it were


def test_a_million_bad_rows_make_a_page_not_a_million_lines():
    rows = b"a,1,HR,fast\n" * 50_000 + b"a,2,HR,9999\n" * 50_000 + b"a,-5,HR,80\n" * 50_000 + b"a,3,HR,80\n"

    recordings = read_bytes("a.csv", b"id,time,variable,value\n" + rows)

    issues = recordings.report.issues
    assert tuple(issues.columns) == ISSUE_COLUMNS
    assert len(issues) < 100
    by_problem = issues.groupby(issues["problem"].str.removesuffix(" (first of several)"))["count"].sum()
    assert by_problem.to_dict() == {
        "is not a number": 50_000,
        "not plausible, expected 10 to 300 /min": 50_000,
        "before admission": 50_000,
    }
    assert recordings.value.tolist() == [80]


def test_problems_in_countless_files_are_folded_too():
    files = {
        f"{i}.txt": f"Time,Parameter,Value\n00:00,RecordID,{i}\n01:00,HR,9{i % 7}00\n".encode() for i in range(1, 2000)
    }

    issues = read_bytes("a.zip", make.zip_of(files)).report.issues

    assert len(issues) < 100
    assert issues["count"].sum() == 1999


def test_no_message_carries_an_identifier_or_a_value(caplog):
    secret = "Schmidt-4711"
    for text in (f"bed,HR\n{secret},80\n", f"record_id,time,HR\n{secret},yesterday,8{secret}\n", f"{secret}\n"):
        assert secret not in refusal("a.csv", text.encode())
    assert secret not in caplog.text


def test_paths_that_do_not_lead_anywhere_are_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.csv does not exist"):
        sources([tmp_path / "gone.csv"])
    with pytest.raises(DataError, match="holds no files"):
        sources([tmp_path])
    with pytest.raises(DataError, match="No file was given"):
        sources([])
    with pytest.raises(DataError, match="No file was given"):
        inspect([], ICU_MORTALITY)
    with pytest.raises(DataError, match=r"gone\.csv cannot be opened"):
        inspect([Source.from_path(tmp_path / "gone.csv")], ICU_MORTALITY)


def test_folders_are_read_with_everything_in_them(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.txt").write_text(make.PHYSIONET)
    (tmp_path / "a.csv").write_text(make.WIDE)
    (tmp_path / ".hidden").write_text("nothing")

    steps = []
    inspection = inspect(sources([tmp_path]), ICU_MORTALITY)
    recordings = build(inspection, inspection.mapping, progress=lambda done, total: steps.append((done, total)))

    assert set(recordings.record_ids) == {"900001", "invented-1", "invented-2"}
    assert steps == [(1, 2), (2, 2)]


@pytest.fixture(scope="module")
def physionet2012() -> Path:
    folder = medgru.settings.settings().data_dir
    if folder is None or not (folder / "physionet2012").exists():
        pytest.skip("MEDGRU_DATA_DIR does not point to the public training data")
    return folder / "physionet2012"


@pytest.mark.slow
def test_set_b_is_read_in_full(physionet2012):
    recordings = read([physionet2012 / "set-b.tar.xz"], ICU_MORTALITY)

    report = recordings.report
    assert len(recordings) == 4000
    assert report.rows_read > 1_700_000
    assert report.rows_used > 0.998 * report.rows_read
    assert (
        int(report.issues.query("problem.str.startswith('not plausible')")["count"].sum())
        >= report.rows_read - report.rows_used
    )
    assert np.isfinite(statics_table(recordings)["Age"]).all()


MINUTE = "2026-01-{:02}T{:02}:{:02}:00Z"


def encounters_of_one_patient(n: int) -> bytes:
    """Half of the lines are encounters of one patient that never end, each part of the one before."""
    lines = []
    for i in range(n // 2):
        when = MINUTE.format(1 + i // 1440, i // 60 % 24, i % 60)
        encounter = {"resourceType": "Encounter", "id": f"e{i}", "status": "in-progress", "period": {"start": when}}
        encounter |= {"subject": {"reference": "Patient/1"}, "partOf": {"reference": f"Encounter/e{i - 1}"}}
        lines.append(encounter)
    for i in range(n // 2):
        when = MINUTE.format(1 + i // 1440, i // 60 % 24, i % 60)
        of = {"encounter": {"reference": f"Encounter/e{i}"}} if i % 2 else {}
        observation = {"resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/1"}, **of}
        observation |= {"code": {"text": "HR"}, "effectiveDateTime": when, "valueQuantity": {"value": 80}}
        lines.append(observation)
    return "\n".join(map(json.dumps, lines)).encode()


def patients_of_many_faces(n: int) -> bytes:
    """A third of the lines are versions of one patient and of one encounter, none of which is the newest."""
    lines = []
    for i in range(n // 3):
        born = f"{1900 + i % 100}-{1 + i // 100 % 12:02}-01"
        lines.append({"resourceType": "Patient", "id": "1", "birthDate": born})
        lines.append({"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/1"}})
        observation = {"resourceType": "Observation", "status": "final", "encounter": {"reference": "Encounter/e"}}
        observation |= {"code": {"text": "HR"}, "effectiveDateTime": "2026-01-01T00:00:00Z", "valueInteger": 80}
        lines.append({**observation, "subject": {"reference": f"Patient/{i}"}})
    return "\n".join(map(json.dumps, lines)).encode()


def test_results_of_hl7v2_that_say_the_same_are_taken_apart_once():
    head = "MSH|^~\\&|A|B|C|D|20260101120000||ORU^R01|1|P|2.5\rPID|1||100\rOBR|1|||panel|||20260101120000\r"
    few, many = (calls("a.hl7", (head + "OBX||NM|HR||60|/min|||||F\r" * n).encode()) for n in (10, 1010))
    assert (many - few) / 1000 < 14


@pytest.mark.parametrize(
    ("name", "make_file"), [("a.ndjson", encounters_of_one_patient), ("a.ndjson", patients_of_many_faces)]
)
def test_what_a_file_costs_grows_with_its_length_and_not_with_its_square(name, make_file):
    few, many = (calls(name, make_file(n)) for n in (600, 2400))
    assert many < 5 * few


def test_nothing_of_a_file_is_remembered_once_it_is_read():
    read_bytes("a.csv", make.WIDE.encode())
    refusal("b.csv", b"Erika Mustermann,80,37\nMax Mustermann,70,36\n")

    assert headers.known_feature.cache_info().currsize == 0
    assert headers._meaning.cache_info().currsize == 0


def names_and_units(n: int) -> bytes:
    """Each row of a long table has a variable and a unit that no other one has."""
    rows = [f"{i % 9},{i % 48},thing {i:x}zq,{i % 200} u{i:x}" for i in range(n)]
    return "\n".join(["record_id,time,variable,value", *rows]).encode()


def test_names_that_nobody_knows_are_looked_up_a_bounded_number_of_times():
    few, many = (calls("a.csv", names_and_units(n)) for n in (2_000, 8_000))

    assert (many - few) / 6_000 < 40
