"""FHIR R4 and R5 in JSON: Observations become rows, Patients and Encounters what is known of each record.

All files are read together, so that Patient.ndjson, Encounter.ndjson and Observation.ndjson of one export find each
other. Format: https://hl7.org/fhir/observation.html; bulk files: https://hl7.org/fhir/uv/bulkdata/.

Of several versions of one Observation (one id, one server, one patient) only one is used: that of the newest
`meta.lastUpdated`, else of the highest `meta.versionId` where these are numbers. Where neither tells, one that was
entered in error withdraws all, and otherwise the last one in the files is used; both are said.
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgru.data.coded_rows import (
    NO_TIME,
    Aside,
    Columns,
    Fact,
    Rows,
    Texts,
    Variables,
    drop_mixed_clocks,
    facts_table,
    first_times,
    long_table,
    microseconds,
    uncollected,
    unit_of_code,
)
from medgru.data.fhir_people import (
    ENCOUNTER,
    PATIENT,
    Period,
    Record,
    Records,
    Reference,
    Registry,
    Resource,
    identifiers,
    is_wrong,
    reference,
    server_of,
)
from medgru.data.fhir_values import Value, sampled, value_of
from medgru.data.json_resources import Json, open_text, resources, rows_are
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.data.words import counted
from medgru.errors import DataError
from medgru.settings import settings
from medgru.tasks import TASKS

KIND = "FHIR"
XML_NAMESPACE = b"http://hl7.org/fhir"

_JSON = re.compile(rb'^\s*(?:\{\s*["}]|\[\s*[{\]])')
_XML = re.compile(rb"^\s*<")
_COUNTS = {"final", "amended", "corrected", "appended", "preliminary"}
_COUNTS_NOT = {"registered", "cancelled", "entered-in-error", "unknown"}
_SYSTEMS = {
    "http://loinc.org": "LOINC",
    "https://loinc.org": "LOINC",
    "http://loinc.org/": "LOINC",
    "urn:oid:2.16.840.1.113883.6.1": "LOINC",
    "http://snomed.info/sct": "SNOMED",
    "urn:oid:2.16.840.1.113883.6.96": "SNOMED",
    "https://fhir-terminology.ohdsi.org": "OMOP",
}
_MIMIC = "http://mimic.mit.edu/fhir/"
_CODE = re.compile(r"[0-9]{3,18}(?:-[0-9])?")
_WORDS = 200
_REMEMBERED = 100_000
_MOST_SAID = 10
"""Different births and sexes of one patient that are passed on; more of them contradict each other no further."""

_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:([Zz])|([+-])(\d\d):?(\d\d))?", re.ASCII
)
_PART_OF_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_BIRTH = re.compile(r"(?:1[89]|20)\d\d(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_HOUR_US = 3_600_000_000
_SPREAD = 0x9E3779B97F4A7C15

# What is said of observations that were set aside, or read in a way that someone should know.
_WHOLE_DAY, _ODD_TIME, _UNTIMED = "whole day", "odd time", "no time"
_ISSUED, _PERIOD, _EVENTS = "issued", "period", "events"
_ABSENT, _TWO_VALUES, _MODIFIED, _FOCUS, _VECTOR = "absent", "two values", "modifier", "focus", "vector"
_NOBODY, _NO_STATUS, _PRELIMINARY, _LOCAL = "nobody", "no status", "preliminary", "local"
_VERSION, _WITHDRAWN, _AGAIN = "version", "withdrawn", "again"
_SENTENCES = {
    _ABSENT: "with a reason why nothing was measured: no value",
    _TWO_VALUES: "with more than one value, or with a value and a reason why there is none, left out",
    _MODIFIED: "with a modifierExtension, which may change the meaning, left out",
    _FOCUS: "about somebody or something else than the patient (focus) left out",
    _VECTOR: "with sampled data that cannot be spread out in time left out",
    _VERSION: "left out, as a newer version of the same resource is there",
    _WITHDRAWN: "left out, as the same resource is there entered in error, and nothing says which version is newer",
    _AGAIN: "left out, as the same resource comes again further on, and nothing says which version is newer",
    _WHOLE_DAY: "with a date but no time of day: cannot be placed",
    _ODD_TIME: "with a time that is none: cannot be placed",
    _UNTIMED: "without a time: cannot be placed",
    _LOCAL: "with a time without its offset from UTC, where others of the same record have one: cannot be placed",
    _NOBODY: "without a patient",
    _PRELIMINARY: "preliminary, but used",
    _NO_STATUS: "without a status, taken as final",
    _PERIOD: "about a period: its start is the time, or its end where no start is given",
    _EVENTS: "with several times: the first was taken",
    _ISSUED: "with no time but that of issue, which was taken",
}


def is_fhir(head: bytes) -> bool:
    """Whether a file begins like JSON, or like FHIR in XML."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in head[:4]:
        head = head.replace(b"\x00", b"").removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff")
    head = head.removeprefix(b"\xef\xbb\xbf")
    return _JSON.match(head) is not None or (_XML.match(head) is not None and XML_NAMESPACE in head)


