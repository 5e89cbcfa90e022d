"""Parts of the cohort page: the filters, and the list by risk from which a patient is opened."""

from typing import Any

import numpy as np
import pyarrow as pa
import streamlit as st
from numpy.typing import NDArray

from medgru import cohort, plots, scores
from medgru.cohort import Cohort, Filter
from medgru.plots import steps
from medgru.predict import BACK, TREND_HOURS
from medgru.scores import NEWS2
from medgru.tasks import Feature
from medgru.ui import frame, state, words
from medgru.ui.cohort_scoring import Asked, event, risk_word

MOST_ROWS = 50_000
"""Rows of the list; beyond, the browser would load it piecemeal, without searching and choosing."""

LIST_ROWS, THIN_ROWS = 11, 5
MOST_FACTS = 4
NAMED_FIRST = 3


def order(asked: Asked) -> str:
    """In which order everybody is listed, one of `cohort.ORDERS`."""
    said = orders(asked)
    state.keep_choice("cohort_order", list(said), cohort.BY_RISK)
    return st.selectbox(
        "Order", list(said), format_func=lambda by: words.first_upper(said[by]), key="cohort_order",
        persist_state="session", help="Previous and Next on the Patient page go in this order, too.",
    )  # fmt: skip


def orders(asked: Asked) -> dict[str, str]:
    """The orders that there are, in words."""
    said = {
        cohort.BY_RISK: f"highest {words.first_lower(risk_word(asked.task))} first",
        cohort.BY_CHANGE: "steepest rise first",
        cohort.BY_NEWS2: f"highest {NEWS2.name} first",
        cohort.AS_BROUGHT: "as in the file",
    }
    return {by: said[by] for by in said if by != cohort.BY_NEWS2 or NEWS2.name in asked.cohort.bedside}


def filters(asked: Asked) -> Filter:
    """Who is shown."""
    made, task = asked.cohort, asked.task
    keep: dict[str, Any] = {"persist_state": "session"}
    search = st.text_input("Search", key="cohort_search", placeholder="patient", **keep)
    alerts_only = st.toggle("Alerts only", key="cohort_alerts_only", **keep)
    rising_only = st.toggle(
        "Rising only",
        key="cohort_rising_only",
        help=f"By {100 * cohort.RISING:.0f} points or more in the last {steps.short(task, TREND_HOURS)}.",
        **keep,
    )
    news2 = 0
    if NEWS2.name in made.bedside:
        choices = {0: "any", 1: "1 or more", 3: "3 or more", 5: "5 or more", 7: "7 or more"}
        news2 = st.selectbox(
            "NEWS2", list(choices), format_func=lambda n: choices[n], key="cohort_news2",
            help="What is missing counts as no points here.", **keep,
        )  # fmt: skip
    low, high = st.slider(
        f"{risk_word(task)} from and to", 0, 100, (0, 100), format="%d %%", key="cohort_range", **keep
    )
    state.begin_anew("cohort_choices", task.name, ("cohort_choice_",))
    chosen = []
    for n, feature in enumerate([f for f in facts(asked) if f.choices]):
        codes = st.multiselect(
            words.shortened(feature.label, 40),
            list(feature.choices),
            format_func=lambda code, f=feature: f.choices[code],  # type: ignore[misc]
            key=f"cohort_choice_{n}",
            placeholder="all",
            **keep,
        )
        chosen.append((feature.name, tuple(codes)))
    return Filter(search, low / 100, high / 100, alerts_only, rising_only, int(news2), tuple(chosen))


def ranked(asked: Asked, chosen: Filter, threshold: float, by: str = cohort.BY_RISK) -> NDArray[np.intp]:
    """The list in its order, and apart from it those from whom the model abstains; gives who is shown, so ordered."""
    made = asked.cohort
    everyone = made.ordered(by)
    shown = everyone[chosen.mask(made, threshold)[everyone]]
    judged, thin = shown[~made.thin[shown]], shown[made.thin[shown]]
    said = orders(asked)[by]
    _heading(asked, judged, thin, threshold, said)
    rows = asked.remember("rows", lambda: _rows(asked))
    if len(judged):
        alert = pa.array(np.where(made.prob[judged] >= threshold, "● alert", ""))
        some = rows.take(pa.array(judged[:MOST_ROWS])).drop_columns(["Reason"])
        picked = _list(asked, some.add_column(2, "Alert", alert[:MOST_ROWS]), judged, "cohort_list", LIST_ROWS)
        if picked is not None:
            _open(asked, shown, picked, said)
    elif not len(thin):
        st.info("Nobody fits these filters.")
    if len(thin):
        some = rows.take(pa.array(thin[:MOST_ROWS]))
        left_out = ["Risk", "Course", "Change"]
        some = some.drop_columns([name for name in left_out if name in some.column_names])
        picked = _thin(asked, some, thin)
        if picked is not None:
            _open(asked, shown, picked, said)
    return shown


