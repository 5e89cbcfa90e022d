"""The gate view of the lab page: what a trained GRU kept and rewrote of one patient, hour by hour."""

import json
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from medgru import plots
from medgru.bundle import BundleInfo
from medgru.plots.lab import gate_view
from medgru.ui import cache, frame, results, state, widgets, words

MEASURED_SHOWN = 4  # variables below the gates
MOST_MEMBERS = 64


def show() -> None:
    """One patient's gates in a model that has any; else which models would have."""
    st.subheader("Inside a GRU: its gates, hour by hour", anchor=False)
    task = cache.default_task()
    with widgets.bar("lab_bar"):
        # Without a choice made elsewhere the simulated ones: the view needs no question first.
        loaded = cache.simulated(task) if state.source() is None else widgets.choose_source(task)
        record_id = widgets.choose_stay(loaded)
        info = _model(loaded)
        if info is None:
            return
        member = _member(info)
    figure = state.remember(
        ("gates", loaded.digest, record_id, info.sha256, member), lambda: _draw(loaded, record_id, info, member)
    )
    config = {"displaylogo": False, "displayModeBar": False}
    st.plotly_chart(figure, key="lab_gates", config=config, alt=plots.alt_text(figure))
    st.markdown(
        "An *update gate* near 1 keeps a unit of the memory as it was, near 0 rewrites it; a *reset gate* near 0 hides "
        "the past from what is written. Gates show how the network works, not why the patient is ill."
    )


def _model(loaded: state.Loaded) -> BundleInfo | None:
    """The model whose gates are shown: the one in use where it has gates, else another of the task that has."""
    task = loaded.recordings.task
    fitting = [info for info in cache.bundles()[0] if info.task.name == task.name]
    having = {info.id: info for info in fitting if has_gates(config_of(info))}
    if not having:
        st.info(
            "Gates are there in a GRU of one layer that reads in one direction. "
            + (
                f"No model for {words.escape(task.title)} is one: train it on Retrain (kind GRU, one layer)."
                if fitting
                else f"There is no model for {words.escape(task.title)} yet: train one on Retrain."
            )
        )
        st.page_link(frame.RETRAIN, label="Train a GRU")
        return None
    used = cache.in_use(task)
    default = used.id if used and used.id in having else next(iter(having))
    if len(having) == 1:
        return having[default]
    state.keep_choice("lab_gate_model", list(having), default)
    chosen = st.selectbox(
        "Model", list(having), key="lab_gate_model", label_visibility="collapsed", width=240, persist_state="session"
    )
    return having[chosen]


def config_of(info: BundleInfo) -> dict[str, Any]:
    """What a bundle says of its architecture; its files were checked when it was listed."""
    found = json.loads((info.path / "config.json").read_text(encoding="utf-8")).get("network")
    return found if isinstance(found, dict) else {}


def has_gates(config: dict[str, Any]) -> bool:
    """Whether a network of that architecture has gates that can be shown: one GRU layer of one direction."""
    one_layer = config.get("num_layers", 1) == 1 and not config.get("bidirectional", False)
    return config.get("core", "gru") == "gru" and one_layer


def _member(info: BundleInfo) -> int:
    """Number of the member, from 0; a choice where there are several."""
    members = _members(config_of(info))
    if members == 1:
        return 0
    state.keep_choice("lab_member", list(range(members)), 0)
    return int(
        st.selectbox(
            "Member",
            list(range(members)),
            format_func=lambda m: f"Member {m + 1} of {members}",
            key="lab_member",
            label_visibility="collapsed",
            width=170,
            persist_state="session",
        )
    )


def _members(config: dict[str, Any]) -> int:
    """How many there are to choose from; a bundle may be anybody's, and is only judged when it is loaded."""
    members = config.get("members", 1)
    return members if type(members) is int and 1 <= members <= MOST_MEMBERS else 1


def _draw(loaded: state.Loaded, record_id: str, info: BundleInfo, member: int) -> go.Figure:
    bundle = cache.bundle(info)
    from medgru.nn.gates import gates  # it brings torch

    answer = results.answer(loaded, record_id, info)
    one = answer.recordings
    found = gates(bundle.network, bundle.preprocessor(one), member)
    hours = answer.hours
    reset, update = (g[0, :hours].numpy() for g in (found.reset, found.update))
    variables = plots.rank_variables(one, answer.contributions)[:MEASURED_SHOWN]
    return gate_view(one, reset, update, variables)
