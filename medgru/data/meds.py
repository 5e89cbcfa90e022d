"""MEDS, the Medical Event Data Standard: subject_id, time, code, numeric_value, text_value in Parquet.

https://github.com/Medical-Event-Data-Standard/meds (0.3 and 0.4). All shards are read together; metadata beside them
give their words or are passed over. A stay is what lies between ICU_ADMISSION and ICU_DISCHARGE of a subject; without
such events, between HOSPITAL_ADMISSION and HOSPITAL_DISCHARGE; without these, all that is known of the subject. A row
that names its stay (icustay_id, hadm_id) belongs to that one. Letters: N rows, C codes, B stays.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from medgru.data.codes import code_in, with_code, without_code
from medgru.data.names import ADMISSION, RECORD_ID, TIME, UNIT, VALUE, VARIABLE
from medgru.data.parquet import ParquetProcess, is_parquet
from medgru.data.parquet_process import DAMAGED, DAMAGED_PROBLEM
from medgru.data.source import Blob, Refusal
from medgru.data.stay_facts import completed_years, name_stays
from medgru.data.table import Table, flat, numbers
from medgru.data.units import looks_like_unit
from medgru.data.words import counted
from medgru.settings import settings

KIND = "MEDS"
_SUBJECT, _TIME, _CODE, _NUMBER, _TEXT, _UNIT = "subject_id", "time", "code", "numeric_value", "text_value", "unit"
_REQUIRED = {_SUBJECT, _TIME, _CODE}
_CODES_COLUMNS, _SPLIT_COLUMNS = {"code", "description", "parent_codes"}, {"subject_id", "split"}
_DATASET = b'"meds_version"'
_BIRTH, _DEATH = "MEDS_BIRTH", "MEDS_DEATH"
_LEVELS = (
    ("stay in intensive care", "ICU_ADMISSION", "ICU_DISCHARGE", ("icustay_id", "stay_id", "icu_stay_id")),
    ("stay in hospital", "HOSPITAL_ADMISSION", "HOSPITAL_DISCHARGE", ("hadm_id", "encounter_id", "visit_id")),
)
"""What a stay is, the most precise first: in words, the events at its ends, and columns that may name it."""

_NO_MEASUREMENTS = {e for _, begin, end, _ in _LEVELS for e in (begin, end)} | {_BIRTH, _DEATH}
_CATEGORIES = {"lab", "labs", "vital", "vitals", "vital_sign", "chart", "chartevents", "measurement", "observation"}
_CATEGORIES |= {"result", "subject_fluid_output"}
_NO_UNIT = {"", "unk", "unknown", "none", "null", "nan"}
_SEX = {"gender", "sex"}
_LIMIT = r"^\s*(?:<|>|<=|>=|≤|≥)\s*(?P<number>[0-9]+(?:\.[0-9]+)?)\s*$"
_MAX_FACTS = 100
_MAX_FACT_CELLS = 20_000_000
_MAX_CODES = 200_000
_MAX_WORDS = 80
_LONGEST_VALUE = 60
_NEVER = np.iinfo(np.int64).min
_FOREVER = np.iinfo(np.int64).max


def is_meds(data: bytes) -> bool:
    """Whether the bytes are data or metadata of a MEDS dataset."""
    return _part(data) is not None


def _part(data: bytes | memoryview) -> str | None:
    """Which part of a dataset a file is: "data", "codes", "splits", "dataset"; None where it is none."""
    head = bytes(data[:4096])
    if head.lstrip()[:1] == b"{":
        return "dataset" if _DATASET in head else None
    if not is_parquet(head):
        return None
    try:
        schema = pq.read_schema(pa.BufferReader(data))
    except DAMAGED:
        return None
    names = set(schema.names)
    if names >= _CODES_COLUMNS:
        return "codes"
    if names == _SPLIT_COLUMNS:
        return "splits"
    if not names >= _REQUIRED or len(names) < len(schema.names) or not names & {_NUMBER, _TEXT}:
        return None
    kinds = {name: schema.field(name).type for name in names}
    is_data = (
        pa.types.is_integer(kinds[_SUBJECT])
        and pa.types.is_timestamp(kinds[_TIME])
        and _is_text(kinds[_CODE])
        and _is_number(kinds.get(_NUMBER, pa.float32()))
        and _is_text(kinds.get(_TEXT, pa.string()))
    )
    return "data" if is_data else None


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def read_meds(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """A long table of the measurements of all shards, and a table with the facts about each stay."""
    with ParquetProcess() as process:
        yield from _read(blobs, process)


def _read(blobs: Sequence[Blob], process: ParquetProcess) -> Iterator[Table | Refusal]:
    parts: dict[str, list[Blob]] = {}
    for blob in blobs:
        parts.setdefault(_part(blob.data) or "", []).append(blob)
    shards, read = [], 0
    codes: set[str] = set()
    for blob in parts.get("data", []):
        shard = _read_shard(blob, process)
        if not isinstance(shard, Refusal) and read + shard.num_rows > settings().max_rows:
            shard = Refusal(
                blob.name,
                f"would bring the rows to more than {settings().max_rows:,}, the most that is read at once, so none of "
                "it was read. Read it by itself, or raise MEDGRU_MAX_ROWS.",
            )
        if not isinstance(shard, Refusal):
            codes.update(flat(shard.column(_CODE)).dictionary.to_pylist())
            if len(codes) > _MAX_CODES:
                shard = Refusal(
                    blob.name, f"brings the codes to more than {_MAX_CODES:,} different ones. Read it by itself."
                )
        if isinstance(shard, Refusal):
            yield shard
        else:
            shards.append((blob, shard))
            read += shard.num_rows
    words: dict[str, str] = {}
    notes = []
    for kind in ("codes", "splits", "dataset"):
        for blob in parts.get(kind, []):
            if not shards:
                yield Refusal(
                    blob.name, "describes a MEDS dataset and holds no events. Bring the files of its data folder too."
                )
            elif kind == "codes":
                found = _descriptions(blob, process)
                words |= found
                notes.append(f"{blob.name}: {counted(len(found), 'description')} of codes read.")
            else:
                notes.append(f"{blob.name} describes the dataset; nothing in it was needed.")
    if shards:
        yield from _Events(shards, words).tables(notes)


def _read_shard(blob: Blob, process: ParquetProcess) -> pa.Table | Refusal:
    """The columns that are needed, each in one type."""
    try:
        schema = pq.read_schema(pa.BufferReader(blob.data))
        optional = {_NUMBER, _TEXT, _UNIT, *(name for level in _LEVELS for name in level[3])}
        table = process.table(blob, [n for n in schema.names if n in _REQUIRED | optional])
        if isinstance(table, Refusal):
            return table
        text = pa.dictionary(pa.int32(), pa.string())
        moment = pc.cast(flat(table.column(_TIME)), pa.timestamp("us", tz=schema.field(_TIME).type.tz), safe=False)
        columns = {
            _SUBJECT: _as_text(flat(table.column(_SUBJECT))),
            _TIME: pc.cast(moment, pa.timestamp("us")),
            _CODE: pc.cast(table.column(_CODE), text),
        }
        for name in table.column_names:
            if name == _NUMBER:
                columns[name] = pa.array(_written(flat(table.column(name))), from_pandas=True)
            elif name == _TEXT or (name == _UNIT and _is_text(table.schema.field(name).type)):
                columns[name] = pc.cast(table.column(name), text)
            elif name not in columns and name != _UNIT:
                columns[name] = _as_text(flat(table.column(name)))
        return pa.table(columns)
    except DAMAGED:
        return Refusal(blob.name, DAMAGED_PROBLEM)


def _as_text(column: pa.Array) -> pa.DictionaryArray:
    """Identifiers as text, whole whatever their size."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    values = column.dictionary
    if pa.types.is_floating(values.type):
        names = [
            None if v is None or v != v else str(int(v)) if v.is_integer() else repr(v) for v in values.to_pylist()
        ]
    else:
        names = [None if v is None else str(v).strip() or None for v in values.to_pylist()]
    return pa.array(names, pa.string()).take(column.indices).dictionary_encode()


