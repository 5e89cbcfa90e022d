"""Columns matched by name, units found out, and both changed by hand."""

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgru.data import Inspection, Mapping, Source, build, inspect
from medgru.data.delimited import to_utf8
from medgru.data.names import Names, match_role
from medgru.data.units import convert, find_unit, propose_unit, unit_choices
from medgru.errors import DataError
from medgru.tasks import ICU_MORTALITY, Columns, Feature, Outcome, Step
from medgru.tasks.own import own_task

WIDE = "record_id,time,HR,Pulse,Temp (°F),urine_l,Bett\ninvented,1,80,81,98.6,0.2,4\ninvented,2,82,83,99.5,0.1,4\n"


def look_at(text: str, name: str = "a.csv") -> Inspection:
    return inspect([Source(name, text.encode())], ICU_MORTALITY)


def values(inspection: Inspection, mapping: Mapping) -> dict[str, list[float]]:
    table = build(inspection, mapping).table()
    return {name: [round(float(v), 3) for v in part["value"]] for name, part in table.groupby("variable")}


@pytest.mark.parametrize(
    ("header", "target", "how", "unit"),
    [
        ("HR", "HR", "exact", ""),
        ("hr", "HR", "exact", ""),
        ("Heart Rate", "HR", "synonym", ""),
        ("HR [bpm]", "HR", "exact", "bpm"),
        ("hr_per_min", "HR", "exact", "per/min"),
        ("HR min", None, "left out", ""),
        ("Temp (°F)", "Temp", "exact", "°F"),
        ("temp_f", "Temp", "exact", "f"),
        ("Temperature Fahrenheit", "Temp", "synonym", "Fahrenheit"),
        ("体温（℃）", "Temp", "synonym", "℃"),
        ("SpO2 %", "SaO2", "synonym", "%"),
        ("creatinine_umol_l", "Creatinine", "exact", "umol/l"),
        ("Körpergröße", "Height", "synonym", ""),
        ("FRÉQUENCE CARDIAQUE", "HR", "synonym", ""),
        ("Hemaotcrit", "HCT", "guessed", ""),
        ("Troponin", None, "left out", ""),
        ("Bilirubin_direct", None, "left out", ""),
        ("Chloride", None, "left out", ""),
        ("HR (2)", "HR", "exact", ""),
        ("💓", None, "left out", ""),
        ("x" * 10_000, None, "left out", ""),
    ],
)
def test_headers_mean_what_a_clinician_would_say(header, target, how, unit):
    found = Names(ICU_MORTALITY).match(header)

    assert (found.target, found.how, found.unit) == (target, how, unit)


def test_a_name_that_could_be_two_variables_is_left_to_the_user():
    assert "Troponin I or Troponin T" in Names(ICU_MORTALITY).match("Troponin").reason


def test_every_name_and_synonym_of_the_task_leads_to_its_own_variable():
    names = Names(ICU_MORTALITY)
    for feature in (*ICU_MORTALITY.features, *ICU_MORTALITY.statics):
        for name in (feature.name, feature.label, *feature.synonyms):
            assert names.match(name).target == feature.name, name
            assert match_role(name) is None, name


def test_every_unit_of_the_task_is_found_by_its_name_and_aliases():
    for feature in (*ICU_MORTALITY.features, *ICU_MORTALITY.statics):
        for unit in unit_choices(feature):
            for name in (unit.name, *unit.aliases):
                found = find_unit(feature, name)
                assert found is not None, (feature.name, name)
                assert (found.factor, found.offset) == (unit.factor, unit.offset), (feature.name, name)


