"""An epoch of GRU-D, PyPOTS's against ours: `python -m benchmarks.grud [--rounds N]`.

4,000 stays of 48 hours and 37 variables of which 80 % of the cells are missing, 64 hidden units, 64 stays a
step, one torch thread. Both networks get their inputs (time gaps, carried values) from memory, in the same
order, with the same loss and the same fused Adam: what is compared is forward, backward and step alone, in
processor time.
PyPOTS's own epoch costs more than that (data loader, device copies), which would flatter us.
"""

import argparse
import time
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn import functional as func

from benchmarks.timing import ratio
from medgru.nn import build_network

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
    value, above, below = ratio(theirs, ours, arguments.rounds, clock=time.process_time)
    verdict = "ok  " if value >= BAR else "SLOW"
    print(f"{verdict} {value:6.2f} (bar at least {BAR:g})  GRU-D epoch, PyPOTS / ours  [{above:.0f} / {below:.0f} ms]")


def _our_epoch(x: Tensor, mask: Tensor, y_true: Tensor):  # type: ignore[no-untyped-def]
    network = build_network(
        {
            "input_size": FEATURES, "static_size": 0, "num_classes": 2, "max_hours": HOURS, "core": "gru-d",
            "hidden_size": HIDDEN, "dropout": 0.0,
        }
    ).train()  # fmt: skip
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
