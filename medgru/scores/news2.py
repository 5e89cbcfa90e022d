"""NEWS2, the National Early Warning Score 2.

Royal College of Physicians. National Early Warning Score (NEWS) 2: Standardising the assessment of acute-illness
severity in the NHS. Updated report of a working party. London: RCP, 2017. The score is the College's; this is its
arithmetic. It is meant for patients of 16 years or more, and not in pregnancy.

Values are scored as they are charted: temperature to one decimal, everything else as whole numbers, halves upwards.
Consciousness: a Glasgow Coma Scale of 15 counts as alert, anything below as CVPU, sedation included, and so does a mean
of several at one time that is below 15. Oxygen: an inspired fraction above air, or mechanical ventilation, of which the
newer record decides; that nobody is ventilated does not tell air from oxygen.
SpO2 scale 2 (hypercapnic respiratory failure) is used only for those for whom somebody chose it.
Shapes: B stays, P parts.
"""

import numpy as np
from numpy.typing import NDArray

from medgru.scores import inputs
from medgru.scores.inputs import Latest
from medgru.scores.score import Part, Points, Result, Score, banded, gather, part

AIR_UP_TO = 0.215
"""Air is an inspired fraction of 0.21, and fractions are charted to two decimals."""

ALERT = 15  # of the Glasgow Coma Scale
MEDIUM, HIGH = 5, 7
RED = 3
"""The most points of one part; a single one of them asks for a response of its own."""

RESPIRATORY_RATE = ((8, 3), (11, 1), (20, 0), (24, 2))
SPO2_SCALE_1 = ((91, 3), (93, 2), (95, 1))
SPO2_SCALE_2_ON_AIR = ((83, 3), (85, 2), (87, 1))
SPO2_SCALE_2_ON_OXYGEN = ((83, 3), (85, 2), (87, 1), (92, 0), (94, 1), (96, 2))
SYSTOLIC = ((90, 3), (100, 2), (110, 1), (219, 0))
PULSE = ((40, 3), (50, 1), (90, 0), (110, 1), (130, 2))
TEMPERATURE = ((35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1))

PARTS = (
    Part("respiratory rate", 3),
    Part("oxygen saturation", 3),
    Part("air or oxygen", 2),
    Part("systolic pressure", 3),
    Part("pulse", 3),
    Part("consciousness", 3),
    Part("temperature", 3),
)

RISKS = ("low", "low–medium", "medium", "high")
"""Clinical risk by total: 0 to 4; 0 to 4 with 3 points in one part; 5 or 6; 7 or more."""

RESPONSES = (
    "ward-based response",
    "urgent ward-based response",
    "key threshold for urgent response",
    "urgent or emergency response",
)
"""The response that the RCP gives to each risk (chart 2)."""


def judge(latest: Latest, scale_2: NDArray[np.bool_]) -> Points:
    """Points of each part, (B, P)."""
    oxygen, oxygen_known = on_oxygen(latest)
    coma = latest(inputs.COMA_SCALE)
    return gather(
        [
            part(*banded(_charted(latest(inputs.RESPIRATORY_RATE)), RESPIRATORY_RATE, 3), 3),
            _saturation(_charted(latest(inputs.SATURATION)), oxygen, oxygen_known, scale_2),
            part(2 * oxygen.astype(np.int64), oxygen_known, 2),
            part(*banded(_charted(latest(inputs.SYSTOLIC)), SYSTOLIC, 3), 3),
            part(*banded(_charted(latest(inputs.HEART_RATE)), PULSE, 3), 3),
            part(np.where(coma < ALERT, 3, 0), np.isfinite(coma), 3),
            part(*banded(_charted(latest(inputs.TEMPERATURE), 10), TEMPERATURE, 2), 3),
        ]
    )


def on_oxygen(latest: Latest) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who breathes more oxygen than air has, and of whom that is known, (B,) each; the newer record decides."""
    fraction, ventilated = latest(inputs.INSPIRED_OXYGEN), latest(inputs.VENTILATION) >= 0.5
    # Without a fraction the comparison is with NaN, and never true.
    ventilated &= ~(latest.age(inputs.INSPIRED_OXYGEN) < latest.age(inputs.VENTILATION))
    oxygen = ventilated | (fraction > AIR_UP_TO)
    return oxygen, ventilated | np.isfinite(fraction)


def risk(result: Result) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Index into `RISKS` of each stay, (B,): at least, and at most, as what is missing may add points."""
    return _risk(result.lowest, result.points.fewest), _risk(result.highest, result.points.most)


def risk_in_words(result: Result) -> list[str]:
    """The clinical risk of each stay, (B,): "medium", "at least medium" where it may be higher; "" where unknown."""
    low, high = risk(result)
    return [
        "" if not known else RISKS[a] if a == b else f"at least {RISKS[a]}"
        for known, a, b in zip(result.any_known, low, high, strict=True)
    ]


def _risk(total: NDArray[np.int64], points: NDArray[np.int64]) -> NDArray[np.int64]:
    red = (points >= RED).any(axis=1)
    return np.select([total >= HIGH, total >= MEDIUM, red], [3, 2, 1], 0)


def _saturation(
    value: NDArray[np.float64], oxygen: NDArray[np.bool_], oxygen_known: NDArray[np.bool_], scale_2: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Fewest and most points; on scale 2 a high saturation counts only on oxygen, which may not be known."""
    on_scale_1, known = banded(value, SPO2_SCALE_1, 0)
    on_air, _ = banded(value, SPO2_SCALE_2_ON_AIR, 0)
    with_oxygen, _ = banded(value, SPO2_SCALE_2_ON_OXYGEN, 3)
    fewest = np.where(oxygen & oxygen_known, with_oxygen, on_air)
    most = np.where(oxygen | ~oxygen_known, with_oxygen, on_air)
    fewest, most = np.where(scale_2, fewest, on_scale_1), np.where(scale_2, most, on_scale_1)
    return np.where(known, fewest, 0), np.where(known, most, 3)


def _charted(value: NDArray[np.float64], tenths: int = 1) -> NDArray[np.float64]:
    """The value as it would be charted: whole, or in tenths; halves upwards."""
    return np.floor(value * tenths + 0.5) / tenths


NEWS2 = Score(
    name="NEWS2",
    title="National Early Warning Score 2",
    source="Royal College of Physicians, London, 2017",
    parts=PARTS,
    thresholds=(MEDIUM, HIGH),
    judge=judge,
)
