"""Tables of the OMOP common data model in CSV, beside the same measurements as long CSV."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from tests.twin_csv import long_csv

Files = dict[str, bytes]
MEASUREMENT_53 = (
    *("measurement_id", "person_id", "measurement_concept_id", "measurement_date", "measurement_datetime"),
    *("measurement_time", "measurement_type_concept_id", "operator_concept_id", "value_as_number"),
    *("value_as_concept_id", "unit_concept_id", "range_low", "range_high", "provider_id", "visit_occurrence_id"),
    *("visit_detail_id", "measurement_source_value", "measurement_source_concept_id", "unit_source_value"),
    "value_source_value",
)
MEASUREMENT_54 = (*MEASUREMENT_53, "unit_source_concept_id", "measurement_event_id", "meas_event_field_concept_id")
HR, TEMP, LACTATE, GLUCOSE, SYSTOLIC_CUFF = 3027018, 3020891, 3047181, 3004501, 21492239


def written(
    columns: Iterable[str], rows: Iterable[dict[str, Any]], delimiter: str = ",", upper: bool = False, **options: Any
) -> bytes:
    """A table with this header; what a row does not say stays empty."""
    text = io.StringIO()
    names = list(columns)
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n", **options)
    writer.writerow([name.upper() if upper else name for name in names])
    writer.writerows([[row.get(name, "") for name in names] for row in rows])
    return text.getvalue().encode()


def moment(hours: float) -> str:
    """A moment so many hours after 8 o'clock on the first day."""
    minutes = round((8 + hours) * 60)
    return f"2020-03-{1 + minutes // 1440:02d} {minutes // 60 % 24:02d}:{minutes % 60:02d}:00"


def measured(
    person: int, hours: float, concept: int | str, value: Any, unit: int | str = 0, **more: Any
) -> dict[str, Any]:
    return {
        "person_id": person,
        "measurement_concept_id": concept,
        "measurement_date": moment(hours)[:10],
        "measurement_datetime": moment(hours),
        "measurement_type_concept_id": 32817,
        "operator_concept_id": 0,
        "value_as_number": value,
        "unit_concept_id": unit,
        **more,
    }


def pairs() -> list[tuple[str, Files, Files]]:
    """Cases, each with a trap of the format."""
    return [
        ("5.3, comma", *_simple(MEASUREMENT_53)),
        ("5.4 in capitals, tab", *_simple(MEASUREMENT_54, delimiter="\t", upper=True)),
        ("every cell in quotes", *_simple(MEASUREMENT_54, quoting=csv.QUOTE_ALL)),
        ("whole numbers that became fractions", *_fractions()),
        ("comparators and values of the source", *_comparators()),
        ("units by concept, and as the source has them", *_units()),
        ("date and time apart", *_apart()),
        ("visits with their start", *_visits()),
        ("visit details in intensive care", *_details()),
        ("persons", *_persons()),
        ("concepts of the hospital's own, with their table", *_concepts()),
        ("names of the source without a concept", *_unmapped()),
        ("observations too", *_observations()),
        ("several files", *_several()),
    ]


def _simple(columns: Iterable[str], **options: Any) -> tuple[Files, Files]:
    rows = [measured(7, h, HR, 80 + h, 8541) for h in (0, 1, 2.5)] + [measured(8, 0, SYSTOLIC_CUFF, 118, 8876)]
    twin = [("7", h, "HR", 80 + h, "/min") for h in (0, 1, 2.5)] + [("8", 0, "NISysABP", 118, "mmHg")]
    return {"MEASUREMENT.csv": written(columns, rows, **options)}, {"twin.csv": long_csv(twin)}


def _fractions() -> tuple[Files, Files]:
    large = 9_007_199_254_740_993
    rows = [measured(f"{p}.0", h, f"{HR}.0", f"{80 + h}.0", "8541.0") for p in (7, 8) for h in (0, 1)]
    rows += [measured(large + i, 0, HR, 90 + i, 8541) for i in (0, 1)]
    twin = [(str(p), h, "HR", 80 + h, "") for p in (7, 8) for h in (0, 1)]
    twin += [(str(large + i), 0, "HR", 90 + i, "") for i in (0, 1)]
    return {"measurement.csv": written(MEASUREMENT_53, rows)}, {"twin.csv": long_csv(twin)}


def _comparators() -> tuple[Files, Files]:
    marks = {"<": 4171756, "<=": 4171754, ">": 4172704, ">=": 4171755, "": 4172703}
    rows = [
        measured(7, h, LACTATE, 1.5 + h, 8753, operator_concept_id=concept, value_source_value="see there")
        for h, concept in enumerate(marks.values())
    ]
    rows.append(measured(7, 6, LACTATE, "", 8753, value_source_value="<0.3"))
    rows.append(measured(7, 7, LACTATE, "", 8753, value_source_value="4.5"))
    rows.append(measured(7, 8, 3004410, "", 0, value_as_concept_id=9191, value_source_value="positive"))
    twin = [("7", h, "Lactate", f"{mark}{1.5 + h}", "mmol/L") for h, mark in enumerate(marks)]
    twin += [("7", 6, "Lactate", "<0.3", "mmol/L"), ("7", 7, "Lactate", 4.5, "mmol/L")]
    return {"measurement.csv": written(MEASUREMENT_53, rows)}, {"twin.csv": long_csv(twin)}


