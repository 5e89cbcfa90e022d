"""Labels of stays: from a column of what was brought, or from a file of their own.

Shapes: B stays.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgru.data.classes import matched
from medgru.data.columns import guess_patient
from medgru.data.inspection import Inspection
from medgru.data.label_rows import SAME, LabelRows, checked, collect, label_rows
from medgru.data.labelled import LabelledStays
from medgru.data.mapping import Mapping
from medgru.data.names import RECORD_ID
from medgru.data.parts import Part, parts_of, parts_of_files, patient_key, stay_texts
from medgru.data.recording import Recordings
from medgru.data.source import Source
from medgru.data.words import counted
from medgru.errors import DataError
from medgru.tasks import Task
from medgru.tasks.own import MIN_CLASSES


@dataclass(frozen=True)
class LabelColumn:
    """A column that could say how each stay ended.

    Attributes:
        name: Its header, or the name of the variable in a long table.
        classes: What stands in it (the outcomes that it means, where there is a task), with the number of stays in
            which each occurs; in the order of the classes.
        problem: Why it cannot be the label, a sentence; "" where it can.
        changes: Stays within which it changes: then a rule must be chosen.
        rules: Those that settle it, the best first; empty where none can.
        only: Its one value, where there is one only and that is an outcome of the task.
    """

    name: str
    classes: tuple[tuple[str, int], ...]
    problem: str = ""
    changes: int = 0
    rules: tuple[str, ...] = ()
    only: str = ""


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
    parts, others = _tables(recordings, labels, mapping, inspection)
    rows = label_rows(parts, column, len(recordings), recordings.task)
    found = rows.settled(rule, rows.classes[recordings.task.event_index])
    patients: tuple[str, ...] = ()
    if patient_column is not None:
        patients = stay_texts([*parts, *others], patient_column, recordings.record_ids)
    return labelled(recordings, found.code, patients, found.notes, column, name)


def likely_patient(
    recordings: Recordings,
    labels: Inspection | Sequence[Source],
    mapping: Mapping | None = None,
    inspection: Inspection | None = None,
) -> str | None:
    """The column that seems to say whose stay it is, None where each stay is another patient's.

    Args:
        recordings, labels, mapping, inspection: As for `attach_labels`.

    Raises:
        DataError: The files of labels cannot be read, or hold no identifier of these stays.
    """
    parts, others = _tables(recordings, labels, mapping, inspection)
    return patient_of([*parts, *others])


def _tables(
    recordings: Recordings,
    labels: Inspection | Sequence[Source],
    mapping: Mapping | None,
    inspection: Inspection | None,
) -> tuple[list[Part], list[Part]]:
    """The tables in which labels may stand, and the others."""

    def measured(found: Inspection) -> list[Part]:
        return parts_of(found, mapping or found.mapping, recordings.record_ids)[0]

    if isinstance(labels, Inspection):
        return measured(labels), []
    return parts_of_files(labels, recordings), measured(inspection) if inspection is not None else []


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


def describe(parts: Sequence[Part], name: str, n: int, task: Task | None = None) -> LabelColumn:
    """What a column would give as the label of n stays; its classes must be those of the task, if there is one."""
    found = collect(parts, name, n)
    try:
        rows = checked(found, task)
    except DataError as error:
        return LabelColumn(name, (), str(error), only=_only(found, task))
    return LabelColumn(name, tuple(rows.counts.items()), "", rows.changes, rows.rules if rows.changes else ())


def _only(found: LabelRows, task: Task | None) -> str:
    """The one value of a column, where it is an outcome of the task; what it is else may be a name."""
    if task is not None and len(found.classes) == 1:
        with suppress(DataError):
            matched(task, found.column, found.classes)
            return found.classes[0]
    return ""


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
