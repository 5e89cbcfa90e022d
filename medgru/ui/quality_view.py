"""Parts of the quality page: the verdict in one line, then one section at a time."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from medgru import plots
from medgru.data.recording import Recordings
from medgru.plots import steps
from medgru.plots.quality import measured_map, stay_measured_map
from medgru.quality import LOOKS_LIKE, NOT_ENOUGH, THIN, Finding, Quality, assess, stay_map
from medgru.quality.verdicts import VERDICTS
from medgru.tasks import HOUR
from medgru.ui import cache, frame, identifier_view, state, upload_view, widgets, words

ABOUT = (
    "Here you will see how good your data is: for whom there is enough, what was measured how often, what looks wrong."
)
CHART = {"displayModeBar": False}
MARKS = {"enough": "●", "thin": "◐", "not enough": "○"}
PATIENTS, VARIABLES, OVER_TIME, WRONG, IDENTIFIERS = "patients", "variables", "time", "wrong", "identifiers"
EVERYBODY = ""
SHOWN_ISSUES = 1000
MOST_TO_LOOK_AT = 3


@dataclass(frozen=True)
class LookedAt:
    """Whose data it is.

    Attributes:
        recordings: The patients.
        key: Which these are, for what is remembered.
        draft: The files that they come from, where these are at hand.
        source: `state.OWN` or `state.SIMULATED`.
        accepted: Whether the other pages see them too.
    """

    recordings: Recordings
    key: Hashable
    draft: state.Draft | None
    source: str
    accepted: bool

    def remember(self, name: str, compute: Callable[[], Any]) -> Any:
        """What was computed of them, once a session."""
        return state.remember(("quality", name, self.key), compute)


def choose() -> LookedAt | None:
    """The files that were read last; else the patients that were accepted; else the simulated ones, when asked for."""
    draft = state.draft()
    if draft is not None:
        built = upload_view.recordings(draft)
        if built is None:
            return None
        whence = state.whence()
        key = (draft.files_key, draft.mapping.meaning, state.upload_key())
        return LookedAt(built, key, draft, state.OWN, whence is draft)
    own = state.own()
    if own is not None:
        return LookedAt(own.recordings, own.digest, None, state.OWN, True)
    if state.source() == state.SIMULATED:
        loaded = cache.simulated(cache.default_task())
        return LookedAt(loaded.recordings, loaded.digest, None, state.SIMULATED, True)
    with st.container(border=True, key="quality_empty"):
        st.markdown(f"**{ABOUT}** No file was read yet.")
        with st.container(horizontal=True):
            if st.button("Bring your own file", type="primary", key="quality_bring_file"):
                st.switch_page(frame.UPLOAD)
            if st.button("See it for the simulated patients", key="quality_simulated"):
                state.choose_source(state.SIMULATED)
                st.rerun()
    return None


def assessed(of: LookedAt) -> Quality:
    """What can be said of their data; computed once."""

    def compute() -> Quality:
        with st.spinner("Looking at the data …"):
            if of.draft is None:
                return assess(of.recordings)
            return assess(of.recordings, of.draft.inspection, of.draft.mapping)

    return state.remember_last("quality", of.key, compute)


def headline(of: LookedAt, quality: Quality) -> None:
    """The verdict in one sentence, how it is shared out, and what to look at first."""
    if of.recordings.simulated:
        st.badge("Simulated", color="violet")
    st.subheader(quality.headline, anchor=False)
    first = [words.escape(sentence) for sentence in quality.to_look_at]
    if of.draft is not None and (named := identifier_view.named(of.draft)):
        first.insert(0, f"{named} See *Who could be recognised*.")
    if len(first) == 1:
        st.markdown(f"**Look at this first:** {first[0]}")
    elif first:
        lines = [f"{n}. {sentence}" for n, sentence in enumerate(first[:MOST_TO_LOOK_AT], start=1)]
        st.markdown("**Look at this first:**\n" + "\n".join(lines))
    elif not any(quality.counts[v] for v in (THIN, NOT_ENOUGH)):
        st.markdown("There is enough of everybody, and nothing stands out.")


def section(of: LookedAt, quality: Quality) -> None:
    """One of the sections, as chosen."""
    wrong = len(quality.findings) + len(quality.grouped_issues)
    names = {
        PATIENTS: "By patient",
        VARIABLES: "By variable",
        OVER_TIME: "Over time",
        WRONG: f"What looks wrong ({wrong})" if wrong else "What looks wrong",
    }
    if of.draft is not None:
        n = sum(s.direct for s in identifier_view.suspected(of.draft))
        names[IDENTIFIERS] = f"Who could be recognised ({n})" if n else "Who could be recognised"
    state.keep_choice("quality_section", list(names), PATIENTS)
    chosen = st.segmented_control(
        "Section",
        list(names),
        format_func=lambda name: names[name],
        key="quality_section",
        label_visibility="collapsed",
        required=True,
        persist_state="session",
    )
    draw = {PATIENTS: _patients, VARIABLES: _variables, OVER_TIME: _over_time, WRONG: _wrong}
    if chosen == IDENTIFIERS and of.draft is not None:
        identifier_view.listed(of.draft)
    elif chosen in draw:
        draw[chosen](of, quality)


def _patients(of: LookedAt, quality: Quality) -> None:
    """A verdict for each, the worst first, and the way to the patient."""
    whole = of.remember("patients", lambda: _patient_table(of, quality))
    counts = quality.counts
    bar = widgets.bar("quality_patients_bar")
    with bar:
        wanted = st.pills(
            "Verdict",
            VERDICTS,
            selection_mode="multi",
            format_func=lambda v: f"{MARKS[v]} {v} ({counts[v]:,})",
            key="quality_verdicts",
            label_visibility="collapsed",
            persist_state="session",
        )
    if wanted:
        marked = [f"{MARKS[v]} {v}" for v in wanted]
        shown = of.remember(f"patients {wanted}", lambda: whole[whole["Verdict"].isin(marked)].reset_index(drop=True))
    else:
        shown = whole
    picked = st.dataframe(
        shown,
        key=f"quality_patients_{len(shown)}",
        hide_index=True,
        alt="A verdict for each patient, and why",
        on_select="rerun",
        selection_mode="single-row",
        height=min(35 * (len(shown) + 1) + 3, 430),
        column_config={"Why": st.column_config.TextColumn(width="large")},
    )
    rows = picked["selection"]["rows"]
    with bar:
        if rows and rows[0] < len(shown):
            record_id = str(shown["Patient"].iat[rows[0]])
            if st.button(f"See {words.escape(record_id, 30)}", type="primary", key="quality_see"):
                _go_to(of, record_id)
        else:
            st.markdown("Choose a row to see the patient.")
    st.markdown(
        "*Not enough*: the model abstains. *Thin*: it answers, but on less than a third of the time or of the "
        "variables that it knows, or after a long silence."
    )
    widgets.download_csv("Download (CSV)", lambda: quality.verdicts, "medgru-verdicts.csv", "quality_patients_csv")


def _patient_table(of: LookedAt, quality: Quality) -> pd.DataFrame:
    task = of.recordings.task
    table = quality.verdicts
    rank = table["verdict"].map({v: -i for i, v in enumerate(VERDICTS)})
    table = table.loc[rank.sort_values(kind="stable").index].reset_index(drop=True)
    return pd.DataFrame(
        {
            "Patient": table["record_id"],
            "Verdict": [f"{MARKS[v]} {v}" for v in table["verdict"]],
            "Why": table["why"],
            steps.plural(task).capitalize(): table["steps"],
            "Measurements": table["measurements"],
            "Variables": table["variables"],
            f"Longest gap ({'h' if task.step == HOUR else steps.plural(task)})": table["longest_gap"].round(1),
        }
    )


def _go_to(of: LookedAt, record_id: str) -> None:
    if not of.accepted:
        state.accept(state.Loaded.of(of.recordings))
    state.walk(None)
    state.choose_stay(record_id, of.source)
    st.switch_page(frame.PATIENT)


def _variables(of: LookedAt, quality: Quality) -> None:
    """What was measured how often, by variable."""
    task = of.recordings.task
    unit = "h" if task.step == HOUR else steps.plural(task)
    data = of.remember("variables", lambda: _variable_table(quality, unit))
    share = st.column_config.ProgressColumn(
        format="%.0f %%", min_value=0, max_value=100, help="Share of the patients who have it at all"
    )
    widgets.table(data, "quality_variables", "Coverage of each variable", height=470, column_config={"Have it": share})
    st.markdown("*Last seen*: median time between its last measurement and the end of the stay.")
    widgets.download_csv(
        "Download (CSV)", lambda: quality.coverage.variables, "medgru-coverage.csv", "quality_variables_csv"
    )


def _variable_table(quality: Quality, unit: str) -> pd.DataFrame:
    table = quality.coverage.variables.sort_values("share", ascending=False, kind="stable")
    data = {
        "Variable": [f"{label} ({u})" if u else label for label, u in zip(table["label"], table["unit"], strict=True)],
        "Have it": 100 * table["share"],
        "Patients": table["patients"],
        "Measurements": table["measurements"],
        "A patient and day": table["per_day"].round(1),
        f"Median gap ({unit})": table["median_gap"].round(1),
        f"Last seen before the end ({unit})": table["last_seen"].round(1),
    }
    return pd.DataFrame(data).dropna(axis=1, how="all").reset_index(drop=True)


def _over_time(of: LookedAt, quality: Quality) -> None:
    """When what was measured: of all patients, or of one."""
    ids = of.recordings.record_ids
    state.keep_choice("quality_whose", [EVERYBODY, *ids], EVERYBODY)
    one = st.selectbox(
        "Whose",
        [EVERYBODY, *ids],
        format_func=lambda name: name or f"Everybody ({len(ids):,})",
        key="quality_whose",
        width=320,
        label_visibility="collapsed",
        persist_state="session",
    )
    task, cover = of.recordings.task, quality.coverage
    labels = [f.label for f in task.features]
    if one:
        counts = of.remember(f"map {one}", lambda: stay_map(of.recordings, one))
        _chart(of.remember(f"figure {one}", lambda: stay_measured_map(task, counts, one)), "stay_map")
        table = pd.DataFrame(counts, labels, [str(i + 1) for i in range(counts.shape[1])])
    elif not len(of.recordings.hours):
        st.markdown("Nothing was measured.")
        return
    else:
        _chart(of.remember("figure", lambda: measured_map(task, cover.measured, cover.recorded)), "map")
        table = pd.DataFrame(
            (100 * cover.measured).round(1), labels, [str(i + 1) for i in range(cover.measured.shape[1])]
        )
    table = table.rename_axis("Variable").reset_index()
    with st.expander("The same as a table", key="quality_map_box"):
        widgets.table(table, "quality_map_table", "What was measured when", height=280)
        widgets.download_csv("Download (CSV)", lambda: table, "medgru-measured.csv", "quality_map_csv")


def _chart(figure: go.Figure, name: str) -> None:
    st.plotly_chart(figure, key=f"quality_{name}", config=CHART, alt=plots.alt_text(figure))


def _wrong(of: LookedAt, quality: Quality) -> None:
    """Suspicions about units and clocks, then what was set aside, each with its rows."""
    groups = quality.grouped_issues
    if not quality.findings and groups.empty:
        st.markdown("Nothing looks wrong: no suspicion of units or clocks, and nothing was set aside.")
        return
    if quality.findings:
        st.markdown("**Suspected, and used as it stands**")
    for i, finding in enumerate(quality.findings):
        with st.expander(words.escape(finding.title), key=f"quality_finding_{i}"):
            _finding(finding, i)
    if groups.empty:
        return
    st.markdown("**Set aside while reading**")
    if groups["title"].str.startswith(LOOKS_LIKE).any():
        st.markdown(
            "What looks like another unit was not converted. If a whole column is in it, choose that unit on Upload. "
            "If only some patients are, convert theirs in the file, or bring them in a file of their own and choose "
            "the unit for it."
        )
    data = groups.rename(columns={"title": "What", "column": "Column", "count": "Values"})[["What", "Column", "Values"]]
    picked = st.dataframe(
        data,
        key="quality_issue_groups",
        hide_index=True,
        alt="What was set aside, by kind and column",
        on_select="rerun",
        selection_mode="single-row",
        height=min(35 * (len(data) + 1) + 3, 280),
    )
    rows = picked["selection"]["rows"]
    issues = quality.issues
    if rows and rows[0] < len(groups):
        group = groups.iloc[rows[0]]
        issues = issues[(quality.issue_titles == group["title"]) & (issues["column"] == group["column"])]
    st.markdown(
        f"{words.plural(len(issues), 'line')}"
        + (f", the first {SHOWN_ISSUES:,} shown" if len(issues) > SHOWN_ISSUES else "")
        + (". Choose a row above to see its lines only." if not rows else ".")
    )
    shown = issues.head(SHOWN_ISSUES).rename(columns=upload_view.ISSUE_HEADINGS).astype(str)
    widgets.table(shown, "quality_issues", "The rows that were set aside", height=250)
    widgets.download_csv("Download (CSV)", lambda: quality.issues, "medgru-set-aside.csv", "quality_issues_csv")


def _finding(finding: Finding, i: int) -> None:
    many = f" ({finding.count:,} in all)" if finding.count > len(finding.rows) else ""
    st.markdown(
        f"{words.plural(finding.patients, 'patient')}, {words.plural(len(finding.rows), 'row')} shown{many}. "
        f"{words.escape(finding.what_to_do)}"
    )
    widgets.table(finding.rows.astype(str), f"quality_finding_rows_{i}", finding.title, height=220)
    widgets.download_csv("Download (CSV)", lambda: finding.rows, "medgru-finding.csv", f"quality_finding_csv_{i}")
