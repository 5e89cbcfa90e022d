"""Recordings and a bundle in, predictions out.

Shapes: B stays, T hours (padded), C classes, M ensemble members.
"""

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from medgru.data.recording import Recordings
from medgru.data.words import counted
from medgru.errors import TaskError
from medgru.tasks import HOUR, Task

if TYPE_CHECKING:
    from medgru.bundle import Bundle
    from medgru.sequences import Sequences

# Large enough that Python's share vanishes, small enough that a batch's tensors stay near a core's cache.
BATCH_STAYS = 128

BACK = (12, 10, 8, 6, 4, 2, 0)
"""Hours before the last one at which a stay's course is given, the oldest first."""

TREND_HOURS = 6
"""Hours over which a change is told; one of `BACK`."""

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
        course: Probability of the task's event `BACK` hours before each stay's last one, (B, K), as it would have been
            seen then; NaN before the stay began.
    """

    task: Task
    bundle_id: str
    record_ids: tuple[str, ...]
    lengths: NDArray[np.int64]
    y_prob: NDArray[np.float32]
    base_rate: NDArray[np.float32]
    reasons: tuple[str, ...]
    course: NDArray[np.float32]

    @property
    def event_prob(self) -> NDArray[np.float32]:
        """Probability of the task's event at each stay's last hour, (B,)."""
        return self.y_prob[:, self.task.event_index]

    @property
    def change(self) -> NDArray[np.float32]:
        """Change of the event's probability over the last `TREND_HOURS`, (B,); NaN for a shorter stay."""
        return self.course[:, -1] - self.course[:, BACK.index(TREND_HOURS)]

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


class Scoring:
    """A bundle's answers about many stays, batch by batch: it can be cancelled, and goes on where it was.

    What was answered is kept, so that no stay is asked about twice.
    """

    def __init__(self, bundle: "Bundle", recordings: Recordings) -> None:
        """Begin with nothing answered.

        Raises:
            TaskError: The stays were read for another task, or there are none.
        """
        _check(bundle, recordings)
        self.recordings = recordings
        self._bundle = bundle
        self._parts: dict[int, tuple[NDArray, NDArray, NDArray]] = {}  # by the first stay of the batch

    @property
    def total(self) -> int:
        """Stays in all."""
        return len(self.recordings)

    @property
    def done(self) -> int:
        """Stays answered so far."""
        return sum(len(lengths) for lengths, _, _ in self._parts.values())

    def run(self, progress: Progress | None = None) -> None:
        """Answer what is not answered yet.

        Args:
            progress: Told after each batch how many stays are done; may raise to cancel.
        """
        waiting = [start for start in range(0, self.total, BATCH_STAYS) if start not in self._parts]
        with closing(_by_batch(self._answer, self._bundle, self.recordings, waiting, self._parts)) as answers:
            for start, answer in answers:
                self._parts[start] = answer
                if progress:
                    progress(self.done, self.total)

    def scores(self) -> Scores:
        """What is known so far, in the order of the recordings; `answered` says of whom."""
        parts = [self._parts[start] for start in sorted(self._parts)]
        lengths, y_prob, course = (np.concatenate(column) for column in zip(*parts, strict=True))
        answered = self.answered()
        return Scores(
            task=self._bundle.task,
            bundle_id=self._bundle.id,
            record_ids=answered.record_ids,
            lengths=lengths,
            y_prob=y_prob,
            base_rate=self._bundle.base_rate,
            reasons=thin_reasons(answered, lengths),
            course=course,
        )

    def answered(self) -> Recordings:
        """The stays that are answered."""
        if self.done == self.total:
            return self.recordings
        ids = self.recordings.record_ids
        return self.recordings.select([i for start in sorted(self._parts) for i in ids[start : start + BATCH_STAYS]])

    def _answer(self, stays: "Sequences") -> tuple[NDArray, NDArray, NDArray]:
        """Lengths, probabilities at the last hour, and the event's course."""
        import torch

        before = stays.lengths[:, None] - 1 - torch.tensor(BACK)
        hours = before.clamp(min=0)
        logits, _ = self._bundle.network(stays.x, stays.mask, stays.lengths, stays.statics, stays.statics_mask, hours)
        prob = self._bundle.calibrator(logits, hours + 1)  # (B, K, C)
        course = torch.where(before >= 0, prob[..., self._bundle.task.event_index], torch.nan)
        return stays.lengths.numpy(), prob[:, -1].numpy(), course.numpy()


