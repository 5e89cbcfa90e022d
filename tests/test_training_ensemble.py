"""Training on invented stays with a planted signal: the first variable's last value decides."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medgru.errors import TrainingError
from medgru.evaluation import auroc
from medgru.nn import build_network
from medgru.sequences import Sequences
from medgru.training import loop
from medgru.training.config import Recipe
from medgru.training.ensemble import CrossValidation, Plan, fit_ensemble
from medgru.training.inputs import TrainingInputs, ask_hours
from medgru.training.loop import Fit, Place, class_weights
from medgru.training.progress import Reporter
from medgru.training.splits import check_labels, split_digest, stratified_folds

HOURS, FEATURES = 6, 3
CONFIG = {
    "input_size": FEATURES, "static_size": 1, "num_classes": 2, "max_hours": HOURS, "hidden_size": 4,
    "attention_size": 4, "summary_size": 8, "dropout": 0.1, "summary_dropout": 0.1,
}  # fmt: skip
RECIPE = Recipe(epochs=3, batch_size=16, learning_rate=0.02, weight_decay=0.01, averaging=0.8, hide_sensors=0.1)
PLAN = Plan(CONFIG, RECIPE, folds=3, repeats=1, seed=0)


def planted(count=240, seed=0):
    g = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, HOURS + 1, (count,), generator=g)
    mask = (torch.rand(count, HOURS, FEATURES, generator=g) < 0.7) & (torch.arange(HOURS) < lengths[:, None]).unsqueeze(
        2
    )
    mask[:, 0] = True
    x = torch.randn(count, HOURS, FEATURES, generator=g) * mask
    level = torch.randn(count, generator=g)
    x[..., 0] = level[:, None] * mask[..., 0]
    y_true = (level + 0.3 * torch.randn(count, generator=g) > 0.7).long().numpy()
    return Sequences(x, mask, lengths, torch.randn(count, 1, generator=g), torch.ones(count, 1) > 0), y_true


def prepared(seed=3, recipe=RECIPE, place=None, config=CONFIG):
    sequences, y_true = planted()
    torch.manual_seed(seed)
    network = build_network(config)
    index = torch.arange(len(y_true))
    data = TrainingInputs(network, sequences)
    return Fit(data, torch.from_numpy(y_true), index[:160], index[160:], network, recipe, seed, place=place)


def fit_one(recipe=RECIPE, seed=3, reporter=None, place=None):
    return prepared(seed, recipe, place).run(reporter or Reporter())


class Listener(Reporter):
    """Keeps what it is told; raises after so many epochs."""

    def __init__(self, raise_after=10**9):
        self.epochs, self.raise_after = [], raise_after

    def epoch(self, epoch):
        self.epochs.append(epoch)
        if len(self.epochs) == self.raise_after:
            raise InterruptedError


def test_an_ensemble_learns_a_planted_signal():
    trained = fit_ensemble(CrossValidation(*planted()), PLAN)
    unseen, y_true = planted(seed=1)

    network = trained.network
    logits, _ = network(unseen.x, unseen.mask, unseen.lengths, unseen.statics, unseen.statics_mask)
    y_prob = trained.calibrator(logits.detach())[torch.arange(240), unseen.lengths - 1, 1]

    assert network.settings.members == 3
    assert auroc(y_true, y_prob.numpy()) > 0.9
    assert abs(float(y_prob.mean()) - y_true.mean()) < 0.08


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = fit_one(seed=3), fit_one(seed=3), fit_one(seed=4)

    for name, value in first.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name
    assert not torch.equal(first.network.head.weight, other.network.head.weight)


def test_early_stopping_keeps_the_weights_of_the_best_epoch(monkeypatch):
    states = []
    original = loop.last_logits

    def worse_after_two_epochs(network, data, index):
        states.append({k: v.clone() for k, v in network.state_dict().items()})
        logits = original(network, data, index)
        return logits if len(states) <= 2 else torch.stack([logits[..., 1], logits[..., 0]], dim=2) * 9

    monkeypatch.setattr(loop, "last_logits", worse_after_two_epochs)

    fitted = fit_one(replace(RECIPE, epochs=12, patience=3))

    assert len(fitted.history) == 5
    assert fitted.best_epoch == 1
    for name, value in fitted.network.state_dict().items():
        assert torch.equal(value, states[1][name]), name


def test_each_epoch_is_reported_with_what_the_bar_shows():
    listener = Listener()

    fit_one(reporter=listener, place=Place("network 2 of 2", member=1, done_before=3, total=6))

    seen = listener.epochs
    assert [(e.member, e.epoch) for e in seen] == [(1, 0), (1, 1), (1, 2)]
    assert [e.done for e in seen] == [4, 5, 6]
    assert {e.stage for e in seen} == {"network 2 of 2"}
    assert all(
        np.isfinite([e.loss, e.val_loss, e.auroc, e.auprc, e.grad_norm, e.seconds, e.learning_rate]).all() for e in seen
    )


def test_a_loss_that_is_no_number_is_told_in_a_sentence():
    with pytest.raises(TrainingError, match=r"no longer a number \(epoch \d\)\. Lower the learning rate"):
        fit_one(replace(RECIPE, learning_rate=float("inf")))


def test_one_class_only_is_told_in_a_sentence():
    sequences, y_true = planted()

    with pytest.raises(TrainingError, match="All 240 stays have the same outcome"):
        fit_ensemble(CrossValidation(sequences, np.zeros_like(y_true)), PLAN)


def test_too_few_stays_are_told_in_a_sentence():
    with pytest.raises(TrainingError, match="outcome 1 has 3 patients; at least 10 are needed"):
        check_labels(np.array([0] * 50 + [1] * 3), 2)


def test_an_interrupted_run_goes_on_with_the_members_it_has(tmp_path):
    data = planted()
    whole = fit_ensemble(CrossValidation(*data), PLAN)

    with pytest.raises(InterruptedError):
        fit_ensemble(CrossValidation(*data), PLAN, reporter=Listener(raise_after=5), folder=tmp_path)
    again = Listener()
    resumed = fit_ensemble(CrossValidation(*data), PLAN, reporter=again, folder=tmp_path)

    assert [(e.member, e.epoch) for e in again.epochs][:2] == [(1, 1), (1, 2)]
    for name, value in whole.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], value), name
    assert torch.equal(resumed.out_of_fold, whole.out_of_fold)


def test_members_of_other_data_are_not_taken_for_ones_own(tmp_path):
    fit_ensemble(CrossValidation(*planted()), PLAN, folder=tmp_path)
    listener = Listener()

    fit_ensemble(CrossValidation(*planted(seed=1)), PLAN, reporter=listener, folder=tmp_path)

    assert listener.epochs[0].stage == "network 1 of 3"


def test_no_stay_is_judged_by_a_member_that_was_trained_on_it():
    sequences, y_true = planted()
    noise = np.random.default_rng(0).integers(0, 2, len(y_true))  # nothing to learn but the stays themselves
    memorise = replace(RECIPE, epochs=10, hide_sensors=0.0)

    trained = fit_ensemble(CrossValidation(sequences, noise), replace(PLAN, recipe=memorise))

    last = trained.out_of_fold[torch.arange(240), sequences.lengths - 1]
    assert abs(auroc(noise, (last[:, 1] - last[:, 0]).numpy()) - 0.5) < 0.12


def test_one_member_alone_is_calibrated_on_its_own_fold():
    trained = fit_ensemble(CrossValidation(*planted()), replace(PLAN, only=1))

    known = trained.out_of_fold.isfinite().all(dim=(1, 2)).numpy()
    assert trained.network.settings.members == 1
    assert (known == (trained.fold[0] == 0)).all()


def test_folds_part_the_stays_evenly_within_each_class():
    y_true = np.array([0] * 83 + [1] * 17)

    fold = stratified_folds(y_true, 5, seed=0)

    for label in (0, 1):
        counts = np.bincount(fold[y_true == label], minlength=5)
        assert counts.max() - counts.min() <= 1
    assert np.ptp(np.bincount(fold)) <= 1
    assert (fold == stratified_folds(y_true, 5, seed=0)).all()
    assert (fold != stratified_folds(y_true, 5, seed=1)).any()


def test_the_split_is_recorded_without_names_and_whatever_the_order():
    digest = split_digest(["a", "b"], np.array([0, 1]))

    assert digest == split_digest(["b", "a"], np.array([1, 0]))
    assert digest != split_digest(["a", "b"], np.array([1, 0]))


def test_balancing_gives_classes_an_equal_say_and_leaves_the_loss_its_size():
    y_true = torch.tensor([0] * 90 + [1] * 10)

    weights = class_weights(y_true, 2, balance=1.0)

    torch.testing.assert_close(weights[0] * 90, weights[1] * 10)
    assert float(weights[y_true].mean()) == pytest.approx(1)
    torch.testing.assert_close(class_weights(y_true, 2, balance=0.0), torch.ones(2))


def test_the_last_hour_is_always_asked_about_and_never_one_beyond():
    lengths = torch.tensor([1, 4, 6])

    hours = ask_hours(lengths, 50, torch.Generator().manual_seed(0))

    assert hours[:, 0].tolist() == [0, 3, 5]
    assert hours.ge(0).all()
    assert (hours < lengths[:, None]).all()
    assert hours[2].unique().tolist() == [0, 1, 2, 3, 4, 5]


def test_sensors_are_hidden_as_often_as_asked():
    fit = prepared(recipe=replace(RECIPE, hide_sensors=0.25))
    index, hours = torch.zeros(2000, dtype=torch.long), torch.zeros(2000, 1, dtype=torch.long)

    hidden = fit.data.varied(index, hours, fit.recipe, torch.Generator().manual_seed(0))

    gone = hidden.steps[:, 0, 9:12].eq(0).float().mean()  # every sensor measured at the first hour
    assert float(gone) == pytest.approx(0.25, abs=0.03)
