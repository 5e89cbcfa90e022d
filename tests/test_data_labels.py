"""Labels from a column of what was brought, or from a file of their own."""

from collections.abc import Sequence

import numpy as np
import pytest

from medgru.data import Source, build, inspect
from medgru.data.classes import canonical, likely_event, matched, outcomes_of
from medgru.data.label_rows import LOOKS_BACK, LabelRows, label_rows
from medgru.data.labelled import LabelledStays
from medgru.data.labels import attach_labels, label_columns, likely_patient
from medgru.data.parts import parts_of
from medgru.errors import DataError
from medgru.tasks import Feature, Outcome, Task, get_task
from medgru.tasks.own import own_task

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
    assert found[0].classes == (("Survived to discharge", 1), ("Died in hospital", 1))
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
    np.testing.assert_array_equal(attach_labels(recordings, inspection, "outcome", "ever").y_true, [1, 0, 1])
    assert next(c for c in label_columns(inspection) if c.name == "outcome").changes == 1


def test_of_a_known_question_no_number_is_the_highest_as_1_may_mean_alive():
    recordings, inspection = _stays({"a": [1, 0], "b": [1, 1], "c": [0, 0]}, "alive")
    (found,) = (c for c in label_columns(inspection) if c.name == "alive")
    assert found.rules == ("last", "ever")
    assert found.classes == (("Survived to discharge", 2), ("Died in hospital", 2))
    with pytest.raises(DataError, match="words, of which none is the highest"):
        attach_labels(recordings, inspection, "alive", "highest")
    for rule in found.rules:
        np.testing.assert_array_equal(attach_labels(recordings, inspection, "alive", rule).y_true, [1, 0, 1])


def test_several_words_for_one_outcome_are_one_class():
    recordings, inspection = _stays({"a": ["dead", "alive"], "b": ["alive", "expired"], "c": ["alive", "alive"]})
    np.testing.assert_array_equal(attach_labels(recordings, inspection, "outcome", "ever").y_true, [1, 1, 0])
    recordings, inspection = _stays({"a": ["dead", "died"], "b": ["alive", "survived"]})
    assert not next(c for c in label_columns(inspection) if c.name == "outcome").changes
    np.testing.assert_array_equal(attach_labels(recordings, inspection, "outcome").y_true, [1, 0])


def test_classes_of_an_own_task_that_are_numbers_have_a_highest():
    text = "id,hour,HR,grade\na,1,80,2\na,2,81,0\nb,1,82,0\nb,2,80,1\nc,1,85,0\nc,2,79,0"
    feature = Feature("HR", "HR", "", 0, 300)
    task = own_task("Own", "Which?", [feature], [], outcomes_of("grade", ["0", "1", "2"]), "2", 9)
    inspection = inspect([Source("w.csv", text.encode())], task)
    (found,) = (c for c in label_columns(inspection) if c.name == "grade")
    assert (found.rules[0], found.classes) == ("highest", (("0", 3), ("1", 1), ("2", 1)))
    stays = attach_labels(build(inspection, inspection.mapping), inspection, "grade", "highest")
    np.testing.assert_array_equal(stays.y_true, [2, 1, 0])


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


@pytest.mark.parametrize(
    "column",
    [
        *("is_alive", "isAlive", "hospital_survival", "survived_28d", "Survived (28 d)", "DISCHARGED ALIVE"),
        *("überlebt_30d", "u\u0308berlebt", "lebt_noch", "30-Tage-Überleben", "vivant_j28", "survécu", "en vie"),
        *("vivo_al_alta", "sobrevivió", "出院存活", "是否存活", "28天生存"),
        *("Alive (Y/N)", "alive_yes_no", "lebt (ja / nein)", "存活(是/否)"),
    ],
)
def test_yes_means_survival_where_the_name_of_the_column_speaks_of_it(column):
    stays = _attached(0, 1, column)
    np.testing.assert_array_equal(stays.y_true, [1, 0, 1])
    assert any("1 or yes was read as Survived to discharge" in note for note in stays.notes)


@pytest.mark.parametrize(
    "column",
    [
        *(
            "In-hospital_death",
            "DEATH_EVENT",
            "hospital_expire_flag",
            "mortality",
            "28d-mortality",
            "ICUDeath",
            "Exitus",
        ),
        *("verstorben", "tod_30d", "décédé_j28", "fallecido", "院内死亡", "是否死亡", "死亡状态"),
        *("non-survivor", "nonsurvivor", "y_non_survivor", "not_alive", "nicht überlebt", "未存活", "28天未存活"),
        *("label", "target", "outcome", "y", "y_true", "Outcome at discharge", "class", "结局"),
    ],
)
def test_yes_means_death_where_the_name_of_the_column_speaks_of_it_or_is_that_of_any_outcome(column):
    np.testing.assert_array_equal(_attached("no", "yes", column).y_true, [0, 1, 0])


