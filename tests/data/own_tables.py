"""Ten tables of public shape that no shipped task knows, made anew each time: no patient is in them.

Each has a signal that can be learned. `tables()` gives all of them by name; see `OwnTable` for what is expected.
"""

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from medgru.data.source import Source


@dataclass(frozen=True)
class OwnTable:
    """A made-up table and what is right about it.

    Attributes:
        name: What it is like.
        sources: Its files.
        id, label: Columns of the stay and of the outcome.
        time: Time column, None where there is none.
        time_unit: Unit of it; "" where there is none.
        features, statics: Columns that are measured, or known once a stay.
        classes: Classes, in the order of the logits.
        stays: Stays in it.
        trainable: False where one class is one patient only, so that training must refuse it.
        choose: Choices to be changed in the proposal, where it cannot know better.
    """

    name: str
    sources: tuple[Source, ...]
    id: str
    label: str
    time: str | None
    time_unit: str
    features: tuple[str, ...]
    statics: tuple[str, ...]
    classes: tuple[str, ...]
    stays: int
    trainable: bool = True
    choose: dict[str, object] = field(default_factory=dict)


def _csv(name: str, header: Sequence[str], rows: Iterable[Sequence[object]], delimiter: str = ",") -> Source:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return Source(name, text.getvalue().encode())


def _hide(rng: np.random.Generator, values: Iterable[object], share: float) -> list[object]:
    return ["" if rng.random() < share else v for v in values]


def icu_hours(seed: int = 0, stays: int = 120) -> OwnTable:
    """Hourly vitals with many gaps, two classes; a constant and an empty column."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(stays):
        ill = int(rng.random() < 0.35)
        age = int(rng.integers(20, 90))
        for h in range(int(rng.integers(12, 48))):
            pulse = round(75 + ill * (8 + h * 0.6) + rng.normal(0, 6), 1)
            breath = round(16 + ill * (2 + h * 0.15) + rng.normal(0, 2), 1)
            rows.append([f"S{i:03}", h, *_hide(rng, [pulse, breath], 0.4), age, "ward", "", ill])
    header = ["stay_id", "hour", "pulse", "breaths", "age", "unit_name", "remark", "deteriorated"]
    return OwnTable(
        "hourly vitals with gaps",
        (_csv("vitals.csv", header, rows),),
        "stay_id", "deteriorated", "hour", "hours", ("pulse", "breaths"), ("age",), ("0", "1"), stays,
    )  # fmt: skip


def chinese(seed: int = 1, stays: int = 90) -> OwnTable:
    """Names, classes and columns in Chinese, three classes."""
    rng = np.random.default_rng(seed)
    classes = ["轻度", "中度", "重度"]
    rows = []
    for i in range(stays):
        c = i % 3
        sex = "男" if rng.random() < 0.5 else "女"
        for h in range(int(rng.integers(6, 30))):
            values = [round(36.5 + 0.8 * c + rng.normal(0, 0.3), 1), round(70 + 15 * c + rng.normal(0, 5))]
            rows.append([f"病人{i}", h, *_hide(rng, values, 0.2), sex, classes[c]])
    return OwnTable(
        "Chinese names",
        (_csv("病房.csv", ["病人编号", "小时", "体温", "心跳", "性别", "严重程度"], rows),),
        "病人编号", "严重程度", "小时", "hours", ("体温", "心跳"), ("性别",), tuple(sorted(classes)), stays,
    )  # fmt: skip


def german(seed: int = 2, stays: int = 80) -> OwnTable:
    """German export: semicolons, decimal commas, umlauts, minutes."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(stays):
        bad = int(rng.random() < 0.4)
        for k in range(int(rng.integers(8, 40))):
            temperature = f"{36.6 + bad * (0.4 + k * 0.05) + rng.normal(0, 0.2):.1f}".replace(".", ",")
            level = f"{5 + 60 * bad + rng.normal(0, 8):.1f}".replace(".", ",")
            rows.append([f"F-{i}", k * 10, *_hide(rng, [temperature, level], 0.3), ("günstig", "ungünstig")[bad]])
    return OwnTable(
        "German names and decimal commas",
        (_csv("Verlauf Station 7.csv", ["Fallnummer", "Minuten", "Körpertemp", "CRP-Wert", "Verlauf"], rows, ";"),),
        "Fallnummer", "Verlauf", "Minuten", "minutes", ("Körpertemp", "CRP-Wert"), (), ("günstig", "ungünstig"), stays,
    )  # fmt: skip


def six_gestures(seed: int = 3, stays: int = 150) -> OwnTable:
    """Movement of three axes, sampled ten times a second, six classes of words."""
    rng = np.random.default_rng(seed)
    classes = ["circle", "down", "left", "rest", "right", "up"]
    rows = []
    for i in range(stays):
        c = i % 6
        for k in range(int(rng.integers(20, 60))):
            wave = [np.sin(k / 4 + c), np.cos(k / (3 + c)), (c - 2.5) / 2]
            rows.append([i + 1, round(k * 0.1, 1), *(round(w + rng.normal(0, 0.3), 3) for w in wave), classes[c]])
    return OwnTable(
        "six gestures in tenths of a second",
        (_csv("gestures.csv", ["sample", "seconds", "ax", "ay", "az", "class"], rows),),
        "sample", "class", "seconds", "seconds", ("ax", "ay", "az"), (), tuple(classes), stays,
    )  # fmt: skip


