"""What was set aside, folded so that a million bad cells make a page and not a million lines."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.recording import ISSUE_COLUMNS
from medgru.data.table import Table

MAX_SINGLE = 20
"""Cells with one problem in one column that get a line each; the rest are folded, a line a file."""

MAX_FILES_LISTED = 30
MAX_LINES = 2_000


class Issues:
    """Collects problems while `build` runs."""

    def __init__(self, notes: Sequence[str] = ()) -> None:
        self.notes = list(notes)
        self._lines: list[tuple[str, int, str, str, str, str, int, str]] = []

    def add(
        self,
        table: Table,
        rows: NDArray[np.integer],
        column: str,
        kind: str,
        problem: str,
        stay: Callable[[int], str],
        value: Callable[[int], str] = lambda row: "",
    ) -> None:
        """Report rows of a table.

        Args:
            table: Where they stand.
            rows: Their indices, increasing.
            column: Header or variable concerned.
            kind: What sort of problem it is; see `recording`.
            problem: What is wrong, in words.
            stay, value: Give the stay and the cell's text of a row index.
        """
        for row in rows[:MAX_SINGLE]:
            file, number = table.place(int(row))
            self._lines.append((file, number, stay(int(row)), column, value(int(row)), problem, 1, kind))
        rest = rows[MAX_SINGLE:]
        if not len(rest):
            return
        members, first, counts = np.unique(table.members[rest], return_index=True, return_counts=True)
        for i in range(min(len(members), MAX_FILES_LISTED)):
            row = int(rest[first[i]])
            file, number = table.place(row)
            folded = f"{problem} (first of several)" if counts[i] > 1 else problem
            self._lines.append((file, number, stay(row), column, value(row), folded, int(counts[i]), kind))
        if len(members) > MAX_FILES_LISTED:
            row = int(rest[first[MAX_FILES_LISTED]])
            file, number = table.place(row)
            more = f"{problem} (first of several, in {len(members) - MAX_FILES_LISTED:,} more files)"
            self._lines.append((file, number, "", column, "", more, int(counts[MAX_FILES_LISTED:].sum()), kind))

    def note(self, sentence: str) -> None:
        """Say what was done to everything."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def add_line(self, file: str, row: int, kind: str, problem: str, count: int = 1) -> None:
        """Report one thing that is not a cell."""
        self._lines.append((file, row, "", "", "", problem, count, kind))

    def table(self) -> pd.DataFrame:
        """The report, with the columns `ISSUE_COLUMNS`."""
        frame = pd.DataFrame(self._lines, columns=list(ISSUE_COLUMNS))
        if len(frame) <= MAX_LINES:
            return frame
        folded = frame.groupby(["column", "problem"], sort=False, as_index=False).agg(
            {"file": "first", "row": "first", "record_id": "first", "value": "first", "count": "sum", "kind": "first"}
        )
        return folded[list(ISSUE_COLUMNS)].head(MAX_LINES)
