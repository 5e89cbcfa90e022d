"""Labelled stays in a folder: `stays.npz` (arrays), `stays.json` (words) and `task.json`.

Nothing in it is unpickled. Identifiers are UTF-8 bytes with the length of each, so that they stay what they
are in any language. Whoever may read the folder can read patients' data: it is for its owner alone.
Shapes: B stays, N measurements, S descriptors, C classes.
"""

import json
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.labelled import LabelledStays
from medgru.data.recording import ISSUE_COLUMNS, ReadReport, Recordings
from medgru.errors import DataError, TaskError
from medgru.tasks import Task
from medgru.tasks.own import task_from_config, task_to_config
from medgru.whole_files import replacing

FORMAT = 2
ARRAYS, WORDS, TASK = "stays.npz", "stays.json", "task.json"

_COLUMNS = {"stay": np.int32, "hours": np.float32, "feature": np.int16, "value": np.float32, "statics": np.float32}
_MAX_WORDS_MB = 64
_DAMAGED = (OSError, ValueError, KeyError, EOFError, MemoryError, RecursionError, zipfile.BadZipFile, zlib.error)


def save(stays: LabelledStays, folder: Path) -> None:
    """Write stays into a folder; what stood there under the same names is replaced, each file in one go.

    Raises:
        DataError: The disk is full or the folder cannot be written.
    """
    recordings, report = stays.recordings, stays.recordings.report
    arrays: dict[str, NDArray] = {name: getattr(recordings, name) for name in _COLUMNS}
    arrays["y_true"] = stays.y_true
    for i, score in enumerate(stays.scores.values()):
        arrays[f"score_{i}"] = score
    for name, texts in (
        ("record_ids", recordings.record_ids),
        ("titles", recordings.titles),
        ("patients", stays.patients),
    ):
        arrays[f"{name}_utf8"], arrays[f"{name}_sizes"] = _packed(texts)
    words = {
        "format": FORMAT,
        "name": stays.name,
        "sha256": stays.sha256,
        "scores": list(stays.scores),
        "notes": list(stays.notes),
        "simulated": recordings.simulated,
        "report": {
            "issues": [list(row) for row in report.issues[list(ISSUE_COLUMNS)].astype(object).itertuples(index=False)],
            "notes": list(report.notes),
            "rows_read": report.rows_read,
            "rows_used": report.rows_used,
            "files": list(report.files),
        },
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with replacing(folder / ARRAYS) as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the names for its own arguments
        for name, content in ((TASK, task_to_config(recordings.task)), (WORDS, words)):
            with replacing(folder / name) as file:
                file.write(json.dumps(content, ensure_ascii=False).encode("utf-8", "surrogatepass"))
    except OSError as error:
        raise DataError(
            f"The data of the run could not be stored ({error.strerror}). Free some space, or check the permissions "
            "of the folder that MEDGRU_HOME names."
        ) from None


def load(folder: Path) -> LabelledStays:
    """Inverse of `save`.

    Raises:
        DataError: Something is missing or damaged, or was stored by another version.
    """
    try:
        task = task_from_config(_json(folder / TASK))
        words = _json(folder / WORDS)
        with open(folder / ARRAYS, "rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if words["format"] != FORMAT:
            raise ValueError
        stays = _stays(task, words, arrays)
        _check(stays)
    except TaskError as error:
        raise DataError(f"The task stored with the data cannot be used. {error}") from None
    except (*_DAMAGED, TypeError, IndexError, AttributeError, NotImplementedError):
        raise DataError(
            "The data stored with this run are missing, damaged or of another version of MedGRU. "
            "Start a new run from the original files."
        ) from None
    return stays


def _stays(task: Task, words: dict[str, Any], arrays: dict[str, NDArray]) -> LabelledStays:
    report = words["report"]
    recordings = Recordings(
        task=task,
        record_ids=_unpacked(arrays, "record_ids"),
        report=ReadReport(
            pd.DataFrame(report["issues"], columns=list(ISSUE_COLUMNS)),
            tuple(report["notes"]),
            int(report["rows_read"]),
            int(report["rows_used"]),
            tuple(report["files"]),
        ),
        simulated=bool(words["simulated"]),
        titles=_unpacked(arrays, "titles"),
        **{name: arrays[name] for name in _COLUMNS},
    )
    return LabelledStays(
        name=str(words["name"]),
        recordings=recordings,
        y_true=arrays["y_true"],
        sha256=str(words["sha256"]),
        scores={str(name): arrays[f"score_{i}"] for i, name in enumerate(words["scores"])},
        patients=_unpacked(arrays, "patients"),
        notes=tuple(words["notes"]),
    )


def _check(stays: LabelledStays) -> None:
    """Whether the arrays fit each other; ValueError where they do not."""
    r, task, n = stays.recordings, stays.recordings.task, len(stays.recordings)
    good = (
        all(getattr(r, name).dtype == kind for name, kind in _COLUMNS.items())
        and stays.y_true.dtype == np.int64
        and stays.y_true.shape == (n,)
        and r.statics.shape == (n, len(task.statics))
        and r.stay.shape == r.hours.shape == r.feature.shape == r.value.shape == (len(r.stay),)
        and all(s.shape == (n,) and s.dtype == np.float64 for s in stays.scores.values())
        and len(set(r.record_ids)) == n
        and len(r.titles) in (0, n)
        and len(stays.patients) in (0, n)
        and _within(stays.y_true, len(task.outcomes))
        and _within(r.stay, n)
        and _within(r.feature, len(task.features))
        and bool((np.diff(r.stay) >= 0).all() and np.isfinite(r.value).all())
        and bool(((r.hours >= 0) & (r.hours <= task.window_hours)).all())
    )
    if not good:
        raise ValueError


def _within(index: NDArray, n: int) -> bool:
    return not len(index) or bool(index.min() >= 0 and index.max() < n)


def _packed(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """UTF-8 bytes of all texts, and how many belong to each."""
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return np.frombuffer(b"".join(encoded), np.uint8), np.array([len(e) for e in encoded], np.int64)


def _unpacked(arrays: dict[str, NDArray], name: str) -> tuple[str, ...]:
    data, sizes = arrays[f"{name}_utf8"].tobytes(), arrays[f"{name}_sizes"]
    ends = np.cumsum(sizes)
    if (len(sizes) and sizes.min() < 0) or (int(ends[-1]) if len(sizes) else 0) != len(data):
        raise ValueError
    starts = (ends - sizes).tolist()
    return tuple(data[a:b].decode("utf-8", "surrogatepass") for a, b in zip(starts, ends.tolist(), strict=True))


def _json(path: Path) -> Any:
    if path.stat().st_size > _MAX_WORDS_MB << 20:
        raise ValueError
    return json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
