"""Propose what each column means: from its name first, then from its values."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from medgru.data.codes import code_in
from medgru.data.mapping import SAMPLE, Mapping, Match
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
    match_role,
    name_key,
)
from medgru.data.roles import Role, propose_roles
from medgru.data.table import numbers
from medgru.data.times import in_hours, steps_of, time_units
from medgru.data.units import FEW_VALUES, convert, own_unit, plausible, propose_unit
from medgru.data.view import TableView
from medgru.tasks import Task

MAX_VARIABLES = 500
"""Most variables of one long table that are looked at, the most frequent first."""

_SAMPLE = 20_000


class Proposal:
    """Works out the mapping; one use."""

    def __init__(self, views: Sequence[TableView], task: Task) -> None:
        self.views, self.task, self.names = views, task, Names(task)
        self.found: dict[str, NameMatch] = {}
        self.matches: dict[str, Match] = {}
        self.notes: list[str] = []
        self.unsettled: set[str] = set()

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
        return Mapping(self.task, tuple(self.matches.values())), tuple(self.notes)

    def _add_role(self, index: int, view: TableView, role: str, found: Role) -> None:
        column = found.column
        old = self.matches.get(column)
        if old is not None and old.target is not None:
            self.matches[column] = replace(old, tables=old.tables | {index})
            return
        tables = frozenset({index}) if old is None else old.tables | {index}
        example = view.text(column, 0) if len(view.table) else ""
        self.matches[column] = Match(
            column,
            role,
            GUESSED if found.guess else EXACT,
            found.guess or _ROLE_REASON[role],
            example_before=example,
            example_after=example,
            n_values=view.filled(column),
            tables=tables,
        )

    def _add_time(self, index: int, view: TableView, found: Role, beside: str) -> None:
        """The time column, or the column with its day; `beside` says what the other one is for."""
        column = found.column
        old = self.matches.get(column)
        if old is not None and old.target is not None:
            self.matches[column] = replace(old, tables=old.tables | {index})
            return
        own = self.task.columns
        unit = own.time_unit if own is not None and column == own.time else None
        times = view.times(column, self.task.window_hours, unit)
        if unit is not None:
            times = replace(times, reason="As in the table that the task was made from.")
        if not beside:
            times = times.undated()
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
        self.matches[column] = Match(
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
            tables=frozenset({index}) if old is None else old.tables | {index},
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
            sample = numbers(view.table.data.column(column).slice(0, SAMPLE), view.table.decimal_comma).value
            self._leave_out(index, column, reason, view.filled(column), sample, view.text(column, 0))

    def _match(self, source: str) -> NameMatch:
        if source not in self.found:
            self.found[source] = self.names.match(source)
        return self.found[source]

    def _leave_out(
        self, index: int, source: str, reason: str, n: int, sample: NDArray[np.float64], example: str
    ) -> None:
        values = tuple(sample[np.isfinite(sample)][:SAMPLE].tolist())
        self._put(
            Match(
                source,
                None,
                LEFT_OUT,
                reason,
                example_before=example,
                n_values=n,
                tables=frozenset({index}),
                sample=values,
            )
        )

    def _put(self, match: Match) -> None:
        old = self.matches.get(match.source)
        if old is None:
            self.matches[match.source] = match
            return
        tables = old.tables | match.tables
        if not old.n_values and match.target == old.target:  # an empty column says nothing about the unit
            self.matches[match.source] = replace(match, tables=tables)
            return
        if old.target == match.target and old.unit != match.unit and match.n_values:
            old, match = self._settle_units(old, match)
        n = old.n_values + match.n_values
        share = (old.share_plausible * old.n_values + match.share_plausible * match.n_values) / n if n else 1.0
        self.matches[match.source] = replace(old, n_values=n, share_plausible=share, tables=tables)

    def _settle_units(self, old: Match, new: Match) -> tuple[Match, Match]:
        """Both in the variable's own unit, where two tables seem to differ: a factor is never carried over."""
        feature = self.task.find(str(old.target))
        own = own_unit(feature)
        first, second = (self.views[min(m.tables)].table.names[0] for m in (old, new))
        if old.source not in self.unsettled:
            self.unsettled.add(old.source)
            doubt = f"{old.source} seems to be in {old.unit} in {first}, but in {new.unit} in {second}."
            self.notes.append(doubt)
            reason = f"{doubt} Read as {own.name} in all files, nothing converted. Please check."
            old = replace(old, how=GUESSED, reason=reason)
        return old.becoming(feature, own), new.becoming(feature, own)

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
            value = view.numbers(column).value[rows]
            example = view.text(column, 0 if isinstance(rows, slice) else int(rows[0]))
            self._leave_out(index, source, found.reason, len(value), value, example)
            return
        feature = self.task.find(found.target)
        value, _ = view.values_of(column, feature, rows)
        finite = np.isfinite(value)
        good = value[finite]
        sample = good[:: max(1, len(good) // _SAMPLE)]
        if view.table.units_fixed:
            sample = sample[:0]  # whatever the values of one stay look like
        stays = view.stays(roles).codes[rows][finite] if len(good) < FEW_VALUES else None
        one_stay = stays is not None and len(np.unique(stays)) < 2
        unit = propose_unit(feature, sample, found.unit or said, _bare(source, found.unit), one_stay)
        at = int(finite.argmax()) if len(good) else 0
        match = Match(
            source,
            feature.name,
            GUESSED if unit.guessed else found.how,
            f"{found.reason} {unit.reason}".strip(),
            example_before=view.text(column, at if isinstance(rows, slice) else int(rows[at])),
            n_values=len(good),
            tables=frozenset({index}),
            sample=tuple(good[:SAMPLE].tolist()),
        ).becoming(feature, unit.unit)
        inside = plausible(convert(good, unit.unit), feature)
        self._put(replace(match, share_plausible=float(inside.mean()) if len(good) else 1.0))

    def _settle_rivals(self) -> None:
        """Where two names of one table mean one variable, keep the better and leave the other out; codes stay."""
        by_target: dict[str, list[Match]] = {}
        for match in self.matches.values():
            if match.target is not None and match.converted_to and match.target != TIME:
                by_target.setdefault(match.target, []).append(match)
        for rivals in by_target.values():
            ranked = sorted(rivals, key=partial(_rank, most=max(m.n_values for m in rivals)))
            kept: list[Match] = []
            for match in ranked:
                better = next((k for k in kept if k.tables & match.tables and not _are_coded(k, match)), None)
                if better is None:
                    kept.append(match)
                    continue
                self.matches[match.source] = match.left_out(f"{better.source} is used for it already.")


def _are_coded(one: Match, other: Match) -> bool:
    """Whether codes say what both are: a hospital may have several codes for one variable, each with its own rows."""
    return code_in(one.source) is not None and code_in(other.source) is not None


def _rank(match: Match, most: int) -> tuple[bool, bool, int]:
    """Lowest for the best: the exact name wins, unless another column has more than twice its values."""
    return match.how == GUESSED, match.how != EXACT or 2 * match.n_values < most, -match.n_values


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
