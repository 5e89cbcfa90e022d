"""The public recordings with their outcomes, as downloaded from PhysioNet.

PhysioNet/CinC Challenge 2012 (Silva et al., Comput Cardiol 2012;39:245-248): `set-x.tar.xz` (or `.zip`,
`.tar.gz`, or the unpacked folder `set-x`) with one text file a stay, and `Outcomes-x.txt` beside it.
Shapes: B stays.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from medgru.data import read
from medgru.data.labelled import LabelledStays
from medgru.errors import TrainingError
from medgru.tasks import Task

FOLDER = "physionet2012"
ENDINGS = (".tar.xz", ".tar.gz", ".zip", "")
OUTCOME = "In-hospital_death"
SCORES = {"SAPS-I": "SAPS-I", "SOFA": "SOFA"}
"""Bedside scores in the outcome file, name on the page -> column; -1 where not computed."""


def available_sets(data_dir: Path) -> tuple[str, ...]:
    """Letters of the sets in that folder that have both stays and outcomes."""
    folder = _folder(data_dir)
    letters = sorted(p.stem.removeprefix("Outcomes-") for p in folder.glob("Outcomes-?.txt"))
    return tuple(letter for letter in letters if any((folder / f"set-{letter}{e}").exists() for e in ENDINGS))


def read_labelled(task: Task, data_dir: Path, sets: Sequence[str]) -> LabelledStays:
    """Read the stays of the given sets with their outcomes.

    Args:
        task: What the stays are read for.
        data_dir: The folder `physionet2012`, or the one that holds it.
        sets: Letters of the sets, such as "a".

    Raises:
        TrainingError: A file is missing or not what it should be, a stay has no outcome or an outcome no stay.
        DataError: A file cannot be read.
    """
    folder = _folder(data_dir)
    if missing := sorted(set(sets) - set(available_sets(folder))):
        raise TrainingError(
            f"{folder} has no set-{missing[0]}.tar.xz with Outcomes-{missing[0]}.txt beside it. Download both from "
            "https://physionet.org/content/challenge-2012/1.0.0/ and name the folder they are in."
        )
    stays = [next(p for e in ENDINGS if (p := folder / f"set-{letter}{e}").exists()) for letter in sets]
    outcomes = [folder / f"Outcomes-{letter}.txt" for letter in sets]
    recordings = read(stays, task)
    table = pd.concat([_read_outcomes(p) for p in outcomes]).set_index("RecordID")
    if unmatched := len(set(recordings.record_ids) ^ set(table.index)):
        raise TrainingError(
            f"{unmatched} records are in only one of {', '.join(p.name for p in stays)} and "
            f"{', '.join(p.name for p in outcomes)}. Download the files anew."
        )
    table = table.loc[list(recordings.record_ids)]
    died = table[OUTCOME].to_numpy(dtype=np.int64)
    scores = {name: table[column].to_numpy(dtype=np.float64) for name, column in SCORES.items() if column in table}
    return LabelledStays(
        name=" and ".join(letter.upper() for letter in sets),
        recordings=recordings,
        y_true=np.where(died == 1, task.event_index, 1 - task.event_index),
        scores={name: np.where(values >= 0, values, np.nan) for name, values in scores.items()},
        sha256=_sha256([*(f for p in stays for f in _files(p)), *outcomes]),
    )


def _files(path: Path) -> list[Path]:
    return sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]


def _read_outcomes(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"RecordID": str})
        table[OUTCOME] = table[OUTCOME].astype(np.int64)
        return table[["RecordID", OUTCOME, *(c for c in SCORES.values() if c in table)]]
    except (ValueError, KeyError) as error:  # pandas raises its parsing errors as ValueError
        raise TrainingError(
            f"{path.name} is not the outcome file of PhysioNet 2012 ({type(error).__name__}): it needs the columns "
            f"RecordID and {OUTCOME}. Download it anew."
        ) from None


def _folder(data_dir: Path) -> Path:
    return data_dir / FOLDER if (data_dir / FOLDER).is_dir() else data_dir


def _sha256(paths: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
