"""An epoch of GRU-D, PyPOTS's against ours: `python -m benchmarks.grud [--rounds N]`.

4,000 stays of 48 hours and 37 variables of which 80 % of the cells are missing, 64 hidden units, 64 stays a
step, one torch thread, in processor time.

1. The networks alone: both get their inputs (time gaps, carried values) from memory, in the same order, with the
   same loss and the same fused Adam: forward, backward and step.
2. As a user trains them: an epoch of PyPOTS's `GRUD.fit` (data loader, copies) against one of our loop (target
   replication, clipping, moving average, checkpoint). Preparation is left out on both sides.
"""

import argparse
import contextlib
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as func

from benchmarks.timing import ratio
from medgru.nn import Network, build_network
from medgru.sequences import Sequences
from medgru.training.checkpoint import Checkpoints
from medgru.training.config import Recipe
from medgru.training.ensemble import resume
from medgru.training.inputs import TrainingInputs
from medgru.training.loop import Fit
from medgru.training.progress import Reporter

STAYS, HOURS, FEATURES, MISSING, HIDDEN, BATCH, BAR = 4000, 48, 37, 0.8, 64, 64, 2.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if find_spec("pypots") is None:
        print(
            "PyPOTS is not installed, so GRU-D is not measured against it. "
            "Install requirements-bench.txt into an environment of its own."
        )
        return
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    mask = torch.rand(STAYS, HOURS, FEATURES) >= MISSING
    x, y_true = torch.randn(STAYS, HOURS, FEATURES) * mask, torch.randint(0, 2, (STAYS,))
    theirs, ours = _their_epoch(x, mask, y_true), _our_epoch(x, mask, y_true)
    _say("GRU-D epoch, PyPOTS / ours", *ratio(theirs, ours, arguments.rounds, clock=time.process_time))
    with tempfile.TemporaryDirectory() as folder:
        fits = _their_fit(x, mask, y_true), _our_fit(x, mask, y_true, Path(folder))
        seconds = [[_epoch_seconds(fit) for fit in fits] for _ in range(max(1, arguments.rounds // 2))]
    theirs_ms, ours_ms = (1e3 * statistics.median(column) for column in zip(*seconds, strict=True))
    middle = statistics.median(above / below for above, below in seconds)
    _say("GRU-D epoch as a user trains it, GRUD.fit / ours", middle, theirs_ms, ours_ms)


def _say(words: str, value: float, above: float, below: float) -> None:
    verdict = "ok  " if value >= BAR else "SLOW"
    print(f"{verdict} {value:6.2f} (bar at least {BAR:g})  {words}  [{above:.0f} / {below:.0f} ms]", flush=True)


def _epoch_seconds(fit: Callable[[int], object]) -> float:
    """One epoch without what comes before the first: half of what three take longer than one."""
    took = []
    for epochs in (1, 3):
        start = time.process_time()
        fit(epochs)
        took.append(time.process_time() - start)
    return (took[1] - took[0]) / 2


def _our_network() -> Network:
    return build_network(
        {
            "input_size": FEATURES, "static_size": 0, "num_classes": 2, "max_hours": HOURS, "core": "gru-d",
            "hidden_size": HIDDEN, "dropout": 0.0,
        }
    )  # fmt: skip


def _our_fit(x: Tensor, mask: Tensor, y_true: Tensor, folder: Path) -> Callable[[int], object]:
    statics = torch.zeros(STAYS, 0)
    network = _our_network()
    data = TrainingInputs(network, Sequences(x, mask, torch.full((STAYS,), HOURS), statics, statics > 0))
    everyone, kept = torch.arange(STAYS), Checkpoints(folder)

    def fit(epochs: int) -> None:
        kept.remove("current")
        recipe = Recipe(epochs=epochs, patience=epochs, batch_size=BATCH, hide_sensors=0.0)
        # Early stopping needs somebody set apart; PyPOTS is given nobody.
        resume(Fit(data, y_true, everyone, everyone[:BATCH], network, recipe, seed=0), Reporter(), kept)

    return fit


def _their_fit(x: Tensor, mask: Tensor, y_true: Tensor) -> Callable[[int], object]:
    from pypots.classification import GRUD

    data = {"X": torch.where(mask, x, torch.nan).numpy(), "y": y_true.numpy()}

    def fit(epochs: int) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            model = GRUD(
                HOURS, FEATURES, 2, rnn_hidden_size=HIDDEN, batch_size=BATCH, epochs=epochs, device="cpu", verbose=False
            )
            model.fit(data)

    return fit


def _our_epoch(x: Tensor, mask: Tensor, y_true: Tensor):  # type: ignore[no-untyped-def]
    network = _our_network().train()
    lengths, statics = torch.full((STAYS,), HOURS), torch.zeros(STAYS, 0)
    inputs = network.prepare(x, mask, lengths, statics, statics > 0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)

    def epoch() -> None:
        for index in torch.randperm(STAYS).split(BATCH):
            hours = lengths[index][:, None] - 1
            logits, _ = network.answer(inputs.select(index, hours), lengths[index], hours)
            _step(optimizer, logits[0, :, 0], y_true[index])

    return epoch


def _their_epoch(x: Tensor, mask: Tensor, y_true: Tensor):  # type: ignore[no-untyped-def]
    from pypots.nn.modules.grud import BackboneGRUD

    backbone, head = BackboneGRUD(HOURS, FEATURES, HIDDEN).train(), nn.Linear(HIDDEN, 2)
    newest = torch.where(mask, torch.arange(HOURS)[:, None], 0).cummax(dim=1).values
    carried = x.gather(1, newest)
    gap = func.pad(torch.arange(1, HOURS)[:, None] - newest[:, :-1], (0, 0, 1, 0)).float()
    measured, mean = mask.float(), torch.zeros(FEATURES)
    optimizer = torch.optim.Adam([*backbone.parameters(), *head.parameters()], lr=1e-3, fused=True)

    def epoch() -> None:
        for index in torch.randperm(STAYS).split(BATCH):
            _, state = backbone(x[index], measured[index], gap[index], mean, carried[index])
            _step(optimizer, head(state), y_true[index])

    return epoch


def _step(optimizer: torch.optim.Optimizer, logits: Tensor, target: Tensor) -> None:
    optimizer.zero_grad()
    func.cross_entropy(logits, target).backward()
    optimizer.step()


if __name__ == "__main__":
    main()
