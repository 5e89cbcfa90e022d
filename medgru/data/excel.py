"""Workbooks (.xlsx, .xlsm, .xls) through calamine: each sheet is a table.

calamine holds a sheet as a full rectangle, so that two cells in far corners would fill any memory: how
far the cells of a sheet reach is read from its XML before calamine sees it.
"""

import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from medgru.data.archives import check_zip
from medgru.data.delimited import MAX_COLUMNS
from medgru.data.headers import SNIFFED_ROWS, find_header
from medgru.data.source import Blob, Refusal
from medgru.data.table import TABLE, Table, unique_headers
from medgru.data.tidy import tidy, with_record_id
from medgru.errors import DataError, UnsafeFileError
from medgru.settings import settings

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DAMAGED = "is damaged, was cut off, or is locked with a password. Open it in Excel and save it again."
_BLOCK = 4 << 20
_WORKBOOKS = {"xl/workbook.xml", "xl/workbook.bin"}
_Merged = tuple[tuple[int, int], tuple[int, int]]
MAX_SHEETS = 100
MAX_CELLS = 5_000_000
"""Most cells of one sheet: a cell costs about 100 bytes once read."""

_REFERENCE = re.compile(rb"\sr=[\"']([A-Z]{0,3})([0-9]{1,7})[\"']")


def is_excel(data: bytes) -> bool:
    """Whether the bytes are a workbook and not just a zip."""
    if data.startswith(_OLE):
        return True
    if not data.startswith(b"PK\x03\x04"):
        return False
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, OverflowError, NotImplementedError):
        return b"xl/workbook" in data or b"[Content_Types].xml" in data[:200]
    return bool(names & _WORKBOOKS) or {"content.xml", "mimetype"} <= names


def read_excel(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """One table a sheet; empty sheets are passed over, sheets without a table are refused."""
    for blob in blobs:
        try:
            yield from _read_workbook(blob)
        except DataError as error:
            yield Refusal(blob.name, str(error).removeprefix(blob.name).strip(), isinstance(error, UnsafeFileError))


def _read_workbook(blob: Blob) -> Iterator[Table | Refusal]:
    data = bytes(blob.data)
    try:
        if not data.startswith(_OLE):
            too_far = _check_reach(blob.name, data)
            if too_far:
                yield Refusal(blob.name, too_far)
                return
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(data))
        sheets = workbook.sheet_names[:MAX_SHEETS]
    except (
        CalamineError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ):
        yield Refusal(blob.name, _DAMAGED)
        return
    anything = False
    for sheet in sheets:
        name = f"{blob.name} › {sheet}" if len(sheets) > 1 else blob.name
        try:
            page = workbook.get_sheet_by_name(sheet)
            if page.height * page.width > MAX_CELLS:
                yield Refusal(
                    name,
                    f"has {page.height:,} rows and {page.width:,} columns, too many for a workbook. "
                    "Save the sheet as CSV.",
                )
                anything = True
                continue
            start = page.start or (0, 0)
            rows = page.to_python(skip_empty_area=True)
        except (CalamineError, OSError, ValueError, OverflowError):
            yield Refusal(name, _DAMAGED)
            anything = True
            continue
        if any(any(cell != "" for cell in row) for row in rows):
            anything = True
            yield _sheet(name, rows, start[0], _merged(page, start), blob.source)
    if not anything:
        yield Refusal(blob.name, "holds no filled sheet. Check that you saved the right workbook.")


def _merged(page: CalamineSheet, start: tuple[int, int]) -> list[_Merged]:
    """Cells that the sheet shows as one, counted from its first filled cell; of .xlsb and .ods nothing is known."""
    row, column = start
    ranges = page.merged_cell_ranges or []
    return [((a - row, b - column), (c - row, d - column)) for (a, b), (c, d) in ranges]


