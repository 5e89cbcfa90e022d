"""Time columns in hours since admission, whatever they are written in.

A time is either relative (hours, minutes, seconds, `HH:MM` beyond 24:00 too) or a timestamp; a
timestamp becomes relative to the stay's admission, or to its first row, in `build`.
"""

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from medgru.data.names import EICU_OFFSETS, name_key
from medgru.data.table import MISSING_WORDS, distinct, flat, numbers
from medgru.tasks import Task

CLOCK, HOURS, MINUTES, SECONDS, TIMESTAMP = "HH:MM", "hours", "minutes", "seconds", "timestamp"
TIME_UNITS = (CLOCK, HOURS, MINUTES, SECONDS, TIMESTAMP)
DAYS, STEPS = "days", "steps"
OWN_TIME_UNITS = (*TIME_UNITS, DAYS, STEPS)
"""Of own tasks, whose grid may be of days, or of numbered visits with no clock at all."""

_PER_HOUR = {HOURS: 1.0, MINUTES: 60.0, SECONDS: 3600.0}
_OWN_PER_HOUR = _PER_HOUR | {DAYS: 1 / 24, STEPS: 1.0}
_CLOCK = re.compile(r"^([+-]?)(?:(\d+)\s*(?:days?|d)\s+)?(\d{1,6}):([0-5]?\d)(?::([0-5]?\d(?:\.\d+)?))?$")
_CLOCK_WORDS = re.compile(r"^(\d{1,2})\s*[h时点]\s*([0-5]\d)\s*[m分]?$", re.IGNORECASE)
_CLOCK_END = re.compile(r"^(.*\d)\s*(uhr|a\.?m\.?|p\.?m\.?)$", re.IGNORECASE)
_UNIT_WORDS = {
    HOURS: {
        "h",
        "hr",
        "hrs",
        "hour",
        "hours",
        "iculos",
        "stunde",
        "stunden",
        "std",
        "heure",
        "heures",
        "hora",
        "horas",
        "小时",
        "hour(s)",
    },
    MINUTES: {"m", "min", "mins", "minute", "minutes", "minuten", "minutos", "分钟", "offset"} | EICU_OFFSETS,
    SECONDS: {"s", "sec", "secs", "second", "seconds", "sekunden", "segundos", "秒"},
}
# ISO first; then the local forms, of which the one that reads most cells and spans least time is taken.
_FORMATS = (
    "ISO8601",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y %H:%M:%S",
    "%d/%m/%Y %H:%M",
    "%d/%m/%Y %H:%M:%S",
    "%m/%d/%Y %H:%M",
    "%m/%d/%Y %H:%M:%S",
    "%m/%d/%Y %I:%M %p",
    "%m/%d/%Y %I:%M:%S %p",
    "%d/%m/%Y %I:%M %p",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d %H:%M:%S",
    "%d-%m-%Y %H:%M",
    "%d-%m-%Y %H:%M:%S",
    "%d.%m.%y %H:%M",
    "%d %b %Y %H:%M",
    "%d %B %Y %H:%M",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H时%M分",
    "%d-%b-%Y %H:%M",
    "%d-%b-%Y %H:%M:%S",
    "%d-%b-%y %H:%M",
    "%Y%m%d %H:%M",
    "%Y%m%d%H%M%S",
    "%Y%m%d%H%M",
    "%b %d %Y %I:%M %p",
    "%b %d, %Y %I:%M %p",
    # Spreadsheets leave midnight out.
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%Y/%m/%d",
    "%d-%m-%Y",
    "%d.%m.%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%Y年%m月%d日",
)
_LATEST = 1e15
"""Numbers beyond it are no times in any unit."""
_EPOCH_FROM = 100_000_000
_DAY_S = 86_400
_EXCEL_1970 = 25_569


@dataclass(frozen=True)
class TimeColumn:
    """A time column parsed.

    Attributes:
        unit: One of `TIME_UNITS`.
        value: Hours since admission, or seconds since 1970 where unit is `TIMESTAMP`; (N,) float64, NaN
            where nothing usable stands.
        bad: True where something stands that is no time in this unit, (N,).
        reason: How the unit was found, for the screen.
        of_day: True where AM or PM says that it is a time of a day, not since admission, (N,); None: nowhere.
    """

    unit: str
    value: NDArray[np.float64]
    bad: NDArray[np.bool_]
    reason: str
    of_day: NDArray[np.bool_] | None = None

    @property
    def absolute(self) -> bool:
        """Whether the values are moments and not hours since admission."""
        return self.unit == TIMESTAMP

    def undated(self) -> "TimeColumn":
        """The same with nothing beside it to give the day: AM and PM times are then no times."""
        if self.of_day is None:
            return self
        reason = f"{self.reason} Those with AM or PM need a column with their date. Please check."
        return replace(self, value=np.where(self.of_day, np.nan, self.value), bad=self.bad | self.of_day, reason=reason)


