"""Admission descriptors as a table, for tests that look at them by name."""

import pandas as pd

from medgru.data import Recordings


def statics_table(recordings: Recordings) -> pd.DataFrame:
    """One row a stay: record_id and every admission descriptor, NaN where unknown."""
    table = pd.DataFrame(recordings.statics, columns=[f.name for f in recordings.task.statics])
    table.insert(0, "record_id", list(recordings.record_ids))
    return table
