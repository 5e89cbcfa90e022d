"""Third step of the retrain page: which network, and how it is trained."""

from dataclasses import asdict, replace
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

RANGES: dict[str, tuple[str, float, float]] = {
    "hidden_size": ("Hidden size", 4, 256),
    "num_layers": ("Layers", 1, 4),
    "members": ("Members", 1, 10),
    "test_share": ("Held out, %", 10, 50),
    "seed": ("Seed", 0, 2**31 - 1),
    "search_minutes": ("Search first, minutes", 0, 600),
    "dropout": ("Dropout", 0, 0.8),
    "epochs": ("Epochs at most", 1, 200),
    "patience": ("Patience", 1, 50),
    "batch_size": ("Batch size", 4, 512),
    "learning_rate": ("Learning rate", 1e-5, 0.1),
    "max_grad_norm": ("Clip gradients to", 0.01, 100),
    "weight_decay": ("Weight decay", 0, 1),
}
"""Label of each number, and between what it may be. Checked here and not by the fields: a field of Streamlit that is
given its range keeps a number outside on the screen, and hands on the one before it."""


def choose(stays: LabelledStays) -> RunConfig | None:
    """The settings as the user has them; each has a default that works, and suits so many stays.

    None where one of them is outside its range, which is said.
    """
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
        config = _more(task, config)
    wrong = outside(config)
    for problem in wrong:
        st.bottom.error(words.escape(problem))  # where Start was: the field may be out of sight, or folded away
    return None if wrong else config


def outside(config: RunConfig) -> list[str]:
    """A sentence for each number that is outside its range."""
    values = {**asdict(config), **asdict(config.recipe), "test_share": round(100 * config.test_share)}
    return [
        f"{label} is {values[name]:,}, not between {low:g} and {high:,g}. Training can start once that is changed."
        for name, (label, low, high) in RANGES.items()
        if not low <= values[name] <= high
    ]


def in_words(config: RunConfig) -> str:
    """ "GRU, 32 units, 3 networks of at most 40 epochs"."""
    from medgru.nn import FAMILY

    layers = f" in {config.num_layers} layers" if config.num_layers > 1 else ""
    kind = f"{FAMILY[config.model].label}, {words.plural(config.hidden_size, 'unit')}{layers}"
    return ", ".join(
        [
            f"Learns on from {config.start_from}" if config.start_from else kind,
            f"{words.plural(config.members, 'network')} of at most {words.plural(config.recipe.epochs, 'epoch')}",
        ]
    )


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
        size = _number("hidden_size", DEFAULT.hidden_size, "Units of its state: more hold more")
    config = replace(config, hidden_size=int(size))
    if "num_layers" in kind.options:
        with middle:
            layers = _number("num_layers", DEFAULT.num_layers, "Networks on top of each other")
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
        members = _number("members", DEFAULT.members, "Networks trained on different parts, averaged")
        share = _number("test_share", round(100 * DEFAULT.test_share), "Patients only measured on")
        seed = _number("seed", DEFAULT.seed, "Of everything random; not of who is held out")
        search = _number("search_minutes", 0, "Time to try out other settings; 0 for none")
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

    if config.start_from:  # it keeps its network
        return config
    options = FAMILY[config.model].options
    dropout = _number("dropout", DEFAULT.dropout, "Share of units silenced while it learns")
    config = replace(config, dropout=float(dropout))
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
    epochs = _number("epochs", usual.epochs, "Times each network sees all patients")
    patience = _number("patience", usual.patience, "Epochs without a better validation before stopping")
    batch = _number("batch_size", usual.batch_size, "Patients a step")
    rate = _number("learning_rate", usual.learning_rate, "Peak of its schedule", 5e-4)
    schedule = st.selectbox("Schedule", SCHEDULES, key="retrain_schedule", persist_state="session")
    clip = _number("max_grad_norm", usual.max_grad_norm, "Longest step of learning")
    decay = _number("weight_decay", usual.weight_decay, "Pull of the weights towards zero")
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


def _number(name: str, default: float, about: str, step: float | None = None) -> float:
    label, low, high = RANGES[name]
    return st.number_input(
        label,
        value=default,
        key=f"retrain_{name}",
        help=f"{about}; {low:g} to {high:,g}",
        step=step,
        format="%.5f" if step else None,
        persist_state="session",
    )
