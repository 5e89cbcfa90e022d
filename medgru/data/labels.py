"""Labels of stays: from a column of what was brought, or from a file of their own.

Shapes: B stays, M labelled rows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medgru.data.classes import UNKNOWN_CODE, canonical, in_order, is_number, likely_event, matched, missing_among
from medgru.data.columns import guess_patient
from medgru.data.inspection import Inspection
from medgru.data.labelled import LabelledStays
from medgru.data.mapping import Mapping
from medgru.data.names import RECORD_ID
from medgru.data.parts import Part, parts_of, parts_of_files, patient_key, stay_texts
from medgru.data.recording import Recordings
from medgru.data.source import Source
from medgru.data.words import counted
from medgru.errors import DataError
from medgru.tasks import Task
from medgru.tasks.own import MAX_CLASSES, MIN_CLASSES

_MANY = 1_000
"""Texts looked at; a label has fewer by far."""

SAME, LAST, HIGHEST, EVER = RULES = ("same", "last", "highest", "ever")
"""What to do with a label that changes within a stay: refuse; take the last in time; the highest, where classes are
numbers; or the followed one, wherever it occurs, else the last in time (of two classes, the other one)."""

_ADVICE = {
    LAST: "the last one in time (rule 'last')",
    HIGHEST: "the highest number (rule 'highest')",
    EVER: "the followed class wherever it occurs, else the last one in time (rule 'ever')",
}


LOOKS_BACK = (
    "Rows after such a change are read too: the model learns to tell how a stay went, not to see a change coming. For "
    "that, leave out of the file what was measured after it."
)


@dataclass(frozen=True)
class LabelColumn:
    """A column that could say how each stay ended.

    Attributes:
        name: Its header, or the name of the variable in a long table.
        classes: What stands in it, with the number of stays in which each occurs; in the order of the classes.
        problem: Why it cannot be the label, a sentence; "" where it can.
        changes: Stays within which it changes: then a rule must be chosen.
        rules: Those that settle it, the best first; empty where none can.
        only: Its one value, where there is one only; it may be a name, so it is for columns of outcomes to say.
    """

    name: str
    classes: tuple[tuple[str, int], ...]
    problem: str = ""
    changes: int = 0
    rules: tuple[str, ...] = ()
    only: str = ""


@dataclass(frozen=True)
class StayLabels:
    """The classes of one column, stay by stay.

    Attributes:
        classes: Texts in canonical spelling, ordered.
        code: Index into `classes` of each stay under the rule, (B,), -1 where unknown.
        notes: What was done.
    """

    classes: list[str]
    code: NDArray[np.int64]
    notes: list[str]


@dataclass(frozen=True)
class LabelRows:
    """The labelled rows of one column, before a rule has made one class of each stay.

    Attributes:
        column: Its name.
        classes: Texts in canonical spelling, ordered; too many of them are cut off.
        stay, code: Stay and class of each row, (M,).
        when: Its time, (M,), NaN where unknown.
        n: Number of stays.
        notes: What was done.
        foreign: Whether its table has no identifier of these stays.
    """

    column: str
    classes: list[str]
    stay: NDArray[np.int32]
    code: NDArray[np.int64]
    when: NDArray[np.float64]
    n: int
    notes: tuple[str, ...] = ()
    foreign: bool = False

    @cached_property
    def counts(self) -> dict[str, int]:
        """Stays in which each class occurs."""
        occurs = np.zeros((self.n, len(self.classes)), np.bool_)
        occurs[self.stay, self.code] = True
        found = occurs.sum(axis=0)
        return dict(zip(self.classes, found.tolist(), strict=True))

    @cached_property
    def changes(self) -> int:
        """Stays with more than one class."""
        low, high = self._ends(np.ones(len(self.code), np.bool_))
        return int((low < high).sum())

    @cached_property
    def rules(self) -> tuple[str, ...]:
        """The rules that settle a label that changes, the best first: words have no highest, rows no order in time."""
        numeric = all(map(is_number, self.classes))
        ordered = not self._undecided().any()
        fits = {HIGHEST: numeric, LAST: ordered, EVER: ordered or len(self.classes) == MIN_CLASSES}
        return tuple(rule for rule in (HIGHEST, LAST, EVER) if fits[rule])

    def settled(self, rule: str, event: str = "") -> StayLabels:
        """One class for each stay.

        Args:
            rule: One of `RULES`.
            event: The class that wins under the rule "ever"; the likeliest one where empty.

        Raises:
            DataError: The label changes within a stay, and the rule refuses that or does not fit these classes.
        """
        if rule not in RULES:
            raise DataError(f"{rule!r} is no rule for labels. Choose one of {', '.join(RULES)}.")
        if self.changes and rule not in self.rules:
            raise DataError(self._why_not(rule))
        event = event or likely_event(self.counts)
        by_time = rule == LAST or (rule == EVER and len(self.classes) > MIN_CLASSES)
        _, code = self._ends(self._is_last() if by_time else np.ones(len(self.code), np.bool_))
        if rule == EVER and event in self.classes:
            code[self.stay[self.code == self.classes.index(event)]] = self.classes.index(event)
        notes = list(self.notes)
        if self.changes:
            what = {
                LAST: "the last label in time was taken",
                HIGHEST: f"the highest class was taken ({self.classes[-1]} counts most)",
                EVER: f"{event} was taken wherever it occurs{', else the last label in time' if by_time else ''}",
            }[rule]
            notes += [f"The label changes within {counted(self.changes, 'stay')}: {what}.", LOOKS_BACK]
        return StayLabels(self.classes, code, notes)

    def _ends(self, rows: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Lowest and highest class of each stay among these rows, (B,); the highest is -1 where there is none."""
        low, high = np.full(self.n, len(self.classes)), np.full(self.n, -1)
        np.minimum.at(low, self.stay[rows], self.code[rows])
        np.maximum.at(high, self.stay[rows], self.code[rows])
        return low, high

    def _is_last(self) -> NDArray[np.bool_]:
        """Rows at the last known time of their stay, (M,); all rows of a stay without times."""
        when = np.nan_to_num(self.when, nan=-np.inf)
        last = np.full(self.n, -np.inf)
        np.maximum.at(last, self.stay, when)
        return when == last[self.stay]

    def _undecided(self) -> NDArray[np.bool_]:
        """Stays with several classes at their last time, or with no time at all, (B,)."""
        low, high = self._ends(self._is_last())
        return low < high

    def _why_not(self, rule: str) -> str:
        """Why that rule does not settle this label, and which do."""
        changes = f"The label in the column {self.column} changes within {counted(self.changes, 'stay')}"
        timed = bool(np.isfinite(self.when).any())
        last = "and not everywhere one is the last in time: times are missing or equal."
        if not timed:
            last = "and there is no time to order it by: the order of rows is not time."
        said = {
            SAME: f"{changes}, but a stay has one outcome.",
            LAST: f"{changes}, {last}",
            HIGHEST: f"{changes}, and its classes are words, of which none is the highest.",
            EVER: f"{changes}, and has {len(self.classes)} classes, {last}",
        }
        if self.rules:
            return f"{said[rule]} Take {' or '.join(_ADVICE[r] for r in self.rules)}."
        if timed:
            return (
                f"{said[LAST]} Check the column of the identifiers: the rows of several patients may have been put "
                "together. Else bring one class a stay."
            )
        return f"{said[rule]} Choose a time column, or bring one class a stay."


