"""Parts of the patient page: who this is, how bad, why, and the tables behind the pictures."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from medgru import plots, scores
from medgru.bundle import BundleInfo
from medgru.plots import steps
from medgru.plots import tables as plots_tables
from medgru.plots.style import outcome_colour
from medgru.plots.words import of_hundred_in_words
from medgru.ui import frame, own_model, results, state, widgets, words

TREND_HOURS = 6
FIRST_VARIABLES = 8
SCALE_2 = (
    "Only for patients with hypercapnic respiratory failure whose target saturation is 88 to 92 %, confirmed by a "
    "competent clinician."
)
TOOLBAR = {"bgcolor": "rgba(0, 0, 0, 0)", "color": "#7B8B99", "activecolor": "#0072B2"}
CHART = {"displaylogo": False, "displayModeBar": True, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


def header(answer: results.Answer, info: BundleInfo) -> None:
    """Who this is, in one line, and which model speaks."""
    if answer.recordings.simulated:
        st.badge("Simulated", color="violet")
    known = widgets.describe_stay(answer.recordings)
    recorded = f"**{steps.short(info.task, answer.hours)} recorded**"
    st.markdown(f"{words.escape(known)} · {recorded}" if known else recorded)
    state.choose_model(info.id)  # its card is the one that the link opens
    st.page_link(frame.MODELS, label=f"Model: {words.escape(info.task.title, 40)}")


def verdict(answer: results.Answer, info: BundleInfo, loaded: state.Loaded) -> None:
    """The probability with its doubt, beside what is usual; or why there is none."""
    task = answer.predictions.task
    event = task.outcomes[task.event_index].label
    if answer.reason:
        with st.container(key="patient_abstains"):
            st.warning(
                f"**The model abstains.** {words.escape(answer.reason)} There is too little to rely on a probability; "
                "the measurements are shown on the right."
            )
        with st.expander("What it would have said (do not rely on it)", key="patient_abstained_number"):
            _number(answer, event)
        _bedside(answer, loaded)
        return
    _number(answer, event)
    _bedside(answer, loaded)
    known = own_model.basis(info)
    if known:
        _caution(answer, info, known)
    _chart(answer, "class_probabilities", lambda: plots.class_probabilities(answer.predictions, 0, answer.title))
    least = known.least if known else 1
    shown = min(max(answer.event, least / 100), 1 - least / 100)
    st.markdown(_of_hundred(answer, event, least))
    if known and least > 1 and shown != answer.event:
        st.markdown(
            f"From {words.plural(known.held_out, 'stay')} held out, no more than that can be said, whatever the "
            "model's own number."
        )
    colour = outcome_colour(task, task.event_index)
    _chart(answer, "icon_array", lambda: plots.icon_array(shown, event, answer.title, colour))


def _caution(answer: results.Answer, info: BundleInfo, known: own_model.Basis) -> None:
    """On how few a user's model rests, and whether it has seen this very patient."""
    with st.container(key="patient_caution", gap="small"):
        said = own_model.in_words(known)
        if known.weak:
            st.warning(f"**Take this probability with care.** {said}")
        else:
            st.markdown(said)
        if own_model.learned_from(info, answer.recordings):
            st.warning(
                "**This patient was among those the model was trained on:** the answer looks surer than it would for a "
                "new one."
            )
        st.page_link(frame.MODELS, label="Read its card")


def _of_hundred(answer: results.Answer, event: str, least: int) -> str:
    """The probability as a part of one hundred; the classes of own tasks are names, those of ours what happens."""
    task = answer.predictions.task
    like_this, unlike = of_hundred_in_words(answer.event, least)
    others = [o.label for o in task.outcomes if o.name != task.event]
    if not steps.is_own(task):
        rest = " or ".join(map(words.first_lower, others))
        return (
            f"Of 100 patients with a result like this, **{like_this} {words.first_lower(event)}** and {unlike} {rest}."
        )
    rest = f"*{words.escape(others[0], 60)}*" if len(others) == 1 else "something else"
    return f"Of 100 with a result like this, **{like_this}** turn out *{words.escape(event, 60)}* and {unlike} {rest}."


