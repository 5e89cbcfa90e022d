"""From text files with outcomes to the benchmark table and a bundle, on invented stays and a tiny plan."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from medgru.bundle import load_bundle
from medgru.errors import TrainingError
from medgru.evaluation import bootstrap
from medgru.predict import predict
from medgru.training import benchmark as benchmarking
from medgru.training import run as training
from medgru.training.baselines import PERIODS, STATISTICS, boosted_trees, logistic_regression, summary_table
from medgru.training.benchmark import ATTENTIVE, LINEAR, PLAIN, SHIPPED, TREES, render, run_benchmark
from medgru.training.plans import plain_plan, shipped_plan
from medgru.training.progress import Reporter
from medgru.training.public_data import available_sets, read_labelled


def write_set(folder, letter, recordings, died):
    """Stays as the challenge publishes them: one text file a stay, and the outcomes beside them."""
    stays = folder / f"set-{letter}"
    stays.mkdir(parents=True)
    lines = ["RecordID,SAPS-I,SOFA,Length_of_stay,Survival,In-hospital_death"]
    table = recordings.table().sort_values(["record_id", "hours"], kind="stable")
    for i, name in enumerate(recordings.record_ids):
        number = f"{ord(letter)}{i:04d}"
        rows = [f"00:00,RecordID,{number}", f"00:00,Age,{recordings.statics[i, 0]:.0f}".replace("nan", "-1")]
        for row in table[table["record_id"] == name].itertuples():
            minutes = int(row.hours * 60)
            rows.append(f"{minutes // 60:02d}:{minutes % 60:02d},{row.variable},{row.value:.4g}")
        (stays / f"{number}.txt").write_text("Time,Parameter,Value\n" + "\n".join(rows) + "\n")
        lines.append(f"{number},{-1 if i == 0 else 10 + 5 * died[i]},{3 + died[i]},5,-1,{died[i]}")
    (folder / f"Outcomes-{letter}.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory, random_recordings):
    folder = tmp_path_factory.mktemp("public")
    rng = np.random.default_rng(0)
    for letter, stays in (("a", 110), ("b", 45)):
        died = np.append(rng.integers(0, 2, stays - 30), [0, 1] * 15)
        write_set(folder / "physionet2012", letter, random_recordings(stays=stays, seed=stays, rows=25), died)
    return folder


@pytest.fixture
def tiny_plans(monkeypatch):
    def tiny(plan):
        small = plan.config | {"hidden_size": 4, "attention_size": min(4, plan.config.get("attention_size", 4))}
        return replace(plan, config=small, recipe=replace(plan.recipe, epochs=1), folds=2)

    for module in (benchmarking, training):
        monkeypatch.setattr(module, "shipped_plan", lambda task, seed: tiny(shipped_plan(task, seed)))
        monkeypatch.setattr(module, "bootstrap", partial(bootstrap, resamples=20))
    monkeypatch.setattr(
        benchmarking, "plain_plan", lambda task, seed, attention: tiny(plain_plan(task, seed, attention))
    )
    monkeypatch.setattr(training, "BENCHMARK_SEEDS", 2)


def test_stays_are_read_with_their_outcomes_and_scores(data_dir, task):
    stays = read_labelled(task, data_dir, ["a", "b"])

    assert available_sets(data_dir) == ("a", "b")
    assert stays.name == "A and B"
    assert len(stays) == len(stays.recordings) == 155
    assert np.isnan(stays.scores["SAPS-I"]).sum() == 2  # one in each set has none
    known = np.isfinite(stays.scores["SAPS-I"])
    assert (stays.scores["SAPS-I"][known] == 10 + 5 * stays.y_true[known]).all()
    assert stays.sha256 != read_labelled(task, data_dir, ["a"]).sha256


def test_a_missing_set_is_told_with_where_to_get_it(tmp_path, task):
    with pytest.raises(TrainingError, match=r"no set-a\.tar\.xz .*physionet\.org"):
        read_labelled(task, tmp_path, ["a"])
    with pytest.raises(TrainingError, match=r"no set-a\.tar\.xz .*physionet\.org"):
        training.train(task, tmp_path, tmp_path / "out")


def test_a_stay_without_outcome_is_told_without_its_name(tmp_path, task, random_recordings):
    write_set(tmp_path, "a", random_recordings(stays=3), [0, 1, 0])
    outcomes = tmp_path / "Outcomes-a.txt"
    outcomes.write_text("\n".join(outcomes.read_text().splitlines()[:-1]))

    with pytest.raises(TrainingError, match=r"^1 records are in only one of"):
        read_labelled(task, tmp_path, ["a"])


@pytest.mark.slow
def test_the_benchmark_lists_every_model_with_its_interval(data_dir, tiny_plans, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    table = run_benchmark(data_dir, seeds=2, quiet=True)

    assert list(dict.fromkeys(table["model"])) == ["SAPS-I", "SOFA", LINEAR, TREES, PLAIN, ATTENTIVE, SHIPPED]
    single = table[table["sd"].isna()]
    assert (single["low"] <= single["high"]).all()
    assert table.loc[table["model"] == "SAPS-I", "value"].eq(1.0).all()
    assert table.loc[table["model"] == "SAPS-I", "stays"].eq(44).all()
    text = render(table)
    assert text.startswith("| Model | Runs | AUROC | AUPRC | Event 1 | Brier | ECE |")
    assert f"| {TREES} | each of 2 |" in text
    assert f"| {TREES} | 2 averaged |" in text
    assert len({line.count("|") for line in text.splitlines()}) == 1


@pytest.mark.slow
def test_training_writes_a_bundle_that_predicts(data_dir, tiny_plans, tmp_path, task, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    training.train(task, data_dir, tmp_path / "models" / "tiny", quiet=True)

    assert not list((tmp_path / "cache").rglob("*.safetensors"))  # nothing is left behind
    bundle = load_bundle(tmp_path / "models" / "tiny")
    predictions = predict(bundle, read_labelled(task, data_dir, ["b"]).recordings)
    assert np.isfinite(predictions.y_prob).all()
    assert bundle.training["data"]["sets"] == "A and B"
    assert bundle.metrics["unseen"]["measured_on"] == "set B"
    assert bundle.metrics["unseen"]["shipped"]["AUROC"]["low"] <= bundle.metrics["unseen"]["shipped"]["AUROC"]["high"]
    assert bundle.metrics["out_of_fold"]["stays"] == 155
    assert "set A alone" in bundle.card
    assert "| Boosted trees on summaries (each of 2) |" in bundle.card
    assert bundle.base_rate.sum() == pytest.approx(1)


def test_one_set_alone_is_trained_on_without_an_unseen_one(tmp_path, tiny_plans, task, random_recordings, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write_set(tmp_path / "data", "a", random_recordings(stays=40, rows=20), [0, 1] * 20)
    reporter = Reporter()
    epochs = []
    reporter.epoch = epochs.append

    training.train(task, tmp_path / "data", tmp_path / "one", reporter=reporter)

    assert "unseen" not in load_bundle(tmp_path / "one").metrics
    assert [e.stage for e in epochs] == ["network 1 of 2", "network 2 of 2"]


@pytest.mark.parametrize(("period", "begins", "ends"), [(0, -1, 48), (1, -1, 24), (2, 24, 48)], ids=PERIODS)
def test_a_summary_row_says_what_was_measured_in_each_period(random_recordings, task, period, begins, ends):
    recordings = random_recordings(stays=4, rows=80)
    table = summary_table(recordings)
    by_feature = table[:, : -len(task.statics)].reshape(4, len(task.features), len(PERIODS), len(STATISTICS))

    for feature in range(len(task.features)):
        own = (recordings.stay == 2) & (recordings.feature == feature)
        own &= (recordings.hours > begins) & (recordings.hours <= ends)
        row = dict(zip(STATISTICS, by_feature[2, feature, period], strict=True))
        values = recordings.value[own][np.argsort(recordings.hours[own], kind="stable")]
        assert row["count"] == len(values)
        if len(values):
            expected = [values.min(), values.max(), values.mean(), values.std(), values[0], values[-1]]
            np.testing.assert_allclose([row[k] for k in STATISTICS[:-1]], expected, rtol=1e-4, atol=1e-2)
        else:
            assert np.isnan([row[k] for k in STATISTICS[:-1]]).all()


def test_the_usual_models_take_gaps(random_recordings):
    recordings = random_recordings(stays=120, rows=10)
    table, y_true = summary_table(recordings), np.array([0, 1] * 60)

    for make in (boosted_trees, logistic_regression):
        prob = make(0).fit(table, y_true).predict_proba(table)
        assert np.isfinite(prob).all()
