"""The tables of an own task with their roles chosen: stays, times, numbers and texts of each column."""

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from medgru.data.grid import Grid, Moments, grid_of, row_grid
from medgru.data.names import RECORD_ID, TIME, VALUE, VARIABLE
from medgru.data.parts import Part, identifier, named_times, part_of
from medgru.data.times import STEPS, TimeColumn
from medgru.data.view import TableView
from medgru.errors import DataError
from medgru.tasks import Step


class OwnTable:
    """Tables read under chosen roles.

    Attributes:
        parts: All tables whose rows belong to stays, those with measurements and others (labels, descriptors).
        measuring: The tables with measurements.
        record_ids: The stays of the tables with measurements, in order of appearance.
    """

    def __init__(
        self,
        views: Sequence[TableView],
        record_id: str | None,
        time: str | None = None,
        time_unit: str = "",
        long: tuple[str, str] | None = None,
        features: Collection[str] | None = None,
    ) -> None:
        self.time, self.time_unit = time, time_unit
        wanted = {c for c in (record_id, time, *(long or ())) if c}
        named = {RECORD_ID: record_id, TIME: time}
        if long:
            named |= {VARIABLE: long[0], VALUE: long[1]}
        roles = {role: column for role, column in named.items() if column}
        measuring = [v for v in views if wanted <= set(v.table.columns) and _has_any(v, features, long is not None)]
        self.record_ids = tuple(dict.fromkeys(name for v in measuring for name in v.stays(roles).names))
        index = {name: i for i, name in enumerate(self.record_ids)}
        self.measuring: list[Part] = []
        self.parts: list[Part] = []
        for view in views:
            if view in measuring:
                part = part_of(view, roles, index, self._times(view) if time else None)
                self.measuring.append(part)
                self.parts.append(part)
                continue
            column = record_id if record_id in view.table.columns else identifier(view, index)
            if column is not None:
                times = named_times(view, time or "", time_unit or None)
                self.parts.append(part_of(view, {RECORD_ID: column}, index, times))

    def __len__(self) -> int:
        return len(self.record_ids)

    def _times(self, view: TableView) -> TimeColumn:
        """Time of each row: hours or steps, or seconds where it is a moment of a calendar."""
        return view.times(str(self.time), 0, self.time_unit or None).undated()

    def grid(self, step: Step | None = None) -> Grid:
        """The grid of the chosen times.

        Raises:
            DataError: No cell of the time column is a time.
        """
        if self.time is None:
            sizes = [np.bincount(p.stay[p.stay >= 0], minlength=len(self)) for p in self.measuring]
            return row_grid(np.concatenate(sizes) if sizes else np.empty(0, np.int64))
        stay, value = [], []
        kinds = set()
        for part in self.measuring:
            times = self._times(part.view)
            absolute = times.absolute
            hours = times.value / 3600 if absolute else times.value
            known = np.isfinite(hours) & (part.stay >= 0)
            stay.append(part.stay[known])
            value.append(hours[known])
            if known.any():
                kinds.add(absolute)
        if len(kinds) != 1:
            problem = "holds both dates and plain numbers" if kinds else f"holds no time in the unit {self.time_unit}"
            raise DataError(
                f"The column {self.time} {problem}. Choose another unit, another time column, or none: then the rows "
                "of each stay are counted."
            )
        absolute = kinds.pop()
        if absolute and self.time_unit == STEPS:
            raise DataError(f"The column {self.time} holds dates, not numbered steps. Choose the unit 'timestamp'.")
        return grid_of(Moments(np.concatenate(stay), np.concatenate(value), self.time_unit, absolute), step)

    def numbers(self, name: str) -> NDArray[np.float64]:
        """Every finite number of a column or variable, of rows that belong to a stay."""
        found = [np.empty(0)]
        for part in self.parts:
            cells = part.cells(name)
            if cells is not None:
                column = name if name in part.view.table.columns else part.roles[VALUE]
                value = part.view.numbers(column).value[cells[0]]
                found.append(value[np.isfinite(value) & (part.stay[cells[0]] >= 0)])
        return np.concatenate(found)

    def texts(self, name: str) -> list[str]:
        """The different texts of a column."""
        found = [text for p in self.parts if name in p.view.table.columns for text in p.view.distinct(name)[1]]
        return list(dict.fromkeys(found))


def _has_any(view: TableView, features: Collection[str] | None, long: bool) -> bool:
    return features is None or long or bool(set(features) & set(view.table.columns))
