"""An epoch of ours against a bare loop: `python -m benchmarks.training [--rounds N]`.

1. Stays of one length: our epoch, with its checkpoint, a row in a run table and the question whether to stop
   before every batch, against the loop one would write by hand on the same tensors, batches and hours: forward,
   backward, clipping, fused AdamW, and the same look at the stays set apart. Both without variations; what the
   moving average of the weights costs is ours.
2. Stays of 5 to 200 hours, log-normal: the same against the bare loop padded to the longest.

One process, one torch thread, alternating rounds, median of the ratios.
"""

import argparse
import math
import sqlite3
import tempfile
from collections.abc import Callable
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
from medgru.training.inputs import TrainingInputs, ask_hours
from medgru.training.loop import Fit
from medgru.training.progress import Epoch, Reporter

STAYS, APART, FEATURES, HIDDEN = 2048, 512, 37, 64
RECIPE = Recipe(epochs=1, hide_sensors=0.0)
ALIKE_BAR, VARIED_BAR = 1.1, 0.35


class _Table(Reporter):
    """What a run table costs: a row an epoch, committed, and a flag to be asked for."""

    def __init__(self, folder: Path) -> None:
        self.connection = sqlite3.connect(folder / "runs.sqlite")
        self.connection.execute("PRAGMA journal_mode=WAL")
        self.connection.execute("CREATE TABLE IF NOT EXISTS epochs (loss, val_loss, auroc, auprc, grad_norm, seconds)")
        self.wanted, self.share = False, 0.0

    def batch(self, share: float) -> None:
        self.share = share

    def should_stop(self) -> bool:
        return self.wanted

    def epoch(self, epoch: Epoch) -> None:
        row = (epoch.loss, epoch.val_loss, epoch.auroc, epoch.auprc, epoch.grad_norm, epoch.seconds)
        with self.connection:
            self.connection.execute("INSERT INTO epochs VALUES (?, ?, ?, ?, ?, ?)", row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    torch.set_flush_denormal(True)
    alike = torch.full((STAYS,), 48)
    varied = torch.exp(torch.randn(STAYS) * 0.8 + math.log(40)).clamp(5, 200).long()
    with tempfile.TemporaryDirectory() as name:
        for lengths, bar, words in (
            (alike, ALIKE_BAR, "training epoch, ours / bare loop"),
            (varied, VARIED_BAR, "stays of 5 to 200 hours, ours / bare loop padded to the longest"),
        ):
            ours, bare = epochs(lengths, Path(name))
            value, above, below = ratio(ours, bare, arguments.rounds)
            verdict = "ok  " if value <= bar else "SLOW"
            print(f"{verdict} {value:6.2f} (bar at most {bar:g})  {words}  [{above:.0f} / {below:.0f} ms]", flush=True)


def epochs(lengths: Tensor, folder: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """One epoch of ours, and of the bare loop, on the same invented stays."""
    longest = int(lengths.max())
    inside = (torch.arange(longest) < lengths[:, None])[..., None]
    mask = (torch.rand(STAYS, longest, FEATURES) < 0.2) & inside
    stays = Sequences(torch.randn(mask.shape) * mask, mask, lengths, torch.randn(STAYS, 4), torch.ones(STAYS, 4) > 0)
    y_true = torch.randint(0, 2, (STAYS,))
    config = {
        "input_size": FEATURES, "static_size": 4, "num_classes": 2, "max_hours": longest, "hidden_size": HIDDEN,
        "summary_size": 0, "attention": "none",
    }  # fmt: skip
    network, bare_network = build_network(config), build_network(config)
    data = TrainingInputs(network, stays)
    train, apart = torch.arange(APART, STAYS), torch.arange(APART)
    reporter, kept = _Table(folder), Checkpoints(folder)

    def ours() -> None:
        kept.remove("current")
        resume(Fit(data, y_true, train, apart, network, RECIPE, seed=0), reporter, kept)

    def bare() -> None:
        _bare_epoch(bare_network, data, y_true, train, apart)

    return ours, bare


def _bare_epoch(network: Network, data: TrainingInputs, y_true: Tensor, train: Tensor, apart: Tensor) -> None:
    inputs, lengths = data.held, data.lengths
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=True)
    network.train()
    for index in train[torch.randperm(len(train), generator=generator)].tensor_split(len(train) // RECIPE.batch_size):
        hours = ask_hours(lengths[index], 1, generator)
        logits, _ = network.answer(inputs.select(index, hours), lengths[index], hours)
        loss = func.cross_entropy(logits[0].flatten(0, 1), y_true[index].repeat_interleave(2))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    network.eval()
    with torch.no_grad():
        for chunk in apart.split(256):
            last = lengths[chunk][:, None] - 1
            logits, _ = network.answer(inputs.select(chunk, last), lengths[chunk], last)
            func.cross_entropy(logits[0, :, 0], y_true[chunk])


if __name__ == "__main__":
    main()
