"""Choices that known and new questions share on the retrain page."""

from collections.abc import Mapping

import streamlit as st

from medgru.data.label_rows import EVER, HIGHEST, LAST, SAME
from medgru.data.labels import LabelColumn
from medgru.tasks.own import MIN_CLASSES
from medgru.ui import state, words

RULES = {
    LAST: "the last one in time",
    HIGHEST: "the highest number ({highest})",
    EVER: "{event}, wherever it occurs",
}
ELSE_LAST = ", else the last one in time"


def one_of(
    label: str, options: Mapping[str, str], default: str, key: str, about: str | None = None, comes_back: bool = False
) -> str:
    """A choice of one, by its words; one that is no longer offered gives way to the default.

    Args:
        label: What is asked.
        options: Words of each choice.
        default: What is chosen at first.
        key: Of the widget.
        about: More, on demand.
        comes_back: Whether it is chosen again when it is offered again, and follows the default until somebody chose.
    """
    names = list(options)
    keep = state.keep_wanted_choice if comes_back else state.keep_choice
    keep(key, names, default if default in options else names[0])
    return st.selectbox(
        label, names, format_func=lambda name: options[name], key=key, help=about, persist_state="session"
    )


def choose_rule(column: LabelColumn, key: str, event: str) -> str:
    """What counts where the outcome changes within a stay; asked only where it does and something can settle it.

    Args:
        column: The outcome.
        key: Of the widget.
        event: The class that is followed, in words.
    """
    if not column.rules:
        return SAME
    stays = words.plural(column.changes, "stay")
    names = {rule: RULES[rule].format(highest=column.classes[-1][0], event=event) for rule in column.rules}
    if EVER in names and len(column.classes) > MIN_CLASSES:
        names[EVER] += ELSE_LAST
    return one_of(f"It changes within {stays}; what counts is", names, column.rules[0], key)


def described(column: LabelColumn) -> str:
    """ "outcome: died (12), survived (88)"; no counts where it changes, as they depend on what counts then."""
    first = ", ".join(counted_class(column, name) for name, _ in column.classes[:3])
    return f"{column.name}: {first}{', …' if len(column.classes) > 3 else ''}"


def counted_class(column: LabelColumn, name: str) -> str:
    """ "died (12)"; "died" where the outcome changes within a stay, as the count depends on the rule."""
    return name if column.changes else f"{name} ({dict(column.classes)[name]:,})"
