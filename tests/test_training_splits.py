"""Splits part no patient, know copies, depend on nothing but the patients' ids, and refuse leakage."""

from dataclasses import replace

import numpy as np
import pytest
from test_training_retrain import ward

from medgru.errors import TrainingError
from medgru.training.checks import check_run
from medgru.training.config import RunConfig
from medgru.training.splits import check_apart, choose_stays, held_out, patients_of, too_few


def shuffled(stays, seed=0):
    return choose_stays(stays, np.random.default_rng(seed).permutation(len(stays)))


def with_copies(stays, copies=4):
    """The last stays become copies of the first, row by row, under their own ids."""
    r = stays.recordings
    twins = choose_stays(stays, np.append(np.arange(len(stays) - copies), np.arange(copies) * 2))
    return replace(twins, recordings=replace(twins.recordings, record_ids=r.record_ids))


def test_all_stays_of_a_patient_are_on_one_side():
    stays = ward(stays=200, per_patient=4)

    train, test = held_out(stays, 0.2)

    patients = np.array(stays.patients)
    assert not set(patients[train]) & set(patients[test])
    assert sorted([*train, *test]) == list(range(200))
    assert len(test) == 40


def test_every_class_is_held_out_in_its_share():
    stays = ward(stays=300, classes=3)

    _, test = held_out(stays, 0.2)

    assert np.bincount(stays.y_true[test]).tolist() == [20, 20, 20]


def test_the_same_patients_are_held_out_whatever_the_order_of_the_stays():
    stays = ward(stays=90)
    mixed = shuffled(stays)

    names = [{data.recordings.record_ids[i] for i in held_out(data, 0.2)[1]} for data in (stays, mixed)]

    assert names[0] == names[1]


def test_copies_under_other_ids_are_found_and_kept_together_with_a_warning():
    stays = with_copies(ward())

    who = patients_of(stays)
    train, test = held_out(stays, 0.3, who)

    assert who.twins.sum() == 8
    assert len(who) == 116
    assert all(who.of[116 + i] == who.of[2 * i] for i in range(4))
    assert not set(who.of[train].tolist()) & set(who.of[test].tolist())
    warnings = check_run(stays, RunConfig()).warnings
    assert any("8 stays are the same to the last measurement as others under different ids" in w for w in warnings)


def test_copies_with_different_outcomes_are_told():
    stays = with_copies(ward())
    y_true = stays.y_true.copy()
    y_true[-1] = 1 - y_true[6]

    warnings = check_run(replace(stays, y_true=y_true), RunConfig()).warnings

    assert any("1 recording that occurs more than once has different outcomes" in w for w in warnings)


def test_different_recordings_are_nobodys_copies():
    assert not patients_of(ward(stays=300)).twins.any()


def test_a_patient_on_two_sides_is_refused_without_a_name():
    stays = ward(stays=200, per_patient=4)

    with pytest.raises(TrainingError, match=r"^1 patients are on both sides of the split") as caught:
        check_apart(stays, np.arange(0, 102), np.arange(102, 200))

    assert "patient 25" not in str(caught.value)


def test_a_patient_counts_for_the_rarest_class_among_their_stays():
    stays = ward(stays=100, per_patient=2)
    y_true = np.zeros(100, dtype=np.int64)
    y_true[[0, 10]] = 1

    label = patients_of(stays).label(y_true)

    assert label.sum() == 2
    assert len(label) == 50


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ([20, 30], []),
        ([20, 3], ["The outcome b has 3 patients; at least 10 are needed. Add patients with it."]),
        (
            [20, 1, 30],
            [
                "The outcome b has 1 patient; at least 10 are needed. Add patients with it, join it with another "
                "outcome in the label column, or take its rows out."
            ],
        ),
        (
            [4, 3, 2],
            ["Each outcome needs at least 10 patients; these have fewer: c (2), b (3), a (4). Add patients with them."],
        ),
        (
            [20, 6, 5],
            [
                "Each outcome needs at least 10 patients; these have fewer: c (5), b (6). Add patients with them, or "
                "join them into one outcome in the label column."
            ],
        ),
    ],
    ids=["enough", "one of two", "one of three", "all", "two that can be joined"],
)
def test_all_outcomes_with_too_few_patients_are_one_message_that_leaves_two(counts, said):
    assert too_few(np.array(counts), "abc") == said
