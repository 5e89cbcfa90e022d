"""Labels of stays: from a column of what was brought, or from a file of their own.

Shapes: B stays, M labelled rows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medgru.data.classes import UNKNOWN_CODE, canonical, in_order, matched, missing_among
from medgru.data.inspection import Inspection
from medgru.data.labelled import LabelledStays
from medgru.data.mapping import Mapping
from medgru.data.parts import Part, parts_of, parts_of_files, stay_texts
from medgru.data.recording import Recordings
from medgru.data.source import Source
from medgru.data.words import counted
from medgru.errors import DataError
from medgru.tasks import TASKS, Task
from medgru.tasks.own import MAX_CLASSES, MIN_CLASSES

_MANY = 1_000
"""Texts looked at; a label has fewer by far."""

SAME, LAST, HIGHEST = RULES = ("same", "last", "highest")
"""What to do with a label that changes within a stay: refuse, take the last in time, or the highest class."""


@dataclass(frozen=True)
class LabelColumn:
    """A column that could say how each stay ended.

    Attributes:
        name: Its header, or the name of the variable in a long table.
        classes: What stands in it, with the number of stays of each; in the order of the classes.
        problem: Why it cannot be the label, a sentence; "" where it can.
        changes: Stays within which it changes: then a rule must be chosen.
    """

    name: str
    classes: tuple[tuple[str, int], ...]
    problem: str = ""
    changes: int = 0


@dataclass(frozen=True)
class StayLabels:
    """The classes of one column, stay by stay.

    Attributes:
        classes: Texts in canonical spelling, ordered.
        code: Index into `classes` of each stay under the rule, (B,), -1 where unknown.
        changes: Stays within which the label changes.
        notes: What was done.
    """

    classes: list[str]
    code: NDArray[np.int64]
    changes: int
    notes: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Stays of each class."""
        n = np.bincount(self.code[self.code >= 0], minlength=len(self.classes))
        return dict(zip(self.classes, n.tolist(), strict=True))


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
) -> LabelledStays:
    """Stays with their outcomes; stays without one are left out, and that is said.

    Args:
        recordings: The stays.
        labels: What they were read from, where the label is a column of it, or the files of labels.
        column: The label column.
        rule: One of `RULES`.
        patient_column: Column that says whose stay it is; None where each stay is another patient's.
        mapping: What the columns mean, where the proposal was changed.
        name: For the screen; the names of the files where empty.

    Raises:
        DataError: The column does not say how stays ended, or its classes are not those of the task; the
            message says what to change.
    """
    if isinstance(labels, Inspection):
        parts, _ = parts_of(labels, mapping or labels.mapping, recordings.record_ids)
    else:
        parts = parts_of_files(labels, recordings)
    found = stay_labels(parts, column, len(recordings), rule)
    codes, note = matched(recordings.task, column, found.classes)
    y_true = np.append(codes, -1)[found.code]
    patients = stay_texts(parts, patient_column, recordings.record_ids) if patient_column is not None else ()
    return labelled(recordings, y_true, patients, [*found.notes, *([note] if note else [])], column, name)


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
    return LabelledStays(
        name=name or _named(recordings.report.files),
        recordings=recordings,
        y_true=y_true,
        sha256=_fingerprint(recordings, y_true),
        patients=tuple(patients[i] for i in known.tolist()) if patients else (),
        notes=tuple(said),
    )


def stay_labels(parts: Sequence[Part], column: str, n: int, rule: str = SAME) -> StayLabels:
    """The class of each of n stays.

    Raises:
        DataError: There is no such column, it changes within a stay though the rule says "same", or it has too
            few or too many classes.
    """
    if rule not in RULES:
        raise DataError(f"{rule!r} is no rule for labels. Choose one of {', '.join(RULES)}.")
    found = _collect(parts, column, n, rule)
    if found.changes and rule == SAME:
        raise DataError(
            f"The label in the column {column} changes within {counted(found.changes, 'stay')}, but a stay has one "
            "outcome. Take the last one in time (rule 'last') or the highest class (rule 'highest')."
        )
    problem = _class_problem(column, found)
    if problem:
        raise DataError(problem)
    return found


def describe(parts: Sequence[Part], name: str, n: int, task: Task | None = None) -> LabelColumn:
    """What a column would give as the label of n stays; its classes are matched to those of a shipped task."""
    found = _collect(parts, name, n, HIGHEST, most=MAX_CLASSES)
    problem = _class_problem(name, found)
    if not problem and task is not None and task.name in TASKS:
        try:
            matched(task, name, found.classes)
        except DataError as error:
            problem = str(error)
    return LabelColumn(name, () if problem else tuple(found.counts.items()), problem, found.changes)


