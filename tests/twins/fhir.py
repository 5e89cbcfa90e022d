"""FHIR files written by fhir.resources (R4B and R5), and the same measurements as long CSV."""

import importlib
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

Files = dict[str, bytes]
Json = dict[str, Any]
Row = tuple[str, int, str, float, str]
"""Record, minute, variable, value, unit."""

START = datetime(2024, 3, 30, 23, 10, tzinfo=UTC)  # the clocks of Europe change in the first night
LOINC = {
    "HR": ("8867-4", "Heart rate", "/min", "beats/minute"),
    "Temp": ("8310-5", "Body temperature", "Cel", "degrees C"),
    "SaO2": ("2708-6", "Oxygen saturation in Arterial blood", "%", "%"),
    "Lactate": ("2524-7", "Lactate [Moles/volume] in Serum or Plasma", "mmol/L", "mmol/l"),
    "Creatinine": ("2160-0", "Creatinine [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dl"),
    "WBC": ("6690-2", "Leukocytes [#/volume] in Blood by Automated count", "10*3/uL", "x10(3)/mcL"),
    "GCS": ("9269-2", "Glasgow coma score total", "{score}", "score"),
    "Weight": ("29463-7", "Body weight", "kg", "kg"),
    "SysABP": ("76215-3", "Invasive Systolic blood pressure", "mm[Hg]", "mmHg"),
    "DiasABP": ("76213-8", "Invasive Diastolic blood pressure", "mm[Hg]", "mmHg"),
}
ROWS: tuple[Row, ...] = (
    ("p1", 0, "HR", 88.0, "/min"),
    ("p1", 0, "Temp", 36.6, "°C"),
    ("p1", 61, "HR", 91.5, "/min"),
    ("p1", 95, "Lactate", 1.23, "mmol/L"),
    ("p1", 1440, "WBC", 12.5, "10⁹/L"),
    ("p2", 5, "HR", 120.0, "/min"),
    ("p2", 7, "GCS", 9.0, "points"),
    ("p2", 130, "SaO2", 93.0, "%"),
    ("p2", 2000, "Creatinine", 1.1, "mg/dL"),
)
PEOPLE = {"p1": ("1950-03-31", "female", 73), "p2": ("1983-12-01", "male", 40)}


