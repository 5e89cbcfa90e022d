"""qSOFA, the quick Sequential (sepsis-related) Organ Failure Assessment.

Singer M, et al. The Third International Consensus Definitions for Sepsis and Septic Shock (Sepsis-3). JAMA
2016;315:801-810; Seymour CW, et al. JAMA 2016;315:762-774. One point each for a respiratory rate of 22/min or more,
altered mentation (Glasgow Coma Scale below 15) and a systolic pressure of 100 mmHg or less; two or more identify
patients with suspected infection outside intensive care who are likely to fare badly.
Shapes: B stays, P parts.
"""

import numpy as np
from numpy.typing import NDArray

from medgru.scores import inputs
from medgru.scores.inputs import Latest
from medgru.scores.score import Part, Points, Score, gather, part


def judge(latest: Latest, _scale_2: NDArray[np.bool_]) -> Points:
    """Points of each part, (B, P)."""
    rate, coma, pressure = (latest(r) for r in (inputs.RESPIRATORY_RATE, inputs.COMA_SCALE, inputs.SYSTOLIC))
    met = ((rate, rate >= 22), (coma, coma < 15), (pressure, pressure <= 100))
    return gather([part(here.astype(np.int64), np.isfinite(value), 1) for value, here in met])


QSOFA = Score(
    name="qSOFA",
    title="quick Sequential Organ Failure Assessment",
    source="Singer et al., Seymour et al., JAMA 2016;315",
    parts=(Part("respiratory rate", 1), Part("consciousness", 1), Part("systolic pressure", 1)),
    thresholds=(2,),
    judge=judge,
    remark="Meant for patients with a suspected infection.",
)