@pytest.mark.parametrize(
    ("variable", "typical", "unit", "guessed"),
    [
        ("Temp", [98.6, 99.1, 97.9], "°F", True),
        ("Temp", [36.6, 37.1, 98.6], "°C", False),
        ("FiO2", [40, 50, 60, 21], "%", True),
        ("SaO2", [0.97, 0.95], "fraction", True),
        ("Glucose", [5.5, 7.1, 9.0], "mmol/L", True),
        ("Glucose", [99, 140, 210], "mg/dL", False),
        ("Lactate", [9, 12, 15], "mmol/L", False),  # a very ill patient, not another unit
        ("PaCO2", [5.1, 5.3, 6.0], "kPa", True),
        ("PaO2", [11, 12, 14], "kPa", True),
        ("Creatinine", [88, 120, 60], "µmol/L", True),
        ("Albumin", [35, 28, 31], "g/L", True),
        ("Mg", [0.8, 0.9, 0.85], "mmol/L", True),
        ("HCT", [0.31, 0.35], "fraction", True),
        ("Platelets", [150_000, 90_000], "/µL", True),
        ("HR", [500, 600], "/min", False),
        ("Temp", [], "°C", False),
    ],
)
def test_units_are_found_in_the_values_and_marked_as_guessed(variable, typical, unit, guessed):
    choice = propose_unit(ICU_MORTALITY.find(variable), np.array(typical, dtype=float))

    assert (choice.unit.name, choice.guessed) == (unit, guessed)


def test_urea_in_milligrams_is_not_urea_nitrogen():
    bun = ICU_MORTALITY.find("BUN")

    assert propose_unit(bun, np.array([60.0]), "mg/dL", "urea").unit.name == "mg/dL urea"
    assert propose_unit(bun, np.array([60.0]), "mg/dL", "bun").unit.name == "mg/dL"
    assert convert(np.array([10.0]), find_unit(bun, "mmol/L")).round(1) == 28.0
    assert look_at("id,time,Urea (mg/dL)\na,1,60\n").mapping["Urea (mg/dL)"].example_after == "28 mg/dL"


def test_an_unknown_unit_is_a_doubt_to_be_seen():
    match = look_at("id,time,HR (furlongs)\na,1,80\n").mapping["HR (furlongs)"]

    assert (match.how, match.unit) == ("guessed", "/min")
    assert "furlongs, which is not a known unit" in match.reason


def test_the_proposal_says_what_becomes_of_each_column():
    mapping = look_at(WIDE).mapping

    assert mapping["record_id"].target == "record_id"
    assert (mapping["time"].target, mapping.time_unit) == ("time", "hours")
    assert mapping["time"] in mapping.guessed
    assert (mapping["Pulse"].target, mapping["Pulse"].reason) == (None, "HR is used for it already.")
    temp = mapping["Temp (°F)"]
    assert (temp.unit, temp.converted_to, temp.example_before, temp.example_after) == ("°F", "°C", "98.6", "37.0 °C")
    assert (temp.n_values, temp.share_plausible, temp.unit_choices) == (2, 1.0, ("°C", "°F"))
    assert mapping["urine_l"].example_after == "200 mL"
    assert (mapping["Bett"].target, mapping["Bett"].how) == (None, "left out")


def test_of_two_columns_for_one_variable_the_fuller_one_wins_only_if_it_is_much_fuller():
    nearly = look_at("id,time,SaO2,SpO2\na,1,97,96\na,2,,95\n").mapping
    much = look_at("id,time,SaO2,SpO2\na,1,97,96\na,2,,95\na,3,,95\n").mapping

    assert (nearly["SaO2"].target, nearly["SpO2"].target) == ("SaO2", None)
    assert (much["SaO2"].target, much["SpO2"].target) == (None, "SaO2")


def test_a_changed_mapping_is_obeyed_and_the_old_one_stays():
    inspection = look_at(WIDE)
    first = inspection.mapping
    changed = first.change("Pulse", target="HR").change("Temp (°F)", target=None).change("Bett", target="GCS")

    assert values(inspection, first) == {"HR": [80, 82], "Temp": [37, 37.5], "Urine": [200, 100]}
    assert values(inspection, changed) == {"HR": [81, 83], "Urine": [200, 100], "GCS": [4, 4]}
    assert changed["HR"].reason == "You chose Pulse instead."
    assert (changed["Bett"].how, changed["Bett"].example_after) == ("chosen", "4 points")


