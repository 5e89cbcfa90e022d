"""Any classifier of the family from plain numbers, and several of one kind as one."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from medgru.errors import TaskError
from medgru.nn.config import NetworkConfig
from medgru.nn.ensemble import Ensemble
from medgru.nn.gru_d import GRUD
from medgru.nn.network import Network
from medgru.nn.retain import RETAIN
from medgru.tasks import Task

NETWORKS: dict[str, type[Network]] = {
    "rnn": Ensemble,
    "lstm": Ensemble,
    "gru": Ensemble,
    "gru-d": GRUD,
    "retain": RETAIN,
}
"""What builds each core of the family."""


def build_network(config: dict[str, Any]) -> Network:
    """An untrained network from plain numbers.

    Raises:
        BundleError: An entry is unknown, missing, of the wrong type or out of range.
    """
    settings = NetworkConfig.from_dict(config)
    return NETWORKS[settings.core](settings)


def stack(networks: Sequence[Network]) -> Network:
    """One network of all members of networks that share architecture and scales."""
    members = sum(n.settings.members for n in networks)
    stacked = build_network(networks[0].config | {"members": members})
    states = [n.state_dict() for n in networks]
    cores = nn.ModuleList(core for n in networks for core in n.cores)
    state = {f"cores.{k}": v for k, v in cores.state_dict().items()}
    for name, value in stacked.state_dict().items():
        if name.startswith("features."):
            state[name] = states[0][name]
        elif not name.startswith("cores."):
            state[name] = torch.cat([s[name] for s in states])
        assert state[name].shape == value.shape, name
    stacked.load_state_dict(state)
    return stacked.eval()


def check_causal(config: dict[str, Any], task: Task) -> None:
    """Refuse an architecture that reads backwards in time where answers are followed while a stay goes on.

    Raises:
        TaskError: The architecture is bidirectional and the task is causal.
    """
    if task.causal and config.get("bidirectional"):
        raise TaskError(
            f"A bidirectional network does not fit {task.title}: its answers are followed while the stay goes on, "
            "and reading backwards only pays once the recording is complete. Choose a network of one direction."
        )