def read_fhir(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """A table of all measurements and one of what is known of each record; files without any are refused."""
    every = _All(blobs)
    for member, blob in enumerate(blobs):
        try:
            with uncollected():
                every.take(_read_file(blob, member, every))
        except DataError as error:
            yield Refusal(blob.name, str(error))
        except RecursionError:
            yield Refusal(blob.name, "is nested too deeply to be read.")
    with uncollected():
        tables = list(every.tables())
    yield from tables


@dataclass
class _FhirRows(Rows):
    """Rows with the place of their resource among the versions, -1 for one without an id."""

    version: array = field(default_factory=lambda: array("q"))


_COUNTED, _SET_ASIDE, _IN_ERROR = range(3)


@dataclass
class _Versions(Columns):
    """Observations with an id, in columns.

    Attributes:
        name: Hash of the id and the server.
        subject: Number of the reference to the patient.
        updated: When this version was made; `NO_TIME` where nobody says.
        number: Which version it is; `NO_TIME` where nobody says, or not by a number.
        state: Whether it counts, was set aside, or was entered in error.
        member, row: Where it stands.
    """

    name: array = field(default_factory=lambda: array("q"))
    subject: array = field(default_factory=lambda: array("i"))
    updated: array = field(default_factory=lambda: array("q"))
    number: array = field(default_factory=lambda: array("q"))
    state: array = field(default_factory=lambda: array("b"))
    member: array = field(default_factory=lambda: array("i"))
    row: array = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.name)


@dataclass
class _File:
    """What one file holds."""

    member: int
    blob: Blob
    word: str
    rows: _FhirRows = field(default_factory=_FhirRows)
    versions: _Versions = field(default_factory=_Versions)
    patients: list[Resource] = field(default_factory=list)
    encounters: list[Resource] = field(default_factory=list)
    aside: Aside = field(default_factory=Aside)
    broken: Aside = field(default_factory=Aside)
    others: Counter[str] = field(default_factory=Counter)
    observations: int = 0
    notes: list[str] = field(default_factory=list)


