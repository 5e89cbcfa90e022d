"""Parts of the cohort page: what a threshold would mean, how the risk is distributed, files to take away."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from medgru import NOTICE, cohort, plots, scores, tables
from medgru.bundle import BundleInfo
from medgru.cohort import Cohort, OperatingPoint
from medgru.evaluation.proportions import Proportion
from medgru.plots.cohort import risk_distribution
from medgru.scores import NEWS2
from medgru.ui import model_words, state, widgets, words
from medgru.ui.cohort_scoring import Asked, event

CHART = {"displayModeBar": False}
CAPACITY = 10
"""Alerts per 100 patients that are proposed, from so many patients on."""

FEWEST_FOR_CAPACITY = 20
EXCEL = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def operating_point(asked: Asked) -> float:
    """The choice of the threshold, and in words what it would mean; gives the threshold."""
    made = asked.cohort
    if made.thin.all():
        return 1.0
    state.begin_anew("cohort_threshold", asked.about, ("cohort_threshold", "cohort_capacity"))
    base = float(made.scores.base_rate[asked.task.event_index])
    if state.widget_value("cohort_threshold") is None:
        many = (~made.thin).sum() >= FEWEST_FOR_CAPACITY
        state.show_in_widget("cohort_threshold", _percent_for(made, CAPACITY) if many else _rounded(base))
        state.show_in_widget("cohort_capacity", CAPACITY if many else None)
    row = st.container(horizontal=True, vertical_alignment="bottom", key="cohort_operating")
    with row:
        percent = st.slider(
            "Alert from a probability of",
            0.0, 100.0, step=0.1, format="%.1f %%", key="cohort_threshold", persist_state="session",
            on_change=state.show_in_widget, args=("cohort_capacity", None), help=_why_this_threshold(base),
        )  # fmt: skip
        st.number_input(
            "Alerts I can look at, per 100",
            1, 100, value=None, step=1, key="cohort_capacity", width=190, persist_state="session",
            placeholder="such as 10", on_change=_take_capacity, args=(made,),
            help=f"Sets the threshold so that there are no more alerts than that. {CAPACITY} is only where it begins: "
            "take what your team can look at.",
        )  # fmt: skip
        st.button(
            f"Usual risk, {plots.percent(base)}",
            key="cohort_base_rate",
            help="The share among the patients that the model learned from.",
            on_click=_take_base_rate,
            args=(base,),
        )
    threshold = percent / 100
    point = cohort.operating_point(made, threshold)
    if point.sensitivity is not None and NEWS2.name in made.bedside:
        with row.popover("Beside NEWS2", key="cohort_beside"):
            _comparison(asked, point, threshold)
    _meaning(asked, point)
    return threshold


def _why_this_threshold(base: float) -> str:
    return (
        f"It begins where {CAPACITY} of 100 patients get an alert; with fewer than {FEWEST_FOR_CAPACITY} patients at "
        f"the usual risk, {plots.percent(base)}. No threshold is right by itself: a lower one finds more, and alerts "
        "more."
    )


def _take_capacity(made: Cohort) -> None:
    per_100 = state.widget_value("cohort_capacity")
    if per_100:
        state.show_in_widget("cohort_threshold", _percent_for(made, per_100))


def _take_base_rate(base: float) -> None:
    state.show_in_widget("cohort_threshold", _rounded(base))
    state.show_in_widget("cohort_capacity", None)


def _percent_for(made: Cohort, per_100: float) -> float:
    """The threshold in per cent, rounded up to the slider's step: never more alerts than asked for."""
    return float(min(100.0, np.ceil(cohort.threshold_for(made, per_100) * 1000) / 10))


def _rounded(probability: float) -> float:
    return round(100 * probability, 1)


def _meaning(asked: Asked, point: OperatingPoint) -> None:
    made, what = asked.cohort, event(asked.task)
    alerts = "no alert" if not point.alerts else f"{_count(point.per_100)} per 100 patients"
    said = [f"**{words.plural(point.alerts, 'alert')}: {alerts}** ({point.alerts:,} of {point.judged:,} judged)."]
    if point.sensitivity is not None and point.ppv is not None:
        with st.container(key="cohort_meaning"):
            st.markdown(" ".join(said) + _found(point, what))
        return
    if point.expected_events is not None and point.alerts:
        everyone, among = point.expected_events
        said.append(
            f"By its own probabilities the model expects the outcome ({what}) in about {_count(among)} of them, and in "
            f"{_count(everyone)} of all."
        )
    whose = "here" if made.y_true is None else "of those that were judged"
    said.append(f"How many alerts are right cannot be told: outcomes are not known {whose}.")
    with st.container(key="cohort_meaning"):
        st.markdown(" ".join(said), help=_on_others(asked.info))


def _found(point: OperatingPoint, what: str) -> str:
    assert point.sensitivity is not None
    assert point.ppv is not None
    if not point.sensitivity.count:
        return f" Nobody whose outcome is known had it ({what}): what alerts would find cannot be told."
    said = (
        f" Of {point.sensitivity.count:,} known to have had the outcome ({what}) it finds {_share(point.sensitivity)}"
    )
    if not point.ppv.count:
        return f"{said}."
    said += f"; of its alerts {_share(point.ppv)} had it"
    each = point.evaluated_for_one
    return f"{said}: **{_count(each)} alerts to look at for each one found.**" if each else f"{said}."


