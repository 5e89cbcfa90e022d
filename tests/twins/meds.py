"""MEDS datasets, checked by the schemas of the `meds` library, beside the same measurements as long CSV."""

import io
import json
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from meds import CodeMetadataSchema, DataSchema, SubjectSplitSchema

from tests.twin_csv import long_csv

Files = dict[str, bytes]
START = datetime(2141, 3, 28, 22, 30)  # far in the future, as MIMIC shifts its dates
NAMES = ["subject_id", "time", "code", "numeric_value", "text_value"]


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def shard(rows: list[dict[str, Any]], *, table: pa.Table | None = None, **options: Any) -> bytes:
    """Events as the library wants them: each row a dictionary, what is not said is null."""
    if table is None:
        extra = {name: pa.int64() for row in rows for name in row if name.endswith("_id") and name != "subject_id"}
        extra |= {name: pa.string() for row in rows for name in row if name not in NAMES and name not in extra}
        schema = pa.schema([*DataSchema.schema(), *(pa.field(n, t) for n, t in extra.items())])
        full = [{name: row.get(name) for name in schema.names} for row in rows]
        table = DataSchema.align(pa.Table.from_pylist(full, schema=schema))
    data = io.BytesIO()
    pq.write_table(table, data, **options)
    return data.getvalue()


def event(
    subject: int, hours: float | None, code: str, value: float | None = None, text: str | None = None, **more: Any
):
    time = None if hours is None else at(hours)
    return {"subject_id": subject, "time": time, "code": code, "numeric_value": value, "text_value": text, **more}


def pairs() -> list[tuple[str, Files, Files]]:
    """Cases, each with a trap of the format."""
    return [
        ("codes of LOINC, no stays", *_plain()),
        ("identifiers that no float holds", *_large()),
        ("two stays of one subject, named", *_named()),
        ("two stays of one subject, without names", *_unnamed()),
        ("stays in hospital", *_hospital()),
        ("shards with their metadata", *_dataset()),
        ("events of MIMIC-IV with the unit in the code", *_mimic()),
        ("text where there is no number", *_text()),
        ("facts without a time", *_facts()),
        ("other types, packing and row groups", *_types()),
        ("a column of units", *_units()),
        ("rows in any order", *_shuffled()),
    ]


def _plain() -> tuple[Files, Files]:
    rows = [event(7, h, "LOINC//8867-4", 80 + h) for h in range(5)] + [event(7, 2.25, "LOINC//2524-7", 1.7)]
    twin = [("7", h, "HR", 80 + h, "") for h in range(5)] + [("7", 2.25, "Lactate", 1.7, "")]
    return {"0.parquet": shard(rows)}, {"twin.csv": long_csv(twin)}


def _large() -> tuple[Files, Files]:
    subjects = [2**60 + i for i in range(3)] + [-(2**60)]
    rows = [event(s, h, "LOINC//8867-4", 70.0 + i) for i, s in enumerate(sorted(subjects)) for h in (0, 1)]
    twin = [(str(s), h, "HR", 70 + i, "") for i, s in enumerate(sorted(subjects)) for h in (0, 1)]
    return {"0.parquet": shard(rows)}, {"twin.csv": long_csv(twin)}


def _stays(**ids: int) -> list[dict[str, Any]]:
    first, second = ({name: value + i for name, value in ids.items()} for i in (0, 1))
    return [
        event(7, -2, "LAB//220045//bpm", 71.0),
        event(7, 0, "ICU_ADMISSION//Medical Intensive Care Unit (MICU)", **first),
        event(7, 1, "LAB//220045//bpm", 72.0),
        event(7, 30, "LAB//220045//bpm", 73.0),
        event(7, 30.5, "ICU_DISCHARGE//MICU", **first),
        event(7, 40, "LAB//220045//bpm", 74.0),
        event(7, 100, "ICU_ADMISSION//SICU", **second),
        event(7, 103, "LAB//220045//bpm", 75.0),
        event(8, 0, "ICU_ADMISSION//SICU", **dict.fromkeys(ids, 900)),
        event(8, 1, "LAB//220045//bpm", 76.0),
    ]


