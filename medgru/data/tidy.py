"""What people put into tables besides one number a cell: names again, totals, footnotes, units, "120/80".

Nothing here knows a task: names are those that any task or role knows. What cannot be taken apart stays as it is, and
is reported as no number where it is used.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medgru.data.cells import LONGEST_CELL, Cell, plain, read_cell
from medgru.data.headers import known_feature
from medgru.data.names import RECORD_ID, UNIT, VALUE, VARIABLE, bracketed, match_role, name_key
from medgru.data.table import MISSING_WORDS, Table, flat, style_of, unique_headers
from medgru.data.units import find_unit, looks_like_unit, unit_key
from medgru.data.words import counted
from medgru.tasks import Feature

_SAMPLE = 5_000
_MOST_NAMES = 1_000
"""Variables of a long table, the most frequent first, of which more than their name is asked."""

_MOST_ROWS_SEARCHED = 200_000
"""Longer tables are exports, whose totals stand at their end if anywhere."""
_TAIL = 40

_TOTALS = (
    r"(?i)^\s*(n\s*=\s*[0-9]+|count|total|totals|grand total|subtotal|sum|mean|average|avg|median|sd|std|"
    r"std\.? ?dev\.?|standard deviation|min|max|minimum|maximum|range|mean\s*(±|\+/-)\s*sd|summe|gesamt|mittelwert|"
    r"mittel|durchschnitt|anzahl|moyenne|somme|écart[- ]type|ecart[- ]type|media|promedio|suma|totale|somma|média|soma|"
    r"desviaci[oó]n.*|gemiddelde|totaal|合计|总计|平均|平均值|均值|标准差|最大值|最小值|例数|合計|總計)\s*:?\s*$"
)
_FOOTNOTE = (
    r"^\s*([*†‡#§]|\(?[0-9a-z]\)\s|n\s*=|note\b|notes\b|source\b|legend\b|quelle\b|anmerkung|hinweis|注|备注|说明)"
)
_WITH_UNIT = r"[0-9]\s*(/\s*[^0-9\s]|[^0-9\s.,:;/()\[\]+*<>'-]|[\[(])"
_PAIR = re.compile(
    r"([0-9]{1,3}(?:[.,][0-9]+)?)\s*[/|\\]\s*([0-9]{1,3}(?:[.,][0-9]+)?)(?:\s*[(\[/]\s*([0-9]{1,3}(?:[.,][0-9]+)?)\s*[)\]]?)?"
)
_FLAGGED = re.compile(r"[0-9]\s*(?:H{1,2}|LL|\((?:H|HH|L|LL|N)\)|↑|↓)\s*$")

_PRESSURES: dict[str, str] = {
    "NIBP": "nibp|nbp|nibd|non invasive blood pressure|noninvasive blood pressure|cuff pressure|cuff bp|bp cuff|cuff|"
    "rr|rr nichtinvasiv|nichtinvasiver blutdruck|无创血压|無創血壓|pani|pni|bp non invasive",
    "ABP": "abp|ibp|art|art bp|arterial bp|arterial pressure|arterial blood pressure|invasive bp|arterieller druck|"
    "invasive blood pressure|invasiver blutdruck|arterieller blutdruck|有创血压|动脉血压|有創血壓|動脈血壓|pai",
    "BP": "bp|blood pressure|blutdruck|血压|血壓|血压值|ta|tension|tension arterielle|pression arterielle|"
    "bp reading|tension arterial|presion arterial|presion|pressione|pressione arteriosa|pressao arterial|pressao|"
    "bloeddruk|sys dia|sbp dbp|bp sys dia|systolic diastolic|rr mmhg|收缩压舒张压",
}
_PRESSURE = {name_key(name): kind for kind, names in _PRESSURES.items() for name in names.split("|")}
_PARTS = ("sys", "dia", "mean")
_COMA = {
    *("gcs", "gcstotal", "gcsscore", "gcssum", "glasgowcomascale", "glasgowcomascore", "glasgowscale", "coma score"),
    *map(name_key, ("格拉斯哥昏迷评分", "gcs评分", "格拉斯哥评分", "glasgow", "escala de glasgow", "score de glasgow")),
}
_EVM = re.compile(
    r"(?:GCS\s*)?(?:([0-9]{1,2})\s*[=(:]?\s*\(?)?\s*[EA]\s*([1-4])\s*[,/+-]?\s*V\s*([1-5])\s*[,/+-]?\s*M\s*([1-6])\s*"
    r"(?:\)|[=(:]\s*([0-9]{1,2})\s*\)?)?",
    re.IGNORECASE,
)
_SUM = re.compile(r"([1-4])\s*[+/-]\s*([1-5])\s*[+/-]\s*([1-6])(?:\s*=\s*([0-9]{1,2}))?")
_OF_15 = re.compile(r"([0-9]{1,2})\s*/\s*15")


def tidy(table: Table, header: Sequence[str] = ()) -> Table:
    """The table with rows that are none set aside, and cells that hold several things taken apart.

    Args:
        table: As it stands in the file.
        header: Its names as they stand in the file, to find them where they are repeated further down.
    """
    table = _without_asides(table, header)
    variable, value = _long_columns(table)
    if value:
        return _long_units(_long_parts(table, variable, value), variable, value)
    return _wide_units(_wide_parts(table))


# Rows that are none.


def _without_asides(table: Table, header: Sequence[str]) -> Table:
    again = _repeated_header(table, header)
    aside = _totals_and_notes(table) & ~again
    if not (again.any() or aside.any()):
        return table
    notes = []
    if again.any():
        notes.append(f"{table.names[0]}: the column names again in {counted(int(again.sum()), 'row')}, left out.")
    if aside.any():
        first = table.place(int(aside.argmax()))
        rows = counted(int(aside.sum()), "row")
        notes.append(f"{first[0]}: {rows} with totals, comments or footnotes set aside, the first in row {first[1]:,}.")
    return _rows(table, np.flatnonzero(~(again | aside)), notes)


def _rows(table: Table, kept: NDArray[np.int64], notes: Sequence[str] = ()) -> Table:
    """Some rows of a table, which keep their places."""
    row = np.arange(len(table)) + 2 if table.row is None else table.row
    return replace(
        table,
        data=table.data.take(pa.array(kept)),
        member=None if table.member is None else table.member[kept],
        row=row[kept],
        notes=(*table.notes, *notes),
    )


def _repeated_header(table: Table, header: Sequence[str]) -> NDArray[np.bool_]:
    named = [i for i, name in enumerate(header[: len(table.columns)]) if name]
    found = np.zeros(len(table), dtype=bool)
    if len(named) < 2:
        return found
    texts = [table.data.column(i) for i in named[:4]]
    if not all(pa.types.is_string(t.type) for t in texts):
        return found
    found[:] = True
    for i, column in zip(named, texts, strict=False):
        equal = pc.equal(pc.utf8_trim_whitespace(column), header[i])
        found &= flat(pc.fill_null(equal, False)).to_numpy(zero_copy_only=False)
        if not found.any():
            break
    return found


def _totals_and_notes(table: Table) -> NDArray[np.bool_]:
    """Rows whose first cell says that they are no measurement."""
    found = np.zeros(len(table), dtype=bool)
    name = table.columns[0]
    column = table.data.column(0)
    role = match_role(name)
    if not len(table) or not pa.types.is_string(column.type) or (role is not None and role[0] == VARIABLE):
        return found
    start = 0 if len(table) <= _MOST_ROWS_SEARCHED else len(table) - _TAIL
    texts = flat(column.slice(start)).fill_null("")
    total = pc.match_substring_regex(texts, _TOTALS).to_numpy(zero_copy_only=False)
    comment = pc.match_substring_regex(texts, r"^\s*#+\s*([^0-9N#\s]|$)").to_numpy(zero_copy_only=False)
    if comment.mean() > 0.5:  # "#a", "#b": identifiers
        comment[:] = False
    found[start:] = total | comment
    alone = np.ones(min(_TAIL, len(table)), dtype=bool)
    at = len(table) - len(alone)
    for other in table.data.columns[1:]:
        cells = flat(other.slice(at))
        empty = pc.is_null(cells, nan_is_null=True)
        if pa.types.is_string(cells.type):
            empty = pc.or_(empty, pc.equal(pc.utf8_trim_whitespace(cells.fill_null("")), ""))
        alone &= empty.to_numpy(zero_copy_only=False)
    for i in np.flatnonzero(alone):
        text = (column[int(at + i)].as_py() or "")[:200].strip()
        # A stay without a measurement has its identifier alone, which is no sentence.
        if re.match(_FOOTNOTE, text, re.IGNORECASE) or len(text.split()) >= 3 or len(text) > 60:
            found[at + i] = True
    return found


# Which columns.


def _long_columns(table: Table) -> tuple[str, str]:
    """The columns of variables and values of a long table, "" and "" where the table is wide."""
    named: dict[str, tuple[int, str]] = {}
    for column in table.columns:
        role = match_role(column)
        if role is not None and known_feature(column) is None:
            named[role[0]] = min(named.get(role[0], (role[1], column)), (role[1], column))
    if VARIABLE in named and VALUE in named:
        return named[VARIABLE][1], named[VALUE][1]
    return "", ""


def _is_text(table: Table, column: str) -> bool:
    return pa.types.is_string(table.data.column(column).type)


def _sample(table: Table, column: str) -> pa.Array:
    """Some of the different texts of a column."""
    cells = table.data.column(column)
    if len(cells) > 2 * _SAMPLE:
        cells = pa.chunked_array([*cells.slice(0, _SAMPLE).chunks, *cells.slice(len(cells) - _SAMPLE).chunks])
    return flat(cells).unique().drop_null()


def _hits(texts: pa.Array, form: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, form)).as_py())


@dataclass(frozen=True)
class _Column:
    """A column of text as codes, (N,), -1 for empty cells, and the different texts."""

    codes: NDArray[np.int64]
    texts: list[str]

    @classmethod
    def of(cls, table: Table, column: str) -> "_Column":
        array = flat(table.data.column(column)).dictionary_encode()
        codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(codes, array.dictionary.to_pylist())

    def becoming(self, texts: Sequence[str | None]) -> pa.Array:
        """The column with each text replaced."""
        indices = pa.array(self.codes.astype(np.int32), mask=self.codes < 0)
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(texts), pa.string())).cast(pa.string())


# Two or three numbers in a cell.


def _pressures(text: str) -> tuple[str, str, str | None] | None:
    """Systolic, diastolic and mean pressure of "120/80 (93)"; None where the cell is no such thing."""
    found = _PAIR.fullmatch(plain(text[: LONGEST_CELL + 1]).removesuffix("mmHg").strip())
    if found is None:
        return None
    upper, lower, mean = found.groups()
    high, low = (float(part.replace(",", ".")) for part in (upper, lower))
    if not low <= high or (mean is not None and not low <= float(mean.replace(",", ".")) <= high):
        return None
    return upper, lower, mean


def _coma_points(text: str) -> str | None:
    """The sum of "E4V5M6", "4+5+6" and "15/15"; None where the cell is no such thing."""
    text = plain(text[: LONGEST_CELL + 1])
    if found := _EVM.fullmatch(text):
        before, *parts, after = found.groups()
    elif found := _SUM.fullmatch(text):
        (*parts, after), before = found.groups(), None
    elif (found := _OF_15.fullmatch(text)) and 3 <= int(found.group(1)) <= 15:
        return found.group(1)
    else:
        return None
    total = sum(map(int, parts))
    return str(total) if all(said is None or int(said) == total for said in (before, after)) else None


def _pressure_kind(name: str) -> tuple[str, str] | None:
    """Of "Blutdruck (mmHg)" how its parts are called and its unit."""
    bare, unit = bracketed(name)
    for text, said in ((name, ""), (bare, unit)):
        if kind := _PRESSURE.get(name_key(text)):
            return kind, said
    return None


def _part_names(kind: str, unit: str) -> list[str]:
    return [f"{kind} {part} ({unit})" if unit else f"{kind} {part}" for part in _PARTS]


def _wide_parts(table: Table) -> Table:
    """Columns of blood pressures as two or three, those of coma scales as their sums."""
    names: list[str] = []
    columns: list[pa.Array | pa.ChunkedArray] = []
    notes: list[str] = []
    for name in table.columns:
        column = table.data.column(name)
        names.append(name)
        columns.append(column)
        pressure = _pressure_kind(name)
        if not _is_text(table, name):
            continue
        if pressure is not None and _hits(_sample(table, name), r"[0-9]\s*[/|\\]\s*[0-9]"):
            cells = _Column.of(table, name)
            parts = [_pressures(text) for text in cells.texts]
            if not any(parts):
                continue
            del names[-1], columns[-1]
            called = _part_names(*pressure)
            for i, part_name in enumerate(called):
                if i == 2 and not any(p[2] for p in parts if p):
                    continue
                # What is no pair stays beside the upper one, marked so that it is reported and not taken for it.
                texts = [
                    p[i] if p else _no_pair(t) if i == 0 else None for p, t in zip(parts, cells.texts, strict=True)
                ]
                names.append(part_name)
                columns.append(cells.becoming(texts))
            notes.append(f"{table.names[0]}: the cells of {name} (120/80) were split into {_listed(called, names)}.")
        elif name_key(bracketed(name)[0]) in _COMA:
            cells = _Column.of(table, name)
            sums = [_coma_points(text) for text in cells.texts]
            if any(sums):
                columns[-1] = cells.becoming([s or t for s, t in zip(sums, cells.texts, strict=True)])
                notes.append(f"{table.names[0]}: the parts of {name} (E4V5M6) were added up.")
    if not notes:
        return table
    return replace(table, data=pa.table(columns, names=unique_headers(names)[0]), notes=(*table.notes, *notes))


def _no_pair(text: str) -> str:
    text = text.strip()
    return text if not text[:1].isdigit() or "/" in text else f"{text} /"


def _listed(called: Sequence[str], names: Sequence[str]) -> str:
    there = [name for name in called if name in names]
    return ", ".join(there[:-1]) + " and " + there[-1]


def _long_parts(table: Table, variable: str, value: str) -> Table:
    """Rows with a blood pressure as two or three rows of the same place; coma scales as their sums."""
    if (
        not _is_text(table, variable)
        or not _is_text(table, value)
        or not _hits(_sample(table, value), r"[0-9]\s*[/+|VM]")
    ):
        return table
    what, cells = _Column.of(table, variable), _Column.of(table, value)
    kinds = [_pressure_kind(text.strip()) for text in what.texts] + [None]
    coma = np.array([name_key(bracketed(text)[0]) in _COMA for text in what.texts] + [False])[what.codes]
    is_pressure = np.array([k is not None for k in kinds])[what.codes]
    parts = [_pressures(text) for text in cells.texts] + [None]
    sums = [_coma_points(text) for text in cells.texts] + [None]
    pair = np.array([p is not None for p in parts])[cells.codes] & is_pressure
    added = np.array([s is not None for s in sums])[cells.codes] & coma
    if not (pair.any() or added.any()):
        return table
    n_rows = np.where(pair, np.array([2 if p is None or p[2] is None else 3 for p in parts])[cells.codes], 1)
    index = np.repeat(np.arange(len(table)), n_rows)
    nth = np.arange(len(index)) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    variables, values = table.data.column(variable).to_pylist(), table.data.column(value).to_pylist()
    new_variables, new_values = [], []
    for i, part in zip(index.tolist(), nth.tolist(), strict=True):
        kind, found = kinds[what.codes[i]], parts[cells.codes[i]]
        if pair[i] and kind is not None and found is not None:
            new_variables.append(_part_names(*kind)[part])
            new_values.append(found[part])
        else:
            new_variables.append(variables[i])
            new_values.append(sums[cells.codes[i]] if added[i] else values[i])
    notes = []
    if pair.any():
        notes.append(f"{table.names[0]}: {counted(int(pair.sum()), 'blood pressure')} (120/80) split into its parts.")
    if added.any():
        notes.append(f"{table.names[0]}: the parts of {counted(int(added.sum()), 'coma scale')} were added up.")
    table = _rows(table, index, notes)
    data = table.data
    for column, texts in ((variable, new_variables), (value, new_values)):
        data = data.set_column(data.column_names.index(column), column, pa.array(texts, pa.string()))
    return replace(table, data=data)


# Units in cells.


def _wide_units(table: Table) -> Table:
    """Units that stand in the cells of a column, in its name."""
    names, columns, notes = list(table.columns), list(table.data.columns), []
    for i, name in enumerate(names):
        role = match_role(name)
        if not _is_text(table, name) or (role is not None and role[0] != VALUE and known_feature(name) is None):
            continue
        if not _hits(_sample(table, name), _WITH_UNIT):
            continue
        feature = known_feature(name)
        if not any(_read_all(_sample(table, name).to_pylist(), table.decimal_comma, feature)):
            continue
        cells = _Column.of(table, name)
        found = _read_all(cells.texts, table.decimal_comma, feature)
        units = {c.unit for c in found if c is not None and c.unit}
        bare_texts = [t if c is None else c.bare for c, t in zip(found, cells.texts, strict=True)]
        if not units:
            columns[i] = cells.becoming(bare_texts)
            continue
        spellings = {unit_key(u): u for u in units if u}
        bare, said = bracketed(name)
        if len(spellings) > 1 or (said and unit_key(said) not in spellings):
            listed = ", ".join(sorted({*spellings.values(), *([said] if said else [])}))
            notes.append(
                f"{table.names[0]}: the cells of {name} are in several units ({listed}). Those with a unit were not "
                "read: give each unit a column of its own, or put the units into a column beside the values."
            )
            continue
        unit = next(iter(spellings.values()))
        names[i] = name if said else f"{bare} ({unit})"
        columns[i] = cells.becoming(bare_texts)
        note = f"{table.names[0]}: the unit {unit} stands in the cells of {name}."
        without = [c is not None and not c.unit for c in found] + [False]
        if n := int(np.array(without)[cells.codes].sum()):
            note += f" {counted(n, 'cell')} without a unit taken in it too. Please check."
        notes.append(note)
    return replace(table, data=pa.table(columns, names=unique_headers(names)[0]), notes=(*table.notes, *notes))


def _read_all(texts: Sequence[str], comma: bool, feature: Feature | None) -> list[Cell | None]:
    """Each text read, None where it stays as it is; a low flag is no litre."""
    style = style_of(pa.array(texts, pa.string()), comma)
    flagged = feature is not None or any(_FLAGGED.search(text[:LONGEST_CELL]) for text in texts)
    result: list[Cell | None] = []
    known = {"": True}
    for text in texts:
        cell = read_cell(text, style)
        if cell is not None and cell.unit not in known:
            known[cell.unit] = _is_unit(cell.unit, feature)
        if cell is None or not known[cell.unit]:
            result.append(replace(cell, unit="") if cell is not None and cell.unit == "L" and flagged else None)
        else:
            result.append(cell)
    return result


def _is_unit(text: str, feature: Feature | None) -> bool:
    if feature is not None and find_unit(feature, text) is not None:
        return True
    return len(unit_key(text)) > 1 and looks_like_unit(text)


def _long_units(table: Table, variable: str, value: str) -> Table:
    """Units that stand in the cells of a long table, in its column of units."""
    if not _is_text(table, value) or not _hits(_sample(table, value), _WITH_UNIT):
        return table
    what = _Column.of(table, variable) if _is_text(table, variable) else None
    cells = _Column.of(table, value)
    style = style_of(pa.array(cells.texts, pa.string()), table.decimal_comma)
    found = [read_cell(text, style) for text in cells.texts]
    with_unit = np.flatnonzero(np.array([c is not None and c.unit != "" for c in found] + [False])[cells.codes])
    if not len(with_unit) or what is None:
        return table
    features: list[Feature | None] = [None] * (len(what.texts) + 1)
    for code in np.argsort(-np.bincount(what.codes + 1, minlength=len(features))[1:], kind="stable")[:_MOST_NAMES]:
        features[code] = known_feature(what.texts[code].strip())
    are_units: dict[tuple[str, str], bool] = {}
    column = next((c for c in table.columns if (role := match_role(c)) is not None and role[0] == UNIT), "")
    units = table.data.column(column).cast(pa.string()).to_pylist() if column else [None] * len(table)
    values = table.data.column(value).to_pylist()
    n = 0
    for i in with_unit.tolist():
        cell = found[cells.codes[i]]
        feature = features[what.codes[i]]
        if cell is None:
            continue
        said = (units[i] or "").strip()
        if cell.unit in ("H", "L") and feature is not None and find_unit(feature, cell.unit) is None:
            values[i] = cell.bare  # a flag
        elif said and unit_key(said) != unit_key(cell.unit) and said.casefold() not in MISSING_WORDS:
            continue  # one of them is wrong
        else:
            key = cell.unit, feature.name if feature is not None else ""
            if key not in are_units:
                are_units[key] = _is_unit(cell.unit, feature)
            if are_units[key]:
                values[i], units[i], n = cell.bare, cell.unit, n + 1
    data = table.data.set_column(table.columns.index(value), value, pa.array(values, pa.string()))
    notes = []
    if n:
        notes = [f"{table.names[0]}: {counted(n, 'value')} with the unit in the cell."]
        if column:
            data = data.set_column(data.column_names.index(column), column, pa.array(units, pa.string()))
        else:
            name = unique_headers([*data.column_names, "unit"])[0][-1]
            data = data.append_column(name, pa.array(units, pa.string()))
    return replace(table, data=data, notes=(*table.notes, *notes))


def with_record_id(table: Table, record_id: str) -> Table:
    """The table with the identifier that stands above it as a column, where it has none of its own."""
    if not record_id or any((role := match_role(c)) is not None and role[0] == RECORD_ID for c in table.columns):
        return table
    name = unique_headers([*table.columns, "record_id"])[0][-1]
    note = f"{table.names[0]}: the identifier in the lines above the table was taken for all its rows."
    cells = pa.array([record_id] * len(table), pa.string())
    return replace(table, data=table.data.append_column(name, cells), notes=(*table.notes, note))
