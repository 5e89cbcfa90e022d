"""Tables as rows of stays: whose row it is, and which texts a column gives to each stay."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgru.data.classes import canonical
from medgru.data.headers import forget_names
from medgru.data.inspection import Inspection
from medgru.data.mapping import Mapping
from medgru.data.names import DATE, RECORD_ID, TIME, VALUE, VARIABLE, match_role
from medgru.data.pseudonyms import why_apart
from medgru.data.readers import read_tables
from medgru.data.recording import Recordings
from medgru.data.source import Source
from medgru.data.times import HOURS, STEPS, TIMESTAMP, TimeColumn, with_day
from medgru.data.view import TableView, chosen_time_unit
from medgru.errors import DataError


@dataclass(frozen=True)
class Part:
    """A table: which stay each row belongs to, and the order of rows in time.

    Attributes:
        view: The table.
        roles: Which column has which role.
        stay: Index of the stay of each row, (rows,), -1 where unknown.
        when: Time of each row, (rows,), NaN where unknown: the order of rows is not time.
        clock: What `when` counts: only times of one clock can be compared; "" where there are none.
    """

    view: TableView
    roles: dict[str, str]
    stay: NDArray[np.int32]
    when: NDArray[np.float64]
    clock: str = ""

    @property
    def columns(self) -> list[str]:
        """Columns without a role, and the variables of a long table."""
        taken = set(self.roles.values())
        variables = self.view.distinct(self.roles[VARIABLE])[1] if self._is_long else []
        return [c for c in self.view.table.columns if c not in taken] + [v for v in variables if v not in taken]

    @property
    def _is_long(self) -> bool:
        return VARIABLE in self.roles and VALUE in self.roles

    def cells(self, column: str) -> tuple[NDArray[np.int64], NDArray[np.int32], list[str]] | None:
        """Rows, codes and texts of a column or variable; None where the table has none of that name."""
        if column in self.view.table.columns:
            codes, texts = self.view.distinct(column)
            return np.arange(len(codes)), codes, texts
        if self._is_long:
            which, names = self.view.distinct(self.roles[VARIABLE])
            if column in names:
                rows = np.flatnonzero(which == names.index(column))
                codes, texts = self.view.distinct(self.roles[VALUE])
                return rows, codes[rows], texts
        return None


def part_of(view: TableView, roles: dict[str, str], index: dict[str, int], times: TimeColumn | None = None) -> Part:
    """A table whose rows are matched to stays by their identifier, and its times, where it has any."""
    stays = view.stays(roles)
    lookup = np.array([index.get(name, -1) for name in stays.names] + [-1], np.int32)
    if times is None or not np.isfinite(times.value).any():
        return Part(view, roles, lookup[stays.codes], np.full(len(view.table), np.nan))
    clock = times.unit if times.unit in (TIMESTAMP, STEPS) else HOURS
    return Part(view, roles, lookup[stays.codes], times.value, clock)


def named_times(view: TableView, time: str = "", unit: str | None = None) -> TimeColumn | None:
    """The times of a table that has no measurements: in the column of that name, else in one that is called so."""
    found = sorted((role[1], column, role[0]) for column in view.table.columns if (role := match_role(column)))
    times = [c for _, c, role in found if role == TIME]
    days = [c for _, c, role in found if role == DATE]
    if time in view.table.columns:
        return view.times(time, 0, unit).undated()
    if times and days and view.is_dated(times[0], days[0]):
        return with_day(view.clock(times[0]), view.times(days[0], 0))
    return view.times((times or days)[0], 0).undated() if times or days else None


def parts_of(
    inspection: Inspection, mapping: Mapping, record_ids: Sequence[str] | None = None
) -> tuple[list[Part], int]:
    """The tables of an inspection, and the number of stays in them."""
    all_roles = [view.roles(mapping) for view in inspection.views]
    # Without an identifier or a time a table is no part of a stay, unless its file is one.
    both = [(v, r) for v, r in zip(inspection.views, all_roles, strict=True) if RECORD_ID in r or TIME in r]
    if record_ids is None:
        record_ids = tuple(dict.fromkeys(name for view, roles in both for name in view.stays(roles).names))
    index = {name: i for i, name in enumerate(record_ids)}
    parts = []
    for view, roles in both:
        times = view.row_times(roles, inspection.task, chosen_time_unit(mapping, roles)) if TIME in roles else None
        parts.append(part_of(view, roles, index, times))
    return parts, len(index)


def parts_of_files(files: Sequence[Source], recordings: Recordings) -> list[Part]:
    """Tables of a file of labels; the identifier is the column that names most of the stays."""
    tables, refused = read_tables(files)
    forget_names()
    if not tables:
        lines = [f"{r.file} {r.problem}" for r in refused[:5]]
        raise DataError("\n".join(lines) or "No file of labels was given. Choose one.")
    index = {name: i for i, name in enumerate(recordings.record_ids)}
    own = recordings.task.columns
    parts = []
    for view in map(TableView, tables):
        column = identifier(view, index)
        if column is not None:
            times = named_times(view, own.time, own.time_unit or None) if own else named_times(view)
            parts.append(part_of(view, {RECORD_ID: column}, index, times))
    if not parts:
        raise DataError(
            f"No column of {tables[0].names[0]} holds the identifiers of the stays that were read. The file of labels "
            f"needs a column with the same identifiers, such as record_id.{why_apart(recordings.record_ids)}"
        )
    return parts


def stay_texts(parts: Sequence[Part], column: str, record_ids: Sequence[str]) -> tuple[str, ...]:
    """Whose stay each is, by the first text of that column in these tables; by its own identifier where it has none."""
    texts = list(map(patient_key, record_ids))
    seen = False
    for part in reversed(parts):  # the first table has the last word
        cells = part.cells(column)
        if cells is None:
            continue
        seen = True
        rows, codes, names = cells
        good = (part.stay[rows] >= 0) & (codes >= 0)
        stays, first = np.unique(part.stay[rows[good]], return_index=True)
        for stay, at in zip(stays.tolist(), first.tolist(), strict=True):
            texts[stay] = patient_key(names[codes[good][at]])
    if not seen:
        raise DataError(f"There is no column called {column} in these files. Choose the column of the patients anew.")
    return tuple(texts)


def patient_key(text: str) -> str:
    """One spelling for one patient: "7", "7.0", "007" and " 7" are "7"; case and width of letters do not count.

    Leading zeros go, though two people might differ in them alone: to keep these on one side of a split costs nothing,
    to have one patient on both makes every figure too good.
    """
    plain = canonical(unicodedata.normalize("NFKC", text)).casefold()
    return plain.lstrip("0") or "0" if plain.isdecimal() else plain


def identifier(view: TableView, index: dict[str, int]) -> str | None:
    """The column that names most of these stays; one that is called so wins over numbers that happen to fit."""
    best: tuple[bool, int] = (False, 0)
    found = None
    for column in view.table.columns:
        hits = sum(text in index for text in view.distinct(column)[1])
        role = match_role(column)
        rank = (role is not None and role[0] == RECORD_ID, hits)
        if hits and rank > best:
            best, found = rank, column
    return found
