"""Columns that look as if they identified patients, found in the tables as they stand in the files.

By the name of the column, and by what stands in its cells. What the mapping uses as a measurement is never suspected
by its numbers: a heart rate is no identity number, whatever its digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.inspection import Inspection
from medgru.data.mapping import Mapping
from medgru.data.names import ADMISSION, DATE, RECORD_ID, TIME, UNIT, VALUE, VARIABLE, match_role, name_key
from medgru.data.table import MISSING_WORDS, distinct, flat, stem
from medgru.data.times import TIMESTAMP, parse_times
from medgru.data.view import TableView
from medgru.data.words import agreeing, counted
from medgru.quality import identifier_kinds as kinds
from medgru.quality.dates import are_compact, compact_moments, has_date
from medgru.quality.identifier_cells import FORMS, is_chinese_name, is_latin_name, masked, within
from medgru.quality.identifier_kinds import Kind, kind_by_name

REMOVE, REPLACE, SHIFT, CAP = "remove", "replace by a pseudonym", "shift", "cap at 90"
SAMPLE_ROWS = 20_000
OLDEST = 90
"""Ages from here on are one group: HIPAA wants no age over 89 told apart."""

_LONG_TEXT, _MANY_WORDS = 40, 5
_NUMBER_WORDS = ("id", "number", "nummer", "numero", "nr", "号", "号码", "编号", "code")


@dataclass(frozen=True)
class Suspect:
    """One column, or one variable of a long table, that may identify a patient.

    Attributes:
        kind: Which of the eighteen kinds of the Safe Harbor rule.
        column: Header of the column, or name of the variable.
        files: Files that hold it.
        reason: Why it is suspected, a sentence.
        share: Share of its filled cells that look so, 0 to 1.
        example: How one cell is written, with all letters and digits hidden.
        action: What removal does to it: `REMOVE`, `REPLACE`, `SHIFT` or `CAP`, or what it blanks.
        direct: Whether it points at a person by itself; dates, ages and opaque numbers of stays do not.
        in_rows: Whether it is a variable of a long table.
    """

    kind: Kind
    column: str
    files: tuple[str, ...]
    reason: str
    share: float
    example: str
    action: str
    direct: bool
    in_rows: bool = False


def suspects(inspection: Inspection, mapping: Mapping | None = None) -> tuple[Suspect, ...]:
    """What may identify patients in these files, what points at a person by itself first.

    At most `SAMPLE_ROWS` rows of each table are looked at, from all over it. Values are in none of the results.
    """
    used = mapping or inspection.mapping
    found: dict[tuple[str, str], Suspect] = {}
    for view in inspection.views:
        for one in _Columns(view, inspection, used).run():
            old = found.get((one.column, one.kind.name))
            if old is None:
                found[one.column, one.kind.name] = one
            elif old.files != one.files:
                files = tuple(dict.fromkeys([*old.files, *one.files]))
                found[one.column, one.kind.name] = Suspect(**{**vars(old), "files": files})
    return tuple(sorted(found.values(), key=lambda s: (not s.direct, kinds.KINDS.index(s.kind))))


def to_remove(found: Sequence[Suspect]) -> tuple[str, ...]:
    """The columns that one click removes."""
    return tuple(dict.fromkeys(s.column for s in found if s.action == REMOVE))


class _Columns:
    """Looks at the columns of one table; one use."""

    def __init__(self, view: TableView, inspection: Inspection, mapping: Mapping) -> None:
        self.view, self.task = view, inspection.task
        self.roles = view.roles(mapping)
        self.role_of = {column: role for role, column in self.roles.items()}
        matches = mapping.of_table(view.index).matches
        features = {f.name for f in (*self.task.features, *self.task.statics)}
        self.measured = {m.source: m.target for m in matches if m.target in features}
        n = len(view.table)
        self.rows = np.arange(n) if n <= SAMPLE_ROWS else np.linspace(0, n - 1, SAMPLE_ROWS).astype(np.int64)
        self.stay = view.stays(self.roles).codes[self.rows]
        self.found: list[Suspect] = []

    def run(self) -> list[Suspect]:
        if len(self.view.table):
            for column in self.view.table.columns:
                self._column(column)
            if self.view.is_long(self.roles):
                self._variables()
            self._file_names()
        return self.found

    def _cells(self, column: str) -> pa.Array:
        data = self.view.table.data.column(column)
        return flat(data if len(self.rows) == len(data) else data.take(pa.array(self.rows)))

    def _add(
        self, kind: Kind, column: str, reason: str, share: float, example: str, action: str = REMOVE,
        direct: bool = True, in_rows: bool = False,
    ) -> None:  # fmt: skip
        names = self.view.table.names
        files = names if len(names) <= 3 else (*names[:2], counted(len(names) - 2, "more file"))
        self.found.append(Suspect(kind, column, files, reason, share, masked(example), action, direct, in_rows))

    def _column(self, column: str) -> None:
        cells, role = self._cells(column), self.role_of.get(column)
        if role in (VARIABLE, UNIT):
            return
        if column in self.measured or role == VALUE:
            if self.measured.get(column) == "Age" or name_key(column) in kinds.AGE_NAMES:
                self._old_ages(column, self.view.numbers(column).value[self.rows])
            if not pa.types.is_floating(cells.type) and not pa.types.is_timestamp(cells.type):
                self._text_among_numbers(column, cells)
            if role == VALUE:
                self._compact_values(column)
            return
        codes, texts = distinct(cells)
        counts = np.bincount(codes[codes >= 0], minlength=len(texts))
        keep = [i for i, text in enumerate(texts) if text.casefold() not in MISSING_WORDS]
        texts, counts = [texts[i] for i in keep], counts[keep]
        if not texts:
            return
        is_id = role == RECORD_ID or (match_role(column) or ("",))[0] == RECORD_ID
        if role in (TIME, DATE, ADMISSION) or pa.types.is_timestamp(cells.type):
            self._dates(column, cells, texts)
            return
        named = kind_by_name(column)
        if is_id:
            self._identifier(column, named, texts, counts)
            return
        if named in (kinds.BIRTH, kinds.DATE):
            assert named is not None
            action = REMOVE if named is kinds.BIRTH else SHIFT
            direct = named is kinds.BIRTH
            self._add(named, column, f"The column is called {column}.", 1.0, texts[0], action, direct)
            return
        if named is not None:
            self._add(named, column, f"The column is called {column}.", 1.0, texts[0])
            return
        if self._by_cells(column, texts, counts) or self._dates(column, cells, texts):
            return
        self._dates_within(column, texts, counts)
        self._unique(column, cells, texts)

    def _by_cells(self, column: str, texts: Sequence[str], counts: NDArray, action: str = REMOVE) -> bool:
        """Suspect a column for what stands in its cells; whether it is."""
        total = max(int(counts.sum()), 1)
        for form in FORMS:
            hits = [i for i, text in enumerate(texts) if form.matches(text)]
            share = float(counts[hits].sum()) / total
            if len(hits) < form.fewest or share < form.share:
                continue
            if form.matches in (is_latin_name, is_chinese_name) and not self._belongs_to_stays(column):
                continue
            reason = f"{_percent(share)} of its cells are written as {form.words}."
            self._add(form.kind, column, reason, share, texts[hits[0]], action)
            return True
        words = np.array([len(text.split()) for text in texts])
        long = np.array([len(text) for text in texts]) >= _LONG_TEXT
        hidden = [(i, hit) for i, text in enumerate(texts) if len(text) > 12 and (hit := within(text)) is not None]
        if hidden:
            share = float(counts[[i for i, _ in hidden]].sum()) / total
            form = hidden[0][1]
            self._add(form.kind, column, f"Within its text stand {form.words}.", share, texts[hidden[0][0]], action)
            return True
        if ((words >= _MANY_WORDS) | long).mean() > 0.3 and len(texts) > 1:
            share = float(counts[(words >= _MANY_WORDS) | long].sum()) / total
            self._add(kinds.FREE_TEXT, column, "It holds whole sentences, which may name anybody.", share, texts[0])
            return True
        return False

    def _belongs_to_stays(self, column: str) -> bool:
        """Whether the cells are the same within each stay, or another one in each row, as names of patients are."""
        codes = distinct(self._cells(column))[0]
        there = (codes >= 0) & (self.stay >= 0)
        pairs = np.unique(np.stack([self.stay[there], codes[there]]), axis=1)
        n_stays, n_cells = len(np.unique(pairs[0])), len(np.unique(pairs[1]))
        return pairs.shape[1] <= 1.1 * n_stays and n_cells >= 0.5 * n_stays

    def _identifier(self, column: str, named: Kind | None, texts: Sequence[str], counts: NDArray) -> None:
        """The number of the stay or patient: needed, so that it is replaced and not removed."""
        before = len(self.found)
        if self._by_cells(column, texts, counts, REPLACE):
            self.found[before:] = [Suspect(**{**vars(s), "action": REPLACE}) for s in self.found[before:]]
            return
        if named is not None and named is not kinds.UNIQUE:
            self._add(named, column, f"The column is called {column}.", 1.0, texts[0], REPLACE)
            return
        reason = "It says whose row it is: whoever has the hospital's own list knows the patient."
        self._add(kinds.UNIQUE, column, reason, 1.0, texts[0], REPLACE, direct=False)

    def _dates(self, column: str, cells: pa.Array, texts: Sequence[str]) -> bool:
        """Suspect a column of dates; whether it is one."""
        if pa.types.is_timestamp(cells.type):
            share = 1.0
        else:
            if are_compact(texts):
                share = float(np.isfinite(compact_moments(texts)).mean())
            elif pa.types.is_floating(cells.type) or _mostly_numbers(texts):
                if self.role_of.get(column) not in (TIME, ADMISSION):
                    return False
                share = float(self.view.times(column, self.task.window_hours, None).absolute)
            else:
                share = self._share_of_dates(column, texts)
        if share < 0.5:
            return False
        kind = kinds.BIRTH if kind_by_name(column) is kinds.BIRTH else kinds.DATE
        reason = f"{_percent(share)} of its cells are dates with their day."
        self._add(kind, column, reason, share, texts[0], SHIFT if kind is kinds.DATE else REMOVE, kind is kinds.BIRTH)
        return True

    def _share_of_dates(self, column: str, texts: Sequence[str]) -> float:
        sample = list(texts[:500])
        times = parse_times(pa.chunked_array([pa.array(sample, pa.string())]), column, 0)
        return float(np.isfinite(times.value).mean()) if times.unit == TIMESTAMP else 0.0

    def _unique(self, column: str, cells: pa.Array, texts: Sequence[str]) -> None:
        """Suspect a code that every stay has for itself."""
        n_stays = len(np.unique(self.stay[self.stay >= 0]))
        if n_stays < 5 or len(texts) < n_stays or not self._belongs_to_stays(column):
            return
        called = name_key(column).endswith(tuple(map(name_key, _NUMBER_WORDS)))
        coded = not pa.types.is_floating(cells.type) and all(
            len(t) >= 6 and any(c.isdigit() for c in t) and any(c.isalpha() for c in t) and " " not in t for t in texts
        )
        if called or coded:
            self._add(
                kinds.UNIQUE, column, "Every stay has another one: it may be a number of the patient.", 1.0, texts[0]
            )

    def _old_ages(self, column: str, value: NDArray[np.float64], in_rows: bool = False) -> None:
        old = (value > OLDEST) & (value <= 130)
        if old.any():
            share = float(old.sum() / max(np.isfinite(value).sum(), 1))
            n = int(old.sum())
            ages = f"{counted(n, 'age')} {agreeing(n, 'is', 'are')} over {OLDEST}"
            reason = f"{ages}: so few people are that old that they are found."
            self._add(kinds.OLD_AGE, column, reason, share, "", CAP, direct=False, in_rows=in_rows)

    def _text_among_numbers(self, column: str, cells: pa.Array) -> None:
        """Text in a column of numbers may name somebody as well."""
        codes, texts = distinct(cells)
        odd = [i for i, text in enumerate(texts) if is_telling(text)]
        if odd:
            share = float(np.isin(codes, odd).sum() / max((codes >= 0).sum(), 1))
            reason = "Among its numbers stand remarks, which may name anybody; the remarks are blanked."
            self._add(kinds.FREE_TEXT, column, reason, share, texts[odd[0]], "blank the remarks")

        dated = [i for i, text in enumerate(texts) if not text.isdigit() and has_date(text)]
        if dated:
            share = float(np.isin(codes, dated).sum() / max((codes >= 0).sum(), 1))
            self._add(kinds.DATE, column, "Among its values stand dates.", share, texts[dated[0]], SHIFT, direct=False)

    def _compact_values(self, column: str) -> None:
        """Variables of a long table that are dates written as digits alone."""
        names_of, names = self.view.distinct(self.roles[VARIABLE])
        codes, texts = self.view.distinct(column)
        names_of, codes = names_of[self.rows], codes[self.rows]
        for code, name in enumerate(names):
            if name in self.measured or kind_by_name(name) is not None:
                continue
            mine = [texts[i] for i in np.unique(codes[(names_of == code) & (codes >= 0)])]
            if are_compact(mine):
                share = float((names_of == code).mean())
                reason = f"The values of {name} are dates."
                self._add(kinds.DATE, name, reason, share, mine[0], SHIFT, direct=False, in_rows=True)

    def _dates_within(self, column: str, texts: Sequence[str], counts: NDArray) -> None:
        """Text that holds dates beside other words."""
        dated = [i for i, text in enumerate(texts) if has_date(text)]
        if dated:
            share = float(counts[dated].sum()) / max(int(counts.sum()), 1)
            reason, action = "Within its text stand dates.", "blank the dates"
            self._add(kinds.DATE, column, reason, share, texts[dated[0]], action, direct=False)

    def _variables(self) -> None:
        """Variables of a long table that are no measurement: "Patient name", "Phone"."""
        codes, names = self.view.distinct(self.roles[VARIABLE])
        codes = codes[self.rows]
        for code, name in enumerate(names):
            mine = np.flatnonzero(codes == code) if name_key(name) in kinds.AGE_NAMES else None
            if mine is not None:
                self._old_ages(name, self.view.numbers(self.roles[VALUE]).value[self.rows][mine], in_rows=True)
                continue
            kind = None if name in self.measured else kind_by_name(name)
            if kind is None or kind is kinds.FREE_TEXT:
                continue
            share = float((codes == code).mean())
            self._add(kind, name, f"A variable is called {name}.", share, "", REMOVE, True, in_rows=True)

    def _file_names(self) -> None:
        """Files that are named after persons."""
        names = [stem(n).replace("_", " ").replace("-", " ") for n in self.view.table.names[:500]]
        hits = [n for n in names if is_latin_name(n.title()) or is_chinese_name(n) or within(n) is not None]
        if hits:
            self._add(kinds.NAME, "(name of the file)", "Files are named after persons.", len(hits) / len(names),
                      hits[0], REPLACE)  # fmt: skip


def is_telling(text: str) -> bool:
    """Whether a cell of a column of numbers is a remark and no number, unit, limit or short code."""
    return (len(text) > 12 and sum(c.isalpha() for c in text) > 6 and " " in text) or within(text) is not None


def _mostly_numbers(texts: Sequence[str]) -> bool:
    sample = texts[:200]
    return sum(t.replace(".", "", 1).replace(",", "", 1).lstrip("+-").isdigit() for t in sample) > 0.5 * len(sample)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "A few"
