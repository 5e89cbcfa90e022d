"""A run from a user's own data, from the check before it to the bundle, on invented stays of a small task."""

import json
import re
import shutil
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from medgru import library
from medgru.bundle import load_bundle
from medgru.data.labelled import LabelledStays
from medgru.data.recording import Recordings
from medgru.errors import TrainingError
from medgru.predict import predict
from medgru.settings import settings
from medgru.tasks import Feature, Outcome
from medgru.tasks.own import own_task
from medgru.training import search as searching
from medgru.training.checks import check_run, doubtful_labels, suggested_recipe
from medgru.training.config import Recipe, RunConfig
from medgru.training.progress import Reporter, Stopped
from medgru.training.retrain import train_run
from medgru.training.seen import Learned

RECIPE = Recipe(epochs=4, batch_size=16, learning_rate=0.01, averaging=0.9)
CONFIG = RunConfig(hidden_size=8, summary_size=8, recipe=RECIPE, members=2)


@cache
def ward_task(classes=2):
    features = [Feature(f"v{i}", f"Variable {i}", "", -10, 10) for i in range(3)]
    outcomes = [Outcome(f"c{i}", f"Class {i}") for i in range(classes)]
    return own_task("Ward", "Which class?", features, [Feature("age", "Age", "years", 0, 120)], outcomes, "c1", 8)


def ward(stays=120, classes=2, seed=0, per_patient=1):
    """Stays whose first variable lies higher in higher classes."""
    rng = np.random.default_rng(seed)
    y_true = np.arange(stays) // per_patient % classes
    rows = 24
    stay = np.repeat(np.arange(stays, dtype=np.int32), rows)
    feature = rng.integers(0, 3, stays * rows).astype(np.int16)
    value = rng.normal(0, 1, stays * rows) + 1.5 * y_true[stay] * (feature == 0)
    recordings = Recordings(
        ward_task(classes), tuple(f"stay {seed}-{i}" for i in range(stays)), stay,
        rng.uniform(0, 8, stays * rows).astype(np.float32), feature, value.clip(-10, 10).astype(np.float32),
        rng.uniform(20, 90, (stays, 1)).astype(np.float32),
    )  # fmt: skip
    patients = tuple(f"patient {i // per_patient}" for i in range(stays)) if per_patient > 1 else ()
    return LabelledStays("ward.csv", recordings, y_true, "0" * 64, patients=patients)


class StopWhen(Reporter):
    """Wants to stop from the n-th question on; keeps what it is told."""

    def __init__(self, asked=10**9):
        self.left, self.stages, self.epochs = asked, [], []

    def stage(self, text):
        self.stages.append(text)

    def epoch(self, epoch):
        self.epochs.append(epoch)

    def should_stop(self):
        self.left -= 1
        return self.left <= 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "first"
    reporter = StopWhen()
    return train_run(ward(), CONFIG, folder, reporter), reporter


def test_a_run_leaves_a_bundle_that_predicts_its_answers_and_its_figures(finished):
    run, reporter = finished
    held = np.load(run.folder / "held_out.npz", allow_pickle=False)
    stays = ward()

    predictions = predict(load_bundle(run.bundle), stays.recordings)

    assert sorted(p.name for p in run.folder.iterdir()) == ["bundle", "held_out.npz", "result.json", "trained_on.json"]
    assert json.loads((run.folder / "result.json").read_text()) == run.result
    np.testing.assert_allclose(predictions.y_prob[held["stay"]], held["y_prob"], atol=1e-5)
    assert (stays.y_true[held["stay"]] == held["y_true"]).all()
    assert run.result["held_out"]["stays"] == len(held["stay"]) == 24
    assert run.result["held_out"]["metrics"]["AUROC"]["value"] > 0.8
    assert set(run.result["baselines"]) == {"Logistic regression on summaries", "Boosted trees on summaries"}
    assert run.result["settings"] == CONFIG.to_dict()
    assert reporter.epochs[-1].member == 1
    assert reporter.stages[-1] == "Saving"
    assert run.result["start"] is None
    assert Learned.load(run.folder).patients.isdisjoint(held["patient"].tolist())
    assert len(Learned.load(run.folder).patients) == 96
    assert not any(name in str(run.result) for name in stays.recordings.record_ids)


