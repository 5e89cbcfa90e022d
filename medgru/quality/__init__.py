"""How good the data is: what was measured, what looks wrong, for whom there is enough, and who could be recognised."""

from medgru.quality.coverage import Coverage, cover, stay_map
from medgru.quality.finding import Finding
from medgru.quality.identifiers import Suspect, suspects, to_remove
from medgru.quality.removal import Removed, inspected_again, removed
from medgru.quality.report import LOOKS_LIKE, Quality, assess
from medgru.quality.verdicts import ENOUGH, NOT_ENOUGH, THIN, judge

__all__ = [
    "ENOUGH",
    "LOOKS_LIKE",
    "NOT_ENOUGH",
    "THIN",
    "Coverage",
    "Finding",
    "Quality",
    "Removed",
    "Suspect",
    "assess",
    "cover",
    "inspected_again",
    "judge",
    "removed",
    "stay_map",
    "suspects",
    "to_remove",
]
