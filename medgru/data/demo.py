"""Simulated patients: courses written by hand, filled in by a small seeded simulator.

Nobody here has lived. A `Course` gives a few anchor points of the variables that tell its story; the rest
stays at `_USUAL`. Between the anchors run straight lines with slow noise on top, and what depends on
something else is computed from it: mean pressure from systolic and diastolic, bicarbonate from lactate, pH
from bicarbonate and PaCO2, PaO2 from the inspired oxygen, saturation from PaO2. The curves are then read off
as a ward would: vital signs every hour or so, blood gases while they are needed, laboratory values once or
twice a day, nothing at all while the patient is away from the ward.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medgru.data.recording import Recordings
from medgru.errors import TaskError
from medgru.tasks import Task

_STEP = 0.25  # hours between the points of the underlying curves
_GRID = np.arange(0, 48 + _STEP, _STEP)  # the longest course
_NOISE_HOURS = 1.5  # how long a chance deviation lasts
_Curves = dict[str, NDArray[np.float64]]
_Span = tuple[float, float]

# Usual value, and size of the slow noise as a fraction of the value. PF is PaO2 / FiO2, in mmHg.
_USUAL: dict[str, tuple[float, float]] = {
    "HR": (82, 0.05), "SysABP": (122, 0.05), "DiasABP": (64, 0.05), "RespRate": (16, 0.09), "Temp": (37.0, 0.004),
    "FiO2": (0.21, 0.0), "PF": (400, 0.05), "PaCO2": (40, 0.03), "HCO3": (25, 0.015), "Lactate": (1.1, 0.06),
    "GCS": (15, 0.0), "Urine": (75, 0.25), "Creatinine": (0.9, 0.03), "BUN": (16, 0.03), "Na": (139, 0.006),
    "K": (4.1, 0.03), "Mg": (2.0, 0.04), "Glucose": (128, 0.08), "HCT": (35, 0.025), "WBC": (9.0, 0.05),
    "Platelets": (225, 0.04), "Bilirubin": (0.7, 0.05), "ALT": (28, 0.05), "AST": (32, 0.05), "ALP": (78, 0.03),
    "Albumin": (3.5, 0.03), "TroponinI": (0.02, 0.08), "MechVent": (1, 0.0),
}  # fmt: skip
_RESOLUTION = {"FiO2": 0.05, "Urine": 5.0}  # where charting is coarser than the feature's decimals

# What is charted together, how often (hours; 0: only where the course asks for it), and while what lasts.
_ROUNDS: tuple[tuple[tuple[str, ...], float, str], ...] = (
    (("HR", "RespRate"), 1, "stay"),
    (("SysABP", "DiasABP", "MAP"), 1, "line"),
    (("NISysABP", "NIDiasABP", "NIMAP"), 1, "no line"),
    (("Temp",), 2, "stay"),
    (("SaO2",), 3, "stay"),
    (("GCS",), 4, "stay"),
    (("Urine",), 1, "stay"),
    (("MechVent",), 3, "ventilated"),
    (("PaO2", "PaCO2", "pH"), 4, "gases"),
    (("FiO2",), 3, "gases"),
    (("Lactate",), 6, "gases"),
    (("Na", "K", "Creatinine", "BUN", "HCO3", "Glucose", "Mg"), 9, "stay"),
    (("HCT", "WBC", "Platelets"), 12, "stay"),
    (("Bilirubin", "ALT", "AST", "ALP", "Albumin"), 0, "stay"),
    (("TroponinI",), 0, "stay"),
    (("Weight",), 24, "stay"),
)


@dataclass(frozen=True)
class Course:
    """One invented stay.

    Attributes:
        record_id, title: How it is called; the title says that it is simulated.
        age, male, height, weight, icu: Admission descriptors (years, cm, kg, code of the unit).
        anchors: Variable -> {hour: value}; straight lines between, level outside.
        hours: Length of the stay.
        line, ventilated, gases: From and to which hour there is an arterial line, a ventilator, and blood
            gases are taken; None for never.
        away: Hours during which nothing is charted (theatre, scanner).
        every: First variable of a round -> hours between two rounds, where not the usual.
        charted: Share of the measurements that anyone wrote down.
    """

    record_id: str
    title: str
    age: int
    male: bool
    height: int
    weight: float
    icu: int
    anchors: Mapping[str, Mapping[float, float]]
    hours: float = 48.0
    line: _Span | None = None
    ventilated: _Span | None = None
    gases: _Span | None = None
    away: _Span | None = None
    every: Mapping[str, float] = field(default_factory=dict)
    charted: float = 0.96


_LIVER = {"Bilirubin": 22.0}
_SHOCK_AT_ADMISSION: dict[str, dict[float, float]] = {
    "Temp": {0: 39.1, 12: 38.8, 24: 38.3}, "RespRate": {0: 29, 5: 27, 7: 20}, "FiO2": {0: 0.5, 6: 0.6},
    "Albumin": {0: 2.6, 48: 2.1}, "Glucose": {0: 185, 24: 160}, "HCT": {0: 34, 24: 29},
}  # fmt: skip

COURSES: tuple[Course, ...] = (
    Course(
        "SIM-1", "Septic shock, getting worse", 76, False, 162, 71.0, 3,
        {
            **_SHOCK_AT_ADMISSION,
            "HR": {0: 112, 10: 106, 24: 122, 36: 134, 48: 138}, "SysABP": {0: 88, 6: 104, 20: 98, 34: 84, 48: 76},
            "DiasABP": {0: 48, 6: 54, 20: 50, 34: 43, 48: 38}, "Lactate": {0: 3.4, 8: 2.7, 20: 3.6, 34: 6.8, 48: 10.5},
            "FiO2": {0: 0.5, 6: 0.5, 20: 0.55, 36: 0.8, 48: 1.0}, "PF": {0: 240, 12: 210, 30: 140, 48: 95},
            "PaCO2": {0: 33, 12: 37, 36: 44, 48: 49}, "GCS": {0: 12, 5: 9, 7: 6, 24: 6, 40: 3},
            "Urine": {0: 45, 10: 40, 20: 28, 30: 14, 40: 5}, "Creatinine": {0: 1.7, 12: 1.9, 24: 2.5, 48: 4.1},
            "BUN": {0: 34, 24: 44, 48: 66}, "K": {0: 4.3, 24: 4.8, 48: 5.8}, "WBC": {0: 19, 12: 23, 30: 27, 48: 24},
            "Platelets": {0: 148, 24: 96, 48: 47}, "Bilirubin": {0: 1.3, 24: 2.6, 48: 4.8},
            "ALT": {0: 48, 24: 150, 48: 620}, "AST": {0: 66, 24: 260, 48: 980},
        },
        line=(1.5, 48), ventilated=(6, 48), gases=(0, 48), away=(12.5, 15.5), every={**_LIVER, "Lactate": 4, "Na": 7},
    ),
    Course(
        "SIM-2", "Recovering after cardiac surgery", 67, True, 176, 84.0, 2,
        {
            "Temp": {0: 35.3, 5: 36.8, 10: 37.3}, "HR": {0: 88, 4: 94, 24: 86, 48: 80},
            "SysABP": {0: 104, 6: 112, 24: 120, 48: 128}, "DiasABP": {0: 54, 12: 58, 48: 66},
            "Lactate": {0: 3.1, 6: 2.2, 14: 1.3}, "FiO2": {0: 0.6, 4: 0.5, 9: 0.4, 30: 0.3, 40: 0.21},
            "PF": {0: 260, 8: 320, 30: 380}, "RespRate": {0: 14, 9: 17}, "GCS": {0: 3, 4: 6, 7: 10, 10: 15},
            "Urine": {0: 160, 6: 110, 20: 75, 30: 95}, "Creatinine": {0: 1.0, 24: 1.2, 48: 1.0},
            "HCT": {0: 26, 12: 28, 48: 30}, "Platelets": {0: 138, 24: 128, 48: 156}, "WBC": {0: 13.5, 24: 12, 48: 10},
            "Glucose": {0: 172, 10: 142, 30: 126}, "TroponinI": {0: 3.2, 14: 6.4, 40: 3.1},
        },
        line=(0, 30), ventilated=(0, 9.5), gases=(0, 26), every={"TroponinI": 13},
    ),
    Course(
        "SIM-3", "Septic shock, recovering", 58, True, 181, 92.0, 3,
        {
            **_SHOCK_AT_ADMISSION,
            "HR": {0: 124, 8: 114, 20: 98, 48: 80}, "SysABP": {0: 82, 6: 98, 18: 108, 36: 120, 48: 126},
            "DiasABP": {0: 44, 6: 52, 18: 57, 48: 66}, "Lactate": {0: 5.2, 6: 4.1, 14: 2.5, 24: 1.5, 40: 1.1},
            "FiO2": {0: 0.6, 12: 0.5, 24: 0.4, 36: 0.3}, "PF": {0: 190, 12: 220, 30: 310, 48: 360},
            "PaCO2": {0: 34, 12: 38}, "Temp": {0: 39.3, 12: 38.5, 30: 37.4}, "RespRate": {0: 30, 6: 20, 32: 18},
            "GCS": {0: 13, 5: 8, 24: 9, 30: 11, 33: 15}, "Urine": {0: 25, 8: 40, 16: 75, 30: 120},
            "Creatinine": {0: 1.9, 10: 2.1, 24: 1.6, 48: 1.1}, "BUN": {0: 31, 24: 28, 48: 20},
            "WBC": {0: 21, 24: 17, 48: 12}, "Platelets": {0: 168, 24: 142, 48: 165}, "Bilirubin": {0: 1.4, 48: 0.9},
        },
        line=(1, 44), ventilated=(4.5, 31), gases=(0, 40), away=(20, 22.5), every={**_LIVER, "Lactate": 4},
    ),
    Course(
        "SIM-4", "Respiratory failure from pneumonia", 71, True, 172, 79.0, 3,
        {
            "RespRate": {0: 31, 10: 36, 13: 38, 14: 22, 48: 20}, "FiO2": {0: 0.5, 10: 0.7, 13: 1.0, 20: 0.7, 48: 0.5},
            "PF": {0: 170, 10: 110, 13: 80, 18: 130, 48: 185}, "PaCO2": {0: 36, 10: 44, 13: 58, 17: 46, 48: 42},
            "HR": {0: 108, 12: 124, 18: 98, 48: 88}, "SysABP": {0: 138, 13: 146, 15: 100, 24: 114, 48: 120},
            "DiasABP": {0: 72, 13: 76, 15: 54, 48: 60}, "Temp": {0: 38.8, 20: 38.2, 48: 37.5},
            "GCS": {0: 15, 10: 14, 13: 11, 14: 3, 30: 7, 48: 9}, "Lactate": {0: 1.7, 13: 2.8, 24: 1.5},
            "WBC": {0: 17, 24: 18, 48: 13}, "Albumin": {0: 2.9}, "Urine": {0: 60, 16: 45, 30: 70},
            "Glucose": {0: 148}, "Creatinine": {0: 1.1, 24: 1.3, 48: 1.2},
        },
        line=(9, 48), ventilated=(14, 48), gases=(0, 48), every=_LIVER,
    ),
    Course(
        "SIM-5", "Acute kidney injury after surgery", 64, False, 165, 88.0, 4,
        {
            "Urine": {0: 60, 8: 35, 18: 16, 30: 8, 48: 10}, "Creatinine": {0: 1.3, 12: 1.9, 24: 2.8, 36: 3.7, 48: 4.4},
            "BUN": {0: 24, 24: 41, 48: 63}, "K": {0: 4.4, 24: 5.2, 48: 5.9}, "HCO3": {0: 23, 24: 20, 48: 17},
            "Na": {0: 138, 48: 133}, "HR": {0: 92, 24: 96}, "SysABP": {0: 102, 8: 112, 24: 132, 48: 146},
            "DiasABP": {0: 54, 24: 66, 48: 74}, "RespRate": {0: 18, 48: 23}, "HCT": {0: 31, 24: 28},
            "Lactate": {0: 2.3, 10: 1.4}, "FiO2": {0: 0.4, 48: 0.35}, "PF": {0: 330, 48: 250},
            "PaCO2": {0: 38, 48: 33}, "WBC": {0: 13, 48: 11}, "GCS": {0: 14, 6: 15, 40: 14},
        },
        line=(0, 40), gases=(0, 40), away=(26, 28.5), every={"Lactate": 10, "PaO2": 7},
    ),
    Course(
        "SIM-6", "After cardiac arrest", 81, True, 170, 74.0, 1,
        {
            "GCS": {0: 3}, "Temp": {0: 35.6, 5: 33.6, 26: 33.4, 34: 36.4, 48: 37.6},
            "HR": {0: 102, 6: 66, 26: 62, 40: 92},
            "SysABP": {0: 96, 6: 112, 30: 104, 48: 98}, "DiasABP": {0: 52, 24: 56, 48: 50},
            "Lactate": {0: 8.6, 6: 5.2, 14: 3.0, 30: 2.2, 48: 2.6}, "FiO2": {0: 1.0, 3: 0.6, 12: 0.45},
            "PF": {0: 210, 24: 240}, "PaCO2": {0: 47, 6: 39}, "RespRate": {0: 20, 6: 16},
            "Urine": {0: 90, 12: 50, 40: 35},
            "Creatinine": {0: 1.5, 24: 1.7, 48: 2.0}, "BUN": {0: 28, 48: 38}, "K": {0: 4.6, 10: 3.6, 34: 4.4},
            "Glucose": {0: 258, 12: 190, 30: 150}, "WBC": {0: 16, 48: 14}, "TroponinI": {0: 4.8, 14: 22, 40: 15},
            "ALT": {0: 160, 48: 240}, "AST": {0: 210, 48: 260}, "Albumin": {0: 3.0},
        },
        line=(1, 48), ventilated=(0, 48), gases=(0, 48), away=(2, 4.5), every={**_LIVER, "TroponinI": 12, "Lactate": 5},
    ),
    Course(
        "SIM-7", "A quiet stay", 46, False, 168, 66.0, 1,
        {"HR": {0: 78, 48: 70}, "SysABP": {0: 126, 48: 118}, "DiasABP": {0: 74, 48: 70}, "HCT": {0: 40},
         "TroponinI": {0: 0.06, 12: 0.04}, "Urine": {0: 320}, "Glucose": {0: 108}},
        hours=41.0, every={"TroponinI": 12, "Urine": 5, "Na": 14, "HCT": 22, "GCS": 6, "SaO2": 4, "HR": 1.5},
        charted=0.9,
    ),
    Course(
        "SIM-8", "Barely recorded", 69, True, 174, 80.0, 3, {"HR": {0: 96}, "SysABP": {0: 112}},
        hours=3.5, charted=0.3,
    ),
)  # fmt: skip


def simulated_patients(task: Task) -> Recordings:
    """Our simulated stays for the task, the same every time.

    Raises:
        TaskError: There are no simulated patients for this task.
    """
    if not set(task.feature_index) >= {v for names, *_ in _ROUNDS for v in names}:
        raise TaskError(f"There are no simulated patients for {task.title}. Bring a file of your own.")
    rows = []
    for stay, course in enumerate(COURSES):
        charted = sorted(_chart(course, task))
        rows += [(stay, *row) for row in charted]
    stays, hours, features, values = zip(*rows, strict=True)
    known = [{"Age": c.age, "Gender": c.male, "Height": c.height, "ICUType": c.icu} for c in COURSES]
    return Recordings(
        task=task,
        record_ids=tuple(c.record_id for c in COURSES),
        stay=np.array(stays, dtype=np.int32),
        hours=np.array(hours, dtype=np.float32),
        feature=np.array(features, dtype=np.int16),
        value=np.array(values, dtype=np.float32),
        statics=np.array([[d.get(f.name, np.nan) for f in task.statics] for d in known], dtype=np.float32),
        simulated=True,
        titles=tuple(f"{c.title} (simulated)" for c in COURSES),
    )


def _chart(course: Course, task: Task) -> list[tuple[float, int, float]]:
    """What was written down of the course: (hour, feature, value) in no particular order."""
    # Seeded by name, so that a new course changes none of the others.
    rng = np.random.default_rng(zlib.crc32(course.record_id.encode()))
    curves = _curves(course, rng)
    rows = []
    for names, usual, lasts in _ROUNDS:
        every = course.every.get(names[0], usual)
        for hour in _round_times(course, every, lasts, rng):
            for name in names:
                if rng.random() > course.charted:
                    continue
                f = task.features[task.feature_index[name]]
                step = _RESOLUTION.get(name, 10.0**-f.decimals)
                value = round(round(float(np.interp(hour, _GRID, curves[name])) / step) * step, 4)
                rows.append((hour, task.feature_index[name], min(max(value, f.low), f.high)))
    return rows


def _curves(course: Course, rng: np.random.Generator) -> _Curves:
    """The underlying values at the hours of `_GRID`."""

    def noise() -> NDArray[np.float64]:
        keep = np.exp(-_STEP / _NOISE_HOURS)
        steps = rng.normal(0, np.sqrt(1 - keep**2), _GRID.size)
        steps[0] = rng.normal()
        out = np.empty_like(steps)
        level = 0.0
        for i, step in enumerate(steps):
            out[i] = level = keep * level + step
        return out

    restless = noise()  # pain, fever, a visit: moves pulse, pressure and breathing together
    shared = {"HR": 0.6, "SysABP": 0.5, "DiasABP": 0.4, "RespRate": 0.6}
    c: _Curves = {}
    for name, (usual, size) in _USUAL.items():
        anchors = course.anchors.get(name, {0: usual})
        part = shared.get(name, 0.0)
        deviation = part * restless + np.sqrt(1 - part**2) * noise()
        c[name] = np.interp(_GRID, list(anchors), list(anchors.values())) * np.exp(size * deviation)
    c["DiasABP"] = np.minimum(c["DiasABP"], c["SysABP"] - 15)
    c["MAP"] = c["DiasABP"] + (c["SysABP"] - c["DiasABP"]) / 3
    c["NISysABP"] = c["SysABP"] * 0.98 + 3 * noise()
    c["NIDiasABP"] = np.minimum(c["DiasABP"] * 1.03 + 2 * noise(), c["NISysABP"] - 15)
    c["NIMAP"] = c["NIDiasABP"] + (c["NISysABP"] - c["NIDiasABP"]) / 3
    c["HCO3"] = np.maximum(c["HCO3"] - 0.9 * np.maximum(c["Lactate"] - 1.5, 0), 6)
    c["pH"] = 6.1 + np.log10(c["HCO3"] / (0.0307 * c["PaCO2"]))  # Henderson-Hasselbalch
    c["PaO2"] = c["PF"] * c["FiO2"]
    c["SaO2"] = 100 / (1 + 23400 / (c["PaO2"] ** 3 + 150 * c["PaO2"]))  # Severinghaus 1979
    c["Weight"] = course.weight * (1 + 0.0004 * _GRID)  # fluids
    return c


def _round_times(course: Course, every: float, lasts: str, rng: np.random.Generator) -> list[float]:
    """Hours at which a round of measurements is made, to the minute."""
    spans: dict[str, list[_Span | None]] = {
        "stay": [(0.0, course.hours)],
        "line": [course.line],
        # A cuff serves before the arterial line and after it.
        "no line": [(0.0, course.line[0]), (course.line[1], course.hours)] if course.line else [(0.0, course.hours)],
        "ventilated": [course.ventilated],
        "gases": [course.gases],
    }
    times: list[float] = []
    for span in spans[lasts]:
        if span is None or every <= 0:
            continue
        hour = span[0] + rng.uniform(0.05, 0.6)
        while hour < min(span[1], course.hours):
            if course.away is None or not course.away[0] <= hour < course.away[1]:
                times.append(round(hour * 60) / 60)
            hour += every * rng.uniform(0.85, 1.15)
    return times