def test_a_changed_unit_is_judged_at_once():
    inspection = look_at(WIDE)
    changed = inspection.mapping.change("Temp (°F)", unit="°C")

    assert (changed["Temp (°F)"].share_plausible, changed["Temp (°F)"].example_after) == (0.0, "98.6 °C")
    assert "Temp" not in values(inspection, changed)
    assert build(inspection, changed).report.issues["problem"].str.endswith("looks like °F").all()


def test_the_unit_of_time_can_be_changed():
    inspection = look_at("id,time,HR\na,0,80\na,30,82\n")

    hours = build(inspection, inspection.mapping).hours.tolist()
    minutes = build(inspection, inspection.mapping.change("time", unit="minutes")).hours.tolist()

    assert (hours, minutes) == ([0, 30], [0, 0.5])
    assert inspection.mapping.change("time", unit="seconds").time_unit == "seconds"
    assert build(inspection, inspection.mapping.change("time", unit="HH:MM")).hours.tolist() == [0, 30]


def test_roles_can_be_chosen_where_no_name_helps():
    text = "Bett,wann,HR\nx,1,80\ny,1,90\n"
    inspection = look_at(text)
    assert "no column with the time" in inspection.files[0].problem
    with pytest.raises(DataError, match=r"a\.csv has no column with the time of each row"):
        build(inspection, inspection.mapping)

    mapping = inspection.mapping.change("Bett", target="record_id").change("wann", target="time", unit="hours")

    assert build(inspection, mapping).record_ids == ("x", "y")


def test_a_chosen_unit_overrides_the_unit_column():
    inspection = look_at("id,time,variable,value,unit\na,1,Glucose,100,spoons\n")

    assert build(inspection, inspection.mapping).value.tolist() == []
    assert values(inspection, inspection.mapping.change("Glucose", unit="mg/dL")) == {"Glucose": [100]}


def test_a_unit_of_its_own_in_every_row_is_looked_up_once_and_reported(monkeypatch):
    n, variables = 2_000, ("HR", "Temp", "Glucose", "Lactate", "Na")
    rows = "".join(f"p{i % 9},{i % 40},{variables[i % 5]},1,unit{i}\n" for i in range(n))
    inspection = look_at(f"id,time,variable,value,unit\n{rows}a,1,Glucose,6,mmol/L\na,2,Glucose,90,mg/dL\n")
    asked = []
    monkeypatch.setattr(
        "medgru.data.values.find_unit", lambda feature, text, *a: asked.append(text) or find_unit(feature, text, *a)
    )

    recordings = build(inspection, inspection.mapping)

    assert len(asked) < 2 * n
    assert recordings.value.tolist() == pytest.approx([108.1, 90], abs=0.05)
    assert recordings.report.issues.query("kind == 'unknown unit'")["count"].sum() == n
    assert any("Glucose was converted from mmol/L" in note for note in recordings.report.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.change("nothing", target="HR"), "no column or variable called 'nothing'"),
        (lambda m: m.change("HR", target="Spleen"), "has no variable called 'Spleen'"),
        (lambda m: m.change("HR", unit="kPa"), "'kPa' is not a unit of Heart rate. Choose one of /min"),
        (lambda m: m.change("time", unit="fortnights"), "'fortnights' is not a unit of time"),
    ],
    ids=["source", "target", "unit", "time unit"],
)
def test_a_change_that_cannot_be_says_so(change, message):
    with pytest.raises(DataError, match=message):
        change(look_at(WIDE).mapping)


def test_a_mapping_survives_saving_and_carries_no_values():
    inspection = look_at(WIDE)
    changed = inspection.mapping.change("Pulse", target="HR").change("Temp (°F)", unit="°C")
    changed = changed.change("time", unit="minutes")

    text = json.dumps(changed.to_config())
    restored = Mapping.from_config(json.loads(text), ICU_MORTALITY)

    assert values(inspection, restored) == values(inspection, changed)
    assert "98.6" not in text
    applied = look_at(WIDE).mapping.apply(json.loads(text))
    assert [(m.source, m.target, m.unit) for m in applied.matches] == [
        (m.source, m.target, m.unit) for m in changed.matches
    ]


