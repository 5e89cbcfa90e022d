"""Parts of the models page, and a model's figures in short."""

import re
from itertools import takewhile
from typing import Any

import pandas as pd
import streamlit as st

from medgru import library, plots
from medgru.bundle import BundleInfo
from medgru.plots import steps
from medgru.tasks import Task
from medgru.ui import cache, model_words, state, widgets, words
from medgru.ui.model_words import Unseen, unseen

_LIMITS = re.compile(r"#+ .*\blimit", re.IGNORECASE)
MEANINGS = {
    "AUROC": "How often, of two patients, the one with the outcome gets the higher risk; 0.5 is guessing, 1 is perfect",
    "AUPRC": "How pure the list of high risks is, over all thresholds; guessing gives the share with the outcome",
    "Event 1": "The smaller of sensitivity and positive predictive value, at the best threshold; 1 is perfect",
    "Brier": "Mean squared distance between probability and outcome; 0 is perfect",
    "ECE": "How far probabilities are from what happened, on average; 0 is perfect",
}
THEN_ON_BOTH = "The shipped model was then trained on both sets."
_DEEPEST = 12  # levels of `metrics.json` that are listed
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
            format_func=lambda name: model_words.label(by_id[name]) + _marks(by_id[name]),
            key="models_model",
            width=620,
            on_change=lambda: state.choose_model(str(state.widget_value("models_model"))),
        )
    return by_id[str(chosen)]


def _marks(info: BundleInfo) -> str:
    marks = [model_words.origin(info)] if library.is_own(info) else []
    marks += ["in use"] if cache.is_in_use(info) else []
    return f", {', '.join(marks)}" if marks else ""


def limits(info: BundleInfo) -> str:
    """The model's limits in short: the first point below the card's heading on limits, however many lines it takes."""
    lines = iter(_without_pictures(info.card).split("\n"))  # line by line: a card may be long, and anybody's
    if not any(_LIMITS.match(line) for line in lines):
        return NO_LIMITS_GIVEN
    first = next((line.removeprefix("- ").removeprefix("* ") for line in lines if line), NO_LIMITS_GIVEN)
    return " ".join(" ".join([first, *takewhile(lambda line: line and line[0] not in "-*#", lines)]).split())


def card(info: BundleInfo) -> None:
    """The model card as it stands in the bundle, without its machine-readable head."""
    text = _without_pictures(info.card)
    if text.startswith("---"):
        text = text.split("---", 2)[-1]
    with st.container(border=True, key="models_card"):
        st.markdown(text, anchors=False)


def _without_pictures(text: str) -> str:
    """A card as text alone: the browser would fetch a picture from wherever somebody's card says."""
    return text.replace("![", "[")


def headline(info: BundleInfo) -> None:
    """How good the model, or its recipe, is on patients held out, beside the best of the others on the same ones.

    A shipped model was trained on these patients too: the figures are of its recipe without them.
    """
    found = unseen(info)
    if not found or "AUROC" not in found.own:
        st.markdown("Not measured on patients held out of its training.")
        return
    auroc, outcomes = found.own["AUROC"], info.task.outcomes
    who = (
        "It was measured once on"
        if found.same_model
        else f"The same recipe, trained on {words.escape(found.trained_on)} alone, was measured on"
    )
    event = words.escape(words.first_lower(outcomes[info.task.event_index].label))
    good = (
        f"it gave the one {'with' if steps.is_own(info.task) else 'who'} {event} the higher risk in "
        f"**{100 * auroc['value']:.0f} of 100 pairs** ({plots.interval(auroc)})."
        if len(outcomes) == 2
        else f"AUROC, the mean over {len(outcomes)} classes, **{plots.interval(auroc)}**."
    )
    apart = "the run that trained it" if found.same_model else "that training"
    lines = [f"{who} **{words.plural(found.stays, 'stay')} held out of {apart}**: {good}"]
    if _began_elsewhere(info):
        lines.append("It began from another model, which may know these patients: read what its card says of that.")
    rivals = {name: figures["AUROC"] for name, figures in found.others.items() if "AUROC" in figures}
    if rivals:
        best, figure = max(rivals.items(), key=lambda rival: rival[1]["value"])
        lines.append(f"Best of the others, *{words.escape(best.removesuffix(' (1)'))}*: {plots.interval(figure)}.")
    if "ECE" in found.own:
        lines.append(f"Its probabilities were off by {100 * found.own['ECE']['value']:.1f} points on average.")
    if not found.same_model:
        lines.append(THEN_ON_BOTH)
    st.markdown(
        "  \n".join(lines),
        help="Of a pair, one patient had the outcome and one did not; guessing gives 50 of 100 (this is the AUROC). In "
        "brackets, the 95 % interval: how much the figure would vary with other patients.",
    )


