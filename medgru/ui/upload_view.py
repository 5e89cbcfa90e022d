"""Parts of the upload page: the drop zone, what was read, what was set aside, the way on."""

import time
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from medgru.data import Source, build, inspect, template, template_long
from medgru.data.names import TIME, Names
from medgru.data.recording import ISSUE_COLUMNS, ReadReport, Recordings
from medgru.data.source import MAX_LOCAL_MB
from medgru.data.view import TableView
from medgru.data.words import agreeing, counted
from medgru.errors import MedGRUError
from medgru.plots import steps
from medgru.quality import inspected_again
from medgru.settings import settings
from medgru.tasks import Task
from medgru.ui import cache, frame, mapping_view, results, state, widgets, words

SHOWN_ISSUES = 1000
EVERY_S = 0.1
"""A bar that moves more often than this only costs time."""

ISSUE_HEADINGS = dict(
    zip(ISSUE_COLUMNS, ("File", "Row", "Patient", "Column", "Value", "Problem", "Times", "Kind"), strict=True)
)


def choose_task() -> Task:
    """What the files are read for; a choice is shown only where there is more than one task."""
    tasks = {task.name: task for task in cache.tasks()}
    default = cache.default_task().name
    chosen = state.task_name() if state.task_name() in tasks else default
    if len(tasks) > 1:
        titles = words.task_titles(list(tasks.values()))
        state.show_in_widget("upload_task", chosen)
        st.selectbox(
            "Read the files for",
            list(tasks),
            format_func=lambda name: titles[name],
            key="upload_task",
            width=360,
            on_change=lambda: state.choose_task(str(state.widget_value("upload_task"))),
        )
    return tasks[str(chosen)]


def receive(task: Task) -> None:
    """The drop zone. Files that cannot be used are refused with a reason, and nothing else changes.

    Files that were read for another task before are read anew.
    """
    files = st.file_uploader(
        "Drop files here, or choose them. Nothing leaves the computer that runs MedGRU, and no patient is written to "
        "its disk: all are gone when you close or reload this tab.",
        accept_multiple_files=True,
        key=state.upload_key(),
    )
    st.markdown(  # a caption is too pale to be read
        f":small[Up to {_upload_limit_mb():,} MB a file. A larger one: split it by patient, or use the commands medgru "
        f"inspect and medgru predict, which read files of up to {MAX_LOCAL_MB:,} MB from the disk.]"
    )
    draft = state.draft()
    if files:
        key = (task.name, *(file.file_id for file in files))
    elif draft:
        key = (task.name, *draft.files_key[1:])
    if not (files or draft) or (draft and draft.files_key == key):
        return

    def given() -> tuple[Source, ...]:
        return tuple(Source(f.name, f.getvalue()) for f in files) if files or not draft else draft.sources

    fresh = not draft or draft.files_key[1:] != key[1:]
    problem = state.remember_last("inspection", key, lambda: _inspect(given(), key, task))
    if not problem and fresh and (better := _better_task(task)):
        state.choose_task(better.name)
        st.rerun()
    if problem:
        st.error(words.escape(problem, longest=1000))
        if draft and draft.inspection.source_names:
            st.markdown(
                f"**{listed([f.name for f in files])} {agreeing(len(files), 'was', 'were')} not taken.** Still loaded: "
                f"{listed(draft.inspection.source_names)}."
            )
        elif state.own():
            st.markdown("What you had loaded before is unchanged.")


def _better_task(task: Task) -> Task | None:
    """Another task of which the new files hold more variables; of an own one all of them, by their own names."""
    draft = state.draft()
    assert draft is not None
    sources = [m.source for m in draft.mapping.matches]

    def found(of: Task) -> set[str | None]:
        names = Names(of)
        return {hit.target for source in sources if (hit := names.known(source)) is not None}

    scores = {}
    for other in cache.tasks():
        hits = found(other)
        if other is task or not steps.is_own(other) or hits >= other.feature_index.keys():
            scores[other.name] = (len(hits), steps.is_own(other), other is task)
    best = max(cache.tasks(), key=lambda other: scores.get(other.name, (-1, False, False)))
    return best if best is not task and scores[best.name][0] else None


