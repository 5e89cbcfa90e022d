"""What a task declares: the features that go in and the classes that come out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Unit:
    """A unit in which a feature may arrive: `canonical = value * factor + offset`.

    Attributes:
        name: How the unit is shown, e.g. "°F".
        factor, offset: The linear conversion to the feature's own unit.
        aliases: Other spellings, compared without case and spaces.
    """

    name: str
    factor: float = 1.0
    offset: float = 0.0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Feature:
    """One variable of a task.

    Attributes:
        name: Short identifier, as in the training data ("HR").
        label: Plain-language name for the screen ("Heart rate").
        unit: Unit in which values are stored, shown and given to the model.
        low, high: Plausible range in that unit, both ends allowed; what lies outside becomes missing
            and is reported.
        normal_low, normal_high: Reference band for adults, drawn behind the curve; None where there is
            no single one.
        transform: "identity" or "log" (log(1 + value)) before standardising.
        synonyms: Names under which hospitals call it, compared without case, spaces and punctuation.
        units: Other units that can be converted.
        loinc: LOINC code, where verified.
        codes: Other codes that mean it, the code system first: "LOINC 59408-5", "OMOP 3027018", "MIMIC 220045".
        at_admission: Whether a value that stands without a time (in a table of patients) is that at admission.
        group: Heading under which the screen shows it.
        decimals: Digits after the point on the screen.
        choices: For coded values, code -> label ({0: "female", 1: "male"}); empty for quantities.
        aggregate: How several values within one hour become one: "mean" or "sum".
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    normal_low: float | None = None
    normal_high: float | None = None
    transform: str = "identity"
    synonyms: tuple[str, ...] = field(default=(), compare=False)
    units: tuple[Unit, ...] = ()
    loinc: str | None = None
    group: str = "Other"
    decimals: int = 0
    choices: Mapping[int, str] = field(default_factory=dict)
    aggregate: str = "mean"
    codes: tuple[str, ...] = field(default=(), compare=False)
    at_admission: bool = field(default=False, compare=False)


@dataclass(frozen=True)
class Step:
    """The grid of a task: how long one step of it lasts, and what it is called.

    Attributes:
        name: The word for one step ("hour", "minute", "row").
        seconds: How long it lasts; None where rows are counted and there is no clock.
    """

    name: str = "hour"
    seconds: float | None = 3600.0


HOUR = Step()


@dataclass(frozen=True)
class Columns:
    """The columns of the table that an own task was made from: later files of the same kind are read the same way.

    Attributes:
        record_id: Header of the column that says which stay a row belongs to.
        time: Header of the time column; "" where the rows of each stay are counted.
        time_unit: Unit of the time column.
        start: Time at which every stay starts, in that unit; None where each starts with its first row.
        first_step: Step of the grid at the start: 1 where the times lie on the grid, so that each has its own step.
        variable, value: Headers in a long table, "" in a wide one.
        label, patient: Headers of the outcome and of whose stay it is; "" where there is none.
    """

    record_id: str
    time: str = ""
    time_unit: str = ""
    start: float | None = None
    first_step: int = 0
    variable: str = ""
    value: str = ""
    label: str = ""
    patient: str = ""


@dataclass(frozen=True)
class Outcome:
    """One class a task tells apart: its id in files and its words on the screen."""

    name: str
    label: str


@dataclass(frozen=True)
class Task:
    """What goes in, what comes out, and over which time.

    Tasks are compared without what changes no number: question, source and cards, and the names (synonyms, doubts) that
    only files yet to be read need.

    Attributes:
        name: Identifier, also of the shipped bundle ("icu-mortality").
        title: Plain-language name.
        question: The question the model answers, one sentence.
        features: Series measured over time, in the order of the model's input.
        statics: Descriptors known at admission, in the order of the model's input.
        outcomes: The classes, in the order of the logits.
        event: Name of the outcome whose probability is followed over time.
        window_hours: Steps of the grid since the start (hours, unless `step` says otherwise) that the model sees;
            later rows are set aside.
        min_hours, min_measurements: Below either, a stay is too thin and the model abstains.
        source: Where the training data comes from, with its licence.
        card: Intended use, limits and citations, Markdown; part of the card of the shipped model.
        step: The grid on which measurements become model input. Wherever the code says "hours" of a stay, it
            means steps of this grid.
        columns: For a task made from a table: its columns; None otherwise.
        causal: Whether the answer is followed while the recording goes on, so that no step may use a later one.
        user_card: The part of `card` that also holds for a model that a user trained on other data; empty where all
            of it does.
        doubts: Synonyms that could mean another feature too, with what to check: they are taken as a guess.
    """

    name: str
    title: str
    question: str = field(compare=False)
    features: tuple[Feature, ...]
    statics: tuple[Feature, ...]
    outcomes: tuple[Outcome, ...]
    event: str
    window_hours: int
    min_hours: int
    min_measurements: int
    source: str = field(compare=False)
    card: str = field(compare=False)
    step: Step = HOUR
    causal: bool = True
    columns: Columns | None = None
    user_card: str = field(default="", compare=False)
    doubts: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def counts_rows(self) -> bool:
        """Whether there is no time column and the rows of each stay are counted."""
        return self.columns is not None and not self.columns.time

    @cached_property
    def feature_index(self) -> dict[str, int]:
        """Position of each series feature by name."""
        return {f.name: i for i, f in enumerate(self.features)}

    @cached_property
    def static_index(self) -> dict[str, int]:
        """Position of each admission descriptor by name."""
        return {f.name: i for i, f in enumerate(self.statics)}

    @cached_property
    def event_index(self) -> int:
        """Position of the followed outcome among the classes."""
        return [o.name for o in self.outcomes].index(self.event)

    def find(self, name: str) -> Feature:
        """The feature or descriptor of that name; KeyError if there is none."""
        for f in (*self.features, *self.statics):
            if f.name == name:
                return f
        raise KeyError(name)
