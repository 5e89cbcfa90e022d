"""The rows that name the columns: which they are, in how many levels, with a row of units, under what title.

A reader does not know the task: rows are judged by how many of their names any task or role knows, and by whether
numbers follow. What is not better understood in two rows than in one stays one row.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import pairwise

from medgru.data.cells import plain
from medgru.data.names import RECORD_ID, TIME, TIME_UNITS, Names, bracketed, match_role, name_key
from medgru.data.units import find_unit, looks_like_unit
from medgru.tasks import TASKS, Feature

SNIFFED_ROWS = 40
"""Rows at the top among which the names are looked for."""

_LEVELS = 3
_LONGEST = 80
_MOST_CHARS = 200
"""Of a cell in the first rows, more is no name: looking for patterns in a whole book would take its square."""

_LOOK_DOWN = 20
_VALUE = re.compile(
    r"[<>≤≥=+-]*\s*[0-9][0-9.,:/ '-]*(?:[eE][+-]?[0-9]+)?(?:[ T][0-9:.]+)?Z?\s*(?:%|[ap]\.?m\.?)?", re.I
)
_TIME_FORM = re.compile(r"(?:[dtjmyasuh]{1,4}[.:/ -]){1,5}[dtjmyasuh]{1,4}(?:\s*\(?24h?\)?)?", re.IGNORECASE)
_NO_UNIT = {"", "-", "--", "–", "—", "/", ".", "n/a", "na", "none", "text"}
_SAID = re.compile(r"([^\W\d_][^:：=\t]*?)\s*[:：=]\s*([^\s:：=,;|()]+)")
_MERGED = tuple[tuple[int, int], tuple[int, int]]


@dataclass(frozen=True)
class Header:
    """The rows that name the columns.

    Attributes:
        names: A name a column, with its unit in brackets where a row of units says it.
        first, last: The first and the last of these rows, counted from 0.
        units: The row of units, None where there is none.
        levels: How many rows name the columns, one above the other.
        record_id: The identifier in a line above, such as "Patient: 4711"; "" where there is none.
    """

    names: list[str]
    first: int
    last: int
    units: int | None = None
    levels: int = 1
    record_id: str = ""

    def note(self, file: str, above: int = 0) -> str:
        """A sentence on how the names were found, "" where they simply are in row 1."""
        if not self.first and not self.last and not above:
            return ""
        rows = [r for r in range(self.first, self.last + 1) if r != self.units]
        said = _rows(rows[0] + above + 1, rows[-1] + above + 1)
        what = f"{file}: the column names were {'put together from' if self.levels > 1 else 'found in'} {said}"
        if self.units is not None:
            what += f", their units in row {self.units + above + 1}"
        return what + ("; the rows above were left out." if self.first else ".")


def _rows(first: int, last: int) -> str:
    return f"row {first}" if first == last else f"rows {first} to {last}"


def find_header(rows: Sequence[Sequence[str]], merged: Sequence[_MERGED] = ()) -> Header:
    """The header among the first rows of a table.

    Args:
        rows: Their cells.
        merged: Cells that a workbook shows as one, as ((row, column), (row, column)) of their corners.
    """
    rows = _without_comments([[cell[:_MOST_CHARS].strip() for cell in row] for row in rows[:SNIFFED_ROWS]])
    if not rows:
        return Header([], 0, 0)
    at = _names_row(rows)
    best = Header(list(rows[at]), at, at)
    most = n_known(best.names)
    for first in range(at, max(at - _LEVELS, -1), -1):
        for last in range(at, min(at + _LEVELS, len(rows))):
            if first == last or last - first >= _LEVELS:
                continue
            block = rows[first : last + 1]
            if not all(_names_something(row) for row in block) or any(_is_units(r, [], rows, last) for r in block):
                continue
            names = _joined(block, first, merged)
            if (n := n_known(names)) > most:
                best, most = Header(names, first, last, levels=last - first + 1), n
    best = _with_units(best, rows)
    names = [re.sub(r"^#+\s*", "", name) if i == 0 else name for i, name in enumerate(best.names)]
    return replace(best, names=names, record_id=_said_id(rows[: best.first]))


def header_row(rows: Sequence[Sequence[str]]) -> int:
    """The first row that is about as wide as the table and not all numbers; 0 where none is."""
    filled = [sum(bool(cell.strip()) for cell in row) for row in rows]
    width = max(filled, default=0)
    for i, row in enumerate(rows[:_LOOK_DOWN]):
        if filled[i] >= max(2, 0.5 * width) and not all(_is_number(cell) for cell in row if cell.strip()):
            return i
    return 0


def n_known(names: Sequence[str]) -> int:
    """How many different things the names mean to any task, or to a table of measurements."""
    return len({meaning for name in names if (meaning := _meaning(name))})


def forget_names() -> None:
    """Forget what names were looked up: they are of somebody's file, and of one without headers they are its cells."""
    known_feature.cache_clear()
    _meaning.cache_clear()


