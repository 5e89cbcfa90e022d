"""Tables and a mapping in, Recordings out: converted, checked, and with a report of what was set aside.

Everything is done on whole columns. Letters: N measurements, B stays.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgru.data.assemble import Measurements, StaticCells, assemble, pick_statics
from medgru.data.identifiers import unmet
from medgru.data.inspection import Inspection, inspect
from medgru.data.issues import MAX_FILES_LISTED, Issues
from medgru.data.mapping import Mapping, Match
from medgru.data.names import ADMISSION, DATE, RECORD_ID, TIME
from medgru.data.recording import (
    AFTER,
    BEFORE,
    FILE,
    NO_STAY,
    NO_TIME,
    RAGGED,
    MeasuredRows,
    ReadReport,
    Recordings,
)
from medgru.data.source import sources
from medgru.data.times import TimeColumn
from medgru.data.values import Found, read_values
from medgru.data.view import TableView, TimedRows, chosen_time_unit
from medgru.data.words import counted
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import HOUR, Task

_DAY_S = 86_400
_YEAR_1900 = -2_208_988_800
"""1900-01-01 in seconds since 1970."""

Progress = Callable[[int, int], None]
"""Called with (tables done, tables in all)."""


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
    return build_unseen(inspection, mapping or inspection.mapping)


def build_unseen(inspection: Inspection, mapping: Mapping) -> Recordings:
    """As `build`, where nobody saw the mapping before it is used: the report says what was guessed."""
    recordings = build(inspection, mapping)
    doubts = [f"Please check: {m.label} was read as {_meaning(m)}. {_plain(m.reason)}" for m in mapping.guessed]
    notes = tuple(dict.fromkeys([*recordings.report.notes, *map(str.strip, doubts)]))
    return recordings.with_report(replace(recordings.report, notes=notes))


def _meaning(match: Match) -> str:
    return f"{match.target} in {match.unit}" if match.unit else str(match.target)


def _plain(reason: str) -> str:
    return reason.removesuffix("Please check.").strip()


def build(inspection: Inspection, mapping: Mapping, progress: Progress | None = None) -> Recordings:
    """Convert and check every measurement of the inspected files.

    Args:
        inspection: Files opened by `inspect`.
        mapping: What their columns mean: the proposal, or the proposal changed.
        progress: Called after each table.

    Returns:
        The stays in order of first appearance, also those with nothing usable; `report` says what was
        set aside, and names the refused files and the tables left out. The order of rows within the files
        does not matter.

    Raises:
        DataError: No table has what it needs (a time column, known variables), or there are more measurements
            than `settings().max_values`.
    """
    task, issues = inspection.task, Issues(inspection.notes)
    usable = _usable_views(inspection, mapping, issues)
    record_ids: dict[str, int] = {}
    rows = [_rows(view, mapping, task, record_ids, issues) for view in usable]
    _note_shared_stays(rows, issues)
    for note in unmet([(part.view.table.names[0], part.stays.names) for part in rows]):
        issues.note(note)
    names = tuple(record_ids)
    admissions = _admissions(rows, len(record_ids), task, issues)
    _note_mixed_offsets(rows, len(record_ids), issues)
    found: list[Found] = []
    for done, part in enumerate(rows, start=1):
        part = replace(part, hours=_hours(part, admissions, task))
        _report_rows(part, task, issues)
        found.append(read_values(part, mapping, task, names, issues))
        if sum(one.n for one in found) > settings().max_values:
            raise DataError(
                f"The files hold more than {settings().max_values:,} measurements, more than is read at once. "
                "Read them in several parts."
            )
        if progress is not None:
            progress(done, len(rows))
    measured = _put_together(found, names, task, issues)
    empty = len(names) - int(np.count_nonzero(np.bincount(measured.stay, minlength=len(names))))
    if empty:
        issues.note(f"{counted(empty, 'stay')} without a single usable measurement.")
    known = pick_statics(StaticCells.concatenate([cell for one in found for cell in one.statics]), names, task, issues)
    for refusal in inspection.refused:
        issues.add_line(refusal.file, 1, FILE, f"The file was refused: it {refusal.problem}")
    _note_left_out("was refused: it", [(r.file, r.problem) for r in inspection.refused], issues)
    report = ReadReport(
        issues.table(),
        tuple(issues.notes),
        sum(one.n for one in found),
        len(measured),
        tuple(dict.fromkeys(inspection.source_names)),
    )
    if isinstance(measured, MeasuredRows):
        return Recordings.of_rows(task, names, measured, known, report)
    return Recordings(task, names, measured.stay, measured.hours, measured.feature, measured.value, known, report)


def _put_together(
    found: list[Found], names: tuple[str, ...], task: Task, issues: Issues
) -> MeasuredRows | Measurements:
    """The measurements of all tables, in order: as rows where they stand in one wide table, else as lines."""
    wide = [one.wide for one in found if one.wide is not None]
    lines = [part for one in found for part in one.measured]
    if len(wide) == 1 and not lines:
        rows = wide[0].timed_rows()
        if rows is not None:
            return rows
    lines += [part for one in wide for part in one.measurements()]
    return assemble(Measurements.concatenate(lines), names, task, issues)


def _usable_views(inspection: Inspection, mapping: Mapping, issues: Issues) -> list[TableView]:
    usable: list[TableView] = []
    problems: list[tuple[str, str]] = []
    for view in inspection.views:
        problem = view.problem(mapping, inspection.task)
        name = view.table.names[0]
        if problem is None:
            usable.append(view)
        else:
            problems.append((name, problem))
            issues.add_line(name, 1, FILE, f"The table was set aside: it {problem}")
    if not usable:
        refused = [(r.file, r.problem) for r in inspection.refused]
        raise DataError("\n".join(f"{name} {problem}" for name, problem in problems[:5] + refused[:5]))
    _note_left_out("was set aside: it", problems, issues)
    return usable


def _note_left_out(what: str, files: list[tuple[str, str]], issues: Issues) -> None:
    for name, problem in files[:MAX_FILES_LISTED]:
        issues.note(f"{name} {what} {problem}")
    if len(files) > MAX_FILES_LISTED:
        issues.note(f"{counted(len(files) - MAX_FILES_LISTED, 'more file')} like these; the list of issues says why.")


def _rows(view: TableView, mapping: Mapping, task: Task, record_ids: dict[str, int], issues: Issues) -> TimedRows:
    mapping = mapping.of_table(view.index)
    roles = view.roles(mapping)
    stays = view.stays(roles)
    lookup = np.empty(len(stays.names) + 1, dtype=np.int32)
    lookup[-1] = -1
    for i, name in enumerate(stays.names):
        lookup[i] = record_ids.setdefault(name, len(record_ids))
    unused = [
        m.source
        for m in mapping.matches
        if m.target == TIME and m.source in view.table.columns and m.source not in (roles.get(TIME), roles.get(DATE))
    ]
    if unused:
        issues.note(
            f"{view.table.names[0]}: the times are those of {roles[TIME]}; {', '.join(unused)} is mapped as a time "
            "too, but does not belong to it and was not used. Please check."
        )
    times = _without_placeholders(view.row_times(roles, task, chosen_time_unit(mapping, roles)), issues)
    return TimedRows(view, roles, stays, lookup[stays.codes], times, times.value)


def _without_placeholders(times: TimeColumn, issues: Issues) -> TimeColumn:
    """Moments without those that programs write where none is known: the first day of 1970 or of 1900.

    One of them would else be the first hour of its stay, and all that was measured would come decades later. Where a
    table has no other times they stay: its clock may just count from there.
    """
    if not times.absolute:
        return times
    none = np.abs(times.value) < _DAY_S
    none |= np.abs(times.value - _YEAR_1900) < 2 * _DAY_S
    n = int(np.count_nonzero(none))
    if not n or n == int(np.count_nonzero(np.isfinite(times.value))):
        return times
    issues.note(f"{counted(n, 'row')} of 1970-01-01 or 1900-01-01 set aside: dates that stand for none.")
    return replace(times, value=np.where(none, np.nan, times.value), bad=times.bad | none)


def _note_shared_stays(rows: list[TimedRows], issues: Issues) -> None:
    """Say when a stay is spread over several files, and when a file became a stay."""
    pairs = []
    files: dict[tuple[str, int], int] = {}  # a format may give several tables of one file
    for part in rows:
        table = part.view.table
        named = zip(table.names, table.sources, strict=True)
        member = np.array([files.setdefault(file, len(files)) for file in named], dtype=np.int64)
        if part.stays.from_file_name:
            issues.note(
                f"{table.names[0]} has no column that says which stay a row belongs to: "
                "each such file was taken as one stay, named after the file."
            )
        if len(rows) == 1 and len(files) == 1:
            return
        pair = np.stack([part.stay, member[table.members]])
        changes = np.append(True, (pair[:, 1:] != pair[:, :-1]).any(0))  # rows of one stay mostly follow each other
        pairs.append(pair[:, changes & (part.stay >= 0)])
    if len(files) > 1 and pairs:
        together = np.concatenate(pairs, axis=1).astype(np.int64)
        pair = np.unique(together[0] * len(files) + together[1])
        shared = int((np.bincount(pair // len(files)) > 1).sum())
        if shared:
            issues.note(f"{counted(shared, 'stay')} in more than one file or sheet: their rows were put together.")


def _admissions(rows: list[TimedRows], n: int, task: Task, issues: Issues) -> NDArray[np.float64]:
    """Moment of admission of each stay in seconds since 1970, (n,): its own column, else its first row."""
    first = np.full(n, np.inf)
    admitted = np.full(n, np.inf)
    for part in rows:
        if part.times.absolute:
            known = (part.stay >= 0) & np.isfinite(part.times.value)
            np.minimum.at(first, part.stay[known], part.times.value[known])
        if ADMISSION in part.roles:
            column = part.view.times(part.roles[ADMISSION], 0, None)
            if column.absolute:
                known = (part.stay >= 0) & np.isfinite(column.value)
                np.minimum.at(admitted, part.stay[known], column.value[known])
    if np.isfinite(admitted).any():
        issues.note("Times are counted from the admission of each stay.")
    if (np.isfinite(first) & ~np.isfinite(admitted)).any():
        what = "The times are dates: hours" if task.columns is None else "Times"
        issues.note(f"{what} are counted from the first row of each stay.")
    return np.where(np.isfinite(admitted), admitted, first)


def _note_mixed_offsets(rows: list[TimedRows], n: int, issues: Issues) -> None:
    """Say where moments of one stay are in UTC in one column, and in a clock that nobody knows in another."""
    stays = {said: np.zeros(n, dtype=bool) for said in (True, False)}
    places: dict[bool, dict[str, None]] = {True: {}, False: {}}
    for part in rows:
        columns = [(part.roles[TIME], part.times)] if TIME in part.roles else []
        if ADMISSION in part.roles:
            columns.append((part.roles[ADMISSION], part.view.times(part.roles[ADMISSION], 0, None)))
        for column, times in columns:
            if not times.absolute or times.offsets is None:
                continue
            known = (part.stay >= 0) & np.isfinite(times.value)
            stays[times.offsets][part.stay[known]] = True
            places[times.offsets][f"{column} of {part.view.table.names[0]}"] = None
    both = int((stays[True] & stays[False]).sum())
    if both:
        given, missing = (
            ", ".join([*places[said]][:3]) + (", ..." if len(places[said]) > 3 else "") for said in places
        )
        issues.note(
            f"{counted(both, 'stay')} with times that say how far they are from UTC ({given}) and others that do not "
            f"({missing}): the latter were taken as UTC, so hours may be shifted against each other. "
            "Please check, and give all times in one time zone."
        )


def _hours(part: TimedRows, admissions: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """Steps of the task's grid since the start of each stay; hours, unless the task says otherwise."""
    hours = part.times.value
    if part.times.absolute:
        start = np.append(admissions, np.nan)[part.stay]
        hours = (part.times.value - start) / 3600
    if task.step.seconds is not None and task.step != HOUR:
        hours = hours * (3600 / task.step.seconds)
    return hours if task.columns is None else hours + task.columns.first_step


