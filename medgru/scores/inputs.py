"""The latest values that bedside scores are computed from, and how old they are.

Which variable of a task serves is found by its LOINC code, name or synonym, as columns of files are: tasks that users
made take part too. What is called "temperature" may be in any unit: where a task does not declare one (neither at the
variable nor in its name), a variable serves only if the median of its values is usual in the unit that the score needs.

The last value is carried forward for as long as `MAX_AGE_HOURS` says: 12 hours for what is observed at the bedside, the
longest interval that NEWS2 itself allows between two observations (RCP 2017, chart 4), and 24 hours for the laboratory.
An older value counts as missing.
Shapes: B stays, N measurements.
"""

from copy import copy
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from medgru.data.names import Names
from medgru.data.recording import Recordings
from medgru.data.units import find_unit, own_unit
from medgru.tasks import Feature, Task, Unit
from medgru.tasks.icu_mortality import ICU_MORTALITY

BEDSIDE_HOURS, LABORATORY_HOURS = 12.0, 24.0


@dataclass(frozen=True)
class Role:
    """One input of a score.

    Attributes:
        features: Names of the variables of `ICU_MORTALITY` that serve, the one preferred at the same time first.
        max_age: Hours for which the last value counts.
        usual: Range in which the median of a ward lies, in the unit of those variables.
    """

    features: tuple[str, ...]
    max_age: float
    usual: tuple[float, float]


HEART_RATE = Role(("HR",), BEDSIDE_HOURS, (35, 200))
RESPIRATORY_RATE = Role(("RespRate",), BEDSIDE_HOURS, (6, 60))
SATURATION = Role(("SaO2",), BEDSIDE_HOURS, (60, 100))
SYSTOLIC = Role(("SysABP", "NISysABP"), BEDSIDE_HOURS, (60, 220))
TEMPERATURE = Role(("Temp",), BEDSIDE_HOURS, (32, 42))
COMA_SCALE = Role(("GCS",), BEDSIDE_HOURS, (3, 15))
INSPIRED_OXYGEN = Role(("FiO2",), BEDSIDE_HOURS, (0.18, 1.0))
VENTILATION = Role(("MechVent",), BEDSIDE_HOURS, (0, 1))
CARBON_DIOXIDE = Role(("PaCO2",), LABORATORY_HOURS, (15, 120))
WHITE_CELLS = Role(("WBC",), LABORATORY_HOURS, (0.5, 60))
ROLES = (
    HEART_RATE, RESPIRATORY_RATE, SATURATION, SYSTOLIC, TEMPERATURE, COMA_SCALE, INSPIRED_OXYGEN, VENTILATION,
    CARBON_DIOXIDE, WHITE_CELLS,
)  # fmt: skip

MAX_AGE_HOURS = {"bedside observations": BEDSIDE_HOURS, "laboratory values": LABORATORY_HOURS}


@dataclass(frozen=True)
class _Column:
    """A variable of a task that serves: which, as what, and how its values are brought to the unit needed."""

    feature: int
    means: Feature
    unit: Unit
    declared: bool


