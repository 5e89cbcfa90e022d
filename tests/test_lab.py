"""The lab on invented stays: the table, who is apart, going on after a stop."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from data.own_tables import tables

from medgru.data import define, examine
from medgru.data.labelled import LabelledStays
from medgru.errors import TrainingError
from medgru.nn import build_network
from medgru.training import lab
from medgru.training.config import Recipe
from medgru.training.lab import (
    LAB_CONFIG,
    METRICS,
    LabResult,
    check_lab,
    lab_config,
    lab_run,
    read_lab,
    render,
    run_lab,
)
from medgru.training.lab_models import LAB_MODELS
from medgru.training.lab_store import LabStore
from medgru.training.lab_train import Bench, core_parameters
from medgru.training.plans import network_config
from medgru.training.progress import Reporter, Stopped
from medgru.training.splits import choose_stays, held_out

TINY = replace(LAB_CONFIG, hidden_size=4, recipe=Recipe(epochs=2, batch_size=16))
MODELS = ["rnn", "gru", "gru-bi"]
TIMES = ["seconds", "pace"]


@pytest.fixture(scope="module")
def stays(random_recordings) -> LabelledStays:
    """Eighty stays of forty patients; the outcome shows in every value."""
    recordings = random_recordings(stays=80, rows=20)
    y_true = (np.arange(80) % 4 < 2).astype(np.int64)
    sick = y_true[recordings.stay].astype(np.float32)
    value = recordings.value * np.where(sick == 1, 0.7, 1.0).astype(np.float32)
    patients = tuple(f"p{i // 2}" for i in range(80))
    return LabelledStays("invented", replace(recordings, value=value), y_true, "0" * 64, patients=patients)


@pytest.fixture(scope="module")
def finished(stays, tmp_path_factory) -> LabResult:
    folder = tmp_path_factory.mktemp("lab")
    lab_run(stays, TINY, {"models": MODELS, "seeds": 2}, folder, Reporter())
    result = read_lab(folder)
    assert result is not None
    return result


@pytest.fixture(scope="module", autouse=True)
def few_resamples():
    """Intervals are not what these tests are about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab, "RESAMPLES", 40)
        patch.setattr(lab, "_RESAMPLES_MEANWHILE", 20)
        yield


