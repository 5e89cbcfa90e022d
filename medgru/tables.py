"""Tables that leave MedGRU: CSV and Excel that no spreadsheet will run as a formula, and Parquet.

Text cells and headers that a spreadsheet could run get a leading apostrophe, after OWASP's advice on CSV injection
(https://owasp.org/www-community/attacks/CSV_Injection): those that begin with = + - @, their full-width forms, a tab, a
carriage return or a line feed, also behind spaces and invisible characters, which some programs drop. Numbers are left
alone, and stay numbers. In Excel such cells are text in any case; the apostrophe keeps them harmless when the sheet is
saved as CSV. Parquet is data only, which no program runs: its cells are as they were.
"""

import io
import math
import unicodedata
from collections.abc import Callable

import pandas as pd

from medgru.errors import DataError

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
EXCEL_ROWS, EXCEL_COLUMNS, EXCEL_TEXT = 1_048_576, 16_384, 32_767
"""What a sheet holds at most: rows with the header, columns, characters (of UTF-16) in a cell."""

_WIDEST = 40  # characters of a column


def safe_csv(table: pd.DataFrame, float_format: str | None = None) -> bytes:
    """The table as UTF-8 CSV in which no cell is a formula and none begins a new row: line breaks become line feeds."""
    safe = _texts(_safe(table), _one_kind_of_break)  # a lone carriage return would not be quoted
    return safe.to_csv(index=False, float_format=float_format, lineterminator="\n").encode("utf-8", "replace")


def safe_excel(table: pd.DataFrame, about: dict[str, str] | None = None, sheet: str = "MedGRU") -> bytes:
    """The table as an Excel workbook in which no cell is a formula or a link; its header stays in sight.

    Args:
        table: Numbers stay numbers, missing ones are empty cells; text too long for a cell is cut, and ends in "…".
        about: Lines for a second sheet: what this is, by whom, under which conditions.
        sheet: Name of the first sheet.

    Raises:
        DataError: There are more rows or columns than a sheet holds.
    """
    import xlsxwriter

    if len(table) + 1 > EXCEL_ROWS or table.shape[1] > EXCEL_COLUMNS:
        raise DataError(
            f"An Excel sheet holds {EXCEL_ROWS - 1:,} rows and {EXCEL_COLUMNS:,} columns; this table has "
            f"{len(table):,} and {table.shape[1]:,}. Take CSV or Parquet, or choose fewer rows."
        )
    safe, out = _safe(table), io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(out, plain) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        page = book.add_worksheet(sheet)
        page.freeze_panes(1, 0)
        for c, name in enumerate(safe.columns):
            column = safe.iloc[:, c]
            page.write_string(0, c, _cell(name), bold)
            if pd.api.types.is_bool_dtype(column.dtype):
                for row, value in enumerate(column.tolist(), 1):
                    if not pd.isna(value):
                        page.write_boolean(row, c, bool(value))
            elif pd.api.types.is_numeric_dtype(column.dtype):
                for row, value in enumerate(column.tolist(), 1):
                    if not pd.isna(value) and math.isfinite(value):
                        page.write_number(row, c, value)
            else:
                for row, value in enumerate(column.tolist(), 1):
                    if isinstance(value, str) or not pd.isna(value):
                        page.write_string(row, c, _cell(value))
            longest = max([len(str(name)), *(len(str(v)) for v in column.head(200).tolist())])
            page.set_column(c, c, min(longest + 2, _WIDEST))
        if about:
            page = book.add_worksheet("About")
            page.set_column(0, 0, 24)
            page.set_column(1, 1, 100)
            for row, (name, value) in enumerate(about.items()):
                page.write_string(row, 0, _cell(_defused(name)), bold)
                page.write_string(row, 1, _cell(_defused(value)))
    return out.getvalue()


def parquet(table: pd.DataFrame) -> bytes:
    """The table as Parquet: every column with its type."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(_clean(table), preserve_index=False), out)
    return out.getvalue()


def _safe(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its text defused."""
    return _texts(_clean(table), _defused)


def _clean(table: pd.DataFrame) -> pd.DataFrame:
    """The table without what UTF-8 cannot write: lone surrogates, which only broken files bring."""
    return _texts(table, _written)


def _texts(table: pd.DataFrame, change: Callable[[object], object]) -> pd.DataFrame:
    """A copy in which every header and every cell that is no number is changed."""
    changed = table.copy()
    for c in range(changed.shape[1]):
        if not pd.api.types.is_numeric_dtype(changed.dtypes.iloc[c]):
            changed.isetitem(c, changed.iloc[:, c].map(change).array)
    changed.columns = [change(name) for name in changed.columns]
    return changed


def _one_kind_of_break(cell: object) -> object:
    return cell.replace("\r\n", "\n").replace("\r", "\n") if isinstance(cell, str) and "\r" in cell else cell


def _written(cell: object) -> object:
    return cell.encode("utf-8", "replace").decode() if isinstance(cell, str) and not cell.isascii() else cell


def _defused(cell: object) -> object:
    if not isinstance(cell, str) or not cell:
        return cell
    if cell[0].isalnum():  # nearly all of them
        return cell
    if cell.startswith(FORMULA_STARTS):
        return f"'{cell}"
    shown = next((c for c in cell if not _unseen(c)), "")
    return f"'{cell}" if shown in FORMULA_STARTS and shown else cell


def _unseen(character: str) -> bool:
    """Whether a program may drop the character at the beginning of a cell: spaces, control and format characters."""
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf")


def _cell(value: object) -> str:
    """Text as a cell of Excel holds it; it counts characters beyond the basic plane as two."""
    text = str(value)
    if len(text) * 2 <= EXCEL_TEXT or len(text.encode("utf-16-le")) // 2 <= EXCEL_TEXT:
        return text
    return text.encode("utf-16-le")[: 2 * (EXCEL_TEXT - 1)].decode("utf-16-le", "ignore") + "…"
