"""What a model says of itself, as it stands on the screen: its name, where it came from, on whom it was measured."""

from dataclasses import dataclass
from typing import Any

from medgru import library
from medgru.bundle import BundleInfo
from medgru.ui import words

# As in `medgru.nn.FAMILY`, which brings torch.
KINDS = {"rnn": "RNN", "lstm": "LSTM", "gru": "GRU", "gru-d": "GRU-D", "retain": "RETAIN"}


def origin(info: BundleInfo) -> str:
    """Where the model came from, in a word or two."""
    if not library.is_own(info):
        return "came with MedGRU"
    return "imported" if library.is_imported(info) else "your own"


def label(info: BundleInfo) -> str:
    """The model as it is called where one is chosen: "ICU mortality · GRU · 8,000 stays (icu-mortality)"."""
    count = trained_on(info)
    parts = [words.shortened(info.task.title, 40), kind(info), words.plural(count, "stay") if count else ""]
    return f"{' · '.join(part for part in parts if part)} ({info.id})"


def kind(info: BundleInfo) -> str:
    """Which of the family its networks are; empty where it does not say."""
    plan = info.training.get("plan")
    network = plan.get("network") if isinstance(plan, dict) else None
    core = network.get("core", "gru") if isinstance(network, dict) else ""
    return KINDS.get(core, "") if isinstance(core, str) else ""


def trained_on(info: BundleInfo) -> int | None:
    """Stays from which the model was trained and calibrated; None where it does not say."""
    data = info.training.get("data")
    stays = data.get("stays") if isinstance(data, dict) else None
    if not isinstance(stays, int) or isinstance(stays, bool) or stays <= 0:
        return None
    found = unseen(info)
    return max(stays - max(found.stays, 0), 0) if found and found.same_model else stays


@dataclass(frozen=True)
class Unseen:
    """What `metrics.json` says of patients that were held out of the training of the model, or of its recipe.

    Attributes:
        trained_on, measured_on: In words.
        stays, events: On how many it was measured, and how many of them had the outcome.
        same_model: Whether this very model was measured, and not only its recipe.
        own, others: Each metric of the model, and of each other one by name, on the same stays.
    """

    trained_on: str
    measured_on: str
    stays: int
    events: int
    same_model: bool
    own: dict[str, dict[str, float]]
    others: dict[str, dict[str, dict[str, float]]]


def unseen(info: BundleInfo) -> Unseen | None:
    """The model's figures on patients held out; None where none can be read, as a bundle may be anybody's."""
    found: Any = info.metrics.get("unseen")
    try:
        return Unseen(
            str(found["trained_on"]),
            str(found["measured_on"]),
            int(found["stays"]),
            int(found["events"]),
            found.get("same_model") is True,
            _numbers(found["shipped"]),
            {str(name): _numbers(figures) for name, figures in found["others"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _numbers(figures: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Those entries that are a figure: value, and low and high or sd where known."""
    found = {}
    for name, figure in figures.items():
        known = (
            {k: float(v) for k, v in figure.items() if isinstance(v, int | float)} if isinstance(figure, dict) else {}
        )
        if "value" in known:
            found[str(name)] = known
    return found
