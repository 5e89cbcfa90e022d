import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from medgru.evaluation import auprc, auroc, bootstrap, brier, ece, event1


def test_a_perfect_ranking_scores_one():
    y, score = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])

    assert auroc(y, score) == auprc(y, score) == event1(y, score) == 1.0


def test_event1_is_the_best_smaller_one_of_sensitivity_and_ppv():
    # Thresholds from above: (1/3, 1), (1/3, 1/2), (2/3, 2/3), (2/3, 1/2), (1, 3/5).
    assert event1([1, 0, 1, 0, 1], [0.9, 0.8, 0.7, 0.6, 0.5]) == pytest.approx(2 / 3)


def test_event1_cannot_part_equal_scores():
    assert event1([1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]) == 0.25


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_ranking_metrics_agree_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    y = np.append(rng.integers(0, 2, 60), [0, 1])
    score = rng.random(62).round(1)  # rounded, so that there are ties

    precision, recall, _ = precision_recall_curve(y, score)
    assert auroc(y, score) == pytest.approx(roc_auc_score(y, score))
    assert auprc(y, score) == pytest.approx(average_precision_score(y, score))
    assert event1(y, score) == pytest.approx(np.minimum(precision, recall).max())


def test_one_class_only_has_no_ranking():
    assert np.isnan([auroc([0, 0], [0.1, 0.2]), auprc([1, 1], [0.1, 0.2]), event1([0, 0], [0.1, 0.2])]).all()


def test_probabilities_that_mean_what_they_say_have_almost_no_calibration_error():
    rng = np.random.default_rng(0)
    prob = rng.beta(1, 6, 200_000)

    assert ece(rng.random(200_000) < prob, prob) < 0.004


def test_calibration_error_of_a_constant_shift_is_the_shift():
    rng = np.random.default_rng(0)
    prob = rng.uniform(0.2, 0.6, 200_000)

    assert ece(rng.random(200_000) < prob, prob + 0.1) == pytest.approx(0.1, abs=0.005)


def test_brier_score_of_a_hand_computed_case():
    assert brier([0, 1], [0.2, 0.6]) == pytest.approx((0.04 + 0.16) / 2)


def test_the_bootstrap_interval_holds_the_value_and_narrows_with_more_stays():
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 2000)
    score = y + rng.normal(0, 1.5, 2000)

    few, many = (bootstrap(y[:n], score[:n], {"AUROC": auroc}, resamples=200)["AUROC"] for n in (200, 2000))

    assert few.low < few.value < few.high
    assert many.high - many.low < few.high - few.low


def test_the_bootstrap_is_the_same_every_time():
    y, score = np.array([0, 1] * 30), np.linspace(0, 1, 60)

    assert bootstrap(y, score, resamples=20) == bootstrap(y, score, resamples=20)
