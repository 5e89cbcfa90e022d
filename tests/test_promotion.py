"""The gate between a run and the model in use: fair, in words, overridden only with a reason, undone in one step."""

import hashlib
import json
import shutil
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

from medgru import library
from medgru.bundle import load_bundle, write_sums
from medgru.data.labelled import LabelledStays
from medgru.errors import TrainingError
from medgru.jobs import comparison, promotion, table
from medgru.jobs.comparison import compare, setting_text
from medgru.jobs.promotion import JUDGED, gate, promote
from medgru.predict import score
from medgru.settings import settings
from medgru.training.config import Recipe, RunConfig
from medgru.training.seen import Group, Learned
from medgru.training.splits import recording_hashes

STAYS = 120


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer resamples, and no verdict kept from another test."""
    promotion._judge.cache_clear()
    for module, name in ((promotion, "paired_bootstrap"), (promotion, "measure"), (comparison, "paired_bootstrap")):
        monkeypatch.setattr(module, name, partial(getattr(module, name), resamples=60))


def hashes(ids) -> np.ndarray:
    return np.array([hashlib.sha256(str(i).encode()).hexdigest()[:16] for i in ids], dtype="<U16")


def sharpen(path: Path, recordings, offset: float = 0.0) -> np.ndarray:
    """Make an untrained model sure of itself by its calibration; gives what it says then."""
    p = score(load_bundle(path), recordings).event_prob
    log_odds = np.log(p / (1 - p))
    scale = 2.5 / log_odds.std()
    content = json.loads((path / "calibration.json").read_text())
    content["scale"] = [float(scale)] * len(content["knots"])
    content["shift"] = [[0.0, float(offset - 0.5 - scale * log_odds.mean())]] * len(content["knots"])
    (path / "calibration.json").write_text(json.dumps(content))
    write_sums(path)
    return score(load_bundle(path), recordings).y_prob


@pytest.fixture(scope="module")
def stays(random_recordings):
    return random_recordings(stays=STAYS, rows=25, seed=5)


@pytest.fixture(scope="module")
def model(stays, untrained_bundle, tmp_path_factory) -> Callable[[int], tuple[Path, np.ndarray]]:
    """Factory of models that are sure of themselves, by seed: the bundle, and what it says of `stays`."""

    @cache
    def make(seed: int) -> tuple[Path, np.ndarray]:
        path = untrained_bundle(tmp_path_factory.mktemp("model") / "bundle", stays, seed=seed)
        return path, sharpen(path, stays)

    return make


@pytest.fixture
def run(shelf, stays, model, task) -> Callable[..., str]:
    """Factory of finished runs whose model is right about the outcomes of `truth`, another run's, or of its own."""
    table.runs_dir().mkdir(parents=True)

    def make(
        number: int, truth: np.ndarray | None = None, held: int = STAYS, data: str = "d1", began: str = "",
        recordings=stays, **config,
    ) -> str:  # fmt: skip
        run_id = f"20261123-0915{number:02d}-abc"
        folder = table.folder_of(run_id)
        bundle, y_prob = model(number)
        shutil.copytree(bundle, folder / "bundle")
        y_true = (
            truth if truth is not None else (np.random.default_rng(0).random(STAYS) < y_prob[:, 1]).astype(np.int64)
        )
        LabelledStays("ward7.csv", recordings, y_true, data).save(folder / "dataset")
        index = np.arange(STAYS - held, STAYS)
        patient = hashes(stays.record_ids)[index]
        np.savez(folder / "held_out.npz", y_true=y_true[index], y_prob=y_prob[index], stay=index, patient=patient)
        figure = {"value": 0.7, "low": 0.6, "high": 0.8}
        result = {
            "held_out": {"stays": held, "metrics": dict.fromkeys(("AUROC", "AUPRC", "Brier", "ECE"), figure)},
            "baselines": {"Boosted trees on summaries": {"AUROC": figure, "ECE": dict.fromkeys(figure)}},
            "split_sha256": f"{number}",
        }
        if began:
            result["start"] = {"id": "first", "warnings": [began]}
        (folder / "result.json").write_text(json.dumps(result))
        rest = np.arange(STAYS - held)
        Learned().and_from(Group(hashes(stays.record_ids)[rest], recording_hashes(stays)[rest], data)).save(folder)
        facts = {"name": "ward7.csv", "stays": STAYS, "sha256": data, "classes": {}}
        settings = RunConfig(**config).to_dict()
        table.insert(run_id, "train", f"Run {number}", task.title, "gru", settings, {}, facts)
        table.claim(9)
        table.begin(run_id, 1)
        table.end(run_id, "done", "")
        return run_id

    return make


