"""What a training run is asked to do, in plain values: stored with the run, so that it can be done again."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from medgru.errors import TrainingError

SCHEDULES = ("one-cycle", "cosine", "constant")


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes:
        epochs, patience: Most epochs; those without a better validation loss before stopping.
        batch_size: Stays a step.
        learning_rate: Peak of the schedule.
        schedule: One of `SCHEDULES`.
        weight_decay: Of the weight matrices (AdamW).
        max_grad_norm: Gradients are clipped to this norm.
        averaging: Decay of the moving average of the weights, a step.
        earlier_hours, earlier_weight: Random earlier hours asked about a stay, and their share of its loss
            against the last hour's.
        balance: 0 to 1: how far classes are weighted towards equal say; 0 none, 1 fully.
        balanced_sampling: Whether every class is drawn equally often instead.
        hide_sensors: Augmentation: mean share of sensors hidden from a stay.
        hide_hours: Augmentation: mean share of hours hidden from a stay.
        noise: Augmentation: noise on each measurement, in standard deviations of its variable.
        jitter: Augmentation: most steps by which a measurement moves in time, either way.
        scaling: Augmentation: each variable of a stay is stretched by a factor of about 1 +- this.
    """

    epochs: int = 8
    patience: int = 3
    batch_size: int = 64
    learning_rate: float = 2e-3
    schedule: str = "one-cycle"
    weight_decay: float = 0.3
    max_grad_norm: float = 1.0
    averaging: float = 0.98
    earlier_hours: int = 1
    earlier_weight: float = 0.1
    balance: float = 0.0
    balanced_sampling: bool = False
    hide_sensors: float = 0.15
    hide_hours: float = 0.0
    noise: float = 0.0
    jitter: int = 0
    scaling: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `training.json`."""
        return asdict(self)


@dataclass(frozen=True)
class RunConfig:
    """A training run from data that the user brought.

    Attributes:
        model: Name of the model in the family (`medgru.nn.FAMILY`): "rnn", "lstm", "gru", "gru-d", "retain".
        hidden_size, num_layers, bidirectional: Of its recurrent core.
        attention: "none", "additive" or "dot" (scaled dot product).
        summary_size: Units of the branch of running summaries beside the core; 0 for none.
        dropout: Share of units silenced while training.
        recipe: How each network is trained.
        members: Networks trained on different parts of the stays and averaged.
        test_share: Share of the patients held out, on whom the run is measured once, at the end.
        start_from: Id of a bundle of the same task whose weights are trained further; None from scratch. Its
            architecture and preprocessing are kept, so that the entries on the network above do not count.
        search_minutes: Time spent first on searching better settings; 0 for none.
        seed: Of everything random. Who is held out does not depend on it.
    """

    model: str = "gru"
    hidden_size: int = 32
    num_layers: int = 1
    bidirectional: bool = False
    attention: str = "additive"
    summary_size: int = 64
    dropout: float = 0.3
    recipe: Recipe = field(default_factory=Recipe)
    members: int = 3
    test_share: float = 0.2
    start_from: str | None = None
    search_minutes: float = 0.0
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, as they are stored with the run."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "RunConfig":
        """Inverse of `to_dict`.

        Raises:
            TrainingError: An entry is unknown: it was written by another version.
        """
        recipe = dict(values.get("recipe", {}))
        known, known_recipe = {f.name for f in fields(cls)}, {f.name for f in fields(Recipe)}
        if unknown := sorted((set(values) - known) | (set(recipe) - known_recipe)):
            raise TrainingError(f"Settings of another version of MedGRU: {', '.join(unknown)}. Start a new run.")
        return cls(**{**values, "recipe": Recipe(**recipe)})
