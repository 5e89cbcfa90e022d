"""New tasks from tables that no shipped task knows."""

import csv
import io
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from data.own_tables import OwnTable, tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from medgru.data import NewTaskChoices, NewTaskProposal, Source, attach_labels, build, define, examine, inspect
from medgru.data.label_guess import is_called_label
from medgru.data.label_rows import RULES
from medgru.data.labelled import LabelledStays
from medgru.data.times import in_hours
from medgru.errors import DataError, MedGRUError
from medgru.sequences import Preprocessor
from medgru.tasks import HOUR, Step
from medgru.tasks.own import task_from_config, task_to_config

TABLES = tables()


@cache
def _examined(name: str) -> NewTaskProposal:
    return examine(TABLES[name].sources)


@cache
def _made(name: str) -> LabelledStays:
    return define(_examined(name))


every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())


def _source(text: str, name: str = "t.csv") -> list[Source]:
    return [Source(name, text.encode())]


def _ward(extra: str = "", cells: str = "") -> str:
    """Ten stays of four hours."""
    rows = [f"s{i},{h},{60 + 5 * (i % 2) + h},{i % 2}{cells.format(i=i, h=h)}" for i in range(10) for h in range(4)]
    return "\n".join([f"id,hour,pulse,outcome{extra}", *rows])


@every_table
def test_what_a_table_holds_is_proposed(table: OwnTable):
    proposal = _examined(table.name)
    choices = proposal.choices
    assert not proposal.problems
    assert (choices.id, choices.label) == (table.id, table.label)
    assert (choices.time, choices.time_unit) == (table.time, table.time_unit)
    assert (set(choices.features), set(choices.statics)) == (set(table.features), set(table.statics))
    assert all(column.reason.endswith(".") for column in proposal.columns)
    assert proposal.labels[0].name == table.label


@every_table
def test_a_task_is_made_and_the_stays_are_read(table: OwnTable):
    stays = _made(table.name)
    task = stays.recordings.task
    assert len(stays) == len(stays.recordings) == table.stays
    assert {o.name for o in task.outcomes} == set(table.classes)
    assert set(np.unique(stays.y_true)) == set(range(len(table.classes)))
    assert {f.name for f in task.features} == set(table.features)
    assert task_from_config(task_to_config(task)) == task
    assert 2 <= task.window_hours <= 200
    assert stays.notes[0].startswith(f"Outcome from the column {table.label}")


@every_table
def test_a_later_file_of_the_same_kind_is_read_the_same_way(table: OwnTable):
    made = _made(table.name).recordings
    inspection = inspect(table.sources, made.task)
    again = build(inspection, inspection.mapping).select(made.record_ids)
    for name in ("stay", "hours", "feature", "value", "statics"):
        np.testing.assert_array_equal(getattr(again, name), getattr(made, name), err_msg=name)


@every_table
def test_the_outcomes_of_a_later_file_are_those_of_the_task(table: OwnTable):
    made = _made(table.name)
    inspection = inspect(table.sources, made.recordings.task)
    recordings = build(inspection, inspection.mapping)
    columns = made.recordings.task.columns
    again = attach_labels(recordings, inspection, columns.label, patient_column=columns.patient or None)
    of = dict(zip(again.recordings.record_ids, again.y_true.tolist(), strict=True))
    assert [of[name] for name in made.recordings.record_ids] == made.y_true.tolist()
    assert len(again.patients) == (len(again) if made.patients else 0)


@every_table
def test_its_stays_become_model_input_that_tells_the_classes_apart(table: OwnTable):
    stays = _made(table.name)
    x = Preprocessor.fit(stays.recordings)(stays.recordings)
    assert x.x.isfinite().all()
    mean = (x.x.sum(1) / x.mask.sum(1).clamp(min=1)).numpy()
    groups = [mean[stays.y_true == c].mean(0) for c in np.unique(stays.y_true)]
    assert np.abs(np.diff(groups, axis=0)).max() > 0.3


def test_patients_with_several_stays_are_kept_together():
    stays = _made("one patient a class")
    assert sorted(set(stays.patients)) == ["p0", "p1", "p2"]
    assert len(stays.patients) == len(stays)