def _written(column: pa.Array) -> NDArray[np.float64]:
    """Numbers as they were written: 36.6 kept in four bytes is 36.6, not 36.599998."""
    value = column.to_numpy(zero_copy_only=False)
    if value.dtype != np.float32:
        return value.astype(np.float64)
    distinct, inverse = np.unique(value, return_inverse=True)
    return np.array([float(str(v)) for v in distinct], dtype=np.float64)[inverse]


def _descriptions(blob: Blob, process: ParquetProcess) -> dict[str, str]:
    """Words for codes; none where the file cannot be read, as they are only words."""
    table = process.table(blob, ["code", "description"])
    if isinstance(table, Refusal):
        return {}
    codes, words = (table.column(name).to_pylist() for name in ("code", "description"))
    return {c: " ".join(w.split())[:_MAX_WORDS] for c, w in zip(codes, words, strict=True) if c and w and w.strip()}


@dataclass(frozen=True)
class _Variable:
    """What a code measures: its name and its unit ("" where it says none)."""

    name: str
    unit: str


@dataclass(frozen=True)
class _Stays:
    """The stays, and which each row belongs to.

    Attributes:
        names: (B,).
        subject: Index of the subject of each stay, (B,).
        start: Admission in microseconds since 1970, (B,), `_NEVER` where unknown.
        of_row: (N,), -1 where a row belongs to none.
        level: What a stay is, in words; "" where it is all that is known of the subject.
    """

    names: list[str]
    subject: NDArray[np.int64]
    start: NDArray[np.int64]
    of_row: NDArray[np.int64]
    level: str = ""


