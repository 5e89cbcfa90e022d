"""A training run as it goes: its state in words, its curves, Stop and Resume, and at its end the result.

What is shown comes from the run table, never from the session: a reload, a second browser and a tab that
was closed show the same.
"""

import json
from typing import Any

import streamlit as st

from medgru import jobs, plots
from medgru.jobs.run import Run
from medgru.plots.training import training_curves
from medgru.ui import frame, run_parts, state, words


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
        elif run.state == "done":
            _result(run)
        else:
            run_parts.ending(run)
        _curves(run, epochs)
        if run_parts.every(run) != every:
            st.rerun()  # all of the page: it is asked less or more often from now on, or no more


def _curves(run: Run, epochs: Any) -> None:
    if not len(epochs) and not run.active:
        return
    recipe = run.config.get("recipe", {})
    multiclass = len(run.data.get("classes", ())) > 2
    figure = state.remember(
        ("curves", run.id, len(epochs)),
        lambda: training_curves(epochs, multiclass, clip=recipe.get("max_grad_norm"), most=recipe.get("epochs")),
    )
    st.plotly_chart(figure, key="retrain_curves", config={"displayModeBar": False}, alt=plots.alt_text(figure))


def _result(run: Run) -> None:
    """How good it became, in plain words, and the way on."""
    try:
        result = json.loads((run.folder / "result.json").read_text(encoding="utf-8"))
        sentences = result_in_words(result)
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        st.warning("Its result cannot be read: the file result.json of this run is missing or damaged. Train it again.")
        return
    with st.container(border=True, key="retrain_result"):
        st.markdown("  \n".join(sentences))
        for warning in result.get("warnings", ()):
            st.markdown(f"- {words.escape(warning, longest=600)}")
        if st.button("Compare and put into use", type="primary", key="retrain_to_runs"):
            state.choose_runs([run.id])
            st.switch_page(frame.RUNS)


def result_in_words(result: dict[str, Any]) -> list[str]:
    """What `result.json` says, for somebody who reads no metric."""
    held_out, classes = result["held_out"], result["classes"]
    own = held_out["metrics"]
    event = words.escape(classes[result["event"]], 60)
    lines = [f"Measured once, at the end, on **{words.plural(held_out['stays'], 'stay')} held out of this run**."]
    auroc = own["AUROC"]
    if len(classes) == 2:
        lines.append(
            f"Of two patients, one with *{event}* and one without, it gave the first the higher probability in "
            f"**{100 * auroc['value']:.0f} of 100 pairs** (AUROC {_interval(auroc)}); guessing gives 50."
        )
    else:
        lines.append(
            f"Of two patients, one of a class and one of another, it gave the first the higher probability of "
            f"that class in **{100 * auroc['value']:.0f} of 100 pairs** (AUROC, mean over {len(classes)} classes: "
            f"{_interval(auroc)}); guessing gives 50."
        )
    rivals = {name: figures["AUROC"] for name, figures in result.get("baselines", {}).items() if "AUROC" in figures}
    if rivals:
        said = "; ".join(f"{words.first_lower(words.escape(name))}: {_interval(own)}" for name, own in rivals.items())
        lines.append(f"On the same patients, {said}.")
    if "ECE" in own:
        lines.append(f"Its probabilities were off by {100 * own['ECE']['value']:.1f} points on average.")
    return lines


def _interval(figure: dict[str, float]) -> str:
    if "low" in figure:
        return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
    return f"{figure['value']:.3f}"
