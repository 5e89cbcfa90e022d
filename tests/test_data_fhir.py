"""FHIR: what counts, whose it is and when it was; and that nothing hostile gets far."""

import json
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from medgru.data import Recordings, Source, build, inspect
from medgru.data.fhir import is_fhir, moment, read_fhir
from medgru.data.json_resources import MAX_BROKEN, MAX_RESOURCE_MB
from medgru.data.recording import NO_STAY, NO_TIME, NO_VALUE, NOT_A_NUMBER, UNKNOWN_UNIT
from medgru.data.source import Blob, Refusal
from medgru.data.table import Table
from medgru.errors import DataError
from medgru.settings import settings as app_settings
from medgru.tasks import ICU_MORTALITY
from tests.recordings import kinds, notes, same, values
from tests.twins.fhir import PEOPLE, ROWS, bundle, made, ndjson, observation, patient, quantity, time_of

FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HR = ("p1", 0, "HR", 88.0, "/min")


def read(*files: bytes, names: tuple[str, ...] = ()) -> Recordings:
    named = names or tuple(f"{i}.json" for i in range(len(files)))
    inspection = inspect([Source(n, d) for n, d in zip(named, files, strict=True)], ICU_MORTALITY)
    return build(inspection, inspection.mapping)


def many(*resources: Any) -> bytes:
    return json.dumps(list(resources)).encode()


def plain(row=HR, **changes: Any) -> dict[str, Any]:
    """An Observation that need not be valid."""
    return {k: v for k, v in (observation(row) | changes).items() if v is not None}


EVERYTHING = [*map(observation, ROWS), *map(patient, PEOPLE)]


@FEW
@given(st.permutations(EVERYTHING), st.integers(1, len(EVERYTHING) - 1), st.sampled_from(["", "https://x.org/fhir/"]))
def test_neither_order_nor_form_nor_files_matter(resources, cut, urls):
    whole = read(bundle(EVERYTHING))
    same(whole, read(bundle(resources, urls=urls)))
    same(whole, read(ndjson(resources)))
    if any(r["resourceType"] == "Observation" for r in resources[:cut]):
        same(whole, read(ndjson(resources[:cut]), bundle(resources[cut:])))


@pytest.mark.parametrize(
    ("status", "used"),
    [
        ("final", True),
        ("amended", True),
        ("corrected", True),
        ("preliminary", True),
        (None, True),
        ("entered-in-error", False),
        ("cancelled", False),
        ("registered", False),
        ("unknown", False),
        ("invented", False),
        (7, False),
    ],
)
def test_what_was_withdrawn_does_not_count_and_is_said(status, used):
    found = read(many(plain(), plain(("p1", 5, "HR", 222.0, ""), status=status)))

    assert values(found) == ([88.0, 222.0] if used else [88.0])
    if status not in ("final", "amended", "corrected"):
        assert "entry 2" in notes(found)


