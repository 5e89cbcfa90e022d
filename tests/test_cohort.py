"""A cohort: ranked, filtered, judged at a threshold; exported."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgru.cohort import (
    AS_BROUGHT,
    BY_CHANGE,
    BY_NEWS2,
    ORDERS,
    UNKNOWN,
    Cohort,
    Filter,
    operating_point,
    outcomes,
    score_rule,
    threshold_for,
)
from medgru.data.labelled import LabelledStays
from medgru.evaluation.proportions import Proportion
from medgru.predict import BACK, Scores, score
from medgru.scores import bedside


@pytest.fixture(scope="module")
def cohort_of(random_recordings, task):
    """Cohorts with given probabilities; the stays themselves are invented."""

    def make(prob, y=None, thin=(), course=None, **recordings) -> Cohort:
        p = np.array(prob, dtype=np.float32)
        stays = dataclasses.replace(random_recordings(stays=len(p), rows=40), **recordings)
        scores = Scores(
            task=task,
            bundle_id="test",
            record_ids=stays.record_ids,
            lengths=np.full(len(p), 48),
            y_prob=np.stack([1 - p, p], axis=1),
            base_rate=np.array([0.86, 0.14], dtype=np.float32),
            reasons=tuple("Too thin." if i in thin else "" for i in range(len(p))),
            course=np.tile(p[:, None], len(BACK)) if course is None else np.array(course, dtype=np.float32),
        )
        return Cohort(stays, scores, bedside(stays), None if y is None else np.array(y))

    return make


def test_the_highest_risk_comes_first_and_the_abstained_last(cohort_of):
    made = cohort_of([0.2, 0.9, 0.5, 0.99, 0.5], thin=(3,))
    assert made.order.tolist() == [1, 2, 4, 0, 3]


@pytest.mark.parametrize("by", ORDERS)
def test_nobody_is_lost_and_nobody_is_listed_twice(cohort_of, by):
    made = cohort_of(np.linspace(0, 1, 50), thin=range(0, 50, 7))
    order = made.ordered(by)
    assert sorted(order.tolist()) == list(range(50))
    assert not (np.diff(made.thin[order].astype(int)) < 0).any(), "the abstained stand last"


def test_the_steepest_rise_comes_first_and_who_was_not_there_before_after_all_who_were(cohort_of):
    course = [[p] * (len(BACK) - 1) + [q] for p, q in ((0.2, 0.3), (0.5, 0.1), (np.nan, 0.9), (0.1, 0.6))]
    assert cohort_of([0.3, 0.1, 0.9, 0.6], course=course).ordered(BY_CHANGE).tolist() == [3, 0, 1, 2]
    made = cohort_of([0.3, 0.1, 0.9, 0.6])
    assert made.ordered(AS_BROUGHT).tolist() == [0, 1, 2, 3]
    points = made.bedside["NEWS2"].lowest[made.ordered(BY_NEWS2)]
    assert (np.diff(points) <= 0).all()


def test_an_alert_is_raised_at_the_threshold_itself_and_never_for_the_abstained(cohort_of):
    made = cohort_of([0.25, 0.5, 0.75], thin=(2,))
    assert made.alerts(0.5).tolist() == [False, True, False]
    assert operating_point(made, 0.5).per_100 == 50


def test_without_outcomes_nothing_is_said_about_them(cohort_of):
    point = operating_point(cohort_of([0.2, 0.4]), 0.3)
    assert point.sensitivity is None
    assert point.ppv is None
    assert point.evaluated_for_one is None
    assert point.expected_events == pytest.approx((0.6, 0.4))


def test_with_outcomes_it_is_counted_among_those_known_and_judged(cohort_of):
    made = cohort_of([0.9, 0.8, 0.7, 0.1, 0.2, 0.95], y=[1, 0, UNKNOWN, 1, 0, 1], thin=(5,))
    point = operating_point(made, 0.5)
    assert (point.alerts, point.judged) == (3, 5)
    assert point.sensitivity == Proportion(1, 2)
    assert point.ppv == Proportion(1, 2)
    assert point.evaluated_for_one == 2


def test_no_alert_finds_nobody_and_has_no_predictive_value(cohort_of):
    point = operating_point(cohort_of([0.1, 0.2], y=[0, 1]), 0.9)
    assert point.alerts == 0
    assert point.sensitivity == Proportion(0, 1)
    assert np.isnan(point.ppv.value)
    assert point.evaluated_for_one is None


def test_a_bedside_score_is_judged_on_the_same_patients(cohort_of):
    made = cohort_of(np.linspace(0, 1, 40), y=[0, 1] * 20, thin=(3,))
    point = score_rule(made, "NEWS2", 5)
    assert point.judged == operating_point(made, 0.5).judged
    assert point.sensitivity.count == operating_point(made, 0.5).sensitivity.count
    assert score_rule(made, "NEWS2", 0).alerts == point.judged


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40), st.integers(0, 100))
def test_there_are_never_more_alerts_than_somebody_can_look_at(prob, per_100):
    made = Cohort.__new__(Cohort)  # only what the threshold looks at
    p = np.array(prob, dtype=np.float32)
    scores = type("S", (), {"event_prob": p, "reasons": ("",) * len(p)})()
    object.__setattr__(made, "scores", scores)
    threshold = threshold_for(made, per_100)
    assert 100 * (p >= threshold).sum() <= per_100 * len(p)


@given(st.integers(0, 200), st.integers(1, 200))
def test_wilsons_interval_holds_the_share_and_stays_within_0_and_1(hits, more):
    share = Proportion(min(hits, hits + more), hits + more)
    low, high = share.interval
    assert 0 <= low <= share.value <= high <= 1


def test_wilsons_interval_is_that_of_the_literature():
    # Newcombe, Stat Med 1998;17:857, table I, method 3: 81/263, 15/148, 0/20, 1/29.
    expected = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (hits, count), interval in expected.items():
        assert Proportion(hits, count).interval == pytest.approx(interval, abs=5e-5)
    assert Proportion(0, 0).interval == (0, 1)


def test_filters_narrow_and_do_not_hide_the_abstained_behind_a_range(cohort_of):
    made = cohort_of([0.1, 0.4, 0.8, 0.3], thin=(3,))
    assert Filter().mask(made, 0.5).all()
    assert Filter(low=0.3, high=0.5).mask(made, 0.5).tolist() == [False, True, False, True]
    assert Filter(alerts_only=True).mask(made, 0.4).tolist() == [False, True, True, False]


def test_rising_is_a_change_over_six_hours(cohort_of):
    course = np.tile([0.2] * 4 + [0.5] * 3, (3, 1))
    course[1] = 0.5
    course[2, :4] = np.nan  # a short stay has no change
    made = cohort_of([0.5] * 3, course=course)
    assert Filter(rising_only=True).mask(made, 0).tolist() == [True, False, False]
    np.testing.assert_allclose(made.scores.change, [0.3, 0, np.nan], atol=1e-6)


def test_searching_looks_at_identifiers_and_titles_whatever_their_case(cohort_of):
    made = cohort_of([0.1] * 3, titles=("Septic shock", "Quiet", "shocked"))
    assert Filter(search="SHOCK").mask(made, 0).tolist() == [True, False, True]
    assert Filter(search=" stay-1 ").mask(made, 0).tolist() == [False, True, False]
    assert not Filter(search="[a-z]").mask(made, 0).any()


def test_facts_and_bedside_scores_filter_too(cohort_of):
    made = cohort_of(np.linspace(0, 1, 30))
    sex = made.recordings.statics[:, made.recordings.task.static_index["Gender"]]
    np.testing.assert_array_equal(Filter(choices=(("Gender", (1,)),)).mask(made, 0), sex == 1)
    assert Filter(choices=(("Gender", ()),)).mask(made, 0).all()
    news2 = made.bedside["NEWS2"]
    np.testing.assert_array_equal(Filter(news2=7).mask(made, 0), news2.any_known & (news2.lowest >= 7))


def test_outcomes_are_matched_by_identifier(random_recordings):
    known = random_recordings(stays=3)
    labels = LabelledStays("x", known.select(["stay-2", "stay-0"]), np.array([1, 0]), "hash")
    assert outcomes(labels, ["stay-0", "stay-1", "stay-2"]).tolist() == [0, UNKNOWN, 1]


def test_the_table_says_of_everybody_what_the_screen_says(cohort_of, task):
    made = cohort_of([0.2, 0.9, 0.5], y=[0, 1, UNKNOWN], thin=(2,), simulated=True)
    table = made.table(threshold=0.6)
    assert table["record_id"].tolist() == list(made.recordings.record_ids)
    assert table["simulated"].all()
    assert table["alert"].tolist() == [False, True, False]
    assert table["outcome"].tolist() == ["survived", "died", ""]
    assert table["predicted"].tolist() == ["survived", "died", ""]
    assert set(table["Gender"]) <= {"female", "male", ""}
    result = made.bedside["NEWS2"]
    assert table["news2_missing"].tolist() == list(result.missing)
    assert table["news2"].tolist() == result.lowest.tolist()


def test_ten_thousand_are_filtered_and_judged_in_a_moment(cohort_of):
    import time

    made = cohort_of(np.linspace(0, 1, 10_000), y=np.tile([0, 0, 0, 1], 2500))
    chosen = Filter(search="7", news2=1, choices=(("Gender", (0, 1)),))
    chosen.mask(made, 0.5)
    start = time.process_time()
    for threshold in (0.1, 0.5, 0.9):
        chosen.mask(made, threshold)
        operating_point(made, threshold)
        score_rule(made, "NEWS2", 5)
    assert time.process_time() - start < 0.3


def test_a_cohort_of_scored_stays_has_their_course(tiny_bundle, random_recordings):
    recordings = random_recordings(stays=5)
    made = Cohort(recordings, score(tiny_bundle, recordings), bedside(recordings))
    np.testing.assert_array_equal(made.scores.course[:, -1], made.prob)
    assert made.table().shape[0] == 5
