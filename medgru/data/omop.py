"""OMOP CDM 5.3 and 5.4 in CSV: the measurements, and what was brought of persons, visits and concepts.

https://ohdsi.github.io/CommonDataModel/cdm54.html. Headers in any case, with comma or tab. A stay is a visit detail
where the measurement names one (one in intensive care, where the visit details were brought), else a visit, else all
that is known of a person. What a concept means says the table of concepts where it was brought, else the codes of the
features. Letters: N measurements, B stays.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medgru.data.codes import with_code, without_code
from medgru.data.delimited import read_delimited, to_utf8
from medgru.data.names import ADMISSION, RECORD_ID, TIME, UNIT, VALUE, VARIABLE
from medgru.data.source import Blob, Refusal
from medgru.data.stay_facts import completed_years, name_stays
from medgru.data.table import MISSING_WORDS, Table, distinct, flat, numbers
from medgru.data.times import parse_times
from medgru.data.words import counted
from medgru.tasks import TASKS

KIND = "OMOP"
_MEASUREMENT, _OBSERVATION, _PERSON, _VISIT, _DETAIL, _CONCEPT = (
    *("measurement", "observation", "person", "visit_occurrence", "visit_detail", "concept"),
)
_TABLES: dict[str, frozenset[str]] = {
    _MEASUREMENT: frozenset({"person_id", "measurement_concept_id"}),
    _OBSERVATION: frozenset({"person_id", "observation_concept_id"}),
    _DETAIL: frozenset({"visit_detail_id", "person_id", "visit_detail_concept_id"}),
    _VISIT: frozenset({"visit_occurrence_id", "person_id", "visit_concept_id"}),
    _PERSON: frozenset({"person_id", "gender_concept_id", "year_of_birth"}),
    _CONCEPT: frozenset({"concept_id", "concept_name", "vocabulary_id", "concept_code"}),
}
"""Columns that a header must hold to be of a table; the first that fits."""

_COMPARATORS = {"4171756": "<", "4171754": "<=", "4172704": ">", "4171755": ">=", "4172703": ""}
"""Concepts of the domain Meas Value Operator."""

_SEXES = {"8532": "female", "8507": "male"}
_INTENSIVE_CARE = {"32037", "581379"}
"""Concepts of visits: intensive care, inpatient critical care facility."""

# As OHDSI maps the units of MIMIC-IV (github.com/OHDSI/MIMIC, custom_mapping_csv/gcpt_meas_unit), and those that
# several public definitions of cohorts convert alike.
_UNITS = {
    "8876": "mm[Hg]",
    "8541": "/min",
    "8483": "{beats}/min",
    "4141207": "{breaths}/min",
    "586323": "Cel",
    "9289": "[degF]",
    "8554": "%",
    "8523": "{ratio}",
    "8840": "mg/dL",
    "8753": "mmol/L",
    "8749": "umol/L",
    "9557": "meq/L",
    "8713": "g/dL",
    "8636": "g/L",
    "8645": "U/L",
    "8923": "[IU]/L",
    "8842": "ng/mL",
    "8848": "10*3/uL",
    "8784": "/uL",
    "8587": "mL",
    "9529": "kg",
    "8739": "[lb_av]",
    "8582": "cm",
    "9327": "[in_i]",
    "9330": "[in_i]",
    "44777566": "{score}",
}
_SYSTEMS = {"LOINC": "LOINC", "SNOMED": "SNOMED"}
_MISSING = MISSING_WORDS | {"\\n"}
_BOM = b"\xef\xbb\xbf"


def is_omop(head: bytes) -> bool:
    """Whether the bytes begin with the header of a table of the common data model."""
    try:
        first = to_utf8(head)[0].split(b"\n")[0].decode("utf-8").lower()
    except UnicodeDecodeError:
        return False
    for delimiter in (",", "\t"):
        names = {name.strip().strip('"') for name in first.split(delimiter)}
        if len(names) > 1:
            return _kind(names) is not None
    return False


def _kind(names: set[str]) -> str | None:
    """Which table has this header; "" for one that holds no measurements, None where it is none of the model."""
    for kind, needed in _TABLES.items():
        if names >= needed:
            return kind
    other = any(name.endswith("_concept_id") for name in names) and names & {"person_id", "ancestor_concept_id"}
    return "" if other or names >= {"concept_id_1", "concept_id_2"} else None


def read_omop(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """A long table for each file of measurements, and a table with the facts about each stay.

    Without measurements the other tables are what any CSV is: a table of persons may hold the labels.
    """
    tables: dict[str, list[Table]] = {}
    for found in read_delimited(blobs):
        if isinstance(found, Refusal):
            yield found
            continue
        lower = [name.lower() for name in found.columns]
        kind = _kind(set(lower)) if len(set(lower)) == len(lower) else None
        if kind is None:
            yield found
        else:
            tables.setdefault(kind, []).append(found)
    if _MEASUREMENT in tables or _OBSERVATION in tables:
        lowered = {
            kind: [replace(t, data=t.data.rename_columns([c.lower() for c in t.columns])) for t in found]
            for kind, found in tables.items()
        }
        yield from _Model(lowered).tables()
    else:
        for group in tables.values():
            yield from group


@dataclass(frozen=True)
class _Concept:
    """What the table of concepts says of one of them."""

    words: str
    vocabulary: str
    code: str


@dataclass(frozen=True)
class _Ids:
    """A column of identifiers: codes (N,), -1 where it says none, and their texts."""

    codes: NDArray[np.int64]
    texts: list[str]

    def text(self, row: int) -> str | None:
        code = self.codes[row]
        return self.texts[code] if code >= 0 else None


@dataclass
class _Measured:
    """One table of measurements.

    Attributes:
        table: As it was read, its headers in small letters.
        prefix: What its columns begin with: "measurement" or "observation".
        concept: What was measured, (N,).
        stay: Index of the stay of each row among all stays, (N,), -1 where a row names no person.
        time: Time of each row as text, (N,).
        value: What was measured as text, (N,).
    """

    table: Table
    prefix: str
    concept: _Ids
    stay: NDArray[np.int64]
    time: pa.Array
    value: pa.Array


class _Model:
    """All tables that were brought; one use."""

    def __init__(self, tables: dict[str, list[Table]]) -> None:
        self.given = tables
        self.concepts = self._concepts()
        self.notes: list[str] = []
        self.stays: dict[tuple[str, str, str], int] = {}
        """Person, level and identifier of each stay."""

    def tables(self) -> Iterator[Table | Refusal]:
        """The measurements and the facts."""
        in_icu = self._details_in_intensive_care()
        measured = [
            self._measured(table, kind, in_icu)
            for kind in (_MEASUREMENT, _OBSERVATION)
            for table in self.given.get(kind, [])
        ]
        levels = {level for _, level, _ in self.stays}
        mixed = {_DETAIL, _VISIT} <= levels
        names = name_stays(
            [person for person, _, _ in self.stays],
            [f"visit {i}" if mixed and level == _VISIT else i or None for _, level, i in self.stays],
        )
        self._describe(levels)
        starts = self._starts()
        for i, part in enumerate(measured):
            yield self._long(part, names, starts, tuple(self.notes) if i == 0 else ())
        facts = self._facts(measured, names, starts)
        if facts is not None:
            yield facts

    def _describe(self, levels: set[str]) -> None:
        words = {_DETAIL: "visit detail", _VISIT: "visit", "": "person (where no visit is named)"}
        if levels:
            each = " and each ".join(words[level] for level in (_DETAIL, _VISIT, "") if level in levels)
            self.notes.append(f"OMOP: each {each} is a stay.")
        if others := [name for table in self.given.get("", []) for name in table.names]:
            listed = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
            self.notes.append(f"OMOP: no measurements are in {listed}; passed over.")

    # The other tables.

    def _concepts(self) -> dict[str, _Concept]:
        """What was said of each concept that is used in some other table."""
        used = {
            text
            for kind, tables in self.given.items()
            if kind in (_MEASUREMENT, _OBSERVATION)
            for table in tables
            for name in (f"{kind}_concept_id", "unit_concept_id", "value_as_concept_id")
            for text in _ids(table, name).texts
        }
        found: dict[str, _Concept] = {}
        for table in self.given.get(_CONCEPT, []):
            ids = _ids(table, "concept_id")
            wanted = np.array([text in used for text in ids.texts] + [False])
            rows = np.flatnonzero(wanted[ids.codes])
            part = table.data.take(pa.array(rows))
            columns = [part.column(name).to_pylist() for name in ("concept_name", "vocabulary_id", "concept_code")]
            for row, words, vocabulary, code in zip(rows, *columns, strict=True):
                concept = _Concept(" ".join((words or "").split())[:80], vocabulary or "", (code or "").strip())
                found.setdefault(str(ids.text(int(row))), concept)
        return found

    def _details_in_intensive_care(self) -> set[str] | None:
        """Visit details in intensive care; None where nothing says which they are."""
        found: set[str] = set()
        for table in self.given.get(_DETAIL, []):
            ids, concepts = _ids(table, "visit_detail_id"), _ids(table, "visit_detail_concept_id")
            in_icu = np.array([text in _INTENSIVE_CARE for text in concepts.texts] + [False])[concepts.codes]
            found |= {ids.texts[code] for code in np.unique(ids.codes[in_icu]) if code >= 0}
        return found or None

    def _starts(self) -> list[str | None]:
        """When the visit of each stay began, as text, (B,)."""
        found: list[str | None] = [None] * len(self.stays)
        dates = 0
        for level in (_DETAIL, _VISIT):
            for table in self.given.get(level, []):
                ids, persons = _ids(table, f"{level}_id"), _ids(table, "person_id")
                name = "visit_detail_start" if level == _DETAIL else "visit_start"
                moment, date = (_texts(table, f"{name}_{end}").to_pylist() for end in ("datetime", "date"))
                for row in range(len(table)):
                    stay = self.stays.get((persons.text(row) or "", level, ids.text(row) or ""))
                    start = moment[row] or date[row]
                    if stay is not None and start and found[stay] is None:
                        found[stay] = start
                        dates += not moment[row]
        if dates:
            self.notes.append(
                f"OMOP: of {counted(dates, 'visit')} only the day of the start is known; hours count from its midnight."
            )
        return found

    # What was measured.

    def _measured(self, table: Table, prefix: str, in_icu: set[str] | None) -> _Measured:
        return _Measured(
            table,
            prefix,
            _ids(table, f"{prefix}_concept_id"),
            self._stay(table, in_icu),
            _when(table, prefix),
            self._values(table),
        )

    def _stay(self, table: Table, in_icu: set[str] | None) -> NDArray[np.int64]:
        """The stay of each row; new ones are added to all stays."""
        person, visit, detail = (_ids(table, name) for name in ("person_id", "visit_occurrence_id", "visit_detail_id"))
        usable = np.array([in_icu is None or text in in_icu for text in detail.texts] + [False])
        by_detail = usable[detail.codes] & (detail.codes >= 0)
        by_visit = ~by_detail & (visit.codes >= 0)
        level = np.select([by_detail, by_visit], [0, 1], 2)
        code = np.select([by_detail, by_visit], [detail.codes, visit.codes], -1)
        triples, inverse = np.unique(np.stack([person.codes, level, code]), axis=1, return_inverse=True)
        index = np.full(triples.shape[1], -1)
        # In the order of first appearance, as everywhere.
        first = np.full(triples.shape[1], len(table))
        np.minimum.at(first, inverse.ravel(), np.arange(len(table)))
        for i in np.argsort(first, kind="stable"):
            whose, which, at = triples[:, i].tolist()
            if whose >= 0:
                name = (_DETAIL, _VISIT, "")[which]
                text = detail.texts[at] if which == 0 else visit.texts[at] if which == 1 else ""
                index[i] = self.stays.setdefault((person.texts[whose], name, text), len(self.stays))
        return index[inverse.ravel()]

    def _values(self, table: Table) -> pa.Array:
        """The number with its comparator; without one what the source said, else the words of its concept."""
        number = _texts(table, "value_as_number")
        source = pc.coalesce(_texts(table, "value_source_value"), _texts(table, "value_as_string"))
        concept = _ids(table, "value_as_concept_id")
        words = [self.concepts[c].words if c in self.concepts else f"concept {c}" for c in concept.texts]
        value = pc.coalesce(number, source, _pick(words, concept.codes))
        operator = _ids(table, "operator_concept_id")
        marks = [_COMPARATORS.get(text, "") for text in operator.texts]
        if any(marks):
            mark = pc.fill_null(_pick(marks, operator.codes), "")
            bare = pc.fill_null(pc.match_substring_regex(value, r"^\s*[0-9+.,-]"), False)
            value = pc.if_else(bare, pc.binary_join_element_wise(mark, value, ""), value)
        if unknown := sorted(set(operator.texts) - set(_COMPARATORS)):
            self.notes.append(f"{table.names[0]}: operator {', '.join(unknown[:5])} is no known comparator; ignored.")
        return value

    def _variables(self, part: _Measured) -> tuple[NDArray[np.int64], list[str]]:
        """What each row measured, codes (N,) and names: from the concept, else from what the source calls it."""
        source = _ids(part.table, f"{part.prefix}_source_value", whole=False)
        words = self._usual_words(part.concept, source)
        names: dict[str, int] = {}
        by_concept = np.array(
            [names.setdefault(self._name(c, words[i]), len(names)) for i, c in enumerate(part.concept.texts)] + [-1]
        )
        by_source = np.array([names.setdefault(text, len(names)) for text in source.texts] + [-1])
        return np.where(part.concept.codes >= 0, by_concept[part.concept.codes], by_source[source.codes]), list(names)

    def _usual_words(self, concept: _Ids, source: _Ids) -> list[str]:
        """What the source mostly calls each concept, where that is words."""
        both = (concept.codes >= 0) & (source.codes >= 0)
        found: list[Counter[str]] = [Counter() for _ in concept.texts]
        pairs, counts = np.unique(np.stack([concept.codes[both], source.codes[both]]), axis=1, return_counts=True)
        for (c, s), n in zip(pairs.T.tolist(), counts.tolist(), strict=True):
            if re.search(r"[^\W\d_]{2}", source.texts[s]):
                found[c][source.texts[s]] = n
        return [max(sorted(names), key=names.__getitem__)[:80] if names else "" for names in found]

    def _name(self, concept: str, words: str) -> str:
        said = self.concepts.get(concept)
        if said is None:
            return with_code(without_code(words), "OMOP", concept)
        system = _SYSTEMS.get(said.vocabulary.upper())
        known = _known_codes()
        if system and said.code and (f"{system} {said.code}" in known or f"OMOP {concept}" not in known):
            return with_code(without_code(said.words), system, said.code)
        return with_code(without_code(said.words), "OMOP", concept)

    def _units(self, table: Table) -> pa.Array:
        """The unit of each row: of its concept, else as the source has it; an unknown one is named, not passed over."""
        concept, source = _ids(table, "unit_concept_id"), _texts(table, "unit_source_value")
        known = [self._unit(c) for c in concept.texts]
        unknown = [None if unit else f"OMOP unit {c}" for c, unit in zip(concept.texts, known, strict=True)]
        units = pc.coalesce(_pick(known, concept.codes), source, _pick(unknown, concept.codes))
        return units.dictionary_encode()

    def _unit(self, concept: str) -> str | None:
        said = self.concepts.get(concept)
        if said is not None and said.vocabulary.upper() == "UCUM" and said.code:
            return said.code
        return _UNITS.get(concept)

    def _long(self, part: _Measured, names: list[str], starts: Sequence[str | None], notes: tuple[str, ...]) -> Table:
        """The rows of all variables that ever come with a number."""
        table = part.table
        variable, variables = self._variables(part)
        is_number = np.isfinite(numbers(part.value, table.decimal_comma).value)
        counts = np.bincount(variable[(variable >= 0) & is_number], minlength=len(variables) + 1) > 0
        kept = np.append(counts[: len(variables)], False)[variable] | ((variable < 0) & is_number)
        rows = np.flatnonzero(kept)
        said = [*table.notes, *notes]
        if len(rows) < len(table):
            said.append(
                f"{table.names[0]}: {counted(len(table) - len(rows), 'row')} of variables without numbers left out."
            )
        stay = part.stay[rows]
        columns: dict[str, pa.Array] = {
            "record_id": _dictionary(stay, names),
            "time": part.time.take(pa.array(rows)),
            "variable": _dictionary(variable[rows], variables),
            "value": part.value.take(pa.array(rows)),
            "unit": self._units(table).take(pa.array(rows)),
        }
        roles = {RECORD_ID: "record_id", TIME: "time", VARIABLE: "variable", VALUE: "value", UNIT: "unit"}
        if any(starts):
            columns["admission"] = _pick(starts, stay).dictionary_encode()
            roles[ADMISSION] = "admission"
        return replace(
            table,
            kind=KIND,
            data=pa.table(columns),
            member=table.members[rows],
            row=_rows(table)[rows],
            notes=tuple(said),
            roles=roles,
        )

    # What is known of the persons.

    def _facts(self, measured: Sequence[_Measured], names: list[str], starts: Sequence[str | None]) -> Table | None:
        """One row a stay whose person was brought: age and sex."""
        persons = self.given.get(_PERSON, [])
        if not persons or not self.stays:
            return None
        table = persons[0] if len(persons) == 1 else replace(persons[0], data=_stacked(persons))
        ids = _ids(table, "person_id")
        where: dict[str, int] = {}
        for row, code in enumerate(ids.codes.tolist()):
            if code >= 0:
                where.setdefault(ids.texts[code], row)
        stays = [(i, where[person]) for i, (person, _, _) in enumerate(self.stays) if person in where]
        if not stays:
            return None
        index, rows = (np.array(part) for part in zip(*stays, strict=True))
        at = self._first_moments(measured, starts)[index]
        age = completed_years(_births(table)[rows], at)
        sex = _ids(table, "gender_concept_id")
        words = _pick([_SEXES.get(text) for text in sex.texts], sex.codes)
        gender = pc.coalesce(words, _texts(table, "gender_source_value")).take(pa.array(rows))
        columns = {
            "record_id": pa.array([names[i] for i in index], pa.string()),
            "Age (years)": pa.array(age, from_pandas=True),
            "Gender": gender,
        }
        one = len(persons) == 1
        return replace(
            table,
            kind=KIND,
            data=pa.table(columns),
            member=table.members[rows] if one else np.zeros(len(rows), np.int32),
            row=_rows(table)[rows] if one else rows + 2,
            roles={RECORD_ID: "record_id"},
        )

    def _first_moments(self, measured: Sequence[_Measured], starts: Sequence[str | None]) -> NDArray[np.datetime64]:
        """When each stay began: its visit's start, else its first measurement, (B,)."""
        seconds = np.full(len(self.stays), np.inf)
        for part in measured:
            times = parse_times(pa.chunked_array([part.time]), "time", 0)
            known = (part.stay >= 0) & np.isfinite(times.value) & times.absolute
            np.minimum.at(seconds, part.stay[known], times.value[known])
        given = pa.array(starts, pa.string())
        if given.null_count < len(given):
            parsed = parse_times(pa.chunked_array([given]), "time", 0)
            seconds = np.where(np.isfinite(parsed.value) & parsed.absolute, parsed.value, seconds)
        known = np.isfinite(seconds)
        moments = np.full(len(seconds), np.datetime64("NaT"), dtype="datetime64[s]")
        moments[known] = seconds[known].astype(np.int64).astype("datetime64[s]")
        return moments


