"""NEWS2 against every cell of the RCP's chart, worked examples, and what must hold whatever the values are."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgru.data.recording import Recordings
from medgru.scores import NEWS2, bedside, why_none
from medgru.scores.inputs import BEDSIDE_HOURS
from medgru.scores.news2 import risk, risk_in_words
from medgru.tasks import ICU_MORTALITY, Feature, Outcome, Step
from medgru.tasks.own import own_task

NORMAL = {"RespRate": 16, "SaO2": 97, "FiO2": 0.21, "NISysABP": 120, "HR": 70, "GCS": 15, "Temp": 37.0}
ORDER = ("respiratory rate", "oxygen saturation", "air or oxygen", "systolic pressure", "pulse", "consciousness")


def recordings_of(*stays, task=ICU_MORTALITY, hours=None) -> Recordings:
    """One stay for each dictionary of values, all measured at the same hour unless `hours` says otherwise."""
    rows = [(i, name, value) for i, values in enumerate(stays) for name, value in values.items()]
    hours = hours or {}
    return Recordings(
        task=task,
        record_ids=tuple(f"p{i}" for i in range(len(stays))),
        stay=np.array([i for i, _, _ in rows], dtype=np.int32),
        hours=np.array([hours.get(name, 10.0) for _, name, _ in rows], dtype=np.float32),
        feature=np.array([task.feature_index[name] for _, name, _ in rows], dtype=np.int16),
        value=np.array([value for _, _, value in rows], dtype=np.float32),
        statics=np.full((len(stays), len(task.statics)), np.nan, dtype=np.float32),
    )


def news2(*stays, scale_2=False):
    return bedside(recordings_of(*stays), scale_2=scale_2)["NEWS2"]


def points(scale_2=False, **changed) -> dict[str, int]:
    """Points of each part where everything else is normal."""
    result = news2(NORMAL | changed, scale_2=scale_2)
    assert result.complete[0]
    return dict(zip((p.label for p in NEWS2.parts), result.points.fewest[0].tolist(), strict=True))


# Every cell of RCP 2017, chart 1: both ends of each band.
CHART = [
    *[("respiratory rate", {"RespRate": v}, p) for v, p in
      ((1, 3), (8, 3), (9, 1), (11, 1), (12, 0), (20, 0), (21, 2), (24, 2), (25, 3), (60, 3))],
    *[("oxygen saturation", {"SaO2": v}, p) for v, p in
      ((50, 3), (91, 3), (92, 2), (93, 2), (94, 1), (95, 1), (96, 0), (100, 0))],
    *[("air or oxygen", {"FiO2": v}, p) for v, p in ((0.21, 0), (0.24, 2), (1.0, 2))],
    *[("systolic pressure", {"NISysABP": v}, p) for v, p in
      ((50, 3), (90, 3), (91, 2), (100, 2), (101, 1), (110, 1), (111, 0), (219, 0), (220, 3), (260, 3))],
    *[("pulse", {"HR": v}, p) for v, p in
      ((30, 3), (40, 3), (41, 1), (50, 1), (51, 0), (90, 0), (91, 1), (110, 1), (111, 2), (130, 2), (131, 3))],
    *[("consciousness", {"GCS": v}, p) for v, p in ((15, 0), (14, 3), (3, 3))],
    *[("temperature", {"Temp": v}, p) for v, p in
      ((34.0, 3), (35.0, 3), (35.1, 1), (36.0, 1), (36.1, 0), (38.0, 0), (38.1, 1), (39.0, 1), (39.1, 2), (41.0, 2))],
]  # fmt: skip
SCALE_2 = [
    *[(air, v, p) for air in (True, False) for v, p in
      ((70, 3), (83, 3), (84, 2), (85, 2), (86, 1), (87, 1), (88, 0), (92, 0))],
    *[(True, v, 0) for v in (93, 94, 95, 96, 97, 100)],
    *[(False, v, p) for v, p in ((93, 1), (94, 1), (95, 2), (96, 2), (97, 3), (100, 3))],
]  # fmt: skip


@pytest.mark.parametrize(("part", "changed", "expected"), CHART)
def test_every_cell_of_the_chart(part, changed, expected):
    found = points(**changed)
    assert found[part] == expected
    assert sum(found.values()) == expected


@pytest.mark.parametrize(("on_air", "saturation", "expected"), SCALE_2)
def test_every_cell_of_spo2_scale_2(on_air, saturation, expected):
    found = points(scale_2=True, SaO2=saturation, FiO2=0.21 if on_air else 0.28)
    assert found["oxygen saturation"] == expected
    assert found["air or oxygen"] == (0 if on_air else 2)


# Worked examples that others published, with the total they give.
# 1  cliot (CRAN), news2_score: a patient with COPD: RR 22 (+2), SpO2 90 % (0 on scale 2), on oxygen (+2), SBP 130,
#    HR 80, alert, 37 °C. "Score = 4". https://rdrr.io/cran/cliot/man/news2_score.html
# 2  fuzzy_news2, test_crisp_score: everything normal. 0.
# 3  calculory.com: respiratory rate 25 gives 3, SpO2 93 % gives 2 (its third line, SBP 95, contradicts the chart: 2).
# 4  Carol Test of the emergency department FHIR guide by Synanetics (github.com/SynaneticsLtd/emergency-department-ig):
#    RR 21 (2), SpO2 93 % (2), on air (0), SBP 120 (0), pulse 95 (1), alert (0). It gives 37.5 °C a point and so 6 in
#    all; by the RCP's chart 36.1 to 38.0 °C is 0: 5.
EXAMPLES = [
    ({"RespRate": 22, "SaO2": 90, "FiO2": 0.28, "NISysABP": 130, "HR": 80, "GCS": 15, "Temp": 37.0}, True, 4, "low"),
    ({"RespRate": 12, "SaO2": 98, "FiO2": 0.21, "NISysABP": 120, "HR": 70, "GCS": 15, "Temp": 37.0}, False, 0, "low"),
    (
        {"RespRate": 25, "SaO2": 93, "FiO2": 0.21, "NISysABP": 120, "HR": 70, "GCS": 15, "Temp": 37.0},
        False,
        5,
        "medium",
    ),
    (
        {"RespRate": 21, "SaO2": 93, "FiO2": 0.21, "NISysABP": 120, "HR": 95, "GCS": 15, "Temp": 37.5},
        False,
        5,
        "medium",
    ),
]


@pytest.mark.parametrize(("values", "scale_2", "total", "said"), EXAMPLES)
def test_published_examples(values, scale_2, total, said):
    result = news2(values, scale_2=scale_2)
    assert result.text(0) == str(total)
    assert risk_in_words(result) == [said]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "low"),
        ({"RespRate": 21, "HR": 111}, "low"),  # 4 points, none of them red
        ({"RespRate": 25}, "low–medium"),  # 3 in one part
        ({"RespRate": 25, "HR": 95}, "low–medium"),  # 4 with 3 in one part
        ({"RespRate": 21, "HR": 111, "Temp": 38.5}, "medium"),  # 5
        ({"RespRate": 25, "GCS": 14}, "medium"),  # 6
        ({"RespRate": 25, "GCS": 14, "HR": 95}, "high"),  # 7
    ],
)
def test_the_risk_is_that_of_the_rcp(changed, said):
    assert risk_in_words(news2(NORMAL | changed)) == [said]


def test_scale_2_is_used_only_for_those_for_whom_it_was_chosen():
    copd = NORMAL | {"SaO2": 89}
    result = news2(copd, copd, scale_2=np.array([False, True]))
    assert result.texts() == ["3", "0"]


@pytest.mark.parametrize("name", list(NORMAL))
def test_what_is_missing_is_said_and_never_taken_for_normal(name):
    values = {k: v for k, v in NORMAL.items() if k != name}
    result = news2(values)
    assert not result.complete[0]
    assert result.lowest[0] == 0
    assert result.highest[0] == dict(zip(NORMAL, (3, 3, 2, 3, 3, 3, 3), strict=True))[name]
    assert result.missing[0]
    assert result.text(0) == f"0 to {result.highest[0]}"
    assert risk_in_words(result)[0] == ("at least low" if result.highest[0] == 3 else "low")


def test_with_nothing_measured_there_is_no_number():
    result = news2(NORMAL, {})
    assert result.text(1) == "not known"
    assert result.texts()[1] == "?"
    assert risk_in_words(result)[1] == ""


def test_a_ventilator_is_oxygen_and_no_ventilator_says_nothing():
    no_fraction = {k: v for k, v in NORMAL.items() if k != "FiO2"}
    result = news2(no_fraction | {"MechVent": 1}, no_fraction | {"MechVent": 0}, NORMAL | {"MechVent": 1})
    assert result.texts() == ["2", "0–2", "2"]


def test_on_scale_2_a_high_saturation_is_open_where_oxygen_is_not_known():
    no_fraction = {k: v for k, v in NORMAL.items() if k != "FiO2"}
    result = news2(no_fraction | {"SaO2": 97}, no_fraction | {"SaO2": 90}, scale_2=True)
    assert result.texts() == ["0–5", "0–2"]
    assert result.missing == ("oxygen saturation, air or oxygen", "air or oxygen")


def test_values_are_scored_as_they_are_charted():
    assert points(RespRate=20.4)["respiratory rate"] == 0
    assert points(RespRate=20.5)["respiratory rate"] == 2
    assert points(Temp=38.04)["temperature"] == 0
    assert points(Temp=38.05)["temperature"] == 1
    assert points(SaO2=95.5)["oxygen saturation"] == 0


def test_the_line_and_the_cuff_serve_and_the_newer_one_counts():
    both = recordings_of(NORMAL | {"SysABP": 85}, hours={"SysABP": 9.0})
    assert bedside(both)["NEWS2"].lowest[0] == 0
    both = recordings_of(NORMAL | {"SysABP": 85}, hours={"SysABP": 10.0})
    assert bedside(both)["NEWS2"].lowest[0] == 3


def test_a_value_counts_for_as_long_as_is_documented_and_its_age_is_told():
    recordings = recordings_of(NORMAL, hours={"GCS": 2.0})
    for at, known in ((2.0 + BEDSIDE_HOURS, True), (2.1 + BEDSIDE_HOURS, False)):
        result = bedside(recordings, at=at)["NEWS2"]
        assert ("consciousness" not in result.missing[0]) == known
        assert result.oldest[0] == pytest.approx(BEDSIDE_HOURS if known else at - 10, abs=1e-4)


def test_at_an_hour_nothing_later_is_used():
    recordings = recordings_of(NORMAL | {"RespRate": 30}, hours={"RespRate": 20.0})
    before = bedside(recordings, at=12)["NEWS2"]
    assert before.missing[0] == "respiratory rate"
    assert bedside(recordings)["NEWS2"].lowest[0] == 3


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "RespRate": st.floats(1, 60), "SaO2": st.floats(50, 100), "FiO2": st.floats(0.21, 1), "HR": st.floats(20, 200),
        "NISysABP": st.floats(50, 260), "GCS": st.integers(3, 15), "Temp": st.floats(32, 42),
    },
)  # fmt: skip


@given(st.lists(VALUES, min_size=1, max_size=6), st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_rows_and_other_patients_never_change_a_score(stays, random, scale_2):
    together = recordings_of(*stays)
    order = np.arange(len(together.stay))
    random.shuffle(order)
    order = order[np.argsort(together.stay[order], kind="stable")]
    shuffled = dataclasses.replace(
        together, **{k: getattr(together, k)[order] for k in ("stay", "hours", "feature", "value")}
    )
    result, again = (bedside(r, scale_2=scale_2)["NEWS2"] for r in (together, shuffled))
    np.testing.assert_array_equal(result.points.fewest, again.points.fewest)
    np.testing.assert_array_equal(result.points.most, again.points.most)
    alone = [news2(values, scale_2=scale_2).text(0) for values in stays]
    assert [result.text(i) for i in range(len(stays))] == alone


@given(VALUES, st.sampled_from(sorted(NORMAL)), st.booleans())
def test_a_further_value_only_narrows_what_was_possible(values, name, scale_2):
    fewer = news2({k: v for k, v in values.items() if k != name}, scale_2=scale_2)
    more = news2({**values, name: values.get(name, NORMAL[name])}, scale_2=scale_2)
    assert fewer.lowest[0] <= more.lowest[0] <= more.highest[0] <= fewer.highest[0]
    at_least, at_most = risk(fewer)
    assert at_least[0] <= risk(more)[0][0] <= risk(more)[1][0] <= at_most[0]


@given(st.floats(12, 59), st.floats(0, 30))
def test_breathing_faster_than_normal_never_scores_less(rate, more):
    assert points(RespRate=rate)["respiratory rate"] <= points(RespRate=min(rate + more, 60))["respiratory rate"]


def ward(temperature: str, unit: str = "", step: Step | None = None):
    return own_task(
        title="Ward",
        question="Which?",
        features=(Feature(temperature, temperature, unit, -1e3, 1e3), Feature("心率", "心率", "", 0, 500)),
        statics=(),
        outcomes=(Outcome("a", "a"), Outcome("b", "b")),
        event="b",
        window=48,
        step=step or Step(),
    )


@pytest.mark.parametrize(
    ("task", "temperature", "points_given"),
    [
        (ward("temp (°F)"), 101.3, 1),
        (ward("body temperature", "°C"), 38.5, 1),
        (ward("体温"), 38.5, 1),
        (ward("体温"), 101.3, None),  # Fahrenheit that nobody declared: left out, not read as 101 °C
        (ward("temp", "K"), 311.0, None),
    ],
    ids=["unit in its name", "unit declared", "usual values", "unusual values", "unknown unit"],
)
def test_tasks_of_users_take_part_where_the_unit_is_certain(task, temperature, points_given):
    result = bedside(recordings_of({task.features[0].name: temperature, "心率": 120}, task=task))["NEWS2"]
    at = [p.label for p in NEWS2.parts].index("temperature")
    assert bool(result.known[0, at]) == (points_given is not None)
    if points_given is not None:
        assert result.points.fewest[0, at] == points_given
    assert result.points.fewest[0, [p.label for p in NEWS2.parts].index("pulse")] == 2


def test_without_a_clock_or_vital_signs_there_are_no_scores_and_that_is_said():
    rows = ward("体温", step=Step("row", None))
    assert bedside(recordings_of({"体温": 38.5}, task=rows)) == {}
    assert "clock" in why_none(rows)
    assert why_none(ICU_MORTALITY) == ""
    other = dataclasses.replace(rows, step=Step(), features=(Feature("smile", "smile", "", 0, 1),))
    assert "vital signs" in why_none(other)


def consciousness(*coma: float) -> int:
    """Points of the part where these Glasgow Coma Scales were charted at one time."""
    whole = recordings_of(NORMAL)
    gcs = whole.task.feature_index["GCS"]
    kept = whole.feature != gcs
    recordings = dataclasses.replace(
        whole,
        stay=np.zeros(kept.sum() + len(coma), dtype=np.int32),
        hours=np.full(kept.sum() + len(coma), 10, dtype=np.float32),
        feature=np.append(whole.feature[kept], np.full(len(coma), gcs, dtype=np.int16)),
        value=np.append(whole.value[kept], np.array(coma, dtype=np.float32)),
    )
    return int(bedside(recordings)["NEWS2"].points.fewest[0, ORDER.index("consciousness")])


@pytest.mark.parametrize(("coma", "expected"), [((14, 15), 3), ((15, 15), 0), ((15, 15, 15, 14), 3), ((14.9,), 3)])
def test_a_mean_coma_scale_below_15_is_never_rounded_to_alert(coma, expected):
    assert consciousness(*coma) == expected


@pytest.mark.parametrize(
    ("fraction", "ventilated", "expected"),
    [
        ((0.21, 10), (1, 3), 0),  # weaned since
        ((0.21, 3), (1, 10), 2),  # intubated since
        ((0.21, 10), (1, 10), 2),
        ((0.4, 10), (0, 3), 2),
        ((0.4, 3), (0, 10), 2),  # nobody said that the oxygen was stopped
        ((0.21, 3), (0, 10), 0),
    ],
)
def test_the_newer_of_oxygen_and_ventilation_decides(fraction, ventilated, expected):
    values = NORMAL | {"FiO2": fraction[0], "MechVent": ventilated[0]}
    recordings = recordings_of(values, hours={"FiO2": fraction[1], "MechVent": ventilated[1]})
    result = bedside(recordings)["NEWS2"]
    assert result.points.fewest[0, ORDER.index("air or oxygen")] == expected
    assert result.complete[0]
