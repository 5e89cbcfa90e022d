"""Who is who in FHIR: which references mean one patient or encounter, across files, and which record a row belongs to.

Two patients are never merged. What is known of a reference is its text, the file and the server that it stands in, and
the resources that were found; where these do not settle it, the reference stands for somebody of its own.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

from medgru.data.coded_rows import NO_TIME

PATIENT, ENCOUNTER = "Patient", "Encounter"
_FOREVER = 2**63
_MOST_AT_ONCE = 20
"""Encounters of a patient going on at one time, above which none of them is taken for the one of a row."""

_DEEPEST = 10
"""Encounters above one that are looked at; in hospitals there are two or three."""

_WRONG = {"cancelled", "entered-in-error"}


class Reference(NamedTuple):
    """A reference as it stands: an address ("Patient/1", "urn:uuid:..."), or "|system|value" of an identifier.

    Attributes:
        text: The address; "" where nobody is named.
        member: The file.
        base: Address of the server that its resource came from, "" where it is not known.
    """

    text: str
    member: int = -1
    base: str = ""


NOBODY = Reference("")


class Period(NamedTuple):
    """When an encounter began and ended, microseconds since 1970, `NO_TIME` where it is not known.

    Attributes:
        start, end: Its bounds; of a date without a time the widest that it may mean.
        local: Whether the bounds have no offset from UTC; None for dates.
        admission: Its start where that is a moment.
    """

    start: int = NO_TIME
    end: int = NO_TIME
    local: bool | None = None
    admission: int = NO_TIME


class Resource(NamedTuple):
    """A Patient or an Encounter.

    Attributes:
        member, row: Where it stands.
        url: Its `fullUrl`, "" where it has none.
        id: Its id, "" where it has none.
        identifiers: "|system|value" of each.
        updated: When this version was made, `NO_TIME` where that is not said.
        birth, sex: Of a patient.
        subject, part_of, period: Of an encounter.
    """

    member: int
    row: int
    url: str
    id: str
    identifiers: tuple[str, ...] = ()
    updated: int = NO_TIME
    birth: str = ""
    sex: str = ""
    subject: Reference = NOBODY
    part_of: Reference = NOBODY
    period: Period = Period()

    def contradicts(self, other: "Resource") -> bool:
        """Whether both cannot be about one person."""
        n = min(len(self.birth), len(other.birth))
        if self.birth[:n] != other.birth[:n]:
            return True
        return {self.sex, other.sex} == {"male", "female"}


class Registry:
    """All resources of one type, and what references to them mean."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.found: dict[str, list[Resource]] = {}
        self.in_file: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
        self.anywhere: defaultdict[str, set[str]] = defaultdict(set)
        self.contested: set[str] = set()
        self.newest: dict[str, list[Resource]] = {}
        self.called: dict[str, str] = {}

    def add(self, resource: Resource) -> None:
        """Take a resource in."""
        relative = f"{self.kind}/{resource.id}" if resource.id else ""
        key = resource.url or relative
        if not key:
            return
        self.found.setdefault(key, []).append(resource)
        for name in {relative, tail(key), *resource.identifiers} - {""}:
            self.in_file[resource.member, name].add(key)
            self.anywhere[name].add(key)

    def settle(self) -> None:
        """Find addresses that stand for different people in different files: each file's are then its own."""
        for key, resources in self.found.items():
            first = resources[0]
            if any(r.member != first.member and r.contradicts(first) for r in resources):
                self.contested.add(key)

    def resolve(self, reference: Reference) -> str:
        """The address that all references to one resource have in common, "" for nobody."""
        text = reference.text
        if not text:
            return ""
        based = reference.base + text if reference.base and not is_absolute(text) else text
        itself = set() if text.startswith("|") else {text, based} & self.found.keys()
        candidates: Iterable[set[str]] = (
            itself - {text} or itself,
            self.in_file.get((reference.member, text), set()),
            self.anywhere.get(text, set()),
            {tail(based)} & self.found.keys() if based.startswith("http") else set(),
        )
        key = next((next(iter(c)) for c in candidates if len(c) == 1), based)
        return f"{key} in file {reference.member + 1}" if key in self.contested else key

    def resources(self, key: str) -> list[Resource]:
        """The newest versions of a resource, by its key; empty where it was not found. All must have been taken in."""
        if key not in self.newest:
            address, _, member = key.partition(" in file ")
            found = [r for r in self.found.get(address, []) if not member or r.member == int(member) - 1]
            last = max((r.updated for r in found), default=NO_TIME)
            self.newest[key] = [r for r in found if r.updated == last]
        return self.newest[key]

    def name(self, key: str) -> str:
        """The id of the resource, else the last part of the address."""
        if key not in self.called:
            self.called[key] = self._name(key)
        return self.called[key]

    def _name(self, key: str) -> str:
        ids = {r.id for r in self.resources(key)} - {""}
        if len(ids) == 1:
            return ids.pop()
        key = key.partition(" in file ")[0]
        return key.rsplit("|" if key.startswith("|") else ":" if key.startswith("urn:") else "/", 1)[-1] or key