class _All:
    """What all files hold together."""

    def __init__(self, blobs: Sequence[Blob]) -> None:
        self.blobs = blobs
        self.pairs: dict[tuple[Reference, Reference], int] = {}
        self.variables, self.values, self.units = Variables(), Texts(), Texts()
        self.files: list[_File] = []
        self.subjects: dict[Reference, int] = {}
        self.rows, self.versions = _FhirRows(), _Versions()

    def take(self, file: _File) -> None:
        """Add a file that was read to its end."""
        if not (file.observations or file.patients or file.encounters):
            other = f" ({_listed(file.others)})" if file.others else ""
            raise DataError(f"is JSON, but holds no FHIR Observation{other}. Export the Observations too.")
        if len(self.rows) + len(file.rows) > settings().max_rows:
            raise DataError(
                f"would bring the rows to more than {settings().max_rows:,}, the most that is read at once, so none of "
                "it was read. Read it by itself, split it, or raise MEDGRU_MAX_ROWS."
            )
        self.rows.extend(file.rows)
        self.versions.extend(file.versions)
        file.rows, file.versions = _FhirRows(), _Versions()
        self.files.append(file)

    def tables(self) -> Iterator[Table | Refusal]:
        """The tables, or the refusal of files that hold no measurement."""
        if not self.files:
            return
        aside = Aside()
        records = self._records()
        kept = self._newest(records, aside)
        if not len(kept):
            why = " ".join(self._notes(aside)) or "Export the Observations too."
            yield from (Refusal(f.blob.name, f"holds no measurement that can be used. {why}") for f in self.files)
            return
        known, record, facts = self._placed(records, kept, aside)
        names = records.names(known)
        alone = self._without_rows(records, known)
        notes = self._notes(aside)
        if records.disagreeing:
            notes.append(
                f"{counted(records.disagreeing, 'encounter')} named with another patient than their own: kept apart."
            )
        if alone:
            notes.append(f"{counted(alone, 'patient')} without any measurement in these files left out.")
        yield long_table(
            KIND, self.blobs, self.rows, record, names, self.variables, self.values, self.units, notes, kept
        )
        if facts:
            time = self.rows.column("time")
            first = first_times(record[kept], time[kept], len(names))
            yield facts_table(KIND, self.blobs, facts, names, first)

    def _records(self) -> Records:
        patients, encounters = Registry(PATIENT), Registry(ENCOUNTER)
        for file in self.files:
            for patient in file.patients:
                patients.add(patient)
            for encounter in file.encounters:
                encounters.add(encounter)
        return Records(patients, encounters, list(self.pairs))

    def _newest(self, records: Records, aside: Aside) -> NDArray[np.int64]:
        """Rows of the one version that counts of each resource; what is left out is told aside."""
        version, state = self.rows.column("version"), self.versions.column("state")
        if not len(state):
            return np.arange(len(version))
        patients: dict[str, int] = {}
        of_subject = [patients.setdefault(records.patients.resolve(who), len(patients)) for who in self.subjects]
        patient = np.array(of_subject, dtype=np.int64)[self.versions.column("subject")]
        # Numbers of patients are spread over all bits, as hashes are.
        mixed = self.versions.column("name").view(np.uint64) ^ (patient.view(np.uint64) * np.uint64(_SPREAD))
        every, which = np.unique(mixed, return_inverse=True)
        alive = np.ones(len(state), dtype=bool)
        for order in (self.versions.column("updated"), self.versions.column("number")):
            newest = np.full(len(every), NO_TIME)
            np.maximum.at(newest, which[alive], order[alive])
            alive &= (order == NO_TIME) | (order == newest[which])
        in_error, last = np.zeros(len(every), dtype=bool), np.zeros(len(every), dtype=np.int64)
        in_error[which[alive & (state == _IN_ERROR)]] = True
        np.maximum.at(last, which[alive], np.flatnonzero(alive))
        withdrawn = alive & in_error[which]
        again = alive & ~withdrawn & (last[which] != np.arange(len(state)))
        for reason, out in ((_VERSION, ~alive), (_WITHDRAWN, withdrawn), (_AGAIN, again)):
            for at in np.flatnonzero(out & (state == _COUNTED)).tolist():
                aside.add(reason, self.versions.member[at], self.versions.row[at])
        used = alive & ~withdrawn & ~again & (state == _COUNTED)
        return np.flatnonzero((version < 0) | used[version])

    def _placed(
        self, records: Records, kept: NDArray[np.int64], aside: Aside
    ) -> tuple[list[Record], NDArray[np.int64], list[Fact]]:
        """The records that have rows, the number of each row's record, and what is known of them."""
        who, time, local = (self.rows.column(name) for name in ("who", "time", "local"))
        numbers: dict[Record, int] = {}
        of_pair = np.full(len(self.pairs) + 1, -1, dtype=np.int64)
        used = np.zeros(len(self.pairs) + 1, dtype=bool)
        used[who[kept]] = True
        by_time = np.zeros(len(self.pairs) + 1, dtype=bool)
        for pair, record in enumerate(records.of_pair):
            if record is None or not used[pair]:
                continue
            if records.needs_time(record):
                by_time[pair] = True
            else:
                of_pair[pair] = numbers.setdefault(record, len(numbers))
        number = of_pair[who]
        timed = kept[by_time[who[kept]]]
        moments = list(zip(time[timed].tolist(), local[timed].astype(bool).tolist(), strict=True))
        named = [record for pair in who[timed].tolist() if (record := records.of_pair[pair]) is not None]
        rows_of: dict[Record, set[tuple[int, bool]]] = {}
        for record, at in zip(named, moments, strict=True):
            rows_of.setdefault(record, set()).add(at)
        placed = {record: records.at(record, its) for record, its in rows_of.items()}
        for row, record, at in zip(timed.tolist(), named, moments, strict=True):
            number[row] = numbers.setdefault(placed[record].get(at, record), len(numbers))
        known = list(numbers)
        begun = {key: self._admission(records, key) for key in {record.encounter for record in known}}
        admissions = [begun[record.encounter] for record in known]
        for row in drop_mixed_clocks(self.rows, number, kept).tolist():
            aside.add(_LOCAL, self.rows.member[row], self.rows.row[row])
        clock = np.full(len(known) + 1, -1)
        timed = kept[self.rows.column("time")[kept] != NO_TIME]
        clock[number[timed]] = local[timed]
        facts = []
        said = {patient: self._said(records, patient) for patient in {record.patient for record in known}}
        for n, record in enumerate(known):
            facts += self._facts(n, said[record.patient], admissions[n], int(clock[n]))
        return known, number, facts

    def _admission(self, records: Records, encounter: str) -> Resource | None:
        """The encounter, where its beginning is known."""
        found = records.encounters.resources(encounter) if encounter else []
        return next((e for e in found if e.period.admission != NO_TIME), None)

    def _said(self, records: Records, patient: str) -> list[Resource]:
        """What the newest versions of a patient say, each thing once."""
        people = records.patients.resources(patient) if patient else []
        said = {(p.birth, p.sex): p for p in reversed(people)}
        return [said[key] for key in sorted(said)[:_MOST_SAID]]

    def _facts(self, n: int, said: Sequence[Resource], encounter: Resource | None, clock: int) -> list[Fact]:
        admitted, local = NO_TIME, False
        if encounter is not None and (clock < 0 or encounter.period.local == bool(clock)):
            admitted, local = encounter.period.admission, bool(encounter.period.local)
        if not said and admitted != NO_TIME and encounter is not None:
            return [Fact(n, "", "", admitted, local, encounter.member, encounter.row)]
        return [Fact(n, p.birth, p.sex, admitted, local, p.member, p.row) for p in said]

    def _without_rows(self, records: Records, known: Sequence[Record]) -> int:
        with_rows = {record.patient for record in known}
        return sum(
            not ({key} | {f"{key} in file {r.member + 1}" for r in found}) & with_rows
            for key, found in records.patients.found.items()
        )

    def _notes(self, aside: Aside) -> list[str]:
        names = [blob.name for blob in self.blobs]
        words = ["entry"] * len(names)
        broken, others = Aside(), Counter[str]()
        for file in self.files:
            words[file.member] = file.word
            aside.update(file.aside)
            broken.update(file.broken)
            others += file.others
        notes = [note for file in self.files for note in file.notes]
        notes += aside.notes(_SENTENCES, "observation", names, words)
        notes += broken.notes({}, "place", names, words)
        if others:
            notes.append(f"{counted(others.total(), 'resource')} of other types passed over: {_listed(others)}.")
        return notes


