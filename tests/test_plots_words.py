"""Numbers, findings and sentences, and the tables that say the same."""

from dataclasses import replace

import numpy as np
import pytest

from medgru.explain import Contributions
from medgru.plots import finding, in_words, percent, points
from medgru.plots.series import hourly_values
from medgru.plots.style import of_hundred, plain, quantity
from medgru.plots.tables import contribution_table, hourly_table, measurement_table, with_origin
from medgru.plots.words import of_hundred_in_words
from medgru.predict import Predictions
from medgru.tasks import ICU_MORTALITY


@pytest.fixture
def predictions_of():
    """Predictions for one stay from the course of its risk."""

    def make(risk, reason: str = "") -> Predictions:
        p = np.array(risk, dtype=np.float32)
        hourly = np.stack([1 - p, p], axis=1)[None]
        return Predictions(
            task=ICU_MORTALITY,
            bundle_id="test",
            record_ids=("a",),
            lengths=np.array([len(p)]),
            y_prob=hourly[:, -1],
            hourly_prob=hourly,
            member_prob=np.stack([p * 0.9, p, np.minimum(p * 1.1, 1)])[:, None],
            attention=np.full((1, len(p)), 1 / len(p), dtype=np.float32),
            base_rate=np.array([0.86, 0.14], dtype=np.float32),
            reasons=(reason,),
            course=p[None, -1:],
        )

    return make


@pytest.fixture
def moved_by():
    """Contributions to one stay: what the given cells and descriptors moved, zero for the rest."""

    def make(one, cells=None, statics=None) -> Contributions:
        hours = int(np.ceil(one.hours.max(initial=1)))
        values = np.where(np.isfinite(hourly_values(one, hours)), 0, np.nan).astype(np.float32)
        for name, change in (cells or {}).items():
            column = one.task.feature_index[name]
            measured = np.flatnonzero(np.isfinite(values[:, column]))
            values[measured[-1], column] = change
        by_static = np.where(np.isfinite(one.statics[0]), 0, np.nan).astype(np.float32)
        for name, change in (statics or {}).items():
            by_static[one.task.static_index[name]] = change
        return Contributions("a", values, by_static, 0.1, 0.2, 0.0, 12, 0.01)

    return make


@pytest.mark.parametrize(
    ("probability", "text"),
    [(0.2731, "27 %"), (0.0271, "2.7 %"), (0.0999, "10 %"), (0.001, "<1 %"), (0.0, "<1 %"), (0.01, "1.0 %"),
     (0.99, "99 %"), (0.9934, ">99 %"), (1.0, ">99 %"), (float("nan"), "unknown")],
)  # fmt: skip
def test_probabilities_have_two_significant_digits_at_most(probability, text):
    assert percent(probability) == text


@pytest.mark.parametrize(
    ("change", "text"),
    [(0.09, "+9 points"), (-0.09, "−9 points"), (0.0104, "+1 point"), (-0.004, "−0.4 points"), (0.0001, "0 points")],
)
def test_changes_are_signed_percentage_points(change, text):
    assert points(change) == text


@pytest.mark.parametrize(("probability", "n"), [(0.0, 1), (0.004, 1), (0.27, 27), (0.999, 99), (1.0, 99)])
def test_of_a_hundred_is_never_none_or_all(probability, n):
    assert of_hundred(probability) == n


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [("Lactate", 4.08, "4.1 mmol/L"), ("GCS", 6.0, "6"), ("pH", 7.2, "7.20"), ("MechVent", 1.0, "on"),
     ("Gender", 0.0, "female"), ("MechVent", float("nan"), "none"), ("FiO2", 0.5, "0.50")],
)  # fmt: skip
def test_values_are_written_with_their_digits_and_unit(name, value, text):
    assert quantity(value, ICU_MORTALITY.find(name)) == text


def test_markup_in_text_is_shown_and_not_obeyed():
    assert plain("<b>x</b> & y") == "&lt;b&gt;x&lt;/b&gt; &amp; y"
    assert len(plain("x" * 500)) == 70


@pytest.mark.parametrize(
    ("risk", "text"),
    [
        ([0.3] * 5 + [0.12] * 16 + [0.2, 0.31] + [0.31] * 25,
         "Risk rose from 12 % to 31 % between hour 21 and 23"),
        ([0.6] * 20 + [0.3] * 20, "Risk fell from 60 % to 30 % between hour 20 and 21"),
        ([0.1] * 10 + [0.6] * 10 + [0.4] * 10, "Risk rose from 10 % to 60 % between hour 10 and 11, then fell to 40 %"),
        ([0.20, 0.21] * 12, "Risk steady, between 20 % and 21 %"),
        ([0.002] * 24, "Risk steady at <1 %"),
        ([0.5], "Risk steady at 50 %"),
        ([0.9, 0.1, 0.9, 0.1, 0.9, 0.3, 0.3], "Risk steady at 30 %"),
    ],
    ids=["rise", "fall", "rise and fall", "steady", "low", "one hour", "before the model answers"],
)  # fmt: skip
def test_the_finding_says_how_the_risk_moved(predictions_of, risk, text):
    assert finding(predictions_of(risk), 0) == text


