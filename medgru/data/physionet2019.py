"""PhysioNet/CinC 2019 files (early sepsis): hourly rows between vertical bars, one file a patient.

Reyna et al., Crit Care Med 2020;48:210-217. The name of the file names the patient, ICULOS counts the hours in
intensive care, and SepsisLabel is the outcome of each hour. The units are those of the challenge, which are the
features' own; FiO2 is a fraction there, whatever its documentation says of percent.

All files are parsed in one go as numbers, without their header lines.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv

from medgru.data.delimited import read_delimited
from medgru.data.names import RECORD_ID, TIME
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table, flat, stem
from medgru.data.words import counted

KIND = "PhysioNet 2019"
ICULOS, UNIT_1, UNIT_2, ICU_TYPE = "ICULOS", "Unit1", "Unit2", "ICUType"
_FIRST = b"hr|o2sat|temp|sbp|map|dbp|resp|"
_MEDICAL, _SURGICAL = 3.0, 4.0
"""Codes of `ICUType` for patients of Unit1 (medical ICU) and Unit2 (surgical ICU)."""

_MISSING = ["", "NaN", "nan", "NA", "NULL"]
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class _Patient:
    """A file split into its header and its rows."""

    blob: Blob
    header: tuple[str, ...]
    rows: bytes


def is_physionet_2019(head: bytes) -> bool:
    """Whether the bytes begin with the header of such a file."""
    first = head.removeprefix(_BOM).split(b"\n")[0].strip().lower()
    return first.startswith(_FIRST) and b"|iculos" in first


def read_physionet_2019(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """One table for all files with one header (with or without SepsisLabel); a file without rows is refused alone."""
    groups: dict[tuple[str, ...], list[_Patient]] = {}
    for blob in blobs:
        header, _, rows = bytes(blob.data).removeprefix(_BOM).partition(b"\n")
        if not rows.strip():
            yield Refusal(blob.name, "holds column names but no rows below them.")
            continue
        names = tuple(name.strip() for name in header.decode("utf-8", "replace").split("|"))
        # A file that was cut off, or written by hand, may lack its last line end.
        groups.setdefault(names, []).append(_Patient(blob, names, rows if rows.endswith(b"\n") else rows + b"\n"))
    ids = _Identifiers()
    for patients in groups.values():
        yield from _read_group(patients, ids)


class _Identifiers:
    """Patients named after their files; files of one name in different folders are different patients."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}

    def of(self, blobs: Sequence[Blob]) -> list[str]:
        names = []
        for name in (stem(blob.name) for blob in blobs):
            self.taken[name] = self.taken.get(name, 0) + 1
            names.append(name if self.taken[name] == 1 else f"{name} ({self.taken[name]})")
        return names


def _read_group(patients: list[_Patient], ids: _Identifiers) -> Iterator[Table | Refusal]:
    table = _parse(patients)
    if table is not None:
        member = np.repeat(np.arange(len(patients), dtype=np.int32), [p.rows.count(b"\n") for p in patients])
        first = np.searchsorted(member, np.arange(len(patients)))
        yield _finish(
            Table(
                KIND,
                tuple(p.blob.name for p in patients),
                table,
                member,
                np.arange(len(member)) - first[member] + 2,
                tuple(p.blob.source for p in patients),
            ),
            ids.of([p.blob for p in patients]),
        )
    elif len(patients) > 1:  # something unusual in one of them: halves until it stands alone
        yield from _read_group(patients[: len(patients) // 2], ids)
        yield from _read_group(patients[len(patients) // 2 :], ids)
    else:
        for found in read_delimited([patients[0].blob]):
            if isinstance(found, Table) and ICULOS in found.columns:
                yield _finish(replace(found, kind=KIND), ids.of([patients[0].blob]))
            else:
                yield found


def _parse(patients: list[_Patient]) -> pa.Table | None:
    """The rows of all files as numbers; None where something in them is no number, or a line is unlike the others."""
    header = patients[0].header
    if len(set(header)) < len(header) or ICULOS not in header:
        return None
    joined = b"".join(p.rows for p in patients)
    try:
        table = csv.read_csv(
            pa.BufferReader(joined),
            csv.ReadOptions(column_names=list(header), block_size=1 << 24),
            csv.ParseOptions(delimiter="|", quote_char=False, newlines_in_values=False),
            csv.ConvertOptions(column_types=dict.fromkeys(header, pa.float64()), null_values=_MISSING),
        )
    except pa.ArrowInvalid:
        return None
    return table if table.num_rows == joined.count(b"\n") else None  # blank lines would shift the patients


def _finish(table: Table, ids: list[str]) -> Table:
    """Add who each row is of and, where the file says in which unit, the type of the unit."""
    data = table.data
    columns: dict[str, pa.Array | pa.ChunkedArray] = {
        RECORD_ID: pa.DictionaryArray.from_arrays(pa.array(table.members), pa.array(ids, pa.string()))
    }
    columns |= {name: data.column(name) for name in table.columns}
    notes = list(table.notes)
    if {UNIT_1, UNIT_2} <= set(table.columns) and ICU_TYPE not in table.columns:
        icu_type = _icu_type(data)
        columns[ICU_TYPE] = pa.array(icu_type, from_pandas=True)
        known = len(np.unique(table.members[~np.isnan(icu_type)]))
        if known:
            notes.append(
                f"The type of unit was taken from Unit1 (medical) and Unit2 (surgical) of {counted(known, 'file')}."
            )
    return replace(
        table,
        data=pa.table(columns),
        notes=tuple(notes),
        roles={RECORD_ID: RECORD_ID, TIME: ICULOS},
        units_fixed=True,
    )


def _icu_type(data: pa.Table) -> np.ndarray:
    """Code of the unit of each row, NaN where neither or both units are marked."""
    medical, surgical = (_is_one(data.column(name)) for name in (UNIT_1, UNIT_2))
    return np.select([medical & ~surgical, surgical & ~medical], [_MEDICAL, _SURGICAL], np.nan)


def _is_one(column: pa.ChunkedArray) -> np.ndarray:
    cells = flat(column)
    if pa.types.is_floating(cells.type):
        return cells.to_numpy(zero_copy_only=False) == 1
    return np.array([text is not None and text.strip() in ("1", "1.0") for text in cells.to_pylist()], dtype=bool)