def _number(answer: results.Answer, event: str) -> None:
    change = answer.change(TREND_HOURS)
    points = None if change is None else round(100 * change)
    task = answer.predictions.task
    trend = steps.short(task, TREND_HOURS)
    if len(task.outcomes) > 2:
        likeliest = int(answer.predictions.y_prob[0].argmax())
        prob = plots.percent(float(answer.predictions.y_prob[0, likeliest]))
        st.markdown(f"Most likely: **{words.escape(task.outcomes[likeliest].label, 60)}**, {prob}")
    st.metric(
        words.escape(event, 60),
        plots.percent(answer.event),
        delta=f"{points:+d} {'point' if abs(points) == 1 else 'points'} in {trend}" if points else None,
        delta_color="off",
        help=f"Calibrated probability at the last recorded {steps.word(task)}, from everything measured until then.",
    )
    low, high = answer.members
    st.markdown(
        f"Usual: {plots.percent(answer.base_rate)}  \nMembers say {plots.percent(low)} to {plots.percent(high)}"
        + (f"  \nLess than 1 point of change over the last {trend}" if points == 0 else ""),
        help="Usual is the share among the patients the model learned from. The model is a small group of "
        "networks; the range is their disagreement, not a confidence interval.",
    )


def _bedside(answer: results.Answer, loaded: state.Loaded) -> None:
    """The bedside scores in one line, and folded what they were made of and what was missing."""
    if scores.why_none(loaded.recordings.task):
        return
    record_id = answer.recordings.record_ids[0]
    for_all, stays = state.scale_2(loaded)
    on_scale_2 = for_all or record_id in stays
    found, at = results.bedside(loaded, record_id, on_scale_2)
    said = " · ".join(f"{name} **{result.text(at)}**" for name, result in found.items())
    if news2 := found.get(scores.NEWS2.name):
        said = f"{said}  \nNEWS2 risk: {scores.news2.risk_in_words(news2)[at] or 'not known'}"
    lacking = "; ".join(f"{name} lacks {result.missing[at]}" for name, result in found.items() if result.missing[at])
    with st.container(key="patient_scores", gap="small"):
        st.markdown(said, help=f"{lacking or 'Nothing was missing'}. What is missing is never taken for normal.")
        with st.expander("How these were found", key="patient_scores_box"):
            _bedside_parts(found, at)
            state.show_in_widget("patient_scale_2", on_scale_2)
            st.checkbox(
                "SpO₂ scale 2 for this patient" + (" (chosen for all on Cohort)" if for_all else ""),
                key="patient_scale_2",
                disabled=for_all,
                help=SCALE_2,
                on_change=lambda: state.choose_scale_2(loaded, bool(state.widget_value("patient_scale_2")), record_id),
            )


def _bedside_parts(found: dict[str, scores.Result], at: int) -> None:
    """Points part by part, the response that the RCP gives to NEWS2, how old the values are, whom to thank."""
    lines = []
    for name, result in found.items():
        low, high, known = result.points.fewest[at], result.points.most[at], result.known[at]
        parts = [
            f"{part.label} {low[i] if known[i] else f'not known, {low[i]} to {high[i]}'}"
            for i, part in enumerate(result.score.parts)
        ]
        age = f"; oldest value {result.oldest[at]:.1f} h" if np.isfinite(result.oldest[at]) else ""
        lines.append(f"- **{name} {result.text(at)}**: {', '.join(parts)}{age}. {result.score.remark}")
    if news2 := found.get(scores.NEWS2.name):
        lines.append(f"- **NEWS2 risk:** {news2_risk(news2, at)}")
    ages = ", ".join(f"{what} for {hours:g} h" for what, hours in scores.MAX_AGE_HOURS.items())
    lines.append(f"- From the latest values; they count: {ages}. A Glasgow Coma Scale of 15 is taken as alert.")
    sources = "; ".join(f"{name}: {result.score.source}" for name, result in found.items())
    st.markdown("\n".join([*lines, f"- {sources}."]))


def news2_risk(result: scores.Result, at: int) -> str:
    """The clinical risk and the response in the words of the RCP; also at most, where something is missing."""
    if not result.any_known[at]:
        return "not known"
    low, high = (int(one[at]) for one in scores.news2.risk(result))
    risks, responses = scores.news2.RISKS, scores.news2.RESPONSES
    said = f"{risks[low]} ({responses[low]})"
    return said if low == high else f"at least {said}; at most {risks[high]} ({responses[high]})"


