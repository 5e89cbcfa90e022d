"""What Patient says beside the probability of a model that a user trained on few."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from medgru import library, predict
from medgru.bundle import write_sums
from medgru.data.demo import simulated_patients
from medgru.data.labelled import LabelledStays
from medgru.settings import settings
from medgru.training.seen import Group, Learned
from medgru.training.splits import patients_of
from medgru.ui import own_model
from tests.pages.screens import go, texts

RUN = "20261123-091502-abc"


@pytest.fixture
def few(models_dir, tiny_bundle_path, tmp_path, task):
    """A model of the user's in use, trained on 96 stays, measured on 24."""
    path = tmp_path / "few"
    shutil.copytree(tiny_bundle_path, path)
    unseen = {"trained_on": "a", "measured_on": "b", "same_model": True, "stays": 24, "events": 5, "others": {}}
    unseen["shipped"] = {"stays": 24, "AUROC": {"value": 0.9}, "ECE": {"value": 0.159}}
    (path / "metrics.json").write_text(json.dumps({"unseen": unseen}))
    (path / "training.json").write_text(json.dumps({"data": {"name": "1 file", "stays": 120, "patients": 120}}))
    write_sums(path)
    info = library.add(path, "few")
    return library.use(task, info.id, "for the test", override=True, run_id=RUN)


def patient(open_page):
    app = open_page("start")
    app.button(key="start_simulated").click().run()
    return go(app, "patient")


def test_on_how_few_a_model_rests_stands_beside_its_probability(few, open_page):
    app = patient(open_page)
    assert not app.exception
    said = app.warning[0].value
    assert "Take this probability with care" in said
    assert "Trained on 96 stays" in said
    assert "off by 15.9 points on average, measured on 24 stays held out" in said
    assert "among those the model was trained on" not in texts(app)


def test_the_shipped_model_is_shown_without_that(open_page):
    assert "with care" not in texts(patient(open_page))


@pytest.mark.parametrize(("prob", "words"), [(0.001, "fewer than 4 died"), (0.999, "more than 96 died")])
def test_words_claim_no_more_than_the_patients_held_out_can_show(few, open_page, monkeypatch, prob, words):
    real = predict.predict

    def sure(*args, **kwargs):
        found = real(*args, **kwargs)
        y_prob = np.full_like(found.y_prob, 1 - prob)
        y_prob[:, 1] = prob
        return replace(found, y_prob=y_prob)

    monkeypatch.setattr(predict, "predict", sure)
    app = patient(open_page)
    assert words in texts(app)
    assert "From 24 stays held out, no more than that can be said" in texts(app)
    icons = next(c for c in app.get("plotly_chart") if "dots are filled" in c.proto.alt)
    assert icons.proto.alt.startswith("4 of" if prob < 0.5 else "96 of")


def test_a_patient_the_model_was_trained_on_is_said_to_be_one(few, open_page, task):
    stays = simulated_patients(task)
    labelled = LabelledStays("ward", stays, np.zeros(len(stays), dtype=np.int64), "ab")
    group = Group.of(labelled, patients_of(labelled), np.array([0]))
    (settings().runs_dir / RUN).mkdir(parents=True)
    Learned().and_from(group).save(settings().runs_dir / RUN)

    app = patient(open_page)
    assert "This patient was among those the model was trained on" in texts(app)
    app.button(key="patient_next").click().run()
    assert "This patient was among those" not in texts(app)


@pytest.mark.parametrize(
    ("held_out", "ece", "weak", "least"), [(24, 0.01, True, 4), (100, 0.01, False, 1), (100, 0.06, True, 1)]
)
def test_few_held_out_or_probabilities_far_off_deserve_a_warning(held_out, ece, weak, least):
    known = own_model.Basis(80, held_out, ece)
    assert (known.weak, known.least) == (weak, least)


def test_a_model_that_was_never_measured_says_so():
    known = own_model.Basis(None, 0, None)
    assert known.weak
    assert known.least == 1
    assert "never measured" in own_model.in_words(known)
