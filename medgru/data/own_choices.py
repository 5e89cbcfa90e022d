"""What the columns of an unknown table are shown as, and what a person chooses among them for a new task."""

from dataclasses import dataclass

from medgru.data.columns import CATEGORY, NUMBER
from medgru.data.label_rows import SAME
from medgru.tasks import Step


@dataclass(frozen=True)
class NewTaskColumn:
    """One column of the tables, or one variable of a long table.

    Attributes:
        name: Its header, or the name of the variable.
        kind: "number", "category" (at most 20 texts), "text" or "time".
        distinct: Different entries.
        missing: Share of cells that hold nothing, 0 to 1.
        examples: A few entries as they stand: a patient's, for the screen only.
        role: What it is taken for: "record_id", "patient", "time", "label", "feature", "static", "variable",
            "value" or "left out".
        reason: Why, a sentence.
        variable: Whether it is a variable of a long table.
    """

    name: str
    kind: str
    distinct: int
    missing: float
    examples: tuple[str, ...]
    role: str
    reason: str
    variable: bool = False

    @property
    def usable(self) -> bool:
        """Whether it can be a feature or static at all."""
        return self.kind in (NUMBER, CATEGORY) and self.distinct > 1


@dataclass(frozen=True)
class NewTaskChoices:
    """What a person chose for a new task.

    Attributes:
        id: Column that says which stay a row belongs to; None where each file is one stay.
        label: Column of the outcome.
        features, statics: Columns (or variables) measured over time, and descriptors of the stay.
        time: Time column; None to count the rows of each stay.
        time_unit: One of `OWN_TIME_UNITS`; "" to find it out.
        step: Step of the grid; None to find a good one.
        window: Most steps; None for the longest stay.
        rule: For a label that changes within a stay: one of `medgru.data.label_rows.RULES`.
        event: Class whose probability is followed; "" for the likeliest one.
        causal: Whether the answer is followed while the recording goes on.
        patient: Column that says whose stay it is; None where each stay is another patient's.
        variable, value: Columns of a long table; None in a wide one.
        title, question: For the screen; "" for plain ones.
    """

    id: str | None
    label: str
    features: tuple[str, ...]
    statics: tuple[str, ...] = ()
    time: str | None = None
    time_unit: str = ""
    step: Step | None = None
    window: int | None = None
    rule: str = SAME
    event: str = ""
    causal: bool = True
    patient: str | None = None
    variable: str | None = None
    value: str | None = None
    title: str = ""
    question: str = ""

    @property
    def long(self) -> tuple[str, str] | None:
        """Columns of variables and values, None in a wide table."""
        return (self.variable, self.value) if self.variable and self.value else None