@pytest.mark.parametrize(
    ("unit", "step", "times", "steps"),
    [
        ("seconds", Step("second", 1.0), (0, 1, 2.5), (1, 2, 3.5)),
        ("minutes", Step("hour", 3600.0), (0, 30, 120), (0, 0.5, 2)),
        ("days", Step("day", 86_400.0), (0, 1, 6), (1, 2, 7)),
        ("days", Step("week", 604_800.0), (0, 7, 10.5), (0, 1, 1.5)),
        ("steps", None, (5, 6, 9), (1, 2, 5)),
        ("hours", Step("30 minutes", 1800.0), (-2, -1.5, 0), (1, 2, 5)),
    ],
)
def test_times_become_steps_of_the_grid(unit, step, times, steps):
    rows = [f"s{i},{t},{i + k},{i % 2}" for i in range(4) for k, t in enumerate(times)]
    choices = NewTaskChoices("id", "outcome", ("x",), time="when", time_unit=unit, step=step)
    stays = define(_source("\n".join(["id,when,x,outcome", *rows])), choices)
    first = stays.recordings.hours[stays.recordings.stay == 0]
    shift = first[0] - (0 if any(t % 1 for t in steps) or unit == "minutes" else steps[0])
    np.testing.assert_allclose(np.diff(first), np.diff(np.array(steps, float)), rtol=1e-6)
    assert shift in (0, 0.0, 1.0)
    assert stays.recordings.task.window_hours == np.ceil(first[-1])


def test_hours_of_an_own_task_are_called_as_in_the_file():
    rows = [f"s{i},{h},{60 + h * i},{i % 2}" for i in range(10) for h in range(13)]
    stays = define(_source("\n".join(["id,hour,pulse,outcome", *rows])))
    task = stays.recordings.task
    assert task.step == HOUR
    assert (stays.recordings.hours.reshape(10, 13) == np.arange(13)).all()
    assert task.window_hours == 12
    mapping = inspect(_source("\n".join(["id,hour,pulse,outcome", *rows])), task).mapping
    assert next(m.example_after for m in mapping.matches if m.source == "hour") == "hour 0"


def test_timestamps_are_counted_from_the_first_row_of_each_stay():
    rows = [f"s{i},2030-01-{i + 1:02} 0{h}:30,{i + h},{i % 2}" for i in range(4) for h in (1, 2, 5)]
    stays = define(_source("\n".join(["id,when,x,outcome", *rows])))
    hours = stays.recordings.hours.reshape(4, 3)
    assert (np.diff(hours, axis=1) * (stays.recordings.task.step.seconds or 0) == [3600, 3 * 3600]).all()
    assert (hours == hours[0]).all()


def test_times_that_run_on_through_the_file_start_anew_with_each_stay():
    rows = [f"s{i},{1000 * i + 10 * k},{i + k},{i % 2}" for i in range(6) for k in range(5)]
    stays = define(_source("\n".join(["id,seconds,x,outcome", *rows])))
    assert stays.recordings.task.columns.start is None
    assert (stays.recordings.hours.reshape(6, 5) == np.arange(1, 6)).all()


def test_the_longest_stay_has_at_most_two_hundred_steps():
    rows = [f"s{i},{k},{i + k},{i % 2}" for i in range(4) for k in range(3_000)]
    task = define(_source("\n".join(["id,seconds,x,outcome", *rows]))).recordings.task
    assert 50 <= task.window_hours <= 200
    assert task.step.seconds >= 3_000 / 200


def test_rows_beyond_the_longest_window_are_cut_and_that_is_said():
    rows = [f"s{i},{i + k % 7},{i % 2}" for i in range(4) for k in range(1_100)]
    proposal = examine(_source("\n".join(["id,x,outcome", *rows])))
    stays = define(proposal)
    assert stays.recordings.task.window_hours == 1_000
    assert any("400 rows" in note for note in proposal.notes)
    assert any("400 rows after row 1,000 left out" in note for note in stays.notes)


