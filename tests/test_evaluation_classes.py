import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from medgru.evaluation import auroc, brier, ece, measure, paired_bootstrap


def invented(stays=300, classes=4, seed=0, skill=1.5):
    rng = np.random.default_rng(seed)
    y_true = rng.integers(0, classes, stays)
    logits = rng.normal(0, 1, (stays, classes)) + skill * np.eye(classes)[y_true]
    return y_true, np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def test_with_two_classes_everything_is_about_the_event():
    y_true, y_prob = invented(classes=2)

    found = measure(y_true, y_prob, event=0, resamples=20)

    assert found["AUROC"].value == auroc(y_true == 0, y_prob[:, 0])
    assert found["Brier"].value == pytest.approx(brier_score_loss(y_true == 0, y_prob[:, 0]))
    assert found["ECE"].value == ece(y_true == 0, y_prob[:, 0])


def test_with_more_classes_ranking_is_the_mean_of_each_against_the_rest_and_brier_the_sum():
    y_true, y_prob = invented()

    found = measure(y_true, y_prob, event=1, resamples=20)

    assert found["AUROC"].value == pytest.approx(roc_auc_score(y_true, y_prob, multi_class="ovr", average="macro"))
    assert found["Brier"].value == pytest.approx(sum(brier(y_true == c, y_prob[:, c]) for c in range(4)))
    assert all(e.low <= e.value <= e.high for name, e in found.items() if name != "ECE")


def test_patients_are_resampled_as_a_whole_so_that_many_stays_of_one_do_not_narrow_the_interval():
    y_true, y_prob = invented(stays=120, classes=2)
    y_many, prob_many = np.repeat(y_true, 8), np.repeat(y_prob, 8, axis=0)
    patients = np.repeat(np.arange(120), 8)

    single = measure(y_true, y_prob, 1, resamples=300)["AUROC"]
    naive = measure(y_many, prob_many, 1, resamples=300)["AUROC"]
    honest = measure(y_many, prob_many, 1, patients, resamples=300)["AUROC"]

    assert honest.high - honest.low == pytest.approx(single.high - single.low, rel=0.2)
    assert naive.high - naive.low < 0.6 * (single.high - single.low)


def test_a_model_differs_from_itself_by_nothing():
    y_true, y_prob = invented()

    differences = paired_bootstrap(y_true, y_prob, y_prob, event=1, resamples=20)

    assert all((d.value, d.low, d.high) == (0, 0, 0) for d in differences.values())


def test_the_better_model_is_better_beyond_the_interval_and_the_other_way_round_worse():
    y_true, good = invented(skill=2.5)
    poor = invented(skill=0.3)[1]

    there, back = (paired_bootstrap(y_true, a, b, 1, resamples=200)["AUROC"] for a, b in ((good, poor), (poor, good)))

    assert 0 < there.low < there.value < there.high
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low))


def test_pairing_narrows_the_interval_of_a_small_difference():
    y_true, y_prob = invented()
    nearly = y_prob**1.05 / (y_prob**1.05).sum(axis=1, keepdims=True)

    difference = paired_bootstrap(y_true, y_prob, nearly, 1, resamples=200)["AUROC"]
    alone = measure(y_true, y_prob, 1, resamples=200)["AUROC"]

    assert difference.high - difference.low < 0.2 * (alone.high - alone.low)


def test_a_class_that_does_not_occur_does_not_count():
    y_true, y_prob = invented(classes=3)
    known = y_true < 2

    found = measure(y_true[known], y_prob[known], 1, resamples=20)

    assert np.isfinite([e.value for e in found.values()]).all()
