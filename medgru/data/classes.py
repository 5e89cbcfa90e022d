"""The texts of a label column, and the outcomes of a task that they name."""

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from medgru.data.names import name_key
from medgru.data.outcome_words import NO, WORDS, YES, meant_by_yes
from medgru.data.table import MISSING_WORDS
from medgru.errors import DataError
from medgru.tasks import TASKS, Outcome, Task

UNKNOWN_CODE = "-1"
"""Stands for "not known" beside other classes, as in the outcome files of PhysioNet."""

_WHOLE = re.compile(r"^([+-]?[0-9]{1,15})(\.0*|,0{1,2})?$", re.ASCII)
_CLASS_WORDS = {"none", "nil", "无"}
_BAD_WORDS = {
    name_key(w) for w in (*WORDS["died"], *YES, "positive", "ill", "sick", "case", "krank", "septic", "sepsis", "bad")
}


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
    classes = {t for t in found if t.casefold() in _CLASS_WORDS}
    if classes and others and not any(map(is_number, others)):
        found -= classes
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
    return tuple(Outcome(c, f"{column}: {c}"[:200] if is_number(c) else c) for c in classes)


def likely_event(classes: dict[str, int]) -> str:
    """The class whose probability is worth following: one with a bad or positive word, else the rarest."""
    named = [c for c in classes if name_key(c) in _BAD_WORDS]
    return min(named or list(classes), key=lambda c: (classes[c], c))


def matched(task: Task, column: str, texts: Sequence[str]) -> tuple[NDArray[np.int64], str]:
    """Which outcome each class text names, and a note where the words had to be understood.

    Words are understood for shipped tasks only: nobody has said what "yes" means in a user's own.

    Args:
        task: Whose outcomes are meant.
        column: The label column: "survived" with "yes" and "no" means the opposite of "died".
        texts: Classes in their canonical spelling.

    Raises:
        DataError: Some of them name none, or the column's name does not say which of two; the message says what
            was expected.
    """
    names = {canonical(key).casefold(): i for i, o in enumerate(task.outcomes) for key in (o.label, o.name)}
    found = [names.get(t.casefold(), -1) for t in texts]
    shipped, note = task.name in TASKS, ""
    if shipped:
        words = {name_key(w): i for i, o in enumerate(task.outcomes) for w in WORDS.get(o.name, ())}
        found = [code if code >= 0 else words.get(name_key(t), -1) for code, t in zip(found, texts, strict=True)]
    if shipped and len(task.outcomes) == 2:
        yes, no = ({name_key(w) for w in group} for group in (YES, NO))
        asked = [i for i, t in enumerate(texts) if found[i] < 0 and name_key(t) in yes | no]
        if asked:
            means = meant_by_yes(task, column)
            for i in asked:
                found[i] = means if name_key(texts[i]) in yes else 1 - means
            note = f"In the column {column}, 1 or yes was read as {task.outcomes[means].label}."
    unknown = sum(code < 0 for code in found)
    if unknown:
        expected = " or ".join(o.label for o in task.outcomes)
        others = "the words " if not shipped else "0 and 1, yes and no, or words such as "
        raise DataError(
            f"{unknown} of the {len(texts)} classes in the column {column} name no outcome of {task.title}. Expected "
            f"are {others}{expected}. Choose another column, or make a new task from the table."
        )
    return np.array(found, np.int64), note


def is_number(text: str) -> bool:
    """Whether a class is a number, so that classes have an order of their own."""
    try:
        float(text)
    except ValueError:
        return False
    return True