def test_what_holds_nothing_is_left_out_and_said():
    source = _source(_ward(",same,empty", ",7,"))
    assert set(examine(source).choices.features) == {"pulse"}
    stays = define(source, NewTaskChoices("id", "outcome", ("pulse", "same"), time="hour"))
    assert [f.name for f in stays.recordings.task.features] == ["pulse"]
    assert any("same holds one value only" in note for note in stays.notes)


def test_a_column_that_gives_the_label_away_is_said():
    assert not any("belongs to one class" in note for note in define(_source(_ward(",bed", ",{h}"))).notes)
    text = "\n".join(f"s{i},{h},{60 + h + i},{i % 2},{'ny'[i % 2]}" for i in range(10) for h in range(4))
    stays = define(_source("id,hour,pulse,outcome,autopsy\n" + text))
    assert any("autopsy belongs to one class only" in note for note in stays.notes)


def test_none_is_a_class_beside_words_and_missing_beside_numbers():
    words = "\n".join(f"s{i},{h},{i + h},{('none', 'mild')[i % 2]}" for i in range(10) for h in range(4))
    assert {o.name for o in define(_source(f"id,hour,x,outcome\n{words}")).recordings.task.outcomes} == {"none", "mild"}
    numbers = "\n".join(f"s{i},{h},{i + h},{('None', 0, 1)[i % 3]}" for i in range(12) for h in range(4))
    stays = define(_source(f"id,hour,x,outcome\n{numbers}"))
    assert len(stays) == 8
    assert any("4 stays without a label" in note for note in stays.notes)


def test_signs_and_numbers_as_categories_keep_their_meaning():
    text = "\n".join(
        f"s{i},{h},{'-+'[(i + h) % 2]},{('1', '2', 'A')[(i + h) % 3]},{i % 2}" for i in range(9) for h in range(4)
    )
    made = define(_source(f"id,hour,sign,grade,outcome\n{text}")).recordings
    sign, grade = made.task.features
    assert dict(grade.choices) == {1: "1", 2: "2", 3: "A"}
    first = made.table().query("record_id == 's0'").set_index(["variable", "hours"])["value"]
    assert [sign.choices[int(v)] for v in first["sign"]] == ["-", "+", "-", "+"]
    assert [grade.choices[int(v)] for v in first["grade"]] == ["1", "2", "A", "1"]


def test_later_values_far_from_those_seen_are_still_read():
    task = define(_source(_ward())).recordings.task
    later = inspect(_source("id,hour,pulse\nz,0,150\nz,1,-10"), task)
    assert len(build(later, later.mapping).value) == 2


def test_features_called_like_roles_are_features_when_read_again():
    text = "\n".join(f"s{i},{h},{i + h},{i - h},{h * i},{i % 2}" for i in range(8) for h in range(4))
    source = _source(f"Nummer,Takt,value,code,min,outcome\n{text}")
    choices = NewTaskChoices("Nummer", "outcome", ("value", "code", "min"), time="Takt", time_unit="steps")
    made = define(source, choices).recordings
    inspection = inspect(source, made.task)
    again = build(inspection, inspection.mapping)
    np.testing.assert_array_equal(again.value, made.value)
    np.testing.assert_array_equal(again.hours, made.hours)


