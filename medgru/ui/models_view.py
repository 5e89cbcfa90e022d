"""Parts of the models page, and a model's figures in short."""

import re
from typing import Any

import pandas as pd
import streamlit as st

from medgru.bundle import BundleInfo
from medgru.ui import state, widgets, words

_LIMITS = re.compile(r"^#+ [^\n]*\blimit[^\n]*\n+(?:[-*] )?([^\n]+)", re.IGNORECASE | re.MULTILINE)
MEANINGS = {
    "AUROC": "How often, of two patients, the one with the outcome gets the higher risk; 0.5 is guessing, 1 is perfect",
    "AUPRC": "How pure the list of high risks is, over all thresholds; guessing gives the share with the outcome",
    "Event 1": "The smaller of sensitivity and positive predictive value, at the best threshold; 1 is perfect",
    "Brier": "Mean squared distance between probability and outcome; 0 is perfect",
    "ECE": "How far probabilities are from what happened, on average; 0 is perfect",
}
THEN_ON_BOTH = "The shipped model was then trained on both sets."
NO_LIMITS_GIVEN = "it knows nothing of your ward, nor of what was never measured."


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


def limits(info: BundleInfo) -> str:
    """The model's limits in one line: the first line below the card's heading on limits."""
    found = _LIMITS.search(info.card)
    return found.group(1) if found else NO_LIMITS_GIVEN


def card(info: BundleInfo) -> None:
    """The model card as it stands in the bundle, without its machine-readable head."""
    text = info.card
    if text.startswith("---"):
        text = text.split("---", 2)[-1]
    with st.container(border=True, key="models_card"):
        st.markdown(text, anchors=False)


def headline(info: BundleInfo) -> None:
    """How good the model's recipe is on unseen patients, beside the best of the others measured on the same ones.

    The shipped model itself was trained on these patients too: the figures are of its recipe without them.
    """
    unseen = info.metrics.get("unseen")
    if not unseen:
        st.markdown("Not measured on unseen patients.")
        return
    own, others = unseen["shipped"], unseen["others"]
    event = words.first_lower(info.task.outcomes[info.task.event_index].label)
    lines = [
        f"The same recipe, trained on {words.escape(unseen['trained_on'])} alone, was measured on "
        f"**{unseen['stays']:,} patients it had never seen**: it gave the one who {event} the higher risk in "
        f"**{100 * own['AUROC']['value']:.0f} of 100 pairs** ({_interval(own['AUROC'])})."
    ]
    rivals = {name: figures["AUROC"] for name, figures in others.items() if "AUROC" in figures}
    if rivals:
        best = max(rivals, key=lambda name: rivals[name]["value"])
        lines.append(f"Best of the others, *{words.escape(best.removesuffix(' (1)'))}*: {_interval(rivals[best])}.")
    if "ECE" in own:
        lines.append(f"Its probabilities were off by {100 * own['ECE']['value']:.1f} points on average.")
    lines.append(THEN_ON_BOTH)
    st.markdown(
        "  \n".join(lines),
        help="Of a pair, one patient had the outcome and one did not; guessing gives 50 of 100 (this is the AUROC). In "
        "brackets, the 95 % interval: how much the figure would vary with other patients.",
    )


def figures(info: BundleInfo) -> None:
    """Every figure of `metrics.json`, folded; above all, those on unseen patients beside others."""
    with st.expander("Every figure", key="models_metrics_box"):
        if unseen := info.metrics.get("unseen"):
            _compared(info, unseen)
        rows_of_all = pd.DataFrame(_flat(info.metrics), columns=["Figure", "Value"])
        widgets.table(rows_of_all, "models_metrics", f"Every figure of the model {info.id}")
        widgets.download_csv("Download (CSV)", lambda: rows_of_all, f"{info.id}-figures.csv", "models_metrics_csv")


def _compared(info: BundleInfo, unseen: dict[str, Any]) -> None:
    """The card's comparison again, with each measure explained in its heading."""
    st.markdown(
        f"The same recipe, trained on {words.escape(unseen['trained_on'])} alone, measured on "
        f"{words.escape(unseen['measured_on'])}: {unseen['stays']:,} patients it had never seen, "
        f"{unseen['events']:,} with the outcome. In brackets, 95 % intervals. {THEN_ON_BOTH}"
    )
    models = {f"Same recipe, {unseen['trained_on']} alone": unseen["shipped"], **unseen["others"]}
    names = list(dict.fromkeys(k for m in models.values() for k, v in m.items() if isinstance(v, dict)))
    rows = [
        [name.removesuffix(" (1)"), *(_interval(m[k]) if k in m else "" for k in names)] for name, m in models.items()
    ]
    widgets.table(
        pd.DataFrame(rows, columns=["Model", *names]),
        "models_compared",
        f"The recipe of the model {info.id} beside others on unseen patients",
        column_config={name: st.column_config.TextColumn(help=meaning) for name, meaning in MEANINGS.items()},
    )


def _interval(figure: dict[str, float]) -> str:
    """ "0.88 [0.87, 0.89]", or "0.88 ± 0.01" over runs."""
    if "low" in figure:
        return f"{figure['value']:.3f} [{figure['low']:.3f}, {figure['high']:.3f}]"
    return f"{figure['value']:.3f} ± {figure['sd']:.3f}" if "sd" in figure else f"{figure['value']:.3f}"


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
