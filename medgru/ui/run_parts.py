"""What Retrain, Runs and Lab show alike of a run: heading with Stop and Resume, progress, curves, ending, result."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import streamlit as st

from medgru import jobs, plots
from medgru.jobs.run import Run
from medgru.ui import runs_view, state, words

POLL_S, QUICK_POLL_S = 1.0, 0.4
"""Between two looks at a run; and where somebody waits for its next sign: its first figures, or its stop."""

CHART = {"displayModeBar": False}
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


def curves(run: Run, epochs: pd.DataFrame, page: str) -> None:
    """How its networks learn or learned; the keys begin with that page. Nothing where it ended before an epoch."""
    if not len(epochs) and not run.active:
        return
    recipe = run.config.get("recipe", {})
    multiclass = len(run.data.get("classes", ())) > 2
    most = recipe.get("epochs") if run.active else None  # once it has ended, no longer than it came
    figure = state.remember(
        ("curves", run.id, len(epochs), epochs["at"].max() if len(epochs) else 0.0, most),
        lambda: plots.training_curves(epochs, multiclass, clip=recipe.get("max_grad_norm"), most=most),
    )
    st.plotly_chart(figure, key=f"{page}_curves", config=CHART, alt=plots.alt_text(figure))


def ending(run: Run) -> None:
    """Why there is no result, and what to do; nothing where there is one, or it is at work."""
    if run.message:
        (st.error if run.state == "failed" else st.warning)(words.escape(run.message, longest=1000))
    elif run.state == "interrupted":
        st.warning("Its process ended without a word. What it had saved is kept: Resume goes on from there.")
    elif run.state == "cancelled":
        st.markdown(_stopped(run))
    elif run.state == "done" and run.kind == "train" and not runs_view.result(run):
        st.warning("Its result cannot be read: result.json of this run is missing or damaged. Train it again.")


def _stopped(run: Run) -> str:
    if run.started is None:
        return "You stopped it while it waited: nothing was trained yet. Resume puts it back into the queue."
    kept = "What it had learned is kept: Resume goes on from there."
    if run.kind == "lab":
        return f"You stopped it. {kept}"
    if not run.trained:
        return "You stopped it before its first epoch was done. Resume goes on from there."
    return f"You stopped it after {words.plural(run.trained, 'epoch')}. {kept}"


def result(run: Run) -> None:
    """How good a run that is done became, in words, and what to beware of."""
    found = runs_view.result(run) or {}
    st.markdown("  \n".join(result_in_words(found)))
    for warning in found.get("warnings", ()):
        st.markdown(f"- {words.escape(warning, longest=600)}")


def result_in_words(result: dict[str, Any]) -> list[str]:
    """What `result.json` says, for somebody who reads no metric."""
    held_out, classes = result["held_out"], result["classes"]
    own = held_out["metrics"]
    event = words.escape(classes[result["event"]], 60)
    lines = [f"Measured once, at the end, on **{words.plural(held_out['stays'], 'stay')} held out of this run**."]
    auroc = own["AUROC"]
    pairs = f"{100 * (auroc['value'] or 0):.0f} of 100 pairs"
    if auroc["value"] is None:
        lines.append("How well it tells patients apart is not known: those held out are of one outcome.")
    elif len(classes) == 2:
        lines.append(
            f"Of two patients, one with *{event}* and one without, it gave the first the higher probability in "
            f"**{pairs}** (AUROC {plots.interval(auroc)}); guessing gives 50."
        )
    else:
        lines.append(
            f"Of two patients, one of a class and one of another, it gave the first the higher probability of "
            f"that class in **{pairs}** (AUROC, mean over {len(classes)} classes: "
            f"{plots.interval(auroc)}); guessing gives 50."
        )
    rivals = {name: figures["AUROC"] for name, figures in result.get("baselines", {}).items() if "AUROC" in figures}
    if rivals:
        said = "; ".join(
            f"{words.first_lower(words.escape(name))}: {plots.interval(figure)}" for name, figure in rivals.items()
        )
        lines.append(f"On the same patients, {said}.")
    if (off := own.get("ECE", {}).get("value")) is not None:
        lines.append(f"Its probabilities were off by {100 * off:.1f} points on average.")
    return lines


def _stop(run_id: str) -> None:
    """Before the page is drawn, so that it says at once what was understood."""
    if jobs.find(run_id):
        jobs.cancel(run_id)
