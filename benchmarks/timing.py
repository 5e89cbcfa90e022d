"""Ratios of times that mean something on a noisy machine: alternating rounds in one process, medians."""

import statistics
import time
from collections.abc import Callable


def ratio(
    numerator: Callable[[], object], denominator: Callable[[], object], rounds: int
) -> tuple[float, float, float]:
    """Median ratio of times over alternating rounds, and the two median times in ms."""
    numerator(), denominator()  # warm-up
    above, below = [], []
    for i in range(rounds):
        for run, times in ((numerator, above), (denominator, below))[:: 1 if i % 2 else -1]:
            start = time.perf_counter()
            run()
            times.append((time.perf_counter() - start) * 1e3)
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return statistics.median(ratios), statistics.median(above), statistics.median(below)