def parse_times(
    column: pa.ChunkedArray, header: str, window_hours: int, unit: str | None = None, decimal_comma: bool = False
) -> TimeColumn:
    """Read a time column; the unit is found out from its cells, its header and its range unless given."""
    if pa.types.is_timestamp(column.type):
        seconds = _epoch_seconds(pd.Series(flat(column).to_numpy(zero_copy_only=False)))
        return TimeColumn(TIMESTAMP, seconds, np.zeros(len(seconds), dtype=bool), "The cells are dates with a time.")
    as_number = numbers(column, decimal_comma)
    filled = np.isfinite(as_number.value)
    if as_number.bad is None or (filled.any() and filled.sum() >= as_number.bad.sum()):
        bad = np.abs(as_number.value) > _LATEST
        if as_number.bad is not None:
            bad |= as_number.bad
        return _numeric(np.where(bad, np.nan, as_number.value), bad, header, window_hours, unit)
    codes, texts = distinct(column)
    hours = _clock_hours(texts)
    if unit != TIMESTAMP and np.isfinite(hours).sum() * 2 >= len(texts):
        reason, found, parsed = "The cells are hours and minutes.", CLOCK, hours
    else:
        parsed, reason, found = *_timestamps(texts), TIMESTAMP
        if not np.isfinite(parsed).any() and unit is None:
            reason, found, parsed = "", CLOCK, hours
    if unit is not None and unit != found and unit not in (CLOCK, TIMESTAMP):
        parsed = np.full(len(texts), np.nan)  # words where numbers were asked for
        found = unit
    missing = np.array([t.casefold() in MISSING_WORDS for t in texts] + [True])
    value = np.append(parsed, np.nan)[codes]
    halves = np.array([found == CLOCK and _half_of_day(t) != "" for t in texts] + [False])
    of_day = halves[codes] & np.isfinite(value) if halves.any() else None
    return TimeColumn(found, value, np.isnan(value) & ~missing[codes], reason, of_day)


def in_hours(value: float, unit: str) -> float:
    """A number of some unit in hours; steps stay what they are."""
    return value / _OWN_PER_HOUR.get(unit, 1.0)


def time_units(task: Task) -> tuple[str, ...]:
    """Units of time that can be chosen."""
    return TIME_UNITS if task.columns is None else OWN_TIME_UNITS


def steps_of(task: Task) -> str:
    """What times become: "hours", "minutes", "steps of 5 minutes"."""
    name = task.step.name
    return f"steps of {name}" if name[:1].isdigit() else f"{name}s"


def with_day(time: TimeColumn, date: TimeColumn) -> TimeColumn:
    """Moments from times of day (hours) and the date of each row."""
    value = np.floor(date.value / _DAY_S) * _DAY_S + time.value * 3600
    return TimeColumn(TIMESTAMP, value, time.bad | date.bad, date.reason)


def is_whole_days(times: TimeColumn) -> bool:
    """Whether the column holds dates without a time."""
    known = times.value[np.isfinite(times.value)]
    return times.absolute and len(known) > 0 and bool((known % _DAY_S == 0).all())


def is_time_of_day(times: TimeColumn) -> bool:
    """Whether the column holds hours and minutes of a day."""
    known = times.value[np.isfinite(times.value)]
    return times.unit == CLOCK and len(known) > 0 and bool((known >= 0).all() and (known <= 24).all())


def _numeric(
    value: NDArray[np.float64], bad: NDArray[np.bool_], header: str, window_hours: int, unit: str | None
) -> TimeColumn:
    reason = "You chose it."
    if unit is None:
        unit, reason = _numeric_unit(value[np.isfinite(value)], header, window_hours)
    if unit == TIMESTAMP:
        if _are_excel_days(value[np.isfinite(value)]):
            return TimeColumn(unit, np.round((value - _EXCEL_1970) * _DAY_S, 3), bad, reason)
        largest = np.nanmax(np.abs(value), initial=0)
        return TimeColumn(unit, value / (1000.0 if largest > _EPOCH_FROM * 1000 else 1.0), bad, reason)
    # A clock with no colon in it can only mean whole hours.
    return TimeColumn(unit, value / _OWN_PER_HOUR.get(unit, 1.0), bad, reason)


