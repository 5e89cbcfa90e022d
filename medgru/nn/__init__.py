"""The network: causal inputs, recurrent cores, attention, ensemble, calibration."""

from medgru.nn.calibration import Calibrator
from medgru.nn.classifier import Ensemble, build_network, stack
from medgru.nn.config import NetworkConfig

__all__ = ["Calibrator", "Ensemble", "NetworkConfig", "build_network", "stack"]
