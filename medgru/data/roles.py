"""Which column says whose row it is, when, what was measured and how much: by its name, else by its cells.

What only the cells say is marked as a guess, so that someone looks at it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.names import (
    DATE,
    EICU_OFFSETS,
    PERSON_NAMES,
    RECORD_ID,
    TIME,
    UNIT,
    VALUE,
    VARIABLE,
    Names,
    match_role,
    name_key,
)
from medgru.data.table import MISSING_WORDS, distinct, numbers
from medgru.data.times import CLOCK, HOURS, MINUTES, SECONDS, parse_times
from medgru.data.view import TableView
from medgru.tasks import Columns, Task

_ROWS = 20_000
_MOST_NAMES = 500
_MIN_SHARE, _MANY_VARIABLES = 0.5, 5
_MIN_RISING = 4
_PERSON_KEYS = {name_key(name) for name in PERSON_NAMES}
_SINCE = {"since", "after", "from", "offset", "elapsed", "iculos", "seit", "nach", *EICU_OFFSETS}
"""Words of headers of times that are counted from the beginning of a stay."""

_HAS_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Role:
    """The column that has a role, and why it was taken where its name does not say so ("" where it does)."""

    column: str
    guess: str = ""


def propose_roles(view: TableView, task: Task, names: Names) -> dict[str, Role]:
    """The column of each role; `DATE` only where the time column is a time of day."""
    if view.table.roles:
        found = {role: Role(column) for role, column in view.table.roles.items()}
    else:
        found = _Finder(view, task, names).run()
    return found if task.columns is None else _as_made(found, view, task.columns)


def _as_made(found: dict[str, Role], view: TableView, columns: Columns) -> dict[str, Role]:
    """The roles as in the table that the task was made from, where this one has the same columns."""
    made = {
        RECORD_ID: columns.record_id,
        TIME: columns.time,
        VARIABLE: columns.variable,
        VALUE: columns.value,
    }
    kept = {role: Role(column) for role, column in made.items() if column in view.table.columns}
    taken = {role.column for role in kept.values()}
    for role in (RECORD_ID, TIME, VARIABLE, VALUE) if columns.variable else (RECORD_ID, TIME):
        if role in found and role not in kept and found[role].column not in taken and made[role]:
            kept[role] = found[role]
    if DATE in found and TIME in kept and found.get(TIME) == kept[TIME]:
        kept[DATE] = found[DATE]
    return kept


class _Finder:
    """Works out the roles of one table's columns; one use."""

    def __init__(self, view: TableView, task: Task, names: Names) -> None:
        self.view, self.task, self.names = view, task, names
        columns = view.table.columns
        roles = {c: None if c in names.as_written else match_role(c) for c in columns}
        hits = sorted((hit[1], i, hit[0]) for i, c in enumerate(columns) if (hit := roles[c]) is not None)
        self.named: dict[str, list[str]] = {}
        for _, i, role in hits:
            self.named.setdefault(role, []).append(columns[i])
        known = {c: found.target for c in columns if (found := names.known(c)) is not None}
        self.is_wide = bool({*known.values()} & task.feature_index.keys())
        # In a file without header a "name" may be a patient's value: nothing is guessed around it.
        self.has_header = bool(hits or known)
        self.free = [c for c in columns if roles[c] is None and c not in known and _HAS_LETTER.search(c)]
        self.roles: dict[str, Role] = {}

    def run(self) -> dict[str, Role]:
        self.roles = {role: Role(columns[0]) for role, columns in self.named.items() if role != DATE}
        long = self._long()
        for role in (VARIABLE, VALUE, UNIT):
            if not long:
                self.roles.pop(role, None)
        self.roles |= long
        if RECORD_ID not in self.roles and (person := self._person()) is not None:
            self.roles[RECORD_ID] = person
        time = self.roles.get(TIME) or self._time()
        if time is not None:
            self.roles[TIME] = time
            days = [c for c in self.named.get(DATE, []) if c != time.column and self.view.filled(c)]
            day = next((c for c in days if self.view.is_dated(time.column, c)), None)
            if day is not None:
                self.roles[DATE] = Role(day)
            elif days and self._may_be_of_day(time.column):
                doubt = f"The dates in {days[0]} are not used: the times are taken as they stand, without a day."
                self.roles[TIME] = Role(time.column, f"{time.guess} {doubt}".strip())
        place = self.view.table.columns.index
        return dict(sorted(self.roles.items(), key=lambda role: place(role[1].column)))

    def _person(self) -> Role | None:
        """The column with the names of people, where no other says whose row it is."""
        taken = {role.column for role in self.roles.values()}
        for column in self.view.table.columns:
            if name_key(column) in _PERSON_KEYS and column not in taken and not self._is_numeric(column):
                self.free = [c for c in self.free if c != column]
                return Role(
                    column,
                    "Names tell the patients apart: two people of one name would be one, and names identify people. "
                    "Please check.",
                )
        return None

    def _cells(self, column: str) -> pa.ChunkedArray:
        return self.view.table.data.column(column).slice(0, _ROWS)

    # What was measured, and how much.

    def _long(self) -> dict[str, Role]:
        """Columns of variables and values of a long table; nothing where it is none."""
        variable, value = self.roles.get(VARIABLE), self.roles.get(VALUE)
        as_named = {VARIABLE: variable, VALUE: value} if variable is not None and value is not None else {}
        named = {role: r for role, r in as_named.items() if r is not None}
        if self.is_wide or (named and self._known_cells(named[VARIABLE].column)[0]):
            return named
        for column in [*self.named.get(VARIABLE, []), *self.free]:
            n_known, n_all, n_features = self._known_cells(column)
            enough = n_features >= _MANY_VARIABLES or n_known >= _MIN_SHARE * max(n_all, 1)
            if not enough or n_features < (1 if value is not None else 2):
                continue
            taken = value or self._number_beside(column)
            if taken is not None:
                why = f"{n_known} of its {n_all} different entries name variables. Please check."
                is_named = column in self.named.get(VARIABLE, [])
                return {VARIABLE: Role(column, "" if is_named else why), VALUE: taken}
        return named

    def _known_cells(self, column: str) -> tuple[int, int, int]:
        """Distinct cells that name a variable, distinct cells in all, and variables named."""
        cells = self._cells(column)
        if not (pa.types.is_string(cells.type) or pa.types.is_dictionary(cells.type)):
            return 0, 0, 0
        texts = [t for t in distinct(cells)[1] if t.casefold() not in MISSING_WORDS][:_MOST_NAMES]
        # One letter is as likely a code of something else: "F" a sex, "K" a ward.
        found = [hit.target for t in texts if len(t) > 1 and (hit := self.names.known(t)) is not None]
        return len(found), len(texts), len(set(found))

    def _number_beside(self, column: str) -> Role | None:
        """The first column of numbers to the right, else the only one to the left."""
        at = self.view.table.columns.index(column)
        found = [c for c in self.free if c != column and self._is_numeric(c)]
        right = [c for c in found if self.view.table.columns.index(c) > at]
        if right or len(found) == 1:
            return Role((right or found)[0], f"Holds the numbers beside {column}. Please check.")
        return None

    def _is_numeric(self, column: str) -> bool:
        cells = numbers(self._cells(column), self.view.table.decimal_comma)
        n_bad = 0 if cells.bad is None else int(cells.bad.sum())
        return int(np.isfinite(cells.value).sum()) > n_bad

    # When.

    def _time(self) -> Role | None:
        """The time column where none is named so."""
        days = [c for c in self.named.get(DATE, []) if self.view.times(c, 0).absolute]
        full = next((c for c in days if not self.view.has_whole_days(c)), None)
        if full is not None:
            return Role(full)
        taken = {r.column for r in self.roles.values()}
        guess = self._guess_time([c for c in self.free if c not in taken]) if self.has_header else None
        return guess or (Role(days[0]) if days else None)

    def _may_be_of_day(self, column: str) -> bool:
        """Whether times beside a date could be of a day: neither moments nor said to be since the stay began."""
        if {name_key(word) for word in re.split(r"[\s_()]+", column)} & _SINCE:
            return False
        return not self.view.times(column, self.task.window_hours).absolute

    def _guess_time(self, columns: Sequence[str]) -> Role | None:
        stay = self._stay_codes()
        moments, clocks, rising = [], [], []
        for column in columns:
            comma = self.view.table.decimal_comma
            times = parse_times(self._cells(column), column, self.task.window_hours, None, comma)
            known = np.isfinite(times.value)
            if known.sum() * 2 < len(known) or times.bad.sum() > 0.1 * known.sum():
                continue
            value, owner = times.value[known], stay[known]
            if times.absolute and not pa.types.is_floating(self._cells(column).type):
                if (value % 86_400 != 0).any() and _varies(owner, value) and not self._is_numeric(column):
                    moments.append(column)
            elif times.unit == CLOCK and _varies(owner, value):
                clocks.append(column)
            elif times.unit in (HOURS, MINUTES, SECONDS) and _rises(owner, value):
                rising.append(column)
        if moments or clocks:
            return Role((moments or clocks)[0], "No column is named as the time.")
        if len(rising) == 1:
            return Role(rising[0], "No column is named as the time; the numbers in this one rise within each stay.")
        return None

    def _stay_codes(self) -> NDArray[np.int32]:
        if RECORD_ID in self.roles:
            return distinct(self._cells(self.roles[RECORD_ID].column))[0]
        return self.view.table.members[:_ROWS]


def _varies(stay: NDArray[np.int32], value: NDArray[np.float64]) -> bool:
    """Whether a stay has more than one value: a date of birth, admission or discharge has not."""
    n_stays = len(np.unique(stay))
    return n_stays == len(stay) or len(np.unique(np.stack([stay.astype(float), value]), axis=1).T) > n_stays


def _rises(stay: NDArray[np.int32], value: NDArray[np.float64]) -> bool:
    """Whether the numbers rise down the rows of each stay, and are more than the number of the row."""
    order = np.argsort(stay, kind="stable")
    ordered, step = stay[order], np.diff(value[order])
    within = ordered[1:] == ordered[:-1]
    if (value < 0).any() or (step[within] < 0).any():
        return False
    most = np.bincount(ordered[1:][within & (step > 0)] + 1, minlength=1).max() + 1
    counts_rows = len(value) > 1 and np.ptp(np.diff(value)) == 0 and len(np.unique(stay)) > 1
    return bool(most >= _MIN_RISING) and not counts_rows