def _heading(asked: Asked, judged: NDArray[np.intp], thin: NDArray[np.intp], threshold: float, order: str) -> None:
    """Who should be seen first, in words: those with an alert, or the first in the list where there is none."""
    made = asked.cohort
    alerts = judged[made.prob[judged] >= threshold]
    names = asked.remember("names", lambda: _names(made))
    first = ", ".join(
        f"{words.escape(names[i], 40)} {plots.percent(float(made.prob[i]))}"
        for i in (alerts if len(alerts) else judged)[:NAMED_FIRST]
    )
    total = int((~made.thin).sum())
    of = (
        f"{len(judged):,} of {words.plural(total, 'patient')}"
        if len(judged) < total
        else words.plural(total, "patient")
    )
    said = f"**See first:** {first} · {of}, {order}" if len(judged) else f"{of}, {order}"
    if len(thin):
        said += f" · {words.plural(len(thin), 'other')} below: too little to judge"
    if len(judged) > MOST_ROWS:
        said += f" · the first {MOST_ROWS:,} are listed, the export has all"
    shown = np.concatenate([judged, thin])
    with st.container(horizontal=True, vertical_alignment="center", key="cohort_heading"):
        st.markdown(f"{said}. *Click the box before a patient to open the chart, or:*", width="content")
        if len(shown) and st.button(
            f"Open {words.escape(names[shown[0]], 30)}",
            key="cohort_open",
            help="Opens the first in this list. With the keyboard: write a part of the name under Search, press Enter, "
            "then this button. Next on the Patient page goes on down the list.",
        ):
            _open(asked, shown, shown[0], order)


def _open(asked: Asked, shown: NDArray[np.intp], at: np.intp, order: str) -> None:
    """Go to that patient; from there, on and back in the order of the list."""
    ids = asked.cohort.recordings.record_ids
    everybody = len(shown) == len(asked.cohort)
    said = order if everybody else f"listed on Cohort, {order}"
    state.walk(state.WardOrder(asked.loaded.digest, tuple(ids[i] for i in shown), said))
    state.choose_stay(ids[at])
    st.switch_page(frame.PATIENT)


def _list(asked: Asked, rows: pa.Table, who: NDArray[np.intp], key: str, most: int) -> np.intp | None:
    """The table; gives who was picked in it."""
    chosen = st.dataframe(
        rows,
        key=key,
        height=_height(min(len(who), most)),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_columns(asked),
        alt="Patients with their risk, its change, bedside scores and facts",
    )
    picked = chosen["selection"]["rows"]
    return who[picked[0]] if picked and picked[0] < len(who) else None


def _thin(asked: Asked, rows: pa.Table, who: NDArray[np.intp]) -> np.intp | None:
    with st.container(key="cohort_abstained"):
        st.markdown(
            f"**Too little to judge: {words.plural(len(who), 'patient')}.** The model abstains; look at them too."
        )
        return _list(asked, rows, who, "cohort_thin", THIN_ROWS)


def _height(rows: int) -> int:
    """Height of a table that shows so many rows, in pixels."""
    return 33 * (rows + 1) + 4


def _rows(asked: Asked) -> pa.Table:
    """The list in the order of the recordings: columns as the browser needs them, made once."""
    made = asked.cohort
    answers = state.remember_last("cohort_answers", asked.about, lambda: _answers(made))
    about = (asked.about, asked.outcomes)
    described = state.remember_last("cohort_described", about, lambda: _described(made, facts(asked)))
    columns: dict[str, Any] = {}
    for name, result in made.bedside.items():
        if name == NEWS2.name:
            columns[name] = pa.array(result.lowest, mask=~result.any_known)
            columns["up to"] = pa.array(result.highest, mask=~result.any_known)
        else:
            columns[name] = result.texts()
    lacks = {"Missing": list(made.bedside[NEWS2.name].missing)} if NEWS2.name in made.bedside else {}
    return pa.table(answers | columns | described | lacks)


def _answers(made: Cohort) -> dict[str, Any]:
    """Columns with what the model says."""
    return {
        "Patient": pa.array(_names(made)),
        "Risk": pa.array(np.clip(100 * made.prob.astype(np.float64), 0.1, 99.9)),
        "Change": pa.array(np.round(100 * made.scores.change.astype(np.float64)), from_pandas=True),
        "Course": _courses(made.scores.course, course_scale(made)),
        "Reason": pa.array(made.scores.reasons),
    }


def _described(made: Cohort, shown: list[Feature]) -> dict[str, Any]:
    """Columns with how much was recorded, facts and outcomes."""
    task = made.recordings.task
    columns: dict[str, Any] = {"Recorded": pa.array(made.scores.lengths)}
    columns["Last seen"] = pa.array(np.round(made.last_seen, 1), from_pandas=True)
    for n, f in enumerate(shown):
        value = made.recordings.statics[:, task.static_index[f.name]].astype(float)
        known = np.isfinite(value)
        if f.choices:
            named = {float(code): label for code, label in f.choices.items()}
            columns[f"fact {n}"] = pa.array([named.get(v, "") for v in value])
        else:
            columns[f"fact {n}"] = pa.array(np.round(value, f.decimals), mask=~known)
    if made.y_true is not None:
        labels = np.array([*(words.shortened(o.label, 40) for o in task.outcomes), "not known"], dtype=object)
        columns["Outcome"] = pa.array(labels[made.y_true])
    return columns