@pytest.mark.parametrize(
    ("changes", "kind", "said"),
    [
        ({"effectiveDateTime": "2024-03-30"}, NO_TIME, "no time of day"),
        ({"effectiveDateTime": "2024"}, NO_TIME, "no time of day"),
        ({"effectiveDateTime": "2024-02-30T10:00:00Z"}, NO_TIME, "a time that is none"),
        ({"effectiveDateTime": "yesterday"}, NO_TIME, "a time that is none"),
        ({"effectiveDateTime": None}, NO_TIME, "without a time"),
        ({"effectiveDateTime": "2024-03-30T23:10:00"}, NO_TIME, "without its offset"),
        ({"subject": None}, NO_STAY, "without a patient"),
        ({"subject": {"display": "Jane Doe"}}, NO_STAY, "without a patient"),
        ({"subject": {"reference": "Device/1"}}, NO_STAY, "without a patient"),
        ({"valueQuantity": None}, NO_VALUE, ""),
        ({"valueQuantity": None, "valueString": "seventy"}, NOT_A_NUMBER, ""),
        ({"valueQuantity": None, "valueRange": {"low": {"value": 70}, "high": {"value": 80}}}, NOT_A_NUMBER, ""),
        ({"valueQuantity": None, "valueRatio": {"numerator": {"value": 1}}}, NOT_A_NUMBER, ""),
        ({"valueQuantity": None, "valueDateTime": "2024"}, None, ""),
        ({"valueQuantity": {"value": "1e400"}}, NOT_A_NUMBER, ""),
        ({"valueQuantity": {"value": float("inf")}}, NOT_A_NUMBER, ""),
        ({"valueQuantity": {"value": [72]}}, NOT_A_NUMBER, ""),
        ({"valueQuantity": {"value": 72, "comparator": "ad"}}, NOT_A_NUMBER, ""),
        ({"valueQuantity": {"value": 72, "unit": "furlongs"}}, UNKNOWN_UNIT, ""),
        ({"code": {}}, NO_VALUE, ""),
        ({"dataAbsentReason": {"text": "asleep"}}, None, "more than one value"),
        ({"valueInteger": 72}, None, "more than one value"),
        ({"valueQuantity": None, "dataAbsentReason": {"text": "asleep"}}, None, "why nothing was measured"),
        ({"modifierExtension": [{"url": "x", "valueBoolean": True}]}, None, "modifierExtension"),
        ({"focus": [{"reference": "Patient/child"}]}, None, "somebody or something else"),
        ({"valueQuantity": None, "valueSampledData": {"data": "1 2", "period": 1, "origin": {}, "dimensions": 2}}, None,
         "spread out in time"),
    ],
    ids=str,
)  # fmt: skip
def test_a_value_is_read_right_or_reported(changes, kind, said):
    found = read(many(plain(), plain(("p1", 1, "HR", 99.0, ""), **changes)))

    assert values(found) == [88.0]
    assert kind is None or kind in kinds(found)
    assert said in notes(found)
    if kind is not None:
        assert found.report.issues["row"].tolist() == [2]


def test_a_panel_without_a_value_is_no_fault():
    panel = plain(id="panel", valueQuantity=None, hasMember=[{"reference": "Observation/p1-0-HR"}])

    found = read(many(plain(), panel))

    assert values(found) == [88.0]
    assert not len(found.report.issues)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"valueInteger": 72}, 72.0),
        ({"valueString": " 72 "}, 72.0),
        ({"valueString": "72.5"}, 72.5),
        ({"valueQuantity": {"value": 7.2e1}}, 72.0),
        ({"valueQuantity": {"value": "72"}}, 72.0),
        ({"valueQuantity": {"value": 72, "unit": "bpm", "code": "{beats}/min"}}, 72.0),
        ({"valueQuantity": {"value": 72, "comparator": ">="}}, 72.0),
    ],
    ids=str,
)
def test_numbers_are_read_in_every_type_that_holds_one(value, expected):
    assert values(read(many(plain(**({"valueQuantity": None} | value))))) == [expected]


@pytest.mark.parametrize(("unit", "expected"), [("umol/L", [1.0]), ("mg/dL", []), ("", [])])
def test_an_amount_of_substance_needs_its_unit(unit, expected):
    creatinine = {"coding": [{"system": "http://loinc.org", "code": "14682-9"}]}

    found = read(many(plain(), plain(id="c", code=creatinine, valueQuantity={"value": 88.42, "unit": unit})))

    assert kinds(found) == (["implausible"] if unit == "mg/dL" else [] if unit else [UNKNOWN_UNIT])
    assert values(found)[1:] == expected


def test_a_comma_in_words_does_not_make_points_of_numbers_doubtful():
    word = plain(id="w", valueQuantity=None, valueString="72,5")
    found = read(many(plain(valueQuantity=quantity("HR", 72.125)), word))

    assert values(found) == [72.125]
    assert kinds(found) == [NOT_A_NUMBER]


def test_the_digits_of_a_number_are_kept():
    table = next(read_fhir([Blob("a", many(plain(valueQuantity=None, valueString="x")).replace(b'"x"', b'"7.10"'))]))

    assert table.data["value"].to_pylist() == ["7.10"]


@pytest.mark.parametrize(
    ("value", "code"),
    [({"valueBoolean": True}, 1.0), ({"valueCodeableConcept": {"text": "off"}}, 0.0)],
    ids=["boolean", "concept"],
)
def test_words_become_the_codes_of_a_variable(value, code):
    ventilator = plain(code={"text": "mechanical ventilation"}, valueQuantity=None, **value)

    assert values(read(many(ventilator))) == [code]