def _named() -> tuple[Files, Files]:
    rows = _stays(icustay_id=500, hadm_id=20)
    # A row of the second stay, known by its identifier alone, from before the events say it began.
    rows.append(event(7, 104, "LAB//220210//insp/min", 17.0, icustay_id=501))
    twin = [
        ("500", 1, "HR", 72, ""),
        ("500", 30, "HR", 73, ""),
        ("501", 3, "HR", 75, ""),
        ("501", 4, "RespRate", 17, ""),
    ]
    return {"0.parquet": shard(rows)}, {"twin.csv": long_csv([*twin, ("900", 1, "HR", 76, "")])}


def _unnamed() -> tuple[Files, Files]:
    twin = [("7/1", 1, "HR", 72, ""), ("7/1", 30, "HR", 73, ""), ("7/2", 3, "HR", 75, ""), ("8", 1, "HR", 76, "")]
    return {"0.parquet": shard(_stays())}, {"twin.csv": long_csv(twin)}


def _hospital() -> tuple[Files, Files]:
    rows = [
        event(7, 0, "HOSPITAL_ADMISSION//EW EMER.//EMERGENCY ROOM", hadm_id=31),
        event(7, 5, "LAB//RESULT//50912//mg/dL", 1.1, "1.1", hadm_id=31),
        event(7, 6, "DIAGNOSIS//ICD//10//A41.9", hadm_id=31),
        event(7, 47, "LAB//RESULT//50912//mg/dL", 1.3, "1.3"),
        event(7, 60, "HOSPITAL_DISCHARGE//HOME", hadm_id=31),
        event(7, 70, "LAB//RESULT//50912//mg/dL", 9.0, "9.0"),
    ]
    twin = [("31", 5, "Creatinine", 1.1, "mg/dL"), ("31", 47, "Creatinine", 1.3, "mg/dL")]
    return {"0.parquet": shard(rows)}, {"twin.csv": long_csv(twin)}


def _dataset() -> tuple[Files, Files]:
    subjects = range(1, 7)
    rows = {s: [event(s, h, "HEART-A//bpm", 60.0 + s + h) for h in (0, 1.5)] for s in subjects}
    words = [{"code": "HEART-A//bpm", "description": "Heart rate", "parent_codes": ["LOINC/8867-4"]}]
    splits = [{"subject_id": s, "split": "train" if s < 5 else "held_out"} for s in subjects]
    files = {f"data/train/{s}.parquet": shard(rows[s]) for s in subjects}
    files["metadata/codes.parquet"] = shard([], table=CodeMetadataSchema.align(pa.Table.from_pylist(words)))
    files["metadata/subject_splits.parquet"] = shard([], table=SubjectSplitSchema.align(pa.Table.from_pylist(splits)))
    files["metadata/dataset.json"] = json.dumps({"dataset_name": "ward", "meds_version": "0.4.1"}).encode()
    twin = [(str(s), h, "HR", 60 + s + h, "/min") for s in subjects for h in (0, 1.5)]
    return files, {"twin.csv": long_csv(twin)}


def _mimic() -> tuple[Files, Files]:
    rows = [
        event(7, 0, "LAB//220045//bpm", 88.0, "88"),
        event(7, 1, "LAB//223761//°F", 98.6, "98.6"),
        event(7, 2, "LAB//223762//°C", 37.5, "37.5"),
        event(7, 2, "LAB//220179//mmHg", 118.0, "118"),
        event(7, 3, "LAB//50931//mg/dL", 140.0, "140"),
        event(7, 4, "LAB//220621//UNK", 150.0, "150"),
        event(7, 4, "SUBJECT_FLUID_OUTPUT//226559//mL", 200.0),
        event(7, 5, "SUBJECT_FLUID_OUTPUT//226560//mL", 150.0),
        event(7, 5, "INFUSION_START//225158", 10.0),
    ]
    twin = [
        ("7", 0, "HR", 88, ""),
        ("7", 1, "Temp", 98.6, "°F"),
        ("7", 2, "Temp", 37.5, "°C"),
        ("7", 2, "NISysABP", 118, ""),
        ("7", 3, "Glucose", 140, "mg/dL"),
        ("7", 4, "Glucose", 150, "mg/dL"),
        ("7", 4, "Urine", 200, "mL"),
        ("7", 5, "Urine", 150, "mL"),
    ]
    return {"0.parquet": shard(rows)}, {"twin.csv": long_csv(twin)}