@pytest.mark.parametrize(
    "config",
    [
        {},
        [],
        {"task": "other", "matches": []},
        {"task": "icu-mortality", "matches": [1]},
        {"task": "icu-mortality", "matches": [{"source": "a", "target": "HR", "unit": "kPa"}]},
        {"task": "icu-mortality", "matches": [{"source": "a", "target": 7, "unit": ""}]},
        {"task": "icu-mortality", "matches": [{"source": "a", "target": "time", "unit": "eons"}]},
        {"task": "icu-mortality", "matches": [{"source": "a", "target": "Spleen", "unit": ""}]},
    ],
)
def test_a_damaged_saved_mapping_is_refused(config):
    with pytest.raises(DataError):
        Mapping.from_config(config, ICU_MORTALITY)


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        ("Größe,Käse,Übung", "cp1252", "Windows-1252 (Western European)"),
        ("心率,体温,血压", "gb18030", "GB18030 (Chinese)"),
        ("心率,Größe", "utf-8", "UTF-8"),
        ("plain", "ascii", "UTF-8"),
        ("record_id,time,HR\na,1,80\n", "utf-16-be", "UTF-16"),
    ],
)
def test_encodings_are_told_apart(text, encoding, name):
    assert to_utf8(text.encode(encoding)) == (text.encode(), name)


def test_a_long_table_with_countless_names_is_cut_and_said():
    rows = "".join(f"a,1,name {i},1\n" for i in range(700)) + "a,1,HR,80\na,2,HR,81\n"
    inspection = look_at("id,time,variable,value\n" + rows)

    assert inspection.mapping["HR"].n_values == 2
    assert len(inspection.mapping.matches) < 520
    assert any("702" in n or "701" in n for n in inspection.notes)


def test_local_orders_of_day_and_month_are_found_and_doubts_shown():
    rows = [f"a,{d}.03.2026 0{h}:00,8{h}" for d in (1, 2) for h in (1, 2)]
    local = look_at("id,charttime,HR\n" + "\n".join(rows) + "\n")
    assert build(local, local.mapping).hours.tolist() == [0, 1, 24, 25]
    american = look_at("id,charttime,HR\na,3/1/2026 1:00 PM,80\na,3/2/2026 1:00 AM,81\n")
    assert build(american, american.mapping).hours.tolist() == [0, 12]
    doubtful = look_at("id,charttime,HR\na,03/02/2026 13:00,80\na,03/02/2026 14:00,80\n")
    assert "other order of day and month" in doubtful.mapping["charttime"].reason
    assert doubtful.mapping["charttime"].how == "guessed"


def test_the_units_of_physionet_text_are_fixed_whatever_its_values():
    def stay(name: str, glucose: tuple[float, ...]) -> Source:
        rows = "".join(f"0{i}:00,Glucose,{value}\n" for i, value in enumerate(glucose))
        return Source(f"{name}.txt", f"Time,Parameter,Value\n00:00,RecordID,{name}\n{rows}".encode())

    low, usual = stay("1", (9, 12, 20, 15)), stay("2", (110, 130, 101, 99))

    alone = inspect([low], ICU_MORTALITY)
    together = inspect([low, usual], ICU_MORTALITY)

    assert (alone.mapping["Glucose"].unit, alone.mapping["Glucose"].how) == ("mg/dL", "exact")
    assert values(alone, alone.mapping)["Glucose"] == [9, 12, 20, 15]
    assert build(together, together.mapping).select(["1"]).value.tolist() == [9, 12, 20, 15]


