"""Tasks that a user made, and tasks as JSON.

A task.json may come from a stranger, inside a bundle: every entry is checked by type, range and length
before a `Task` is made of it, and nothing in it is executed.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, NoReturn

from medgru.errors import TaskError
from medgru.tasks import TASKS
from medgru.tasks.task import HOUR, Columns, Feature, Outcome, Step, Task, Unit

MIN_CLASSES, MAX_CLASSES = 2, 20
MAX_FEATURES = 500
MAX_STATICS = 200
MAX_CHOICES = 100
MAX_WINDOW = 10_000
MAX_TEXT = 200
"""Longest name, label or unit."""

MAX_VALUE = 1e30
"""Largest bound of a range: values are float32 and are squared."""

_MAX_CARD = 50_000
_MAX_SENTENCE = 1_000
_CARD = """\
## Intended use

Research and teaching on the table that this model was made from. **Not** for decisions about real patients.

## Limits

- The task was made from a table by its columns: nobody declared units, plausible ranges or what the classes mean
  clinically. A column in another unit is read as it stands.
- Discrimination and calibration were measured on patients held out of the same table. Other places and other times
  are other data.
- What was measured and how often is information to the model. Where measuring habits differ, so will the answers.
"""
_SOURCE = "A table of the user's own; none of its rows are in the bundle."


def own_task(
    title: str,
    question: str,
    features: Sequence[Feature],
    statics: Sequence[Feature],
    outcomes: Sequence[Outcome],
    event: str,
    window: int,
    step: Step = HOUR,
    causal: bool = True,
    columns: Columns | None = None,
) -> Task:
    """A task of the user's own; the same content has the same name, and never that of a shipped task.

    Args:
        title, question: For the screen.
        features, statics: What goes in, over time and once a stay.
        outcomes, event: The classes, and the name of the one whose probability is followed.
        window: Steps of the grid that the model sees.
        step: The grid.
        causal: Whether the answer is followed while the recording goes on.
        columns: Of the table that it is made from.

    Raises:
        TaskError: Something is missing, too long or out of range; the message says what.
    """
    task = Task(
        name="",
        title=title.strip(),
        question=question.strip(),
        features=tuple(features),
        statics=tuple(statics),
        outcomes=tuple(outcomes),
        event=event,
        window_hours=window,
        min_hours=1,
        min_measurements=1,
        source=_SOURCE,
        card=_CARD,
        step=step,
        causal=causal,
        columns=columns,
    )
    return task_from_config(task_to_config(replace(task, name=own_name(task))))


def own_name(task: Task) -> str:
    """Name of a task made from its title and its content."""
    plain = unicodedata.normalize("NFKD", task.title.casefold()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "task"
    content = {key: value for key, value in task_to_config(task).items() if key != "name"}
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, allow_nan=False)
    return f"{slug}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def task_to_config(task: Task) -> dict[str, Any]:
    """Plain values for a JSON file.

    Raises:
        TaskError: A number in it is not finite.
    """
    config = {
        "name": task.name,
        "title": task.title,
        "question": task.question,
        "features": [_feature_config(f) for f in task.features],
        "statics": [_feature_config(f) for f in task.statics],
        "outcomes": [asdict(o) for o in task.outcomes],
        "event": task.event,
        "window_hours": task.window_hours,
        "min_hours": task.min_hours,
        "min_measurements": task.min_measurements,
        "source": task.source,
        "card": task.card,
        "step": asdict(task.step),
        "causal": task.causal,
        "columns": None if task.columns is None else asdict(task.columns),
    }
    try:
        json.dumps(config, allow_nan=False)
    except (TypeError, ValueError):
        raise TaskError("The task holds a number that is not finite. Check the ranges of its columns.") from None
    return config


def _feature_config(feature: Feature) -> dict[str, Any]:
    # Codes are for reading files of coded formats; a task made from a table goes by its names.
    apart = ("units", "choices", "synonyms", "codes", "at_admission")
    plain = {key: value for key, value in vars(feature).items() if key not in apart}
    return plain | {
        "synonyms": list(feature.synonyms),
        "units": [asdict(u) | {"aliases": list(u.aliases)} for u in feature.units],
        "choices": [[code, label] for code, label in feature.choices.items()],
    }


def task_from_config(config: object) -> Task:
    """Inverse of `task_to_config`.

    Raises:
        TaskError: An entry is missing, unknown, of the wrong type or out of range; or the name is that of a
            shipped task with another content, or does not belong to this content.
    """
    entry = _Entries(config, "task.json")
    task = Task(
        name=entry.text("name"),
        title=entry.text("title"),
        question=entry.text("question", _MAX_SENTENCE),
        features=tuple(map(_feature, entry.items("features", 1, MAX_FEATURES))),
        statics=tuple(map(_feature, entry.items("statics", 0, MAX_STATICS))),
        outcomes=tuple(map(_outcome, entry.items("outcomes", MIN_CLASSES, MAX_CLASSES))),
        event=entry.text("event"),
        window_hours=entry.whole("window_hours", 1, MAX_WINDOW),
        min_hours=entry.whole("min_hours", 0, MAX_WINDOW),
        min_measurements=entry.whole("min_measurements", 0, 1_000_000),
        source=entry.text("source", _MAX_SENTENCE),
        card=entry.text("card", _MAX_CARD, lines=True),
        step=_step(entry.value("step")),
        causal=entry.flag("causal"),
        columns=None if entry.value("columns") is None else _columns(entry.value("columns")),
    )
    entry.end()
    _check_whole(task)
    shipped = TASKS.get(task.name)
    if shipped is not None and task != shipped:
        raise TaskError(
            f"task.json calls itself {task.name}, but differs from that task of this MedGRU. "
            "It was made by another version or was changed: make it anew."
        )
    if shipped is None and task.name != own_name(task):
        raise TaskError("The name in task.json does not belong to its content: it was changed. Make it anew.")
    return shipped or task


def _check_whole(task: Task) -> None:
    """What no entry shows alone: names that occur twice, an event that is no class."""
    names = [f.name for f in (*task.features, *task.statics)]
    if len(set(names)) < len(names):
        _refuse("task.json", "features", "names that occur once each")
    if len({o.name for o in task.outcomes}) < len(task.outcomes):
        _refuse("task.json", "outcomes", "names that occur once each")
    if task.event not in {o.name for o in task.outcomes}:
        _refuse("task.json", "event", "the name of one of the outcomes")
    if task.min_hours > task.window_hours:
        _refuse("task.json", "min_hours", "no more than window_hours")


def _feature(config: object) -> Feature:
    entry = _Entries(config, "A feature in task.json")
    feature = Feature(
        name=entry.text("name"),
        label=entry.text("label"),
        unit=entry.text("unit", empty=True),
        low=entry.number("low"),
        high=entry.number("high"),
        normal_low=entry.optional_number("normal_low"),
        normal_high=entry.optional_number("normal_high"),
        transform=entry.one_of("transform", ("identity", "log")),
        synonyms=tuple(entry.texts("synonyms")),
        units=tuple(map(_unit, entry.items("units", 0, MAX_CHOICES))),
        loinc=entry.optional_text("loinc"),
        group=entry.text("group"),
        decimals=entry.whole("decimals", 0, 12),
        choices=_choices(entry.items("choices", 0, MAX_CHOICES)),
        aggregate=entry.one_of("aggregate", ("mean", "sum")),
    )
    entry.end()
    if feature.low >= feature.high or (feature.transform == "log" and feature.low < 0):
        _refuse("A feature in task.json", "low", "less than high, and not negative where values are logged")
    return feature


def _choices(items: list[object]) -> dict[int, str]:
    found: dict[int, str] = {}
    for item in items:
        if not isinstance(item, list) or len(item) != 2:
            _refuse("A feature in task.json", "choices", "pairs of a code and its label")
        pair = _Entries({"code": item[0], "label": item[1]}, "A choice in task.json")
        code = pair.whole("code", -1_000_000, 1_000_000)
        if code in found:
            _refuse("A feature in task.json", "choices", "codes that occur once each")
        found[code] = pair.text("label")
    return found


def _unit(config: object) -> Unit:
    entry = _Entries(config, "A unit in task.json")
    unit = Unit(entry.text("name"), entry.number("factor"), entry.number("offset"), tuple(entry.texts("aliases")))
    entry.end()
    if unit.factor == 0:
        _refuse("A unit in task.json", "factor", "not zero")
    return unit


def _outcome(config: object) -> Outcome:
    entry = _Entries(config, "An outcome in task.json")
    outcome = Outcome(entry.text("name"), entry.text("label"))
    entry.end()
    return outcome


def _step(config: object) -> Step:
    entry = _Entries(config, "The step in task.json")
    step = Step(entry.text("name"), entry.optional_number("seconds"))
    entry.end()
    if step.seconds is not None and not 1e-6 <= step.seconds <= 1e9:
        _refuse("The step in task.json", "seconds", "between 0.000001 and 1,000,000,000, or null")
    return step


def _columns(config: object) -> Columns:
    entry = _Entries(config, "The columns in task.json")
    headers = {key: entry.text(key, empty=True) for key in ("time", "variable", "value", "label", "patient")}
    columns = Columns(
        record_id=entry.text("record_id", empty=True),
        time_unit=entry.text("time_unit", empty=True),
        start=entry.optional_number("start"),
        first_step=entry.whole("first_step", 0, 1),
        **headers,
    )
    entry.end()
    return columns


class _Entries:
    """The entries of one JSON object, each taken once and checked."""

    def __init__(self, config: object, where: str) -> None:
        if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
            raise TaskError(f"{where} is no object with named entries. Make the task anew.")
        self.values, self.where = config, where
        self.taken: set[str] = set()

    def value(self, key: str) -> Any:
        if key not in self.values:
            raise TaskError(f"{self.where} has no entry {key!r}: it is damaged or was made by another version.")
        self.taken.add(key)
        return self.values[key]

    def end(self) -> None:
        """Refuse what nobody asked for."""
        if unknown := set(self.values) - self.taken:
            raise TaskError(
                f"{self.where} has {len(unknown)} unknown entries: it was made by another version of MedGRU."
            )

    def text(self, key: str, longest: int = MAX_TEXT, empty: bool = False, lines: bool = False) -> str:
        value = self.value(key)
        if not isinstance(value, str) or len(value) > longest or not (empty or value.strip()):
            _refuse(self.where, key, f"a text of 1 to {longest:,} characters")
        if any(unicodedata.category(c) in ("Cc", "Cs") and not (lines and c == "\n") for c in value):
            _refuse(self.where, key, "a text without control characters")
        return value

    def optional_text(self, key: str) -> str | None:
        return None if self.value(key) is None else self.text(key)

    def texts(self, key: str) -> list[str]:
        found = self.items(key, 0, MAX_CHOICES)
        return [_Entries({key: item}, self.where).text(key) for item in found]

    def number(self, key: str) -> float:
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_VALUE:
            _refuse(self.where, key, "a finite number")
        return value

    def optional_number(self, key: str) -> float | None:
        return None if self.value(key) is None else self.number(key)

    def whole(self, key: str, low: int, high: int) -> int:
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            _refuse(self.where, key, f"a whole number from {low:,} to {high:,}")
        return value

    def flag(self, key: str) -> bool:
        value = self.value(key)
        if not isinstance(value, bool):
            _refuse(self.where, key, "true or false")
        return value

    def one_of(self, key: str, known: tuple[str, ...]) -> str:
        value = self.value(key)
        if not isinstance(value, str) or value not in known:
            _refuse(self.where, key, f"one of {', '.join(known)}")
        return value

    def items(self, key: str, fewest: int, most: int) -> list[object]:
        value = self.value(key)
        if not isinstance(value, list) or not fewest <= len(value) <= most:
            _refuse(self.where, key, f"a list of {fewest:,} to {most:,} entries")
        return value


def _refuse(where: str, key: str, expected: str) -> NoReturn:
    raise TaskError(f"{where}: the entry {key!r} must be {expected}. It is damaged or was made by another version.")
