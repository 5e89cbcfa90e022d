"""Shares with their intervals: sensitivity, positive predictive value."""

from dataclasses import dataclass
from math import sqrt

_Z = 1.959963984540054  # 97.5th percentile of the normal distribution


@dataclass(frozen=True)
class Proportion:
    """`hits` of `count`, with the 95 % interval of Wilson (1927), which also holds for few and for none.

    Attributes:
        hits, count: The share as it was counted.
    """

    hits: int
    count: int

    @property
    def value(self) -> float:
        """The share; NaN of none."""
        return self.hits / self.count if self.count else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Low and high end of the interval; 0 and 1 where nothing was counted."""
        n = self.count
        if not n:
            return 0.0, 1.0
        centre = (self.hits + _Z**2 / 2) / (n + _Z**2)
        half = _Z / (n + _Z**2) * sqrt(self.hits * (n - self.hits) / n + _Z**2 / 4)
        # The share itself lies within, also where rounding would leave it out: 0 of 27.
        return max(0.0, min(centre - half, self.value)), min(1.0, max(centre + half, self.value))
