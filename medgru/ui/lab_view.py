"""Parts of the lab page: the labs there are, one of them as it goes and as it ended, and a new one."""

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from medgru import jobs, plots
from medgru.data.labelled import LabelledStays
from medgru.errors import MedGRUError
from medgru.jobs.run import Run
from medgru.plots.lab import METRICS, interval_text, lab_figure
from medgru.training.lab_models import FEWEST_SEEDS, LAB_MODELS, MOST_SEEDS
from medgru.ui import frame, retrain_data, retrain_task, run_parts, state, widgets, words

if TYPE_CHECKING:
    from medgru.training.config import RunConfig
    from medgru.training.lab import LabResult

OTHER = "other"
MAX_NAME = 80
OUTCOME_COLOURS = {"held": "green", "did not hold": "orange", "cannot be told here": "gray"}
HEADINGS = {
    "label": "Model", "core_parameters": "Core", "parameters": "Parameters", "seconds": "Seconds per epoch",
    "pace": "Time, GRU = 1",
}  # fmt: skip
MEANINGS = {
    "Core": "Trained numbers of the recurrent core alone",
    "Parameters": "All trained numbers",
    "Seconds per epoch": "Median over rounds in which the models took turns, or, before these, over all epochs",
    "Time, GRU = 1": "Time of an epoch relative to the GRU's in the same round",
}


def runs() -> list[Run]:
    """All labs, the newest first."""
    jobs.refresh()
    return jobs.runs("lab")


def look_at(run: Run) -> None:
    """Let this lab be the one to look at, until there is a newer one."""
    state.is_new("lab_newest", runs()[0].id)
    state.show_in_widget("lab_run", run.id)


def choose(labs: list[Run]) -> Run:
    """The lab to look at: the newest, unless the user wants another one."""
    by_id = {run.id: run for run in labs}
    state.begin_anew("lab_newest", labs[0].id, ("lab_run",))
    state.keep_choice("lab_run", list(by_id), labs[0].id)
    if len(labs) == 1:
        return labs[0]
    chosen = st.selectbox(
        "Comparison",
        list(by_id),
        format_func=lambda run_id: f"{by_id[run_id].name} ({words.run_state(by_id[run_id])})",
        key="lab_run",
        label_visibility="collapsed",
        persist_state="session",
        width=520,
    )
    return by_id[chosen]


def show(run: Run) -> None:
    """That lab, kept up to date while it waits or works."""
    st.fragment(_show, run_every=run_parts.every(run))(run.id, run_parts.every(run))


def _show(run_id: str, every: float | None) -> None:
    with frame.calm(), st.container(key="lab_result"):
        jobs.refresh()
        run = jobs.find(run_id)
        if run is None:  # somebody deleted it
            st.rerun()
        with run_parts.heading(run, "lab"):
            pass
        if run.active:
            run_parts.progress(run, jobs.epochs(run.id))
        else:
            run_parts.ending(run)
        result = read(run)
        if result is not None:
            _result(run, result)
        elif run.active:
            st.markdown("The table fills row by row, as networks are done.")
        if run_parts.every(run) != every:
            st.rerun()  # all of the page: it is asked less or more often from now on, or no more


def read(run: Run) -> "LabResult | None":
    """What that lab has found so far; None before its first network is done."""
    path = run.folder / "lab.json"
    if not path.exists():
        return None
    from medgru.training.lab import read_lab  # it brings torch

    return state.remember_last("lab", (run.id, path.stat().st_mtime_ns), lambda: read_lab(run.folder))


def _result(run: Run, result: "LabResult") -> None:
    table = result.table
    figures, claims = st.columns([9, 4], gap="medium")
    with figures:
        figure = state.remember_last("lab_figure", (run.id, _done(table)), lambda: lab_figure(table))
        st.plotly_chart(figure, key="lab_figure", config={"displayModeBar": False}, alt=plots.alt_text(figure))
        st.markdown(
            "Dot and line: the seeds' averaged prediction with its 95 % interval. Orange mark: mean of single networks."
        )
    with claims, st.container(key="lab_claims"):
        st.markdown("**What the classic claims are worth on these patients**")
        if not result.verdicts:
            none = "The classic claims compare models that were not all trained here."
            st.markdown(none if run.state == "done" else "Said when all networks are done.")
        for v in result.verdicts:
            st.markdown(f"{_badge(v.outcome)} {words.escape(v.claim)}", help=words.escape(v.sentence, longest=1000))
    if result.verdicts:
        with st.expander("The numbers behind each verdict", key="lab_verdicts"):
            st.markdown(
                "\n".join(
                    f"- {words.escape(v.claim)}: **{v.outcome}**. {words.escape(v.sentence, longest=1000)}"
                    for v in result.verdicts
                )
            )
            st.markdown(
                "An interval covers both kinds of chance: other patients (bootstrap) and other seeds. *Cannot be told* "
                "means that it is too wide; more patients or more seeds make it narrower."
            )
    with st.expander("The table, and how it was made", key="lab_table_box"):
        shown = in_words(table)
        widgets.table(
            shown,
            "lab_table",
            "The family of networks beside each other",
            column_config={name: st.column_config.TextColumn(help=meaning) for name, meaning in MEANINGS.items()},
            height="content",
        )
        st.markdown(words.escape(result.protocol, longest=4000))
        widgets.download_csv("Download (CSV)", lambda: table, f"medgru-lab-{run.id}.csv", "lab_table_csv")