class Latest:
    """The latest value of each role at a moment of each stay.

    Attributes:
        recordings: The stays.
        at: The moment of each stay, steps of the grid since its start, (B,).
        oldest: Hours since the oldest of the values that were asked for, (B,); NaN where none is known.
    """

    def __init__(self, recordings: Recordings, at: ArrayLike | None = None) -> None:
        """Values at that moment: one for all, one a stay, or by default the last measurement of each stay."""
        self.recordings = recordings
        moments = last_measured(recordings) if at is None else np.asarray(at, dtype=np.float64)
        self.at = np.broadcast_to(moments, len(recordings))
        self.oldest = np.full(len(recordings), np.nan)
        self._found: dict[Role, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def __len__(self) -> int:
        return len(self.recordings)

    def __call__(self, role: Role) -> NDArray[np.float64]:
        """The latest value of each stay, (B,); NaN where there is none that is young enough. Its age is noted."""
        value, age = self._known(role)
        self.oldest = np.fmax(self.oldest, age)
        return value

    def age(self, role: Role) -> NDArray[np.float64]:
        """Hours since that value, (B,); NaN where there is none."""
        return self._known(role)[1]

    def anew(self) -> "Latest":
        """The same values, of which none was asked for yet."""
        other = copy(self)
        other.oldest = np.full(len(self), np.nan)
        return other

    def _known(self, role: Role) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if role not in self._found:
            self._found[role] = self._find(role)
        return self._found[role]

    def _find(self, role: Role) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        hours = hours_a_step(self.recordings.task)
        value, age = np.full(len(self), np.nan), np.full(len(self), np.nan)
        if hours is None:
            return value, age
        for column in columns(self.recordings.task).get(role, ()):
            found, when = self._newest(column, role)
            old = (self.at - when) * hours
            better = np.isfinite(found) & (old <= role.max_age) & ~(age <= old)
            value[better], age[better] = found[better], old[better]
        return value, age

    def _newest(self, column: _Column, role: Role) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Value and time of the newest measurement up to the moment; the mean of those at the same time."""
        r, n = self.recordings, len(self)
        rows = np.flatnonzero(r.feature == column.feature)
        # Rounded, as 38.0 °C that came as 100.4 °F is not above 38.
        value = np.round(r.value[rows].astype(np.float64) * column.unit.factor + column.unit.offset, 3)
        nothing = np.full(n, np.nan)
        if not column.declared:
            if not len(value) or not role.usual[0] <= np.median(value) <= role.usual[1]:
                return nothing, nothing
            plausible = (value >= column.means.low) & (value <= column.means.high)
            rows, value = rows[plausible], value[plausible]
        stay, time = r.stay[rows], r.hours[rows]
        early = time <= self.at[stay]
        stay, time, value = stay[early], time[early], value[early]
        newest = np.full(n, -np.inf, dtype=np.float32)
        np.maximum.at(newest, stay, time)
        last = time == newest[stay]
        count = np.bincount(stay[last], minlength=n)
        total = np.bincount(stay[last], weights=value[last], minlength=n)
        with np.errstate(invalid="ignore"):
            return np.round(total / count, 3), np.where(count > 0, newest, np.nan).astype(np.float64)


def last_measured(recordings: Recordings) -> NDArray[np.float64]:
    """When the last measurement of each stay was made, steps of the grid since its start, (B,); NaN without any."""
    starts = np.searchsorted(recordings.stay, np.arange(len(recordings) + 1))
    some = np.diff(starts) > 0
    last = np.full(len(recordings), np.nan)
    if some.any():
        last[some] = np.maximum.reduceat(recordings.hours, starts[:-1][some])
    return last


def hours_a_step(task: Task) -> float | None:
    """How long a step of the task's grid lasts; None where rows are counted, so that no age can be told."""
    return None if task.step.seconds is None else task.step.seconds / 3600


@lru_cache(maxsize=8)  # a task's names are its user's
def _columns(features: tuple[tuple[str, str, str | None], ...]) -> dict[Role, tuple[_Column, ...]]:
    names = Names(ICU_MORTALITY)
    found: dict[str, list[_Column]] = {}
    for at, (name, unit, loinc) in enumerate(features):
        hit = names.known(f"{name} (LOINC {loinc})" if loinc and f"LOINC {loinc}" in names.codes else name)
        if hit is None or hit.target not in ICU_MORTALITY.feature_index:
            continue
        means = ICU_MORTALITY.find(hit.target)
        written = unit or hit.unit
        known = find_unit(means, written) if written else own_unit(means)
        if known is not None:
            found.setdefault(means.name, []).append(_Column(at, means, known, bool(written)))
    return {role: tuple(c for name in role.features for c in found.get(name, ())) for role in ROLES}


def columns(task: Task) -> dict[Role, tuple[_Column, ...]]:
    """The variables of the task that serve in each role, none where it has none."""
    return _columns(tuple((f.name, f.unit, f.loinc) for f in task.features))
