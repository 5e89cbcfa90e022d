"""Codes in names of variables, and what they mean to the shipped task."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgru.data import Source, build, inspect
from medgru.data.codes import code_in, with_code, without_code
from medgru.data.names import EXACT, GUESSED, Names
from medgru.tasks import ICU_MORTALITY

NAMES = Names(ICU_MORTALITY)
FEATURES = (*ICU_MORTALITY.features, *ICU_MORTALITY.statics)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Heart rate (LOINC 8867-4)", "LOINC 8867-4"),
        ("LOINC//8867-4", "LOINC 8867-4"),
        ("LOINC/8867-4", "LOINC 8867-4"),
        ("loinc: 8867-4", "LOINC 8867-4"),
        ("8867-4", "LOINC 8867-4"),
        ("OMOP 3027018", "OMOP 3027018"),
        ("SNOMED//364075005", "SNOMED 364075005"),
        ("LAB//220045//bpm", "MIMIC 220045"),
        ("LAB//RESULT//50912//mg/dL", "MIMIC 50912"),
        ("SUBJECT_FLUID_OUTPUT//226559//mL", "MIMIC 226559"),
        ("LAB//SPECIMEN_COLLECTED//50912", None),
        ("INFUSION_START//225158", None),
        ("DIAGNOSIS//ICD//10//A41", None),
        ("HR", None),
        ("2020-1", None),
        ("pH (7.35-7.45)", None),
    ],
)
def test_the_code_in_a_name_is_found(name, code):
    assert code_in(name) == code


@given(
    st.text(st.characters(categories=["L"]), max_size=20),
    st.sampled_from(["LOINC 2524-7", "OMOP 3027018", "MIMIC 50912"]),
)
def test_words_and_code_come_apart_as_they_were_put_together(words, code):
    name = with_code(words, *code.split(" "))
    assert code_in(name) == code
    assert without_code(name) == words


def test_no_code_means_two_variables():
    codes = Counter(code for f in FEATURES for code in {*f.codes, *([f"LOINC {f.loinc}"] if f.loinc else [])})
    assert [code for code, n in codes.items() if n > 1] == []
    assert all(code_in(code) == code for code in codes)


def test_every_code_finds_its_variable():
    for feature in FEATURES:
        for code in feature.codes:
            found = NAMES.match(f"something else ({code})")
            assert found.target == feature.name
            doubtful = code in ICU_MORTALITY.doubts
            assert found.how == (GUESSED if doubtful else EXACT)
            assert found.reason.endswith("Please check.") == doubtful


def test_a_unit_may_stand_behind_a_code():
    assert NAMES.match("LOINC 8302-2 (cm)").unit == "cm"
    assert NAMES.match("Body height (LOINC 8302-2)").unit == ""
    assert NAMES.match("LOINC 8310-5 [degF]").unit == "degF"


def test_a_code_that_is_not_known_is_at_most_a_guess():
    assert NAMES.match("OMOP 424242").target is None
    found = NAMES.match("Heart rate (OMOP 424242)")
    assert (found.target, found.how) == ("HR", GUESSED)


def test_several_codes_of_one_variable_are_all_read_and_two_names_are_not():
    def values(*names: str) -> list[float]:
        lines = [f"a,{i},{name},{80 + i}" for i, name in enumerate(names)]
        data = "\n".join(["record_id,time,variable,value", *lines, ""]).encode()
        inspection = inspect([Source("a.csv", data)], ICU_MORTALITY)
        return build(inspection, inspection.mapping).value.tolist()

    assert values("MIMIC 220045", "LOINC 8867-4", "OMOP 3027018") == [80, 81, 82]
    assert len(values("HR", "Pulse")) == 1
