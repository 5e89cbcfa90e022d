"""How the values of a column lie against what is expected of a variable, before and after conversion."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from medgru.data.mapping import Match
from medgru.data.units import convert, find_unit, own_unit, plausible
from medgru.plots import style
from medgru.tasks import Feature

BINS = 12
"""Bars across the expected range; one more on each side is for what lies outside it."""
_FIGURE_BINS = 40


def expected_range(feature: Feature) -> tuple[float, float]:
    """Where most values of a variable lie: around its reference band, within what is plausible."""
    low, high = feature.normal_low, feature.normal_high
    if low is None or high is None or low >= high:
        return feature.low, feature.high
    width = high - low
    reach = 4 if feature.transform == "log" else 2
    return max(feature.low, low - 2 * width), min(feature.high, high + reach * width)


def bins(match: Match, feature: Feature) -> list[int]:
    """Values below, across and above the expected range, `BINS` + 2 numbers; empty where there are no values."""
    values = after(match, feature)
    if not len(values):
        return []
    low, high = expected_range(feature)
    inside, _ = np.histogram(values, BINS, (low, high))
    return [int((values < low).sum()), *map(int, inside), int((values > high).sum())]


def after(match: Match, feature: Feature) -> NDArray[np.float64]:
    """The sample of a match in the variable's own unit."""
    return convert(np.array(match.sample, dtype=np.float64), find_unit(feature, match.unit) or own_unit(feature))


def share_unconverted(match: Match, feature: Feature) -> float | None:
    """Share of the values that would be plausible as they stand in the file; None where there are none."""
    return float(plausible(np.array(match.sample), feature).mean()) if match.sample else None


def value_histogram(match: Match, feature: Feature, height: int = 170) -> go.Figure:
    """Values as they are used; behind them the usual band, and those in the file where they are converted."""
    before, used = np.array(match.sample, dtype=np.float64), after(match, feature)
    converted = not np.array_equal(before, used)
    shown = used[np.isfinite(used)]
    low, high = expected_range(feature)
    if len(shown):
        low, high = min(low, float(np.quantile(shown, 0.01))), max(high, float(np.quantile(shown, 0.99)))
    near = before[(before >= low - 3 * (high - low)) & (before <= high + 3 * (high - low))] if converted else before[:0]
    if len(near):
        low, high = min(low, float(near.min())), max(high, float(near.max()))
    size = (high - low) / _FIGURE_BINS or 1.0
    figure = go.Figure()
    for values, name, colour in ((near, "as in the file", style.RULE), (shown, "as used", style.CLASS_COLOURS[0])):
        if len(values):
            counts, edges = np.histogram(values, _FIGURE_BINS, (low, high))
            figure.add_bar(
                x=edges[:-1] + size / 2,
                y=counts,
                width=size,
                name=name,
                marker={"color": colour, "line": {"width": 0}},
                hovertemplate="%{x:.4g}: %{y} values<extra>" + name + "</extra>",
            )
    if feature.normal_low is not None and feature.normal_high is not None:
        figure.add_vrect(
            x0=feature.normal_low, x1=feature.normal_high, fillcolor=style.FAINT, line_width=0, layer="below"
        )
    for edge in (feature.low, feature.high):
        if low <= edge <= high:
            figure.add_vline(x=edge, line={"color": style.EVENT_COLOUR, "dash": "dot", "width": 1})
    return figure.update_layout(
        height=height,
        margin={"l": 0, "r": 0, "t": 4, "b": 0},
        barmode="overlay",
        bargap=0,
        showlegend=converted and bool(len(near)),
        legend={"orientation": "h", "x": 0, "y": 1.2},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        xaxis={"title": {"text": feature.unit}, "range": [low, high], "showgrid": False, "zeroline": False},
        yaxis={"visible": False, "fixedrange": True},
    )


def in_words(match: Match, feature: Feature) -> str:
    """What the histogram shows, for those who hear it."""
    values = after(match, feature)
    if not len(values):
        return f"{match.label}: no values to show"
    low, high = np.quantile(values, [0.05, 0.95])
    usual = ""
    if feature.normal_low is not None and feature.normal_high is not None:
        usual = f"; usual are {feature.normal_low:g} to {feature.normal_high:g}"
    share = style.percent(float(plausible(values, feature).mean())) if len(values) else ""
    return (
        f"{match.label} as {feature.label}: most values from {low:.{feature.decimals}f} to "
        f"{high:.{feature.decimals}f} {feature.unit}{usual}; {share} plausible"
    )