def label_columns(
    labels: Inspection | Sequence[Source], recordings: Recordings | None = None, mapping: Mapping | None = None
) -> tuple[LabelColumn, ...]:
    """Columns that could be the label, those that can first.

    Args:
        labels: What was inspected, or the files of labels.
        recordings: The stays, where the labels are in files of their own.
        mapping: What the columns mean, where the proposal was changed.

    Raises:
        DataError: The files of labels cannot be read, or hold no identifier of these stays.
    """
    if isinstance(labels, Inspection):
        task, used = labels.task, mapping or labels.mapping
        parts, n = parts_of(labels, used)
        measured = {m.source for m in used.matches if m.target in task.feature_index}
        described = {m.source for m in used.matches if m.target in task.static_index}
    else:
        if recordings is None:
            raise DataError("Labels in a file of their own need the stays that they belong to. Read these first.")
        task, measured, described = recordings.task, set(), set()
        parts, n = parts_of_files(labels, recordings), len(recordings)
    names = dict.fromkeys(name for part in parts for name in part.columns if name not in measured)
    found = [describe(parts, name, n, task) for name in names]
    return tuple(sorted(found, key=lambda column: (column.problem != "", column.name in described)))


def attach_labels(
    recordings: Recordings,
    labels: Inspection | Sequence[Source],
    column: str,
    rule: str = SAME,
    patient_column: str | None = None,
    mapping: Mapping | None = None,
    name: str = "",
    inspection: Inspection | None = None,
) -> LabelledStays:
    """Stays with their outcomes; stays without one are left out, and that is said.

    Args:
        recordings: The stays.
        labels: What they were read from, where the label is a column of it, or the files of labels.
        column: The label column.
        rule: One of `RULES`.
        patient_column: Column that says whose stay it is; None where each stay is another patient's.
        mapping: What the columns mean, where the proposal was changed.
        name: For the screen and for bundles; the number of files where empty.
        inspection: What the stays were read from, where the column of the patients may stand while labels are files.

    Raises:
        DataError: The column does not say how stays ended, or its classes are not those of the task; the
            message says what to change.
    """
    others: list[Part] = []
    if isinstance(labels, Inspection):
        parts, _ = parts_of(labels, mapping or labels.mapping, recordings.record_ids)
    else:
        parts = parts_of_files(labels, recordings)
        if inspection is not None:
            others, _ = parts_of(inspection, mapping or inspection.mapping, recordings.record_ids)
    rows = label_rows(parts, column, len(recordings))
    codes, note = matched(recordings.task, column, rows.classes)
    followed = [c for c, code in zip(rows.classes, codes, strict=True) if code == recordings.task.event_index]
    found = rows.settled(rule, followed[0] if followed else "")
    y_true = np.append(codes, -1)[found.code]
    patients: tuple[str, ...] = ()
    if patient_column is not None:
        patients = stay_texts([*parts, *others], patient_column, recordings.record_ids)
    return labelled(recordings, y_true, patients, [*found.notes, *([note] if note else [])], column, name)


