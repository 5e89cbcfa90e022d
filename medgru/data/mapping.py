"""Which column becomes what: proposed by `inspect`, changed by the user, obeyed by `build`.

One match is one column (or one variable of a long table) in all tables that hold it. Where tables hold it in
different units, or as different things, each group of tables has a match of its own.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgru.data.codes import code_in
from medgru.data.names import CHOSEN, EXACT, GUESSED, LEFT_OUT, ROLES, TIME
from medgru.data.times import steps_of, time_units
from medgru.data.units import (
    FEW_VALUES,
    convert,
    find_unit,
    plausible,
    propose_unit,
    shown,
    unit_choices,
)
from medgru.errors import DataError
from medgru.tasks import Feature, Task, Unit

SAMPLE = 500
"""Numbers of a column kept in its match."""

_FEW_FIT = 0.5


def spread(values: NDArray, most: int = SAMPLE) -> NDArray:
    """At most so many of the values, from all over them, the first one first."""
    if len(values) <= most:
        return values
    return values[np.linspace(0, len(values) - 1, most).astype(np.int64)]


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
        said: The unit as the file says it, in the header or in a column of units; "" where it does not.
        in_rows: Whether it is a variable of a long table, and not a column.
        could_be: Features that its values look like, the likeliest first, where its name says nothing.
        tables: Which of the inspected tables hold it; none: all that do.
        place: Which files it is about, where others hold the same name in another way; else "".
        sample: Some of its numbers, from all over the column, so that a changed mapping can be judged; never saved.
        counts: Filled cells of each table.
        marks: A few bits of the names of its files, where there is a place: they tell files apart and name nobody.
        left_by_hand: Whether a person left it out, or chose another source in its place; where it is left out.
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
    said: str = ""
    in_rows: bool = False
    could_be: tuple[str, ...] = ()
    tables: frozenset[int] = frozenset()
    place: str = ""
    sample: tuple[float, ...] = field(default=(), repr=False, compare=False)
    counts: tuple[tuple[int, int], ...] = field(default=(), repr=False, compare=False)
    marks: frozenset[str] = field(default=frozenset(), repr=False, compare=False)
    left_by_hand: bool = field(default=False, repr=False, compare=False)

    @property
    def label(self) -> str:
        """What it is called on the screen: "glucose", or "glucose (labs.csv)"."""
        return f"{self.source} ({self.place})" if self.place else self.source

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from every other match of its mapping."""
        return self.source, self.place

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

    def left_out(self, reason: str, by_hand: bool = False) -> "Match":
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
            left_by_hand=by_hand,
        )

    def within(self, tables: frozenset[int]) -> "Match":
        """The same in these of its tables only."""
        counts = tuple((table, n) for table, n in self.counts if table in tables)
        return replace(self, tables=tables, counts=counts, n_values=sum(n for _, n in counts))


