"""What every bedside score gives: points a part, and what the missing parts would allow.

A part that was not recorded is never taken as normal: it may be worth nothing or all its points, and the score is
then a range. Shapes: B stays, P parts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from medgru.scores.inputs import Latest


@dataclass(frozen=True)
class Part:
    """One line of a score.

    Attributes:
        label: Plain words ("respiratory rate").
        most: The most points it can give.
    """

    label: str
    most: int


@dataclass(frozen=True)
class Points:
    """Fewest and most points that each part gives, (B, P) each; equal where the part is known."""

    fewest: NDArray[np.int64]
    most: NDArray[np.int64]


@dataclass(frozen=True)
class Score:
    """A bedside score.

    Attributes:
        name: How it is called ("NEWS2").
        title: Its full name.
        source: Where it was published, and whom to thank.
        parts: Its lines.
        thresholds: Totals from which its authors ask for a response, the lowest first.
        judge: Points of each part from the latest values; the mask (B,) says for whom SpO2 scale 2 was chosen.
        remark: What no record here can tell, a sentence; "" where there is nothing.
    """

    name: str
    title: str
    source: str
    parts: tuple[Part, ...]
    thresholds: tuple[int, ...]
    judge: Callable[[Latest, NDArray[np.bool_]], Points]
    remark: str = ""


@dataclass(frozen=True)
class Result:
    """One score of every stay.

    Attributes:
        score: Which one.
        points: Points a part.
        oldest: Hours since the oldest value that was used, (B,); NaN where none was.
    """

    score: Score
    points: Points
    oldest: NDArray[np.float64]

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Which parts are known, (B, P)."""
        return self.points.fewest == self.points.most

    @cached_property
    def any_known(self) -> NDArray[np.bool_]:
        """Stays of which at least one part is known, (B,)."""
        return np.asarray(self.known.any(axis=1))

    @cached_property
    def complete(self) -> NDArray[np.bool_]:
        """Stays of which every part is known, (B,)."""
        return np.asarray(self.known.all(axis=1))

    @cached_property
    def lowest(self) -> NDArray[np.int64]:
        """The total where all that is missing were normal, (B,)."""
        return self.points.fewest.sum(axis=1)

    @cached_property
    def highest(self) -> NDArray[np.int64]:
        """The total where all that is missing were as bad as can be, (B,)."""
        return self.points.most.sum(axis=1)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """What was missing of each stay, in words ("consciousness, temperature"), (B,); "" where nothing was."""
        labels = [part.label for part in self.score.parts]
        weights = 1 << np.arange(len(labels))
        patterns, which = np.unique((~self.known) @ weights, return_inverse=True)
        said = [", ".join(label for label, w in zip(labels, weights, strict=True) if p & w) for p in patterns]
        return tuple(said[i] for i in which)

    def text(self, at: int) -> str:
        """The total of one stay: "5", "5 to 8" where something is missing, "not known" where everything is."""
        if not self.any_known[at]:
            return "not known"
        low, high = int(self.lowest[at]), int(self.highest[at])
        return str(low) if low == high else f"{low} to {high}"

    def texts(self) -> list[str]:
        """The total of every stay in short: "5", "5–8", "?"."""
        pairs = np.where(self.any_known, self.lowest * 100 + self.highest, -1)
        kinds, which = np.unique(pairs, return_inverse=True)
        said = ["?" if k < 0 else f"{k // 100}" if k // 100 == k % 100 else f"{k // 100}–{k % 100}" for k in kinds]
        return [said[i] for i in which]


def banded(
    value: NDArray[np.float64], bands: tuple[tuple[float, int], ...], above: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Points by bands, and where there is a value at all.

    Args:
        value: Values as they are charted, NaN where missing, (B,).
        bands: Upper end of each band, which belongs to it, and its points; rising.
        above: Points beyond the last band.
    """
    ends = np.array([end for end, _ in bands])
    points = np.array([*(p for _, p in bands), above], dtype=np.int64)
    known = np.isfinite(value)
    return points[np.searchsorted(ends, np.where(known, value, 0.0))], known


def gather(columns: list[tuple[NDArray[np.int64], NDArray[np.int64]]]) -> Points:
    """Parts side by side."""
    return Points(np.stack([low for low, _ in columns], axis=1), np.stack([high for _, high in columns], axis=1))


def part(points: NDArray[np.int64], known: NDArray[np.bool_], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Fewest and most points of a part: nothing to all of them where it is not known."""
    return np.where(known, points, 0), np.where(known, points, most)