def _class_problem(column: str, found: StayLabels) -> str:
    n = len(found.classes)
    if n > MAX_CLASSES:
        return (
            f"The column {column} holds more than {MAX_CLASSES} different values, so it is not a class. Choose another "
            "column, or put its values into groups first."
        )
    if n < MIN_CLASSES:
        what = "is empty" if not n else "holds one value only"
        return f"The column {column} {what}: a label needs at least two classes. Choose another column."
    return ""


def _collect(parts: Sequence[Part], column: str, n: int, rule: str, most: int = MAX_CLASSES) -> StayLabels:
    """Labels of all tables that have the column; classes beyond `most` are not told apart further."""
    stay, when, code = [], [], []
    texts: dict[str, int] = {}
    spelling: list[str] = []
    found = False
    for part in parts:
        cells = part.cells(column)
        if cells is None:
            continue
        found = True
        rows, codes, names = cells
        used = np.bincount(codes[part.stay[rows] >= 0] + 1, minlength=len(names) + 1)[1:] > 0
        lookup = np.full(len(names) + 1, -1, np.int64)
        missing = missing_among(names[i] for i in np.flatnonzero(used)[:_MANY])
        for i in np.flatnonzero(used):
            text = canonical(names[i])
            if text and names[i] not in missing:
                if text.casefold() not in texts:
                    spelling.append(text)
                lookup[i] = texts.setdefault(text.casefold(), len(texts))
            if len(texts) > most + 1:
                return StayLabels(spelling, np.full(n, -1, np.int64), 0)
        good = (part.stay[rows] >= 0) & (lookup[codes] >= 0)
        stay.append(part.stay[rows[good]])
        when.append(part.when[rows[good]])
        code.append(lookup[codes[good]])
    if not found:
        raise DataError(
            f"There is no column called {column} in a table of these stays. Choose another label column, or give its "
            "table a column with the same identifiers."
        )
    return _per_stay(np.concatenate(stay), np.concatenate(when), np.concatenate(code), spelling, n, rule)


def _per_stay(
    stay: NDArray[np.int32],
    when: NDArray[np.float64],
    code: NDArray[np.int64],
    spelling: list[str],
    n: int,
    rule: str,
) -> StayLabels:
    """One class a stay from the labelled rows (M,)."""
    notes: list[str] = []
    if UNKNOWN_CODE in spelling and len(spelling) > MIN_CLASSES:
        unknown = code == spelling.index(UNKNOWN_CODE)
        if unknown.any():
            notes.append(f"{UNKNOWN_CODE} was taken as unknown.")
        stay, when, code = stay[~unknown], when[~unknown], code[~unknown]
        keep = [t for t in spelling if t != UNKNOWN_CODE]
    else:
        keep = list(spelling)
    classes = in_order(keep)
    rank = np.array([classes.index(t) if t in classes else -1 for t in spelling], np.int64)
    code = rank[code]
    low, high = np.full(n, len(classes)), np.full(n, -1)
    np.minimum.at(low, stay, code)
    np.maximum.at(high, stay, code)
    changes = int((low < high).sum())
    order = np.lexsort((code, stay)) if rule == HIGHEST else np.lexsort((np.nan_to_num(when, nan=-np.inf), stay))
    result = np.full(n, -1, np.int64)
    result[stay[order]] = code[order]  # the last of a stay stays
    if changes and rule != SAME:
        what = "last label in time" if rule == LAST else "highest class"
        notes.append(f"The label changes within {counted(changes, 'stay')}: the {what} was taken.")
    return StayLabels(classes, result, changes, notes)


def _listed(task: Task, counts: Sequence[int]) -> str:
    return ", ".join(f"{o.label} {n:,}" for o, n in zip(task.outcomes, counts, strict=True))


def _named(files: Sequence[str]) -> str:
    if len(files) > 3:
        return f"{files[0]} and {len(files) - 1:,} more"
    return " and ".join(files) or "stays"


def _fingerprint(recordings: Recordings, y_true: NDArray[np.int64]) -> str:
    """Hash of everything that a model is trained on."""
    digest = hashlib.sha256("\x00".join((recordings.task.name, *recordings.record_ids)).encode("utf-8", "replace"))
    for array in (recordings.stay, recordings.hours, recordings.feature, recordings.value, recordings.statics, y_true):
        digest.update(array.tobytes())
    return digest.hexdigest()
