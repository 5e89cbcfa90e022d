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

from medgru.data.cells import plain
from medgru.data.names import DATE, EICU_OFFSETS, match_role, name_key
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
        "ore",
        "uur",
        "uren",
        "小时",
        "小時",
        "小时数",
        "hour(s)",
    },
    MINUTES: {"m", "min", "mins", "minute", "minutes", "minuten", "minutos", "minuti", "分钟", "分鐘", "offset"}
    | EICU_OFFSETS,
    SECONDS: {"s", "sec", "secs", "second", "seconds", "sekunden", "segundos", "秒"},
}
# ISO first; then the local forms, of which the one that reads most cells and spans least time is taken.
_DAYS_WRITTEN = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%d %b %Y", "%d-%b-%Y"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d-%m-%y", "%d-%b-%y", "%d %b %y", "%b %d %Y", "%Y%m%d"),
)
_CLOCKS_WRITTEN = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p", "%H:%M:%S.%f")
_FORMATS = (
    "ISO8601",
    *(f"{day} {clock}" for day in _DAYS_WRITTEN for clock in _CLOCKS_WRITTEN),
    *("%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p", "%Y-%m-%d %H.%M"),
    *_DAYS_WRITTEN,  # spreadsheets leave midnight out
)
# Names of months in English, German, French, Spanish, Italian, Portuguese and Dutch, as their first letters.
_MONTHS = {
    "Jan": "jan jän janv ene enero gen gennaio genn",
    "Feb": "feb fev fév févr feber febbraio",
    "Mar": "mar mär mrz mars maa mrt maart março",
    "Apr": "apr avr abr",
    "May": "may mai mayo maggio mag maio mei",
    "Jun": "jun juin giu",
    "Jul": "jul juil lug",
    "Aug": "aug aou aoû ago agosto",
    "Sep": "sep sept set sett septiembre settembre setembro",
    "Oct": "oct okt ott out octubre",
    "Nov": "nov",
    "Dec": "dec dez déc dic",
}
_MONTH_OF = {part: month for month, parts in _MONTHS.items() for part in parts.split()}
_WORD = re.compile(r"[^\W\d_]+\.?")
_WEEKDAY = re.compile(
    r"^(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun|mo|di|mi|do|fr|sa|so|lun|mar|mer|jeu|ven|sam|dim|mié|jue|"
    r"vie|sáb|dom|gio|sab|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag)(?:day)?[.,]\s*|"
    r"(?:星期|周|週)[一二三四五六日天]\s*)",
    re.IGNORECASE,
)
_CHINESE_DAY = re.compile(r"(\d{2,4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号號]\s*")
_CHINESE_CLOCK = re.compile(r"(\d{1,2})\s*[时時点點]\s*(\d{1,2})?\s*分?\s*(?:(\d{1,2})\s*秒)?")
_CHINESE_HALF = re.compile(r"(凌晨|早上|上午|中午|下午|晚上|am|pm)\s*(\d{1,2}:\d{2}(?::\d{2})?)", re.IGNORECASE)
_HALF = {"凌晨": "AM", "早上": "AM", "上午": "AM", "中午": "PM", "下午": "PM", "晚上": "PM", "am": "AM", "pm": "PM"}
_OFFSET = re.compile(r"\d:?\d\d(?:\.\d+)?\s*(Z|[+-]\d\d:?\d\d|UTC)$")
_STAY_DAY = re.compile(
    r"^(?:day|d|tag|jour|día|dia|giorno|dag|第)\s*\.?\s*(\d{1,4})\s*(?:天|日)?\s*[,;/@-]?\s*"
    r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?\s*(?:h|uhr)?$",
    re.IGNORECASE,
)
_MAY_BE = re.compile(r"[0-9０-９].*[^0-9].*[0-9０-９]|[0-9]{8}")
_SIGNS = {*"./-:"}
_LONGEST = 60
"""Longer cells hold no moment."""