def test_the_screen_can_ask_for_the_grid_and_classes_of_other_choices():
    proposal = examine(_source(_ward()))
    other = replace(proposal.choices, time_unit="days", step=None)
    assert proposal.grid_for(other).step == Step("day", 86_400.0)
    assert proposal.grid_for(replace(proposal.choices, time=None)).step.seconds is None
    assert proposal.labels_for(proposal.choices).classes == (("0", 5), ("1", 5))
    assert in_hours(2, "days") == 48


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"label": "pulse"}, "pulse is chosen as label and as feature"),
        ({"label": "hour", "time": None, "rule": "same"}, "changes within 10 stays"),
        ({"label": "id", "id": None}, "changes within 1 stay"),
        ({"label": ""}, "No label was chosen"),
        ({"features": ("outcome2",)}, "no column called 'outcome2'"),
        ({"features": ()}, "No feature was chosen"),
        ({"features": ("note",)}, "free text"),
        ({"time": "note"}, "holds no time"),
        ({"time_unit": "fortnights"}, "not a unit of time"),
        ({"event": "9"}, "Choose one of 0, 1"),
        ({"rule": "first"}, "no rule"),
        ({"variable": "note"}, "needs both columns"),
        ({"step": Step("x", 0.0)}, "A step must last"),
        ({"window": 10**9}, "The window must be"),
        ({"title": "x" * 500}, "The title is longer"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_choices_that_cannot_be_are_refused_with_a_sentence(changes, said):
    source = _source(_ward(",note", ",free text no {i} {h}"))
    with pytest.raises(DataError, match=said):
        define(source, replace(examine(source).choices, **changes))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,hour,pulse\na,1,3\na,2,4\nb,1,4", "No column looks like an outcome"),
        ("id,hour,pulse,outcome\na,1,3,0", "No column could be the outcome"),
        ("id,hour,word,outcome\na,1,x,0\na,2,x,0\nb,1,x,1", "No column holds numbers"),
    ],
    ids=["no label", "one row", "no feature"],
)
def test_a_table_without_what_a_task_needs_says_what_is_missing(text, said):
    proposal = examine(_source(text))
    assert any(said in problem for problem in proposal.problems)
    with pytest.raises(DataError, match=said):
        define(proposal)


def test_no_files_and_no_tables_are_refused():
    with pytest.raises(DataError, match="No file"):
        examine([])
    with pytest.raises(DataError, match=r"t\.csv"):
        examine(_source(""))


def test_no_text_names_a_stay_or_a_value():
    source = _source(_ward().replace("s3,", "Müller-Lüdenscheidt,").replace("65", "65.125"))
    proposal = examine(source)
    stays = define(proposal)
    said = [*proposal.problems, *proposal.notes, *stays.notes, *stays.recordings.report.notes]
    assert not any("Lüdenscheidt" in text or "65.125" in text for text in said)


_NAMES = st.sampled_from(
    ["id", "time", "hour", "label", "value", "variable", "HR", "患者", "Zeit", "", "date", "a+", "a-", "died", "x (°C)"]
)
_CELLS = st.sampled_from(
    ["", "0", "1", "-1", "NaN", "none", "1,5", "yes", "no", "a", "无", "-", "+", "inf", "-inf", "1e300", "5e-324"]
) | st.sampled_from(["2030-01-01 10:00", "2030-01-02", "12:30", "300000000", "\ufeff", '"', "99999999999999999999"])


