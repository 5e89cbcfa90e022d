"""Second step of the retrain page: what is predicted, from which columns."""

from collections.abc import Iterable

import streamlit as st

from medgru.data import Inspection, Mapping, Recordings, build, inspect
from medgru.data.label_guess import is_called_label
from medgru.data.labelled import LabelledStays
from medgru.data.labels import LabelColumn, attach_labels, label_columns, likely_patient
from medgru.errors import MedGRUError
from medgru.tasks import Task
from medgru.ui import cache, frame, mapping_view, retrain_new_task, state, widgets, words
from medgru.ui.retrain_parts import choose_rule, described, one_of
from medgru.ui.state import Material

NEW = "new"
CHOICES = ("retrain_task", "retrain_label", "retrain_rule", "retrain_patient", "retrain_new_")
"""Keys of widgets whose choices belong to one set of files."""

ONE_EACH = ""
FEWEST_KNOWN = 2  # variables of a task that a table must hold for the task to be proposed
NAMED = 8
"""Most columns left out that are named in one sentence."""


def choose(patients: Material, outcomes: Material | None) -> LabelledStays | None:
    """The labelled stays of what the user wants predicted; None, with the reason, where they cannot be had."""
    tasks = {task.name: task for task in cache.tasks()}
    titles = words.task_titles(list(tasks.values()))
    state.begin_anew("retrain_task", (patients.key, outcomes.key if outcomes else ()), CHOICES)
    options = [*tasks, NEW]
    if state.widget_value("retrain_task") not in options:
        state.show_in_widget("retrain_task", _proposed(patients, outcomes, list(tasks.values())))
    with widgets.step(2, "What to predict"):
        chosen = st.selectbox(
            "Question",
            options,
            format_func=lambda name: "A new question, made from this table" if name == NEW else titles[name],
            key="retrain_task",
            persist_state="session",
            label_visibility="collapsed",
            width=420,
        )
    try:
        if chosen == NEW:
            return retrain_new_task.choose(patients, outcomes)
        return _known(tasks[chosen], patients, outcomes)
    except MedGRUError as error:
        frame.show_error(error)
        return None


def _known(task: Task, patients: Material, outcomes: Material | None) -> LabelledStays | None:
    """Stays of a task that is known already, with the outcomes from a column that the user chooses."""
    found, mapping = _inspected(patients, task)
    recordings = _built(patients, found, mapping)
    columns = _label_columns(patients, outcomes, found, mapping, recordings)
    usable = {c.name: c for c in columns if not c.problem}
    how = "Read as you set it on Upload." if _draft_mapping(patients, task) else ""
    _how_it_was_read(mapping, recordings, list(usable), how)
    if not usable:
        _no_outcome(columns, task)
        return None
    labels = outcomes.sources if outcomes else found
    key = (patients.key, outcomes.key if outcomes else (), mapping)
    likely = state.remember_last("retrain_whose", key, lambda: likely_patient(recordings, labels, mapping, found))
    names = dict.fromkeys([*(n for view in found.views for n in view.table.columns), *(c.name for c in columns)])
    label, patient, rule = _columns(usable, names, likely, mapping)
    return state.remember_last(
        "retrain_stays",
        (*key, label, patient, rule),
        lambda: attach_labels(recordings, labels, label, rule, patient, mapping, inspection=found),
    )


def _how_it_was_read(mapping: Mapping, recordings: Recordings, usable: list[str], how: str) -> None:
    """Which columns are used and which are not; folded, what each became, and what was set aside."""
    outcome = _outcome_of(usable, mapping)
    left_out = [m.source for m in mapping.matches if m.target is None and m.source != outcome]
    used = sum(m.target is not None for m in mapping.matches)
    named = ", ".join(words.escape(name) for name in left_out[:NAMED])
    if len(left_out) > NAMED:
        named += f" and {len(left_out) - NAMED:,} more"
    parts = [
        f"{words.plural(used, 'column')} used",
        *(["1 holds the outcome"] if outcome else []),
        *([f"{len(left_out):,} left out ({named})"] if left_out else []),
    ]
    st.markdown(f"{words.plural(len(recordings), 'stay')} read; {', '.join(parts)}. {how}")
    with st.expander("How the columns were read", key="retrain_mapping_box"):
        mapping_view.table_of_matches(
            mapping_view.by_doubt(mapping.matches),
            mapping_view.target_names(mapping.task),
            "retrain_mapping",
            "content",
            mapping.task,
        )
        report = recordings.report
        if aside := report.set_aside:
            where = "Upload lists them" if how else "bring these files on Upload to see which and why"
            st.markdown(f"{aside:,} of {words.plural(report.rows_read, 'value')} were set aside; {where}.")
        if report.notes:
            st.markdown("\n".join(f"- {words.escape(note, longest=600)}" for note in report.notes))


def _outcome_of(usable: list[str], mapping: Mapping) -> str:
    """The column of these files that is the outcome as it stands now; "" where there is none, or it has another use."""
    chosen = state.widget_value("retrain_label")
    if usable and chosen not in usable:
        chosen = _likely_label(usable, mapping)
    left_out = {m.source for m in mapping.matches if m.target is None}
    return str(chosen) if usable and chosen in left_out else ""


