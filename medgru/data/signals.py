"""Recorded signals as wide tables: one row a sample, one column a signal, named with its unit.

Shared by the readers of WFDB, EDF and DICOM. Signals of different sampling rates stand in different tables, so that
none is filled up with empty cells. Shapes: N samples.
"""

import logging
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.names import RECORD_ID, TIME, name_key
from medgru.data.source import Blob
from medgru.data.table import Table, stem, unique_headers
from medgru.data.words import agreeing, counted
from medgru.settings import settings

ID_HEADER, TIME_HEADER = "record_id", "time (seconds)"
AGE_HEADER, SEX_HEADER = "Age (years)", "Gender"

CELLS_A_ROW = 12
"""Most cells read at once, as a multiple of `settings().max_rows`: the twelve leads of an ECG."""

_SLOW_HZ = 2.0
"""Above it a signal without a unit is a curve; monitors write numbers at most twice a second."""

# Curves of monitors that are called as the number made from them: the movement of the chest, not breaths a minute.
_CURVE_NAMES = {"resp", "respiration", "pulse", "rr", "breathing", "atmung"}
_A_MINUTE = {"bpm", "/min", "1/min", "min-1", "rpm", "brpm", "pm", "beats/min", "breaths/min", "permin", "cpm"}
_UNITS = {"pm": "/min"}
"""Spellings that only recorders use: "pm" is "per minute" in the numeric records of PhysioNet."""

_HIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_LONGEST_LABEL = 80
_MOST_RENAMED = 5


@dataclass(frozen=True)
class Signal:
    """One signal of a recording.

    Attributes:
        label: As the file calls it, "" where it has no name.
        unit: As the file writes it.
        values: In that unit, (N,); NaN where nothing was measured.
    """

    label: str
    unit: str
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """Signals of one recording that were sampled at the same times.

    Attributes:
        seconds: Since the start of the recording, (N,).
        columns: Values of each column by its header, (N,) each.
    """

    seconds: NDArray[np.float64]
    columns: Mapping[str, NDArray[np.float64]]

    @classmethod
    def of(cls, seconds: NDArray[np.float64], signals: Sequence[Signal], rate: float) -> "Stretch":
        """Signals at these times, sampled so many times a second."""
        headers, _ = unique_headers([header(s.label or f"signal {i}", s.unit, rate) for i, s in enumerate(signals, 1)])
        return cls(seconds, dict(zip(headers, (s.values for s in signals), strict=True)))


@dataclass(frozen=True)
class Recorded:
    """One recording: what a record or a file holds.

    Attributes:
        blob: File it comes from.
        stretches: Its signals.
        notes: What was done to read it, for the screen.
        facts: Age and sex of the patient, by `AGE_HEADER` and `SEX_HEADER`.
    """

    blob: Blob
    stretches: Sequence[Stretch]
    notes: tuple[str, ...] = ()
    facts: Mapping[str, float | str] = field(default_factory=dict)


class Budget:
    """How much may still be read at once; what does not fit is refused whole, never cut."""

    def __init__(self) -> None:
        self.rows = settings().max_rows
        self.cells = CELLS_A_ROW * settings().max_rows

    def problem(self, rows: int, columns: int, what: str = "samples of {} signals") -> str | None:
        """Why so many rows of so many columns cannot be read as well; None where they can, and then they are taken."""
        most = settings().max_rows
        if rows <= self.rows and rows * columns <= self.cells:
            self.rows -= rows
            self.cells -= rows * columns
            return None
        found = f"holds {rows:,} {what.format(f'{columns:,}')}"
        if rows > most or rows * columns > CELLS_A_ROW * most:
            return (
                f"{found}; at most {most:,} rows and {CELLS_A_ROW * most:,} values are read at once. Bring a shorter "
                "part of it, or raise MEDGRU_MAX_ROWS."
            )
        return (
            f"{found}, too much together with the files before it (at most {most:,} rows and "
            f"{CELLS_A_ROW * most:,} values at once), so it was not read. Bring fewer files at once, or raise "
            "MEDGRU_MAX_ROWS."
        )


def header(label: str, unit: str, rate: float) -> str:
    """Header of a signal's column: "HR (bpm)"; a curve that is called like a number made from it says its rate."""
    label, unit = plain_label(label), plain_label(unit)
    unit = _UNITS.get(unit, unit)
    a_minute = unit.casefold().replace(" ", "") in _A_MINUTE
    if name_key(label) in _CURVE_NAMES and not a_minute and (unit or rate > _SLOW_HZ):
        label = f"{label} at {rate:g} Hz"
    return f"{label} ({unit})" if unit else label


def plain_label(text: str) -> str:
    """A text of a file's header on one line, without characters that cannot be seen, at most 80 long."""
    return " ".join(_HIDDEN.sub(" ", text).split())[:_LONGEST_LABEL]


