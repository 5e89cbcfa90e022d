"""The simulated patients: invented, repeatable, and such as a ward could have seen."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from medgru.data import demo
from medgru.data.demo import simulated_patients
from medgru.errors import TaskError
from medgru.tasks import ICU_MORTALITY


@pytest.fixture(scope="module")
def patients():
    return simulated_patients(ICU_MORTALITY)


@pytest.fixture(scope="module")
def table(patients):
    return patients.table()


def series(table: pd.DataFrame, record_id: str, variable: str) -> pd.Series:
    rows = table[(table.record_id == record_id) & (table.variable == variable)]
    return rows.set_index("hours").value


def test_the_same_patients_come_every_time(patients):
    again = simulated_patients(ICU_MORTALITY)

    assert again.record_ids == patients.record_ids
    for name in ("stay", "hours", "feature", "value", "statics"):
        np.testing.assert_array_equal(getattr(again, name), getattr(patients, name))


def test_a_new_course_changes_none_of_the_others(patients, monkeypatch):
    monkeypatch.setattr(demo, "COURSES", demo.COURSES[2:])

    fewer = simulated_patients(ICU_MORTALITY)

    np.testing.assert_array_equal(fewer.value, patients.select(fewer.record_ids).value)


def test_everything_says_that_it_is_simulated(patients):
    assert patients.simulated
    assert all(title.endswith("(simulated)") for title in patients.titles)
    assert all(record_id.startswith("SIM-") for record_id in patients.record_ids)


def test_values_stay_inside_the_plausible_ranges(patients):
    for i, f in enumerate(ICU_MORTALITY.features):
        values = patients.value[patients.feature == i]
        assert np.all((values >= np.float32(f.low)) & (values <= np.float32(f.high))), f.name
    for f, column in zip(ICU_MORTALITY.statics, patients.statics.T, strict=True):
        assert np.all((column >= f.low) & (column <= f.high)), f.name


def test_measurements_are_in_order_and_inside_the_window(patients):
    assert np.all(np.diff(patients.stay) >= 0)
    assert patients.hours.min() >= 0
    assert patients.hours.max() <= ICU_MORTALITY.window_hours
    for i in range(len(patients)):
        assert np.all(np.diff(patients.hours[patients.stay == i]) >= 0)


def test_exactly_one_patient_is_too_thin_for_an_answer(patients):
    thin = [
        record_id
        for i, record_id in enumerate(patients.record_ids)
        if (patients.stay == i).sum() < ICU_MORTALITY.min_measurements
        or patients.hours[patients.stay == i].max() < ICU_MORTALITY.min_hours
    ]
    assert [patients.title(r) for r in thin] == ["Barely recorded (simulated)"]


def test_mean_pressure_lies_between_diastolic_and_systolic(table):
    wide = table.assign(minute=(table.hours * 60).round()).pivot_table(
        index=["record_id", "minute"], columns="variable", values="value"
    )
    for sys, mean, dia in (("SysABP", "MAP", "DiasABP"), ("NISysABP", "NIMAP", "NIDiasABP")):
        full = wide[[sys, mean, dia]].dropna()
        assert len(full) > 20
        assert ((full[dia] <= full[mean]) & (full[mean] <= full[sys])).all()


def test_shock_that_worsens_raises_lactate_and_lowers_ph_bicarbonate_and_urine(table):
    lactate, ph = series(table, "SIM-1", "Lactate"), series(table, "SIM-1", "pH")
    assert lactate.iloc[-1] > 2 * lactate.iloc[0]
    assert ph.iloc[-1] < 7.25 < ph.iloc[0]
    assert series(table, "SIM-1", "HCO3").iloc[-1] < series(table, "SIM-1", "HCO3").iloc[0]
    assert series(table, "SIM-1", "Urine").loc[36:].mean() < 20
    assert series(table, "SIM-3", "Lactate").iloc[-1] < 2 < series(table, "SIM-3", "Lactate").iloc[0]


def test_creatinine_rises_as_urine_falls(table):
    urine, creatinine = series(table, "SIM-5", "Urine"), series(table, "SIM-5", "Creatinine")
    assert urine.loc[24:].mean() < 0.5 * urine.loc[:12].mean()
    assert creatinine.is_monotonic_increasing
    assert creatinine.iloc[-1] > 3 * creatinine.iloc[0]


def test_nothing_is_charted_while_the_patient_is_away(table):
    for course in demo.COURSES:
        if course.away:
            hours = table[table.record_id == course.record_id].hours
            assert not hours.between(*course.away, inclusive="neither").any()


def test_cuff_and_arterial_line_take_turns(table):
    cuff, line = series(table, "SIM-4", "NISysABP"), series(table, "SIM-4", "SysABP")
    assert cuff.index.max() < 9 <= line.index.min()


def test_another_task_is_refused_in_words():
    other = replace(ICU_MORTALITY, title="Something else", features=ICU_MORTALITY.features[:3])
    with pytest.raises(TaskError, match="no simulated patients for Something else"):
        simulated_patients(other)
