"""What tests look at in recordings, and when two are the same."""

import numpy as np
import pandas as pd

from medgru.data import Recordings


def values(found: Recordings) -> list[float]:
    """The measured values, to the third decimal."""
    return [round(float(v), 3) for v in found.value]


def kinds(found: Recordings) -> list[str]:
    """The kinds of issues, a line each."""
    return found.report.issues["kind"].tolist()


def notes(found: Recordings) -> str:
    """The notes, a line each."""
    return "\n".join(found.report.notes)


def statics_table(recordings: Recordings) -> pd.DataFrame:
    """One row a stay: record_id and every admission descriptor, NaN where unknown."""
    table = pd.DataFrame(recordings.statics, columns=[f.name for f in recordings.task.statics])
    table.insert(0, "record_id", list(recordings.record_ids))
    return table


def same(one: Recordings, other: Recordings) -> None:
    """They are equal in all but the order in which stays first appear."""
    assert set(one.record_ids) == set(other.record_ids)
    other = other.select(one.record_ids)
    for column in ("stay", "hours", "feature", "value", "statics"):
        np.testing.assert_array_equal(getattr(one, column), getattr(other, column), err_msg=column)