@pytest.mark.parametrize("seed", range(20))
def test_the_finding_names_probabilities_of_the_hours_it_names(predictions_of, seed):
    rng = np.random.default_rng(seed)
    risk = 1 / (1 + np.exp(-np.cumsum(rng.normal(0, 0.3, 48))))

    text = finding(predictions_of(risk), 0)

    if "between hour" in text:
        words = text.replace(",", "").split()
        a, b = (int(w) for w in (words[words.index("hour") + 1], words[words.index("hour") + 3]))
        assert f"from {percent(risk[a - 1])} to {percent(risk[b - 1])}" in text
        assert a < b
        assert ("rose from" in text) == (risk[b - 1] > risk[a - 1])


def test_an_abstaining_model_has_no_finding(predictions_of):
    assert finding(predictions_of([0.1, 0.9] * 10, reason="Only 4 h recorded."), 0) == "The model abstains"


def test_sentences_tell_the_strongest_first_with_their_sum(random_recordings, moved_by):
    one = random_recordings(stays=1, rows=400)
    one = replace(one, statics=np.array([[63, 1, 170, 3]], np.float32))
    steady = one.feature != one.task.feature_index["Lactate"]
    lactate = np.linspace(1, 4.1, (~steady).sum())
    value = one.value.copy()
    value[np.flatnonzero(~steady)[np.argsort(one.hours[~steady])]] = lactate
    one = replace(one, value=value)

    sentences = in_words(one, moved_by(one, {"Lactate": 0.09, "HR": -0.03}, {"Age": 0.05}), k=2)

    hour = int(np.ceil(one.hours[~steady].max()))
    assert sentences == [
        f"Lactate rising from 1.0 to 4.1 mmol/L (most at hour {hour}): +9 points",
        "Age 63 years: +5 points",
    ]


def test_nothing_moved_is_nothing_said(random_recordings, moved_by):
    one = random_recordings(stays=1)
    assert in_words(one, moved_by(one)) == []
    assert in_words(one, None) == []


def test_no_sentence_speaks_of_causes(tiny_bundle, random_recordings):
    from medgru.explain import contributions

    one = random_recordings(stays=1, rows=300)
    text = " ".join(in_words(one, contributions(tiny_bundle, one), k=50)).lower()
    assert not any(word in text for word in ("cause", "because", "due to", "leads to"))


def test_the_hourly_table_has_a_row_an_hour_that_sums_to_hundred(predictions_of):
    table = hourly_table(predictions_of([0.1, 0.2, 0.7]), 0)

    assert table["Hour"].tolist() == [1, 2, 3]
    assert np.allclose(table[["Survived to discharge (%)", "Died in hospital (%)"]].sum(axis=1), 100)
    assert (table["Lowest member (%)"] <= table["Highest member (%)"]).all()
    assert table["Attention (%)"].sum() == pytest.approx(100, abs=0.05)


def test_the_contribution_table_adds_up_to_the_change(tiny_bundle, random_recordings):
    from medgru.explain import contributions

    one = random_recordings(stays=1, rows=300)
    moved = contributions(tiny_bundle, one)

    table = contribution_table(one, moved)

    points_in_all = table["Contribution (points)"]
    assert points_in_all.sum() == pytest.approx(
        100 * (moved.end - moved.start), abs=100 * moved.completeness_error + 0.2
    )
    assert points_in_all.abs().is_monotonic_decreasing
    assert len(table) == np.isfinite(moved.values).sum() + np.isfinite(moved.statics).sum()
    assert table[table.Hour.isna()].Variable.isin([f.label for f in one.task.statics]).all()


def test_a_stay_without_measurements_has_an_empty_contribution_table(random_recordings, moved_by):
    one = random_recordings(stays=1, rows=0)
    one = replace(one, statics=np.full_like(one.statics, np.nan))
    assert contribution_table(one, moved_by(one)).empty


def test_codes_are_tabled_in_words_and_without_a_unit(random_recordings, moved_by):
    one = random_recordings(stays=1, rows=400)
    one.statics[0] = [63, 1, np.nan, 3]
    vent = one.feature == one.task.feature_index["MechVent"]
    one.value[vent] = 1

    measured = measurement_table(one)
    moved = contribution_table(one, replace(moved_by(one), statics=np.array([0.1, 0.1, np.nan, 0.1], np.float32)))

    for table in (measured, moved):
        admission = table[table.Hour.isna()].set_index("Variable")
        assert admission.loc["Sex", ["Value", "Unit"]].tolist() == ["male", ""]
        assert "medical ICU" in set(admission.Value)
    assert set(measured[measured.Variable == "Mechanical ventilation"].Value) <= {"on"}


def test_the_measurement_table_holds_every_measurement_in_order_of_time(random_recordings):
    one = random_recordings(stays=1, rows=200)
    table = measurement_table(one)
    known = int(np.isfinite(one.statics).sum())

    assert len(table) == known + len(one.value)
    hours = table.Hour[known:]
    assert hours.is_monotonic_increasing
    assert np.allclose(hours, hours.round(2))


def test_a_table_that_is_taken_away_says_first_whose_it_is(random_recordings):
    one = replace(random_recordings(stays=1, rows=9), simulated=True)
    signed = with_origin(measurement_table(one), one)

    assert list(signed.columns[:2]) == ["record_id", "simulated"]
    assert set(signed.record_id) == set(one.record_ids)
    assert signed.simulated.all()


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (0.004, ("fewer than 1", "more than 99")),
        (0.01, ("about 1", "99")),
        (0.27, ("about 27", "73")),
        (0.996, ("more than 99", "fewer than 1")),
    ],
)
def test_the_ends_of_a_hundred_are_left_open(probability, words):
    assert of_hundred_in_words(probability) == words
