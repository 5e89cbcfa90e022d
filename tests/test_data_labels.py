"""Labels from a column of what was brought, or from a file of their own."""

from collections.abc import Sequence

import numpy as np
import pytest

from medgru.data import Source, build, inspect
from medgru.data.classes import canonical, likely_event
from medgru.data.labelled import LabelledStays
from medgru.data.labels import attach_labels, label_columns
from medgru.errors import DataError
from medgru.tasks import get_task

TASK = get_task("icu-mortality")


def _stays(labels: dict[str, Sequence[object]], column: str = "outcome") -> tuple:
    """Stays with an hour a label."""
    rows = [f"{i},{h},{80 + h},{text}" for i, texts in labels.items() for h, text in enumerate(texts)]
    inspection = inspect([Source("ward.csv", "\n".join([f"id,hour,HR,{column}", *rows]).encode())], TASK)
    return build(inspection, inspection.mapping), inspection


def _attached(no: object, yes: object, column: str = "outcome") -> LabelledStays:
    recordings, inspection = _stays({"a": [no, no], "b": [yes, yes], "c": [no, ""]}, column)
    return attach_labels(recordings, inspection, column)


@pytest.mark.parametrize(
    ("no", "yes"),
    [
        (0, 1),
        ("0.0", "1.0"),
        ("no", "yes"),
        ("Nein", "Ja"),
        ("false", "TRUE"),
        ("alive", "died"),
        ("Überlebt", "verstorben"),
        ("vivant", "décédé"),
        ("存活", "死亡"),
        ("survived", "died"),
        ("Survived to discharge", "Died in hospital"),
    ],
)
def test_words_for_dying_and_surviving_are_understood(no, yes):
    np.testing.assert_array_equal(_attached(no, yes).y_true, [0, 1, 0])


def test_yes_in_a_column_called_survived_means_survival():
    stays = _attached("no", "yes", "survived")
    np.testing.assert_array_equal(stays.y_true, [1, 0, 1])
    assert any("1 or yes was read as Survived to discharge" in note for note in stays.notes)


def test_a_file_of_labels_is_matched_by_identifier_and_minus_one_is_unknown():
    recordings, _ = _stays({str(i): [0] for i in range(132_539, 132_545)})
    rows = ["RecordID,SAPS-I,In-hospital_death", "132540,6,1", "132539,1,0", "132541,2,-1", "7,1,1", "132543,3,"]
    file = [Source("Outcomes-a.txt", "\n".join(rows).encode())]
    found = label_columns(file, recordings)
    assert [c.name for c in found if not c.problem] == ["In-hospital_death"]
    assert found[0].classes == (("0", 1), ("1", 1))
    stays = attach_labels(recordings, file, "In-hospital_death")
    assert stays.recordings.record_ids == ("132539", "132540")
    np.testing.assert_array_equal(stays.y_true, [0, 1])
    assert any("4 stays without a label" in note for note in stays.notes)
    assert not any("1325" in note for note in stays.notes)


def test_a_label_that_changes_within_a_stay_needs_a_rule():
    recordings, inspection = _stays({"a": [0, 1, 0], "b": [0, 0, 0], "c": [1, 1, 1]})
    with pytest.raises(DataError, match=r"changes within 1 stay.*rule 'last'"):
        attach_labels(recordings, inspection, "outcome")
    np.testing.assert_array_equal(attach_labels(recordings, inspection, "outcome", "last").y_true, [0, 0, 1])
    np.testing.assert_array_equal(attach_labels(recordings, inspection, "outcome", "highest").y_true, [1, 0, 1])
    assert next(c for c in label_columns(inspection) if c.name == "outcome").changes == 1


def test_the_last_label_is_the_last_in_time_and_not_in_the_file():
    rows = "id,hour,HR,dead\na,5,80,1\na,1,80,0\nb,1,80,0\nb,2,80,0"
    inspection = inspect([Source("w.csv", rows.encode())], TASK)
    stays = attach_labels(build(inspection, inspection.mapping), inspection, "dead", "last")
    np.testing.assert_array_equal(stays.y_true, [1, 0])


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ({"a": ["0"], "b": ["0"]}, "one value only"),
        ({"a": [""], "b": ["NA"]}, "is empty"),
        ({str(i): [i] for i in range(30)}, "more than 20 different values"),
        ({"a": ["Jane"], "b": ["Joe"], "c": ["1"]}, "name no outcome of ICU mortality"),
        ({"a": ["yes"], "b": ["1"]}, "all of them the same one"),
    ],
    ids=["one class", "empty", "too many", "no outcome", "two words for one class"],
)
def test_a_column_that_cannot_be_the_label_is_refused_with_a_sentence(labels, said):
    recordings, inspection = _stays(labels)
    with pytest.raises(DataError, match=said) as caught:
        attach_labels(recordings, inspection, "outcome")
    assert "Jane" not in str(caught.value)


def test_an_unknown_column_rule_or_file_is_refused():
    recordings, inspection = _stays({"a": [0], "b": [1]})
    with pytest.raises(DataError, match="no column called nothing"):
        attach_labels(recordings, inspection, "nothing")
    with pytest.raises(DataError, match="no rule"):
        attach_labels(recordings, inspection, "outcome", "first")
    with pytest.raises(DataError, match="identifiers of the stays"):
        attach_labels(recordings, [Source("x.csv", b"who,dead\nz,1\ny,0")], "dead")
    with pytest.raises(DataError, match=r"x\.csv is empty|x\.csv"):
        attach_labels(recordings, [Source("x.csv", b"")], "dead")


def test_stays_of_one_patient_are_kept_together():
    rows = "stay id,patient id,hour,HR,dead\na,p,1,80,1\nb,p,1,80,0\nc,q,2,80,0"
    inspection = inspect([Source("w.csv", rows.encode())], TASK)
    stays = attach_labels(build(inspection, inspection.mapping), inspection, "dead", patient_column="patient id")
    assert stays.patients == ("p", "p", "q")


def test_one_class_has_one_spelling():
    assert {canonical(t) for t in ("1", " 1.0 ", "1,0", "+1")} == {"1"}
    assert canonical("a\x1b\u202e  b") == "a b"
    assert likely_event({"gesund": 3, "krank": 90}) == "krank"
    assert likely_event({"A": 3, "B": 90}) == "A"
