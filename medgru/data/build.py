"""Tables and a mapping in, Recordings out: converted, checked, and with a report of what was set aside.

Everything is done on whole columns. Letters: N measurements, B stays.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgru.data.assemble import Measurements, StaticCells, assemble, pick_statics
from medgru.data.inspection import Inspection, inspect
from medgru.data.issues import Issues
from medgru.data.mapping import Mapping
from medgru.data.names import ADMISSION, TIME
from medgru.data.recording import ReadReport, Recordings
from medgru.data.source import sources
from medgru.data.times import TimeColumn
from medgru.data.values import read_values
from medgru.data.view import Stays, TableView, chosen_time_unit
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import Task

Progress = Callable[[int, int], None]
"""Called with (tables done, tables in all)."""


@dataclass(frozen=True)
class _Rows:
    """Rows of one table with their stay and time: the stay's index (-1 unknown) and its hour (NaN unknown)."""

    view: TableView
    roles: dict[str, str]
    stays: Stays
    stay: NDArray[np.int32]
    times: TimeColumn


def read(paths: Iterable[Path | str], task: Task, mapping: Mapping | None = None) -> Recordings:
    """Read files or folders in one step, for the command line.

    Args:
        paths: Files and folders.
        task: What is looked for.
        mapping: What columns mean, where the proposal does not fit.

    Raises:
        DataError: Nothing could be read; see `inspect` and `build`.
    """
    inspection = inspect(sources(paths), task)
    return build(inspection, mapping or inspection.mapping)


def build(inspection: Inspection, mapping: Mapping, progress: Progress | None = None) -> Recordings:
    """Convert and check every measurement of the inspected files.

    Args:
        inspection: Files opened by `inspect`.
        mapping: What their columns mean: the proposal, or the proposal changed.
        progress: Called after each table.

    Returns:
        The stays in order of first appearance, also those with nothing usable; `report` says what was
        set aside. The order of rows within the files does not matter.

    Raises:
        DataError: No table has what it needs (a time column, known variables), or there are more rows than
            `settings().max_rows`.
    """
    task, issues, notes = inspection.task, Issues(), list(inspection.notes)
    usable = _usable_views(inspection, mapping, issues)
    record_ids: dict[str, int] = {}
    rows = [_rows(view, mapping, task, record_ids) for view in usable]
    _note_shared_stays(rows, notes)
    names = tuple(record_ids)
    admissions = _admissions(rows, len(record_ids), notes)
    parts, statics, n_read = [], [], 0
    for done, part in enumerate(rows, start=1):
        hours = _hours(part, admissions)
        _report_rows(part, hours, task, issues, notes)
        measured, static, found = read_values(
            part.view, part.roles, mapping, part.stay, hours, task, issues, notes, names
        )
        parts += measured
        statics += static
        n_read += found
        if n_read > settings().max_rows:
            raise DataError(
                f"The files hold more than {settings().max_rows:,} measurements, more than is read at once. "
                "Read them in several parts."
            )
        if progress is not None:
            progress(done, len(rows))
    columns = assemble(Measurements.concatenate(parts), task, issues, notes)
    known = pick_statics(StaticCells.concatenate(statics), len(names), task, issues, notes)
    for refusal in inspection.refused:
        issues.add_line(refusal.file, 1, "", f"The file was refused: it {refusal.problem}")
    return Recordings(
        task=task,
        record_ids=names,
        stay=columns.stay,
        hours=columns.hours,
        feature=columns.feature,
        value=columns.value,
        statics=known,
        report=ReadReport(
            issues.table(),
            tuple(dict.fromkeys(notes)),
            n_read,
            len(columns.stay),
            tuple(dict.fromkeys(inspection.source_names)),
        ),
    )


def _usable_views(inspection: Inspection, mapping: Mapping, issues: Issues) -> list[TableView]:
    usable, problems = [], []
    for view in inspection.views:
        problem = view.problem(mapping, inspection.task.window_hours)
        name = view.table.names[0]
        if problem is None:
            usable.append(view)
        else:
            problems.append(f"{name} {problem}")
            issues.add_line(name, 1, "", f"The table was set aside: it {problem}")
    if not usable:
        raise DataError("\n".join([*problems[:5], *(f"{r.file} {r.problem}" for r in inspection.refused[:5])]))
    return usable


