"""Which model is in use, how another takes its place, and the way back."""

from contextlib import suppress

import pandas as pd
import streamlit as st

from medgru import library
from medgru.bundle import BundleInfo, describe_bundle
from medgru.errors import MedGRUError
from medgru.jobs import outcome, promotion
from medgru.jobs.run import Run
from medgru.library import Use
from medgru.tasks import Task
from medgru.ui import cache, frame, model_words, runs_view, server, state, widgets, words

_HEADINGS = {
    "metric": "Figure",
    "candidate": "This run",
    "in_use": "The model in use",
    "difference": "Difference",
    "verdict": "Verdict",
}


def put_into_use(run: Run) -> None:
    """The gate's verdict on a run that is done, and the button that goes through it."""
    with st.container(border=True, key="runs_gate"):
        st.subheader("Put into use", anchor=False)
        info = _model(run)
        used = cache.in_use(info.task)
        if used and is_in_use(run):
            st.success(f"This model is in use for {words.escape(info.task.title)}, as *{words.escape(used.id)}*.")
            _see_it(run, info)
        else:
            _gate(run, used)
        in_use(info.task, "runs")


def is_in_use(run: Run) -> bool:
    """Whether the model of that run answers on the pages of patients."""
    with suppress(MedGRUError):  # it has none, or one that cannot be read
        info = _model(run)
        used = cache.in_use(info.task)
        return used is not None and (used.sha256 == info.sha256 or library.run_of(used) == run.id)
    return False


def _model(run: Run) -> BundleInfo:
    return state.remember(("run_bundle", run.id, run.ended), lambda: describe_bundle(run.folder / "bundle"))


def _see_it(run: Run, info: BundleInfo) -> None:
    """The way to a patient: one that this session brought and the run held out, else to the files of others."""
    stays = state.stays_to_learn_from()
    if stays is None or stays.sha256 != run.data.get("sha256"):
        st.markdown(
            "To see it on a patient, bring a file on *Upload* with the same columns; the outcome is not needed."
        )
        if st.button("Bring patients", key="runs_see_upload"):
            state.choose_task(info.task.name)
            st.switch_page(frame.UPLOAD)
        return
    if st.button("See it on a patient", type="primary", key="runs_see", help="One that was held out of this run"):
        state.accept(state.Loaded.of(stays.recordings), stays)
        with suppress(MedGRUError):
            state.choose_stay(stays.recordings.record_ids[int(outcome.held_out(run).stay.min())])
        st.switch_page(frame.PATIENT)


def _gate(run: Run, used: BundleInfo | None) -> None:
    server.single_threaded_torch()
    with st.spinner("Measuring it beside the model in use, on the same patients …"):
        verdict = state.remember(("gate", run.id, run.ended, used and used.sha256), lambda: promotion.gate(run.id))
    said = "  \n".join(words.escape(sentence, longest=600) for sentence in verdict.sentences)
    (st.success if verdict.passed else st.warning)(said)
    shown = (runs_view.result(run) or {}).get("warnings", ())  # above, with the result of the run
    for warning in (w for w in verdict.warnings if w not in shown):
        st.markdown(f"- {words.escape(warning, longest=600)}")
    if len(verdict.table):
        with st.expander("The figures behind it", key="runs_gate_box"):
            headings = _HEADINGS if verdict.rival else {**_HEADINGS, "in_use": "The better of the simple models"}
            widgets.table(
                verdict.table.rename(columns=headings),
                "runs_gate_table",
                "The run beside the model in use, on the same patients",
            )
    if verdict.passed:
        if st.button("Put into use", type="primary", key="runs_promote"):
            _promote(run, "", override=False)
        return
    state.begin_anew("runs_gate", run.id, ("runs_override", "runs_reason"))
    meant = st.checkbox("Put it into use all the same", key="runs_override")
    if not meant:
        return
    reason = st.text_input(
        "Why? This is written down with your decision.", key="runs_reason", max_chars=library.MAX_REASON_LENGTH
    )
    # Not disabled until a reason is there: leaving the field and pressing the button are one and the same click.
    if st.button("Put into use against the verdict", key="runs_promote"):
        if reason.strip():
            _promote(run, reason, override=True)
        else:
            st.error("Write the reason first: it stays with the decision.")


def _promote(run: Run, reason: str, override: bool) -> None:
    try:
        promotion.promote(run.id, reason, override=override)
    except MedGRUError as error:
        frame.show_error(error)
        return
    st.rerun()


def in_use(task: Task, page: str) -> None:
    """The model in use for that task, since when and why, what was before it, and the way back to that."""
    used, changes = cache.in_use(task), library.history(task)
    if used is None:
        st.markdown(f"No model is in use for {words.escape(task.title)}.")
        return
    with st.container(horizontal=True, vertical_alignment="center", key=f"{page}_in_use_{task.name}"):
        since = f", since {runs_view.moment(changes[-1].when):%-d %b %Y, %H:%M}" if changes else ""
        kind = model_words.origin(used)
        st.markdown(
            f"In use for *{words.escape(task.title)}*: **{words.escape(model_words.label(used))}**, {kind}{since}.",
            width="content",
        )
        if changes and library.before_use(task):
            help_text = "Puts the model that was in use before this one into use again. Nothing is deleted."
            if st.button("Roll back", key=f"{page}_roll_back_{task.name}", help=help_text):
                library.roll_back(task)
                st.rerun()
    if changes:
        with st.expander(f"History: {words.plural(len(changes), 'change')}", key=f"{page}_history_box_{task.name}"):
            widgets.table(
                _history(changes), f"{page}_history_{task.name}", f"What was in use for {task.title}, and why"
            )


def _history(changes: tuple[Use, ...]) -> pd.DataFrame:
    """Every change of the model in use, the newest first."""
    rows = [
        {
            "When": runs_view.moment(change.when).strftime("%Y-%m-%d %H:%M"),
            "Model": change.bundle_id,
            "What": change.action + (", against the verdict" if change.override else ""),
            "Reason": change.reason,
            "Run": change.run_id or "",
        }
        for change in reversed(changes)
    ]
    return pd.DataFrame(rows)
