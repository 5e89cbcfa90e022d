"""SIRS, the systemic inflammatory response syndrome.

Bone RC, et al. Definitions for sepsis and organ failure and guidelines for the use of innovative therapies in sepsis.
ACCP/SCCM Consensus Conference. Chest 1992;101:1644-1655. One point each for a temperature above 38 or below 36 °C, a
heart rate above 90/min, a respiratory rate above 20/min or a PaCO2 below 32 mmHg, and white cells above 12 or below
4 x 10⁹/L (or more than 10 % immature bands, which are not recorded here); two or more make SIRS.

Either of respiratory rate and PaCO2 fulfils its criterion; a respiratory rate that does not is taken as the answer
where no PaCO2 was measured, as it is at the bedside. A PaCO2 alone that does not leaves the criterion open.
Shapes: B stays, P parts.
"""

import numpy as np
from numpy.typing import NDArray

from medgru.scores import inputs
from medgru.scores.inputs import Latest
from medgru.scores.score import Part, Points, Score, gather, part


def judge(latest: Latest, _scale_2: NDArray[np.bool_]) -> Points:
    """Points of each part, (B, P)."""
    temperature, pulse, rate, carbon_dioxide, cells = (
        latest(r)
        for r in (
            inputs.TEMPERATURE,
            inputs.HEART_RATE,
            inputs.RESPIRATORY_RATE,
            inputs.CARBON_DIOXIDE,
            inputs.WHITE_CELLS,
        )
    )
    breathing = (rate > 20) | (carbon_dioxide < 32)
    criteria = (
        ((temperature > 38) | (temperature < 36), np.isfinite(temperature)),
        (pulse > 90, np.isfinite(pulse)),
        (breathing, np.isfinite(rate) | breathing),
        ((cells > 12) | (cells < 4), np.isfinite(cells)),
    )
    return gather([part(met.astype(np.int64), known, 1) for met, known in criteria])


SIRS = Score(
    name="SIRS",
    title="Systemic inflammatory response syndrome",
    source="Bone et al., Chest 1992;101:1644",
    parts=(Part("temperature", 1), Part("heart rate", 1), Part("respiratory rate", 1), Part("white cells", 1)),
    thresholds=(2,),
    judge=judge,
    remark="Immature bands above 10 % would count too; they are not recorded.",
)
