"""The one form that every reader produces: stays with their timed measurements.

Kept in columns, not one object a stay, so that ten thousand stays cost what a table costs.
Letters: N measurements, B stays, S admission descriptors.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.tasks import Task

ISSUE_COLUMNS = ("file", "row", "record_id", "column", "value", "problem", "count", "kind")

# Kinds of issues, for those who sort them; `problem` is the sentence for the screen.
IMPLAUSIBLE, NOT_A_NUMBER, UNKNOWN_UNIT, NO_VALUE = "implausible", "not a number", "unknown unit", "no value"
REPEATED, CONFLICT, NO_TIME, NO_STAY = "repeated", "conflict", "no time", "no stay"
BEFORE, AFTER, FILE, RAGGED = "before the start", "after the window", "file", "ragged row"


def steps_at(hours: NDArray[np.float32], task: Task) -> NDArray[np.int64]:
    """The step of the task's grid, from 0, that each time falls into.

    One at a step's end belongs to that step, one at the start to the first, one beyond the window to the last.
    """
    return np.clip(np.ceil(hours).astype(np.int64) - 1, 0, task.window_hours - 1)


@dataclass(frozen=True)
class ReadReport:
    """What was set aside while reading, and why.

    Attributes:
        issues: Table with the columns `ISSUE_COLUMNS`, one line a rejected value or row (similar ones
            may be folded into one line with `count` > 1; `row` is then the first). `row` counts as in a
            spreadsheet: the header is row 1; `kind` is one of the kinds above. For the screen of the person who brought
            the file; never logged, as `value` is a patient's.
        notes: Sentences for the screen on what was done to everything ("Temperature converted from °F").
        rows_read, rows_used: Measurements found in the files and kept.
        files: Names of the files read.
    """

    issues: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=list(ISSUE_COLUMNS)))
    notes: tuple[str, ...] = ()
    rows_read: int = 0
    rows_used: int = 0
    files: tuple[str, ...] = ()

    @property
    def set_aside(self) -> int:
        """Measurements that were found and not kept; `issues` counts lines, which may be about none or many."""
        return self.rows_read - self.rows_used


@dataclass(frozen=True)
class MeasuredRows:
    """Measurements as the rows of a wide table, one row a time: what a large table is kept as.

    R rows, K features. Less memory than a line a measurement, and the grid of a network is filled from it directly.

    Attributes:
        stay: Index of the stay of each row, (R,) int32, non-decreasing.
        hours: Hours since admission, (R,) float32, rising within each stay: no time twice.
        features: Indices into `task.features`, (K,), rising.
        values: Measured values, K arrays of (R,) float32; NaN where nothing was measured.
    """

    stay: NDArray[np.int32]
    hours: NDArray[np.float32]
    features: tuple[int, ...]
    values: tuple[NDArray[np.float32], ...]

    def __len__(self) -> int:
        """How many measurements there are."""
        return sum(int(np.count_nonzero(~np.isnan(value))) for value in self.values)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> "MeasuredRows":
        """Some of the rows."""
        return MeasuredRows(self.stay[rows], self.hours[rows], self.features, tuple(v[rows] for v in self.values))

    def lines(self) -> dict[str, NDArray]:
        """One line a measurement: stay, hours, feature and value, sorted as in `Recordings`."""
        table = np.stack(self.values, axis=1)
        there = ~np.isnan(table)
        row, column = np.nonzero(there)
        return {
            "stay": self.stay[row],
            "hours": self.hours[row],
            "feature": np.array(self.features, dtype=np.int16)[column],
            "value": table[there],
        }


_LINES = ("stay", "hours", "feature", "value")


@dataclass(frozen=True)
class Recordings:
    """Stays of one task, in the task's units, checked against its plausible ranges.

    A large wide table is kept as its `rows`; the lines below are then made from them when something asks for them.

    Attributes:
        task: What the columns mean.
        record_ids: Identifier of each stay, (B,), unique, in order of first appearance.
        stay: Index of the stay of each measurement, (N,) int32, non-decreasing.
        hours: Hours since admission, (N,) float32, 0 to `task.window_hours`.
        feature: Index into `task.features`, (N,) int16.
        value: Measured value in the feature's unit, (N,) float32, never NaN.
        statics: Admission descriptors, (B, S) float32, NaN where unknown.
        report: What was set aside.
        simulated: True for our own simulated patients; shown wherever they appear.
        titles: Optional words for each stay ("Septic shock (simulated)"), (B,) or empty.
        rows: The same measurements as rows, where that is how they are kept.
    """

    task: Task
    record_ids: tuple[str, ...]
    stay: NDArray[np.int32]
    hours: NDArray[np.float32]
    feature: NDArray[np.int16]
    value: NDArray[np.float32]
    statics: NDArray[np.float32]
    report: ReadReport = field(default_factory=ReadReport)
    simulated: bool = False
    titles: tuple[str, ...] = ()
    rows: MeasuredRows | None = field(init=False, default=None, repr=False)  # not carried over by `replace`

    @classmethod
    def of_rows(
        cls,
        task: Task,
        record_ids: tuple[str, ...],
        rows: MeasuredRows,
        statics: NDArray[np.float32],
        report: ReadReport,
        titles: tuple[str, ...] = (),
        simulated: bool = False,
    ) -> "Recordings":
        """Recordings that are kept as rows until something asks for lines."""
        recordings = object.__new__(cls)
        given = {"task": task, "record_ids": record_ids, "rows": rows, "statics": statics, "report": report}
        for name, value in (given | {"titles": titles, "simulated": simulated}).items():
            object.__setattr__(recordings, name, value)
        return recordings

    def __getattr__(self, name: str) -> Any:
        """The lines of recordings that are kept as rows, made once."""
        rows = self.__dict__.get("rows")
        if name not in _LINES or rows is None:
            raise AttributeError(name)
        for line, array in rows.lines().items():
            object.__setattr__(self, line, array)
        return self.__dict__[name]

    def __len__(self) -> int:
        return len(self.record_ids)

    @cached_property
    def _bounds(self) -> NDArray[np.int64]:
        """Where each stay's rows, or else its lines, begin and end, (B + 1,)."""
        stay = self.stay if self.rows is None else self.rows.stay
        return np.searchsorted(stay, np.arange(len(self) + 1, dtype=np.int32))

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Measurements of each stay, (B,)."""
        if self.rows is None:
            return np.diff(self._bounds)
        counts = np.zeros(len(self), dtype=np.int64)
        for value in self.rows.values:
            counts += np.bincount(self.rows.stay[~np.isnan(value)], minlength=len(self))
        return counts

    @cached_property
    def last_hours(self) -> NDArray[np.float32]:
        """Time of the last measurement of each stay, (B,); 0 where there is none."""
        hours = self.hours if self.rows is None else self.rows.hours
        last = np.zeros(len(self), dtype=np.float32)
        some = self._bounds[1:] > self._bounds[:-1]
        if some.any():
            last[some] = np.maximum.reduceat(hours, self._bounds[:-1][some])
        return last

    @property
    def steps(self) -> NDArray[np.int64]:
        """Steps of the task's grid until the last measurement of each stay, (B,), at least 1."""
        return steps_at(self.last_hours, self.task) + 1

    def with_report(self, report: ReadReport) -> "Recordings":
        """The same stays with another report."""
        if self.rows is None:
            return replace(self, report=report)
        return self.of_rows(self.task, self.record_ids, self.rows, self.statics, report, self.titles, self.simulated)

    def parts(self, stays: int) -> "Iterator[Recordings]":
        """The recordings in order, so many stays at a time."""
        for first in range(0, len(self), stays):
            yield self.between(first, min(first + stays, len(self)))

    def between(self, first: int, last: int) -> "Recordings":
        """The stays from `first` to before `last`: much less work than looking each of them up by name."""
        if (first, last) == (0, len(self)):
            return self
        where = slice(int(self._bounds[first]), int(self._bounds[last]))
        titles = self.titles[first:last]
        if self.rows is not None:
            rows = self.rows[where]
            rows = replace(rows, stay=rows.stay - np.int32(first))
            return self.of_rows(
                self.task,
                self.record_ids[first:last],
                rows,
                self.statics[first:last],
                self.report,
                titles,
                self.simulated,
            )
        return replace(
            self,
            record_ids=self.record_ids[first:last],
            stay=self.stay[where] - np.int32(first),
            hours=self.hours[where],
            feature=self.feature[where],
            value=self.value[where],
            statics=self.statics[first:last],
            titles=titles,
        )

    def title(self, record_id: str) -> str:
        """Words for the stay: its title where it has one, else its identifier."""
        return self.titles[self.record_ids.index(record_id)] if self.titles else record_id

    def select(self, record_ids: Sequence[str]) -> "Recordings":
        """The named stays only, in the order given; KeyError for an unknown one."""
        where = {name: i for i, name in enumerate(self.record_ids)}
        picked = [where[name] for name in record_ids]
        first = picked[0] if picked else 0
        if picked and picked == list(range(first, first + len(picked))):
            return self.between(first, first + len(picked))
        slices = [slice(self._bounds[i], self._bounds[i + 1]) for i in picked]
        stay = np.repeat(np.arange(len(picked), dtype=np.int32), [s.stop - s.start for s in slices])
        titles = tuple(self.titles[i] for i in picked) if self.titles else ()

        def gather(column: np.ndarray) -> np.ndarray:
            return np.concatenate([column[s] for s in slices]) if slices else column[:0]

        if self.rows is not None:
            values = tuple(map(gather, self.rows.values))
            rows = MeasuredRows(stay, gather(self.rows.hours), self.rows.features, values)
            return self.of_rows(
                self.task, tuple(record_ids), rows, self.statics[picked], self.report, titles, self.simulated
            )
        return replace(
            self,
            record_ids=tuple(record_ids),
            stay=stay,
            hours=gather(self.hours),
            feature=gather(self.feature),
            value=gather(self.value),
            statics=self.statics[picked],
            titles=titles,
        )

    def table(self) -> pd.DataFrame:
        """Long table with the columns record_id, hours, variable, value, in the task's units."""
        names = np.array([f.name for f in self.task.features], dtype=object)
        return pd.DataFrame(
            {
                "record_id": np.array(self.record_ids, dtype=object)[self.stay],
                "hours": self.hours,
                "variable": names[self.feature],
                "value": self.value,
            }
        )
