"""What readers of databases need of stays: names that never merge two people, and ages."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def name_stays(persons: Sequence[str], ids: Sequence[str | None]) -> list[str]:
    """A name of its own for each stay.

    It is the identifier of the stay where there is one, else that of the person, numbered ("7/1", "7/2") where she has
    several stays. Where two stays would have one name, the person stands before it.
    """
    several = {person for person, n in Counter(persons).items() if n > 1}
    seen: Counter[str] = Counter()
    plain, full = [], []
    for person, record_id in zip(persons, ids, strict=True):
        seen[person] += 1
        own = record_id or str(seen[person])
        plain.append(record_id or (f"{person}/{own}" if person in several else person))
        full.append(f"{person}/{own}")
    twice = {name for name, n in Counter(plain).items() if n > 1}
    names: dict[str, None] = {}
    for short, long in zip(plain, full, strict=True):
        name, n = (long if short in twice else short), 1
        while name in names:
            n += 1
            name = f"{long} ({n})"
        names[name] = None
    return list(names)


def completed_years(birth: NDArray[np.datetime64], at: NDArray[np.datetime64]) -> NDArray[np.float64]:
    """Age in completed years, (N,), NaN where either moment is not known."""
    years = at.astype("datetime64[Y]").astype(np.int64) - birth.astype("datetime64[Y]").astype(np.int64)
    before_birthday = _day_of_year(at) < _day_of_year(birth)
    return np.where(np.isnat(birth) | np.isnat(at), np.nan, years - before_birthday)


def _day_of_year(moment: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Month and day as one number that grows with the calendar and knows no leap years."""
    month = moment.astype("datetime64[M]")
    return month.astype(np.int64) % 12 * 31 + (moment.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(
        np.int64
    )