@st.composite
def _tables(draw: st.DrawFn) -> Source:
    names = ["who", *draw(st.lists(_NAMES | st.text(max_size=4), min_size=1, max_size=5))]
    kinds = [draw(st.sampled_from([_CELLS, st.integers(0, 3).map(str), st.just("")])) for _ in names[1:]]
    rows = [[f"p{i // 4}", *(draw(kind) for kind in kinds)] for i in range(draw(st.sampled_from([0, 1, 8, 12])))]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=draw(st.sampled_from(",;")))
    writer.writerow(names)
    writer.writerows(rows)
    return Source("t.csv", text.getvalue().encode("utf-8", "replace"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=_tables(), data=st.data())
def test_no_table_and_no_choice_causes_anything_but_a_sentence(source: Source, data: st.DataObject):
    try:
        proposal = examine([source])
    except MedGRUError:
        return
    names = data.draw(st.permutations([c.name for c in proposal.columns if c.name != "who"]))
    choices = proposal.choices
    if data.draw(st.booleans()):
        choices = NewTaskChoices(
            id=data.draw(st.sampled_from(["who", None])),
            label=names[0],
            features=tuple(names[2:4]) or tuple(names[-1:]),
            statics=tuple(names[4:]),
            time=data.draw(st.sampled_from([None, *names[1:2]])),
            time_unit=data.draw(st.sampled_from(["", *proposal.time_units])),
            rule=data.draw(st.sampled_from(RULES)),
        )
    try:
        stays = define(proposal, choices)
    except MedGRUError as error:
        assert str(error).strip()  # noqa: PT017
        return
    assert isinstance(stays, LabelledStays)
    assert (stays.y_true >= 0).all()
    assert len(stays) == len(stays.recordings)


def _changing(label: str, words: tuple[str, str, str], time: str = "hour,") -> str:
    """Ten stays of three rows whose label changes, the last row first."""
    head = f"id,{time}pulse,{label}"
    rows = [
        f"s{i},{f'{h},' if time else ''}{60 + h * i},{words[h] if i % 2 else words[0]}"
        for i in range(10)
        for h in (2, 0, 1)
    ]
    return "\n".join([head, *rows])


def test_a_changing_label_of_words_is_proposed_as_the_last_in_time_and_of_numbers_as_the_highest():
    proposal = examine(_source(_changing("severity", ("mild", "moderate", "severe"))))
    assert (proposal.choices.rule, proposal.labels[0].rules) == ("last", ("last", "ever"))
    assert "the last one in time is taken" in proposal.column("severity").reason
    assert define(proposal).recordings.task.outcomes[0].name == "mild"
    numbers = examine(_source(_changing("severity", ("0", "1", "2"))))
    assert numbers.choices.rule == "highest"
    assert "the highest class is taken (2 counts most)" in numbers.column("severity").reason


def test_without_a_time_two_words_are_settled_by_the_followed_one_and_three_are_refused():
    two = examine(_source(_changing("shock", ("no", "yes", "no"), time="")))
    assert two.choices.time is None
    stays = define(two, replace(two.choices, label="shock", features=("pulse",), statics=(), rule="ever", event="yes"))
    assert "The label changes within 5 stays: yes was taken wherever it occurs." in stays.notes
    assert stays.y_true.sum() == 5
    three = examine(_source(_changing("severity", ("mild", "moderate", "severe"), time="")))
    assert three.choices.rule == "same"
    for rule in ("same", "last", "highest", "ever"):
        with pytest.raises(DataError, match="Choose a time column, or bring one class a stay"):
            define(three, replace(three.choices, rule=rule))


def test_of_three_words_the_followed_one_wins_wherever_it_occurs_and_else_the_last():
    proposal = examine(_source(_changing("severity", ("mild", "severe", "moderate"))))
    stays = define(proposal, replace(proposal.choices, rule="ever", event="severe"))
    assert [o.name for o in stays.recordings.task.outcomes] == ["mild", "moderate", "severe"]
    assert stays.y_true.tolist() == [0, 2] * 5
    said = "The label changes within 5 stays: severe was taken wherever it occurs, else the last label in time."
    assert said in stays.notes


def test_equal_times_of_one_stay_point_to_the_column_of_identifiers():
    rows = [f"w{p % 4},{h},{60 + h * p},{('mild', 'severe', 'none at all')[p % 3]}" for p in range(24) for h in (0, 1)]
    proposal = examine(_source("\n".join(["id,hour,pulse,severity", *rows])))
    with pytest.raises(DataError, match="Check the column of the identifiers: the rows of several patients") as caught:
        define(proposal, replace(proposal.choices, label="severity", rule="same"))
    assert "Choose a time column" not in str(caught.value)


def test_labels_in_a_table_of_their_own_are_ordered_by_its_time():
    measured = "\n".join(["id,hour,pulse", *(f"s{i},{h},{60 + h * i}" for i in range(10) for h in range(3))])
    rows = [f"s{i},{h},{('good', 'bad')[h > 1 and i % 2]}" for i in range(10) for h in (2, 0, 1)]
    sources = [*_source(measured), *_source("\n".join(["id,hour,course", *rows]), "labels.csv")]
    stays = define(sources)
    task = stays.recordings.task
    assert [task.outcomes[c].name for c in stays.y_true] == ["good", "bad"] * 5
    assert "The label changes within 5 stays: the last label in time was taken." in stays.notes


def test_the_patient_is_looked_for_in_every_table():
    measured = "\n".join(["id,hour,pulse", *(f"s{i},{h},{60 + h * i}" for i in range(10) for h in range(3))])
    people = "\n".join(["id,patient id,outcome", *(f"s{i},00{i // 2},{i % 2}" for i in range(10))])
    proposal = examine([*_source(measured), *_source(people, "people.csv")])
    assert proposal.choices.patient == "patient id"
    assert define(proposal).patients == tuple(str(i // 2) for i in range(10))


def test_no_name_of_a_file_leaves_the_screen():
    rows = [[f"{h},{60 + h * i},{i % 2}" for h in range(3)] for i in range(6)]
    sources = [
        Source(f"Meier_Anna_{i}.csv", "\n".join(["hour,pulse,outcome", *r]).encode()) for i, r in enumerate(rows)
    ]
    stays = define(sources)
    task = stays.recordings.task
    assert len(stays) == 6
    assert "Meier" not in f"{stays.name} {task.name} {task_to_config(task)} {stays.notes}"
    assert stays.name == "6 files"
    assert task.title == "outcome"


def test_a_column_of_names_is_neither_category_nor_outcome_unless_it_is_chosen():
    rows = [f"s{i},{h},{60 + h * i},Person {i},{'fm'[i % 2]}" for i in range(12) for h in range(3)]
    proposal = examine(_source("\n".join(["id,hour,pulse,who,sex", *rows])))
    assert proposal.column("who").role == "left out"
    assert "as names have" in proposal.column("who").reason
    assert proposal.choices.label == "sex"
    chosen = replace(proposal.choices, statics=("who",))
    assert define(proposal, chosen).recordings.task.statics[0].choices[0] == "Person 0"


def _vitals(*columns: str, patients: int = 8) -> str:
    """Heart rate and lactate over six hours, and whatever else each patient has."""
    rows = [
        ",".join([f"p{p}", str(h), f"{70 + (p * 7 + h * 3) % 18}", f"{1 + (p * 3 + h) % 19 / 10}", *columns])
        for p in range(patients)
        for h in range(6)
    ]
    return "\n".join(["id,hour,Herzfrequenz,Laktat" + (",Verstorben" if columns else ""), *rows])


@pytest.mark.parametrize("columns", [(), ("nein",)], ids=["no outcome", "one outcome only"])
def test_what_is_measured_is_never_proposed_as_an_outcome(columns):
    proposal = examine(_source(_vitals(*columns)))
    assert proposal.choices.label == ""
    assert {"Herzfrequenz", "Laktat"} <= set(proposal.choices.features)
    assert "No column looks like an outcome. Choose it, or bring the outcomes in a file of their own." in (
        proposal.problems
    )


@pytest.mark.parametrize(
    "name",
    [
        *("status", "Verstorben", "ICUDeath", "isAlive", "hospital_expire_flag", "überlebt_30d", "décès", "fallecido"),
        *("In-hospital_death", "mylabel", "y_true", "Diagnose", "Verlauf", "出院结局", "是否死亡", "存活", "预后"),
    ],
)
def test_a_column_is_called_like_an_outcome_in_many_words(name):
    assert is_called_label(name)


@pytest.mark.parametrize("name", ["Puls", "total", "Lebensalter", "weight", "Kalium", "hour", "坏死", "sex"])
def test_what_is_measured_is_not_called_like_an_outcome(name):
    assert not is_called_label(name)


def test_a_descriptor_with_decimals_or_many_numbers_is_no_outcome():
    rows = [f"p{p},{h},{60 + p * h % 7},{0.5 + p % 4},{20 + p % 15}" for p in range(40) for h in range(3)]
    assert examine(_source("\n".join(["id,hour,pulse,dose,weight", *rows]))).choices.label == ""


@pytest.mark.parametrize("name", ["id", "Fall"])
def test_a_file_of_labels_of_other_stays_is_told_and_is_no_input(name):
    labels = "\n".join([f"{name},Verstorben", *(f"X{i},{('ja', 'nein')[i % 2]}" for i in range(8))])
    proposal = examine([*_source(_vitals()), *_source(labels, "outcomes.csv")])
    assert proposal.choices.label == ""
    assert "Verstorben" not in (*proposal.choices.features, *proposal.choices.statics)
    assert any("No column of outcomes.csv holds the identifiers of the stays" in said for said in proposal.problems)
    with pytest.raises(DataError, match="identifiers" if name == "id" else "same identifiers"):
        define(proposal, replace(proposal.choices, label="Verstorben"))
