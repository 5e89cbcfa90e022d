"""Rows of coded formats (FHIR, HL7 v2) on their way to tables: what was measured of whom, when, and how much.

Kept in columns of whole numbers that stand for the distinct texts, so that a million rows cost what a table costs.
"""

import gc
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data import names as roles
from medgru.data.codes import with_code
from medgru.data.source import Blob
from medgru.data.table import Table
from medgru.data.words import counted

NO_TIME = -(2**62)
"""Stands for no time among microseconds since 1970."""

PLACES = 3
"""Places that are named where things were set aside; the rest are counted."""

# LOINC codes of amounts of substance, for variables that are kept by mass: without its unit such a number would be
# taken for another one.
_MOLAR = {"14631-6", "14682-9", "14749-6", "22664-7", "2601-3"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG_ROLES = {roles.RECORD_ID: "record_id", roles.TIME: "time", roles.VARIABLE: "variable", roles.VALUE: "value"}
_LONG_ROLES |= {roles.UNIT: "unit"}
_FACT_ROLES = {roles.RECORD_ID: "record_id", roles.ADMISSION: "admission"}


def microseconds(parts: Sequence[int], fraction: str, offset_min: int | None) -> int:
    """A moment in microseconds since 1970, in UTC where its offset is known; a leap second is the second after it.

    Args:
        parts: Year, month, day, hour, minute and second.
        fraction: Digits of the part of a second.
        offset_min: Minutes by which its clock is ahead of UTC, None where nobody says so.

    Raises:
        ValueError: There is no such day or time.
    """
    *rest, second = parts
    leap = second == 60
    zone = UTC if offset_min is None else timezone(timedelta(minutes=offset_min))
    moment = datetime(*rest, 59 if leap else second, tzinfo=zone) - _EPOCH  # type: ignore[misc, arg-type]
    return (moment.days * 86_400 + moment.seconds + leap) * 1_000_000 + int((fraction + "000000")[:6] or 0)


@contextmanager
def uncollected() -> Iterator[None]:
    """Without looking for garbage in cycles: a large file makes none, and its millions of objects are gone through."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Texts(dict[str, int]):
    """Distinct texts and the number that stands for each."""

    def __missing__(self, text: str) -> int:
        self[text] = number = len(self)
        return number


def text_array(texts: Iterable[str | None]) -> pa.Array:
    """The texts; halves of characters, which JSON allows and Arrow does not, are spelled out."""
    texts = list(texts)
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        return pa.array([t and t.encode("utf-8", "backslashreplace").decode() for t in texts], pa.string())


class Aside:
    """Counts what was set aside or done, by reason, with the first places of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.places: dict[str, list[tuple[int, int]]] = {}

    def add(self, reason: str, member: int, row: int, n: int = 1) -> None:
        """Something happened `n` times at a place."""
        self.counts[reason] += n
        places = self.places.setdefault(reason, [])
        if len(places) < PLACES and (member, row) not in places:
            places.append((member, row))

    def update(self, other: "Aside") -> None:
        """Take over what another one counted."""
        for reason, n in other.counts.items():
            self.counts[reason] += n
            self.places[reason] = [*self.places.get(reason, []), *other.places[reason]][:PLACES]

    def notes(self, sentences: Mapping[str, str], thing: str, names: Sequence[str], rows: Sequence[str]) -> list[str]:
        """A sentence for each reason, with the places; `sentences` are completed by "5 observations".

        Args:
            sentences: What is said of each reason, in the order in which it is said; others are said as they are.
            thing: What is counted.
            names: Names of the files.
            rows: What their rows are called: "line", "entry".
        """
        said = []
        for reason in [r for r in sentences if r in self.counts] + [r for r in self.counts if r not in sentences]:
            where = ", ".join(f"{names[member]} {rows[member]} {row:,}" for member, row in self.places[reason])
            more = ", ..." if self.counts[reason] > len(self.places[reason]) else ""
            said.append(f"{counted(self.counts[reason], thing)} {sentences.get(reason, reason)} ({where}{more}).")
        return said


class Columns:
    """A dataclass of arrays that are columns of one table, and grow together."""

    def extend(self, other: Self) -> None:
        """Take over the rows of another one."""
        for name, column in vars(other).items():
            getattr(self, name).extend(column)

    def column(self, name: str) -> NDArray:
        """A column as an array of its own."""
        return np.array(getattr(self, name))


@dataclass
class Rows(Columns):
    """Rows of a long table in columns; times in microseconds since 1970, texts as their numbers, -1 for none.

    Attributes:
        who: Number that the reader gives to whoever was measured.
        local: Whether the time has no offset from UTC.
    """

    who: array = field(default_factory=lambda: array("i"))
    time: array = field(default_factory=lambda: array("q"))
    local: array = field(default_factory=lambda: array("b"))
    variable: array = field(default_factory=lambda: array("i"))
    value: array = field(default_factory=lambda: array("i"))
    unit: array = field(default_factory=lambda: array("i"))
    member: array = field(default_factory=lambda: array("i"))
    row: array = field(default_factory=lambda: array("q"))

    def add(
        self, who: int, time: int, local: bool, variable: int, value: int, unit: int, member: int, row: int
    ) -> None:
        """One row more."""
        self.who.append(who)
        self.time.append(time)
        self.local.append(local)
        self.variable.append(variable)
        self.value.append(value)
        self.unit.append(unit)
        self.member.append(member)
        self.row.append(row)

    def __len__(self) -> int:
        return len(self.time)


def unit_of_code(unit: str, system: str, code: str) -> str:
    """The unit that is said; where none is, a text that is none for codes that need one."""
    return "(none given)" if not unit and system == "LOINC" and code in _MOLAR else unit


class Variables:
    """What was measured: by its code, or by its words where it has none; each under one name in all files."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], int] = {}
        self.words: list[dict[str, int]] = []

    def number(self, system: str, code: str, words: str) -> int:
        """The number of a variable; without a system it is known by its words."""
        key = (system, code) if system else ("", words or code)
        number = self.keys.setdefault(key, len(self.words))
        if number == len(self.words):
            self.words.append({})
        if words:
            counts = self.words[number]
            counts[words] = counts.get(words, 0) + 1
        return number

    def names(self) -> list[str]:
        """A name for each, in order: its most frequent words (the first in the alphabet of several) and its code."""
        found = []
        for (system, code), words in zip(self.keys, self.words, strict=True):
            best = min(words, key=lambda w: (-words[w], w), default="")
            found.append(with_code(best, system, code) if system else best or code)
        return found


@dataclass(frozen=True)
class Fact:
    """What is known of a record apart from its measurements.

    Attributes:
        who: Number of the record.
        birth: Date of birth as far as it is known: "1950-05-01", "1950"; "" where it is not.
        sex: As the file says it.
        admission: Moment in microseconds since 1970, `NO_TIME` where it is not known.
        local: Whether that has no offset from UTC.
        member, row: Where it stands.
    """

    who: int
    birth: str
    sex: str
    admission: int
    local: bool
    member: int
    row: int


def age_in_years(birth: str, moment: int) -> float:
    """Completed years of age at a moment; NaN where either is not known. A missing month or day counts as the first."""
    if not birth or moment == NO_TIME:
        return float("nan")
    year, month, day = (*map(int, birth.split("-")), 1, 1)[:3]
    try:
        at = _EPOCH + timedelta(microseconds=moment)
    except OverflowError:
        return float("nan")
    return float(at.year - year - ((at.month, at.day) < (month, day)))


def long_table(
    kind: str,
    blobs: Sequence[Blob],
    rows: Rows,
    record: NDArray[np.int64],
    records: Sequence[str],
    variables: Variables,
    values: Iterable[str],
    units: Iterable[str],
    notes: Iterable[str],
    kept: NDArray[np.int64] | None = None,
) -> Table:
    """The rows as a table; `record` is the number of each row's record among `records`, -1 for none."""
    kept = np.arange(len(rows)) if kept is None else kept
    time = rows.column("time")[kept]

    def texts(codes: NDArray, of: Iterable[str]) -> pa.Array:
        codes = codes.astype(np.int32)
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), text_array(of))

    used, member = np.unique(rows.column("member")[kept], return_inverse=True)
    data = pa.table(
        {
            "record_id": texts(record[kept], records),
            "time": pa.array(time, mask=time == NO_TIME).cast(pa.timestamp("us")),
            "variable": texts(rows.column("variable")[kept], variables.names()),
            "value": texts(rows.column("value")[kept], values),
            "unit": texts(rows.column("unit")[kept], units),
        }
    )
    return Table(
        kind=kind,
        names=tuple(blobs[i].name for i in used),
        data=data,
        member=member.astype(np.int32),
        row=rows.column("row")[kept].astype(np.int64),
        sources=tuple(blobs[i].source for i in used),
        notes=tuple(notes),
        roles=_LONG_ROLES,
        in_utc=_in_utc("time", time != NO_TIME, rows.column("local")[kept]),
    )


