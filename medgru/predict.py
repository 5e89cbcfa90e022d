"""Recordings and a bundle in, predictions out.

Shapes: B stays, T hours (padded), C classes, M ensemble members.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.recording import Recordings
from medgru.errors import TaskError
from medgru.tasks import HOUR, Task

if TYPE_CHECKING:
    from medgru.bundle import Bundle
    from medgru.sequences import Sequences

# Large enough that Python's share vanishes, small enough that a batch's tensors stay near a core's cache.
BATCH_STAYS = 128

T = TypeVar("T")


@dataclass(frozen=True)
class Scores:
    """What a bundle says about each stay at its last hour.

    Attributes:
        task, bundle_id: What was asked, and which model answered.
        record_ids: Stays, (B,).
        lengths: Hours seen of each stay, (B,).
        y_prob: Calibrated class probabilities at each stay's last hour, (B, C).
        base_rate: Class frequencies in the training data, (C,).
        reasons: Why the model abstains, (B,); empty where it does not.
    """

    task: Task
    bundle_id: str
    record_ids: tuple[str, ...]
    lengths: NDArray[np.int64]
    y_prob: NDArray[np.float32]
    base_rate: NDArray[np.float32]
    reasons: tuple[str, ...]

    @property
    def event_prob(self) -> NDArray[np.float32]:
        """Probability of the task's event at each stay's last hour, (B,)."""
        return self.y_prob[:, self.task.event_index]

    def table(self) -> pd.DataFrame:
        """One row a stay: record_id, predicted, p_<class> for each class, abstained, reason.

        `predicted` is the likelier class, empty where the model abstains. The probabilities are given
        even then, so that nothing is hidden; `abstained` says that they should not be used.
        """
        names = np.array([o.name for o in self.task.outcomes], dtype=object)
        abstained = np.array([bool(r) for r in self.reasons])
        table = pd.DataFrame({"record_id": list(self.record_ids)})
        table["predicted"] = np.where(abstained, "", names[self.y_prob.argmax(1)])
        for i, name in enumerate(names):
            table[f"p_{name}"] = self.y_prob[:, i]
        table["abstained"] = abstained
        table["reason"] = list(self.reasons)
        return table


@dataclass(frozen=True)
class Predictions(Scores):
    """What a bundle says about each stay at every hour, and where it looked.

    Attributes:
        hourly_prob: Class probabilities as they would have been seen at each hour, (B, T, C); NaN on padding.
        member_prob: Probability of the task's event by each ensemble member, hour by hour, (M, B, T);
            NaN on padding. Their spread is the model's own disagreement, not a confidence interval.
        attention: Weight of each hour in the answer at the last hour, (B, T); rows sum to one, zero on
            padding.
    """

    hourly_prob: NDArray[np.float32]
    member_prob: NDArray[np.float32]
    attention: NDArray[np.float32]


Progress = Callable[[int, int], None]
"""Called with (stays done, stays in all)."""


def score(bundle: "Bundle", recordings: Recordings, progress: Progress | None = None) -> Scores:
    """Ask the bundle about every stay's last hour: `predict` without the hours before, in half the time.

    Args:
        bundle: The model.
        recordings: Stays of the bundle's task.
        progress: Told after each batch how many stays are done; may raise to cancel.

    Raises:
        TaskError: The stays were read for another task, or there are none.
    """

    def at_the_end(stays: "Sequences") -> tuple[NDArray, NDArray]:
        hours = (stays.lengths - 1)[:, None]
        logits, _ = bundle.network(stays.x, stays.mask, stays.lengths, stays.statics, stays.statics_mask, hours)
        return stays.lengths.numpy(), bundle.calibrator(logits, hours + 1)[:, 0].numpy()

    parts = list(_by_batch(at_the_end, bundle, recordings, progress))
    lengths, y_prob = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Scores(
        task=bundle.task,
        bundle_id=bundle.id,
        record_ids=recordings.record_ids,
        lengths=lengths,
        y_prob=y_prob,
        base_rate=bundle.base_rate,
        reasons=thin_reasons(recordings, lengths),
    )


def predict(bundle: "Bundle", recordings: Recordings, progress: Progress | None = None) -> Predictions:
    """Ask the bundle about every hour of every stay. Arguments and errors as for `score`."""
    n, c = len(recordings), len(bundle.task.outcomes)

    def at_every_hour(stays: "Sequences") -> tuple[NDArray, NDArray, NDArray, NDArray]:
        logits, attention = bundle.network(
            stays.x, stays.mask, stays.lengths, stays.statics, stays.statics_mask
        )  # (M, B, T, C), (M, B, T)
        hourly = bundle.calibrator(logits)  # (B, T, C)
        members = bundle.calibrator(logits.flatten(0, 1).unsqueeze(0)).unflatten(0, logits.shape[:2])
        event = members[..., bundle.task.event_index]  # (M, B, T)
        return stays.lengths.numpy(), hourly.numpy(), event.numpy(), attention.mean(0).numpy()

    parts = list(_by_batch(at_every_hour, bundle, recordings, progress))
    lengths = np.concatenate([p[0] for p in parts])
    hours, m = int(lengths.max()), len(parts[0][2])
    hourly_prob = np.full((n, hours, c), np.nan, dtype=np.float32)
    member_prob = np.full((m, n, hours), np.nan, dtype=np.float32)
    weights = np.zeros((n, hours), dtype=np.float32)
    row = 0
    for _, prob, member, weight in parts:
        rows = slice(row, row + len(prob))
        hourly_prob[rows, : prob.shape[1]] = prob
        member_prob[:, rows, : prob.shape[1]] = member
        weights[rows, : prob.shape[1]] = weight
        row = rows.stop
    padding = np.arange(hours)[None, :] >= lengths[:, None]
    hourly_prob[padding] = np.nan
    member_prob[:, padding] = np.nan
    return Predictions(
        task=bundle.task,
        bundle_id=bundle.id,
        record_ids=recordings.record_ids,
        lengths=lengths,
        y_prob=hourly_prob[np.arange(n), lengths - 1],
        base_rate=bundle.base_rate,
        reasons=thin_reasons(recordings, lengths),
        hourly_prob=hourly_prob,
        member_prob=member_prob,
        attention=weights,
    )


def _by_batch(
    answer: "Callable[[Sequences], T]", bundle: "Bundle", recordings: Recordings, progress: Progress | None
) -> Iterator[T]:
    """The answer to each batch of stays, in order; batches share the machine's cores."""
    import torch

    if recordings.task != bundle.task:  # by content: two tasks of users may share a name
        raise TaskError(f"These stays were read for {recordings.task.name}; {bundle.id} is for {bundle.task.name}.")
    if not (n := len(recordings)):
        raise TaskError("There is no stay to predict. Load a file with at least one patient first.")
    if n <= BATCH_STAYS:
        with torch.inference_mode():
            yield answer(bundle.preprocessor(recordings))
        if progress:
            progress(n, n)
        return

    def one(start: int) -> T:
        with torch.inference_mode():  # is set a thread
            return answer(bundle.preprocessor(recordings.select(ids[start : start + BATCH_STAYS])))

    ids = recordings.record_ids
    # Several batches at once on one torch thread each; threads inside an operation gain less.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        try:
            for start, result in zip(range(0, n, BATCH_STAYS), pool.map(one, range(0, n, BATCH_STAYS)), strict=True):
                yield result
                if progress:
                    progress(min(start + BATCH_STAYS, n), n)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def thin_reasons(recordings: Recordings, lengths: NDArray[np.int64]) -> tuple[str, ...]:
    """Why each stay holds too little to be judged; empty where it holds enough."""
    task = recordings.task
    step = "h" if task.step == HOUR else f"{task.step.name}s"
    counts = np.bincount(recordings.stay, minlength=len(recordings))
    reasons = []
    for count, hours in zip(counts, lengths, strict=True):
        if not count:
            reasons.append("No usable measurement.")
        elif hours < task.min_hours:
            reasons.append(f"Only {hours} {step} recorded; at least {task.min_hours} {step} are needed.")
        elif count < task.min_measurements:
            reasons.append(f"Only {count} measurements; at least {task.min_measurements} are needed.")
        else:
            reasons.append("")
    return tuple(reasons)