@cache
def _names() -> tuple[Names, ...]:
    return tuple(Names(task) for task in TASKS.values())


@lru_cache(maxsize=2_000)
def known_feature(name: str) -> Feature | None:
    """The variable of any task that has exactly this name or synonym."""
    if len(name) > _LONGEST:
        return None
    for names in _names():
        if (found := names.known(name)) is not None and found.target is not None:
            return next(f for f in names.features if f.name == found.target)
    return None


@lru_cache(maxsize=2_000)
def _meaning(name: str) -> str:
    if not name or len(name) > _LONGEST:
        return ""
    if (feature := known_feature(name)) is not None:
        return feature.name
    role = match_role(name)
    return f"role {role[0]}" if role is not None else ""


def _without_comments(rows: list[list[str]]) -> list[list[str]]:
    """Lines that begin with # hold no names, unless no other row does."""
    is_comment = [bool(row) and row[0].startswith("#") and not row[0].casefold().startswith("#n/a") for row in rows]
    others = [row for row, comment in zip(rows, is_comment, strict=True) if not comment]
    if any(sum(map(bool, row)) > 1 and not any(map(_is_value, row)) for row in others):
        return [[] if comment else row for row, comment in zip(rows, is_comment, strict=True)]
    return rows


def _names_row(rows: list[list[str]]) -> int:
    """The row that names most, of the first that could and those below it."""
    at = header_row(rows)
    most = n_known(rows[at])
    for i in range(at + 1, min(at + _LOOK_DOWN, len(rows))):
        row = rows[i]
        if _names_something(row) and (n := n_known(row)) >= 2 and n > most:
            at, most = i, n
    return at


def _names_something(row: Sequence[str]) -> bool:
    filled = [cell for cell in row if cell]
    return bool(filled) and not any(map(_is_value, filled))


def _is_value(cell: str) -> bool:
    return 0 < len(cell) <= _LONGEST and _VALUE.fullmatch(plain(cell)) is not None


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _joined(block: Sequence[Sequence[str]], first: int, merged: Sequence[_MERGED]) -> list[str]:
    """One name a column from the rows of a header, the upper ones spread over the columns below them."""
    width = max(map(len, block))
    levels: list[list[str]] = [[] for _ in range(width)]
    for level, row in enumerate(block):
        cells = [*row, *[""] * (width - len(row))]
        if level < len(block) - 1:
            below = [any(c < len(r) and r[c] for r in block[level + 1 :]) for c in range(width)]
            cells = _spread(cells, below, first + level, merged)
        for parts, cell in zip(levels, cells, strict=True):
            if cell and name_key(cell) not in map(name_key, parts):
                parts.append(cell)
    return [_join(parts) for parts in levels]


def _spread(cells: Sequence[str], below: Sequence[bool], row: int, merged: Sequence[_MERGED]) -> list[str]:
    """The cells of an upper row, each also above the blanks to its right, or as far as it was merged."""
    spans = [(left, right) for (top, left), (bottom, right) in merged if top <= row <= bottom and right > left]
    result = list(cells)
    if spans:
        for left, right in spans:
            for c in range(left, min(right + 1, len(result))):
                result[c] = result[c] or cells[left]
        return result
    last = ""
    for c, cell in enumerate(cells):
        last = cell or last
        if not cell and below[c]:
            result[c] = last
    return result


