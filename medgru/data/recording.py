"""The one form that every reader produces: stays with their timed measurements.

Kept in columns, not one object a stay, so that ten thousand stays cost what a table costs.
Letters: N measurements, B stays, S admission descriptors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.tasks import Task

ISSUE_COLUMNS = ("file", "row", "record_id", "column", "value", "problem", "count", "kind")

# Kinds of issues, for those who sort them; `problem` is the sentence for the screen.
IMPLAUSIBLE, NOT_A_NUMBER, UNKNOWN_UNIT, NO_VALUE = "implausible", "not a number", "unknown unit", "no value"
REPEATED, CONFLICT, NO_TIME, NO_STAY = "repeated", "conflict", "no time", "no stay"
BEFORE, AFTER, FILE, RAGGED = "before the start", "after the window", "file", "ragged row"


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
class Recordings:
    """Stays of one task, in the task's units, checked against its plausible ranges.

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

    def __len__(self) -> int:
        return len(self.record_ids)

    @cached_property
    def _bounds(self) -> NDArray[np.int64]:
        """Where each stay's measurements begin and end, (B + 1,)."""
        return np.searchsorted(self.stay, np.arange(len(self) + 1))

    def title(self, record_id: str) -> str:
        """Words for the stay: its title where it has one, else its identifier."""
        return self.titles[self.record_ids.index(record_id)] if self.titles else record_id

    def select(self, record_ids: Sequence[str]) -> "Recordings":
        """The named stays only, in the order given; KeyError for an unknown one."""
        where = {name: i for i, name in enumerate(self.record_ids)}
        picked = [where[name] for name in record_ids]
        slices = [slice(self._bounds[i], self._bounds[i + 1]) for i in picked]

        def gather(column: np.ndarray) -> np.ndarray:
            return np.concatenate([column[s] for s in slices]) if slices else column[:0]

        lengths = [s.stop - s.start for s in slices]
        return Recordings(
            task=self.task,
            record_ids=tuple(record_ids),
            stay=np.repeat(np.arange(len(picked), dtype=np.int32), lengths),
            hours=gather(self.hours),
            feature=gather(self.feature),
            value=gather(self.value),
            statics=self.statics[picked],
            report=self.report,
            simulated=self.simulated,
            titles=tuple(self.titles[i] for i in picked) if self.titles else (),
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

    def statics_table(self) -> pd.DataFrame:
        """One row a stay: record_id and every admission descriptor, NaN where unknown."""
        table = pd.DataFrame(self.statics, columns=[f.name for f in self.task.statics])
        table.insert(0, "record_id", list(self.record_ids))
        return table
