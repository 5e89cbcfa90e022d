"""Who is compared in the lab: one line a model, as changes to the settings that all of them share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from medgru.errors import TrainingError
from medgru.training.config import RunConfig

_PLAIN: Mapping[str, Any] = {"num_layers": 1, "bidirectional": False, "attention": "none", "summary_size": 0}
"""What every network of the lab is without, unless its own line says otherwise."""

SUMMARY_SIZE = 64


FEWEST_SEEDS, MOST_SEEDS = 3, 20
"""Networks a model; with fewer nobody knows what chance in training does."""


@dataclass(frozen=True)
class LabModel:
    """One row of the lab's table.

    Attributes:
        name: Identifier in files and on the command line.
        label: Name on the screen.
        about: What sets it apart, in a few words.
        effort: Time of its training, roughly, with the GRU's as 1; for the estimate before the start.
        changes: What it changes of the shared settings; empty for a model that is no network.
    """

    name: str
    label: str
    about: str
    effort: float
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_network(self) -> bool:
        """Whether it is trained by gradient descent, epoch by epoch."""
        return bool(self.changes)

    @property
    def varies(self) -> bool:
        """Whether another seed gives another model."""
        return self.name != "linear"

    def settings(self, shared: RunConfig) -> RunConfig:
        """The settings of a run that trains one such network."""
        return replace(shared, members=1, start_from=None, search_minutes=0.0, **{**_PLAIN, **self.changes})


LAB_MODELS: Mapping[str, LabModel] = {
    m.name: m
    for m in (
        LabModel("rnn", "RNN", "plain recurrence, no gates", 0.6, {"model": "rnn"}),
        LabModel("lstm", "LSTM", "three gates and a cell", 0.8, {"model": "lstm"}),
        LabModel("gru", "GRU", "two gates; the last state answers", 1.0, {"model": "gru"}),
        LabModel("gru-2", "GRU, 2 layers", "one GRU on top of another", 1.8, {"model": "gru", "num_layers": 2}),
        LabModel("gru-bi", "GRU, both ways", "reads forwards and backwards", 3.0,
                 {"model": "gru", "bidirectional": True}),
        LabModel("gru-additive", "GRU + additive attention", "weighted mean of all states so far", 1.3,
                 {"model": "gru", "attention": "additive"}),
        LabModel("gru-dot", "GRU + dot attention", "the same, weights by scaled dot product", 1.3,
                 {"model": "gru", "attention": "dot"}),
        LabModel("gru-summaries", "GRU + attention + summaries", "the shape that MedGRU ships", 1.7,
                 {"model": "gru", "attention": "additive", "summary_size": SUMMARY_SIZE}),
        LabModel("gru-d", "GRU-D", "trained decay of what was measured long ago", 1.7, {"model": "gru-d"}),
        LabModel("retain", "RETAIN", "attention whose contributions add up", 2.5, {"model": "retain"}),
        LabModel("linear", "Logistic regression", "on summaries of each variable", 0.2),
        LabModel("trees", "Boosted trees", "on summaries of each variable", 0.5),
    )
}  # fmt: skip


def chosen(names: Sequence[str] | None) -> list[LabModel]:
    """The models of those names in the table's order; all of them for None.

    Raises:
        TrainingError: A name is unknown, or there is none.
    """
    names = list(LAB_MODELS) if names is None else list(names)
    if unknown := [n for n in names if n not in LAB_MODELS]:
        raise TrainingError(f"The lab knows no model {unknown[0][:40]}. Choose from {', '.join(LAB_MODELS)}.")
    if not names:
        raise TrainingError("No model was chosen for the lab. Choose at least one.")
    return [m for m in LAB_MODELS.values() if m.name in names]