@dataclass(frozen=True)
class Mapping:
    """All matches of the files at hand. Immutable: `change` gives a new one.

    Attributes:
        task: Whose variables they are.
        matches: In the order of the files.
        table_names: What to call each of the inspected tables.
    """

    task: Task
    matches: tuple[Match, ...]
    table_names: tuple[str, ...] = field(default=(), repr=False, compare=False)

    def __getitem__(self, key: str | tuple[str, str]) -> Match:
        """The match of that source, or of a source and a place; KeyError if there is none, or more than one."""
        found = [m for m in self.matches if (m.key if isinstance(key, tuple) else m.source) == key]
        if len(found) != 1:
            raise KeyError(key)
        return found[0]

    @property
    def time_unit(self) -> str:
        """Unit of the first time column, "" where there is none."""
        return next((m.unit for m in self.matches if m.target == TIME), "")

    @property
    def guessed(self) -> tuple[Match, ...]:
        """The matches that a person should look at."""
        return tuple(m for m in self.matches if m.target is not None and m.how == GUESSED)

    @cached_property
    def meaning(self) -> tuple[tuple[Any, ...], ...]:
        """All that decides what is read: two mappings of one meaning give the same recordings."""
        return tuple((m.source, m.target, m.unit, m.unit_chosen, m.tables) for m in self.matches if m.target)

    def of_table(self, index: int) -> "Mapping":
        """What holds for one of the inspected tables, with one match a source.

        Raises:
            DataError: The mapping was never put onto these files, and reads a source in several ways.
        """
        return self._by_table.get(index) or self._by_table[-1]

    @cached_property
    def _by_table(self) -> "dict[int, Mapping]":
        everywhere = [m for m in self.matches if not m.tables]
        twice = [source for source, n in Counter(m.source for m in everywhere).items() if n > 1]
        if twice:
            raise DataError(
                f"The mapping reads {twice[0]} in one way in some files and in another way in others, and does not "
                "say which these are. Put it onto the mapping proposed for the files, with `apply`."
            )
        found: dict[int, list[Match]] = {-1: []}
        for match in self.matches:
            for table in match.tables:
                found.setdefault(table, []).append(match)
        return {t: replace(self, matches=(*matches, *everywhere)) for t, matches in found.items()}

    def change(
        self, source: str, *, place: str | None = None, target: str | None = "", unit: str | None = None
    ) -> "Mapping":
        """The mapping with one column or variable mapped anew.

        Args:
            source: Header of the column or name of the variable.
            place: In which files, where several hold it in different ways; None: in all.
            target: A feature, descriptor or role; None to leave it out; not given: as it is.
            unit: The unit its values are in; None: as the file says, else as the values suggest, else the target's
                own.

        Raises:
            DataError: No such source, target or unit.
        """
        old = [m for m in self.matches if m.source == source and place in (None, m.place)]
        if not old:
            raise DataError(f"There is no column or variable called {source!r} in these files.")
        changed = self
        for match in old:
            new = self._changed(match, match.target if target == "" else target, unit)
            parts = [p for m in changed.matches for p in ([new] if m is match else _give_way(m, new))]
            changed = changed._with(parts)
        return changed

    def confirm(self, source: str, place: str | None = None) -> "Mapping":
        """The mapping with a guess confirmed by a person."""
        return self._with(
            replace(m, how=CHOSEN, reason="You checked it.")
            if m.source == source and place in (None, m.place) and m.target is not None and m.how == GUESSED
            else m
            for m in self.matches
        )

    def confirm_all(self) -> "Mapping":
        """The mapping with every guess confirmed."""
        confirmed = self
        for match in self.guessed:
            confirmed = confirmed.confirm(*match.key)
        return confirmed

    def _with(self, matches: Iterable[Match]) -> "Mapping":
        return replace(self, matches=tuple(placed(matches, self.table_names)))

    def _changed(self, old: Match, target: str | None, unit: str | None) -> Match:
        """One match mapped anew, whatever the others are."""
        if target is None:
            return old.left_out("You left it out.", by_hand=True)
        if target == TIME:
            if unit is not None and unit not in time_units(self.task):
                raise DataError(f"{unit!r} is not a unit of time. Choose one of {', '.join(time_units(self.task))}.")
            known = old.unit if old.target == TIME else ""
            return replace(
                old,
                target=TIME,
                how=CHOSEN,
                reason="You chose it.",
                unit=unit or known,
                unit_choices=time_units(self.task),
                converted_to=steps_of(self.task),
                unit_chosen=unit is not None or (old.target == TIME and old.unit_chosen),
            )
        if target in ROLES:
            return replace(
                old,
                target=target,
                how=CHOSEN,
                reason="You chose it.",
                unit="",
                converted_to="",
                unit_choices=(),
                unit_chosen=False,
                example_after=old.example_before,
                share_plausible=1.0,
            )
        return self._to_feature(old, target, unit)

    def _to_feature(self, old: Match, target: str, unit: str | None) -> Match:
        feature = _feature(self.task, target)
        same = old.target == target
        if unit is not None:
            found = find_unit(feature, unit)
            if found is None:
                names = ", ".join(u.name for u in unit_choices(feature))
                raise DataError(f"{unit!r} is not a unit of {feature.label}. Choose one of {names}.")
            chosen = replace(old, how=CHOSEN, reason="You chose it.", unit_chosen=True)
            return chosen.becoming(feature, found)
        if same and (found := find_unit(feature, old.unit)) is not None:
            return replace(old, how=CHOSEN, reason="You chose it.").becoming(feature, found)
        # Whose the values are is not known any more: few of them are not converted, only doubted.
        few = len(old.sample) < FEW_VALUES
        guess = propose_unit(feature, np.array(old.sample), old.said, old.source, few)
        chosen = replace(
            old,
            how=GUESSED if guess.guessed else CHOSEN,
            reason=f"You chose it. {guess.reason}".strip() if guess.guessed else "You chose it.",
            unit_chosen=False,
        )
        return chosen.becoming(feature, guess.unit)

    def to_config(self) -> dict[str, Any]:
        """Plain values for a JSON file: the sources that are used, and those that a person left out.

        What nobody chose or knows is not written: its header may be a patient's name.
        """
        used = {m.source for m in self.matches if m.target is not None}
        kept = [m for m in self.matches if m.source in used or (m.target is None and m.left_by_hand)]
        return {"task": self.task.name, "matches": [_row(m) for m in kept]}

    def apply(self, config: dict[str, Any]) -> "Mapping":
        """This mapping with what a saved one says of the same sources; others stay as proposed.

        The units that these files say, or that are proposed for their values, count more than those of the saved
        mapping, where nobody chose these by hand; where the two differ, the unit is a guess to be checked.

        Raises:
            DataError: The saved mapping is damaged or was made for another task.
        """
        saved: dict[str, list[Match]] = {}
        for match in Mapping.from_config(config, self.task).matches:
            saved.setdefault(match.source, []).append(match)
        known: list[Match] = []
        for match in self.matches:
            entries = saved.get(match.source, [])
            parts = self._by_entry(match, entries) if len(entries) > 1 else [(match, entries)]
            known += [self._as_saved(part, of_part) if of_part else part for part, of_part in parts]
        return self._with(_without_rivals(known, saved.keys()))

    def _by_entry(self, match: Match, entries: Sequence[Match]) -> list[tuple[Match, Sequence[Match]]]:
        """The match in parts, one for the files of each saved match of its source, and one for files not known."""
        tables: dict[tuple[int, ...], set[int]] = {}
        for table in match.tables:
            mark = _mark(self.table_names[table])
            found = tuple(i for i, entry in enumerate(entries) if mark in entry.marks)
            tables.setdefault(found if len(found) == 1 else (), set()).add(table)
        parts = [(match.within(frozenset(t)) if len(tables) > 1 else match, found) for found, t in tables.items()]
        return [(part, [entries[i] for i in found] or entries) for part, found in parts]

    def _as_saved(self, match: Match, entries: Sequence[Match]) -> Match:
        """The match as one of the saved ones of its source says."""
        entry = _entry(match, entries)
        if entry is None:
            reason = f"The saved mapping has it differently in different files. {match.reason}"
            return _doubted(match, reason) if match.target is not None else match
        if entry.target is None:
            return (
                replace(match, left_by_hand=True)
                if match.target is None
                else match.left_out("As in the saved mapping.", by_hand=True)
            )
        confirmed = entry.how == CHOSEN
        same_unit = entry.unit == match.unit
        if match.target == entry.target:
            if same_unit and entry.unit_chosen == match.unit_chosen:
                return _kept(match) if confirmed else match
            if not entry.unit_chosen:
                if same_unit or not entry.unit or match.said or not confirmed:
                    return match
                return _doubted(match, f"The saved mapping has {entry.unit}. {match.reason}".strip())
        # A unit that nobody chose was that of other values: what these are in is found out anew.
        anew = not entry.unit_chosen and entry.target not in (TIME, *ROLES)
        new = self._changed(match, entry.target, None if anew else entry.unit or None)
        if anew and new.unit != entry.unit and not (new.said and new.how == CHOSEN):
            return _doubted(new, f"The saved mapping has {entry.unit}, but these values are taken to be {new.unit}.")
        unsure = new.how == GUESSED and not confirmed
        new = replace(new, how=CHOSEN, reason="As in the saved mapping.", unit_chosen=entry.unit_chosen)
        few_fit = new.share_plausible < _FEW_FIT and entry.target not in ROLES
        if few_fit:
            return _doubted(new, f"{new.reason} But few of its values are plausible in {new.unit}.")
        return new if confirmed else _doubted(new, new.reason) if unsure else replace(new, how=EXACT)

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


