"""Parquet files through pyarrow."""

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medgru.data.delimited import MAX_COLUMNS
from medgru.data.source import Blob, Refusal
from medgru.data.table import TABLE, Table, unique_headers
from medgru.settings import settings

DAMAGED = (pa.ArrowException, OSError, ValueError, MemoryError, UnicodeDecodeError, RuntimeError)
"""What pyarrow raises on files that are not what they declare."""

DAMAGED_PROBLEM = "is damaged or was cut off: its end is missing. Export or download it again."

_MAGIC = b"PAR1"


def is_parquet(data: bytes) -> bool:
    """Whether the bytes begin as a Parquet file does."""
    return data.startswith(_MAGIC)


def read_parquet(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """One table a file; columns of lists and records are left out."""
    for blob in blobs:
        try:
            yield _read(blob)
        except DAMAGED:
            yield Refusal(blob.name, DAMAGED_PROBLEM)


def checked_table(blob: Blob, wanted: Sequence[str] | None = None) -> pa.Table | Refusal:
    """The columns of a file, all or those wanted, once what it declares was found small enough to be read.

    Raises:
        pa.ArrowException, OSError, ValueError, MemoryError: The file is damaged.
    """
    schema = pq.read_schema(pa.BufferReader(blob.data))
    # Text as codes of distinct values: one long text repeated by reference must not be written out.
    texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    file = pq.ParquetFile(pa.BufferReader(blob.data), read_dictionary=texts)
    meta = file.metadata
    limit = settings().max_unpacked_mb
    size = _unpacked_size(meta, wanted)
    if size > limit << 20 or meta.num_rows > settings().max_rows:
        return Refusal(
            blob.name,
            f"holds {meta.num_rows:,} rows ({size >> 20:,} MB unpacked); at most {settings().max_rows:,} rows and "
            f"{limit} MB are read at once. Split it.",
        )
    if not meta.num_rows:
        return Refusal(blob.name, "holds column names but no rows below them.")
    if meta.num_columns > MAX_COLUMNS:
        return Refusal(blob.name, f"has {meta.num_columns:,} columns; at most {MAX_COLUMNS:,} can be read.")
    if meta.num_rows * (meta.num_columns if wanted is None else len(wanted)) > 40 * settings().max_rows:
        return Refusal(blob.name, "holds too many cells to be read at once. Split it.")
    data = file.read(columns=None if wanted is None else list(wanted), use_threads=False)
    data.validate(full=True)  # codes without a text and text that is no UTF-8 would surface only later
    return data


def _unpacked_size(meta: pq.FileMetaData, wanted: Sequence[str] | None) -> int:
    groups = [meta.row_group(i) for i in range(meta.num_row_groups)]
    if wanted is None:
        return sum(group.total_byte_size for group in groups)
    chunks = (group.column(c) for group in groups for c in range(group.num_columns))
    return sum(c.total_uncompressed_size for c in chunks if c.path_in_schema.split(".")[0] in wanted)


def _read(blob: Blob) -> Table | Refusal:
    data = checked_table(blob)
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
