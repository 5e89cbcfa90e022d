"""Units: how they are spelled, which one a column has, and what its values become."""

import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from medgru.tasks import TASKS, Feature, Unit

FEW_VALUES = 20
"""Below this many values of one stay, low values may be an illness as well as another unit."""

# Spellings of the units in which the tasks store their features.
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "°C": ("c", "degc", "deg c", "celsius", "cel", "℃", "grad c"),
    "/min": (
        "bpm",
        "1/min",
        "min-1",
        "beats/min",
        "beats per minute",
        "breaths/min",
        "brpm",
        "rpm",
        "per min",
        "per minute",
        "{beats}/min",
        "{breaths}/min",
        "{beat}/min",
        "{breath}/min",
        "insp/min",
        "次/分",
        "次/min",
    ),
    "mmHg": ("mm[hg]", "mm(hg)", "mm hg", "torr"),
    "%": ("percent", "pct", "％", "vol%"),
    "fraction": ("frac", "l/l", "0-1", "ratio", "1"),
    "mL": ("ml", "cc", "cm3", "millilitre", "milliliter"),
    "kg": ("kgs", "kilo", "kilogram", "kilograms", "千克", "公斤"),
    "cm": ("centimetre", "centimeter", "厘米"),
    "years": ("y", "yr", "yrs", "year", "a", "jahre", "岁"),
    "mg/dL": ("mg%", "mg/100ml"),
    "mmol/L": ("mm", "millimol/l"),
    "U/L": ("iu/l", "units/l", "[iu]/l", "e/l"),
    "µg/L": ("ug/l", "mcg/l", "ng/ml"),
    "10⁹/L": ("10^9/l", "10*9/l", "x10^9/l", "x10e9/l", "10e9/l", "g/l", "gpt/l", "giga/l", "10^3/ul", "k/ul"),
    "points": ("point", "score", "{score}", "1"),
    "pH": ("ph units", "[ph]", "1"),
}


@dataclass(frozen=True)
class UnitChoice:
    """The unit taken for a column.

    Attributes:
        unit: The unit, with its conversion to the feature's own.
        guessed: True where the values and not the file said so.
        reason: A sentence for the screen.
    """

    unit: Unit
    guessed: bool
    reason: str


def unit_key(text: str) -> str:
    """What two spellings of one unit have in common."""
    text = unicodedata.normalize("NFKC", text).casefold().replace("μ", "u").replace("°", "").replace("º", "")
    return "".join(c for c in text if c not in " _/^*{}.·×")


def own_unit(feature: Feature) -> Unit:
    """The unit in which the feature is stored."""
    return Unit(feature.unit, aliases=_SPELLINGS.get(feature.unit, ()))


def unit_choices(feature: Feature) -> tuple[Unit, ...]:
    """Every unit in which the feature may arrive, its own first."""
    return (own_unit(feature), *feature.units)


@lru_cache(maxsize=1_000)  # those of the tasks, and a few of users' own
def _keys(name: str, aliases: tuple[str, ...]) -> frozenset[str]:
    return frozenset(unit_key(a) for a in (name, *aliases, *_SPELLINGS.get(name, ())))


def find_unit(feature: Feature, text: str, source: str = "") -> Unit | None:
    """The unit that a text names, None where it names none of the feature's.

    Where a unit is declared for one name of the variable ("urea mg/dL"), `source` with the unit finds it.
    """
    for wanted in (f"{source} {text}", text) if source else (text,):
        key = unit_key(wanted)
        for unit in unit_choices(feature):
            if key and key in _keys(unit.name, unit.aliases):
                return unit
    return None


@cache
def _all_keys() -> frozenset[str]:
    units = [u for t in TASKS.values() for f in (*t.features, *t.statics) for u in unit_choices(f)]
    return frozenset(key for unit in units for key in _keys(unit.name, unit.aliases))


def looks_like_unit(text: str) -> bool:
    """Whether the text is a unit of any variable."""
    return unit_key(text) in _all_keys()


