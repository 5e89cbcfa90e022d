"""What runs are called: by question, kind of network and number of stays, and no two alike."""

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # see queue: a worker imports this package, and must not lose a second with it
    from medgru.data.labelled import LabelledStays
    from medgru.training.config import RunConfig

LONGEST_TITLE = 50
_NUMBER = re.compile(r" \(\d+\)$")


def usual_name(stays: "LabelledStays", config: "RunConfig", taken: Collection[str] = ()) -> str:
    """ "ICU mortality · GRU-D, 120 stays"; never a file's name, as the name of a run becomes that of its model."""
    from medgru.nn import FAMILY

    kind = "trained further" if config.start_from else FAMILY[config.model].label
    count = f"{len(stays):,} {'stay' if len(stays) == 1 else 'stays'}"
    return distinct(f"{stays.recordings.task.title[:LONGEST_TITLE]} · {kind}, {count}", taken)


def distinct(name: str, taken: Collection[str]) -> str:
    """The name, with the next free number where another one is called so: "nights (2)"."""
    if name not in taken:
        return name
    base = _NUMBER.sub("", name)
    return next(new for number in range(2, len(taken) + 3) if (new := f"{base} ({number})") not in taken)
