"""A task made from a table as a person chose, and the stays read with it by the same reader as any other.

`examine` (in `medgru.data.examination`) proposes, a person chooses, `define` makes the task.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from medgru.data.classes import likely_event, outcomes_of
from medgru.data.columns import MOMENT
from medgru.data.examination import NewTaskProposal, examine
from medgru.data.grid import MAX_STEPS, Grid
from medgru.data.inspection import Inspection
from medgru.data.label_rows import LabelRows, label_rows
from medgru.data.labelled import LabelledStays
from medgru.data.labels import labelled
from medgru.data.mapping import Mapping, Match
from medgru.data.names import CHOSEN, RECORD_ID, TIME, VALUE, VARIABLE
from medgru.data.own_choices import NewTaskChoices
from medgru.data.own_features import feature_of, giveaways, too_small
from medgru.data.own_table import OwnTable
from medgru.data.parts import stay_texts
from medgru.data.reading import build
from medgru.data.source import Source
from medgru.data.times import time_units
from medgru.data.words import counted
from medgru.errors import DataError
from medgru.tasks import Columns, Feature, Task
from medgru.tasks.own import MAX_FEATURES, MAX_STATICS, MAX_TEXT, own_task

__all__ = ["NewTaskChoices", "NewTaskProposal", "define", "examine"]


def define(source: NewTaskProposal | Sequence[Source], choices: NewTaskChoices | None = None) -> LabelledStays:
    """Make the task and read the stays with their outcomes.

    Args:
        source: What `examine` found, or the files.
        choices: What a person chose; None for what was proposed.

    Returns:
        The stays; `recordings.task` is the new task. Stays without a label or a measurement, and columns that
            hold nothing, are left out; the notes say so.

    Raises:
        DataError: No task can be made of these choices; the message says what to change.
    """
    proposal = source if isinstance(source, NewTaskProposal) else examine(source)
    if choices is None:
        choices = proposal.choices
        if proposal.problems:
            raise DataError("\n".join(proposal.problems))
    _check(proposal, choices)
    return _Definition(proposal, choices).run()


class _Definition:
    """Makes one task; one use."""

    def __init__(self, proposal: NewTaskProposal, choices: NewTaskChoices) -> None:
        self.proposal, self.choices = proposal, choices
        self.table = proposal.table(choices)
        self.notes: list[str] = []
        if not len(self.table):
            raise DataError(
                "No table has all of the columns that were chosen (identifier, time and a feature). Choose columns of "
                "the same table; only the label and descriptors may be in another one."
            )

    def run(self) -> LabelledStays:
        choices, table = self.choices, self.table
        rows = label_rows(table.parts, choices.label, len(table))
        labels = rows.settled(choices.rule, choices.event)
        grid = table.grid(choices.step)
        task = self._task(rows, grid)
        mapping, tables = self._mapping(task)
        views = tuple(self.proposal.views[i] for i in sorted(tables))
        inspection = Inspection(
            task, mapping, self.proposal.refused, views, self.proposal.source_names, self.proposal.notes
        )
        recordings = build(inspection, mapping)
        where = {name: i for i, name in enumerate(table.record_ids)}
        known = np.array([where.get(name, -1) for name in recordings.record_ids], np.int64)
        y_true = np.append(labels.code, -1)[known]
        empty = np.bincount(recordings.stay, minlength=len(recordings)) == 0
        if lost := int((empty & (y_true >= 0)).sum()):
            self.notes.append(f"{counted(lost, 'stay')} without a single usable measurement left out.")
        patients = self._patients(table, known)
        stays = labelled(recordings, np.where(empty, -1, y_true), patients, labels.notes, choices.label)
        if grid.cut:
            word = grid.step.name if grid.step.name.isalpha() else "step"
            self.notes.append(f"{counted(grid.cut, 'row')} after {word} {task.window_hours:,} left out.")
        return _with_warnings(stays, self.notes)

    def _patients(self, table: OwnTable, known: NDArray[np.int64]) -> tuple[str, ...]:
        if self.choices.patient is None:
            return ()
        texts = (*stay_texts(table.parts, self.choices.patient, table.record_ids), "")
        return tuple(texts[i] for i in known.tolist())

    def _task(self, labels: LabelRows, grid: Grid) -> Task:
        choices = self.choices
        event = choices.event or likely_event(labels.counts)
        if event not in labels.classes:
            raise DataError(
                f"The class to follow is none of the column {choices.label}. Choose one of {', '.join(labels.classes)}."
            )
        features = self._features(choices.features, "Measurements")
        statics = self._features(choices.statics, "Descriptors")
        if not features:
            raise DataError("None of the chosen features holds values that differ. Choose other columns.")
        return own_task(
            title=choices.title.strip() or choices.label,
            question=choices.question.strip() or f"Which class of {choices.label} does this recording belong to?",
            features=features,
            statics=statics,
            outcomes=outcomes_of(choices.label, labels.classes),
            event=event,
            window=min(choices.window or grid.window, grid.window),
            step=grid.step,
            causal=choices.causal,
            columns=Columns(
                record_id=choices.id or "",
                time=choices.time or "",
                time_unit=self.table.time_unit if choices.time else "",
                start=grid.start,
                first_step=grid.first_step,
                variable=choices.variable or "",
                value=choices.value or "",
                label=choices.label,
                patient=choices.patient or "",
            ),
        )

    def _features(self, names: Sequence[str], group: str) -> list[Feature]:
        found: list[Feature] = []
        for name in names:
            column = self.proposal.column(name)
            texts = [] if column.variable else self.table.texts(name)
            made = feature_of(column.kind, name, self.table.numbers(name), texts, group)
            if isinstance(made, Feature):
                found.append(made)
            else:
                self.notes.append(f"The column {name} {made}: left out.")
        return found

    def _mapping(self, task: Task) -> tuple[Mapping, set[int]]:
        """What each column of the tables in use means, and which tables these are."""
        views = self.proposal.views
        used = [p for p in self.table.parts if p in self.table.measuring or set(p.columns) & task.static_index.keys()]
        targets: dict[str, tuple[str, str, bool]] = {}
        for part in used:
            for role in (RECORD_ID, TIME, VARIABLE, VALUE):
                if role in part.roles:
                    targets[part.roles[role]] = role, self.table.time_unit if role == TIME else "", role == TIME
        for feature in (*task.features, *task.statics):
            targets[feature.name] = feature.name, feature.unit, True
        tables = {views.index(p.view) for p in used}
        matches = tuple(
            Match(
                source,
                target,
                CHOSEN,
                "You chose it.",
                unit,
                time_units(task) if target == TIME else (),
                unit_chosen=chosen,
                tables=frozenset(range(len(tables))),
            )
            for source, (target, unit, chosen) in targets.items()
        )
        return Mapping(task, matches), tables


def _with_warnings(stays: LabelledStays, notes: Sequence[str]) -> LabelledStays:
    """The stays with notes on what may make the task too easy or too hard."""
    said = [*stays.notes, *notes]
    said += [
        f"Each value of {name} belongs to one class only: it may give {stays.recordings.task.title} away. Leave it "
        "out if it is known only after the outcome."
        for name in giveaways(stays.recordings, stays.y_true)
    ]
    said += [
        f"The values of {name} differ by less than 0.0001, too little to be told apart. Multiply the column by "
        "1,000,000, or leave it out."
        for name in too_small(stays.recordings)
    ]
    return replace(stays, notes=tuple(said))


def _check(proposal: NewTaskProposal, choices: NewTaskChoices) -> None:
    """Refuse choices that contradict each other.

    Raises:
        DataError: With what to change.
    """
    singles = {
        "identifier": choices.id,
        "time": choices.time,
        "label": choices.label,
        "variable": choices.variable,
        "value": choices.value,
    }
    taken: dict[str, str] = {}
    chosen = [(role, name) for role, name in singles.items() if name]
    chosen += [("feature", name) for name in choices.features] + [("descriptor", name) for name in choices.statics]
    for role, name in chosen:
        column = proposal.column(name)
        if name in taken:
            raise DataError(f"The column {name} is chosen as {taken[name]} and as {role}. Choose it once.")
        taken[name] = role
        if role in ("feature", "descriptor") and not column.variable and column.kind not in ("number", "category"):
            what = "dates" if column.kind == MOMENT else "free text"
            raise DataError(f"The column {name} holds {what}, which cannot be a {role}. Leave it out.")
        if role == "descriptor" and column.variable:
            raise DataError(
                f"{name} is a variable of a long table, so it is measured over time: choose it as a feature."
            )
        if len(name) > MAX_TEXT or not name.isprintable():
            raise DataError(
                f"A chosen {role} has a name with more than {MAX_TEXT} or with invisible characters. Rename its column."
            )
    if choices.patient is not None:
        proposal.column(choices.patient)
    if not choices.label:
        raise DataError("No label was chosen. Choose the column that says how each stay ended.")
    if not choices.features:
        raise DataError("No feature was chosen. Choose at least one column of numbers or categories.")
    if len(choices.features) > MAX_FEATURES or len(choices.statics) > MAX_STATICS:
        raise DataError(f"At most {MAX_FEATURES} features and {MAX_STATICS} descriptors can be used. Choose fewer.")
    if (choices.variable is None) != (choices.value is None):
        raise DataError("A long table needs both columns: the one that names variables, and the one of their values.")
    if choices.time_unit and choices.time_unit not in proposal.time_units:
        raise DataError(f"{choices.time_unit!r} is not a unit of time. Choose one of {', '.join(proposal.time_units)}.")
    seconds = choices.step.seconds if choices.step is not None else None
    if seconds is not None and not 0.001 <= seconds <= 1e9:
        raise DataError("A step must last between a thousandth of a second and 30 years. Choose another one.")
    if choices.window is not None and not 1 <= choices.window <= MAX_STEPS:
        raise DataError(f"The window must be 1 to {MAX_STEPS:,} steps.")
    if len(choices.title) > MAX_TEXT or len(choices.question) > 1_000:
        raise DataError(f"The title is longer than {MAX_TEXT} characters, or the question longer than 1,000.")
