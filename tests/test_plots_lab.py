import json

import numpy as np
import pandas as pd
import pytest

from medgru.data.demo import simulated_patients
from medgru.plots import alt_text
from medgru.plots.lab import METRICS, gate_finding, gate_view, kept, lab_figure


@pytest.fixture(scope="module")
def lab_table() -> pd.DataFrame:
    rows = []
    for at, (name, label) in enumerate([("gru", "GRU"), ("lstm", "LSTM"), ("trees", "Boosted trees")]):
        row = {"model": name, "label": label, "note": "", "seeds": 3.0}
        row |= {"parameters": 1e4 + at, "core_parameters": 9e3, "seconds": 1.5 + at, "pace": 1.0}
        if name == "trees":
            row |= {"parameters": np.nan, "core_parameters": np.nan, "seconds": np.nan, "pace": np.nan}
        for metric in METRICS:
            row |= {metric: 0.5 + 0.1 * at, f"{metric}_low": 0.4, f"{metric}_high": 0.9}
            row |= {f"{metric}_mean": 0.49 + 0.1 * at, f"{metric}_sd": 0.01}
        rows.append(row)
    unknown = dict.fromkeys(rows[0], np.nan) | {"model": "gru-bi", "label": "GRU, both ways", "note": "why", "seeds": 0}
    return pd.DataFrame([*rows, unknown])


@pytest.fixture(scope="module")
def one(task):
    return simulated_patients(task).select(["SIM-1"])


def gates_of(hours: int, units: int = 6, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((hours, units)).astype(np.float32), rng.random((hours, units)).astype(np.float32)


def test_every_model_has_its_row_with_the_first_at_the_top_and_those_without_a_result_are_empty(lab_table):
    figure = lab_figure(lab_table)
    axis = figure.layout.yaxis
    assert dict(zip(axis.ticktext, axis.tickvals, strict=True)) == {
        "GRU": 3, "LSTM": 2, "Boosted trees": 1, "GRU, both ways": 0,
    }  # fmt: skip
    for trace in figure.data:
        assert 0 not in list(trace.y)


def test_whiskers_end_at_the_interval(lab_table):
    dots = next(t for t in lab_figure(lab_table).data if t.name == "AUROC")
    np.testing.assert_allclose(dots.x + dots.error_x.array, [0.9] * 3)
    np.testing.assert_allclose(dots.x - dots.error_x.arrayminus, [0.4] * 3)


def test_models_without_epochs_have_no_bar(lab_table):
    bars = [t for t in lab_figure(lab_table).data if t.type == "bar"]
    assert [len(bar.x) for bar in bars] == [2, 2]
    assert list(bars[0].customdata) == ["10,000", "10,001"]


def test_the_family_is_said_in_words_also_before_anything_was_measured(lab_table):
    assert "LSTM: AUROC 0.600 from 0.400 to 0.900" in alt_text(lab_figure(lab_table))
    assert "no model has been measured yet" in alt_text(lab_figure(lab_table.iloc[3:]))


def test_gates_stand_on_the_hours_of_the_measurements(one):
    reset, update = gates_of(48)
    figure = gate_view(one, reset, update, ["HR", "Temp"])
    assert {t.xaxis for t in figure.data} <= {None, "x"}
    assert list(figure.layout.xaxis.range) == [0, 48]
    maps = [t for t in figure.data if t.type == "heatmap"]
    assert [t.name for t in maps] == ["Update gate", "Reset gate"]
    for trace in maps:
        assert (trace.zmin, trace.zmax) == (0, 1)
        assert list(trace.x) == list(range(49))
    for trace in json.loads(figure.to_json())["data"]:
        if trace["type"] == "heatmap":
            assert trace["z"]["dtype"] == "f4"


def test_units_come_in_one_order_in_both_gates_those_that_keep_longest_first(one):
    reset, update = gates_of(48)
    maps = [np.asarray(t.z) for t in gate_view(one, reset, update, []).data if t.type == "heatmap"]
    means = maps[0].mean(axis=1)
    assert (np.diff(means) <= 0).all()
    order = np.argsort(-update.mean(axis=0), kind="stable")
    np.testing.assert_array_equal(maps[1], reset[:, order].T)


def test_the_line_is_the_mean_of_the_update_gate(one):
    reset, update = gates_of(48)
    line = next(t for t in gate_view(one, reset, update, []).data if t.name == "kept")
    np.testing.assert_allclose(line.y, kept(update), rtol=1e-5)


def test_the_hour_of_the_rewriting_is_named_and_the_empty_start_does_not_count(task):
    update = np.full((48, 4), 0.9)
    update[0] = 0.0
    update[21] = 0.3
    assert gate_finding(update, task).startswith("At hour 22 the network rewrote most of its memory (70 %)")
    update[21] = 0.7
    assert gate_finding(update, task).startswith("At hour 22 the network rewrote 30 % of its memory; usually 10 %")


def test_calm_gates_and_a_single_hour_are_said_as_they_are(task):
    calm = np.tile([0.9, 0.9, 0.9, 0.1], (48, 1))
    assert gate_finding(calm, task) == (
        "The network kept about 70 % of its memory at every hour: 3 of its 4 units mostly keep what they hold, the "
        "others rewrite it."
    )
    assert "no memory yet" in gate_finding(np.full((1, 4), 0.9), task)


def test_a_stay_of_one_hour_can_be_drawn(one):
    assert list(gate_view(one, *gates_of(1), ["HR"]).layout.xaxis.range) == [0, 1]