def likely_patient(inspection: Inspection, mapping: Mapping | None = None) -> str | None:
    """The column that seems to say whose stay it is, None where each stay is another patient's."""
    parts, _ = parts_of(inspection, mapping or inspection.mapping)
    return patient_of(parts)


def patient_of(parts: Sequence[Part]) -> str | None:
    """The first column of these tables that is called so and does not change within a stay."""
    found = (guess_patient(p.view, p.roles.get(RECORD_ID, ""), p.stay) for p in parts)
    return next((column for column in found if column is not None), None)


def labelled(
    recordings: Recordings,
    y_true: NDArray[np.int64],
    patients: Sequence[str],
    notes: Sequence[str],
    column: str,
    name: str = "",
) -> LabelledStays:
    """The stays whose class is known (`y_true` at least 0), with notes on the rest."""
    task, known = recordings.task, np.flatnonzero(y_true >= 0)
    left_out = len(y_true) - len(known)
    counts = np.bincount(y_true[known], minlength=len(task.outcomes)).tolist()
    said = [f"Outcome from the column {column}: " + _listed(task, counts) + ".", *notes]
    if left_out:
        said.append(f"{counted(left_out, 'stay')} without a label in {column} left out.")
        recordings = recordings.select([recordings.record_ids[i] for i in known.tolist()])
    if sum(n > 0 for n in counts) < MIN_CLASSES:
        raise DataError(
            f"The column {column} gives {counted(len(known), 'stay')} a label, and all of them the same one. Training "
            "needs stays of at least two classes: choose another column, or bring more stays."
        )
    y_true = y_true[known]
    whose = tuple(patients[i] for i in known.tolist()) if patients else _same_but_for_spelling(recordings.record_ids)
    if whose and not patients:
        said.append("Some identifiers differ in their spelling only (as 7 and 007 do): taken for the same patient's.")
    return LabelledStays(
        # Not what the files are called: that may be a patient's name, and this goes into bundles.
        name=name or counted(max(1, len(recordings.report.files)), "file"),
        recordings=recordings,
        y_true=y_true,
        sha256=_fingerprint(recordings, y_true),
        patients=whose,
        notes=tuple(said),
    )


def label_rows(parts: Sequence[Part], column: str, n: int) -> LabelRows:
    """The labelled rows of n stays.

    Raises:
        DataError: There is no such column, or it has too few or too many classes.
    """
    found = _collect(parts, column, n)
    problem = _class_problem(found)
    if problem:
        raise DataError(problem)
    return found


def describe(parts: Sequence[Part], name: str, n: int, task: Task | None = None) -> LabelColumn:
    """What a column would give as the label of n stays; its classes must be those of the task, if there is one."""
    found = _collect(parts, name, n)
    problem = _class_problem(found)
    if not problem and task is not None:
        try:
            matched(task, name, found.classes)
        except DataError as error:
            problem = str(error)
    if problem:
        return LabelColumn(name, (), problem, only=found.classes[0] if len(found.classes) == 1 else "")
    return LabelColumn(name, tuple(found.counts.items()), "", found.changes, found.rules if found.changes else ())