def test_a_run_that_is_done_is_not_done_again(finished):
    run, _ = finished
    reporter = StopWhen()

    assert train_run(ward(), CONFIG, run.folder, reporter).result == run.result
    assert not reporter.stages


@pytest.mark.slow
def test_a_run_stopped_in_its_second_network_comes_to_the_same_result(finished, tmp_path):
    run, _ = finished
    with pytest.raises(Stopped):
        train_run(ward(), CONFIG, tmp_path, StopWhen(asked=44))
    again = StopWhen()

    resumed = train_run(ward(), CONFIG, tmp_path, again)

    assert again.epochs[0].member == 1
    for name in ("held_out.npz", "bundle/model.safetensors", "bundle/calibration.json"):
        assert (resumed.folder / name).read_bytes() == (run.folder / name).read_bytes(), name
    assert resumed.result["held_out"] == run.result["held_out"]


@pytest.mark.slow
def test_a_task_of_six_classes_is_trained_and_compared(tmp_path):
    stays = ward(stays=120, classes=6)

    run = train_run(stays, replace(CONFIG, members=1, model="lstm", attention="none"), tmp_path)

    metrics = [run.result["held_out"]["metrics"], *run.result["baselines"].values()]
    assert all(0 <= m[name]["value"] <= 1 for m in metrics for name in ("AUROC", "AUPRC", "ECE"))
    assert run.result["held_out"]["metrics"]["AUROC"]["value"] > 0.6
    assert np.load(tmp_path / "held_out.npz")["y_prob"].shape[1] == 6


@pytest.mark.slow
def test_the_fewest_patients_that_the_check_lets_through_are_trained_on(tmp_path):
    stays = ward(stays=20)

    run = train_run(stays, replace(CONFIG, recipe=suggested_recipe(16), members=5), tmp_path)

    assert not check_run(stays, CONFIG).problems
    assert run.result["held_out"]["stays"] == 4
    assert len(run.result["members"]) == 5


@pytest.mark.slow
def test_training_further_keeps_architecture_and_preprocessing(finished, tmp_path):
    run, _ = finished
    shutil.copytree(run.bundle, settings().user_models_dir / "ward")
    gentle = replace(RECIPE, epochs=1, learning_rate=1e-5)

    again = train_run(
        ward(seed=1), replace(CONFIG, hidden_size=99, start_from="ward", members=1, recipe=gentle), tmp_path / "b"
    )

    assert any("very data: unless the same patients were held out there" in w for w in again.result["warnings"])
    old, new = load_bundle(run.bundle), load_bundle(again.bundle)
    assert new.preprocessor == old.preprocessor
    assert new.network.config | {"members": 2} == old.network.config
    assert again.result["settings"]["hidden_size"] == old.network.settings.hidden_size  # what holds, not what was asked
    nearest = (new.network.head.weight[0] - old.network.head.weight[0]).abs().max()
    assert 0 < float(nearest) < 1e-3


