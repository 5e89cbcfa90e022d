"""All models at hand: which are in use, the way to another one, out to a zip and in from one."""

import pandas as pd
import streamlit as st

from medgru import library, plots
from medgru.bundle import BundleInfo
from medgru.bundle_zip import MAX_ZIP_BYTES
from medgru.errors import MedGRUError
from medgru.ui import cache, frame, model_words, models_view, state, use_view, widgets, words

_SAID = "models_said"


def table(usable: list[BundleInfo]) -> None:
    """One row a model: what for, whose, whether in use, how good; shown where there is more than one."""
    if len(usable) < 2:
        return
    rows = []
    for info in usable:
        found = model_words.unseen(info)
        figures = found.own if found else {}
        trained = model_words.trained_on(info)
        rows.append(
            {
                "Model": info.id,
                "In use": "in use" if cache.is_in_use(info) else "",
                "Task": info.task.title,
                "Kind": model_words.kind(info),
                "From": model_words.origin(info),
                "Trained on": words.plural(trained, "stay") if trained else "not known",
                "Measured on": words.plural(found.stays, "stay") if found else "nobody",
                **{m: plots.interval(figures[m]) if m in figures else "" for m in ("AUROC", "AUPRC", "ECE")},
            }
        )
    widgets.table(
        pd.DataFrame(rows),
        "models_list",
        "All models",
        column_config={
            "Measured on": st.column_config.TextColumn(
                help="Held out of its training; figures of different patients cannot be compared with each other"
            )
        }
        | {
            m: st.column_config.TextColumn(help=f"On patients held out of its training. {models_view.MEANINGS[m]}")
            for m in ("AUROC", "AUPRC", "ECE")
        },
    )


def in_use(usable: list[BundleInfo]) -> None:
    """For each task that has ever changed its model, or has several: which is in use, since when, and the way back."""
    for task in {info.task.name: info.task for info in usable}.values():
        several = sum(info.task.name == task.name for info in usable) > 1
        if several or library.history(task):
            use_view.in_use(task, "models")


def actions(info: BundleInfo) -> None:
    """What can be done with the model whose card is read."""
    if said := models_view.carried(info.task):
        st.markdown(words.escape(said, longest=1000))
    with st.container(horizontal=True, vertical_alignment="center", key="models_actions"):
        if not cache.is_in_use(info) and st.button("Use this model …", key="models_use"):
            _ask_to_use(info)
        st.download_button(
            "Export (zip)",
            lambda: library.export_zip(info),
            file_name=f"{info.id}.zip",
            mime="application/zip",
            key="models_export",
            on_click="ignore",
            help="Exactly the files listed below, with their checksums: to keep, or to bring to another MedGRU.",
        )
        if library.is_own(info) and not cache.is_in_use(info) and st.button("Delete …", key="models_delete"):
            _ask_to_delete(info)


def bring() -> None:
    """Take in a model that was exported as a zip."""
    if said := state.widget_value(_SAID):
        st.success(words.escape(said))
        state.show_in_widget(_SAID, "")
    with (
        st.expander("Bring a model (zip)", key="models_import_box"),
        st.form("models_import", clear_on_submit=True, border=False),
    ):
        st.markdown(
            "A zip that MedGRU exported. Nothing in it is executed: weights are safetensors, the rest is text, and "
            "every file is checked. Bring only models whose maker you trust all the same: what a model says cannot be "
            "checked."
        )
        file = st.file_uploader("Zip of a model", type=["zip"], key="models_zip", label_visibility="collapsed")
        if st.form_submit_button("Bring it in", key="models_import_go"):
            if file is None:
                st.error("Choose a zip first.")
                return
            if file.size > MAX_ZIP_BYTES:
                st.error(f"The zip is larger than {MAX_ZIP_BYTES // 2**20} MiB, the most a model may have.")
                return
            before = {info.id for info in cache.bundles()[0]}
            try:
                info = library.import_zip(file.getvalue())
            except MedGRUError as error:
                frame.show_error(error)
                return
            state.choose_model(info.id)
            said = (
                f"This very model is here already, as {info.id}: nothing was added."
                if info.id in before
                else f"{info.id} was taken in. It is not in use: read its card first."
            )
            state.show_in_widget(_SAID, said)
            st.rerun()


@st.dialog("Use this model?")
def _ask_to_use(info: BundleInfo) -> None:
    confirm_use(info)


def confirm_use(info: BundleInfo) -> None:
    """What it means to put the model into use, the reason, and the way back out."""
    own = library.is_own(info)
    st.markdown(
        f"*{words.escape(model_words.label(info))}* takes the place of the model in use for "
        f"*{words.escape(info.task.title)}*. You can roll back at any time."
    )
    if own:
        st.warning(
            "Here it was not measured beside the model in use on the same patients. The page *Runs* does that for "
            "your own runs; without it, write down why."
        )
    label = "Reason" if own else "Reason (may be empty)"
    reason = st.text_input(label, key="models_reason", max_chars=library.MAX_REASON_LENGTH)
    with st.container(horizontal=True):
        meant = st.button("Put into use", type="primary", key="models_use_yes")
        if st.button("Cancel", key="models_use_no"):
            st.rerun()
    if meant and own and not reason.strip():
        st.error(
            "This model was not measured here on your patients. Write down why it shall be used all the same: the "
            "reason stays with the decision."
        )
    elif meant:
        try:
            library.use(info.task, info.id, reason, override=own)
        except MedGRUError as error:
            frame.show_error(error)
            return
        st.rerun()


@st.dialog("Delete this model?")
def _ask_to_delete(info: BundleInfo) -> None:
    st.markdown(f"*{words.escape(info.id)}* is removed with all its files. This cannot be undone; an export can.")
    with st.container(horizontal=True):
        if st.button("Delete it", type="primary", key="models_delete_yes"):
            try:
                library.remove(info)
            except MedGRUError as error:
                frame.show_error(error)
                return
            st.rerun()
        if st.button("Keep it", key="models_delete_no"):
            st.rerun()
