"""Parquet files through pyarrow, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc

from medgru.data import parquet_process
from medgru.data.delimited import MAX_COLUMNS
from medgru.data.parquet_process import DAMAGED, DAMAGED_PROBLEM, Request
from medgru.data.source import Blob, Refusal
from medgru.data.table import TABLE, Table, unique_headers
from medgru.settings import settings

_MAGIC = b"PAR1"

_ENDED = "cannot be unpacked: it is damaged, or holds far more than can be read at once. Export it again."


def is_parquet(data: bytes) -> bool:
    """Whether the bytes begin as a Parquet file does."""
    return data.startswith(_MAGIC)


def read_parquet(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """One table a file; columns of lists and records are left out."""
    with ParquetProcess() as process:
        for blob in blobs:
            try:
                yield _read(blob, process)
            except DAMAGED:
                yield Refusal(blob.name, DAMAGED_PROBLEM)


class ParquetProcess:
    """A process that unpacks Parquet files, started with the first: what a file does to it stays there.

    Not for two threads at once.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def table(self, blob: Blob, wanted: Sequence[str] | None = None) -> pa.Table | Refusal:
        """The columns of a file, all or those wanted, text as codes of distinct values where pyarrow can."""
        limits = settings()
        request = Request(
            size=len(blob.data),
            wanted=None if wanted is None else list(wanted),
            max_rows=limits.max_rows,
            max_columns=MAX_COLUMNS,
            max_cells=40 * limits.max_rows,
            max_mb=limits.max_unpacked_mb,
        )
        if self._process is None:
            self._process = _start()
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None
        assert replies is not None
        try:
            requests.write(request.line())
            requests.write(blob.data)
            requests.flush()
            reply = json.loads(replies.readline())
            if "problem" in reply:
                return Refusal(blob.name, reply["problem"])
            content = replies.read(reply["size"])
        except (OSError, ValueError):  # the process has ended, over its limits or in pyarrow
            self._end()
            return Refusal(blob.name, _ENDED)
        return pa.ipc.open_stream(pa.py_buffer(content)).read_all()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _start() -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603  # our own interpreter and file
        [sys.executable, "-I", str(Path(parquet_process.__file__))],
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},  # the others reserve more than they use
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _read(blob: Blob, process: ParquetProcess) -> Table | Refusal:
    data = process.table(blob)
    if isinstance(data, Refusal):
        return data
    names, _ = unique_headers(data.column_names)
    columns: dict[str, pa.ChunkedArray] = {}
    left_out = []
    for name, column in zip(names, data.columns, strict=True):
        plain = _plain(column)
        if plain is None:
            left_out.append(name)
        else:
            columns[name] = plain
    if len(columns) < 2:
        return Refusal(blob.name, "holds fewer than two columns of text or numbers.")
    notes = (f"{blob.name}: {len(left_out)} columns hold lists or records and were left out.",) if left_out else ()
    in_utc = {n: True for n, c in zip(names, data.columns, strict=True) if n in columns and _has_zone(c.type)}
    return Table(TABLE, (blob.name,), pa.table(columns), None, None, (blob.source,), notes=notes, in_utc=in_utc)


def _has_zone(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) and kind.tz is not None


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """Text, float64 or timestamp; None for what is none of these."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type):
            return column.cast(pa.dictionary(pa.int32(), pa.string()))
        return _plain(column.cast(kind.value_type))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_integer(kind):
        # Beyond 2^53 a float would merge two identifiers.
        ends = pc.min_max(column).as_py()
        large = max(abs(ends["min"] or 0), abs(ends["max"] or 0)) > 2**53
        return column.cast(pa.string() if large else pa.float64())
    if pa.types.is_boolean(kind):
        return column.cast(pa.int8()).cast(pa.float64())
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", tz=kind.tz), safe=False).cast(pa.timestamp("us"), safe=False)
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("us"), safe=False)
    if pa.types.is_duration(kind):
        seconds = column.cast(pa.duration("us"), safe=False).cast(pa.int64())
        return pc.binary_join_element_wise(pc.divide(seconds, 3_600_000_000).cast(pa.string()), _clock(seconds), ":")
    if pa.types.is_time(kind):
        return column.cast(pa.string())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return column.cast(pa.string())
    if pa.types.is_null(kind):
        return column.cast(pa.string())
    return None


def _clock(microseconds: pa.ChunkedArray) -> pa.ChunkedArray:
    """Minutes and seconds of durations, as "05:30"."""
    seconds = pc.divide(microseconds, 1_000_000)
    minutes = pc.subtract(pc.divide(seconds, 60), pc.multiply(pc.divide(seconds, 3600), 60))
    rest = pc.subtract(seconds, pc.multiply(pc.divide(seconds, 60), 60))
    minutes, rest = (pc.utf8_lpad(part.cast(pa.string()), 2, "0") for part in (minutes, rest))
    return pc.binary_join_element_wise(minutes, rest, ":")
