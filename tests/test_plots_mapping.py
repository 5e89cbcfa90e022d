"""Histograms of a column's values against what is expected."""

import pytest

from medgru.data import Source, inspect
from medgru.plots.mapping import BINS, bins, expected_range, in_words, value_histogram
from medgru.tasks import ICU_MORTALITY as TASK

TEXT = "id,time,Temp (°F),HR,Lactate\n" + "".join(f"p{i},{i},{97 + i % 4},{60 + i},\n" for i in range(40))


@pytest.fixture
def mapping():
    return inspect([Source("a.csv", TEXT.encode())], TASK).mapping


@pytest.mark.parametrize("feature", [f for f in TASK.features if not f.choices], ids=lambda f: f.name)
def test_the_expected_range_holds_the_usual_band_and_is_plausible(feature):
    low, high = expected_range(feature)
    assert feature.low <= low < high <= feature.high
    if feature.normal_low is not None and feature.normal_high is not None:
        assert low <= max(feature.normal_low, feature.low) <= feature.normal_high <= high


def test_every_value_is_in_one_bar_and_what_lies_outside_in_the_first_and_last(mapping):
    temperature, rate = TASK.find("Temp"), TASK.find("HR")
    counts = bins(mapping["Temp (°F)"], temperature)
    assert (len(counts), sum(counts), counts[0], counts[-1]) == (BINS + 2, 40, 0, 0)
    as_celsius = mapping.change("Temp (°F)", unit="°C")["Temp (°F)"]
    assert bins(as_celsius, temperature)[-1] == 40
    assert sum(bins(mapping["HR"], rate)) == 40
    assert bins(mapping["Lactate"], TASK.find("Lactate")) == []


def test_the_histogram_shows_every_value_as_used_and_the_usual_band(mapping):
    figure = value_histogram(mapping["HR"], TASK.find("HR"))
    assert sum(figure.data[-1].y) == pytest.approx(40, abs=1)
    assert (figure.layout.shapes[0].x0, figure.layout.shapes[0].x1) == (60, 100)
    assert figure.layout.xaxis.title.text == "/min"


def test_values_before_conversion_stand_behind_those_after_it_where_they_fit(mapping):
    text = "id,time,Albumin (g/L)\n" + "".join(f"p{i},{i},{30 + i % 9}\n" for i in range(40))
    match = inspect([Source("a.csv", text.encode())], TASK).mapping["Albumin (g/L)"]
    assert [trace.name for trace in value_histogram(match, TASK.find("Albumin")).data][-1] == "as used"


def test_the_words_say_unit_range_and_share(mapping):
    words = in_words(mapping["Temp (°F)"], TASK.find("Temp"))
    assert "°C" in words
    assert "usual are 36 to 38" in words
    assert "plausible" in words
    assert "no values" in in_words(mapping["Lactate"], TASK.find("Lactate"))
