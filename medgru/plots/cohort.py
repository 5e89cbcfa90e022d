"""How the risk is distributed over a cohort, and where the threshold stands in it."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from medgru.data.words import agreeing, counted
from medgru.plots.style import EVENT_COLOUR, NEUTRAL, finish, percent, plain

BINS = 50
ENDS = (0.1, 0.2, 0.5, 1.0)
"""Where the axis may end: at the first of these that holds everybody and the threshold."""

HEIGHT = 150


def risk_distribution(
    prob: NDArray[np.float32], threshold: float, event: NDArray[np.bool_] | None = None, label: str = ""
) -> go.Figure:
    """How many patients have which probability, the threshold as a line.

    Args:
        prob: Probability of each patient that was judged, (B,).
        threshold: Probability from which there is an alert.
        event: Who is known to have had the event, (B,), drawn on top of the others; None where nobody knows.
        label: What the event is called.
    """
    highest = max(float(prob.max(initial=0.0)), threshold)
    upper = next(end for end in ENDS if highest <= end or end == ENDS[-1])
    width = upper / BINS
    at = np.clip((prob / width).astype(int), 0, BINS - 1)
    centre = (np.arange(BINS) + 0.5) * width
    had = np.zeros(len(prob), np.bool_) if event is None else event
    alert = centre >= threshold
    ranges = [f"{100 * k * width:.3g} to {100 * (k + 1) * width:.3g} %" for k in range(BINS)]
    shown = [("others" if event is not None else "patients", ~had, NEUTRAL)]
    if event is not None:
        shown.append((plain(label, 40), had, EVENT_COLOUR))
    bars = [
        go.Bar(
            x=centre.astype(np.float32),
            y=np.bincount(at[of], minlength=BINS).astype(np.int32),
            width=width * 0.86,
            name=name,
            marker={"color": colour, "opacity": np.where(alert, 1.0, 0.55).tolist(), "line": {"width": 0}},
            customdata=ranges,
            hovertemplate=f"%{{customdata}}: %{{y}} {name}<extra></extra>",
        )
        for name, of, colour in shown
    ]
    alerts, edge, on_left = int((prob >= threshold).sum()), min(threshold, 1.0), threshold > upper / 2
    line = {"width": 2, "color": EVENT_COLOUR, "dash": "dash"}
    said = {
        "x": edge, "y": 1, "yref": "paper", "text": f"alert from {100 * threshold:.3g} %", "showarrow": False,
        "xanchor": "right" if on_left else "left", "yanchor": "top", "xshift": -5 if on_left else 5,
        "font": {"size": 12},
    }  # fmt: skip
    axis = {"fixedrange": True, "zeroline": False}
    layout = {
        "barmode": "stack",
        "bargap": 0,
        "margin": {"l": 4, "r": 4, "t": 4, "b": 4},
        "hovermode": "x",
        "shapes": [{"type": "line", "x0": edge, "x1": edge, "y0": 0, "y1": 1, "yref": "paper", "line": line}],
        "annotations": [said],
        "xaxis": axis | {"range": [0, upper], "tickformat": ".0%", "showgrid": False, "nticks": 6},
        "yaxis": axis | {"title": {"text": "patients"}, "nticks": 4, "rangemode": "tozero"},
    }
    figure = go.Figure(bars, layout)  # at once: changed bit by bit it takes five times as long
    middle = percent(float(np.median(prob))) if len(prob) else "unknown"
    known = (
        f" {int(had.sum()):,} {agreeing(int(had.sum()), 'is', 'are')} known to have had it."
        if event is not None
        else ""
    )
    from_where = f"{100 * threshold:.3g} %"
    return finish(
        figure,
        f"Distribution of the probability over {counted(len(prob), 'patient')}: half have {middle} or less; "
        f"{alerts:,} {agreeing(alerts, 'is', 'are')} at or above {from_where}, where alerts begin.{known}",
        HEIGHT,
    )
