"""Propose what each column means: from its name first, then from its values."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.likeness import likely_features
from medgru.data.mapping import Mapping, Match, are_coded, placed, spread
from medgru.data.names import (
    DATE,
    EXACT,
    GUESSED,
    LEFT_OUT,
    RECORD_ID,
    TIME,
    UNIT,
    VALUE,
    VARIABLE,
    NameMatch,
    Names,
    bracketed,
    match_role,
    name_key,
)
from medgru.data.roles import Role, propose_roles
from medgru.data.table import flat, numbers
from medgru.data.times import in_hours, steps_of, time_units
from medgru.data.units import FEW_VALUES, convert, own_unit, plausible, propose_unit
from medgru.data.view import TableView
from medgru.tasks import Task

MAX_VARIABLES = 500
"""Most variables of one long table that are looked at, the most frequent first."""

_DOUBTED = 0.8
"""Below this share of plausible values a column is asked about, whatever its name says."""

_SAMPLE = 20_000
_SEEN = 100_000
_GLANCE = 2_000


class Proposal:
    """Works out the mapping; one use."""

    def __init__(self, views: Sequence[TableView], task: Task) -> None:
        self.views, self.task, self.names = views, task, Names(task)
        self.found: dict[str, NameMatch] = {}
        self.parts: dict[tuple[str, int], Match] = {}
        self.notes: list[str] = []

    def run(self) -> tuple[Mapping, tuple[str, ...]]:
        """The mapping, and notes on it."""
        for index, view in enumerate(self.views):
            found = propose_roles(view, self.task, self.names)
            roles = {role: f.column for role, f in found.items()}
            day = found.pop(DATE, None)
            for role, part in found.items():
                if role == TIME:
                    beside = f"Time of day; its day is in {day.column}." if day is not None else ""
                    self._add_time(index, view, part, beside)
                else:
                    self._add_role(index, view, role, part)
            if day is not None:
                self._add_time(index, view, day, f"Day of the time in {roles[TIME]}.")
            if VARIABLE in roles:
                self._add_variables(index, view, roles)
            self._add_columns(index, view, roles)
        self._settle_rivals()
        names = tuple(view.table.names[0] for view in self.views)
        matches = tuple(placed(self._joined(), names))
        self._note_differences(matches)
        return Mapping(self.task, matches, names), tuple(self.notes)

    def _add_role(self, index: int, view: TableView, role: str, found: Role) -> None:
        column = found.column
        example = view.text(column, 0) if len(view.table) else ""
        self._put(
            Match(
                column,
                role,
                GUESSED if found.guess else EXACT,
                found.guess or _ROLE_REASON[role],
                example_before=example,
                example_after=example,
                n_values=view.filled(column),
                tables=frozenset({index}),
            )
        )

    def _add_time(self, index: int, view: TableView, found: Role, beside: str) -> None:
        """The time column, or the column with its day; `beside` says what the other one is for."""
        column = found.column
        own = self.task.columns
        unit = own.time_unit if own is not None and column == own.time else None
        times = view.clock(column) if beside and unit is None else view.times(column, self.task.window_hours, unit)
        if unit is not None:
            times = replace(times, reason="As in the table that the task was made from.")
        if not beside:
            times = times.undated()
        if view.is_picture and unit is None:
            self._put(Match(column, TIME, EXACT, _PICTURE_ROWS, n_values=len(view.table), tables=frozenset({index})))
            return
        known = np.flatnonzero(np.isfinite(times.value))
        example = view.text(column, 0) if len(view.table) else ""
        after = ""
        if len(known):
            example = view.text(column, int(known[0]))
            is_moment = times.absolute or beside or (own is not None and own.start is None)
            since = f"{steps_of(self.task)} since the stay began"
            after = since if is_moment else self._step(float(times.value[known[0]]))
        doubt = "" if beside or not view.has_whole_days(column) else "They have no time of day. Please check."
        reason = " ".join(part for part in (found.guess, beside, times.reason, doubt) if part)
        if found.guess and not reason.endswith("Please check."):
            reason = f"{reason} Please check."
        self._put(
            Match(
                column,
                TIME,
                GUESSED if reason.endswith("Please check.") else EXACT,
                reason,
                times.unit,
                time_units(self.task),
                steps_of(self.task),
                example,
                after,
                len(known),
                float(1 - times.bad.mean()) if len(times.bad) else 1.0,
                tables=frozenset({index}),
            )
        )

    def _step(self, hours: float) -> str:
        """A time in the steps of the task: "hour 3.5", "minute 4"."""
        task, own = self.task, self.task.columns
        if own is not None and own.start is not None:
            hours -= in_hours(own.start, own.time_unit)
        first = 0 if own is None else own.first_step
        word = task.step.name if task.step.name.isalpha() else "step"
        return f"{word} {hours * 3600 / (task.step.seconds or 3600) + first:.4g}"

    def _add_variables(self, index: int, view: TableView, roles: dict[str, str]) -> None:
        """The variables of a long table: its values grouped by variable, each with its own match."""
        codes, texts = view.distinct(roles[VARIABLE])
        counts = np.bincount(codes[codes >= 0], minlength=len(texts))
        looked_at = np.argsort(-counts, kind="stable")[:MAX_VARIABLES]
        if len(texts) > MAX_VARIABLES:
            self.notes.append(
                f"The column {roles[VARIABLE]} holds {len(texts):,} different names; "
                f"only the {MAX_VARIABLES} most frequent were looked at."
            )
        order, ends = view.rows_by(roles[VARIABLE])
        said = self._units_said(view, roles, codes, len(texts))
        for code in looked_at:
            rows = order[ends[code] : ends[code + 1]]
            if len(rows):
                self._add(index, view, roles, texts[code], roles[VALUE], rows, said.get(int(code), ""))

    def _units_said(self, view: TableView, roles: dict[str, str], codes: NDArray, n: int) -> dict[int, str]:
        """The most frequent unit of each variable, where there is a unit column."""
        if UNIT not in roles:
            return {}
        unit, texts = view.distinct(roles[UNIT])
        both = (codes >= 0) & (unit >= 0)
        pairs, counts = np.unique(codes[both].astype(np.int64) * len(texts) + unit[both], return_counts=True)
        said: dict[int, str] = {}
        for i in np.argsort(-counts, kind="stable"):
            said.setdefault(int(pairs[i] // len(texts)), texts[int(pairs[i] % len(texts))])
        return said

    def _add_columns(self, index: int, view: TableView, roles: dict[str, str]) -> None:
        long = VARIABLE in roles
        for column in view.table.columns:
            if column in roles.values():
                continue
            found = self._match(column)
            if found.target is not None and (not long or found.target in self.task.static_index):
                self._add(index, view, roles, column, column, slice(None), "")
                continue
            reason = found.reason
            if found.target is not None:
                reason = "A long table has its variables in rows."
            elif match_role(column) is not None:
                reason = "Not needed: another column serves."
            values, example, is_numeric = self._glance(view, column)
            unknown = found.target is None and match_role(column) is None and not long
            could_be = likely_features(values, self.task) if unknown and is_numeric else ()
            self._leave_out(index, column, reason, view.filled(column), values, example, could_be)

    def _glance(self, view: TableView, column: str) -> tuple[NDArray[np.float64], str, bool]:
        """Some numbers of a column that nobody asked for, a cell of it, and whether most of its cells are numbers."""
        data = view.table.data.column(column)
        rows = np.arange(len(data))
        if len(data) > _GLANCE:
            rows = spread(rows, _GLANCE)
            data = flat(data).take(pa.array(rows))
        found = numbers(data, view.table.decimal_comma)
        n_bad = 0 if found.bad is None else int(found.bad.sum())
        finite = found.value[np.isfinite(found.value)]
        filled = np.isfinite(found.value) if found.bad is None else np.isfinite(found.value) | found.bad
        at = int(rows[int(filled.argmax())]) if len(rows) else 0
        example = view.text(column, at) if len(view.table) else ""
        return finite, example, len(finite) > 10 * n_bad

    def _match(self, source: str) -> NameMatch:
        if source not in self.found:
            self.found[source] = self.names.match(source)
        return self.found[source]

    def _leave_out(
        self,
        index: int,
        source: str,
        reason: str,
        n: int,
        values: NDArray[np.float64],
        example: str,
        could_be: tuple[str, ...] = (),
        in_rows: bool = False,
    ) -> None:
        if could_be:
            labels = [self.task.find(name).label for name in could_be]
            reason = f"{reason} Its values would fit {' or '.join(labels)}: choose it if it is."
        self._put(
            Match(
                source,
                None,
                LEFT_OUT,
                reason,
                example_before=example,
                n_values=n,
                said=bracketed(source)[1],
                in_rows=in_rows,
                could_be=could_be,
                tables=frozenset({index}),
                sample=tuple(spread(values[np.isfinite(values)]).tolist()),
            )
        )

    def _put(self, match: Match) -> None:
        """Keep what one table says of a source; a long table may have a column and a variable of one name."""
        (index,) = match.tables
        key = match.source, index
        old = self.parts.get(key)
        if old is None or (old.target is None and match.target is not None):
            self.parts[key] = match
        elif match.target == old.target and match.unit != old.unit and match.n_values and old.n_values:
            feature = self.task.find(str(old.target))
            reason = (
                f"{old.source} seems to be in {old.unit} and in {match.unit} in the same table. "
                f"Read as {feature.unit}, nothing converted. Please check."
            )
            self.parts[key] = replace(old, how=GUESSED, reason=reason).becoming(feature, own_unit(feature))

    def _joined(self) -> list[Match]:
        """One match a source, or several where tables hold it as different things or in different units."""
        by_source: dict[str, list[Match]] = {}
        for part in self.parts.values():
            by_source.setdefault(part.source, []).append(part)
        joined: list[Match] = []
        for parts in by_source.values():
            groups: dict[tuple[str | None, str], list[Match]] = {}
            for part in sorted(parts, key=lambda m: not m.n_values):  # an empty column says nothing about its unit
                same = [key for key in groups if key[0] == part.target]
                at = same[0] if same and not part.n_values else (part.target, part.unit)
                groups.setdefault(at, []).append(part)
            joined += [_join(group) for group in groups.values()]
        return joined

    def _note_differences(self, matches: Sequence[Match]) -> None:
        """Say where one column is in another unit in another file."""
        first: dict[tuple[str, str], Match] = {}
        for match in matches:
            if match.target is None or not match.converted_to or match.target == TIME:
                continue
            other = first.setdefault((match.source, match.target), match)
            if other is not match:
                self.notes.append(
                    f"{match.source} is read in {other.unit} in {other.place}, but in {match.unit} in {match.place}."
                )

    def _add(
        self,
        index: int,
        view: TableView,
        roles: dict[str, str],
        source: str,
        column: str,
        rows: NDArray[np.int64] | slice,
        said: str,
    ) -> None:
        """Propose a match for one variable, from its name and its values."""
        found = self._match(source)
        if found.target is None:
            values = view.numbers(column).value[rows]
            finite = values[np.isfinite(values)]
            could_be = likely_features(spread(finite, _GLANCE), self.task) if len(finite) > 0.9 * len(values) else ()
            example = view.text(column, 0 if isinstance(rows, slice) else int(rows[0]))
            in_rows = not isinstance(rows, slice)
            self._leave_out(index, source, found.reason, len(values), finite, example, could_be, in_rows)
            return
        feature = self.task.find(found.target)
        value, _ = view.values_of(column, feature, rows)
        finite = np.isfinite(value)
        n_values = int(np.count_nonzero(finite))
        # A part of a long column shows what it holds.
        step = max(1, len(value) // _SEEN) if n_values > len(value) // 2 else 1
        finite = finite[::step]
        good = value[::step][finite]
        sample = good[:: max(1, len(good) // _SAMPLE)]
        if view.table.units_fixed:
            sample = sample[:0]  # whatever the values of one stay look like
        stays = view.stays(roles).codes[rows][finite] if len(good) < FEW_VALUES else None
        one_stay = stays is not None and len(np.unique(stays)) < 2
        unit = propose_unit(feature, sample, found.unit or said, _bare(source, found.unit), one_stay)
        at = int(finite.argmax()) * step if len(good) else 0
        match = Match(
            source,
            feature.name,
            GUESSED if unit.guessed else found.how,
            f"{found.reason} {unit.reason}".strip(),
            example_before=view.text(column, at if isinstance(rows, slice) else int(rows[at])),
            n_values=n_values,
            said=found.unit or said,
            in_rows=not isinstance(rows, slice),
            tables=frozenset({index}),
            sample=tuple(spread(good).tolist()),
        ).becoming(feature, unit.unit)
        if not match.said and feature.units and not view.table.units_fixed and self._are_limits(view, column, rows):
            match = replace(match, how=GUESSED, reason=f"{match.reason} {_LIMITS_ALONE}".strip())
        share = float(plausible(convert(good, unit.unit), feature).mean()) if len(good) else 1.0
        match = replace(match, share_plausible=share)
        if share < _DOUBTED and not view.table.units_fixed:
            doubt = f"Only {share:.0%} of its values are plausible. Please check.".replace("%", " %")
            match = replace(match, how=GUESSED, reason=f"{match.reason.removesuffix('Please check.').strip()} {doubt}")
        self._put(match)

    @staticmethod
    def _are_limits(view: TableView, column: str, rows: NDArray[np.int64] | slice) -> bool:
        """Whether all numbers are limits, such as "<5": they say how exact a device is, and little of the unit."""
        found = view.numbers(column)
        if found.limited is None:
            return False
        there = np.isfinite(found.value[rows])
        return bool(there.any() and found.limited[rows][there].all())

    def _settle_rivals(self) -> None:
        """Where two names of one table mean one variable, keep the better and leave the other out; codes stay.

        Which is better is found out over all tables, so that they are read alike.
        """
        by_target: dict[str, list[Match]] = {}
        for match in self.parts.values():
            if match.target is not None and match.converted_to and match.target != TIME:
                by_target.setdefault(match.target, []).append(match)
        for parts in by_target.values():
            sources = dict.fromkeys(part.source for part in parts)
            if len(sources) == 1:
                continue
            whole = [_join([part for part in parts if part.source == source]) for source in sources]
            most = max(match.n_values for match in whole)
            order = {match.source: _rank(match, most) for match in whole}
            kept: dict[int, list[Match]] = {}
            for part in sorted(parts, key=lambda m: (not m.n_values, order[m.source])):
                (index,) = part.tables
                better = next((k for k in kept.get(index, []) if not are_coded(k.source, part.source)), None)
                if better is None:
                    kept.setdefault(index, []).append(part)
                else:
                    self.parts[part.source, index] = part.left_out(f"{better.source} is used for it already.")


def _join(parts: Sequence[Match]) -> Match:
    """What several tables say of one source: where one of them is a guess, all of it is."""
    first = next((part for part in parts if part.how == GUESSED), parts[0])
    counts = tuple((table, part.n_values) for part in parts for table in part.tables)
    n = sum(count for _, count in counts)
    values = np.array([value for part in (first, *(p for p in parts if p is not first)) for value in part.sample])
    return replace(
        first,
        n_values=n,
        share_plausible=sum(p.share_plausible * p.n_values for p in parts) / n if n else 1.0,
        tables=frozenset(table for part in parts for table in part.tables),
        counts=counts,
        sample=tuple(spread(values).tolist()),
    )


def _rank(match: Match, most: int) -> tuple[bool, bool, int]:
    """Lowest for the best: the exact name wins, unless another column has more than twice its values."""
    return match.how == GUESSED, match.how != EXACT or 2 * match.n_values < most, -match.n_values


_LIMITS_ALONE = "All its values are limits (< or >), which say little about the unit. Please check."
_PICTURE_ROWS = "Rows of a picture, counted from the top: no time."
_ROLE_REASON = {
    RECORD_ID: "Says which stay a row belongs to.",
    VARIABLE: "Names what was measured.",
    VALUE: "Holds the measured values.",
    UNIT: "Holds the unit of each value.",
    "admission": "Time of admission; hours are counted from it.",
}


def _bare(source: str, unit: str) -> str:
    """The name without its unit: "Urea" of "Urea (mg/dL)"."""
    key = name_key(source)
    end = name_key(unit)
    return key.removesuffix(end) if end else key