def placed(matches: Iterable[Match], table_names: Sequence[str]) -> list[Match]:
    """The matches, each with its place where its source is in several of them."""
    listed = list(matches)
    several = {source for source, n in Counter(m.source for m in listed).items() if n > 1}
    result, taken = [], set()
    for match in listed:
        place, marks = "", frozenset[str]()
        if match.source in several and match.tables and table_names:
            names = [table_names[t] for t in sorted(match.tables)]
            short = names[0] + (f" and {len(names) - 1:,} more" if len(names) > 1 else "")
            place, n = short, 1
            while (match.source, place) in taken:
                n += 1
                place = f"{short}, {n}"
            marks = frozenset(map(_mark, names))
        elif match.source in several:
            marks = match.marks
        taken.add((match.source, place))
        changed = (place, marks) != (match.place, match.marks)
        result.append(replace(match, place=place, marks=marks) if changed else match)
    return result


def _mark(name: str) -> str:
    """Sixteen bits of a file's name: a name may be a patient's, and nobody can find it from these."""
    return hashlib.sha256(name.encode()).hexdigest()[:4]


def are_coded(one: str, other: str) -> bool:
    """Whether codes say what both are: a hospital may have several codes for one variable, each with its own rows."""
    return code_in(one) is not None and code_in(other) is not None


