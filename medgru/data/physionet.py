"""PhysioNet/CinC 2012 text files: `Time,Parameter,Value`, one file a stay.

All files are parsed in one go: their bytes are joined with the header lines left in, which then mark
where each file begins. `-1` means missing there, for every variable.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
from numpy.typing import NDArray

from medgru.data import names as roles
from medgru.data.delimited import read_delimited
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table, distinct, flat, stem

TIME, PARAMETER, VALUE, RECORD_ID = "Time", "Parameter", "Value", "RecordID"
_ROLES = {roles.RECORD_ID: RECORD_ID, roles.TIME: TIME, roles.VARIABLE: PARAMETER, roles.VALUE: VALUE}
KIND = "PhysioNet text"
_MISSING = -1.0
_HEADER = b"time,parameter,value"
_ODD_ID = re.compile(rb"recordid[^,\r\n]*,(?!(?:[1-9][0-9]{0,14})?(?:[\r\n]|\Z))")
"""In small letters, a RecordID that is not a plain whole number which a float holds exactly."""

_BOM = b"\xef\xbb\xbf"


def is_physionet(head: bytes) -> bool:
    """Whether the bytes begin with the header of such a file."""
    return head.removeprefix(_BOM)[: len(_HEADER) + 2].split(b"\n")[0].strip().lower() == _HEADER


def read_physionet(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """One table for all the files; a file that holds nothing or cannot be parsed is refused alone."""
    good = []
    for blob in blobs:
        if len(blob.data) < 100 and not bytes(blob.data).partition(b"\n")[2].strip():
            yield Refusal(blob.name, "holds the header line Time,Parameter,Value but no rows below it.")
        else:
            good.append(blob)
    if good:
        yield from _read_group(good)


def _read_group(blobs: list[Blob]) -> Iterator[Table | Refusal]:
    try:
        table = _parse(_join(blobs))
    except pa.ArrowInvalid:
        table = None
    if table is not None:
        parameter, names = distinct(table.column(1))
        markers = np.flatnonzero(_equals(parameter, names, PARAMETER))
        if len(markers) == len(blobs) and markers[0] == 0:
            yield _assemble(blobs, table, parameter, names, markers)
            return
    if len(blobs) > 1:  # something unusual in one of them: halves until it stands alone
        yield from _read_group(blobs[: len(blobs) // 2])
        yield from _read_group(blobs[len(blobs) // 2 :])
        return
    for found in read_delimited(blobs):
        yield _from_plain(blobs[0], found) if isinstance(found, Table) else found


def _join(blobs: list[Blob]) -> bytes:
    parts: list[bytes | memoryview] = []
    for blob in blobs:
        data = blob.data[3:] if bytes(blob.data[:3]) == _BOM else blob.data
        parts.append(data)
        if bytes(data[-1:]) != b"\n":
            parts.append(b"\n")
    return b"".join(parts)


def _parse(data: bytes) -> pa.Table:
    text = pa.dictionary(pa.int32(), pa.string())
    # As a number, 007 would become 7, 1.10 become 1.1, and two long identifiers one.
    value = pa.string() if _ODD_ID.search(data.lower()) else pa.float64()
    return csv.read_csv(
        pa.BufferReader(data),
        csv.ReadOptions(column_names=[TIME, PARAMETER, VALUE], block_size=1 << 24),
        csv.ParseOptions(newlines_in_values=False),
        csv.ConvertOptions(
            column_types={TIME: text, PARAMETER: text, VALUE: value}, null_values=["", "Value", "value", "VALUE"]
        ),
    )


def _equals(codes: NDArray[np.int32], names: list[str], wanted: str) -> NDArray[np.bool_]:
    hits = [i for i, name in enumerate(names) if name.lower() == wanted.lower()]
    return np.isin(codes, hits) if len(hits) > 1 else codes == (hits[0] if hits else -2)


def _assemble(
    blobs: list[Blob], table: pa.Table, parameter: NDArray[np.int32], names: list[str], markers: NDArray[np.int64]
) -> Table:
    """Drop the header and RecordID rows, and give each row its file, its row number and its stay."""
    total = table.num_rows
    sizes = np.diff(np.append(markers, total))
    member = np.repeat(np.arange(len(blobs), dtype=np.int32), sizes)
    is_id = _equals(parameter, names, RECORD_ID)
    id_rows = np.flatnonzero(is_id)
    stay_texts, stay = _stays(blobs, table, member, id_rows)
    kept = np.ones(total, dtype=bool)
    kept[markers] = False
    kept = np.flatnonzero(kept)
    member, stay, parameter = member[kept], stay[kept], parameter[kept]
    columns = {
        RECORD_ID: pa.DictionaryArray.from_arrays(pa.array(stay), pa.array(stay_texts, pa.string())),
        TIME: flat(table.column(0)).take(pa.array(kept)),
        **_measurements(parameter, names, is_id[kept], flat(table.column(2)).take(pa.array(kept))),
    }
    return Table(
        kind=KIND,
        names=tuple(blob.name for blob in blobs),
        data=pa.table(columns),
        member=member,
        row=kept - markers[member] + 1,
        sources=tuple(blob.source for blob in blobs),
        roles=_ROLES,
        missing=_MISSING,
        units_fixed=True,
    )


def _measurements(
    parameter: NDArray[np.int32], names: list[str], is_id: NDArray[np.bool_], value: pa.Array
) -> dict[str, pa.Array]:
    """Parameter and value columns, both empty in the RecordID rows: these only say that the stay exists."""
    nothing = is_id | (parameter < 0)
    codes = pa.array(parameter, mask=nothing)
    return {
        PARAMETER: pa.DictionaryArray.from_arrays(codes, pa.array(names, pa.string())),
        VALUE: pc.if_else(pa.array(is_id), pa.scalar(None, value.type), value),
    }


def _stays(
    blobs: list[Blob], table: pa.Table, member: NDArray[np.int32], id_rows: NDArray[np.int64]
) -> tuple[list[str], NDArray[np.int32]]:
    """Texts of the stays, and the stay of each row: the RecordID of its file, else the file's name.

    Where a file holds several identifiers, a row belongs to the one above it.
    """
    values = flat(table.column(2)).take(pa.array(id_rows))
    codes, texts = distinct(values)
    id_rows, codes = id_rows[codes >= 0], codes[codes >= 0]
    where = {text: i for i, text in enumerate(texts)}
    first = np.full(len(blobs), -1, dtype=np.int32)
    owner = member[id_rows]
    first[owner[::-1]] = codes[::-1]
    for i in np.flatnonzero(first < 0):
        first[i] = where.setdefault(stem(blobs[i].name), len(where))
    stay = first[member]
    if len(np.unique(owner)) < len(owner):  # several identifiers in one file
        last = np.searchsorted(id_rows, np.arange(len(member)), side="right") - 1
        same_file = (last >= 0) & (owner[last] == member)
        stay = np.where(same_file, codes[last], stay).astype(np.int32)
    return list(where), stay


def _from_plain(blob: Blob, table: Table) -> Table:
    """A table read the forgiving way (ragged rows, odd encoding), with its RecordID rows taken out."""
    parameter, names = distinct(table.data.column(1))
    is_header = _equals(parameter, names, PARAMETER)
    rows = np.arange(len(table)) + 2 if table.row is None else table.row
    data = table.data.select([0, 1, 2]).rename_columns([TIME, PARAMETER, VALUE])
    is_id = _equals(parameter, names, RECORD_ID)
    texts, stay = _stays([blob], data, table.members, np.flatnonzero(is_id))
    kept = np.flatnonzero(~is_header)
    part = data.take(pa.array(kept))
    columns = {
        RECORD_ID: pa.DictionaryArray.from_arrays(pa.array(stay[kept]), pa.array(texts, pa.string())),
        TIME: flat(part.column(0)),
        **_measurements(parameter[kept], names, is_id[kept], flat(part.column(2))),
    }
    row = rows[kept]
    return replace(table, kind=KIND, data=pa.table(columns), row=row, roles=_ROLES, missing=_MISSING, units_fixed=True)