class _Events:
    """All rows of all shards; one use."""

    def __init__(self, shards: Sequence[tuple[Blob, pa.Table]], words: dict[str, str]) -> None:
        self.blobs = [blob for blob, _ in shards]
        self.words = words
        sizes = [table.num_rows for _, table in shards]
        self.member = np.repeat(np.arange(len(shards), dtype=np.int32), sizes)
        self.row = np.concatenate([np.arange(n, dtype=np.int64) + 2 for n in sizes])
        data = pa.concat_tables([table for _, table in shards], promote_options="default")
        self.data = data.unify_dictionaries()
        self.subject, self.subjects = self._texts(_SUBJECT)
        self.code, self.codes = self._texts(_CODE)
        time = flat(self.data.column(_TIME))
        self.has_time = pc.is_valid(time).to_numpy(zero_copy_only=False)
        self.time = pc.fill_null(time.cast(pa.int64()), _NEVER).to_numpy(zero_copy_only=False)
        self.number = np.full(len(self.member), np.nan)
        if _NUMBER in data.column_names:
            self.number = flat(self.data.column(_NUMBER)).to_numpy(zero_copy_only=False)
        self.text, self.texts = self._texts(_TEXT)
        self.unit, self.units = self._texts(_UNIT)
        self.first_parts = [code.split("//")[0].strip() for code in self.codes]

    def _texts(self, name: str) -> tuple[NDArray[np.int64], list[str]]:
        """Codes of the texts of a column, -1 where there is none, and the texts."""
        if name not in self.data.column_names:
            return np.full(len(self.member), -1), []
        array = flat(self.data.column(name))
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        texts = array.dictionary.to_pylist()
        gone = np.array([text is None for text in texts] + [False])
        return np.where(gone[codes], -1, codes), [text or "" for text in texts]

    def tables(self, notes: Sequence[str]) -> Iterator[Table | Refusal]:
        """The table of measurements and that of facts."""
        is_variable = self._are_variables[self.code] & (self.code >= 0)
        measured = is_variable & self.has_time & (self.subject >= 0)
        if not measured.any():
            for blob in self.blobs:
                yield Refusal(
                    blob.name,
                    "holds MEDS events but no measurement: no code has both a time and a number. Bring the files with "
                    "vital signs and laboratory values.",
                )
            return
        stays = self._stays(measured)
        outside = int((measured & (stays.of_row < 0)).sum())
        others = int((self.has_time & ~is_variable).sum())
        said = [*notes]
        if stays.level:
            said.append(f"MEDS: each {stays.level} of a subject is a stay.")
        if others:
            said.append(f"MEDS: {counted(others, 'event')} without a number (diagnoses, drugs, ...) left out.")
        if outside:
            said.append(f"MEDS: {counted(outside, 'measurement')} outside every {stays.level} left out.")
        rows = np.flatnonzero(measured & (stays.of_row >= 0))
        if not len(rows):
            for blob in self.blobs:
                yield Refusal(blob.name, f"holds measurements, but none within a {stays.level}. Check its times.")
            return
        yield self._measurements(rows, stays, tuple(said))
        facts = self._facts(rows, stays)
        if facts is not None:
            yield facts

    # What is measured.

    @cached_property
    def _are_variables(self) -> NDArray[np.bool_]:
        """Whether a code ever comes with something that reads as a number, (C,)."""
        known = self.code >= 0
        with_number = known & ~np.isnan(self.number)
        by_number = np.bincount(self.code[with_number], minlength=len(self.codes)) > 0
        # Only what text alone could make a variable is looked at: notes and words are not numbers, however many.
        unsure = np.unique(self.text[known & (self.text >= 0) & ~np.append(by_number, True)[self.code]])
        texts = [self.texts[i] for i in unsure]
        like = _matches(texts, r"^\W{0,4}\pN") if texts else ()
        short = [t if is_like and len(t) <= _LONGEST_VALUE else "" for t, is_like in zip(texts, like, strict=True)]
        readable = np.zeros(len(self.texts) + 1, dtype=bool)
        readable[unsure] = np.isfinite(numbers(pa.array(short, pa.string())).value)
        with_number |= known & readable[self.text]
        found = np.bincount(self.code[with_number], minlength=len(self.codes)) > 0
        return found & np.array([first.upper() not in _NO_MEASUREMENTS for first in self.first_parts], dtype=bool)

    @cached_property
    def _variables(self) -> list[_Variable]:
        """What each code measures, (C,)."""
        bare = [_variable(code, "") for code in self.codes]
        meanings: dict[str, set[str]] = {}
        for code, variable in zip(self.codes, bare, strict=True):
            meanings.setdefault(self.words.get(code, ""), set()).add(variable.name)
        # Words that several codes share would make one variable of them.
        words = [self.words.get(code, "") for code in self.codes]
        return [
            _variable(c, w if code_in(c) or len(meanings[w]) == 1 else "")
            for c, w in zip(self.codes, words, strict=True)
        ]

    def _values(self, rows: NDArray[np.int64]) -> pa.Array:
        """Numbers, or text where a row has only text or its number is a limit ("<5")."""
        number, text = self.number[rows], self.text[rows]
        bound = np.append(_bounds(self.texts), np.nan)
        use_text = (text >= 0) & (np.isnan(number) | (bound[text] == number))
        if not use_text.any():
            return pa.array(number, from_pandas=True)
        distinct, inverse = np.unique(number, return_inverse=True)
        written = [repr(v) for v in distinct.tolist()]
        used, place = np.unique(text[use_text], return_inverse=True)
        codes = inverse.astype(np.int32)
        codes[use_text] = place + len(written)
        texts = pa.array([*written, *(self.texts[i] for i in used)], pa.string())
        nothing = np.isnan(number) & ~use_text
        return pa.DictionaryArray.from_arrays(pa.array(codes, mask=nothing), texts)

    def _unit_column(self, rows: NDArray[np.int64]) -> pa.Array:
        """The unit of each row: from its own column, else from its code."""
        of_code = [v.unit or None for v in self._variables]
        own = [None if u.strip().casefold() in _NO_UNIT else u.strip() for u in self.units]
        unit, code = self.unit[rows], self.code[rows] + len(own)
        has_own = np.array([u is not None for u in own] + [False])[unit]
        texts = pa.array([*own, *of_code], pa.string())
        return texts.take(pa.array(np.where(has_own, unit, code))).dictionary_encode()

    def _measurements(self, rows: NDArray[np.int64], stays: _Stays, notes: tuple[str, ...]) -> Table:
        names = pa.array([v.name for v in self._variables], pa.string())
        stay = stays.of_row[rows]
        columns: dict[str, pa.Array] = {
            "record_id": pa.DictionaryArray.from_arrays(
                pa.array(stay.astype(np.int32)), pa.array(stays.names, pa.string())
            ),
            "time": pa.array(self.time[rows]).cast(pa.timestamp("us")),
            "variable": names.take(pa.array(self.code[rows])).dictionary_encode(),
            "value": self._values(rows),
            "unit": self._unit_column(rows),
        }
        roles = {RECORD_ID: "record_id", TIME: "time", VARIABLE: "variable", VALUE: "value", UNIT: "unit"}
        start = stays.start[stay]
        if (start != _NEVER).any():
            columns["admission"] = pa.array(start, mask=start == _NEVER).cast(pa.timestamp("us"))
            roles[ADMISSION] = "admission"
        return self._table(columns, rows, roles, notes)

    def _table(
        self, columns: dict[str, pa.Array], rows: NDArray[np.int64], roles: dict[str, str], notes: tuple[str, ...] = ()
    ) -> Table:
        return Table(
            KIND,
            tuple(blob.name for blob in self.blobs),
            pa.table(columns),
            self.member[rows],
            self.row[rows],
            tuple(blob.source for blob in self.blobs),
            notes=notes,
            roles=roles,
        )

    # Whose rows they are.

    def _stays(self, measured: NDArray[np.bool_]) -> _Stays:
        """The stays at the most precise level that the data know."""
        upper = np.array([first.upper() for first in self.first_parts] + [""])
        first = upper[self.code]
        for level, begin, end, names in _LEVELS:
            begins = np.flatnonzero((first == begin) & self.has_time & (self.subject >= 0))
            if len(begins) or any(self._is_filled(name, measured) for name in names):
                column = next((name for name in names if self._is_filled(name)), None)
                ends = np.flatnonzero((first == end) & self.has_time & (self.subject >= 0))
                return self._stays_of(level, begins, ends, column)
        return _Stays(
            self.subjects,
            np.arange(len(self.subjects)),
            np.full(len(self.subjects), _NEVER),
            self.subject,
        )

    def _is_filled(self, name: str, rows: NDArray[np.bool_] | slice = slice(None)) -> bool:
        return bool((self._texts(name)[0][rows] >= 0).any())

    def _stays_of(self, level: str, begins: NDArray[np.int64], ends: NDArray[np.int64], column: str | None) -> _Stays:
        own, own_names = self._texts(column or "")
        n_ids = len(own_names) + 1
        begins = begins[np.lexsort((self.time[begins], self.subject[begins]))]
        # Of events that name the same stay, or happen at the same moment, the first counts.
        keys = np.stack([self.subject[begins], own[begins], np.where(own[begins] >= 0, 0, self.time[begins])])
        _, first = np.unique(keys, axis=1, return_index=True)
        begins = begins[np.sort(first)]
        subject, start = self.subject[begins], self.time[begins]
        stop = self._stops(subject, start, ends)
        # Rows that name their stay, then those that only their time places.
        pair = self.subject * n_ids + own
        named = own >= 0
        known_pairs = subject * n_ids + own[begins]
        new = np.setdiff1d(np.unique(pair[named & (self.subject >= 0)]), known_pairs[own[begins] >= 0])
        all_pairs = np.concatenate([known_pairs, new])
        by_pair = np.argsort(all_pairs, kind="stable")
        at = np.searchsorted(all_pairs[by_pair], pair).clip(0, max(len(by_pair) - 1, 0))
        of_row = np.full(len(self.member), -1)
        if len(by_pair):
            hit = named & (all_pairs[by_pair][at] == pair)
            of_row[hit] = by_pair[at[hit]]
        placed = ~named & self.has_time & (self.subject >= 0)
        of_row[placed] = self._within(subject, start, stop, np.flatnonzero(placed))
        subject = np.concatenate([subject, new // n_ids])
        ids = np.concatenate([own[begins], new % n_ids])
        names = name_stays(
            [self.subjects[s] for s in subject], [own_names[i] if i >= 0 else None for i in ids.tolist()]
        )
        starts = np.concatenate([start, np.full(len(new), _NEVER)])
        return _Stays(names, subject, starts, of_row, level)

    def _stops(
        self, subject: NDArray[np.int64], start: NDArray[np.int64], ends: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The end of each stay: the subject's next discharge, at the latest her next admission."""
        follows = np.append(subject[1:] == subject[:-1], False)
        stop = np.where(follows, np.append(start[1:], 0) - 1, _FOREVER)
        ends = ends[np.lexsort((self.time[ends], self.subject[ends]))]
        where = _search(self.subject[ends], self.time[ends], subject, start, "left")
        if len(ends):
            end = ends[where.clip(max=len(ends) - 1)]
            found = (where < len(ends)) & (self.subject[end] == subject)
            stop = np.where(found, np.minimum(stop, self.time[end]), stop)
        return stop

    def _within(
        self, subject: NDArray[np.int64], start: NDArray[np.int64], stop: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The stay during which each row happened, -1 where it happened in none."""
        if not len(start):
            return np.full(len(rows), -1)
        last = _search(subject, start, self.subject[rows], self.time[rows], "right") - 1
        safe = last.clip(0)
        inside = (last >= 0) & (subject[safe] == self.subject[rows]) & (self.time[rows] <= stop[safe])
        return np.where(inside, last, -1)

    # What is known of them.

    def _facts(self, rows: NDArray[np.int64], stays: _Stays) -> Table | None:
        """One row a stay: age, sex, and everything else that has no time."""
        used = np.unique(stays.of_row[rows])
        subject = stays.subject[used]
        at = stays.start[used].copy()
        first = np.full(len(stays.names), _FOREVER)
        np.minimum.at(first, stays.of_row[rows], self.time[rows])
        at[at == _NEVER] = first[used][at == _NEVER]
        columns: dict[str, pa.Array] = {}
        birth = self._births()[subject]
        age = completed_years(_moments(birth), _moments(at))
        if not np.isnan(age).all():
            columns["Age (years)"] = pa.array(age, from_pandas=True)
        row = np.full(len(self.subjects), -1)
        for name, values, where in self._static_columns():
            columns[name] = values.take(pa.array(subject))
            row = np.where(row < 0, where, row)
        if not columns:
            return None
        place = row[subject]
        first_row = rows[np.unique(stays.of_row[rows], return_index=True)[1]]
        names = pa.array([stays.names[i] for i in used], pa.string())
        return self._table(
            {"record_id": names, **columns}, np.where(place >= 0, place, first_row), {RECORD_ID: "record_id"}
        )

    def _births(self) -> NDArray[np.int64]:
        """Birth of each subject, `_NEVER` where unknown."""
        births = np.full(len(self.subjects), _NEVER)
        is_birth = np.array([first.upper() == _BIRTH for first in self.first_parts] + [False])
        rows = np.flatnonzero(is_birth[self.code] & self.has_time & (self.subject >= 0))[::-1]
        births[self.subject[rows]] = self.time[rows]
        return births

    def _static_columns(self) -> Iterable[tuple[str, pa.Array, NDArray[np.int64]]]:
        """Name, values by subject, and rows by subject of what has no time, the most frequent first."""
        rows = np.flatnonzero(~self.has_time & (self.code >= 0) & (self.subject >= 0))
        by_name: dict[str, list[int]] = {}
        for code in np.unique(self.code[rows]):
            name = self._fact_name(int(code))
            if name:
                by_name.setdefault(name, []).append(int(code))
        counts = np.bincount(self.code[rows], minlength=len(self.codes))
        ranked = sorted(by_name, key=lambda name: (-int(counts[by_name[name]].sum()), name))
        columns = []
        for name in ranked[: min(_MAX_FACTS, max(2, _MAX_FACT_CELLS // len(self.subjects)))]:
            mine = rows[np.isin(self.code[rows], by_name[name])][::-1]  # the first row has the last word
            where = np.full(len(self.subjects), -1)
            where[self.subject[mine]] = mine
            known = np.flatnonzero(where >= 0)
            facts = [self._fact(row) for row in where[known].tolist()]
            if all(isinstance(fact, float) for fact in facts):
                values = pa.array(facts, pa.float64())
            else:
                values = pa.array([f"{fact:g}" if isinstance(fact, float) else fact for fact in facts], pa.string())
            place = np.full(len(where), -1)
            place[known] = np.arange(len(known))
            columns.append((name, values.take(pa.array(place, mask=place < 0)), where))
        return columns

    def _fact_name(self, code: int) -> str:
        """The column of a fact: "Gender" of "GENDER//F", "HEIGHT (cm)" of "HEIGHT//cm"; "" where it is no fact."""
        first = self.first_parts[code]
        if first.upper() in _NO_MEASUREMENTS:
            return ""
        if re.split("//?", self.codes[code])[0].strip().casefold() in _SEX:
            return "Gender"
        if self._are_variables[code]:
            variable = self._variables[code]
            return f"{variable.name} ({variable.unit})" if variable.unit else variable.name
        return first

    def _fact(self, row: int) -> float | str:
        """A fact of one row: its number, its text, or what its code says behind its first part."""
        if not np.isnan(self.number[row]):
            return float(self.number[row])
        if self.text[row] >= 0:
            return self.texts[self.text[row]][:_MAX_WORDS]
        behind = re.split("//?", self.codes[self.code[row]], maxsplit=1)[1:]
        return behind[0].strip()[:_MAX_WORDS] if behind else "yes"


def _variable(code: str, words: str) -> _Variable:
    """Name and unit of what a code measures: "MIMIC 220045" and "bpm" of "LAB//220045//bpm"."""
    parts = [part.strip() for part in code.split("//")]
    known = code_in(code)
    if known is not None:
        system, _, number = known.partition(" ")
        after = parts[parts.index(number) + 1 :] if number in parts else []
        return _Variable(with_code(without_code(words), system, number), _unit(after[-1]) if after else "")
    while len(parts) > 1 and parts[0].casefold() in _CATEGORIES:
        parts = parts[1:]
    unit = ""
    if len(parts) > 1 and (parts[-1].casefold() in _NO_UNIT or looks_like_unit(parts[-1])):
        unit = _unit(parts.pop())
    return _Variable(words or " ".join(parts), unit)


def _unit(text: str) -> str:
    return "" if text.casefold() in _NO_UNIT else text


def _matches(texts: Sequence[str], pattern: str) -> NDArray[np.bool_]:
    return pc.match_substring_regex(pa.array(texts, pa.string()), pattern).to_numpy(zero_copy_only=False)


def _bounds(texts: Sequence[str]) -> NDArray[np.float64]:
    """The number of each limit, 5 of "<5"; NaN for other texts."""
    if not texts:
        return np.empty(0)
    number = pc.struct_field(pc.extract_regex(pa.array(texts, pa.string()), _LIMIT), "number")
    return pc.cast(number, pa.float64()).to_numpy(zero_copy_only=False)


def _search(
    subject: NDArray[np.int64], time: NDArray[np.int64], of: NDArray[np.int64], at: NDArray[np.int64], side: str
) -> NDArray[np.int64]:
    """`searchsorted` for pairs of subject and time; `subject` and `time` are sorted by both."""
    moments = np.unique(time)
    width = len(moments) + 1
    own = subject * width + np.searchsorted(moments, time, "left") + 1
    if side == "right":  # moments up to and including this one
        return np.searchsorted(own, of * width + np.searchsorted(moments, at, "right"), "right")
    return np.searchsorted(own, of * width + np.searchsorted(moments, at, "left") + 1, "left")


def _moments(microseconds: NDArray[np.int64]) -> NDArray[np.datetime64]:
    return microseconds.astype("datetime64[us]")  # `_NEVER` is NaT