def in_words(answer: results.Answer) -> None:
    """What moved the probability most, in sentences; nothing where the model gives none."""
    if answer.reason:
        return
    sentences = state.remember(
        ("in_words", *answer.key), lambda: plots.in_words(answer.recordings, answer.contributions)
    )
    if sentences:
        with st.container(key="patient_in_words"):
            st.markdown("**What moved it most:** " + " · ".join(words.escape(s) for s in sentences))


def timeline(answer: results.Answer) -> None:
    """Probability, measurements, attention and contributions over one time axis."""
    ranked = state.remember(
        ("ranked", *answer.key), lambda: plots.rank_variables(answer.recordings, answer.contributions)
    )
    picture = st.container()
    everything = len(ranked) > FIRST_VARIABLES and st.toggle(
        f"Show all {len(ranked)} measured variables, not only {FIRST_VARIABLES}"
        + ("" if answer.reason else " that moved the estimate most"),
        key="patient_all_variables",
        persist_state="session",
    )
    shown = ranked if everything else ranked[:FIRST_VARIABLES]
    with picture:
        _chart(
            answer,
            "timeline",
            lambda: plots.timeline(answer.recordings, answer.predictions, 0, answer.contributions, shown),
            everything,
        )
    if answer.reason:
        return
    moved = answer.contributions
    lower = "; lower than usual, as typical values are those of nobody very ill"
    times = steps.plural(answer.predictions.task)
    why_lower = lower if moved.start < answer.base_rate and not steps.is_own(answer.predictions.task) else ""
    st.markdown(
        "*Attention* is where the model looked, not why. *Contributions* are what moved the probability from "
        f"{plots.percent(moved.start)} (a patient measured at the same {times}, with typical values{why_lower}) to "
        f"{plots.percent(moved.end)}; they add up to that within {max(0.01, 100 * moved.completeness_error):.1g} "
        "points."
    )


def tables(answer: results.Answer) -> None:
    """The tables behind the pictures, to read and to take away."""
    one, predictions, moved = answer.recordings, answer.predictions, answer.contributions
    task = predictions.task
    st.subheader("The same as tables", anchor=False)
    st.markdown("To read, and to download as CSV. The camera at the top right of a figure saves it as a picture (PNG).")
    if not answer.reason:
        _table_box(
            answer,
            "hourly",
            f"{steps.heading(task)} by {steps.word(task)}: probability, members, attention",
            lambda: plots_tables.hourly_table(predictions, 0),
        )
        _table_box(
            answer,
            "contributions",
            "What moved it: every measured value and its contribution",
            lambda: plots_tables.contribution_table(one, moved),
        )
    _table_box(answer, "measurements", "Measurements in the model's units", lambda: plots_tables.measurement_table(one))


def _table_box(answer: results.Answer, name: str, title: str, make: Callable[[], pd.DataFrame]) -> None:
    data = state.remember((f"{name}_table", *answer.key), make)
    with st.expander(title, key=f"patient_{name}_box"):
        widgets.table(data, f"patient_{name}", title, height=280)
        widgets.download_csv(
            "Download (CSV)",
            lambda: plots_tables.with_origin(data, answer.recordings),
            f"{_file_name(answer, name)}.csv",
            f"patient_{name}_csv",
        )


def _file_name(answer: results.Answer, name: str) -> str:
    """Name of a file to take away, without its ending: what it is, whose, and whether simulated."""
    one = answer.recordings
    simulated = "-simulated" if one.simulated else ""
    return f"medgru-{name.replace('_', '-')}-{words.file_part(one.record_ids[0])}{simulated}"


def _chart(answer: results.Answer, name: str, draw: Callable[[], go.Figure], *options: object) -> None:
    """A figure, drawn once a session, with its alternative text and a quiet toolbar."""
    figure = state.remember((name, *options, *answer.key), draw)
    figure.update_layout(modebar=TOOLBAR)
    config = {**CHART, "toImageButtonOptions": {"filename": _file_name(answer, name), "scale": 2}}
    st.plotly_chart(figure, key=f"patient_{name}", config=config, alt=plots.alt_text(figure))
