"""The networks: one family behind one switch, their causal inputs, attention, ensembles, calibration."""

from medgru.nn.calibration import Calibrator
from medgru.nn.classifier import build_network, check_causal, stack
from medgru.nn.config import NetworkConfig
from medgru.nn.ensemble import Ensemble
from medgru.nn.family import FAMILY, Model
from medgru.nn.network import Inputs, Network

__all__ = [
    "FAMILY",
    "Calibrator",
    "Ensemble",
    "Inputs",
    "Model",
    "Network",
    "NetworkConfig",
    "build_network",
    "check_causal",
    "stack",
]