@pytest.mark.slow
def test_a_run_that_began_from_a_model_says_whom_that_one_had_seen(finished, tmp_path, monkeypatch):
    run, _ = finished
    monkeypatch.setenv("MEDGRU_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    first = library.add(run.bundle, "first")
    library.use(first.task, "first", "", run_id="20261123-091502-abc")
    shutil.copytree(run.folder, settings().runs_dir / "20261123-091502-abc")
    stays = ward()
    new = tuple(f"other {i}" for i in range(60)) + stays.recordings.record_ids[60:]  # half of them under other names
    renamed = replace(stays, patients=new, sha256="1" * 64)

    config = replace(CONFIG, start_from="first", members=1)
    said_before = check_run(renamed, config).warnings
    again = train_run(renamed, config, tmp_path / "second")
    settings.cache_clear()

    held = np.load(again.folder / "held_out.npz")["stay"].tolist()
    before = set(np.load(run.folder / "held_out.npz")["stay"].tolist())
    known = sum(stay not in before for stay in held)
    sentence = (
        f"The model first that this run begins from was trained on {known} of these {len(held)} held-out patients"
    )
    assert 0 < known < len(held)
    assert again.result["start"]["id"] == "first"
    assert any(w.startswith(sentence) for w in again.result["warnings"])
    assert list(said_before) == again.result["warnings"]
    card = load_bundle(again.bundle).card
    assert sentence in card.split("## Beware")[1]
    assert "stays of patients who were held out of this run" in card
    assert Learned.load(again.folder).recordings > Learned.load(run.folder).recordings


@pytest.mark.slow
def test_a_search_keeps_its_trials_through_a_stop_and_never_sees_the_patients_held_out(tmp_path):
    config = replace(CONFIG, members=1, search_minutes=3 / 60)
    with pytest.raises(Stopped):
        train_run(ward(), config, tmp_path, StopWhen(asked=8))  # within the first trial, on any machine
    kept = (tmp_path / "checkpoint" / searching.JOURNAL).read_text()

    reporter = StopWhen()
    run = train_run(ward(), config, tmp_path, reporter)

    trials = run.result["search"]["trials"]
    assert kept
    assert [t["state"] for t in trials][:2] == ["fail", "complete"]  # the one that was stopped, and begun again
    assert trials[1]["settings"] == trials[0]["settings"]
    best = next(t for t in trials if t["number"] == run.result["search"]["best"])
    assert best["val_loss"] == min(t["val_loss"] for t in trials if t["state"] == "complete")
    assert run.result["settings"]["hidden_size"] == best["settings"]["hidden_size"]
    assert run.result["settings"]["recipe"]["learning_rate"] == best["settings"]["learning_rate"]
    assert "Searching settings: trial" in reporter.stages[2]
    assert trials[0]["settings"]["hidden_size"] == CONFIG.hidden_size  # the settings as given come first


@pytest.mark.parametrize(
    ("stays", "config", "sentence"),
    [
        (replace(ward(), y_true=np.zeros(120, dtype=np.int64)), CONFIG, "All 120 stays have the same outcome"),
        (replace(ward(), y_true=np.eye(120, dtype=np.int64)[3]), CONFIG, "outcome Class 1 has 1 patient; at least 10"),
        (
            ward(stays=120, per_patient=10),
            CONFIG,
            "Each outcome needs at least 10 patients; these have fewer: Class 0 (6)",
        ),
        (ward(), replace(CONFIG, model="transformer"), "no model of that name. Choose one of rnn, lstm, gru"),
        (ward(), replace(CONFIG, bidirectional=True), "bidirectional network does not fit"),
        (ward(), replace(CONFIG, hidden_size=0), "hidden_size must be a whole number from 1 to 1024"),
        (ward(), replace(CONFIG, recipe=replace(RECIPE, learning_rate=float("nan"))), "learning_rate must be a number"),
        (ward(), replace(CONFIG, recipe=replace(RECIPE, schedule="steps")), "schedule must be one of one-cycle"),
        (ward(), replace(CONFIG, start_from="icu-mortality"), "Choose a model of the same task"),
        (ward(), replace(CONFIG, start_from="../secret"), "There is no model of that id"),
    ],
    ids=["one class", "one case", "few patients", "model", "both ways", "size", "rate", "schedule", "task", "id"],
)
def test_what_cannot_be_trained_is_refused_before_the_start_with_what_to_do(tmp_path, stays, config, sentence):
    check = check_run(stays, config)

    assert sentence in check.problems[0]
    with pytest.raises(TrainingError, match=re.escape(sentence)):
        train_run(stays, config, tmp_path)


def test_too_little_memory_is_known_before_the_start():
    short, enough = (check_run(ward(), CONFIG, free_mb=free) for free in (100, 4000))
    assert not short.problems
    assert "MB of memory, 100 are free: it may be ended by the system" in " ".join(short.warnings)
    assert not any("of memory" in warning for warning in enough.warnings)


def test_the_check_counts_classes_and_who_is_held_out_and_warns_of_few_cases():
    check = check_run(ward(), CONFIG)

    assert check.class_counts == {"Class 0": 60, "Class 1": 60}
    assert check.held_out == 24
    assert 0 < check.minutes[0] <= check.minutes[1] < 5
    y_true = np.where(np.arange(1200) < 30, 1, 0)
    few = check_run(replace(ward(stays=1200), y_true=y_true), CONFIG)
    assert any("Class 1 has only 30 patients, 6 of them held out" in w for w in few.warnings)
    rare = check_run(replace(ward(stays=3000), y_true=np.where(np.arange(3000) < 60, 1, 0)), CONFIG)
    assert any("Class 1 is rare (2.0 % of the patients)" in w for w in rare.warnings)


def test_flipped_labels_are_suspected_and_clean_or_unlearnable_ones_are_not():
    stays = ward(stays=600)
    rng = np.random.default_rng(0)
    flipped = np.where(rng.random(600) < 0.1, 1 - stays.y_true, stays.y_true)

    assert doubtful_labels(stays) < 0.02
    assert doubtful_labels(replace(stays, y_true=flipped)) > 0.05
    assert doubtful_labels(replace(stays, y_true=rng.integers(0, 2, 600))) == 0
    assert any("outcomes look doubtful" in w for w in check_run(replace(stays, y_true=flipped), CONFIG).warnings)


def test_few_stays_are_given_smaller_batches_and_more_epochs():
    few, many = suggested_recipe(100), suggested_recipe(4000)

    assert many == Recipe()
    assert few.batch_size < many.batch_size
    assert few.epochs > many.epochs


def test_a_patient_with_stays_of_two_classes_counts_for_both_and_is_split_by_the_rarer():
    stays = ward(stays=120, per_patient=2)  # 60 patients, 30 a class
    y_true = stays.y_true.copy()
    y_true[1:40:4] = 1  # ten patients of the first class have a stay of the second, too
    warnings = check_run(replace(stays, y_true=y_true), CONFIG).warnings
    (few,) = (w for w in warnings if "few patients" in w)
    assert "Class 0 (30, 6 of them held out), Class 1 (40, " in few
    y_true = np.tile([0, 1], 60)
    y_true[:4] = 0
    (problem,) = check_run(replace(stays, y_true=y_true), CONFIG).problems
    assert "Class 0 has 60 patients; 58 of them have stays of a rarer outcome too" in problem
    assert "at least 10 are needed besides" in problem


def test_nobody_is_told_to_raise_the_epochs_to_what_they_are():
    stays = ward(stays=40)
    train = len(stays) - check_run(stays, CONFIG).held_out
    advised = suggested_recipe(train)
    few = replace(CONFIG, recipe=replace(advised, epochs=advised.epochs - 30))
    assert any(
        f"raise the epochs from {advised.epochs - 30} to {advised.epochs}" in w for w in check_run(stays, few).warnings
    )
    large = replace(CONFIG, recipe=replace(advised, batch_size=64))
    warnings = [w for w in check_run(stays, large).warnings if "hardly begins to learn" in w]
    assert len(warnings) == 1
    assert "lower the batch size from 64 to 16" in warnings[0]
    assert "epochs" not in warnings[0]
    assert not any("hardly begins" in w for w in check_run(stays, replace(CONFIG, recipe=advised)).warnings)
