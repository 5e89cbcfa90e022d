"""What can be said of a run before it starts: why it cannot, what to beware of, how long it will take.

Shapes: B stays, F features, P patients.
"""

import math
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgru.data.labelled import LabelledStays
from medgru.data.words import counted
from medgru.errors import MedGRUError, TrainingError
from medgru.library import find
from medgru.training.config import SCHEDULES, Recipe, RunConfig
from medgru.training.seen import Group, learned_by, start_warnings
from medgru.training.splits import Patients, held_out, label_problems, patients_of, split_of, too_few

FEW_PATIENTS = 50
"""Below this many patients of a class, figures are rough."""
FEW_STEPS = 150
"""Below this many steps in all, a network has hardly begun to learn."""
RARE_SHARE = 0.05
"""Below this share of the patients, a class is called rare."""
NEIGHBOURS, COMPARED = 10, 1500
"""Stays that each is compared with for doubtful labels, and most stays looked at."""
DOUBTFUL_SHARE, CLEAR_DATA = 0.04, 0.8
"""Doubt is worth a word from this share of the stays on, and only where neighbours agree this often otherwise."""

_RANGES: dict[str, tuple[float, float]] = {
    "hidden_size": (1, 1024), "num_layers": (1, 4), "summary_size": (0, 1024), "dropout": (0, 0.95),
    "members": (1, 20), "test_share": (0.05, 0.5), "search_minutes": (0, 24 * 60),
}  # fmt: skip
_RECIPE_RANGES: dict[str, tuple[float, float]] = {
    "epochs": (1, 1000), "patience": (1, 1000), "batch_size": (1, 4096), "learning_rate": (1e-7, 1.0),
    "weight_decay": (0, 10), "max_grad_norm": (1e-3, 1e3), "averaging": (0, 0.9999), "earlier_hours": (0, 100),
    "earlier_weight": (0, 10), "balance": (0, 1), "hide_sensors": (0, 0.5), "hide_hours": (0, 0.5), "noise": (0, 5),
    "jitter": (0, 1000), "scaling": (0, 1),
}  # fmt: skip


@dataclass(frozen=True)
class RunCheck:
    """What is known of a run before it starts.

    Attributes:
        problems: Why it cannot start, a sentence each; empty where it can.
        warnings: What to beware of, a sentence each.
        seen: Those of them that come from the patients that the model it begins from had seen.
        minutes: Least and most it will take here, roughly.
        memory_mb: What it will need, roughly.
        class_counts: Stays of each class by its label.
        config: The settings as they will hold.
        who: Whose stay each is.
        train, test: Stays that it learns from and on which it is measured, as indices; none where it cannot start.
    """

    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    seen: tuple[str, ...]
    minutes: tuple[float, float]
    memory_mb: int
    class_counts: dict[str, int]
    config: RunConfig
    who: Patients
    train: NDArray[np.intp]
    test: NDArray[np.intp]

    @property
    def held_out(self) -> int:
        """Stays on which it will be measured."""
        return len(self.test)


def check_run(stays: LabelledStays, config: RunConfig, free_mb: int | None = None) -> RunCheck:
    """Look at stays and settings without training anything.

    Args:
        stays: What would be trained on and measured on.
        config: The settings.
        free_mb: Memory that is free, where somebody asks before a start.
    """
    task = stays.recordings.task
    labels = [o.label for o in task.outcomes]
    counts = np.bincount(stays.y_true, minlength=len(labels))
    who = patients_of(stays)
    patient_label = who.label(stays.y_true)
    problems = _setting_problems(config) or _model_problems(stays, config)
    if not problems and config.start_from:
        from medgru.training.plans import as_trained  # it brings torch

        config = as_trained(config)
    problems += _class_problems(stays, who, patient_label, labels)
    memory = _memory_mb(stays, config)
    warnings: list[str] = []
    seen: list[str] = []
    train = test = np.empty(0, dtype=np.intp)
    if not problems:
        train, test = held_out(stays, config.test_share, who)
        warnings = _warnings(stays, config, who, labels, len(train), test)
        seen = _seen(stays, config, who, train, test)
        if free_mb is not None and memory > free_mb:
            warnings.append(
                f"The run needs about {memory:,} MB of memory, {free_mb:,} are free: it may be ended by the system. "
                "Lower the batch size or the hidden size, bring fewer stays, or close other programs."
            )
    return RunCheck(
        tuple(problems), (*warnings, *seen), tuple(seen), minutes(stays, config, config.members), memory,
        {label: int(n) for label, n in zip(labels, counts, strict=True)}, config, who, train, test,
    )  # fmt: skip


