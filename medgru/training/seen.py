"""Whom a model has learned from, as far as that is known here, and what it means for figures on some patients.

A run notes who its networks were trained on in `trained_on.json`: hashes of patients and of recordings, and those of
the model that it began from. The file stays in the folder of the run and is never part of a bundle, which may be
given away. Of a model that came from elsewhere only what it says of its data is known.
Shapes: B stays.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgru import library
from medgru.bundle import BundleInfo
from medgru.data.labelled import LabelledStays
from medgru.settings import settings
from medgru.training.checkpoint import write_json
from medgru.training.splits import Patients

TRAINED_ON = "trained_on.json"
_LONGEST = 160  # of what a bundle says of its data


@dataclass(frozen=True)
class Group:
    """Some stays of a run.

    Attributes:
        patients: Hash of each one's patient, (B,).
        recordings: Hash of what was measured in each, (B,); 0 where that is too little to tell it from others.
        data: Hash of the data that they are part of.
        split: Hash of who they are, where they are all that a run held out; empty otherwise.
    """

    patients: NDArray[np.str_]
    recordings: NDArray[np.uint64]
    data: str
    split: str = ""

    @classmethod
    def of(cls, stays: LabelledStays, who: Patients, index: NDArray[np.intp], split: str = "") -> "Group":
        """The stays at `index`, (B,), of whom `who` says whose they are."""
        return cls(who.hashes[who.of[index]], who.recordings[index], stays.sha256, split)

    @property
    def count(self) -> int:
        """Patients among them."""
        return len(np.unique(self.patients))


@dataclass(frozen=True)
class Origin:
    """A model of whose patients nothing is known here.

    Attributes:
        id: Of the bundle.
        data: What it says of its data, in words.
        data_sha256, split_sha256: What it says of them as hashes; empty where it does not, the latter also where
            the model began from another one.
    """

    id: str
    data: str
    data_sha256: str
    split_sha256: str

    @classmethod
    def of(cls, info: BundleInfo) -> "Origin":
        """From `training.json`, which may be anybody's."""
        found = (info.training.get(key) for key in ("data", "settings"))
        data, asked = (entry if isinstance(entry, dict) else {} for entry in found)
        start = _text(asked.get("start_from"))
        said = _text(data.get("name")) or _text(data.get("source")) or "not known"
        split = "" if start else _text(info.training.get("split_sha256"))
        return cls(info.id, f"{said}; it began from {start}" if start else said, _text(data.get("sha256")), split)


@dataclass(frozen=True)
class Learned:
    """Whom a model has learned from.

    Attributes:
        patients, recordings: Hashes of those that are known, as in `Group`.
        data: Hashes of the data they are part of.
        unknown: Models that it goes back to, or that it is, of whose patients nothing is known.
    """

    patients: frozenset[str] = frozenset()
    recordings: frozenset[int] = frozenset()
    data: frozenset[str] = frozenset()
    unknown: tuple[Origin, ...] = ()

    def and_from(self, group: Group) -> "Learned":
        """Once it has learned from these stays too."""
        return replace(
            self,
            patients=self.patients | set(group.patients.tolist()),
            recordings=self.recordings | (set(group.recordings.tolist()) - {0}),
            data=self.data | {group.data},
        )

    def save(self, folder: Path) -> None:
        """Write it into the folder of a run."""
        values = {name: sorted(getattr(self, name)) for name in ("patients", "recordings", "data")}
        values["unknown"] = [asdict(origin) for origin in self.unknown]
        write_json(folder / TRAINED_ON, values)

    @classmethod
    def load(cls, folder: Path) -> "Learned | None":
        """What a run noted; None where it did not, or where that is damaged."""
        try:
            values = json.loads((folder / TRAINED_ON).read_text(encoding="utf-8"))
            known = {name: frozenset(values[name]) for name in ("patients", "recordings", "data")}
            return cls(**known, unknown=tuple(Origin(**origin) for origin in values["unknown"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None


def learned_by(info: BundleInfo) -> Learned:
    """Whom a bundle has learned from: as its run noted, if it came from a run that is here."""
    run_id = library.run_of(info)
    noted = Learned.load(settings().runs_dir / run_id) if run_id else None
    return noted or Learned(unknown=(Origin.of(info),))


def start_warnings(start: BundleInfo, learned: Learned, held_out: Group, trained_on: Group) -> list[str]:
    """What to beware of in a run that began from a model, a sentence each.

    Args:
        start: The model it began from.
        learned: Whom that one had learned from.
        held_out, trained_on: The stays on which the run is measured; those from which its networks learn, and by
            which they are stopped and calibrated.
    """
    subject, so = f"The model {start.id} that this run begins from", "the figures are too good"
    found = seen_warnings(start, learned, held_out, subject, so, f"{so}, and the probabilities too sure")
    known, _ = _shared(learned, trained_on)
    if known:
        found.append(
            f"{subject} was trained on {known:,} of the {trained_on.count:,} patients by whom this run is stopped and "
            "calibrated: its probabilities may be too sure, which shows in the ECE on the patients held out."
        )
    return found


def seen_warnings(
    info: BundleInfo, learned: Learned, held_out: Group, subject: str, so: str, perhaps: str = ""
) -> list[str]:
    """Sentences where a model was trained on patients that are held out, or may have been.

    Args:
        info: The model.
        learned: Whom it has learned from.
        held_out: On whom it is measured.
        subject: What the model is called at the beginning of a sentence.
        so: What follows if it had seen them; `perhaps` where that is not known, if it differs.
    """
    known, named = _shared(learned, held_out)
    count = held_out.count
    found = []
    if known:
        found.append(f"{subject} was trained on {known:,} of these {count:,} held-out patients: {so}.")
    if named:
        found.append(
            f"{subject} was trained on other data, in which {named:,} of the identifiers of these {count:,} held-out "
            f"patients occur too: if they are the same people, {so}."
        )
    for origin in learned.unknown:
        behind = "" if origin.id == info.id else f"goes back to the model {origin.id}, which "
        found += _may_have_seen(origin, held_out, f"{subject} {behind}".rstrip(), perhaps or so)
    return found


def _may_have_seen(origin: Origin, held_out: Group, subject: str, so: str) -> Iterable[str]:
    if not origin.data_sha256 or origin.data_sha256 != held_out.data:
        yield f"{subject} may have been trained on these patients (its data: {origin.data}): then {so}."
    elif not origin.split_sha256 or origin.split_sha256 != held_out.split:
        yield f"{subject} was trained on these very data: unless the same patients were held out there, {so}."


def _shared(learned: Learned, group: Group) -> tuple[int, int]:
    """How many patients of a group were learned from, and of how many others the identifiers occur in other data."""
    named = set(group.patients[np.isin(group.patients, list(learned.patients))].tolist())
    measured = np.isin(group.recordings, np.array(sorted(learned.recordings), dtype=np.uint64)) & (group.recordings > 0)
    known = set(group.patients[measured].tolist()) | (named if group.data in learned.data else set())
    return len(known), len(named - known)


def _text(value: object) -> str:
    return " ".join(value.split())[:_LONGEST] if isinstance(value, str) else ""
