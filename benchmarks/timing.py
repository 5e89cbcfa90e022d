"""Ratios of times that mean something on a noisy machine: alternating rounds in one process, medians."""

import statistics
import time
from collections.abc import Callable


def ratio(
    numerator: Callable[[], object],
    denominator: Callable[[], object],
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[float, float, float]:
    """Median ratio of times over alternating rounds, and the two median times in ms.

    `time.process_time` for a clock leaves out the waiting for a core that others hold; right where both run on
    one thread and neither waits for anything else.
    """
    numerator(), denominator()  # warm-up
    above, below = [], []
    for i in range(rounds):
        for run, times in ((numerator, above), (denominator, below))[:: 1 if i % 2 else -1]:
            start = clock()
            run()
            times.append((clock() - start) * 1e3)
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return statistics.median(ratios), statistics.median(above), statistics.median(below)
