"""A table that no shipped task knows: what its columns could be in a new task.

Every guess has its reason; nothing is made before a person has chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from medgru.data.classes import likely_event
from medgru.data.columns import (
    CATEGORY,
    MOMENT,
    NUMBER,
    Profile,
    guess_id,
    guess_long,
    guess_patient,
    guess_time,
    guess_time_unit,
    profile,
)
from medgru.data.grid import Grid
from medgru.data.headers import forget_names
from medgru.data.inspection import nothing_usable
from medgru.data.label_guess import are_names, could_be_label, guess_label, is_called_label, label_reason, no_label
from medgru.data.label_rows import SAME
from medgru.data.labels import LabelColumn, describe, patient_of
from medgru.data.names import LEFT_OUT, RECORD_ID, TIME, VALUE, VARIABLE
from medgru.data.own_choices import NewTaskChoices, NewTaskColumn
from medgru.data.own_table import OwnTable
from medgru.data.parts import stay_texts
from medgru.data.readers import read_tables
from medgru.data.source import Refusal, Source
from medgru.data.times import HOURS, OWN_TIME_UNITS
from medgru.data.view import TableView
from medgru.errors import DataError
from medgru.tasks.own import MAX_FEATURES

PATIENT, LABEL, FEATURE, STATIC = "patient", "label", "feature", "static"
_WHOSE = "It says whose stay it is: stays of one patient are never parted."


@dataclass(frozen=True)
class NewTaskProposal:
    """What the columns of unknown tables could be.

    Attributes:
        rows, stays: Rows of the tables with measurements, and stays in them.
        columns: Every column, and every variable of a long table, with its role and the reason for it.
        labels: Columns that can be the outcome, with their classes, the best first.
        choices: What is proposed; label "" or no features where there are none: see `problems`.
        grid: The grid of these choices; None where the time column holds no times.
        time_units: Units of time that can be chosen.
        problems: Sentences on what is missing before a task can be made.
        refused: Files that could not be read, and why.
        notes: What was noticed.
    """

    rows: int
    stays: int
    columns: tuple[NewTaskColumn, ...]
    labels: tuple[LabelColumn, ...]
    choices: NewTaskChoices
    grid: Grid | None
    time_units: tuple[str, ...] = OWN_TIME_UNITS
    problems: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    views: tuple[TableView, ...] = field(default=(), repr=False, compare=False)
    source_names: tuple[str, ...] = field(default=(), repr=False)

    def column(self, name: str) -> NewTaskColumn:
        """The column of that name.

        Raises:
            DataError: There is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise _no_column(name)

    def table(self, choices: NewTaskChoices) -> OwnTable:
        """The tables read under other choices."""
        unit = choices.time_unit
        if choices.time and not unit:
            unit = self.time_unit(choices)
        return OwnTable(self.views, choices.id, choices.time, unit, choices.long, choices.features)

    def time_unit(self, choices: NewTaskChoices) -> str:
        """The unit that the chosen time column seems to have."""
        for view in self.views:
            if choices.time in view.table.columns:
                stay = OwnTable([view], choices.id if choices.id in view.table.columns else None).parts
                owner = stay[0].stay if stay else np.zeros(len(view.table), np.int32)
                return guess_time_unit(view, profile(view, str(choices.time), owner), owner)[0]
        return HOURS

    def with_id(self, record_id: str | None) -> "NewTaskProposal":
        """What is proposed where that column, or none, says which stay a row belongs to.

        Raises:
            DataError: There is no such column.
        """
        if record_id is not None and not any(record_id in view.table.columns for view in self.views):
            raise _no_column(record_id)
        return _Examination(self.views, self.refused, self.source_names).run((record_id, "You chose it."))

    def grid_for(self, choices: NewTaskChoices) -> Grid:
        """The grid under other choices, with the steps that can be chosen.

        Raises:
            DataError: The time column holds no times in that unit.
        """
        return self.table(choices).grid(choices.step)

    def labels_for(self, choices: NewTaskChoices) -> LabelColumn:
        """The classes of the chosen label under other choices.

        Raises:
            DataError: There is no such column.
        """
        table = self.table(choices)
        return describe(table.parts, choices.label, len(table))


def examine(sources: Sequence[Source]) -> NewTaskProposal:
    """Open files and propose a task: identifier, time, label, features and descriptors, each with a reason.

    Raises:
        UnsafeFileError: Every file could harm the machine.
        DataError: No file could be read; the message says why, file by file.
    """
    if not sources:
        raise DataError("No file was given. Choose at least one file.")
    tables, refused = read_tables(sources)
    forget_names()
    if not tables:
        raise nothing_usable(refused)
    views = tuple(map(TableView, tables))
    return _Examination(views, tuple(refused), tuple(s.name for s in sources)).run()


