"""Which rows name the columns of a table, and what its columns are then called."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgru.data.headers import find_header
from medgru.data.names import _ROLE_NAMES, PERSON_NAMES, match_role, name_key
from medgru.data.units import find_unit
from medgru.tasks import ICU_MORTALITY

DATA = ["7", "1", "80", "36.6", "120", "75"]


def names(*rows: list[str], merged=()) -> list[str]:
    return find_header([*rows, DATA, DATA], merged).names


def test_a_row_of_names_is_taken_as_it_is():
    header = find_header([["id", "time", "HR", "Temp"], DATA])
    assert (header.names, header.first, header.last, header.units) == (["id", "time", "HR", "Temp"], 0, 0, None)
    assert header.note("a.csv") == ""


def test_upper_names_are_spread_and_joined_only_where_the_lower_ones_are_not_understood():
    upper = ["id", "time", "Vitals", "", "BP", ""]
    lower = ["", "", "HR", "Temp", "sys", "dia"]
    assert names(upper, lower) == ["id", "time", "HR", "Temp", "BP sys", "BP dia"]
    assert names(["id", "Zeit", "", "", "Blutdruck", ""], ["", "", "HR", "Temp", "syst", "diast"]) == [
        *("id", "Zeit", "HR", "Temp", "Blutdruck syst", "Blutdruck diast"),
    ]


def test_cells_merged_in_a_workbook_reach_as_far_as_they_were_merged():
    upper = ["id", "time", "NIBP", "", "", ""]
    lower = ["", "", "systolic", "diastolic", "HR", "Temp"]
    found = names(upper, lower, merged=[((0, 2), (0, 3))])
    assert found == ["id", "time", "NIBP systolic", "NIBP diastolic", "HR", "Temp"]


def test_three_levels_are_joined():
    rows = [["id", "time", "Circulation", "", "", ""], ["", "", "", "", "BP", ""], ["", "", "HR", "Temp", "sys", "dia"]]
    assert names(*rows) == ["id", "time", "HR", "Temp", "BP sys", "BP dia"]


@pytest.mark.parametrize("place", ["below", "above"])
def test_a_row_of_units_goes_into_the_names(place):
    rows = [["id", "time", "HR", "Temp", "SBP", "DBP"], ["", "h", "/min", "[°F]", "mmHg", "mmHg"]]
    found = find_header([*(rows if place == "below" else rows[::-1]), DATA, DATA])
    assert found.names == ["id", "time (h)", "HR (/min)", "Temp (°F)", "SBP (mmHg)", "DBP (mmHg)"]
    assert (found.last, found.units) == (1, 1 if place == "below" else 0)
    assert "units in row" in found.note("a.csv")


def test_units_that_names_have_already_are_not_said_twice():
    found = names(["id", "time", "HR", "Temp (°C)", "SBP", "DBP"], ["", "h", "bpm", "°C", "mmHg", "mmHg"])
    assert found[3] == "Temp (°C)"


def test_rows_of_words_are_no_header():
    """Stays called like units, sexes like Fahrenheit, and variables in a long table."""
    assert find_header([["id", "dead"], ["a", "1"], ["a", "0"], ["b", "0"]]).names == ["id", "dead"]
    assert find_header([["id", "sex"], ["s", "F"], ["m", "M"]]).last == 0
    assert find_header([["id", "time", "variable", "unit"], ["a", "b", "HR", "bpm"], ["a", "c", "RR", "bpm"]]).last == 0
    assert find_header([["ward", "bed", "mood"], ["red", "left", "good"], ["blue", "right", "bad"]]).last == 0


def test_letterheads_and_comments_above_are_passed_over():
    rows = [
        ["Hospital", "Ward 3", "printed on", "3 March"],
        ["# made by X", "all", "values", "raw"],
        [],
        ["id", "time", "HR", "Temp"],
        DATA[:4],
    ]
    found = find_header(rows)
    assert (found.names, found.first) == (["id", "time", "HR", "Temp"], 3)
    assert find_header([["#id", "time", "HR"], DATA[:3]]).names == ["id", "time", "HR"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([["Patient: 4711"]], "4711"),
        ([["Klinik X"], ["Fallnummer", "0815"]], "0815"),
        ([["病历号：88-12  姓名：虚构"]], "88-12"),
        ([["Patient ID = A7", "Ward = 3"]], "A7"),
        ([["MRN 12345"]], "12345"),
        ([["Patient: Anna"]], ""),
        ([["Patient: 1"], ["Patient: 2"]], ""),
        ([["Ward: 3"]], ""),
    ],
)
def test_an_identifier_above_the_table_is_found(lines, expected):
    assert find_header([*lines, [], ["time", "HR", "Temp"], DATA[:3]]).record_id == expected


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text(max_size=12), max_size=6), max_size=12))
def test_any_rows_give_a_header_within_them(rows):
    found = find_header(rows)
    assert 0 <= found.first <= found.last <= max(len(rows) - 1, 0)
    assert len(found.names) <= max(map(len, rows), default=0)


def test_no_name_means_two_things():
    meanings: dict[str, set[str]] = {}
    for feature in (*ICU_MORTALITY.features, *ICU_MORTALITY.statics):
        for name in (feature.name, feature.label, *feature.synonyms):
            meanings.setdefault(name_key(name), set()).add(feature.name)
    for role, known in _ROLE_NAMES.items():
        for name in known:
            meanings.setdefault(name_key(name), set()).add(role)
    assert {key: found for key, found in meanings.items() if len(found) > 1} == {}
    assert "" not in meanings


def test_every_variable_has_a_chinese_name_and_every_role_too():
    for feature in (*ICU_MORTALITY.features, *ICU_MORTALITY.statics):
        assert any("\u4e00" <= c <= "\u9fff" for name in feature.synonyms for c in name), feature.name
    for role, known in _ROLE_NAMES.items():
        assert any("\u4e00" <= c <= "\u9fff" for name in known for c in name), role
    assert any(match_role(name) is None for name in PERSON_NAMES)


def test_urea_of_every_language_has_its_own_conversion():
    bun = ICU_MORTALITY.find("BUN")
    for name in ("Urea", "Harnstoff", "Urée", "Ureum", "Ureia", "尿素"):
        unit = find_unit(bun, "mg/dL", name)
        assert unit is not None
        assert unit.factor == pytest.approx(28.01 / 60.06, abs=1e-3), name
