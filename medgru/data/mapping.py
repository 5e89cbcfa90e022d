"""Which column becomes what: proposed by `inspect`, changed by the user, obeyed by `build`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from medgru.data.names import CHOSEN, GUESSED, LEFT_OUT, ROLES, TIME
from medgru.data.times import steps_of, time_units
from medgru.data.units import convert, find_unit, own_unit, plausible, shown, unit_choices
from medgru.errors import DataError
from medgru.tasks import Feature, Task, Unit

SAMPLE = 200
"""Numbers of a column kept in its match."""


@dataclass(frozen=True)
class Match:
    """One column of a file, or one variable of a long table.

    Attributes:
        source: Header of the column, or name of the variable.
        target: Name of a feature or descriptor, a role ("record_id", "time", "variable", "value", "unit",
            "admission"), or None where it is left out.
        how: "exact", "synonym", "guessed", "chosen" or "left out".
        reason: A sentence on why.
        unit: Unit assumed in the file; for the time column one of `TIME_UNITS`; "" for roles.
        unit_choices: Units that can be chosen.
        converted_to: Unit after reading; "" for roles.
        example_before, example_after: One value, as it stands and as it is used.
        n_values: Cells filled.
        share_plausible: Share of them inside the plausible range, 0 to 1.
        unit_chosen: True where a person chose the unit, which then holds for every row.
        tables: Which of the inspected tables hold it.
        sample: A few of its numbers, so that a changed mapping can be judged; never saved.
    """

    source: str
    target: str | None
    how: str
    reason: str = ""
    unit: str = ""
    unit_choices: tuple[str, ...] = ()
    converted_to: str = ""
    example_before: str = ""
    example_after: str = ""
    n_values: int = 0
    share_plausible: float = 1.0
    unit_chosen: bool = False
    tables: frozenset[int] = frozenset()
    sample: tuple[float, ...] = field(default=(), repr=False, compare=False)

    def becoming(self, feature: Feature, unit: Unit) -> "Match":
        """The same source read as that feature in that unit; what depends on these is worked out anew."""
        values = convert(np.array(self.sample), unit)
        return replace(
            self,
            target=feature.name,
            unit=unit.name,
            unit_choices=tuple(u.name for u in unit_choices(feature)),
            converted_to=feature.unit,
            example_after=shown(float(values[0]), feature) if len(values) else "",
            share_plausible=float(plausible(values, feature).mean()) if len(values) else 1.0,
        )

    def left_out(self, reason: str) -> "Match":
        """The same source, not used."""
        return replace(
            self,
            target=None,
            how=LEFT_OUT,
            reason=reason,
            unit="",
            unit_choices=(),
            converted_to="",
            example_after="",
            share_plausible=1.0,
            unit_chosen=False,
        )


@dataclass(frozen=True)
class Mapping:
    """All matches of the files at hand. Immutable: `change` gives a new one."""

    task: Task
    matches: tuple[Match, ...]

    def __getitem__(self, source: str) -> Match:
        """The match of that column or variable; KeyError if there is none."""
        for match in self.matches:
            if match.source == source:
                return match
        raise KeyError(source)

    @property
    def time_unit(self) -> str:
        """Unit of the first time column, "" where there is none."""
        return next((m.unit for m in self.matches if m.target == TIME), "")

    @property
    def guessed(self) -> tuple[Match, ...]:
        """The matches that a person should look at."""
        return tuple(m for m in self.matches if m.target is not None and m.how == GUESSED)

    def change(self, source: str, *, target: str | None = "", unit: str | None = None) -> "Mapping":
        """The mapping with one column or variable mapped anew.

        Args:
            source: Header of the column or name of the variable.
            target: A feature, descriptor or role; None to leave it out; not given: as it is.
            unit: The unit its values are in; None: the target's own.

        Raises:
            DataError: No such source, target or unit.
        """
        old = next((m for m in self.matches if m.source == source), None)
        if old is None:
            raise DataError(f"There is no column or variable called {source!r} in these files.")
        new_target = old.target if target == "" else target
        if new_target is None:
            new = old.left_out("You left it out.")
        elif new_target == TIME:
            if unit is not None and unit not in time_units(self.task):
                raise DataError(f"{unit!r} is not a unit of time. Choose one of {', '.join(time_units(self.task))}.")
            known = old.unit if old.target == TIME else ""
            new = replace(
                old,
                target=TIME,
                how=CHOSEN,
                reason="You chose it.",
                unit=unit or known,
                unit_choices=time_units(self.task),
                converted_to=steps_of(self.task),
                unit_chosen=unit is not None or old.unit_chosen,
            )
        elif new_target in ROLES:
            new = replace(
                old,
                target=new_target,
                how=CHOSEN,
                reason="You chose it.",
                unit="",
                converted_to="",
                unit_choices=(),
                unit_chosen=False,
            )
        else:
            new = self._to_feature(old, new_target, unit)
        return replace(self, matches=tuple(new if m is old else _give_way(m, new) for m in self.matches))

    def _to_feature(self, old: Match, target: str, unit: str | None) -> Match:
        feature = _feature(self.task, target)
        same = old.target == target
        found = find_unit(feature, unit) if unit is not None else None
        if unit is not None and found is None:
            names = ", ".join(u.name for u in unit_choices(feature))
            raise DataError(f"{unit!r} is not a unit of {feature.label}. Choose one of {names}.")
        taken = found or (find_unit(feature, old.unit) if same else None) or own_unit(feature)
        chosen = replace(
            old, how=CHOSEN, reason="You chose it.", unit_chosen=unit is not None or (same and old.unit_chosen)
        )
        return chosen.becoming(feature, taken)

    def change_time_unit(self, unit: str) -> "Mapping":
        """The mapping with every time column read in that unit.

        Raises:
            DataError: Not a unit of time.
        """
        changed = self
        for match in self.matches:
            if match.target == TIME:
                changed = changed.change(match.source, unit=unit)
        return changed

    def to_config(self) -> dict[str, Any]:
        """Plain values for a JSON file; nothing of a patient is in them."""
        kept = [
            {"source": m.source, "target": m.target, "unit": m.unit, "unit_chosen": m.unit_chosen} for m in self.matches
        ]
        return {"task": self.task.name, "matches": kept}

    def apply(self, config: dict[str, Any]) -> "Mapping":
        """This mapping with what a saved one says of the same sources; others stay as proposed.

        Raises:
            DataError: The saved mapping is damaged or was made for another task.
        """
        saved = Mapping.from_config(config, self.task)
        changed = self
        for match in self.matches:
            other = next((m for m in saved.matches if m.source == match.source), None)
            if other is None or (other.target, other.unit) == (match.target, match.unit):
                continue
            unit = other.unit if other.unit_chosen or (other.target is not None and other.unit != match.unit) else None
            changed = changed.change(match.source, target=other.target, unit=unit or None)
        return changed

    @classmethod
    def from_config(cls, config: dict[str, Any], task: Task) -> "Mapping":
        """Inverse of `to_config`; examples and counts are not kept.

        Raises:
            DataError: It is damaged, or was made for another task.
        """
        rows = config.get("matches") if isinstance(config, dict) else None
        if not isinstance(rows, list) or config.get("task") != task.name:
            raise DataError(f"The saved mapping does not belong to {task.title}, or is damaged. Map the columns anew.")
        return cls(task, tuple(_match_from(row, task) for row in rows))


def _give_way(match: Match, new: Match) -> Match:
    """The match as it is, or left out where the new one takes its place in the same table."""
    if new.target is None or match.target != new.target or not match.tables & new.tables:
        return match
    return match.left_out(f"You chose {new.source} instead.")


def _match_from(row: Any, task: Task) -> Match:
    damaged = DataError("The saved mapping is damaged. Map the columns anew.")
    if not isinstance(row, dict) or not isinstance(row.get("source"), str) or not isinstance(row.get("unit"), str):
        raise damaged
    target, unit, chosen = row.get("target"), row["unit"], row.get("unit_chosen") is True
    if target is None:
        return Match(row["source"], None, LEFT_OUT)
    if target == TIME:
        if unit and unit not in time_units(task):
            raise damaged
        return Match(row["source"], TIME, CHOSEN, unit=unit, unit_choices=time_units(task), unit_chosen=chosen)
    if target in ROLES:
        return Match(row["source"], target, CHOSEN)
    if not isinstance(target, str):
        raise damaged
    feature = _feature(task, target)
    if unit != feature.unit and find_unit(feature, unit) is None:
        raise damaged
    choices: Sequence[str] = tuple(u.name for u in unit_choices(feature))
    return Match(
        row["source"],
        target,
        CHOSEN,
        unit=unit,
        unit_choices=tuple(choices),
        converted_to=feature.unit,
        unit_chosen=chosen,
    )


def _feature(task: Task, name: str) -> Feature:
    try:
        return task.find(name)
    except KeyError:
        raise DataError(f"{task.title} has no variable called {name!r}.") from None