def _comparison(asked: Asked, point: OperatingPoint, threshold: float) -> None:
    """The model beside NEWS2 on the same patients."""
    rules = [
        (f"Model, from {exact(threshold)}", point),
        *(
            (f"{NEWS2.name} from {least}", cohort.score_rule(asked.cohort, NEWS2.name, least))
            for least in NEWS2.thresholds
        ),
    ]
    rows = pd.DataFrame(
        [
            {
                "Rule": name,
                "Alerts per 100": round(p.per_100, 1),
                "Sensitivity": _share(p.sensitivity),
                "Positive predictive value": _share(p.ppv),
                "Alerts for one found": None if p.evaluated_for_one is None else round(p.evaluated_for_one, 1),
            }
            for name, p in rules
        ]
    )
    widgets.table(rows, "cohort_comparison", "Alerts, sensitivity and predictive value of the model and of NEWS2")
    st.markdown(
        "On the same patients: those the model judges and whose outcome is known. In brackets 95 % intervals (Wilson). "
        "What is missing of NEWS2 counts as no points here."
    )


def _share(share: Proportion | None) -> str:
    if share is None or not share.count:
        return "not known"
    low, high = share.interval
    return f"{plots.percent(share.value)} [{100 * low:.0f}, {100 * high:.0f}] ({share.hits:,} of {share.count:,})"


def _on_others(info: BundleInfo) -> str | None:
    """What the model's card measured on unseen patients that bears on a threshold; None where it says nothing."""
    found = model_words.unseen(info)
    event_1 = found.own.get("Event 1") if found else None
    if found is None or event_1 is None:
        return None
    low, high = event_1.get("low"), event_1.get("high")
    interval = f" [{100 * low:.0f}, {100 * high:.0f}]" if low is not None and high is not None else ""
    return (
        f"On {found.stays:,} patients it had not seen, at the threshold where both are even, it found "
        f"{100 * event_1['value']:.0f} %{interval} and as many of its alerts were right; of other thresholds its card "
        "does not say."
    )


def distribution(asked: Asked, threshold: float) -> None:
    """How the risk is distributed, with the threshold."""
    made = asked.cohort
    if made.thin.all():
        return
    judged = ~made.thin

    def draw() -> Any:
        had = made.event[judged] if made.labelled[judged].any() else None
        return risk_distribution(made.prob[judged], threshold, had, event(asked.task))

    figure = state.remember_last("cohort_distribution", (asked.key, threshold), draw)
    st.plotly_chart(figure, key="cohort_distribution", config=CHART, alt=plots.alt_text(figure))


def exports(asked: Asked, shown: NDArray[np.intp], threshold: float) -> None:
    """The list as it is filtered and the whole of it, as files that no spreadsheet runs."""
    made = asked.cohort

    def table(everyone: bool) -> pd.DataFrame:
        whole = made.table(threshold)
        return whole.iloc[made.order if everyone else shown].reset_index(drop=True)

    kinds: tuple[tuple[str, str, str, Callable[[pd.DataFrame], bytes]], ...] = (
        ("CSV", "csv", "text/csv", lambda t: tables.safe_csv(t, float_format="%.6g")),
        ("Excel", "xlsx", EXCEL, lambda t: tables.safe_excel(t, _about(asked, threshold), "Cohort")),
        ("Parquet", "parquet", "application/vnd.apache.parquet", tables.parquet),
    )
    simulated = "-simulated" if made.recordings.simulated else ""
    with st.container(horizontal=True, vertical_alignment="center", key="cohort_exports"):
        n_loaded = len(asked.loaded.recordings)
        all_of_them = (
            f"Everyone ({len(made):,}):" if len(made) == n_loaded else f"All {len(made):,} scored of {n_loaded:,}:"
        )
        for everyone, said in ((False, f"Take away these {len(shown):,}:"), (True, all_of_them)):
            st.markdown(said, width="content")
            for label, ending, mime, write in kinds:
                name = "all" if everyone else "shown"
                st.download_button(
                    label,
                    lambda everyone=everyone, write=write: write(table(everyone)),  # type: ignore[misc]
                    file_name=f"medgru-cohort-{name}{simulated}.{ending}",
                    mime=mime,
                    key=f"cohort_{name}_{ending}",
                    on_click="ignore",
                    disabled=not everyone and not len(shown),
                )


def _about(asked: Asked, threshold: float) -> dict[str, str]:
    """What an exported workbook says of itself."""
    ages = ", ".join(f"{what} up to {hours:g} hours old" for what, hours in scores.MAX_AGE_HOURS.items())
    return {
        "Notice": NOTICE,
        "Question": asked.task.question,
        "Model": f"{asked.info.id} ({asked.info.sha256[:12]})",
        "Alert from": f"a probability of {exact(threshold)}",
        "Patients": f"{len(asked.cohort):,} of {len(asked.loaded.recordings):,} loaded"
        + (", simulated" if asked.cohort.recordings.simulated else ""),
        **{
            s.name: f"{s.title}. {s.source}. {s.remark}".strip() for s in scores.SCORES.values() if asked.cohort.bedside
        },
        **({"Values of the scores": f"The latest ones: {ages}."} if asked.cohort.bedside else {}),
    }


def exact(threshold: float) -> str:
    """A threshold as it was set: "11.5 %"."""
    return f"{100 * threshold:.3g} %"


def _count(number: float) -> str:
    """A rate or an expected number, as exactly as it is worth: "0.4", "2", "3.7", "15"."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"