def _listed(others: Counter[str]) -> str:
    most = sorted(others.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{n:,} {kind}" for kind, n in most[:6])
    return text + (", ..." if len(most) > 6 else "")


def _read_file(blob: Blob, member: int, every: _All) -> _File:
    data, encoding = open_text(blob)
    if data[:4096].lstrip()[:1] == b"<":
        raise DataError("is FHIR in XML. Only its JSON form is read: export it as JSON or NDJSON.")
    word = rows_are(data)
    reader = _FileReader(_File(member, blob, word), every)
    for found in resources(data, word):
        if found.resource is not None:
            reader.resource(found.resource, found.row, found.url)
        elif found.problem:
            reader.file.broken.add(found.problem, member, found.row)
        if len(reader.file.rows) > settings().max_rows:
            break  # `take` says so
    if encoding != "UTF-8":
        reader.file.notes.append(f"{blob.name} was read as {encoding} text.")
    return reader.file


class _Moments(dict[str, tuple[int, bool]]):
    """Times that were read already: most occur many times."""

    def __missing__(self, text: str) -> tuple[int, bool]:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[text] = found = moment(text)
        return found


class _FileReader:
    """Takes the resources of one file in; one use."""

    def __init__(self, file: _File, every: _All) -> None:
        self.file, self.every = file, every
        self.row = 0
        self.seen: set[str] = set()
        self.known: dict[tuple[str, str, str], int] = {}
        self.subjects: dict[tuple[str, str], int] = {}
        self.moments = _Moments()

    def resource(self, resource: Json, row: int, url: str, owner: Json | None = None) -> None:
        """One resource and what it contains; `owner` is the one that contains it."""
        self.row = row
        kind = resource["resourceType"]
        if kind == "Observation":
            self._observation(resource, server_of(url), owner)
        elif kind == PATIENT and owner is None:
            self.file.patients.append(self._patient(resource, url))
        elif kind == ENCOUNTER and owner is None:
            if not is_wrong(resource.get("status")):
                self.file.encounters.append(self._encounter(resource, url))
        elif owner is None:
            self.file.others[kind[:40]] += 1
        for one in _list(resource.get("contained")) if owner is None else []:
            if isinstance(one, dict) and one.get("resourceType") == "Observation":
                self.resource(one, row, url, resource)

    def _patient(self, resource: Json, url: str) -> Resource:
        birth = _text(resource.get("birthDate"))
        sex = _text(resource.get("gender")).casefold()
        return Resource(
            self.file.member,
            self.row,
            url,
            _text(resource.get("id")),
            identifiers(resource.get("identifier")),
            self._updated(resource),
            birth if _BIRTH.fullmatch(birth) else "",
            "" if sex == "unknown" else sex,
        )

    def _encounter(self, resource: Json, url: str) -> Resource:
        member, base = self.file.member, server_of(url)
        return Resource(
            member,
            self.row,
            url,
            _text(resource.get("id")),
            identifiers(resource.get("identifier")),
            self._updated(resource),
            subject=reference(resource.get("subject"), PATIENT, member, base, resource),
            part_of=reference(resource.get("partOf"), ENCOUNTER, member, base, resource),
            period=self._period(resource.get("period") or resource.get("actualPeriod")),
        )

    def _period(self, given: Any) -> Period:
        if not isinstance(given, dict):
            return Period()
        texts = _text(given.get("start")), _text(given.get("end"))
        (start, local), (end, end_local) = self.moments[texts[0]], self.moments[texts[1]]
        if start != NO_TIME and (end == NO_TIME or local == end_local):
            return Period(start, end, local, start)
        # A day begins and ends somewhere on earth up to 14 hours earlier or later than in UTC.
        days = [
            self.moments[f"{t}T00:00:00Z"][0] if _DAY.fullmatch(t) else m
            for t, m in zip(texts, (start, end), strict=True)
        ]
        wide_start = days[0] - 14 * _HOUR_US if days[0] != NO_TIME else NO_TIME
        wide_end = days[1] + 38 * _HOUR_US if days[1] != NO_TIME else NO_TIME
        return Period(wide_start, wide_end, None, start)

    def _observation(self, o: Json, base: str, owner: Json | None) -> None:
        self.file.observations += 1
        reason = self._why_not(o)
        # An id within another resource says nothing outside of it.
        version = self._version(o, base, reason) if owner is None else -1
        if reason:
            self._aside(reason)
            return
        time, local = self._time(o)
        who = self._who(o, base, owner)
        place = who, time, local, version
        n = self._measured(o, place, bool(o.get("component")) or bool(o.get("hasMember")))
        for part in _list(o.get("component")):
            if isinstance(part, dict):
                n += self._measured(part, place, False)
        if n and who < 0:
            self._aside(_NOBODY)

    def _aside(self, reason: str) -> None:
        self.file.aside.add(reason, self.file.member, self.row)

    def _why_not(self, o: Json) -> str:
        """Why an observation does not count, "" where it does."""
        status = o.get("status")
        if status is None:
            self._aside(_NO_STATUS)
        elif not isinstance(status, str) or status not in _COUNTS:
            known = isinstance(status, str) and status in _COUNTS_NOT
            return f"with {f'the status {status}' if known else 'a status that is none'} left out"
        elif status == "preliminary":
            self._aside(_PRELIMINARY)
        if o.get("modifierExtension"):
            return _MODIFIED
        return _FOCUS if o.get("focus") else ""

    def _updated(self, resource: Json) -> int:
        meta = resource.get("meta")
        return self.moments[_text(meta.get("lastUpdated"))][0] if isinstance(meta, dict) else NO_TIME

    def _version(self, o: Json, base: str, reason: str) -> int:
        """The place of a resource among the versions, -1 where it has no id."""
        name = o.get("id")
        if not isinstance(name, str):
            return -1
        versions, meta = self.file.versions, o.get("meta")
        number = _text(meta.get("versionId")) if isinstance(meta, dict) else ""
        state = _IN_ERROR if o.get("status") == "entered-in-error" else _SET_ASIDE if reason else _COUNTED
        versions.name.append(hash((name, base)))
        versions.subject.append(self._subject(o, base))
        versions.updated.append(self._updated(o))
        versions.number.append(int(number) if _NUMBER.fullmatch(number) else NO_TIME)
        versions.state.append(state)
        versions.member.append(self.file.member)
        versions.row.append(self.row)
        return len(self.every.versions) + len(versions) - 1

    def _subject(self, o: Json, base: str) -> int:
        """The number of the reference to the patient."""
        key = base, _address(o.get("subject"))
        if key in self.subjects:
            return self.subjects[key]
        who = reference(o.get("subject"), PATIENT, self.file.member, base, o)
        number = self.every.subjects.setdefault(who, len(self.every.subjects))
        if key[1] and not key[1].startswith("#"):
            self.subjects[key] = number
        return number

    def _who(self, o: Json, base: str, owner: Json | None) -> int:
        """The number of the pair of references to patient and encounter, -1 where there is none."""
        member = self.file.member
        key = base, _address(o.get("subject")), _address(o.get("encounter"))
        if key in self.known:
            return self.known[key]
        found = []
        for name, kind in (("subject", PATIENT), ("encounter", ENCOUNTER)):
            given, container = o.get(name), o
            if given is None and owner is not None:
                given, container = owner.get(name), owner
            elif owner is not None:
                container = owner
            found.append(reference(given, kind, member, base, container))
            if isinstance(given, dict) and kind == PATIENT and _text(given.get("reference")).startswith("#"):
                self._contained_patient(found[-1], given["reference"].strip()[1:], container)
        pair = (found[0], found[1])
        number = self.every.pairs.setdefault(pair, len(self.every.pairs)) if pair[0].text or pair[1].text else -1
        if key[1] and key[2] and not (key[1].startswith("#") or key[2].startswith("#")):
            self.known[key] = number
        return number

    def _contained_patient(self, who: Reference, name: str, container: Json) -> None:
        """Take in what is said of a patient who stands within the resource."""
        if not who.text or who.text in self.seen:
            return
        self.seen.add(who.text)
        for one in _list(container.get("contained")):
            if isinstance(one, dict) and one.get("id") == name and one.get("resourceType") == PATIENT:
                plain = {k: v for k, v in one.items() if k not in ("id", "identifier")}
                self.file.patients.append(self._patient(plain, who.text))
                return

    def _time(self, o: Json) -> tuple[int, bool]:
        """The time of an observation in microseconds since 1970, and whether it lacks an offset from UTC."""
        text, reason = _effective(o)
        if not text and (text := _text(o.get("issued"))):
            reason = _ISSUED
        if not text:
            self._aside(_UNTIMED)
            return NO_TIME, False
        time, local = self.moments[text]
        if time == NO_TIME:
            reason = _WHOLE_DAY if _PART_OF_DATE.fullmatch(text) else _ODD_TIME
        if reason:
            self._aside(reason)
        return time, local

    def _measured(self, o: Json, place: tuple[int, int, bool, int], may_be_empty: bool) -> int:
        """Rows of the value of an observation or of one of its components; how many."""
        keys = [k for k in o if k.startswith("value") and o[k] is not None]
        absent = o.get("dataAbsentReason")
        if len(keys) > 1 or (keys and absent):
            self._aside(_TWO_VALUES)
            return 0
        if not keys:
            if absent:
                self._aside(_ABSENT)
            elif not may_be_empty:
                self._add(o, place, place[1], Value(None))
                return 1
            return 0
        if keys[0] == "valueSampledData":
            return self._sampled(o, place)
        self._add(o, place, place[1], value_of(keys[0], o[keys[0]]))
        return 1

    def _sampled(self, o: Json, place: tuple[int, int, bool, int]) -> int:
        given = o["valueSampledData"]
        if isinstance(given, dict) and _text(given.get("data")).count(" ") >= settings().max_rows:
            raise DataError(
                f"holds an Observation of more than {settings().max_rows:,} samples, the most that is read at once, so "
                "none of it was read. Split it, or raise MEDGRU_MAX_ROWS."
            )
        found = sampled(given, place[1])
        if found is None:
            self._aside(_VECTOR)
            return 0
        n = 0
        for time, value in found:
            if value is None:
                self._aside(_ABSENT)
                continue
            self._add(o, place, time, value)
            n += 1
            if len(self.file.rows) > settings().max_rows:
                break
        return n

    def _add(self, o: Json, place: tuple[int, int, bool, int], time: int, value: Value) -> None:
        who, _, local, version = place
        every, rows = self.every, self.file.rows
        text = -1 if value.text is None else every.values[value.text]
        system, code, words = named(o.get("code"))
        variable = every.variables.number(system, code, words) if code or words else -1
        said = unit_of_code(value.unit, system, code)
        unit = every.units[said] if said else -1
        rows.add(who, time, local, variable, text, unit, self.file.member, self.row)
        rows.version.append(version)


def named(concept: Any) -> tuple[str, str, str]:
    """System, code and words of a CodeableConcept: a code that a task knows first, then LOINC, then any other."""
    if not isinstance(concept, dict):
        return "", "", ""
    best: tuple[int, str, str, str] = (9, "", "", "")
    for coding in _list(concept.get("coding")):
        if not isinstance(coding, dict):
            continue
        code, url = _text(coding.get("code")), _text(coding.get("system"))
        system = _SYSTEMS.get(url) or ("MIMIC" if url.startswith(_MIMIC) else "")
        if not _CODE.fullmatch(code):
            system = ""
        rank = 0 if f"{system} {code}" in _known_codes() else 1 if system == "LOINC" else 2 if system else 3
        if rank < best[0]:
            best = (rank, system, code, _words(coding.get("display")))
    _, system, code, words = best
    return system, code, words or _words(concept.get("text"))


@cache
def _known_codes() -> frozenset[str]:
    features = [f for task in TASKS.values() for f in (*task.features, *task.statics)]
    return frozenset(code for f in features for code in (f"LOINC {f.loinc}", *f.codes))


def _words(given: Any) -> str:
    return " ".join(given.split())[:_WORDS] if isinstance(given, str) else ""


def _list(given: Any) -> list[Any]:
    return given if isinstance(given, list) else []


def _text(given: Any) -> str:
    return given.strip() if isinstance(given, str) else ""


def _address(given: Any) -> str:
    """The address in a reference, "" where it has another form."""
    return found if isinstance(given, dict) and isinstance(found := given.get("reference"), str) else ""


def _effective(o: Json) -> tuple[str, str]:
    """The text of the time to which an observation applies, and what should be said of it."""
    text = _text(o.get("effectiveDateTime")) or _text(o.get("effectiveInstant"))
    if text:
        return text, ""
    period = o.get("effectivePeriod")
    if isinstance(period, dict) and (text := _text(period.get("start")) or _text(period.get("end"))):
        return text, _PERIOD
    timing = o.get("effectiveTiming")
    events = _list(timing.get("event")) if isinstance(timing, dict) else []
    texts = sorted(filter(None, map(_text, events)), key=lambda t: moment(t)[0])
    return (texts[0], _EVENTS if len(texts) > 1 else "") if texts else ("", "")


def moment(text: str) -> tuple[int, bool]:
    """A dateTime in microseconds since 1970, in UTC where it has an offset, and whether it has none.

    `NO_TIME` where it is only a date, or no time at all.
    """
    found = _MOMENT.fullmatch(text)
    if found is None:
        return NO_TIME, False
    year, month, day, hour, minute, second, fraction, zulu, sign, zone_h, zone_m = found.groups()
    offset = None
    if zulu:
        offset = 0
    elif sign:
        offset = (int(zone_h) * 60 + int(zone_m)) * (1 if sign == "+" else -1)
    try:
        parts = [int(part) for part in (year, month, day, hour, minute, second or 0)]
        us = microseconds(parts, fraction or "", offset)
    except (ValueError, OverflowError):
        return NO_TIME, False
    return us, offset is None
