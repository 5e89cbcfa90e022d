"""A new question, made from the table itself: which column is what, each guessed and each to be changed."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from medgru.data.label_rows import SAME
from medgru.data.labelled import LabelledStays
from medgru.data.labels import LabelColumn
from medgru.data.new_task import NewTaskChoices, NewTaskProposal, define, examine
from medgru.tasks import Step
from medgru.ui import state, widgets, words
from medgru.ui.retrain_parts import choose_rule, counted_class, described, one_of
from medgru.ui.state import Material

NO_COLUMN = ""
FIND_OUT = ""
EVERY_FILE_ONE = "each file is one stay"
ROWS_COUNTED = "none: rows are counted"
EACH_ANOTHER = "no"
WIDE = 640
"""Pixels for a sentence in a table, which would be cut off."""
ROLES = {
    "record_id": "stay",
    "patient": "whose stay it is",
    "time": "time",
    "label": "outcome",
    "feature": "measured over time",
    "static": "known at the start",
    "variable": "name of the variable",
    "value": "value",
}


def choose(patients: Material, outcomes: Material | None) -> LabelledStays | None:
    """The labelled stays of a task made from the table; None where something essential is still missing.

    Raises:
        MedGRUError: No task can be made of these choices; the message says what to change.
    """
    key = (patients.key, outcomes.key if outcomes else ())

    def read() -> NewTaskProposal:
        with st.spinner("Reading the files …"):
            return examine((*patients.sources, *(outcomes.sources if outcomes else ())))

    found = state.remember_last("retrain_proposal", key, read)
    for refusal in found.refused:
        st.warning(f"**{words.escape(refusal.file)}** was not used: {words.escape(refusal.problem, longest=600)}")
    found = _for_id(found, key)
    choices = _columns(found)
    if not choices.label:
        for problem in found.problems:
            st.warning(words.escape(problem, longest=600))
        with st.expander("Columns, and what they hold", key="retrain_new_more"):
            _preview(found, _offered(found, choices)[2])
        return None
    label = state.remember_last("retrain_new_classes", (key, choices), lambda: found.labels_for(choices))
    choices = _outcome(found, choices, label)
    options, rest, choices = _offered(found, choices)
    with st.expander(f"Columns: {_counts(found, choices)}, and how they are read", key="retrain_new_more"):
        choices = _inputs(choices, options, rest)
        choices = _clock(found, choices, key)
        _preview(found, choices)

    def make() -> LabelledStays:
        with st.spinner("Making the task and reading the stays …"):
            return define(found, choices)

    return state.remember_last("retrain_stays", (key, choices), make)


def _for_id(found: NewTaskProposal, key: object) -> NewTaskProposal:
    """The proposal for the column of identifiers that the user chose: it decides what never changes within a stay."""
    chosen = state.widget_value("retrain_new_id")
    if chosen is None or chosen == (found.choices.id or NO_COLUMN) or chosen not in _ids(found):
        return found

    def again() -> NewTaskProposal:
        with st.spinner("Looking at the columns …"):
            return found.with_id(chosen or None)

    return state.remember_last("retrain_proposal_for_id", (key, chosen), again)


def _ids(found: NewTaskProposal) -> dict[str, str]:
    return {NO_COLUMN: EVERY_FILE_ONE, **{c.name: c.name for c in found.columns if not c.variable}}


def _columns(found: NewTaskProposal) -> NewTaskChoices:
    """What is proposed, with the columns of patient, time and outcome as the user has them."""
    proposed = found.choices
    names = [c.name for c in found.columns if not c.variable]
    left, middle, right = st.columns(3)
    with left:
        record_id = one_of("Each row is of the stay in", _ids(found), proposed.id or NO_COLUMN, "retrain_new_id")
    with middle:
        time = one_of(
            "Time",
            {NO_COLUMN: ROWS_COUNTED, **{n: n for n in names if n != record_id}},
            proposed.time or NO_COLUMN,
            "retrain_new_time",
            comes_back=True,
        )
    with right:
        taken = {record_id, time, proposed.variable, proposed.value}
        classes = {c.name: described(c) for c in found.labels if c.name not in taken}
        if not proposed.label or proposed.label in taken:  # never one that nobody proposed
            classes = {NO_COLUMN: "choose", **(classes or {n: n for n in names if n not in taken})}
        label = one_of("Outcome to predict", classes, proposed.label, "retrain_new_label", comes_back=True)
    return replace(
        proposed,
        id=record_id or None,
        time=time or None,
        time_unit=proposed.time_unit if time and time == proposed.time else FIND_OUT,
        step=None,
        rule=SAME,
        event="",
        label=label,
        patient=proposed.patient if proposed.patient not in (record_id, time, label) else None,
    )


def _outcome(found: NewTaskProposal, choices: NewTaskChoices, label: LabelColumn) -> NewTaskChoices:
    """What it is called, which class is followed, and what counts where the outcome changes."""
    left, right = st.columns([2, 1])
    proposed = found.choices
    same = proposed is not None and proposed.label == choices.label
    state.begin_anew("retrain_new_label", choices.label, ("retrain_new_title", "retrain_new_event", "retrain_new_rule"))
    usual_title = proposed.title if proposed and same else choices.label[:100]
    with left:
        title = st.text_input(
            "Title",
            value=usual_title,
            key="retrain_new_title",
            max_chars=100,
            persist_state="session",
        )
    names = {name: counted_class(label, name) for name, _ in label.classes}
    event = ""
    if names:
        rarest = min(label.classes, key=lambda c: c[1])[0]
        with right:
            event = one_of(
                "Class that is followed",
                names,
                proposed.event if proposed and same else rarest,
                "retrain_new_event",
                "Its probability is drawn over time; the others are shown at the end",
            )
    rule = choose_rule(label, "retrain_new_rule", event)
    return replace(choices, title=title.strip(), event=event, rule=rule)


def _offered(found: NewTaskProposal, choices: NewTaskChoices) -> tuple[list[str], list[str], NewTaskChoices]:
    """Columns that can be measured over time, those that can be known at the start, and which of them are."""
    taken = {choices.id, choices.time, choices.label, choices.variable, choices.value, None}
    usable = [c for c in found.columns if c.usable and c.name not in taken]
    options = [c.name for c in usable]
    features = state.keep_wanted("retrain_new_features", options, choices.features)
    rest = [c.name for c in usable if c.name not in features and not c.variable]
    statics = state.keep_wanted("retrain_new_statics", rest, choices.statics)
    return options, rest, replace(choices, features=tuple(features), statics=tuple(statics))


def _counts(found: NewTaskProposal, choices: NewTaskChoices) -> str:
    """ "3 measured over time, 1 known at the start, 2 left out"; the last only where there are any."""
    used = {choices.id, choices.time, choices.label, choices.variable, choices.value, *choices.features}
    patient = state.widget_value("retrain_new_patient")
    used |= {*choices.statics, choices.patient if patient is None else patient}
    left_out = sum(c.name not in used for c in found.columns)
    said = f"{len(choices.features):,} measured over time, {len(choices.statics):,} known at the start"
    return f"{said}, {left_out:,} left out" if left_out else said


def _inputs(choices: NewTaskChoices, options: list[str], rest: list[str]) -> NewTaskChoices:
    """Which columns go in."""
    features = st.multiselect("Measured over time", options, key="retrain_new_features", persist_state="session")
    statics = st.multiselect(
        "Known at the start, the same in all rows of a stay",
        rest,
        key="retrain_new_statics",
        persist_state="session",
    )
    return replace(choices, features=tuple(features), statics=tuple(statics))


def _clock(found: NewTaskProposal, choices: NewTaskChoices, key: object) -> NewTaskChoices:
    """How time is counted, whether the answer may look ahead, and whose stay it is."""
    left, middle, right = st.columns(3)
    if choices.time:
        with left:
            units = {FIND_OUT: "found out from the column", **{unit: unit for unit in found.time_units}}
            unit = one_of("Times are in", units, choices.time_unit, "retrain_new_unit")
        choices = replace(choices, time_unit=unit)
        grid = state.remember_last("retrain_new_grid", (key, choices), lambda: found.grid_for(choices))
        steps: dict[str, Step] = {step.name: step for step in (*grid.choices, grid.step)}
        if len(steps) > 1:
            with middle:
                state.begin_anew("retrain_new_step", (choices.time, unit), ("retrain_new_step",))
                names = {name: name for name in steps}
                step = one_of(
                    "One step is", names, grid.step.name, "retrain_new_step", "Values within one are averaged"
                )
            choices = replace(choices, step=steps[step])
    taken = (choices.id, choices.time, choices.label)
    others = [c.name for c in found.columns if not c.variable and c.name not in taken]
    with right:
        patient = one_of(
            "Several stays of one patient?",
            {NO_COLUMN: EACH_ANOTHER, **{n: f"yes, {n} says whose" for n in others}},
            choices.patient or NO_COLUMN,
            "retrain_new_patient",
            "All stays of a patient are either learned from or held out, never both",
            comes_back=True,  # another identifier may show whose stays they are
        )
    ahead = st.toggle(
        "Judge finished recordings only (a network may then read them both ways)",
        value=not choices.causal,
        key="retrain_new_finished",
        persist_state="session",
    )
    return replace(choices, patient=patient or None, causal=not ahead)


def _preview(found: NewTaskProposal, choices: NewTaskChoices) -> None:
    """Every column: what it holds, and what it was taken for."""
    chosen: dict[str | None, str] = {
        **dict.fromkeys(choices.features, "feature"),
        **dict.fromkeys(choices.statics, "static"),
        choices.patient: "patient",
        choices.id: "record_id",
        choices.time: "time",
        choices.label: "label",
        choices.variable: "variable",
        choices.value: "value",
    }
    rows = pd.DataFrame(
        [
            {
                "Column": c.name,
                "Used as": ROLES.get(chosen.get(c.name, ""), "left out"),
                "Holds": c.kind,
                "Different": c.distinct,
                "Missing": 100 * c.missing,
                "Examples": " · ".join(c.examples),
                "First guess": c.reason,
            }
            for c in found.columns
        ]
    )
    config = {
        "Missing": st.column_config.NumberColumn(format="%.0f %%"),
        "First guess": st.column_config.TextColumn(width=WIDE),
    }
    widgets.table(rows, "retrain_new_columns", "What each column holds and what it is used as", column_config=config)