def _numeric_unit(value: NDArray[np.float64], header: str, window_hours: int) -> tuple[str, str]:
    words = {name_key(w) for w in re.split(r"[\s_()\[\],;./-]+", header)}
    for unit, known in _UNIT_WORDS.items():
        if words & known:
            return unit, f"The column is called {header}."
    top = float(np.quantile(value, 0.95)) if len(value) else 0.0
    if top > _EPOCH_FROM:
        return TIMESTAMP, "The numbers are seconds since 1970."
    if _are_excel_days(value) and (value % 1 != 0).any():
        return TIMESTAMP, "Guessed from the range: days as Excel counts them, from the end of 1899. Please check."
    for unit, per_hour in _PER_HOUR.items():
        if top <= 1.5 * window_hours * per_hour:
            return unit, f"Guessed from the range: most times lie below {top:,.0f}. Please check."
    return HOURS, "No unit given: hours assumed. Please check."


def _are_excel_days(value: NDArray[np.float64]) -> bool:
    """Whether the numbers could be days since 30 December 1899, of the years 1982 to 2064."""
    return len(value) > 0 and bool((value >= 30_000).all() and (value <= 60_000).all())


def _clock_hours(texts: list[str]) -> NDArray[np.float64]:
    """Hours of "26:15", "01:30:20", "1 day 02:15", "8:15 PM" or "8h15"; NaN for anything else."""
    hours = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        end, half = _CLOCK_END.match(text), _half_of_day(text)
        match = _CLOCK.match(_CLOCK_WORDS.sub(r"\1:\2", end.group(1) if end else text))
        if match:
            sign, days, h, m, s = match.groups()
            value = (int(days or 0) * 24 + int(h)) + (int(m) * 60 + float(s or 0)) / 3600
            if int(m) and not s:
                value = (int(days or 0) * 1440 + int(h) * 60 + int(m)) / 60
            if half:  # 12 AM is midnight, 12 PM is noon
                value = value % 12 + (12 if half == "p" else 0)
            hours[i] = -value if sign == "-" else value
    return hours


def _half_of_day(text: str) -> str:
    """ "a" for AM, "p" for PM, "" for neither."""
    end = _CLOCK_END.match(text)
    half = end.group(2)[0].casefold() if end else ""
    return half if half in ("a", "p") else ""


def _timestamps(texts: list[str]) -> tuple[NDArray[np.float64], str]:
    """Seconds since 1970 (NaN where not understood) and a sentence on how they were read."""
    series = pd.Series(texts, dtype=object)
    sample = series.iloc[:: max(1, len(series) // 500)]
    ranked = []
    for order, form in enumerate(_FORMATS):
        seconds = _to_seconds(sample, form)
        good = np.isfinite(seconds)
        if good.any():
            span = float(np.ptp(seconds[good]))
            ranked.append((-int(good.sum()), span, order, form))
            if form == "ISO8601" and good.all():
                break
    if not ranked:
        return np.full(len(texts), np.nan), ""
    ranked.sort()
    form = ranked[0][3]
    seconds = _to_seconds(series, form)
    for _, _, _, other in ranked[1:]:  # the same order of day and month, with or without seconds
        gaps = np.isnan(seconds)
        if not gaps.any():
            break
        if _date_part(other) == _date_part(form):
            seconds[gaps] = _to_seconds(series[gaps], other)
    both = {_date_part(f) for n, _, _, f in ranked if n == ranked[0][0]} >= {"%d/%m/%Y", "%m/%d/%Y"}
    words = {"%d": "day", "%m": "month", "%Y": "year", "%y": "year", "%b": "month", "%B": "month"}
    if form == "ISO8601":
        return seconds, "The cells are dates with a time." if (seconds % _DAY_S > 0).any() else "The cells are dates."
    said = ", ".join(words[p] for p in re.findall(r"%[dmYybB]", form))
    doubt = " The other order of day and month would fit too. Please check." if both else ""
    return seconds, f"The cells are dates in the order {said}.{doubt}"


def _date_part(form: str) -> str:
    return form.split(" ")[0]


def _to_seconds(series: pd.Series, form: str) -> NDArray[np.float64]:
    return _epoch_seconds(pd.to_datetime(series, format=form, errors="coerce", utc=True, cache=False))


def _epoch_seconds(series: pd.Series) -> NDArray[np.float64]:
    moments = pd.to_datetime(series, errors="coerce", utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[ms]")
    return np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 1000.0)
