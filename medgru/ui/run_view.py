"""One run: how it goes or went, how good it became, what it was made from, and what can be done with it."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from medgru import jobs, plots
from medgru.errors import MedGRUError
from medgru.jobs.comparison import setting_text
from medgru.jobs.run import Run
from medgru.ui import frame, lab_view, model_words, run_parts, runs_view, state, use_view, widgets, words


def show(run: Run) -> None:
    """Everything about that run."""
    with run_parts.heading(run, "runs"):
        if st.button("Train another", key="runs_another"):
            state.watch_run("")
            st.switch_page(frame.RETRAIN)
        about = "Stop it first." if run.active else None
        if st.button("Delete …", key="runs_delete", disabled=run.active, help=about):
            _ask_to_delete(run)
    if run.kind == "lab":
        _lab(run)
    elif run.active:
        st.fragment(_live, run_every=run_parts.every(run))(run.id, run_parts.every(run))
    else:
        _ended(run)
    _words(run)
    _facts(run)


@st.dialog("Delete this run?")
def _ask_to_delete(run: Run) -> None:
    kind = "Lab" if run.kind == "lab" else model_words.KINDS.get(run.model, run.model)
    begun = runs_view.moment(run.started or run.created)
    st.markdown(
        f"**{words.escape(run.name)}**  \n{kind}, {begun:%-d %b %Y, %H:%M}, {words.run_state(run).split(' (')[0]}, "
        f"{run.worked / 60:.1f} minutes of work"
    )
    st.markdown("It is removed with the copy of its data, its checkpoints and its model. This cannot be undone.")
    if use_view.is_in_use(run):
        st.markdown("**Its model is in use.** What is in use is a copy and stays.")
    with st.container(horizontal=True):
        if st.button("Delete it", key="runs_delete_yes"):
            try:
                jobs.delete(run.id)
            except MedGRUError as error:
                frame.show_error(error)
                return
            state.choose_runs(None)
            st.rerun()
        if st.button("Keep it", type="primary", key="runs_delete_no"):
            st.rerun()


def _live(run_id: str, every: float | None) -> None:
    """Progress and curves of a run that works or waits."""
    with frame.calm():
        run = jobs.find(run_id)
        if run is None or run_parts.every(run) != every:
            st.rerun()  # the whole page: there is a result, it is asked less or more often, or somebody deleted it
        epochs = jobs.epochs(run.id)
        run_parts.progress(run, epochs)
        run_parts.curves(run, epochs, "runs")


def _ended(run: Run) -> None:
    run_parts.ending(run)
    epochs = jobs.epochs(run.id)
    if found := runs_view.result(run):
        good, use = st.columns([6, 5], gap="medium")
        with good:
            _result(run, found)
        with use, frame.calm():  # a model that cannot be judged hides nothing else of the run
            use_view.put_into_use(run)
    elif not len(epochs) and run.state != "cancelled":  # of one that was stopped this is said above
        st.markdown("It ended before its first epoch was done.")
    run_parts.curves(run, epochs, "runs")


def _result(run: Run, found: dict[str, Any]) -> None:
    """How good it is in words, and beside the baselines as a figure."""
    with st.container(key="runs_result"):
        run_parts.result(run)
        figures = {"This run": found["held_out"]["metrics"], **found.get("baselines", {})}
        picture = plots.metric_intervals(figures, emphasised=["This run"])
        st.plotly_chart(picture, key="runs_intervals", config=run_parts.CHART, alt=plots.alt_text(picture))


def _lab(run: Run) -> None:
    run_parts.ending(run)
    data = f"the data through {words.plural(len(run.lab.get('models', ())), 'model')}"
    if run.state == "done":
        st.markdown(f"This run took {data}. Its table is on the page *Lab*.")
    elif run.active:
        st.markdown(f"This run takes {data}. How far it is, and its table so far, are on the page *Lab*.")
    else:
        st.markdown(f"This run was to take {data}. What it had found by then is on the page *Lab*.")
    if st.button("Open the lab", key="runs_lab"):
        lab_view.look_at(run)
        st.switch_page(frame.LAB)


def _words(run: Run) -> None:
    """Name and note, written down when the field is left."""
    name_key, note_key = f"runs_name_{run.id}", f"runs_note_{run.id}"
    for key, text in ((name_key, run.name), (note_key, run.note)):
        if state.widget_value(key) is None:
            state.show_in_widget(key, text)
    with st.expander("Name and note", key="runs_words_box"):
        st.text_input(
            "Name",
            key=name_key,
            max_chars=120,
            on_change=_write_down,
            args=(jobs.rename, run.id, "name", name_key),
        )
        st.text_area(
            "Note",
            key=note_key,
            max_chars=4000,
            placeholder="What you tried, and why",
            on_change=_write_down,
            args=(jobs.annotate, run.id, "note", note_key),
        )


def _write_down(write: Callable[[str, str], None], run_id: str, column: str, key: str) -> None:
    text = state.widget_value(key)
    if text is None or jobs.find(run_id) is None:
        return  # the run has been deleted, and its fields with it
    try:
        write(run_id, str(text))
        state.show_in_widget(key, getattr(jobs.get(run_id), column))  # as it was written: it may be another
    except MedGRUError as error:  # outside of the page's own calm: this runs before the page
        frame.show_error(error)


def _facts(run: Run) -> None:
    """What makes the run repeatable: settings, data, versions."""
    found = runs_view.result(run) or {}
    with st.expander("Settings, data and versions", key="runs_facts_box"):
        classes = run.data.get("classes", {})
        st.markdown(
            f"Data: *{words.escape(run.data.get('name', ''))}*, {words.plural(run.data.get('stays', 0), 'stay')} of "
            f"{words.plural(run.data.get('patients', 0), 'patient')}; "
            + ", ".join(f"{words.escape(label, 60)} {count:,}" for label, count in classes.items())
            + "."
        )
        rows = [*settings_in_words(found.get("settings") or run.config).items()]
        rows += [("SHA-256 of the data", run.data.get("sha256", "")), ("Run", run.id)]
        if "split_sha256" in found:
            rows.append(("SHA-256 of the split", found["split_sha256"]))
        rows += [(f"Version of {name}", version) for name, version in found.get("versions", {}).items()]
        if "parameters" in found:
            rows.append(("Parameters", f"{found['parameters']:,}"))
        facts = pd.DataFrame([(name, str(value)) for name, value in rows], columns=["Setting", "Value"])
        widgets.table(facts, "runs_facts", "Settings, data and versions of the run")
        widgets.download_csv("Download (CSV)", lambda: facts, f"medgru-run-{run.id}.csv", "runs_facts_csv")
        st.download_button(
            "Download the settings (JSON)",
            json.dumps(run.config, indent=1),
            file_name=f"medgru-run-{run.id}.json",
            mime="application/json",
            key="runs_config_json",
            on_click="ignore",
        )


def settings_in_words(config: dict[str, Any]) -> dict[str, str]:
    """Each setting of a run by its name as a person would write it."""
    flat = {**{k: v for k, v in config.items() if k != "recipe"}, **config.get("recipe", {})}
    return {setting_name(name): setting_text(value) for name, value in flat.items()}


def setting_name(name: str) -> str:
    """ "max_grad_norm" as "Max grad norm"."""
    plain = name.rsplit(".", 1)[-1].replace("_", " ")
    return plain[:1].upper() + plain[1:]
