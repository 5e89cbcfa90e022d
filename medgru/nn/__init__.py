"""The networks: one family behind one switch, their causal inputs, attention, ensembles, calibration."""

from medgru.nn.calibration import Calibrator
from medgru.nn.classifier import build_network, check_causal, stack
from medgru.nn.config import NetworkConfig
from medgru.nn.ensemble import Ensemble
from medgru.nn.family import FAMILY, Model
from medgru.nn.gates import gates
from medgru.nn.network import Inputs, Network
from medgru.nn.reference import Gates

__all__ = [
    "FAMILY",
    "Calibrator",
    "Ensemble",
    "Gates",
    "Inputs",
    "Model",
    "Network",
    "NetworkConfig",
    "build_network",
    "check_causal",
    "gates",
    "stack",
]
