from dataclasses import replace

import numpy as np
import pytest

from medgru.training.lab_claims import (
    HELD,
    MARGIN,
    NOT_HELD,
    OUTCOMES,
    UNKNOWN,
    Interval,
    Standing,
    judge_as_good,
    judge_better,
    judge_faster,
    ratio_of_rounds,
    verdicts,
    widened,
)
from medgru.training.lab_models import LAB_MODELS


def standing(name: str, **changes) -> Standing:
    model = LAB_MODELS[name]
    seeds = (0.859, 0.86, 0.861) if model.varies else (0.86,)
    own = Standing(model.label, seeds, 0.86 if model.is_network else float("nan"), model.is_network)
    return replace(own, **changes)


def judged(models: dict[str, Standing], half_width: float = 0.002, **options) -> dict[str, tuple[str, str]]:
    """Verdicts by claim, where patients add `half_width` of chance to each difference."""

    def compare(a: str, b: str) -> Interval:
        d = float(np.mean(models[a].auroc) - np.mean(models[b].auroc))
        return Interval(d, d - half_width, d + half_width)

    return {v.claim: (v.outcome, v.sentence) for v in verdicts(models, compare, 0.8, **options)}


def test_what_is_surely_better_is_held_and_the_same_turned_around_is_not():
    better, worse = Interval(0.02, 0.01, 0.03), Interval(-0.02, -0.03, -0.01)
    assert judge_better(better) == HELD
    assert judge_better(worse) == NOT_HELD
    assert judge_as_good(better) == HELD
    assert judge_as_good(worse) == NOT_HELD


@pytest.mark.parametrize("judge", [judge_better, judge_as_good], ids=["better", "as good"])
def test_a_wide_interval_tells_nothing(judge):
    assert judge(Interval(0.0, -0.05, 0.05)) == UNKNOWN


def test_a_narrow_interval_around_zero_is_as_good_and_not_better():
    equal = Interval(0.0, -MARGIN / 2, MARGIN / 2)
    assert judge_as_good(equal) == HELD
    assert judge_better(equal) == NOT_HELD


def test_more_doubt_never_turns_a_verdict_on_a_difference_worth_a_word_around():
    rng = np.random.default_rng(0)
    values = rng.uniform(MARGIN, 5 * MARGIN, 200) * rng.choice([-1, 1], 200)
    for value, half in zip(values, rng.uniform(0.0001, 0.01, 200), strict=True):
        for judge in (judge_better, judge_as_good):
            sure = judge(Interval(value, value - half, value + half))
            unsure = judge(Interval(value, value - 5 * half, value + 5 * half))
            assert {sure, unsure} != {HELD, NOT_HELD}


def test_seeds_that_scatter_widen_the_interval_over_patients():
    patients = Interval(0.01, 0.008, 0.012)
    calm = widened(patients, (0.87, 0.87, 0.87), (0.86, 0.86, 0.86))
    wild = widened(patients, (0.84, 0.87, 0.90), (0.83, 0.86, 0.89))
    assert (calm.low, calm.high) == (patients.low, patients.high)
    assert wild.low < 0 < patients.low < patients.high < wild.high


def test_without_a_second_seed_nothing_is_said_of_ranking():
    one_seed = {name: standing(name, auroc=(0.9 if name == "gru" else 0.6,)) for name in ("gru", "rnn")}
    outcome, sentence = judged(one_seed)["Gates beat the plain RNN"]
    assert outcome == UNKNOWN
    assert "3 seeds" in sentence


def test_every_claim_about_who_was_trained_gets_one_verdict():
    everyone = judged({name: standing(name) for name in LAB_MODELS})
    assert len(everyone) == 11
    assert {outcome for outcome, _ in everyone.values()} <= set(OUTCOMES)
    assert list(judged({name: standing(name) for name in ("gru", "rnn")})) == ["Gates beat the plain RNN"]
    assert judged({}) == {}


def test_the_reason_a_model_was_left_out_stands_in_the_verdict():
    found = judged({"gru": standing("gru")}, reasons={"gru-bi": "Reading backwards would look ahead."})
    assert found["Reading both ways helps"] == (UNKNOWN, "Reading backwards would look ahead.")


def test_three_quarters_are_counted_exactly():
    claim = "The GRU's core needs 3/4 of the LSTM's parameters"
    gru, lstm = standing("gru", core_parameters=3000), standing("lstm", core_parameters=4000)
    assert judged({"gru": gru, "lstm": lstm})[claim] == (HELD, "Counted: 3,000 against 4,000, which is 3/4 exactly.")
    almost = judged({"gru": replace(gru, core_parameters=3001), "lstm": lstm})[claim]
    assert almost[0] == NOT_HELD


def test_a_slow_machine_that_slows_both_alike_changes_no_verdict_on_speed():
    rounds = np.array([1.0, 1.3, 5.0, 0.9, 1.1])
    ratio = ratio_of_rounds(tuple(1.2 * rounds), tuple(rounds))
    assert (ratio.low, ratio.value, ratio.high) == pytest.approx((1.2, 1.2, 1.2))
    assert judge_faster(ratio) == NOT_HELD
    assert judge_faster(ratio_of_rounds(tuple(rounds), tuple(1.2 * rounds))) == HELD
    assert judge_faster(ratio_of_rounds((1.0, 2.0), (2.0, 1.0))) == UNKNOWN


def test_why_an_lstm_is_faster_is_said_only_where_it_is():
    fast, slow = (1.0,) * 5, (2.0,) * 5
    claim = "The GRU trains faster than the LSTM"

    def said(gru: tuple[float, ...], lstm: tuple[float, ...]) -> tuple[str, str]:
        models = {"gru": standing("gru", pace=gru), "lstm": standing("lstm", pace=lstm)}
        return judged(models, why_speed="Because of oneDNN.")[claim]

    assert said(fast, slow)[0] == HELD
    assert "oneDNN" not in said(fast, slow)[1]
    assert said(slow, fast)[0] == NOT_HELD
    assert "oneDNN" in said(slow, fast)[1]


def test_the_network_that_meets_the_trees_is_chosen_on_the_stays_set_apart():
    models = {
        "gru": standing("gru", auroc=(0.95, 0.95, 0.95), validation=0.80),
        "lstm": standing("lstm", auroc=(0.80, 0.80, 0.80), validation=0.85),
        "trees": standing("trees", auroc=(0.90, 0.90, 0.90)),
        "linear": standing("linear", auroc=(0.75,)),
    }
    found = judged(models)
    assert found["The networks beat boosted trees"][0] == NOT_HELD
    assert "LSTM stands for the networks" in found["The networks beat boosted trees"][1]
    assert found["The networks beat logistic regression"][0] == HELD
