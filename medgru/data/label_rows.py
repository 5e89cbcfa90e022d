"""The labelled rows of one column, and the rules that make one class of each stay.

Shapes: B stays, M labelled rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medgru.data.classes import UNKNOWN_CODE, canonical, in_order, is_number, likely_event, matched, missing_among
from medgru.data.parts import Part
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
class StayLabels:
    """The classes of one column, stay by stay.

    Attributes:
        classes: As those of the rows.
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
        classes: Texts in canonical spelling, ordered, or outcomes of a task; too many of them are cut off.
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
            HIGHEST: f"{changes}, and it is read as words, of which none is the highest.",
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


def label_rows(parts: Sequence[Part], column: str, n: int, task: Task | None = None) -> LabelRows:
    """The labelled rows of n stays, as `collect` finds and `checked` judges them.

    Raises:
        DataError: There is no such column, or it cannot be the label; the message says why.
    """
    return checked(collect(parts, column, n), task)


def collect(parts: Sequence[Part], column: str, n: int) -> LabelRows:
    """Labels of all tables that have the column; of too many classes no rows are kept.

    Raises:
        DataError: No table has it.
    """
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


def checked(found: LabelRows, task: Task | None = None) -> LabelRows:
    """The same rows where they can be labels; with a task, their classes are its outcomes.

    Outcomes come before rules: "dead" and "died" are no change, and of 1 for alive and 0 for dead none is the highest.

    Raises:
        DataError: There are too few or too many classes, or some are no outcome of the task.
    """
    column, n = found.column, len(found.classes)
    if n > MAX_CLASSES:
        raise DataError(
            f"The column {column} holds more than {MAX_CLASSES} different values, so it is not a class. Choose another "
            "column, or put its values into groups first."
        )
    if found.foreign:
        raise DataError(
            f"No identifier in the table of the column {column} is one of the stays that were read. A file of labels "
            "needs a column with the same identifiers."
        )
    if n < MIN_CLASSES:
        what = "is empty" if not n else "holds one value only"
        raise DataError(f"The column {column} {what}: a label needs at least two classes. Choose another column.")
    if task is None:
        return found
    codes, note = matched(task, column, found.classes)
    names = [o.name if is_number(o.name) else o.label for o in task.outcomes]  # numbers of an own task have a highest
    return replace(found, classes=names, code=codes[found.code], notes=(*found.notes, *([note] if note else [])))
