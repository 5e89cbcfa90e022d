"""A verdict for each patient: enough to predict, thin, or not enough, and why; docs/adr/0016-quality-verdicts.md."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.recording import Recordings
from medgru.predict import thin_reasons
from medgru.quality.coverage import Coverage
from medgru.tasks import HOUR, Task

ENOUGH, THIN, NOT_ENOUGH = "enough", "thin", "not enough"
VERDICTS = (ENOUGH, THIN, NOT_ENOUGH)


@dataclass(frozen=True)
class Rule:
    """What makes an answer rest on little.

    Attributes:
        column: What is looked at, a column of `Coverage.stays`.
        limit: From which value of it on a stay has enough, by task.
        is_most: Whether the limit is the most that is allowed, and not the least.
        words: The reason, with `{value}`, `{limit}`, `{whole}` and `{step}`.
        whole: All there could be, by task.
    """

    column: str
    limit: Callable[[Task], float]
    words: str
    whole: Callable[[Task], float]
    is_most: bool = False


RULES = (
    Rule("steps", lambda t: t.window_hours / 3, "Only {value} {step} of {whole} recorded.", lambda t: t.window_hours),
    Rule(
        "variables",
        lambda t: len(t.features) / 3,
        "Only {value} of {whole} variables measured.",
        lambda t: len(t.features),
    ),
    Rule(
        "longest_gap",
        lambda t: t.window_hours / 3,
        "Nothing measured for {value} {step}.",
        lambda t: t.window_hours,
        is_most=True,
    ),
)
"""A third of the window, a third of the variables, no silence longer than a third of the window."""


def judge(recordings: Recordings, coverage: Coverage) -> pd.DataFrame:
    """A row a stay: record_id, verdict, why, and what it was judged by (steps, measurements, variables, longest_gap).

    "Not enough" is where the model abstains, by the very rule by which it does.
    """
    stays = coverage.stays
    abstains = thin_reasons(recordings, stays["steps"].to_numpy())
    why = np.array(abstains, dtype=object)
    verdict = np.where(why != "", NOT_ENOUGH, ENOUGH).astype(object)
    for rule in RULES:
        value = stays[rule.column].to_numpy(dtype=float)
        for at in np.flatnonzero(_breaks(rule, value, recordings.task) & (verdict != NOT_ENOUGH)):
            why[at] = f"{why[at]} {_reason(rule, float(value[at]), recordings.task)}".strip()
            verdict[at] = THIN
    table = stays.copy()
    table.insert(1, "verdict", verdict)
    table.insert(2, "why", why)
    return table


def _breaks(rule: Rule, value: NDArray[np.float64], task: Task) -> NDArray[np.bool_]:
    return value > rule.limit(task) if rule.is_most else value < rule.limit(task)


def _reason(rule: Rule, value: float, task: Task) -> str:
    step = "h" if task.step == HOUR else f"{task.step.name}s"
    return rule.words.format(
        value=f"{value:.0f}", limit=f"{rule.limit(task):g}", whole=f"{rule.whole(task):g}", step=step
    )
