"""Batches of like length, balanced draws, varied measurements, the schedule."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from test_training_ensemble import planted, prepared

from medgru.training.augment import vary
from medgru.training.batches import draw_batches, draw_stays
from medgru.training.config import Recipe
from medgru.training.schedule import rate_and_momentum


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@given(st.integers(0, 1000), st.integers(1, 9))
@hypothesis(max_examples=20, deadline=None)
def test_every_stay_is_in_exactly_one_batch(seed, batches):
    lengths = torch.randint(1, 300, (97,), generator=generator(seed))

    drawn = draw_batches(lengths, torch.randperm(97, generator=generator(seed)), batches, generator(seed))

    assert len(drawn) == batches
    assert sorted(torch.cat(drawn).tolist()) == list(range(97))


def test_stays_of_like_length_go_together_and_batches_differ_from_epoch_to_epoch():
    g = generator()
    lengths = torch.exp(torch.randn(1024, generator=g) * 0.8 + 3.7).clamp(5, 200).long()

    first, second = (draw_batches(lengths, torch.randperm(1024, generator=g), 16, g) for _ in range(2))

    padded = sum(int(lengths[b].max()) * len(b) for b in first)
    assert padded < 1.25 * lengths.sum()
    assert {tuple(sorted(b.tolist())) for b in first} != {tuple(sorted(b.tolist())) for b in second}
    longest = [int(lengths[b].max()) for b in first]
    assert longest != sorted(longest)


def test_stays_of_one_length_are_mixed_at_random():
    order = torch.randperm(100, generator=generator())

    drawn = draw_batches(torch.full((100,), 48), order, 10, generator())

    assert torch.equal(torch.cat(drawn), order)


def test_balanced_sampling_draws_every_class_equally_often():
    y_true = torch.tensor([0] * 950 + [1] * 50)

    drawn = draw_stays(torch.arange(1000), y_true, True, generator())

    assert len(drawn) == 1000
    assert y_true[drawn].float().mean() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("changes", [{"noise": 0.3}, {"scaling": 0.2}, {"jitter": 2}, {"hide_hours": 0.3}], ids=str)
def test_a_variation_changes_measurements_and_never_touches_padding(changes):
    stays, _ = planted()

    varied = vary(stays, replace(Recipe(), **changes), generator())

    inside = (torch.arange(stays.x.shape[1]) < stays.lengths[:, None])[..., None]
    assert not varied.mask[~inside.expand_as(varied.mask)].any()
    assert varied.x[~varied.mask].eq(0).all()
    assert not torch.equal(varied.x, stays.x)
    assert torch.equal(varied.lengths, stays.lengths)


def test_hours_are_hidden_as_often_as_asked_and_noise_is_as_strong_as_asked():
    stays, _ = planted(3000)

    hidden = vary(stays, Recipe(hide_hours=0.3), generator())
    noisy = vary(stays, Recipe(noise=0.5), generator())

    assert 1 - float(hidden.mask.sum() / stays.mask.sum()) == pytest.approx(0.3, abs=0.02)
    assert float((noisy.x - stays.x)[stays.mask].std()) == pytest.approx(0.5, abs=0.02)


def test_jitter_moves_a_variable_as_a_whole_and_never_further_than_asked():
    stays, _ = planted(1)
    x = torch.zeros(1, 6, 3)
    x[0, 3] = torch.tensor([1.0, 2.0, 3.0])
    stays = replace(stays, x=x, mask=x != 0, lengths=torch.tensor([6]))

    varied = vary(stays, Recipe(jitter=2), generator(4))

    assert varied.x.sum() == 6
    assert all(abs(int(varied.x[0, :, f].argmax()) - 3) <= 2 for f in range(3))


def test_padding_is_never_read_in_training():
    fit, poisoned = prepared(), prepared()
    sequences = poisoned.data.sequences
    beyond = (torch.arange(6) >= sequences.lengths[:, None])[..., None].expand_as(sequences.x)
    sequences.x[beyond] = 1e6

    index = torch.arange(40)
    losses = [f._loss(index).item() for f in (fit, poisoned)]

    assert losses[0] == pytest.approx(losses[1], abs=0.3)  # dropout differs, a million would not


@pytest.mark.parametrize("total", [12, 100, 371])
def test_one_cycle_is_torchs(total):
    recipe = Recipe(learning_rate=3e-3)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=total, pct_start=0.2)
    for step in range(total):
        group = optimizer.param_groups[0]
        rate, momentum = rate_and_momentum(recipe, step, total)
        assert rate == pytest.approx(group["lr"], rel=1e-9)
        assert momentum == pytest.approx(group["betas"][0], rel=1e-9)
        optimizer.step()
        if step < total - 1:
            schedule.step()


@pytest.mark.parametrize("schedule", ["cosine", "constant", "one-cycle"])
@pytest.mark.parametrize("total", [1, 2, 5, 1000])
def test_every_schedule_stays_between_nothing_and_its_peak(schedule, total):
    rates = [rate_and_momentum(Recipe(schedule=schedule), step, total)[0] for step in range(total)]

    assert all(0 < rate <= Recipe().learning_rate * (1 + 1e-9) for rate in rates)
