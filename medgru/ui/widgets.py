"""Choices, cards and downloads that pages share.

Keys of widgets (each is a CSS class `.st-key-<key>` for tests in a browser) are listed in `medgru.ui`.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from medgru.bundle import BundleInfo
from medgru.data.recording import Recordings
from medgru.errors import BundleError
from medgru.plots import steps
from medgru.plots.style import quantity
from medgru.tables import safe_csv
from medgru.tasks import Task
from medgru.ui import cache, frame, model_words, state

MAX_FACTS = 4  # of a stay of a user's own task, in its heading


ONE_PATIENT = "Here you will see one patient: how likely the outcome is, how that changed hour by hour, and why."


def choose_source(task: Task, about: str = ONE_PATIENT) -> state.Loaded:
    """The patients that are looked at; without any, what to do is shown, after what the page is about, and it ends."""
    own = state.own()
    if state.source() is None:
        _nobody_yet(about)
        st.stop()
    if own is None:
        state.choose_source(state.SIMULATED)
        _offer_brought("secondary")
        return cache.simulated(task)
    labels = {state.OWN: f"Your patients ({len(own.recordings):,})", state.SIMULATED: "Simulated patients"}
    state.show_in_widget("patient_source", state.source())
    st.radio(
        "Whose patients",
        list(labels),
        format_func=lambda name: labels[name],
        key="patient_source",
        label_visibility="collapsed",
        horizontal=True,
        on_change=lambda: state.choose_source(str(state.widget_value("patient_source"))),
    )
    return own if state.source() == state.OWN else cache.simulated(task)


def _nobody_yet(about: str) -> None:
    with st.container(border=True, key="patient_empty"):
        st.markdown(f"**{about}** {'No patient is chosen yet.' if about == ONE_PATIENT else 'Nobody is loaded yet.'}")
        with st.container(horizontal=True):
            brought = _offer_brought("primary")
            label = "See a simulated patient" if about == ONE_PATIENT else "See the simulated patients"
            if st.button(label, type="secondary" if brought else "primary", key="patient_see_simulated"):
                state.choose_source(state.SIMULATED)
                st.rerun()
            if st.button("Bring your own file", key="patient_bring_file"):
                st.switch_page(frame.UPLOAD)


def _offer_brought(kind: Literal["primary", "secondary"]) -> bool:
    """Offer the patients that were brought on Retrain in this session; whether there are any, and a model for them."""
    stays = state.stays_to_learn_from()
    if stays is None or not any(info.task == stays.recordings.task for info in cache.bundles()[0]):
        return False
    label = f"See the patients brought on Retrain ({len(stays):,})"
    if st.button(label, type=kind, key="patient_see_brought"):
        state.accept(state.Loaded.of(stays.recordings), stays)
        st.rerun()
    return True


def choose_model(task: Task) -> BundleInfo:
    """The model to ask, by default the one in use; a choice is shown only where there is one.

    Raises:
        BundleError: No usable model for this task.
    """
    fitting = {b.id: b for b in cache.bundles()[0] if b.task.name == task.name}
    if not fitting:
        raise BundleError(
            f"No usable model for {task.title} was found in the models folder. Install one, or see Models for what "
            "is wrong with those that are there."
        )
    used = cache.in_use(task)
    default = used.id if used and used.id in fitting else next(iter(fitting))
    asked = state.asked_model(default)
    chosen = asked if asked in fitting else default
    if len(fitting) > 1:
        state.show_in_widget("patient_model", chosen)
        st.selectbox(
            "Model",
            list(fitting),
            format_func=lambda name: model_words.label(fitting[name]) + (", in use" if name == default else ""),
            key="patient_model",
            label_visibility="collapsed",
            width=420,
            on_change=lambda: state.ask_model(str(state.widget_value("patient_model")), default),
        )
    return fitting[chosen]


def step(number: int, title: str) -> DeltaGenerator:
    """Heading of a step, with room beside it for the choice that the step turns on."""
    row = st.container(horizontal=True, vertical_alignment="center", gap="medium", key=f"step_{number}")
    row.subheader(f"{number} · {title}", anchor=False, width="content")
    return row


def bar(key: str) -> DeltaGenerator:
    """A row of controls and short texts."""
    return st.container(horizontal=True, vertical_alignment="center", gap="small", key=key)


def choose_stay(loaded: state.Loaded) -> str:
    """The stay to look at: a list that can be searched by typing, and one step back or on.

    In the order of the list on Cohort, where the stay was opened from there; else as in the files.
    """
    recordings = loaded.recordings
    ids: Sequence[str] = recordings.record_ids
    titles = dict(zip(ids, recordings.titles, strict=True)) if recordings.titles else {}
    chosen = state.stay(loaded)
    order = state.walked(loaded, chosen)
    if order is not None:
        listed = set(order.record_ids)
        ids = [*order.record_ids, *(name for name in ids if name not in listed)]
    walk = order.record_ids if order else ids
    at = walk.index(chosen)
    state.show_in_widget("patient_stay", chosen)
    st.button(
        "‹ Previous",
        key="patient_previous",
        disabled=at == 0,
        on_click=state.choose_stay,
        args=(walk[max(at - 1, 0)],),
    )
    st.selectbox(
        f"Patient, {at + 1} of {len(walk):,}",
        ids,
        format_func=lambda name: titles.get(name, name),
        key="patient_stay",
        label_visibility="collapsed",
        width=360,
        on_change=lambda: state.choose_stay(str(state.widget_value("patient_stay"))),
    )
    st.button(
        "Next ›",
        key="patient_next",
        disabled=at == len(walk) - 1,
        on_click=state.choose_stay,
        args=(walk[min(at + 1, len(walk) - 1)],),
    )
    if len(walk) > 1:
        said = order.said if order else "as in the file"
        listed_only = order is not None and len(walk) < len(ids)
        st.markdown(f"{at + 1:,} of {len(walk):,}{' ' if listed_only else ', '}{said}", width="content")
    return chosen


def describe_stay(recordings: Recordings, at: int = 0) -> str:
    """What is known of a stay from its start, in words: "63 y, female, cardiac surgery recovery".

    Of a user's own task the first facts with their names: "ward north, weight 71"; nothing where it has none.
    """
    known = [
        (feature, float(value))
        for feature, value in zip(recordings.task.statics, recordings.statics[at], strict=True)
        if np.isfinite(value)
    ]
    if steps.is_own(recordings.task):
        return ", ".join(f"{feature.label} {quantity(value, feature)}" for feature, value in known[:MAX_FACTS])
    parts = []
    for feature, value in known:
        if feature.choices:
            parts.append(feature.choices.get(int(value), "unknown"))
        elif feature.unit == "years":
            parts.append(f"{value:.0f} y")
    return ", ".join(parts) or "age, sex and unit unknown"


def download_csv(label: str, table: Callable[[], pd.DataFrame], file_name: str, key: str) -> None:
    """A button that makes the file when it is pressed, and reruns nothing."""
    st.download_button(
        label, lambda: safe_csv(table()), file_name=file_name, mime="text/csv", key=key, on_click="ignore"
    )


def table(data: pd.DataFrame, key: str, alt: str, **options: object) -> None:
    """A read-only table without its index, named for those who hear it."""
    st.dataframe(data, key=key, hide_index=True, alt=alt, **options)  # type: ignore[call-overload]
