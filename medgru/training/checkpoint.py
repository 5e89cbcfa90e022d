"""What a run has reached, kept on disk so that it can be taken up again exactly there.

One file a state: tensors as safetensors, everything else as JSON in the same file's header, so that the
two can never be of different moments. It is written beside the old one and then takes its place: on a full
disk, or when the process dies while writing, the old one stays.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import save
from torch import Tensor

from medgru.errors import TrainingError
from medgru.plain_json import finite
from medgru.whole_files import write_whole

_ENDING = ".safetensors"


@dataclass(frozen=True)
class State:
    """Tensors by name, and plain values (`json` must give them back as they are)."""

    tensors: dict[str, Tensor]
    notes: dict[str, Any]


class Checkpoints:
    """States by name in a folder, which appears with the first of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, name: str, state: State) -> None:
        """Keep a state; an older one of that name is replaced in one step or not at all.

        Raises:
            OSError: It could not be written; the older one is still there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        content = save({k: v.contiguous() for k, v in state.tensors.items()}, {"notes": json.dumps(state.notes)})
        write_whole(self.folder / (name + _ENDING), content)

    def load(self, name: str) -> State | None:
        """That state, or None if there is none.

        Raises:
            TrainingError: The file is damaged.
        """
        path = self.folder / (name + _ENDING)
        if not path.exists():
            return None
        try:
            with safetensors.safe_open(path, framework="pt") as file:
                notes = json.loads(file.metadata()["notes"])
                return State({key: file.get_tensor(key).clone() for key in file.keys()}, notes)  # noqa: SIM118
        except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
            raise TrainingError(
                f"The checkpoint {path.name} of this run is damaged ({type(error).__name__}). Start a new run."
            ) from None

    def remove(self, name: str) -> None:
        """Forget that state; nothing happens where there is none."""
        (self.folder / (name + _ENDING)).unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write plain values as JSON, null for every number that is none, in a file that appears whole or not at all.

    Raises:
        OSError: It could not be written; an older file of that name is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(finite(value), ensure_ascii=False, allow_nan=False).encode())