def test_few_low_values_of_one_stay_are_doubted_but_not_converted():
    one = look_at("id,time,Glucose\na,1,9\na,2,12\na,3,20\n")
    several = look_at("id,time,Glucose\na,1,6.1\nb,2,7\nc,3,5.5\n")

    assert values(one, one.mapping)["Glucose"] == [9, 12, 20]
    assert one.mapping["Glucose"].how == "guessed"
    assert "would be usual in mmol/L" in one.mapping["Glucose"].reason
    assert several.mapping["Glucose"].unit == "mmol/L"


@pytest.mark.parametrize("swap", [False, True])
def test_files_with_one_column_in_two_units_are_each_read_in_their_own(swap):
    low = Source("w1.csv", b"id,time,Glucose\na,1,6.1\nb,2,5.5\nc,3,7.0\n")
    usual = Source("w2.csv", b"id,time,Glucose,HR\nd,1,110,80\ne,2,101,80\nf,3,99,80\n")
    inspection = inspect([usual, low] if swap else [low, usual], ICU_MORTALITY)
    first, second = inspection.mapping["Glucose", "w1.csv"], inspection.mapping["Glucose", "w2.csv"]

    assert (first.unit, first.how, first.label) == ("mmol/L", "guessed", "Glucose (w1.csv)")
    assert (second.unit, second.how, second.n_values) == ("mg/dL", "exact", 3)
    assert any("w1.csv" in note and "w2.csv" in note for note in inspection.notes)
    with pytest.raises(KeyError):
        inspection.mapping["Glucose"]
    assert sorted(values(inspection, inspection.mapping)["Glucose"]) == [99, 99.086, 101, 109.895, 110, 126.109]


def test_each_file_is_read_in_its_own_unit_as_if_all_were_in_one():
    mixed = [
        Source("a.csv", b"id,time,Temp\na,1,98.6\na,2,99.5\nb,1,100.4\n"),
        Source("b.csv", b"id,time,Temp,bed\nc,1,36.6,1\nd,2,37.1,1\n"),
        Source("c.csv", b"id,time,Temp (\xc2\xb0F)\ne,1,98.6\n"),
    ]
    twin = Source("all.csv", b"id,time,Temp\na,1,37\na,2,37.5\nb,1,38\nc,1,36.6\nd,2,37.1\ne,1,37\n")
    inspection, plain = inspect(mixed, ICU_MORTALITY), inspect([twin], ICU_MORTALITY)

    assert values(inspection, inspection.mapping) == values(plain, plain.mapping)
    changed = inspection.mapping.change("Temp", place="a.csv", unit="°C")
    assert changed["Temp", "b.csv"] == inspection.mapping["Temp", "b.csv"]
    assert values(inspection, changed)["Temp"] == [36.6, 37.1, 37]
    everywhere = inspection.mapping.change("Temp", unit="°F")
    assert [m.unit for m in everywhere.matches if m.source == "Temp"] == ["°F", "°F"]


def test_files_with_one_header_are_taken_apart_where_their_units_differ():
    low = "id,time,Glucose\n" + "".join(f"a{i},1,{5 + i / 10:.1f}\n" for i in range(30))
    usual = "id,time,Glucose\n" + "".join(f"b{i},1,{90 + i}\n" for i in range(30))
    inspection = inspect([Source("w1.csv", low.encode()), Source("w2.csv", usual.encode())], ICU_MORTALITY)

    assert {m.place: m.unit for m in inspection.mapping.matches if m.target == "Glucose"} == {
        "w1.csv": "mmol/L",
        "w2.csv": "mg/dL",
    }
    found = values(inspection, inspection.mapping)["Glucose"]
    assert min(found) > 80
    alike = inspect([Source("w1.csv", usual.encode()), Source("w2.csv", usual.encode())], ICU_MORTALITY)
    assert len(alike.views) == 1


