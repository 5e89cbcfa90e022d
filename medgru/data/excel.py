"""Workbooks (.xlsx, .xlsm, .xls, .xlsb, .ods) through calamine: each sheet is a table.

calamine holds a sheet as a full rectangle, so that two cells in far corners would fill any memory: how
far the cells of a sheet reach is found out before calamine sees it. An .xls reaches to row 65,536 at most.
"""

import datetime as dt
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from xml.parsers import expat

import numpy as np
import pyarrow as pa
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

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
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
_HIDDEN = "is a hidden sheet and was left out. Unhide it in Excel if it holds measurements."
_Merged = tuple[tuple[int, int], tuple[int, int]]
MAX_SHEETS = 100
MAX_CELLS = 5_000_000
"""Most cells of one sheet: a cell costs about 100 bytes once read."""

MAX_RECORDS = 3_000_000
"""Most cells of one sheet of an .xlsb or .ods, of which each is looked at before the sheet is opened."""

_ENTITIES = "defines entities of XML, which no spreadsheet program writes. It is refused to protect this computer."
_HEAD = 64 << 10
_LAST_CELL, _RICH_CELL = 11, 62
_TOO_MANY = "holds too many cells to be opened. Save its sheets as CSV."
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
        pages = [s for s in workbook.sheets_metadata if s.typ == SheetTypeEnum.WorkSheet][:MAX_SHEETS]
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
    for about in pages:
        sheet = about.name
        name = f"{blob.name} › {sheet}" if len(pages) > 1 else blob.name
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
            if about.visible != SheetVisibleEnum.Visible:
                yield Refusal(name, _HIDDEN)
                continue
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
        names = archive.namelist()
        for member in names:
            if member.endswith((".xml", ".rels")):
                with archive.open(member) as file:
                    if re.search(rb"<!(DOCTYPE|ENTITY)", file.read(_HEAD)):
                        raise UnsafeFileError(f"{name} {_ENTITIES}")
        if "xl/workbook.xml" in names or "xl/workbook.bin" in names:
            reached = [
                (_reach if member.endswith(".xml") else _reach_xlsb)(archive.read(member))
                for member in names
                if member.startswith("xl/worksheets/") and member.endswith((".xml", ".bin"))
            ]
        elif "content.xml" in names and archive.read("mimetype").startswith(_ODS):
            reached = _Reach(archive.read("content.xml")).sheets
        else:
            return "is a workbook of a kind that cannot be read. Save its tables as .xlsx, .ods or CSV."
    for width, height in reached:
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


def _reach_xlsb(data: bytes) -> tuple[int, int]:
    """The same for the records of an .xlsb sheet: a row says its number, and a cell its column."""
    width = height = 1
    at = n = 0
    while at < len(data):
        kind = data[at]
        at += 1
        if kind & 0x80:
            kind = (kind & 0x7F) | (data[at] & 0x7F) << 7 if at < len(data) else 0
            at += 1
        size = shift = 0
        while at < len(data) and shift < 28:
            byte = data[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if kind == 0:
            height = max(height, int.from_bytes(data[at : at + 4], "little") + 1)
        elif kind <= _LAST_CELL or kind == _RICH_CELL:
            width = max(width, int.from_bytes(data[at : at + 4], "little") + 1)
            n += 1
            if n > MAX_RECORDS:
                raise DataError(_TOO_MANY)
        at += size
    return width, height


class _Reach:
    """How far the filled cells of each sheet of an .ods reach, its repeated rows and cells counted; one use."""

    def __init__(self, xml: bytes) -> None:
        self.sheets: list[tuple[int, int]] = []
        self.width = self.height = self.row = self.column = self.filled = self.n = 0
        self.repeat = 1
        self.in_cell = False
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity
        try:
            parser.Parse(xml, True)
        except expat.ExpatError as error:
            raise ValueError(str(error)) from None

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table:table":
            self.width = self.height = self.row = 0
        elif tag == "table:table-row":
            self.column = self.filled = 0
            self.repeat = _repeats(attributes, "table:number-rows-repeated")
        elif tag in ("table:table-cell", "table:covered-table-cell"):
            self.n += 1
            if self.n > MAX_RECORDS:
                raise DataError(_TOO_MANY)
            self.column += _repeats(attributes, "table:number-columns-repeated")
            self.in_cell = True
            if "office:value-type" in attributes or "table:formula" in attributes:
                self.filled = self.column

    def _text(self, text: str) -> None:
        if self.in_cell and text.strip():
            self.filled = self.column

    def _end(self, tag: str) -> None:
        if tag in ("table:table-cell", "table:covered-table-cell"):
            self.in_cell = False
        elif tag == "table:table-row":
            self.row += self.repeat
            if self.filled:
                self.width, self.height = max(self.width, self.filled), self.row
        elif tag == "table:table":
            self.sheets.append((self.width, self.height))

    def _entity(self, *_: object) -> None:
        raise UnsafeFileError(_ENTITIES)


def _repeats(attributes: dict[str, str], name: str) -> int:
    text = attributes.get(name, "1")
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) < 19 else 1 << 60


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
