"""Who is trained on and who is set apart: by patient, stratified, reproducible, recorded.

All stays of a patient stay on one side, and so do recordings that are the same to the last measurement under
different ids: one of them would give the other away.
Shapes: B stays, C classes, P patients.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medgru.data.labelled import LabelledStays
from medgru.data.recording import Recordings
from medgru.data.words import counted
from medgru.errors import TrainingError

MIN_PER_CLASS = 10
"""Fewest patients of each class from which anything is trained."""

LEAST_TO_PART = 2
"""Fewest patients of each class of whom one can be set apart: another is left to learn from."""

LEAST_TO_COMPARE = 12
"""Recordings with fewer measurements may be alike by chance."""

_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


@dataclass(frozen=True)
class Patients:
    """Whose stay each is.

    Attributes:
        of: Number of the patient of each stay, (B,), from 0.
        hashes: Hash of each patient's id, (P,), 16 hexadecimal digits; those whose recordings are the same are
            one patient, under the lowest hash of theirs.
        twins: Stays whose recording occurs under another id too, (B,) bool.
        recordings: Hash of what was measured in each stay, (B,); 0 where that is too little to tell it from others.
    """

    of: NDArray[np.int64]
    hashes: NDArray[np.str_]
    twins: NDArray[np.bool_]
    recordings: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.hashes)

    def choose(self, index: NDArray[np.intp]) -> "Patients":
        """Whose the chosen stays are."""
        kept, number = np.unique(self.of[index], return_inverse=True)
        return Patients(number.astype(np.int64), self.hashes[kept], self.twins[index], self.recordings[index])

    def label(self, y_true: NDArray[np.int64]) -> NDArray[np.int64]:
        """Class of each patient, (P,): of several, the one that is rarest among all stays."""
        counts = np.bincount(y_true)
        rank = np.argsort(np.argsort(-counts, kind="stable"), kind="stable")  # the rarest class has the highest
        highest = np.zeros(len(self), dtype=np.int64)
        np.maximum.at(highest, self.of, rank[y_true])
        return np.argsort(rank)[highest]


def patients_of(stays: LabelledStays) -> Patients:
    """Who is who; without patients' ids every stay is another patient's."""
    names, of = np.unique(stays.patients or stays.recordings.record_ids, return_inverse=True)
    hashes = np.array([hashlib.sha256(str(n).encode()).hexdigest()[:16] for n in names], dtype="<U16")
    content = recording_hashes(stays.recordings, LEAST_TO_COMPARE)
    twins = np.zeros(len(stays), dtype=np.bool_)
    first: dict[int, int] = {}
    leader = np.arange(len(names))
    for stay, key in enumerate(content.tolist()):
        if key and (other := first.setdefault(key, stay)) != stay and of[stay] != of[other]:
            twins[[stay, other]] = True
            a, b = _root(leader, of[stay]), _root(leader, of[other])
            low, high = (a, b) if hashes[a] <= hashes[b] else (b, a)
            leader[high] = low
    roots = np.array([_root(leader, i) for i in range(len(names))], dtype=np.int64)
    kept, number = np.unique(roots, return_inverse=True)
    return Patients(number[of].astype(np.int64), hashes[kept], twins, content)


def held_out(
    stays: LabelledStays, share: float, patients: Patients | None = None
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Stays to train on and stays to measure on, as indices.

    Who is measured on is decided by the hash of the patient's id alone, class by class: the same patients
    whatever the seed, the settings and the order of the rows, so that runs can be compared on them.
    """
    who = patients or patients_of(stays)
    label, order = who.label(stays.y_true), np.argsort(who.hashes, kind="stable")
    apart = np.zeros(len(who), dtype=np.bool_)
    for c in np.unique(label):
        own = order[label[order] == c]
        apart[own[: max(1, round(share * len(own)))]] = True
    test = apart[who.of]
    return np.flatnonzero(~test), np.flatnonzero(test)


def check_apart(stays: LabelledStays, one: NDArray[np.intp], other: NDArray[np.intp]) -> None:
    """Make sure that no patient is on both sides of a split, by the ids as they were read.

    Raises:
        TrainingError: One is; the figures measured there would be too good.
    """
    ids = stays.patients or stays.recordings.record_ids
    if shared := len({ids[i] for i in one} & {ids[i] for i in other}):
        raise TrainingError(
            f"{shared} patients are on both sides of the split into training and test stays, so that the figures would "
            "be too good. Name the column that says whose stay each is."
        )


def check_labels(
    y_true: NDArray[np.int64], num_classes: int, least: int = MIN_PER_CLASS, labels: Sequence[str] | None = None
) -> None:
    """Refuse labels from which nothing can be learned.

    Args:
        y_true: Class of each patient.
        num_classes: How many classes there should be.
        least: Fewest patients of each class.
        labels: Names of the classes for the message.

    Raises:
        TrainingError: There is one class only, or too few patients of one.
    """
    if problems := label_problems(y_true, num_classes, least, labels):
        raise TrainingError(" ".join(problems))