@pytest.mark.parametrize(
    "column",
    [
        *("sepsis", "ventilated", "total", "Lebensalter", "坏死", "discharged", "治愈", "status", "good_outcome"),
        *("alive_or_dead", "Überlebt nicht", "not dead", "death_non_cardiac", "patient_no_alive", "survival_status"),
        *(
            "survivor/non-survivor",
            "disease-free survival",
            "death-free",
            "无病生存",
            "vital state alive",
            "Outcome (0 = died)",
        ),
        *("failed_to_survive", "survival_failure", "survival_lt_30d", "survival <30 d", "Überlebenszeit_unter_30d"),
        *("alive (yes=0)", "died (ja=0)", "死亡（否=0）", "deathfree_28d", "Todesfrei", "todeslos", "tot_nein"),
        *("death_censored", "died_excluded", "absence_of_death", "生存失败"),
        *("living_alone", "lebt allein", "lives_lost", "Leben verloren", "death_ruled_out", "mort_subite_evitee"),
    ],
)
def test_a_column_whose_name_does_not_say_what_yes_means_is_refused_with_how_to_rename_it(column):
    with pytest.raises(DataError, match="Rename it to survived or died, whichever 1 or yes means"):
        _attached(0, 1, column)
    np.testing.assert_array_equal(_attached("survived", "died", column).y_true, [0, 1, 0])


def test_such_a_column_is_listed_with_its_problem():
    _, inspection = _stays({"a": [0, 0], "b": [1, 1]}, "night shift")
    (found,) = (c for c in label_columns(inspection) if c.name == "night shift")
    assert "does not say which" in found.problem


def _own(outcomes: Sequence[str]) -> Task:
    feature = Feature("HR", "HR", "", 0, 300)
    return own_task("Own", "Which?", [feature], [], [Outcome(o, o) for o in outcomes], outcomes[0], 9)


@pytest.mark.parametrize("texts", [("yes", "no"), ("1", "0"), ("died", "survived"), ("septic", "gesund")])
def test_the_classes_of_an_own_task_are_its_own_words_and_nothing_is_understood_for_them(texts):
    with pytest.raises(DataError, match=r"name no outcome of Own\. Expected are the words septic or healthy\."):
        matched(_own(["septic", "healthy"]), "sepsis", texts)
    codes, note = matched(_own(["septic", "1"]), "sepsis", ["1", "Septic"])
    assert (codes.tolist(), note) == ([1, 0], "")


SEVERITY = "id,hour,HR,course\na,1,80,mild\na,9,82,severe\na,5,82,moderate\nb,1,80,severe\nb,2,81,mild\nc,1,80,moderate"


def _rows(text: str) -> LabelRows:
    inspection = inspect([Source("w.csv", text.encode())], TASK)
    parts, n = parts_of(inspection, inspection.mapping)
    return label_rows(parts, text.split("\n")[0].split(",")[-1], n)


def test_words_have_no_highest_class_and_the_last_in_time_is_taken():
    rows = _rows(SEVERITY)
    assert rows.rules == ("last", "ever")
    with pytest.raises(DataError, match=r"words, of which none is the highest\. Take the last one in time"):
        rows.settled("highest")
    assert [rows.classes[i] for i in rows.settled("ever", "mild").code] == ["mild", "mild", "moderate"]
    assert [rows.classes[i] for i in rows.settled("last").code] == ["severe", "mild", "moderate"]
    assert rows.counts == {"mild": 2, "moderate": 2, "severe": 2}
    with pytest.raises(DataError, match=r"has 3 classes, and there is no time .* bring one class a stay"):
        _rows("id,HR,course\na,80,mild\na,82,severe\nb,80,moderate").settled("ever", "severe")


def test_of_two_classes_the_followed_one_wins_wherever_it_occurs_and_the_note_names_it():
    rows = _rows("id,hour,HR,shock\na,1,80,no\na,2,80,yes\na,3,80,no\nb,1,80,no\nc,1,80,yes")
    found = rows.settled("ever", "yes")
    assert [rows.classes[i] for i in found.code] == ["yes", "no", "yes"]
    assert found.notes == ["The label changes within 1 stay: yes was taken wherever it occurs.", LOOKS_BACK]
    assert [rows.classes[i] for i in rows.settled("ever", "no").code] == ["no", "no", "yes"]
    recordings, inspection = _stays({"a": ["alive", "died", "alive"], "b": ["alive"] * 2})
    np.testing.assert_array_equal(attach_labels(recordings, inspection, "outcome", "ever").y_true, [1, 0])