def is_absolute(text: str) -> bool:
    """Whether an address stands for itself, wherever it is read."""
    return text.startswith(("http://", "https://", "urn:", "|", "#"))


def tail(address: str) -> str:
    """ "Patient/1" of "https://server/fhir/Patient/1", "" of other addresses."""
    parts = address.rsplit("/", 2)
    return "/".join(parts[1:]) if len(parts) == 3 and address.startswith("http") else ""


def server_of(url: str) -> str:
    """ "https://server/fhir/" of "https://server/fhir/Observation/1", "" of other addresses."""
    return url.rsplit("/", 2)[0] + "/" if url.startswith("http") and url.count("/") > 3 else ""


def identifiers(given: Any) -> tuple[str, ...]:
    """The identifiers of a resource as "|system|value", those without a value left out."""
    found = []
    for one in given if isinstance(given, list) else [given]:
        if isinstance(one, dict) and isinstance(one.get("value"), str) and one["value"].strip():
            system = one.get("system")
            found.append(f"|{system if isinstance(system, str) else ''}|{one['value'].strip()}")
    return tuple(found)


def reference(given: Any, kind: str, member: int, base: str, container: Any = None) -> Reference:
    """A reference to a resource of that type; nobody where it names none, or one of another type.

    Args:
        given: The element.
        kind: "Patient" or "Encounter".
        member, base: File and server that it stands in.
        container: The resource that it stands in, for references to what that contains.
    """
    if not isinstance(given, dict):
        return NOBODY
    text = given.get("reference")
    if isinstance(text, str) and text.strip():
        text = text.strip().split("/_history/")[0]
        if text.startswith("#"):
            return _contained(text[1:], kind, member, container)
        if text.startswith(f"{kind}?identifier="):
            text = "|" + text.partition("=")[2]
        elif not text.startswith(("urn:", f"{kind}/")) and not tail(text).startswith(f"{kind}/"):
            return NOBODY
        return Reference(text, member, base)
    names = identifiers(given.get("identifier")) if given.get("type", kind) == kind else ()
    return Reference(names[0], member, base) if names else NOBODY


def _contained(name: str, kind: str, member: int, container: Any) -> Reference:
    """Somebody without an address: known by an identifier, else by all that is said of a person within one file."""
    inside = container.get("contained") if isinstance(container, dict) else None
    for one in inside if isinstance(inside, list) else []:
        if isinstance(one, dict) and one.get("id") == name and one.get("resourceType") == kind:
            names = identifiers(one.get("identifier"))
            if names:
                return Reference(names[0], member)
            if kind == PATIENT and one.get("name") and one.get("birthDate"):
                said = json.dumps({k: v for k, v in one.items() if k not in ("id", "meta", "text")}, sort_keys=True)
                digest = hashlib.sha256(said.encode("utf-8", "backslashreplace")).hexdigest()
                return Reference(f"#{member + 1}-{digest[:16]}/{name}", member)
    return NOBODY


class Record(NamedTuple):
    """A patient, or one encounter of hers: what a row belongs to."""

    patient: str
    encounter: str = ""


