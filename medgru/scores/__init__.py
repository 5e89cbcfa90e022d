"""Bedside scores beside the model's answer: one file each, one line here.

They are computed from the latest values that are young enough (see `medgru.scores.inputs`), say what was missing and
never take what is missing for normal.
"""

import numpy as np
from numpy.typing import ArrayLike

from medgru.data.recording import Recordings
from medgru.scores import news2
from medgru.scores.inputs import MAX_AGE_HOURS, Latest, columns, hours_a_step, last_measured
from medgru.scores.news2 import NEWS2
from medgru.scores.qsofa import QSOFA
from medgru.scores.score import Part, Points, Result, Score
from medgru.scores.sirs import SIRS
from medgru.tasks import Task

SCORES: dict[str, Score] = {score.name: score for score in (NEWS2, QSOFA, SIRS)}


def bedside(recordings: Recordings, at: ArrayLike | None = None, scale_2: ArrayLike = False) -> dict[str, Result]:
    """Every score of every stay, by name; nothing where the task holds none of their inputs.

    Args:
        recordings: The stays.
        at: Hours since the start at which they are computed, one for all or one a stay; by default the last
            measurement of each.
        scale_2: For whom SpO2 scale 2 of NEWS2 was chosen, one for all or one a stay.
    """
    return from_latest(Latest(recordings, at), scale_2)


def from_latest(latest: Latest, scale_2: ArrayLike = False) -> dict[str, Result]:
    """The same from values that were found before, for another choice of the scale."""
    if why_none(latest.recordings.task):
        return {}
    chosen = np.broadcast_to(np.asarray(scale_2, dtype=np.bool_), len(latest))
    found = {}
    for name, score in SCORES.items():
        asked = latest.anew()
        found[name] = Result(score, score.judge(asked, chosen), asked.oldest)
    return found


def why_none(task: Task) -> str:
    """Why there are no bedside scores for a task, a sentence; "" where there are."""
    if hours_a_step(task) is None:
        return "Bedside scores need times: without a clock nobody can tell how old a value is."
    if not any(columns(task).values()):
        return "Bedside scores need vital signs; none of this task's variables is one that they know."
    return ""


__all__ = [
    "MAX_AGE_HOURS", "NEWS2", "QSOFA", "SCORES", "SIRS", "Latest", "Part", "Points", "Result", "Score", "bedside",
    "from_latest", "last_measured", "news2", "why_none",
]  # fmt: skip