def _setting_problems(config: RunConfig) -> list[str]:
    problems = []
    for values, ranges in ((config, _RANGES), (config.recipe, _RECIPE_RANGES)):
        for name, (low, high) in ranges.items():
            value = getattr(values, name)
            whole = isinstance(getattr(type(values)(), name), int)
            number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
            if not number or not low <= value <= high or (whole and value != int(value)):
                kind = "a whole number" if whole else "a number"
                problems.append(f"The setting {name} must be {kind} from {low:g} to {high:g}. Change it.")
    if config.recipe.schedule not in SCHEDULES:
        problems.append(f"The schedule must be one of {', '.join(SCHEDULES)}. Change it.")
    return problems


def _model_problems(stays: LabelledStays, config: RunConfig) -> list[str]:
    """Why this model cannot be trained for this task."""
    from medgru.nn import FAMILY, NetworkConfig, check_causal
    from medgru.training.plans import network_config

    task = stays.recordings.task
    try:
        if config.start_from:
            if (info := find(config.start_from)).task.name != task.name:
                return [
                    f"The model to start from was made for {info.task.title}, the stays were read for {task.title}. "
                    "Choose a model of the same task, or train from scratch."
                ]
            return []
        if config.model not in FAMILY:
            return [f"There is no model of that name. Choose one of {', '.join(FAMILY)}."]
        network = network_config(task, config)
        NetworkConfig.from_dict(network)
        check_causal(network, task)
    except MedGRUError as error:
        return [str(error)]
    return []


def _with_class(stays: LabelledStays, who: Patients, classes: int, rows: NDArray[np.intp] | None = None) -> list[int]:
    """Patients with each class, (C,), among these stays; one with stays of several classes counts for each."""
    rows = np.arange(len(stays)) if rows is None else rows
    return [len(np.unique(who.of[rows][stays.y_true[rows] == c])) for c in range(classes)]


def _class_problems(stays: LabelledStays, who: Patients, label: NDArray[np.int64], labels: list[str]) -> list[str]:
    """Why these classes cannot be told apart: there is one only, or there are too few patients of one."""
    if len(np.unique(stays.y_true)) < 2:
        return label_problems(stays.y_true, len(labels), labels=labels)
    # Stays of a patient are never parted: each patient is split by the rarest of their classes.
    parted, having = np.bincount(label, minlength=len(labels)), _with_class(stays, who, len(labels))
    return too_few(parted, labels, shared=np.array(having) - parted)


def _warnings(
    stays: LabelledStays, config: RunConfig, who: Patients, labels: list[str], train: int, test: NDArray[np.intp]
) -> list[str]:
    found = []
    counts = _with_class(stays, who, len(labels))
    apart = _with_class(stays, who, len(labels), test)
    order = np.argsort(counts, kind="stable")
    few = [i for i in order if counts[i] < FEW_PATIENTS]
    wide = "every figure will have a wide interval. Add patients"
    if len(few) == 1:
        (i,) = few
        found.append(
            f"The outcome {labels[i]} has only {counted(counts[i], 'patient')}, {apart[i]} of them held out: {wide} "
            "with it if you can."
        )
    elif few:
        listed = ", ".join(f"{labels[i]} ({counts[i]}, {apart[i]} of them held out)" for i in few)
        found.append(f"These outcomes have few patients: {listed}; {wide} if you can.")
    for i in order:
        if FEW_PATIENTS <= counts[i] < RARE_SHARE * len(who):
            found.append(
                f"The outcome {labels[i]} is rare ({100 * counts[i] / len(who):.1f} % of the patients): look at AUPRC "
                "and calibration, not at AUROC alone; balancing the classes may help."
            )
    found += _too_few_steps(config, train)
    if twins := int(who.twins.sum()):
        found.append(
            f"{twins:,} stays are the same to the last measurement as others under different ids. They are kept on one "
            "side of every split; take the copies out if they are the same patient."
        )
        found += _contradictions(stays, who)
    if (share := doubtful_labels(stays)) >= DOUBTFUL_SHARE:
        found.append(
            f"About {100 * share:.0f} % of the outcomes look doubtful: those stays resemble stays with another outcome "
            "much more than their own. Check how the label column was made before you trust the figures."
        )
    return found


