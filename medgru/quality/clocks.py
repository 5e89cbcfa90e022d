"""Times that cannot be, or hardly can.

Absolute times are looked at as they stand in the files; hours since admission, which have no date, only for their
order, their unit and their gaps.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.inspection import Inspection
from medgru.data.mapping import Mapping
from medgru.data.names import DATE, TIME, VARIABLE
from medgru.data.recording import Recordings
from medgru.data.times import CLOCK as CLOCK_TIMES
from medgru.data.times import HOURS
from medgru.data.view import TableView, chosen_time_unit
from medgru.data.words import agreeing, counted
from medgru.quality.finding import CLOCK, MAX_ROWS, Finding
from medgru.tasks import HOUR, Task

_DAY_S = 86_400
_PLACEHOLDERS = {1899: "1899", 1900: "1900", 1970: "1970-01-01", 9999: "9999"}
_FEW = 0.05
"""What concerns more than this share of the rows is how the file is, not a slip."""

_LONGEST_SPAN_S = 20 * _DAY_S
_PUBLISHED_FROM = 2100
"""Dates of published collections are moved into a later century: they are not in the future by mistake."""


def clock_doubts(
    recordings: Recordings,
    inspection: Inspection | None = None,
    mapping: Mapping | None = None,
    now: float | None = None,
) -> list[Finding]:
    """Problems of clocks, a finding each.

    Args:
        recordings: What was read.
        inspection, mapping: The files and what their columns mean, where there are any.
        now: Seconds since 1970; the machine's own clock unless given.
    """
    found = []
    if inspection is not None and mapping is not None:
        moment = datetime.now(UTC).timestamp() if now is None else now
        for view in inspection.views:
            if view.problem(mapping, inspection.task) is None:
                found += _Table(view, inspection.task, mapping, moment).run()
    return found + _gaps(recordings)


class _Table:
    """The clock of one table."""

    def __init__(self, view: TableView, task: Task, mapping: Mapping, now: float) -> None:
        self.view, self.task, self.now = view, task, now
        own = mapping.of_table(view.index)
        self.roles = view.roles(own)
        self.has_time = TIME in self.roles
        self.times = view.row_times(self.roles, task, chosen_time_unit(own, self.roles))
        self.stays = view.stays(self.roles)
        self.there = np.isfinite(self.times.value) & (self.stays.codes >= 0)
        self.found: list[Finding] = []

    def run(self) -> list[Finding]:
        if self.has_time and self.there.any():
            if self.times.absolute:
                self._dates()
            elif self.times.unit in (HOURS, CLOCK_TIMES) and self.task.step == HOUR:
                self._minutes()
            self._backwards()
        return self.found

    def _add(self, rows: NDArray[np.int64], title: Callable[[int], str], what_to_do: str) -> None:
        if not len(rows):
            return
        column = self.roles[TIME]
        shown = rows[:MAX_ROWS]
        places = [self.view.table.place(int(r)) for r in shown]
        names = [self.stays.names[c] if c >= 0 else "" for c in self.stays.codes[shown]]
        day = [f"{self.view.text(self.roles[DATE], int(r))} " if DATE in self.roles else "" for r in shown]
        table = pd.DataFrame(
            {
                "file": [p[0] for p in places],
                "row": [p[1] for p in places],
                "record_id": names,
                column: [d + self.view.text(column, int(r)) for d, r in zip(day, shown, strict=True)],
            }
        )
        patients = len(np.unique(self.stays.codes[rows]))
        self.found.append(Finding(CLOCK, title(len(rows)), what_to_do, "", patients, len(rows), table))

    def _dates(self) -> None:
        value, there, column = self.times.value, self.there, self.roles[TIME]
        with np.errstate(invalid="ignore"):
            year = 1970 + np.floor(value / (365.2425 * _DAY_S) + 0.003)  # a day's grace: leap days shift the new year
        for y, words in _PLACEHOLDERS.items():
            near = there & (np.abs(value) < _DAY_S if y == 1970 else year == y)
            self._placeholder(np.flatnonzero(near), words)
            there = there & ~near
        if not there.any():
            return
        if np.median(year[there]) < _PUBLISHED_FROM:
            self._add(
                np.flatnonzero(there & (value > self.now + _DAY_S)),
                lambda n: f"{counted(n, 'time')} {agreeing(n, 'lies', 'lie')} in the future.",
                "Check the order of day and month, and the clock of the machine that wrote them.",
            )
        if self.view.has_whole_days(column) and DATE not in self.roles and len(np.unique(value[there])) > 1:
            self._add(
                np.flatnonzero(there),
                lambda n: f"All {n:,} times are at midnight: the time of day seems to be lost.",
                "Export the column with its time; else several measurements of a day are taken as of one moment.",
            )
        elif there.sum() >= 20:
            moments, inverse, count = np.unique(value[there], return_inverse=True, return_counts=True)
            most = int(count.argmax())
            rows = np.flatnonzero(there)[inverse == most]
            odd_second = moments[most] % 60 != 0
            if odd_second and count[most] > 0.1 * there.sum() and len(np.unique(self.stays.codes[rows])) >= 5:
                self._add(
                    rows,
                    lambda n: (
                        f"{n:,} rows of several patients bear one and the same second, as when a batch was stored."
                    ),
                    "Use the time of measurement, not the time at which the row was stored.",
                )
        self._swapped(value, there)

    def _placeholder(self, rows: NDArray[np.int64], words: str) -> None:
        self._add(
            rows,
            lambda n: (
                f"{counted(n, 'time')} {agreeing(n, 'is', 'are')} of {words}, which programs write where they know "
                "none."
            ),
            "Rows of 1970 and 1900 are set aside where the table has other times. Give the time of these rows.",
        )

    def _swapped(self, value: NDArray[np.float64], there: NDArray[np.bool_]) -> None:
        """Times far from the others of their stay that would be among them with day and month exchanged."""
        rows = np.flatnonzero(there)
        frame = pd.DataFrame({"stay": self.stays.codes[rows], "value": value[rows]})
        middle = frame.groupby("stay")["value"].transform("median").to_numpy()
        far = rows[np.abs(value[rows] - middle) > _LONGEST_SPAN_S]
        if not len(far) or len(far) > _FEW * len(rows) + 3:
            return
        middles = pd.Series(middle, index=rows)
        swapped = []
        for row in far:
            moment = datetime.fromtimestamp(float(value[row]), UTC)
            if moment.day <= 12 and moment.day != moment.month:
                other = moment.replace(month=moment.day, day=moment.month).timestamp()
                if abs(other - middles[row]) < _LONGEST_SPAN_S / 2:
                    swapped.append(row)
        self._add(
            np.array(swapped, dtype=np.int64),
            lambda n: (
                f"{counted(n, 'time')} {agreeing(n, 'lies', 'lie')} weeks away from the others of their stay, "
                "but among them with day and month exchanged."
            ),
            "Write all dates in one order, best as 2026-01-31.",
        )

    def _minutes(self) -> None:
        """Hours that would fit the window as minutes."""
        value = self.times.value[self.there]
        window = self.task.window_hours
        late = value > window
        most = float(np.quantile(value, 0.95))
        if late.mean() > 0.3 and window * 2 < most <= window * 60 * 1.1 and (value % 1 == 0).mean() > 0.95:
            self._add(
                np.flatnonzero(self.there & (self.times.value > window)),
                lambda n: (
                    f"{counted(n, 'row')} {agreeing(n, 'lies', 'lie')} after hour {window}: the times look like "
                    "minutes, read as hours."
                ),
                "Choose minutes as the unit of the time on Upload.",
            )

    def _backwards(self) -> None:
        """Times that go back down the rows of a stay, where nearly all others go on."""
        rows = np.flatnonzero(self.there)
        group = self.stays.codes[rows].astype(np.int64)
        if self.view.is_long(self.roles):
            what = self.view.distinct(self.roles[VARIABLE])[0][rows]
            group = group * (int(what.max(initial=0)) + 2) + what + 1
        order = np.argsort(group, kind="stable")
        step = np.diff(self.times.value[rows][order])
        within = np.diff(group[order]) == 0
        back = within & (step < 0)
        n = int(within.sum())
        if back.any() and back.sum() <= _FEW * n:
            self._add(
                rows[order][1:][back],
                lambda n: (
                    f"{counted(n, 'row')} {agreeing(n, 'goes', 'go')} back in time, where all others of their stay go "
                    "on."
                ),
                "Check these rows for a slip of the date, or a clock that was set. They are used as they stand.",
            )


def _gaps(recordings: Recordings) -> list[Finding]:
    """Stays in which nothing at all was measured for a quarter of the window."""
    stay, hours = np.asarray(recordings.stay), np.asarray(recordings.hours)
    if len(stay) < 2:
        return []
    order = np.lexsort((hours, stay))
    stay, hours = stay[order], hours[order].astype(float)
    step = np.diff(hours)
    long = np.flatnonzero((stay[1:] == stay[:-1]) & (step >= recordings.task.window_hours / 4))
    if not len(long):
        return []
    ids = np.array(recordings.record_ids, dtype=object)
    rows = pd.DataFrame(
        {
            "record_id": ids[stay[long]],
            "from": np.round(hours[long], 2),
            "to": np.round(hours[long + 1], 2),
            "silent": np.round(step[long], 2),
        }
    ).sort_values("silent", ascending=False)
    patients = len(np.unique(stay[long]))
    task = recordings.task
    unit = "hours" if task.step == HOUR else f"{task.step.name}s"
    title = f"{counted(patients, 'patient')} without any measurement for {task.window_hours / 4:g} {unit} or more."
    return [
        Finding(
            CLOCK, title, "Were they elsewhere, or is a file missing?", "", patients, len(long), rows.head(MAX_ROWS)
        )
    ]