def outcomes(run_id: str) -> np.ndarray:
    return LabelledStays.load(table.folder_of(run_id) / "dataset").y_true


def test_a_better_model_passes_takes_the_place_and_gives_it_back(run, task):
    run_id = run(1)
    verdict = gate(run_id)
    assert verdict.passed
    assert (verdict.rival, verdict.held_out) == ("icu-mortality", STAYS)
    assert verdict.sentences[0].startswith(f"Both models answered for the same {STAYS} patients, held out")
    assert "not worse than icu-mortality beyond chance" in verdict.sentences[-1]
    assert list(verdict.table["metric"]) == ["AUROC", "AUPRC", "ECE", "Brier"]
    assert verdict.table["verdict"].str.contains("better beyond chance").any()
    info = promote(run_id, "first try")
    assert library.in_use(task).id == info.id == "run-1"
    (change,) = library.history(task)
    assert (change.action, change.reason, change.override, change.run_id) == ("promoted", "first try", False, run_id)
    assert library.roll_back(task).id == "icu-mortality"


def test_a_worse_model_is_kept_out_unless_overridden_with_a_reason_that_is_recorded(run, task):
    good = run(1)
    promote(good)
    bad = run(2, truth=outcomes(good))
    verdict = gate(bad)
    assert not verdict.passed
    assert "does not pass the gate, because of AUROC" in verdict.sentences[-1]
    assert "worse beyond chance" in set(verdict.table["verdict"])
    for arguments, sentence in (({}, "did not pass the gate"), ({"override": True, "reason": " "}, "needs a reason")):
        with pytest.raises(TrainingError, match=sentence):
            promote(bad, **arguments)
    assert library.in_use(task).id == "run-1"
    promote(bad, "the ward wants to see it", override=True)
    assert library.in_use(task).id == "run-2"
    assert library.history(task)[-1].override
    assert library.history(task)[-1].reason == "the ward wants to see it"
    assert library.roll_back(task).id == "run-1"


def test_an_override_that_was_not_needed_is_not_recorded_as_one(run, task):
    promote(run(1), "sure", override=True)
    assert not library.history(task)[-1].override


def test_every_figure_judged_has_a_sentence_with_its_interval(run):
    verdict = gate(run(1))
    for name in JUDGED:
        (sentence,) = [s for s in verdict.sentences if f"({name}" in s]
        assert "95 % interval" in sentence


def test_the_gate_is_fair_the_same_model_twice_is_neither_better_nor_worse(run):
    first = run(1)
    promote(first)
    assert gate(first).sentences == ("The model of this run is the one in use.",)


def test_without_a_model_in_use_better_than_chance_is_enough_and_the_baseline_is_named(run, shelf):
    run_id = run(1)
    (settings().models_dir / "icu-mortality" / "labels.json").unlink()
    verdict = gate(run_id)
    assert verdict.passed
    assert verdict.rival is None
    assert "No model is in use for ICU mortality" in verdict.sentences[0]
    assert "Boosted trees on summaries reached 0.700" in verdict.sentences[1]
    guessing = run(2, truth=outcomes(run_id))
    assert not gate(guessing).passed
    assert "no better than chance" in gate(guessing).sentences[-1]


def test_few_patients_and_one_class_are_said(run):
    assert not any("little is proven" in w for w in gate(run(1)).warnings)
    few = gate(run(2, held=60))
    assert any("Only 60 patients were held out" in w and "little is proven" in w for w in few.warnings)
    one_class = gate(run(3, truth=np.zeros(STAYS, dtype=np.int64), held=50))
    assert not one_class.passed
    assert "of one class" in " ".join(one_class.sentences)


def test_a_rival_that_had_seen_the_held_out_patients_is_named(run, task):
    assert any("looks too good here" in w for w in gate(run(1)).warnings)  # the shipped one
    promote(run(2, held=40), "x", override=True)  # trained on the first 80
    warnings = gate(run(3, truth=outcomes("20261123-091502-abc"))).warnings
    assert any(f"run-2, was trained on 80 of these {STAYS} held-out patients: it looks too" in w for w in warnings)
    promote(run(4), "x", override=True)
    assert not any("run-4" in w for w in gate(run(5)).warnings)


