"""The architecture in plain numbers, checked before anything is built from it."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from medgru.errors import BundleError
from medgru.nn.family import FAMILY, NEUTRAL

ATTENTIONS = ("none", "additive", "dot")
"""Names of the kinds of attention (`medgru.nn.attention`)."""


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of a `Network`.

    Attributes:
        input_size, static_size, num_classes: Features F, descriptors S, classes C.
        max_hours: Hours of the longest stay the task allows.
        members: Networks M whose logits are averaged.
        core: Name of the model in `FAMILY`; entries that are no options of it must be as in `NEUTRAL`.
        hidden_size: Units of the core.
        attention_size: Units of the attention.
        summary_size: Units of the summary branch; 0 for none.
        dropout, summary_dropout: Share of units, and of summaries, silenced while training.
        num_layers: Cores stacked on each other.
        bidirectional: Whether each hour so far is read forwards and backwards.
        attention: One of `ATTENTIONS`. Bundles without this entry say "none" by an attention_size of 0.
    """

    input_size: int
    static_size: int
    num_classes: int
    max_hours: int = 48
    members: int = 1
    core: str = "gru"
    hidden_size: int = 32
    attention_size: int = 32
    summary_size: int = 64
    dropout: float = 0.3
    summary_dropout: float = 0.5
    num_layers: int = 1
    bidirectional: bool = False
    attention: str = "additive"

    @classmethod
    def from_dict(cls, config: dict[str, Any]) -> "NetworkConfig":
        """Check type and range of every entry.

        Raises:
            BundleError: An entry is unknown, missing, of the wrong type or out of range; the message names it.
        """
        known = {f.name for f in fields(cls)}
        if unknown := sorted(set(config) - known):
            raise BundleError(f"config.json: unknown entry {', '.join(map(str, unknown))}. Install the bundle anew.")
        if missing := [k for k in ("input_size", "static_size", "num_classes") if k not in config]:
            raise BundleError(f"config.json: missing {', '.join(missing)}. Install the bundle anew.")
        entries = dict(config)
        for name, (low, high) in _RANGES.items():
            if name in entries:
                _check_int(name, entries[name], low, high)
        for name in ("dropout", "summary_dropout"):
            share = entries.get(name, 0.0)
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
                raise BundleError(f"config.json: {name} must be a number from 0 to below 1. Install the bundle anew.")
        core = str(entries.get("core", "gru"))
        if core not in FAMILY:
            raise BundleError(f"config.json: core must be one of {', '.join(FAMILY)}. Install the bundle anew.")
        for name, neutral in NEUTRAL.items():
            if name not in FAMILY[core].options and entries.setdefault(name, neutral) != neutral:
                raise BundleError(f"config.json: {FAMILY[core].label} has no option {name}. Install the bundle anew.")
        if not isinstance(entries.get("bidirectional", False), bool):
            raise BundleError("config.json: bidirectional must be true or false. Install the bundle anew.")
        attention = entries.setdefault("attention", "none" if entries.get("attention_size") == 0 else "additive")
        if str(attention) not in ATTENTIONS:
            raise BundleError(
                f"config.json: attention must be one of {', '.join(ATTENTIONS)}. Install the bundle anew."
            )
        if attention != "none" and entries.get("attention_size") == 0:
            raise BundleError("config.json: attention needs an attention_size above 0. Install the bundle anew.")
        return cls(**entries)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `config.json`."""
        return asdict(self)


_RANGES = {
    "input_size": (1, 1000),
    "static_size": (0, 200),
    "num_classes": (2, 100),
    "max_hours": (1, 10_000),
    "members": (1, 64),
    "hidden_size": (1, 1024),
    "attention_size": (0, 1024),
    "summary_size": (0, 1024),
    "num_layers": (1, 4),
}


def _check_int(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BundleError(f"config.json: {name} must be a whole number from {low} to {high}. Install the bundle anew.")