def score(bundle: "Bundle", recordings: Recordings, progress: Progress | None = None) -> Scores:
    """Ask the bundle about every stay's last hour and a few before it: quicker than `predict`, which asks about all.

    Args:
        bundle: The model.
        recordings: Stays of the bundle's task.
        progress: Told after each batch how many stays are done; may raise to cancel.

    Raises:
        TaskError: The stays were read for another task, or there are none.
    """
    scoring = Scoring(bundle, recordings)
    scoring.run(progress)
    return scoring.scores()


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

    _check(bundle, recordings)
    parts = []
    with closing(_by_batch(at_every_hour, bundle, recordings, range(0, n, BATCH_STAYS), {})) as answers:
        for start, part in answers:
            parts.append(part)
            if progress:
                progress(min(start + BATCH_STAYS, n), n)
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
        course=_course(hourly_prob[..., bundle.task.event_index], lengths),
        hourly_prob=hourly_prob,
        member_prob=member_prob,
        attention=weights,
    )


def _course(hourly: NDArray[np.float32], lengths: NDArray[np.int64]) -> NDArray[np.float32]:
    """The event's probability at the hours of `BACK`, (B, K), from that at every hour, (B, T)."""
    at = lengths[:, None] - 1 - np.array(BACK)
    return np.where(at >= 0, np.take_along_axis(hourly, at.clip(min=0), axis=1), np.nan).astype(np.float32)


def _check(bundle: "Bundle", recordings: Recordings) -> None:
    if recordings.task != bundle.task:  # by content: two tasks of users may share a name
        raise TaskError(f"These stays were read for {recordings.task.name}; {bundle.id} is for {bundle.task.name}.")
    if not len(recordings):
        raise TaskError("There is no stay to predict. Load a file with at least one patient first.")


def _by_batch(
    answer: "Callable[[Sequences], T]",
    bundle: "Bundle",
    recordings: Recordings,
    starts: Sequence[int],
    rescued: dict[int, T],
) -> Generator[tuple[int, T], None, None]:
    """The answer to each batch of stays, by its first stay, in order; batches share the machine's cores.

    Where the consumer stops early, what was answered by then goes to `rescued`.
    """
    import torch

    def one(start: int) -> T:
        with torch.inference_mode():  # is set a thread
            return answer(bundle.preprocessor(recordings.between(start, min(start + BATCH_STAYS, len(recordings)))))

    if len(starts) < 2:
        for start in starts:
            yield start, one(start)
        return
    # Several batches at once on one torch thread each; threads inside an operation gain less.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        waiting = {start: pool.submit(one, start) for start in starts}
        try:
            for start, future in waiting.items():
                yield start, future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            for start, future in waiting.items():
                if future.done() and not future.cancelled() and not future.exception():
                    rescued[start] = future.result()
            raise


def thin_reasons(recordings: Recordings, lengths: NDArray[np.int64]) -> tuple[str, ...]:
    """Why each stay holds too little to be judged; empty where it holds enough."""
    task = recordings.task
    steps = "h" if task.step == HOUR else f"{task.step.name}s"
    reasons = []
    for count, hours in zip(recordings.counts, lengths, strict=True):
        if not count:
            reasons.append("No usable measurement.")
        elif hours < task.min_hours:
            reasons.append(
                f"Only {hours} {steps if hours != 1 else steps.removesuffix('s')} recorded; at least {task.min_hours} "
                f"{steps} are needed."
            )
        elif count < task.min_measurements:
            reasons.append(f"Only {counted(int(count), 'measurement')}; at least {task.min_measurements} are needed.")
        else:
            reasons.append("")
    return tuple(reasons)
