"""The family of networks behind one switch: what each is, where it comes from, which options it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NEUTRAL = {"num_layers": 1, "bidirectional": False, "attention": "none", "summary_size": 0}
"""What an option is where a model does not have it."""

_RECURRENT = ("hidden_size", "num_layers", "bidirectional", "attention", "summary_size", "dropout")
_CORE = ("hidden_size", "dropout")


@dataclass(frozen=True)
class Model:
    """One member of the family.

    Attributes:
        name: As in `NetworkConfig.core`.
        label: As people write it.
        about: What it does, one sentence.
        source: Where it was published.
        options: Entries of `NetworkConfig`, and of a run's settings, that apply to it.
    """

    name: str
    label: str
    about: str
    source: str
    options: tuple[str, ...]

    def config(self, sizes: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Plain values for `build_network`: the sizes of a task, and those of the settings that apply."""
        return {**sizes, "core": self.name, **{name: settings[name] for name in self.options if name in settings}}


# fmt: off
_MODELS = (
    Model("rnn", "RNN", "Carries one state from hour to hour, without gates.", "Elman 1990, doi:10.1207/s15516709cog1402_1", _RECURRENT),  # noqa: E501
    Model("lstm", "LSTM", "Keeps a memory cell beside its state; three gates decide what enters, stays and leaves.", "Hochreiter & Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735", _RECURRENT),  # noqa: E501
    Model("gru", "GRU", "Two gates decide how much of its state is forgotten and renewed each hour.", "Cho et al. 2014, arXiv:1406.1078", _RECURRENT),  # noqa: E501
    Model("gru-d", "GRU-D", "A GRU whose state, and whose last values, fade with the time since they were measured.", "Che et al. 2018, doi:10.1038/s41598-018-24271-9", _CORE),  # noqa: E501
    Model("retain", "RETAIN", "Weighs hours and variables by two attentions, so that its answer is a sum of their contributions.", "Choi et al. 2016, arXiv:1608.05745", _CORE),  # noqa: E501
)
# fmt: on

FAMILY: dict[str, Model] = {model.name: model for model in _MODELS}
