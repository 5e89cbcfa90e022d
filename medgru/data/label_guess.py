"""Which column of an unknown table is proposed as the outcome, and why."""

from collections.abc import Iterable, Sequence

from medgru.data.classes import is_number, likely_event
from medgru.data.columns import NUMBER, name_words
from medgru.data.label_rows import EVER, HIGHEST, LAST
from medgru.data.labels import LabelColumn
from medgru.data.names import name_key
from medgru.data.outcome_words import speaks_of_outcome
from medgru.data.pseudonyms import why_apart
from medgru.data.view import TableView

_NAMES = "diagnosis|dx|readmitted|readmission|sepsis|status|result|severity|course"
_NAMES += "|diagnose|ergebnis|verlauf|ausgang|klasse|befund|schweregrad"
_NAMES += "|诊断|类别|分类|预后|结果|转归|严重程度|diagnostic|issue|classe|diagnostico|desenlace|clase|resultado"
_LABELS = {name_key(name) for name in _NAMES.split("|")}
_ENDS = ("label", "outcome", "class", "mortality", "结局", "标签", "转归")


def is_called_label(name: str) -> bool:
    """Whether a column is called as outcomes are."""
    key = name_key(name)
    return bool(({key} | name_words(name)) & _LABELS) or key.endswith(_ENDS) or speaks_of_outcome(name)


def guess_label(columns: Sequence[tuple[str, int, str, bool]]) -> list[int]:
    """Order of columns as labels, the best first: called so, then fixed within stays, in a file of labels, words.

    Args:
        columns: Name, stays within which it changes, kind, and whether it is in a table with measurements.
    """

    def rank(i: int) -> tuple[bool, bool, bool, bool, int]:
        name, changes, kind, measured = columns[i]
        return not is_called_label(name), changes > 0, measured, kind == NUMBER, -i

    return sorted(range(len(columns)), key=rank)


def could_be_label(column: LabelColumn, people: int) -> bool:
    """Whether a column is proposed as the outcome where nobody chose it.

    What changes and is not called an outcome is a measurement with few values, and so are numbers with decimals or
    others than codes from 0 or 1 on; a word for each patient is a name.
    """
    texts, n = [text for text, _ in column.classes], len(column.classes)
    numeric = all(map(is_number, texts))
    if numeric and not all(float(text).is_integer() for text in texts):
        return False
    if is_called_label(column.name):
        return True
    if numeric:
        codes = sorted(int(float(text)) for text in texts)
        return not column.changes and codes[0] in (0, 1) and codes[-1] - codes[0] == n - 1 <= max(1, people / 5)
    return not column.changes and not are_names(n, people)


def no_label(labels: Sequence[LabelColumn], foreign: Sequence[TableView], record_ids: Iterable[str]) -> str:
    """Why no column is proposed as the outcome of these stays, and what to do."""
    if foreign:
        return (
            f"No column of {foreign[0].table.names[0]} holds the identifiers of the stays that were read. A file of "
            f"labels needs a column with the same identifiers.{why_apart(record_ids)}"
        )
    if labels:
        return "No column looks like an outcome. Choose it, or bring the outcomes in a file of their own."
    return (
        "No column could be the outcome: none has 2 to 20 classes. Add a column with the class of each stay, or bring "
        "a file of labels with the same identifiers."
    )


def are_names(words: int, people: int) -> bool:
    """Whether so many different words are nearly as many as patients, as identifiers and names of theirs are."""
    return words > max(2, people / 2)


def label_reason(column: LabelColumn) -> str:
    """Why that column is proposed, and what counts where it changes."""
    ways = {
        LAST: "the last one in time is taken",
        HIGHEST: f"the highest class is taken ({column.classes[-1][0]} counts most)",
        EVER: f"{likely_event(dict(column.classes))} is taken wherever it occurs",
    }
    how = ways[column.rules[0]] if column.rules else "no rule makes one class of it"
    changes = f"It changes within a stay: {how}. " if column.changes else ""
    return f"{changes}It has {len(column.classes)} classes. Please check."
