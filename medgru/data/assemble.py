"""Measurements of all tables put together: sorted, exact repetitions used once, descriptors picked.

Letters: N measurements, B stays, S descriptors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgru.data.issues import Issues
from medgru.data.recording import CONFLICT, REPEATED, MeasuredRows
from medgru.data.table import Table
from medgru.data.words import agreeing, counted
from medgru.tasks import Task


@dataclass(frozen=True)
class Measurements:
    """Usable measurements and where they stand.

    Attributes:
        tables: Tables they come from, in order.
        ends: Where the part of each table ends, so that a measurement's table can be found.
        stay, hours, feature, value: Columns as in `Recordings`, (N,).
        row: Index of the row in its table, (N,).
    """

    tables: tuple[Table, ...]
    ends: NDArray[np.int64]
    stay: NDArray[np.int32]
    hours: NDArray[np.float32]
    feature: NDArray[np.int16]
    value: NDArray[np.float32]
    row: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.row)

    @classmethod
    def of(
        cls, table: Table, stay: NDArray, hours: NDArray, feature: int, value: NDArray, row: NDArray
    ) -> "Measurements":
        """Measurements of one variable in one table."""
        return cls(
            (table,),
            np.array([len(row)]),
            stay,
            hours.astype(np.float32),
            np.full(len(row), feature, np.int16),
            value.astype(np.float32),
            row.astype(np.int32),
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Measurements"]) -> "Measurements":
        """All parts, one after the other."""

        def join(name: str, kind: type) -> NDArray:
            return np.concatenate([getattr(p, name) for p in parts]) if parts else np.empty(0, kind)

        sizes = [len(p.row) for p in parts]
        return cls(
            tuple(p.tables[0] for p in parts),
            np.cumsum(np.array(sizes, dtype=np.int64)),
            join("stay", np.int32),
            join("hours", np.float32),
            join("feature", np.int16),
            join("value", np.float32),
            join("row", np.int32),
        )


@dataclass(frozen=True)
class WideRows:
    """Usable measurements of a wide table, a column a variable. R rows.

    Attributes:
        table: Where they stand.
        row: Index of each row in it, (R,); None where all of its rows are here.
        stay, hours: Of each row, (R,).
        features: Indices into `task.features`, rising.
        values: One (R,) array a feature, NaN where there is none.
    """

    table: Table
    row: NDArray[np.int64] | None
    stay: NDArray[np.int32]
    hours: NDArray[np.float32]
    features: tuple[int, ...]
    values: tuple[NDArray[np.float32], ...]

    @classmethod
    def of(
        cls,
        table: Table,
        stay: NDArray[np.int32],
        hours: NDArray[np.float64],
        features: tuple[int, ...],
        values: tuple[NDArray[np.float32], ...],
        row: NDArray[np.int64] | None,
    ) -> "WideRows":
        """The given rows of a table; all of them where None are given."""
        if row is None:
            return cls(table, None, stay, hours.astype(np.float32), features, values)
        return cls(table, row, stay[row], hours[row].astype(np.float32), features, tuple(v[row] for v in values))

    def measurements(self) -> list[Measurements]:
        """The same, a line a measurement."""
        lines = []
        for feature, value in zip(self.features, self.values, strict=True):
            there = np.flatnonzero(~np.isnan(value))
            row = there if self.row is None else self.row[there]
            lines.append(Measurements.of(self.table, self.stay[there], self.hours[there], feature, value[there], row))
        return lines

    def timed_rows(self) -> MeasuredRows | None:
        """The same as rows in order of stay and time; None where a stay has a time twice."""
        some = ~np.isnan(self.values[0])
        for value in self.values[1:]:
            if some.all():
                break
            some |= ~np.isnan(value)
        rows = MeasuredRows(self.stay, self.hours + np.float32(0), self.features, self.values)  # -0 is 0
        if not some.all():
            rows = rows[np.flatnonzero(some)]
        if not _rises(rows):
            rows = rows[np.lexsort((rows.hours, rows.stay))]
        return rows if _rises(rows) else None


def _rises(rows: MeasuredRows) -> bool:
    """Whether the rows are in order of stay and time, and no time occurs twice."""
    later = (rows.stay[1:] == rows.stay[:-1]) & (rows.hours[1:] > rows.hours[:-1])
    return bool((later | (rows.stay[1:] > rows.stay[:-1])).all())


@dataclass(frozen=True)
class StaticCells:
    """Values of one admission descriptor, wherever a row states them."""

    table: Table | None
    stay: NDArray[np.int32]
    index: int | NDArray[np.int16]
    hours: NDArray[np.float64]
    value: NDArray[np.float64]
    row: NDArray[np.int64]

    @staticmethod
    def concatenate(parts: Sequence["StaticCells"]) -> list["StaticCells"]:
        """The parts with anything in them."""
        return [p for p in parts if len(p.row)]


def assemble(found: Measurements, names: Sequence[str], task: Task, issues: Issues) -> Measurements:
    """Sort by stay, hour, variable and value; use exact repetitions once and report them."""
    order, key = _sorted_order(found)
    value = found.value[order]
    same_key = key[1:] == key[:-1]
    again = same_key & (value[1:] == value[:-1])
    differing = int((same_key & ~again).sum())
    if differing:
        issues.note(f"{counted(differing, 'value')} at the same time as another of the same variable; all are used.")
    if again.any():
        _report_repeated(found, order[1:][again], names, task, issues)
        kept = np.append(True, ~again)
        order, value = order[kept], value[kept]
    return Measurements(
        found.tables, found.ends, found.stay[order], found.hours[order], found.feature[order], value, found.row[order]
    )


def _sorted_order(found: Measurements) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order by stay, hour, variable, value; and the sorted key of the first three."""
    # Hours are not negative, so their bits as an integer sort as they do: 31 bits, 10 for the variable.
    bits = np.ascontiguousarray(found.hours + np.float32(0)).view(np.int32).astype(np.int64)
    key = (found.stay.astype(np.int64) << 41) | (bits << 10) | found.feature
    order = np.argsort(key, kind="stable")
    key = key[order]
    ties = np.flatnonzero(np.append(False, key[1:] == key[:-1]) | np.append(key[1:] == key[:-1], False))
    if len(ties):
        within = order[ties]
        order[ties] = within[np.lexsort((found.value[within], key[ties]))]
    return order, key