def _rows(view: TableView, mapping: Mapping, task: Task, record_ids: dict[str, int]) -> _Rows:
    roles = view.roles(mapping)
    stays = view.stays(roles)
    lookup = np.empty(len(stays.names) + 1, dtype=np.int32)
    lookup[-1] = -1
    for i, name in enumerate(stays.names):
        lookup[i] = record_ids.setdefault(name, len(record_ids))
    times = view.times(roles[TIME], task.window_hours, chosen_time_unit(mapping, roles))
    return _Rows(view, roles, stays, lookup[stays.codes], times)


def _note_shared_stays(rows: list[_Rows], notes: list[str]) -> None:
    """Say when a stay is spread over several files, and when a file became a stay."""
    pairs = []
    offset = 0
    for part in rows:
        there = part.stay >= 0
        pairs.append(np.stack([part.stay[there], part.view.table.members[there] + offset]))
        offset += len(part.view.table.names)
        if part.stays.from_file_name:
            notes.append(
                f"{part.view.table.names[0]} has no column that says which stay a row belongs to: "
                "each such file was taken as one stay, named after the file."
            )
    if offset > 1 and pairs:
        together = np.concatenate(pairs, axis=1).astype(np.int64)
        pair = np.unique(together[0] * offset + together[1])
        shared = int((np.bincount(pair // offset) > 1).sum())
        if shared:
            notes.append(
                f"{shared:,} stays occur in more than one file or sheet; their measurements were put together."
            )


def _admissions(rows: list[_Rows], n: int, notes: list[str]) -> NDArray[np.float64]:
    """Moment of admission of each stay in seconds since 1970, (n,): its own column, else its first row."""
    first = np.full(n, np.inf)
    admitted = np.full(n, np.inf)
    for part in rows:
        if not part.times.absolute:
            continue
        known = (part.stay >= 0) & np.isfinite(part.times.value)
        np.minimum.at(first, part.stay[known], part.times.value[known])
        if ADMISSION in part.roles:
            column = part.view.times(part.roles[ADMISSION], 0, None)
            if column.absolute:
                known = (part.stay >= 0) & np.isfinite(column.value)
                np.minimum.at(admitted, part.stay[known], column.value[known])
    if np.isfinite(admitted).any():
        notes.append("Times are counted from the admission of each stay.")
    if (np.isfinite(first) & ~np.isfinite(admitted)).any():
        notes.append("The times are dates: hours are counted from the first row of each stay.")
    return np.where(np.isfinite(admitted), admitted, first)


def _hours(part: _Rows, admissions: NDArray[np.float64]) -> NDArray[np.float64]:
    if not part.times.absolute:
        return part.times.value
    start = np.append(admissions, np.nan)[part.stay]
    return (part.times.value - start) / 3600


def _report_rows(part: _Rows, hours: NDArray[np.float64], task: Task, issues: Issues, notes: list[str]) -> None:
    """Report whole rows that cannot be used: no stay, no time, before admission, after the window."""
    table, column = part.view.table, part.roles[TIME]
    stay = lambda row: part.stays.names[part.stays.codes[row]] if part.stays.codes[row] >= 0 else ""  # noqa: E731
    cell = lambda row: part.view.text(column, row)  # noqa: E731
    no_stay = np.flatnonzero(part.stay < 0)
    if len(no_stay):
        issues.add(table, no_stay, part.roles.get("record_id", ""), "no stay identifier in this row", stay)
    unit = part.times.unit
    for bad, problem in (
        (part.times.bad, f"is not a time ({unit} expected)"),
        (hours < 0, "before admission"),
        (hours > task.window_hours, f"after hour {task.window_hours}, which the model does not see"),
    ):
        where = np.flatnonzero(bad)
        if len(where):
            issues.add(table, where, column, problem, stay, cell)
            if problem.startswith("after"):
                notes.append(f"{len(where):,} rows lie after hour {task.window_hours} and were set aside.")
    if table.ragged:
        for row in table.ragged[:20]:
            issues.add_line(table.names[0], row, "", "has more or fewer cells than there are columns")
        if len(table.ragged) > 20:
            issues.add_line(
                table.names[0],
                table.ragged[20],
                "",
                "has more or fewer cells than there are columns (first of several)",
                len(table.ragged) - 20,
            )
