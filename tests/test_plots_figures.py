"""The figures of one patient: one time axis, honest gaps, sums kept, nothing obeyed that a file says."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from medgru.data.demo import simulated_patients
from medgru.explain import contributions
from medgru.plots import alt_text, class_probabilities, icon_array, rank_variables, timeline
from medgru.plots.style import EVENT_COLOUR, class_colour, outcome_colour
from medgru.predict import predict
from medgru.tasks import ICU_MORTALITY


@pytest.fixture(scope="module")
def patients():
    return simulated_patients(ICU_MORTALITY)


@pytest.fixture(scope="module")
def drawn(patients, tiny_bundle):
    """Draws the timeline of a stay: gives the stay, its predictions, contributions and figure."""

    def draw(one, variables=None, with_contributions=True):
        predictions = predict(tiny_bundle, one)
        moved = contributions(tiny_bundle, one) if with_contributions else None
        chosen = rank_variables(one, moved)[:6] if variables is None else variables
        return predictions, moved, timeline(one, predictions, 0, moved, chosen)

    return draw


def traces(figure, **wanted):
    return [t for t in figure.data if all(getattr(t, k, None) == v for k, v in wanted.items())]


def texts(figure) -> str:
    return " ".join(a.text for a in figure.layout.annotations)


def y_axes(figure) -> list:
    return [figure.layout[key] for key in figure.layout if key.startswith("yaxis")]


def test_all_rows_share_one_time_axis_and_one_hover_line(patients, drawn):
    _, _, figure = drawn(patients.select(["SIM-1"]))

    assert {t.xaxis for t in figure.data} <= {None, "x"}
    assert list(figure.layout.xaxis.range) == [0, 48]
    assert figure.layout.hoversubplots == "axis"
    assert figure.layout.xaxis.spikemode == "across"
    assert len(y_axes(figure)) == 1 + 6 + 1 + 1


def test_rows_do_not_overlap(patients, drawn):
    _, _, figure = drawn(patients.select(["SIM-1"]))

    domains = sorted(tuple(axis.domain) for axis in y_axes(figure))
    assert domains[0][0] == pytest.approx(0)
    assert domains[-1][1] == pytest.approx(1)
    assert all(below[1] < above[0] for below, above in pairwise(domains))


def test_a_line_stops_where_nothing_was_charted(patients, drawn):
    one = patients.select(["SIM-1"])  # away from hour 12.5 to 15.5
    _, _, figure = drawn(one, ["HR"])

    line = next(t for t in traces(figure, type="scatter", mode="lines") if np.isnan(t.y).any())
    broken = np.asarray(line.x)[np.isnan(line.y)]
    assert ((broken > 12.5) & (broken < 15.5)).sum() == 1
    dots = traces(figure, mode="markers", name="Heart rate")[0]
    assert len(dots.x) == (one.feature == one.task.feature_index["HR"]).sum()


def test_contributions_not_shown_are_summed_in_the_last_row(patients, drawn):
    _, moved, figure = drawn(patients.select(["SIM-3"]), ["GCS", "HR"])

    grid = np.asarray(traces(figure, name="contributions")[0].z)
    assert grid.shape == (3, len(moved.values))
    np.testing.assert_allclose(np.nansum(grid, axis=0), 100 * np.nansum(moved.values, axis=1), atol=1e-4)
    assert np.isnan(grid[0]).sum() == np.isnan(moved.values[:, ICU_MORTALITY.feature_index["GCS"]]).sum()


def test_the_contribution_scale_is_symmetric_and_the_attention_scale_starts_at_zero(patients, drawn):
    _, _, figure = drawn(patients.select(["SIM-3"]))

    moved = traces(figure, name="contributions")[0]
    assert moved.zmin == -moved.zmax < 0
    attention = traces(figure, name="attention")[0]
    assert attention.zmin == 0
    np.testing.assert_allclose(np.asarray(attention.z).sum(), 100, rtol=1e-4)
    assert "not why" in texts(figure)


def test_without_contributions_that_part_is_left_out(patients, drawn):
    _, _, figure = drawn(patients.select(["SIM-3"]), with_contributions=False)

    assert not traces(figure, name="contributions")
    assert traces(figure, name="attention")
    assert "Contributions" not in texts(figure)


def test_an_abstaining_model_shows_measurements_and_no_number(patients, drawn):
    predictions, _, figure = drawn(patients.select(["SIM-8"]))

    assert predictions.reasons[0]
    assert {t.name for t in figure.data} & {"risk", "attention", "contributions"} == set()
    assert "abstains" in figure.layout.title.text
    assert "at least 6 h" in alt_text(figure)
    assert traces(figure, mode="markers")


def test_a_stay_without_measurements_says_so(patients, drawn):
    one = patients.select(["SIM-8"])
    nothing = replace(one, stay=one.stay[:0], hours=one.hours[:0], feature=one.feature[:0], value=one.value[:0])

    _, _, figure = drawn(nothing)

    assert "Nothing was measured" in texts(figure)
    assert "No usable measurement" in alt_text(figure)


def test_a_stay_of_one_hour_can_be_drawn(random_recordings, drawn, tiny_bundle):
    one = random_recordings(stays=1, rows=40, hours=1.0)
    predictions, moved, _ = drawn(one)
    answered = replace(predictions, reasons=("",))

    figure = timeline(one, answered, 0, moved, rank_variables(one, moved))

    assert list(figure.layout.xaxis.range) == [0, 1]
    assert np.asarray(traces(figure, name="attention")[0].z).shape == (1, 1)


def test_the_latest_value_and_its_age_stand_at_the_right(patients, drawn):
    one = patients.select(["SIM-4"])  # the cuff is used until the arterial line is in, at hour 9
    _, _, figure = drawn(one, ["NISysABP"])

    label = next(a.text for a in figure.layout.annotations if a.x == 1 and "old" in a.text)
    last = one.value[one.feature == one.task.feature_index["NISysABP"]][-1]
    assert f"<b>{last:.0f}</b>" in label
    assert "39 h old" in label


def test_amounts_are_bars_and_switches_have_words(patients, drawn):
    _, _, figure = drawn(patients.select(["SIM-4"]), ["Urine", "MechVent"])

    assert len(traces(figure, type="bar", name="Urine output")) == 1
    assert ("off", "on") in [axis.ticktext for axis in y_axes(figure)]


def test_numbers_travel_as_typed_float32(patients, drawn):
    _, _, figure = drawn(patients.select(["SIM-1"]))

    for trace in json.loads(figure.to_json())["data"]:
        if trace["type"] == "heatmap":
            assert trace["z"]["dtype"] == "f4"
    assert len(figure.to_json()) < 200_000


def test_markup_in_a_title_is_neutralised(patients, drawn):
    one = replace(patients.select(["SIM-1"]), titles=("<a href='javascript:alert(1)'>x</a>",))
    _, _, figure = drawn(one)

    assert "<a" not in figure.to_json()
    assert "&lt;a href" in figure.layout.title.subtitle.text


def test_the_small_figures_say_whose_they_are(patients, drawn):
    predictions, _, _ = drawn(patients.select(["SIM-1"]))
    for draw in (lambda t: class_probabilities(predictions, 0, t), lambda t: icon_array(0.3, title=t)):
        bare, titled = draw(""), draw("<b>Bed 7</b> (simulated)")
        assert "&lt;b&gt;Bed 7&lt;/b&gt; (simulated)" in texts(titled)
        room = titled.layout.margin.t - bare.layout.margin.t
        assert room == titled.layout.height - bare.layout.height > 0
        for title in patients.titles:
            assert texts(draw(title)).count("(simulated)") == 1, "a long title is not cut"


def test_grounds_are_transparent_and_fonts_left_to_the_theme(patients, drawn):
    predictions, _, figure = drawn(patients.select(["SIM-1"]))

    for each in (figure, class_probabilities(predictions, 0), icon_array(0.3)):
        assert (
            each.layout.paper_bgcolor.replace(" ", "") == each.layout.plot_bgcolor.replace(" ", "") == "rgba(0,0,0,0)"
        )
        assert each.layout.font.color is None
        assert not [a for a in each.layout.annotations if a.font.color]


def test_every_figure_says_its_numbers_in_a_sentence(patients, drawn):
    predictions, _, figure = drawn(patients.select(["SIM-1"]))
    predictions = replace(predictions, y_prob=np.array([[0.73, 0.27]], np.float32))

    bars = class_probabilities(predictions, 0)

    assert alt_text(bars) == (
        "Probability of each outcome: Survived to discharge 73 % (usual 50 %); Died in hospital 27 % (usual 50 %)."
    )
    assert alt_text(icon_array(0.27, "Died in hospital")) == "27 of 100 dots are filled: died in hospital."
    assert "48 hours" in alt_text(figure)
    assert "most attention at hour" in alt_text(figure)


def test_bars_are_as_long_as_the_probabilities(patients, drawn):
    predictions, _, _ = drawn(patients.select(["SIM-1"]))

    bars = class_probabilities(predictions, 0).data[1]

    np.testing.assert_allclose(bars.x, predictions.y_prob[0], rtol=1e-6)


@pytest.mark.parametrize("probability", [0.0, 0.27, 1.0])
def test_an_icon_array_has_one_hundred_icons(probability):
    dots = icon_array(probability).data[0]

    filled = sum(colour.startswith("#") for colour in dots.marker.color)
    assert len(dots.x) == 100
    assert filled == {0.0: 1, 0.27: 27, 1.0: 99}[probability]


def test_the_followed_class_has_the_colour_of_the_event_wherever_it_stands(own_ward, task):
    assert own_ward.event_index == 2
    for one in (own_ward, task, replace(own_ward, event="gut")):
        colours = [outcome_colour(one, i) for i in range(len(one.outcomes))]
        assert colours[one.event_index] == EVENT_COLOUR
        assert len(set(colours)) == len(colours)
    assert [outcome_colour(task, i) for i in range(2)] == [class_colour(0), class_colour(1)]