def _no_column(name: str) -> DataError:
    return DataError(f"There is no column called {name!r} in these files. Choose another one.")


class _Examination:
    """Works out one proposal; one use."""

    def __init__(self, views: tuple[TableView, ...], refused: tuple[Refusal, ...], names: tuple[str, ...]) -> None:
        self.views, self.refused, self.names = views, refused, names
        # The measurements are where most cells are; a table of labels has one row a stay.
        self.main = max(views, key=lambda v: len(v.table) * min(len(v.table.columns), 10))
        self.roles: dict[str, tuple[str, str]] = {}
        self.problems: list[str] = []

    def run(self, chosen: tuple[str | None, str] | None = None) -> NewTaskProposal:
        """The proposal; `chosen` is the column of the identifiers and why, where that is no guess."""
        if chosen and chosen[0] and chosen[0] not in self.main.table.columns:
            self.main = next((v for v in self.views if chosen[0] in v.table.columns), self.main)
        main = self.main
        record_id, reason = chosen or guess_id(main)
        if record_id is None and len(main.table.names) < 2:
            self.problems.append(
                "No column says which stay a row belongs to, so all rows would be one stay. Choose that column; if "
                "there is none, add one to the file."
            )
        stay = OwnTable([main], record_id).parts[0].stay
        self._take(record_id, RECORD_ID, reason)
        patient = guess_patient(main, record_id or "", stay)
        self._take(patient, PATIENT, _WHOSE)
        long = guess_long(main, stay, list(self.roles))
        if long:
            self._take(long[0], VARIABLE, "It names what was measured.")
            self._take(long[1], VALUE, "It holds the measured values.")
        free = [profile(main, c, stay) for c in main.table.columns if c not in self.roles]
        time, reason = guess_time(main, free, stay)
        unit = ""
        if time is not None:
            unit, unit_reason = guess_time_unit(main, next(p for p in free if p.name == time), stay)
            self._take(time, TIME, f"{reason} {unit_reason}")
        table = OwnTable(self.views, record_id, time, unit, long, None if time else main.table.columns)
        if patient is None:
            patient = patient_of(table.parts)
            self._take(patient, PATIENT, _WHOSE)
        labels = self._labels(table, free)
        people = len(set(stay_texts(table.parts, patient, table.record_ids))) if patient else len(table)
        label = next((c for c in labels if could_be_label(c, people)), None)
        foreign = self._foreign(table)
        brought = any(is_called_label(c) for view in foreign for c in view.table.columns)
        if label is not None and not (brought and not is_called_label(label.name)):
            self._take(label.name, LABEL, label_reason(label))
        else:
            label = None
            self.problems.append(no_label(labels, foreign, table.record_ids))
        columns = self._columns(table, free, long, people, foreign)
        features = tuple(c.name for c in columns if c.role == FEATURE)
        statics = tuple(c.name for c in columns if c.role == STATIC)
        if not features:
            self.problems.append("No column holds numbers or categories that differ. Choose at least one feature.")
        choices = NewTaskChoices(
            id=record_id,
            label=label.name if label else "",
            features=features,
            statics=statics,
            time=time,
            time_unit=unit,
            rule=label.rules[0] if label and label.rules else SAME,
            event=likely_event(dict(label.classes)) if label else "",
            patient=patient,
            variable=long[0] if long else None,
            value=long[1] if long else None,
            title=(label.name if label else "New task")[:100],  # never the name of a file: it may be a patient's
        )
        grid = None
        try:
            grid = table.grid()
            choices = replace(choices, step=grid.step)
        except DataError as error:
            self.problems.append(str(error))
        if len(features) > MAX_FEATURES:
            self.problems.append(f"There are {len(features):,} features, at most {MAX_FEATURES} can be used.")
        notes = tuple(note for view in self.views for note in view.table.notes)
        if grid is not None and grid.cut:
            notes += (f"{grid.cut:,} rows lie after {grid.step.name} {grid.window:,} and would be set aside.",)
        return NewTaskProposal(
            sum(len(p.view.table) for p in table.measuring),
            len(table),
            columns,
            labels,
            choices,
            grid,
            problems=tuple(self.problems),
            refused=self.refused,
            notes=notes,
            views=self.views,
            source_names=self.names,
        )

    def _take(self, column: str | None, role: str, reason: str) -> None:
        if column is not None:
            self.roles[column] = (role, reason)

    def _labels(self, table: OwnTable, free: Sequence[Profile]) -> tuple[LabelColumn, ...]:
        """Columns that can be the outcome, the best first."""
        names = dict.fromkeys(c for p in table.parts for c in p.columns if c not in self.roles)
        ids = {p.roles.get(RECORD_ID) for p in table.parts}
        found = [describe(table.parts, name, len(table)) for name in names if name not in ids]
        kinds = {p.name: p.kind for p in free}
        good = [c for c in found if not c.problem and kinds.get(c.name) != MOMENT]
        measured = {c for p in table.measuring for c in p.columns}
        ranked = guess_label([(c.name, c.changes, kinds.get(c.name, CATEGORY), c.name in measured) for c in good])
        return tuple(good[i] for i in ranked)

    def _foreign(self, table: OwnTable) -> list[TableView]:
        """Tables without measurements in which no identifier is one of the stays."""
        known = [p.view for p in table.parts if (p.stay >= 0).any()]
        return [view for view in self.views if view not in known and view is not self.main]

    def _columns(
        self,
        table: OwnTable,
        free: Sequence[Profile],
        long: tuple[str, str] | None,
        people: int,
        foreign_views: Sequence[TableView],
    ) -> tuple[NewTaskColumn, ...]:
        """Every column with its role."""
        profiles = {p.name: p for p in free}
        for part in table.parts:
            for name in part.view.table.columns:
                if name not in profiles:
                    profiles[name] = profile(part.view, name, part.stay)
        for view in self.views:
            for name in view.table.columns:
                profiles.setdefault(name, profile(view, name))
        in_main = set(self.main.table.columns)
        foreign = {c for v in foreign_views for c in v.table.columns}
        foreign -= {c for p in table.parts if (p.stay >= 0).any() for c in p.view.table.columns}
        # Where every stay has one row, nothing can change within it.
        single = all(np.bincount(p.stay[p.stay >= 0], minlength=1).max() <= 1 for p in table.measuring)
        ids = {p.roles.get(RECORD_ID): "It holds the same identifiers." for p in table.parts}
        columns = []
        for name, p in profiles.items():
            guess = (RECORD_ID, ids[name]) if name in ids else _role(p, single, people)
            role, reason = self.roles.get(name) or guess
            if role == FEATURE and (
                long or (name not in in_main and not any(name in q.columns for q in table.measuring))
            ):
                role, reason = LEFT_OUT, "It is in no table with measurements."
            if name in foreign and name not in self.roles:
                role, reason = LEFT_OUT, "No identifier in its table is one of the stays."
            columns.append(NewTaskColumn(name, p.kind, p.distinct, p.missing, p.examples, role, reason))
        if long:
            columns += self._variables(table, {c.name for c in columns})
        return tuple(columns)

    def _variables(self, table: OwnTable, taken: set[str]) -> list[NewTaskColumn]:
        """The variables of long tables."""
        names = dict.fromkeys(v for p in table.measuring for v in p.view.distinct(p.roles[VARIABLE])[1])
        found = []
        for name in names:
            if name in taken:
                continue
            value = table.numbers(name)
            n = len(np.unique(value))
            role, reason = self.roles.get(name) or (
                (FEATURE, "Its numbers are measured over time.") if n > 1 else (LEFT_OUT, "Its values do not differ.")
            )
            examples = tuple(f"{v:g}" for v in value[:3])
            found.append(NewTaskColumn(name, NUMBER, n, 0.0, examples, role, reason, True))
        return found


def _role(p: Profile, single: bool, people: int) -> tuple[str, str]:
    if not p.distinct:
        return LEFT_OUT, "It is empty."
    if p.kind not in (NUMBER, CATEGORY):
        what = "dates" if p.kind == MOMENT else "free text"
        return LEFT_OUT, f"It holds {what}."
    if p.distinct == 1:
        return LEFT_OUT, "It holds one value only."
    if p.kind == CATEGORY and are_names(p.distinct, people):
        return (
            LEFT_OUT,
            "It has nearly as many words as there are patients, as names have: they would go into the model.",
        )
    if p.counts and not single:
        return LEFT_OUT, "It numbers the rows of the file."
    if p.fixed and not single:
        return STATIC, "It never changes within a stay."
    return FEATURE, "It holds numbers." if p.kind == NUMBER else "It holds a few different words."
