"""Where the outcomes of a cohort are known from: a column that was brought along, or a file of their own."""

from collections.abc import Sequence

import streamlit as st

from medgru.data import Inspection, LabelColumn, Source, attach_labels, label_columns
from medgru.data.label_guess import is_called_label
from medgru.data.label_rows import SAME
from medgru.data.labelled import LabelledStays
from medgru.data.mapping import Mapping
from medgru.errors import MedGRUError
from medgru.ui import state, words
from medgru.ui.state import Loaded, Material

NOBODY_KNOWS = ""
PART = "cohort_outcomes"


def choose(loaded: Loaded) -> LabelledStays | None:
    """The outcomes of the user's own patients as far as they are known; a column that can only be it is taken."""
    if state.source() != state.OWN:
        return None
    whence = state.whence()
    if isinstance(whence, LabelledStays):
        return whence
    state.begin_anew(PART, loaded.digest, ("cohort_outcome",))
    if state.is_new(f"{PART}_of", loaded.digest):
        state.bring(PART, None)
    box = st.popover(_said(loaded), key="cohort_outcomes_box")
    with box:
        return _choose(loaded, whence)


def _said(loaded: Loaded) -> str:
    column = state.widget_value("cohort_outcome_column")
    if column is None:
        column = _certain(_columns(loaded))
    return f"Outcomes: {words.shortened(str(column), 24)}" if column else "Outcomes: not known"


def _choose(loaded: Loaded, whence: "state.Draft | None") -> LabelledStays | None:
    st.markdown(
        "Where it is known how these patients ended, alerts can be judged. A column with the outcome may come along "
        "with the patients, or stand in a file of its own with the same patient numbers."
    )
    columns = _columns(loaded)
    usable = {c.name: c for c in columns if not c.problem}
    options = [NOBODY_KNOWS, *usable]
    state.keep_choice("cohort_outcome_column", options, _certain(columns))
    column = st.selectbox(
        "Outcome stands in",
        options,
        format_func=lambda name: _described(usable[name]) if name else "nowhere: outcomes are not known",
        key="cohort_outcome_column",
        persist_state="session",
    )
    _receive()
    if not column:
        return None
    try:
        found = state.remember_last(
            "cohort_labels",
            (loaded.digest, _files_key(), column),
            lambda: _attach(loaded, whence, usable[column]),
        )
    except MedGRUError as error:
        st.warning(words.escape(error, longest=600))
        return None
    st.markdown("\n".join(f"- {words.escape(note, longest=400)}" for note in found.notes))
    return found


def _receive() -> None:
    """A drop zone for a file of outcomes; what it got is kept when the page is left."""
    file = st.file_uploader("A file with the outcomes", key="cohort_outcome_file")
    if file is not None and state.is_new(f"{PART}_file", file.file_id):
        state.bring(PART, Material((file.file_id,), file.name, (Source(file.name, file.getvalue()),)))
        st.rerun()  # its columns are offered above
    brought = state.material(PART)
    if brought is not None:
        st.markdown(f"Outcomes are read from *{words.escape(brought.name)}*.")
        st.button("Do without this file", key="cohort_outcome_file_away", on_click=state.bring, args=(PART, None))


def _files_key() -> tuple[str, ...]:
    brought = state.material(PART)
    return brought.key if brought is not None else ()


def _columns(loaded: Loaded) -> tuple[LabelColumn, ...]:
    """Columns that could hold the outcome; none, with the reason on the screen, where the file cannot be used."""
    key = (loaded.digest, _files_key())
    try:
        return state.remember_last("cohort_label_columns", key, lambda: _find(loaded))
    except MedGRUError as error:
        st.warning(words.escape(error, longest=600))
        return ()


def _find(loaded: Loaded) -> tuple[LabelColumn, ...]:
    labels, mapping = _labels(state.whence())
    if labels is None:
        return ()
    return label_columns(labels, loaded.recordings if mapping is None else None, mapping)


def _labels(whence: object) -> tuple[Inspection | Sequence[Source] | None, Mapping | None]:
    """What holds the labels, with the mapping where that is what the patients were read from."""
    brought = state.material(PART)
    if brought is not None:
        return brought.sources, None
    return (whence.inspection, whence.mapping) if isinstance(whence, state.Draft) else (None, None)


def _attach(loaded: Loaded, whence: "state.Draft | None", column: LabelColumn) -> LabelledStays:
    labels, mapping = _labels(whence)
    assert labels is not None
    rule = column.rules[0] if column.changes and column.rules else SAME
    return attach_labels(loaded.recordings, labels, column.name, rule, mapping=mapping)


def _certain(columns: Sequence[LabelColumn]) -> str:
    """The only column that is called as outcomes are and says the same in all rows of a stay; else none is taken."""
    likely = [c for c in columns if not c.problem and is_called_label(c.name)]
    return likely[0].name if len(likely) == 1 and not likely[0].changes else NOBODY_KNOWS


def _described(column: LabelColumn) -> str:
    classes = ", ".join(f"{words.shortened(name, 20)} {count:,}" for name, count in column.classes[:3])
    return f"{words.shortened(column.name, 40)} ({classes}{', …' if len(column.classes) > 3 else ''})"
