"""Curves of one stay: gaps stay gaps, hours are those that the model saw, the strongest come first."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgru.plots import rank_variables
from medgru.plots.series import cut_at_gaps, hourly_values, measurements, shown_features
from medgru.sequences import Preprocessor


def f32(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


@pytest.mark.parametrize(
    ("hours", "cuts"),
    [
        ([0, 1, 2, 3, 4], []),
        ([0, 1, 2, 3, 9, 10, 11], [6]),
        ([0, 1, 2, 3, 5.9, 7, 8], []),
        ([0, 6, 12, 18, 40], [29]),
        ([0, 30], [15]),
        ([0, 20], []),
        ([5], []),
        ([], []),
        ([3, 3, 3], []),
        ([0, 0, 1, 1, 2, 2, 8, 8], [5]),
    ],
    ids=["hourly", "hourly with a pause", "a little late", "six-hourly with a pause", "two far apart", "daily", "one",
         "none", "all at once", "twice at each time"],
)  # fmt: skip
def test_lines_break_where_the_pause_is_long_for_this_curve(hours, cuts):
    x, y = cut_at_gaps(f32(*hours), np.ones(len(hours), np.float32))

    np.testing.assert_allclose(x[np.isnan(y)], cuts)
    assert np.isfinite(y).sum() == len(hours)


@given(st.lists(st.floats(0, 48, width=32), max_size=60).map(sorted))
def test_cutting_loses_and_moves_no_measurement(hours):
    values = np.arange(len(hours), dtype=np.float32)

    x, y = cut_at_gaps(f32(*hours), values)

    np.testing.assert_array_equal(x[np.isfinite(y)], f32(*hours))
    np.testing.assert_array_equal(y[np.isfinite(y)], values)
    assert np.all(np.diff(x) >= 0)


def test_hourly_values_are_those_that_the_model_sees(random_recordings, task):
    n, s = len(task.features), len(task.statics)
    nothing_scaled = Preprocessor(task, (0,) * n, (1,) * n, (-1e9,) * n, (1e9,) * n, (0,) * s, (1,) * s)
    logs = [f.transform == "log" for f in task.features]
    for seed in range(5):
        one = random_recordings(stays=1, seed=seed, rows=200)
        seen = nothing_scaled(one)
        mask = seen.mask[0].numpy()

        shown = hourly_values(one, int(seen.lengths[0]))

        np.testing.assert_array_equal(np.isfinite(shown), mask)
        transformed = np.where(logs, np.log1p(shown), shown)
        np.testing.assert_allclose(transformed[mask], seen.x[0].numpy()[mask], rtol=1e-5, atol=1e-5)


def test_measurements_come_in_order_of_time(random_recordings):
    one = random_recordings(stays=1, rows=300)
    hours, values = measurements(one, "HR")

    assert np.all(np.diff(hours) >= 0)
    assert len(hours) == len(values) == (one.feature == one.task.feature_index["HR"]).sum()


def test_variables_are_ranked_by_how_much_they_moved_either_way(random_recordings):
    one = random_recordings(stays=1, rows=400)
    values = np.zeros((48, len(one.task.features)), np.float32)
    values[3, one.task.feature_index["Lactate"]] = 0.02
    values[[5, 6], one.task.feature_index["GCS"]] = 0.02, -0.02
    values[7, one.task.feature_index["HR"]] = -0.05

    ranked = rank_variables(one, SimpleNamespace(values=values))

    assert ranked[:3] == ["HR", "GCS", "Lactate"]
    assert set(ranked) == {one.task.features[f].name for f in np.unique(one.feature)}


def test_without_contributions_the_measured_variables_keep_the_tasks_order(random_recordings):
    one = random_recordings(stays=1, rows=30)
    names = [f.name for f in one.task.features]

    ranked = rank_variables(one, None)

    assert ranked == sorted(ranked, key=names.index)
    assert rank_variables(replace(one, feature=one.feature[:0]), None) == []


def test_own_variables_are_shown_with_the_digits_that_occur(ward_recordings):
    ward = ward_recordings(stays=4)
    features = tuple(replace(f, decimals=3) for f in ward.task.features)
    value = np.round(ward.value, 1)
    value[ward.feature == 1] = np.round(value[ward.feature == 1])
    shown = shown_features(replace(ward, task=replace(ward.task, features=features), value=value))
    assert [f.decimals for f in shown] == [1, 0]
    third = replace(ward, task=replace(ward.task, features=features), value=np.full_like(value, 1 / 3))
    assert [f.decimals for f in shown_features(third)] == [3, 3]
