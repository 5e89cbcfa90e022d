"""Parts of the start page: what this is, the doors, the simulated patients, the models in short."""

import streamlit as st

from medgru import library
from medgru.bundle import BundleInfo
from medgru.plots import steps
from medgru.tasks import Task
from medgru.ui import cache, frame, model_words, models_view, results, state, widgets, words

CARDS_A_ROW = 4
SHOWN_OWN = 3  # own models not in use, beside all that are shipped or in use


def sentence(task: Task) -> str:
    """What MedGRU does, for somebody who has ten seconds."""
    return (
        f"MedGRU answers one question about a stay in intensive care, hour by hour: **{words.escape(task.question)}** "
        "It says how sure it is, where it looked, and what moved the estimate up or down. Everything stays on "
        "the computer that runs MedGRU."
    )


def doors() -> None:
    """The three ways in."""
    left, middle, right = st.columns(3)
    with left, st.container(border=True, height="stretch", key="door_simulated"):
        st.subheader("Just looking?", anchor=False)
        st.markdown("Open a made-up patient and see a full result. One click, nothing to prepare.")
        if st.button("See a simulated patient", type="primary", key="start_simulated", width="stretch"):
            state.choose_source(state.SIMULATED)
            st.switch_page(frame.PATIENT)
    with middle, st.container(border=True, height="stretch", key="door_upload"):
        st.subheader("You have data?", anchor=False)
        st.markdown("Bring tables or PhysioNet files of one patient or thousands. You check how they were read.")
        if st.button("Bring your own file", key="start_upload", width="stretch"):
            st.switch_page(frame.UPLOAD)
    with right, st.container(border=True, height="stretch", key="door_retrain"):
        st.subheader("You know the outcomes?", anchor=False)
        st.markdown("Train a model on your own patients, for our question or for yours, and see whether it is better.")
        if st.button("Train on your data", key="start_retrain", width="stretch"):
            st.switch_page(frame.RETRAIN)


def simulated_patients(task: Task) -> None:
    """One card a simulated patient, each one click from its result."""
    recordings = cache.simulated(task).recordings
    st.subheader("Simulated patients", anchor=False)
    thin = results.thin(recordings)
    for row in range(0, len(recordings), CARDS_A_ROW):
        for at, column in zip(
            range(row, min(row + CARDS_A_ROW, len(recordings))), st.columns(CARDS_A_ROW), strict=False
        ):
            record_id = recordings.record_ids[at]
            with column, st.container(border=True, height="stretch", key=f"simulated_{at}"):
                title = recordings.title(record_id).removesuffix(" (simulated)")
                if st.button(title, key=f"start_simulated_{at}", width="stretch"):
                    state.choose_stay(record_id, state.SIMULATED)
                    st.switch_page(frame.PATIENT)
                st.markdown(
                    "Simulated · "
                    + widgets.describe_stay(recordings, at)
                    + (" · the model will abstain" if record_id in thin else "")
                )


def models() -> None:
    """One card a model: what it predicts, from what, how good on unseen patients, its limits in one line.

    Those that are shipped or in use, and the first few of the user's others.
    """
    usable, broken = cache.bundles()
    st.subheader("Models", anchor=False)
    if not usable:
        st.markdown("No usable model is installed. See *Models* for what is wrong.")
    first = [info for info in usable if not library.is_own(info) or cache.is_in_use(info)]
    others = [info for info in usable if info not in first]
    for info in (*first, *others[:SHOWN_OWN]):
        _model_card(info)
    if (more := len(others) - SHOWN_OWN) > 0:
        st.markdown(f"{words.plural(more, 'more model')} of your own: see *Models*.")
    models_view.unusable(broken)


def _from_what(info: BundleInfo) -> str:
    task = info.task
    over = f"over {steps.count(task, task.window_hours)}"
    if steps.is_own(task):
        facts = f" and {words.plural(len(task.statics), 'fact')} known at the start" if task.statics else ""
        return f"From {words.plural(len(task.features), 'series', 'series')} {over}{facts}. Trained on {_source(info)}."
    return (
        f"From up to {len(task.features)} vital signs and laboratory values {over} and {len(task.statics)} facts known "
        f"at admission. Trained on {_source(info)}."
    )


def _source(info: BundleInfo) -> str:
    if not library.is_own(info):
        return words.escape(info.task.source)
    return "the data that its card names" if library.is_imported(info) else "your own data"


def _model_card(info: BundleInfo) -> None:
    task = info.task
    with st.container(border=True, key=f"model_{info.id}"):
        what, good = st.columns([3, 2], gap="medium")
        with what:
            marks = [model_words.origin(info), *(["in use"] if cache.is_in_use(info) else [])]
            said = f" ({words.escape(', '.join((info.id, *marks)))})" if library.is_own(info) else ""
            st.markdown(f"**{words.escape(task.title)}**{said}: {words.escape(task.question)}")
            st.markdown(_from_what(info))
            st.markdown(f"**Limits:** {models_view.limits(info)}")
        with good:
            models_view.headline(info)
            if st.button("Read the card", key=f"read_card_{info.id}"):
                state.choose_model(info.id)
                st.switch_page(frame.MODELS)
