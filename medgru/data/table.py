"""A table as it stands in a file, before anyone knows what its columns mean.

Columns stay Arrow arrays: text, numbers or timestamps. Text is parsed where it is needed, over the
distinct values only, so that a million rows of `HH:MM` cost what 2,880 do.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from medgru.data.cells import CLEAR_COMMA, CLEAR_POINT, LONGEST_CELL, OPEN_POINT, Style, plain, read_cell

TABLE = "table"
"""Kind of a plain table, of which nobody said what its columns mean."""

# Words that stand for "nothing here", compared without case.
MISSING_WORDS = frozenset(
    {
        *(
            "",
            "na",
            "n/a",
            "n.a.",
            "nan",
            "null",
            "none",
            "nil",
            "missing",
            "-",
            "--",
            "---",
            "–",
            "—",
            "?",
            ".",
            "...",
        ),
        *("#n/a", "#n/a n/a", "#na", "#nv", "#div/0!", "#value!", "#wert!", "#ref!", "#name?", "#null!", "#num!"),
        *("<na>", "nd", "n.d.", "无", "k.a.", "k. a.", "\\n"),
    }
)
_NOT_MEASURED = frozenset(
    {
        *(
            "not done",
            "not measured",
            "not available",
            "not recorded",
            "not tested",
            "no data",
            "no value",
            "no result",
        ),
        *("pending", "see comment", "see below", "comment", "cancelled", "canceled", "refused", "n.m.", "qns"),
        *("hemolyzed", "hemolysed", "haemolyzed", "haemolysed", "hemolysis", "haemolysis", "clotted", "insufficient"),
        *("not applicable", "test not performed", "error", "invalid", "/", "//", "na."),
        *("未测", "未查", "未做", "未检", "未测量", "未檢", "缺失", "暂无", "溶血", "拒测", "待报", "無"),
        *("keine angabe", "nicht gemessen", "nicht bestimmt", "nicht bestimmbar", "n.b.", "entfällt", "hämolytisch"),
        *("ausstehend", "folgt", "siehe kommentar", "s. kommentar", "geronnen", "material fehlt"),
        *("non fait", "non mesuré", "non disponible", "en attente", "hémolysé", "nd.", "nc", "n.c."),
        *("no disponible", "no realizado", "sin dato", "sin datos", "s/d", "pendiente", "hemolizado", "hemolizada"),
        *("non eseguito", "non disponibile", "in corso", "emolizzato", "não realizado", "pendente", "hemolisado"),
        *("niet gemeten", "niet bepaald", "gehemolyseerd", "volgt"),
    }
)
"""Words for "not measured" that are said of a measurement; in a column of categories they may be one."""
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$|^[+-]?(inf|Inf|INF|infinity|Infinity)$"


# Of these letters, a number has those of its flags and of its power of ten only.
_MAY_BE = r"^[^B-DF-GI-KMO-Za-df-z]*$"
_MOMENT = r"[0-9]:[0-9]|[0-9]-[0-9]+-[0-9]|[0-9]/[0-9]+/[0-9]"
"""Clocks and dates: no numbers, and known for it before each of a million of them is looked at alone."""


@dataclass(frozen=True)
class Table:
    """Rows of one file, or of many files with the same header read in one go.

    Attributes:
        kind: Name of the format for the screen ("FHIR", "PhysioNet text"); `TABLE` for a plain table.
        names: Names of the files, for the screen.
        data: The columns; text, float64 or timestamp[us].
        member: Which of `names` each row comes from, (N,); None where there is one only.
        row: Row of the spreadsheet, the header being row 1, (N,); None where row i is i + 2.
        sources: Position of each file's source among those the user gave, one a name.
        decimal_comma: True where "36,6" is a number.
        notes: What was done to read it, for the screen.
        ragged: Rows that had too many or too few cells and were set aside.
        roles: Column of each role, where the format itself says so: then none is guessed. Empty for plain tables.
        missing: A number that stands for "not measured".
        units_fixed: Whether the format fixes its units, so that values say nothing about them.
        in_utc: Of columns of timestamps, whether moments were converted to UTC because they said how far they were
            from it; those of a plain table did not unless named here, of those of another format it is not known.
    """

    kind: str
    names: tuple[str, ...]
    data: pa.Table
    member: NDArray[np.int32] | None = None
    row: NDArray[np.int64] | None = None
    sources: tuple[int, ...] = (0,)
    decimal_comma: bool = False
    notes: tuple[str, ...] = ()
    ragged: tuple[int, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    missing: float | None = None
    units_fixed: bool = False
    in_utc: Mapping[str, bool] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.data.num_rows

    @property
    def columns(self) -> list[str]:
        """Headers, unique, in the order of the file."""
        return self.data.column_names

    @property
    def members(self) -> NDArray[np.int32]:
        """Which of `names` each row comes from, (N,)."""
        return np.zeros(len(self), dtype=np.int32) if self.member is None else self.member

    def place(self, index: int) -> tuple[str, int]:
        """File and spreadsheet row of a row of `data`."""
        name = self.names[0 if self.member is None else int(self.member[index])]
        return name, int(index + 2 if self.row is None else self.row[index])


@dataclass(frozen=True)
class Numbers:
    """A column as numbers.

    Attributes:
        value: (N,) float64, NaN where nothing usable stands; may be infinite.
        bad: True where something stands that is no number, (N,); None where there is none.
        missing_words: How many cells say "NaN", "NA" and the like.
        limited: True where the number is a limit, "<5" or ">100", (N,); None where there is none.
    """

    value: NDArray[np.float64]
    bad: NDArray[np.bool_] | None = None
    missing_words: int = 0
    limited: NDArray[np.bool_] | None = None


def stem(name: str) -> str:
    """Name of a file without folders and ending: the name of a stay that has no other."""
    last = PurePosixPath(name.replace("\\", "/").split(" › ")[-1]).name
    return last.rsplit(".", 1)[0] if "." in last[1:] else last


def flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The column as one contiguous array."""
    if isinstance(column, pa.ChunkedArray):
        if column.num_chunks == 1:
            return column.chunk(0)
        if pa.types.is_dictionary(column.type):
            column = column.unify_dictionaries()
        column = column.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = column.chunk(0) if column.num_chunks else pa.array([], column.type)
    return column


