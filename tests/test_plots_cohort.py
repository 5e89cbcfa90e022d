"""The distribution of the risk: everybody is in it once, and the threshold stands where it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgru.plots import alt_text
from medgru.plots.cohort import risk_distribution


@settings(deadline=None)  # the first call brings Plotly
@given(st.lists(st.floats(0, 1, width=32), max_size=60), st.floats(0, 1))
def test_everybody_is_drawn_exactly_once(prob, threshold):
    p = np.array(prob, dtype=np.float32)
    figure = risk_distribution(p, threshold)
    assert sum(int(np.sum(bar.y)) for bar in figure.data) == len(p)
    alerts = int((p >= threshold).sum())
    assert f" {alerts:,} {'is' if alerts == 1 else 'are'} at or above" in alt_text(figure)


def test_those_with_the_outcome_are_drawn_on_top_of_the_others():
    p = np.array([0.1, 0.1, 0.9], dtype=np.float32)
    figure = risk_distribution(p, 0.5, np.array([True, False, True]), "Died <b>in</b> hospital")
    assert [int(np.sum(bar.y)) for bar in figure.data] == [1, 2]
    assert "<b>" not in figure.data[1].name
    assert "2 are known to have had it" in alt_text(figure)


@pytest.mark.parametrize("threshold", [0.0, 0.115, 0.5, 0.93, 1.0])
def test_the_line_stands_at_the_threshold_and_says_it(threshold):
    figure = risk_distribution(np.array([0.5], dtype=np.float32), threshold)
    assert figure.layout.shapes[0].x0 == figure.layout.shapes[0].x1 == threshold
    assert f"{100 * threshold:.3g} %" in figure.layout.annotations[0].text


@pytest.mark.parametrize(
    ("prob", "threshold", "end"), [(0.04, 0.05, 0.1), (0.12, 0.05, 0.2), (0.1, 0.5, 0.5), (1, 0, 1)]
)
def test_the_axis_ends_where_everybody_and_the_threshold_are_in_it(prob, threshold, end):
    figure = risk_distribution(np.array([prob], dtype=np.float32), threshold)
    assert figure.layout.xaxis.range == (0, end)
    assert int(np.sum(figure.data[0].y)) == 1
