"""The table of all runs, kept up to date while one works, and what its rows say."""

from contextlib import suppress
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from medgru import jobs, plots
from medgru.errors import TrainingError
from medgru.jobs import outcome
from medgru.jobs.run import Run
from medgru.ui import frame, model_words, models_view, state, words

POLL_S = 2.0
TABLE = "runs_table"
METRICS = ("AUROC", "AUPRC", "ECE")
_MOST_ROWS = 8  # before the table scrolls: what is below it should be seen as well


def choose() -> list[Run]:
    """Draw the table; gives the runs that are chosen in it, none where there are none."""
    jobs.refresh()
    runs = jobs.runs()
    if not runs:
        _empty()
        return []
    active = any(run.active for run in runs)
    # Drawn and kept up to date by itself; what is below it is drawn again only when the choice or a state changes.
    chosen = state.choose_in_list(TABLE, [run.id for run in runs])
    st.fragment(_table, run_every=POLL_S if active else None)(_marks(runs), chosen)
    by_id = {run.id: run for run in runs}
    return [by_id[run_id] for run_id in chosen]


def result(run: Run) -> dict[str, Any] | None:
    """What the run found at its end; None where it has not ended well, or where that can no longer be read."""
    if run.kind != "train" or run.state != "done":
        return None

    def read() -> dict[str, Any] | None:
        with suppress(TrainingError):
            return outcome.result(run)
        return None

    return state.remember(("run_result", run.id, run.ended), read)


def metrics(run: Run) -> dict[str, dict[str, float]]:
    """Each metric of the run on the patients held out, with its interval; empty where there is none."""
    found = result(run)
    return found["held_out"]["metrics"] if found else {}


def moment(seconds: float) -> datetime:
    """A time of the run table, in the time of the computer that runs MedGRU."""
    return datetime.fromtimestamp(seconds).astimezone()


def _empty() -> None:
    with st.container(border=True, key="runs_empty"):
        st.markdown(
            "**Here every training run will be listed, like in a lab book**: how it went, how good it is on patients "
            "held out of it, beside others, and whether it may take the place of the model in use. "
            "There is none yet."
        )
        if st.button("Train a model", type="primary", key="runs_retrain"):
            st.switch_page(frame.RETRAIN)


def _marks(runs: list[Run]) -> tuple[tuple[str, str, str], ...]:
    """What makes the page below the table another one."""
    return tuple((run.id, run.state, run.name) for run in runs)


def _table(marks: tuple[tuple[str, str, str], ...], chosen: tuple[str, ...]) -> None:
    with frame.calm():
        jobs.refresh()
        runs = jobs.runs()
        if state.chosen_in_list(TABLE, [run.id for run in runs]) != chosen or _marks(runs) != marks:
            st.rerun()
        rows = pd.DataFrame([_row(run) for run in runs])
        st.dataframe(
            rows,
            key=TABLE,
            hide_index=True,
            on_select="rerun",
            selection_mode="multi-row",
            height=33 * (min(len(rows), _MOST_ROWS) + 1) + 4,
            alt="All training runs, the newest first",
            placeholder="",
            column_config={
                "Name": st.column_config.TextColumn(width=230),
                "State": st.column_config.TextColumn(width=155),
                "Task": st.column_config.TextColumn(width=110),
                "Model": st.column_config.TextColumn(width=70),
                **{m: st.column_config.TextColumn(help=models_view.MEANINGS[m], width=130) for m in METRICS},
                "Stays": st.column_config.NumberColumn(format="localized", width=55),
                "Started": st.column_config.DatetimeColumn(format="D MMM, HH:mm", width=105),
                "Minutes": st.column_config.NumberColumn(
                    format="%.1f", width=65, help="Time at work, over all resumptions"
                ),
            },
        )
    st.markdown("Choose one run to see how it went, two or more to compare them.")


def _row(run: Run) -> dict[str, Any]:
    own = metrics(run)
    return {
        "Name": run.name,
        "State": _state(run),
        "Task": run.task,
        "Model": f"{len(run.lab.get('models', ()))} in the lab"
        if run.kind == "lab"
        else model_words.KINDS.get(run.model, run.model),
        **{m: plots.interval(own[m]) if m in own else "" for m in METRICS},
        "Stays": run.data.get("stays"),
        "Started": moment(run.started) if run.started else None,
        "Minutes": run.worked / 60 if run.started else None,
        "Note": run.note,
    }


def _state(run: Run) -> str:
    """The state in so many words as a cell holds; at which network it is where it works."""
    said = words.run_state(run).split(" (")[0]
    return f"{said}, {run.place.split(',')[0]}" if run.trains else said
