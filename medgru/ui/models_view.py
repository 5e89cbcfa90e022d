"""Parts of the models page, and a model's figures in short."""

from typing import Any

import pandas as pd
import streamlit as st

from medgru.bundle import BundleInfo
from medgru.ui import state, widgets, words

LIMITS = (
    "learned from adults in one hospital system before 2009; it knows nothing of your ward, of treatments since "
    "then, or of what was never measured."
)


def unusable(broken: dict[str, str]) -> None:
    """Why each bundle that cannot be used cannot be used."""
    for problem in broken.values():
        st.warning(words.escape(problem, longest=600))


def choose(usable: list[BundleInfo]) -> BundleInfo | None:
    """The bundle whose card is read; None, with what to do, where there is none."""
    if not usable:
        st.info("No usable model is in the models folder. Install MedGRU anew, or train one from the command line.")
        return None
    by_id = {info.id: info for info in usable}
    chosen = state.model() if state.model() in by_id else usable[0].id
    if len(usable) > 1:
        state.show_in_widget("models_model", chosen)
        st.selectbox(
            "Model",
            list(by_id),
            key="models_model",
            width=320,
            on_change=lambda: state.choose_model(str(state.widget_value("models_model"))),
        )
    return by_id[str(chosen)]


def card(info: BundleInfo) -> None:
    """The model card as it stands in the bundle, without its machine-readable head."""
    text = info.card
    if text.startswith("---"):
        text = text.split("---", 2)[-1]
    with st.container(border=True, key="models_card"):
        st.markdown(text, anchors=False)


def headline(info: BundleInfo) -> None:
    """How good the model is on unseen patients, beside the baseline."""
    st.markdown("figures")


def figures(info: BundleInfo) -> None:
    """Every figure of `metrics.json`, as a table."""
    st.subheader("Figures", anchor=False)
    rows = pd.DataFrame(_flat(info.metrics), columns=["Figure", "Value"])
    widgets.table(rows, "models_metrics", f"Figures of the model {info.id}")
    widgets.download_csv("Download figures (CSV)", lambda: rows, f"{info.id}-figures.csv", "models_metrics_csv")


def files(info: BundleInfo) -> None:
    """The bundle's files and their checksums."""
    st.subheader("Files", anchor=False)
    st.markdown("The checksums below were compared with the files before the model was loaded.")
    rows = pd.DataFrame(list(info.checksums.items()), columns=["File", "SHA-256"])
    widgets.table(rows, "models_files", f"Files of the model {info.id} and their checksums")


def _flat(value: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [row for key, item in value.items() for row in _flat(item, f"{name} · {key}" if name else str(key))]
    if isinstance(value, list) and all(isinstance(v, int | float) for v in value):
        return [
            (name, " to ".join(f"{v:.4g}" for v in value) if len(value) == 2 else ", ".join(f"{v:.4g}" for v in value))
        ]
    if isinstance(value, list):
        return [row for i, item in enumerate(value) for row in _flat(item, f"{name} · {i + 1}")]
    return [(name, f"{value:.4g}" if isinstance(value, float) else str(value))]
