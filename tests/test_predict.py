"""Predictions and contributions: causal, free of padding and order, adding up."""

import dataclasses

import numpy as np
import pytest

from medgru.errors import TaskError
from medgru.explain import contributions
from medgru.predict import BACK, Scoring, predict, score, thin_reasons


def test_probabilities_sum_to_one_and_stand_where_the_stay_ends(tiny_bundle, random_recordings):
    recordings = random_recordings(stays=5)
    p = predict(tiny_bundle, recordings)
    np.testing.assert_allclose(p.y_prob.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(p.y_prob, p.hourly_prob[np.arange(5), p.lengths - 1])
    np.testing.assert_array_equal(p.event_prob, p.y_prob[:, 1])


def test_attention_sums_to_one_and_is_zero_on_padding(tiny_bundle, random_recordings):
    recordings = random_recordings(stays=4)
    hours = np.where(recordings.stay == 2, recordings.hours / 8, recordings.hours)
    p = predict(tiny_bundle, dataclasses.replace(recordings, hours=hours))
    np.testing.assert_allclose(p.attention.sum(1), 1, rtol=1e-5)
    padding = np.arange(p.attention.shape[1])[None] >= p.lengths[:, None]
    assert padding.any()
    assert not p.attention[padding].any()
    assert np.isnan(p.hourly_prob[padding]).all()
    assert np.isnan(p.member_prob[:, padding]).all()
    assert np.isfinite(p.hourly_prob[~padding]).all()


@pytest.mark.parametrize("hour", [1, 5, 24, 47])
def test_what_comes_after_hour_t_never_changes_the_probability_at_t(tiny_bundle, random_recordings, hour):
    recordings = random_recordings(stays=3, seed=hour)
    before = predict(tiny_bundle, recordings).hourly_prob[:, :hour]
    later = recordings.hours > hour
    changed = dataclasses.replace(recordings, value=np.where(later, recordings.value * 1.5, recordings.value))
    removed = dataclasses.replace(
        recordings, **{k: getattr(recordings, k)[~later] for k in ("stay", "hours", "feature", "value")}
    )
    np.testing.assert_allclose(predict(tiny_bundle, changed).hourly_prob[:, :hour], before, atol=1e-6)
    after = predict(tiny_bundle, removed)
    known = np.arange(after.hourly_prob.shape[1])[None, :] < after.lengths[:, None]
    np.testing.assert_allclose(after.hourly_prob[known], before[:, : known.shape[1]][known], atol=1e-6)


def test_a_stay_alone_and_in_a_crowd_gets_the_same_answer(tiny_bundle, random_recordings, monkeypatch):
    recordings = random_recordings(stays=7)
    together = predict(tiny_bundle, recordings).y_prob
    monkeypatch.setattr("medgru.predict.BATCH_STAYS", 2)
    seen = []
    batched = predict(tiny_bundle, recordings, lambda done, total: seen.append((done, total))).y_prob
    alone = [predict(tiny_bundle, recordings.select([name])).y_prob[0] for name in recordings.record_ids]
    np.testing.assert_allclose(batched, together, atol=1e-6)
    np.testing.assert_allclose(alone, together, atol=1e-6)
    assert seen == [(2, 7), (4, 7), (6, 7), (7, 7)]


def test_scores_are_the_predictions_at_the_last_hour(tiny_bundle, random_recordings, monkeypatch):
    recordings = random_recordings(stays=7, rows=30)
    hours = np.where(recordings.stay % 2 == 0, recordings.hours / 3, recordings.hours)
    recordings = dataclasses.replace(recordings, hours=hours)
    whole = predict(tiny_bundle, recordings)
    monkeypatch.setattr("medgru.predict.BATCH_STAYS", 3)
    scores = score(tiny_bundle, recordings)
    np.testing.assert_allclose(scores.y_prob, whole.y_prob, atol=1e-6)
    assert (
        scores.table()
        .drop(columns=["p_survived", "p_died"])
        .equals(whole.table().drop(columns=["p_survived", "p_died"]))
    )


def test_scoring_can_be_cancelled_from_its_progress(tiny_bundle, random_recordings, monkeypatch):
    monkeypatch.setattr("medgru.predict.BATCH_STAYS", 2)
    seen = []

    def stop(done, total):
        seen.append(done)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score(tiny_bundle, random_recordings(stays=9), stop)
    assert seen == [2]


def test_the_order_of_rows_never_changes_a_prediction(tiny_bundle, random_recordings):
    recordings = random_recordings(stays=1, rows=200)
    order = np.random.default_rng(1).permutation(200)
    shuffled = dataclasses.replace(
        recordings, **{k: getattr(recordings, k)[order] for k in ("hours", "feature", "value")}
    )
    np.testing.assert_array_equal(predict(tiny_bundle, shuffled).y_prob, predict(tiny_bundle, recordings).y_prob)


def test_a_thin_stay_is_abstained_from_with_its_reason_and_keeps_its_number(tiny_bundle, random_recordings, task):
    recordings = random_recordings(stays=4, rows=60)
    keep = ~((recordings.stay == 1) | ((recordings.stay == 2) & (np.arange(240) % 60 > 10)))
    thin = {k: getattr(recordings, k)[keep] for k in ("stay", "hours", "feature", "value")}
    thin["hours"] = np.where(thin["stay"] == 3, thin["hours"] / 20, thin["hours"])
    table = predict(tiny_bundle, dataclasses.replace(recordings, **thin)).table()
    assert list(table) == ["record_id", "predicted", "p_survived", "p_died", "abstained", "reason"]
    assert table["abstained"].tolist() == [False, True, True, True]
    assert table["reason"].tolist() == [
        "",
        "No usable measurement.",
        f"Only 11 measurements; at least {task.min_measurements} are needed.",
        f"Only 3 h recorded; at least {task.min_hours} h are needed.",
    ]
    assert table["predicted"].tolist()[1:] == ["", "", ""]
    assert table["p_died"].between(0, 1).all()


def test_nothing_and_stays_of_another_task_are_refused(tiny_bundle, random_recordings, task):
    with pytest.raises(TaskError, match="no stay"):
        predict(tiny_bundle, random_recordings(stays=1).select([]))
    other = dataclasses.replace(random_recordings(), task=dataclasses.replace(task, name="other"))
    with pytest.raises(TaskError, match="read for other"):
        predict(tiny_bundle, other)


def test_contributions_add_up_to_the_prediction(tiny_bundle, random_recordings):
    recordings = random_recordings(stays=1, rows=150)
    c = contributions(tiny_bundle, recordings)
    total = np.nansum(c.values) + np.nansum(c.statics)
    assert c.completeness_error < 0.002
    assert abs(total - (c.end - c.start)) == pytest.approx(c.completeness_error, abs=1e-6)
    assert c.end == pytest.approx(predict(tiny_bundle, recordings).event_prob[0], abs=1e-6)


def test_contributions_are_given_for_measured_cells_only(tiny_bundle, random_recordings):
    recordings = random_recordings(stays=1, rows=30)
    c = contributions(tiny_bundle, recordings)
    measured = tiny_bundle.preprocessor(recordings).mask[0].numpy()
    np.testing.assert_array_equal(np.isfinite(c.values), measured)
    assert np.abs(c.values[measured]).max() > 0


def test_contributions_of_a_typical_patient_are_nothing(tiny_bundle, random_recordings, task):
    recordings = random_recordings(stays=1, rows=20)
    typical = np.array(tiny_bundle.preprocessor.mean, dtype=np.float32)
    logs = np.array([f.transform == "log" for f in task.features])
    typical = np.where(logs, np.expm1(np.where(logs, typical, 0)), typical)
    keep = np.array([f.aggregate == "mean" for f in task.features])[recordings.feature]
    stay = {k: getattr(recordings, k)[keep] for k in ("stay", "hours", "feature")}
    calm = dataclasses.replace(
        recordings, **stay, value=typical[stay["feature"]].astype(np.float32),
        statics=np.array([tiny_bundle.preprocessor.static_mean], dtype=np.float32),
    )  # fmt: skip
    c = contributions(tiny_bundle, calm)
    assert c.start == pytest.approx(c.end, abs=1e-5)
    np.testing.assert_allclose(np.nan_to_num(c.values), 0, atol=1e-5)


def test_the_course_is_that_of_the_hours_before_and_starts_where_the_stay_does(
    tiny_bundle, random_recordings, monkeypatch
):
    recordings = random_recordings(stays=6)
    hours = np.where(recordings.stay % 2 == 0, recordings.hours / 6, recordings.hours)
    recordings = dataclasses.replace(recordings, hours=hours)
    whole = predict(tiny_bundle, recordings)
    monkeypatch.setattr("medgru.predict.BATCH_STAYS", 2)
    quick = score(tiny_bundle, recordings)
    np.testing.assert_allclose(quick.course, whole.course, atol=1e-6)
    for i, length in enumerate(quick.lengths):
        for k, back in enumerate(BACK):
            at = length - 1 - back
            expected = whole.hourly_prob[i, at, 1] if at >= 0 else np.nan
            np.testing.assert_allclose(quick.course[i, k], expected, atol=1e-6)
    np.testing.assert_array_equal(np.isnan(quick.change), quick.lengths <= 6)


def test_scoring_goes_on_where_it_was_stopped_and_asks_about_nobody_twice(tiny_bundle, random_recordings, monkeypatch):
    monkeypatch.setattr("medgru.predict.BATCH_STAYS", 2)
    recordings = random_recordings(stays=21)
    asked, real = [], type(tiny_bundle.preprocessor).__call__

    def counted(self, stays):
        asked.extend(stays.record_ids)
        return real(self, stays)

    monkeypatch.setattr(type(tiny_bundle.preprocessor), "__call__", counted)
    scoring = Scoring(tiny_bundle, recordings)

    def stop(done, total):
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scoring.run(stop)
    assert 4 <= scoring.done < scoring.total
    assert list(scoring.scores().record_ids) == list(scoring.answered().record_ids)
    asked.clear()
    before = set(scoring.answered().record_ids)
    seen = []
    scoring.run(lambda done, total: seen.append(done))
    assert scoring.done == 21
    assert seen == sorted(seen)
    assert not before & set(asked)
    assert sorted([*before, *asked]) == sorted(recordings.record_ids)
    np.testing.assert_allclose(scoring.scores().y_prob, score(tiny_bundle, recordings).y_prob, atol=1e-6)


def test_one_of_anything_is_called_in_the_singular(task, random_recordings):
    one = random_recordings(stays=1, rows=1)
    assert thin_reasons(one, np.array([48]))[0].startswith("Only 1 measurement;")
