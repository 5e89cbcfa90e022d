"""Identifiers taken out of inspected files, before anything else sees the data.

Columns go, identifiers of stays become pseudonyms, dates move by one random number of days a stay, files get new names.
What is measured, and the hours between measurements, stay as they were.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.inspection import Inspection
from medgru.data.mapping import Mapping
from medgru.data.names import ADMISSION, DATE, RECORD_ID, TIME, UNIT, VALUE, VARIABLE, match_role, name_key
from medgru.data.proposal import Proposal
from medgru.data.source import Refusal
from medgru.data.stay_facts import completed_years
from medgru.data.table import Table, distinct, flat
from medgru.data.times import TIMESTAMP, parse_times
from medgru.data.view import Stays, TableView, chosen_time_unit
from medgru.quality import identifier_kinds as kinds
from medgru.quality.identifier_kinds import kind_by_name
from medgru.quality.identifiers import OLDEST, is_telling
from medgru.tasks import Task

BLANK = "[removed]"
MIN_SHIFT_DAYS, MAX_SHIFT_DAYS = 30, 3650
_DAY_S = 86_400
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Removed:
    """Files without their identifiers.

    Attributes:
        inspection: The same files, so changed; its mapping is proposed anew.
        mapping: What was mapped before, where the columns are still there.
        key: The way back, for whoever may have it: identifier, pseudonym, days by which its dates were moved. Nothing
            else that is given here leads back.
        done: What was done, a sentence each.
    """

    inspection: Inspection
    mapping: Mapping
    key: pd.DataFrame = field(repr=False)
    done: tuple[str, ...] = ()


def inspected_again(inspection: Inspection, task: Task) -> Inspection:
    """The same tables read for another task, without the files: those from which identifiers were taken are gone."""
    views = tuple(TableView(view.table, i) for i, view in enumerate(inspection.views))
    mapping, notes = Proposal(views, task).run()
    notes = tuple(note for view in views for note in view.table.notes) + notes
    return replace(inspection, task=task, mapping=mapping, views=views, notes=notes)


def removed(
    inspection: Inspection,
    columns: Iterable[str],
    *,
    mapping: Mapping | None = None,
    pseudonyms: bool = True,
    shift_dates: bool = True,
    seed: int | None = None,
) -> Removed:
    """The inspected files without identifiers.

    Args:
        inspection: The files; they stay as they are.
        columns: Headers of columns, and names of variables of long tables, that go. The column that says whose row it
            is cannot go: its cells become pseudonyms.
        mapping: What the columns mean; the proposal unless given.
        pseudonyms: Whether identifiers of stays are replaced, the same one by the same pseudonym in all files.
        shift_dates: Whether dates move, all of one stay by the same number of days; a date of birth among `columns`
            becomes an age where a date of the stay is known and no column holds ages.
        seed: For tests; otherwise from the machine's own randomness.

    Ages over 89 become 90. Remarks among numbers, and cells elsewhere that repeat what was removed, are blanked.
    """
    return _Removal(inspection, mapping or inspection.mapping, set(columns), pseudonyms, shift_dates, seed).run()


class _Removal:
    """One use."""

    def __init__(
        self,
        inspection: Inspection,
        mapping: Mapping,
        columns: set[str],
        pseudonyms: bool,
        shift: bool,
        seed: int | None,
    ) -> None:
        self.inspection, self.mapping, self.columns = inspection, mapping, columns
        self.pseudonyms, self.shift = pseudonyms, shift
        self.rng = np.random.default_rng(seed)
        self.views = inspection.views
        self.roles = [view.roles(mapping) for view in self.views]
        self.stays = [view.stays(roles) for view, roles in zip(self.views, self.roles, strict=True)]
        self.secret: set[str] = set()
        self.done: list[str] = []

    def run(self) -> Removed:
        self.names = self._pseudonyms()
        stay_ids = {name: i for i, name in enumerate(dict.fromkeys(n for s in self.stays for n in s.names))}
        days = self.rng.integers(MIN_SHIFT_DAYS, MAX_SHIFT_DAYS + 1, len(stay_ids) + 1)
        self.days = -days.astype(np.float64)
        self.stay_rows = []
        for stays in self.stays:
            lookup = np.array([stay_ids[n] for n in stays.names] + [len(stay_ids)], dtype=np.int64)
            self.stay_rows.append(lookup[stays.codes])
        self._collect_secrets()
        self._first = self._first_moments(len(stay_ids) + 1)
        self.has_age = any(m.target == "Age" and m.source not in self.columns for m in self.mapping.matches)
        self.files = self._file_names()
        tables = [t for t in (self._table(i) for i in range(len(self.views))) if t is not None]
        again = self._inspection(tables)
        changed = again.mapping.apply(self.mapping.to_config()) if again.views else again.mapping
        key = pd.DataFrame(
            {
                "identifier": list(stay_ids),
                "pseudonym": [self.names.get(n, n) for n in stay_ids],
                "days moved": [int(self.days[i]) if self.shift else 0 for i in stay_ids.values()],
            }
        )
        return Removed(again, changed, key, tuple(self._sentences()))

    # Names

    def _pseudonyms(self) -> dict[str, str]:
        """The pseudonym of each identifier, in order of first appearance, as the stays are listed."""
        if not self.pseudonyms:
            return {}
        known = dict.fromkeys(name for stays in self.stays for name in stays.names)
        for view, roles in zip(self.views, self.roles, strict=True):
            for column in view.table.columns:
                if self._is_other_id(column, roles):
                    known.update(dict.fromkeys(view.distinct(column)[1]))
        width = max(4, len(str(len(known))))
        prefix = next(
            p for p in ("P", "Q", "PX", "QX", "PZZ") if not any(f"{p}{i:0{width}}" in known for i in (1, 2, 3))
        )
        return {name: f"{prefix}{i:0{width}}" for i, name in enumerate(known, start=1)}

    def _is_other_id(self, column: str, roles: dict[str, str]) -> bool:
        """Whether it is a number of the patient beside that of the stay, which training may want."""
        taken = column in self.columns or column in roles.values()
        return not taken and (match_role(column) or ("",))[0] == RECORD_ID

    def _collect_secrets(self) -> None:
        """Words that must not stand anywhere any more."""
        self.secret |= {name for name in self.names if not _is_short(name)}
        for view, roles in zip(self.views, self.roles, strict=True):
            for column in view.table.columns:
                if column in self.columns and column != roles.get(RECORD_ID):
                    for text in view.distinct(column)[1]:
                        self.secret |= {
                            text,
                            *(w for w in _WORDS.findall(text) if not _is_short(w) and not w.isdigit()),
                        }
        self.secret = {s for s in self.secret if not _is_short(s)}
        self.folded = {s.casefold() for s in self.secret}

    def _file_names(self) -> dict[str, str]:
        """The new name of each file: a number; that of the stay where it is named so."""
        new: dict[str, str] = {}
        all_names = [*self.inspection.source_names, *(r.file for r in self.inspection.refused)]
        all_names += [name for view in self.views for name in view.table.names]
        taken: dict[str, int] = {}
        for name in all_names:
            if name not in new:
                first = taken.setdefault(name.split(" › ")[0], len(taken) + 1)
                inner = f" › part {len(new) + 1}" if " › " in name else ""
                new[name] = f"file {first}{_ending(name.split(' › ')[0])}{inner}"
        return new

    # Tables

    def _table(self, i: int) -> Table | None:
        view, stays = self.views[i], self.stays[i]
        table, rows = view.table, self._kept_rows(i)
        columns: dict[str, pa.ChunkedArray | pa.Array] = {}
        for name in table.columns:
            column = self._cells(i, name)
            if column is not None:
                columns[name if isinstance(column, pa.ChunkedArray) or name not in self.columns else "Age"] = column
        if not columns:
            return None
        data = pa.table(columns)
        member, row = table.member, table.row
        if rows is not None:
            data = data.take(pa.array(rows))
            member = None if member is None else member[rows]
            row = rows + 2 if row is None else row[rows]
        return replace(
            table,
            names=self._table_names(table, stays),
            data=data,
            member=member,
            row=row,
            notes=tuple(n for n in map(self._said, table.notes) if n is not None),
            roles={role: column for role, column in table.roles.items() if column in columns},
        )

    def _table_names(self, table: Table, stays: Stays) -> tuple[str, ...]:
        if stays.from_file_name and self.pseudonyms:
            return tuple(f"{self.names[s]}{_ending(n)}" for s, n in zip(stays.names, table.names, strict=True))
        if stays.from_file_name:
            return table.names
        return tuple(self.files[name] for name in table.names)

    def _kept_rows(self, i: int) -> NDArray[np.int64] | None:
        """Rows of a long table without those that hold an identifier; None for all."""
        view, roles = self.views[i], self.roles[i]
        if not view.is_long(roles):
            return None
        codes, names = view.distinct(roles[VARIABLE])
        gone = np.array([name in self.columns for name in names] + [False])[codes]
        if not gone.any():
            return None
        gone_cells = flat(view.table.data.column(roles[VALUE])).take(pa.array(np.flatnonzero(gone)))
        self.secret |= set(distinct(gone_cells)[1])
        return np.flatnonzero(~gone)

    def _cells(self, i: int, column: str) -> pa.ChunkedArray | pa.Array | None:
        """The new cells of a column; None where it goes."""
        view, roles = self.views[i], self.roles[i]
        data = view.table.data.column(column)
        role = next((r for r, c in roles.items() if c == column), None)
        if role == RECORD_ID or self._is_other_id(column, roles):
            return self._replaced(view, column) if self.pseudonyms else data
        if column in self.columns:
            return self._age(i, column) if kind_by_name(column) is kinds.BIRTH and not self.has_age else None
        if role in (VARIABLE, UNIT):
            return data
        if self.shift and (moved := self._moved(i, column, role)) is not None:
            return moved
        matches = {m.source: m.target for m in self.mapping.of_table(view.index).matches}
        target = matches.get(column)
        measured = (target is not None and role is None) or role == VALUE
        if target == "Age" or name_key(column) in kinds.AGE_NAMES:
            data = self._capped(view, column, data)
        elif role == VALUE:
            data = self._capped_rows(view, roles, data)
        if pa.types.is_floating(data.type) or pa.types.is_timestamp(data.type):
            return data
        return self._scrubbed(data, measured)

    def _replaced(self, view: TableView, column: str) -> pa.Array:
        codes, texts = view.distinct(column)
        new = pa.array([self.names[t] for t in texts], pa.string())
        return new.take(pa.array(codes, pa.int32(), mask=codes < 0))

    def _moved(self, i: int, column: str, role: str | None) -> pa.Array | None:
        """The dates of a column, moved; None where it holds none."""
        view, roles = self.views[i], self.roles[i]
        data = view.table.data.column(column)
        if role in (TIME, DATE, ADMISSION):
            task = self.inspection.task
            unit = chosen_time_unit(self.mapping.of_table(view.index), roles) if role == TIME else None
            if role == TIME and unit is None and task.columns is not None and column == task.columns.time:
                unit = task.columns.time_unit
            window = task.window_hours if role == TIME and DATE not in roles else 0
            times = view.times(column, window, unit)
            if not times.absolute:
                return None
        elif pa.types.is_timestamp(data.type):
            times = view.times(column, 0, None)
        elif pa.types.is_floating(data.type) or not _are_dates(view, column):
            return None
        else:
            times = view.times(column, 0, None)
        moments = times.value + self.days[self.stay_rows[i]] * _DAY_S
        return pa.array(_moments(moments))

    def _first_moments(self, n: int) -> NDArray[np.float64]:
        """The earliest moment known of each stay, (n,), infinite where there is none."""
        first = np.full(n, np.inf)
        for i, (view, roles) in enumerate(zip(self.views, self.roles, strict=True)):
            for role in (ADMISSION, DATE, TIME):
                if role in roles:
                    times = view.times(roles[role], 0, None)
                    if times.absolute:
                        known = np.isfinite(times.value)
                        np.minimum.at(first, self.stay_rows[i][known], times.value[known])
        return first

    def _age(self, i: int, column: str) -> pa.Array | None:
        """Whole years between the date of birth and the start of the stay; None where neither is known."""
        born = self.views[i].times(column, 0, None)
        if not born.absolute or "Age" in self.views[i].table.columns:
            return None
        years = completed_years(_moments(born.value), _moments(self._first[self.stay_rows[i]]))
        known = (years >= 0) & (years < 130)
        if not known.any():
            return None
        self.done.append(f"{column} became the age in years.")
        return pa.array(np.where(known, np.minimum(years, OLDEST), 0.0), pa.float64(), mask=~known)

    def _capped(self, view: TableView, column: str, data: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
        value = view.numbers(column).value
        return self._with_ninety(data, (value > OLDEST) & (value <= 130))

    def _capped_rows(self, view: TableView, roles: dict[str, str], data: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
        codes, names = view.distinct(roles[VARIABLE])
        ages = np.array([name_key(n) in kinds.AGE_NAMES for n in names] + [False])[codes]
        value = view.numbers(roles[VALUE]).value
        return self._with_ninety(data, ages & (value > OLDEST) & (value <= 130))

    def _with_ninety(self, data: pa.ChunkedArray, old: NDArray[np.bool_]) -> pa.ChunkedArray | pa.Array:
        if not old.any():
            return data
        self.done.append("Ages over 89 became 90.")
        array = flat(data)
        if pa.types.is_floating(array.type):
            return pa.array(np.where(old, float(OLDEST), array.to_numpy(zero_copy_only=False)), from_pandas=True)
        texts = np.array(array.to_pylist(), dtype=object)
        texts[old] = str(OLDEST)
        return pa.array(texts.tolist(), pa.string())

    def _scrubbed(self, data: pa.ChunkedArray, measured: bool) -> pa.ChunkedArray | pa.Array:
        """Text without remarks among numbers, and without cells that repeat what was removed."""
        array = flat(data)
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        texts = array.dictionary.to_pylist()
        clean = [BLANK if t and self._tells(t, measured) else t for t in texts]
        if clean == texts:
            return data
        return pa.array(clean, pa.string()).take(array.indices)

    def _tells(self, text: str, measured: bool) -> bool:
        if measured and is_telling(text):
            return True
        flat_text = text.strip().casefold()
        if flat_text in self.folded:
            return not measured or not flat_text.replace(".", "").isdigit()
        return any(not w.isdigit() and w.casefold() in self.folded for w in _WORDS.findall(text))

    # What is said

    def _said(self, note: str) -> str | None:
        """A note with the new names of files; None where it might tell something."""
        for old in sorted(self.files, key=len, reverse=True):
            note = note.replace(old, self.files[old])
        if any(c in note for c in self.columns) or any(w.casefold() in self.folded for w in _WORDS.findall(note)):
            return None
        return None if any(" " in s and s in note for s in self.secret) else note

    def _inspection(self, tables: Sequence[Table]) -> Inspection:
        old = self.inspection
        refused = tuple(
            Refusal(self.files[r.file], self._said(r.problem) or "could not be read.", r.unsafe) for r in old.refused
        )
        views = tuple(TableView(table, i) for i, table in enumerate(tables))
        mapping, notes = Proposal(views, old.task).run()
        notes = tuple(note for table in tables for note in table.notes) + notes
        return Inspection(old.task, mapping, refused, views, tuple(self.files[n] for n in old.source_names), notes)

    def _sentences(self) -> list[str]:
        gone = sorted({c for v in self.views for c in v.table.columns if c in self.columns})
        lines = [f"{len(gone)} columns were removed."] if len(gone) > 1 else ["1 column was removed."] if gone else []
        if self.pseudonyms:
            lines.append("Identifiers of stays became pseudonyms; files were renamed.")
        if self.shift:
            lines.append("Dates were moved by a random number of days, the same for all of one stay.")
        return list(dict.fromkeys([*lines, *self.done]))


def _is_short(text: str) -> bool:
    """Too short, or too plain a number, to tell anything when it stands somewhere else."""
    return len(text) < (2 if any(ord(c) > 0x2E80 for c in text) else 4) or (text.isdigit() and len(text) < 6)


def _moments(seconds: NDArray[np.float64]) -> NDArray[np.datetime64]:
    """Seconds since 1970 as moments, not a time where they are not finite."""
    there = np.isfinite(seconds)
    micro = np.where(there, np.round(np.where(there, seconds, 0) * 1e3) * 1e3, 0).astype(np.int64)
    return np.where(there, micro.astype("datetime64[us]"), np.datetime64("NaT", "us"))


def _ending(name: str) -> str:
    found = re.search(r"(\.tar)?\.[A-Za-z0-9]{1,7}$", name)
    return found.group() if found else ""


def _are_dates(view: TableView, column: str) -> bool:
    """Whether most cells of a column of text are moments."""
    texts = [t for t in view.distinct(column)[1] if not t.replace(".", "", 1).replace("-", "", 1).isdigit()]
    sample = texts[:: max(1, len(texts) // 500)][:500]
    if not sample or len(sample) * 2 < min(len(view.distinct(column)[1]), 500):
        return False
    times = parse_times(pa.chunked_array([pa.array(sample, pa.string())]), column, 0)
    return times.unit == TIMESTAMP and float(np.isfinite(times.value).mean()) >= 0.5
