"""What was measured how often, and how much of it there is for each patient.

Letters: B stays, F variables, T steps of the task's grid (hours).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.recording import Recordings, steps_at


@dataclass(frozen=True)
class Coverage:
    """How well the variables are covered.

    Attributes:
        variables: A row a variable of the task: variable, label, unit, patients, share, measurements, per_day
            (measurements a patient and day of those who have it; NaN where rows are counted), median_gap (steps between
            two measurements), last_seen (median of the steps between the last one and the end of the stay).
        measured: Share of the patients still recorded at each step who have the variable then, (F, T); NaN beyond the
            end of all.
        recorded: Patients still recorded at each step, (T,).
        stays: A row a stay: record_id, steps, measurements, variables, longest_gap.
    """

    variables: pd.DataFrame
    measured: NDArray[np.float32]
    recorded: NDArray[np.int64]
    stays: pd.DataFrame


def cover(recordings: Recordings) -> Coverage:
    """Count what was measured, at the steps that the model sees."""
    task, n = recordings.task, len(recordings)
    stay, hours, feature = recordings.stay, recordings.hours, recordings.feature
    rising = (stay[1:] > stay[:-1]) | (hours[1:] >= hours[:-1])
    if not rising.all():
        order = np.lexsort((hours, stay))
        stay, hours, feature = stay[order], hours[order], feature[order]
    step = steps_at(hours, task)
    lengths = recordings.steps
    end = np.zeros(n, dtype=np.float32)
    np.maximum.at(end, stay, hours)
    wide = int(lengths.max(initial=1))
    recorded = np.array([(lengths > t).sum() for t in range(wide)])
    variables, per_stay, rows = len(task.features), np.zeros(n, dtype=np.int64), []
    measured = np.zeros((variables, wide), dtype=np.float32)
    a_day = 86_400 / task.step.seconds if task.step.seconds else np.nan
    for f, spec in enumerate(task.features):
        mine = np.flatnonzero(feature == f)
        owner, at = stay[mine], hours[mine]
        new = np.append(True, owner[1:] != owner[:-1]) if len(mine) else np.zeros(0, dtype=bool)
        who = owner[new]
        per_stay[who] += 1
        cells = owner.astype(np.int64) * wide + step[mine]  # rising, so that repeated ones stand together
        once = np.append(True, cells[1:] != cells[:-1]) if len(cells) else new
        measured[f] = np.bincount(step[mine][once], minlength=wide)
        gaps = np.diff(at)[owner[1:] == owner[:-1]] if len(mine) else at
        lasts = np.append(new[1:], True) if len(mine) else new
        days = float(lengths[who].sum()) / a_day
        rows.append(
            {
                "variable": spec.name,
                "label": spec.label,
                "unit": spec.unit,
                "patients": len(who),
                "share": len(who) / max(n, 1),
                "measurements": len(mine),
                "per_day": len(mine) / days if len(who) else np.nan,
                "median_gap": float(np.median(gaps)) if len(gaps) else np.nan,
                "last_seen": float(np.median(end[who] - at[lasts])) if len(who) else np.nan,
            }
        )
    measured = np.divide(measured, recorded, out=np.full_like(measured, np.nan), where=recorded > 0)
    gap = np.zeros(n, dtype=np.float32)
    if len(hours) > 1:
        same = stay[1:] == stay[:-1]
        np.maximum.at(gap, stay[1:][same], np.diff(hours)[same])
    stays = pd.DataFrame(
        {
            "record_id": list(recordings.record_ids),
            "steps": lengths,
            "measurements": np.bincount(stay, minlength=n),
            "variables": per_stay,
            "longest_gap": gap,
        }
    )
    return Coverage(pd.DataFrame(rows), measured, recorded, stays)


def stay_map(recordings: Recordings, record_id: str) -> NDArray[np.int64]:
    """How often each variable was measured at each step of one stay, (F, T)."""
    at = recordings.record_ids.index(record_id)
    begin, stop = np.searchsorted(recordings.stay, [at, at + 1])
    hours, feature = recordings.hours[begin:stop], recordings.feature[begin:stop]
    wide = int(steps_at(hours, recordings.task).max(initial=0)) + 1
    counts = np.zeros((len(recordings.task.features), wide), dtype=np.int64)
    np.add.at(counts, (feature, steps_at(hours, recordings.task)), 1)
    return counts
