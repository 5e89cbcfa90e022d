"""Measurements as a plain long table, the twin of files in formats of databases."""

import csv
import io
from collections.abc import Iterable

Row = tuple[str, float | str, str, float | str, str]
"""Identifier of the stay, hours since admission, variable, value, unit."""


def long_csv(rows: Iterable[Row]) -> bytes:
    """A long table of these measurements; numbers are written so that they read back as they are."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["record_id", "hours", "variable", "value", "unit"])
    writer.writerows(rows)
    return text.getvalue().encode()