def test_what_a_run_said_of_the_model_it_began_from_is_said_again_by_the_gate_and_beside_others(run):
    sentence = "The model first that this run begins from was trained on 3 of these patients: the figures are too good."
    one, other = run(1, began=sentence), run(2)
    assert sentence in gate(one).warnings
    assert sentence not in gate(other).warnings
    assert f"Run 1: {sentence}" in compare([one, other]).notes


@pytest.mark.parametrize("split", ["3", "other"])
def test_the_same_split_of_other_data_is_no_proof_that_nobody_was_seen(run, split):
    shipped = settings().models_dir / "icu-mortality"
    for data, silent in (("d1", split == "3"), ("d2", False)):
        training = {"data": {"sha256": data, "name": "w.csv"}, "split_sha256": split}
        (shipped / "training.json").write_text(json.dumps(training))
        write_sums(shipped)
        promotion._judge.cache_clear()
        run_id = "20261123-091503-abc" if data == "d2" else run(3)
        assert (not any("it looks too good" in w for w in gate(run_id).warnings)) is silent


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_only_a_finished_training_run_goes_through_the_gate(run, state, task):
    run_id = run(1)
    with table.writing() as connection:
        connection.execute("UPDATE runs SET state = ? WHERE id = ?", (state, run_id))
    with pytest.raises(TrainingError, match="that is done"):
        promote(run_id, "please", override=True)
    assert library.history(task) == ()


@pytest.mark.parametrize("file", ["held_out.npz", "result.json"])
def test_damaged_results_are_said_so(run, file):
    one, other = run(1), run(2)
    (table.folder_of(one) / file).write_bytes(b"{")
    with pytest.raises(TrainingError, match="missing or damaged"):
        compare([one, other])


def test_runs_side_by_side_show_what_differs_and_by_how_much(run):
    one = run(1, hidden_size=16)
    other = run(2, truth=outcomes(one), recipe=Recipe(epochs=3))
    found = compare([one, other])
    marked = set(found.settings.loc[found.settings["differs"], "setting"])
    assert marked == {"hidden_size", "epochs"}
    values = found.settings.set_index("setting").loc[["bidirectional", "start_from", "hidden_size"], one]
    assert list(values) == [False, None, 16]  # as they are: who shows them writes them
    assert [setting_text(value) for value in values] == ["no", "none", "16"]
    assert set(found.metrics["run"]) == {one, other}
    auroc = found.differences.set_index("metric").loc["AUROC"]
    assert auroc["low"] < auroc["value"] < auroc["high"]
    assert auroc["verdict"] == "better beyond chance"
    assert auroc["patients"] == STAYS
    assert "same patients" in found.notes[0]
    back = compare([other, one]).differences.set_index("metric").loc["AUROC"]
    assert back["value"] == pytest.approx(-auroc["value"])


def test_runs_that_held_out_different_patients_are_compared_on_those_of_both(run):
    one = run(1)
    other = run(2, truth=outcomes(one), held=50, data="d2")
    found = compare([one, other])
    assert set(found.differences["patients"]) == {50}
    assert "held out different patients" in found.notes[0]


def test_other_patients_of_the_same_names_are_never_paired(run, random_recordings):
    one = run(1)
    elsewhere = random_recordings(stays=STAYS, rows=25, seed=6)  # of the same identifiers
    other = run(2, truth=outcomes(one), data="d2", recordings=elsewhere)
    found = compare([one, other])
    assert found.differences.empty
    assert "compared on the 0 stays that both held out" in found.notes[-1]


def test_runs_without_results_are_compared_by_their_settings_and_one_run_is_nothing_to_compare(run):
    one, other = run(1), run(2)
    with table.writing() as connection:
        connection.execute("UPDATE runs SET state = 'failed' WHERE id = ?", (other,))
    found = compare([one, other])
    assert found.differences.empty
    assert "no result" in found.notes[0]
    with pytest.raises(TrainingError, match="two runs or more"):
        compare([one, one])


def test_runs_of_different_tasks_are_not_compared_in_figures(run, untrained_bundle, ward_recordings):
    one, other = run(1), run(2)
    folder = table.folder_of(other) / "bundle"
    for file in folder.iterdir():
        file.unlink()
    untrained_bundle(folder, ward_recordings())
    found = compare([one, other])
    assert found.differences.empty
    assert "different questions" in found.notes[0]
