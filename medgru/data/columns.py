"""What the columns of an unknown table could be: for a new task, before anyone has said anything.

Every guess carries its reason, so that a person can judge and change it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.classes import canonical, missing_among
from medgru.data.names import DATE, RECORD_ID, TIME, VALUE, VARIABLE, match_role, name_key
from medgru.data.times import CLOCK, DAYS, HOURS, STEPS, TIMESTAMP, parse_times
from medgru.data.view import TableView

NUMBER, CATEGORY, TEXT, MOMENT = "number", "category", "text", "time"
MAX_CATEGORIES = 20

_EXAMPLES = 3
_SAMPLE = 2_000
_MOSTLY = 0.9
_PATIENT_NAMES = "patient|patient id|subject|subject id|person id|pid|mrn|patientennummer|patienten id|patient nr"
_PATIENT_NAMES += "|患者id|病人id|患者|病人|患者编号|病人编号|病历号|id paciente|paciente"
_PATIENT = {name_key(name) for name in _PATIENT_NAMES.split("|")}
_DAYS = {"d", "day", "days", "tag", "tage", "jour", "jours", "dia", "dias", "天", "日"}

_STEPS = {"row", "step", "zeile", "schritt"}


@dataclass(frozen=True)
class Profile:
    """What one column holds.

    Attributes:
        name: Its header.
        kind: "number", "category" (few texts), "text" or "time" (dates and clocks).
        distinct: Different entries, those that say "missing" apart.
        missing: Share of cells that hold nothing.
        examples: A few entries as they stand.
        fixed: Whether it never changes within a stay.
        clock: How its times are written, "" where it holds none.
        counts: Whether it only numbers the rows of the file.
    """

    name: str
    kind: str
    distinct: int
    missing: float
    examples: tuple[str, ...]
    fixed: bool = False
    clock: str = ""
    counts: bool = False


def profile(view: TableView, column: str, stay: NDArray[np.int32] | None = None) -> Profile:
    """What the column holds; `stay` is the stay of each row, where it is known."""
    codes, texts = view.distinct(column)
    absent = missing_among(texts)
    there = np.array([text not in absent for text in texts] + [False])[codes]
    n_there = int(there.sum())
    known = [text for text in texts if text not in absent]
    numbers = view.numbers(column).value
    numeric = int(np.isfinite(numbers).sum())
    kind, clock = TEXT, ""
    if n_there and numeric >= _MOSTLY * n_there:
        kind = NUMBER
    elif clock := _clock(view, column, n_there):
        kind = MOMENT
    elif 0 < len({canonical(t) for t in known[: 50 * MAX_CATEGORIES]}) <= MAX_CATEGORIES:
        kind = CATEGORY
    fixed = stay is not None and is_fixed(stay, np.where(there, codes, -1))
    missing = 1.0 - n_there / len(codes) if len(codes) else 1.0
    return Profile(
        column, kind, len(known), missing, tuple(t[:60] for t in known[:_EXAMPLES]), fixed, clock, _counts(numbers)
    )


def _counts(value: NDArray[np.float64]) -> bool:
    return len(value) > 2 and bool(np.isfinite(value).all()) and bool((np.diff(value) == 1).all())


def _clock(view: TableView, column: str, n_there: int) -> str:
    """How the times of a column are written, "" where it holds none."""
    data = view.table.data.column(column)
    if pa.types.is_timestamp(data.type):
        return TIMESTAMP
    sample = data.slice(0, _SAMPLE)
    texts = [t for t in view.distinct(column)[1][:_SAMPLE] if any(c.isdecimal() for c in t)]
    if len(texts) * 2 < min(len(view.distinct(column)[1]), _SAMPLE):
        return ""  # before thirty forms of dates are tried
    times = parse_times(sample, column, 0, None, view.table.decimal_comma)
    known = int(np.isfinite(times.value).sum())
    enough = known > 0 and known >= _MOSTLY * min(n_there, known + int(times.bad.sum()))
    return times.unit if enough and times.unit in (TIMESTAMP, CLOCK) else ""


def is_fixed(stay: NDArray[np.int32], codes: NDArray[np.integer]) -> bool:
    """Whether the codes (-1: unknown) never change within a stay."""
    known = (codes >= 0) & (stay >= 0)
    stay, codes = stay[known], codes[known]
    first = np.zeros(int(stay.max(initial=-1)) + 1, codes.dtype)
    first[stay[::-1]] = codes[::-1]
    return bool((first[stay] == codes).all())


def guess_id(view: TableView) -> tuple[str | None, str]:
    """The column that says which stay a row belongs to, and why."""
    n = len(view.table)
    named: list[tuple[bool, int, str]] = []
    for column in view.table.columns:
        role = match_role(column)
        if role is not None and role[0] == RECORD_ID and (distinct := len(view.distinct(column)[1])):
            named.append((distinct == n, role[1], column))
    if named:
        return min(named)[2], "It is called so."
    best: tuple[int, str] | None = None
    for column in view.table.columns:
        codes, texts = view.distinct(column)
        if not 2 <= len(texts) <= n / 1.5 or not _is_label_like(view, column):
            continue
        runs = 1 + int((np.diff(codes) != 0).sum())
        if runs == len(texts) and (codes >= 0).all() and (best is None or len(texts) > best[0]):
            best = len(texts), column
    if best is None:
        return None, "No column has blocks of rows with one identifier each."
    return best[1], "Its rows come in blocks with one entry each. Please check."


def _is_label_like(view: TableView, column: str) -> bool:
    """Whether the entries are texts or whole numbers, as identifiers are."""
    found = view.numbers(column)
    value = found.value[np.isfinite(found.value)]
    return bool((value == np.rint(value)).all()) and not pa.types.is_timestamp(view.table.data.column(column).type)


def guess_patient(view: TableView, id_column: str, stay: NDArray[np.int32]) -> str | None:
    """The column that says whose stay it is, where it is another one than that of the stays."""
    n_stays = len(np.unique(stay[stay >= 0]))
    for column in view.table.columns:
        if column == id_column or name_key(column) not in _PATIENT:
            continue
        codes, _ = view.distinct(column)
        n_patients = len(np.unique(codes[(stay >= 0) & (codes >= 0)]))  # a file of labels may hold far more
        if 0 < n_patients <= n_stays and is_fixed(stay, codes):
            return column
    return None


def guess_time(view: TableView, profiles: Sequence[Profile], stay: NDArray[np.int32]) -> tuple[str | None, str]:
    """The time column among these, and why; None where the rows have to be counted."""
    if (said := view.table.roles.get(TIME)) and any(p.name == said and p.distinct > 1 for p in profiles):
        return said, f"It is the time in files of the format {view.table.kind}."
    named: list[tuple[bool, int, str]] = []
    for p in profiles:
        role = match_role(p.name)
        is_time = (role is not None and role[0] in (TIME, DATE)) or bool(name_words(p.name) & _DAYS)
        if is_time and p.kind in (NUMBER, MOMENT) and p.distinct > 1 and not p.fixed:
            named.append((role is None or role[0] == DATE, role[1] if role else 0, p.name))
    if named:
        return min(named)[2], "It is called so."
    for p in profiles:
        if p.kind == MOMENT and p.clock == TIMESTAMP and not p.fixed and p.distinct > 1:
            return p.name, "It holds dates that change within a stay. Please check."
    for p in profiles:
        if p.kind == NUMBER and not p.fixed and _rises(view, p.name, stay):
            return p.name, "Its numbers rise within each stay. Please check."
    return None, "No column holds times: the rows of each stay are counted."


def _rises(view: TableView, column: str, stay: NDArray[np.int32]) -> bool:
    """Whether the numbers rise from row to row of each stay, and are not the number of the row in the file."""
    value = view.numbers(column).value
    if not np.isfinite(value).all() or _counts(value):
        return False
    order = np.argsort(stay, kind="stable")
    within = np.diff(stay[order]) == 0
    steps = np.diff(value[order])[within]
    return len(steps) > 0 and bool((steps > 0).all())


def guess_time_unit(view: TableView, p: Profile, stay: NDArray[np.int32]) -> tuple[str, str]:
    """The unit of a time column, and why."""
    if p.clock:
        return p.clock, "Its cells are dates." if p.clock == TIMESTAMP else "Its cells are hours and minutes."
    if name_words(p.name) & _DAYS:
        return DAYS, f"The column is called {p.name}."
    if name_words(p.name) & _STEPS:
        return STEPS, f"The column is called {p.name}: each is a step of its own."
    times = view.times(p.name, 0)
    if times.reason.startswith("The column is called") or times.absolute:
        return times.unit, times.reason
    value = view.numbers(p.name).value
    known = np.isfinite(value) & (stay >= 0)
    value, owner = value[known], stay[known]
    if len(value) and (value == np.rint(value)).all() and _widest(value, owner) <= MAX_CATEGORIES * 10:
        return STEPS, "Whole numbers without a unit: each is a step of its own. Choose the unit if you know it."
    return HOURS, "No unit is given: hours are assumed. Please check."


def _widest(value: NDArray[np.float64], stay: NDArray[np.int32]) -> float:
    low, high = np.full(int(stay.max()) + 1, np.inf), np.full(int(stay.max()) + 1, -np.inf)
    np.minimum.at(low, stay, value)
    np.maximum.at(high, stay, value)
    return float((high - low)[np.isfinite(low)].max())


def guess_long(view: TableView, stay: NDArray[np.int32], taken: Sequence[str]) -> tuple[str, str] | None:
    """The columns of variables and values of a long table, None where the table is wide."""
    named = {role[0]: c for c in reversed(view.table.columns) if c not in taken and (role := match_role(c)) is not None}
    variable, value = named.get(VARIABLE), named.get(VALUE)
    if variable is None or value is None:
        return None
    codes, texts = view.distinct(variable)
    found = profile(view, value)
    changes = not is_fixed(stay, codes)
    return (variable, value) if changes and len(texts) >= 1 and found.kind == NUMBER else None


def name_words(name: str) -> set[str]:
    """The words of a column's name, as keys."""
    return {name_key(w) for w in re.split(r"[\s_()\[\],;./-]+", name)}