def time_of(minute: int, offset_h: float | None = 0) -> str:
    """The time of a minute on the clock of an offset."""
    if offset_h is None:
        return (START + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%S")
    return (START + timedelta(minutes=minute)).astimezone(timezone(timedelta(hours=offset_h))).isoformat()


def long_csv(rows: Iterable[Row]) -> bytes:
    """The twin's measurements."""
    lines = ["record_id,time,variable,value,unit"]
    lines += [f"{i},{time_of(m, None)},{name},{value!r},{unit}" for i, m, name, value, unit in rows]
    return "\n".join([*lines, ""]).encode()


def facts_csv(people: Iterable[tuple[str, int, str]], admissions: dict[str, int] | None = None) -> bytes:
    """The twin's descriptors: record, age and sex; with `admissions` the minute of admission."""
    lines = ["record_id,Age,Gender" + (",admission time" if admissions else "")]
    for name, age, sex in people:
        lines.append(f"{name},{age},{sex}" + (f",{time_of(admissions[name], None)}" if admissions else ""))
    return "\n".join([*lines, ""]).encode()


def made(kind: str, release: str, **elements: Any) -> Json:
    """A resource as fhir.resources writes it, after it has checked it."""
    package = "fhir.resources.R4B" if release == "R4" else "fhir.resources"
    model = getattr(importlib.import_module(f"{package}.{kind.lower()}"), kind)
    return json.loads(model(**elements).model_dump_json(exclude_none=True))


def quantity(name: str, value: float, **changes: Any) -> Json:
    """A value with its UCUM unit."""
    _, _, code, words = LOINC[name]
    return {"value": value, "unit": words, "system": "http://unitsofmeasure.org", "code": code} | changes


def concept(name: str) -> Json:
    """The LOINC code of a variable."""
    code, words, _, _ = LOINC[name]
    return {"coding": [{"system": "http://loinc.org", "code": code, "display": words}]}


def observation(row: Row, release: str = "R4", offset_h: float = 0, **changes: Any) -> Json:
    """A row of the twin as an Observation; `changes` replace elements, None leaves one out."""
    who, minute, name, value, _ = row
    elements: Json = {
        "id": f"{who}-{minute}-{name}",
        "status": "final",
        "code": concept(name),
        "subject": {"reference": f"Patient/{who}"},
        "effectiveDateTime": time_of(minute, offset_h),
        "valueQuantity": quantity(name, value),
    }
    return made("Observation", release, **{k: v for k, v in (elements | changes).items() if v is not None})


def patient(name: str, release: str = "R4", **changes: Any) -> Json:
    """A Patient."""
    birth, sex, _ = PEOPLE[name]
    return made("Patient", release, **({"id": name, "birthDate": birth, "gender": sex} | changes))


def bundle(resources: Iterable[Json], release: str = "R4", kind: str = "collection", urls: str = "") -> bytes:
    """A Bundle; `urls` is put before the type and id of each resource as its address."""
    entries = [
        {"resource": r} | ({"fullUrl": f"{urls}{r['resourceType']}/{r['id']}"} if urls else {}) for r in resources
    ]
    return json.dumps(made("Bundle", release, type=kind, entry=entries), indent=2).encode()


def ndjson(resources: Iterable[Json]) -> bytes:
    """One resource a line."""
    return "".join(json.dumps(r) + "\n" for r in resources).encode()


def _visits(release: str) -> list[Json]:
    """Encounters of the two patients, which begin before the first measurement."""
    period = "period" if release == "R4" else "actualPeriod"
    common: Json = {"status": "in-progress"}
    if release == "R4":
        common["class"] = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
    found = []
    for who, minute in (("p1", -90), ("p2", -15)):
        elements = {"id": f"v-{who}", "subject": {"reference": f"Patient/{who}"}, period: {"start": time_of(minute, 2)}}
        found.append(made("Encounter", release, **common, **elements))
    return found


def _panel(row: Row, other: Row) -> Json:
    """Two values at one time as components of one Observation."""
    parts = [{"code": concept(r[2]), "valueQuantity": quantity(r[2], r[3])} for r in (row, other)]
    panel = {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Blood pressure panel"}]}
    return observation(row, id="panel", code=panel, valueQuantity=None, component=parts)


def pairs() -> list[tuple[str, Files, Files]]:
    """Cases of the format: name, files, twin."""
    csv = {"twin.csv": long_csv(ROWS)}
    people = [(name, age, sex) for name, (_, sex, age) in PEOPLE.items()]
    facts = facts_csv(people)
    visits = [(f"v-{name}", age, sex) for name, age, sex in people]
    cases: list[tuple[str, Files, Files]] = [
        ("a Bundle of R4", {"b.json": bundle(map(observation, ROWS))}, csv),
        ("a Bundle of R5", {"b.json": bundle([observation(r, "R5") for r in ROWS], "R5")}, csv),
        ("one resource a line", {"Observation.ndjson": ndjson(map(observation, ROWS))}, csv),
        ("an array", {"all.json": json.dumps([observation(r) for r in ROWS]).encode()}, csv),
        ("a single Observation", {"o.json": json.dumps(observation(ROWS[0])).encode()}, {"t.csv": long_csv(ROWS[:1])}),
        (
            "clocks of several time zones",
            {"b.json": bundle(observation(r, offset_h=(-7, 0, 5.5, 2)[i % 4]) for i, r in enumerate(ROWS))},
            csv,
        ),
    ]
    bulk = {
        "Patient.ndjson": ndjson(map(patient, PEOPLE)),
        "Observation.000.ndjson": ndjson(map(observation, ROWS[:4])),
        "Observation.001.ndjson": ndjson(map(observation, ROWS[4:])),
    }
    cases.append(("files of a bulk export", bulk, csv | {"people.csv": facts}))
    for release in ("R4", "R5"):
        named = [observation(r, release, encounter={"reference": f"Encounter/v-{r[0]}"}) for r in ROWS]
        everything = [*named, *_visits(release), *(patient(name, release) for name in PEOPLE)]
        rows = [(f"v-{who}", *rest) for who, *rest in ROWS]
        cases.append(
            (
                f"hours since the beginning of the encounter, {release}",
                {"b.json": bundle(everything, release, urls="https://hospital.example/fhir/")},
                {"t.csv": long_csv(rows), "p.csv": facts_csv(visits, {"v-p1": -90, "v-p2": -15})},
            )
        )
    systolic, diastolic = ("p1", 3, "SysABP", 121.0, "mmHg"), ("p1", 3, "DiasABP", 64.0, "mmHg")
    cases.append(
        (
            "blood pressure in components",
            {"o.json": json.dumps([_panel(systolic, diastolic)]).encode()},
            {"t.csv": long_csv([systolic, diastolic])},
        )
    )
    hot = ("p1", 3, "Temp", 101.3, "°F")
    heavy = ("p1", 4, "Weight", 154.0, "lb")
    celsius = [
        observation(hot, valueQuantity=quantity("Temp", 101.3, code="[degF]", unit="degrees F")),
        observation(heavy, valueQuantity=quantity("Weight", 154.0, code="[lb_av]", unit="pounds")),
        observation(("p1", 9, "HR", 80.0, ""), valueQuantity={"value": 80.0, "unit": "bpm"}),
    ]
    cases.append(
        (
            "units in UCUM and in words",
            {"b.json": bundle(celsius)},
            {"t.csv": long_csv([hot, heavy, ("p1", 9, "HR", 80.0, "/min")])},
        )
    )
    wrong = [
        observation(("p1", 0, "HR", 222.0, ""), status="entered-in-error", id="x1"),
        observation(("p1", 4, "HR", 211.0, ""), status="cancelled", id="x2"),
        observation(
            ("p1", 5, "HR", 0.0, ""),
            id="x3",
            valueQuantity=None,
            dataAbsentReason={"text": "patient away"},
        ),
    ]
    cases.append(("what does not count", {"b.json": bundle([*map(observation, ROWS), *wrong])}, csv))
    series = {"origin": quantity("Temp", 36.0), "dimensions": 1, "factor": 0.1, "data": "6 7 E 9 10"}
    sampled: list[Row] = [("p1", 2 * i, "Temp", v, "°C") for i, v in ((0, 36.6), (1, 36.7), (3, 36.9), (4, 37.0))]
    for release, step in (("R4", {"period": 120_000}), ("R5", {"interval": 2, "intervalUnit": "min"})):
        one = observation(("p1", 0, "Temp", 0.0, ""), release, valueQuantity=None, valueSampledData=series | step)
        cases.append((f"sampled data, {release}", {"o.json": json.dumps(one).encode()}, {"t.csv": long_csv(sampled)}))
    ends = {"start": time_of(0), "end": time_of(60)}
    times: list[Row] = [("p1", m, "HR", 80.0 + m, "/min") for m in range(4)]
    cases.append(
        (
            "instants, periods, timings and times of issue",
            {
                "b.json": bundle(
                    [
                        observation(times[0], effectiveDateTime=None, effectivePeriod=ends),
                        observation(times[1], effectiveDateTime=None, effectiveInstant=time_of(1)),
                        observation(times[2], effectiveDateTime=None, effectiveTiming={"event": [time_of(2)]}),
                        observation(times[3], effectiveDateTime=None, issued=time_of(3, 5.5)),
                    ]
                )
            },
            {"t.csv": long_csv(times)},
        )
    )
    inside = {"resourceType": "Patient", "id": "p", "gender": "female", "identifier": [{"system": "x", "value": "p1"}]}
    contained = [observation(r, subject={"reference": "#p"}, contained=[inside]) for r in ROWS if r[0] == "p1"]
    lines = "".join(f"{line}\n" for line in ("record_id,Gender", "p1,female")).encode()
    cases.append(
        (
            "a patient within the Observation",
            {"o.ndjson": ndjson(contained)},
            {"t.csv": long_csv(r for r in ROWS if r[0] == "p1"), "p.csv": lines},
        )
    )
    urns = {
        "p1": "urn:uuid:0a6d2e4c-0000-4000-8000-000000000001",
        "p2": "urn:uuid:0a6d2e4c-0000-4000-8000-000000000002",
    }
    linked = [{"resource": observation(r, subject={"reference": urns[r[0]]})} for r in ROWS]
    linked += [{"fullUrl": urns[name], "resource": patient(name)} for name in PEOPLE]
    cases.append(
        (
            "addresses within a Bundle",
            {"b.json": json.dumps(made("Bundle", "R4", type="collection", entry=linked)).encode()},
            csv | {"people.csv": facts},
        )
    )
    nested = [{"resource": json.loads(bundle(map(observation, part)))} for part in (ROWS[:3], ROWS[3:])]
    cases.append(
        (
            "Bundles in a Bundle, as the answer to a batch",
            {"b.json": json.dumps(made("Bundle", "R4", type="batch-response", entry=nested)).encode()},
            csv,
        )
    )
    text = json.dumps([observation(r) for r in ROWS], ensure_ascii=False)
    cases.append(("UTF-16, as PowerShell writes it", {"o.json": text.encode("utf-16")}, csv))
    below = observation(("p1", 0, "Lactate", 0.3, ""), valueQuantity=quantity("Lactate", 0.3, comparator="<"))
    cases.append(
        (
            "a comparator",
            {"o.json": json.dumps(below).encode()},
            {
                "t.csv": b"record_id,time,variable,value,unit\n"
                + f"p1,{time_of(0, None)},Lactate,<0.3,mmol/L\n".encode()
            },
        )
    )
    return cases
