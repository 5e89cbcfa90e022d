"""How good a model is."""

from medgru.evaluation.classes import MEASURES, Difference, macro, measure, paired_bootstrap
from medgru.evaluation.metrics import ALL, RANKING, Estimate, auprc, auroc, bootstrap, brier, ece, event1

__all__ = [
    "ALL", "MEASURES", "RANKING", "Difference", "Estimate", "auprc", "auroc", "bootstrap", "brier", "ece", "event1",
    "macro", "measure", "paired_bootstrap",
]  # fmt: skip