def test_of_several_codes_the_one_that_is_known_is_taken():
    codes = [("http://ward.example", "HF"), ("http://loinc.org", "99999-9"), ("http://loinc.org", "8867-4")]
    codings = [{"system": system, "code": code} for system, code in codes]

    assert values(read(many(plain(code={"coding": codings})))) == [88.0]
    assert values(read(many(plain(code={"coding": codings[::-1]})))) == [88.0]


def test_one_code_is_one_variable_whatever_it_is_called():
    rows = [plain(code={"coding": [{"system": "http://loinc.org", "code": "8867-4", "display": d}]}) for d in "abb"]

    table = next(read_fhir([Blob("a", many(*rows))]))

    assert set(table.data["variable"].to_pylist()) == {"b (LOINC 8867-4)"}


def test_a_pressure_of_unknown_method_is_read_and_asked_about():
    part = {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "valueQuantity": {"value": 120}}
    files = [Source("a.json", many(plain(valueQuantity=None, component=[part])))]

    assert [m.target for m in inspect(files, ICU_MORTALITY).mapping.guessed] == ["SysABP"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"subject": {"reference": "https://a.org/fhir/Patient/1"}}, {"subject": {"reference": "Patient/1"}}),
        ({"subject": {"reference": "https://a.org/fhir/Patient/1"}},
         {"subject": {"reference": "https://b.org/fhir/Patient/1"}}),
        ({"subject": {"reference": "urn:uuid:1"}}, {"subject": {"reference": "Patient/1"}}),
        ({"subject": {"identifier": {"system": "a", "value": "1"}}},
         {"subject": {"identifier": {"system": "b", "value": "1"}}}),
        ({"subject": {"reference": "Patient/1"}, "encounter": {"reference": "Encounter/1"}},
         {"subject": {"reference": "Patient/2"}, "encounter": {"reference": "Encounter/1"}}),
    ],
)  # fmt: skip
def test_two_patients_are_never_merged(one, other):
    found = read(many(plain(**one), plain(**other)))

    assert len(found) == 2
    assert len(found.value) == 2


def test_one_address_for_different_people_in_two_files_is_two_patients():
    files = [
        many(plain(subject={"reference": "Patient/1"}), {"resourceType": "Patient", "id": "1", "birthDate": birth})
        for birth in ("1950-01-01", "1960")
    ]

    found = read(*files)

    assert len(found) == 2
    assert sorted(found.statics[:, 0].tolist()) == [64.0, 74.0]


def test_a_patient_is_found_by_address_and_by_identifier():
    someone = patient("p1", identifier=[{"system": "mrn", "value": "77"}])
    subjects = [
        {"reference": "Patient/p1"},
        {"reference": "Patient/p1/_history/3"},
        {"reference": "https://x.org/fhir/Patient/p1"},
        {"reference": "Patient?identifier=mrn|77"},
        {"type": "Patient", "identifier": {"system": "mrn", "value": "77"}},
    ]

    found = read(many(someone, *(plain(("p1", i, "HR", 80.0 + i, ""), subject=s) for i, s in enumerate(subjects))))

    assert found.record_ids == ("p1",)
    assert len(found.value) == len(subjects)
    assert found.statics[0, 0] == 73


def test_patients_within_observations_are_told_apart():
    def inside(person: dict[str, Any]) -> dict[str, Any]:
        who = {"resourceType": "Patient", "id": "p"} | person
        return plain(("p1", len(str(person)), "HR", 80.0, ""), subject={"reference": "#p"}, contained=[who])

    jane, john = ({"name": [{"text": name}], "birthDate": "1950-01-01"} for name in ("Jane", "John D."))

    found = read(many(inside(jane), inside(john), inside({"gender": "male"}), inside(jane)))

    assert len(found) == 2
    assert not any("Jane" in name for name in found.record_ids)
    assert NO_STAY in kinds(found)


def visit(name: str, start: str, end: str = "", part_of: str = "", **more: Any) -> dict[str, Any]:
    period = {"start": start} | ({"end": end} if end else {})
    parent = {"partOf": {"reference": f"Encounter/{part_of}"}} if part_of else {}
    return {
        "resourceType": "Encounter", "id": name, "subject": {"reference": "Patient/p1"}, "period": period,
    } | parent | more  # fmt: skip


def in_visit(minute: int, name: str = "") -> dict[str, Any]:
    named = {"encounter": {"reference": f"Encounter/{name}"}} if name else {}
    return plain(("p1", minute, "HR", 80.0, ""), **named)