def _columns(
    usable: dict[str, LabelColumn], names: Iterable[str], likely: str | None, mapping: Mapping
) -> tuple[str, str | None, str]:
    """The columns of the outcome and of the patient, and what counts where the outcome changes within a stay.

    Args:
        usable: Columns that can be the outcome.
        names: All columns, of the patients' files and of those of their outcomes.
        likely: The column that seems to say whose stay it is.
        mapping: What the columns mean.
    """
    left, right = st.columns(2)
    with left:
        default = _likely_label(list(usable), mapping)
        classes = {name: described(column) for name, column in usable.items()}
        label = one_of("Outcome stands in", classes, default, "retrain_label")
    with right:
        patient = one_of(
            "Several stays of one patient?",
            {ONE_EACH: "no", **{name: f"yes, {name} says whose" for name in names if name != label}},
            likely or ONE_EACH,
            "retrain_patient",
            "All stays of a patient are either learned from or held out, never both.",
        )
    rule = choose_rule(usable[label], "retrain_rule", mapping.task.outcomes[mapping.task.event_index].label)
    return label, patient or None, rule


def _likely_label(names: list[str], mapping: Mapping) -> str:
    """The column that most looks like the outcome: the one the task was made from, else by its name."""
    used = {m.source for m in mapping.matches if m.target is not None}
    own = mapping.task.columns.label if mapping.task.columns else ""
    return min(names, key=lambda n: (n != own, n in used, not is_called_label(n), names.index(n)))


def _no_outcome(columns: tuple[LabelColumn, ...], task: Task) -> None:
    outcomes = [f"*{words.escape(o.label)}*" for o in task.outcomes]
    expected = " or ".join(outcomes)
    likely = [c for c in columns if is_called_label(c.name)] or list(columns)
    alike = [c for c in columns if c.only and _is_outcome(c, task)]
    if alike:
        name, value = words.escape(alike[0].name), words.escape(alike[0].only, longest=60)
        needed = f"{', '.join(outcomes[:-1])} and {outcomes[-1]}"
        st.error(
            f"The column {name} holds one value only ({value}); training needs patients of each outcome: {needed}. "
            "Add patients of the others, or bring the outcomes in a file of their own (above)."
        )
        return
    if task.columns is None:
        expected = f"two values, such as 0 and 1, or {expected}"
    st.error(
        f"No column says how these patients ended. Expected is one with {expected}. "
        "Bring the outcomes in a file of their own (above), or choose *A new question* to predict something else."
    )
    for column in likely[:3]:
        st.markdown(f"- {words.escape(column.problem, longest=600)}")


def _is_outcome(column: LabelColumn, task: Task) -> bool:
    """Whether a column is called as that of the task's outcome is."""
    return column.name == task.columns.label if task.columns else is_called_label(column.name)


def _proposed(patients: Material, outcomes: Material | None, tasks: list[Task]) -> str:
    """The known question that the table answers, the user's own ones first; else a new one.

    A table with most of a question's variables and nothing else was brought for it: that the outcome is missing is said
    better than that one of the variables could be predicted.
    """
    lacking = ""
    for task in sorted(tasks, key=lambda task: task.columns is None):
        try:
            found, mapping = _inspected(patients, task)
            fewest = min(FEWEST_KNOWN, len(task.features))
            if len({m.target for m in mapping.matches} & set(task.feature_index)) < fewest:
                continue
            recordings = _built(patients, found, mapping)
            columns = _label_columns(patients, outcomes, found, mapping, recordings)
        except MedGRUError:
            continue
        used = {m.source for m in mapping.matches if m.target is not None}
        # A column of 0 and 1 may mean anything: it needs the name of an outcome. With one value it is one, too: that
        # the others are missing is said better than that the question is another.
        if any(_is_outcome(c, task) for c in columns if c.name not in used and (c.only or not c.problem)):
            return task.name
        most = len({m.target for m in mapping.matches} & set(task.feature_index)) > len(task.features) / 2
        if most and all(c.name in used for c in columns):
            lacking = lacking or task.name
    return lacking or NEW


def _inspected(patients: Material, task: Task) -> tuple[Inspection, Mapping]:
    """The files as they are read for that task, with the mapping that the user made on Upload, if any."""
    if mapping := _draft_mapping(patients, task):
        draft = state.draft()
        assert draft is not None
        return draft.inspection, mapping

    def read() -> Inspection:
        with st.spinner("Reading the files …"):
            return inspect(patients.sources, task)

    found = state.remember_last("retrain_inspection", (task.name, patients.key), read)
    return found, found.mapping


def _draft_mapping(patients: Material, task: Task) -> Mapping | None:
    draft = state.draft()
    same = draft is not None and draft.sources is patients.sources and draft.inspection.task.name == task.name
    return draft.mapping if same and draft else None


def _built(patients: Material, found: Inspection, mapping: Mapping) -> Recordings:
    def make() -> Recordings:
        with st.spinner("Checking the values …"):
            return build(found, mapping)

    return state.remember_last("retrain_recordings", (found.task.name, patients.key, mapping), make)


def _label_columns(
    patients: Material, outcomes: Material | None, found: Inspection, mapping: Mapping, recordings: Recordings
) -> tuple[LabelColumn, ...]:
    key = (patients.key, outcomes.key if outcomes else (), found.task.name, mapping)
    return state.remember_last(
        "retrain_columns",
        key,
        lambda: label_columns(outcomes.sources, recordings) if outcomes else label_columns(found, mapping=mapping),
    )