def _check_reach(name: str, data: bytes) -> str:
    """Why a zipped workbook is better not opened, "" where nothing speaks against it."""
    with check_zip(name, data, settings().max_unpacked_mb // 2) as archive:
        if "xl/workbook.xml" not in archive.namelist():
            return "is a workbook of a kind that cannot be read. Open it in Excel or LibreOffice and save it as .xlsx."
        for member in archive.namelist():
            if member.startswith("xl/worksheets/") and member.endswith(".xml"):
                width, height = _reach(archive.read(member))
                if width * height > MAX_CELLS:
                    return (
                        f"has a sheet that reaches to row {height:,} and column {width:,}, too far to be opened. "
                        "Delete the stray cells, or save the sheet as CSV."
                    )
    return ""


def _reach(xml: bytes) -> tuple[int, int]:
    """Highest column and row that a cell of a sheet names."""
    width = height = 1
    for at in range(0, len(xml), _BLOCK):
        found = set(_REFERENCE.findall(xml[at : at + _BLOCK + 64]))  # a reference may lie across the end of a block
        width = max([width, *(_column_number(letters) for letters in {letters for letters, _ in found})])
        height = max([height, *(int(row) for _, row in found)])
    return width, height


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _sheet(name: str, rows: list[list], above: int, merged: Sequence[_Merged], source: int) -> Table | Refusal:
    head = [[_text(cell) or "" for cell in row] for row in rows[:SNIFFED_ROWS]]
    found = find_header(head, merged)
    header = [cell.strip() for cell in found.names]
    at = above + found.last + 1
    if sum(bool(cell) for cell in header) < 2:
        return Refusal(name, f"holds no table: row {at} does not name at least two columns.")
    if len(header) > MAX_COLUMNS:
        return Refusal(name, f"has {len(header):,} columns; at most {MAX_COLUMNS:,} can be read.")
    body = rows[found.last + 1 :]
    filled = [i for i, row in enumerate(body) if any(cell != "" for cell in row)]
    if not filled:
        return Refusal(name, f"holds column names (row {at}) but no rows below them.")
    names, changed = unique_headers(header)
    columns = {names[c]: _column([body[i][c] for i in filled]) for c in range(len(names))}
    notes = [note] if (note := found.note(name, above)) else []
    if changed:
        notes.append(f"{name}: the column name {', '.join(sorted(set(changed)))} occurs more than once.")
    row = np.array(filled, dtype=np.int64) + at + 1
    table = Table(TABLE, (name,), pa.table(columns), None, row, (source,), notes=tuple(notes))
    table = tidy(table, [cell.strip() for cell in head[found.first + (found.first == found.units)]])
    if not len(table):
        return Refusal(name, f"holds column names (row {at}) but no rows below them.")
    return with_record_id(table, found.record_id)


def _column(cells: list) -> pa.Array:
    """Numbers, timestamps or text, whichever the cells are; mixed cells become text."""
    kinds = {type(cell) for cell in cells if cell != ""}
    if kinds <= {float, int, bool}:
        return pa.array([None if cell == "" else float(cell) for cell in cells], pa.float64())
    if kinds <= {dt.datetime, dt.date} and all(_is_storable(cell) for cell in cells if cell != ""):
        return pa.array([None if cell == "" else _moment(cell) for cell in cells], pa.timestamp("us"))
    return pa.array([_text(cell) for cell in cells], pa.string())


def _is_storable(cell: dt.date) -> bool:
    return 1678 <= cell.year <= 2261


def _moment(cell: dt.date) -> dt.datetime:
    return cell if isinstance(cell, dt.datetime) else dt.datetime.combine(cell, dt.time())


def _text(cell: object) -> str | None:
    """The cell as it would stand in a CSV; times and durations as hours and minutes."""
    if cell == "":
        return None
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e17 else repr(cell)
    if isinstance(cell, dt.timedelta):
        seconds = int(cell.total_seconds())
        sign = "-" if seconds < 0 else ""
        seconds = abs(seconds)
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    if isinstance(cell, dt.datetime | dt.date):
        return _moment(cell).isoformat(sep=" ")
    if isinstance(cell, dt.time):
        return cell.strftime("%H:%M:%S")
    return str(cell)