def _seen(
    stays: LabelledStays, config: RunConfig, who: Patients, train: NDArray[np.intp], test: NDArray[np.intp]
) -> list[str]:
    """What to beware of because of the patients from whom the model it begins from has learned."""
    if not config.start_from:
        return []
    start = find(config.start_from)
    held, learners = Group.of(stays, who, test, split_of(who, test)), Group.of(stays, who, train)
    return start_warnings(start, learned_by(start), held, learners)


def _too_few_steps(config: RunConfig, train: int) -> list[str]:
    """Whether more or smaller steps would help; nothing where the settings are those that are advised."""
    recipe, advised = config.recipe, suggested_recipe(train)
    per_epoch = train // recipe.batch_size
    if recipe.epochs * max(1, per_epoch) >= FEW_STEPS or per_epoch >= 12:
        return []
    advice = []
    if recipe.epochs < advised.epochs:
        advice.append(f"raise the epochs from {recipe.epochs} to {advised.epochs} or so; they are short")
    if recipe.batch_size > advised.batch_size:
        advice.append(f"lower the batch size from {recipe.batch_size} to {advised.batch_size}")
    if not advice:
        return []
    return [f"With {counted(train, 'stay')} to train on, the network hardly begins to learn: {', and '.join(advice)}."]


def _contradictions(stays: LabelledStays, who: Patients) -> list[str]:
    """Same recording, different outcomes."""
    number, y_true = who.of[who.twins], stays.y_true[who.twins]
    differing = sum(len(set(y_true[number == n].tolist())) > 1 for n in np.unique(number))
    if not differing:
        return []
    what = "1 recording that occurs" if differing == 1 else f"{differing:,} recordings that occur"
    have = "has" if differing == 1 else "have"
    return [f"{what} more than once {have} different outcomes. Check the label column."]