def _units() -> tuple[Files, Files]:
    cases = [
        (TEMP, 98.6, 9289, "", "Temp", "°F"),
        (TEMP, 37.5, 586323, "", "Temp", "°C"),
        (GLUCOSE, 5.5, 8753, "", "Glucose", "mmol/L"),
        (GLUCOSE, 99, 8840, "", "Glucose", "mg/dL"),
        (3025315, 154, 8739, "", "Weight", "lb"),
        (3016723, 88.42, 8749, "", "Creatinine", "µmol/L"),
        (3000905, 7.5, 8848, "", "WBC", "10⁹/L"),
        (3020716, 45, 8554, "", "FiO2", "%"),
        (3016723, 1.25, 0, "mg/dL", "Creatinine", "mg/dL"),
        (HR, 80, 0, "bpm", "HR", "/min"),
    ]
    rows = [measured(7, h, c, v, u, unit_source_value=source) for h, (c, v, u, source, _, _) in enumerate(cases)]
    twin = [("7", h, name, v, unit) for h, (_, v, _, _, name, unit) in enumerate(cases)]
    return {"measurement.csv": written(MEASUREMENT_53, rows)}, {"twin.csv": long_csv(twin)}


def _apart() -> tuple[Files, Files]:
    rows = []
    for h in (0, 1.5, 20):
        row = measured(7, h, HR, 80 + h, 8541)
        rows.append(row | {"measurement_datetime": "", "measurement_time": moment(h)[11:]})
    twin = [("7", h, "HR", 80 + h, "") for h in (0, 1.5, 20)]
    return {"measurement.csv": written(MEASUREMENT_53, rows)}, {"twin.csv": long_csv(twin)}


VISIT = ("visit_occurrence_id", "person_id", "visit_concept_id", "visit_start_date", "visit_start_datetime")
DETAIL = ("visit_detail_id", "person_id", "visit_detail_concept_id", "visit_detail_start_date", "visit_occurrence_id")
DETAIL = (*DETAIL, "visit_detail_start_datetime")


def _visits() -> tuple[Files, Files]:
    rows = [measured(7, 1, HR, 81, 8541, visit_occurrence_id=70), measured(7, 40, HR, 82, 8541, visit_occurrence_id=70)]
    rows += [measured(7, 51, HR, 83, 8541, visit_occurrence_id=71), measured(8, 1, HR, 84, 8541, visit_occurrence_id=0)]
    visits = [
        {"visit_occurrence_id": 71, "person_id": 7, "visit_concept_id": 9201, "visit_start_datetime": moment(50)},
        {"visit_occurrence_id": 70, "person_id": 7, "visit_concept_id": 9201, "visit_start_datetime": moment(0)},
        {"visit_occurrence_id": 99, "person_id": 9, "visit_concept_id": 9201, "visit_start_datetime": moment(0)},
    ]
    files = {"measurement.csv": written(MEASUREMENT_53, rows), "visit_occurrence.csv": written(VISIT, visits)}
    twin = [("70", 1, "HR", 81, ""), ("70", 40, "HR", 82, ""), ("71", 1, "HR", 83, ""), ("8", 0, "HR", 84, "")]
    return files, {"twin.csv": long_csv(twin)}


def _details() -> tuple[Files, Files]:
    """A ward's visit detail is no stay of its own where another one is known to be intensive care."""
    both = {"visit_occurrence_id": 70}
    rows = [
        measured(7, 1, HR, 81, 8541, visit_detail_id=700, **both),
        measured(7, 31, HR, 82, 8541, visit_detail_id=701, **both),
        measured(7, 32, HR, 83, 8541, visit_detail_id=701, **both),
        measured(7, 5, HR, 84, 8541, **both),
    ]
    details = [
        {"visit_detail_id": 700, "person_id": 7, "visit_detail_concept_id": 9201, **both},
        {
            "visit_detail_id": 701,
            "person_id": 7,
            "visit_detail_concept_id": 32037,
            "visit_detail_start_datetime": moment(30),
            **both,
        },
    ]
    files = {"measurement.csv": written(MEASUREMENT_53, rows), "visit_detail.csv": written(DETAIL, details)}
    twin = [
        ("visit 70", 0, "HR", 81, ""),
        ("visit 70", 4, "HR", 84, ""),
        ("701", 1, "HR", 82, ""),
        ("701", 2, "HR", 83, ""),
    ]
    return files, {"twin.csv": long_csv(twin)}