def _without_rivals(matches: Sequence[Match], first: Set[str]) -> list[Match]:
    """Of several matches of one table for one thing only one is kept, sooner one of the sources named first."""
    taken: dict[tuple[int, str | None], str] = {}
    for match in sorted(matches, key=lambda m: m.source not in first):
        if match.target is not None:
            for table in match.tables:
                taken.setdefault((table, match.target), match.source)
    settled: list[Match] = []
    for match in matches:
        rivals = {t: taken[t, match.target] for t in match.tables if match.target is not None}
        # The day and the time of day are both times; the proposal settles all else.
        free = match.target == TIME and (match.source in first or not first & set(rivals.values()))
        lost = frozenset(t for t, r in rivals.items() if r != match.source and not are_coded(r, match.source))
        if lost and not free:
            settled += _split(match, lost, f"{rivals[min(lost)]} is used for it already.")
        else:
            settled.append(match)
    return settled


def _split(match: Match, tables: frozenset[int], reason: str, by_hand: bool = False) -> list[Match]:
    """The match left out in these tables, and as it is in the others."""
    out = match.left_out(reason, by_hand)
    rest = match.tables - tables
    return [out.within(tables), match.within(rest)] if rest else [out]


def _give_way(match: Match, new: Match) -> list[Match]:
    """The match as it is, or left out in the tables in which the new one takes its place."""
    if new.target is None or match.target != new.target or are_coded(match.source, new.source):
        return [match]
    both = match.tables & new.tables
    return _split(match, both, f"You chose {new.source} instead.", by_hand=True) if both else [match]


def _doubted(match: Match, reason: str) -> Match:
    return replace(match, how=GUESSED, reason=reason if reason.endswith("Please check.") else f"{reason} Please check.")


def _kept(match: Match) -> Match:
    """What somebody confirmed before needs no second look."""
    return replace(match, how=CHOSEN, reason="As in the saved mapping.")


def _entry(match: Match, entries: Sequence[Match]) -> Match | None:
    """The saved match that is about this one: that of its files, else the one that agrees with it."""
    if len(entries) == 1:
        return entries[0]
    same = [e for e in entries if (e.target, e.unit) == (match.target, match.unit)]
    return same[0] if len(same) == 1 else None


def _row(match: Match) -> dict[str, Any]:
    """A line of a saved mapping."""
    row: dict[str, Any] = {"source": match.source, "target": match.target, "unit": match.unit}
    row |= {"unit_chosen": match.unit_chosen, "confirmed": match.how == CHOSEN}
    if match.in_rows:
        row["in_rows"] = True
    if match.marks:
        row["files"] = sorted(match.marks)
    return row


def _match_from(row: Any, task: Task) -> Match:
    damaged = DataError("The saved mapping is damaged. Map the columns anew.")
    if not isinstance(row, dict) or not isinstance(row.get("source"), str) or not isinstance(row.get("unit"), str):
        raise damaged
    target, unit, chosen = row.get("target"), row["unit"], row.get("unit_chosen") is True
    marks = row.get("files", [])
    if not isinstance(marks, list) or not all(isinstance(mark, str) for mark in marks):
        raise damaged
    bare = Match(
        row["source"],
        None,
        EXACT if row.get("confirmed") is False else CHOSEN,
        in_rows=row.get("in_rows") is True,
        marks=frozenset(marks),
    )
    if target is None:
        return replace(bare, how=LEFT_OUT, left_by_hand=True)
    if target == TIME:
        if unit and unit not in time_units(task):
            raise damaged
        return replace(bare, target=TIME, unit=unit, unit_choices=time_units(task), unit_chosen=chosen)
    if target in ROLES:
        return replace(bare, target=target)
    if not isinstance(target, str):
        raise damaged
    feature = _feature(task, target)
    if unit != feature.unit and find_unit(feature, unit) is None:
        raise damaged
    return replace(
        bare,
        target=target,
        unit=unit,
        unit_choices=tuple(u.name for u in unit_choices(feature)),
        converted_to=feature.unit,
        unit_chosen=chosen,
    )


def _feature(task: Task, name: str) -> Feature:
    try:
        return task.find(name)
    except KeyError:
        raise DataError(f"{task.title} has no variable called {name!r}.") from None