def _inspect(sources: tuple[Source, ...], key: tuple[str, ...], task: Task) -> str:
    """Read the files into a new draft; the problem in words where they cannot be used, else nothing."""
    bar = st.progress(0.0, "Opening the files …")
    shown = 0.0

    def show(number: int, of: int, name: str) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= EVERY_S:
            shown = now
            bar.progress(number / of, f"Reading file {number:,} of {of:,}: {words.escape(name, 60)}")

    try:
        # Where identifiers were removed, the files themselves are gone.
        again = state.draft() if not sources else None
        found = inspected_again(again.inspection, task) if again else inspect(sources, task, show)
    except MedGRUError as error:
        return str(error)
    finally:
        bar.empty()
    state.begin_draft(state.Draft(key, sources, found, found.mapping))
    return ""


def accepted_forms(task: Task) -> None:
    """What can be brought, in words, and templates to fill in."""
    title = "Which files can I bring? Templates"
    empty = state.draft() is None
    with st.container(border=True, key="upload_forms") if empty else st.expander(title, key="upload_forms_folded"):
        st.markdown(
            "- **Tables**: CSV, TSV, Excel or Parquet; one row a time (patient, time, heart rate, …) or one row a "
            "measurement (patient, time, name of the variable, value); decimal point or comma\n"
            "- **From hospital systems**: FHIR, HL7 v2, OMOP, MEDS\n"
            "- **From monitors and devices**: WFDB, EDF, DICOM, NumPy (NPZ), pictures\n"
            + ("" if steps.is_own(task) else "- **Research data**: PhysioNet 2012 and 2019\n")
            + "\n"
            "Many files at once, or packed as zip, tar.gz or tar.xz. Times as HH:MM, hours, minutes, seconds or date "
            "and time. Names and units of hospitals are recognised, and you can change how they were read."
        )
        with st.container(horizontal=True):
            for label, make, name in (
                ("Template: one row a time", template, "wide"),
                ("Template: one row a measurement", template_long, "long"),
            ):
                st.download_button(
                    label,
                    make(task),
                    file_name=f"medgru-template-{name}.csv",
                    mime="text/csv",
                    on_click="ignore",
                    key=f"upload_template_{name}",
                )


def _upload_limit_mb() -> int:
    """The stricter of MedGRU's own limit and the server's."""
    return min(settings().max_upload_mb, int(st.get_option("server.maxUploadSize")))


def what_was_read(draft: state.Draft, with_problems: bool = True) -> None:
    """Each file in one line, what was refused, and unless that is said already, why a file cannot be used."""
    found = draft.inspection
    for refusal in found.refused:
        st.warning(f"**{words.escape(refusal.file)}** was not used: {words.escape(refusal.problem, longest=1000)}")
    rows = pd.DataFrame(
        [(f.name, f.kind, f.stays, f.rows, f.problem or "") for f in found.files],
        columns=["File", "Kind", "Patients", "Rows", "Note"],
    )
    problems = [f"**{words.escape(f.name)}** {words.escape(f.problem, longest=600)}" for f in found.files if f.problem]
    # Where no table can be used, the error says the same below.
    for problem in problems[:3] if with_problems and len(problems) < len(rows) else ():
        st.warning(problem)
    stays = max((f.stays for f in found.files), default=0)
    title = f"{words.plural(len(rows), 'table')} read, {words.plural(int(rows['Rows'].sum()), 'row')}"
    title += f" of {words.plural(stays, 'patient')}" if len(rows) == 1 else ""
    with st.expander(title, key="upload_read_box"):
        widgets.table(rows, "upload_read", "Files that were read", height=mapping_view.height(len(rows), 4))


