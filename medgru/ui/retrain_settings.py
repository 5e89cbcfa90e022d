"""Third step of the retrain page: which network, and how it is trained."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from medgru.data.labelled import LabelledStays
from medgru.tasks import Task
from medgru.training.config import SCHEDULES, Recipe, RunConfig
from medgru.ui import cache, state, widgets, words

if TYPE_CHECKING:
    from medgru.nn import Model

SCRATCH = ""
DEFAULT = RunConfig()
ATTENTION = {"none": "none", "additive": "additive", "dot": "scaled dot product"}
LEARNING = ("retrain_epochs", "retrain_patience", "retrain_batch_size")
"""Keys of settings whose good values depend on how many stays there are."""

AUGMENTATION: dict[str, tuple[str, float, str]] = {
    "hide_sensors": ("Hide sensors", 0.15, "Leaves out about one in seven variables of each patient, others each time"),
    "hide_hours": ("Hide times", 0.15, "Leaves out about one in seven steps of time of each patient"),
    "noise": ("Measurement noise", 0.1, "Adds noise of a tenth of each variable's spread"),
    "jitter": ("Shift in time", 1, "Moves each measurement by up to one step of time"),
    "scaling": ("Stretch values", 0.05, "Stretches each variable of a patient by about 5 %"),
}
"""Switch of each augmentation: its name, its strength when on, what it does."""


def choose(stays: LabelledStays) -> RunConfig:
    """The settings as the user has them; each has a default that works, and suits so many stays."""
    # Imported here, as it brings torch.
    from medgru.training.checks import suggested_recipe

    task = stays.recordings.task
    usual = suggested_recipe(round(len(stays) * (1 - DEFAULT.test_share)))
    state.begin_anew("retrain_recipe", usual, LEARNING)
    with widgets.step(3, "Model"):
        start_from = _begin_with(task)
        kind = None if start_from else _kind()
    config = replace(DEFAULT, start_from=start_from, recipe=usual)
    if kind is not None:
        config = _size(config, kind)
    with st.expander("More settings (they have good defaults)", key="retrain_more"):
        return _more(task, config)


def _begin_with(task: Task) -> str | None:
    """Id of the bundle to go on from; None from scratch, which is the only way where the task has no model yet."""
    fitting = [info.id for info in cache.bundles()[0] if info.task.name == task.name]
    if not fitting:
        return None
    options = [SCRATCH, *fitting]
    state.keep_choice("retrain_start_from", options, SCRATCH)
    chosen = st.selectbox(
        "Begin",
        options,
        format_func=lambda name: "from scratch" if name == SCRATCH else f"go on from {name}",
        key="retrain_start_from",
        persist_state="session",
        label_visibility="collapsed",
        width=250,
    )
    if chosen != SCRATCH:
        st.markdown("It keeps its kind and size, and learns on from its own weights.")
    return None if chosen == SCRATCH else chosen


def _kind() -> "Model":
    from medgru.nn import FAMILY

    state.keep_choice("retrain_model", list(FAMILY), DEFAULT.model)
    chosen = st.radio(
        "Kind of network",
        list(FAMILY),
        format_func=lambda name: FAMILY[name].label,
        key="retrain_model",
        horizontal=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    return FAMILY[chosen]


def _size(config: RunConfig, kind: "Model") -> RunConfig:
    config = replace(config, model=kind.name)
    about, left, middle, right = st.columns([5, 3, 3, 5], vertical_alignment="bottom")
    about.markdown(words.escape(kind.about), help=words.escape(kind.source))
    with left:
        size = _number("Hidden size", "hidden_size", 4, 256, DEFAULT.hidden_size, "Units of its state: more hold more")
    config = replace(config, hidden_size=int(size))
    if "num_layers" in kind.options:
        with middle:
            layers = _number("Layers", "num_layers", 1, 4, DEFAULT.num_layers, "Networks on top of each other")
        config = replace(config, num_layers=int(layers))
    if "attention" in kind.options:
        with right:
            attention = st.selectbox(
                "Attention",
                list(ATTENTION),
                index=list(ATTENTION).index(DEFAULT.attention),
                format_func=lambda name: ATTENTION[name],
                key="retrain_attention",
                persist_state="session",
                help="Whether the answer looks back at all states so far, and how it weighs them",
            )
        config = replace(config, attention=attention)
    return config


def _more(task: Task, config: RunConfig) -> RunConfig:
    network, learning, classes = st.columns(3, gap="medium")
    with network:
        st.markdown("**Network**")
        config = _more_of_the_network(task, config)
        members = _number("Members", "members", 1, 10, DEFAULT.members, "Networks trained on different parts, averaged")
        share = _number(
            "Held out, %", "test_share", 10, 50, round(100 * DEFAULT.test_share), "Patients only measured on"
        )
        seed = _number("Seed", "seed", 0, 2**31 - 1, DEFAULT.seed, "Of everything random; not of who is held out")
        search = _number(
            "Search first, minutes", "search_minutes", 0, 600, 0, "Time to try out other settings; 0 for none"
        )
    with learning:
        st.markdown("**Learning**")
        recipe = _learning(config.recipe)
    with classes:
        st.markdown("**Classes and augmentation**")
        recipe = _classes(recipe)
    return replace(
        config,
        recipe=recipe,
        members=int(members),
        test_share=share / 100,
        seed=int(seed),
        search_minutes=float(search),
    )


def _more_of_the_network(task: Task, config: RunConfig) -> RunConfig:
    from medgru.nn import FAMILY

    options = FAMILY[config.model].options
    dropout = _number("Dropout", "dropout", 0.0, 0.8, DEFAULT.dropout, "Share of units silenced while it learns")
    config = replace(config, dropout=float(dropout))
    if config.start_from:
        return config
    if "summary_size" in options:
        summaries = st.toggle(
            "Running summaries beside it",
            value=True,
            key="retrain_summaries",
            persist_state="session",
            help="A second branch sees the mean, extremes and counts of each variable so far",
        )
        config = replace(config, summary_size=DEFAULT.summary_size if summaries else 0)
    if "bidirectional" in options:
        both = st.toggle(
            "Read both ways",
            value=False,
            key="retrain_bidirectional",
            persist_state="session",
            disabled=task.causal,
            help="Not where the answer is followed while the recording goes on: it would look ahead"
            if task.causal
            else "Reads each recording forwards and backwards",
        )
        config = replace(config, bidirectional=bool(both) and not task.causal)
    return config


def _learning(usual: Recipe) -> Recipe:
    epochs = _number("Epochs at most", "epochs", 1, 200, usual.epochs, "Times each network sees all patients")
    patience = _number(
        "Patience", "patience", 1, 50, usual.patience, "Epochs without a better validation before stopping"
    )
    batch = _number("Batch size", "batch_size", 4, 512, usual.batch_size, "Patients a step")
    rate = _number("Learning rate", "learning_rate", 1e-5, 0.1, usual.learning_rate, "Peak of its schedule", 5e-4)
    schedule = st.selectbox("Schedule", SCHEDULES, key="retrain_schedule", persist_state="session")
    clip = _number("Clip gradients to", "max_grad_norm", 0.01, 100.0, usual.max_grad_norm, "Longest step of learning")
    decay = _number("Weight decay", "weight_decay", 0.0, 1.0, usual.weight_decay, "Pull of the weights towards zero")
    return replace(
        usual,
        epochs=int(epochs),
        patience=int(patience),
        batch_size=int(batch),
        learning_rate=float(rate),
        schedule=schedule,
        max_grad_norm=float(clip),
        weight_decay=float(decay),
    )


def _classes(recipe: Recipe) -> Recipe:
    weights = st.slider(
        "Weight of rare classes",
        0.0,
        1.0,
        recipe.balance,
        key="retrain_balance",
        persist_state="session",
        help="0: every patient counts the same; 1: every class does",
    )
    balanced = st.toggle(
        "Draw classes equally often",
        value=recipe.balanced_sampling,
        key="retrain_balanced_sampling",
        persist_state="session",
    )
    strengths: dict[str, Any] = {}
    for name, (label, strength, about) in AUGMENTATION.items():
        usual = getattr(recipe, name)
        on = st.toggle(label, value=bool(usual), key=f"retrain_{name}", persist_state="session", help=about)
        strengths[name] = (usual or strength) if on else type(usual)(0)
    return replace(recipe, balance=float(weights), balanced_sampling=bool(balanced), **strengths)


def _number(
    label: str, name: str, low: float, high: float, default: float, about: str, step: float | None = None
) -> float:
    return st.number_input(
        label,
        min_value=low,
        max_value=high,
        value=default,
        key=f"retrain_{name}",
        help=about,
        step=step,
        format="%.5f" if step else None,
        persist_state="session",
    )