CHANGES = st.lists(
    st.tuples(
        st.sampled_from(["record_id", "time", "HR", "Pulse", "Temp (°F)", "urine_l", "Bett", "Glucose"]),
        st.sampled_from(["a.csv", "b.csv", None]),
        st.sampled_from(["HR", "Temp", "Glucose", "time", "record_id", "GCS", None, ""]),
        st.sampled_from([None, "°C", "°F", "mmol/L", "mg/dL", "hours", "minutes", "/min"]),
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(CHANGES)
def test_a_mapping_put_onto_its_own_files_again_is_the_same(changes):
    first = WIDE.replace("Bett", "Glucose").replace(",4\n", ",6.1\n").replace(",4\n", ",5.5\n")
    inspection = inspect(
        [Source("a.csv", first.encode()), Source("b.csv", b"record_id,time,Glucose,Bett\nx,1,110,4\nx,2,120,5\n")],
        ICU_MORTALITY,
    )
    changed = inspection.mapping
    for source, place, target, unit in changes:
        with contextlib.suppress(DataError):
            changed = changed.change(source, place=place, target=target, unit=unit)
    changed = changed.confirm_all()

    again = inspection.mapping.apply(json.loads(json.dumps(changed.to_config())))

    def read(mapping):
        return {(m.source, t, m.target, m.unit, m.unit_chosen) for m in mapping.matches for t in m.tables}

    assert read(again) == read(changed)
    assert {m.source for m in again.matches} == {m.source for m in inspection.mapping.matches}


def test_what_a_person_confirmed_is_not_asked_again_for_the_next_file():
    mapping = look_at(WIDE).mapping
    assert [m.source for m in mapping.guessed] == ["time"]
    confirmed = mapping.confirm("time")

    assert not confirmed.guessed
    assert confirmed.meaning == mapping.meaning
    assert not look_at(WIDE, "next.csv").mapping.apply(confirmed.to_config()).guessed
    assert look_at(WIDE, "next.csv").mapping.apply(mapping.to_config()).guessed, "nobody confirmed it"


def test_values_in_another_unit_than_saved_are_a_guess_to_check():
    usual = "id,time,Glucose\na,1,110\nb,2,101\nc,3,99\n"
    low = "id,time,Glucose\na,1,6.1\nb,2,5.5\nc,3,7\n"
    chosen = look_at(usual).mapping.change("Glucose", target="Glucose").to_config()

    again = look_at(low).mapping.apply(chosen)["Glucose"]

    assert (again.unit, again.how) == ("mmol/L", "guessed")
    assert "saved mapping has mg/dL" in again.reason


@pytest.mark.parametrize("header", ["Glucose", "Z1"])
def test_a_guess_confirmed_for_one_file_does_not_convert_another_whose_values_deny_it(header):
    low = f"id,time,{header}\n" + "".join(f"p{i},1,{5 + i / 5}\n" for i in range(26))
    usual = f"id,time,{header}\n" + "".join(f"p{i},1,{90 + i}\n" for i in range(26))
    first = look_at(low).mapping
    if header != "Glucose":
        first = first.change(header, target="Glucose")
    assert (first[header].unit, first[header].how) == ("mmol/L", "guessed")
    saved = json.loads(json.dumps(first.confirm_all().to_config()))

    inspection = look_at(usual)
    again = inspection.mapping.apply(saved)

    assert (again[header].target, again[header].unit, again[header].how) == ("Glucose", "mg/dL", "guessed")
    assert "saved mapping has mmol/L" in again[header].reason
    assert values(inspection, again)["Glucose"][:2] == [90, 91]
    assert not look_at(low).mapping.apply(saved).guessed, "values like those that were confirmed are not asked again"
    by_hand = first.change(header, unit="mmol/L").to_config()
    assert inspection.mapping.apply(by_hand)[header].unit == "mmol/L", "a person chose it for every file"


def test_what_nobody_uses_is_not_saved_but_what_a_person_left_out_is():
    mapping = look_at("id,time,HR,Pulse,Meier Anna,Temp\na,1,80,81,x,37\na,2,82,83,y,37\n").mapping
    changed = mapping.change("Pulse", target="HR").change("Temp", target=None)
    again = mapping.apply(changed.to_config())

    assert [row["source"] for row in mapping.to_config()["matches"]] == ["id", "time", "HR", "Temp"]
    for config in (changed.to_config(), again.to_config()):
        assert [(row["source"], row["target"]) for row in config["matches"]] == [
            ("id", "record_id"), ("time", "time"), ("HR", None), ("Pulse", "HR"), ("Temp", None),
        ]  # fmt: skip
    assert [m.target for m in again.matches] == [m.target for m in changed.matches]


def test_a_unit_column_outweighs_a_saved_unit_that_nobody_chose():
    long = "id,time,variable,value,unit\na,1,Glucose,{},{}\na,2,HR,80,/min\n"
    saved = look_at(long.format(110, "mg/dL")).mapping.confirm_all().to_config()
    inspection = look_at(long.format(6, "mmol/L"))

    mapping = inspection.mapping.apply(saved)

    assert values(inspection, mapping)["Glucose"] == [pytest.approx(108.094, abs=1e-3)]


def test_an_unknown_column_is_left_out_but_its_values_say_what_it_could_be():
    rng = np.random.default_rng(3)
    rows = "".join(f"p{i},{i},{r:.1f},{80 + i % 9}\n" for i, r in enumerate(rng.normal(37, 0.5, 60)))
    mapping = look_at("id,time,x1,HR\n" + rows).mapping

    assert mapping["x1"].target is None
    assert mapping["x1"].could_be[0] == "Temp"
    assert "Temperature" in mapping["x1"].reason


def test_an_empty_column_says_nothing_about_the_unit_of_another_file():
    empty = Source("w1.csv", b"id,time,Temp,HR\na,1,,80\nb,2,,81\n")
    filled = Source("w2.csv", b"id,time,Temp\nd,1,98.6\ne,2,99.5\n")
    for files in ([empty, filled], [filled, empty]):
        inspection = inspect(files, ICU_MORTALITY)
        assert inspection.mapping["Temp"].unit == "°F"
        assert inspection.mapping["Temp"].share_plausible == 1
        assert values(inspection, inspection.mapping)["Temp"] == [37, 37.5]


@pytest.mark.parametrize(
    ("name", "seconds", "converted", "after"),
    [("minute", 60.0, "minutes", "minute 31"), ("5 minutes", 300.0, "steps of 5 minutes", "step 7")],
)
def test_the_times_of_an_own_task_become_its_steps_and_not_hours(name, seconds, converted, after):
    columns = Columns("id", time="when", time_unit="minutes", start=0.0, first_step=1)
    outcomes = [Outcome("a", "a"), Outcome("b", "b")]
    task = own_task(
        "Own", "Which?", [Feature("x", "x", "", 0, 9)], [], outcomes, "a", 40, Step(name, seconds), columns=columns
    )
    inspection = inspect([Source("w.csv", b"id,when,x\na,30,1\na,35,2")], task)

    match = inspection.mapping["when"]

    assert (match.converted_to, match.example_after) == (converted, after)
    assert inspection.mapping.change("when", unit="seconds")["when"].converted_to == converted
    assert build(inspection, inspection.mapping).hours[0] == float(after.split()[1])


@pytest.mark.parametrize(
    ("header", "cells", "asked"),
    [
        ("creatinine", ("<0.5", "<0.5"), True),
        ("creatinine", ("<0.5", "0.9"), False),
        ("creatinine (mg/dL)", ("<0.5", "<0.5"), False),
        ("GCS", (">14", ">14"), False),
    ],
    ids=["limits alone", "limits among numbers", "with a unit", "without another unit"],
)
def test_a_column_of_limits_alone_is_asked_about_where_its_unit_is_not_said(task, header, cells, asked):
    rows = "".join(f"p{p},{h},80,{cell}\n" for p in range(2) for h, cell in enumerate(cells, 1))
    found = inspect([Source("x.csv", f"patient,hour,HR,{header}\n{rows}".encode())], task)
    (match,) = (m for m in found.mapping.matches if m.source == header)
    assert ("are limits" in match.reason) is asked
    assert (match in found.mapping.guessed) is asked