def _rows(table: Table) -> NDArray[np.int64]:
    return np.arange(len(table), dtype=np.int64) + 2 if table.row is None else table.row


def _encoded(table: Table, name: str) -> tuple[pa.Array, NDArray[np.int64]]:
    """The distinct trimmed cells of a column, null where they say nothing, and which each row has, -1 for none."""
    array = flat(table.data.column(name))
    if not pa.types.is_dictionary(array.type) and not pa.types.is_string(array.type):
        codes, texts = distinct(array)
        text = pa.array(texts, pa.string())
    else:
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        text = pc.utf8_trim_whitespace(array.dictionary)
    missing = pc.is_in(pc.utf8_lower(text), pa.array(sorted(_MISSING)))
    return pc.if_else(missing, None, text), codes.astype(np.int64)


def _texts(table: Table, name: str) -> pa.Array:
    """The trimmed cells of a column, null where they say nothing or there is no such column."""
    if name not in table.columns:
        return pa.nulls(len(table), pa.string())
    text, codes = _encoded(table, name)
    return text.take(pa.array(codes, mask=codes < 0))


def _ids(table: Table, name: str, whole: bool = True) -> _Ids:
    """A column of identifiers or concepts: "3027018.0" is 3027018, and 0 is none, except for a person."""
    if name not in table.columns:
        return _Ids(np.full(len(table), -1), [])
    text, codes = _encoded(table, name)
    if whole:
        text = pc.replace_substring_regex(text, r"^([0-9]+)\.0+$", r"\1")
    if name != "person_id":
        text = pc.if_else(pc.equal(text, "0"), None, text)
    found = text.dictionary_encode()
    lookup = np.append(found.indices.fill_null(-1).to_numpy(zero_copy_only=False), -1).astype(np.int64)
    return _Ids(lookup[codes], found.dictionary.to_pylist())