def _began_elsewhere(info: BundleInfo) -> bool:
    """Whether its run had to warn of the model that it began from."""
    began = info.training.get("start")
    return isinstance(began, dict) and bool(began.get("warnings"))


def figures(info: BundleInfo) -> None:
    """Every figure of `metrics.json`, folded; above all, those on patients held out beside others."""
    with st.expander("Every figure", key="models_metrics_box"):
        if found := unseen(info):
            _compared(info, found)
        rows_of_all = pd.DataFrame(_flat(info.metrics), columns=["Figure", "Value"])
        widgets.table(rows_of_all, "models_metrics", f"Every figure of the model {info.id}")
        widgets.download_csv("Download (CSV)", lambda: rows_of_all, f"{info.id}-figures.csv", "models_metrics_csv")


def _compared(info: BundleInfo, found: Unseen) -> None:
    """The card's comparison again, with each measure explained in its heading."""
    recipe = "This model" if found.same_model else "The same recipe"
    st.markdown(
        f"{recipe}, trained on {words.escape(found.trained_on)} alone, measured on "
        f"{words.escape(found.measured_on)}: {words.plural(found.stays, 'stay')} held out of that training, "
        f"{found.events:,} with the outcome. In brackets, 95 % intervals. {'' if found.same_model else THEN_ON_BOTH}"
    )
    own = "This model" if found.same_model else f"Same recipe, {found.trained_on} alone"
    models = {own: found.own, **found.others}
    names = list(dict.fromkeys(k for m in models.values() for k in m))
    rows = [
        [name.removesuffix(" (1)"), *(plots.interval(m[k]) if k in m else "" for k in names)]
        for name, m in models.items()
    ]
    widgets.table(
        pd.DataFrame(rows, columns=["Model", *names]),
        "models_compared",
        f"The model {info.id}, or its recipe, beside others on patients held out",
        column_config={name: st.column_config.TextColumn(help=meaning) for name, meaning in MEANINGS.items()},
    )


def carried(task: Task) -> str:
    """What of the user's table goes along when a model of an own task is passed on, a sentence; else nothing."""
    if not steps.is_own(task):
        return ""
    words_of = [f.label[:60] for f in (*task.features, *task.statics) if f.choices]
    cells = f", the words found in {', '.join(words_of[:5])}{' and others' if len(words_of) > 5 else ''}"
    return (
        f"An export carries the title, the names of columns{cells if words_of else ''} and the classes: make sure that "
        "no patient is named there."
    )


def files(info: BundleInfo) -> None:
    """The bundle's files and their checksums."""
    st.subheader("Files", anchor=False)
    st.markdown("The checksums below were compared with the files before the model was loaded.")
    rows = pd.DataFrame(list(info.checksums.items()), columns=["File", "SHA-256"])
    widgets.table(rows, "models_files", f"Files of the model {info.id} and their checksums")


def _flat(value: Any, name: str = "", depth: int = 0) -> list[tuple[str, str]]:
    if depth > _DEEPEST:
        return [(name, "…")]
    if isinstance(value, dict):
        nested = [(f"{name} · {key}" if name else str(key), item) for key, item in value.items()]
        return [row for key, item in nested for row in _flat(item, key, depth + 1)]
    if isinstance(value, list) and all(isinstance(v, int | float) for v in value):
        return [
            (name, " to ".join(f"{v:.4g}" for v in value) if len(value) == 2 else ", ".join(f"{v:.4g}" for v in value))
        ]
    if isinstance(value, list):
        return [row for i, item in enumerate(value) for row in _flat(item, f"{name} · {i + 1}", depth + 1)]
    return [(name, f"{value:.4g}" if isinstance(value, float) else str(value))]