class Records:
    """Says which record each pair of references means, with the help of a time where that is needed.

    Nothing here is gone through once for each row: a file may give one patient as many encounters as it has lines.
    """

    def __init__(self, patients: Registry, encounters: Registry, pairs: Sequence[tuple[Reference, Reference]]) -> None:
        self.patients, self.encounters = patients, encounters
        patients.settle()
        self.disagreeing = 0
        self.of_pair = self._records(pairs)
        self.periods: dict[str, Period] = {}
        self.parents: dict[str, str] = {}
        self.above: dict[str, set[str]] = {}
        of_patient: defaultdict[str, set[str]] = defaultdict(set)
        for key in encounters.found:
            for one in encounters.resources(key):
                self.periods[key] = one.period
                if one.part_of.text:
                    self.parents[key] = encounters.resolve(one.part_of)
                if one.subject.text:
                    of_patient[patients.resolve(one.subject)].add(key)
        self.pools = self._pools(of_patient)

    def _records(self, pairs: Sequence[tuple[Reference, Reference]]) -> list[Record | None]:
        keys = [(self.patients.resolve(who), self.encounters.resolve(visit)) for who, visit in pairs]
        subjects: defaultdict[str, set[str]] = defaultdict(set)
        own: dict[str, set[str]] = {}
        for who, visit in keys:
            if who and visit:
                subjects[visit].add(who)
            if visit and visit not in own:
                own[visit] = {self.patients.resolve(r.subject) for r in self.encounters.resources(visit)} - {""}
        found: list[Record | None] = []
        for who, visit in keys:
            said = own.get(visit, set())
            if who and said and who not in said:
                self.disagreeing += 1
            known = {who} if who else said or subjects[visit] if visit else set()
            patient = next(iter(known)) if len(known) == 1 else ""
            found.append(Record(patient, visit) if patient or visit else None)
        return found

    def _pools(self, of_patient: dict[str, set[str]]) -> dict[Record, set[str]]:
        """Encounters that a row of a record may belong to, besides the record itself.

        Where rows of a patient name encounters, those: of a row that names one, those that are part of it. Else all of
        the patient's that are part of no other.
        """
        pools: defaultdict[Record, set[str]] = defaultdict(set)
        named = {record for record in self.of_pair if record is not None and record.encounter}
        for patient, key in ((record.patient, record.encounter) for record in named if record.patient):
            if key in self.periods:
                for of in ("", *self._above(key)):
                    pools[Record(patient, of)].add(key)
        naming = {record.patient for record in named}
        for patient, keys in of_patient.items():
            if patient not in naming:
                pools[Record(patient)] = {key for key in keys if self.parents.get(key) not in self.periods}
        return {record: pool for record, pool in pools.items() if pool}

    def needs_time(self, record: Record) -> bool:
        """Whether the time of a row says more about its encounter than its references do."""
        return record in self.pools

    def at(self, record: Record, moments: Iterable[tuple[int, bool]]) -> dict[tuple[int, bool], Record]:
        """The records of rows at moments (and whether these have no offset from UTC).

        A row that names no encounter belongs to the one of its patient that was going on; one that names an encounter,
        of which others name a part (a stay in intensive care), to the part that was going on.
        """
        found: dict[tuple[int, bool], Record] = {}
        pool = [(self.periods[key], key) for key in self.pools.get(record, ())]
        for flag in (False, True):
            times = sorted({time for time, local in moments if local == flag and time != NO_TIME})
            begun = sorted((p.start, key) for p, key in pool if p.start != NO_TIME and p.local in (None, flag))
            ends: list[tuple[int, str]] = []
            going_on: set[str] = set()
            at, inner = 0, ""
            for time in times:
                before = at, len(ends)
                while at < len(begun) and begun[at][0] <= time:
                    key = begun[at][1]
                    heappush(ends, (_FOREVER if self.periods[key].end == NO_TIME else self.periods[key].end, key))
                    going_on.add(key)
                    at += 1
                while ends and ends[0][0] < time:
                    going_on.discard(heappop(ends)[1])
                if (at, len(ends)) != before:
                    inner = self._inner(going_on)
                if inner:
                    found[time, flag] = Record(record.patient, inner)
        return found

    def _inner(self, going_on: set[str]) -> str:
        """The one of these encounters that has none of the others within it, "" where there is not exactly one."""
        if not going_on or len(going_on) > _MOST_AT_ONCE:
            return ""
        outer = {above for key in going_on for above in self._above(key) if above != key}
        inner = going_on - outer
        return next(iter(inner)) if len(inner) == 1 else ""

    def _above(self, key: str) -> set[str]:
        """The encounters that this one is part of."""
        if key not in self.above:
            above: set[str] = set()
            at = key
            while (at := self.parents.get(at, "")) and at not in above and len(above) < _DEEPEST:
                above.add(at)
            self.above[key] = above
        return self.above[key]

    def names(self, records: Sequence[Record]) -> list[str]:
        """A name for each record: the id of its encounter, else of its patient; longer where two would share it."""
        short = [self._name(record) for record in records]
        shared = {name for name, n in Counter(short).items() if n > 1}
        long = [f"{r.patient} {r.encounter}".strip() for r in records]
        return [name if name not in shared else whole for name, whole in zip(short, long, strict=True)]

    def _name(self, record: Record) -> str:
        return self.encounters.name(record.encounter) if record.encounter else self.patients.name(record.patient)


def is_wrong(status: Any) -> bool:
    """Whether an encounter of this status never was."""
    return isinstance(status, str) and status in _WRONG
