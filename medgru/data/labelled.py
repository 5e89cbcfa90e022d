"""Stays whose outcome is known: what every training starts from.

Shapes: B stays.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgru.data.recording import Recordings


@dataclass(frozen=True)
class LabelledStays:
    """Stays whose outcome is known.

    Attributes:
        name: What they are called on the screen and in bundles ("A and B", "60 files"); never after a file by itself.
        recordings: The stays.
        y_true: Class of each, (B,): index into the task's outcomes.
        scores: Bedside scores by name, (B,) each; NaN where not computed.
        sha256: Hash of what they were read from.
        patients: Whose stay each is, (B,); empty where each stay is another patient's. Splits never part a patient.
        notes: Sentences on how the outcomes were found, for the screen.
    """

    name: str
    recordings: Recordings
    y_true: NDArray[np.int64]
    sha256: str
    scores: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    patients: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.y_true)

    def save(self, folder: Path) -> None:
        """Write them into a folder that only its owner can read; see `medgru.data.stored`.

        Raises:
            DataError: The disk is full or the folder cannot be written.
        """
        from medgru.data.stored import save  # it makes what is declared here

        save(self, folder)

    @classmethod
    def load(cls, folder: Path) -> "LabelledStays":
        """Inverse of `save`.

        Raises:
            DataError: They are missing or damaged, or were stored by another version.
        """
        from medgru.data.stored import load

        return load(folder)
