"""The process that unpacks Parquet files: pyarrow ends it on some damaged ones, and a small file can claim gigabytes.

`medgru.data.parquet` runs this file by its path and imports of it only names, so that it starts without the rest of
MedGRU. A request is a line of JSON (`Request`) and the file's bytes. The reply is a line of JSON, either
`{"problem": ...}`, or `{"size": n}` and n bytes of an Arrow stream.
"""

import json
import sys
from dataclasses import asdict, dataclass
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

try:
    import resource
except ImportError:  # Windows has no such limits; a file that ends pyarrow still ends only this process
    resource = None  # type: ignore[assignment]

DAMAGED = (pa.ArrowException, OSError, ValueError, RuntimeError, MemoryError)
"""What pyarrow raises on files that are not what they declare."""

DAMAGED_PROBLEM = "is damaged or was cut off: its end is missing. Export or download it again."

_MEMORY = 1 << 30
_SECONDS = 30


@dataclass(frozen=True)
class Request:
    """What is wanted of a file, and how much of it is read at most.

    Attributes:
        size: Bytes of the file, which follow.
        wanted: The columns to read; None for all.
        max_rows: Most rows.
        max_columns: Most columns.
        max_cells: Most cells, rows times columns.
        max_mb: Most MiB once unpacked.
    """

    size: int
    wanted: list[str] | None
    max_rows: int
    max_columns: int
    max_cells: int
    max_mb: int

    def line(self) -> bytes:
        """As one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"


class TooMuchError(Exception):
    """The file holds more than is read; the message says what, without the file's name."""


def unpacked(data: bytes | memoryview, request: Request) -> pa.Table:
    """The columns that are wanted, text as codes of distinct values where pyarrow can.

    Raises:
        TooMuchError: It holds more than is allowed, or nothing.
        pa.ArrowException, OSError, ValueError, RuntimeError: The file is damaged.
        MemoryError: It unpacks to more than this process may take.
    """
    schema = pq.read_schema(pa.BufferReader(data))
    meta = pq.read_metadata(pa.BufferReader(data))
    if meta.num_rows > request.max_rows:
        raise TooMuchError(
            f"holds {meta.num_rows:,} rows; at most {request.max_rows:,} rows are read at once. Split it."
        )
    if request.wanted is None:  # what single columns declare cannot be asked: pyarrow ends the process on some
        declared = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
        if declared > request.max_mb << 20:
            raise TooMuchError(_too_large(request))
    if not meta.num_rows:
        raise TooMuchError("holds column names but no rows below them.")
    if meta.num_columns > request.max_columns:
        raise TooMuchError(f"has {meta.num_columns:,} columns; at most {request.max_columns:,} can be read.")
    width = meta.num_columns if request.wanted is None else len(request.wanted)
    if meta.num_rows * width > request.max_cells:
        raise TooMuchError("holds too many cells to be read at once. Split it.")
    # One long text repeated by reference must not be written out.
    texts = [f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type)]
    try:
        table = _read(data, request, texts)
    except OSError as error:
        if not str(error).startswith("Not yet implemented"):
            raise
        table = _read(data, request, [])  # text of this encoding (DELTA_BYTE_ARRAY) is read only as text
    table.validate(full=True)  # codes without a text and text that is no UTF-8 would surface only later
    if table.nbytes > request.max_mb << 20:  # files declare what they like
        raise TooMuchError(_too_large(request))
    return table


def _read(data: bytes | memoryview, request: Request, as_codes: list[str]) -> pa.Table:
    file = pq.ParquetFile(pa.BufferReader(data), read_dictionary=as_codes)
    return file.read(columns=request.wanted, use_threads=False)


def _too_large(request: Request) -> str:
    return f"unpacks to more than the {request.max_mb} MB that are read at once. Split it."


def _reply(request: Request, data: bytes) -> tuple[dict[str, str | int], pa.Buffer | None]:
    try:
        out = pa.BufferOutputStream()
        table = unpacked(data, request)
        with pa.ipc.new_stream(out, table.schema) as stream:
            stream.write_table(table)
        content = out.getvalue()
        return {"size": content.size}, content
    except TooMuchError as problem:
        return {"problem": str(problem)}, None
    except MemoryError:
        return {"problem": _too_large(request)}, None
    except DAMAGED:
        return {"problem": DAMAGED_PROBLEM}, None


def _limit(size: int) -> None:
    """At most `_MEMORY` beside the file itself, and `_SECONDS` more, for this process."""
    if resource is None:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime) + _SECONDS
    for kind, most in ((resource.RLIMIT_DATA, _MEMORY + size), (resource.RLIMIT_CPU, seconds)):
        _, highest = resource.getrlimit(kind)
        if highest == resource.RLIM_INFINITY or most < highest:
            resource.setrlimit(kind, (most, highest))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold patients


def _serve(requests: BinaryIO, replies: BinaryIO) -> None:
    while line := requests.readline():
        request = Request(**json.loads(line))
        _limit(request.size)
        head, content = _reply(request, requests.read(request.size))
        replies.write(json.dumps(head).encode() + b"\n")
        if content is not None:
            replies.write(content)
        replies.flush()


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer)
