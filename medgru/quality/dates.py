"""Dates as cells and within text: what tells when a patient was where, whatever its column is called."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.table import MISSING_WORDS
from medgru.data.times import TIMESTAMP, parse_times

_COMPACT = re.compile(r"((?:1[89]|20|21)[0-9]{2})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?")
_MONTH = (
    r"(?:jan|jän|ene|gen|feb|fev|fév|mar|mär|mrz|maa|apr|avr|abr|may|mai|mag|mei|jun|juin|giu|jul|juil|lug|aug|aou|aoû|"
    r"ago|sep|set|oct|okt|ott|out|nov|dec|dez|déc|dic)[^\W\d_]{0,7}\.?"
)
_YEAR = r"(?:1[89]|20|21)[0-9]{2}"
_WITHIN = re.compile(
    rf"(?<![0-9])(?:{_YEAR} ?[-/.年] ?(?P<m1>[0-9]{{1,2}}) ?[-/.月] ?(?P<d1>[0-9]{{1,2}})日?"
    rf"|(?<![0-9][.,/-])(?P<a>[0-9]{{1,2}})(?P<sep>[./-]) ?(?P<b>[0-9]{{1,2}})(?P=sep) ?"
    rf"(?P<c>{_YEAR}|[0-9]{{2}})(?![.,/-][0-9])"
    rf"|(?<![^\W_])[0-9]{{1,2}}(?:st|nd|rd|th)?\.?[ -]?{_MONTH},?[ -](?:{_YEAR}|[0-9]{{2}})"
    rf"|(?P<compact>{_YEAR}[0-9]{{4}}(?:[0-9]{{4}}(?:[0-9]{{2}})?)?)"
    rf")(?![0-9])|(?<![^\W_]){_MONTH} ?[0-9]{{1,2}}(?:st|nd|rd|th)?,? {_YEAR}(?![0-9])",
    re.IGNORECASE,
)  # fmt: skip
_LONGEST = 60
"""Longer cells are text that may hold a date, and no date."""


def compact_moment(text: str) -> float:
    """Seconds since 1970 of a day of the calendar written in 8, 12 or 14 digits; NaN for any other text."""
    found = _COMPACT.fullmatch(text)
    if found is None:
        return float("nan")
    try:
        return datetime(*(int(part or 0) for part in found.groups()), tzinfo=UTC).timestamp()  # type: ignore[misc,arg-type]
    except ValueError:
        return float("nan")


def compact_moments(texts: Sequence[str]) -> NDArray[np.float64]:
    """The same for each of these texts, (N,)."""
    return np.array([compact_moment(text) for text in texts], dtype=np.float64)


def has_date(text: str) -> bool:
    """Whether a day of the calendar stands somewhere in a text."""
    return any(_is_date(found) for found in _WITHIN.finditer(_plain(text)))


def without_dates(text: str, blank: str) -> str:
    """The text with `blank` in the place of each of its dates."""
    return _WITHIN.sub(lambda found: blank if _is_date(found) else found.group(), _plain(text))


def moments_of(texts: Sequence[str], header: str) -> NDArray[np.float64]:
    """Seconds since 1970 of the texts that are dates, with a time or without, (N,); NaN for all others.

    Those written as 8, 12 or 14 digits are left to `compact_moments`: they may be numbers.
    """
    seconds = np.full(len(texts), np.nan)
    at = [i for i, text in enumerate(texts) if len(text) <= _LONGEST and not text.isdigit() and has_date(text)]
    if at:
        times = parse_times(pa.chunked_array([pa.array([texts[i] for i in at], pa.string())]), header, 0)
        if times.unit == TIMESTAMP:
            seconds[at] = times.value
    return seconds


def are_compact(texts: Sequence[str]) -> bool:
    """Whether most of these cells are dates of 8, 12 or 14 digits."""
    filled = [text for text in texts if text.casefold() not in MISSING_WORDS]
    sample = filled[:: max(1, len(filled) // 500)]
    return bool(sample) and float(np.isfinite(compact_moments(sample)).mean()) >= 0.5


def _plain(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


def _is_date(found: re.Match[str]) -> bool:
    if found["compact"]:
        return compact_moment(found["compact"]) == compact_moment(found["compact"])
    if found["m1"]:
        return {1 <= int(found["m1"]) <= 12, 1 <= int(found["d1"]) <= 31} == {True}
    if found["a"]:  # in any order of day, month and year
        a, b, c = int(found["a"]), int(found["b"]), int(found["c"])
        return any(1 <= day <= 31 and 1 <= month <= 12 for day, month in ((a, b), (b, a), (c, b)))
    return True