def _text() -> tuple[Files, Files]:
    rows = [
        event(7, 0, "LAB//Lactate//mmol/L", 1.5, "1.5"),
        event(7, 1, "LAB//Lactate//mmol/L", None, "<0.5"),
        event(7, 2, "LAB//Lactate//mmol/L", 20.0, ">20"),
        event(7, 3, "LAB//Lactate//mmol/L", None, "2.25"),
        event(7, 3, "LAB//Blood culture", None, "No growth"),
        event(7, 3, "NOTE//radiology", None, "Heart not enlarged. " * 100),
    ]
    twin = [("7", h, "Lactate", value, "mmol/L") for h, value in enumerate(["1.5", "<0.5", ">20", "2.25"])]
    return {"0.parquet": shard(rows)}, {"twin.csv": long_csv(twin)}


def _facts() -> tuple[Files, Files]:
    birth = datetime(2070, 3, 29)
    rows = [
        event(7, None, "GENDER//F"),
        event(7, None, "RACE//UNKNOWN"),
        event(7, None, "HEIGHT//cm", 168.0),
        {**event(7, None, "MEDS_BIRTH"), "time": birth},  # 71 years old only on the day after admission
        event(7, 0, "ICU_ADMISSION//MICU"),
        event(7, 3, "LOINC//8867-4", 90.0),
        event(8, None, "GENDER//M"),
        {**event(8, None, "MEDS_BIRTH"), "time": birth - timedelta(days=2)},
        event(8, 0, "ICU_ADMISSION//MICU"),
        event(8, 4, "LOINC//8867-4", 91.0),
    ]
    twin = [
        ("7", 3, "HR", 90, ""),
        ("7", 0, "Gender", "female", ""),
        ("7", 0, "Age", 70, "years"),
        ("7", 0, "Height", 168, "cm"),
        ("8", 4, "HR", 91, ""),
        ("8", 0, "Gender", "male", ""),
        ("8", 0, "Age", 71, "years"),
    ]
    return {"0.parquet": shard(rows)}, {"twin.csv": long_csv(twin)}


def _types() -> tuple[Files, Files]:
    values = [36.6, 37.1, 38.45, 36.05]
    zone = pa.timestamp("ns", tz="Europe/Berlin")
    table = pa.table(
        {
            "code": pa.array(["LOINC//8310-5//Cel"] * 4).dictionary_encode(),
            "numeric_value": pa.array(values, pa.float32()),
            "time": pa.array([at(h) for h in range(4)], pa.timestamp("ns")).cast(zone),
            "subject_id": pa.array([5] * 4, pa.uint32()),
            "note": pa.array([[1], [2], [3], None]),
        }
    )
    data = shard([], table=table, compression="zstd", row_group_size=2)
    return {"0.parquet": data}, {"twin.csv": long_csv(("5", h, "Temp", v, "°C") for h, v in enumerate(values))}


def _units() -> tuple[Files, Files]:
    rows = [
        event(7, 0, "LOINC/2345-7", 5.5, unit="mmol/L"),
        event(7, 1, "LOINC/2345-7", 99.0, unit="mg/dL"),
        event(7, 2, "LOINC/29463-7", 154.0, unit="[lb_av]"),
    ]
    twin = [("7", 0, "Glucose", 5.5, "mmol/L"), ("7", 1, "Glucose", 99, "mg/dL"), ("7", 2, "Weight", 154, "lb")]
    return {"0.parquet": shard(rows)}, {"twin.csv": long_csv(twin)}


def _shuffled() -> tuple[Files, Files]:
    files, twin = _named()
    rows = pq.read_table(io.BytesIO(files["0.parquet"]))
    order = [(i * 7 + 3) % len(rows) for i in range(len(rows))]
    assert sorted(order) == list(range(len(rows)))
    return {"0.parquet": shard([], table=rows.take(order))}, twin
