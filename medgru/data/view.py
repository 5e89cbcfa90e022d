"""One table with its columns parsed on demand, kept so that `inspect` and `build` parse once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medgru.data.choices import choice_code
from medgru.data.images import ROW_HEADER
from medgru.data.mapping import Mapping, Match
from medgru.data.names import ADMISSION, DATE, RECORD_ID, ROLES, TIME, VALUE, VARIABLE
from medgru.data.signals import TIME_HEADER
from medgru.data.table import MISSING_WORDS, TABLE, Numbers, Table, distinct, flat, numbers, stem, text_at
from medgru.data.times import (
    CLOCK,
    STEPS,
    TIMESTAMP,
    TimeColumn,
    in_hours,
    is_date_header,
    is_time_of_day,
    is_whole_days,
    parse_times,
    with_day,
    written_clock,
)
from medgru.tasks import Columns, Feature, Task

_FEW = 1_000
"""Rows of a long column that may settle a question about all of it."""

LONG, WIDE = "long table", "wide table"


@dataclass(frozen=True)
class Stays:
    """The stay of each row: codes (N,), -1 where the cell is empty, and the identifiers they stand for."""

    codes: NDArray[np.int32]
    names: list[str]
    from_file_name: bool = False


class TableView:
    """A table and what its columns turned out to be; `index` is its place among the inspected tables."""

    def __init__(self, table: Table, index: int = 0) -> None:
        self.table, self.index = table, index
        self._cache: dict[Any, Any] = {}

    @property
    def is_picture(self) -> bool:
        """Whether its rows are those of pictures, as the format says: steps from the top, and no time."""
        return self.table.roles.get(TIME) == ROW_HEADER

    @property
    def is_recording(self) -> bool:
        """Whether it holds the curves or numbers of a monitor or device, as the format says."""
        return self.table.roles.get(TIME) == TIME_HEADER

    def _kept(self, key: Any, make: Any) -> Any:
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    def numbers(self, column: str) -> Numbers:
        """The column as numbers; the number that the format has for "not measured" is nothing."""
        return self._kept(("numbers", column), lambda: self._parse_numbers(column))

    def _parse_numbers(self, column: str) -> Numbers:
        found = numbers(self.table.data.column(column), self.table.decimal_comma)
        if self.table.missing is None:
            return found
        return replace(found, value=np.where(found.value == self.table.missing, np.nan, found.value))

    def values_of(
        self, column: str, feature: Feature, rows: NDArray[np.int64] | slice = slice(None)
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Numbers of one variable in some rows, and where something stands that is none.

        Words for coded variables ("female", "yes") become their codes.
        """
        found = self.numbers(column)
        value = found.value[rows]
        bad = np.zeros(len(value), dtype=bool) if found.bad is None else found.bad[rows]
        if feature.choices and bad.any():
            where = np.flatnonzero(bad)
            cells = np.arange(len(self.table))[rows][where]
            codes, texts = distinct(flat(self.table.data.column(column)).take(pa.array(cells)))
            known = np.array([choice_code(feature, text) for text in texts] + [np.nan])[codes]
            value, bad = value.copy(), np.zeros(len(value), dtype=bool)
            value[where] = known
            bad[where] = np.isnan(known)
        for code, label in feature.choices.items():
            if label.casefold() in MISSING_WORDS:  # "none" and "-" are values where the task says so
                codes, texts = self.distinct(column)
                if label in texts:
                    value = np.where(codes[rows] == texts.index(label), float(code), value)
        return value, bad

    def distinct(self, column: str) -> tuple[NDArray[np.int32], list[str]]:
        """Codes and texts of the column."""
        return self._kept(("distinct", column), lambda: distinct(self.table.data.column(column)))

    def rows_by(self, column: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows in the order of the column's codes, and where each code begins, with the end of the last."""
        return self._kept(("rows by", column), lambda: self._sort_by(column))

    def _sort_by(self, column: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        codes, texts = self.distinct(column)
        order = np.argsort(codes.astype(np.int16) if len(texts) < 2**15 else codes, kind="stable")
        counts = np.bincount(codes + 1, minlength=len(texts) + 1)
        return order, np.cumsum(counts)

    def times(self, column: str, window_hours: int, unit: str | None = None) -> TimeColumn:
        """The column as times, in that unit or the one it seems to have."""
        data, comma = self.table.data.column(column), self.table.decimal_comma
        if ("moments", column, unit) in self._cache:
            return self._cache["moments", column, unit]
        found: TimeColumn = self._kept(
            ("times", column, unit, window_hours),
            lambda: self._with_offsets(column, parse_times(data, column, window_hours, unit, comma)),
        )
        if found.unit in (CLOCK, TIMESTAMP):  # whatever the window is
            self._cache["moments", column, unit] = found
        return found

    def _with_offsets(self, column: str, times: TimeColumn) -> TimeColumn:
        """What the table knows of the offsets of moments that its reader parsed."""
        if not pa.types.is_timestamp(self.table.data.schema.field(column).type):
            return times
        return replace(times, offsets=self.table.in_utc.get(column, False if self.table.kind == TABLE else None))

    def row_times(self, roles: dict[str, str], task: Task, unit: str | None = None) -> TimeColumn:
        """The time of each row: its time column, with the day from a column of its own where there is one.

        Without a time column the rows of each stay are counted where the task does so; else no time is known.
        """
        if TIME not in roles:
            count = task.counts_rows
            return self._kept(("rows", count, roles.get(RECORD_ID)), lambda: self._row_numbers(roles, count))
        # In a unit that a person chose, a clock is none that its day could be added to.
        dated = DATE in roles and unit in (None, CLOCK)
        if not dated and task.columns is not None:
            return self._own_times(roles[TIME], task.columns, task.window_hours, unit)
        if not dated:
            return self.times(roles[TIME], task.window_hours, unit).undated()
        time, date = self.clock(roles[TIME]), self.times(roles[DATE], 0)
        return self._kept(("dated", roles[TIME], roles[DATE]), lambda: with_day(time, date))

    def _own_times(self, column: str, columns: Columns, window_hours: int, unit: str | None) -> TimeColumn:
        """Times since the start that the task declares; those of a stay with a start of its own are moments."""
        unit = unit or (columns.time_unit if column == columns.time else None)
        times = self.times(column, window_hours, unit).undated()
        if times.absolute:
            return times
        if columns.start is None:
            return replace(times, unit=TIMESTAMP, value=times.value * 3600)
        return replace(times, value=times.value - in_hours(columns.start, columns.time_unit))

    def _row_numbers(self, roles: dict[str, str], count: bool) -> TimeColumn:
        """The number of each row within its stay, from 0; NaN where rows are not counted."""
        codes = self.stays(roles).codes
        value = np.full(len(codes), np.nan)
        if count:
            order = np.argsort(codes, kind="stable")
            ordered = codes[order]
            value[order] = np.arange(len(codes)) - np.searchsorted(ordered, ordered)
            value[codes < 0] = np.nan
        return TimeColumn(STEPS, value, np.zeros(len(codes), dtype=bool), "The rows of each stay are counted.")

    def has_whole_days(self, column: str) -> bool:
        """Whether the column holds dates without a time."""
        return self._kept(("whole days", column), lambda: self._has_whole_days(column))

    def _has_whole_days(self, column: str) -> bool:
        few = parse_times(self.table.data.column(column).slice(0, _FEW), column, 0, None, self.table.decimal_comma)
        if np.isfinite(few.value).any() and not (few.absolute and is_whole_days(few)):
            return False
        times = self.times(column, 0)
        return is_date_header(column) if times.problem else is_whole_days(times)

    def is_dated(self, time: str, date: str) -> bool:
        """Whether one column holds times of day and the other the days they belong to."""
        clock = self._kept(("time of day", time), lambda: is_time_of_day(self.clock(time)))
        return clock and self.has_whole_days(date)

    def clock(self, column: str) -> TimeColumn:
        """The column as times of the day that another one gives: 0815 is a quarter past eight there."""
        return self._kept(("clock", column), lambda: self._clock(column))

    def _clock(self, column: str) -> TimeColumn:
        times = self.times(column, 0)
        if times.unit == CLOCK or (times.absolute and (not times.problem or is_date_header(column))):
            return times
        return written_clock(self.table.data.column(column), column, self.table.decimal_comma) or times

    def filled(self, column: str) -> int:
        """How many cells of a column hold anything."""
        array = flat(self.table.data.column(column))
        if pa.types.is_string(array.type):
            return int(pc.sum(pc.not_equal(array, "")).as_py() or 0)
        return len(array) - array.null_count

    def text(self, column: str, row: int) -> str:
        """What stands in a cell."""
        return text_at(self.table.data.column(column), row)

    def roles(self, mapping: Mapping) -> dict[str, str]:
        """Which column has which role under a mapping."""
        found: dict[str, str] = {}
        matches = {m.source: m for m in mapping.of_table(self.index).matches if m.target in ROLES}
        for column in self.table.columns:
            if column in matches:
                found.setdefault(str(matches[column].target), column)
        times = [c for c in self.table.columns if c in matches and matches[c].target == TIME]
        if len(times) > 1:
            clocks = [c for c in times if _may_be_in(matches[c], CLOCK)]
            dates = [c for c in times if _may_be_in(matches[c], TIMESTAMP)]
            pairs = ((c, d) for c in clocks for d in dates if c != d and self.is_dated(c, d))
            clock, date = next(pairs, (None, None))
            if clock is not None and date is not None:
                found |= {TIME: clock, DATE: date}
            else:
                found[TIME] = self._most_exact(times, matches)
        return found

    def _most_exact(self, columns: list[str], matches: dict[str, Match]) -> str:
        """The one of several time columns that tells most: moments, then any times, then days alone."""

        def rank(column: str) -> int:
            match = matches[column]
            times = self.times(column, 0, match.unit if match.unit_chosen else None)
            if not np.isfinite(times.value).any():
                return 3
            return (2 if is_whole_days(times) else 0) if times.absolute else 1

        return min(columns, key=rank)

    def kind(self, roles: dict[str, str]) -> str:
        """What sort of table this is, for the screen."""
        if self.table.kind != TABLE:
            return self.table.kind
        return LONG if self.is_long(roles) else WIDE

    def is_long(self, roles: dict[str, str]) -> bool:
        """Whether each row is one measurement, with a name and a value; else it holds one column a variable."""
        return VARIABLE in roles and VALUE in roles

    def stays(self, roles: dict[str, str]) -> Stays:
        """The stay of each row: from its column, else each file is one stay named after the file."""
        if RECORD_ID in roles:
            return Stays(*self.distinct(roles[RECORD_ID]))
        return self._kept("stays", self._stays_from_names)

    def _stays_from_names(self) -> Stays:
        names: list[str] = []
        taken: dict[str, int] = {}
        for name in map(stem, self.table.names):
            taken[name] = taken.get(name, 0) + 1
            names.append(name if taken[name] == 1 else f"{name} ({taken[name]})")
        return Stays(self.table.members, names, from_file_name=True)

    def is_one_stay_a_file(self, roles: dict[str, str], times: TimeColumn) -> NDArray[np.bool_]:
        """Of each file, whether its times could be those of one stay: none occurs twice, (names,).

        In a long table a time may occur once for each variable.
        """
        what = self.distinct(roles[VARIABLE])[0].astype(np.int64) if self.is_long(roles) else 0
        known = np.isfinite(times.value)
        key = np.rec.fromarrays(
            [self.table.members[known], times.value[known], np.broadcast_to(what, known.shape)[known]]
        )
        order = np.lexsort((key["f2"], key["f1"], key["f0"]))
        ordered = key[order]
        again = ordered[1:] == ordered[:-1]
        good = np.ones(len(self.table.names), dtype=bool)
        good[ordered["f0"][1:][again]] = False
        return good

    def problem(self, mapping: Mapping, task: Task) -> str | None:
        """Why this table cannot be used under a mapping, None where it can."""
        mapping = mapping.of_table(self.index)
        roles = self.roles(mapping)
        used = {m.source: m.target for m in mapping.matches if m.target is not None}
        if not used.keys() & set(self.table.columns):
            # Its cells may be a patient's: they are not named.
            return (
                "has no column name in row 1 that is known. The first row must name the columns, such as "
                "record_id, time, HR: compare them with the template, or choose them in the mapping."
            )
        named = ", ".join(self.table.columns[:8]) + (", ..." if len(self.table.columns) > 8 else "")
        only_statics = (RECORD_ID in roles or task.columns is not None) and not _needs_time(
            (t for s, t in used.items() if s in self.table.columns), task
        )
        if TIME not in roles and not task.counts_rows and not only_statics:
            return (
                f"has no column with the time of each row (columns in row 1: {named}). "
                "Name one 'time', or choose it in the mapping."
            )
        if RECORD_ID not in roles:
            times = self.row_times(roles, task, chosen_time_unit(mapping, roles))
            if not self.is_one_stay_a_file(roles, times).all():
                return (
                    "has no column that says which stay a row belongs to, and times occur more than once, so it "
                    "cannot be a single stay. Name that column 'record_id', or choose it in the mapping."
                )
        variables = {source for source, target in used.items() if target not in ROLES}
        if not self.is_long(roles):
            if not variables & set(self.table.columns) and self.is_picture:
                return (
                    "is a picture. The model was trained on measurements, not on pictures; a model of your own can be: "
                    "bring the file on Retrain, with the outcomes."
                )
            if not variables & set(self.table.columns) and self.table.kind != TABLE:
                return (
                    f"has no column that the model knows ({named}). It was not trained on curves or pictures; a model "
                    "of your own can be: bring the file on Retrain, with the outcomes."
                )
            if not variables & set(self.table.columns):
                return (
                    f"has no column that the model knows (columns in row 1: {named}). "
                    "Compare them with the template, or choose them in the mapping."
                )
        elif not variables & set(self.distinct(roles[VARIABLE])[1]) and self.distinct(roles[VARIABLE])[1]:
            return (
                f"has no variable that the model knows in the column {roles[VARIABLE]}. "
                "Compare its names with the template, or choose them in the mapping."
            )
        return None


def _may_be_in(match: Match, unit: str) -> bool:
    """Whether a column may be read in that unit of time: a person chose no other one."""
    return match.unit == unit or not match.unit_chosen


def _needs_time(targets: Iterable[str | None], task: Task) -> bool:
    """Whether anything is taken from a table that means nothing without its time."""
    timeless = {RECORD_ID, ADMISSION, *task.static_index, *(f.name for f in task.features if f.at_admission)}
    return any(target not in timeless for target in targets)


@dataclass(frozen=True)
class TimedRows:
    """Rows of one table with their stay and time.

    Attributes:
        view, roles: The table, and which column has which role.
        stays: The stays as the table names them.
        stay: Index of each row's stay among all stays, (N,), -1 where unknown.
        times: The time column as it stands.
        hours: Hours since admission, (N,), NaN where unknown.
    """

    view: TableView
    roles: dict[str, str]
    stays: Stays
    stay: NDArray[np.int32]
    times: TimeColumn
    hours: NDArray[np.float64]

    def stay_name(self, row: int) -> str:
        """Identifier of the row's stay, "" where there is none."""
        code = self.stays.codes[row]
        return self.stays.names[code] if code >= 0 else ""

    def time_text(self, row: int) -> str:
        """What stands in the time column."""
        parts = [self.view.text(self.roles[role], row) for role in (DATE, TIME) if role in self.roles]
        return " ".join(part for part in parts if part)


def chosen_time_unit(mapping: Mapping, roles: dict[str, str]) -> str | None:
    """The time unit that a person chose, None where it is found out from the cells."""
    if TIME not in roles:
        return None
    match = mapping[roles[TIME]]
    return match.unit if match.unit_chosen else None
