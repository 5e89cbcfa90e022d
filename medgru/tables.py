"""Tables that leave MedGRU: CSV that no spreadsheet will run as a formula."""

import pandas as pd

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe_csv(table: pd.DataFrame, float_format: str | None = None) -> bytes:
    """The table as UTF-8 CSV; text cells and headers that a spreadsheet would run get a leading apostrophe.

    Numbers are left alone. The form follows OWASP's advice on CSV injection.
    """
    safe = table.rename(columns=_defused)
    for column in safe.columns[[not pd.api.types.is_numeric_dtype(t) for t in safe.dtypes]]:
        safe[column] = safe[column].map(_defused)
    return safe.to_csv(index=False, float_format=float_format, lineterminator="\n").encode()


def _defused(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
