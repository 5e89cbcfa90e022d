"""What Retrain, Runs and Lab show alike of a run: its heading with Stop and Resume, its progress, how it ended."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import streamlit as st

from medgru import jobs
from medgru.jobs.run import Run
from medgru.ui import words

POLL_S, QUICK_POLL_S = 1.0, 0.4
"""Between two looks at a run; and where somebody waits for its next sign: its first figures, or its stop."""

COLOURS: dict[str, Any] = {
    "queued": "gray",
    "running": "blue",
    "done": "green",
    "failed": "red",
    "cancelled": "orange",
    "interrupted": "orange",
}


def every(run: Run) -> float | None:
    """Seconds until a run should be looked at again; None once it has ended."""
    if not run.active:
        return None
    return QUICK_POLL_S if run.state == "running" and (run.stopping or not run.trained) else POLL_S


@contextmanager
def heading(run: Run, page: str) -> Iterator[None]:
    """Name and state of a run, with Stop beside them or Resume at the right; the block adds further buttons there.

    Where Stop was, nothing comes in its place: whoever presses it twice has stopped the run, and no more.

    Args:
        run: As it stands.
        page: "retrain", "runs" or "lab": the keys begin so.
    """
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}_heading"):
        st.markdown(f"### {words.escape(run.name, 80)}", width="content")
        st.badge(words.run_state(run).split(" (")[0], color=COLOURS[run.state])
        if run.active:
            st.button(
                "Stopping …" if run.stopping else "Stop",
                key=f"{page}_stop",
                disabled=run.stopping,
                help="Ends within two seconds and keeps where it was: Resume goes on from there.",
                on_click=_stop,
                args=(run.id,),
            )
        st.space("stretch")
        if run.resumable and st.button("Resume", type="primary", key=f"{page}_resume"):
            jobs.resume(run.id)
            st.rerun()
        yield


def progress(run: Run, epochs: pd.DataFrame) -> None:
    """How far a run is that waits or works, and how long it will take."""
    share = min((run.done + run.share) / run.total, 1.0) if run.total else 0.0
    if run.state == "queued":
        parts = [words.run_state(run), "it begins by itself; you can close this page"]
    else:
        parts = [run.place or "preparing"]
        if (left := jobs.seconds_left(run, epochs)) is not None:
            parts.append(f"{words.duration(left)} left at most")
    line = " · ".join(parts)
    st.progress(share, words.escape(line[:1].upper() + line[1:]))


def ending(run: Run) -> None:
    """Why a run ended before it was done, and what to do; nothing where it is done or at work."""
    if run.message:
        (st.error if run.state == "failed" else st.warning)(words.escape(run.message, longest=1000))
    elif run.state == "interrupted":
        st.warning("Its process ended without a word. What it had saved is kept: Resume goes on from there.")
    elif run.state == "cancelled":
        st.markdown(_stopped(run))


def _stopped(run: Run) -> str:
    if run.started is None:
        return "You stopped it while it waited: nothing was trained yet. Resume puts it back into the queue."
    kept = "What it had learned is kept: Resume goes on from there."
    if run.kind == "lab":
        return f"You stopped it. {kept}"
    if not run.trained:
        return "You stopped it before its first epoch was done. Resume goes on from there."
    return f"You stopped it after {words.plural(run.trained, 'epoch')}. {kept}"


def _stop(run_id: str) -> None:
    """Before the page is drawn, so that it says at once what was understood."""
    if jobs.find(run_id):
        jobs.cancel(run_id)