def label_problems(
    y_true: NDArray[np.int64], num_classes: int, least: int = MIN_PER_CLASS, labels: Sequence[str] | None = None
) -> list[str]:
    """Why nothing can be learned from those labels, a sentence or two each; see `check_labels`."""
    counts = np.bincount(y_true, minlength=num_classes)
    if (counts > 0).sum() < 2:
        return [
            f"All {len(y_true)} stays have the same outcome: there is nothing to tell apart. Add stays of the others."
        ]
    return too_few(counts, labels or [str(i) for i in range(num_classes)], least)


def too_few(
    counts: NDArray[np.integer],
    labels: Sequence[str],
    least: int = MIN_PER_CLASS,
    shared: NDArray[np.integer] | None = None,
) -> list[str]:
    """The classes with too few patients in one message, and what would help; nothing where there are enough of each.

    Args:
        counts: Patients of each class, (C,).
        labels: Names of the classes.
        least: Fewest of each.
        shared: Patients of each class that count for a rarer one, (C,).
    """
    rare = [int(i) for i in np.argsort(counts, kind="stable") if counts[i] < least]
    if not rare:
        return []
    besides = np.zeros(len(counts), np.int64) if shared is None else shared
    one, kept = len(rare) == 1, len(counts) - len(rare)
    add = f"Add patients with {'it' if one else 'them'}"
    if kept >= 2:
        whose = "its rows" if one else "their rows"
        advice = f"{add}, join {'it' if one else 'them'} with another outcome in the label column, or take {whose} out."
    elif kept == 1 and not one and int(counts[rare].sum()) >= least:
        advice = f"{add}, or join them into one outcome in the label column."
    else:
        advice = f"{add}."
    if one:
        (i,) = rare
        needed = f"at least {least} are needed"
        if besides[i]:
            needed = (
                f"{besides[i]} of them have stays of a rarer outcome too and count there; at least {least} are needed "
                "besides"
            )
        return [f"The outcome {labels[i]} has {counted(int(counts[i] + besides[i]), 'patient')}; {needed}. {advice}"]
    listed = ", ".join(
        f"{labels[i]} ({counts[i]:,}{f', and {besides[i]:,} that count for a rarer outcome' if besides[i] else ''})"
        for i in rare
    )
    return [f"Each outcome needs at least {least} patients; these have fewer: {listed}. {advice}"]


def stratified_folds(y_true: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """Fold of each patient, (P,): every class spread evenly; the same for the same labels and seed."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(y_true), dtype=np.int64)
    start = 0
    for label in np.unique(y_true):
        where = rng.permutation(np.flatnonzero(y_true == label))
        # Each class goes on where the last one stopped, so that folds differ by one patient at most.
        fold[where] = (start + np.arange(len(where))) % folds
        start += len(where)
    return fold


def split_digest(ids: Sequence[str] | NDArray, part: NDArray[np.int64]) -> str:
    """Hash of who was in which part, without telling who: the order does not matter."""
    lines = sorted(f"{hashlib.sha256(str(r).encode()).hexdigest()} {f}" for r, f in zip(ids, part, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def split_of(who: Patients, apart: NDArray[np.intp]) -> str:
    """Hash of who is held out."""
    return split_digest(who.hashes[who.of[apart]], np.zeros(len(apart), dtype=np.int64))


def choose_stays(stays: LabelledStays, index: NDArray[np.intp]) -> LabelledStays:
    """The chosen stays only."""
    names = stays.recordings.record_ids
    return replace(
        stays,
        recordings=stays.recordings.select([names[i] for i in index]),
        y_true=stays.y_true[index],
        scores={name: values[index] for name, values in stays.scores.items()},
        patients=tuple(stays.patients[i] for i in index) if stays.patients else (),
    )


def recording_hashes(recordings: Recordings, least: int = 1) -> NDArray[np.uint64]:
    """Hash of what was measured in each stay, (B,), whatever the order of its rows; 0 for fewer than `least` values."""
    r = recordings
    with np.errstate(over="ignore"):
        rows = r.hours.astype("<f4").view("<u4").astype(np.uint64) * np.uint64(_MIX[0])
        rows ^= r.value.astype("<f4").view("<u4").astype(np.uint64) * np.uint64(_MIX[1])
        rows ^= (r.feature.astype(np.uint64) + np.uint64(1)) * np.uint64(_MIX[2])
        rows = (rows ^ (rows >> np.uint64(29))) * np.uint64(_MIX[1])
        ends = np.concatenate([[np.uint64(0)], np.cumsum(rows ^ (rows >> np.uint64(32)), dtype=np.uint64)])
    bounds = np.searchsorted(r.stay, np.arange(len(r) + 1))
    with np.errstate(over="ignore"):
        total = ends[bounds[1:]] - ends[bounds[:-1]]
    total[np.diff(bounds) < least] = 0
    return total


def _root(leader: NDArray[np.int64], i: int) -> int:
    while leader[i] != i:
        i = int(leader[i])
    return i
