"""A training run as it goes: its state in words, its curves, Stop and Resume, and at its end the result.

What is shown comes from the run table, never from the session: a reload, a second browser and a tab that
was closed show the same.
"""

import streamlit as st

from medgru import jobs
from medgru.jobs.run import Run
from medgru.ui import frame, run_parts, runs_view, state, words


def current() -> Run | None:
    """The run to show: the one that the user watches, else the one that works; None for the form."""
    watched = state.watched_run()
    if watched == "":
        return None
    jobs.refresh()
    runs = jobs.runs("train")
    active = [run for run in runs if run.active]
    # The newest comes first; the one that works was begun before those that wait.
    shown = next((run for run in runs if run.id == watched), active[-1] if active else None)
    if shown is not None:
        state.watch_run(shown.id)  # after a reload too it stays in sight when it ends
    return shown


def others(shown: Run | None) -> None:
    """The runs that work or wait and are not shown, else the newest, each with a way to it."""
    runs = [run for run in jobs.runs("train") if shown is None or run.id != shown.id]
    listed = [run for run in runs if run.active]
    if shown is None and not listed:
        listed = runs[:1]
    for run in listed:
        with st.container(horizontal=True, vertical_alignment="center", key=f"retrain_other_{run.id}"):
            which = "" if run.active else "Last run: "
            st.markdown(f"{which}*{words.escape(run.name, 60)}*, {words.run_state(run)}", width="content")
            st.button("Show", key=f"retrain_watch_{run.id}", on_click=state.watch_run, args=(run.id,))


def show(run: Run) -> None:
    """The run, kept up to date while it waits or works."""
    st.fragment(_show, run_every=run_parts.every(run))(run.id, run_parts.every(run))


def _show(run_id: str, every: float | None) -> None:
    with frame.calm(), st.container(key="retrain_run"):
        jobs.refresh()
        run = jobs.find(run_id)
        if run is None:  # somebody deleted it
            st.rerun()
        with run_parts.heading(run, "retrain"):
            if st.button("Train another", key="retrain_new"):
                state.watch_run("")
                st.rerun()
        epochs = jobs.epochs(run.id)
        if run.active:
            run_parts.progress(run, epochs)
        elif runs_view.result(run):
            _result(run)
        else:
            run_parts.ending(run)
        run_parts.curves(run, epochs, "retrain")
        if run_parts.every(run) != every:
            st.rerun()  # all of the page: it is asked less or more often from now on, or no more


def _result(run: Run) -> None:
    """How good it became, in plain words, and the way on."""
    with st.container(border=True, key="retrain_result"):
        run_parts.result(run)
        if st.button("Compare and put into use", type="primary", key="retrain_to_runs"):
            state.choose_runs([run.id])
            st.switch_page(frame.RUNS)
