"""Who had been seen before: counted where it is known, said to be unknown where it is not, never left out."""

import json

import numpy as np
import pytest

from medgru import library
from medgru.bundle import describe_bundle
from medgru.data.labelled import LabelledStays
from medgru.settings import settings
from medgru.training.seen import TRAINED_ON, Group, Learned, Origin, learned_by, seen_warnings, start_warnings
from medgru.training.splits import patients_of

RUN = "20261123-091502-abc"


@pytest.fixture(scope="module")
def stays(random_recordings) -> LabelledStays:
    recordings = random_recordings(stays=20, rows=20)
    return LabelledStays(
        "ward.csv", recordings, np.arange(20) % 2, "d1", patients=tuple(f"p{i // 2}" for i in range(20))
    )


def group(stays: LabelledStays, index, split: str = "") -> Group:
    return Group.of(stays, patients_of(stays), np.asarray(index), split)


@pytest.fixture
def info(tiny_bundle_path):
    return describe_bundle(tiny_bundle_path)


def said(info, learned, held) -> list[str]:
    return seen_warnings(info, learned, held, "The model", "it looks too good")


def test_patients_are_counted_not_stays(info, stays):
    learned = Learned().and_from(group(stays, range(10)))
    assert said(info, learned, group(stays, range(8, 20))) == [
        "The model was trained on 1 of these 6 held-out patients: it looks too good."
    ]
    assert said(info, learned, group(stays, range(10, 20))) == []


def test_the_same_recording_in_other_data_under_another_name_is_seen(info, stays):
    learned = Learned().and_from(group(stays, range(10)))
    renamed = LabelledStays(
        "other.csv", stays.recordings, stays.y_true, "d2", patients=tuple(f"q{i}" for i in range(20))
    )
    assert "was trained on 3 of these 13 held-out" in said(info, learned, group(renamed, range(7, 20)))[0]


def test_the_same_name_in_other_data_is_not_taken_for_the_same_person(info, stays, random_recordings):
    learned = Learned().and_from(group(stays, range(10)))
    other = LabelledStays("b.csv", random_recordings(stays=20, seed=9), stays.y_true, "d2", patients=stays.patients)
    (sentence,) = said(info, learned, group(other, range(20)))
    assert "5 of the identifiers of these 10 held-out patients occur too: if they are the same people" in sentence


def test_what_is_not_known_is_said_with_the_data_that_the_model_names(info, stays):
    held = group(stays, range(4), "s1")
    elsewhere = Learned(unknown=(Origin(info.id, "ICU of another town", "d9", ""),))
    (sentence,) = said(info, elsewhere, held)
    assert sentence == (
        "The model may have been trained on these patients (its data: ICU of another town): then it looks too good."
    )
    here = Origin(info.id, "ward.csv", "d1", "s2")
    assert "trained on these very data: unless the same patients" in said(info, Learned(unknown=(here,)), held)[0]
    behind = Origin("first", "ward.csv", "d9", "")
    assert "The model goes back to the model first, which may have" in said(info, Learned(unknown=(behind,)), held)[0]


@pytest.mark.parametrize(("data", "silent"), [("d1", True), ("d2", False)])
def test_the_same_split_is_the_same_patients_only_in_the_same_data(info, stays, data, silent):
    learned = Learned(unknown=(Origin(info.id, "ward.csv", data, "s1"),))
    assert (said(info, learned, group(stays, range(4), "s1")) == []) is silent


def test_a_run_that_began_from_a_model_says_that_its_probabilities_may_be_too_sure(info, stays):
    learned, held, own = (
        Learned().and_from(group(stays, range(16))),
        group(stays, range(16, 20)),
        group(stays, range(16)),
    )
    (sentence,) = start_warnings(info, learned, held, own)
    assert "trained on 8 of the 8 patients by whom this run is stopped and calibrated" in sentence
    (sentence,) = start_warnings(info, learned_by(info), held, own)
    assert sentence.startswith(f"The model {info.id} that this run begins from may have been trained on these patients")
    assert "the figures are too good, and the probabilities too sure" in sentence


@pytest.mark.parametrize("training", [{}, {"data": 3, "settings": [], "split_sha256": {}}, {"data": {"name": [1]}}])
def test_a_model_that_says_nothing_sound_of_its_data_is_unknown(
    untrained_bundle, random_recordings, tmp_path, training
):
    info = describe_bundle(untrained_bundle(tmp_path / "x", random_recordings(stays=5), training=training))
    assert learned_by(info) == Learned(unknown=(Origin("x", "not known", "", ""),))


def test_a_model_that_began_from_another_has_no_split_to_trust(untrained_bundle, random_recordings, tmp_path):
    training = {"data": {"name": "w", "sha256": "d1"}, "settings": {"start_from": "first"}, "split_sha256": "s1"}
    info = describe_bundle(untrained_bundle(tmp_path / "x", random_recordings(stays=5), training=training))
    assert learned_by(info).unknown == (Origin("x", "w; it began from first", "d1", ""),)


def test_a_promoted_model_is_known_by_its_run_as_long_as_that_is_there(shelf, stays, untrained_bundle, tmp_path):
    noted = Learned(unknown=(Origin("first", "far away", "", ""),)).and_from(group(stays, range(10)))
    folder = settings().runs_dir / RUN
    info = library.add(untrained_bundle(tmp_path / "b", stays.recordings, seed=3), "mine")
    assert learned_by(info).unknown[0].id == "mine"
    library.use(info.task, info.id, "", run_id=RUN)
    folder.mkdir(parents=True)
    noted.save(folder)
    assert learned_by(info) == noted
    for damage in (
        "{",
        "[]",
        '{"patients": 3}',
        json.dumps({"patients": [], "recordings": [], "data": [], "unknown": [1]}),
    ):
        (folder / TRAINED_ON).write_text(damage)
        assert learned_by(info).unknown[0].id == "mine"
    library.remove(library.add(untrained_bundle(tmp_path / "c", stays.recordings, seed=4), "other"))
    assert library.run_of(info) == RUN
