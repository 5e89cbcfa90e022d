"""Predictions and contributions of every network of the family, and of tasks that users made."""

import dataclasses

import numpy as np
import pytest

from medgru.bundle import load_bundle
from medgru.errors import BundleError, TaskError
from medgru.explain import contributions
from medgru.explain.contributions import FIRST_STEPS, MAX_ERROR
from medgru.nn import FAMILY
from medgru.predict import predict, score
from medgru.tasks import TASKS
from medgru.tasks.own import own_task

SHAPES = {
    **{name: {"core": name} for name in FAMILY},
    "two layers": {"core": "gru", "num_layers": 2},
    "dot attention": {"core": "gru", "attention": "dot"},
    "no attention": {"core": "lstm", "attention": "none"},
}


@pytest.fixture(scope="module")
def bundle_of(untrained_bundle, random_recordings, tmp_path_factory):
    """Factory of loaded bundles of the shipped task by the name of their shape."""
    made = {}

    def make(name: str):
        if name not in made:
            path = tmp_path_factory.mktemp("family") / "model"
            made[name] = load_bundle(untrained_bundle(path, random_recordings(stays=30), **SHAPES[name]))
        return made[name]

    return make


@pytest.mark.parametrize("name", SHAPES)
def test_every_network_says_at_each_hour_what_it_would_have_said_then(name, bundle_of, random_recordings):
    bundle, recordings = bundle_of(name), random_recordings(stays=3, rows=40)
    whole = predict(bundle, recordings)
    np.testing.assert_allclose(whole.y_prob.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(whole.y_prob, score(bundle, recordings).y_prob, atol=1e-5)
    kept = recordings.hours <= 20
    columns = {k: getattr(recordings, k)[kept] for k in ("stay", "hours", "feature", "value")}
    early = predict(bundle, dataclasses.replace(recordings, **columns))
    hours = int(early.lengths.min())
    np.testing.assert_allclose(early.hourly_prob[:, :hours], whole.hourly_prob[:, :hours], atol=1e-5)


@pytest.mark.parametrize("name", SHAPES)
def test_contributions_of_every_network_add_up_and_stand_on_measured_cells(name, bundle_of, random_recordings):
    bundle, recordings = bundle_of(name), random_recordings(stays=1, rows=80)
    c = contributions(bundle, recordings)
    total = np.nansum(c.values) + np.nansum(c.statics)
    assert c.completeness_error <= MAX_ERROR
    assert c.steps <= 2 * FIRST_STEPS
    assert abs(total - (c.end - c.start)) == pytest.approx(c.completeness_error, abs=1e-6)
    assert c.end == pytest.approx(float(score(bundle, recordings).event_prob[0]), abs=1e-5)
    np.testing.assert_array_equal(np.isfinite(c.values), bundle.preprocessor(recordings).mask[0].numpy())
    assert np.nanmax(np.abs(c.values)) > 0


@pytest.mark.parametrize("core", FAMILY)
def test_models_of_own_tasks_answer_and_explain(core, untrained_bundle, ward_recordings, tmp_path, own_ward):
    bundle = load_bundle(untrained_bundle(tmp_path / "ward", ward_recordings(), core=core))
    recordings = ward_recordings(stays=4, seed=9)
    p = predict(bundle, recordings)
    assert p.y_prob.shape == (4, 3)
    assert list(score(bundle, recordings).table())[2:5] == ["p_gut", "p_mittel", "p_schlecht"]
    c = contributions(bundle, recordings.select(recordings.record_ids[:1]))
    assert c.end == pytest.approx(float(p.event_prob[0]), abs=1e-5)
    assert c.completeness_error <= MAX_ERROR


def test_a_task_without_descriptors_has_models_too(untrained_bundle, ward_recordings, tmp_path, own_ward):
    task = own_task(
        own_ward.title, own_ward.question, own_ward.features, (), own_ward.outcomes, own_ward.event, 12, own_ward.step
    )
    recordings = dataclasses.replace(ward_recordings(), task=task, statics=np.zeros((20, 0), dtype=np.float32))
    bundle = load_bundle(untrained_bundle(tmp_path / "ward", recordings))
    assert contributions(bundle, recordings.select(["Bett 0"])).statics.shape == (0,)


def test_tasks_are_told_apart_by_content_not_by_name(tiny_bundle, random_recordings, task):
    other = dataclasses.replace(task, window_hours=24)
    recordings = dataclasses.replace(random_recordings(), task=other)
    with pytest.raises(TaskError, match="read for"):
        predict(tiny_bundle, recordings)
    with pytest.raises(BundleError, match="read for"):
        tiny_bundle.preprocessor(recordings)
    assert TASKS[task.name] == task


def test_a_bidirectional_network_is_refused_where_answers_are_followed(untrained_bundle, random_recordings, tmp_path):
    path = untrained_bundle(tmp_path / "both", random_recordings(stays=30), bidirectional=True)
    with pytest.raises(BundleError, match="bidirectional"):
        load_bundle(path)


def test_a_finished_recording_may_be_read_both_ways_and_the_curve_never_looks_ahead(
    untrained_bundle, ward_recordings, tmp_path, own_ward
):
    w = own_ward
    task = own_task(w.title, w.question, w.features, w.statics, w.outcomes, w.event, 12, w.step, causal=False)
    recordings = dataclasses.replace(ward_recordings(), task=task)
    bundle = load_bundle(untrained_bundle(tmp_path / "both", recordings, bidirectional=True))
    whole = predict(bundle, recordings)
    kept = recordings.hours <= 6
    columns = {k: getattr(recordings, k)[kept] for k in ("stay", "hours", "feature", "value")}
    early = predict(bundle, dataclasses.replace(recordings, **columns))
    hours = int(early.lengths.min())
    np.testing.assert_allclose(early.hourly_prob[:, :hours], whole.hourly_prob[:, :hours], atol=1e-5)
    assert contributions(bundle, recordings.select(["Bett 0"])).completeness_error <= MAX_ERROR
