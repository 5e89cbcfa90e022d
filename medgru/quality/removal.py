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
import pyarrow.compute as pc
from numpy.typing import NDArray

from medgru.data.inspection import Inspection
from medgru.data.mapping import Mapping
from medgru.data.names import ADMISSION, DATE, RECORD_ID, TIME, UNIT, VALUE, VARIABLE, match_role, name_key
from medgru.data.proposal import Proposal
from medgru.data.pseudonyms import BEFORE_REMOVAL, pseudonyms
from medgru.data.source import Refusal
from medgru.data.stay_facts import completed_years
from medgru.data.table import Table, distinct, flat
from medgru.data.times import TIMESTAMP, parse_times
from medgru.data.view import Stays, TableView, chosen_time_unit
from medgru.data.words import agreeing, counted
from medgru.quality import identifier_kinds as kinds
from medgru.quality.dates import are_compact, compact_moments, has_date, moments_of, without_dates
from medgru.quality.identifier_kinds import kind_by_name
from medgru.quality.identifiers import OLDEST, is_telling
from medgru.quality.repeats import Repeats
from medgru.tasks import Task

BLANK = "[removed]"
MIN_SHIFT_DAYS, MAX_SHIFT_DAYS = 30, 3650
_DAY_S = 86_400


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

    Ages over 89 become 90. Remarks among numbers, and cells elsewhere that repeat what was removed, are blanked; where
    dates move, so are those that stand within text.
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
        self.repeats = Repeats()
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
        return pseudonyms(known)

    def _is_other_id(self, column: str, roles: dict[str, str]) -> bool:
        """Whether it is a number of the patient beside that of the stay, which training may want."""
        taken = column in self.columns or column in roles.values()
        return not taken and (match_role(column) or ("",))[0] == RECORD_ID

    def _collect_secrets(self) -> None:
        """What must not stand anywhere any more, of all tables before the first one is written."""
        self.repeats.add(self.names)
        for i, (view, roles) in enumerate(zip(self.views, self.roles, strict=True)):
            for column in view.table.columns:
                if column in self.columns and column != roles.get(RECORD_ID):
                    self.repeats.add(view.distinct(column)[1], words_too=True)
            gone = self._gone_rows(i)
            if gone is not None:
                cells = flat(view.table.data.column(roles[VALUE])).take(pa.array(np.flatnonzero(gone)))
                self.repeats.add(distinct(cells)[1], words_too=True)

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
        view, stays, gone = self.views[i], self.stays[i], self._gone_rows(i)
        table, rows = view.table, None if gone is None else np.flatnonzero(~gone)
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
            in_utc=self._in_utc(i),
        )

    def _in_utc(self, i: int) -> dict[str, bool]:
        """What times said of their offsets from UTC before they were moved."""
        view, roles = self.views[i], self.roles[i]
        said = {c: view.times(c, 0).offsets for role, c in roles.items() if role in (TIME, DATE, ADMISSION)}
        return {column: offsets for column, offsets in said.items() if offsets is not None}

    def _table_names(self, table: Table, stays: Stays) -> tuple[str, ...]:
        if stays.from_file_name and self.pseudonyms:
            return tuple(f"{self.names[s]}{_ending(n)}" for s, n in zip(stays.names, table.names, strict=True))
        if stays.from_file_name:
            return table.names
        return tuple(self.files[name] for name in table.names)

    def _gone_rows(self, i: int) -> NDArray[np.bool_] | None:
        """Rows of a long table that hold an identifier, (N,); None where there are none."""
        view, roles = self.views[i], self.roles[i]
        if not view.is_long(roles):
            return None
        codes, names = view.distinct(roles[VARIABLE])
        gone = np.array([name in self.columns for name in names] + [False])[codes]
        return gone if gone.any() else None

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
        targets = {m.source: m.target for m in self.mapping.of_table(view.index).matches}
        target = targets.get(column)
        measured = (target is not None and role is None) or role == VALUE
        if self.shift:
            moved = self._moved(i, column, role)
            if moved is not None:
                return moved
            data = self._moved_cells(i, column, measured, role == VALUE)
            if pa.types.is_timestamp(data.type):
                return data
        if target == "Age" or name_key(column) in kinds.AGE_NAMES:
            data = self._capped(view, column, data)
        elif role == VALUE:
            data = self._unrepeated(i, self._capped_rows(view, roles, data))
        if pa.types.is_timestamp(data.type) or (pa.types.is_floating(data.type) and (measured or role is not None)):
            return data
        return self._scrubbed(data, measured)

    def _replaced(self, view: TableView, column: str) -> pa.Array:
        codes, texts = view.distinct(column)
        new = pa.array([self.names[t] for t in texts], pa.string())
        return new.take(pa.array(codes, pa.int32(), mask=codes < 0))

    def _moved(self, i: int, column: str, role: str | None) -> pa.Array | None:
        """The dates of a column of moments, moved; None where it is none."""
        view, roles = self.views[i], self.roles[i]
        is_moments = pa.types.is_timestamp(view.table.data.column(column).type)
        if role not in (TIME, DATE, ADMISSION) and not is_moments:
            return None
        unit = chosen_time_unit(self.mapping.of_table(view.index), roles) if role == TIME else None
        task = self.inspection.task
        if role == TIME and unit is None and task.columns is not None and column == task.columns.time:
            unit = task.columns.time_unit
        seconds = self._seconds(view, column, task.window_hours if role == TIME and DATE not in roles else 0, unit)
        return None if seconds is None else pa.array(_moments(self._later(i, seconds)))

    def _later(self, i: int, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        return seconds + self.days[self.stay_rows[i]] * _DAY_S

    def _seconds(self, view: TableView, column: str, window: int, unit: str | None) -> NDArray[np.float64] | None:
        """Seconds since 1970 of a column, (N,); None where it holds no moments."""
        if unit is None and not pa.types.is_timestamp(view.table.data.column(column).type):
            codes, texts = view.distinct(column)
            if are_compact(texts):
                return np.append(compact_moments(texts), np.nan)[codes]
        times = view.times(column, window, unit)
        return times.value if times.absolute else None

    def _moved_cells(self, i: int, column: str, measured: bool, is_value: bool) -> pa.ChunkedArray | pa.Array:
        """A column with those of its cells moved that are dates, and without dates within its other text.

        It becomes one of moments where it holds nothing else. Whatever is no date stays as it was.
        """
        view = self.views[i]
        data = view.table.data.column(column)
        numeric = pa.types.is_floating(data.type)
        if numeric and measured and not is_value:
            return data
        codes, texts = view.distinct(column)
        written = np.full(len(texts), np.nan) if numeric else moments_of(texts, column)
        if not numeric and not measured and _are_dates(view, column):
            written = np.where(np.isfinite(written), written, self._of_texts(texts, column))
        seconds = np.append(written, np.nan)[codes]
        if (not measured and are_compact(texts)) or is_value:
            compact = np.append(compact_moments(texts), np.nan)[codes]
            seconds = np.where(self._compact_rows(i, compact) if is_value else np.isfinite(compact), compact, seconds)
        is_date = np.isfinite(seconds)
        blanked = texts if numeric else [without_dates(t, BLANK) if has_date(t) else t for t in texts]
        if not measured and is_date.any() and (is_date | (codes < 0)).all():
            return pa.array(_moments(self._later(i, seconds)))
        changed = np.array([a != b for a, b in zip(texts, blanked, strict=True)] + [False])[codes] & ~is_date
        if not is_date.any() and not changed.any():
            return data
        if changed.any():
            self.done.append("Dates within text were blanked.")
        cells = pa.array([*blanked, None], pa.string()).take(pa.array(np.where(codes < 0, len(texts), codes)))
        moved = pc.strftime(pa.array(_moments(self._later(i, seconds))).cast(pa.timestamp("s")), "%Y-%m-%d %H:%M:%S")
        return pc.if_else(pa.array(is_date), moved, cells)

    def _of_texts(self, texts: Sequence[str], column: str) -> NDArray[np.float64]:
        times = parse_times(pa.chunked_array([pa.array(texts, pa.string())]), column, 0)
        return times.value if times.unit == TIMESTAMP else np.full(len(texts), np.nan)

    def _compact_rows(self, i: int, compact: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Rows of a long table whose variable is no measurement and is mostly written in digits as dates, (N,)."""
        view, roles = self.views[i], self.roles[i]
        codes, names = view.distinct(roles[VARIABLE])
        is_date = np.isfinite(compact)
        n = np.bincount(codes + 1, minlength=len(names) + 1)[1:]
        dates = np.bincount(codes + 1, weights=is_date, minlength=len(names) + 1)[1:]
        return is_date & np.append(dates * 2 >= n, False)[codes] & self._unused_rows(i)

    def _unused_rows(self, i: int) -> NDArray[np.bool_]:
        """Rows of a long table whose variable is not read as a measurement, (N,)."""
        view, roles = self.views[i], self.roles[i]
        used = {m.source for m in self.mapping.of_table(view.index).matches if m.target is not None}
        codes, names = view.distinct(roles[VARIABLE])
        return np.array([name not in used for name in names] + [True])[codes]

    def _first_moments(self, n: int) -> NDArray[np.float64]:
        """The earliest moment known of each stay, (n,), infinite where there is none."""
        first = np.full(n, np.inf)
        for i, (view, roles) in enumerate(zip(self.views, self.roles, strict=True)):
            for role in (ADMISSION, DATE, TIME):
                seconds = self._seconds(view, roles[role], 0, None) if role in roles else None
                if seconds is not None:
                    known = np.isfinite(seconds)
                    np.minimum.at(first, self.stay_rows[i][known], seconds[known])
        return first

    def _age(self, i: int, column: str) -> pa.Array | None:
        """Whole years between the date of birth and the start of the stay; None where neither is known."""
        born = self._seconds(self.views[i], column, 0, None)
        if born is None or "Age" in self.views[i].table.columns:
            return None
        years = completed_years(_moments(born), _moments(self._first[self.stay_rows[i]]))
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

    def _unrepeated(self, i: int, data: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
        """Values of a long table without numbers of patients where the variable is no measurement."""
        if pa.types.is_timestamp(data.type):
            return data
        codes, texts = distinct(data)
        known = np.array([self.repeats.within(text) for text in texts] + [False])[codes] & self._unused_rows(i)
        if not known.any():
            return data
        cells = flat(data)
        if pa.types.is_dictionary(cells.type):
            cells = cells.dictionary_decode()
        return pc.if_else(
            pa.array(known), pa.scalar(BLANK if pa.types.is_string(cells.type) else None, cells.type), cells
        )

    def _scrubbed(self, data: pa.ChunkedArray | pa.Array, measured: bool) -> pa.ChunkedArray | pa.Array:
        """Cells without remarks among numbers, and without those that repeat what was removed."""
        array = flat(data)
        if pa.types.is_floating(array.type):
            codes, texts = distinct(array)
            known = np.array([self.repeats.within(text) for text in texts] + [False])[codes]
            return pc.if_else(pa.array(known), pa.scalar(None, array.type), array) if known.any() else data
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        texts = array.dictionary.to_pylist()
        clean = [BLANK if t and self._tells(t, measured) else t for t in texts]
        if clean == texts:
            return data
        self.done.append("Remarks among numbers, and cells that repeat what was removed, were blanked.")
        return pa.array(clean, pa.string()).take(array.indices)

    def _tells(self, text: str, measured: bool) -> bool:
        if measured and is_telling(text):
            return True
        return not (measured and _is_number(text)) and self.repeats.within(text)

    # What is said

    def _said(self, note: str) -> str | None:
        """A note with the new names of files; None where it might tell something."""
        for old in sorted(self.files, key=len, reverse=True):
            note = note.replace(old, self.files[old])
        return None if any(c in note for c in self.columns) or self.repeats.within(note) else note

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
        lines = [f"{counted(len(gone), 'column')} {agreeing(len(gone), 'was', 'were')} removed."] if gone else []
        if self.pseudonyms:
            lines.append(f"Identifiers of stays became pseudonyms; files were renamed. {BEFORE_REMOVAL}")
        if self.shift:
            lines.append("Dates were moved by a random number of days, the same for all of one stay.")
        return list(dict.fromkeys([*lines, *self.done]))


def _is_number(text: str) -> bool:
    return text.strip().lstrip("+-<>=").replace(".", "", 1).replace(",", "", 1).isdigit()


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
