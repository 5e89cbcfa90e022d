"""On what the probabilities of a user's model rest: on how few it was trained and measured, and whom it has seen."""

import math
from dataclasses import dataclass

from medgru import library
from medgru.bundle import BundleInfo
from medgru.data.recording import Recordings
from medgru.training.seen import Learned, learned_by
from medgru.training.splits import LEAST_TO_COMPARE, recording_hashes
from medgru.ui import model_words, state, words

MOST_OFF, FEWEST = 0.05, 100
"""Beyond this ECE, or below so many stays held out, a probability is shown with a warning."""


@dataclass(frozen=True)
class Basis:
    """What the probabilities of a user's model rest on.

    Attributes:
        trained: Stays for training and calibration; None where it does not say.
        held_out: Stays on which it was measured; 0 where it was not.
        ece: How far its probabilities were off there on average; None where that is not known.
    """

    trained: int | None
    held_out: int
    ece: float | None

    @property
    def weak(self) -> bool:
        """Whether its probabilities deserve a warning."""
        return self.held_out < FEWEST or self.ece is None or self.ece > MOST_OFF

    @property
    def least(self) -> int:
        """The fewest of 100 that can be told from none: none among n held out leave about 1 of n + 2 possible."""
        return min(50, math.ceil(100 / (self.held_out + 2))) if self.held_out else 1


def basis(info: BundleInfo) -> Basis | None:
    """What the model's probabilities rest on; None for a shipped model."""
    if not library.is_own(info):
        return None
    found, trained = model_words.unseen(info), model_words.trained_on(info)
    if found is None:
        return Basis(trained, 0, None)
    return Basis(trained, max(found.stays, 0), found.own["ECE"]["value"] if "ECE" in found.own else None)


def in_words(known: Basis) -> str:
    """The basis as one or two sentences."""
    trained = f"Trained on {words.plural(known.trained, 'stay')}. " if known.trained is not None else ""
    if not known.held_out:
        return f"{trained}How far its probabilities are off was never measured."
    measured = f"measured on {words.plural(known.held_out, 'stay')} held out"
    if known.ece is None:
        return f"{trained}It was {measured}; how far its probabilities were off is not known."
    return f"{trained}Its probabilities were off by {100 * known.ece:.1f} points on average, {measured}."


def learned_from(info: BundleInfo, one: Recordings) -> bool:
    """Whether the model is known to have been trained on this one stay, by what was measured in it."""
    if not library.is_own(info):
        return False
    learned = state.remember(("learned", info.id, info.sha256), lambda: _learned(info))
    return int(recording_hashes(one, LEAST_TO_COMPARE)[0]) in learned.recordings


def _learned(info: BundleInfo) -> Learned:
    found = learned_by(info)
    return Learned(recordings=found.recordings - {0})
