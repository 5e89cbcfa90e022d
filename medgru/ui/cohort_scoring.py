"""Everyone scored by one model, with a bar that tells the truth and can be stopped; what is done is kept."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from medgru import cohort, scores
from medgru.bundle import BundleInfo
from medgru.cohort import Cohort
from medgru.data.labelled import LabelledStays
from medgru.plots import steps
from medgru.tasks import Task
from medgru.ui import cache, state, words
from medgru.ui.patient_view import SCALE_2
from medgru.ui.state import Loaded

if TYPE_CHECKING:
    from medgru.predict import Scoring

ABOUT = "Here you will see everyone you loaded, by risk: who should be seen first?"


@dataclass(frozen=True)
class Asked:
    """A cohort as one model sees it.

    Attributes:
        about: Who answered, and of whom: digest of the recordings, hash of the model, stays answered.
        outcomes: Hash of the outcomes; "" where none are known.
        key: All that it depends on: these, and for whom scale 2 was chosen.
        cohort: The stays that were answered.
        info: The model.
        loaded: All that were loaded.
    """

    about: tuple[Hashable, ...]
    outcomes: str
    key: tuple[Hashable, ...]
    cohort: Cohort
    info: BundleInfo
    loaded: Loaded

    @property
    def task(self) -> Task:
        """What was asked."""
        return self.cohort.recordings.task

    def remember(self, name: str, compute: Callable[[], Any]) -> Any:
        """What was computed about this very cohort under that name; one result a name."""
        return state.remember_last(f"cohort_{name}", self.key, compute)


def whose(loaded: Loaded) -> None:
    """Whether these are simulated."""
    if loaded.recordings.simulated:
        st.badge("Simulated", color="violet")


def scale_2(loaded: Loaded) -> None:
    """The choice of SpO2 scale 2 for everybody; for one patient it is made on the Patient page."""
    if scores.why_none(loaded.recordings.task):
        return
    for_all, stays = state.scale_2(loaded)
    state.show_in_widget("cohort_scale_2", for_all)
    st.toggle(
        "NEWS2: SpO₂ scale 2 for all",
        key="cohort_scale_2",
        help=f"{SCALE_2} For one patient it can be chosen on the Patient page"
        + (f"; it is chosen for {words.plural(len(stays), 'patient')} there." if stays else "."),
        on_change=lambda: state.choose_scale_2(loaded, bool(state.widget_value("cohort_scale_2"))),
    )


def ask(loaded: Loaded, info: BundleInfo, labels: LabelledStays | None) -> Asked | None:
    """Everyone scored, with a bar that can be stopped; None where nobody is scored yet."""
    key = (loaded.digest, info.sha256)
    scoring = state.remember_last(f"scoring_{state.source()}", key, lambda: _begin(loaded, info))
    room = st.empty()
    if scoring.done < scoring.total:
        if state.paused(key):
            _stopped(scoring, key)
        else:
            _run(scoring, key, room)
    if not scoring.done:
        return None
    for_all, stays = state.scale_2(loaded)
    about, outcome = (*key, scoring.done), labels.sha256 if labels is not None else ""
    whole = (about, for_all, stays, outcome)
    made = state.remember_last("cohort", whole, lambda: _cohort(about, scoring, for_all, stays, labels))
    return Asked(about, outcome, whole, made, info, loaded)


def _begin(loaded: Loaded, info: BundleInfo) -> "Scoring":
    bundle = cache.bundle(info)
    from medgru.predict import Scoring

    return Scoring(bundle, loaded.recordings)


def _run(scoring: "Scoring", key: Hashable, room: Any) -> None:
    with room.container(key="cohort_scoring"), st.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(scoring.done / scoring.total, _scored(scoring))
        st.button("Stop", key="cohort_stop", on_click=state.pause, args=(key,))

        # A click anywhere ends this run of the script here; what is answered by then is kept.
        def show(done: int, total: int) -> None:
            bar.progress(done / total, _scored(scoring))

        scoring.run(show)
    room.empty()


def _scored(scoring: "Scoring") -> str:
    return f"Scoring: {scoring.done:,} of {words.plural(scoring.total, 'patient')} done"


def _stopped(scoring: "Scoring", key: Hashable) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="cohort_stopped"):
        left = scoring.total - scoring.done
        st.warning(
            f"Stopped: {scoring.done:,} of {words.plural(scoring.total, 'patient')} scored. "
            f"**{left:,} are not in this list**, and somebody at high risk may be among them."
        )
        st.button("Go on", type="primary", key="cohort_go_on", on_click=state.pause, args=(key, False))


def _cohort(
    about: Hashable, scoring: "Scoring", for_all: bool, stays: frozenset[str], labels: LabelledStays | None
) -> Cohort:
    answered = scoring.answered()
    chosen = np.array([for_all or name in stays for name in answered.record_ids], dtype=np.bool_)
    y = None if labels is None else cohort.outcomes(labels, answered.record_ids)
    found = state.remember_last("cohort_scores", about, scoring.scores)
    latest = state.remember_last("cohort_latest", about, lambda: scores.Latest(answered))
    return Cohort(answered, found, scores.from_latest(latest, chosen), y)


def event(task: Task) -> str:
    """What happens in the event, within a sentence: "died in hospital"."""
    return words.escape(words.first_lower(task.outcomes[task.event_index].label), 60)


def risk_word(task: Task) -> str:
    """What its probability is called; a class of a user's may be a good one."""
    return "Probability" if steps.is_own(task) else "Risk"
