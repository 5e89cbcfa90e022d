"""How good a model is."""

from medgru.evaluation.metrics import ALL, RANKING, Estimate, auprc, auroc, bootstrap, brier, ece, event1

__all__ = ["ALL", "RANKING", "Estimate", "auprc", "auroc", "bootstrap", "brier", "ece", "event1"]
