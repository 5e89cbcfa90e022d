"""A run that is stopped goes on to exactly the weights it would have had; what was kept last survives faults."""

import errno
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from test_training_ensemble import CONFIG, PLAN, RECIPE, Listener, planted, prepared

from medgru.errors import TrainingError
from medgru.nn import FAMILY
from medgru.training import loop
from medgru.training.checkpoint import Checkpoints, State
from medgru.training.ensemble import CrossValidation, fit_ensemble
from medgru.training.faults import told_in_words
from medgru.training.progress import Reporter, Stopped


class StopAt(Reporter):
    """Wants to stop when asked for the n-th time."""

    def __init__(self, asked):
        self.left = asked

    def should_stop(self):
        self.left -= 1
        return self.left == 0


def same_weights(a, b):
    return all(torch.equal(value, b.state_dict()[name]) for name, value in a.state_dict().items())


@pytest.mark.parametrize("asked", [1, 4, 11, 12, 23], ids=lambda n: f"before batch {n}")
def test_a_network_stopped_anywhere_ends_with_the_same_weights(tmp_path, asked):
    whole = prepared().run(Reporter())
    kept = Checkpoints(tmp_path)
    stopped = prepared()
    with pytest.raises(Stopped):
        stopped.run(StopAt(asked), lambda state: kept.save("current", state))
    torch.randn(100)  # another process has other random numbers

    resumed = prepared(seed=8)  # everything is restored, also what the seed decides
    resumed.load(kept.load("current"))
    fitted = resumed.run(Reporter())

    assert same_weights(fitted.network, whole.network)
    timeless = [[replace(e, seconds=0.0) for e in f.history] for f in (fitted, whole)]
    assert timeless[0] == timeless[1]


def test_a_network_stopped_before_every_third_batch_ends_with_the_same_weights():
    whole = prepared().run(Reporter())
    kept, stops = [], 0
    while True:
        fit = prepared()
        if kept:
            fit.load(kept[-1])
        try:
            fitted = fit.run(StopAt(3), kept.append)
            break
        except Stopped:
            stops += 1

    assert stops > 8
    assert same_weights(fitted.network, whole.network)


@pytest.mark.parametrize("core", [name for name in FAMILY if name != "gru"])
@pytest.mark.parametrize(
    "changes",
    [
        {"noise": 0.2, "hide_hours": 0.1, "jitter": 1, "scaling": 0.1, "schedule": "cosine"},
        {"balanced_sampling": True, "schedule": "constant"},
    ],
    ids=["measurements varied", "balanced sampling"],
)
def test_every_member_of_the_family_and_every_switch_resumes_alike(core, changes):
    recipe = replace(RECIPE, epochs=2, batch_size=40, **changes)
    sizes = {k: CONFIG[k] for k in ("input_size", "static_size", "num_classes", "max_hours")}
    config = FAMILY[core].config(sizes, CONFIG | {"attention": "dot"})
    whole = prepared(recipe=recipe, config=config).run(Reporter())
    kept = []
    with pytest.raises(Stopped):
        prepared(recipe=recipe, config=config).run(StopAt(6), kept.append)

    resumed = prepared(recipe=recipe, config=config, seed=8)
    resumed.load(kept[-1])

    assert same_weights(resumed.run(Reporter()).network, whole.network)


@pytest.mark.parametrize("asked", [5, 37, 38, 45], ids=["1st member", "its end", "2nd begins", "2nd member"])
def test_an_ensemble_stopped_anywhere_ends_with_the_same_answers(tmp_path, asked):
    data, plan = planted(), replace(PLAN, only=2)
    whole = fit_ensemble(CrossValidation(*data), plan)

    with pytest.raises(Stopped):
        fit_ensemble(CrossValidation(*data), plan, reporter=StopAt(asked), folder=tmp_path)
    resumed = fit_ensemble(CrossValidation(*data), plan, folder=tmp_path)

    assert same_weights(resumed.network, whole.network)
    assert torch.equal(resumed.calibrator.scale, whole.calibrator.scale)
    np.testing.assert_equal(resumed.out_of_fold.numpy(), whole.out_of_fold.numpy())


def test_a_state_is_kept_within_an_epoch_too(monkeypatch):
    monkeypatch.setattr(loop, "SAVE_SECONDS", 0.0)
    kept = []

    prepared(recipe=replace(RECIPE, epochs=1)).run(Reporter(), kept.append)

    assert [state.notes["batch"] for state in kept][:4] == [0, 1, 2, 3]
    assert kept[-1].notes["epoch"] == 1


def full_disk(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_on_a_full_disk_the_last_state_is_kept_and_no_half_file_is_left(tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path)
    kept.save("current", State({"weight": torch.ones(3)}, {"epoch": 1}))
    monkeypatch.setattr("medgru.whole_files.os.fsync", full_disk)

    with (
        pytest.raises(TrainingError, match=r"no space left on the disk.*checkpoint is kept.*free some space"),
        told_in_words(),
    ):
        kept.save("current", State({"weight": torch.zeros(3)}, {"epoch": 2}))

    assert kept.load("current").notes == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["current.safetensors"]


def test_a_full_disk_is_known_by_the_words_of_safetensors_too():
    words = "Error while serializing: I/O error: No space left on device (os error 28)"

    with pytest.raises(TrainingError, match="no space left on the disk"), told_in_words():
        raise SafetensorError(words)


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried")], ids=type
)
def test_too_little_memory_is_told_in_a_sentence(error):
    with pytest.raises(TrainingError, match=r"not enough memory.*Lower the batch size"), told_in_words():
        raise error


def test_a_fault_of_ours_is_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="shapes"), told_in_words():
        raise RuntimeError("shapes do not match")


def test_a_loss_that_is_no_number_leaves_the_last_good_state():
    kept = []
    fit = prepared()

    class Poison(Listener):
        def epoch(self, epoch):
            super().epoch(epoch)
            if epoch.epoch == 1:
                with torch.no_grad():
                    next(fit.network.parameters()).fill_(torch.nan)

    with pytest.raises(TrainingError, match=r"no longer a number \(epoch 3\)"):
        fit.run(Poison(), kept.append)

    assert kept[0].notes["epoch"] == 1
    assert all(value.isfinite().all() for value in kept[0].tensors.values())


def test_a_damaged_checkpoint_is_told_in_a_sentence(tmp_path):
    (tmp_path / "current.safetensors").write_bytes(b"\x00" * 40)

    with pytest.raises(TrainingError, match=r"checkpoint current\.safetensors of this run is damaged"):
        Checkpoints(tmp_path).load("current")


def test_training_leaves_the_arithmetic_of_its_thread_as_it_was():
    for flushed in (False, True):
        torch.set_flush_denormal(flushed)
        try:
            prepared().run(Reporter())
            assert (torch.tensor(1e-40).mul(1).item() == 0) == flushed
        finally:
            torch.set_flush_denormal(False)