def distinct(column: pa.ChunkedArray | pa.Array) -> tuple[NDArray[np.int32], list[str]]:
    """Codes of the distinct trimmed texts, (N,), -1 where the cell is empty, and these texts.

    Whole numbers lose their ".0", so that an identifier is the same from Excel and from CSV.
    """
    array = flat(column)
    given = pa.types.is_dictionary(array.type)
    repeats: NDArray[np.int64] | None = None
    if not given and not array.null_count:
        runs = pc.run_end_encode(array)  # rows of one stay mostly follow each other
        if len(runs.values) * 4 < len(array):
            ends = runs.run_ends.to_numpy()
            array, repeats = runs.values, np.diff(ends, prepend=0)
    if not given:
        array = array.dictionary_encode()
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    if repeats is not None:
        codes = np.repeat(codes, repeats)
    kind = array.dictionary.type
    if pa.types.is_floating(kind):
        raw = [_number_text(v) for v in array.dictionary.to_pylist()]
    elif pa.types.is_timestamp(kind):
        raw = pc.strftime(array.dictionary, format="%Y-%m-%d %H:%M:%S").to_pylist()
    else:
        raw = array.dictionary.to_pylist()
    if not given and None not in raw and "" not in raw and list(map(str.strip, raw)) == raw:
        return codes, raw  # nothing to trim, as in nearly every column of a million different texts
    texts: dict[str, int] = {}
    lookup = np.full(len(raw) + 1, -1, dtype=np.int32)  # the last entry serves code -1
    # A dictionary that came with the file may list texts that no row has.
    used = np.bincount(codes + 1, minlength=len(raw) + 1)[1:] > 0 if given else np.ones(len(raw), dtype=bool)
    for i, text in enumerate(raw):
        text = (text or "").strip()
        if text and used[i]:
            lookup[i] = texts.setdefault(text, len(texts))
    if len(texts) == len(raw):
        return codes, list(texts)
    return lookup[codes], list(texts)


def _number_text(value: float | None) -> str:
    if value is None or value != value:
        return ""
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e17 else repr(float(value))