def _report_rows(part: TimedRows, task: Task, issues: Issues) -> None:
    """Report whole rows that cannot be used: no stay, no time, before admission, after the window."""
    table, column, hours = part.view.table, part.roles.get(TIME, ""), part.hours
    word = task.step.name if task.step.name.isalpha() else "step"
    no_stay = np.flatnonzero(part.stay < 0)
    if len(no_stay):
        column_of_ids = part.roles.get(RECORD_ID, "")
        issues.add(table, no_stay, column_of_ids, NO_STAY, "no stay identifier in this row", part.stay_name)
    if part.times.problem:
        named = part.roles.get(DATE, column)
        issues.note(f"{table.names[0]}: the times in {named} were not used, as each {part.times.problem}.")
    of_day = np.zeros(len(table), dtype=bool) if part.times.of_day is None else part.times.of_day
    for bad, kind, problem in (
        (part.times.bad & ~of_day, NO_TIME, part.times.problem or f"is not a time ({part.times.unit} expected)"),
        (
            of_day,
            NO_TIME,
            "is a time of day without its date: add a column with the date, or give hours since admission",
        ),
        (hours < 0, BEFORE, "before admission" if task.columns is None else "before the start"),
        (hours > task.window_hours, AFTER, f"after {word} {task.window_hours}, which the model does not see"),
    ):
        where = np.flatnonzero(bad)
        if len(where):
            issues.add(table, where, column, kind, problem, part.stay_name, part.time_text)
            if kind == AFTER:
                issues.note(f"{counted(len(where), 'row')} after {word} {task.window_hours} set aside.")
    if table.ragged:
        for row in table.ragged[:20]:
            issues.add_line(table.names[0], row, RAGGED, "has more or fewer cells than there are columns")
        if len(table.ragged) > 20:
            issues.add_line(
                table.names[0],
                table.ragged[20],
                RAGGED,
                "has more or fewer cells than there are columns (first of several)",
                len(table.ragged) - 20,
            )
