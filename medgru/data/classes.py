"""The texts of a label column, and the outcomes of a task that they name."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from medgru.data.names import name_key
from medgru.data.table import MISSING_WORDS
from medgru.errors import DataError
from medgru.tasks import Outcome, Task

UNKNOWN_CODE = "-1"
"""Stands for "not known" beside other classes, as in the outcome files of PhysioNet."""

_WHOLE = re.compile(r"^([+-]?[0-9]{1,15})(\.0*|,0{1,2})?$", re.ASCII)
_YES = (
    "1",
    "yes",
    "y",
    "true",
    "t",
    "ja",
    "j",
    "wahr",
    "oui",
    "vrai",
    "si",
    "sí",
    "verdadero",
    "是",
    "有",
    "真",
    "positive",
)
_NO = ("0", "no", "n", "false", "f", "nein", "falsch", "non", "faux", "falso", "否", "无", "假", "negative")

# Other words for the outcomes of shipped tasks, by the name of the outcome.
_WORDS: dict[str, tuple[str, ...]] = {
    "died": (
        *("died", "dead", "death", "deceased", "expired", "nonsurvivor", "exitus", "mortality", "died in hospital"),
        *("verstorben", "gestorben", "tot", "tod", "décédé", "décédée", "décès", "mort", "morte"),
        *("fallecido", "fallecida", "muerto", "muerta", "éxitus", "死亡", "死", "病死"),
    ),
    "survived": (
        *("survived", "survivor", "alive", "living", "discharged alive", "discharged", "survival"),
        *("überlebt", "überlebend", "lebend", "lebt", "am leben", "entlassen", "vivant", "vivante", "survécu"),
        *("vivo", "viva", "sobrevivió", "存活", "生存", "活", "好转", "治愈", "出院"),
    ),
}
_CLASS_WORDS = {"none", "nil", "无"}
_BAD_WORDS = {name_key(w) for w in (*_WORDS["died"], *_YES, "ill", "sick", "case", "krank", "septic", "sepsis", "bad")}


def canonical(text: str) -> str:
    """One spelling for one class: "1.0" and "1,0" are "1"; spaces are single and nothing is invisible."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    plain = " ".join(plain.split())
    whole = _WHOLE.match(plain)
    return str(int(whole.group(1))) if whole else plain


def missing_among(texts: Iterable[str]) -> frozenset[str]:
    """Which texts of one column say that nothing is known.

    "none" is missing beside numbers, but a class beside "mild" and "severe"; so are "无" beside "有", "-" beside "+".
    """
    texts = list(texts)
    found = {t for t in texts if t.casefold() in MISSING_WORDS}
    others = [t for t in texts if t not in found]
    if others and not any(map(_is_number, others)):
        found -= {t for t in found if t.casefold() in _CLASS_WORDS}
    if "+" not in others:
        return frozenset(found | {t for t in texts if t == "-"})
    return frozenset(found - {"-"})


def in_order(texts: Sequence[str]) -> list[str]:
    """Classes in the order of the logits: by number where all are numbers, else by text."""
    try:
        return sorted(texts, key=lambda t: (float(t), t))
    except ValueError:
        return sorted(texts)


def outcomes_of(column: str, classes: Sequence[str]) -> tuple[Outcome, ...]:
    """The outcomes of an own task; a bare number gets the name of its column beside it."""
    return tuple(Outcome(c, f"{column}: {c}"[:200] if _is_number(c) else c) for c in classes)


def likely_event(classes: dict[str, int]) -> str:
    """The class whose probability is worth following: one with a bad or positive word, else the rarest."""
    named = [c for c in classes if name_key(c) in _BAD_WORDS]
    return min(named or list(classes), key=lambda c: (classes[c], c))


def matched(task: Task, column: str, texts: Sequence[str]) -> tuple[NDArray[np.int64], str]:
    """Which outcome each class text names, and a note where the words had to be understood.

    Args:
        task: Whose outcomes are meant.
        column: The label column: "survived" with "yes" and "no" means the opposite of "died".
        texts: Classes in their canonical spelling.

    Raises:
        DataError: Some of them name none; the message says what was expected.
    """
    names = {key.casefold(): i for i, o in enumerate(task.outcomes) for key in (o.label, o.name)}
    direct = [names.get(t.casefold(), -1) for t in texts]
    if min(direct, default=-1) >= 0:
        return np.array(direct, np.int64), ""
    words = {name_key(w): i for i, o in enumerate(task.outcomes) for w in _WORDS.get(o.name, ())}
    found = [words.get(name_key(t), direct[i]) for i, t in enumerate(texts)]
    note = ""
    if len(task.outcomes) == 2:
        event, other = task.event_index, 1 - task.event_index
        means = words.get(name_key(column.split("(")[0]), event)
        opposite = event if means == other else other
        yes, no = ({name_key(w) for w in group} for group in (_YES, _NO))
        for i, text in enumerate(texts):
            if found[i] < 0:
                found[i] = means if name_key(text) in yes else opposite if name_key(text) in no else -1
                note = f"In the column {column}, 1 or yes was read as {task.outcomes[means].label}."
    unknown = sum(code < 0 for code in found)
    if unknown:
        expected = " or ".join(o.label for o in task.outcomes)
        others = "0 and 1, yes and no, or words such as " if len(task.outcomes) == 2 else "the words "
        raise DataError(
            f"{unknown} of the {len(texts)} classes in the column {column} name no outcome of {task.title}. Expected "
            f"are {others}{expected}. Choose another column, or make a new task from the table."
        )
    return np.array(found, np.int64), note


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