def convert(values: NDArray, unit: Unit) -> NDArray:
    """Values in the feature's own unit."""
    if unit.factor == 1.0 and unit.offset == 0.0:
        return values
    return values * unit.factor + unit.offset


def shown(value: float, feature: Feature) -> str:
    """A value in the feature's own unit, in words for the screen."""
    if feature.choices and abs(value) < 1e6:
        return feature.choices.get(int(value), f"{value:g}")
    number = f"{value:.{feature.decimals}f}" if abs(value) < 1e9 else f"{value:.3g}"
    return f"{number} {feature.unit}"


def plausible(values: NDArray, feature: Feature) -> NDArray[np.bool_]:
    """Which values lie in the feature's range; a hair is allowed for rounding in conversions."""
    hair = 1e-6 * max(abs(feature.low), abs(feature.high))
    return (values >= feature.low - hair) & (values <= feature.high + hair)


def propose_unit(
    feature: Feature, values: NDArray[np.float64], said: str = "", source: str = "", one_stay: bool = False
) -> UnitChoice:
    """The unit of a column, from what the file says, else from its values.

    Args:
        feature: The variable that the column holds.
        values: Its finite values, or a sample of them.
        said: The unit in the header or in the unit column, "" where there is none.
        source: Name of the column.
        one_stay: Whether the values are few (below `FEW_VALUES`) and of one stay only.
    """
    own = own_unit(feature)
    if said and (unit := find_unit(feature, said, source)) is not None:
        return UnitChoice(unit, False, f"The file says {said}.")
    doubt = f"The file says {said}, which is not a known unit of {feature.label}. " if said else ""
    if not len(values) or feature.choices:
        return UnitChoice(own, bool(doubt), doubt)
    others = _different(feature)
    inside = float(plausible(values, feature).mean())
    if inside < 0.5:
        fitting = [u for u in others if float(plausible(convert(values, u), feature).mean()) > 0.8]
        if len(fitting) == 1:
            return UnitChoice(
                fitting[0],
                True,
                f"{doubt}The values are not plausible in {own.name}, but are in {fitting[0].name}.",
            )
    elif feature.normal_low and feature.normal_high and len(values) >= 3:
        # Far below normal for everybody at once is a unit, not an illness; far above is not so sure.
        median = float(np.median(values))
        if median < feature.normal_low / 1.8:
            fitting = [
                u for u in others if feature.normal_low / 1.3 <= convert(np.array(median), u) <= feature.normal_high * 2
            ]
            if len(fitting) == 1 and one_stay:
                name = fitting[0].name
                doubt += f"The values are low for {own.name}, but would be usual in {name}. Please check."
            elif len(fitting) == 1:
                return UnitChoice(
                    fitting[0],
                    True,
                    f"{doubt}The values are too low for {own.name}, but usual in {fitting[0].name}.",
                )
    return UnitChoice(own, bool(doubt), doubt or (f"No unit given: {own.name} assumed." if others else ""))


def unit_hints(feature: Feature, values: NDArray[np.float64], unit: Unit) -> list[tuple[str, NDArray[np.bool_]]]:
    """Words on which other unit implausible values look like, and for which of them; "" where none fits.

    Args:
        feature: The variable.
        values: As they stand in the file.
        unit: The unit in which they are not plausible.
    """
    candidates = (own_unit(feature), *_different(feature))
    others = [u for u in candidates if (u.factor, u.offset) != (unit.factor, unit.offset)]
    fits = np.array([plausible(convert(values, u), feature) for u in others]).reshape(len(others), len(values))
    alone = fits.sum(0) == 1
    hints = [(f"; looks like {u.name}", fits[i] & alone) for i, u in enumerate(others)]
    return [(hint, where) for hint, where in [*hints, ("", ~alone)] if where.any()]


def _different(feature: Feature) -> list[Unit]:
    """The feature's units that really convert, each conversion once."""
    seen: dict[tuple[float, float], Unit] = {}
    for unit in feature.units:
        if (unit.factor, unit.offset) != (1.0, 0.0):
            seen.setdefault((unit.factor, unit.offset), unit)
    return list(seen.values())
