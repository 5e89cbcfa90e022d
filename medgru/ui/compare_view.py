"""Two runs or more beside each other: curves, figures, differences on the same patients, settings."""

from collections.abc import Hashable
from typing import Any

import pandas as pd
import streamlit as st

from medgru import jobs, plots
from medgru.jobs.comparison import Comparison, compare, setting_text
from medgru.jobs.run import Run
from medgru.ui import run_parts, run_view, runs_view, state, widgets, words


def show(runs: list[Run]) -> None:
    """The runs beside each other; those of the lab have a page of their own."""
    trained = [run for run in runs if run.kind == "train"]
    if len(trained) < 2:
        st.info("Choose two training runs to compare them; runs of the lab are compared on the page Lab.")
        return
    titles = {run.id: run.name for run in trained}  # no two runs are called alike
    st.subheader(f"{len(trained)} runs compared", anchor=False)
    good, course = st.columns([6, 5], gap="medium")
    with course:
        _curves(trained, titles)
    with good:
        _figures(trained, titles)
        comparison = _compared(trained)
        _differences(comparison, titles)
    _settings(comparison, titles)


def _compared(runs: list[Run]) -> Comparison:
    key = ("comparison", *((run.id, run.state, run.ended) for run in runs))
    return state.remember(key, lambda: compare([run.id for run in runs]))


def _figures(runs: list[Run], titles: dict[str, str]) -> None:
    figures = {titles[run.id]: runs_view.metrics(run) for run in runs if runs_view.metrics(run)}
    if not figures:
        st.markdown("None of them has ended well yet: only their curves and settings can be compared.")
        return
    picture = plots.metric_intervals(figures, coloured=True)
    st.plotly_chart(picture, key="runs_compared_intervals", config=run_parts.CHART, alt=plots.alt_text(picture))


def _curves(runs: list[Run], titles: dict[str, str]) -> None:
    epochs = {titles[run.id]: jobs.epochs(run.id) for run in runs}
    multiclass = any(len(run.data.get("classes", ())) > 2 for run in runs)
    picture = plots.compared_curves(epochs, multiclass)
    st.plotly_chart(picture, key="runs_compared_curves", config=run_parts.CHART, alt=plots.alt_text(picture))


def _differences(comparison: Comparison, titles: dict[str, str]) -> None:
    """The first run against each other one, patient by patient on those that both held out, in sentences."""
    lines = [f"- {words.escape(note, longest=600)}" for note in comparison.notes]
    differences: dict[tuple[str, str], list[dict[Hashable, Any]]] = {}
    for row in comparison.differences.to_dict("records"):
        differences.setdefault((row["run"], row["against"]), []).append(row)
    for (run_id, against), rows in differences.items():
        said = "; ".join(
            f"{row['metric']} {_signed(row['value'])} [{_signed(row['low'])}, {_signed(row['high'])}], {row['verdict']}"
            for row in rows
        )
        lines.append(
            f"- **{words.escape(titles[run_id], 60)}** minus **{words.escape(titles[against], 60)}**, patient by "
            f"patient on the same {words.plural(rows[0]['patients'], 'patient')}: {words.escape(said, 600)}."
        )
    with st.container(key="runs_differences"):
        st.markdown("\n".join(lines))


def _settings(comparison: Comparison, titles: dict[str, str]) -> None:
    """Settings side by side, those that differ first and marked."""
    settings = comparison.settings.sort_values("differs", ascending=False, kind="stable")
    count = int(settings["differs"].sum())
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Settings:** {words.plural(count, 'difference')}", width="content")
        everything = st.toggle("Show those that are the same too", key="runs_all_settings", value=not count)
    shown = settings if everything else settings[settings["differs"]]
    if not len(shown):
        return
    rows = pd.DataFrame({"Differs": ["≠" if differs else "" for differs in shown["differs"]]})
    rows["Setting"] = [run_view.setting_name(str(name)) for name in shown["setting"]]
    for run_id, title in titles.items():
        rows[title] = [setting_text(value) for value in shown[run_id]]
    widgets.table(rows, "runs_settings", "Settings of the runs side by side; those that differ are marked")
    widgets.download_csv("Download (CSV)", lambda: rows, "medgru-settings-compared.csv", "runs_settings_csv")


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
