"""Files with one header are read in one go; where they hold a column in different units, they are taken apart again."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.mapping import spread
from medgru.data.names import TIME
from medgru.data.proposal import Proposal
from medgru.data.table import TABLE, Table
from medgru.data.view import TableView
from medgru.tasks import Task

MAX_FILES = 20
"""More files with one header are one a patient rather than one a ward: the values of one say little about a unit."""

_ROWS = 2_000


def taken_apart(tables: Iterable[Table], task: Task) -> list[Table]:
    """The tables; one of several files as a table a file, where these seem to differ in a unit."""
    found: list[Table] = []
    for table in tables:
        if table.kind == TABLE and not table.units_fixed and 1 < len(table.names) <= MAX_FILES and len(table):
            rows = [np.flatnonzero(table.members == i) for i in range(len(table.names))]
            if _differ([_part(table, i, spread(r, _ROWS)) for i, r in enumerate(rows)], task):
                parts = [_part(table, i, r) for i, r in enumerate(rows)]
                found += [replace(parts[0], notes=table.notes, ragged=table.ragged), *parts[1:]]
                continue
        found.append(table)
    return found


def _part(table: Table, file: int, rows: NDArray[np.int64]) -> Table:
    """Some rows of one file, as a table of its own."""
    return replace(
        table,
        names=(table.names[file],),
        data=table.data.take(pa.array(rows)),
        member=None,
        row=rows + 2 if table.row is None else table.row[rows],
        sources=(table.sources[file],),
        notes=(),
        ragged=(),
    )


def _differ(parts: list[Table], task: Task) -> bool:
    """Whether a variable would be read in one unit from one file, and in another unit from another."""
    views = [TableView(part, i) for i, part in enumerate(parts) if len(part)]
    mapping, _ = Proposal(views, task).run()
    units: dict[tuple[str, str], set[str]] = {}
    for match in mapping.matches:
        if match.target and match.converted_to and match.target != TIME and match.n_values:
            units.setdefault((match.source, match.target), set()).add(match.unit)
    return any(len(found) > 1 for found in units.values())
