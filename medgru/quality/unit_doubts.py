"""Values inside the plausible range that would be usual in another unit.

What lies outside of it is reported while reading. Here a glucose of 5.5 mg/dL is doubted where the patient's others lie
around 100, or where all of them are as low. High values are doubted only as a spike of one conversion factor that comes
and goes, because illness makes them too.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.recording import Recordings
from medgru.data.units import convert, unit_choices
from medgru.data.words import agreeing, counted
from medgru.quality.finding import MAX_ROWS, UNITS, Finding
from medgru.tasks import Feature, Unit

_SMALLEST = np.log(1.8)
"""Units whose numbers differ by less cannot be told apart by their numbers."""

_NEAR, _FAR = 0.3, 0.7  # of the conversion factor's logarithm: what agrees, what disagrees


def unit_doubts(recordings: Recordings) -> list[Finding]:
    """Suspected units, a finding a variable and unit."""
    found = []
    for f, spec in enumerate(recordings.task.features):
        if spec.choices or not spec.normal_low or not spec.normal_high:
            continue
        mine = np.flatnonzero(recordings.feature == f)
        if len(mine):
            found += _of_variable(recordings, spec, mine)
    return found


def _of_variable(recordings: Recordings, spec: Feature, mine: NDArray[np.int64]) -> list[Finding]:
    low, high = float(spec.normal_low or 0), float(spec.normal_high or 0)
    value = np.asarray(recordings.value)[mine].astype(float)
    odd = (value > 0) & ((value < low / 1.8) | (value > high * 1.8))
    if not odd.any():
        return []
    stay, hours = np.asarray(recordings.stay)[mine], np.asarray(recordings.hours)[mine]
    order = np.lexsort((hours, stay))
    mine, stay, hours, value, odd = mine[order], stay[order], hours[order], value[order], odd[order]
    usual, count = _medians(stay, value, len(recordings))
    before, after = np.roll(value, 1), np.roll(value, -1)
    inner = np.zeros(len(value), dtype=bool)
    inner[1:-1] = (stay[1:-1] == stay[:-2]) & (stay[1:-1] == stay[2:])
    found = []
    taken = np.zeros(len(value), dtype=bool)
    for unit in _others(spec):
        other = convert(value, unit)
        size = abs(np.log(unit.factor))
        with np.errstate(divide="ignore", invalid="ignore"):
            off, fits = np.abs(np.log(value / usual[stay])), np.abs(np.log(other / usual[stay]))
            there_and_back = (np.abs(np.log(value / before)) > _FAR * size) & (
                np.abs(np.log(value / after)) > _FAR * size
            )
        inside = (other >= low / 1.3) & (other <= high * 2)
        below = value < low / 1.8
        others_differ = (count[stay] >= 3) & (off > _FAR * size) & (fits < _NEAR * size)
        all_low = below & (usual[stay] < low / 1.8) & inside & (convert(usual, unit)[stay] <= high * 2)
        spike = others_differ & ~below & inner & there_and_back
        hit = odd & ~taken & inside & ((below & others_differ) | all_low | spike)
        if hit.any():
            taken |= hit
            found.append(_finding(recordings, spec, unit, hours[hit], stay[hit], value[hit], other[hit]))
    return found


def _finding(
    recordings: Recordings, spec: Feature, unit: Unit, hours: NDArray, stay: NDArray, value: NDArray, other: NDArray
) -> Finding:
    ids = np.array(recordings.record_ids, dtype=object)
    rows = pd.DataFrame(
        {
            "record_id": ids[stay[:MAX_ROWS]],
            "hour": np.round(hours[:MAX_ROWS].astype(float), 2),
            f"as read ({spec.unit})": np.round(value[:MAX_ROWS], 4),
            f"if it were {unit.name} ({spec.unit})": np.round(other[:MAX_ROWS], spec.decimals + 1),
        }
    )
    looks = agreeing(len(value), "looks", "look")
    title = f"{spec.label}: {counted(len(value), 'value')} {looks} like {unit.name}, read as {spec.unit}."
    return Finding(
        UNITS,
        title,
        f"Look at where they come from. If a whole file is in {unit.name}, choose that unit on Upload.",
        spec.name,
        len(np.unique(stay)),
        len(value),
        rows,
    )


def _others(spec: Feature) -> list[Unit]:
    """Units whose numbers are clearly other ones, each conversion once."""
    seen: dict[tuple[float, float], Unit] = {}
    for unit in unit_choices(spec)[1:]:
        if unit.offset == 0 and abs(np.log(unit.factor)) >= _SMALLEST:
            seen.setdefault((unit.factor, unit.offset), unit)
    return list(seen.values())


def _medians(stay: NDArray, value: NDArray, n: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Median of each stay and how many values it has, (n,)."""
    order = np.lexsort((value, stay))
    count = np.bincount(stay, minlength=n)
    start = np.cumsum(count) - count
    ordered = np.append(value[order], np.nan)
    low, high = start + np.maximum(count - 1, 0) // 2, start + count // 2
    medians = (ordered[np.minimum(low, len(value))] + ordered[np.minimum(high, len(value))]) / 2
    return np.where(count > 0, medians, np.nan), count
