"""Large plain tables parsed as numbers at once, which is several times as fast as text first.

Only where nothing can go wrong: the table has its names in row 1, no quotes and no blank lines, and a column is read as
numbers only if its name says that it holds a variable, the time or the values of a long table (an identifier must stay
text: 007 is not 7, and 1.10 is not 1.1). Whatever else turns up further down ends the attempt, and the table is read as
text.
"""

import os
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv

from medgru.data.headers import known_feature
from medgru.data.names import RECORD_ID, TIME, UNIT, VALUE, VARIABLE, match_role
from medgru.data.table import flat

FROM_BYTES = 2 << 20
"""Smaller files are read fast enough as text."""

_BLOCK = 2 << 20
_HEADER_BYTES = 1 << 20
_REPEATED = (RECORD_ID, VARIABLE, UNIT)
_TEXTS = pa.dictionary(pa.int32(), pa.string())
_SAMPLES, _SAMPLE_BYTES = 8, 8 << 10
_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+\s*")
"""How a whole table writes its numbers is found out from text."""
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?")


def parse_typed(data: bytes | memoryview, delimiter: str, names: Sequence[str], lines: int) -> pa.Table | None:
    """The rows below row 1, columns of numbers as float64, others as text.

    Args:
        data: UTF-8 without a quote, with the names in its first line.
        delimiter: Between the cells.
        names: Of the columns, unique.
        lines: How many lines there are.

    Returns:
        None where the table is small, or is not as plain as that.
    """
    if len(data) < FROM_BYTES:
        return None
    sample = _sampled(data, delimiter, len(names))
    if sample is None or any(_COMMA.fullmatch(cell) for cells in sample for cell in cells):
        return None
    is_long = any(_role(name) == VARIABLE for name in names)
    types = {
        name: pa.float64() if _is_numeric(name, cells, is_long) else _TEXTS if _role(name) in _REPEATED else pa.string()
        for name, cells in zip(names, sample, strict=True)
    }
    # OMP_NUM_THREADS is meant for torch; Arrow takes it for itself too.
    pa.set_cpu_count(max(pa.cpu_count(), os.cpu_count() or 1))
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(column_names=list(names), skip_rows_after_names=1, block_size=_BLOCK),
            csv.ParseOptions(delimiter=delimiter, newlines_in_values=False),
            # Empty cells are nothing; "NaN" is a word that is counted, and is left to the other way.
            csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != lines - 1:  # blank lines
        return None
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        columns = list(pool.map(_joined, table.columns))
    return None if any(column is None for column in columns) else pa.table(columns, names=list(names))


def _joined(column: pa.ChunkedArray) -> pa.Array | None:
    """The column in one piece; None where a number is not one."""
    if column.null_count or not pa.types.is_floating(column.type):
        array = flat(column)
        return None if pa.types.is_floating(array.type) and pc.any(pc.is_nan(array)).as_py() else array
    whole, end = np.empty(len(column)), 0
    for chunk in column.chunks:  # each is looked at while it is in the core's cache
        value = chunk.to_numpy()
        if np.isnan(value.min(initial=0.0)):
            return None
        end += len(value)
        whole[end - len(value) : end] = value
    return pa.array(whole)


def _sampled(data: bytes | memoryview, delimiter: str, width: int) -> list[set[str]] | None:
    """What stands in some cells of each column, from all over the file; None where a row has other than so many."""
    rows: list[list[str]] = []
    below = bytes(data[:_HEADER_BYTES]).find(b"\n") + 1
    for start in np.linspace(below, max(len(data) - _SAMPLE_BYTES, 1), _SAMPLES).astype(int):
        lines = bytes(data[start : start + _SAMPLE_BYTES]).split(b"\n")[1 if rows else 0 : -1]
        rows += [line.rstrip(b"\r").decode("utf-8", "replace").split(delimiter) for line in lines]
    if not rows or any(len(row) != width for row in rows):
        return None
    return [set(cells) for cells in zip(*rows, strict=True)]


def _is_numeric(name: str, cells: Iterable[str], is_long: bool) -> bool:
    """Whether a column can only be numbers, by its name and by some of its cells."""
    filled = [cell for cell in cells if cell]
    if not filled or not all(map(_PLAIN.fullmatch, filled)):
        return False
    role = _role(name)
    if role is not None:
        return role == TIME or (role == VALUE and is_long)
    return known_feature(name) is not None


def _role(name: str) -> str | None:
    found = match_role(name)
    return None if found is None else found[0]