def numbers(column: pa.ChunkedArray | pa.Array, decimal_comma: bool = False) -> Numbers:
    """Parse a column into numbers; what cannot be parsed is marked, never guessed."""
    array = flat(column)
    if pa.types.is_floating(array.type):
        return Numbers(_to_numpy(array))
    if pa.types.is_timestamp(array.type):
        there = pc.is_valid(array).to_numpy(zero_copy_only=False)
        return Numbers(np.full(len(array), np.nan), there if there.any() else None)
    if not pa.types.is_dictionary(array.type) and not decimal_comma:
        try:
            value = _to_numpy(pc.cast(array, pa.float64()))
            if not np.isnan(value).any():
                return Numbers(value)
        except pa.ArrowInvalid:
            pass
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    text = pc.utf8_trim_whitespace(array.dictionary)
    style = style_of(text, decimal_comma)
    if style.comma and not style.point:
        comma = pc.match_substring_regex(text, r"^[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?$")
        text = pc.if_else(comma, pc.replace_substring(text, ",", "."), text)
        # "1.234" beside "36,6" is a thousand, or nobody knows: it is read below.
        is_open = pc.and_(pc.invert(comma), pc.match_substring_regex(text, OPEN_POINT))
    else:
        is_open = pc.match_substring_regex(text, OPEN_POINT) if style.comma else pa.scalar(False)
    is_number = pc.and_(pc.match_substring_regex(text, _NUMBER), pc.invert(is_open))
    parsed = np.array(_to_numpy(pc.cast(pc.if_else(is_number, text, None), pa.float64())))
    lower = pc.utf8_lower(text)
    missing = pc.is_in(lower, pa.array(sorted(MISSING_WORDS | _NOT_MEASURED))).to_numpy(zero_copy_only=False)
    worded = missing & (pc.utf8_length(text).to_numpy(zero_copy_only=False) > 0)
    strange = ~is_number.to_numpy(zero_copy_only=False) & ~missing
    limited = np.zeros(len(parsed) + 1, dtype=bool)
    if strange.any():
        short = pc.and_(pc.less_equal(pc.utf8_length(text), LONGEST_CELL), pc.match_substring_regex(text, _MAY_BE))
        short = pc.and_(short, pc.invert(pc.match_substring_regex(text, _MOMENT))).to_numpy(zero_copy_only=False)
        for i in np.flatnonzero(strange & short):
            cell = text[int(i)].as_py()
            if plain(cell).casefold() in MISSING_WORDS:  # a space that does not break, a dash of another kind
                strange[i], worded[i] = False, bool(plain(cell))
            elif (found := read_cell(cell, style)) is not None and not found.unit:
                parsed[i], strange[i], limited[i] = found.value, False, found.limited
    codes = array.indices.fill_null(len(text)).to_numpy(zero_copy_only=False)
    value = np.append(parsed, np.nan)[codes]
    return Numbers(
        value,
        np.append(strange, False)[codes] if strange.any() else None,
        int(np.append(worded, False)[codes].sum()) if worded.any() else 0,
        limited[codes] if limited.any() else None,
    )


def style_of(text: pa.Array, comma_elsewhere: bool) -> Style:
    """How the numbers among the distinct texts of a column are written."""
    if not comma_elsewhere and not (
        pc.any(pc.match_substring_regex(text, r"[0-9].*[,，]|[0-9]\..*\.")).as_py() or False
    ):
        return Style()  # no comma beside any digit: points are decimal
    clear = pc.replace_substring_regex(text, r"^[<>≤≥=\s]+|[^0-9]+$", "")
    grouped_point, grouped_comma = (
        rf"^[+-]?[0-9]{{1,3}}(\{inner}[0-9]{{3}})+\{mark}[0-9]+$|^[+-]?[0-9]{{1,3}}(\{inner}[0-9]{{3}}){{2,}}$"
        for inner, mark in ((",", "."), (".", ","))
    )
    n_comma, n_point = (
        sum(pc.sum(pc.match_substring_regex(clear, form)).as_py() or 0 for form in forms)
        for forms in ((CLEAR_COMMA, grouped_comma), (CLEAR_POINT, grouped_point))
    )
    return Style.of(n_comma, n_point, comma_elsewhere)


def _to_numpy(array: pa.Array) -> NDArray[np.float64]:
    value = array.to_numpy(zero_copy_only=False)
    return value.astype(np.float64, copy=False)


def text_at(column: pa.ChunkedArray | pa.Array, index: int) -> str:
    """What stands in one cell, for the report; cut at 60 characters."""
    value = column[index].as_py()
    if value is None:
        return ""
    text = _number_text(value) if isinstance(value, float) and value == value and abs(value) < 1e15 else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def preview_rows(table: Table, rows: int = 20) -> dict[str, list[str]]:
    """The first rows as text, column by column."""
    part = table.data.slice(0, rows)
    return {name: [text_at(part.column(name), r) for r in range(part.num_rows)] for name in part.column_names}


def unique_headers(headers: Sequence[str]) -> tuple[list[str], list[str]]:
    """Headers made unique ("HR", "HR (2)") and never empty, and which had to be changed."""
    result: list[str] = []
    changed: list[str] = []
    taken: set[str] = set()
    for position, header in enumerate(headers, start=1):
        base = " ".join(header.replace("\x00", "").split()) or f"column {position}"
        name, n = base, 1
        while name in taken:
            n += 1
            name = f"{base} ({n})"
        taken.add(name)
        if n > 1:
            changed.append(base)
        result.append(name)
    return result, changed