def _class_problem(found: LabelRows) -> str:
    column, n = found.column, len(found.classes)
    if n > MAX_CLASSES:
        return (
            f"The column {column} holds more than {MAX_CLASSES} different values, so it is not a class. Choose another "
            "column, or put its values into groups first."
        )
    if found.foreign:
        return (
            f"No identifier in the table of the column {column} is one of the stays that were read. A file of labels "
            "needs a column with the same identifiers."
        )
    if n < MIN_CLASSES:
        what = "is empty" if not n else "holds one value only"
        return f"The column {column} {what}: a label needs at least two classes. Choose another column."
    return ""


def _collect(parts: Sequence[Part], column: str, n: int) -> LabelRows:
    """Labels of all tables that have the column; of too many classes no rows are kept."""
    stay, when, code, clocks, foreign = [], [], [], set(), True
    texts: dict[str, int] = {}
    spelling: list[str] = []
    for part in parts:
        cells = part.cells(column)
        if cells is None:
            continue
        rows, codes, names = cells
        foreign &= not (part.stay >= 0).any()
        used = np.bincount(codes[part.stay[rows] >= 0] + 1, minlength=len(names) + 1)[1:] > 0
        lookup = np.full(len(names) + 1, -1, np.int64)
        missing = missing_among(names[i] for i in np.flatnonzero(used)[:_MANY])
        for i in np.flatnonzero(used):
            text = canonical(names[i])
            if text and names[i] not in missing:
                if text.casefold() not in texts:
                    spelling.append(text)
                lookup[i] = texts.setdefault(text.casefold(), len(texts))
            if len(texts) > MAX_CLASSES + 1:
                nothing = np.empty(0, np.int64)
                return LabelRows(column, spelling, nothing.astype(np.int32), nothing, nothing.astype(float), n)
        good = (part.stay[rows] >= 0) & (lookup[codes] >= 0)
        stay.append(part.stay[rows[good]])
        when.append(part.when[rows[good]])
        code.append(lookup[codes[good]])
        clocks.add(part.clock)
    if not stay:
        raise DataError(
            f"There is no column called {column} in a table of these stays. Choose another label column, or give its "
            "table a column with the same identifiers."
        )
    times = np.concatenate(when)
    if len(clocks - {""}) > 1:  # hours here and dates there have no common order
        times = np.full(len(times), np.nan)
    found = _ordered(column, np.concatenate(stay), np.concatenate(code), times, spelling, n)
    return replace(found, foreign=foreign and n > 0)


def _ordered(
    column: str,
    stay: NDArray[np.int32],
    code: NDArray[np.int64],
    when: NDArray[np.float64],
    spelling: list[str],
    n: int,
) -> LabelRows:
    """The rows with their classes in order, those of unknown class left out."""
    notes: tuple[str, ...] = ()
    keep = list(spelling)
    if UNKNOWN_CODE in spelling and len(spelling) > MIN_CLASSES:
        keep.remove(UNKNOWN_CODE)
        notes = (f"{UNKNOWN_CODE} was taken as unknown.",)
    classes = in_order(keep)
    rank = np.array([classes.index(t) if t in classes else -1 for t in spelling], np.int64)
    code = rank[code]
    known = code >= 0
    return LabelRows(column, classes, stay[known], code[known], when[known], n, notes)


def _listed(task: Task, counts: Sequence[int]) -> str:
    return ", ".join(f"{o.label} {n:,}" for o, n in zip(task.outcomes, counts, strict=True))


def _same_but_for_spelling(record_ids: Sequence[str]) -> tuple[str, ...]:
    """Whose stay each is, where identifiers differ in their spelling only ("7" and "007"); else nothing."""
    keys = tuple(map(patient_key, record_ids))
    return keys if len(set(keys)) < len(keys) else ()


def _fingerprint(recordings: Recordings, y_true: NDArray[np.int64]) -> str:
    """Hash of everything that a model is trained on."""
    digest = hashlib.sha256("\x00".join((recordings.task.name, *recordings.record_ids)).encode("utf-8", "replace"))
    for array in (recordings.stay, recordings.hours, recordings.feature, recordings.value, recordings.statics, y_true):
        digest.update(array.tobytes())
    return digest.hexdigest()