def test_a_row_without_an_encounter_belongs_to_the_one_that_was_going_on():
    first, second = visit("v1", time_of(0), time_of(100)), visit("v2", time_of(200))

    found = read(many(first, second, in_visit(10, "v1"), in_visit(210, "v2"), in_visit(20), in_visit(220),
                      in_visit(150)))  # fmt: skip

    assert dict(zip(found.record_ids, np.bincount(found.stay), strict=True)) == {"v1": 2, "v2": 2, "p1": 1}


def test_rows_of_a_hospital_stay_join_its_intensive_care_where_others_name_that():
    hospital, icu = visit("h", time_of(0), time_of(9000)), visit("icu", time_of(60), time_of(600), part_of="h")

    found = read(many(hospital, icu, in_visit(70, "icu"), in_visit(80, "h"), in_visit(700, "h")))
    alone = read(many(hospital, icu, in_visit(80, "h"), in_visit(700, "h")))

    assert dict(zip(found.record_ids, np.bincount(found.stay), strict=True)) == {"icu": 2, "h": 1}
    assert alone.record_ids == ("h",)


def test_an_encounter_that_never_was_says_nothing():
    wrong = visit("v1", time_of(-600), status="entered-in-error")

    assert read(many(wrong, in_visit(0, "v1"))).hours.tolist() == [0.0]


def test_a_newer_version_of_a_resource_replaces_the_older():
    def version(value: float, day: int, **changes: Any) -> dict[str, Any]:
        return plain(valueQuantity={"value": value}, meta={"lastUpdated": f"2024-04-0{day}T00:00:00Z"}, **changes)

    other = plain(("p1", 9, "HR", 60.0, ""))
    corrected = read(many(version(99, 2), version(77, 3), version(88, 1), other))
    withdrawn = read(many(version(99, 2), version(77, 3, status="entered-in-error"), other))

    assert values(corrected) == [77.0, 60.0]
    assert "newer version" in notes(corrected)
    assert values(withdrawn) == [60.0]


def one(value: float, number: object = None, **changes: Any) -> dict[str, Any]:
    """A version of one Observation."""
    meta = None if number is None else {"versionId": number}
    return plain(**({"id": "o1", "valueQuantity": {"value": value}, "meta": meta} | changes))


OTHER = plain(("p1", 9, "HR", 60.0, ""), id="o2")


