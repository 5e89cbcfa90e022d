"""Archives and Parquet with damage in single fields: each ends at once, in a sentence."""

import importlib.util
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from medgru.data import Source, build, inspect
from medgru.data.parquet_process import DAMAGED, Request, TooMuchError, unpacked
from medgru.errors import DataError
from medgru.tasks import ICU_MORTALITY

_spec = importlib.util.spec_from_file_location("make_bad_files", Path(__file__).parent / "data" / "make.py")
assert _spec is not None
assert _spec.loader is not None
make = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(make)


def refusal(name: str, data: bytes) -> str:
    """The words with which a file is refused, "" where it loads; any other exception is a failure."""
    try:
        inspection = inspect([Source(name, data)], ICU_MORTALITY)
        build(inspection, inspection.mapping)
    except DataError as error:
        return str(error)
    return ""


def tar_header(name: bytes, size: bytes, kind: bytes) -> bytes:
    head = bytearray(512)
    head[: len(name)], head[124 : 124 + len(size)], head[156:157], head[257:265] = name, size, kind, b"ustar\x0000"
    head[148:156] = b"%06o\0 " % (sum(head) + 8 * 32)
    return bytes(head)


@pytest.mark.parametrize("kind", [b"0", b"5", b"x", b"L", b"K", b"g", b"S", b"7"])
@pytest.mark.parametrize("size", [b"-0000001000", b"-0000000001", b"\xff" * 12])
def test_a_tar_member_of_negative_size_is_refused_at_once(kind, size):
    good = tar_header(b"a.csv", b"%011o" % len(make.WIDE), b"0") + make.WIDE.encode().ljust(512, b"\0")
    for data in (tar_header(b"x.csv", size, kind), good + tar_header(b"x.csv", size, kind), good * 2):
        refusal("a.tar", data + bytes(1024))
    assert refusal("a.tar", good + bytes(1024)) == ""
    assert refusal("a.tar", good + tar_header(b"x.csv", size, b"0") + bytes(1024))


def test_a_walk_over_a_tar_stops_at_the_most_files_allowed(monkeypatch):
    monkeypatch.setattr("medgru.data.archives.MAX_FILES", 3)

    message = refusal("a.tar", make.tar_of({f"{i}.csv": make.WIDE.encode() for i in range(9)}))

    assert message == "a.tar holds more than 3 files. Split it."


@pytest.mark.parametrize("damage", [OSError, ValueError, UnicodeDecodeError("utf-8", b"x", 0, 1, "bad")])
def test_whatever_the_unpacker_stumbles_over_is_damage(monkeypatch, damage):
    def stumble(*_):
        raise damage

    monkeypatch.setattr(zipfile.ZipFile, "read", stumble)

    assert (
        refusal("a.zip", make.zip_of({"good.csv": make.WIDE.encode()}))
        == "a.zip is damaged or was cut off. Download or export it again."
    )


def test_parquet_of_broken_text_is_refused():
    wide, raw = pa.Table.from_pandas(make.good_table()), pa.array([b"\xff\xfe"] * 2, pa.binary())
    for column in (raw, pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())):
        out = io.BytesIO()
        pq.write_table(wide.slice(0, 2).set_column(0, "record_id", column), out)
        assert refusal("a.parquet", out.getvalue()).startswith("a.parquet is damaged")


def test_parquet_with_codes_beyond_its_texts_is_refused(monkeypatch):
    beyond = pa.DictionaryArray.from_arrays(pa.array([0, 7], pa.int32()), pa.array(["a"]), safe=False)
    damaged = pa.table({"record_id": beyond, "time": [1.0, 2.0], "HR": [80.0, 81.0]})
    monkeypatch.setattr(pq.ParquetFile, "read", lambda *_, **__: damaged)
    request = Request(size=0, wanted=None, max_rows=1000, max_columns=10, max_cells=1000, max_mb=1)

    with pytest.raises(DAMAGED, match="out of bounds"):
        unpacked(make.parquet_of(make.good_table()), request)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no limit to the memory of a process")
def test_parquet_that_unpacks_to_gigabytes_ends_its_own_process_alone():
    """1,500 bytes: each text is said to be the one before with other letters at its end."""
    notes = pa.array(["x" * 1_000_000 + str(i) for i in range(20)]).take(pa.array(np.arange(400) % 20))
    table, bomb = pa.table({"note": notes}), io.BytesIO()
    how = {"use_dictionary": False, "column_encoding": {"note": "DELTA_BYTE_ARRAY"}, "write_statistics": False}
    with pq.ParquetWriter(bomb, table.schema, compression="zstd", **how) as writer:
        for _ in range(4):
            writer.write_table(table)
    good = make.parquet_of(make.good_table())

    inspection = inspect([Source("bomb.parquet", bomb.getvalue()), Source("good.parquet", good)], ICU_MORTALITY)

    assert [r.file for r in inspection.refused] == ["bomb.parquet"]
    assert "at once" in inspection.refused[0].problem
    assert len(build(inspection, inspection.mapping)) == make.good_table()["record_id"].nunique()


def test_parquet_with_text_as_differences_is_read():
    table, out = pa.Table.from_pandas(make.good_table()), io.BytesIO()
    pq.write_table(table, out, use_dictionary=False, column_encoding={"record_id": "DELTA_BYTE_ARRAY"})
    assert refusal("a.parquet", out.getvalue()) == ""


def test_parquet_that_understates_its_size_is_refused():
    table = pa.table({"record_id": ["a", "b"], "time": [0.0, 1.0], "HR": [80.0, 81.0], "note": ["x" * (9 << 20), "y"]})
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", use_dictionary=False, write_statistics=False)
    request = Request(size=0, wanted=["note"], max_rows=9, max_columns=9, max_cells=99, max_mb=8)

    with pytest.raises(TooMuchError, match="unpacks to more than the 8 MB"):
        unpacked(out.getvalue(), request)
