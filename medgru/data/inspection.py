"""Open the files, find out what they are, and propose what each column means."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.mapping import Mapping, Match
from medgru.data.names import (
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
from medgru.data.readers import read_tables
from medgru.data.source import Refusal, Source
from medgru.data.table import PHYSIONET, preview_rows
from medgru.data.times import TIME_UNITS
from medgru.data.units import convert, plausible, propose_unit, unit_choices
from medgru.data.view import TableView
from medgru.errors import DataError, UnsafeFileError
from medgru.tasks import Feature, Task

MAX_VARIABLES = 500
"""Most variables of one long table that are looked at, the most frequent first."""

_SAMPLE = 20_000
_CERTAINTY = {EXACT: 0, "synonym": 1, GUESSED: 2}


@dataclass(frozen=True)
class FileSummary:
    """What one file turned out to be.

    Attributes:
        name: As the user brought it; a workbook's sheet has a line of its own.
        kind: "PhysioNet text", "long table" or "wide table".
        rows: Rows below the header.
        stays: Different stays in it.
        problem: Why it cannot be used as mapped, None where it can.
    """

    name: str
    kind: str
    rows: int
    stays: int
    problem: str | None = None


@dataclass(frozen=True)
class Inspection:
    """Files opened, their tables parsed, and the mapping proposed for them.

    Attributes:
        task: The task they are read for.
        mapping: What each column becomes, as proposed.
        refused: Files that could not be used, and why.
        views: The tables, for `build`.
        notes: What was noticed while opening them.
    """

    task: Task
    mapping: Mapping
    refused: tuple[Refusal, ...]
    views: tuple[TableView, ...] = field(repr=False)
    source_names: tuple[str, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    @cached_property
    def files(self) -> tuple[FileSummary, ...]:
        """A line for each file, or for each kind of table within an archive."""
        return tuple(line for view in self.views for line in self._summaries(view))

    @cached_property
    def preview(self) -> pd.DataFrame:
        """The first rows of the first table, as text."""
        return pd.DataFrame(preview_rows(self.views[0].table))

    def _summaries(self, view: TableView) -> list[FileSummary]:
        table, roles = view.table, view.roles(self.mapping)
        problem = view.problem(self.mapping, self.task.window_hours)
        stays = view.stays(roles)
        kind = view.kind(roles)
        origin = np.array(table.sources)[table.members]
        lines = []
        pairs = np.unique(origin.astype(np.int64) * (len(stays.names) + 1) + stays.codes + 1)
        pairs = pairs[pairs % (len(stays.names) + 1) > 0]
        rows = np.bincount(origin)
        n_stays = np.bincount(pairs // (len(stays.names) + 1), minlength=len(rows))
        for source in dict.fromkeys(table.sources):
            alone = len(table.names) == 1
            name = table.names[0] if alone else self.source_names[source]
            if source < len(rows):
                lines.append(FileSummary(name, kind, int(rows[source]), int(n_stays[source]), problem))
        return lines


def inspect(sources: Sequence[Source], task: Task) -> Inspection:
    """Open files and propose what their columns mean. Nothing is converted or dropped yet.

    Args:
        sources: The files; archives and folders' files may be mixed with tables.
        task: Whose variables are looked for.

    Raises:
        UnsafeFileError: The only file, or every file, could harm the machine.
        DataError: No file could be used; the message says why, file by file.
    """
    if not sources:
        raise DataError("No file was given. Choose at least one file.")
    tables, refused = read_tables(sources)
    if not tables:
        raise _nothing_usable(refused)
    views = tuple(TableView(table) for table in tables)
    mapping, notes = _Proposal(views, task).run()
    notes = tuple(note for table in tables for note in table.notes) + notes
    return Inspection(task, mapping, tuple(refused), views, tuple(s.name for s in sources), notes)


def _nothing_usable(refused: Sequence[Refusal]) -> DataError:
    lines = [f"{r.file} {r.problem}" for r in refused[:5]]
    if len(refused) > 5:
        lines.append(f"{len(refused) - 5:,} more files could not be read either.")
    kind = UnsafeFileError if refused and all(r.unsafe for r in refused) else DataError
    return kind("\n".join(lines) or "The files hold nothing that can be read.")


class _Proposal:
    """Works out the mapping; one use."""

    def __init__(self, views: Sequence[TableView], task: Task) -> None:
        self.views, self.task, self.names = views, task, Names(task)
        self.found: dict[str, NameMatch] = {}
        self.matches: dict[str, Match] = {}
        self.notes: list[str] = []

    def run(self) -> tuple[Mapping, tuple[str, ...]]:
        """The mapping, and notes on it."""
        for index, view in enumerate(self.views):
            roles = self._propose_roles(view)
            for role, column in roles.items():
                self._add_role(index, view, role, column)
            if VARIABLE in roles:
                self._add_variables(index, view, roles)
            self._add_columns(index, view, set(roles.values()), long=VARIABLE in roles)
        self._settle_rivals()
        return Mapping(self.task, tuple(self.matches.values())), tuple(self.notes)

    def _propose_roles(self, view: TableView) -> dict[str, str]:
        columns = view.table.columns
        if view.table.kind == PHYSIONET:
            return dict(zip((RECORD_ID, TIME, VARIABLE, VALUE), columns, strict=True))
        best: dict[str, tuple[int, str]] = {}
        for column in columns:
            hit = match_role(column)
            if hit is not None and (hit[0] not in best or hit[1] < best[hit[0]][0]):
                best[hit[0]] = (hit[1], column)
        roles = {role: column for role, (_, column) in best.items()}
        if VARIABLE not in roles or VALUE not in roles:
            for role in (VARIABLE, VALUE, UNIT):
                roles.pop(role, None)
        return roles

    def _add_role(self, index: int, view: TableView, role: str, column: str) -> None:
        old = self.matches.get(column)
        if old is not None:
            self.matches[column] = replace(old, tables=old.tables | {index})
            return
        example = view.text(column, 0) if len(view.table) else ""
        if role != TIME:
            self.matches[column] = Match(
                column,
                role,
                EXACT,
                _ROLE_REASON[role],
                example_before=example,
                example_after=example,
                n_values=view.filled(column),
                tables=frozenset({index}),
            )
            return
        times = view.times(column, self.task.window_hours)
        known = np.flatnonzero(np.isfinite(times.value))
        after = ""
        if len(known):
            example = view.text(column, int(known[0]))
            after = "hours since the stay began" if times.absolute else f"hour {times.value[known[0]]:.4g}"
        how = GUESSED if "check" in times.reason else EXACT
        self.matches[column] = Match(
            column,
            TIME,
            how,
            times.reason,
            times.unit,
            TIME_UNITS,
            "hours",
            example,
            after,
            len(known),
            float(1 - times.bad.mean()) if len(times.bad) else 1.0,
            tables=frozenset({index}),
        )

    def _add_variables(self, index: int, view: TableView, roles: dict[str, str]) -> None:
        """The variables of a long table: its values grouped by variable, each with its own match."""
        codes, texts = view.distinct(roles[VARIABLE])
        value = view.numbers(roles[VALUE]).value
        counts = np.bincount(codes[codes >= 0], minlength=len(texts))
        looked_at = np.argsort(-counts, kind="stable")[:MAX_VARIABLES]
        if len(texts) > MAX_VARIABLES:
            self.notes.append(
                f"The column {roles[VARIABLE]} holds {len(texts):,} different names; "
                f"only the {MAX_VARIABLES} most frequent were looked at."
            )
        small = codes.astype(np.int16) if len(texts) < 2**15 else codes
        order = np.argsort(small, kind="stable")
        ends = np.cumsum(np.append((codes < 0).sum(), counts))
        said = self._units_said(view, roles, codes, len(texts))
        for code in looked_at:
            rows = order[ends[code] : ends[code + 1]]
            if len(rows):
                self._add(index, view, texts[code], roles[VALUE], value[rows], rows, said.get(int(code), ""))

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

    def _add_columns(self, index: int, view: TableView, taken: set[str], long: bool) -> None:
        statics = self.task.static_index
        for column in view.table.columns:
            if column in taken:
                continue
            found = self._match(column)
            if found.target is None or (long and found.target not in statics):
                reason = found.reason
                if found.target is not None:
                    reason = "A long table has its variables in rows."
                elif match_role(column) is not None:
                    reason = "Not needed: another column serves."
                self._put(
                    index,
                    Match(column, None, LEFT_OUT, reason, n_values=view.filled(column), tables=frozenset({index})),
                )
                continue
            self._add(index, view, column, column, view.numbers(column).value, None, "")

    def _match(self, source: str) -> NameMatch:
        if source not in self.found:
            self.found[source] = self.names.match(source)
        return self.found[source]

    def _put(self, index: int, match: Match) -> None:
        old = self.matches.get(match.source)
        if old is None:
            self.matches[match.source] = match
            return
        n = old.n_values + match.n_values
        share = (old.share_plausible * old.n_values + match.share_plausible * match.n_values) / n if n else 1.0
        self.matches[match.source] = replace(old, n_values=n, share_plausible=share, tables=old.tables | {index})

    def _add(
        self,
        index: int,
        view: TableView,
        source: str,
        column: str,
        value: NDArray[np.float64],
        rows: NDArray | None,
        said: str,
    ) -> None:
        """Propose a match for one variable, from its name and its values."""
        found = self._match(source)
        here = frozenset({index})
        if found.target is None:
            self._put(index, Match(source, None, LEFT_OUT, found.reason, n_values=len(value), tables=here))
            return
        feature = self.task.find(found.target)
        finite = np.isfinite(value)
        good = value[finite]
        sample = good[:: max(1, len(good) // _SAMPLE)]
        unit = propose_unit(feature, sample, found.unit or said, _bare(source, found.unit))
        inside = plausible(convert(good, unit.unit), feature) if len(good) else np.ones(1, dtype=bool)
        # The units of PhysioNet text are known, though the file does not say them.
        said_why = "" if view.table.kind == PHYSIONET and not unit.guessed else unit.reason
        before = after = ""
        if len(good):
            at = int(finite.argmax())
            before = view.text(column, int(at if rows is None else rows[at]))
            after = _shown(float(convert(good[:1], unit.unit)[0]), feature)
        self._put(
            index,
            Match(
                source,
                feature.name,
                GUESSED if unit.guessed else found.how,
                f"{found.reason} {said_why}".strip(),
                unit.unit.name,
                tuple(u.name for u in unit_choices(feature)),
                feature.unit,
                before,
                after,
                len(good),
                float(inside.mean()),
                tables=here,
            ),
        )

    def _settle_rivals(self) -> None:
        """Where two columns of one table mean one variable, keep the better and leave the other out."""
        by_target: dict[str, list[Match]] = {}
        for match in self.matches.values():
            if match.target is not None and match.converted_to and match.target != TIME:
                by_target.setdefault(match.target, []).append(match)
        for rivals in by_target.values():
            ranked = sorted(rivals, key=lambda m: (_CERTAINTY[m.how], -m.n_values))
            kept: list[Match] = []
            for match in ranked:
                better = next((k for k in kept if k.tables & match.tables), None)
                if better is None:
                    kept.append(match)
                    continue
                self.matches[match.source] = replace(
                    match,
                    target=None,
                    how=LEFT_OUT,
                    reason=f"{better.source} is used for it already.",
                    unit="",
                    unit_choices=(),
                    converted_to="",
                    example_after="",
                )


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


def _shown(value: float, feature: Feature) -> str:
    if feature.choices:
        return feature.choices.get(int(value), f"{value:g}") if abs(value) < 1e6 else f"{value:g}"
    return f"{value:.{feature.decimals}f} {feature.unit}" if abs(value) < 1e9 else f"{value:.3g} {feature.unit}"