def facts_table(
    kind: str, blobs: Sequence[Blob], facts: Sequence[Fact], names: Sequence[str], first: NDArray[np.int64]
) -> Table:
    """Age, sex and admission of the records; `first` is the time of each one's first row, for those not admitted."""
    used = sorted({fact.member for fact in facts})
    where = {member: i for i, member in enumerate(used)}
    age = [age_in_years(f.birth, f.admission if f.admission != NO_TIME else int(first[f.who])) for f in facts]
    admission = np.array([f.admission for f in facts], dtype=np.int64)
    data = pa.table(
        {
            "record_id": text_array(names[f.who] for f in facts),
            "admission": pa.array(admission, mask=admission == NO_TIME).cast(pa.timestamp("us")),
            "Age": pa.array(age, pa.float64(), from_pandas=True),
            "Gender": text_array(f.sex or None for f in facts),
        }
    )
    return Table(
        kind=kind,
        names=tuple(blobs[i].name for i in used),
        data=data,
        member=np.array([where[f.member] for f in facts], dtype=np.int32),
        row=np.array([f.row for f in facts], dtype=np.int64),
        sources=tuple(blobs[i].source for i in used),
        roles=_FACT_ROLES,
        in_utc=_in_utc("admission", admission != NO_TIME, np.array([f.local for f in facts], dtype=bool)),
    )


def _in_utc(column: str, known: NDArray[np.bool_], local: NDArray) -> dict[str, bool]:
    """For `Table.in_utc`: true where any of the known moments had its offset."""
    return {column: bool((local[known] == 0).any())} if known.any() else {}


def first_times(who: NDArray[np.int64], time: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """The first time of each record, (n,), `NO_TIME` where it has none."""
    first = np.full(n, np.iinfo(np.int64).max)
    known = (who >= 0) & (time != NO_TIME)
    np.minimum.at(first, who[known], time[known])
    first[first == np.iinfo(np.int64).max] = NO_TIME
    return first


def drop_mixed_clocks(rows: Rows, record: NDArray[np.int64], kept: NDArray[np.int64]) -> NDArray[np.int64]:
    """Take the time from rows without an offset from UTC, where others of their record have one; which rows these are.

    Nobody can say how many hours lie between them.
    """
    timed = kept[(record[kept] >= 0) & (rows.column("time")[kept] != NO_TIME)]
    local = rows.column("local")[timed].astype(bool)
    both = np.intersect1d(record[timed[local]], record[timed[~local]])
    mixed = timed[local & np.isin(record[timed], both)]
    for row in mixed.tolist():
        rows.time[row] = NO_TIME
    return mixed