@pytest.mark.parametrize(
    ("versions", "used", "said"),
    [
        ([one(80, "1"), one(61, "2", status="corrected")], [61.0], "newer version"),
        ([one(61, "10"), one(80, "9")], [61.0], "newer version"),
        ([one(80, "1"), one(80, "2", status="entered-in-error")], [], "newer version"),
        ([one(80, "2"), one(80, "1", status="entered-in-error")], [80.0], "entered-in-error"),
        ([one(80), one(80, status="entered-in-error")], [], "entered in error"),
        ([one(80, status="entered-in-error"), one(80)], [], "entered in error"),
        ([one(80, "b"), one(61, "a")], [61.0], "further on"),
        ([one(80), one(70), one(61)], [61.0], "2 observations left out, as the same resource comes again"),
        ([one(80, "1"), one(61, "2", valueQuantity=None, dataAbsentReason={"text": "x"})], [], "newer version"),
        ([one(80, 1), one(61, {})], [61.0], "further on"),
        ([one(80, id=None), one(61, id=None, effectiveDateTime=time_of(60))], [80.0, 61.0], ""),
        ([one(80), one(61, subject={"reference": "Patient/p2"})], [80.0, 61.0], ""),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
def test_of_the_versions_of_a_resource_one_is_used_and_the_others_are_said(versions, used, said, apart):
    found = read(*map(many, versions), many(OTHER)) if apart else read(many(*versions, OTHER))

    assert sorted(values(found)) == sorted([*used, 60.0])
    assert said in notes(found)


def test_what_resources_contain_has_no_versions():
    def panel(name: str, value: float) -> dict[str, Any]:
        part = one(value, effectiveDateTime=time_of(value))
        return {"resourceType": "DiagnosticReport", "id": name, "subject": part["subject"], "contained": [part]}

    assert sorted(values(read(many(panel("a", 70), panel("b", 80))))) == [70.0, 80.0]


def test_one_id_of_two_people_who_share_an_address_in_two_files_is_two_observations():
    def file(birth: str, value: float) -> bytes:
        return many(one(value), {"resourceType": "Patient", "id": "p1", "birthDate": birth})

    assert sorted(values(read(file("1950-01-01", 70), file("1980-01-01", 80)))) == [70.0, 80.0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00"),
        ("2024-01-01T00:00:00+05:30", "2023-12-31T18:30:00"),
        ("2024-01-01T00:00:00.123456789Z", "2024-01-01T00:00:00.123456"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00"),
        ("2024-01-01T10:00", "2024-01-01T10:00:00"),
        ("1920-01-01T00:00:00-12:00", "1920-01-01T12:00:00"),
        ("2024-01-01", None),
        ("2024-01-01T25:00:00Z", None),
        ("2024-01-01T00:00:00+99:00", None),
        ("0000-01-01T00:00:00Z", None),
        ("٢٠٢٤-01-01T00:00:00Z", None),
    ],
)
def test_moments_are_read_to_the_microsecond(text, expected):
    found, _ = moment(text)

    assert (str(np.datetime64(found, "us")) if expected else found) == (
        str(np.datetime64(expected, "us")) if expected else -(2**62)
    )


def test_clocks_without_offset_are_fine_as_long_as_all_are():
    rows = [plain(("p1", m, "HR", 80.0 + m, ""), effectiveDateTime=time_of(m, None)) for m in (0, 60)]

    assert read(many(*rows)).hours.tolist() == [0.0, 1.0]


def test_samples_out_of_range_are_limits_or_reported():
    series = {"origin": {"value": 0}, "period": 60_000, "dimensions": 1, "upperLimit": 200, "data": "80 U L 90 x"}

    found = read(many(plain(valueQuantity=None, valueSampledData=series)))

    assert values(found) == [80.0, 200.0, 90.0]
    assert kinds(found) == [NOT_A_NUMBER, NOT_A_NUMBER]


def test_samples_with_offsets_of_their_own_stand_at_these():
    series = {"origin": {"value": 0}, "intervalUnit": "min", "dimensions": 1, "offsets": "0 30 90", "data": "80 81 82"}

    assert read(many(plain(valueQuantity=None, valueSampledData=series))).hours.tolist() == [0.0, 0.5, 1.5]


def test_a_broken_line_is_passed_over_and_named():
    lines = ndjson(map(observation, ROWS)).splitlines()
    lines[1:1] = [lines[0][:80], b"", b"[]", b"{}"]

    found = read(b"\n".join(lines), names=("o.ndjson",))

    assert len(found.value) == len(ROWS)
    assert "1 place passed over: not valid JSON (o.ndjson line 2)." in found.report.notes
    assert "2 places passed over: no FHIR resource (o.ndjson line 4, o.ndjson line 5)." in found.report.notes


def test_a_key_that_stands_twice_is_not_trusted():
    twice = json.dumps(plain()).replace('"value": 88.0', '"value": 88.0, "value": 44.0')

    found = read(f"[{twice}, {json.dumps(plain(ROWS[2]))}]".encode())

    assert values(found) == [91.5]
    assert "twice" in notes(found)


DEEP = 100_000


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'[{"a":' + b"[" * DEEP, "nested too deeply"),
        (b'{"a":' * DEEP, "nested too deeply"),
        (b'{"resourceType":"Bundle","entry":[{"resource":' * DEEP, "nested too deeply"),
        (b'{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Obs', "ends in the middle of line 1"),
        (bundle(map(observation, ROWS))[:-20], "ends in the middle of line"),
        (bundle(map(observation, ROWS)).replace(b'"entry":', b'"entry"', 1), "is not valid JSON in line"),
        (b"{}", "holds no FHIR Observation"),
        (b"[]", "holds no FHIR Observation"),
        (b'{"hr": [1, 2]}', "holds no FHIR Observation"),
        (json.dumps(patient("p1")).encode(), "no measurement that can be used"),
        (ndjson([{"resourceType": "Condition"}] * 3), "3 Condition"),
        (b'<?xml version="1.0"?>\n<Bundle xmlns="http://hl7.org/fhir"/>', "is FHIR in XML.*export it as JSON"),
        (b'{"resourceType": "Observation"}\n' + b'{"a": 1}\n' * (MAX_BROKEN + 2), "lines without a FHIR resource"),
        (b'{"resourceType": "X", "a": "' + b"x" * (MAX_RESOURCE_MB << 20) + b'"}', "larger than|more than"),
        (b'{"a":' + b"[1," * 40, "ends in the middle"),
        (b'{"a":[' + b"[]," * 500_000 + b"1]}", "with more than"),
    ],
    ids=lambda x: repr(x[:40]),
)  # fmt: skip
def test_what_cannot_be_read_is_refused_with_the_reason(data, said):
    begun = time.process_time()

    with pytest.raises(DataError, match=said):
        read(data)

    assert time.process_time() - begun < 5


