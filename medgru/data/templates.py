"""CSV templates to download: what to bring, with example rows of invented patients."""

import csv
import io

from medgru.tasks import Task

_EXAMPLES: dict[str, tuple[float | None, ...]] = {
    "HR": (92, 96, 101),
    "SysABP": (118, None, 104),
    "DiasABP": (64, None, 55),
    "MAP": (82, None, 71),
    "RespRate": (18, 20, 24),
    "SaO2": (97, 96, 94),
    "Temp": (36.8, None, 37.9),
    "GCS": (15, None, 14),
    "Urine": (60, None, 40),
    "Lactate": (1.6, None, 2.4),
    "Creatinine": (1.1, None, None),
    "Age": (63, 63, 63),
    "Gender": (0, 0, 0),
    "Height": (168, 168, 168),
    "ICUType": (3, 3, 3),
    "Weight": (70, None, None),
}
_HOURS = (0.5, 1, 2.25)
_RECORD_ID = "EXAMPLE-1"


def template(task: Task) -> bytes:
    """A wide CSV: one row a time, one column a variable with its unit in the header."""
    features = (*task.statics, *task.features)
    rows: list[list[object]] = [["record_id", "time (hours)", *(_header(f.name, f.unit) for f in features)]]
    for i, hour in enumerate(_HOURS):
        rows.append([_RECORD_ID, hour, *(_example(f.name, i) for f in features)])
    return _csv(rows)


def template_long(task: Task) -> bytes:
    """A long CSV: one row a measurement, with its unit beside it."""
    rows: list[list[object]] = [["record_id", "time (hours)", "variable", "value", "unit"]]
    for i, hour in enumerate(_HOURS):
        for f in (*task.statics, *task.features):
            value = _example(f.name, i)
            if value != "" and (i == 0 or f.name not in task.static_index):
                rows.append([_RECORD_ID, hour, f.name, value, "" if f.choices else f.unit])
    return _csv(rows)


def _header(name: str, unit: str) -> str:
    return name if unit in ("code", "on/off", "pH", "points") else f"{name} ({unit})"


def _example(name: str, row: int) -> object:
    value = _EXAMPLES.get(name, (None,) * len(_HOURS))[row]
    return "" if value is None else value


def _csv(rows: list[list[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8-sig")  # the mark tells Excel that this is UTF-8
