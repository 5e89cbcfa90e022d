"""The values of one table, converted to the task's units and checked against its plausible ranges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgru.data.assemble import Measurements, StaticCells, WideRows
from medgru.data.issues import Issues
from medgru.data.mapping import Mapping, Match
from medgru.data.names import ROLES, TIME, UNIT, VALUE, VARIABLE
from medgru.data.recording import IMPLAUSIBLE, NO_TIME, NO_VALUE, NOT_A_NUMBER, UNKNOWN_UNIT
from medgru.data.table import MISSING_WORDS
from medgru.data.units import convert, find_unit, plausible, unit_choices, unit_hints
from medgru.data.view import TimedRows
from medgru.data.words import counted
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import Feature, Task, Unit

MAX_UNITS = 1_000
"""Most units of one variable that are looked up, the most frequent first; no other file has as many."""


@dataclass(frozen=True)
class Found:
    """What a table held.

    Attributes:
        measured: Measurements of a long table, a part for each variable.
        wide: Those of a wide one, as rows; None for a long one.
        statics: Admission descriptors.
        n: Measurements found, usable or not.
    """

    measured: list[Measurements]
    wide: WideRows | None
    statics: list[StaticCells]
    n: int


def read_values(rows: TimedRows, mapping: Mapping, task: Task, names: Sequence[str], issues: Issues) -> Found:
    """Measurements and descriptors of a table.

    Args:
        rows: The table, with the stay and the hour of each row.
        mapping: What its columns mean.
        task: Ranges and units.
        names: Identifiers of all stays.
        issues: Gets what is set aside and what is done to all.
    """
    view, roles = rows.view, rows.roles
    reader = _Values(rows, task, names, issues)
    own = mapping.of_table(view.index).matches
    matches = {m.source: m for m in own if m.target is not None and m.target not in ROLES}
    if not view.is_long(roles):
        for column in view.table.columns:
            if column in matches:
                reader.column(matches[column])
    else:
        reader.long(roles, matches)
        for column in view.table.columns:  # descriptors may stand in columns of their own
            if column in matches and column not in roles.values() and matches[column].target in task.static_index:
                reader.column(matches[column])
    reader.report_untimed()
    if reader.missing_words:
        issues.note(f"{counted(reader.missing_words, 'cell')} with NaN, NA or the like: not measured.")
    return Found(reader.measured, reader.wide_rows(), reader.statics, reader.n_read)


class _Values:
    """Collects the values of one table."""

    def __init__(self, rows: TimedRows, task: Task, names: Sequence[str], issues: Issues) -> None:
        self.rows, self.view, self.stay, self.hours = rows, rows.view, rows.stay, rows.hours
        self.task, self.names, self.issues = task, names, issues
        self.timed = (self.stay >= 0) & (self.hours >= 0) & (self.hours <= task.window_hours)
        self.all_timed = bool(self.timed.all())
        self.untimed: list[NDArray[np.int64]] = []
        self.measured: list[Measurements] = []
        self.columns: dict[int, NDArray[np.float32]] = {}
        self.statics: list[StaticCells] = []
        self.n_read = 0
        self.missing_words = 0

    def column(self, match: Match) -> None:
        """One column of a wide table."""
        feature = self.task.find(match.target or "")
        value, bad = self.view.values_of(match.source, feature)
        if not MISSING_WORDS & {label.casefold() for label in feature.choices.values()}:
            self.missing_words += self.view.numbers(match.source).missing_words
        index = self.task.feature_index.get(feature.name)
        if index is not None and index not in self.columns and TIME in self.rows.roles:
            self.columns[index] = self._whole_column(match, feature, value, bad)
            return
        rows = np.flatnonzero(~np.isnan(value))
        self._take(match, match.source, rows, value[rows], np.flatnonzero(bad))

    def _whole_column(
        self, match: Match, feature: Feature, value: NDArray[np.float64], bad: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """The values of a column that holds one variable, NaN where nothing usable stands; as `_take`, but at once."""
        lowest, highest = value.min(initial=np.inf), value.max(initial=-np.inf)
        there = None  # everywhere: the least of numbers of which one is NaN is NaN
        if np.isnan(lowest):
            there = ~np.isnan(value)
            lowest, highest = np.fmin.reduce(value, initial=np.inf), np.fmax.reduce(value, initial=-np.inf)
        self._count((len(value) if there is None else int(np.count_nonzero(there))) + int(np.count_nonzero(bad)))
        if bad.any():
            self._report_bad(match, feature, match.source, np.flatnonzero(bad))
        self._say_limited(feature, match.source, slice(None))
        unit = _unit(feature, match.unit)
        value = self._in_own_unit(match, feature, value)
        lowest, highest = convert(np.array([lowest, highest]), unit)
        if lowest < feature.low or highest > feature.high or feature.choices:
            wrong = ~self._is_good(value, feature)
            if there is not None:
                wrong &= there
            if wrong.any():
                rows = np.flatnonzero(wrong)
                self._report_implausible(match, feature, match.source, rows, value[rows])
                value = np.where(wrong, np.nan, value)
            value = np.clip(value, feature.low, feature.high)
        if not self.all_timed:
            untimed = np.isnan(self.hours)
            self.untimed.append(np.flatnonzero(untimed if there is None else untimed & there))
        return value.astype(np.float32)

    def wide_rows(self) -> WideRows | None:
        """The columns that were read, of the rows that have a stay and a time; None where there are none."""
        if not self.columns:
            return None
        features = tuple(sorted(self.columns))
        values = tuple(self.columns[f] for f in features)
        row = None if self.all_timed else np.flatnonzero(self.timed)
        return WideRows.of(self.view.table, self.stay, self.hours, features, values, row)

    def long(self, roles: dict[str, str], matches: dict[str, Match]) -> None:
        """The rows of a long table, variable by variable."""
        value_column = roles[VALUE]
        codes, texts = self.view.distinct(roles[VARIABLE])
        found = self.view.numbers(value_column)
        self._report_nameless(roles, codes, found.value)
        order, ends = self.view.rows_by(roles[VARIABLE])
        for code, name in enumerate(texts):
            match = matches.get(name)
            if match is None:
                continue
            rows = order[ends[code] : ends[code + 1]]
            value, is_bad = self.view.values_of(value_column, self.task.find(match.target or ""), rows)
            there = ~np.isnan(value)
            bad = rows[is_bad]
            if not there.all():
                self._report_empty(match, value_column, rows[~there & ~is_bad])
                rows, value = rows[there], value[there]
            self._take(match, value_column, rows, value, bad, roles.get(UNIT))

    def _count(self, n: int) -> None:
        self.n_read += n
        if self.n_read > settings().max_values:
            raise DataError(
                f"{self.view.table.names[0]} holds more than {settings().max_values:,} measurements, more than is read "
                "at once. Split it into several files and read them one after the other."
            )

    def report_untimed(self) -> None:
        """Report rows that measure something but say nothing about when."""
        if self.untimed:
            rows = np.unique(np.concatenate(self.untimed))
            rows = rows[~self.rows.times.bad[rows] & (self.stay[rows] >= 0)]  # these are reported already
            if len(rows):
                column = self.rows.roles[TIME]
                self.issues.add(self.view.table, rows, column, NO_TIME, "no time in this row", self._stay_name)

    def _report_nameless(self, roles: dict[str, str], codes: NDArray[np.int32], value: NDArray[np.float64]) -> None:
        nameless = np.flatnonzero((codes < 0) & ~np.isnan(value))
        if len(nameless):
            self._issue(nameless, roles[VARIABLE], NO_VALUE, "says nothing about what was measured", roles[VALUE])

    def _report_empty(self, match: Match, column: str, rows: NDArray[np.int64]) -> None:
        """Long rows with no value are worth a word, except where the format has a number for "not measured"."""
        if self.view.table.missing is None and len(rows):
            self._issue(rows, match.source, NO_VALUE, "no value in this row", column)

    def _take(
        self,
        match: Match,
        column: str,
        rows: NDArray[np.int64],
        value: NDArray[np.float64],
        bad: NDArray[np.int64],
        unit_column: str | None = None,
    ) -> None:
        """Convert, check and keep the values of one variable; `rows` are where they stand."""
        feature = self.task.find(match.target or "")
        is_static = feature.name in self.task.static_index
        if not is_static:
            self._count(len(rows) + len(bad))
        if len(bad):
            self._report_bad(match, feature, column, bad)
        self._say_limited(feature, column, rows)
        value, rows = self._converted(match, feature, rows, value, unit_column)
        good = self._is_good(value, feature)
        if not good.all():
            self._report_implausible(match, feature, column, rows[~good], value[~good])
            rows, value = rows[good], value[good]
        value = np.clip(value, feature.low, feature.high)
        if is_static:
            known = self.stay[rows] >= 0
            rows, value = rows[known], value[known]
            index = self.task.static_index[feature.name]
            self.statics.append(StaticCells(self.view.table, self.stay[rows], index, self.hours[rows], value, rows))
            return
        hours = self.hours[rows]
        if feature.at_admission and TIME not in self.rows.roles and not self.task.counts_rows:
            known = self.stay[rows] >= 0
            rows, value, hours = rows[known], value[known], np.zeros(int(known.sum()))
        elif not self.all_timed:
            timed = self.timed[rows]
            self.untimed.append(rows[np.isnan(self.hours[rows])])
            rows, value, hours = rows[timed], value[timed], hours[timed]
        self.measured.append(
            Measurements.of(self.view.table, self.stay[rows], hours, self.task.feature_index[feature.name], value, rows)
        )

    def _converted(
        self,
        match: Match,
        feature: Feature,
        rows: NDArray[np.int64],
        value: NDArray[np.float64],
        unit_column: str | None,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Values in the feature's unit, without those whose unit is unknown."""
        if unit_column is None or match.unit_chosen:
            return self._in_own_unit(match, feature, value), rows
        unit = _unit(feature, match.unit)
        codes, texts = self.view.distinct(unit_column)
        codes = codes[rows]
        # One place for each text and a last one, -1, for empty cells: these have the unit of the match.
        factor, offset = np.full(len(texts) + 1, unit.factor), np.full(len(texts) + 1, unit.offset)
        counts = np.bincount(codes + 1, minlength=len(texts) + 1)[1:]
        is_unknown = np.append(counts > 0, False)
        looked_at = np.argsort(-counts, kind="stable")[: min(MAX_UNITS, np.count_nonzero(counts))]
        for code in sorted(looked_at.tolist()):
            other = find_unit(feature, texts[code], match.source)
            if other is None:
                continue
            is_unknown[code] = False
            factor[code], offset[code] = other.factor, other.offset
            if (other.factor, other.offset) != (1.0, 0.0):
                self.issues.note(f"{feature.label} was converted from {other.name} to {feature.unit}.")
        unknown = is_unknown[codes]
        if unknown.any():
            problem = f"has a unit that is not known for {feature.label}"
            self._issue(rows[unknown], match.source, UNKNOWN_UNIT, problem, unit_column)
        converted = value * factor[codes] + offset[codes]
        return converted[~unknown], rows[~unknown]

    def _in_own_unit(self, match: Match, feature: Feature, value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values of one unit in the feature's own."""
        unit = _unit(feature, match.unit)
        if (unit.factor, unit.offset) != (1.0, 0.0) and not np.isnan(value).all():
            self.issues.note(f"{feature.label} was converted from {unit.name} to {feature.unit}.")
        return convert(value, unit)

    @staticmethod
    def _is_good(value: NDArray[np.float64], feature: Feature) -> NDArray[np.bool_]:
        """Which values can be used; False for NaN."""
        good = plausible(value, feature)
        return good & np.isin(value, list(feature.choices)) if feature.choices else good

    def _say_limited(self, feature: Feature, column: str, rows: NDArray[np.int64] | slice) -> None:
        limited = self.view.numbers(column).limited
        if limited is not None and (n := int(limited[rows].sum())):
            self.issues.note(f"{feature.label}: {counted(n, 'cell')} with < or >: the limit itself was used.")

    def _report_bad(self, match: Match, feature: Feature, column: str, rows: NDArray[np.int64]) -> None:
        problem = f"is none of {_listed(feature)}" if feature.choices else "is not a number"
        self._issue(rows, match.source, NOT_A_NUMBER, problem, column)

    def _report_implausible(
        self, match: Match, feature: Feature, column: str, rows: NDArray[np.int64], value: NDArray[np.float64]
    ) -> None:
        infinite = ~np.isfinite(value)
        if infinite.any():
            self._issue(rows[infinite], match.source, NOT_A_NUMBER, "is not a finite number", column)
        rows, value = rows[~infinite], value[~infinite]
        if not len(rows):
            return
        expected = _listed(feature) if feature.choices else f"{feature.low:g} to {feature.high:g} {feature.unit}"
        problem = f"not plausible, expected {expected}"
        unit = _unit(feature, match.unit)
        raw = (value - unit.offset) / unit.factor
        for hint, where in unit_hints(feature, raw, unit):
            self._issue(rows[where], match.source, IMPLAUSIBLE, problem + hint, column)

    def _issue(self, rows: NDArray[np.int64], source: str, kind: str, problem: str, column: str) -> None:
        def cell(row: int) -> str:
            return self.view.text(column, row)

        self.issues.add(self.view.table, rows, source, kind, problem, self._stay_name, cell)

    def _stay_name(self, row: int) -> str:
        return self.names[self.stay[row]] if self.stay[row] >= 0 else ""


def _listed(feature: Feature) -> str:
    return ", ".join(f"{code} ({label})" for code, label in feature.choices.items())


def _unit(feature: Feature, name: str) -> Unit:
    found = find_unit(feature, name)
    return found if found is not None else unit_choices(feature)[0]