class StopsAfter(Reporter):
    """Wants to stop once so many batches were asked about."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def should_stop(self) -> bool:
        self.left -= 1
        return self.left < 0


def test_every_model_has_a_row_with_its_figures_or_a_reason(finished):
    table = finished.table.set_index("model")
    assert list(table.index) == MODELS
    for name in ("rnn", "gru"):
        assert not table.loc[name, "note"]
        for metric in METRICS:
            assert 0 <= table.loc[name, f"{metric}_low"] <= table.loc[name, f"{metric}_high"] <= 1
    assert table.loc["gru-bi", "seeds"] == 0
    assert "reading backwards" in table.loc["gru-bi", "note"]
    assert list(table["seeds"]) == [2, 2, 0]


def test_the_pace_is_the_gru_s(finished):
    assert finished.table.set_index("model").loc["gru", "pace"] == 1


def test_a_core_of_a_gru_has_three_quarters_of_an_lstms_parameters(task):
    for hidden in (3, 32):
        config = replace(LAB_CONFIG, hidden_size=hidden)
        counts = {
            name: core_parameters(build_network(network_config(task, LAB_MODELS[name].settings(config))))
            for name in ("gru", "lstm")
        }
        assert 4 * counts["gru"] == 3 * counts["lstm"]


def test_every_network_of_the_lab_is_what_its_line_says(task):
    for model in LAB_MODELS.values():
        if model.is_network:
            settings = build_network(network_config(task, model.settings(LAB_CONFIG)) | {"members": 1}).settings
            assert settings.core == model.changes["model"]
            assert settings.hidden_size == LAB_CONFIG.hidden_size
            for name in ("num_layers", "bidirectional", "attention", "summary_size"):
                if name in model.changes:
                    assert getattr(settings, name) == model.changes[name]


def test_no_patient_is_on_two_sides(stays):
    known, unseen = held_out(stays, 0.25)
    bench = Bench(choose_stays(stays, known), choose_stays(stays, unseen), TINY, 0.2)
    training = [stays.patients[i] for i in known]
    sides = [
        {training[i] for i in bench.train.tolist()},
        {training[i] for i in bench.apart.tolist()},
        set(bench.test_patients),
    ]
    assert all(sides)
    assert sum(len(side) for side in sides) == len(set.union(*sides))


@pytest.mark.parametrize("batches", [1, 11])
def test_a_lab_that_was_stopped_goes_on_to_the_same_table_but_for_times(stays, finished, tmp_path, batches):
    wanted = {"models": MODELS, "seeds": 2}
    with pytest.raises(Stopped):
        lab_run(stays, TINY, wanted, tmp_path, StopsAfter(batches))
    lab_run(stays, TINY, wanted, tmp_path, Reporter())
    resumed = read_lab(tmp_path)
    pd.testing.assert_frame_equal(resumed.table.drop(columns=TIMES), finished.table.drop(columns=TIMES))
    assert [v for v in resumed.verdicts if "faster" not in v.claim] == [
        v for v in finished.verdicts if "faster" not in v.claim
    ]


def test_what_was_done_is_not_done_again(stays, tmp_path):
    wanted = {"models": ["rnn"], "seeds": 2}
    lab_run(stays, TINY, wanted, tmp_path, Reporter())

    class Silence(Reporter):
        def epoch(self, epoch):
            raise AssertionError("trained again")

    lab_run(stays, TINY, wanted, tmp_path, Silence())


def test_other_settings_take_nothing_over(stays, tmp_path):
    wanted = {"models": ["rnn"], "seeds": 1}
    for config in (TINY, replace(TINY, seed=1)):
        lab_run(stays, config, wanted, tmp_path, Reporter())
    assert len(list((tmp_path / "lab").iterdir())) == 2


def test_a_damaged_answer_is_made_anew(tmp_path):
    store = LabStore(tmp_path, "x")
    assert store.load("gru", 0) is None
    folder = tmp_path / "lab" / "x"
    folder.mkdir(parents=True)
    (folder / "gru-0.json").write_text("{")
    (folder / "rounds.json").write_text('["a"]')
    assert store.load("gru", 0) is None
    assert store.rounds() == []


def test_the_table_grows_while_networks_are_trained(stays, tmp_path):
    with pytest.raises(Stopped):
        lab_run(stays, TINY, {"models": ["rnn", "gru"], "seeds": 2}, tmp_path, StopsAfter(12))
    meanwhile = read_lab(tmp_path)
    assert meanwhile.verdicts == ()
    assert meanwhile.table["seeds"].sum() > 0


def test_a_network_that_fails_leaves_a_note_and_the_others_go_on(stays, tmp_path):
    wild = replace(TINY, recipe=replace(TINY.recipe, learning_rate=1e30, max_grad_norm=1e30))
    lab_run(stays, wild, {"models": ["gru", "linear"], "seeds": 2}, tmp_path, Reporter())
    table = read_lab(tmp_path).table.set_index("model")
    assert "no longer a number" in table.loc["gru", "note"]
    assert table.loc["linear", "seeds"] == 1, "it has no chance in its training"
    assert np.isfinite(table.loc["linear", "AUROC"])


def test_a_result_survives_its_file(finished):
    values = json.loads(json.dumps(finished.to_dict(), allow_nan=False))
    again = LabResult.from_dict(values)
    pd.testing.assert_frame_equal(again.table, finished.table)
    assert again.verdicts == finished.verdicts


def test_the_report_names_every_model_claim_and_the_protocol(finished):
    text = render(finished)
    for label in finished.table["label"]:
        assert label in text
    for verdict in finished.verdicts:
        assert f"{verdict.claim}: **{verdict.outcome}**" in text
    assert finished.protocol in text
    assert "nan" not in text


def test_a_damaged_result_is_told(tmp_path):
    assert read_lab(tmp_path) is None
    (tmp_path / "lab.json").write_text("[]")
    with pytest.raises(TrainingError, match=r"lab\.json of this run is damaged"):
        read_lab(tmp_path)


@pytest.mark.parametrize(
    ("models", "seeds", "said"),
    [(["gruu"], 3, "no model gruu"), ([], 3, "No model was chosen"), (["linear"], 0, "1 to 20 seeds")],
    ids=["unknown", "none", "no seed"],
)
def test_what_cannot_be_compared_is_refused(stays, models, seeds, said):
    with pytest.raises(TrainingError, match=said):
        run_lab(stays, stays, models, seeds, config=TINY)


def test_one_outcome_only_is_refused(stays):
    with pytest.raises(TrainingError, match="nothing to tell apart"):
        run_lab(replace(stays, y_true=np.zeros(80, np.int64)), stays, ["linear"], 1, config=TINY)


@pytest.mark.parametrize("share", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("rare", [10, 11, 14])
def test_what_the_check_lets_through_is_enough_to_part(random_recordings, rare, share):
    recordings = random_recordings(stays=2 * rare + 5, rows=4)
    few = LabelledStays("few", recordings, (np.arange(len(recordings)) < rare).astype(np.int64), "0" * 64)
    config = replace(TINY, test_share=share)
    assert not check_lab(few, ["gru"], 3, config).problems
    known, unseen = held_out(few, share)
    bench = Bench(choose_stays(few, known), choose_stays(few, unseen), config, lab.APART_SHARE)
    for part in (bench.train, bench.apart):
        assert len(bench.y_train[part].unique()) == 2


def test_too_few_patients_to_set_any_apart_are_refused(stays):
    one = choose_stays(stays, np.flatnonzero((stays.y_true == 0) | (np.arange(80) < 1)))
    with pytest.raises(TrainingError, match="has 1 patient; at least 2"):
        Bench(one, one, TINY, 0.2)


def test_the_estimate_grows_with_models_and_seeds(stays):
    few = check_lab(stays, ["gru"], 3, TINY).minutes
    more = check_lab(stays, ["gru", "lstm"], 3, TINY).minutes
    most = check_lab(stays, ["gru", "lstm"], 6, TINY).minutes
    assert few[1] < more[1] < most[1]
    assert most[1] < 2 * more[1] - 0.1  # what is needed once, such as to start a process, is counted once


@pytest.mark.parametrize("seeds", [0, 2, 21])
def test_too_few_or_too_many_seeds_are_refused_before_the_start(stays, seeds):
    assert check_lab(stays, ["gru"], seeds, TINY).problems == (
        f"A lab takes 3 to 20 seeds, not {seeds}. Change their number.",
    )


def test_few_stays_get_smaller_batches():
    assert lab_config(4000).recipe == LAB_CONFIG.recipe
    assert lab_config(200).recipe.batch_size < LAB_CONFIG.recipe.batch_size


def test_seeds_give_other_networks_and_one_seed_the_same(stays):
    bench = Bench(stays, stays, TINY, 0.2)
    a, b, c = (bench._network(LAB_MODELS["gru"], seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(a[k], b[k]) for k in a)
    assert not all(torch.equal(a[k], c[k]) for k in a)


@pytest.mark.slow
def test_a_question_of_six_classes_goes_through_every_kind_both_ways_too(tmp_path):
    proposal = examine(tables()["six gestures in tenths of a second"].sources)
    gestures = define(proposal, replace(proposal.choices, causal=False))
    kinds = ["gru", "gru-bi", "gru-d", "retain", "linear"]
    lab_run(gestures, TINY, {"models": kinds, "seeds": 1}, tmp_path, Reporter())
    result = read_lab(tmp_path)
    assert (result.table["note"] == "").all()
    assert np.isfinite(result.table["AUROC"]).all()
    assert result.table.set_index("model").loc["linear", "AUROC"] > 0.8
    assert "means over the classes" in result.protocol
