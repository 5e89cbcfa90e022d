"""Values of FHIR Observations as the text of a cell: what is no number is left as it is, for `build` to report."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from medgru.data.coded_rows import NO_TIME

UCUM = "http://unitsofmeasure.org"
_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_DECIMAL_COMMA = re.compile(r"[0-9],[0-9]")
_LONGEST = 200
_LONGEST_US = 1e15
"""About 30 years: samples over a longer time are a mistake."""


@dataclass(frozen=True)
class Value:
    """The text of a value, None where there is none, and its unit."""

    text: str | None
    unit: str = ""


def value_of(key: str, given: Any) -> Value:
    """The value of an element `value[x]`."""
    if key == "valueQuantity" and isinstance(given, dict):
        return _quantity(given)
    if isinstance(given, bool):
        return Value("true" if given else "false")
    if isinstance(given, str):
        text = given.strip()[:_LONGEST]
        # One comma among the texts must not make people doubt the points of all numbers of the file.
        return Value((f'"{text}"' if _DECIMAL_COMMA.search(text) else text) or None)
    if isinstance(given, dict):
        return Value(_words(key, given))
    return Value(f"[{key}]")


def _quantity(given: dict[str, Any]) -> Value:
    number = given.get("value")
    comparator = given.get("comparator")
    if not isinstance(number, str) or not number.strip():
        return Value(None if number is None else "[valueQuantity]", unit_of(given))
    return Value(f"{comparator if isinstance(comparator, str) else ''}{number.strip()[:_LONGEST]}", unit_of(given))


def unit_of(quantity: dict[str, Any]) -> str:
    """The unit of a Quantity: its code where that is UCUM, else its words, else its code."""
    code, words, system = (
        given.strip() if isinstance(given := quantity.get(key), str) else "" for key in ("code", "unit", "system")
    )
    return (code if system.rstrip("/") == UCUM else "") or words or code


def _words(key: str, given: dict[str, Any]) -> str:
    """What a concept, range or ratio says, in words that are no number unless it is one."""
    if key == "valueCodeableConcept":
        codings = given.get("coding")
        shown = [given.get("text")]
        for coding in codings if isinstance(codings, list) else []:
            if isinstance(coding, dict):
                shown += [coding.get("display"), coding.get("code")]
        return next((s.strip()[:_LONGEST] for s in shown if isinstance(s, str) and s.strip()), f"[{key}]")
    ends = {"valueRange": ("low", "high", " to "), "valueRatio": ("numerator", "denominator", ":")}.get(key)
    if ends is None:
        return f"[{key}]"
    texts = [_quantity(part).text if isinstance(part := given.get(end), dict) else None for end in ends[:2]]
    return f"[{texts[0] or '?'}{ends[2]}{texts[1] or '?'}]"


def sampled(given: Any, start: int) -> Iterator[tuple[int, Value | None]] | None:
    """Times (microseconds since 1970) and values of SampledData, None for samples that were not measured.

    Returns:
        None where they cannot be spread out in time: several dimensions, no period, no origin.
    """
    if not isinstance(given, dict) or not isinstance(given.get("data"), str):
        return None
    origin = given.get("origin")
    if not isinstance(origin, dict) or given.get("dimensions", "1") != "1" or start == NO_TIME:
        return None
    zero, factor = _number(origin.get("value"), 0.0), _number(given.get("factor"), 1.0)
    times = _times(given, start)
    return None if zero is None or factor is None or times is None else _samples(given, times, zero, factor, origin)


def _times(given: dict[str, Any], start: int) -> Iterator[int] | None:
    """When samples were taken: at `offsets` (R5), else evenly; None where that is not said."""
    offsets = given.get("offsets")
    if isinstance(offsets, str):
        found = [_number(text, None) for text in offsets.split()]
        unit = _SECONDS.get(str(given.get("intervalUnit")))
        if unit is None or len(found) != len(given["data"].split()):
            return None
        after = [number * unit * 1e6 for number in found if number is not None]
        if len(after) < len(found) or not all(abs(a) < _LONGEST_US for a in after):
            return None
        return (start + round(a) for a in after)
    step = _step(given)
    if step is None or len(given["data"]) / 2 * step > _LONGEST_US:
        return None
    return (start + round(i * step) for i in count())


def _step(given: dict[str, Any]) -> float | None:
    """Microseconds between samples: `period` of R4, `interval` of R5."""
    if "period" in given:
        number, seconds = _number(given["period"], None), 1e-3
    else:
        number, seconds = _number(given.get("interval"), None), _SECONDS.get(str(given.get("intervalUnit")), 0.0)
    found = (number or 0.0) * seconds * 1e6
    return found if found > 0 else None


def _number(given: Any, otherwise: float | None) -> float | None:
    if given is None:
        return otherwise
    return float(given) if isinstance(given, str) and _NUMBER.fullmatch(given) else None


def _samples(
    given: dict[str, Any], times: Iterator[int], zero: float, factor: float, origin: dict[str, Any]
) -> Iterator[tuple[int, Value | None]]:
    unit, plain = unit_of(origin), zero == 0 and factor == 1
    # Whether limits count before or after the correction is not said: they serve only where there is none.
    limits = {"U": (">", given.get("upperLimit")), "L": ("<", given.get("lowerLimit"))} if plain else {}
    for found, time in zip(re.finditer(r"\S+", given["data"]), times, strict=False):
        token = found[0]
        sign, limit = limits.get(token, ("", None))
        if token == "E":  # noqa: S105
            yield time, None
        elif isinstance(limit, str):
            yield time, Value(sign + limit, unit)
        elif plain or not _NUMBER.fullmatch(token):
            yield time, Value(token[:_LONGEST], unit)
        else:
            yield time, Value(repr(zero + factor * float(token)), unit)
