"""One thing that looks wrong, in words and with its rows."""

from dataclasses import dataclass, field

import pandas as pd

UNITS, CLOCK = "unit", "clock"
MAX_ROWS = 500
"""Rows that a finding keeps to be looked at; `count` says how many there are."""


@dataclass(frozen=True)
class Finding:
    """A suspicion, never a correction.

    Attributes:
        kind: `UNITS` or `CLOCK`.
        title: What was found, a sentence without a value.
        what_to_do: What a person should check.
        variable: The variable it is about, "" for all.
        patients, count: How many stays and rows or measurements it is about.
        rows: Some of them, at most `MAX_ROWS`. They hold values: for the screen of whoever brought the files.
    """

    kind: str
    title: str
    what_to_do: str
    variable: str
    patients: int
    count: int
    rows: pd.DataFrame = field(repr=False)
