"""Parts of the start page: what this is, the doors, the simulated patients, the models in short."""

import streamlit as st

from medgru.bundle import BundleInfo
from medgru.tasks import Task
from medgru.ui import cache, frame, models_view, results, state, widgets, words

CARDS_A_ROW = 4


def sentence(task: Task) -> str:
    """What MedGRU does, for somebody who has ten seconds."""
    return (
        f"MedGRU answers one question about a stay in intensive care, hour by hour: **{words.escape(task.question)}** "
        "It says how sure it is, where it looked, and what moved the estimate up or down. Everything stays on "
        "the computer that runs MedGRU."
    )


def doors() -> None:
    """The two ways in."""
    left, right = st.columns(2)
    with left, st.container(border=True, height="stretch", key="door_simulated"):
        st.subheader("Just looking?", anchor=False)
        st.markdown("Open a made-up patient and see a full result. One click, nothing to prepare.")
        if st.button("See a simulated patient", type="primary", key="start_simulated", width="stretch"):
            state.choose_source(state.SIMULATED)
            st.switch_page(frame.PATIENT)
    with right, st.container(border=True, height="stretch", key="door_upload"):
        st.subheader("You have data?", anchor=False)
        st.markdown("Bring tables or PhysioNet files of one patient or thousands. You check how they were read.")
        if st.button("Bring your own file", key="start_upload", width="stretch"):
            st.switch_page(frame.UPLOAD)


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
    """One card a model: what it predicts, from what, how good on unseen patients, its limits in one line."""
    usable, broken = cache.bundles()
    st.subheader("Models", anchor=False)
    if not usable:
        st.markdown("No usable model is installed. See *Models* for what is wrong.")
    for info in usable:
        _model_card(info)
    models_view.unusable(broken)


def _model_card(info: BundleInfo) -> None:
    task = info.task
    with st.container(border=True, key=f"model_{info.id}"):
        what, good = st.columns([3, 2], gap="medium")
        with what:
            st.markdown(f"**{words.escape(task.title)}**: {words.escape(task.question)}")
            st.markdown(
                f"From up to {len(task.features)} vital signs and laboratory values over {task.window_hours} hours and "
                f"{len(task.statics)} facts known at admission. Trained on {words.escape(task.source)}."
            )
            st.markdown(f"**Limits:** {models_view.limits(info)}")
        with good:
            models_view.headline(info)
            if st.button("Read the card", key=f"read_card_{info.id}"):
                state.choose_model(info.id)
                st.switch_page(frame.MODELS)
