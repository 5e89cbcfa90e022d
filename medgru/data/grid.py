"""The grid of an own task: when its stays start, how long a step lasts, how many steps there are.

Shapes: N rows with a known stay and time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgru.data.times import STEPS, in_hours
from medgru.tasks import HOUR, Step

GOOD_STEPS = 200
"""The step is chosen so that the longest stay has at most about this many."""

MAX_STEPS = 1_000
"""Longest window; later rows are set aside."""

STEP_CHOICES = (
    Step("millisecond", 0.001),
    Step("10 milliseconds", 0.01),
    Step("0.1 seconds", 0.1),
    Step("second", 1.0),
    Step("5 seconds", 5.0),
    Step("10 seconds", 10.0),
    Step("30 seconds", 30.0),
    Step("minute", 60.0),
    Step("5 minutes", 300.0),
    Step("10 minutes", 600.0),
    Step("15 minutes", 900.0),
    Step("30 minutes", 1_800.0),
    Step("hour", 3_600.0),
    Step("2 hours", 7_200.0),
    Step("3 hours", 10_800.0),
    Step("4 hours", 14_400.0),
    Step("6 hours", 21_600.0),
    Step("8 hours", 28_800.0),
    Step("12 hours", 43_200.0),
    Step("day", 86_400.0),
    Step("week", 604_800.0),
    Step("30 days", 2_592_000.0),
    Step("90 days", 7_776_000.0),
    Step("year", 31_557_600.0),
    Step("10 years", 315_576_000.0),
)
ROW_STEP = Step("row", None)
NUMBER_STEP = Step("step", None)
_HAIR = 1e-6


@dataclass(frozen=True)
class Moments:
    """Times of rows as they stand in the files.

    Attributes:
        stay: Index of each row's stay, (N,).
        value: Time, (N,): hours, or steps where the unit is "steps".
        unit: Unit of the time column.
        absolute: Whether the times are moments of a calendar.
    """

    stay: NDArray[np.int32]
    value: NDArray[np.float64]
    unit: str
    absolute: bool

    def since_first(self) -> NDArray[np.float64]:
        """Time since the first row of each stay, (N,)."""
        first = np.full(int(self.stay.max(initial=0)) + 1, np.inf)
        np.minimum.at(first, self.stay, self.value)
        return self.value - first[self.stay]


@dataclass(frozen=True)
class Grid:
    """Where the steps of a task lie.

    Attributes:
        step: One step.
        start: Start of all stays, in the unit of the column; None where each starts with its first row.
        first_step: Step at the start.
        window: Steps of the longest stay, at most `MAX_STEPS`.
        cut: Rows beyond the window.
        choices: Steps that can be chosen.
    """

    step: Step
    start: float | None
    first_step: int
    window: int
    cut: int
    choices: tuple[Step, ...]


def grid_of(moments: Moments, step: Step | None = None) -> Grid:
    """The grid for these times; the step is worked out unless one with a length is given."""
    start = _start(moments)
    since = moments.since_first() if start is None else moments.value - in_hours(start, moments.unit)
    if moments.unit == STEPS:
        return _made(since, NUMBER_STEP, start, 1, (NUMBER_STEP,))
    choices = _choices(since)
    if step is None or step.seconds is None:
        step = _default_step(moments, since, choices)
    steps = since * (3600 / (step.seconds or 3600))
    on_grid = len(steps) > 0 and bool((np.abs(steps - np.rint(steps)) < _HAIR * np.maximum(1, steps)).all())
    # An hour is called as on the shipped task: hour 12 of a file is hour 12, and hour 0 shares the first cell with hour
    # 1 (ADR 2). Other steps that the times lie on are numbered from 1, each with a cell of its own.
    numbered = on_grid and step != HOUR and float(steps.min(initial=np.inf)) < 1
    return _made(steps, step, start, int(numbered), choices)


def row_grid(sizes: NDArray[np.integer]) -> Grid:
    """The grid where the rows of each stay are counted; `sizes` are the rows of each."""
    numbers = np.concatenate([np.arange(n) for n in sizes]) if len(sizes) else np.empty(0)
    return _made(numbers.astype(np.float64), ROW_STEP, None, 1, (ROW_STEP,))


def _made(
    steps: NDArray[np.float64], step: Step, start: float | None, first_step: int, choices: tuple[Step, ...]
) -> Grid:
    # As `build` keeps them: float32.
    last = (steps + first_step).astype(np.float32)
    longest = int(np.ceil(last.max(initial=1.0)))
    window = min(max(longest, 1), MAX_STEPS)
    return Grid(step, start, first_step, window, int((last > window).sum()), choices)


def _start(moments: Moments) -> float | None:
    """Where all stays start; None where each has a start of its own."""
    if moments.absolute or not len(moments.value):
        return None
    first = np.full(int(moments.stay.max(initial=0)) + 1, np.inf)
    last = np.full(len(first), -np.inf)
    np.minimum.at(first, moments.stay, moments.value)
    np.maximum.at(last, moments.stay, moments.value)
    known = np.isfinite(first)
    first, span = first[known], (last - first)[known]
    lowest = float(first.min())
    # Times that run on through the whole file say nothing about how long a stay has lasted.
    typical = float(np.median(span))
    if len(first) > 1 and float(np.median(first - min(lowest, 0.0))) > 3 * max(typical, _HAIR) and typical > 0:
        return None
    raw = lowest * _per_hour(moments.unit)
    return raw if moments.unit == STEPS else min(raw, 0.0)


def _per_hour(unit: str) -> float:
    """How many of the unit make an hour."""
    return 1.0 / in_hours(1.0, unit)


def _choices(since: NDArray[np.float64]) -> tuple[Step, ...]:
    """Steps of which the longest stay has at least two and at most `MAX_STEPS`; always some."""
    longest = float(since.max(initial=0.0)) * 3600
    if not longest:
        return (HOUR,)
    enough = [s for s in STEP_CHOICES if s.seconds and s.seconds >= longest / MAX_STEPS] or [STEP_CHOICES[-1]]
    return tuple(s for s in enough if s is enough[0] or (s.seconds and s.seconds <= longest / 2))


def _default_step(moments: Moments, since: NDArray[np.float64], choices: Sequence[Step]) -> Step:
    """The step nearest to the usual gap between rows, of those that leave at most `GOOD_STEPS`."""
    longest = float(since.max(initial=0.0)) * 3600
    order = np.lexsort((since, moments.stay))
    gaps = np.diff(since[order])[np.diff(moments.stay[order]) == 0] * 3600
    gaps = gaps[gaps > _HAIR]
    usual = float(np.median(gaps)) if len(gaps) else 0.0
    coarse = [s for s in choices if s.seconds and s.seconds >= longest / GOOD_STEPS] or [choices[-1]]
    return min(coarse, key=lambda s: abs(np.log((s.seconds or 1.0) / usual))) if usual else coarse[0]