def _pick(texts: Sequence[str | None], codes: NDArray[np.integer]) -> pa.Array:
    """The text of each code; null for -1."""
    return pa.array([*texts, None], pa.string()).take(pa.array(np.where(codes < 0, len(texts), codes)))


def _dictionary(codes: NDArray[np.int64], texts: Sequence[str]) -> pa.DictionaryArray:
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()))


def _when(table: Table, prefix: str) -> pa.Array:
    """The moment of each row as text: date and time, or the date alone where no row has a time.

    A row with a date alone among rows with a time is left without one: it is not known to be of midnight.
    """
    moment, date, time = (_texts(table, f"{prefix}_{end}") for end in ("datetime", "date", "time"))
    with_day = pc.fill_null(pc.match_substring_regex(time, r"\d[-/.T ]\d"), False)
    of_day = pc.if_else(with_day, time, pc.binary_join_element_wise(pc.coalesce(date, moment), time, " "))
    timed = pc.coalesce(pc.if_else(_has_clock(moment), moment, None), of_day)
    if timed.null_count == len(timed):
        return pc.coalesce(moment, date)
    return timed


def _has_clock(moment: pa.Array) -> pa.Array:
    return pc.fill_null(pc.match_substring(moment, ":"), False)


def _births(table: Table) -> NDArray[np.datetime64]:
    """Birth of each person, NaT where unknown; by year alone it is taken as of its first day."""
    day = np.full(len(table), np.datetime64("NaT"), dtype="datetime64[D]")
    parts = [_texts(table, name).to_pylist() for name in ("year_of_birth", "month_of_birth", "day_of_birth")]
    for row, (year, month, day_of_month) in enumerate(zip(*parts, strict=True)):
        try:
            y, m, d = (
                int(float(text)) if text else otherwise
                for text, otherwise in ((year, 0), (month, 1), (day_of_month, 1))
            )
            day[row] = np.datetime64(f"{y:04d}-{m:02d}-{d:02d}") if y else np.datetime64("NaT")
        except (ValueError, OverflowError):
            continue  # a birth that is no date is not known
    return day


def _stacked(tables: Sequence[Table]) -> pa.Table:
    return pa.concat_tables(
        [pa.table({c: flat(t.data.column(c)).cast(pa.string()) for c in t.columns}) for t in tables],
        promote_options="default",
    )


@cache
def _known_codes() -> frozenset[str]:
    features = [f for task in TASKS.values() for f in (*task.features, *task.statics)]
    return frozenset([code for f in features for code in f.codes] + [f"LOINC {f.loinc}" for f in features if f.loinc])