def _badge(outcome: str) -> str:
    return f":{OUTCOME_COLOURS.get(outcome, 'gray')}-badge[{outcome}]"


def _done(table: pd.DataFrame) -> tuple[float, ...]:
    """Changes when a figure must be drawn again."""
    return (*table["seeds"].fillna(0), *table["pace"].fillna(0))


def in_words(table: pd.DataFrame) -> pd.DataFrame:
    """The table for reading: two digits where two count, intervals in brackets, why there is nothing."""
    rows = []
    for row in table.to_dict("records"):
        known = pd.notna(row["AUROC"])
        cells: dict[str, str] = {"Model": str(row["label"])}
        for column, heading in list(HEADINGS.items())[1:]:
            style = ",.0f" if "parameters" in column else ".2f"
            cells[heading] = format(row[column], style) if known and pd.notna(row[column]) else ""
        for metric in METRICS:
            cells[metric] = interval_text(row, metric) if known else ""
            sd = row[f"{metric}_sd"]
            each = f"{row[f'{metric}_mean']:.3f}" + (f" ± {sd:.3f}" if pd.notna(sd) else "")
            cells[f"{metric}, each"] = each if known else ""
        cells["Note"] = str(row["note"] or row["about"])
        rows.append(cells)
    return pd.DataFrame(rows)


def new(labs: list[Run]) -> None:
    """The form of a new comparison: data, models, seeds, what it costs, and the start."""
    title = "Compare the family on your data" if not labs else "A new comparison"
    if labs:
        if not st.toggle(title, key="lab_new"):
            return
    else:
        st.subheader(title, anchor=False)
    left, right = st.columns([3, 2], gap="large")
    with left:
        stays = _data()
        names = st.pills(
            "Models",
            list(LAB_MODELS),
            selection_mode="multi",
            default=list(LAB_MODELS),
            format_func=lambda name: LAB_MODELS[name].label,
            key="lab_models",
            wrap=True,
            persist_state="session",
        )
        seeds = st.number_input(
            "Seeds",
            FEWEST_SEEDS,
            MOST_SEEDS,
            FEWEST_SEEDS,
            key="lab_seeds",
            persist_state="session",
            help="Networks a model: with fewer than three, nobody knows what chance in training does",
            width=160,
        )
    with right:
        _start(stays, list(names), int(seeds))


def _data() -> LabelledStays | None:
    """Stays with outcomes: those of an earlier run, or any others, chosen as on Retrain."""
    earlier = {run.id: run for run in jobs.runs() if (run.folder / "dataset").is_dir()}
    options = [*earlier, OTHER]
    state.keep_choice("lab_data", options, options[0])
    chosen = st.selectbox(
        "Data",
        options,
        format_func=lambda key: "Other data" if key == OTHER else _called(earlier[key]),
        key="lab_data",
        persist_state="session",
    )  # fmt: skip
    if chosen != OTHER:
        folder = earlier[chosen].folder / "dataset"
        return state.remember_last("lab_stays", chosen, lambda: LabelledStays.load(folder))
    patients, outcomes = retrain_data.choose()
    if patients is None:
        return None
    return retrain_task.choose(patients, outcomes)


def _called(run: Run) -> str:
    return f"The data of {run.name}"


def _start(stays: LabelledStays | None, names: list[str], seeds: int) -> None:
    st.markdown("**What it will take**")
    if stays is None or not names:
        st.markdown("Shown as soon as " + ("data and outcome are" if stays is None else "a model is") + " chosen.")
        return
    from medgru.training.checks import free_memory_mb  # it brings torch, as the lab does
    from medgru.training.lab import check_lab, lab_config

    config = lab_config(len(stays))
    check = state.remember_last(
        "lab_check",
        (stays.sha256, stays.patients, tuple(names), seeds),
        lambda: check_lab(stays, names, seeds, config, free_memory_mb()),
    )
    low, high = check.minutes
    if not check.problems:
        trainings = seeds * sum(LAB_MODELS[name].is_network for name in names)
        st.markdown(
            f"**{words.estimate(low, high)}** on this computer for {words.plural(trainings, 'network')}.  \n"
            f"{words.plural(check.held_out, 'stay')} of {len(stays):,} are held out, the same for all, and measured on "
            "once."
        )
    for problem in check.problems:
        st.error(words.escape(problem, longest=800))
    for warning in check.warnings:
        st.warning(words.escape(warning, longest=800))
    state.begin_anew("lab_name", stays.sha256, ("lab_name",))
    usual = f"Lab, {stays.recordings.task.title}"[:MAX_NAME]
    name = st.text_input(
        "Name",
        usual,
        key="lab_name",
        max_chars=MAX_NAME,
        placeholder="Name of the comparison",
    )
    if st.button("Start the comparison", type="primary", key="lab_start", disabled=bool(check.problems)):
        _submit(stays, config, name.strip() or usual, {"models": names, "seeds": seeds})
    elif not check.problems:
        jobs.prepare()


def _submit(stays: LabelledStays, config: "RunConfig", name: str, lab: dict[str, Any]) -> None:
    try:
        with st.spinner("Starting …"):
            jobs.submit(stays, config, name, kind="lab", lab=lab)
    except MedGRUError as error:
        frame.show_error(error)
        return
    st.rerun()