def doubtful_labels(stays: LabelledStays) -> float:
    """Share of stays whose outcome their neighbours contradict with confidence; 0 where neighbours know nothing.

    Confident learning (Northcutt et al. 2021, https://arxiv.org/abs/1911.00068) with the nearest neighbours by
    the mean of each variable as the judge: a stay is doubtful when another class is as likely for it as it
    usually is for stays of that class, and more likely than its own.
    """
    r, y_true = stays.recordings, stays.y_true
    b, f = len(stays), len(r.task.features)
    cell = r.stay.astype(np.int64) * f + r.feature
    count = np.bincount(cell, minlength=b * f).reshape(b, f)
    total = np.bincount(cell, weights=r.value, minlength=b * f).reshape(b, f)
    mean = np.concatenate([np.where(count > 0, total / count.clip(min=1), np.nan), r.statics], axis=1)
    chosen = np.random.default_rng(0).permutation(b)[:COMPARED]
    mean, y = mean[chosen], y_true[chosen]
    known = np.isfinite(mean)
    centre = np.where(known, mean, 0).sum(axis=0) / known.sum(axis=0).clip(min=1)
    z = np.where(known, mean - centre, 0.0)
    z = np.clip(z / np.sqrt((z**2).sum(axis=0) / known.sum(axis=0).clip(min=1) + 1e-12), -4, 4).astype(np.float32)
    if len(y) <= 2 * NEIGHBOURS:
        return 0.0
    square = (z**2).sum(axis=1)
    distance = square[:, None] + square - 2 * z @ z.T
    np.fill_diagonal(distance, np.inf)
    near = np.argpartition(distance, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    classes = len(r.task.outcomes)
    share = np.eye(classes)[y[near]].mean(axis=1)  # (B, C)
    own = [share[y == c, c].mean() if (y == c).any() else np.inf for c in range(classes)]
    agreement = np.mean([v for v in own if np.isfinite(v)])
    if agreement < CLEAR_DATA:
        return 0.0
    other = share.argmax(axis=1)
    doubtful = (other != y) & (share.max(axis=1) >= np.array(own)[other])
    return float(doubtful.mean())


def suggested_recipe(stays: int) -> Recipe:
    """Settings that suit so many stays: few stays need smaller batches and more, shorter epochs."""
    if stays >= 1500:
        return Recipe()
    batch_size = 64 if stays >= 800 else 32 if stays >= 300 else 16
    epochs = min(40, max(12, 400 * batch_size // max(1, stays)))
    return Recipe(epochs=epochs, patience=max(4, epochs // 4), batch_size=batch_size, averaging=0.95)


SECONDS_PER_UNIT = 1.6e-10
"""Time of one multiplication in a recurrent network's training, and its overheads; measured on two quiet cores."""
FIXED_SECONDS = 8.0


def minutes(stays: LabelledStays, config: RunConfig, networks: float) -> tuple[float, float]:
    """Minutes for so many networks, least and most: early stopping may end them soon, and machines differ."""
    mean_hours, _ = _hours(stays)
    task, n = stays.recordings.task, len(stays) * (1 - config.test_share)
    h, layers, ways = config.hidden_size, config.num_layers, 2 if config.bidirectional else 1
    inputs = 4 * len(task.features) + 10 * len(task.statics)
    core = 3 * h * (inputs + h) * ways + (layers - 1) * 6 * h * h * ways
    slow = {"rnn": 0.5, "gru-d": 1.5, "retain": 2.0}.get(config.model, 1.0)
    # What an hour of a stay costs apart from products: gates, copies, the loss.
    work = n * 0.75 * mean_hours * (core * slow + 3000 * ways) * 3
    epoch = work * SECONDS_PER_UNIT + n * len(task.features) * 8e-7
    full = epoch * networks * config.recipe.epochs + FIXED_SECONDS + n * 3e-3
    share = min(1.0, (1 + config.recipe.patience) / config.recipe.epochs)
    low = epoch * networks * config.recipe.epochs * share + FIXED_SECONDS
    return (low / 60 / 1.5 + config.search_minutes, full / 60 * 3 + config.search_minutes)


def _memory_mb(stays: LabelledStays, config: RunConfig) -> int:
    """MiB: Python with torch and scikit-learn, the stays as grids, inputs computed once, one batch."""
    from medgru.training.ensemble import HOURS_FOR_SCALES
    from medgru.training.inputs import HELD_BYTES

    _, longest = _hours(stays)
    f, s = len(stays.recordings.task.features), len(stays.recordings.task.statics)
    cells = len(stays) * longest
    grid = cells * f * 5
    inputs = min(HELD_BYTES, cells * 4 * (4 * f + 10 * f * bool(config.summary_size) + 18 * s + 2))
    batch = config.recipe.batch_size * longest * (4 * f + 12 * config.hidden_size * config.num_layers) * 4 * 6
    scales = min(cells, HOURS_FOR_SCALES) * f * 100
    summaries = len(stays) * f * 21 * 4 * 3
    return int(450 + (2 * grid + 1.3 * inputs + max(batch, scales, summaries)) / 2**20)


def _hours(stays: LabelledStays) -> tuple[float, int]:
    """Mean and longest length of the stays in steps of the grid."""
    r = stays.recordings
    ends = np.ones(len(r), dtype=np.float32)
    np.maximum.at(ends, r.stay, r.hours)
    lengths = np.minimum(np.ceil(ends), r.task.window_hours)
    return float(lengths.mean()) if len(r) else 1.0, int(lengths.max(initial=1))


def free_memory_mb() -> int | None:
    """MiB that a new process can have without others being pushed out; None where the system does not say."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        free = next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")) // 1024
        with suppress(OSError, ValueError):  # in a container there may be less; "max" where there is no limit
            group = Path("/sys/fs/cgroup")
            limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
            kept = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
            used -= int(kept.get("inactive_file", 0))  # of files, given back when it is needed
            free = min(free, (limit - used) // 2**20)
        return max(0, free)
    return None


def require(check: RunCheck) -> None:
    """Refuse a run that cannot start.

    Raises:
        TrainingError: There are problems; all of them are told.
    """
    if check.problems:
        raise TrainingError(" ".join(check.problems))