def _persons() -> tuple[Files, Files]:
    columns = (
        "person_id",
        "gender_concept_id",
        "year_of_birth",
        "month_of_birth",
        "day_of_birth",
        "gender_source_value",
    )
    persons = [
        {"person_id": 7, "gender_concept_id": 8532, "year_of_birth": 1950, "month_of_birth": 3, "day_of_birth": 2},
        {"person_id": 8, "gender_concept_id": 8507, "year_of_birth": 1950, "month_of_birth": 3, "day_of_birth": 1},
        {"person_id": 9, "gender_concept_id": 0, "year_of_birth": 1960, "gender_source_value": "F"},
        {"person_id": 10, "gender_concept_id": 8507, "year_of_birth": 1960},
    ]
    rows = [measured(person, 0, HR, 80, 8541) for person in (7, 8, 9)]
    files = {"measurement.csv": written(MEASUREMENT_53, rows), "person.csv": written(columns, persons, delimiter="\t")}
    twin = [(str(p), 0, "HR", 80, "") for p in (7, 8, 9)]
    twin += [("7", 0, "Age", 69, ""), ("8", 0, "Age", 70, ""), ("9", 0, "Age", 60, "")]
    twin += [("7", 0, "Gender", "female", ""), ("8", 0, "Gender", "male", ""), ("9", 0, "Gender", "female", "")]
    return files, {"twin.csv": long_csv(twin)}


def _concepts() -> tuple[Files, Files]:
    columns = ("concept_id", "concept_name", "domain_id", "vocabulary_id", "concept_class_id", "concept_code")
    concepts = [
        {"concept_id": 2_000_000_001, "concept_name": "Heart rate", "vocabulary_id": "LOINC", "concept_code": "8867-4"},
        {"concept_id": 2_000_000_002, "concept_name": "Body temp", "vocabulary_id": "LOINC", "concept_code": "8310-5"},
        {"concept_id": 2_000_000_003, "concept_name": "degF", "vocabulary_id": "UCUM", "concept_code": "[degF]"},
        {"concept_id": 5, "concept_name": "Unused", "vocabulary_id": "SNOMED", "concept_code": "123456"},
        {"concept_id": LACTATE, "concept_name": "Lactate", "vocabulary_id": "LOINC", "concept_code": "32693-4"},
    ]
    rows = [
        measured(7, 0, 2_000_000_001, 80, 8541),
        measured(7, 1, 2_000_000_002, 98.6, 2_000_000_003),
        measured(7, 2, LACTATE, 1.5, 8753),
    ]
    files = {
        "measurement.csv": written(MEASUREMENT_53, rows),
        "CONCEPT.csv": written(columns, concepts, delimiter="\t"),
    }
    twin = [("7", 0, "HR", 80, ""), ("7", 1, "Temp", 98.6, "°F"), ("7", 2, "Lactate", 1.5, "mmol/L")]
    return files, {"twin.csv": long_csv(twin)}


def _unmapped() -> tuple[Files, Files]:
    rows = [
        measured(7, 0, 0, 80, 0, measurement_source_value="Heart rate", unit_source_value="bpm"),
        measured(7, 1, 0, 18, 0, measurement_source_value="Respiratory rate", unit_source_value="insp/min"),
        measured(7, 2, 0, 5, 0, measurement_source_value="Braden"),
    ]
    twin = [("7", 0, "HR", 80, ""), ("7", 1, "RespRate", 18, "")]
    return {"measurement.csv": written(MEASUREMENT_53, rows)}, {"twin.csv": long_csv(twin)}


def _observations() -> tuple[Files, Files]:
    columns = ("observation_id", "person_id", "observation_concept_id", "observation_date", "observation_datetime")
    columns = (*columns, "value_as_number", "value_as_string", "value_as_concept_id", "unit_concept_id")
    rows = [
        {"person_id": 7, "observation_concept_id": TEMP, "observation_datetime": moment(1), "value_as_number": 37.5}
        | {"unit_concept_id": 586323},
        {"person_id": 7, "observation_concept_id": 4, "observation_datetime": moment(1), "value_as_string": "smoker"},
    ]
    files = {
        "measurement.csv": written(MEASUREMENT_53, [measured(7, 0, HR, 80, 8541)]),
        "observation.csv": written(columns, rows),
    }
    return files, {"twin.csv": long_csv([("7", 0, "HR", 80, ""), ("7", 1, "Temp", 37.5, "°C")])}


def _several() -> tuple[Files, Files]:
    files = {
        f"m{i}.csv": written(MEASUREMENT_53, [measured(i, h, HR, 80 + i + h, 8541) for h in (0, 1)]) for i in range(5)
    }
    files["other.csv"] = written(MEASUREMENT_54, [measured(4, 3, HR, 99, 8541)])
    files["condition_occurrence.csv"] = b"condition_occurrence_id,person_id,condition_concept_id\n1,3,201826\n"
    twin = [(str(i), h, "HR", 80 + i + h, "") for i in range(5) for h in (0, 1)] + [("4", 3, "HR", 99, "")]
    return files, {"twin.csv": long_csv(twin)}