@pytest.mark.parametrize(
    "data",
    [
        b'{"resourceType":"Bundle","entry":[' + b"{}," * 500_000 + b"{}]}",
        b'{"resourceType":"Bundle","entry":[[' + b"[]," * 500_000 + b"[]]]}",
        b'{"resourceType":"Observation"}\n' * 100_000,
        b"{" + b",".join(b'"%d":1' % i for i in range(1_000_000)) + b"}",
        b"{\n" * 1_000_000,
        b'{"a":1}\n' * 1_000_000,
    ],
    ids=["empty entries", "empty arrays", "empty Observations", "many keys", "open brackets", "other JSON"],
)
def test_much_of_nothing_ends_soon(data):
    begun = time.process_time()

    list(read_fhir([Blob("a.json", data)]))

    assert time.process_time() - begun < 10


def test_no_more_rows_are_read_than_allowed(monkeypatch):
    monkeypatch.setenv("MEDGRU_MAX_ROWS", "5")
    app_settings.cache_clear()
    try:
        with pytest.raises(DataError, match="none of it was read"):
            read(many(*map(observation, ROWS)))
        series = {"origin": {"value": 0}, "period": 1, "dimensions": 1, "data": "80 " * 1000}
        with pytest.raises(DataError, match="none of it was read"):
            read(many(plain(valueQuantity=None, valueSampledData=series)))
    finally:
        monkeypatch.undo()
        app_settings.cache_clear()


def test_only_fhir_and_json_are_taken():
    assert is_fhir(b'\xef\xbb\xbf \n{"resourceType"')
    assert is_fhir(b"[\n {")
    assert is_fhir('{"resourceType"'.encode("utf-16"))
    assert is_fhir(b'<Observation xmlns="http://hl7.org/fhir">')
    for other in (b"record_id,time\n", b"[HR],[Temp]\n", b"{a}|{b}\n", b"<html>", b"", b"MSH|^~\\&|"):
        assert not is_fhir(other)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["#p", "Patient/1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "value",
                    "code",
                    "coding",
                    "system",
                    "reference",
                    "identifier",
                    "start",
                    "data",
                    "origin",
                    "period",
                    "text",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)
ELEMENTS = [
    *sorted(observation(HR)),
    *("encounter", "component", "contained", "meta", "effectivePeriod", "effectiveTiming", "valueSampledData"),
    *("valueString", "focus", "issued", "hasMember", "birthDate", "partOf", "period"),
]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from(ELEMENTS), JSON, max_size=5),
    st.sampled_from(["Observation", "Patient", "Encounter", "Bundle", "X"]),
)
@example({"subject": {"reference": "Patient/\ud800"}, "valueString": "\udfff"}, "Observation")
def test_whatever_stands_in_a_resource_gives_a_table_or_a_refusal(elements, kind):
    odd = plain() | elements | {"resourceType": kind}

    for found in read_fhir([Blob("a.json", many(plain(), odd)), Blob("b.json", json.dumps(odd).encode())]):
        assert isinstance(found, Table | Refusal)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_damaged_files_give_a_table_or_a_refusal(data):
    form = data.draw(st.sampled_from([bundle(EVERYTHING[:4]), ndjson(EVERYTHING[:4]), bundle(EVERYTHING[-2:])]))
    at = data.draw(st.integers(0, len(form)))
    length = data.draw(st.integers(0, 40))
    damaged = form[:at] + data.draw(st.binary(max_size=8)) + form[at + length :]

    for found in read_fhir([Blob("a.json", damaged)]):
        assert isinstance(found, Table | Refusal)
        if isinstance(found, Refusal):
            assert found.problem.endswith(".")
            assert "88" not in found.problem


def test_both_releases_say_the_same():
    same(read(bundle([observation(r) for r in ROWS])), read(bundle([observation(r, "R5") for r in ROWS], "R5")))
    assert made("Patient", "R5", id="x")["id"] == "x"