def _join(parts: Sequence[str]) -> str:
    """One name from those above each other: the lowest alone where it is understood and says no less."""
    if len(parts) < 2:
        return "".join(parts)
    *above, lower = parts
    for upper in (*reversed(above), " ".join(above)):
        for both in (f"{upper} {lower}", f"{lower} {upper}"):
            if known_feature(both) is not None:
                return both
    if _meaning(lower):
        return lower
    if _meaning(above[-1]) and looks_like_unit(_unbracketed(lower)):
        return f"{above[-1]} ({_unbracketed(lower)})"
    return " ".join(parts)


def _with_units(header: Header, rows: list[list[str]]) -> Header:
    """The header with the row of units below or above its names, where there is one."""
    for row in (header.last + 1, header.first - 1):
        if 0 <= row < len(rows) and _is_units(rows[row], header.names, rows, max(row, header.last)):
            units = [*map(_unbracketed, rows[row]), *[""] * len(header.names)]
            names = [
                f"{name} ({unit})" if name and _is_real_unit(unit) and not bracketed(name)[1] else name
                for name, unit in zip(header.names, units, strict=False)
            ]
            return replace(header, names=names, first=min(header.first, row), last=max(header.last, row), units=row)
    return header


def _is_units(row: Sequence[str], names: Sequence[str], rows: list[list[str]], last: int) -> bool:
    """Whether a row holds mostly units, of columns that hold numbers below the row `last`."""
    cells = [(c, _unbracketed(cell)) for c, cell in enumerate(row) if cell]
    if not cells or any(_is_value(cell) for _, cell in cells):
        return False
    below = rows[last + 1 : last + 6]
    # "a" is a unit of age, and the name of a stay: below a unit stand numbers.
    said = [
        (c, cell) for c, cell in cells if _is_real_unit(cell) and any(c < len(r) and _is_value(r[c]) for r in below)
    ]
    nothing = [c for c, cell in cells if cell.casefold() in _NO_UNIT or _TIME_FORM.fullmatch(cell)]
    if not said or (len(said) + len(nothing)) < 0.6 * len(cells):
        return False
    if names:
        fits = sum(
            ((f := known_feature(names[c])) is not None and find_unit(f, cell, names[c]) is not None)
            or (cell.casefold() in TIME_UNITS and _meaning(names[c]) == f"role {TIME}")
            for c, cell in said
            if c < len(names)
        )
        if not fits and len(said) < 2:
            return False
        # "Temp, HR" may be units themselves: names that are known are names.
        if sum(_meaning(cell) != "" and len(cell) > 2 for _, cell in said) > len(said) / 2:
            return False
    return True


def _is_real_unit(cell: str) -> bool:
    return cell.casefold() not in _NO_UNIT and (cell.casefold() in TIME_UNITS or looks_like_unit(cell))


def _unbracketed(cell: str) -> str:
    inner = re.fullmatch(r"\s*[\[(（]\s*(.*?)\s*[\])）]\s*", cell)
    return inner.group(1) if inner else cell.strip()


def _said_id(rows: Sequence[Sequence[str]]) -> str:
    """The identifier that the lines above a table give for all of it; "" where they give none, or several."""
    found: dict[int, set[str]] = {}
    for row in rows:
        cells = [plain(cell) for cell in row if cell]
        pairs = [pair for cell in cells for pair in _SAID.findall(cell)]
        pairs += [(a.rstrip(":： "), b) for a, b in pairwise(cells)]
        for cell in cells:
            pairs += [cell.rsplit(" ", 1)] if " " in cell else []
        for key, value in pairs:
            role = match_role(key.lstrip("# "))
            if role is not None and role[0] == RECORD_ID and any(c.isdigit() for c in value) and len(value) <= 60:
                found.setdefault(role[1], set()).add(value)
    best = found[min(found)] if found else set()
    return next(iter(best)) if len(best) == 1 else ""