class _StayNames:
    """Name of the stay by row of the table, for sorted rows."""

    def __init__(self, rows: NDArray, stay: NDArray, names: Sequence[str]) -> None:
        self.rows, self.stay, self.names = rows, stay, names

    def __call__(self, row: int) -> str:
        return self.names[self.stay[np.searchsorted(self.rows, row)]]


def _report_repeated(
    found: Measurements, where: NDArray[np.int64], names: Sequence[str], task: Task, issues: Issues
) -> None:
    issues.note(
        f"{counted(len(where), 'measurement')} {agreeing(len(where), 'occurs', 'occur')} twice (same stay, "
        "time, variable, value): used once."
    )
    part = np.searchsorted(found.ends, where, side="right")
    for p in np.unique(part):
        mine = where[part == p]
        mine = mine[np.argsort(found.row[mine])]
        name = task.features[int(found.feature[mine[0]])].name
        stay_of = _StayNames(found.row[mine], found.stay[mine], names)
        issues.add(found.tables[p], found.row[mine], name, REPEATED, "the same measurement twice, used once", stay_of)


def pick_statics(parts: Sequence[StaticCells], names: Sequence[str], task: Task, issues: Issues) -> NDArray[np.float32]:
    """The earliest known value of each descriptor for each stay, (B, S), NaN where unknown.

    Descriptors are facts at admission by declaration, so they are timeless: wherever in the file, and at
    whatever hour, one is written, it holds from the first hour.
    """
    statics = np.full((len(names), len(task.statics)), np.nan, dtype=np.float32)
    for index, feature in enumerate(task.statics):
        mine = [p for p in parts if p.index == index]
        if not mine:
            continue
        stay, hours, value = (np.concatenate([getattr(p, a) for p in mine]) for a in ("stay", "hours", "value"))
        order = np.lexsort((value, np.where(np.isnan(hours), np.inf, hours), stay))
        stay, value = stay[order], value[order]
        first = np.append(True, stay[1:] != stay[:-1])
        statics[stay[first], index] = value[first]
        chosen = statics[:, index]
        conflicts = 0
        for p in mine:
            differs = np.flatnonzero(p.value.astype(np.float32) != chosen[p.stay])
            if len(differs) and p.table is not None:
                conflicts += len(np.unique(p.stay[differs]))
                differs = differs[np.argsort(p.row[differs])]
                stay_of = _StayNames(p.row[differs], p.stay[differs], names)
                problem = "differs within the stay; the first known value is used"
                issues.add(p.table, p.row[differs], feature.name, CONFLICT, problem, stay_of)
        if conflicts:
            issues.note(f"{feature.label} differs within {counted(conflicts, 'stay')}; the first known value is used.")
    return statics