_LATEST = 1e15
"""Numbers beyond it are no times in any unit."""
_EPOCH_FROM = 100_000_000
_DAY_S = 86_400
_EXCEL_1970 = 25_569
_COMPACT = {
    14: "year, month, day, hour, minute, second",
    12: "year, month, day, hour, minute",
    10: "year, month, day, hour",
    8: "year, month, day",
}
"""What moments written as one whole number hold, by how many digits they have."""

_SIX_DIGITS = {"year, month, day": (0, 1, 2), "day, month, year": (2, 1, 0), "month, day, year": (2, 0, 1)}
"""Orders of dates of six digits: where year, month and day stand."""
_FEWEST_SIX = 3
_TIMES_CLOSER = 10
_OPEN_SIX = (
    "could be a date in more than one order, or a number: write dates as 2026-03-17, or choose the unit of this column"
)
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_MOST_COMPACT = 0.8


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
        offsets: Whether moments say how far they are from UTC; None where that is not known.
        problem: Why the column was not read although it seems to hold times, a sentence's end; else "".
    """

    unit: str
    value: NDArray[np.float64]
    bad: NDArray[np.bool_]
    reason: str
    of_day: NDArray[np.bool_] | None = None
    offsets: bool | None = None
    problem: str = ""

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
        bad, said = np.zeros(len(seconds), dtype=bool), "The cells are dates with a time."
        return TimeColumn(TIMESTAMP, seconds, bad, said)
    as_number = numbers(column, decimal_comma)
    filled = np.isfinite(as_number.value)
    if as_number.bad is None or (filled.any() and filled.sum() >= as_number.bad.sum()):
        bad = np.abs(as_number.value) > _LATEST
        if as_number.bad is not None:
            bad |= as_number.bad
        value = np.where(bad, np.nan, as_number.value) if bad.any() else as_number.value
        if unit in (None, TIMESTAMP) and (days := _six_digit_days(column, value, bad, header, unit)) is not None:
            return days
        return _numeric(value, bad, header, window_hours, unit)
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
    offsets = bool(_offsets(texts)) if found == TIMESTAMP else None
    return TimeColumn(found, value, np.isnan(value) & ~missing[codes], reason, of_day, offsets)


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
    return TimeColumn(TIMESTAMP, value, time.bad | date.bad, date.reason, offsets=date.offsets, problem=date.problem)


def written_clock(column: pa.ChunkedArray, header: str, decimal_comma: bool = False) -> TimeColumn | None:
    """Times of day written as numbers, such as 0815, 143000 or Excel's 0.34375; None for other numbers.

    Only for a column beside its date: alone, such numbers are more likely hours, minutes or seconds.
    """
    found = numbers(column, decimal_comma)
    bad = np.zeros(len(found.value), dtype=bool) if found.bad is None else found.bad
    known = found.value[np.isfinite(found.value)]
    words = {name_key(w) for w in re.split(r"[\s_()\[\],;./-]+", header)}
    if len(known) <= bad.sum() or (words & set().union(*_UNIT_WORDS.values())) or (known < 0).any():
        return None
    if (known < 1).all() and (known > 0).any():
        hours = np.round(found.value * _DAY_S, 3) / 3600
        return TimeColumn(CLOCK, hours, bad, "The numbers were taken as parts of a day, as Excel counts. Please check.")
    if (known % 1 != 0).any():
        return None
    array = flat(column)
    # 8, 9 and 14 are hours, or anything; 0008 is eight minutes past midnight.
    widest = 0
    if pa.types.is_string(array.type) or pa.types.is_dictionary(array.type):
        texts = [text.strip() for text in distinct(column)[1]]
        if all(len(text) in (4, 6) for text in texts if text.isdigit()):
            widest = max((len(text) for text in texts if text.isdigit()), default=0)
    widest = widest or len(f"{known.max():.0f}")
    if widest not in (3, 4, 5, 6):
        return None
    clock = found.value * (100 if widest < 5 else 1)
    known = clock[np.isfinite(clock)]
    # 24:00 is the end of a day.
    if (known > 240_000).any() or (known // 100 % 100 >= 60).any() or (known % 100 >= 60).any():
        return None
    hours = (clock // 10_000 * 3600 + clock // 100 % 100 * 60 + clock % 100) / 3600
    said = "hours and minutes" if widest < 5 else "hours, minutes and seconds"
    return TimeColumn(CLOCK, hours, bad, f"The numbers were taken as {said} of a day, without a colon. Please check.")


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
        if (found := _compact(value)) is not None:
            return TimeColumn(unit, found[0], bad | (np.isfinite(value) & np.isnan(found[0])), reason)
        if _are_excel_days(value[np.isfinite(value)]):
            return TimeColumn(unit, np.round((value - _EXCEL_1970) * _DAY_S, 3), bad, reason)
        largest = np.nanmax(np.abs(value), initial=0)
        return TimeColumn(unit, value / (1000.0 if largest > _EPOCH_FROM * 1000 else 1.0), bad, reason)
    # A clock with no colon in it can only mean whole hours.
    per_hour = _OWN_PER_HOUR.get(unit, 1.0)
    return TimeColumn(unit, value if per_hour == 1 else value / per_hour, bad, reason)


def _numeric_unit(value: NDArray[np.float64], header: str, window_hours: int) -> tuple[str, str]:
    words = {name_key(w) for w in re.split(r"[\s_()\[\],;./-]+", header)}
    for unit, known in _UNIT_WORDS.items():
        if words & known:
            return unit, f"The column is called {header}."
    is_date = is_date_header(header)
    if (written := _compact(value)) is not None:
        _, digits = written
        # Ten digits are seconds since 1970 too, of the years 2030 to 2036; eight may be a number of something.
        sure = digits > 10 or (digits == 8 and is_date)
        return TIMESTAMP, f"The cells are dates in the order {_COMPACT[digits]}.{'' if sure else ' Please check.'}"
    top = float(np.quantile(value, 0.95)) if len(value) else 0.0
    if top > _EPOCH_FROM:
        return TIMESTAMP, f"The numbers are {'milliseconds' if top > _EPOCH_FROM * 1000 else 'seconds'} since 1970."
    if _are_excel_days(value) and (is_date or (value % 1 != 0).any()):
        return TIMESTAMP, "Guessed from the range: days as Excel counts them, from the end of 1899. Please check."
    for unit, per_hour in _PER_HOUR.items():
        if top <= 1.5 * window_hours * per_hour:
            return unit, f"Guessed from the range: most times lie below {top:,.0f}. Please check."
    return HOURS, "No unit given: hours assumed. Please check."


def _compact(value: NDArray[np.float64]) -> tuple[NDArray[np.float64], int] | None:
    """Seconds since 1970 of moments such as 20240131, 202401310815 or 20240131081500, and their digits.

    None where most of the numbers are no such moments; NaN for each one that is none.
    """
    known = value[np.isfinite(value)]
    if not len(known):
        return None
    middle = float(np.median(known))
    digits = len(f"{middle:.0f}")
    if digits not in _COMPACT or not _FIRST_YEAR <= middle // 10.0 ** (digits - 4) <= _LAST_YEAR:
        return None
    seconds = _written_moments(value, digits)
    return (seconds, digits) if np.isfinite(seconds).sum() >= _MOST_COMPACT * len(known) else None


def _written_moments(value: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    """Seconds since 1970 of whole numbers of so many digits; NaN where month, day or time of day do not exist."""
    whole = np.isfinite(value) & (value >= 0) & (value < 10.0**digits) & (value % 1 == 0)
    number = np.where(whole, value, 0).astype(np.int64) * 10 ** (14 - digits)
    day_part, clock = np.divmod(number, 1_000_000)
    year, month, day = day_part // 10_000, day_part // 100 % 100, day_part % 100
    hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
    good = whole & (year >= _FIRST_YEAR) & (year <= _LAST_YEAR) & (month >= 1) & (month <= 12) & (day >= 1)
    good &= (hour < 24) & (minute < 60) & (second < 60)
    months = np.where(good, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    after = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    good &= first + day <= after
    seconds = ((first + day - 1) * 24 + hour) * 3600 + minute * 60 + second
    return np.where(good, seconds, np.nan)


def _six_digit_days(
    column: pa.ChunkedArray, value: NDArray[np.float64], bad: NDArray[np.bool_], header: str, unit: str | None
) -> TimeColumn | None:
    """Dates such as 260317 or 010203: read where only one order can be meant, else refused; None for other numbers.

    Numbers that seem to be such dates are never taken for hours or seconds; clocks of six digits are left to those who
    know the column with their date.
    """
    finite = value[np.isfinite(value)]
    # 000101 is the first that can be one; most columns of hours end here, before anything is sorted.
    if not len(finite) or not 101 <= finite.max() <= 991_231 or finite.min() < 0 or (finite % 1 != 0).any():
        return None
    known = np.unique(finite)
    words = {name_key(w) for w in re.split(r"[\s_()\[\],;./-]+", header)}
    if unit is None and words & set().union(*_UNIT_WORDS.values()):
        return None
    parts = [known // 10_000, known // 100 % 100, known % 100]
    read = {}
    for order, (y, m, d) in _SIX_DIGITS.items():
        year = np.where(parts[y] < 69, 2000, 1900) + parts[y]  # as POSIX reads them
        read[order] = _written_moments(year * 10_000 + parts[m] * 100 + parts[d], 8)
    most = max(int(np.isfinite(seconds).sum()) for seconds in read.values())
    if most < _MOST_COMPACT * len(known):
        return None
    is_date = is_date_header(header) or unit == TIMESTAMP
    if not is_date and len(known) < _FEWEST_SIX and known[-1] < 100_000 and not _has_padding(column):
        return None
    fits = {order: s for order, s in read.items() if np.isfinite(s).sum() == most}
    only = _only_order(fits)
    clocks = (known < 240_000).all() and (parts[1] < 60).all() and (parts[2] < 60).all()
    if only is None or (not is_date and (clocks or len(known) < _FEWEST_SIX)):
        nothing, found = np.full(len(value), np.nan), np.isfinite(value) | bad
        return TimeColumn(TIMESTAMP, nothing, found, f"Each cell {_OPEN_SIX}. Please check.", problem=_OPEN_SIX)
    there = np.isfinite(value)
    seconds = np.full(len(value), np.nan)
    seconds[there] = read[only][np.searchsorted(known, value[there])]
    reason = f"The cells are dates in the order {only}, of two digits each. Please check."
    return TimeColumn(TIMESTAMP, seconds, bad | (there & np.isnan(seconds)), reason, offsets=False)


def _only_order(fits: dict[str, NDArray[np.float64]]) -> str | None:
    """The order in which dates lie far closer together than in any other; None where nobody can say.

    Months are never told from days like that: patients may well come on the first of each month.
    """
    spans = {order: float(np.nanmax(seconds) - np.nanmin(seconds)) for order, seconds in fits.items()}
    first, *others = sorted(spans, key=spans.__getitem__)
    if not others:
        return first
    if not first.startswith("year") and any(not order.startswith("year") for order in others):
        return None
    return first if spans[first] * _TIMES_CLOSER < min(spans[order] for order in others) else None


def _has_padding(column: pa.ChunkedArray) -> bool:
    array = flat(column)
    if not pa.types.is_string(array.type) and not pa.types.is_dictionary(array.type):
        return False
    return any(len(text) == 6 and text[0] == "0" for text in distinct(column)[1])


def is_date_header(header: str) -> bool:
    """Whether a column is called the date of its rows."""
    return (role := match_role(header)) is not None and role[0] == DATE


def _are_excel_days(value: NDArray[np.float64]) -> bool:
    """Whether the numbers could be days since 30 December 1899, of the years 1982 to 2064."""
    return len(value) > 0 and bool((value >= 30_000).all() and (value <= 60_000).all())


def _clock_hours(texts: list[str]) -> NDArray[np.float64]:
    """Hours of "26:15", "01:30:20", "1 day 02:15", "8:15 PM" or "8h15"; NaN for anything else."""
    hours = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        if text.isascii() and ("-" in text[1:] or "/" in text):
            continue  # a date, as nearly all cells of a long column are
        text = _western(text)
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
    end = _CLOCK_END.match(_western(text))
    half = end.group(2)[0].casefold() if end else ""
    return half if half in ("a", "p") else ""


def _western(text: str) -> str:
    """A text with the digits and the order of clocks of a keyboard: "下午 3:20" as "3:20 PM"."""
    if text.isascii() or len(text) > _LONGEST:
        return text
    text = plain(text).replace("：", ":")
    text = _CHINESE_DAY.sub(r"\1/\2/\3 ", text)
    text = _CHINESE_CLOCK.sub(
        lambda m: ":".join([m[1], (m[2] or "0").zfill(2), *([m[3].zfill(2)] if m[3] else [])]), text
    )
    return _CHINESE_HALF.sub(lambda m: f"{m[2]} {_HALF[m[1].casefold()]}", text).strip()


def _plain_moment(text: str) -> str:
    """A date without the name of its weekday, its month in English, "a.m." as "AM", without "Uhr" and "o'clock"."""
    if len(text) > _LONGEST:
        return text
    text = _WEEKDAY.sub("", _western(text))
    text = re.sub(r"\ba\.?\s?m\b\.?", "AM", text, flags=re.IGNORECASE)
    text = re.sub(r"\bp\.?\s?m\b\.?", "PM", text, flags=re.IGNORECASE)
    text = re.sub(r"(\d)(AM|PM)\b", r"\1 \2", text)
    text = re.sub(r"(\d{1,2})\s?[hH]\s?([0-5]\d)\b", r"\1:\2", text)
    text = re.sub(r"(\d)(?:st|nd|rd|th|\.?º|er)\b", r"\1", text)
    words = [w for w in _WORD.findall(text) if w not in ("AM", "PM", "T", "Z")]
    for word in words:
        bare = word.rstrip(".").casefold()
        month = _MONTH_OF.get(bare) or _MONTH_OF.get(bare[:4]) or _MONTH_OF.get(bare[:3])
        if month is not None:
            text = re.sub(rf"(\d)\.\s*{re.escape(word)}", rf"\1 {month}", text)
            text = text.replace(word, month)
        elif bare in (
            "uhr",
            "um",
            "at",
            "de",
            "del",
            "à",
            "a",
            "las",
            "om",
            "alle",
            "ore",
            "às",
            "le",
            "den",
            "o",
            "clock",
        ):
            text = re.sub(rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])", " ", text)
    return " ".join(text.replace(",", " ").split())


def _timestamps(texts: list[str]) -> tuple[NDArray[np.float64], str]:
    """Seconds since 1970 (NaN where not understood) and a sentence on how they were read."""
    some = texts[:: max(1, len(texts) // 500)]
    if 2 * sum(_MAY_BE.search(text[:_LONGEST]) is not None for text in some) < len(some):
        return np.full(len(texts), np.nan), ""  # before a hundred forms are tried
    if _stay_days(some) is not None and (on_days := _stay_days(texts)) is not None:
        return on_days
    plainer = list(map(_plain_moment, some))
    made_plain = plainer != some and not np.isfinite(_to_seconds(pd.Series(some, dtype=object), "ISO8601")).all()
    sample = pd.Series(plainer if made_plain else some, dtype=object)
    signs = set("".join(sample))
    ranked = []
    for order, form in enumerate(_FORMATS):
        if form != "ISO8601" and not (_SIGNS & {*form} <= signs and ("%p" not in form or "M" in signs)):
            continue
        seconds = _to_seconds(sample, form)
        good = np.isfinite(seconds)
        if good.any():
            span = float(np.ptp(seconds[good]))
            ranked.append((-int(good.sum()), span, order, form))
            if form == "ISO8601" and good.all():
                break
    if not ranked:
        return np.full(len(texts), np.nan), ""  # before each of the texts is made plain
    series = pd.Series(list(map(_plain_moment, texts)) if made_plain else texts, dtype=object)
    ranked.sort()
    form = ranked[0][3]
    seconds = _to_seconds(series, form)
    for _, _, _, other in ranked[1:]:  # the same order of day and month, with or without seconds
        gaps = np.isnan(seconds)
        if not gaps.any():
            break
        if _date_part(other) == _date_part(form):
            seconds[gaps] = _to_seconds(series[gaps], other)
    if form == "ISO8601":
        what = "The cells are dates with a time." if (seconds % _DAY_S > 0).any() else "The cells are dates."
        return seconds, what + _said_of_offsets(texts)
    doubt = ""
    if _may_be_otherwise(sample, form, ranked):
        doubt = " The other order of day and month would fit too. Please check."
    words = {"%d": "day", "%m": "month", "%Y": "year", "%y": "year", "%b": "month", "%B": "month"}
    said = ", ".join(words[p] for p in re.findall(r"%[dmYybB]", form))
    return seconds, f"The cells are dates in the order {said}.{doubt}"


def _may_be_otherwise(sample: pd.Series, form: str, ranked: list[tuple[int, float, int, str]]) -> bool:
    """Whether another order of day, month and year reads as many cells, and other moments from them."""
    taken = _to_seconds(sample, form)
    for n, _, _, other in ranked[1:]:
        if n != ranked[0][0]:
            return False
        if _date_part(other) != _date_part(form) and "." not in form:  # with points, days come first
            there = _to_seconds(sample, other)
            both = np.isfinite(there) & np.isfinite(taken)
            if (there[both] != taken[both]).any():
                return True
    return False


def _offsets(texts: list[str]) -> set[str]:
    """How far times say they are from UTC, "" for one that does not say; nothing where none says it."""
    if not any(
        text.endswith(("Z", "UTC")) or text[-6:-5] in "+-" or text[-5:-4] in "+-"
        for text in texts[:: 1 + len(texts) // 500]
    ):
        return set()
    found = {match.group(1) if (match := _OFFSET.search(text)) else "" for text in texts}
    return set() if found == {""} else found


def _said_of_offsets(texts: list[str]) -> str:
    """A sentence where times say how far they are from UTC, and not all the same."""
    found = _offsets(texts)
    if "" in found:
        return " Only some say how far they are from UTC; the others were taken as UTC. Please check."
    if len({offset.replace(":", "").replace("Z", "+0000").replace("UTC", "+0000") for offset in found}) > 1:
        return " They are of several time zones, and were all converted to UTC."
    return ""


def _stay_days(texts: list[str]) -> tuple[NDArray[np.float64], str] | None:
    """Moments of "Day 2 14:00", counted from the first midnight; None where the cells are something else."""
    found = [_STAY_DAY.match(plain(text[:_LONGEST])) for text in texts]
    if sum(match is not None for match in found) * 2 < len(texts) or not texts:
        return None
    seconds = np.full(len(texts), np.nan)
    for i, match in enumerate(found):
        if match is not None and int(match[2]) <= 24:
            day, hour, minute, second = (int(part or 0) for part in match.groups())
            seconds[i] = ((day * 24 + hour) * 60 + minute) * 60 + second
    return seconds, "The cells are days of the stay with a time of day: hours are counted from the first row."


def _date_part(form: str) -> str:
    return re.split(r" %[HI]", form)[0]


def _to_seconds(series: pd.Series, form: str) -> NDArray[np.float64]:
    return _epoch_seconds(pd.to_datetime(series, format=form, errors="coerce", utc=True, cache=False))


def _epoch_seconds(series: pd.Series) -> NDArray[np.float64]:
    moments = pd.to_datetime(series, errors="coerce", utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[ms]")
    return np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 1000.0)