def course_scale(made: Cohort) -> int:
    """Points of change that fill half the height of the small lines, one for all: nearly all of them fit."""
    least, step = 10, 10
    if made.thin.all():
        return least
    changes = np.nanmax(np.abs(_since_first(made.scores.course[~made.thin])), axis=1)
    return int(np.clip(step * np.ceil(np.quantile(changes, 0.95) / step), least, 100))


def _since_first(course: NDArray[np.float32]) -> NDArray[np.float64]:
    """Points of change since the first hour known of each course, as shown; NaN before it."""
    points = 100 * course.astype(np.float64)
    known = np.isfinite(points)
    return points - points[np.arange(len(points)), known.argmax(axis=1), None]


def _courses(course: NDArray[np.float32], scale: int) -> pa.ListArray:
    """Small lines, in points of change; hours before a stay began are left out, as the browser draws no gaps."""
    known = np.isfinite(course)
    ends = np.concatenate([[0], np.cumsum(known.sum(axis=1))]).astype(np.int32)
    points = np.clip(_since_first(course), -scale, scale)
    return pa.ListArray.from_arrays(ends, np.round(points[known], 1))


def _names(made: Cohort) -> list[str]:
    """How the patients are called in the list; that simulated ones are simulated stands above it."""
    ids, titles = made.recordings.record_ids, made.recordings.titles
    return [title.removesuffix(" (simulated)") for title in titles] if titles else list(ids)


def facts(asked: Asked) -> list[Feature]:
    """Descriptors that have a column, where anybody's is known: coded ones and the age; of own tasks the first few."""
    return state.remember_last("cohort_known_facts", asked.about, lambda: _known_facts(asked.cohort))


def _known_facts(made: Cohort) -> list[Feature]:
    task = made.recordings.task
    known = [bool(np.isfinite(column).any()) for column in made.recordings.statics.T]
    shown = [f for f, some in zip(task.statics, known, strict=True) if some]
    return [f for f in shown if steps.is_own(task) or f.choices or f.unit == "years"][:MOST_FACTS]


def _columns(asked: Asked) -> dict[str, Any]:
    """How the columns are shown."""
    task = asked.task
    column = st.column_config
    span, back = steps.short(task, TREND_HOURS), steps.short(task, BACK[0])
    scale = asked.remember("course_scale", lambda: course_scale(asked.cohort))
    ages = ", ".join(f"{what} up to {hours:g} h" for what, hours in scores.MAX_AGE_HOURS.items())
    return {
        "Patient": column.TextColumn(pinned=True, width=220 if asked.cohort.recordings.titles else 150),
        "Risk": column.ProgressColumn(
            risk_word(task), format="%.2g %%", min_value=0, max_value=100, width=125,
            help=f"Probability of the outcome ({event(task)}) at the last recorded {steps.word(task)}.",
        ),
        "Alert": column.TextColumn(width=70),
        "Change": column.NumberColumn(
            f"{span} change", format="%d", help="In percentage points; below zero where it fell.", width=90
        ),
        "Course": column.LineChartColumn(
            f"last {back}, ±{scale}", y_min=-scale, y_max=scale, width=130,
            help=f"Its change since {back} before, in percentage points. The line in the middle is no change, top and "
            f"bottom are {scale} points up and down, for everybody; what goes beyond is cut.",
        ),
        "NEWS2": column.NumberColumn(width=65, help=f"From the latest values: {ages}. RCP 2017."),
        "up to": column.NumberColumn(width=55, help="NEWS2 where all that is missing were as bad as can be."),
        "qSOFA": column.TextColumn(width=65, help="0 to 3. A range where something is missing, ? where everything is."),
        "SIRS": column.TextColumn(
            width=60, help=f"0 to 4. A range where something is missing. {scores.SIRS.remark}"
        ),
        "Missing": column.TextColumn("NEWS2 lacks", width=190),
        "Reason": column.TextColumn("Why not judged", width=260),
        "Recorded": column.NumberColumn(f"{steps.heading(task)}s", width=60, help=f"{steps.heading(task)}s recorded."),
        "Last seen": column.NumberColumn(
            format="%.1f", width=80, help=f"Last value, {steps.since(task)}. What is older than that is not known here."
        ),
        "Outcome": column.TextColumn(width=150),
        **{
            f"fact {n}": (column.TextColumn if f.choices else column.NumberColumn)(
                words.shortened(f.label, 24), width=90
            )
            for n, f in enumerate(facts(asked))
        },
    }  # fmt: skip