def without_time(seed: int = 4, stays: int = 100) -> OwnTable:
    """Visits in order, with no time column, and a word as a feature."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(stays):
        relapse = int(rng.random() < 0.5)
        for k in range(int(rng.integers(3, 12))):
            score = round(40 - relapse * 3 * k + rng.normal(0, 4), 1)
            drug = ("none", "low", "high")[int(np.clip(relapse + rng.integers(0, 2), 0, 2))]
            rows.append([f"P{i}", score, drug, "yes" if relapse else "no"])
    return OwnTable(
        "visits without a time column",
        (_csv("visits.csv", ["patient", "score", "drug", "relapse"], rows),),
        "patient", "relapse", None, "", ("score", "drug"), (), ("no", "yes"), stays,
    )  # fmt: skip


def timestamps(seed: int = 5, stays: int = 120) -> OwnTable:
    """Dates and times at irregular moments, several stays of one patient, four classes as numbers."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(stays):
        grade = i // 2 % 4
        now = dt.datetime(2031, 1, 1) + dt.timedelta(days=int(rng.integers(0, 400)), hours=int(rng.integers(0, 24)))
        for _ in range(int(rng.integers(5, 40))):
            now += dt.timedelta(minutes=int(rng.integers(20, 100)))
            values = [round(1 + grade * 1.2 + rng.normal(0, 0.5), 2), round(100 - 9 * grade + rng.normal(0, 5), 1)]
            rows.append([f"E{i}", f"M{i // 2}", now.isoformat(sep=" "), *_hide(rng, values, 0.3), grade])
    return OwnTable(
        "timestamps and repeated patients",
        (_csv("encounters.csv", ["encounter id", "patient id", "charttime", "lactic", "pressure", "outcome"], rows),),
        "encounter id", "outcome", "charttime", "timestamp", ("lactic", "pressure"), (), ("0", "1", "2", "3"), stays,
    )  # fmt: skip


def long_form(seed: int = 6, stays: int = 70) -> OwnTable:
    """One row a measurement: variable and value, with the label repeated in a column."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(stays):
        c = int(rng.random() < 0.4)
        for k in range(int(rng.integers(6, 25))):
            for name, usual in (("Kalium-Wert", 4.0), ("Rhythm index", 10.0), ("血糖值", 6.0)):
                if rng.random() < 0.6:
                    rows.append([f"c{i}", k * 2, name, round(usual * (1 + 0.4 * c) + rng.normal(0, 0.4), 2), "AB"[c]])
    features = ("Kalium-Wert", "Rhythm index", "血糖值")
    return OwnTable(
        "long form",
        (_csv("lab.csv", ["case id", "hours", "variable", "value", "outcome"], rows),),
        "case id", "outcome", "hours", "hours", features, (), ("A", "B"), stays,
    )  # fmt: skip


def label_file(seed: int = 7, stays: int = 110) -> OwnTable:
    """Measurements in one file; label and descriptors in another, some stays without a label."""
    rng = np.random.default_rng(seed)
    rows, labels = [], []
    for i in range(stays):
        c = int(rng.random() < 0.3)
        labels.append([1000 + i, round(rng.normal(170, 8)), "" if i % 10 == 9 else c])
        for h in range(int(rng.integers(10, 40))):
            values = [round(10 + 3 * c + rng.normal(0, 2), 2), round(5 - c + rng.normal(0, 1), 2)]
            rows.append([1000 + i, h, *_hide(rng, values, 0.5)])
    rng.shuffle(labels)
    return OwnTable(
        "label in a file of its own",
        (
            _csv("measurements.csv", ["RecordID", "hour", "marker a", "marker b"], rows),
            _csv("patients.csv", ["RecordID", "size", "In-hospital_death"], labels),
        ),
        "RecordID", "In-hospital_death", "hour", "hours", ("marker a", "marker b"), ("size",), ("0", "1"),
        stays - stays // 10,
    )  # fmt: skip


def seconds_of_signal(seed: int = 8, stays: int = 100) -> OwnTable:
    """Signals of some minutes at one sample in five seconds; five classes with a sign in their names."""
    rng = np.random.default_rng(seed)
    classes = ["<30", "30-40", "40-50", "50-60", ">60"]
    rows = []
    for i in range(stays):
        c = i % 5
        for k in range(int(rng.integers(30, 200))):
            rows.append([i, k * 5, round(2 * c + np.sin(k / 9) + rng.normal(0, 0.8), 2), round(rng.normal(), 2)])
            rows[-1].append(classes[c])
    return OwnTable(
        "seconds of a signal",
        (_csv("signal.csv", ["recording", "time_s", "a+", "a-", "target"], rows),),
        "recording", "target", "time_s", "seconds", ("a+", "a-"), (), tuple(sorted(classes)), stays,
    )  # fmt: skip


def one_patient_a_class(seed: int = 9, stays: int = 60) -> OwnTable:
    """Three classes, each of one patient with many stays: no model can be tested on another patient."""
    rng = np.random.default_rng(seed)
    classes = ["alpha", "beta", "gamma"]
    rows = []
    for i in range(stays):
        c = i % 3
        for d in range(int(rng.integers(4, 15))):
            rows.append([f"v{i}", f"p{c}", d, round(c + rng.normal(0, 0.5), 2), round(rng.normal(), 2), classes[c]])
    return OwnTable(
        "one patient a class",
        (_csv("diary.csv", ["visit id", "subject id", "day", "mood", "sleep", "diagnosis"], rows),),
        "visit id", "diagnosis", "day", "days", ("mood", "sleep"), (), tuple(classes), stays, trainable=False,
    )  # fmt: skip


GENERATORS: tuple[Callable[..., OwnTable], ...] = (
    icu_hours,
    chinese,
    german,
    six_gestures,
    without_time,
    timestamps,
    long_form,
    label_file,
    seconds_of_signal,
    one_patient_a_class,
)


@cache
def tables() -> dict[str, OwnTable]:
    """All ten, by name."""
    return {table.name: table for table in (make() for make in GENERATORS)}
