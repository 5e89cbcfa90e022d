"""HL7 v2 result messages (ORU^R01 and its kin): each OBX segment becomes a row.

Written against HL7 v2.3 to v2.8, chapters 2 (encoding), 3 (PID, PV1) and 7 (OBR, OBX). A record is the visit (PV1-19)
where a message names one, else the patient (PID-3).
"""

import re
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medgru.data.coded_rows import (
    NO_TIME,
    Aside,
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
from medgru.data.delimited import to_utf8
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.data.words import counted
from medgru.errors import DataError
from medgru.settings import settings

KIND = "HL7 v2"
MAX_STRAY = 1_000
"""Lines that are no segments after which a file is taken for something else."""

MAX_SEGMENT = 1 << 20
"""Longest segment that is looked into; longer ones hold documents or pictures."""

_START = re.compile(rb"^[\s\x0b\x1c]*(?:MSH|FHS|BHS)([^\w\s])(?!\1)[^\w\s]{2,5}\1")
_SEGMENT = re.compile(rb"[A-Z][A-Z0-9]{2}(?![A-Za-z0-9])")
_TIME = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,9}))?)?)?)?\s*(?:([+-])(\d\d)(\d\d))?", re.ASCII
)
_PART_OF_DATE = re.compile(r"\d{4}(?:\d\d(?:\d\d)?)?(?:[+-]\d{4})?", re.ASCII)
_BIRTH = re.compile(r"(?:1[89]|20)\d\d(?:\d\d(?:\d\d)?)?", re.ASCII)
_ZONE = re.compile(r"([+-])(\d\d)(\d\d)$", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[0-9],[0-9]")
_CODE = re.compile(r"[0-9]{3,18}(?:-[0-9])?")
_SYSTEMS = {"LN": "LOINC", "LOINC": "LOINC", "SCT": "SNOMED", "SNOMEDCT": "SNOMED", "SNM": "SNOMED"}
_CHARSETS = {
    "": "",
    "ASCII": "",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "8859/1": "cp1252",  # what is called so is more often Windows than not; both agree on letters
    **{f"8859/{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "GB 18030-2000": "gb18030",
    "GB18030": "gb18030",
    "GBK": "gb18030",
    "GB2312": "gb18030",
    "BIG-5": "big5",
    "KS X 1001": "euc_kr",
    "ISO IR87": "iso2022_jp",
}
_FINAL, _EARLY, _GONE, _NOTHING = {"F", "U", "C", "A", "B", "V", ""}, {"P", "R", "S"}, {"D", "W"}, {"X", "N", "I", "O"}
_NUMERIC, _TEXT, _CODED, _TIMES = (
    {"NM"},
    {"ST", "TX", "FT", "SI", ""},
    {"CE", "CWE", "CNE", "CF", "IS", "ID"},
    {*("TS", "DT", "TM", "DTM")},
)
# Units of ISO/IEEE 11073, in which monitors speak (IHE PCD-01).
_IEEE_UNITS = {
    "MDC_DIM_PERCENT": "%",
    "MDC_DIM_BEAT_PER_MIN": "/min",
    "MDC_DIM_RESP_PER_MIN": "/min",
    "MDC_DIM_MMHG": "mm[Hg]",
    "MDC_DIM_KILO_PASCAL": "kPa",
    "MDC_DIM_DEGC": "Cel",
    "MDC_DIM_FAHR": "[degF]",
    "MDC_DIM_KILO_G": "kg",
}
_STATUSES = sorted(_FINAL | _EARLY | _GONE)
_STATUS = {status: i for i, status in enumerate(_STATUSES)}
_USED, _KINDS = _FINAL | _EARLY, _NUMERIC | _TEXT | _CODED | _TIMES | {"SN"}
_FIELDS = 15
"""Fields of an OBX segment up to the last that is read."""

_SEX = {"U": "", "UNK": "", "F": "female", "M": "male"}
_LONGEST = 200
_REMEMBERED = 100_000
_BLOCK = 1 << 22

# What is said of results that were set aside, or read in a way that someone should know.
_WHOLE_DAY, _ODD_TIME, _UNTIMED, _OF_ORDER, _OF_MESSAGE = "whole day", "odd time", "no time", "order", "message"
_WHOLE_HOUR, _REPLACED, _NOT_DONE, _UNKNOWN, _RETRACTED = "whole hour", "replaced", "not done", "unknown", "retracted"
_ARRAY, _LONG, _NOBODY, _LOCAL, _EMPTY, _UNASKED = "array", "long", "nobody", "local", "null", "no visit"
_SENTENCES = {
    _RETRACTED: "withdrawn (OBX-11 is D or W), left out with what was sent before",
    _REPLACED: "left out, corrected, completed or withdrawn by a later message",
    _NOT_DONE: "not done or not ready (OBX-11 is X, N, I or O): no value",
    _UNKNOWN: "with a status in OBX-11 that is none left out",
    _ARRAY: "with an array, waveform, document or picture left out",
    _LONG: "of more than 1 MB left out",
    _EMPTY: "empty on purpose: no value",
    _WHOLE_DAY: "with a date but no time of day: cannot be placed",
    _ODD_TIME: "with a time that is none: cannot be placed",
    _UNTIMED: "without a time: cannot be placed",
    _LOCAL: "with a time without its offset from UTC, where others of the same record have one: cannot be placed",
    _WHOLE_HOUR: "with a time without minutes: the full hour was taken",
    _OF_ORDER: "with no time but that of the report (OBR-22), which was taken",
    _OF_MESSAGE: "with no time but that of the message (MSH-7), which was taken",
    _NOBODY: "without patient and visit",
    _UNASKED: "without a visit, where others of the same patient have one: kept apart as a record of the patient's own",
}


def is_hl7v2(head: bytes) -> bool:
    """Whether a file begins with a message or a batch of messages."""
    return _START.match(head.removeprefix(b"\xef\xbb\xbf")) is not None


def read_hl7v2(blobs: Sequence[Blob]) -> Iterator[Table | Refusal]:
    """A table of all results and one of what is known of each record; files without any are refused."""
    every = _All(blobs)
    for member, blob in enumerate(blobs):
        before = len(every.rows)
        try:
            file = _FileReader(blob, member, every)
            with uncollected():
                file.read()
        except DataError as error:
            every.forget(before)
            yield Refusal(blob.name, str(error))
            continue
        every.others += file.others
        if len(every.rows) == before:
            yield Refusal(
                blob.name,
                f"holds no result that can be used. {' '.join([*file.notes, *every.notes(file.aside)])}".strip(),
            )
        every.aside.update(file.aside)
        every.said += file.notes
    with uncollected():
        tables = list(every.tables())
    yield from tables


@dataclass(frozen=True)
class _Who:
    """A patient and a visit, each with whoever gave the number; "" where there is none."""

    patient: str = ""
    patient_authority: str = ""
    visit: str = ""
    visit_authority: str = ""

    @property
    def name(self) -> str:
        """The number of the visit, else of the patient."""
        return self.visit or self.patient

    @property
    def long_name(self) -> str:
        """All numbers, with whoever gave them."""
        parts = self.patient, self.patient_authority, self.visit, self.visit_authority
        return " ".join(part for part in parts if part)


@dataclass
class _Known:
    """What messages say of a record: each with the place that says so first."""

    births: dict[str, tuple[int, int]] = field(default_factory=dict)
    sexes: dict[str, tuple[int, int]] = field(default_factory=dict)
    admissions: dict[tuple[int, bool], tuple[int, int]] = field(default_factory=dict)


class _All:
    """What all files hold together."""

    def __init__(self, blobs: Sequence[Blob]) -> None:
        self.blobs = blobs
        self.rows = Rows()
        self.status = array("b")
        self.orders = Texts()
        self.order, self.sent = array("i"), array("q")
        self.who: dict[_Who, int] = {}
        self.known: list[_Known] = []
        self.variables, self.values, self.units = Variables(), Texts(), Texts()
        self.aside, self.others = Aside(), Counter[str]()
        self.said: list[str] = []

    def number(self, who: _Who) -> int:
        """The number of a record, -1 where nobody is named."""
        if not who.name:
            return -1
        number = self.who.setdefault(who, len(self.who))
        if number == len(self.known):
            self.known.append(_Known())
        return number

    def forget(self, n: int) -> None:
        """Drop the rows of a file that turned out to be unreadable."""
        for column in (*vars(self.rows).values(), self.status, self.order, self.sent):
            del column[n:]

    def notes(self, aside: Aside) -> list[str]:
        """What was set aside, in sentences."""
        names = [blob.name for blob in self.blobs]
        said = aside.notes(_SENTENCES, "result", names, ["line"] * len(names))
        if self.others:
            listed = ", ".join(
                f"{n:,} {kind}" for kind, n in sorted(self.others.items(), key=lambda i: (-i[1], i[0]))[:6]
            )
            said.append(f"{counted(self.others.total(), 'message')} of other types passed over: {listed}.")
        return said

    def tables(self) -> Iterator[Table | Refusal]:
        """The tables; none where no file holds a result, and refusals where none of them holds."""
        if not len(self.rows):
            return
        kept = self._valid()
        if not len(kept):
            said = " ".join([*self.said, *self.notes(self.aside)])
            for member in sorted(set(self.rows.member)):
                yield Refusal(self.blobs[member].name, f"holds no result that can be used. {said}".strip())
            return
        who = self.rows.column("who").astype(np.int64)
        for row in drop_mixed_clocks(self.rows, who, kept).tolist():
            self._aside(_LOCAL, row)
        self._count_without_visit(who, kept)
        names = self._names()
        notes = [*self.said, *self.notes(self.aside)]
        yield long_table(KIND, self.blobs, self.rows, who, names, self.variables, self.values, self.units, notes, kept)
        facts = self._facts(who, kept)
        if facts:
            first = first_times(who[kept], self.rows.column("time")[kept], len(names))
            yield facts_table(KIND, self.blobs, facts, names, first)

    def _aside(self, reason: str, row: int) -> None:
        self.aside.add(reason, self.rows.member[row], self.rows.row[row])

    def _valid(self) -> NDArray[np.int64]:
        """Rows that hold: of one result sent several times a correction replaces, and a withdrawal removes it."""
        status = np.array(self.status)
        keep = ~np.isin(status, [_STATUS[s] for s in _GONE])
        wanted = np.flatnonzero(~np.isin(status, [_STATUS[s] for s in _FINAL - {"C"}]))
        if len(wanted):
            for rows in self._same_result(wanted):
                for row in set(rows) - _surviving([(row, _STATUSES[self.status[row]]) for row in rows]):
                    if keep[row]:
                        self._aside(_REPLACED, row)
                    keep[row] = False
        return np.flatnonzero(keep)

    def _same_result(self, wanted: NDArray[np.int64]) -> list[list[int]]:
        """Groups of several rows that are versions of one result, in the order in which they were sent."""
        key = np.stack([*(self.rows.column(name) for name in ("who", "variable", "time")), np.array(self.order)])
        order = np.lexsort((np.array(self.sent), *key))
        starts = np.flatnonzero(np.append(True, (key[:, order[1:]] != key[:, order[:-1]]).any(0)))
        has_wanted = np.zeros(len(order), dtype=bool)
        has_wanted[wanted] = True
        used = np.logical_or.reduceat(has_wanted[order], starts) & (np.diff(starts, append=len(order)) > 1)
        ends = np.append(starts[1:], len(order))
        return [order[a:b].tolist() for a, b in zip(starts[used].tolist(), ends[used].tolist(), strict=True)]

    def _count_without_visit(self, who: NDArray[np.int64], kept: NDArray[np.int64]) -> None:
        with_visit = {w.patient for w in self.who if w.visit}
        alone = [n for w, n in self.who.items() if not w.visit and w.patient in with_visit]
        for row in kept[np.isin(who[kept], alone)].tolist():
            self._aside(_UNASKED, row)

    def _names(self) -> list[str]:
        short = Counter(who.name for who in self.who)
        return [who.name if short[who.name] == 1 else who.long_name for who in self.who]

    def _facts(self, who: NDArray[np.int64], kept: NDArray[np.int64]) -> list[Fact]:
        clock = np.full(len(self.known) + 1, -1)
        timed = kept[self.rows.column("time")[kept] != NO_TIME]
        clock[who[timed]] = self.rows.column("local")[timed]
        used = set(who[kept].tolist())
        facts: list[Fact] = []
        for n, known in enumerate(self.known):
            if n not in used:
                continue
            fitting = {at: p for at, p in known.admissions.items() if clock[n] < 0 or at[1] == bool(clock[n])}
            first = min(fitting, default=(NO_TIME, False))
            births, sexes = sorted(known.births.items()), sorted(known.sexes.items())
            for i in range(max(len(births), len(sexes), bool(fitting))):
                birth, at = births[i] if i < len(births) else ("", None)
                sex, there = sexes[i] if i < len(sexes) else ("", None)
                facts.append(Fact(n, birth, sex, *first, *(at or there or fitting[first])))
        return facts


def _surviving(versions: list[tuple[int, str]]) -> set[int]:
    """Which versions of one result hold, in the order in which they were sent."""
    final: set[int] = set()
    early: set[int] = set()
    for row, status in versions:
        if status in _GONE:
            final, early = set(), set()
        elif status == "C":
            final, early = {row}, set()
        elif status in _EARLY:
            early = {row} if not final else set()
        else:
            final, early = final | {row}, set()
    return final or early


@dataclass(frozen=True)
class _Marks:
    """The characters that part fields, components, repetitions and subcomponents of a message, and its escape."""

    field: str
    component: str
    repetition: str
    escape: str
    sub: str

    @classmethod
    def of(cls, header: str) -> "_Marks":
        """Those that MSH-1 and MSH-2 declare, the usual ones where they do not."""
        given = header[4 : header.find(header[3], 4)] if header.find(header[3], 4) > 0 else header[4:8]
        rest = given + "^~\\&"[len(given) :]
        return cls(header[3], *rest[:4])

    def plain(self, text: str) -> str:
        """Text with its escape sequences replaced."""
        if self.escape not in text:
            return text.strip()
        mark = re.escape(self.escape)
        return re.sub(f"{mark}([^{mark}]*){mark}", self._replaced, text).strip()

    def _replaced(self, found: re.Match[str]) -> str:
        what = found[1]
        known = {"F": self.field, "S": self.component, "T": self.sub, "R": self.repetition, "E": self.escape}
        if what in known:
            return known[what]
        if what[:1] == "X" and re.fullmatch("(?:[0-9A-Fa-f]{2})+", what[1:]):
            return bytes.fromhex(what[1:]).decode("latin-1")
        return " " if what[:1] == "." else "" if what in ("H", "N") else found[0]

    def components(self, text: str) -> list[str]:
        """The components of a field, without escapes."""
        if self.escape not in text:
            return [part.strip() for part in text.split(self.component)]
        return [self.plain(part) for part in text.split(self.component)]


class _FileReader:
    """Reads the messages of one file; one use."""

    def __init__(self, blob: Blob, member: int, every: _All) -> None:
        self.blob, self.member, self.every = blob, member, every
        self.aside, self.others = Aside(), Counter[str]()
        self.notes: list[str] = []
        self.line = 0
        self.reading = False  # within a message of results
        self.marks = _Marks("|", "^", "~", "\\", "&")
        self.charset = ""
        self.sent, self.sent_at = "", 0
        self.zone: int | None = None
        self.who, self.person = _Who(), ("", "")
        self.record = -1
        self.order: list[str] = []
        self.of_order, self.order_time = "", ("", "")
        self.times: dict[tuple[str, int | None], tuple[int, bool, str]] = {}
        self.named: dict[tuple[str, str], tuple[str, str, str, str]] = {}
        self.parsed: dict[tuple[str, str], tuple[str, ...]] = {}
        self.kinds: dict[bytes, bytes | None] = {}
        self.stray: list[int] = []

    def read(self) -> None:
        """Take in all messages.

        Raises:
            DataError: They are none, or hold more than is read at once.
        """
        data = bytes(self.blob.data)
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            data = to_utf8(data)[0]
        for self.line, line in _segments(data.removeprefix(b"\xef\xbb\xbf")):
            begins = line[:4]
            if begins not in self.kinds:
                if len(self.kinds) >= _REMEMBERED:
                    self.kinds.clear()
                self.kinds[begins] = begins[:3] if _SEGMENT.match(begins) or begins[:3] == b"MSH" else None
            name = self.kinds[begins]
            if name == b"OBX":
                if self.reading:
                    self._result(line)
            elif name is None:
                self._stray()
            elif name == b"MSH":
                self._header(line)
            elif self.reading and name in (b"PID", b"PV1", b"OBR"):
                self._context(name.decode(), self._fields(line))
        if self.stray:
            self.notes.append(
                f"{self.blob.name}: {counted(len(self.stray), 'line')} passed over that are no segments or say "
                f"nothing, the first is line {self.stray[0]:,}. A line break within a field may have cut one."
            )

    def _stray(self) -> None:
        """Pass over a line.

        Raises:
            DataError: There are too many of these.
        """
        self.stray.append(self.line)
        if len(self.stray) > MAX_STRAY:
            raise DataError(
                f"holds more than {MAX_STRAY:,} lines that are no segments or say nothing, up to line "
                f"{self.line:,}. Export it again."
            )

    def _fields(self, line: bytes) -> list[str]:
        return self._decoded(line).split(self.marks.field)

    def _decoded(self, line: bytes) -> str:
        if line.isascii() and b"\x1b" not in line:
            return line.decode("ascii")
        try:
            return line.decode(self.charset or "utf-8")
        except UnicodeDecodeError:
            text, encoding = to_utf8(line)
            self._note(f"text that is not in the character set that MSH-18 says was read as {encoding}.")
            return text.decode("utf-8", "replace")

    def _note(self, sentence: str) -> None:
        note = f"{self.blob.name}: {sentence}"
        if note not in self.notes:
            self.notes.append(note)

    def _header(self, line: bytes) -> None:
        """Begin a message."""
        self.reading, self.record = False, -1
        self.who, self.person = _Who(), ("", "")
        header = line.decode("latin-1")  # what says how the text is encoded must be found before
        marks = _Marks.of(header) if len(header) > 7 else self.marks
        fields = header.split(marks.field)
        kind = marks.components(_at(fields, 8))
        if not kind[0]:
            self._stray()
            return
        if kind[0] != "ORU":
            self.others["^".join(kind[:2])[:20]] += 1
            return
        if marks != self.marks:
            self.marks, self.named, self.parsed = marks, {}, {}
        said = marks.plain(_at(fields, 17).split(marks.repetition)[0]).upper()
        self.charset = _CHARSETS.get(said, "")
        if said not in _CHARSETS:
            self._note("the character set in MSH-18 is not known; UTF-8 was expected.")
        self.sent = _at(fields, 6)
        zone = _ZONE.search(self.sent.split(marks.component)[0])
        self.zone = _offset(*zone.groups()) if zone else None
        self.sent_at = max(self._moment(self.sent)[0], 0)
        self._ordered([])
        self.reading = True

    def _ordered(self, order: list[str]) -> None:
        """Results that follow belong to this order: without a time of their own they have its, else the message's."""
        self.order = order
        self.of_order = f"{_at(order, 3) or _at(order, 2)}\n"
        if (text := _at(order, 7)).strip(' "'):
            self.order_time = text, ""
        elif (text := _at(order, 22)).strip(' "'):
            self.order_time = text, _OF_ORDER
        else:
            self.order_time = (self.sent, _OF_MESSAGE) if self.sent.strip(' "') else ("", _UNTIMED)

    def _context(self, name: str, fields: list[str]) -> None:
        """A segment that says whose results follow, or when they were taken."""
        if name == "OBR":
            self._ordered(fields)
            return
        if name == "PID":
            self.who = _Who(*(self._id(_at(fields, 3)) or self._id(_at(fields, 2)) or ("", "")))
            self._ordered([])
        else:
            visit = self._id(_at(fields, 19)) or ("", "")
            self.who = _Who(self.who.patient, self.who.patient_authority, *visit)
        self.record = self.every.number(self.who)
        place = self.member, self.line
        if name == "PID":
            self.person = self.marks.plain(_at(fields, 7))[:8], self.marks.components(_at(fields, 8))[0].upper()
        if self.record < 0:
            return
        known = self.every.known[self.record]
        if name == "PV1":
            time, local, _ = self._moment(_at(fields, 44))
            if time != NO_TIME:
                known.admissions.setdefault((time, local), place)
        birth, sex = self.person
        if _BIRTH.fullmatch(birth):
            known.births.setdefault("-".join(filter(None, (birth[:4], birth[4:6], birth[6:8]))), place)
        if sex := _SEX.get(sex, sex):
            known.sexes.setdefault(sex, place)

    def _id(self, text: str) -> tuple[str, str] | None:
        """The number and who gave it: of several the medical record number (MR), else the first."""
        found = [self.marks.components(part) for part in text.split(self.marks.repetition)]
        found = [parts for parts in found if parts[0] and parts[0] != '""']
        found.sort(key=lambda parts: _at(parts, 4) != "MR")
        return (found[0][0][:_LONGEST], _at(found[0], 3)[:_LONGEST]) if found else None

    def _result(self, line: bytes) -> None:
        if len(line) > MAX_SEGMENT:
            self._aside(_LONG)
            return
        fields = self._fields(line)
        if len(fields) < _FIELDS:
            fields += [""] * (_FIELDS - len(fields))
        if not (fields[3] or fields[4] or fields[5]):
            self._stray()
            return
        status = fields[11].strip().upper()
        if status in _GONE:
            self._aside(_RETRACTED)
            self._add(fields, None, status)
            return
        if status not in _USED:
            self._aside(_NOT_DONE if status in _NOTHING else _UNKNOWN)
            return
        key = fields[2], fields[5]
        values = self.parsed.get(key)
        if values is None:
            values = self._values(fields[2].strip().upper(), fields[5])
            if len(self.parsed) >= _REMEMBERED:
                self.parsed.clear()
            if len(fields[5]) <= _LONGEST:
                self.parsed[key] = values
        if not values:
            self._aside(_ARRAY)
        for text in values:
            if text == '""':
                self._aside(_EMPTY)
            else:
                self._add(fields, text, status)

    def _values(self, kind: str, given: str) -> tuple[str, ...]:
        """The texts of the values of a result; none where these are an array or a document."""
        if kind not in _KINDS and not self._is_plain(kind, given):
            return ()
        parts = [given] if kind in ("TX", "FT") else given.split(self.marks.repetition)
        return tuple(self._value(kind, part) for part in parts)

    def _is_plain(self, kind: str, values: str) -> bool:
        """Whether an array holds a single number."""
        return kind == "NA" and self.marks.component not in values and self.marks.repetition not in values

    def _value(self, kind: str, given: str) -> str:
        """The text of a value; one that is no number is marked so that it is not taken for one."""
        if kind == "SN":
            parts = self.marks.components(given)
            than, number, between, other = (_at(parts, i) for i in range(4))
            if between or other:
                return f"[{than}{number}{between}{other}]"
            return f"{'' if than == '=' else than}{number}"[:_LONGEST]
        if kind in _CODED:
            parts = self.marks.components(given)
            return (_at(parts, 1) or parts[0])[:_LONGEST]
        text = self.marks.plain(given)[:_LONGEST]
        if kind in _TIMES:
            return f"[{text}]" if text else ""
        return f'"{text}"' if _DECIMAL_COMMA.search(text) else text

    def _aside(self, reason: str) -> None:
        self.aside.add(reason, self.member, self.line)

    def _add(self, fields: list[str], text: str | None, status: str) -> None:
        every = self.every
        if len(every.rows) >= settings().max_rows:
            raise DataError(
                f"would bring the rows to more than {settings().max_rows:,}, the most that is read at once, so "
                "none of it was read. Read it by itself, split it, or raise MEDGRU_MAX_ROWS."
            )
        gone = status in _GONE
        time, local = self._time(fields, quiet=gone)
        if self.record < 0 and not gone:
            self._aside(_NOBODY)
        key = fields[3], fields[6]
        if key not in self.named:
            if len(self.named) >= _REMEMBERED:
                self.named.clear()
            named = self._name(key[0])
            self.named[key] = (*named, unit_of_code(self._unit(key[1]), *named[:2]))
        system, code, words, unit = self.named[key]
        variable = every.variables.number(system, code, words) if code or words else -1
        every.rows.add(
            self.record,
            time,
            local,
            variable,
            every.values[text] if text else -1,
            every.units[unit] if unit else -1,
            self.member,
            self.line,
        )
        every.status.append(_STATUS[status])
        every.order.append(every.orders[self.of_order + fields[4]])
        every.sent.append(self.sent_at)

    def _time(self, fields: list[str], quiet: bool) -> tuple[int, bool]:
        """The time of a result: its own, else that of its specimen, else that of its report or message."""
        given, reason = (fields[14], "") if fields[14].strip(' "') else self.order_time
        time, local, problem = self._moment(given)
        if (problem or reason) and not quiet:
            self._aside(problem or reason)
        return time, local

    def _moment(self, given: str) -> tuple[int, bool, str]:
        """A time in microseconds since 1970, whether it has no offset from UTC, and what should be said of it."""
        key = given, self.zone
        if key not in self.times:
            if len(self.times) >= _REMEMBERED:
                self.times.clear()
            self.times[key] = _moment(given.split(self.marks.component)[0].strip(), self.zone)
        return self.times[key]

    def _name(self, given: str) -> tuple[str, str, str]:
        """System, code and words of what was measured: LOINC among its codes first, then SNOMED, then its words."""
        parts = self.marks.components(given.split(self.marks.repetition)[0])
        codings = [(*parts[i : i + 3], "", "", "")[:3] for i in (0, 3, 9) if i < len(parts)]
        words = next((" ".join(w.split()) for _, w, _ in codings if w), "")[:_LONGEST]
        for wanted in ("LOINC", "SNOMED"):
            for code, its_words, system in codings:
                if _SYSTEMS.get(system.upper()) == wanted and _CODE.fullmatch(code):
                    return wanted, code, " ".join(its_words.split())[:_LONGEST] or words
        return "", next((code for code, _, _ in codings if code), "")[:_LONGEST], words

    def _unit(self, given: str) -> str:
        """The unit: in UCUM where one is given, else as it is spelled."""
        parts = self.marks.components(given)
        for i in (0, 3, 9):
            if _at(parts, i + 2).upper() == "UCUM" and _at(parts, i):
                return _at(parts, i)[:_LONGEST]
        name = _at(parts, 1) if parts[0].isdecimal() or not parts[0] else parts[0]
        return _IEEE_UNITS.get(name, name or parts[0])[:_LONGEST]


def _at(parts: Sequence[str], index: int) -> str:
    return parts[index] if index < len(parts) else ""


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments with the number of their line; one that goes on in an ADD segment is put together."""
    pending, started = b"", 0
    added: list[bytes] = []
    size = 0
    for number, line in enumerate(_lines(data), start=1):
        if not line:
            continue
        line = line.strip(b" \x0b\x00\t")
        if line.startswith(b"ADD") and pending and size <= MAX_SEGMENT:
            added.append(line[4:])
            size += len(line) - 4
        elif line:
            if pending:
                yield started, pending + b"".join(added) if added else pending
            pending, started, added, size = line, number, [], len(line)
    if pending:
        yield started, pending + b"".join(added) if added else pending


def _lines(data: bytes) -> Iterator[bytes]:
    """The lines, however they end; the frame of a message on a wire (MLLP) ends one too."""
    for end in (b"\x1c\r\n", b"\x1c\r", b"\x1c\n", b"\x1c"):
        if end in data:
            data = data.replace(end, b"\x0b\r")
    start = 0
    while start < len(data):
        stop = start + _BLOCK
        if stop < len(data):
            # Not within a line, nor between the two characters that end one.
            stop = max(data.rfind(b"\r", start, stop), data.rfind(b"\n", start, stop)) + 1 or len(data)
            stop += data[stop - 1 : stop + 1] == b"\r\n"
        yield from data[start:stop].splitlines()
        start = stop


def _offset(sign: str, hours: str, minutes: str) -> int:
    return (int(hours) * 60 + int(minutes)) * (1 if sign == "+" else -1)


def _moment(text: str, zone: int | None) -> tuple[int, bool, str]:
    """As `_FileReader._moment`; `zone` is the offset in minutes that holds where none is given."""
    if _PART_OF_DATE.fullmatch(text):
        return NO_TIME, False, _WHOLE_DAY
    found = _TIME.fullmatch(text)
    if found is None:
        return NO_TIME, False, _ODD_TIME if text else ""
    *parts, fraction, sign, hours, minutes = found.groups()
    offset = _offset(sign, hours, minutes) if sign else zone
    try:
        time = microseconds([int(part or 0) for part in parts], fraction or "", offset)
    except (ValueError, OverflowError):
        return NO_TIME, False, _ODD_TIME
    return time, offset is None, "" if parts[4] is not None else _WHOLE_HOUR