def only_unseen(draft: state.Draft) -> bool:
    """Whether the files hold pictures or curves that no model for the task takes, and nothing measured beside them.

    What they are is said then, with what can be done; there is nothing to map and nobody to look at.
    """
    task, mapping = draft.mapping.task, draft.mapping
    unseen: list[TableView] = []
    others: list[TableView] = []
    for view in draft.inspection.views:
        raw = (view.is_picture or view.is_recording) and view.problem(mapping, task) is not None
        (unseen if raw else others).append(view)
    if not unseen or any(TIME in view.roles(mapping.of_table(view.index)) for view in others):
        return False
    names = list(dict.fromkeys(name for view in unseen for name in view.table.names))
    kinds = {"pictures" if view.is_picture else "curves" for view in unseen}
    with st.container(border=True, key="upload_unseen"):
        what = _described(unseen[0]) if len(names) == len(unseen) == 1 else f"{' and '.join(sorted(kinds))}"
        st.markdown(
            f"**{listed(names)} {agreeing(len(names), 'was', 'were')} read: {what}.** Models for "
            f"*{words.escape(task.title)}* are trained on measurements and take no {' or '.join(sorted(kinds))}. You "
            "can train one that does: bring the files on Retrain, with what became of each patient."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Go to Retrain", type="primary", key="upload_to_retrain"):
                st.switch_page(frame.RETRAIN)
            if state.own() is not None:
                st.markdown("The patients you had loaded are unchanged.")
    return True


def _described(view: TableView) -> str:
    """What one picture or recording is, in a few words; beside its variables a table has an identifier and a time."""
    n = len(view.table.columns) - 2
    if view.is_picture:
        return f"a picture of {n:,} × {len(view.table):,} pixels in grey"
    return f"a recording of {counted(n, 'curve')} with {counted(len(view.table), 'value')} each"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names of files within a sentence: the first few, and how many more."""
    shown = [words.escape(name, 60) for name in names[:most]]
    rest = len(names) - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest else "")


def recordings(draft: state.Draft) -> Recordings | None:
    """The checked patients under the mapping as it stands; None, with the reason, where there are none."""
    try:
        return state.remember_last("built", (draft.files_key, draft.mapping.meaning), lambda: _build(draft))
    except MedGRUError as error:
        frame.show_error(error)
        st.markdown("Change the mapping above, or bring another file. What you had loaded before is unchanged.")
        return None


def _build(draft: state.Draft) -> Recordings:
    bar = st.progress(0.0, "Checking the values …")

    def show(done: int, of: int) -> None:
        bar.progress(min(done / max(of, 1), 1.0), "Checking the values …")

    try:
        return build(draft.inspection, draft.mapping, show)
    finally:
        bar.empty()


def set_aside(built: Recordings) -> None:
    """What was not used, and why, with the row."""
    report = built.report
    if report.notes:
        st.markdown("\n".join(f"- {words.escape(note)}" for note in report.notes))
    if report.issues.empty:
        used = (
            f"all {words.plural(report.rows_used, 'value')} found were used"
            if report.rows_used
            else "no value was found"
        )
        st.markdown(f"Nothing was set aside: {used}.")
        return
    with st.expander(
        _how_much(report),
        key="upload_set_aside",
        expanded=not len(built),
    ):
        issues = report.issues.rename(columns=ISSUE_HEADINGS).drop(columns="Kind")  # which the sentence says
        if len(issues) > SHOWN_ISSUES:
            st.markdown(f"First {SHOWN_ISSUES:,} of {len(issues):,} shown, all in the CSV.")
        widgets.table(issues.head(SHOWN_ISSUES).astype(str), "upload_issues", "What was set aside, and why", height=250)
        widgets.download_csv("Download this list (CSV)", lambda: issues, "medgru-set-aside.csv", "upload_issues_csv")


def _how_much(report: ReadReport) -> str:
    """What was set aside in values, as a row may hold many; lines about no value (a file, a descriptor) apart."""
    values = report.set_aside
    if not values:
        return f"No measurement was set aside; {words.plural(len(report.issues), 'line')} to look at"
    return f"Set aside: {values:,} of {words.plural(report.rows_read, 'value')}, and why"


def preview(draft: state.Draft) -> None:
    """The first rows as they stand in the file."""
    with st.expander("First rows as they stand in the file", key="upload_preview_box"):
        widgets.table(draft.inspection.preview, "upload_preview", "First rows of the file")


def ready(built: Recordings) -> None:
    """How many patients are ready, and the way to them; pressing it replaces what was loaded before."""
    if not len(built):
        st.error("No patient could be read; see above what was set aside.")
        return
    if not built.report.rows_used:
        st.error("No value in these files can be used: see above how each column was read, and what was set aside.")
        return
    thin = results.thin(built)
    enough = len(built) - len(thin)
    span = float(built.last_hours.max())
    with st.bottom.container(horizontal=True, vertical_alignment="center", key="upload_ready"):
        st.markdown(
            f"**{words.plural(enough, 'patient')} ready** for *{words.escape(built.task.title)}*"
            + (f"; {len(thin):,} with not enough" if thin else "")
            + f" · {words.plural(built.report.rows_used, 'value')} over {steps.short(built.task, span)}"
            + (f" · from {listed(built.report.files, 2)}" if built.report.files else "")
        )
        one = len(built) == 1
        if st.button("Go to the patient" if one else "Go to the ward", type="primary", key="upload_go"):
            state.accept(state.Loaded.of(built))
            st.switch_page(frame.PATIENT if one else frame.COHORT)
        if st.button("Check the quality", key="upload_quality"):
            st.switch_page(frame.QUALITY)
