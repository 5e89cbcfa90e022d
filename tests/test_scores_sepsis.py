"""qSOFA and SIRS against their publications' criteria, and vignettes that others solved."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgru.scores import SCORES, bedside
from medgru.scores.inputs import LABORATORY_HOURS
from tests.test_scores_news2 import recordings_of


def total(name, **values):
    return bedside(recordings_of(values))[name].text(0)


# Singer et al. and Seymour et al., JAMA 2016;315: 22/min or more, GCS below 15, systolic 100 mmHg or less.
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"RespRate": 21, "GCS": 15, "NISysABP": 101}, "0"),
        ({"RespRate": 22, "GCS": 15, "NISysABP": 101}, "1"),
        ({"RespRate": 21, "GCS": 14, "NISysABP": 101}, "1"),
        ({"RespRate": 21, "GCS": 15, "NISysABP": 100}, "1"),
        ({"RespRate": 22, "GCS": 3, "SysABP": 60}, "3"),
    ],
)
def test_each_criterion_of_qsofa_and_its_boundary(values, expected):
    assert total("qSOFA", **values) == expected


# Bone et al., Chest 1992;101:1644: above 38 or below 36 °C; above 90/min; above 20/min or PaCO2 below 32 mmHg; above
# 12 or below 4 x 10⁹/L.
CALM = {"Temp": 37.0, "HR": 80, "RespRate": 16, "PaCO2": 40, "WBC": 8}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "0"),
        ({"Temp": 38.0}, "0"),
        ({"Temp": 38.1}, "1"),
        ({"Temp": 36.0}, "0"),
        ({"Temp": 35.9}, "1"),
        ({"HR": 90}, "0"),
        ({"HR": 91}, "1"),
        ({"RespRate": 20}, "0"),
        ({"RespRate": 21}, "1"),
        ({"PaCO2": 32}, "0"),
        ({"PaCO2": 31.9}, "1"),
        ({"RespRate": 30, "PaCO2": 20}, "1"),  # one criterion
        ({"WBC": 12}, "0"),
        ({"WBC": 12.1}, "1"),
        ({"WBC": 4}, "0"),
        ({"WBC": 3.9}, "1"),
    ],
)
def test_each_criterion_of_sirs_and_its_boundary(changed, expected):
    assert total("SIRS", **(CALM | changed)) == expected


# 1  AccessSurgery (mhmedical.com, book 878, section 71171423): 39.3 °C, pulse 102, 90/50, 22/min, somnolent, 17,000
#    white cells: "This patient has SIRS". All four criteria; and by Sepsis-3 all three of qSOFA.
# 2  smartsolve.ai, "sepsis alert": 101.3 °F, pulse 90, 20/min, 90/60: "only one of the SIRS criteria is met".
# 3  cliot (CRAN), qsofa_sepsis_score: RR 24, SBP 95, GCS 14 is 3; RR 18, SBP 120, GCS 15 is 0.
#    https://rdrr.io/cran/cliot/man/qsofa_sepsis_score.html
def test_vignettes_that_others_solved():
    surgical = {"Temp": 39.3, "HR": 102, "NISysABP": 90, "RespRate": 22, "WBC": 17.0, "GCS": 13}
    assert total("SIRS", **surgical) == "4"
    assert total("qSOFA", **surgical) == "3"
    assert total("qSOFA", RespRate=24, NISysABP=95, GCS=14) == "3"
    assert total("qSOFA", RespRate=18, NISysABP=120, GCS=15) == "0"
    assert total("SIRS", Temp=(101.3 - 32) / 1.8, HR=90, RespRate=20, WBC=8) == "1"


def test_38_degrees_that_came_as_fahrenheit_are_not_above_38():
    assert total("SIRS", **(CALM | {"Temp": np.float32(100.4) * np.float32(5 / 9) - np.float32(160 / 9)})) == "0"


def test_either_rate_or_carbon_dioxide_answers_but_a_normal_carbon_dioxide_alone_does_not():
    without = {k: v for k, v in CALM.items() if k not in ("RespRate", "PaCO2")}
    assert total("SIRS", **without, RespRate=16) == "0"
    assert total("SIRS", **without, PaCO2=25) == "1"
    assert total("SIRS", **without, PaCO2=40) == "0 to 1"
    assert total("SIRS", **without) == "0 to 1"


def test_that_bands_are_not_recorded_is_said():
    assert "bands" in SCORES["SIRS"].remark
    assert "suspected infection" in SCORES["qSOFA"].remark


def test_laboratory_values_count_for_a_day():
    recordings = recordings_of(CALM, hours=dict.fromkeys(CALM, LABORATORY_HOURS) | {"WBC": 0.0})
    result = bedside(recordings)["SIRS"]
    assert result.complete[0]
    assert result.oldest[0] == LABORATORY_HOURS
    assert bedside(recordings, at=LABORATORY_HOURS + 0.5)["SIRS"].missing[0] == "white cells"


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Temp": st.floats(30, 42), "HR": st.floats(20, 200), "RespRate": st.floats(4, 60),
            "GCS": st.integers(3, 15), "NISysABP": st.floats(50, 250), "WBC": st.floats(0, 80),
            "PaCO2": st.floats(10, 120),
        },
    )
)  # fmt: skip
def test_totals_stay_within_their_range_and_missing_is_said_exactly_where_it_is_open(values):
    for name, most in (("qSOFA", 3), ("SIRS", 4), ("NEWS2", 20)):
        result = bedside(recordings_of(values, {}))[name]
        assert (result.lowest >= 0).all()
        assert (result.highest <= most).all()
        assert bool(result.missing[0]) == (result.lowest[0] < result.highest[0])
        assert result.highest[1] == most
