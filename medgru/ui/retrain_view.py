"""Parts of the retrain page: its steps, what a run will cost, and the start."""

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from medgru import jobs
from medgru.data.labelled import LabelledStays
from medgru.errors import MedGRUError
from medgru.training.config import RunConfig
from medgru.ui import frame, retrain_data, retrain_settings, retrain_task, state, widgets, words

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from medgru.training.checks import RunCheck

MAX_NAME = 80


def steps() -> tuple[LabelledStays | None, RunConfig | None, bool]:
    """The first three steps: data, question, model; and whether there is any data yet."""
    patients, outcomes = retrain_data.choose()
    if patients is None:
        return None, None, False
    stays = retrain_task.choose(patients, outcomes)
    if stays is None:
        return None, None, True
    return stays, retrain_settings.choose(stays), True


def cost(stays: LabelledStays | None, config: RunConfig | None) -> "RunCheck | None":
    """What a run will take, from whom it learns, and what speaks against it."""
    st.subheader("What it will take", anchor=False)
    if stays is None or config is None:
        st.markdown("Shown as soon as data, outcome and settings are chosen.")
        return None
    check = state.remember_last("retrain_check", (stays.sha256, stays.patients, config), lambda: _check(stays, config))
    low, high = check.minutes
    if not check.problems:
        st.markdown(
            f"**{words.estimate(low, high)}** on this computer, {check.memory_mb:,} MB of memory.  \n"
            f"It learns from {words.plural(len(stays) - check.held_out, 'stay')}; "
            f"**{words.plural(check.held_out, 'stay')}** are held out and measured on once, at the end."
        )
    _classes(check)
    for problem in check.problems:
        st.error(words.escape(problem, longest=800))
    for warning in check.warnings:
        st.warning(words.escape(warning, longest=800))
    if stays.notes:
        with st.expander("How the data was understood", key="retrain_notes", expanded=len(stays.notes) <= 3):
            st.markdown("\n".join(f"- {words.escape(note, longest=600)}" for note in stays.notes))
    return check


def _check(stays: LabelledStays, config: RunConfig) -> "RunCheck":
    # Imported here, as it brings torch.
    from medgru.training.checks import check_run, free_memory_mb

    return check_run(stays, config, free_memory_mb())


def _classes(check: "RunCheck") -> None:
    total = max(sum(check.class_counts.values()), 1)
    rows = pd.DataFrame(
        [(name, count, 100 * count / total) for name, count in check.class_counts.items()],
        columns=["Outcome", "Stays", "Share"],
    )
    share = st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100, width="small")
    widgets.table(rows, "retrain_classes", "How many stays end how", column_config={"Share": share}, height="content")


def go(stays: LabelledStays | None, check: "RunCheck | None", form: "DeltaGenerator") -> None:
    """The last step, always in sight: the run's name and the start, or why it cannot start.

    Args:
        stays, check: What is to be trained, and what speaks for and against it.
        form: The place of all steps, which gives way as soon as training starts.
    """
    if stays is None or check is None:
        return
    config = check.config
    state.begin_anew("retrain_name", (stays.sha256, stays.name), ("retrain_name",))
    usual = jobs.usual_name(stays, config, {run.name for run in jobs.runs()})
    bar = st.bottom.empty()
    with bar.container(horizontal=True, vertical_alignment="center", key="retrain_go"):
        st.markdown("**4 · Go**", width="content")
        name = st.text_input(
            "Name of the run",
            key="retrain_name",
            max_chars=MAX_NAME,
            width=320,
            label_visibility="collapsed",
            placeholder=usual,
        )
        start = st.button("Start training", type="primary", key="retrain_start", disabled=bool(check.problems))
        st.markdown(_before_the_start(check, config))
    if start:
        bar.empty()
        form.markdown("**Starting …** A copy of the data is put beside the run.")
        try:
            state.watch_run(jobs.submit(stays, config, name.strip() or usual))
        except MedGRUError as error:
            with form.container():
                frame.show_error(error)
                st.button("Back to the settings", key="retrain_back")  # the next run of the page draws them again
            return
        st.rerun()
    elif not check.problems:
        jobs.prepare()


def _before_the_start(check: "RunCheck", config: RunConfig) -> str:
    if check.problems:
        return "It cannot start: see what is said at the right."
    ahead = sum(run.active for run in jobs.runs())
    wait = f"{words.plural(ahead, 'run')} before it: it will wait. " if ahead else ""
    asked = f"**{words.escape(retrain_settings.in_words(config))}.** "
    kept = "A copy of the data stays with the run until you delete it."
    return f"{asked}{wait}You can close this page while it works. {kept}"