def test_the_order_of_rows_is_not_time():
    recordings, _ = _stays({"a": [0], "b": [0], "c": [0]})
    rows = [("a", "2030-01-02 10:00", 1), ("a", "2030-01-01 10:00", 0), ("b", "2030-01-01", 0), ("c", "2030-01-01", 1)]
    timed = "\n".join(["id,charttime,dead", *(f"{i},{time},{label}" for i, time, label in rows)])
    untimed = "\n".join(["id,dead", *(f"{i},{label}" for i, _, label in rows)])
    stays = attach_labels(recordings, [Source("l.csv", timed.encode())], "dead", "last")
    np.testing.assert_array_equal(stays.y_true, [1, 0, 1])
    with pytest.raises(DataError, match="no time to order it by: the order of rows is not time"):
        attach_labels(recordings, [Source("l.csv", untimed.encode())], "dead", "last")
    (found,) = (c for c in label_columns([Source("l.csv", untimed.encode())], recordings) if c.name == "dead")
    assert found.rules == ("ever",)


def test_two_labels_at_the_last_time_are_no_last_label():
    rows = _rows("id,hour,HR,dead\na,1,80,0\na,5,80,0\na,5,81,1\nb,1,80,0")
    with pytest.raises(DataError, match="not everywhere one is the last in time"):
        rows.settled("last")
    assert rows.rules == ("highest", "ever")


def test_one_patient_in_several_spellings_is_one_patient():
    spelled = ["7", "7.0", "0007", " 7 ", "7,0", "７", "p7", "P7"]
    rows = "\n".join(f's{i},"{text}",1,80,{i % 2}' for i, text in enumerate(spelled))
    inspection = inspect([Source("w.csv", f"stay id,patient id,hour,HR,dead\n{rows}".encode())], TASK)
    recordings = build(inspection, inspection.mapping)
    assert likely_patient(recordings, inspection) == "patient id"
    stays = attach_labels(recordings, inspection, "dead", patient_column="patient id")
    assert stays.patients == ("7",) * 6 + ("p7",) * 2


def test_stays_whose_identifiers_differ_in_spelling_only_are_one_patients():
    recordings, inspection = _stays({"7": [0], "007": [1], "8": [1]})
    stays = attach_labels(recordings, inspection, "outcome")
    assert stays.patients == ("7", "7", "8")
    assert any("differ in their spelling only" in note for note in stays.notes)


def test_the_patient_may_stand_in_the_measurements_while_the_labels_are_in_a_file():
    text = "stay id,patient id,hour,HR\na,p,1,80\nb,p,1,80\nc,q,2,80"
    inspection = inspect([Source("w.csv", text.encode())], TASK)
    recordings, labels = build(inspection, inspection.mapping), [Source("l.csv", b"stay id,dead\na,1\nb,0\nc,0")]
    stays = attach_labels(recordings, labels, "dead", patient_column="patient id", inspection=inspection)
    assert stays.patients == ("p", "p", "q")


def test_the_patient_is_looked_for_in_a_file_of_labels_though_it_holds_many_other_stays():
    recordings, inspection = _stays({str(i): [0] for i in range(6)})
    rows = [f"{i},P{i // 2},{i % 2}" for i in range(60)]
    labels = [Source("l.csv", "\n".join(["record_id,patient_id,died", *rows]).encode())]
    assert likely_patient(recordings, labels, inspection=inspection) == "patient_id"
    stays = attach_labels(recordings, labels, "died", patient_column="patient_id", inspection=inspection)
    assert stays.patients == ("p0", "p0", "p1", "p1", "p2", "p2")


def test_where_both_files_say_whose_a_stay_is_that_of_the_labels_is_believed():
    text = "stay id,patient id,hour,HR\na,p,1,80\nb,p,1,80\nc,q,2,80"
    inspection = inspect([Source("w.csv", text.encode())], TASK)
    recordings, labels = build(inspection, inspection.mapping), b"stay id,patient id,dead\na,x,1\nb,y,0\nc,,0"
    stays = attach_labels(
        recordings, [Source("l.csv", labels)], "dead", patient_column="patient id", inspection=inspection
    )
    assert stays.patients == ("x", "y", "q")


def test_stays_are_not_called_after_their_files():
    recordings, inspection = _stays({"a": [0], "b": [1]})
    assert attach_labels(recordings, inspection, "outcome").name == "1 file"