def tables(kind: str, recorded: Iterable[Recorded]) -> Iterator[Table]:
    """One table for all stretches with the same columns, and one with what is known of the patients."""
    recorded = list(recorded)
    ids, renamed = record_ids([r.blob for r in recorded])
    groups: dict[tuple[str, ...], list[tuple[int, Stretch]]] = {}
    for i, record in enumerate(recorded):
        for stretch in record.stretches:
            groups.setdefault(tuple(sorted(stretch.columns)), []).append((i, stretch))
    told: set[int] = set()
    for parts in groups.values():
        columns = list(parts[0][1].columns)
        owners = list(dict.fromkeys(i for i, _ in parts))
        notes = (*renamed, *(note for i in owners if i not in told for note in recorded[i].notes))
        renamed = ()
        told.update(owners)
        yield _table(kind, recorded, ids, owners, parts, columns, notes)
    yield from facts_table(kind, [(i, r.blob, r.facts) for i, r in zip(ids, recorded, strict=True)])


def record_ids(blobs: Sequence[Blob]) -> tuple[list[str], tuple[str, ...]]:
    """A name for each recording, that of its file made unique, and what is said of those that were not."""
    names = [stem(blob.name) for blob in blobs]
    taken = set(names)
    numbers: dict[str, Iterator[int]] = {}
    notes = []
    for i, (name, blob) in enumerate(zip(names, blobs, strict=True)):
        if name in numbers:
            names[i] = next(new for n in numbers[name] if (new := f"{name} ({n})") not in taken)
            notes.append(f"{blob.name}: another file has the same name, so this recording is called {names[i]}.")
            taken.add(names[i])
        else:
            numbers[name] = count(2)
    more = len(notes) - _MOST_RENAMED
    if more > 0:
        notes[_MOST_RENAMED:] = [f"{counted(more, 'more file')} {agreeing(more, 'has', 'have')} the name of another."]
    return names, tuple(notes)


def identifiers(position: NDArray[np.int32], names: Sequence[str]) -> pa.DictionaryArray:
    """A column of identifiers from the position of each row's among `names`."""
    return pa.DictionaryArray.from_arrays(pa.array(position), pa.array(names, pa.string()))


def _table(
    kind: str,
    recorded: Sequence[Recorded],
    ids: Sequence[str],
    owners: Sequence[int],
    parts: Sequence[tuple[int, Stretch]],
    columns: Sequence[str],
    notes: tuple[str, ...],
) -> Table:
    position = {i: k for k, i in enumerate(owners)}
    sizes = [len(s.seconds) for _, s in parts]
    member = np.repeat(np.array([position[i] for i, _ in parts], dtype=np.int32), sizes)
    # A person counts the samples of a signal from 1.
    first = dict.fromkeys(owners, 1)
    rows = []
    for (i, _), size in zip(parts, sizes, strict=True):
        rows.append(np.arange(first[i], first[i] + size, dtype=np.int64))
        first[i] += size
    data = {
        ID_HEADER: identifiers(member, [ids[i] for i in owners]),
        TIME_HEADER: pa.chunked_array([pa.array(s.seconds) for _, s in parts]),
    }
    for column in columns:
        # NaN becomes null: "not measured" is nothing, never a number.
        data[column] = pa.chunked_array([pa.array(s.columns[column], from_pandas=True) for _, s in parts])
    return Table(
        kind=kind,
        names=tuple(recorded[i].blob.name for i in owners),
        data=pa.table(data),
        member=member,
        row=np.concatenate(rows),
        sources=tuple(recorded[i].blob.source for i in owners),
        notes=notes,
        roles={RECORD_ID: ID_HEADER, TIME: TIME_HEADER},
    )


def facts_table(kind: str, found: Sequence[tuple[str, Blob, Mapping[str, float | str]]]) -> Iterator[Table]:
    """One table with age and sex, a row a recording; none where no file says them.

    Args:
        kind: Name of the format.
        found: Identifier, file and facts of each recording.
    """
    found = [entry for entry in found if entry[2]]
    if not found:
        return
    position = np.arange(len(found), dtype=np.int32)
    data: dict[str, pa.Array] = {ID_HEADER: identifiers(position, [record_id for record_id, _, _ in found])}
    for column, form in ((AGE_HEADER, pa.float64()), (SEX_HEADER, pa.string())):
        if any(column in facts for _, _, facts in found):
            data[column] = pa.array([facts.get(column) for _, _, facts in found], form)
    yield Table(
        kind=kind,
        names=tuple(blob.name for _, blob, _ in found),
        data=pa.table(data),
        member=position,
        row=np.ones(len(found), dtype=np.int64),
        sources=tuple(blob.source for _, blob, _ in found),
        roles={RECORD_ID: ID_HEADER},
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what libraries say about odd files out of logs: it may hold a patient's values, and we check ourselves."""
    log = logging.getLogger("pydicom")
    before = log.disabled
    log.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def file_name(blob: Blob) -> str:
    """Name of the file itself, without the archive and the folders it lay in."""
    return blob.name.replace("\\", "/").split(" › ")[-1].rsplit("/", 1)[-1]
