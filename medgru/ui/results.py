"""Questions that pages ask about recordings, each answered once a session.

An answer is remembered under the digest of the recordings, the stay and the hash of the model: the second
visit to a patient computes nothing, and another file, stay or model never meets an old answer.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from medgru import scores
from medgru.bundle import BundleInfo
from medgru.data.recording import Recordings
from medgru.plots import steps
from medgru.plots.series import shown_features
from medgru.predict import Predictions, thin_reasons
from medgru.ui import cache, state

if TYPE_CHECKING:
    from medgru.explain import Contributions


@dataclass(frozen=True)
class Answer:
    """What one model says about one stay.

    Attributes:
        key: What it answers: digest of the recordings, record id, hash of the model.
        recordings: The one stay.
        predictions: Of that one stay, at position 0.
        contributions: What moved its probability.
    """

    key: tuple[str, str, str]
    recordings: Recordings
    predictions: Predictions
    contributions: "Contributions"

    @property
    def title(self) -> str:
        """Whose answer it is: the stay's title, or its identifier."""
        return self.recordings.title(self.recordings.record_ids[0])

    @property
    def event(self) -> float:
        """Probability of the task's event at the last hour."""
        return float(self.predictions.event_prob[0])

    @property
    def base_rate(self) -> float:
        """Share of the event in the training data."""
        return float(self.predictions.base_rate[self.predictions.task.event_index])

    @property
    def hours(self) -> int:
        """Hours recorded of the stay."""
        return int(self.predictions.lengths[0])

    @property
    def members(self) -> tuple[float, float]:
        """Lowest and highest probability of the event among the ensemble's members, at the last hour."""
        last = self.predictions.member_prob[:, 0, self.hours - 1]
        return float(last.min()), float(last.max())

    @property
    def reason(self) -> str:
        """Why the model abstains; empty where it does not."""
        return self.predictions.reasons[0]

    def change(self, hours: int) -> float | None:
        """Change of the event's probability over the last so many hours; None for a shorter stay."""
        if self.hours <= hours:
            return None
        series = self.predictions.hourly_prob[0, :, self.predictions.task.event_index]
        return float(series[self.hours - 1] - series[self.hours - 1 - hours])


def answer(loaded: state.Loaded, record_id: str, info: BundleInfo) -> Answer:
    """What the model says about the stay; computed on the first call of the session only."""
    key = (loaded.digest, record_id, info.sha256)
    return state.remember(key, lambda: _compute(key, loaded, record_id, info))


def _compute(key: tuple[str, str, str], loaded: state.Loaded, record_id: str, info: BundleInfo) -> Answer:
    bundle, one = cache.bundle(info), loaded.recordings.select([record_id])
    # Imported here, as they bring torch: the start page shows without waiting for it.
    from medgru import explain, predict

    return Answer(key, _as_shown(loaded, one), predict.predict(bundle, one), explain.contributions(bundle, one))


def _as_shown(loaded: state.Loaded, one: Recordings) -> Recordings:
    """The stay, its variables with the digits that occur among all that were loaded, where the task is the user's."""
    if not steps.is_own(one.task):
        return one
    features = state.remember(("shown_features", loaded.digest), lambda: shown_features(loaded.recordings))
    return replace(one, task=replace(one.task, features=features))


def bedside(loaded: state.Loaded, record_id: str, scale_2: bool) -> tuple[dict[str, scores.Result], int]:
    """The bedside scores of a stay at its last measurement, and its position in them."""
    whole = loaded.recordings
    # Which unit a variable of a user's own task is in is judged from all stays, not from one.
    at = whole.record_ids.index(record_id) if steps.is_own(whole.task) else 0

    def compute() -> dict[str, scores.Result]:
        return scores.bedside(whole if steps.is_own(whole.task) else whole.select([record_id]), scale_2=scale_2)

    key = (loaded.digest, "" if steps.is_own(whole.task) else record_id, scale_2)
    return state.remember(("bedside", *key), compute), at


def thin(recordings: Recordings) -> dict[str, str]:
    """Why the model will abstain, by record id, for those stays that hold too little; needs no model."""
    reasons = thin_reasons(recordings, np.maximum(np.ceil(recordings.last_hours).astype(np.int64), 1))
    return {name: reason for name, reason in zip(recordings.record_ids, reasons, strict=True) if reason}
